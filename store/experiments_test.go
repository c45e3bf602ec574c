package store_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/store/sqldb"
	"carillon/store/storetest"
)

// trying is a journey whose campaign tries something out.
type trying struct {
	*journey
	experiment campaigns.Experiment
	envelopes  int64
	clock      *clock.Fake
}

// tryOut gives the journey's campaign an experiment; it has the text "own" itself.
func tryOut(j *journey, e campaigns.Experiment) *trying {
	j.t.Helper()
	content := fmt.Sprintf(`{"text":"own","experiment":%s}`, mustJSON(e))
	j.Exec("UPDATE campaigns SET content = ? WHERE id = ?", content, j.Campaign)
	return &trying{journey: j, experiment: e, clock: j.FakeTime()}
}

// two are two variants, of which a fifth of everybody is to tell the better one.
var two = campaigns.Experiment{
	Variants:  []campaigns.Variant{{Name: "A"}, {Name: "B", Content: &campaigns.Wording{Content: providers.Content{Text: "other"}}}},
	TestShare: 20, Winner: &campaigns.WinnerRule{By: campaigns.ByRead, After: "4h"},
}

// dealt is a message, and what it was dealt.
type dealt struct {
	id, contactID int64
	variant       int
	state         messages.State
	reason        string
	due           int64
}

func (j *journey) dealt(run int64) (list []dealt) {
	j.t.Helper()
	require.NoError(j.t, sqldb.Each(j.t.Context(), j.Reader(), func(scan sqldb.Scan) error {
		var d dealt
		err := scan(&d.id, &d.contactID, &d.variant, &d.state, &d.reason, &d.due)
		list = append(list, d)
		return err
	}, "SELECT id, contact_id, variant, state, COALESCE(reason, ''), due_at FROM messages WHERE run_id = ? ORDER BY id", run))
	return list
}

// feedAll feeds whatever is due of a run and returns it as it is loaded by a worker.
func (j *trying) feedAll(run int64) (list []messages.QueuedMessage) {
	j.t.Helper()
	for {
		j.envelopes++
		fed := j.Feed(run, []int64{j.envelopes}, 100)
		if len(fed) == 0 {
			return list
		}
		list = append(list, j.Load(run, j.envelopes, fed)...)
		j.Record(run, j.Claim(run, j.envelopes, fed), nil)
	}
}

// read has messages be read, as receipts say.
func (j *trying) read(run int64, ids ...int64) {
	j.t.Helper()
	for _, id := range ids {
		j.Exec("UPDATE messages SET state = ?, read_at = ? WHERE id = ?", int(messages.Read), sqldb.Millis(j.clock.Now()), id)
		j.Exec(`UPDATE run_counts SET sent = sent - 1, "read" = "read" + 1
			WHERE run_id = ? AND shard = (SELECT MAX(shard) FROM run_counts WHERE run_id = ?)`, run, run)
	}
}

