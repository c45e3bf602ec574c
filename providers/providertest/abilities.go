package providertest

import (
	"encoding/json"
	"maps"
	"mime"
	"net/url"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/sink"
	"carillon/providers"
)

// abilities holds what the kind says against what the adapter has: the product goes by
// the one and calls the other.
func (s Subject) abilities(t testing.TB) {
	can := s.Kind.Capabilities
	p := s.open(t, s.serve(t, sink.Options{}).Config)
	_, receipts := p.(providers.CallbackParser)
	require.Equal(t, can.Receipts, receipts, "Capabilities.Receipts and CallbackParser go together")
	_, replies := p.(providers.ReplyParser)
	require.Equal(t, can.Replies, replies, "Capabilities.Replies and ReplyParser go together")
	_, batches := p.(providers.BatchSender)
	require.Equal(t, can.MaxBatch > 0, batches, "Capabilities.MaxBatch and BatchSender go together")
	_, templates := p.(providers.TemplateSyncer)
	_, keeps := p.(providers.MediaKeeper)
	require.Equal(t, can.Uploads == providers.FileKept, keeps, "Capabilities.Uploads and MediaKeeper go together")
	require.Equal(t, can.Templates, templates, "Capabilities.Templates and TemplateSyncer go together")
	_, submits := p.(providers.TemplateSubmitter)
	require.True(t, templates || !submits, "a TemplateSubmitter is a TemplateSyncer, which says what became of a template")
	_, finds := p.(providers.Finder)
	require.Equal(t, can.Finds, finds, "Capabilities.Finds and Finder go together")
	if particular, ok := p.(providers.Acknowledger); ok {
		require.True(t, receipts || replies, "an Acknowledger is told something")
		typed, other := p.(providers.AcknowledgerIn)
		if words := particular.Acknowledgement([]byte(`{}`)); words != nil && !other {
			require.True(t, json.Valid(words), "an acknowledgement is JSON unless it is said to be something else")
		}
		if other {
			_, _, err := mime.ParseMediaType(typed.AcknowledgementType())
			require.NoError(t, err)
		}
	}
	require.True(t, can.Receipts || !can.OnlyFailures, "Capabilities.OnlyFailures speaks of Receipts")
	if _, returns := p.(providers.ReturnReader); returns {
		require.True(t, receipts, "what a ReturnReader reads can be posted, too")
	}
	if can.Receipts {
		require.True(t, can.EchoesID || can.GivesID, "a receipt names our id or the provider's")
	}
}

// challenged has an adapter that is a Challenger answer who proves whose the question is, and
// nobody else.
func (s Subject) challenged(t testing.TB) {
	challenger, ok := s.open(t, s.serve(t, sink.Options{}).Config).(providers.Challenger)
	require.Equal(t, s.Challenge != nil, ok, "a Challenger and Subject.Challenge go together")
	if !ok {
		return
	}
	refused := func(query url.Values, what string) {
		t.Helper()
		words, err := challenger.Challenge(query)
		require.Error(t, err, what)
		require.Equal(t, providers.ErrorAuth, providers.AsError(err).Kind, "%s: %v", what, err)
		require.Empty(t, words)
	}
	query, answer := s.Challenge()
	words, err := challenger.Challenge(query)
	require.NoError(t, err)
	require.Equal(t, answer, words, "the question is answered")
	refused(url.Values{}, "nothing shows whose it is")
	for name := range query {
		if slices.Contains(s.Secrets, query.Get(name)) {
			guessed := maps.Clone(query)
			guessed[name] = []string{query.Get(name) + "0"}
			refused(guessed, "what shows whose it is was guessed")
		}
	}
}

// tried has an adapter that is a Checker try its configuration and send nothing.
func (s Subject) tried(t testing.TB) {
	far := s.serve(t, sink.Options{})
	checker, ok := s.open(t, far.Config).(providers.Checker)
	if !ok {
		return
	}
	require.NoError(t, checker.Check(t.Context()))
	if s.Serve == nil {
		return
	}
	require.Zero(t, far.Tally.Asked(), "to try a configuration sends nothing")
	nobody, ok := s.open(t, s.Nowhere(shut(t))).(providers.Checker)
	require.True(t, ok)
	require.Error(t, nobody.Check(t.Context()), "nobody is there")
}
