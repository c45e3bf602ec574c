package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/fault"
	"carillon/providers"
	"carillon/store/storetest"
	"carillon/targeting"
	"carillon/templates"
	"carillon/templates/email"
)

func letterOf(account int64, name, body string) templates.Saved {
	return templates.Saved{
		Template: templates.Template{AccountID: account, Name: name, Definition: templates.Definition{
			Category: "utility", Kinds: []providers.AddressKind{providers.Email, providers.SMS}, Default: "en",
			Translations: []templates.Translation{
				{Language: "de", Body: "Hallo"},
				{Language: "en", Body: body, Email: &templates.Email{Subject: "Hello", HTML: "<p>x</p>"}},
			},
		}},
		Built: map[string]email.Built{"en": {HTML: "<p>x</p>", Text: "x"}},
	}
}

func TestVersionsOfTemplatesStay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		clock := s.FakeTime()
		account, other := s.Account("one"), s.Account("two")
		made := clock.Now()
		first, err := s.CreateTemplate(ctx, letterOf(account, "hello", "one"))
		require.NoError(t, err)
		want := letterOf(account, "hello", "one")
		want.ID, want.Version, want.CreatedAt, want.ChangedAt = first.ID, 1, made, made
		require.Equal(t, want, first)

		clock.Advance(time.Minute)
		change := first
		change.Definition = letterOf(account, "", "two").Definition
		second, err := s.ChangeTemplate(ctx, change)
		require.NoError(t, err)
		require.Equal(t, 2, second.Version)
		require.Equal(t, clock.Now(), second.ChangedAt)
		_, err = s.ChangeTemplate(ctx, change)
		require.True(t, fault.Is(err, fault.Conflict))
		require.ErrorContains(t, err, "version 2 is the latest")

		for version, want := range map[int]templates.Saved{0: second, 1: first, 2: second} {
			got, err := s.GetTemplate(ctx, account, first.ID, version)
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
		_, err = s.GetTemplate(ctx, account, first.ID, 3)
		require.True(t, fault.Is(err, fault.NotFound))
		require.ErrorContains(t, err, "the latest is 2")
		found, err := s.FindTemplate(ctx, account, "hello")
		require.NoError(t, err)
		require.Equal(t, second, found)
		versions, err := s.ListVersions(ctx, account, first.ID, 0, 10)
		require.NoError(t, err)
		require.Equal(t, []templates.TemplateVersion{
			{Version: 2, Languages: []string{"en", "de"}, CreatedAt: clock.Now()}, {Version: 1, Languages: []string{"en", "de"}, CreatedAt: made},
		}, versions)
		versions, err = s.ListVersions(ctx, account, first.ID, 2, 10)
		require.NoError(t, err)
		require.Len(t, versions, 1)

		for _, err := range []error{
			s.DeleteTemplate(ctx, other, first.ID),
			func() error { _, err := s.GetTemplate(ctx, other, first.ID, 0); return err }(),
			func() error { _, err := s.FindTemplate(ctx, other, "hello"); return err }(),
			func() error { _, err := s.ListVersions(ctx, other, first.ID, 0, 1); return err }(),
			func() error { c := second; c.AccountID = other; _, err := s.ChangeTemplate(ctx, c); return err }(),
			s.SetTemplateStatus(ctx, other, first.ID, templates.Approval{}),
		} {
			require.True(t, fault.Is(err, fault.NotFound), "%v", err)
		}
	})
}

func TestTheNameOfADeletedTemplateStaysReserved(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		clock := s.FakeTime()
		account, other := s.Account("one"), s.Account("two")
		for range 2 {
			made, err := s.CreateTemplate(ctx, letterOf(account, "hello", "x"))
			require.NoError(t, err)
			_, err = s.CreateTemplate(ctx, letterOf(account, "hello", "x"))
			require.True(t, fault.Is(err, fault.Conflict))
			require.NoError(t, s.DeleteTemplate(ctx, account, made.ID))
			require.True(t, fault.Is(s.DeleteTemplate(ctx, account, made.ID), fault.NotFound))
			_, err = s.GetTemplate(ctx, account, made.ID, 1)
			require.True(t, fault.Is(err, fault.NotFound))
			free := clock.Now().Add(templates.ReservedFor)
			clock.Advance(templates.ReservedFor - time.Millisecond)
			_, err = s.CreateTemplate(ctx, letterOf(account, "hello", "x"))
			require.True(t, fault.Is(err, fault.Conflict))
			require.ErrorContains(t, err, "stays reserved until "+free.Format("2006-01-02 15:04 MST"))
			clock.Advance(time.Millisecond)
		}
		_, err := s.CreateTemplate(ctx, letterOf(other, "hello", "x"))
		require.NoError(t, err)
	})
}