// What the planner's INSERT deals out is what targeting.Split says, on both databases.
func TestThePlannersInsertDealsAsSplitDoes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 3000)
		// Ids near the modulus of the arithmetic, too.
		j.Exec("UPDATE contacts SET id = id + 2147483000 WHERE id % 3 = 0")
		j.Exec("UPDATE addresses SET contact_id = contact_id + 2147483000 WHERE contact_id % 3 = 0")
		for name, e := range map[string]campaigns.Experiment{
			"a test":         two,
			"a holdout":      {Holdout: 30},
			"everybody":      {Variants: []campaigns.Variant{{Name: "A", Share: 70}, {Name: "B", Share: 20, Content: &campaigns.Wording{}}, {Name: "C", Share: 10}}},
			"all of it":      {Variants: two.Variants, TestShare: 50, Holdout: 10, Winner: two.Winner},
			"almost nothing": {Variants: two.Variants, TestShare: 1, Winner: two.Winner},
		} {
			j.Campaign = j.NewCampaign(`{"all":true}`)
			tryOut(j, e)
			c, err := s.GetCampaign(t.Context(), j.AccountID, j.Campaign)
			require.NoError(t, err)
			preview, err := s.PreviewAudience(t.Context(), j.Channel, c.Audience, 0)
			require.NoError(t, err)
			deal, err := s.DealAudience(t.Context(), j.Channel, c.Audience, 0)
			require.NoError(t, err)
			run := j.Start()
			j.PlanAll(run.ID, 700)
			split := e.Split(j.Campaign)
			var held, waiting int64
			variants := make([]int64, len(e.Variants))
			list := j.dealt(run.ID)
			require.Len(t, list, 3000)
			for _, d := range list {
				reachable := d.state == messages.Pending
				switch {
				case split.HoldsOut(d.contactID):
					require.Zero(t, d.variant, name)
					require.Equal(t, messages.Skipped, d.state, name)
					if d.reason == messages.ReasonHoldout {
						held++
					}
				case split.Waits(d.contactID):
					require.Zero(t, d.variant, name)
					if reachable {
						require.Equal(t, messages.ReasonUndecided, d.reason, name)
						require.Equal(t, campaigns.Undecided.UnixMilli(), d.due, name)
						waiting++
					}
				default:
					require.Equal(t, split.Variant(d.contactID), d.variant, name)
					if reachable {
						require.Zero(t, d.due, name)
						if d.variant > 0 {
							variants[d.variant-1]++
						}
					}
				}
				if !reachable && d.reason != messages.ReasonHoldout {
					require.Equal(t, messages.ReasonNoAddress, d.reason, "whoever is left out anyway is not held out")
				}
			}
			require.Equal(t, e.Holdout > 0, held > 0, name)
			require.Equal(t, e.Waits(), waiting > 0, name)
			require.Equal(t, held, preview.Skipped[messages.ReasonHoldout], name)
			if len(e.Variants) > 0 {
				require.Equal(t, campaigns.Deal{Variants: variants, Waiting: waiting}, deal, name)
			} else {
				require.Zero(t, deal)
			}
			j.Balanced(run.ID)
		}
	})
}

