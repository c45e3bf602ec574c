package campaigns_test

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/internal/fault"
)

// serveFeed serves what it is told to say; empty is an outage.
func serveFeed(t *testing.T) (address string, says *atomic.Value) {
	t.Helper()
	says = &atomic.Value{}
	says.Store(`{"title":"News & more","items":[{"id":1,"title":"One"}]}`)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if text := says.Load().(string); text != "" {
			_, _ = w.Write([]byte(text))
			return
		}
		w.WriteHeader(http.StatusBadGateway)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/news.json", says
}

func TestDataFeedsThatCanNotBeMeant(t *testing.T) {
	f := newFixture(t)
	for _, c := range []struct {
		feed campaigns.DataFeed
		says string
	}{
		{campaigns.DataFeed{}, "feed.url: must be an https address"},
		{campaigns.DataFeed{URL: "news.json"}, "feed.url: must be an https address"},
		{campaigns.DataFeed{URL: "ftp://example.org/news"}, "feed.url: must be an https address"},
		{campaigns.DataFeed{URL: "http://example.org/news"}, "feed.url: must be https, so that nobody on the way"},
		{campaigns.DataFeed{URL: "http://10.0.0.1/news"}, "feed.url: must be https"},
		{campaigns.DataFeed{URL: "https://ada:secret@example.org/news"}, "feed.url: has a name and a password in it"},
		{campaigns.DataFeed{URL: "https://example.org/{{ contact.id }}"}, "feed.url: is read once for a run and can't have Liquid"},
		{campaigns.DataFeed{URL: "https://example.org/", Items: "a..b"}, "feed.items: must be names with dots"},
		{campaigns.DataFeed{URL: "https://example.org/", NewBy: "a b"}, "feed.new_by: must be names with dots"},
		{campaigns.DataFeed{URL: "https://example.org/", WhenNothingNew: "stop"}, "feed.when_nothing_new: must be send or skip"},
	} {
		campaign := f.campaign()
		campaign.DataFeed = &c.feed
		_, err := f.Create(t.Context(), campaign)
		require.True(t, fault.Is(err, fault.Invalid), "%+v", c.feed)
		require.ErrorContains(t, err, c.says)
		require.NotContains(t, err.Error(), "secret")
	}
	campaign := f.campaign()
	campaign.DataFeed = &campaigns.DataFeed{URL: "https://example.org/news.json?k=1", Items: "data.items", NewBy: "meta.id", WhenNothingNew: "skip"}
	_, err := f.Create(t.Context(), campaign)
	require.NoError(t, err)
}

// What is seen before a start is what a run would say, with the feed as it is now.
func TestPreviewAndTestReadTheFeed(t *testing.T) {
	f := newFixture(t)
	address, says := serveFeed(t)
	campaign := f.campaign()
	campaign.DataFeed = &campaigns.DataFeed{URL: address}
	campaign.Content.Text = "{{ feed.title }} {% for i in feed.items %}{{ i.title }}{% endfor %} {{ feed.titel }}|" +
		"{{ campaign.name }}|{{ run.kind }} {{ run.instant }}|" +
		"{{ channel.name }} {{ channel.provider }}|{{ account.name }}|{{ unsubscribe_url }}|{{ preferences_url }}|{{ view_url }}"
	campaign, err := f.Create(t.Context(), campaign)
	require.NoError(t, err)
	preview, err := f.Preview(t.Context(), f.Account, campaign.ID)
	require.NoError(t, err)
	require.NoError(t, preview.Feed)
	require.Equal(t, []string{"feed.titel is not known and renders as nothing; did you mean feed.title?"}, preview.Notices)
	text := preview.Samples[0].Content.Text
	require.Regexp(t, `^News & more One \|Spring\|scheduled 2026-03-01T13:00:00\+01:00\|news mail\|tests\|`+
		`https://n\.example\.org/u/\S+\|https://n\.example\.org/p/\S+\|https://n\.example\.org/v/\S+$`, text)

	sent, err := f.Service.Test(t.Context(), f.Account, campaign.ID, campaigns.TestTo{Address: "boss@example.org"})
	require.NoError(t, err)
	content, err := f.Store.MessageContent(t.Context(), sent.ID)
	require.NoError(t, err)
	require.Contains(t, string(content), "One |Spring|scheduled 2026-03-01T13:00:00+01:00|news mail|tests|https://n.example.org/u/")

	says.Store("")
	preview, err = f.Preview(t.Context(), f.Account, campaign.ID)
	require.NoError(t, err)
	require.ErrorContains(t, preview.Feed, "answered 502 Bad Gateway")
	require.Empty(t, preview.Notices)
	require.Contains(t, preview.Samples[0].Content.Text, "|Spring|")
	_, err = f.Service.Test(t.Context(), f.Account, campaign.ID, campaigns.TestTo{Address: "boss@example.org"})
	require.True(t, fault.Is(err, fault.Conflict), "%v", err)
	require.ErrorContains(t, err, "its data feed can't be read: ")
	checks, err := f.Check(t.Context(), f.Account, campaign.ID)
	require.NoError(t, err)
	require.Contains(t, codes(checks.Warnings), campaigns.CheckDataFeed)
	require.Empty(t, checks.Blockers)

	says.Store(`{"title":"x"}`)
	changed := campaign
	changed.DataFeed = &campaigns.DataFeed{URL: address, Items: "items", NewBy: "id"}
	_, err = f.Update(t.Context(), changed)
	require.NoError(t, err)
	preview, err = f.Preview(t.Context(), f.Account, campaign.ID)
	require.NoError(t, err)
	require.ErrorContains(t, preview.Feed, "has no list at items")
	says.Store(`{"items":[]}`)
	preview, err = f.Preview(t.Context(), f.Account, campaign.ID)
	require.NoError(t, err)
	require.NoError(t, preview.Feed, "a list may be empty")
}

func codes(checks []campaigns.Check) (codes []string) {
	for _, c := range checks {
		codes = append(codes, c.Code)
	}
	return codes
}
