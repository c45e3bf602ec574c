package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"carillon/access"
	"carillon/campaigns"
	"carillon/messages"
)

// Run is one firing of a campaign.
type Run struct {
	ID         int64            `json:"id"`
	CampaignID int64            `json:"campaign_id"`
	ChannelID  int64            `json:"channel_id"`
	Instant    time.Time        `json:"instant" doc:"The due time that it stands for."`
	Kind       string           `json:"kind" enum:"scheduled,triggered,backfill,resend,step" doc:"What it was made for: (step) the messages of a step of a flow, its time, a person who asked for it, an instant that is made up for, those whom another run did not reach."`
	ResendOf   int64            `json:"resend_of,omitempty" doc:"The run whose messages one of kind resend sends again."`
	Status     string           `json:"status" enum:"waiting,planning,sending,paused,finished,canceled,failed,skipped" doc:"A waiting one waits for its time, or for the run before; a skipped one is an instant that did not fire."`
	Reason     string           `json:"reason,omitempty" doc:"Why an instant did not fire, or waits: excluded, gap, too_late, overlap, paused, left_out, moved, jitter, nothing_new, feed (it waits for its data feed); of any other run what happened, in words."`
	Detail     string           `json:"detail,omitempty" doc:"The reason in words."`
	Feed       *RunFeed         `json:"feed,omitempty" doc:"What stands of its data feed; absent if it reads none."`
	Version    int64            `json:"version" doc:"That of the campaign's content and audience."`
	StartsAt   *time.Time       `json:"starts_at,omitempty" doc:"Until when a waiting run waits; absent if it waits for the run before."`
	StartedAt  *time.Time       `json:"started_at,omitempty" doc:"When it fired."`
	Late       float64          `json:"late_seconds,omitempty" doc:"By how much it fired after its instant."`
	Counts     map[string]int64 `json:"counts" doc:"Messages by state; of a canceled run what waits counts as canceled, although it may still be being marked."`
	Engagement *Engagement      `json:"engagement,omitempty" doc:"What was done with its messages; absent while nothing was, or it is not tracked."`
	Converted  int64            `json:"converted,omitempty" doc:"Messages for which the event came that counts for the campaign (conversion)."`
	Says       []string         `json:"says,omitempty" doc:"In words what status and counts do not say: what is in doubt and how to settle it, what was cleared, that nobody was reached."`
	Planned    int64            `json:"planned" doc:"Messages made so far; total once plan_done."`
	Total      int64            `json:"total" doc:"Messages in all states."`
	PlanDone   bool             `json:"plan_done" doc:"Every member of the audience has its message."`
	// SentPerSecond is the average since the run began.
	SentPerSecond float64    `json:"sent_per_second" doc:"Average since the run began."`
	EstimatedEnd  *time.Time `json:"estimated_end,omitempty" doc:"At the average so far, and no sooner than the channel's and the campaign's limits allow; absent while that is not known, as while it stands still."`
	// Standstill is absent while messages go out.
	Standstill *Standstill `json:"standstill,omitempty" doc:"Why nothing of it goes out; absent while something does."`
	CreatedAt  time.Time   `json:"created_at"`
	FinishedAt *time.Time  `json:"finished_at,omitempty"`
	RemovedAt  *time.Time  `json:"messages_removed_at,omitempty" doc:"When the last of its messages was removed, because the account does not keep them any more; its counts stay."`
}

// RunLanguages are a run's messages by language, the largest number first.
type RunLanguages struct {
	Items []SpokenCount `json:"items"`
}

// SpokenCount is a number of messages by a language.
type SpokenCount struct {
	Language string `json:"language"`
	Messages int64  `json:"messages" doc:"How many were rendered in it."`
	Reached  int64  `json:"reached" doc:"How many of them the provider has, by its own word."`
}

// RunReasons are a run's messages by what became of them and why, the largest number first.
type RunReasons struct {
	Items []ReasonCount `json:"items"`
}

