package store_test

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/campaigns/flows"
	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/providers"
	"carillon/store/storetest"
	"carillon/targeting"
)

func (w *flowWalk) tell(name, key string, payload string, ids ...int64) int {
	w.t.Helper()
	list := make([]contacts.GivenEvent, len(ids))
	for i, id := range ids {
		list[i] = contacts.GivenEvent{ContactID: id, Payload: json.RawMessage(payload)}
		if key != "" {
			list[i].Key = fmt.Sprint(key, id)
		}
	}
	fresh, err := contacts.NewEvents(w.Store, w.Clock).Take(w.t.Context(), w.AccountID, name, list)
	require.NoError(w.t, err)
	return fresh
}

func TestEventsLetPeopleEnterAndGoOn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		w := newFlowWalk(t, s, walkers{6, `{"steps": [
			{"id": "w", "kind": "wait", "wait": {"event": "order.paid", "at_most": "3d"}, "exits": {"timeout": "remind"}},
			{"id": "paid", "kind": "end", "outcome": "paid"},
			{"id": "remind", "kind": "send", "content": {"text": "Your cart {{ answers.cart }}"}},
			{"id": "late", "kind": "end", "outcome": "late"}],
			"triggers": [{"event": "cart.left"}], "reentry": {"allow": "after_leaving"}}`, false})
		ids := w.IDs("SELECT id FROM contacts WHERE account_id = ? AND id % 10 <> 0 ORDER BY id", w.AccountID)
		require.Equal(t, 2, w.tell("cart.left", "k", `{"cart": 7, "items": [1, 2]}`, ids[0], ids[1]))
		require.Equal(t, 1, w.tell("cart.left", "k", `{"cart": 7}`, ids[0], ids[1], ids[2]), "by its key a repeat is known")
		w.move()
		require.JSONEq(t, `{"cart": 7}`, mustJSON(w.session(ids[0]).Answers))
		w.tell("order.paid", "", "", ids[0])
		w.tell("order.sent", "", "", ids[1])
		w.move()
		require.Equal(t, "paid", w.session(ids[0]).Outcome)
		require.Empty(t, w.session(ids[1]).Outcome)
		w.time.Advance(73 * time.Hour)
		w.tell("order.paid", "", "", ids[1]) // too late, and all the same looked at first
		w.move()
		require.Equal(t, map[int64]string{ids[1]: `Your cart {{ answers.cart }} {"cart":7}`, ids[2]: `Your cart {{ answers.cart }} {"cart":7}`}, w.deliver())
		w.move()
		require.Equal(t, "late", w.session(ids[2]).Outcome)
		w.balances()

		_, err := s.TakeEvents(t.Context(), w.AccountID, "x", []contacts.GivenEvent{{ContactID: ids[0], Payload: json.RawMessage("{}"), At: w.time.Now()},
			{ContactID: 1 << 40}})
		require.Equal(t, fault.Invalid, fault.CodeOf(err))
		list, err := s.ListEvents(t.Context(), w.AccountID, ids[0], 0, 10)
		require.NoError(t, err)
		require.Len(t, list, 2, "all or none are taken")
		names, err := s.EventNames(t.Context(), w.AccountID)
		require.NoError(t, err)
		require.Equal(t, []string{"cart.left", "order.paid", "order.sent"}, []string{names[0].Name, names[1].Name, names[2].Name})
		require.EqualValues(t, 3, names[0].Total)

		// Erased with the contact; forgotten with time.
		_, err = s.EraseContact(t.Context(), w.AccountID, ids[0], false)
		require.NoError(t, err)
		require.Zero(t, w.Int("SELECT COUNT(*) FROM contact_events WHERE contact_id = ?", ids[0]))
		w.time.Advance(contacts.EventsKept + time.Hour)
		retain(t, s, w.time)
		require.Zero(t, w.Int("SELECT COUNT(*) FROM contact_events"))
	})
}

