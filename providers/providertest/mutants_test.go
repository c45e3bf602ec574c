package providertest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/providers"
)

// mutant is a messenger that is wrong in one thing: its methods are the right one's,
// but for those that are set.
type mutant struct {
	*cloud
	send      func(context.Context, providers.Message) (providers.Accepted, error)
	batch     func(context.Context, []providers.Message) []providers.Result
	callback  func(http.Header, []byte) ([]providers.Receipt, error)
	replies   func(http.Header, []byte) ([]providers.Reply, error)
	templates func(context.Context) ([]providers.Template, error)
	check     func(context.Context) error
	challenge func(url.Values) (string, error)
	// Shown is in no unexported field, so that whatever prints the adapter prints it.
	Shown string
	// stop ends what the mutant leaves behind.
	stop chan struct{}
}

func (m *mutant) Send(ctx context.Context, message providers.Message) (providers.Accepted, error) {
	if m.send != nil {
		return m.send(ctx, message)
	}
	return m.cloud.Send(ctx, message)
}

func (m *mutant) SendBatch(ctx context.Context, messages []providers.Message) []providers.Result {
	if m.batch != nil {
		return m.batch(ctx, messages)
	}
	return m.cloud.SendBatch(ctx, messages)
}

func (m *mutant) ParseCallback(header http.Header, body []byte) ([]providers.Receipt, error) {
	if m.callback != nil {
		return m.callback(header, body)
	}
	return m.cloud.ParseCallback(header, body)
}

func (m *mutant) ParseReplies(header http.Header, body []byte) ([]providers.Reply, error) {
	if m.replies != nil {
		return m.replies(header, body)
	}
	return m.cloud.ParseReplies(header, body)
}

func (m *mutant) SyncTemplates(ctx context.Context) ([]providers.Template, error) {
	if m.templates != nil {
		return m.templates(ctx)
	}
	return m.cloud.SyncTemplates(ctx)
}

func (m *mutant) Check(ctx context.Context) error {
	if m.check != nil {
		return m.check(ctx)
	}
	return m.cloud.Check(ctx)
}

func (m *mutant) Challenge(query url.Values) (string, error) {
	if m.challenge != nil {
		return m.challenge(query)
	}
	return m.cloud.Challenge(query)
}

// wrong is a mutant, the check that must catch it, and what must be said of it.
type wrong struct {
	name  string
	check string
	says  string
	make  func(m *mutant)
}

// accepted changes what the right adapter says of a message that was taken.
func (m *mutant) accepted(change func(*providers.Accepted)) {
	m.send = func(ctx context.Context, message providers.Message) (providers.Accepted, error) {
		a, err := m.cloud.Send(ctx, message)
		if err == nil {
			change(&a)
		}
		return a, err
	}
}

// failed changes an error of the right adapter.
func (m *mutant) failed(change func(*providers.Error)) {
	m.send = func(ctx context.Context, message providers.Message) (providers.Accepted, error) {
		a, err := m.cloud.Send(ctx, message)
		if err != nil {
			changed := *providers.AsError(err)
			change(&changed)
			err = &changed
		}
		return a, err
	}
}

// handed changes a message before it goes.
func (m *mutant) handed(change func(*providers.Message)) {
	m.send = func(ctx context.Context, message providers.Message) (providers.Accepted, error) {
		change(&message)
		return m.cloud.Send(ctx, message)
	}
}

// reported changes a receipt.
func (m *mutant) reported(change func(*providers.Receipt)) {
	m.callback = func(header http.Header, body []byte) ([]providers.Receipt, error) {
		receipts, err := m.cloud.ParseCallback(header, body)
		for i := range receipts {
			change(&receipts[i])
		}
		return receipts, err
	}
}

// told changes a reply.
func (m *mutant) told(change func(*providers.Reply)) {
	m.replies = func(header http.Header, body []byte) ([]providers.Reply, error) {
		replies, err := m.cloud.ParseReplies(header, body)
		for i := range replies {
			change(&replies[i])
		}
		return replies, err
	}
}

// settled changes the results of a batch.
func (m *mutant) settled(change func([]providers.Result) []providers.Result) {
	m.batch = func(ctx context.Context, messages []providers.Message) []providers.Result {
		return change(m.cloud.SendBatch(ctx, messages))
	}
}

// tokenFunc is a source of tokens that is wrong.
type tokenFunc struct {
	from func(ctx context.Context, stale string) (string, error)
	tokenSource
}

func (f tokenFunc) get(ctx context.Context, stale string) (string, error) { return f.from(ctx, stale) }

// bought replaces where tokens come from.
func (m *mutant) bought(from func(ctx context.Context, stale string) (string, error)) {
	m.tokens = tokenFunc{from, m.tokens}
}

// The contract catches what is wrong, and says what.
func TestMutants(t *testing.T) {
	for _, w := range mutants() {
		t.Run(w.name, func(t *testing.T) {
			s := style{}.subject()
			require.Empty(t, record(t, s.find(t, w.check)), "the right adapter passes")
			stop := make(chan struct{})
			defer close(stop)
			s.Kind = style{}.kind(func(c *cloud) providers.Provider {
				m := &mutant{cloud: c, stop: stop}
				w.make(m)
				return m
			})
			require.Contains(t, words(record(t, s.find(t, w.check))), w.says)
		})
	}
}

