package worker

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/internal/clock"
	"carillon/messages"
	"carillon/providers"
	"carillon/queue"
	"carillon/targeting"
	"carillon/templates"
)

// collect keeps what the provider is asked to send.
func (b *bench) collect() func() map[int64]providers.Message {
	var mu sync.Mutex
	got := map[int64]providers.Message{}
	b.send = func(_ context.Context, m providers.Message) (providers.Accepted, error) {
		mu.Lock()
		defer mu.Unlock()
		m.Begin, m.Commit = nil, nil
		got[m.ID] = m
		return providers.Accepted{}, nil
	}
	return func() map[int64]providers.Message {
		mu.Lock()
		defer mu.Unlock()
		return got
	}
}

// unsubscribes has something done for every message that is rendered.
func (b *bench) unsubscribes(do func(id int64)) {
	b.o.Links = func(_, id int64) messages.Links {
		do(id)
		return messages.Links{UnsubscribeURL: fmt.Sprintf("https://n.example.org/u/%d", id)}
	}
}

// endless takes more than it may for whoever has no name.
const endless = `{% if contact.first_name %}Hi{% else %}{% for i in (1..999999999) %}{% endfor %}{% endif %}`

func TestTheWorkerRenders(t *testing.T) {
	b := newBench(t, clock.NewFake(noon))
	got := b.collect()
	b.unsubscribes(func(int64) {})
	b.store.campaign = campaigns.Campaign{ID: 4, Name: "Spring", Content: providers.Content{Subject: "{{ campaign.name }}", Text: "{% render 'hi' %}",
		Buttons: []providers.MessageButton{{Type: providers.ButtonPostback, Caption: "I am {{ contact.first_name }}"}}},
		Snippets: map[string]string{"hi": "Hi {{ contact.first_name }}"}}
	b.store.people[2] = messages.Recipient{ContactID: 3, FirstName: "Ada", LastName: "Lovelace", Address: "ada@example.com"}
	b.store.people[3] = messages.Recipient{ContactID: 4, Name: "Countess", FirstName: "Ada", Address: "c@example.com"}
	b.store.gone[1] = true
	e := envelope(3)
	e.Items[1].Attempt = 2
	ch := b.channel(providers.Channel{})
	require.NoError(t, ch.handle(t.Context(), e))
	content := providers.Content{Subject: "Spring", Text: "Hi Ada\n\nReply \"I am Ada\""}
	require.Equal(t, map[int64]providers.Message{
		2: {ID: 2, Attempt: 2, To: "ada@example.com", ToName: "Ada Lovelace", Content: content, UnsubscribeURL: "https://n.example.org/u/2"},
		3: {ID: 3, Attempt: 1, To: "c@example.com", ToName: "Countess", Content: content, UnsubscribeURL: "https://n.example.org/u/3"},
	}, got())
	require.Equal(t, [][]int64{{2, 3}}, b.writer.claims, "what is the envelope's no more is not even claimed")

	clear(got())
	e = queue.Envelope{ID: 100, ChannelID: 1, Transactional: true, Items: []queue.Item{{MessageID: 9, Attempt: 3}}}
	require.NoError(t, ch.handle(t.Context(), e))
	require.Equal(t, map[int64]providers.Message{9: {
		ID: 9, Attempt: 3, Transactional: true, To: "a@example.com", Content: providers.Content{Text: "code"}, Metadata: map[string]string{"k": "v"},
	}}, got(), "a transactional message has its own content, and no address to unsubscribe")
	b.store.content = []byte(`{`)
	e.ID, e.Items[0].MessageID = 101, 10
	require.NoError(t, ch.handle(t.Context(), e))
	require.Contains(t, b.store.skipped[10], messages.ReasonRenderFailed+": read the message's content")
	require.Len(t, got(), 1)
	require.Equal(t, 1, b.store.reads, "a run's campaign is read once")
	requireAllFree(t, ch)
}

