package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/messages"
	"carillon/providers"
	"carillon/store"
	"carillon/store/sqldb"
	"carillon/store/storetest"
	"carillon/targeting"
)

// journey is storetest's, with what the tests of several files ask of it.
type journey struct {
	*storetest.Journey
	t testing.TB
}

func newJourney(t testing.TB, s *storetest.Store, n int) *journey {
	t.Helper()
	return &journey{Journey: storetest.NewJourney(t, s, n), t: t}
}

// mustJSON is for values that are always JSON.
func mustJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func TestJourneyFromPlanToFinished(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 95)
		run := j.Start()
		j.PlanAll(run.ID, 20)
		require.Equal(t, messages.Counts{messages.Pending: 86, messages.Skipped: 9}, j.Counts(run.ID))
		j.Balanced(run.ID)

		for envelope := int64(1); ; envelope++ {
			messages := j.Feed(run.ID, []int64{envelope}, 30)
			if len(messages) == 0 {
				break
			}
			finished, _, err := s.FinishRuns(t.Context())
			require.NoError(t, err)
			require.Empty(t, finished, "a run with queued messages is not finished")
			claimed := j.Claim(run.ID, envelope, messages)
			require.Len(t, claimed, len(messages))
			require.Empty(t, j.Claim(run.ID, envelope, messages), "a message is claimed once")
			j.Record(run.ID, claimed, nil)
			j.Balanced(run.ID)
		}
		require.Equal(t, messages.Counts{messages.Sent: 86, messages.Skipped: 9}, j.Counts(run.ID))
		finished, unbalanced, err := s.FinishRuns(t.Context())
		require.NoError(t, err)
		require.Equal(t, []int64{run.ID}, finished)
		require.Empty(t, unbalanced)
		var status string
		require.NoError(t, s.Reader().Row(t.Context(), "SELECT status FROM campaigns WHERE id = ?", j.Campaign).Scan(&status))
		require.Equal(t, "finished", status)
	})
}

func TestPlanningABatchAgainMakesNobodyTwice(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		s.PlanInParts(5)
		j := newJourney(t, s, 50)
		run := j.Start()
		_, err := s.PlanBatch(t.Context(), run.ID, 20)
		require.NoError(t, err)
		// As if the cursor had been lost with everything but the rows.
		s.Exec("UPDATE runs SET cursor = 0 WHERE id = ?", run.ID)
		j.PlanAll(run.ID, 20)
		require.Equal(t, int64(50), j.Counts(run.ID).Total())
		j.Balanced(run.ID)
	})
}

func TestUnbalancedRunDoesNotFinish(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 10)
		run := j.Start()
		j.PlanAll(run.ID, 20)
		j.Record(run.ID, j.Claim(run.ID, 1, j.Feed(run.ID, []int64{1}, 100)), nil)
		s.Exec("UPDATE runs SET planned = planned + 1 WHERE id = ?", run.ID)
		finished, unbalanced, err := s.FinishRuns(t.Context())
		require.NoError(t, err)
		require.Empty(t, finished)
		require.Equal(t, []int64{run.ID}, unbalanced)
		v, err := s.VerifyRun(t.Context(), run.ID)
		require.NoError(t, err)
		require.Equal(t, []string{"11 messages were planned, the table holds 10"}, v.Problems)
	})
}

