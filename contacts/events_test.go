package contacts

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/providers"
)

func TestNamesOfEvents(t *testing.T) {
	for _, name := range []string{"order.paid", "a", "cart_left-2"} {
		require.Empty(t, CheckEventName(name), name)
	}
	require.Contains(t, CheckEventName("Order Paid"), "write order.paid")
	require.Contains(t, CheckEventName("2nd order"), "write nd.order")
	for _, name := range []string{"", "7", "order.30d", "order.last_at", strings.Repeat("a", 64), "Ü"} {
		require.NotEmpty(t, CheckEventName(name), name)
	}
}

func TestWhatIsWrongWithAnEventIsNamed(t *testing.T) {
	now := time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		event    GivenEvent
		at, says string
	}{
		{GivenEvent{}, "e.contact_id", "of whom"},
		{GivenEvent{ContactID: 1, ExternalID: "x"}, "e.contact_id", "of whom"},
		{GivenEvent{ContactID: 1, At: now.Add(time.Hour)}, "e.at", "still to come"},
		{GivenEvent{ContactID: 1, At: now.AddDate(-2, 0, 0)}, "e.at", "400 days"},
		{GivenEvent{ContactID: 1, Key: strings.Repeat("k", 256)}, "e.id", "255"},
		{GivenEvent{ContactID: 1, Payload: json.RawMessage(`[1]`)}, "e.payload", "must be an object"},
		{GivenEvent{ContactID: 1, Payload: json.RawMessage(`{"a":` + strings.Repeat("[", 9) + strings.Repeat("]", 9) + `}`)}, "e.payload", "deeper"},
		{GivenEvent{ContactID: 1, Payload: json.RawMessage(`{"a":"` + strings.Repeat("x", 11<<10) + `"}`)}, "e.payload", "bytes"},
	} {
		wrong := test.event.check("e.", now)
		require.Len(t, wrong, 1)
		require.Equal(t, test.at, wrong[0].Location)
		require.Contains(t, wrong[0].Message, test.says)
	}
	e := GivenEvent{Address: "ada@example.org", Payload: json.RawMessage("{ \"a\" : 1 }")}
	require.Empty(t, e.check("", now))
	require.Equal(t, GivenEvent{Address: "ada@example.org", Kind: providers.Email, At: now, Payload: json.RawMessage(`{"a":1}`)}, e)
}

func FuzzCheckPayload(f *testing.F) {
	f.Add([]byte(`{"a": [1, {"b": "\u0000"}]}`))
	f.Add([]byte(`{}{}`))
	f.Add([]byte(`{"path": "C:\\u0000", "\u0000": "\\\u0000\u00000"}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		compact, reason := checkPayload(payload)
		if reason != "" || len(payload) == 0 { // nothing is kept as an empty object
			return
		}
		var kept map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(compact, &kept), "what is kept is an object: %s", compact)
		require.Equal(t, readAll(t, payload), readAll(t, compact), "%s", payload)
	})
}

// readAll lists what stands in a JSON text, with U+FFFD for NUL.
func readAll(t *testing.T, text []byte) (all []any) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			return all
		}
		require.NoError(t, err)
		if s, is := token.(string); is {
			token = strings.ReplaceAll(s, "\x00", "\ufffd")
		}
		all = append(all, token)
	}
}