// A run of a template speaks the language of each recipient, as its rule has it.
func TestTheWorkerSpeaksEverybodysLanguage(t *testing.T) {
	b := newBench(t, clock.NewFake(noon))
	got := b.collect()
	b.store.campaign = campaigns.Campaign{ID: 4, Name: "Spring", Resolved: &templates.Resolved{
		Name: "spring", Version: 1, Languages: templates.Languages{Has: []string{"de", "en"}, Default: "en"},
		Contents: map[string]providers.Content{"de": {Text: "Hallo {{ contact.first_name }}"}, "en": {Text: "Hello {{ contact.first_name }}"}},
	}}
	for id, language := range map[int64]string{1: "de", 2: "de-AT", 3: "fr", 4: ""} {
		b.store.people[id] = messages.Recipient{FirstName: "Ada", Language: language, Address: "a@example.com"}
	}
	require.NoError(t, b.channel(providers.Channel{}).handle(t.Context(), envelope(4)))
	said := map[int64]string{}
	for id, m := range got() {
		said[id] = m.Content.Text
	}
	require.Equal(t, map[int64]string{1: "Hallo Ada", 2: "Hallo Ada", 3: "Hello Ada", 4: "Hello Ada"}, said)
	require.Equal(t, map[int64]string{1: "de", 2: "de", 3: "en", 4: "en"}, b.writer.spoken)

	// Where no template speaks, nothing is written of it.
	b = newBench(t, clock.NewFake(noon))
	require.NoError(t, b.channel(providers.Channel{}).handle(t.Context(), envelope(2)))
	require.Empty(t, b.writer.spoken)
}

// Everybody gets the content of their variant; without one a message is not sent, as it
// would be fed too early.
func TestTheWorkerSaysWhatTheVariantSays(t *testing.T) {
	b := newBench(t, clock.NewFake(noon))
	got := b.collect()
	say := func(text string) *campaigns.Wording {
		return &campaigns.Wording{Content: providers.Content{Text: text}}
	}
	b.store.campaign = campaigns.Campaign{
		ID: 4, Name: "Spring", Content: providers.Content{Text: "own {% render 'end' %}"}, Snippets: map[string]string{"end": "!"},
		Experiment: &campaigns.Experiment{Variants: []campaigns.Variant{
			{Name: "A"}, {Name: "B", Content: say("other {{ row.city }}")}, {Name: "C", Content: &campaigns.Wording{Template: &templates.Use{Name: "spring"}}},
		}},
		ResolvedVariants: []*templates.Resolved{nil, nil, {
			Languages: templates.Languages{Has: []string{"en"}, Default: "en"}, Contents: map[string]providers.Content{"en": {Text: "of a template"}},
		}},
		Audience: targeting.Audience{Uploads: []int64{8}},
	}
	b.store.variants = map[int64]int{1: 1, 2: 2, 3: 3, 4: 0, 5: 4}
	require.NoError(t, b.channel(providers.Channel{}).handle(t.Context(), envelope(5)))
	said := map[int64]string{}
	for id, m := range got() {
		said[id] = m.Content.Text
	}
	require.Equal(t, map[int64]string{1: "own !", 2: "other ", 3: "of a template"}, said)
	require.Contains(t, b.store.skipped[4], "it has no variant yet")
	require.Contains(t, b.store.skipped[5], "it has no variant yet")
	require.Equal(t, []int64{8}, b.store.loads[0].Uploads, "one of them names a row")
}

// Rows are read only for contents that name them.
func TestRowsAreLoadedWhereTheContentNamesThem(t *testing.T) {
	for text, uploads := range map[string][]int64{"Hi {{ contact.name }}": nil, "Hi {{ row.city }}": {8, 9}, "{% render 'city' %}": {8, 9},
		"{% render 'none' %}": nil} {
		b := newBench(t, clock.NewFake(noon))
		b.store.campaign = campaigns.Campaign{Audience: targeting.Audience{Uploads: []int64{8, 9}}, Content: providers.Content{Text: text},
			Snippets: map[string]string{"city": "{{ row.city }}", "none": "x"}}
		require.NoError(t, b.channel(providers.Channel{}).handle(t.Context(), envelope(2)))
		require.Equal(t, []messages.EnvelopeRequest{{ChannelID: 1, RunID: 5, EnvelopeID: 99, MessageIDs: []int64{1, 2}, Uploads: uploads}}, b.store.loads)
	}
}