func TestEveryOutcome(t *testing.T) {
	at := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	cases := []struct {
		name    string
		change  func(*messages.Outcome)
		state   messages.State
		attempt int
		tries   int
	}{
		{"sent", func(*messages.Outcome) {}, messages.Sent, 1, 0},
		{"sent with the provider's id", func(o *messages.Outcome) { o.ProviderID = "p" }, messages.Sent, 1, 0},
		{"temporary", func(o *messages.Outcome) {
			o.State, o.DueAt, o.Kind, o.Reason = messages.Pending, at.Add(24*time.Hour), "temporary", messages.ReasonTemporary
		}, messages.Pending, 1, 1},
		{"throttled spends no attempt", func(o *messages.Outcome) {
			o.State, o.Unspent, o.EnvelopeID, o.Kind, o.Reason = messages.Pending, true, 1, "throttled", messages.ReasonThrottled
		}, messages.Pending, 0, 1},
		{"failed", func(o *messages.Outcome) {
			o.State, o.Kind, o.Reason = messages.Failed, "content", messages.ReasonRefused
		}, messages.Failed, 1, 1},
		{"rejected", func(o *messages.Outcome) {
			o.State, o.Kind, o.Reason = messages.Rejected, "recipient", messages.ReasonRecipient
		}, messages.Rejected, 1, 1},
		{"in doubt", func(o *messages.Outcome) {
			o.State, o.Kind, o.Reason = messages.Unknown, "in_doubt", messages.ReasonInDoubt
		}, messages.Unknown, 1, 1},
		{"an answer that the database can't hold", func(o *messages.Outcome) {
			o.State, o.Kind, o.Detail = messages.Failed, "content", "\xff\x00 "+string(make([]byte, 5000))
		}, messages.Failed, 1, 1},
	}
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, len(cases)+2)
		run := j.Start()
		j.PlanAll(run.ID, 100)
		claimed := j.Claim(run.ID, 1, j.Feed(run.ID, []int64{1}, 100))
		require.GreaterOrEqual(t, len(claimed), len(cases))
		for i, c := range cases {
			j.Record(run.ID, claimed[i:i+1], c.change)
			m, err := s.GetMessage(t.Context(), j.AccountID, claimed[i])
			require.NoError(t, err)
			require.Equal(t, c.state, m.State, c.name)
			require.Equal(t, c.attempt, m.Attempt, c.name)
			tries, err := s.Tries(t.Context(), claimed[i])
			require.NoError(t, err)
			require.Len(t, tries, c.tries, c.name)
		}
		j.Balanced(run.ID)
	})
}

func TestPauseBindsAndResumeGoesOn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 60)
		run := j.Start()
		_, err := s.PlanBatch(t.Context(), run.ID, 30)
		require.NoError(t, err)
		fed := j.Feed(run.ID, []int64{1, 2}, 10)
		j.Record(run.ID, j.Claim(run.ID, 1, fed), nil)

		require.NoError(t, s.PauseCampaign(t.Context(), j.AccountID, j.Campaign, "me"))
		require.Empty(t, j.Claim(run.ID, 2, fed), "no claim succeeds after the pause")
		require.Empty(t, j.Feed(run.ID, []int64{3}, 10), "nothing is fed after the pause")
		step, err := s.PlanBatch(t.Context(), run.ID, 30)
		require.NoError(t, err)
		require.True(t, step.Stopped)
		j.Balanced(run.ID)

		require.NoError(t, s.ResumeCampaign(t.Context(), j.AccountID, j.Campaign, "me"))
		j.PlanAll(run.ID, 30)
		again := j.Feed(run.ID, []int64{4}, 100)
		require.Empty(t, j.Claim(run.ID, 2, fed), "a task of before the pause claims nothing")
		j.Record(run.ID, j.Claim(run.ID, 4, again), nil)
		require.Equal(t, messages.Counts{messages.Sent: 54, messages.Skipped: 6}, j.Counts(run.ID))
		j.Balanced(run.ID)
	})
}

