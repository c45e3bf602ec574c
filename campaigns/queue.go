package campaigns

import (
	"context"
	"slices"

	"carillon/internal/fault"
	"carillon/messages"
)

// QueueState is what waits to be sent, and what is still to come.
type QueueState struct {
	QueueOutlook
	Totals []messages.QueueTotals
	// Paces are how fast their channels send, whatever of it was asked for.
	Paces []ChannelPace
	// Head are the first messages.
	Head []messages.Message
	// Hindrances are why what waits does not go out.
	Hindrances []Hindrance

	runs []LiveRun // that are under way, with why they stand still
}

// Outlook says what is still to come into the queue: the runs that are still being
// planned, and the scheduled campaign that fires first.
func (s *Service) Outlook(ctx context.Context, f messages.QueueFilter) (QueueOutlook, error) {
	return s.store.QueueOutlook(ctx, f)
}

// Queue says what waits. A filter by what does not exist is Invalid.
func (s *Service) Queue(ctx context.Context, f messages.QueueFilter) (q QueueState, err error) {
	if err := s.knownFilter(ctx, f); err != nil {
		return q, err
	}
	// Before the totals: a run that is planned to its end in between is shown
	// with all of its messages, never with too few and as planned.
	if q.QueueOutlook, err = s.store.QueueOutlook(ctx, f); err != nil {
		return q, err
	}
	if q.Totals, err = s.queue.Totals(ctx, f); err != nil {
		return q, err
	}
	if q.Head, err = s.queue.Head(ctx, f); err != nil {
		return q, err
	}
	v, err := newSurvey(ctx, s.store, s.clock.Now())
	if err != nil {
		return q, err
	}
	if q.Hindrances, q.runs, err = s.hindrances(ctx, v, f.AccountID); err != nil {
		return q, err
	}
	if q.Paces, err = s.paces(ctx, v, f.AccountID, q); err != nil {
		return q, err
	}
	q.Hindrances = slices.DeleteFunc(q.Hindrances, func(h Hindrance) bool {
		return f.ChannelID != 0 && h.ChannelID != 0 && h.ChannelID != f.ChannelID || f.CampaignID != 0 && h.CampaignID != 0 && h.CampaignID != f.CampaignID
	})
	return q, nil
}

// ClearQueue says what is to be cleared of the queue.
type ClearQueue struct {
	messages.Clear
	// CancelPlanning cancels the campaigns of the filter that are still being planned,
	// too: otherwise they go on making messages.
	CancelPlanning bool
}

// QueueCleared is what a clearing did.
type QueueCleared struct {
	messages.Clearing
	// Planning are the runs that were still being planned: they make more messages,
	// which are sent.
	Planning []PlanningRun
	// Canceled are the campaigns that CancelPlanning ended.
	Canceled []int64
}

// ClearQueue clears what has not been claimed; see messages.Queue. A filter by what does
// not exist, and one that may have been meant otherwise, is Invalid.
func (s *Service) ClearQueue(ctx context.Context, what ClearQueue) (done QueueCleared, err error) {
	if err := what.Check(); err != nil {
		return done, err
	}
	if err := s.knownFilter(ctx, what.QueueFilter); err != nil {
		return done, err
	}
	// Before the clearing: a run that is planned to its end in between is cleared whole.
	outlook, err := s.store.QueueOutlook(ctx, what.QueueFilter)
	if err != nil {
		return done, err
	}
	for _, r := range outlook.Planning {
		if !what.CancelPlanning {
			done.Planning = append(done.Planning, r)
			continue
		}
		// One that has ended meanwhile needs no canceling.
		if _, err := s.Cancel(ctx, what.AccountID, r.CampaignID, what.Actor); err != nil && !fault.Is(err, fault.Conflict) {
			return done, err
		}
		done.Canceled = append(done.Canceled, r.CampaignID)
	}
	done.Clearing, err = s.queue.Clear(ctx, what.Clear)
	return done, err
}

// knownFilter keeps a mistyped filter from finding, or clearing, nothing without a word.
func (s *Service) knownFilter(ctx context.Context, f messages.QueueFilter) error {
	unknown := func(err error, name string, id int64) error {
		if fault.Is(err, fault.NotFound) {
			return fault.InvalidField(name, id, "does not exist")
		}
		return err
	}
	if f.ChannelID != 0 {
		if _, err := s.store.GetChannel(ctx, f.AccountID, f.ChannelID); err != nil {
			return unknown(err, "channel_id", f.ChannelID)
		}
	}
	if f.CampaignID != 0 {
		if _, err := s.store.GetCampaign(ctx, f.AccountID, f.CampaignID); err != nil {
			return unknown(err, "campaign_id", f.CampaignID)
		}
	}
	return nil
}
