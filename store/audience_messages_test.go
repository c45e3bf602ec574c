package store_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/messages"
	"carillon/store/storetest"
	"carillon/targeting"
	"carillon/tracking"
)

// scatter gives the messages of a run states and reasons at random, and counts them; a
// few people have replied.
func (j *journey) scatter(random *rand.Rand, runs ...int64) {
	j.t.Helper()
	reasons := []string{messages.ReasonRefused, messages.ReasonAttemptsUsedUp, ""}
	// The table of moves allows no such jumps: the rows are made anew.
	for _, run := range runs {
		for _, m := range j.messagesOf(run) {
			state := messages.States()[random.IntN(messages.NumStates)]
			var sent any
			if slices.Contains([]messages.State{messages.Sent, messages.Delivered, messages.Read}, state) {
				sent = j.Clock.Now().UnixMilli() - int64(random.IntN(1000))
			}
			j.Exec("DELETE FROM messages WHERE id = ?", m.ID)
			j.Exec(`INSERT INTO messages (id, channel_id, run_id, contact_id, state, reason, address, created_at, sent_at)
				VALUES (?, ?, ?, ?, ?, NULLIF(?, ''), ?, 0, ?)`, m.ID, m.ChannelID, m.RunID, m.ContactID, int(state), reasons[random.IntN(len(reasons))], m.Address, sent)
			if random.IntN(2) == 0 {
				j.Exec("INSERT INTO engagement (message_id, opened_at, clicked_at, machine_opens) VALUES (?, NULLIF(?, 0), NULLIF(?, 0), 1)",
					m.ID, random.IntN(2), random.IntN(2))
			}
			if random.IntN(4) == 0 {
				j.Exec("INSERT INTO replies (account_id, channel_id, contact_id, kind, address, text, meaning, at) VALUES (?, ?, ?, 'email', ?, 'hm', 'other', ?)",
					j.AccountID, m.ChannelID, m.ContactID, m.Address, j.Clock.Now().UnixMilli()-int64(random.IntN(1000)))
			}
		}
	}
}

func (j *journey) messagesOf(run int64) []messages.Message {
	j.t.Helper()
	list, err := j.ListMessages(j.t.Context(), messages.MessageFilter{AccountID: j.AccountID, RunID: run, Limit: 1000})
	require.NoError(j.t, err)
	return list
}

// reactions are what people did: when they replied, by contact, and what they did with
// messages.
type reactions struct {
	replied map[int64][]time.Time
	engaged map[int64]tracking.Engagement
}

// did reports whether somebody did something with a message.
func (r reactions) did(m messages.Message, word string) bool {
	switch word {
	case targeting.NotReplied:
		return m.SentAt != nil && slices.ContainsFunc(r.replied[m.ContactID], func(at time.Time) bool { return !at.Before(*m.SentAt) })
	case targeting.NotOpened:
		return !r.engaged[m.ID].OpenedAt.IsZero()
	case targeting.NotClicked:
		return !r.engaged[m.ID].ClickedAt.IsZero()
	}
	return false
}

// inMemory are the contacts that a filter of messages picks, found without the database.
func inMemory(by targeting.ByMessages, all []messages.Message, r reactions) []int64 {
	among := func(list []string, value string) bool { return len(list) == 0 || slices.Contains(list, value) }
	has, did, ids := map[int64]bool{}, map[int64]bool{}, []int64{}
	for _, m := range all {
		at := slices.Index([]messages.State{messages.Sent, messages.Delivered, messages.Read}, m.State)
		var done bool
		switch by.Not {
		case targeting.NotSent:
			done = at >= 0
		case targeting.NotDelivered:
			done = at >= 1
		case targeting.NotRead:
			done = at >= 2
		default:
			done = r.did(m, by.Not)
		}
		has[m.ContactID] = has[m.ContactID] || done
		did[m.ContactID] = did[m.ContactID] || by.Did == "" || r.did(m, by.Did)
	}
	for _, m := range all {
		if !has[m.ContactID] && did[m.ContactID] && among(by.States, m.State.String()) && among(by.Reasons, m.Reason) && !slices.Contains(ids, m.ContactID) {
			ids = append(ids, m.ContactID)
		}
	}
	slices.Sort(ids)
	return ids
}

// dids are what Did may be.
var dids = []string{"", "", targeting.NotOpened, targeting.NotClicked}

