package store_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/store/storetest"
	"carillon/targeting"
)

func TestGroups(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account, other := s.Account("one"), s.Account("other")
		group, err := s.CreateGroup(ctx, account, "friends")
		require.NoError(t, err)
		require.Equal(t, contacts.Group, group.Kind)
		_, err = s.CreateGroup(ctx, account, "friends")
		require.True(t, fault.Is(err, fault.Conflict))
		require.Contains(t, err.Error(), fmt.Sprintf("group %d", group.ID))
		foreign, err := s.CreateGroup(ctx, other, "friends")
		require.NoError(t, err)

		a, b := testContact(t, s, account, "a@example.com"), testContact(t, s, account, "b@example.com")
		stranger := testContact(t, s, other, "a@example.com")
		added, err := s.AddMembers(ctx, inGroup(account, group.ID, a.ID, b.ID))
		require.NoError(t, err)
		require.EqualValues(t, 2, added)
		added, err = s.AddMembers(ctx, inGroup(account, group.ID, b.ID, b.ID))
		require.NoError(t, err)
		require.Zero(t, added)
		_, err = s.AddMembers(ctx, inGroup(account, group.ID, a.ID, stranger.ID))
		require.True(t, fault.Is(err, fault.Invalid))
		require.Contains(t, err.Error(), "contacts[1]")
		_, err = s.AddMembers(ctx, inGroup(account, foreign.ID, a.ID))
		require.True(t, fault.Is(err, fault.NotFound))

		got, err := s.GetGroup(ctx, account, group.ID)
		require.NoError(t, err)
		require.EqualValues(t, 2, got.Members)
		removed, err := s.RemoveMembers(ctx, inGroup(account, group.ID, a.ID, stranger.ID))
		require.NoError(t, err)
		require.EqualValues(t, 1, removed)
		require.NoError(t, s.DeleteContact(ctx, account, b.ID))
		got, err = s.GetGroup(ctx, account, group.ID)
		require.NoError(t, err)
		require.EqualValues(t, 1, got.Members, "a deleted contact may come back")
		shown, err := s.ListContacts(ctx, contacts.ContactFilter{AccountID: account, Group: group.ID, Limit: 10})
		require.NoError(t, err)
		require.Empty(t, shown)

		second, err := s.CreateGroup(ctx, account, "more")
		require.NoError(t, err)
		page, err := s.ListGroups(ctx, account, 0, 1)
		require.NoError(t, err)
		require.Equal(t, []contacts.List{got}, page)
		page, err = s.ListGroups(ctx, account, group.ID, 10)
		require.NoError(t, err)
		require.Equal(t, []contacts.List{second}, page)

		require.True(t, fault.Is(s.DeleteGroup(ctx, other, second.ID), fault.NotFound))
		require.NoError(t, s.DeleteGroup(ctx, account, second.ID))
		_, err = s.GetGroup(ctx, account, second.ID)
		require.True(t, fault.Is(err, fault.NotFound))
		third, err := s.CreateGroup(ctx, account, "more")
		require.NoError(t, err)
		require.Greater(t, third.ID, second.ID, "ids never come back: an old audience must not get new people")
	})
}

func TestDeleteGroupTakesManyMembers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account := s.Account("one")
		group, err := s.CreateGroup(ctx, account, "everybody")
		require.NoError(t, err)
		s.Exec(`INSERT INTO members (list_id, contact_id)
				WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT CAST(? AS BIGINT), i FROM n`,
			40_000, group.ID)
		require.NoError(t, s.DeleteGroup(ctx, account, group.ID))
		left := s.Int("SELECT COUNT(*) FROM members")
		require.Zero(t, left)
	})
}

// A list that is made with people in it is there with the job that puts them into it, or not at
// all: whoever is told that it failed makes it again.
func TestAListIsMadeWithItsJobOrNotAtAll(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		account := s.Account("lists")
		person, err := contacts.NewContacts(s).Create(t.Context(), contacts.Contact{AccountID: account, ExternalID: "ada"}, "")
		require.NoError(t, err)
		l := contacts.List{AccountID: account, Kind: contacts.Category, Name: "For all", Slot: contacts.AnySlot}
		everybody := targeting.Audience{Contacts: []int64{person.ID}}
		broken := targeting.Job{AccountID: account, Kind: targeting.BulkJob, Bulk: targeting.Bulk{Value: json.RawMessage("{")}}
		_, _, err = s.CreateListAndJob(t.Context(), l, broken)
		require.Error(t, err)
		require.Zero(t, s.Int("SELECT COUNT(*) FROM lists"))

		jobs := targeting.NewJobs(s)
		made, job, err := jobs.StartInNewList(t.Context(), l, everybody, "ada")
		require.NoError(t, err)
		require.Equal(t, 1, made.Slot)
		require.EqualValues(t, 1, job.Total)
		_, _, err = jobs.StartInNewList(t.Context(), l, everybody, "ada")
		require.True(t, fault.Is(err, fault.Conflict), "%v", err)
		require.Equal(t, 1, s.Int("SELECT COUNT(*) FROM jobs"))
		worked, err := jobs.RunNext(t.Context())
		require.NoError(t, err)
		require.True(t, worked)
		require.Equal(t, []int64{person.ID}, s.IDs("SELECT contact_id FROM members WHERE list_id = ?", made.ID))
		l.Name = " "
		_, _, err = jobs.StartInNewList(t.Context(), l, everybody, "ada")
		require.True(t, fault.Is(err, fault.Invalid), "%v", err)
	})
}
