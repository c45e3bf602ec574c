package providertest

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/clock"
	"carillon/internal/sink"
	"carillon/providers"
)

// Subject is an adapter and what the suite must know of it.
type Subject struct {
	Kind providers.Kind
	// Serve starts a far end that behaves as the options say, ends it with the
	// test, and returns the configuration that leads to it. It is nil for an
	// adapter that talks to nobody.
	Serve func(t testing.TB, o sink.Options) Far
	// Config is a working configuration of an adapter that talks to nobody.
	Config json.RawMessage
	// Slow is a configuration under which an adapter that talks to nobody keeps
	// its sender waiting.
	Slow json.RawMessage
	// Nowhere is a configuration that leads to an address at which connections
	// are accepted or refused, but nobody says anything.
	Nowhere func(addr string) json.RawMessage
	// To is a recipient's address, another one for each number, where addresses say themselves
	// where messages go: to the far end that was served last, or to nowhere. Nil is Address.
	To func(n int64) string
	// Secrets are in every configuration, and may be seen nowhere.
	Secrets []string
	// Refusals are the answers that the adapter must understand.
	Refusals []Refusal
	// Arrived reads the messages of a request as they arrived: to whom, and what.
	Arrived func(t testing.TB, d sink.Delivery) []providers.Message
	// Key is the id by which the far end can tell a repeat of a message from another,
	// as it arrived: an idempotency key, a Message-ID. It is needed if
	// Capabilities.Idempotent is set.
	Key func(d sink.Delivery) string
	// Receipt is a request to /hooks/{channel_id}, made at a time, with which the far
	// end reports of a message that it took, by the id that it gave or was given; it
	// is needed if Capabilities.Receipts is set.
	Receipt func(t testing.TB, at time.Time, r Report) (http.Header, []byte)
	// Reports are the statuses that the far end reports, of delivered, read, failed and rejected;
	// nil is delivered and failed.
	Reports []providers.ReceiptStatus
	// Reply is a request to the same place with which it hands on what somebody wrote;
	// it is needed if Capabilities.Replies is set.
	Reply func(t testing.TB, at time.Time, r providers.Reply) (http.Header, []byte)
	// Parts are what replies may have beside words, one of each that the far end tells, as far as
	// it tells it: Reply makes requests of them, too. Nil is words alone.
	Parts []providers.ReplyParts
	// Windows are for how long a channel with other settings may write to who has written, by
	// these settings as JSON; needed if Kind.ReplyWindowFor is set.
	Windows map[string]time.Duration
	// Unnamed says that the far end has no place for the name of a file: it goes by that in
	// its address.
	Unnamed bool
	// Apart says that buttons of several types can't stand below one message: some of them
	// then stand in its text.
	Apart bool
	// Challenge is a question whether the address of a hook wants to be posted to, and what
	// answers it; it is needed if the adapter is a Challenger.
	Challenge func() (query url.Values, answer string)
	// Proof is what shows that such a request is the far end's.
	Proof Proof
	// Templates are what the far end keeps, more than go on one page where it has
	// pages; needed if Capabilities.Templates is set.
	Templates []providers.Template
	// Tokens says that the adapter exchanges its credentials for access tokens that
	// expire; Far.Tokens is then the desk that gives them out.
	Tokens bool
}

// HookURL is where the suite's far ends would reach /hooks/{channel_id}.
const HookURL = "https://news.example.org/hooks/3"

// Report is what a far end says later of one of Carillon's messages.
type Report struct {
	MessageID int64
	Status    providers.ReceiptStatus
}

// Far is a far end that was started.
type Far struct {
	Config json.RawMessage
	Tally  *sink.Tally
	// Tokens is set if Subject.Tokens is.
	Tokens *TokenDesk
}

// installation is that of the adapters under test.
const installation = "theinstallation1"

// Open makes an adapter for a configuration as the suite does, for tests beside it, and has it
// closed at the end of the test.
func Open(t testing.TB, kind providers.Kind, config json.RawMessage) providers.Provider {
	t.Helper()
	return Subject{Kind: kind}.openFor(t, installation, config)
}

// open makes the adapter and has it closed, with no goroutine left, at the end
// of the test.
func (s Subject) open(t testing.TB, config json.RawMessage) providers.Provider {
	t.Helper()
	return s.openFor(t, installation, config)
}

func (s Subject) openFor(t testing.TB, installation string, config json.RawMessage, keys ...providers.SigningKey) providers.Provider {
	t.Helper()
	require.NoError(t, s.Kind.Validate(config))
	p, err := s.Kind.New(config, providers.Deps{
		Installation: installation, ChannelID: 3, HookURL: HookURL, Concurrency: concurrency, Dialer: providers.Dialer{AllowPrivate: true}, Clock: clock.NewFake(Now),
		Receive: func(context.Context, []providers.Receipt) error { return nil }, SigningKeys: keys,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

// serve starts the far end, if there is one.
func (s Subject) serve(t testing.TB, o sink.Options) Far {
	t.Helper()
	if s.Serve == nil {
		return Far{Config: s.Config}
	}
	return s.Serve(t, o)
}