func oneOfWords(random *rand.Rand, words []string) string { return words[random.IntN(len(words))] }

// Who is picked by messages is the same in both databases and in memory, in batches and
// at once, in an audience and in what is left out of one.
func TestAudiencesByMessagesMeanTheSame(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		random := rand.New(rand.NewPCG(7, 11))
		j := newJourney(t, s, 40)
		first := j.Start()
		j.PlanAll(first.ID, 100)
		j.Exec("UPDATE campaigns SET status = 'draft' WHERE id = ?", j.Campaign)
		s.Exec("UPDATE runs SET finished_at = 1, status = 'finished' WHERE id = ?", first.ID)
		s.Exec("UPDATE runs SET instant = 1 WHERE id = ?", first.ID)
		second := j.Start()
		j.PlanAll(second.ID, 100)
		j.scatter(random, first.ID, second.ID)
		replied := map[int64][]time.Time{}
		engaged := map[int64]tracking.Engagement{}
		for _, run := range []int64{first.ID, second.ID} {
			var ids []int64
			for _, m := range j.messagesOf(run) {
				ids = append(ids, m.ID)
			}
			found, err := s.Engagements(t.Context(), ids)
			require.NoError(t, err)
			maps.Copy(engaged, found)
		}
		for _, id := range s.IDs("SELECT id FROM replies") {
			contact := int64(s.Int("SELECT contact_id FROM replies WHERE id = ?", id))
			replied[contact] = append(replied[contact], time.UnixMilli(int64(s.Int("SELECT at FROM replies WHERE id = ?", id))))
		}
		pick := func(from []string) (list []string) {
			for _, one := range from {
				if random.IntN(3) == 0 {
					list = append(list, one)
				}
			}
			return list
		}
		var states []string
		for _, state := range messages.States() {
			states = append(states, state.String())
		}
		everybody := s.IDs("SELECT id FROM contacts ORDER BY id")
		for range 150 {
			by := targeting.ByMessages{States: pick(states), Reasons: pick([]string{messages.ReasonRefused, messages.ReasonAttemptsUsedUp}),
				Not: oneOfWords(random, append(targeting.Nots(), "")),
				Did: oneOfWords(random, dids)}
			var all []messages.Message
			if by.CampaignID = j.Campaign; random.IntN(2) == 0 {
				by.CampaignID, by.RunID = 0, first.ID
			} else {
				all = j.messagesOf(second.ID)
			}
			want := inMemory(by, append(all, j.messagesOf(first.ID)...), reactions{replied, engaged})
			for what, audience := range map[string]targeting.Audience{
				"in": {Messages: &by}, "out": {All: true, Exclude: &targeting.Exclude{Messages: &by}},
			} {
				expected := want
				if what == "out" {
					expected = slices.DeleteFunc(slices.Clone(everybody), func(id int64) bool { return slices.Contains(want, id) })
				}
				text, err := json.Marshal(by)
				require.NoError(t, err)
				got := []int64{}
				for after := int64(0); ; {
					page, err := s.AudienceContacts(t.Context(), j.AccountID, audience, after, 7)
					require.NoError(t, err)
					for _, c := range page {
						got, after = append(got, c.ID), c.ID
					}
					if len(page) < 7 {
						break
					}
				}
				require.Equal(t, expected, got, "%s %s", what, text)
				preview, err := s.PreviewAudience(t.Context(), j.Channel, audience, 0)
				require.NoError(t, err)
				require.EqualValues(t, len(expected), preview.Total-preview.Skipped[messages.ReasonExcluded], "%s %s", what, text)
			}
		}
		// And the planner makes a message for each, in small batches.
		for range 10 {
			by := targeting.ByMessages{CampaignID: j.Campaign, States: pick(states), Not: oneOfWords(random, append(targeting.Nots(), "")),
				Did: oneOfWords(random, dids)}
			want := inMemory(by, append(j.messagesOf(first.ID), j.messagesOf(second.ID)...), reactions{replied, engaged})
			text, err := json.Marshal(targeting.Audience{Messages: &by})
			require.NoError(t, err)
			campaign := j.NewCampaign(string(text))
			run, err := s.StartRun(t.Context(), j.AccountID, campaign, s.Clock.Now())
			require.NoError(t, err)
			j.PlanAll(run.ID, 3)
			got := []int64{}
			for _, m := range j.messagesOf(run.ID) {
				got = append(got, m.ContactID)
			}
			require.Equal(t, want, got, "%s", text)
			j.Balanced(run.ID)
		}
		foreign, err := s.AudienceContacts(t.Context(), s.Account("another"), targeting.Audience{Messages: &targeting.ByMessages{RunID: first.ID}}, 0, 10)
		require.NoError(t, err)
		require.Empty(t, foreign, "another account's")
	})
}

