package api

import (
	"context"
	"net/http"
	"time"

	"carillon/access"
	"carillon/retention"
)

// Kept is for how long an account keeps something.
type Kept struct {
	Kind    retention.Kind `json:"kind" enum:"messages,contents,attempts,replies,answers,clicks,events,deliveries,audit"`
	Days    int            `json:"days" doc:"After how many days it is removed; 0 is never."`
	Default int            `json:"default_days" doc:"What holds where the account says nothing."`
	Least   int            `json:"least_days" doc:"The fewest that can be set, but 0."`
	Removes string         `json:"removes" doc:"What is removed then."`
}

// KeptFor is for how long an account keeps what grows.
type KeptFor struct {
	Items []Kept `json:"items"`
}

// RetentionChange is for how many days to keep what; what is absent stays as it is.
type RetentionChange struct {
	Messages   *int `json:"messages,omitempty" minimum:"0" maximum:"3650" doc:"Messages that are over, with all that belongs to them: 30 days at least, 0 for ever. What they counted as stays."`
	Contents   *int `json:"contents,omitempty" minimum:"0" maximum:"3650" doc:"Content and metadata of single messages that are over."`
	Attempts   *int `json:"attempts,omitempty" minimum:"0" maximum:"3650" doc:"What was tried before a message was over."`
	Replies    *int `json:"replies,omitempty" minimum:"0" maximum:"3650" doc:"What people wrote."`
	Answers    *int `json:"answers,omitempty" minimum:"0" maximum:"3650" doc:"What people answered in flows, once they are through."`
	Clicks     *int `json:"clicks,omitempty" minimum:"0" maximum:"3650" doc:"When each click and opening was; how many there were stays."`
	Events     *int `json:"events,omitempty" minimum:"0" maximum:"3650" doc:"Events that programs told of contacts."`
	Deliveries *int `json:"deliveries,omitempty" minimum:"0" maximum:"3650" doc:"Requests to webhooks."`
	Audit      *int `json:"audit,omitempty" minimum:"0" maximum:"3650" doc:"The record of who changed what: 30 days at least, 0 for ever."`
}

// choice is the change for the service.
func (c RetentionChange) choice() retention.Choice {
	by := retention.Choice{}
	for kind, days := range map[retention.Kind]*int{
		retention.Messages: c.Messages, retention.Contents: c.Contents, retention.Attempts: c.Attempts, retention.Replies: c.Replies,
		retention.Answers: c.Answers, retention.Clicks: c.Clicks, retention.Events: c.Events, retention.Deliveries: c.Deliveries, retention.Audit: c.Audit,
	} {
		if days != nil {
			by[kind] = *days
		}
	}
	return by
}

// RetentionPreview is what a change would remove at once.
type RetentionPreview struct {
	Items []Removal `json:"items"`
}

// Removal is how much of a kind would be removed.
type Removal struct {
	Kind retention.Kind `json:"kind"`
	Days int            `json:"days"`
	Rows int64          `json:"rows" doc:"How many; of messages about, by the statistics."`
	More bool           `json:"more,omitempty" doc:"There are more: not all were counted."`
}

// StoreSize is what takes the room of the store.
type StoreSize struct {
	Database   string           `json:"database" enum:"postgres,sqlite3"`
	Bytes      int64            `json:"bytes" doc:"All of it."`
	Parts      []StorePart      `json:"parts" doc:"The largest first."`
	Partitions []StorePartition `json:"partitions" doc:"The times of messages, with all that belongs to them; none on SQLite."`
}

// StorePart is a part of the store.
type StorePart struct {
	Name   string     `json:"name" doc:"A kind of what is kept for a time, or contacts, flows, statistics, other."`
	Bytes  int64      `json:"bytes,omitempty" doc:"With its indexes; absent where the database does not tell."`
	Rows   int64      `json:"rows" doc:"About how many."`
	Oldest *time.Time `json:"oldest,omitempty" doc:"When the oldest came."`
	Days   *int       `json:"days,omitempty" doc:"After how many days it is removed; 0 is never."`
	Goes   *time.Time `json:"goes,omitempty" doc:"When the oldest is removed."`
}

