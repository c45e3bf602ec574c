package api_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/contacts"
	"carillon/internal/secret"
	"carillon/messages"
	"carillon/providers"
)

// A recipient sees the categories with what was chosen, and changes them; nobody else
// does, and looking changes nothing.
func TestARecipientChoosesCategories(t *testing.T) {
	s := newServer(t)
	s.contact("Ada", "ada@example.org")
	s.ok("POST", "/v1/categories", `{"name":"Offers <new>","description":"Twice a month."}`)
	s.ok("POST", "/v1/categories", `{"name":"Events"}`)
	topics := func() contacts.Topics {
		found, err := s.store.Topics(t.Context(), s.account, providers.Email, "ada@example.org")
		require.NoError(t, err)
		return found
	}
	require.Equal(t, []string{"Events", "Offers <new>"}, []string{topics().List[0].Name, topics().List[1].Name})
	events, offers := topics().List[0].ID, topics().List[1].ID
	require.True(t, topics().List[0].Wanted)

	tokens := messages.NewTokens(secret.NewRing(secret.New(masterKey)), messages.NewHosts(""))
	page := "/p/" + tokens.Make(messages.Unsubscriber{AccountID: s.account, Kind: providers.Email, Address: "ada@example.org"})
	look := func() string {
		w := s.do("GET", page, "", "Authorization", "")
		require.Equal(t, 200, w.Code)
		require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
		return w.Body.String()
	}
	choose := func(form string) string {
		w := s.do("POST", page, form, "Authorization", "", "Content-Type", "application/x-www-form-urlencoded")
		require.Equal(t, 200, w.Code, w.Body.String())
		return w.Body.String()
	}
	body := look()
	require.Contains(t, body, "a…@example.org")
	require.NotContains(t, body, "ada@")
	require.Contains(t, body, "Offers &lt;new&gt;")
	require.Contains(t, body, "Twice a month.")
	require.Contains(t, body, fmt.Sprintf(`name="wanted" value="%d" checked`, offers))
	records := func() int {
		list, err := s.store.ListConsents(t.Context(), s.account, 1, 0, 100)
		require.NoError(t, err)
		return len(list)
	}
	require.Zero(t, records(), "looking at the page changes nothing: scanners do")

	choose("language=fr")
	require.Contains(t, look(), `<html lang="fr">`)
	require.Contains(t, look(), `<option value="fr" lang="fr" selected>`)
	choose("language=tlh")
	require.Contains(t, look(), `<html lang="fr">`, "a language that there is not changes nothing")
	choose("language=en")

	both := fmt.Sprintf("shown=%d&shown=%d", events, offers)
	require.Contains(t, choose(both+fmt.Sprintf("&wanted=%d", events)), "Saved.")
	require.Equal(t, []bool{true, false}, []bool{topics().List[0].Wanted, topics().List[1].Wanted})
	require.NotContains(t, look(), fmt.Sprintf(`name="wanted" value="%d" checked`, offers))
	require.Equal(t, 1, records(), "what is as it was is not recorded")
	choose(both + fmt.Sprintf("&wanted=%d", events))
	require.Equal(t, 1, records())
	list, err := s.store.ListConsents(t.Context(), s.account, 1, 0, 100)
	require.NoError(t, err)
	require.Equal(t, contacts.OptOut, list[0].Action)
	require.Equal(t, offers, list[0].CategoryID)
	require.Equal(t, contacts.SourcePreferences, list[0].Source)
	require.Equal(t, "recipient", list[0].Actor)

	// A category that came after the page was opened stays as it is.
	choose(fmt.Sprintf("shown=%d&wanted=%d", offers, offers))
	require.Equal(t, []bool{true, true}, []bool{topics().List[0].Wanted, topics().List[1].Wanted})

	require.Contains(t, choose("everything=opt_out"), "Nothing is sent to")
	require.True(t, topics().Suppressed)
	require.Contains(t, look(), "Subscribe again")
	require.NotContains(t, choose("everything=opt_in"), "Nothing is sent to")
	require.False(t, topics().Suppressed)

	// Of somebody whom nobody knows there is nothing to choose but all or nothing.
	page = "/p/" + tokens.Make(messages.Unsubscriber{AccountID: s.account, Kind: providers.Email, Address: "nobody@example.org"})
	require.NotContains(t, look(), "Offers")
	require.Contains(t, look(), "Unsubscribe from everything")
	require.Contains(t, choose(both), "Messages are sent to")
	page = page[:len(page)-3]
	require.Equal(t, 404, s.do("GET", page, "", "Authorization", "").Code)
	require.Equal(t, 404, s.do("POST", page, "everything=opt_out", "Authorization", "", "Content-Type", "application/x-www-form-urlencoded").Code)
}

// A bounce is not lifted by whoever holds the link.
func TestARecipientDoesNotLiftABounce(t *testing.T) {
	s := newServer(t)
	s.contact("Ada", "ada@example.org")
	_, err := s.store.SuppressAll(t.Context(), s.account, []contacts.Suppression{{Kind: providers.Email, Address: "ada@example.org", Reason: contacts.Bounced}},
		"test", "me")
	require.NoError(t, err)
	tokens := messages.NewTokens(secret.NewRing(secret.New(masterKey)), messages.NewHosts(""))
	page := "/p/" + tokens.Make(messages.Unsubscriber{AccountID: s.account, Kind: providers.Email, Address: "ada@example.org"})
	w := s.do("POST", page, "everything=opt_in", "Authorization", "", "Content-Type", "application/x-www-form-urlencoded")
	require.Equal(t, 200, w.Code)
	require.Contains(t, w.Body.String(), "Nothing is sent to")
}

// Who opts out by a link of a campaign's message, or on the page behind it, counts for its run.
func TestAnOptOutByALinkNamesItsRun(t *testing.T) {
	s := newServer(t)
	s.contact("Ada", "ada@example.org")
	s.contact("Bob", "bob@example.org")
	s.ok("POST", "/v1/channels", `{"name":"news","provider":"sandbox","config":{}}`)
	s.ok("POST", "/v1/campaigns", `{"name":"Spring","channel_id":1,"audience":{"all":true},"content":{"subject":"a","text":"b"}}`)
	s.ok("POST", "/v1/campaigns/1/start", "")
	_, err := s.store.PlanBatch(t.Context(), 1, 100)
	require.NoError(t, err)
	list, err := s.store.ListMessages(t.Context(), messages.MessageFilter{AccountID: s.account, RunID: 1, Limit: 10})
	require.NoError(t, err)
	require.Len(t, list, 2)
	tokens := messages.NewTokens(secret.NewRing(secret.New(masterKey)), messages.NewHosts(""))
	for i, form := range []string{"List-Unsubscribe=One-Click", "everything=opt_out"} {
		page := []string{"/u/", "/p/"}[i] + tokens.Make(messages.Unsubscriber{AccountID: s.account, MessageID: list[i].ID})
		w := s.do("POST", page, form, "Authorization", "", "Content-Type", "application/x-www-form-urlencoded")
		require.Equal(t, 200, w.Code, w.Body.String())
		kept, err := s.store.ListConsents(t.Context(), s.account, list[i].ContactID, 0, 10)
		require.NoError(t, err)
		require.Len(t, kept, 1)
		require.EqualValues(t, 1, kept[0].RunID, form)
	}
	rows := s.ok("GET", "/v1/stats/campaigns?interval=all", "")["items"].([]any)
	require.EqualValues(t, 2, rows[0].(map[string]any)["opted_out"])
}