// The test goes first; whoever waits is not looked at by the feeder, and gets the winner.
func TestTheWinnerIsToldAndGiven(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := newJourney(t, s, 2000)
		x := tryOut(j, two)
		run := j.Start()
		j.PlanAll(run.ID, 500)
		split := x.experiment.Split(j.Campaign)
		inTest := x.feedAll(run.ID)
		require.NotEmpty(t, inTest)
		for _, m := range inTest {
			require.False(t, split.Waits(m.Recipient.ContactID))
			require.Equal(t, split.Variant(m.Recipient.ContactID), m.Variant, "the worker is told the variant")
		}
		feedable, err := s.FeedableRuns(ctx)
		require.NoError(t, err)
		for _, f := range feedable {
			require.Zero(t, f.Pending, "who waits costs the feeder nothing")
		}
		last, err := s.LastDue(ctx, j.Channel.ID, run.ID)
		require.NoError(t, err)
		require.Zero(t, last, "nobody knows when they are due")
		r, err := s.GetRun(ctx, j.AccountID, run.ID)
		require.NoError(t, err)
		require.True(t, r.Undecided)
		require.Equal(t, r.Began().Add(4*time.Hour), r.LookAt)

		// B is read by half, A by a tenth.
		for _, m := range inTest {
			if m.Variant == 2 && m.ID%2 == 0 || m.Variant == 1 && m.ID%10 == 0 {
				x.read(run.ID, m.ID)
			}
		}
		won, err := s.LookForWinners(ctx)
		require.NoError(t, err)
		require.Empty(t, won, "it is too early")
		x.clock.Advance(4*time.Hour - time.Millisecond)
		won, err = s.LookForWinners(ctx)
		require.NoError(t, err)
		require.Empty(t, won, "it still is")
		x.clock.Advance(time.Millisecond)
		won, err = s.LookForWinners(ctx)
		require.NoError(t, err)
		require.Equal(t, map[int64]string{run.ID: "B"}, won)
		trial, err := s.RunTrial(ctx, j.AccountID, run.ID, "")
		require.NoError(t, err)
		require.Equal(t, 2, trial.Chosen.Variant)
		require.Empty(t, trial.Chosen.By)
		require.Equal(t, trial.Tallies, trial.Chosen.Tallies)
		require.Positive(t, trial.Waiting)
		won, err = s.LookForWinners(ctx)
		require.NoError(t, err)
		require.Empty(t, won, "it is told once")
		require.True(t, fault.Is(s.ChooseWinner(ctx, j.AccountID, run.ID, 1, "me"), fault.Conflict))
		require.NoError(t, s.ChooseWinner(ctx, j.AccountID, run.ID, 2, "me"), "the same changes nothing")

		for more := true; more; {
			more, err = s.GiveWinner(ctx)
			require.NoError(t, err)
		}
		rest := x.feedAll(run.ID)
		require.Len(t, rest, int(trial.Waiting))
		for _, m := range rest {
			require.True(t, split.Waits(m.Recipient.ContactID))
			require.Equal(t, 2, m.Variant)
		}
		after, err := s.RunTrial(ctx, j.AccountID, run.ID, "")
		require.NoError(t, err)
		require.True(t, after.Chosen.Moved)
		require.Zero(t, after.Waiting)
		require.Equal(t, trial.Tallies, after.Tallies, "those who waited are no part of the test")
		j.Balanced(run.ID)
		finished, unbalanced, err := s.FinishRuns(ctx)
		require.NoError(t, err)
		require.Equal(t, []int64{run.ID}, finished)
		require.Empty(t, unbalanced)
		v, err := s.VerifyRun(ctx, run.ID)
		require.NoError(t, err)
		require.Equal(t, []string{"A", "B"}, v.VariantNames)
		require.Equal(t, v.Rows, v.Variants[0].Add(v.Variants[1]).Add(v.Variants[2]))
	})
}

// Those who waited are spread as all are, from the choice on.
func TestWhoWaitedIsSpread(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := newJourney(t, s, 300)
		x := tryOut(j, two)
		when := campaigns.Schedule{Delivery: campaigns.Delivery{SpreadOver: "3h"}}
		j.setSchedule(when)
		run := j.Start()
		j.PlanAll(run.ID, 500)
		timing := campaigns.NewTiming(when, run.Instant, "UTC", campaigns.Quieting{})
		x.clock.Advance(time.Hour)
		chosen := x.clock.Now()
		require.NoError(t, s.ChooseWinner(ctx, j.AccountID, run.ID, 1, "me"))
		x.clock.Advance(time.Minute)
		for more := true; more; {
			var err error
			more, err = s.GiveWinner(ctx)
			require.NoError(t, err)
		}
		split, moved := x.experiment.Split(j.Campaign), 0
		for _, d := range j.dealt(run.ID) {
			from := run.Instant
			if split.Waits(d.contactID) {
				from = chosen
				moved++
			}
			if d.state == messages.Pending {
				require.Equal(t, from.Add(timing.Share(d.contactID)).UnixMilli(), d.due)
			}
		}
		require.Positive(t, moved)
	})
}