// ReasonCount is a number of messages by their state and its reason.
type ReasonCount struct {
	State    string `json:"state" enum:"pending,queued,sending,sent,delivered,read,failed,rejected,skipped,canceled,unknown"`
	Reason   string `json:"reason" enum:"no_address,excluded,still_waiting,contact_inactive,contact_blocked,contact_deleted,suppressed,opted_out,capped,outside_hours,window,expired,holdout,awaits_winner,render_failed,render_exceeded,cleared,campaign_canceled,attempts_used_up,refused,recipient,in_doubt,not_asked,temporary,throttled,channel_stopped,channel_held,paused,requeued,recipients_per_day,recipient_spacing,account_per_day,mailbox,mailbox_per_day,receipt,settled,provider_asked,resend,resend_sent" doc:"Why they are in that state; docs/states.md says of each what can be done."`
	Messages int64  `json:"messages"`
}

// RunFeed is what stands of a run's data feed.
type RunFeed struct {
	Kept   bool       `json:"kept" doc:"It was read: everything of the run is rendered with it, whatever becomes of it."`
	KeptAt *time.Time `json:"kept_at,omitempty"`
	Bytes  int        `json:"bytes,omitempty"`
	News   int        `json:"news,omitempty" doc:"How many of its items the last run that was sent had not; the whole document is one where no list is named."`
	Tries  int        `json:"tries"`
	// Error and NextTry are those of one that is not kept.
	Error   string     `json:"error,omitempty" doc:"Why the last try read nothing."`
	NextTry *time.Time `json:"next_try_at,omitempty" doc:"When it is read next; the run waits for at most ten minutes, and fails then."`
}

func runFeedView(f *campaigns.RunFeed) *RunFeed {
	if f == nil {
		return nil
	}
	return &RunFeed{
		Kept: f.Kept, KeptAt: timestamp(f.KeptAt), Bytes: f.Bytes, News: f.News, Tries: f.Tries, Error: f.Error, NextTry: timestamp(f.NextTry),
	}
}

// Verification is the proof that a run accounts for everybody.
type Verification struct {
	RunID    int64            `json:"run_id"`
	Status   string           `json:"status"`
	Planned  int64            `json:"planned"`
	Rows     map[string]int64 `json:"rows" doc:"What a count over the messages finds, by state."`
	Counters map[string]int64 `json:"counters" doc:"What the transactions kept, by state."`
	Removed  int64            `json:"removed,omitempty" doc:"How many of the rows are not kept any more; rows has them as they were."`
	Variants []VariantRows    `json:"variants,omitempty" doc:"The rows by variant, which add up to rows; absent where there are none."`
	Problems []string         `json:"problems" doc:"Empty when everything balances."`
}

// Verifications are the proofs for every run of a campaign.
type Verifications struct {
	Balanced bool           `json:"balanced"`
	Runs     []Verification `json:"runs"`
}

func (s *Server) runView(ctx context.Context, r campaigns.Run) (Run, error) {
	pace, err := s.Campaigns.Pace(ctx, r)
	return pacedRun(r, pace), err
}

func (s *Server) runViews(ctx context.Context, list []campaigns.Run) (views []Run, err error) {
	views = make([]Run, len(list))
	for i, r := range list {
		if views[i], err = s.runView(ctx, r); err != nil {
			return nil, err
		}
	}
	return views, nil
}

// runOut shows the run that something is answered with.
func (s *Server) runOut(ctx context.Context) func(campaigns.Run, error) (*one[Run], error) {
	return func(r campaigns.Run, err error) (*one[Run], error) {
		if err != nil {
			return nil, err
		}
		view, err := s.runView(ctx, r)
		return &one[Run]{view}, err
	}
}