// Whom a template can't be rendered for is skipped, with the reason, and not asked
// for; the others go on.
func TestRenderFailureSkipsOneRecipient(t *testing.T) {
	b := newBench(t, clock.NewFake(noon))
	got := b.collect()
	b.store.campaign.Content.Text = `{% if contact.first_name %}Hi{% else %}{{ 1 | divided_by: 0 }}{% endif %}`
	for id := int64(2); id <= 400; id += 2 {
		b.store.people[id] = messages.Recipient{FirstName: "Ada"}
	}
	ch := b.channel(providers.Channel{Limits: providers.Limits{Concurrency: 4000, DoubtsInARow: 4000}})
	require.NoError(t, ch.handle(t.Context(), envelope(400)))
	require.Len(t, got(), 200)
	require.Len(t, b.store.skipped, 200)
	for id, detail := range b.store.skipped {
		require.Equal(t, int64(1), id%2)
		require.Contains(t, detail, messages.ReasonRenderFailed+": ")
		require.Contains(t, detail, "divi")
		require.False(t, b.writer.claimed[id])
	}
	require.Empty(t, b.store.unqueued)
	require.Empty(t, b.store.paused)
	requireAllFree(t, ch)
}

// Whom a template takes too much for is skipped with a reason of its own; a run of
// them pauses the campaign with words, and nothing more of it is rendered.
func TestARunOfExceededTemplatesPausesTheCampaign(t *testing.T) {
	b := newBench(t, clock.NewFake(noon))
	got := b.collect()
	b.store.campaign.Content.Text = endless
	for id := int64(1); id <= 100; id++ {
		if id >= exceededInARow && id < 20 { // one short, some fine, then all
			b.store.people[id] = messages.Recipient{FirstName: "Ada"}
		}
	}
	ch := b.channel(providers.Channel{Limits: providers.Limits{Concurrency: 4000, DoubtsInARow: 4000}})
	require.NoError(t, ch.handle(t.Context(), envelope(100)))
	require.Contains(t, b.store.paused[5], "10 recipients in a row were skipped: ")
	require.Contains(t, b.store.paused[5], "content.text: the template takes more than")
	require.Len(t, b.store.skipped, exceededInARow-1+exceededInARow, "a run counts, not the sum")
	for _, detail := range b.store.skipped {
		require.Contains(t, detail, messages.ReasonRenderExceeded+": ")
	}
	require.Zero(t, ch.runs.known[5].exceeded.Load(), "resuming begins anew")
	require.LessOrEqual(t, len(got()), 10)
	require.Equal(t, 100, len(got())+len(b.store.skipped)+len(b.store.unqueued), "the rest is given back")
	requireAllFree(t, ch)

	// An envelope of before the pause neither counts nor pauses what was resumed.
	late := envelope(30)
	late.ID = 100
	for id := range int64(31) {
		b.store.gone[id] = false
	}
	require.NoError(t, ch.handle(t.Context(), late))
	require.Zero(t, ch.runs.known[5].exceeded.Load())
	require.Len(t, b.store.skipped, exceededInARow-1+exceededInARow)
}

// A template that takes long is rendered for a while; what is done by then is sent,
// and then comes the rest.
func TestRenderingIsCutIntoPieces(t *testing.T) {
	fake := clock.NewFake(noon)
	b := newBench(t, fake)
	got := b.collect()
	b.unsubscribes(func(int64) { fake.Advance(renderFor / 3) })
	ch := b.channel(providers.Channel{Limits: providers.Limits{Concurrency: 4000, DoubtsInARow: 4000}})
	require.NoError(t, ch.handle(t.Context(), envelope(40)))
	require.Len(t, got(), 40)
	require.GreaterOrEqual(t, len(b.writer.claims), 10, "four at a time")
	require.Empty(t, b.store.unqueued)
}

// What a template takes is not waited for by a channel that has to stop: what is not
// rendered goes back, and nobody is skipped for it.
func TestStoppingEndsARendering(t *testing.T) {
	for _, name := range []string{"stop", "end of the drain"} {
		b := newBench(t, nil)
		got := b.collect()
		ch := b.channel(providers.Channel{})
		ctx, cancel := context.WithCancel(t.Context())
		b.store.campaign.Content.Text = endless
		b.unsubscribes(func(int64) {
			switch name {
			case "stop":
				if !ch.isStopping() {
					close(ch.stopping)
				}
			default:
				cancel()
			}
		})
		b.o.ID = 7
		require.NoError(t, ch.handle(ctx, envelope(200)), name)
		cancel()
		require.Empty(t, got())
		require.LessOrEqual(t, len(b.store.skipped), 1)
		require.Equal(t, 200, len(b.store.unqueued)+len(b.store.skipped))
		requireAllFree(t, ch)
	}
}