// What can't be told is looked at again, as often as was said, and then waits for a person
// or takes the leader.
func TestWhatCantBeToldIsLookedAtAgain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := newJourney(t, s, 400)
		for _, otherwise := range []string{campaigns.OtherwiseWait, campaigns.OtherwiseLeader} {
			j.Campaign = j.NewCampaign(`{"all":true}`)
			e := two
			e.Winner = &campaigns.WinnerRule{By: campaigns.ByRead, After: "1h", Until: "5h", Otherwise: otherwise}
			x := tryOut(j, e)
			run := j.Start()
			j.PlanAll(run.ID, 500)
			first := true
			for _, m := range x.feedAll(run.ID) {
				if m.Variant == 1 && first { // one reader more makes a leader and no winner
					x.read(run.ID, m.ID)
					first = false
				}
			}
			began := x.clock.Now()
			for i, at := range x.experiment.Winner.Looks() {
				x.clock.Advance(began.Add(at).Sub(x.clock.Now()))
				won, err := s.LookForWinners(ctx)
				require.NoError(t, err)
				if last := i == len(x.experiment.Winner.Looks())-1; last && otherwise == campaigns.OtherwiseLeader {
					require.Equal(t, map[int64]string{run.ID: "A"}, won)
					break
				}
				require.Empty(t, won)
			}
			r, err := s.GetRun(ctx, j.AccountID, run.ID)
			require.NoError(t, err)
			require.Equal(t, otherwise == campaigns.OtherwiseWait, r.Undecided)
			require.Zero(t, r.LookAt)
			if r.Undecided {
				require.NoError(t, s.ChooseWinner(ctx, j.AccountID, run.ID, 2, "Bea"))
				trial, err := s.RunTrial(ctx, j.AccountID, run.ID, "")
				require.NoError(t, err)
				require.Equal(t, 2, trial.Chosen.Variant)
				require.Equal(t, "Bea", trial.Chosen.By)
			}
		}
	})
}

func TestAWinnerIsChosenWhereSomebodyWaits(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := newJourney(t, s, 300)
		everybody := two
		everybody.TestShare, everybody.Winner = 0, nil
		tryOut(j, everybody)
		run := j.Start()
		j.PlanAll(run.ID, 500)
		require.ErrorContains(t, s.ChooseWinner(ctx, j.AccountID, run.ID, 1, "me"), "nobody waits")

		j.Campaign = j.NewCampaign(`{"all":true}`)
		x := tryOut(j, two)
		run = j.Start()
		_, err := s.PlanBatch(ctx, run.ID, 10)
		require.NoError(t, err)
		require.ErrorContains(t, s.ChooseWinner(ctx, j.AccountID, run.ID, 1, "me"), "still being planned")
		require.True(t, fault.Is(s.ChooseWinner(ctx, j.AccountID+1, run.ID, 1, "me"), fault.NotFound))
		j.PlanAll(run.ID, 500)
		require.NoError(t, s.CancelCampaign(ctx, j.AccountID, j.Campaign, "me"))
		require.ErrorContains(t, s.ChooseWinner(ctx, j.AccountID, run.ID, 1, "me"), "is canceled")
		x.clock.Advance(5 * time.Hour)
		won, err := s.LookForWinners(ctx)
		require.NoError(t, err)
		require.Empty(t, won)
		require.Zero(t, s.Int("SELECT COUNT(*) FROM experiments WHERE look_at IS NOT NULL"), "nobody looks at it any more")
		for more := true; more; {
			more, err = s.CancelPending(ctx)
			require.NoError(t, err)
		}
		j.Balanced(run.ID)
	})
}

// A resend gives everybody a variant: what won, or their own; who is held out stays so.
func TestAResendGivesVariants(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := newJourney(t, s, 600)
		e := two
		e.Holdout = 20
		tryOut(j, e)
		run := j.Start()
		j.PlanAll(run.ID, 700)
		j.Exec(`INSERT INTO addresses (contact_id, kind, account_id, address) SELECT id, 'email', account_id, 'late' || id || '@example.com'
			FROM contacts WHERE id % 10 = 0`)
		resend := func() (list []dealt) {
			sent, n, err := s.ResendRun(ctx, j.AccountID, j.Campaign, campaigns.Resend{
				RunID: run.ID, States: []messages.State{messages.Skipped}, Reasons: []string{messages.ReasonNoAddress, messages.ReasonHoldout},
			}, "me")
			require.NoError(t, err)
			require.Positive(t, n)
			j.PlanAll(sent.ID, 700)
			j.Balanced(sent.ID)
			return j.dealt(sent.ID)
		}
		split := e.Split(j.Campaign)
		waited := 0
		for _, d := range resend() {
			if split.HoldsOut(d.contactID) {
				require.Equal(t, messages.ReasonHoldout, d.reason)
				continue
			}
			require.Equal(t, split.Variant(d.contactID), d.variant)
			require.Zero(t, d.due)
			if split.Waits(d.contactID) {
				waited++
			}
		}
		require.Positive(t, waited)
		require.NoError(t, s.ChooseWinner(ctx, j.AccountID, run.ID, 2, "me"))
		j.Exec("DELETE FROM messages WHERE run_id IN (SELECT id FROM runs WHERE resend_of > 0)")
		for _, d := range resend() {
			if !split.HoldsOut(d.contactID) {
				require.Equal(t, 2, d.variant)
			}
		}
	})
}