// StorePartition is a time of messages.
type StorePartition struct {
	Number int64      `json:"number"`
	Since  *time.Time `json:"since,omitempty" doc:"When its first message was made; absent for the first."`
	Bytes  int64      `json:"bytes"`
	Rows   int64      `json:"rows" doc:"About how many messages."`
}

func keptFor(c retention.Choice, err error) (*one[KeptFor], error) {
	if err != nil {
		return nil, err
	}
	kept := KeptFor{Items: []Kept{}}
	for _, r := range retention.Rules() {
		kept.Items = append(kept.Items, Kept{Kind: r.Kind, Days: c.Days(r.Kind), Default: r.Default, Least: r.Least, Removes: r.What})
	}
	return &one[KeptFor]{kept}, nil
}

type changeRetention struct{ Body RetentionChange }

func (s *Server) retentionRoutes() {
	const path, tag = "/v1/retention", "settings"
	register(s, operation{id: "get-retention", method: http.MethodGet, path: path, tag: tag, doc: "Show for how long what is kept", roles: mayLook},
		func(ctx context.Context, caller access.Caller, _ *struct{}) (*one[KeptFor], error) {
			return keptFor(s.Retention.Get(ctx, caller.AccountID))
		})
	register(s, operation{id: "update-retention", method: http.MethodPatch, path: path, tag: tag, doc: "Change for how long what is kept", roles: mayAdmin,
		more: "What is too old then is removed within the hour, a little at a time, and can't be brought back: ask for a preview before."},
		func(ctx context.Context, caller access.Caller, in *changeRetention) (*one[KeptFor], error) {
			return keptFor(s.Retention.Change(ctx, caller.AccountID, in.Body.choice()))
		})
	register(s, operation{id: "preview-retention", method: http.MethodPost, path: path + "/preview", tag: tag, roles: mayAdmin, unaudited: true,
		doc: "Say what a change of how long what is kept would remove", more: "Nothing is changed."},
		func(ctx context.Context, caller access.Caller, in *changeRetention) (*one[RetentionPreview], error) {
			list, err := s.Retention.Preview(ctx, caller.AccountID, in.Body.choice())
			if err != nil {
				return nil, err
			}
			preview := RetentionPreview{Items: []Removal{}}
			for _, r := range list {
				preview.Items = append(preview.Items, Removal(r))
			}
			return &one[RetentionPreview]{preview}, nil
		})
	register(s, operation{id: "get-store-size", method: http.MethodGet, path: "/v1/store/size", tag: "status", roles: mayAdmin,
		doc: "Say what takes the room of the store, and when it goes"}, s.storeSize)
}

func (s *Server) storeSize(ctx context.Context, caller access.Caller, _ *struct{}) (*one[StoreSize], error) {
	choice, err := s.Retention.Get(ctx, caller.AccountID)
	if err != nil {
		return nil, err
	}
	sizes, err := s.Retention.Sizes(ctx)
	if err != nil {
		return nil, err
	}
	size := StoreSize{Database: sizes.Database, Bytes: sizes.Bytes, Parts: []StorePart{}, Partitions: []StorePartition{}}
	for _, p := range sizes.Parts {
		part := StorePart{Name: p.Name, Bytes: p.Bytes, Rows: p.Rows, Oldest: timestamp(&p.Oldest)}
		if _, kept := retention.RuleOf(retention.Kind(p.Name)); kept {
			days := choice.Days(retention.Kind(p.Name))
			part.Days = &days
			if days > 0 && part.Oldest != nil {
				goes := part.Oldest.AddDate(0, 0, days)
				part.Goes = &goes
			}
		}
		size.Parts = append(size.Parts, part)
	}
	for _, p := range sizes.Partitions {
		size.Partitions = append(size.Partitions, StorePartition{Number: p.Number, Since: timestamp(&p.Since), Bytes: p.Bytes, Rows: p.Rows})
	}
	return &one[StoreSize]{size}, nil
}