func pacedRun(r campaigns.Run, pace campaigns.Pace) Run {
	return Run{
		ID: r.ID, CampaignID: r.CampaignID, ChannelID: r.ChannelID, Instant: r.Instant, Kind: string(r.Kind), ResendOf: r.ResendOf,
		Status: string(r.Status), Reason: r.Reason,
		Detail: r.Detail, Feed: runFeedView(r.Feed), Version: r.Version, StartsAt: timestamp(r.StartsAt), StartedAt: timestamp(r.StartedAt), Late: r.Late().Seconds(),
		Counts: r.Shown().Map(), Engagement: engagementView(r.Engagement), Converted: r.Converted,
		Says: r.Says(), Planned: r.Planned, Total: r.Counts.Total(), PlanDone: r.PlanDone, CreatedAt: r.CreatedAt,
		FinishedAt:    timestamp(r.FinishedAt),
		RemovedAt:     timestamp(r.SweptAt),
		SentPerSecond: pace.PerSecond, EstimatedEnd: pace.End, Standstill: standstillView(pace.Still),
	}
}

// RunFilter are messages of a run.
type RunFilter struct {
	State  string `query:"state" enum:"pending,queued,sending,sent,delivered,read,failed,rejected,skipped,canceled,unknown"`
	Reason string `query:"reason" maxLength:"60"`
}

func (in RunFilter) filter(accountID, runID int64) (messages.MessageFilter, error) {
	f := messages.MessageFilter{AccountID: accountID, RunID: runID, Reason: in.Reason}
	if in.State != "" {
		state, err := messages.ParseState(in.State)
		if err != nil {
			return f, err
		}
		f.State = &state
	}
	return f, nil
}

type runMessages struct {
	ByID
	Paged
	RunFilter
}

