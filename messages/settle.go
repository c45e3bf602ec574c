package messages

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"carillon/internal/fault"
	"carillon/internal/words"
	"carillon/targeting"
)

// MessagesJob is the kind of a job that changes messages; its spec is a Settling.
const MessagesJob = "messages"

// SettleAction is what becomes of messages that are settled.
type SettleAction string

// The actions.
const (
	SettleResend  SettleAction = "resend"   // send again: a new try, the same row
	SettleSent    SettleAction = "sent"     // it was in doubt, and was sent
	SettleNotSent SettleAction = "not_sent" // it was in doubt, and was not sent
)

// Settling is a change of many messages whose case is over.
type Settling struct {
	Action SettleAction `json:"action"`
	// EvenIfSent lets Resend take what was sent, delivered or read.
	EvenIfSent bool `json:"even_if_sent,omitempty"`
	// States are those that it may take; SettleSent and SettleNotSent take what is
	// in doubt.
	States     []State `json:"states"`
	ChannelID  int64   `json:"channel_id,omitempty"`
	CampaignID int64   `json:"campaign_id,omitempty"`
	RunID      int64   `json:"run_id,omitempty"`
	Reason     string  `json:"reason,omitempty"`
	// Since and Until bound when a message came to its state; Until is not in it.
	Since *time.Time `json:"since,omitempty"`
	Until *time.Time `json:"until,omitempty"`
	IDs   []int64    `json:"ids,omitempty"`
	// MaxID bounds a job: later messages are not meant.
	MaxID int64 `json:"max_id,omitempty"`
}

// SettlePreview says what a Settling would do now.
type SettlePreview struct {
	Matched int64
	// ByState and ByReason count them.
	ByState, ByReason map[string]int64
	// Ended counts those that are left out because nothing of their campaign is sent
	// any more, because a run of kind resend brings it to their people, or because their own
	// content is not kept any more.
	Ended    int64
	Examples []Message
	// FirstID and LastID are the ends of the range that they are in.
	FirstID, LastID int64
}

// Settler keeps settlings, which a job carries out.
type Settler interface {
	// PreviewSettling says what a settling would do now.
	PreviewSettling(ctx context.Context, accountID int64, s Settling) (SettlePreview, error)
	// CreateJob keeps a job for a scheduler.
	CreateJob(ctx context.Context, j targeting.Job) (targeting.Job, error)
}

// states are where an action may begin.
func (s Settling) states() []State {
	switch {
	case s.Action != SettleResend:
		return []State{Unknown}
	case s.EvenIfSent:
		return []State{Failed, Rejected, Unknown, Sent, Delivered, Read}
	}
	return []State{Failed, Rejected, Unknown}
}

// check refuses what can't be carried out and fills in the states.
func (s *Settling) check() error {
	if s.Action != SettleResend && len(s.States) == 0 {
		s.States = []State{Unknown}
	}
	if len(s.States) == 0 {
		return fault.InvalidField("states", nil, "say which: failed, rejected or unknown; what was sent only with even_if_sent")
	}
	for i, state := range s.States {
		if slices.Contains(s.states(), state) {
			continue
		}
		if s.Action == SettleResend && !s.EvenIfSent && slices.Contains([]State{Sent, Delivered, Read}, state) {
			return fault.InvalidField(fmt.Sprintf("states[%d]", i), state.String(), "these people have got it: say even_if_sent if they are to get it again")
		}
		return fault.InvalidField(fmt.Sprintf("states[%d]", i), state.String(), "can't be: one of %v", s.states())
	}
	if s.ChannelID == 0 && s.CampaignID == 0 && s.RunID == 0 && len(s.IDs) == 0 && s.Reason == "" && s.Since == nil {
		return fault.InvalidField("campaign_id", nil, "say which messages besides: a campaign, run, channel, reason, since when, or their ids")
	}
	if s.Since != nil && s.Until != nil && !s.Until.After(*s.Since) {
		return fault.InvalidField("until", s.Until.UTC().Format(time.RFC3339), "must be after since")
	}
	return nil
}

// PreviewSettling checks a settling and says what it would do.
func (s *Service) PreviewSettling(ctx context.Context, accountID int64, settling *Settling) (SettlePreview, error) {
	if err := settling.check(); err != nil {
		return SettlePreview{}, err
	}
	return s.store.PreviewSettling(ctx, accountID, *settling)
}

// Settle makes a job of a settling, which a scheduler carries out.
func (s *Service) Settle(ctx context.Context, accountID int64, settling Settling, actor string) (SettlePreview, targeting.Job, error) {
	preview, err := s.PreviewSettling(ctx, accountID, &settling)
	if err != nil {
		return preview, targeting.Job{}, err
	}
	settling.MaxID = preview.LastID
	spec, err := json.Marshal(settling)
	if err != nil {
		return preview, targeting.Job{}, fmt.Errorf("encode job: %w", err)
	}
	job, err := s.store.CreateJob(ctx, targeting.Job{
		AccountID: accountID, Kind: MessagesJob, Spec: spec, State: targeting.JobQueued, Total: preview.Matched, Cursor: preview.FirstID - 1, Actor: actor,
	})
	return preview, job, err
}

// Words say what a settling would do.
func (p SettlePreview) Words(s Settling) []string {
	var parts []string
	for _, state := range States() {
		if n := p.ByState[state.String()]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, state))
		}
	}
	of := strings.Join(parts, ", ")
	var says []string
	switch {
	case p.Matched == 0:
		says = append(says, "no message is like that: nothing will be changed")
	case s.Action == SettleResend:
		says = append(says, fmt.Sprintf("%s will be sent again (%s)", words.Count(p.Matched, "message"), of))
	case s.Action == SettleSent:
		says = append(says, fmt.Sprintf("%s in doubt will count as sent", words.Count(p.Matched, "message")))
	default:
		says = append(says, fmt.Sprintf("%s in doubt will count as failed: not sent", words.Count(p.Matched, "message")))
	}
	if n := p.ByState[Unknown.String()]; n > 0 && s.Action == SettleResend {
		says = append(says, fmt.Sprintf("%d of them may have arrived: these people can get it twice", n))
	}
	if n := p.ByState[Sent.String()] + p.ByState[Delivered.String()] + p.ByState[Read.String()]; n > 0 {
		says = append(says, fmt.Sprintf("%d of them were sent before: these people get it twice", n))
	}
	if p.Ended > 0 {
		says = append(says, fmt.Sprintf("%d more are left out: their campaign was canceled and nothing of it is sent any more, "+
			"or a resend of it brings it to them, or their content is not kept any more", p.Ended))
	}
	return says
}
