package providertest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/sink"
	"carillon/providers"
)

// replies has the far end hand on what people wrote: from an address of the channel's
// kind, letter by letter, and under an id by which it is known when it comes again; and what they
// pressed, chose and sent, as what it is.
func (s Subject) replies(t testing.TB) {
	p := s.open(t, s.serve(t, sink.Options{}).Config)
	parser, ok := p.(providers.ReplyParser)
	require.True(t, ok, "Capabilities.Replies promises a ReplyParser")
	first := providers.Reply{ID: "in_1", From: Address(s.Kind.Capabilities.Address, 7), Text: "STOP ✋ \"now\"\nplease", At: Now}
	second := providers.Reply{ID: "in_2", From: first.From, Text: first.Text, At: Now}
	read := func(r providers.Reply) providers.Reply {
		t.Helper()
		header, body := s.Reply(t, Now, r)
		found, err := parser.ParseReplies(header, body)
		require.NoError(t, err)
		require.Len(t, found, 1)
		require.Equal(t, r.From, found[0].From, "the sender is one whom the channel could write to")
		if r.Text != "" {
			require.Equal(t, r.Text, found[0].Text)
		}
		require.Equal(t, r.Parts.Type(), found[0].Parts.Type(), "in which way they replied")
		require.Equal(t, r.Parts, found[0].Parts, "what they pressed, chose or sent")
		require.NotEmpty(t, found[0].ID, "by which a repeat is known")
		requireKey(t, found[0].ID)
		if receipts, ok := p.(providers.CallbackParser); ok {
			about, err := receipts.ParseCallback(header, body)
			require.NoError(t, err, "the same request is read for receipts")
			require.Empty(t, about)
		}
		return found[0]
	}
	once, again, twice := read(first).ID, read(first).ID, read(second).ID
	require.Equal(t, once, again, "what comes again has the same id")
	require.NotEqual(t, once, twice, "who writes the same again says it twice")
	for i, parts := range s.Parts {
		r := providers.Reply{ID: "in_" + strconv.Itoa(3+i), From: first.From, Parts: parts, At: Now}
		require.NotEqual(t, providers.ReplyText, parts.Type(), "Subject.Parts are beside words")
		found := read(r)
		require.NotEmpty(t, found.Text, "words to opt out and answers of flows are compared with it")
		for _, option := range []*providers.ReplyOption{parts.Button, parts.Choice} {
			if option != nil {
				require.Contains(t, []string{option.ID, option.Title}, found.Text, "what was pressed is the answer")
			}
		}
	}
	s.forgeries(t, func(at time.Time) (http.Header, []byte) { return s.Reply(t, at, first) }, func(header http.Header, body []byte) error {
		_, err := parser.ParseReplies(header, body)
		return err
	})
}

// replyWindow has a window begin when somebody writes, on a channel that hears it, for as long
// as the settings say; and the far end's word that it is closed is known from all others.
func (s Subject) replyWindow(t testing.TB) {
	can := s.Kind.Capabilities
	require.True(t, can.Replies, "Capabilities.ReplyWindow begins with a reply")
	closed := slices.DeleteFunc(slices.Clone(s.Refusals), func(r Refusal) bool { return !r.Window })
	require.NotEmpty(t, closed, "Capabilities.ReplyWindow is known of a far end that refuses who has not written: Refusal.Window")
	for _, r := range closed {
		require.Equal(t, providers.ErrorRecipient, r.Kind, "%s: it is this recipient who has not written", r.Name)
		require.Empty(t, r.Bounce, "%s: who has not written can write", r.Name)
	}
	registry, err := providers.NewRegistry(s.Kind)
	require.NoError(t, err)
	config := s.serve(t, sink.Options{}).Config
	windowOf := func(change func(settings map[string]json.RawMessage)) time.Duration {
		t.Helper()
		settings := map[string]json.RawMessage{}
		require.NoError(t, json.Unmarshal(config, &settings))
		change(settings)
		changed, err := json.Marshal(settings)
		require.NoError(t, err)
		require.NoError(t, s.Kind.Validate(changed))
		window, err := registry.ReplyWindow(s.Kind.Name, changed)
		require.NoError(t, err)
		return window
	}
	require.Equal(t, can.ReplyWindow, windowOf(func(map[string]json.RawMessage) {}), "a channel that is posted to knows who has written")
	x, err := registry.Exchange(s.Kind.Name, nil, config)
	require.NoError(t, err)
	deafen := func(settings map[string]json.RawMessage) {
		for _, setting := range x.Presented {
			delete(settings, setting)
		}
	}
	require.Zero(t, windowOf(deafen), "of a channel that nobody can post to nothing is known")
	require.Equal(t, s.Kind.ReplyWindowFor == nil, len(s.Windows) == 0, "Windows are those of Kind.ReplyWindowFor")
	for change, window := range s.Windows {
		with := func(settings map[string]json.RawMessage) {
			require.NoError(t, json.Unmarshal([]byte(change), &settings))
		}
		require.NotEqual(t, can.ReplyWindow, window, "%s is another window than that of all others", change)
		require.Equal(t, window, windowOf(with), "with %s", change)
		require.Zero(t, windowOf(func(settings map[string]json.RawMessage) { with(settings); deafen(settings) }), "with %s nobody can post to it either", change)
	}

	parser := s.open(t, s.serve(t, sink.Options{}).Config).(providers.ReplyParser)
	header, body := s.Reply(t, Now, providers.Reply{ID: "in_1", From: Address(can.Address, 7), Text: "Hello", At: Now})
	found, err := parser.ParseReplies(header, body)
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.WithinDuration(t, Now, found[0].At, time.Second, "it begins when they wrote, however late that is heard")
	require.False(t, found[0].Setting, "who writes begins a window")
}

// AllParts are one of each that a reply can have beside words, with all that can be told.
func AllParts() []providers.ReplyParts {
	return append([]providers.ReplyParts{
		{Button: &providers.ReplyOption{ID: "yes_1", Title: "Yes, \"please\""}},
		{Choice: &providers.ReplyOption{ID: "row_2", Title: "Größe 2"}},
		{Location: &providers.Location{Latitude: 52.5125, Longitude: -13.25, Name: "Café", Address: "1 Way", URL: "https://example.org/café"}},
	}, Files("look ✋", "a.pdf")...)
}

// Files are a file of each type that people send, with a caption and a name.
func Files(caption, name string) (parts []providers.ReplyParts) {
	for _, sort := range providers.ReplyFileTypes() {
		parts = append(parts, providers.ReplyParts{Media: &providers.ReplyFile{Type: sort, Caption: caption, Filename: name}})
	}
	return parts
}

// SignedReply is a Subject's Reply in Carillon's own form, the one that hook.Parser
// reads.
func SignedReply(key string) func(testing.TB, time.Time, providers.Reply) (http.Header, []byte) {
	return func(t testing.TB, at time.Time, r providers.Reply) (http.Header, []byte) {
		t.Helper()
		reply := struct {
			ID   string    `json:"id"`
			From string    `json:"from"`
			Text string    `json:"text"`
			At   time.Time `json:"at"`
			providers.ReplyParts
		}{r.ID, r.From, r.Text, r.At, r.Parts}
		return signed(t, key, at, map[string]any{"replies": []any{reply}})
	}
}
