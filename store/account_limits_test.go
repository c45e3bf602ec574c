package store_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/contacts"
	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/store/storetest"
)

// limited is an account that may have so many contacts.
func limited(t *testing.T, s *storetest.Store, name string, most int64) int64 {
	t.Helper()
	id := s.Account(name)
	a, err := s.ChangeAccount(t.Context(), id, func(a *access.Account) error {
		a.Limits.Contacts = most
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, most, a.Limits.Contacts)
	return id
}

// requireContacts requires what is counted of an account to be so many, and so many there to be.
func requireContacts(t *testing.T, s *storetest.Store, account, n int64) {
	t.Helper()
	a, err := s.GetAccount(t.Context(), account)
	require.NoError(t, err)
	require.EqualValues(t, n, s.Int("SELECT COUNT(*) FROM contacts WHERE account_id = ? AND status <> 'deleted'", account))
	require.Equal(t, n, a.Contacts)
}

// An account has no more contacts than it may have, however many are made at once, and a
// deleted one makes room.
func TestAnAccountHasNoMoreContactsThanItMay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx, account, other := t.Context(), limited(t, s, "small", 5), s.Account("other")
		var mu sync.Mutex
		var made []int64
		var full []error
		var group sync.WaitGroup
		for i := range 12 {
			group.Go(func() {
				c, err := s.CreateContact(ctx, contacts.Contact{AccountID: account, FirstName: fmt.Sprint(i), Status: contacts.Active})
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					made = append(made, c.ID)
				} else {
					full = append(full, err)
				}
			})
		}
		group.Wait()
		require.Len(t, made, 5)
		for _, err := range full {
			require.True(t, fault.Is(err, fault.Conflict), err)
			require.ErrorContains(t, err, "may have 5 contacts")
		}
		_, err := s.CreateContact(ctx, contacts.Contact{AccountID: other, FirstName: "x", Status: contacts.Active})
		require.NoError(t, err, "the limit is the other's")

		require.NoError(t, s.DeleteContact(ctx, account, made[0]))
		requireContacts(t, s, account, 4)
		_, err = s.CreateContact(ctx, contacts.Contact{AccountID: account, FirstName: "x", Status: contacts.Active})
		require.NoError(t, err)
		_, err = s.UpdateContact(ctx, account, made[0], func(c *contacts.Contact) error {
			c.Status = contacts.Active
			return nil
		})
		require.True(t, fault.Is(err, fault.Conflict), "one that comes back needs room, too: %v", err)
		requireContacts(t, s, account, 5)
		_, err = s.EraseContact(ctx, account, made[1], false)
		require.NoError(t, err)
		requireContacts(t, s, account, 4)

		_, err = s.ChangeAccount(ctx, account, func(a *access.Account) error {
			a.Limits.Contacts = 0
			return nil
		})
		require.NoError(t, err)
		for range 3 {
			_, err = s.CreateContact(ctx, contacts.Contact{AccountID: account, FirstName: "x", Status: contacts.Active})
			require.NoError(t, err)
		}
		requireContacts(t, s, account, 7)
	})
}

// numbered is a file with so many people, from a number on.
func numbered(from, n int) string {
	var b strings.Builder
	b.WriteString("email\n")
	for i := range n {
		fmt.Fprintf(&b, "p%d@example.org\n", from+i)
	}
	return b.String()
}

// A line that claims what another has is a conflict, also where the account has no room for anybody.
func TestAConflictNeedsNoRoom(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx, account := t.Context(), limited(t, s, "small", 1)
		importer := contacts.NewImporter(s, s, contacts.ImportConfig{Clock: clock.System{}})
		for _, dry := range []bool{true, false} {
			taken, err := importer.Take(ctx, account, "people.csv", strings.NewReader("external_id,email\none,ada@example.org\ntwo,ada@example.org\n"),
				contacts.ImportOptions{DryRun: dry})
			require.NoError(t, err)
			require.NoError(t, importer.Run(ctx, taken.ID))
			u, err := s.GetUpload(ctx, account, taken.ID)
			require.NoError(t, err)
			require.Equal(t, contacts.UploadFinished, u.State, u.Error)
			require.EqualValues(t, 1, u.Created)
			refused := s.IDs("SELECT line FROM upload_errors WHERE upload_id = ? AND reason LIKE '%contact%'", taken.ID)
			require.Equal(t, []int64{3}, refused)
		}
		requireContacts(t, s, account, 1)
	})
}

// Two uploads at once do not pass the limit together: each takes in all before the line for
// which there is no room, says so, and a dry run has said it before. With more room the files
// are taken in by importing them again, and nobody is lost or there twice.
func TestUploadsEndWhereTheAccountIsFull(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx, account := t.Context(), limited(t, s, "small", 250)
		importer := contacts.NewImporter(s, s, contacts.ImportConfig{BatchRecords: 20, Clock: clock.System{}})
		take := func(file string, dry bool) int64 {
			u, err := importer.Take(ctx, account, "people.csv", strings.NewReader(file), contacts.ImportOptions{DryRun: dry})
			require.NoError(t, err)
			return u.ID
		}
		run := func(id int64) contacts.Upload {
			require.NoError(t, importer.Run(ctx, id))
			u, err := s.GetUpload(ctx, account, id)
			require.NoError(t, err)
			return u
		}
		dry := run(take(numbered(0, 400), true))
		require.Equal(t, contacts.UploadFailed, dry.State)
		require.Contains(t, dry.Error, "line 252 would make more contacts than the 250 that the account may have")
		require.Contains(t, dry.Error, "would be taken in (250 new contacts, 0 changed)")
		require.EqualValues(t, 250, dry.Records)
		requireContacts(t, s, account, 0)

		files := []string{numbered(0, 400), numbered(1000, 400)}
		ids := []int64{take(files[0], false), take(files[1], false)}
		both := make([]contacts.Upload, 2)
		var group sync.WaitGroup
		for i := range both {
			group.Go(func() { both[i] = run(ids[i]) })
		}
		group.Wait()
		requireContacts(t, s, account, 250)
		for _, u := range both {
			require.Equal(t, contacts.UploadFailed, u.State)
			require.Contains(t, u.Error, fmt.Sprintf("line %d would make", u.Records+2))
			require.Contains(t, u.Error, "--max-contacts")
			require.Equal(t, u.Records, u.Created)
		}
		require.EqualValues(t, 250, both[0].Created+both[1].Created)

		_, err := s.ChangeAccount(ctx, account, func(a *access.Account) error {
			a.Limits.Contacts = 800
			return nil
		})
		require.NoError(t, err)
		for _, file := range files {
			require.Equal(t, contacts.UploadFinished, run(take(file, false)).State)
		}
		requireContacts(t, s, account, 800)
		again := run(take("email\np1@example.org\n", false))
		require.Equal(t, contacts.UploadFinished, again.State, "who is known needs no room: %s", again.Error)
		require.Equal(t, contacts.UploadFailed, run(take("email\np1@example.org\nnew@example.org\n", true)).State)
	})
}
