package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"carillon/access"
	"carillon/internal/fault"
	"carillon/internal/naming"
	"carillon/messages"
)

// SettleFilter says which messages; all that is given has to hold.
type SettleFilter struct {
	ChannelID  int64      `json:"channel_id,omitempty" minimum:"1"`
	Channel    naming.Ref `json:"channel,omitzero" kind:"channel" doc:"Instead of channel_id: the channel, by its id or its name."`
	CampaignID int64      `json:"campaign_id,omitempty" minimum:"1"`
	Campaign   naming.Ref `json:"campaign,omitzero" kind:"campaign" doc:"Instead of campaign_id: the campaign, by its id or its name."`
	RunID      int64      `json:"run_id,omitempty" minimum:"1"`
	Reason     string     `json:"reason,omitempty" maxLength:"60" doc:"Why they are in their state."`
	Since      *time.Time `json:"since,omitempty" doc:"That came to their state then or later."`
	Until      *time.Time `json:"until,omitempty" doc:"That came to it before."`
	IDs        []int64    `json:"ids,omitempty" minItems:"1" maxItems:"10000" doc:"These alone."`
	DryRun     bool       `json:"dry_run,omitempty" doc:"Change nothing, and say what would be changed."`
}

// ResendInput is what to send again.
type ResendInput struct {
	SettleFilter
	States     []string `json:"states,omitempty" minItems:"1" enum:"failed,rejected,unknown,sent,delivered,read" doc:"In which state: failed, rejected, unknown; what was sent, delivered or read only with even_if_sent."`
	EvenIfSent bool     `json:"even_if_sent,omitempty" doc:"Send it again to people who have got it, too."`
}

// SettleInput is what became of messages that are in doubt.
type SettleInput struct {
	SettleFilter
	As string `json:"as" enum:"sent,not_sent" doc:"sent: they count as sent. not_sent: they failed, and can be sent again."`
}

// SettleAnswer is what a resend or settling is about to do.
type SettleAnswer struct {
	Matched  int64            `json:"matched"`
	ByState  map[string]int64 `json:"by_state"`
	ByReason map[string]int64 `json:"by_reason"`
	LeftOut  int64            `json:"left_out,omitempty" doc:"How many more there are of campaigns that were canceled, of which nothing is sent any more, of people to whom a resend of the campaign brings it, or single ones whose content is not kept any more."`
	Says     []string         `json:"says" doc:"What will happen, in words."`
	Examples []Message        `json:"examples" doc:"Up to ten of them."`
	Job      *Job             `json:"job,omitempty" doc:"Follow it under /v1/jobs/{id}; absent on a dry run."`
}

type resendMessages struct{ Body ResendInput }

func (in *resendMessages) changesNothing() bool { return in.Body.DryRun }

type settleMessages struct{ Body SettleInput }

func (in *settleMessages) changesNothing() bool { return in.Body.DryRun }

type settleOut struct {
	Status int
	Body   SettleAnswer
}

func (o *settleOut) identity() int64 {
	if o.Body.Job == nil {
		return 0
	}
	return o.Body.Job.ID
}

func (f SettleFilter) settling(action messages.SettleAction) messages.Settling {
	return messages.Settling{
		Action: action, ChannelID: f.ChannelID, CampaignID: f.CampaignID, RunID: f.RunID, Reason: f.Reason, Since: f.Since, Until: f.Until, IDs: f.IDs,
	}
}

func (s *Server) settleRoutes() {
	const path, tag = "/v1/messages", "messages"
	const more = "The work is done in the background, batch by batch; a server that is killed goes on where it stopped. dry_run says beforehand what it would do."
	register(s, operation{id: "resend-messages", method: http.MethodPost, path: path + "/resend", tag: tag, doc: "Send many messages again",
		status: http.StatusAccepted, roles: mayEdit,
		more: "What failed, was rejected for a reason that has been mended, or is in doubt. A campaign that had finished goes on until they are settled. " + more},
		func(ctx context.Context, caller access.Caller, in *resendMessages) (*settleOut, error) {
			settling := in.Body.settling(messages.SettleResend)
			settling.EvenIfSent = in.Body.EvenIfSent
			for _, name := range in.Body.States {
				state, err := messages.ParseState(name)
				if err != nil {
					return nil, fault.InvalidField("states", name, "%v", err)
				}
				settling.States = append(settling.States, state)
			}
			return s.settle(ctx, caller, settling, in.Body.DryRun)
		})
	register(s, operation{id: "settle-messages", method: http.MethodPost, path: path + "/settle", tag: tag, doc: "Say what became of many messages in doubt",
		status: http.StatusAccepted, roles: mayEdit,
		more: "Of messages in state unknown: as the provider's log shows. " + more},
		func(ctx context.Context, caller access.Caller, in *settleMessages) (*settleOut, error) {
			return s.settle(ctx, caller, in.Body.settling(messages.SettleAction(in.Body.As)), in.Body.DryRun)
		})
}

func (s *Server) settle(ctx context.Context, caller access.Caller, settling messages.Settling, dryRun bool) (*settleOut, error) {
	if dryRun {
		preview, err := s.Messages.PreviewSettling(ctx, caller.AccountID, &settling)
		if err != nil {
			return nil, err
		}
		return &settleOut{http.StatusOK, settleView(settling, preview)}, nil
	}
	preview, job, err := s.Messages.Settle(ctx, caller.AccountID, settling, caller.Actor())
	if err != nil {
		return nil, err
	}
	out := &settleOut{http.StatusAccepted, settleView(settling, preview)}
	view := jobView(job)
	out.Body.Job = &view
	return out, nil
}

func settleView(settling messages.Settling, p messages.SettlePreview) SettleAnswer {
	view := SettleAnswer{Matched: p.Matched, ByState: p.ByState, ByReason: p.ByReason, LeftOut: p.Ended, Says: p.Words(settling), Examples: []Message{}}
	for _, m := range p.Examples {
		view.Examples = append(view.Examples, messageView(m))
	}
	return view
}

// settlingView fills in what a job that settles messages does.
func settlingView(view *Job, spec []byte) {
	var settling messages.Settling
	if json.Unmarshal(spec, &settling) != nil {
		return // written by a newer version
	}
	view.Action = string(settling.Action)
	for _, state := range settling.States {
		view.States = append(view.States, state.String())
	}
	view.Messages = &SettleFilter{
		ChannelID: settling.ChannelID, CampaignID: settling.CampaignID, RunID: settling.RunID, Reason: settling.Reason,
		Since: settling.Since, Until: settling.Until, IDs: settling.IDs,
	}
}