func (s *Server) runRoutes() {
	const path, tag = "/v1/runs", "runs"
	register(s, operation{id: "list-runs", method: http.MethodGet, path: "/v1/campaigns/{id}/runs", tag: tag, doc: "List a campaign's runs, newest first",
		more:  "Every instant of a schedule is one, those that did not fire, too, with the reason.",
		roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *struct {
			ByID
			Paged
		}) (*pageOut[Run], error) {
			before, err := in.position()
			if err != nil {
				return nil, err
			}
			list, err := s.Campaigns.Runs(ctx, caller.AccountID, in.ID, before, in.Limit+1)
			if err != nil {
				return nil, err
			}
			views, err := s.runViews(ctx, list)
			if err != nil {
				return nil, err
			}
			return page(views, in.Limit, func(r Run) Run { return r }, func(r Run) string { return idKey(r.ID) }), nil
		})
	register(s, operation{id: "verify-campaign", method: http.MethodGet, path: "/v1/campaigns/{id}/verify", tag: tag,
		doc: "Prove that every recipient is accounted for", roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[Verifications], error) {
			proofs, err := s.Campaigns.Verify(ctx, caller.AccountID, in.ID)
			if err != nil {
				return nil, err
			}
			out := &one[Verifications]{Verifications{Balanced: true, Runs: []Verification{}}}
			for _, p := range proofs {
				out.Body.Balanced = out.Body.Balanced && len(p.Problems) == 0
				out.Body.Runs = append(out.Body.Runs, Verification{
					RunID: p.RunID, Status: string(p.Status), Planned: p.Planned, Rows: p.Rows.Map(), Counters: p.Counters.Map(),
					Removed: p.Removed, Problems: orEmpty(p.Problems),
					Variants: variantRows(p),
				})
			}
			return out, nil
		})
	register(s, operation{id: "get-run", method: http.MethodGet, path: path + "/{id}", tag: tag, doc: "Show a run and its progress", roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[Run], error) {
			return s.runOut(ctx)(s.Campaigns.Run(ctx, caller.AccountID, in.ID))
		})
	register(s, operation{id: "get-run-languages", method: http.MethodGet, path: path + "/{id}/languages", tag: tag,
		doc: "Count a run's messages by the languages in which its template spoke", roles: mayLook,
		more: "Of what was rendered so far; empty without a template. It goes through all messages of the run, which takes seconds where there are millions."},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[RunLanguages], error) {
			list, err := s.Campaigns.RunLanguages(ctx, caller.AccountID, in.ID)
			if err != nil {
				return nil, err
			}
			out := &one[RunLanguages]{RunLanguages{Items: []SpokenCount{}}}
			for _, l := range list {
				out.Body.Items = append(out.Body.Items, SpokenCount(l))
			}
			return out, nil
		})
	register(s, operation{id: "get-run-reasons", method: http.MethodGet, path: path + "/{id}/reasons", tag: tag,
		doc: "Count a run's messages by what became of them, and why", roles: mayLook,
		more: "What went the plain way has no reason and is not counted. It goes through all messages of the run, which takes seconds where there are millions."},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[RunReasons], error) {
			list, err := s.Campaigns.RunReasons(ctx, caller.AccountID, in.ID)
			if err != nil {
				return nil, err
			}
			out := &one[RunReasons]{RunReasons{Items: []ReasonCount{}}}
			for _, r := range list {
				out.Body.Items = append(out.Body.Items, ReasonCount{State: r.State.String(), Reason: r.Reason, Messages: r.Messages})
			}
			return out, nil
		})
	register(s, operation{reads: readsPeople, id: "list-run-messages", method: http.MethodGet, path: path + "/{id}/messages", tag: tag,
		doc: "List a run's messages", roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *runMessages) (*pageOut[Message], error) {
			if _, err := s.Campaigns.Run(ctx, caller.AccountID, in.ID); err != nil {
				return nil, err
			}
			after, err := in.position()
			if err != nil {
				return nil, err
			}
			f, err := in.filter(caller.AccountID, in.ID)
			if err != nil {
				return nil, err
			}
			f.After, f.Limit = after, in.Limit+1
			return s.messagePage(ctx, f, in.Limit)
		})
	register(s, operation{reads: readsAll, id: "get-run-messages", method: http.MethodGet, path: path + "/{id}/messages.csv", tag: tag,
		doc: "A run's messages as CSV", roles: mayEdit},
		func(ctx context.Context, caller access.Caller, in *struct {
			ByID
			RunFilter
		}) (*huma.StreamResponse, error) {
			if _, err := s.Campaigns.Run(ctx, caller.AccountID, in.ID); err != nil {
				return nil, err
			}
			f, err := in.filter(caller.AccountID, in.ID)
			if err != nil {
				return nil, err
			}
			hidden, err := s.hidden(ctx, caller)
			if err != nil {
				return nil, err
			}
			return csvBody("run-"+idKey(in.ID)+".csv", messageColumns, hidden, func(write func(...string) error) error {
				for m, err := range s.Messages.Each(ctx, f) {
					if err != nil {
						return err
					}
					if err := write(messageCells(m)...); err != nil {
						return err
					}
				}
				return nil
			}), nil
		})
}

var messageColumns = []string{
	"id", "contact_id", "address", "state", "reason", "detail", "attempt", "provider_id",
	"created_at", "queued_at", "claimed_at", "sent_at", "delivered_at", "read_at", "final_at", "language", "variant",
}

func messageCells(m messages.Message) []string {
	at := func(t *time.Time) string {
		if t = timestamp(t); t == nil {
			return ""
		}
		return t.Format(time.RFC3339Nano)
	}
	return []string{
		idKey(m.ID), idKey(m.ContactID), m.Address, m.State.String(), m.Reason, m.Detail, strconv.Itoa(m.Attempt), m.ProviderID,
		at(&m.CreatedAt), at(m.QueuedAt), at(m.ClaimedAt), at(m.SentAt), at(m.DeliveredAt), at(m.ReadAt), at(m.FinalAt), m.Language, m.VariantName,
	}
}