func TestARepeatedEventCountsOnceWhoeverTellsIt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		w := newFlowWalk(t, s, walkers{5, `{"steps": [{"id": "end", "kind": "end"}], "triggers": [{"event": "e"}], "reentry": {"allow": "always"}}`, false})
		ids := w.IDs("SELECT id FROM contacts WHERE account_id = ? ORDER BY id", w.AccountID)
		var group sync.WaitGroup
		var mu sync.Mutex
		fresh := 0
		for range 8 {
			group.Go(func() {
				list := make([]contacts.GivenEvent, len(ids))
				for i, id := range ids {
					list[i] = contacts.GivenEvent{ContactID: id, Key: fmt.Sprint(id), Payload: json.RawMessage("{}"), At: w.time.Now()}
				}
				n, err := s.TakeEvents(t.Context(), w.AccountID, "e", list)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					fresh += n
				}
			})
		}
		group.Wait()
		require.Equal(t, len(ids), fresh)
		require.Equal(t, len(ids), w.Int("SELECT COUNT(*) FROM contact_events"))
		require.Equal(t, len(ids), w.Int("SELECT COUNT(*) FROM flow_sessions"))
		w.move()
		f, err := s.GetFlow(t.Context(), w.AccountID, w.flow)
		require.NoError(t, err)
		require.Equal(t, flows.Flow{Entered: 5}.Entered, f.Entered)
	})
}

func TestAnEventCountsForTheLatestMessage(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		w := newFlowPeople(t, s, 6)
		sent := func(converts *campaigns.Conversion) (run campaigns.Run, ids []int64) {
			c, err := s.CreateCampaign(t.Context(), campaigns.Campaign{AccountID: w.AccountID, Name: "k", ChannelID: w.Channel.ID, Weight: 1,
				Audience: targeting.Audience{All: true}, Content: providers.Content{Text: "x"}, Conversion: converts})
			require.NoError(t, err)
			w.Campaign = c.ID
			run = w.Start()
			w.PlanAll(run.ID, 100)
			fed := w.Feed(run.ID, []int64{run.ID}, 100)
			for _, m := range w.Load(run.ID, run.ID, fed) {
				ids = append(ids, m.Recipient.ContactID)
			}
			w.Record(run.ID, w.Claim(run.ID, run.ID, fed), nil)
			return run, ids
		}
		converted := func(run campaigns.Run) int64 {
			found, err := s.GetRun(t.Context(), w.AccountID, run.ID)
			require.NoError(t, err)
			return found.Converted
		}
		of, ids := sent(&campaigns.Conversion{Event: "order.paid", WithinDays: 7})
		other, _ := sent(nil)
		w.time.Advance(time.Hour)
		require.Equal(t, 2, w.tell("order.paid", "", "", ids[0], ids[1]))
		w.tell("order.paid", "", "", ids[0]) // another order: the message counts once
		w.tell("order.left", "", "", ids[2])
		require.EqualValues(t, 2, converted(of))
		require.Zero(t, converted(other), "it names no event")
		w.time.Advance(7 * 24 * time.Hour)
		w.tell("order.paid", "", "", ids[3])
		require.EqualValues(t, 2, converted(of), "too long ago")

		c, err := s.GetCampaign(t.Context(), w.AccountID, of.CampaignID)
		require.NoError(t, err)
		require.Equal(t, "order.paid", c.Conversion.Event)
	})
}

// Nothing is kept of somebody who is erased or merged meanwhile: an event comes before and
// goes with them, or after and is refused.
func TestNoEventOutlivesItsContact(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		w := newFlowPeople(t, s, 41)
		event := func(id int64) error {
			_, err := s.TakeEvents(t.Context(), w.AccountID, "seen", []contacts.GivenEvent{{ContactID: id, Payload: json.RawMessage("{}"), At: w.time.Now()}})
			return err
		}
		ids := w.IDs("SELECT id FROM contacts WHERE account_id = ? ORDER BY id", w.AccountID)
		w.Exec("UPDATE contacts SET status = 'deleted' WHERE id = ?", ids[0])
		require.True(t, fault.Is(event(ids[0]), fault.Invalid))
		for _, id := range ids[1:] {
			const tellers = 4
			var all sync.WaitGroup
			var erased error
			all.Go(func() { _, erased = s.EraseContact(t.Context(), w.AccountID, id, false) })
			told := make(chan error, tellers)
			for range tellers {
				all.Go(func() { told <- event(id) })
			}
			all.Wait()
			require.NoError(t, erased)
			close(told)
			for err := range told {
				require.True(t, err == nil || fault.Is(err, fault.Invalid), "%v", err)
			}
		}
		require.Empty(t, w.IDs("SELECT id FROM contact_events WHERE account_id = ?", w.AccountID))
	})
}