func TestARunIsPausedWithWordsThatResumingTakesAway(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 60)
		run := j.Start()
		j.PlanAll(run.ID, 100)
		messages := j.Feed(run.ID, []int64{1}, 10)
		why := "10 recipients in a row were skipped"
		require.NoError(t, s.PauseRun(t.Context(), run.ID, why))
		require.NoError(t, s.PauseRun(t.Context(), run.ID, "again"), "it is paused already")
		require.Empty(t, j.Claim(run.ID, 1, messages))
		paused, err := s.GetRun(t.Context(), j.AccountID, run.ID)
		require.NoError(t, err)
		require.Equal(t, campaigns.RunPaused, paused.Status)
		require.Equal(t, why, paused.Reason)
		c, err := s.GetCampaign(t.Context(), j.AccountID, j.Campaign)
		require.NoError(t, err)
		require.Equal(t, campaigns.Paused, c.Status)
		require.NoError(t, s.ResumeCampaign(t.Context(), j.AccountID, j.Campaign, "me"))
		paused, err = s.GetRun(t.Context(), j.AccountID, run.ID)
		require.NoError(t, err)
		require.Empty(t, paused.Reason)
		j.Balanced(run.ID)
	})
}

func TestCancelBindsAndAccountsForEverybody(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 60)
		run := j.Start()
		j.PlanAll(run.ID, 100)
		fed := j.Feed(run.ID, []int64{1, 2}, 10)
		claimed := j.Claim(run.ID, 1, fed)
		require.NoError(t, s.CancelCampaign(t.Context(), j.AccountID, j.Campaign, "key 1 (ops)"))
		require.Empty(t, j.Claim(run.ID, 2, fed))
		j.Record(run.ID, claimed, nil) // what was in flight is recorded
		for more := true; more; {
			var err error
			more, err = s.CancelPending(t.Context())
			require.NoError(t, err)
		}
		require.Equal(t, messages.Counts{messages.Sent: 10, messages.Canceled: 44, messages.Skipped: 6}, j.Counts(run.ID))
		canceled := messages.Canceled
		list, err := s.ListMessages(t.Context(), messages.MessageFilter{AccountID: j.AccountID, RunID: run.ID, State: &canceled})
		require.NoError(t, err)
		for _, m := range list {
			require.Contains(t, m.Detail, "key 1 (ops)")
		}
		finished, _, err := s.FinishRuns(t.Context())
		require.NoError(t, err)
		require.Equal(t, []int64{run.ID}, finished)
		j.Balanced(run.ID)
	})
}

func TestReceiptsOnlyMoveForward(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 9)
		run := j.Start()
		j.PlanAll(run.ID, 100)
		claimed := j.Claim(run.ID, 1, j.Feed(run.ID, []int64{1}, 100))
		receive := func(events ...providers.Receipt) {
			t.Helper()
			require.NoError(t, j.Writer.Receive(t.Context(), j.Channel.ID, events))
		}
		state := func(i int) messages.State {
			t.Helper()
			m, err := s.GetMessage(t.Context(), j.AccountID, claimed[i])
			require.NoError(t, err)
			return m.State
		}
		event := func(i int, status providers.ReceiptStatus) providers.Receipt {
			return providers.Receipt{MessageID: claimed[i], Status: status, At: s.Clock.Now()}
		}
		// Before the outcome is recorded: parked, then applied with it.
		receive(event(0, providers.ReceiptDelivered), providers.Receipt{ProviderID: "p1", Status: providers.ReceiptRead})
		require.Equal(t, messages.Sending, state(0))
		j.Record(run.ID, claimed[:1], nil)
		require.Equal(t, messages.Delivered, state(0))
		j.Record(run.ID, claimed[1:2], func(o *messages.Outcome) { o.ProviderID = "p1" })
		require.Equal(t, messages.Read, state(1))

		j.Record(run.ID, claimed[2:], nil)
		// Out of order, doubled, in one request and in several.
		receive(event(2, providers.ReceiptRead), event(2, providers.ReceiptDelivered), event(2, providers.ReceiptRead))
		require.Equal(t, messages.Read, state(2))
		receive(event(2, providers.ReceiptDelivered))
		receive(event(2, providers.ReceiptFailed))
		require.Equal(t, messages.Read, state(2))
		receive(event(3, providers.ReceiptDelivered))
		receive(event(3, providers.ReceiptFailed))
		require.Equal(t, messages.Delivered, state(3))
		receive(event(4, providers.ReceiptRejected))
		receive(event(4, providers.ReceiptDelivered))
		require.Equal(t, messages.Rejected, state(4))
		// Of another channel's message, and of none at all.
		require.NoError(t, j.Writer.Receive(t.Context(), j.Channel.ID+1, []providers.Receipt{event(5, providers.ReceiptRead)}))
		require.Equal(t, messages.Sent, state(5))
		receive(providers.Receipt{MessageID: 1 << 40, Status: providers.ReceiptRead})
		j.Balanced(run.ID)
	})
}