// A window must be one that the far end keeps, and as long as the settings say.
func TestAWindowThatIsNoneIsCaught(t *testing.T) {
	for says, change := range map[string]func(*Subject){
		"":                            func(*Subject) {},
		"a far end that refuses":      func(s *Subject) { s.Refusals = slices.DeleteFunc(s.Refusals, func(r Refusal) bool { return r.Window }) },
		"who has not written can":     func(s *Subject) { s.Refusals[1].Bounce = providers.BounceHard },
		"with {\"days\":7}":           func(s *Subject) { s.Windows = map[string]time.Duration{`{"days":7}`: time.Hour} },
		"is another window than that": func(s *Subject) { s.Windows = map[string]time.Duration{`{"days":1}`: 24 * time.Hour} },
		"Windows are those of":        func(s *Subject) { s.Windows = nil },
		"begins with a reply":         func(s *Subject) { s.Kind.Capabilities.Replies = false },
	} {
		s := style{}.subject()
		change(&s)
		got := words(record(t, check{"ReplyWindow", s.replyWindow}))
		require.Contains(t, got, says)
		require.Equal(t, says == "", got == "", got)
	}
}

// So does it what is wrong with a provider that echoes our ids.
func TestEchoingMutants(t *testing.T) {
	st := style{echoes: true}
	s := st.subject()
	s.Kind = st.kind(func(c *cloud) providers.Provider {
		m := &mutant{cloud: c}
		m.reported(func(r *providers.Receipt) { r.MessageID = 0 })
		return m
	})
	require.Contains(t, words(record(t, s.find(t, "Receipts"))), "EchoesID promises our id")
}

// Who counts in UTF-16 is held to that, beside a file, too.
func TestUnitMutants(t *testing.T) {
	for says, change := range map[string]func(*mutant){
		"": func(*mutant) {},
		"text arrived changed": func(m *mutant) {
			m.handed(func(message *providers.Message) { message.Content.Text = within(message.Content.Text, messengerUnits) })
		},
		"1000 letters": func(m *mutant) {
			m.send = func(ctx context.Context, message providers.Message) (providers.Accepted, error) {
				if len(message.Content.Text) > messengerUnits {
					return providers.Accepted{}, &providers.Error{Kind: providers.ErrorContent, Err: errors.New("more bytes than units")}
				}
				return m.cloud.Send(ctx, message)
			}
		},
	} {
		for _, name := range []string{"UnitBound", "CaptionBound"} {
			s := style{}.subject()
			s.Kind = style{}.kind(func(c *cloud) providers.Provider {
				m := &mutant{cloud: c}
				change(m)
				return m
			})
			s.Kind.Capabilities.MaxTextBytes, s.Kind.Capabilities.MaxTextUnits, s.Kind.Capabilities.MaxCaptionUnits = 0, messengerUnits, messengerUnits
			got := words(record(t, s.find(t, name)))
			require.Contains(t, got, says)
			require.Equal(t, says == "", got == "", got)
		}
	}
}

// Who can't have buttons of several types together loses none of them.
func TestButtonsApartAreCaught(t *testing.T) {
	for says, change := range map[string]func(*providers.Content){
		"": func(c *providers.Content) {
			if n := len(c.Buttons); n > 1 {
				for _, b := range c.Buttons[1:] {
					c.Text += "\n" + b.Words()
				}
				c.Buttons = c.Buttons[:1]
			}
		},
		"stands in the text": func(c *providers.Content) { c.Buttons = c.Buttons[:1] },
		"arrive as such":     func(c *providers.Content) { c.Buttons = nil },
	} {
		s := style{}.subject()
		s.Apart = true
		s.Kind = style{}.kind(func(c *cloud) providers.Provider {
			m := &mutant{cloud: c}
			m.handed(func(message *providers.Message) { change(&message.Content) })
			return m
		})
		got := words(record(t, s.find(t, "Buttons")))
		require.Contains(t, got, says)
		require.Equal(t, says == "", got == "", got)
	}
}

// Who says that it signs is held to it.
func TestUnsignedIsCaught(t *testing.T) {
	s := style{}.subject()
	s.Kind.Capabilities.Signs = true
	require.Contains(t, words(record(t, s.find(t, "Signed"))), "messages come from a domain")
	s.Kind.SenderDomain = func(json.RawMessage) string { return "example.org" }
	require.Contains(t, words(record(t, s.find(t, "Signed"))), "it is signed")
}

// The kind and the adapter must say the same of what it can do.
func TestAbilitiesGoWithCapabilities(t *testing.T) {
	for says, lie := range map[string]func(*providers.Capabilities){
		"Capabilities.Receipts and":  func(c *providers.Capabilities) { c.Receipts = false },
		"Capabilities.Replies and":   func(c *providers.Capabilities) { c.Replies = false },
		"Capabilities.MaxBatch and":  func(c *providers.Capabilities) { c.MaxBatch = 0 },
		"Capabilities.Templates and": func(c *providers.Capabilities) { c.Templates = false },
		"names our id or":            func(c *providers.Capabilities) { c.GivesID = false },
	} {
		s := style{}.subject()
		lie(&s.Kind.Capabilities)
		require.Contains(t, words(record(t, s.find(t, "Abilities"))), says)
	}
}