// Whose messages change while a run is planned is in it once or not at all, as it was
// when the plan began.
func TestAnAudienceByMessagesIsFrozen(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j, run, ids := mixedEnds(t, s)
		campaign := j.NewCampaign(fmt.Sprintf(`{"messages": {"campaign_id": %d, "states": ["failed"]},
			"exclude": {"messages": {"campaign_id": %d, "reasons": ["attempts_used_up"]}}}`, j.Campaign, j.Campaign))
		second, err := s.StartRun(t.Context(), j.AccountID, campaign, s.Clock.Now())
		require.NoError(t, err)
		step, err := s.PlanBatch(t.Context(), second.ID, 1)
		require.NoError(t, err)
		require.Equal(t, campaigns.PlanStep{Inserted: 1}, step)
		require.Equal(t, 6, s.Int("SELECT COUNT(*) FROM frozen_members WHERE run_id = ?", second.ID), "four in, two of them out")

		// Those that had failed are sent again, and others fail.
		require.EqualValues(t, 4, j.settle(messages.Settling{Action: messages.SettleResend, States: []messages.State{messages.Failed}, RunID: run.ID}).Changed)
		require.EqualValues(t, 4, j.settle(messages.Settling{Action: messages.SettleNotSent, States: []messages.State{messages.Unknown}, RunID: run.ID}).Changed)
		j.PlanAll(second.ID, 1)
		require.Equal(t, messages.Counts{messages.Pending: 2, messages.Skipped: 2}, j.Counts(second.ID))
		j.Balanced(second.ID)
		var got []int64
		for _, m := range j.messagesOf(second.ID) {
			got = append(got, m.ContactID)
		}
		var want []int64
		for _, id := range ids[messages.Failed] {
			want = append(want, j.message(id).ContactID)
		}
		require.Equal(t, want, got)
		for more := true; more; {
			more, err = s.Housekeep(t.Context())
			require.NoError(t, err)
		}
		require.Zero(t, s.Int("SELECT COUNT(*) FROM frozen_members"), "they have served their purpose")
	})
}

func TestWhatAnAudienceByMessagesNamesMustExist(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 2)
		run := j.Start()
		fine := targeting.ByMessages{CampaignID: j.Campaign, States: []string{"failed"}, Reasons: []string{"refused"}, Not: "read"}
		wrong, err := s.CheckAudience(t.Context(), j.AccountID, &targeting.Audience{Messages: &fine, Exclude: &targeting.Exclude{
			Messages: &targeting.ByMessages{RunID: run.ID}}})
		require.NoError(t, err)
		require.Empty(t, wrong)
		bad := targeting.ByMessages{CampaignID: 99, States: []string{"failed", "lost"}, Reasons: []string{"bored"}}
		wrong, err = s.CheckAudience(t.Context(), j.AccountID, &targeting.Audience{All: true, Messages: &bad, Exclude: &targeting.Exclude{
			Messages: &targeting.ByMessages{RunID: 99}}})
		require.NoError(t, err)
		var at []string
		for _, field := range wrong {
			at = append(at, field.Location)
		}
		require.Equal(t, []string{
			"audience.messages.campaign_id", "audience.messages.states[1]", "audience.messages.reasons[0]", "audience.exclude.messages.run_id",
		}, at)
		require.Contains(t, wrong[2].Message, "attempts_used_up", "it lists them")
		wrong, err = s.CheckAudience(t.Context(), s.Account("another"), &targeting.Audience{Messages: &fine})
		require.NoError(t, err)
		require.Len(t, wrong, 1, "another account's campaign")
	})
}

// recipientsOf are the contacts of a run's messages.
func (j *journey) recipientsOf(run int64) (ids []int64) {
	for _, m := range j.messagesOf(run) {
		ids = append(ids, m.ContactID)
	}
	return ids
}