func TestConsentIsLookedAtAgainWhenFed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 9)
		run := j.Start()
		j.PlanAll(run.ID, 100)
		list, err := s.ListMessages(t.Context(), messages.MessageFilter{AccountID: j.AccountID, RunID: run.ID})
		require.NoError(t, err)
		// The first unsubscribes while pending; another when queued.
		require.NoError(t, store.Unsubscribe(t.Context(), s.Store, j.AccountID, list[0].Address))
		require.Equal(t, int64(1), j.Counts(run.ID)[messages.Skipped])
		fed := j.Feed(run.ID, []int64{1}, 4)
		require.NoError(t, store.Unsubscribe(t.Context(), s.Store, j.AccountID, j.message(fed[0].ID).Address))
		require.Len(t, j.Claim(run.ID, 1, fed), 3)
		// Blocked and deleted after they were planned.
		require.NoError(t, s.InTx(t.Context(), func(tx sqldb.Conn) error {
			if _, err := tx.Exec(t.Context(), "UPDATE contacts SET status = 'blocked' WHERE id = ?", list[7].ContactID); err != nil {
				return err
			}
			_, err := tx.Exec(t.Context(), "DELETE FROM contacts WHERE id = ?", list[8].ContactID)
			return err
		}))
		require.Len(t, j.Feed(run.ID, []int64{2}, 100), 2)
		reasons := map[string]int{}
		skipped := messages.Skipped
		list, err = s.ListMessages(t.Context(), messages.MessageFilter{AccountID: j.AccountID, RunID: run.ID, State: &skipped})
		require.NoError(t, err)
		for _, m := range list {
			reasons[m.Reason]++
		}
		require.Equal(t, map[string]int{messages.ReasonOptedOut: 2, messages.ReasonBlocked: 1, messages.ReasonDeleted: 1}, reasons)
		j.Balanced(run.ID)
	})
}

