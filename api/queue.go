package api

import (
	"context"
	"net/http"
	"time"

	"carillon/access"
	"carillon/campaigns"
	"carillon/internal/naming"
	"carillon/messages"
)

// QueueView is what waits to be sent.
type QueueView struct {
	Pending  int64        `json:"pending" doc:"Waits for its time or for room in the queue."`
	Queued   int64        `json:"queued" doc:"In a channel's window."`
	Sending  int64        `json:"sending" doc:"A provider is being asked."`
	Channels []QueueTotal `json:"channels"`
	Messages []Message    `json:"messages" doc:"The first 100 outbound messages."`
	// Planning keeps an empty queue from being taken for the end.
	Planning []PlanningRun `json:"planning" doc:"Runs whose audience is still being expanded: more messages are to come than are counted here."`
	Next     *NextFiring   `json:"next,omitempty" doc:"The scheduled campaign that fires first; absent if there is none."`
	// Hindrances keep what waits from being taken for what goes out.
	Hindrances []Hindrance `json:"hindrances" doc:"Why what waits does not go out: what holds everything first, then channels, then campaigns."`
}

// PlanningRun is a run that is still being planned.
type PlanningRun struct {
	RunID      int64  `json:"run_id"`
	CampaignID int64  `json:"campaign_id"`
	Campaign   string `json:"campaign" doc:"The campaign's name."`
	ChannelID  int64  `json:"channel_id"`
	Status     string `json:"status" enum:"planning,paused" doc:"A paused run is planned to its end once its campaign is resumed."`
	Planned    int64  `json:"planned" doc:"Messages made so far, those that are skipped or sent already among them."`
}

// NextFiring is when a scheduled campaign fires.
type NextFiring struct {
	CampaignID int64     `json:"campaign_id"`
	Campaign   string    `json:"campaign" doc:"The campaign's name."`
	ChannelID  int64     `json:"channel_id"`
	At         time.Time `json:"at"`
}

// QueueTotal is a channel's share of the queue.
type QueueTotal struct {
	ChannelID int64      `json:"channel_id"`
	Pending   int64      `json:"pending"`
	Queued    int64      `json:"queued"`
	Sending   int64      `json:"sending"`
	OldestAt  *time.Time `json:"oldest_at,omitempty" doc:"When the longest waiting message was made."`
	// OldestWaitSeconds is how long that one has waited.
	OldestWaitSeconds float64 `json:"oldest_wait_seconds" doc:"How long that one has waited."`
}

// Clearing is one clearing of the queue.
type Clearing struct {
	ID         int64                     `json:"id"`
	ChannelID  int64                     `json:"channel_id,omitempty"`
	CampaignID int64                     `json:"campaign_id,omitempty"`
	Actor      string                    `json:"actor"`
	Cleared    int64                     `json:"cleared"`
	Examples   []messages.ClearedMessage `json:"examples" doc:"Up to ten of the cleared messages."`
	CreatedAt  time.Time                 `json:"created_at"`
	FinishedAt *time.Time                `json:"finished_at,omitempty" doc:"Absent while messages are still being written down as canceled; none of them is sent."`
	// Planning keeps a clearing from being taken for the end of a campaign.
	Planning []PlanningRun `json:"planning,omitempty" doc:"Runs whose audience was still being expanded: they make more messages, which are sent. cancel_planning=true ends their campaigns too. Said in the answer of the clearing alone."`
	Canceled []int64       `json:"canceled_campaigns,omitempty" doc:"The campaigns that cancel_planning ended. Said in the answer of the clearing alone."`
}

// QueueFilter selects a part of the queue.
type QueueFilter struct {
	ChannelID  naming.Ref `query:"channel_id" kind:"channel" doc:"Only of this channel, by its id or its name."`
	CampaignID naming.Ref `query:"campaign_id" kind:"campaign" doc:"Only of this campaign, by its id or its name."`
}

func (in QueueFilter) target(noun string) string {
	name := noun
	if in.ChannelID.ID != 0 {
		name += " of channel " + idKey(in.ChannelID.ID)
	}
	if in.CampaignID.ID != 0 {
		name += " of campaign " + idKey(in.CampaignID.ID)
	}
	return name
}

// clearFilter says what to clear.
type clearFilter struct {
	QueueFilter
	All            bool `query:"all" doc:"Clear everything that waits, on every channel. Needed without channel_id and campaign_id, and refused with them."`
	CancelPlanning bool `query:"cancel_planning" doc:"Cancel the campaigns of the filter that are still being planned, too: otherwise they go on making messages."`
}

