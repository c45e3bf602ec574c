package campaigns

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"carillon/messages"
	"carillon/providers"
)

// Workers are those of the last day whose ids are before the id before, newest first; 0
// begins with the newest.
func (s *Service) Workers(ctx context.Context, before int64) ([]Worker, error) {
	list, err := s.store.Workers(ctx)
	return slices.DeleteFunc(list, func(w Worker) bool { return before > 0 && w.ID >= before }), err
}

// Leader is the scheduler that leads, or the last that did.
func (s *Service) Leader(ctx context.Context) (Leader, error) { return s.store.Leader(ctx) }

// StandstillOf says why a message that waits does not go out.
func (s *Service) StandstillOf(ctx context.Context, accountID int64, m messages.Message) (Standstill, error) {
	if !m.State.Active() || m.State == messages.Sending {
		return Standstill{}, nil
	}
	channel, err := s.store.GetChannel(ctx, accountID, m.ChannelID)
	if err != nil {
		return Standstill{}, err
	}
	v, err := newSurvey(ctx, s.store, s.clock.Now())
	if err != nil {
		return Standstill{}, err
	}
	if m.RunID != 0 {
		r, err := s.store.GetRun(ctx, accountID, m.RunID)
		if err != nil {
			return Standstill{}, err
		}
		c, err := s.store.GetCampaign(ctx, accountID, r.CampaignID)
		if err != nil {
			return Standstill{}, err
		}
		if own, err := v.run(ctx, r, c.UpdatedAt, channel); err != nil || own.Stands() && own.Reason != StillDueLater && own.Reason != StillUndecided {
			return own, err
		}
		if m.Reason == messages.ReasonUndecided {
			return r.undecided(), nil
		}
	} else if own := v.channel(channel); own.Stands() {
		return own, nil
	}
	if m.DueAt != nil && m.DueAt.After(v.now.Add(passingFor)) {
		return dueLater("It is due", messages.Due{At: *m.DueAt, Reason: m.Reason}), nil
	}
	return Standstill{}, nil
}

// ChannelNow is what goes on with a channel.
type ChannelNow struct {
	// Still says why nothing goes out on it.
	Still Standstill
	// Requests are how many the workers together have under way at most.
	Requests int
}

// ChannelsNow says of each channel what goes on with it.
func (s *Service) ChannelsNow(ctx context.Context, list []providers.Channel) ([]ChannelNow, error) {
	v, err := newSurvey(ctx, s.store, s.clock.Now())
	if err != nil {
		return nil, err
	}
	states := make([]ChannelNow, len(list))
	for i, c := range list {
		states[i] = ChannelNow{v.channel(c), v.requests[c.ID]}
	}
	return states, nil
}

// Hindrance is something that is wrong now: with everything, with a channel, or
// with one campaign.
type Hindrance struct {
	Standstill
	// ChannelID and CampaignID are what it holds; both 0 where that is everything.
	ChannelID, CampaignID int64
}

// Hindrances are all reasons why something of an account does not go out, each
// once: what holds everything first, then channels, then campaigns.
func (s *Service) Hindrances(ctx context.Context, accountID int64) ([]Hindrance, error) {
	v, err := newSurvey(ctx, s.store, s.clock.Now())
	if err != nil {
		return nil, err
	}
	list, _, err := s.hindrances(ctx, v, accountID)
	return list, err
}

// hindrances are Hindrances, and the runs that are under way, with why they stand still.
func (s *Service) hindrances(ctx context.Context, v *survey, accountID int64) (list []Hindrance, runs []LiveRun, err error) {
	if v.everything.Stands() {
		list = append(list, Hindrance{Standstill: v.everything})
	}
	channels, err := s.store.LiveChannels(ctx, []int64{accountID})
	if err != nil {
		return nil, nil, err
	}
	slices.SortFunc(channels, func(a, b LiveChannel) int { return cmp.Compare(a.ID, b.ID) })
	for _, c := range channels {
		if still := v.channelItself(c.channel()); still.Stands() {
			list = append(list, Hindrance{Standstill: still, ChannelID: c.ID})
		}
	}
	runs, _, err = s.store.LiveRuns(ctx, []int64{accountID}, -1, nil)
	if err != nil {
		return nil, nil, err
	}
	slices.SortFunc(runs, func(a, b LiveRun) int { return cmp.Compare(a.ID, b.ID) })
	for i, r := range runs {
		still, err := v.runItself(ctx, r.Run, r.CampaignChangedAt)
		if err != nil {
			return nil, nil, err
		}
		runs[i].Pace.Still = still
		if still.Stands() {
			list = append(list, Hindrance{Standstill: still, ChannelID: r.ChannelID, CampaignID: r.CampaignID})
		}
	}
	return list, runs, nil
}

// NotSending says in sentences, which name nobody and no channel, what keeps
// messages of any account from going out.
func (s *Service) NotSending(ctx context.Context) ([]string, error) {
	v, err := newSurvey(ctx, s.store, s.clock.Now())
	if err != nil {
		return nil, err
	}
	var words []string
	if v.everything.Stands() {
		words = append(words, v.everything.Words)
	}
	channels, err := s.store.LiveChannels(ctx, nil)
	if err != nil {
		return nil, err
	}
	by := map[StandstillReason]int{}
	for _, c := range channels {
		by[v.channelItself(c.channel()).Reason]++
	}
	for _, reason := range StandstillReasons() {
		if n := by[reason]; n > 0 {
			words = append(words, fmt.Sprintf("%d of %d channels: %s. GET /v1/status says why and what to do.", n, len(channels),
				strings.ReplaceAll(string(reason), "_", " ")))
		}
	}
	return words, nil
}