// A content that another version of the program took and this one doesn't pauses
// its campaign, instead of coming again for ever.
func TestAContentThatCantBeCompiledPausesItsCampaign(t *testing.T) {
	b := newBench(t, clock.NewFake(noon))
	b.store.campaign.Content.Text = "{{"
	require.NoError(t, b.channel(providers.Channel{}).handle(t.Context(), envelope(3)))
	require.Contains(t, b.store.paused[5], "its content can't be rendered: ")
	require.Contains(t, b.store.paused[5], "content.text: line 1: {{ is not closed")
	require.Len(t, b.store.unqueued, 3)
	require.Empty(t, b.writer.claims)
}

// However long a channel's campaigns take to render, as many as there are processors
// do so at once, and its transactional messages do not wait for them.
func TestSlowTemplatesHoldUpNoTransactionalMessage(t *testing.T) {
	b := newBench(t, nil)
	got := b.collect()
	release := make(chan struct{})
	var mu sync.Mutex
	rendering, most := 0, 0
	b.unsubscribes(func(int64) {
		mu.Lock()
		rendering++
		most = max(most, rendering)
		mu.Unlock()
		<-release
		mu.Lock()
		rendering--
		mu.Unlock()
	})
	ch := b.channel(providers.Channel{})
	var wg sync.WaitGroup
	for i := range 16 {
		e := envelope(10)
		e.ID += int64(i)
		for k := range e.Items {
			e.Items[k].MessageID += int64(1000 * i)
		}
		wg.Go(func() { require.NoError(t, ch.handle(t.Context(), e)) })
	}
	until(t, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return rendering == runtime.GOMAXPROCS(0)
	})
	require.NoError(t, ch.handle(t.Context(), queue.Envelope{ID: 500, ChannelID: 1, Transactional: true, Items: []queue.Item{{MessageID: 500_000, Attempt: 1}}}))
	require.Len(t, got(), 1)
	close(release)
	wg.Wait()
	require.Len(t, got(), 161)
	require.Equal(t, runtime.GOMAXPROCS(0), most)
}

// What a channel knows of runs is bounded, however many it has had; the one goes that
// was used least recently.
func TestRunsAreForgotten(t *testing.T) {
	b := newBench(t, clock.NewFake(noon))
	b.store.campaign.Throttle.MaxAttempts = 3
	ch := b.channel(providers.Channel{})
	for run := range int64(3 * maxRunsKnown) {
		require.Equal(t, 3, ch.attempts(t.Context(), run+1))
		require.Equal(t, 3, ch.attempts(t.Context(), 1))
		require.LessOrEqual(t, len(ch.runs.known), maxRunsKnown)
	}
	require.Equal(t, 3*maxRunsKnown, b.store.reads, "each once, and the first too")
}

// Chunks are bounded in number, and in what their messages have of their own: what is
// the same for everybody is in memory once.
func TestChunksAreBounded(t *testing.T) {
	for own, want := range map[int]int{1: mostChunk, 10 << 10: 26, 100 << 10: leastChunk} {
		b := newBench(t, clock.NewFake(noon))
		b.store.campaign.Content = providers.Content{Text: "{{ contact.first_name }}" + strings.Repeat("x", 300<<10)}
		e := envelope(200)
		for _, j := range e.Items {
			b.store.people[j.MessageID] = messages.Recipient{FirstName: strings.Repeat("y", own), Address: "a@example.com"}
		}
		batch := b.channel(providers.Channel{}).batch(t.Context(), e)
		require.NoError(t, batch.load())
		require.NoError(t, batch.advance())
		require.Len(t, batch.ready, want)
		require.Len(t, batch.left, 200-want)
		whole := batch.ready[0].whole()
		require.Equal(t, strings.Repeat("y", own)+strings.Repeat("x", 300<<10), whole.Content.Text)
		batch.close()
	}
}

func TestJoinName(t *testing.T) {
	for want, parts := range map[string][2]string{"": {}, "A": {"A", ""}, "B": {"", "B"}, "A B": {"A", "B"}} {
		require.Equal(t, want, joinName(parts[0], parts[1]))
	}
}
