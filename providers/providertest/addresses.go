package providertest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"carillon/internal/sink"
	"carillon/providers"
)

// samples has, for each kind of address, what stands before and behind the number by
// which one address differs from another, and how many digits that has. They are in
// the form in which contacts keep them, and hold what tends to break adapters.
var samples = map[providers.AddressKind]struct {
	before string
	digits int
	behind string
}{
	providers.Email:    {"someone", 0, "@example.com"},
	providers.Phone:    {"+49151", 8, ""},
	providers.SMS:      {"+49160", 8, ""},
	providers.WhatsApp: {"+49170", 8, ""},
	providers.Telegram: {"-100", 10, ""}, // a group: a number below zero
	providers.Viber:    {"uV+/", 16, "xYz=="},
	// More digits than a float64 keeps.
	providers.Facebook:  {"24", 18, ""},
	providers.Instagram: {"17841", 15, ""},
	providers.Push:      {"dK3_x-Qz:APA91b", 120, "_-e"},
	providers.Web:       {"https://push.example.com/send/", 6, "?key=a%2Fb&v=2"},
	providers.Custom:    {"Zimmer ", 0, ", \"Łódź\" <2. Stock>"},
}

// Address is an address of a kind: another one for each number from 0 to 999,999.
func Address(kind providers.AddressKind, n int64) string {
	s := samples[kind]
	return fmt.Sprintf("%s%0*d%s", s.before, s.digits, n, s.behind)
}

// Number is what Address made an address from, so that a far end whose requests
// don't carry Carillon's ids can tell the suite's messages; 0 if it is not from there.
func Number(kind providers.AddressKind, address string) int64 {
	s := samples[kind]
	n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimPrefix(address, s.before), s.behind), 10, 64)
	if err != nil || Address(kind, n) != address {
		return 0
	}
	return n
}

// Message is a message for an adapter, complete in all that every kind may have.
func Message(kind providers.AddressKind, id int64) providers.Message {
	return providers.Message{
		ID: id, Attempt: 1, To: Address(kind, id), ToName: "Zoë Ångström",
		Content: providers.Content{
			Subject: "Grüße aus Łódź", Text: "Hello,\n.dots stay\n\nbye", HTML: "<p>Hello, <b>Zoë</b></p>",
		},
		UnsubscribeURL: "https://example.com/u/abc",
		Metadata:       map[string]string{"campaign": "7"},
	}
}

// message is one that the adapter can deliver.
func (s Subject) message(id int64) providers.Message {
	return s.able(s.whole(s.Kind.Capabilities.Address, id))
}

// whole is a message for the adapter, with more than it may be able to carry.
func (s Subject) whole(kind providers.AddressKind, id int64) providers.Message {
	m := Message(kind, id)
	if s.To != nil {
		m.To = s.To(id)
	}
	return m
}

// able leaves out of a message what the adapter says that it can't carry.
func (s Subject) able(m providers.Message) providers.Message {
	can := s.Kind.Capabilities
	if !can.Subject {
		m.Content.Subject = ""
	}
	if !can.HTML {
		m.Content.HTML = ""
	}
	if bound := can.MaxTextBytes; bound > 0 && len(m.Content.Text) > bound {
		m.Content.Text = strings.ToValidUTF8(m.Content.Text[:bound], "")
	}
	if bound := can.MaxTextUnits; bound > 0 {
		m.Content.Text = within(m.Content.Text, bound)
	}
	return m
}

// within is the beginning of a text that has at most so many units of UTF-16.
func within(text string, most int) string {
	for i, r := range text {
		if most -= utf16.RuneLen(r); most < 0 {
			return text[:i]
		}
	}
	return text
}

// addresses sends to an address of every kind that a configuration may choose, and
// has it arrive as it is kept.
func (s Subject) addresses(t testing.TB) {
	kinds, setting := s.kinds()
	for _, kind := range kinds {
		var arrived seen
		config := s.serve(t, sink.Options{Seen: arrived.add}).Config
		if setting != "" {
			config = with(t, config, setting, kind)
			require.NotNil(t, s.Kind.AddressFor, "the configuration has a kind of address, so the kind must say which")
			require.Equal(t, kind, s.Kind.AddressFor(config))
		}
		p := s.open(t, config)
		m := s.able(s.whole(kind, 11))
		_, err := p.Send(t.Context(), m)
		require.NoError(t, err, "to %s", m.To)
		if s.Serve != nil {
			s.requireArrived(t, m, arrived.get(t, 0))
		}
	}
}

// kinds are the kinds of address that the adapter can be configured for, and the
// setting that chooses among them; none if there is but one.
func (s Subject) kinds() (kinds []providers.AddressKind, setting string) {
	of := reflect.TypeOf(s.Kind.Config).Elem()
	for i := range of.NumField() {
		field := of.Field(i)
		if field.Type != reflect.TypeFor[providers.AddressKind]() {
			continue
		}
		for name := range strings.SplitSeq(field.Tag.Get("enum"), ",") {
			kinds = append(kinds, providers.AddressKind(name))
		}
		setting, _, _ = strings.Cut(field.Tag.Get("json"), ",")
		return kinds, setting
	}
	return []providers.AddressKind{s.Kind.Capabilities.Address}, ""
}

// with is a configuration with one setting changed.
func with(t testing.TB, config json.RawMessage, setting string, value any) json.RawMessage {
	t.Helper()
	settings := map[string]any{}
	require.NoError(t, json.Unmarshal(config, &settings))
	settings[setting] = value
	changed, err := json.Marshal(settings)
	require.NoError(t, err)
	return changed
}
