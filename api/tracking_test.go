package api_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/api"
	"carillon/internal/secret"
	"carillon/messages"
	"carillon/services"
	"carillon/store"
	"carillon/tracking"
)

// written keeps each event before it returns.
type written struct{ store *store.Store }

func (w written) Engaged(ctx context.Context, e tracking.Event) {
	writer := w.store.StartEngagementWriter(0)
	writer.Engaged(ctx, e)
	writer.Stop()
}

func keepsClicks(s *server, d *api.Deps) {
	d.Services = services.New(services.Deps{
		Store: s.store, Receipts: s.writer, Providers: s.kinds, MasterKeys: secret.NewRing(secret.New(masterKey)), PublicURL: "https://n.example.org",
		Clock: s.clock, Engagement: written{s.store},
	})
}

const browser = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

// A click leads where the link did, with the campaign's parameters, and is counted; a
// machine's is counted apart. Nobody else's address is led to.
func TestTrackedLinks(t *testing.T) {
	s := newServer(t, keepsClicks)
	channel := s.channel()
	s.contact("Ada", "ada@example.org")
	campaign := s.campaign(channel, `,"tracking":{"links":true,"opens":true,"parameters":{"utm_source":"%SOURCE%","utm_campaign":"spring"}}`)
	s.ok("PATCH", fmt.Sprintf("/v1/campaigns/%d", campaign), `{"content":{"subject":"Hi","text":"https://shop.example/?a=1#top {{ unsubscribe_url }}",
		"html":"<a href=\"https://shop.example/?a=1#top\">Shop</a><a href=\"https://shop.example/{{ contact.first_name | downcase }}?utm_source=own\">Yours</a>"}}`)
	s.ok("POST", fmt.Sprintf("/v1/campaigns/%d/start", campaign), "")
	_, err := s.store.PlanBatch(t.Context(), 1, 100)
	require.NoError(t, err)
	kept, err := s.store.KeepLinks(t.Context(), 1, []string{"https://shop.example/?a=1#top", "https://shop.example/" + tracking.Open + "?utm_source=own"}, nil)
	require.NoError(t, err)
	require.Len(t, kept, 2)

	tokens := messages.NewTokens(secret.NewRing(secret.New(masterKey)), messages.NewHosts("https://n.example.org"))
	link := func(account, message int64, l tracking.Link) string {
		url := tokens.Links(messages.Unsubscriber{AccountID: account, MessageID: message}).Tracked(1).ClickURL(l)
		require.Less(t, len(url), 70, "short")
		return strings.TrimPrefix(url, "https://n.example.org")
	}
	fixed, own := link(s.account, 1, tracking.Link{Number: 1, Place: 1, Of: 2}), link(s.account, 1, tracking.Link{Number: 2, Place: 2, Of: 2})
	get := func(method, path string, header ...string) *httptest.ResponseRecorder {
		return s.do(method, path, "", append([]string{"Authorization", "", "User-Agent", browser}, header...)...)
	}
	w := get("GET", fixed)
	require.Equal(t, 302, w.Code, w.Body.String())
	require.Equal(t, "https://shop.example/?a=1&utm_campaign=spring&utm_source=email#top", w.Header().Get("Location"))
	require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	require.Equal(t, "no-referrer", w.Header().Get("Referrer-Policy"))
	require.Empty(t, w.Body.String())
	s.clock.Advance(tracking.BurstFor)
	require.Equal(t, "https://shop.example/ada?utm_source=own&utm_campaign=spring", get("GET", own).Header().Get("Location"))
	head := get("HEAD", fixed)
	require.Equal(t, 302, head.Code)
	require.NotEmpty(t, head.Header().Get("Location"))
	require.Equal(t, 302, get("GET", fixed, "Sec-Purpose", "prefetch").Code)

	picture := strings.TrimPrefix(tokens.Links(messages.Unsubscriber{AccountID: s.account, MessageID: 1}).Tracked(1).OpenURL(), "https://n.example.org")
	w = get("GET", picture)
	require.Equal(t, 200, w.Code)
	require.Equal(t, "image/gif", w.Header().Get("Content-Type"))
	require.True(t, strings.HasPrefix(w.Body.String(), "GIF89a"))
	require.Equal(t, 200, get("GET", picture, "User-Agent", "Mozilla/5.0").Code)

	golden(t, "tracking.txt", s.transcript(
		[]string{"GET", "/v1/runs/1/links", ""},
		[]string{"GET", "/v1/messages/1", ""},
		[]string{"GET", "/v1/runs/9/links", ""},
		[]string{"PATCH", "/v1/campaigns/1", `{"tracking":{"opens":true,"parameters":{"utm source":"x","b":"{{ contact.id }}"}}}`},
		[]string{"GET", "/v1/runs/1/variants?by=clicked", ""},
	))
	run := s.ok("GET", "/v1/runs/1", "")
	require.Equal(t, map[string]any{"opened": 1.0, "opens": 1.0, "machine_opens": 1.0, "clicked": 1.0, "clicks": 2.0, "machine_clicks": 2.0}, run["engagement"])
	require.Equal(t, 200, s.do("GET", "/v1/runs/1/links", "", as(access.Viewer)...).Code)

	// What was not made here leads nowhere, and neither does what is another's.
	for _, path := range []string{
		"/c/abc", fixed + "x", strings.Replace(fixed, "/c/B", "/c/C", 1), link(s.account+1, 1, tracking.Link{Number: 1}),
		link(s.account, 77, tracking.Link{Number: 2}),
		link(s.account, 1, tracking.Link{Number: tracking.Other, Place: 9}), link(s.account, 1, tracking.Link{Number: tracking.Other, Place: 1}),
		strings.TrimSuffix(strings.Replace(picture, "/o/", "/c/", 1), ".gif"),
		strings.Replace(tokens.Links(messages.Unsubscriber{AccountID: s.account, MessageID: 1}).ViewURL(), "https://n.example.org/v/", "/c/", 1),
	} {
		w := get("GET", path)
		require.Equal(t, 404, w.Code, path)
		require.Contains(t, w.Body.String(), "This link does not work", path)
		require.Empty(t, w.Header().Get("Location"))
	}
	w = get("GET", strings.Replace(fixed, "/c/", "/o/", 1)+".gif")
	require.Equal(t, 404, w.Code)
	require.True(t, strings.HasPrefix(w.Body.String(), "GIF89a"), "no gap is shown")

	// The contact is as it is now: the link is found by what it is.
	s.ok("PATCH", "/v1/contacts/1", `{"first_name":"Grace"}`)
	require.Equal(t, "https://shop.example/grace?utm_source=own&utm_campaign=spring", get("GET", own).Header().Get("Location"))
	_, err = s.store.EraseContact(t.Context(), s.account, 1, false)
	require.NoError(t, err)
	require.Equal(t, 404, get("GET", own).Code)
	require.Equal(t, 302, get("GET", fixed).Code, "what is everybody's says nothing of anybody")
}

// FuzzClickTokens: whatever is asked for, only what was signed leads somewhere.
func FuzzClickTokens(f *testing.F) {
	tokens := messages.NewTokens(secret.NewRing(secret.New(masterKey)), messages.NewHosts("https://n.example.org"))
	ours := tokens.Links(messages.Unsubscriber{AccountID: 1, MessageID: 2}).Tracked(3)
	link := tracking.Link{Number: 4, Place: 5, Of: 6}
	click := strings.TrimPrefix(ours.ClickURL(link), "https://n.example.org/c/")
	open := strings.TrimSuffix(strings.TrimPrefix(ours.OpenURL(), "https://n.example.org/o/"), ".gif")
	for _, seed := range []string{click, open, click[:10], "", "====", strings.Repeat("A", 40)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		ref, err := tokens.ParseClick(token)
		if err == nil {
			require.Equal(t, tracking.Ref{AccountID: 1, RunID: 3, MessageID: 2, Link: link}, ref)
		}
		if ref, err = tokens.ParseOpen(token); err == nil {
			require.Equal(t, tracking.Ref{AccountID: 1, RunID: 3, MessageID: 2}, ref)
		}
	})
}
