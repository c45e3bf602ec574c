package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"carillon/access"
	"carillon/internal/naming"
	"carillon/messages"
)

// LogEntry is a message that was sent, or something that was written to us.
type LogEntry struct {
	Number    int64     `json:"number" doc:"Its place: later entries have higher ones, with gaps."`
	At        time.Time `json:"at"`
	ChannelID int64     `json:"channel_id"`
	Direction string    `json:"direction" enum:"out,in"`
	MessageID int64     `json:"message_id,omitempty" doc:"Of what was sent."`
	ReplyID   int64     `json:"reply_id,omitempty" doc:"Of what was written."`
	ContactID int64     `json:"contact_id,omitempty"`
	Address   string    `json:"address,omitempty" personal:"addresses" doc:"Whom it went to, or who wrote; absent where that is kept no more."`
	State     string    `json:"state,omitempty" doc:"Where the message is now."`
	Text      string    `json:"text,omitempty" personal:"texts" doc:"What it says; absent where that is kept no more. What a campaign sent is made again, for the contact as it is now."`
	FileURL   string    `json:"file_url,omitempty" personal:"texts" doc:"The file that went along."`
}

// LoggedChannel is a channel whose log is kept.
type LoggedChannel struct {
	ChannelID int64 `json:"channel_id"`
}

type listLog struct {
	Paged
	ChannelID naming.Ref `query:"channel_id" kind:"channel" doc:"Only of this channel, by its id or its name."`
	After     int64      `query:"after" minimum:"0" doc:"Only what has a higher number: how a program asks for what is new."`
}

// logPage are entries of the log, with what they say.
func (s *Server) logPage(ctx context.Context, caller access.Caller, in *listLog) (*pageOut[LogEntry], error) {
	after, err := in.position()
	if err != nil {
		return nil, err
	}
	list, err := s.Log.List(ctx, messages.LogFilter{AccountID: caller.AccountID, ChannelID: in.ChannelID.ID, After: max(after, in.After), Limit: in.Limit + 1})
	if err != nil {
		return nil, err
	}
	texts, err := s.Campaigns.LogContents(ctx, caller.AccountID, list)
	if err != nil {
		return nil, err
	}
	views := make([]LogEntry, len(list))
	for i, e := range list {
		v := LogEntry{Number: e.Number, At: e.At.UTC(), ChannelID: e.ChannelID, Direction: "out", MessageID: e.MessageID, ReplyID: e.ReplyID}
		if e.ReplyID != 0 {
			v.Direction = "in"
		}
		if m := e.Message; m != nil {
			v.ContactID, v.Address, v.State, v.Text = m.ContactID, m.Address, m.State.String(), texts[i].Text
			if texts[i].Attachment != nil {
				v.FileURL = texts[i].Attachment.URL
			}
		}
		if r := e.Reply; r != nil {
			v.ContactID, v.Address, v.Text = r.ContactID, r.Address, r.Text
		}
		views[i] = v
	}
	return page(views, in.Limit, func(e LogEntry) LogEntry { return e }, func(e LogEntry) string { return idKey(e.Number) }), nil
}

func (s *Server) logRoutes() {
	const path, tag = "/v1/log", "messages"
	register(s, operation{reads: readsPeople, id: "list-log", method: http.MethodGet, path: path, tag: tag,
		doc: "List what was sent and what was written to us, in the order of its numbers", roles: mayLook,
		more: "Kept for the channels for which it was asked for, from then on. A program asks again with after set to the last number that it has."},
		s.logPage)
	register(s, operation{id: "list-log-channels", method: http.MethodGet, path: path + "/channels", tag: tag, doc: "List the channels whose log is kept",
		roles: mayLook},
		func(ctx context.Context, caller access.Caller, _ *struct{}) (*pageOut[LoggedChannel], error) {
			ids, err := s.Log.Channels(ctx, caller.AccountID)
			slices.Sort(ids)
			return page(ids, len(ids), func(id int64) LoggedChannel { return LoggedChannel{id} }, idKey), err
		})
	register(s, operation{id: "keep-log", method: http.MethodPut, path: path + "/channels/{id}", tag: tag, doc: "Keep the log of a channel from now on",
		roles: mayEdit, more: "Each message that is sent on it is one row more from then on."},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[LoggedChannel], error) {
			return &one[LoggedChannel]{LoggedChannel{in.ID}}, s.Log.Keep(ctx, caller.AccountID, in.ID)
		})
}