type clearingOut struct {
	Status int
	Body   Clearing
}

func clearingView(c messages.Clearing) Clearing {
	view := Clearing{
		ID: c.ID, ChannelID: c.ChannelID, CampaignID: c.CampaignID, Actor: c.Actor, Cleared: c.Cleared, Examples: c.Examples,
		CreatedAt: c.CreatedAt, FinishedAt: timestamp(c.FinishedAt),
	}
	if view.Examples == nil {
		view.Examples = []messages.ClearedMessage{}
	}
	return view
}

func (s *Server) queueRoutes() {
	const path, tag = "/v1/queue", "queue"
	register(s, operation{id: "get-queue", method: http.MethodGet, path: path, tag: tag, doc: "What waits to be sent", roles: mayLook,
		more: "While planning names a run, its audience is still being expanded: more messages are to come, even if nothing waits now."}, s.getQueue)
	register(s, operation{id: "clear-queue", method: http.MethodDelete, path: path, tag: tag, doc: "Clear what has not been claimed", roles: mayEdit,
		more: "Binds at once: nothing that waited is sent after the answer. A run that is still being planned (planning, in the answer) goes on making " +
			"messages, which are sent; cancel_planning=true cancels its campaign too. With many messages the answer is 202 and the rest is written down in the " +
			"background; GET /v1/queue/clearings/{id} shows it."},
		s.clearQueue)
	register(s, operation{id: "get-clearing", method: http.MethodGet, path: path + "/clearings/{id}", tag: tag, doc: "Look a clearing up", roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[Clearing], error) {
			c, err := s.Queue.Clearing(ctx, caller.AccountID, in.ID)
			return &one[Clearing]{clearingView(c)}, err
		})
}

func (in QueueFilter) filter(caller access.Caller) messages.QueueFilter {
	return messages.QueueFilter{AccountID: caller.AccountID, ChannelID: in.ChannelID.ID, CampaignID: in.CampaignID.ID}
}

func (s *Server) getQueue(ctx context.Context, caller access.Caller, in *QueueFilter) (*one[QueueView], error) {
	q, err := s.Campaigns.Queue(ctx, in.filter(caller))
	if err != nil {
		return nil, err
	}
	view := QueueView{Channels: []QueueTotal{}, Messages: []Message{}, Planning: planningViews(q.Planning), Hindrances: hindranceViews(q.Hindrances)}
	if n := q.Next; n != nil {
		view.Next = &NextFiring{CampaignID: n.CampaignID, Campaign: n.CampaignName, ChannelID: n.ChannelID, At: n.At}
	}
	for _, t := range q.Totals {
		total := QueueTotal{ChannelID: t.ChannelID, Pending: t.Pending, Queued: t.Queued, Sending: t.Sending, OldestAt: timestamp(t.OldestPendingCreatedAt)}
		if total.OldestAt != nil {
			total.OldestWaitSeconds = max(s.Clock.Now().Sub(*total.OldestAt).Seconds(), 0)
		}
		view.Pending, view.Queued, view.Sending = view.Pending+t.Pending, view.Queued+t.Queued, view.Sending+t.Sending
		view.Channels = append(view.Channels, total)
	}
	for _, m := range q.Head {
		view.Messages = append(view.Messages, messageView(m))
	}
	return &one[QueueView]{view}, nil
}

func planningViews(list []campaigns.PlanningRun) []PlanningRun {
	views := make([]PlanningRun, len(list))
	for i, r := range list {
		views[i] = PlanningRun{
			RunID: r.RunID, CampaignID: r.CampaignID, Campaign: r.CampaignName, ChannelID: r.ChannelID, Status: string(r.Status), Planned: r.Planned,
		}
	}
	return views
}

func (s *Server) clearQueue(ctx context.Context, caller access.Caller, in *clearFilter) (*clearingOut, error) {
	done, err := s.Campaigns.ClearQueue(ctx, campaigns.ClearQueue{
		Clear:          messages.Clear{QueueFilter: in.filter(caller), All: in.All, Actor: caller.Actor()},
		CancelPlanning: in.CancelPlanning,
	})
	if err != nil {
		return nil, err
	}
	out := &clearingOut{Status: http.StatusOK, Body: clearingView(done.Clearing)}
	out.Body.Planning, out.Body.Canceled = planningViews(done.Planning), done.Canceled
	if done.FinishedAt == nil {
		out.Status = http.StatusAccepted
	}
	return out, nil
}