func TestPreviewPredictsThePlan(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 200)
		ctx := t.Context()
		require.NoError(t, s.InTx(ctx, func(tx sqldb.Conn) error {
			for _, query := range []string{
				"UPDATE contacts SET status = 'blocked' WHERE id % 17 = 0",
				"UPDATE contacts SET status = 'inactive' WHERE id % 19 = 0",
				"UPDATE contacts SET status = 'deleted' WHERE id % 23 = 0",
				"INSERT INTO suppressions (account_id, kind, address, reason, created_at) SELECT account_id, kind, address, 'bounced', 0 FROM addresses " +
					"WHERE contact_id % 13 = 0",
				"INSERT INTO suppressions (account_id, kind, address, reason, created_at) SELECT account_id, kind, address, 'unsubscribed', 0 FROM addresses " +
					"WHERE contact_id % 29 = 0 AND contact_id % 13 <> 0",
				"INSERT INTO lists (id, account_id, kind, name, created_at) SELECT i, MIN(account_id), 'group', 'g' || i, 0 " +
					"FROM contacts, (SELECT 901 AS i UNION SELECT 902 UNION SELECT 903) l GROUP BY i",
				"INSERT INTO members (list_id, contact_id) SELECT 901, id FROM contacts WHERE id % 2 = 0",
				"INSERT INTO members (list_id, contact_id) SELECT 902, id FROM contacts WHERE id % 3 = 0",
				"INSERT INTO members (list_id, contact_id) SELECT 903, id FROM contacts WHERE id % 5 = 0",
			} {
				if _, err := tx.Exec(ctx, query); err != nil {
					return fmt.Errorf("%s: %w", query, err)
				}
			}
			return nil
		}))
		for _, audience := range []targeting.Audience{
			{All: true},
			{Groups: []int64{901}},
			{Groups: []int64{901, 902}},
			{Groups: []int64{902}, Exclude: &targeting.Exclude{Groups: []int64{903}}},
			{Groups: []int64{901}, Contacts: []int64{1, 2, 3, 7, 99999}, Exclude: &targeting.Exclude{Groups: []int64{903}, Contacts: []int64{2}}},
			{All: true, Exclude: &targeting.Exclude{Campaigns: []int64{j.Campaign}}},
		} {
			preview, err := s.PreviewAudience(ctx, j.Channel, audience, 0)
			require.NoError(t, err)
			require.Positive(t, preview.Reachable)
			j.Campaign = j.NewCampaign(mustJSON(audience))
			run := j.Start()
			j.PlanAll(run.ID, 17)
			j.Balanced(run.ID)
			counts := j.Counts(run.ID)
			require.Equal(t, preview.Total, counts.Total())
			require.Equal(t, preview.Reachable, counts[messages.Pending])
			actual := map[string]int64{}
			list, err := s.ListMessages(ctx, messages.MessageFilter{AccountID: j.AccountID, RunID: run.ID, Limit: 1000})
			require.NoError(t, err)
			for _, m := range list {
				if m.State == messages.Skipped {
					actual[m.Reason]++
				}
			}
			require.Equal(t, preview.Skipped, actual)
			sample, err := s.SampleAudience(ctx, j.Channel, audience, 0, 3)
			require.NoError(t, err)
			require.Len(t, sample, 3)
			j.requireDrawn(audience, list)
			// Sent, so that the next audience can exclude them.
			j.Record(run.ID, j.Claim(run.ID, run.ID, j.Feed(run.ID, []int64{run.ID}, 50)), nil)
		}
	})
}

// requireDrawn draws of an audience: only those to whom something goes, nobody twice, all where
// there are no more, and sooner or later each of them.
func (j *journey) requireDrawn(audience targeting.Audience, planned []messages.Message) {
	t := j.t
	t.Helper()
	gets, seen := map[int64]bool{}, map[int64]bool{}
	for _, m := range planned {
		if m.State == messages.Pending {
			gets[m.ContactID] = true
		}
	}
	in := slices.Concat(audience.Uploads, audience.Categories, audience.Groups, audience.Labels)
	for range 2000 { // each is drawn with 4 of 200 at least, so that nobody is left with e^-40
		drawn, err := j.DrawAudience(t.Context(), j.Channel, audience, 0, 4)
		require.NoError(t, err)
		require.Len(t, drawn, min(4, len(gets)))
		once := map[int64]bool{}
		for _, d := range drawn {
			require.True(t, gets[d.ContactID], "%d gets nothing", d.ContactID)
			require.NotEmpty(t, d.Address)
			once[d.ContactID], seen[d.ContactID] = true, true
			for _, m := range d.Lists {
				require.Contains(t, in, m.ListID)
				require.NotEmpty(t, m.Name)
			}
		}
		require.Len(t, once, len(drawn))
		if len(seen) == len(gets) {
			return
		}
	}
	require.Equal(t, gets, seen, "somebody is never drawn")
}