// Verification finds what has another variant than it is to have.
func TestVerifyFindsWrongVariants(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 500)
		e := two
		e.Holdout = 10
		tryOut(j, e)
		run := j.Start()
		j.PlanAll(run.ID, 700)
		j.Balanced(run.ID)
		split := e.Split(j.Campaign)
		problems := func() []string {
			v, err := s.VerifyRun(t.Context(), run.ID)
			require.NoError(t, err)
			return v.Problems
		}
		var tested, held, waits int64
		for _, d := range j.dealt(run.ID) {
			switch {
			case split.HoldsOut(d.contactID):
				held = d.id
			case split.Waits(d.contactID) && d.state == messages.Pending:
				waits = d.id
			case d.state == messages.Pending:
				tested = d.id
			}
		}
		for _, wrong := range []struct {
			change, undo string
			id           int64
			want         string
		}{
			{"variant = 3 - variant", "variant = 3 - variant", tested, "1 messages have another variant"},
			{"variant = 1", "variant = 0", held, "1 messages have another variant"},
			{"variant = 1", "variant = 0", waits, "1 messages have another variant"},
			{"variant = 7", "variant = 0", waits, "1 messages are of variant 7, and there are 2"},
		} {
			j.Exec("UPDATE messages SET "+wrong.change+" WHERE id = ?", wrong.id)
			require.Contains(t, fmt.Sprint(problems()), wrong.want)
			j.Exec("UPDATE messages SET "+wrong.undo+" WHERE id = ?", wrong.id)
		}
		require.Empty(t, problems())
		sentIn := func(state messages.State, id int64) string {
			j.Exec("UPDATE messages SET state = ? WHERE id = ?", int(state), id)
			return fmt.Sprint(problems())
		}
		require.Contains(t, sentIn(messages.Queued, waits), "1 messages were sent without a variant")
		require.Contains(t, sentIn(messages.Delivered, held), "1 messages went to people who are held out")
	})
}

// A message says which variant it is, by its name.
func TestMessagesSayTheirVariant(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := newJourney(t, s, 100)
		tryOut(j, two)
		run := j.Start()
		j.PlanAll(run.ID, 700)
		list, err := s.ListMessages(ctx, messages.MessageFilter{AccountID: j.AccountID, RunID: run.ID})
		require.NoError(t, err)
		for _, m := range list {
			require.Equal(t, two.Name(m.Variant), m.VariantName)
			if m.Reason == messages.ReasonUndecided {
				require.Nil(t, m.DueAt, "nobody knows when")
			}
			one, err := s.GetMessage(ctx, j.AccountID, m.ID)
			require.NoError(t, err)
			require.Equal(t, m, one)
		}
		c, err := s.CampaignOfRun(ctx, run.ID)
		require.NoError(t, err)
		require.Equal(t, []string{"own", "other"}, []string{c.Said()[0].Contents[""].Text, c.Said()[1].Contents[""].Text})
	})
}

