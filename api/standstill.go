package api

import (
	"context"
	"net/http"
	"time"

	"carillon/access"
	"carillon/campaigns"
	"carillon/messages"
)

// Standstill says why nothing goes out.
type Standstill struct {
	Reason string     `json:"reason" enum:"campaign_paused,channel_paused,channel_stopped,no_worker,no_scheduler,redis_unreachable,channel_not_served,channel_degraded,channel_held,account_per_day,awaits_winner,due_later"`
	Since  *time.Time `json:"since,omitempty" doc:"Absent where nobody knows."`
	Until  *time.Time `json:"until,omitempty" doc:"When it ends by itself, or when the provider is asked again; absent where a person has to do something."`
	Words  string     `json:"words" doc:"All of this in a sentence."`
	Remedy string     `json:"remedy" doc:"What to do, in a sentence."`
}

// Hindrance is something that is wrong now.
type Hindrance struct {
	Standstill
	ChannelID  int64 `json:"channel_id,omitempty" doc:"The channel that it holds; absent where it holds everything."`
	CampaignID int64 `json:"campaign_id,omitempty" doc:"The one campaign that it holds; absent where it holds the channel, or everything."`
}

// Status is what is wrong now.
type Status struct {
	OK    bool     `json:"ok" doc:"Nothing is wrong: whatever waits goes out in its turn."`
	Wrong []string `json:"wrong" doc:"What is wrong with this installation's parts, in words: the store, the disk, Redis, the schema."`
	// Hindrances come in the order of how much they hold.
	Hindrances []Hindrance `json:"hindrances" doc:"Why messages do not go out: what holds everything first, then channels, then campaigns."`
	InDoubt    int64       `json:"in_doubt" doc:"Messages in state unknown: whether the provider took them is not known. Somebody has to say, or to send them again."`
	Version    string      `json:"version"`
	Workers    int         `json:"workers" doc:"How many are alive."`
	Scheduler  string      `json:"scheduler,omitempty" doc:"The scheduler that leads; absent if none does."`
}

// Worker is a process that sends, or sent.
type Worker struct {
	ID       int64     `json:"id"`
	Name     string    `json:"name"`
	State    string    `json:"state" enum:"alive,dead,retired" doc:"dead: it was not heard of for 4 seconds, and what it had in flight is settled; retired: it stopped in good order."`
	Version  string    `json:"version"`
	Since    time.Time `json:"since"`
	SeenAt   time.Time `json:"seen_at" doc:"Its last heartbeat; there is one each second."`
	Channels []int64   `json:"channels" doc:"Those that it serves, as of then."`
	InFlight int       `json:"in_flight" doc:"Messages that it has claimed and not recorded, as of then."`
}

func standstillView(s campaigns.Standstill) *Standstill {
	if !s.Stands() {
		return nil
	}
	return &Standstill{Reason: string(s.Reason), Since: known(s.Since), Until: known(s.Until), Words: s.Words, Remedy: s.Remedy}
}

func hindranceViews(list []campaigns.Hindrance) []Hindrance {
	views := make([]Hindrance, len(list))
	for i, h := range list {
		views[i] = Hindrance{Standstill: *standstillView(h.Standstill), ChannelID: h.ChannelID, CampaignID: h.CampaignID}
	}
	return views
}

func workerView(w campaigns.Worker) Worker {
	return Worker{
		ID: w.ID, Name: w.Name, State: string(w.State), Version: w.Version, Since: w.Since, SeenAt: w.SeenAt,
		Channels: orEmpty(w.Channels), InFlight: w.InFlight,
	}
}

func (s *Server) standstillRoutes() {
	register(s, operation{id: "get-status", method: http.MethodGet, path: "/v1/status", tag: "operations", doc: "What is wrong now, in words", roles: mayLook,
		more: "Everything that keeps messages from going out, each once, with since when and what to do. What is behind is at most a few seconds old."},
		func(ctx context.Context, caller access.Caller, _ *struct{}) (*one[Status], error) {
			status, err := s.status(ctx, caller.AccountID)
			return &one[Status]{status}, err
		})
	register(s, operation{id: "list-workers", method: http.MethodGet, path: "/v1/workers", tag: "operations",
		doc: "List the workers of the last day, newest first", roles: mayLook},
		func(ctx context.Context, _ access.Caller, in *Paged) (*pageOut[Worker], error) {
			before, err := in.position()
			if err != nil {
				return nil, err
			}
			list, err := s.Campaigns.Workers(ctx, before)
			if err != nil {
				return nil, err
			}
			return page(list, in.Limit, workerView, func(w campaigns.Worker) string { return idKey(w.ID) }), nil
		})
}

func (s *Server) status(ctx context.Context, accountID int64) (Status, error) {
	status := Status{Wrong: []string{}, Version: s.Options.Version}
	for _, p := range s.parts(ctx) {
		if p.wrong != "" {
			status.Wrong = append(status.Wrong, p.wrong)
		}
	}
	hindrances, err := s.Campaigns.Hindrances(ctx, accountID)
	if err != nil {
		return status, err
	}
	status.Hindrances = hindranceViews(hindrances)
	if status.InDoubt, err = s.Queue.InDoubt(ctx, messages.QueueFilter{AccountID: accountID}); err != nil {
		return status, err
	}
	workers, err := s.Campaigns.Workers(ctx, 0)
	if err != nil {
		return status, err
	}
	for _, w := range workers {
		if w.State == campaigns.WorkerAlive {
			status.Workers++
		}
	}
	leader, err := s.Campaigns.Leader(ctx)
	if err == nil && leader.Leads() {
		status.Scheduler = leader.Holder
	}
	status.OK = len(status.Wrong) == 0 && len(status.Hindrances) == 0
	return status, err
}