func TestClearingBindsAndFinishes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 100)
		run := j.Start()
		j.PlanAll(run.ID, 100)
		fed := j.Feed(run.ID, []int64{1, 2}, 10)
		claimed := j.Claim(run.ID, 1, fed)
		filter := messages.QueueFilter{AccountID: j.AccountID, CampaignID: j.Campaign}
		totals, err := s.QueueTotals(t.Context(), filter)
		require.NoError(t, err)
		require.Equal(t, [3]int64{70, 10, 10}, [3]int64{totals[0].Whole.Pending, totals[0].Whole.Queued, totals[0].Whole.Sending})

		other := filter
		other.AccountID++
		foreign, err := s.BeginClear(t.Context(), other, "stranger")
		require.NoError(t, err)
		require.Zero(t, foreign.Cleared, "another account's queue is out of reach")

		clearing, err := s.BeginClear(t.Context(), filter, "key 1")
		require.NoError(t, err)
		require.Equal(t, int64(10), clearing.Cleared)
		require.Len(t, clearing.Examples, 10)
		require.Empty(t, j.Claim(run.ID, 2, fed))
		require.Empty(t, j.Feed(run.ID, []int64{3}, 10), "nothing is fed while the queue is cleared")
		for clearing.FinishedAt == nil {
			clearing, err = s.ContinueClear(t.Context(), clearing.ID)
			require.NoError(t, err)
		}
		require.Equal(t, int64(80), clearing.Cleared)
		j.Record(run.ID, claimed, nil)
		require.Equal(t, messages.Counts{messages.Sent: 10, messages.Canceled: 80, messages.Skipped: 10}, j.Counts(run.ID))
		j.Balanced(run.ID)
		looked, err := s.GetClearing(t.Context(), j.AccountID, clearing.ID)
		require.NoError(t, err)
		require.Equal(t, int64(80), looked.Cleared)
		m, err := s.GetMessage(t.Context(), j.AccountID, looked.Examples[0].MessageID)
		require.NoError(t, err)
		require.Equal(t, messages.Canceled, m.State)
		require.Contains(t, m.Detail, "by key 1, clearing")
	})
}

func TestTransactionalMessage(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 1)
		m, err := s.CreateMessage(t.Context(), messages.Outgoing{
			AccountID: j.AccountID, ChannelID: j.Channel.ID, Address: "a@example.com", Content: []byte(`{"text":"code 123"}`),
		})
		require.NoError(t, err)
		require.Equal(t, messages.Pending, m.State)
		_, err = s.CreateMessage(t.Context(), messages.Outgoing{AccountID: j.AccountID + 1, ChannelID: j.Channel.ID, Address: "x"})
		require.Error(t, err, "another account's channel")
		feedable, err := s.FeedableTransactional(t.Context())
		require.NoError(t, err)
		require.Equal(t, []messages.Feedable{{ChannelID: j.Channel.ID, Weight: 1, Pending: 1}}, feedable)
		fed := j.Feed(0, []int64{5}, 1)
		require.JSONEq(t, `{"text":"code 123"}`, string(j.Load(0, 5, fed)[0].Content))
		claimed := j.Claim(0, 5, fed)
		j.Record(0, claimed, func(o *messages.Outcome) { o.State, o.Kind = messages.Failed, "content" })
		resent, err := s.ResendMessage(t.Context(), j.AccountID, m.ID, "me")
		require.NoError(t, err)
		require.Equal(t, messages.Pending, resent.State)
		_, err = s.CancelMessage(t.Context(), j.AccountID, m.ID, "me")
		require.NoError(t, err)
		_, err = s.CancelMessage(t.Context(), j.AccountID, m.ID, "me")
		require.Error(t, err, "canceled already")
	})
}

func TestOneStartOnly(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 5)
		const n = 8
		errs := make(chan error, n)
		for range n {
			go func() {
				_, err := s.StartRun(context.WithoutCancel(t.Context()), j.AccountID, j.Campaign, time.UnixMilli(1000))
				errs <- err
			}()
		}
		succeeded := 0
		for range n {
			if <-errs == nil {
				succeeded++
			}
		}
		require.Equal(t, 1, succeeded)
		runs, err := s.ListRuns(t.Context(), j.AccountID, j.Campaign, 0, 10)
		require.NoError(t, err)
		require.Len(t, runs, 1)
	})
}