// Clearing and canceling reach those who wait, and pausing keeps the winner from being
// looked for.
func TestWhoWaitsCanBeCleared(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := newJourney(t, s, 200)
		x := tryOut(j, two)
		run := j.Start()
		j.PlanAll(run.ID, 700)
		require.NoError(t, s.PauseCampaign(ctx, j.AccountID, j.Campaign, "me"))
		x.clock.Advance(5 * time.Hour)
		_, err := s.LookForWinners(ctx)
		require.NoError(t, err)
		trial, err := s.RunTrial(ctx, j.AccountID, run.ID, "")
		require.NoError(t, err)
		require.Zero(t, trial.Looks, "not while it is paused")
		require.NoError(t, s.ResumeCampaign(ctx, j.AccountID, j.Campaign, "me"))
		require.NoError(t, s.ChooseWinner(ctx, j.AccountID, run.ID, 1, "me"))
		require.NoError(t, s.CancelCampaign(ctx, j.AccountID, j.Campaign, "me"))
		for more := true; more; {
			more, err = s.CancelPending(ctx)
			require.NoError(t, err)
		}
		for more := true; more; {
			more, err = s.GiveWinner(ctx)
			require.NoError(t, err)
		}
		require.Zero(t, s.Int("SELECT COUNT(*) FROM messages WHERE run_id = ? AND state = 0", run.ID))
		j.Balanced(run.ID)
	})
}

// Who was sent something is judged, whatever is still to come, and replies count of those
// who were asked.
func TestRepliesAreCounted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := newJourney(t, s, 400)
		x := tryOut(j, two)
		run := j.Start()
		j.PlanAll(run.ID, 700)
		sent := x.feedAll(run.ID)
		var replied [2]int64
		for i, m := range sent {
			if i%3 == 0 {
				replied[m.Variant-1]++
				j.Exec(`INSERT INTO replies (account_id, channel_id, contact_id, kind, address, text, meaning, at) VALUES (?, ?, ?, 'email', '', 'yes', 'other', ?)`,
					j.AccountID, j.Channel.ID, m.Recipient.ContactID, sqldb.Millis(x.clock.Now().Add(time.Minute)))
			}
		}
		for _, by := range []campaigns.Metric{campaigns.ByReplied, campaigns.ByDelivered, campaigns.ByRead} {
			trial, err := s.RunTrial(ctx, j.AccountID, run.ID, by)
			require.NoError(t, err)
			require.Equal(t, by, trial.By)
			require.EqualValues(t, len(sent), trial.Tallies[0].Trials+trial.Tallies[1].Trials)
			if by == campaigns.ByReplied {
				require.Equal(t, replied[0], trial.Tallies[0].Successes)
				require.Equal(t, replied[1], trial.Tallies[1].Successes)
			}
		}
	})
}

// However many choose at once, one winner is written, and everybody who waited gets it
// once, whoever gives it.
func TestAWinnerIsWrittenOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := newJourney(t, s, 600)
		x := tryOut(j, two)
		run := j.Start()
		j.PlanAll(run.ID, 700)
		var wg sync.WaitGroup
		refused := make([]error, 8)
		for i := range refused {
			wg.Go(func() { refused[i] = s.ChooseWinner(ctx, j.AccountID, run.ID, 1+i%2, fmt.Sprint("person ", i)) })
		}
		wg.Wait()
		trial, err := s.RunTrial(ctx, j.AccountID, run.ID, "")
		require.NoError(t, err)
		for i, err := range refused {
			if trial.Chosen.Variant == 1+i%2 {
				require.NoError(t, err, "it is what was chosen")
			} else {
				require.True(t, fault.Is(err, fault.Conflict), "%v", err)
			}
		}
		for range 3 {
			wg.Go(func() {
				for more := true; more; {
					var err error
					if more, err = s.GiveWinner(ctx); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		for _, d := range j.dealt(run.ID) {
			if x.experiment.Split(j.Campaign).Waits(d.contactID) && d.state == messages.Pending {
				require.Equal(t, trial.Chosen.Variant, d.variant)
			}
		}
		j.Balanced(run.ID)
	})
}
