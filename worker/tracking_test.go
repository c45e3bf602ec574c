package worker

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/internal/clock"
	"carillon/internal/secret"
	"carillon/messages"
	"carillon/providers"
	"carillon/tracking"
)

// Of a campaign that tracks, each message has links of its own, in its variant, its language
// and its buttons; who unsubscribes is not tracked, and neither is any other message.
func TestTheWorkerTracks(t *testing.T) {
	const base = "https://n.example.org"
	tokens := messages.NewTokens(secret.NewRing(secret.New("k")), messages.NewHosts(base))
	b := newBench(t, clock.NewFake(noon))
	got := b.collect()
	b.o.Links = func(account, id int64) messages.Links {
		return tokens.Links(messages.Unsubscriber{AccountID: account, MessageID: id})
	}
	b.store.campaign = campaigns.Campaign{
		ID: 4, RunID: 3, AccountID: 7, Name: "Spring", Tracking: tracking.Settings{Links: true, Opens: true},
		Content: providers.Content{
			Text: "{{ contact.first_name }}: https://a.example/{{ contact.first_name }} https://b.example {{ unsubscribe_url }}",
			HTML: `<a href="https://b.example">b</a>`, Buttons: []providers.MessageButton{{Type: providers.ButtonLink, Caption: "Shop", Info: "https://c.example/"}},
		},
		Experiment: &campaigns.Experiment{Variants: []campaigns.Variant{{Name: "A"}, {Name: "B", Content: &campaigns.Wording{
			Content: providers.Content{Text: "https://d.example/"},
		}}}},
	}
	b.store.people[1] = messages.Recipient{ContactID: 3, FirstName: "Ada", Address: "ada@example.com"}
	b.store.variants = map[int64]int{1: 1, 2: 2}
	require.NoError(t, b.channel(providers.Channel{AccountID: 7}).handle(t.Context(), envelope(2)))

	table := tracking.NewTable(tracking.Collect([]providers.Content{
		{HTML: `<a href="https://b.example"></a><a href="https://c.example/"></a>`, Text: "https://a.example/" + tracking.Open}, {Text: "https://d.example/"},
	}))
	named := func(text string) (found []string) {
		for _, url := range regexp.MustCompile(regexp.QuoteMeta(base)+`/c/[A-Za-z0-9_-]+`).FindAllString(text, -1) {
			ref, err := tokens.ParseClick(strings.TrimPrefix(url, base+"/c/"))
			require.NoError(t, err)
			require.EqualValues(t, 7, ref.AccountID)
			require.EqualValues(t, 5, ref.RunID)
			found = append(found, tracking.Shown(table.Address(ref.Link.Number)))
		}
		return found
	}
	first := got()[1].Content
	require.Equal(t, []string{"https://b.example", "https://c.example/"}, named(first.HTML))
	require.Equal(t, []string{"https://a.example/…", "https://b.example", "https://c.example/"}, named(first.Text))
	require.Contains(t, first.Text, got()[1].UnsubscribeURL)
	require.Regexp(t, `<img src="`+base+`/o/[A-Za-z0-9_-]+\.gif"`, first.HTML)
	require.Equal(t, []string{"https://d.example/"}, named(got()[2].Content.Text))

	// Without a public address, and where nothing is tracked, contents stay as they are.
	for _, change := range []func(*bench){
		func(b *bench) { b.o.Links = nil },
		func(b *bench) { b.store.campaign.Tracking = tracking.Settings{} },
	} {
		plain := newBench(t, clock.NewFake(noon))
		got := plain.collect()
		plain.o.Links, plain.store.campaign, plain.store.variants = b.o.Links, b.store.campaign, b.store.variants
		change(plain)
		require.NoError(t, plain.channel(providers.Channel{}).handle(t.Context(), envelope(2)))
		require.Equal(t, "https://d.example/", got()[2].Content.Text)
	}
}