func TestTemplatesAreListedByName(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		clock := s.FakeTime()
		account := s.Account("one")
		for i, name := range []string{"b", "B", "a_1", "a", "gone"} {
			letter := letterOf(account, name, "x")
			if i == 0 {
				letter.Kinds, letter.Category = []providers.AddressKind{providers.WhatsApp}, "marketing"
			}
			made, err := s.CreateTemplate(ctx, letter)
			require.NoError(t, err)
			if name == "gone" {
				require.NoError(t, s.DeleteTemplate(ctx, account, made.ID))
			}
		}
		names := func(f templates.TemplateFilter) (names []string) {
			f.AccountID, f.Limit = account, 3
			list, err := s.ListTemplates(ctx, f)
			require.NoError(t, err)
			for _, info := range list {
				names = append(names, info.Name)
				require.Equal(t, clock.Now(), info.ChangedAt)
			}
			return names
		}
		require.Equal(t, []string{"B", "a", "a_1"}, names(templates.TemplateFilter{}))
		require.Equal(t, []string{"b"}, names(templates.TemplateFilter{After: "a_1"}))
		require.Equal(t, []string{"b"}, names(templates.TemplateFilter{Kind: providers.WhatsApp}))
		require.Equal(t, []string{"B", "a", "a_1"}, names(templates.TemplateFilter{Kind: providers.SMS}))
		require.Equal(t, []string{"b"}, names(templates.TemplateFilter{Category: "marketing"}))
		list, err := s.ListTemplates(ctx, templates.TemplateFilter{AccountID: account, Limit: 1, After: "a_1"})
		require.NoError(t, err)
		require.Equal(t, []string{"en", "de"}, list[0].Languages)
		require.Equal(t, []providers.AddressKind{providers.WhatsApp}, list[0].Kinds)
	})
}

func TestStatusesAndLanguagesOfPeople(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		clock := s.FakeTime()
		j := storetest.NewJourney(t, s, 3)
		letter, err := s.CreateTemplate(ctx, letterOf(j.AccountID, "hello", "x"))
		require.NoError(t, err)
		for _, state := range []templates.State{templates.Pending, templates.Rejected} {
			status := templates.Approval{ChannelID: j.Channel.ID, Language: "en", State: state, Reason: "because"}
			require.NoError(t, s.SetTemplateStatus(ctx, j.AccountID, letter.ID, status))
		}
		err = s.SetTemplateStatus(ctx, j.AccountID, letter.ID, templates.Approval{ChannelID: 999, Language: "en", State: templates.Approved})
		require.True(t, fault.Is(err, fault.Invalid))
		got, err := s.GetTemplate(ctx, j.AccountID, letter.ID, 0)
		require.NoError(t, err)
		require.Equal(t, []templates.Approval{
			{ChannelID: j.Channel.ID, Language: "en", State: templates.Rejected, Reason: "because", UpdatedAt: clock.Now()},
		}, got.Statuses)

		// What is said anew nobody has approved.
		got.Translations[0].Body = "Servus"
		got, err = s.ChangeTemplate(ctx, got)
		require.NoError(t, err)
		require.Len(t, got.Statuses, 1, "German has changed, and English has the status")
		got.Translations[1].Body = "Hi"
		got, err = s.ChangeTemplate(ctx, got)
		require.NoError(t, err)
		require.Empty(t, got.Statuses)

		ids := s.IDs("SELECT id FROM contacts ORDER BY id")
		s.Exec("UPDATE contacts SET language = 'pl' WHERE id = ?", ids[0])
		s.Exec("DELETE FROM addresses WHERE contact_id = ?", ids[1])
		people, err := s.CountLanguages(ctx, j.AccountID, "")
		require.NoError(t, err)
		require.Equal(t, map[string]int64{"pl": 1, "": 2}, people)
		people, err = s.CountLanguages(ctx, j.AccountID, providers.Email)
		require.NoError(t, err)
		require.Equal(t, map[string]int64{"pl": 1, "": 1}, people)
	})
}

func TestTheLanguagesOfAnAudience(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := storetest.NewJourney(t, s, 25) // three have no address
		ids := s.IDs("SELECT id FROM contacts ORDER BY id")
		s.Exec("UPDATE contacts SET language = 'pl' WHERE id % 2 = 0")
		group, err := s.CreateGroup(ctx, j.AccountID, "some")
		require.NoError(t, err)
		for _, id := range ids[:12] {
			s.Exec("INSERT INTO members (list_id, contact_id) VALUES (?, ?)", group.ID, id)
		}
		for _, audience := range []targeting.Audience{{All: true}, {Groups: []int64{group.ID}}, {Contacts: ids[:5]}} {
			people, err := s.AudienceLanguages(ctx, j.Channel, audience, 0)
			require.NoError(t, err)
			preview, err := s.PreviewAudience(ctx, j.Channel, audience, 0)
			require.NoError(t, err)
			require.Equal(t, preview.Reachable, people["pl"]+people[""])
			require.Positive(t, people["pl"])
			require.Len(t, people, 2)
		}
	})
}

func TestATemplateHoldsItsSnippets(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account := s.Account("one")
		letter := letterOf(account, "hello", "{% render 'footer' %}")
		_, err := s.CreateTemplate(ctx, letter)
		require.True(t, fault.Is(err, fault.Invalid))
		require.ErrorContains(t, err, `there is no snippet "footer"`)
		saveSnippet(t, s, templates.Snippet{AccountID: account, Name: "footer", Text: "bye"})
		made, err := s.CreateTemplate(ctx, letter)
		require.NoError(t, err)
		err = s.DeleteSnippet(ctx, account, "footer")
		require.True(t, fault.Is(err, fault.Conflict))
		require.ErrorContains(t, err, `template "hello"`)
		made.Translations[1].Body = "x"
		_, err = s.ChangeTemplate(ctx, made)
		require.NoError(t, err)
		require.NoError(t, s.DeleteSnippet(ctx, account, "footer"))
	})
}

func TestTemplatesAreBounded(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		account := s.Account("one")
		s.Exec(fmt.Sprintf(`INSERT INTO templates (account_id, name, version, kinds, created_at)
			WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) SELECT %d, 't' || i, 1, '', 0 FROM n`, templates.MaxTemplates, account))
		_, err := s.CreateTemplate(t.Context(), letterOf(account, "hello", "x"))
		require.True(t, fault.Is(err, fault.Conflict))
		require.ErrorContains(t, err, "10000 templates already")
	})
}
