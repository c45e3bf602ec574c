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
	Channels []QueueTotal `json:"channels" doc:"Those on which something waits, is in flight or is in doubt."`
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
	ChannelID int64 `json:"channel_id"`
	QueueWaiting
	Priorities []QueuePriority `json:"priorities" doc:"The same by priority, what goes first first; one without any message is left out."`
	InDoubt    int64           `json:"in_doubt" doc:"Messages in state unknown: whether the provider took them is not known. GET /v1/messages lists them, with state=unknown and channel_id."`
	Pace       QueuePace       `json:"pace" doc:"How fast the channel sends, whatever of the queue is asked for."`
}

// QueueWaiting is how much waits, and since when.
type QueueWaiting struct {
	Pending  int64      `json:"pending"`
	Queued   int64      `json:"queued"`
	Sending  int64      `json:"sending"`
	OldestAt *time.Time `json:"oldest_at,omitempty" doc:"When the longest waiting message was made, of the first in line of each run."`
	// OldestWaitSeconds is how long that one has waited.
	OldestWaitSeconds float64 `json:"oldest_wait_seconds" doc:"How long that one has waited."`
}

// QueuePriority is what of a channel's share has a priority.
type QueuePriority struct {
	Priority string `json:"priority" enum:"transactional,bulk" doc:"transactional are single messages, bulk those of campaigns."`
	QueueWaiting
}

// QueuePace is how fast a channel sends now, and why no faster.
type QueuePace struct {
	AcceptedPerSecond float64    `json:"accepted_per_second" doc:"What its provider accepted, on average of the last 10 seconds, from all workers together."`
	MostPerSecond     *float64   `json:"most_per_second,omitempty" doc:"How many of those that wait may go out a second at present; 0 while none may, absent where only the provider says how many it takes."`
	Reason            string     `json:"reason,omitempty" doc:"Why no more: what holds all of them back, or the limit that decides; absent without one. throttled is the provider's wish." enum:"throttled,channel.per_second,account.per_second,campaign.per_second,channel.warm_up,channel.recipients_per_day,campaign_paused,channel_paused,channel_stopped,no_worker,no_scheduler,redis_unreachable,channel_not_served,channel_degraded,channel_held,account_per_day,awaits_winner,due_later"`
	WaitReason        string     `json:"wait_reason,omitempty" doc:"With due_later: the reason of the message that is due first, if it has one."`
	Until             *time.Time `json:"until,omitempty" doc:"When it ends by itself; absent where it doesn't, or nobody knows."`
	Words             string     `json:"words" doc:"The reason in a sentence."`
	// Mailboxes are absent where there are none.
	Mailboxes []MailboxPace `json:"mailboxes,omitempty" doc:"The mailbox providers that are slowed down alone, because they defer, or that limits.mailboxes warms up for."`
}

// MailboxPace is how fast a channel may send to one mailbox provider.
type MailboxPace struct {
	Mailbox          string     `json:"mailbox" doc:"Its name: google, microsoft and so on, or the domain of its mail servers." example:"google"`
	MostPerSecond    *float64   `json:"most_per_second,omitempty" doc:"How many may go to it a second at present; 0 while none may, absent without a limit."`
	RecipientsPerDay int        `json:"recipients_per_day,omitempty" doc:"How many different addresses at it may be written to in a moving 24 hours; absent without a limit."`
	Reason           string     `json:"reason" enum:"throttled,channel.warm_up" doc:"throttled is its own wish."`
	Until            *time.Time `json:"until,omitempty" doc:"When it ends by itself, or the day's most grows at the earliest; absent where nobody knows."`
	Words            string     `json:"words" doc:"The reason in a sentence."`
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
	for i, t := range q.Totals {
		total := QueueTotal{
			ChannelID: t.ChannelID, QueueWaiting: s.waitingView(t.Whole), Priorities: []QueuePriority{}, InDoubt: t.InDoubt, Pace: paceView(q.Paces[i]),
		}
		for _, p := range []QueuePriority{{"transactional", s.waitingView(t.Transactional)}, {"bulk", s.waitingView(t.Bulk)}} {
			if p.Pending+p.Queued+p.Sending > 0 {
				total.Priorities = append(total.Priorities, p)
			}
		}
		view.Pending, view.Queued, view.Sending = view.Pending+total.Pending, view.Queued+total.Queued, view.Sending+total.Sending
		view.Channels = append(view.Channels, total)
	}
	for _, m := range q.Head {
		view.Messages = append(view.Messages, messageView(m))
	}
	return &one[QueueView]{view}, nil
}

func (s *Server) waitingView(w messages.Waiting) QueueWaiting {
	view := QueueWaiting{Pending: w.Pending, Queued: w.Queued, Sending: w.Sending, OldestAt: timestamp(w.Oldest)}
	if view.OldestAt != nil {
		view.OldestWaitSeconds = max(s.Clock.Now().Sub(*view.OldestAt).Seconds(), 0)
	}
	return view
}

func paceView(p campaigns.ChannelPace) QueuePace {
	view := QueuePace{
		AcceptedPerSecond: p.Accepted, MostPerSecond: p.Most, Reason: string(p.Reason), WaitReason: p.Waits, Until: known(p.Until), Words: p.Words,
	}
	for _, m := range p.Mailboxes {
		view.Mailboxes = append(view.Mailboxes, MailboxPace{
			Mailbox: m.Name, MostPerSecond: m.Most, RecipientsPerDay: m.RecipientsPerDay, Reason: string(m.Reason), Until: known(m.Until), Words: m.Words,
		})
	}
	return view
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
