package flow

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/fault"
)

// order tries WhatsApp, then SMS, an hour after it without a receipt or at once where it can't be
// sent, then mail, where the SMS had no number.
const order = `{"steps": [
	{"id": "hello", "kind": "send", "channel_id": 1, "content": {"text": "Hello"}, "exits": {"failed": "lost"}, "fallback": [
		{"channel_id": 2, "content": {"text": "Short"}, "undelivered": "1h"},
		{"channel_id": 3, "reasons": ["no_address"]}]},
	{"id": "after", "kind": "wait", "wait": {"for": "1d"}},
	{"id": "end", "kind": "end", "outcome": "told"},
	{"id": "lost", "kind": "end", "outcome": "lost"}
]}`

func TestFallbacksAreWrittenOut(t *testing.T) {
	f := compile(t, order)
	names := make([]string, len(f.Steps))
	for i, s := range f.Steps {
		names[i] = s.ID
		require.Empty(t, s.Fallback)
	}
	require.Equal(t, []string{"hello", "hello_arrived", "hello_2", "hello_3", "after", "end", "lost"}, names)
	require.Equal(t, []string{"steps[0].x", "steps[0].fallback[0].x", "steps[0].fallback[0].x", "steps[0].fallback[1].x", "steps[1].x"},
		[]string{f.At(0, "x"), f.At(1, "x"), f.At(2, "x"), f.At(3, "x"), f.At(4, "x")})
	again, err := Compile(f.Definition, vocabulary())
	require.NoError(t, err)
	require.Equal(t, f.Definition, again.Definition, "what is written out stays as it is")
	require.Equal(t, "Hello", f.Steps[3].Content.Text, "without words of its own it says what the step says")
	require.Equal(t, []string{"no_address"}, f.Reasons())
}

// play walks one person through the order, as told of each message in turn.
func play(t *testing.T, told ...Input) (sent []string, outcome string, at time.Time) {
	f, now := compile(t, order), began
	s := Session{CampaignID: 7, ContactID: 3, Step: f.First()}
	var in Input
	for range 100 {
		var do Effects
		s, do = f.Step(s, in, now)
		in.Settled, in.Why = "", ""
		if do.Send != "" {
			sent = append(sent, do.Send)
			in = Input{}
		}
		switch {
		case s.Phase == Ended:
			return sent, s.Outcome, now
		case s.Phase == Sending || s.Phase == Arriving && len(told) > 0 && (told[0].Arrived || told[0].Settled == SettledFailed):
			require.NotEmpty(t, told, "nobody said what becomes of %v", sent)
			in, told = told[0], told[1:]
		default:
			now = do.Wake
		}
	}
	t.Fatal("it goes round")
	return nil, "", now
}

func TestFallbacksAreTriedInOrder(t *testing.T) {
	accepted, arrived := Input{Settled: SettledSent}, Input{Settled: SettledSent, Arrived: true}
	skipped := func(why string) Input { return Input{Settled: SettledSkipped, Why: why} }
	failed := Input{Settled: SettledFailed, Why: "recipient_refused"}
	for name, c := range map[string]struct {
		told    []Input
		sent    []string
		outcome string
		after   time.Duration
	}{
		"it arrives at once":               {[]Input{arrived}, []string{"hello"}, "told", day},
		"it arrives later":                 {[]Input{accepted, arrived}, []string{"hello"}, "told", day},
		"no receipt comes":                 {[]Input{accepted, accepted}, []string{"hello", "hello_2"}, "told", day + time.Hour},
		"it comes back":                    {[]Input{accepted, failed, accepted}, []string{"hello", "hello_2"}, "told", day},
		"it can't be sent":                 {[]Input{failed, accepted}, []string{"hello", "hello_2"}, "told", day},
		"there is no number either":        {[]Input{skipped("no_address"), skipped("no_address"), accepted}, []string{"hello", "hello_2", "hello_3"}, "told", day},
		"the second fails for another why": {[]Input{failed, failed}, []string{"hello", "hello_2"}, "lost", 0},
		"none of them reaches anybody":     {[]Input{failed, skipped("no_address"), failed}, []string{"hello", "hello_2", "hello_3"}, "lost", 0},
	} {
		t.Run(name, func(t *testing.T) {
			sent, outcome, at := play(t, c.told...)
			require.Equal(t, c.sent, sent)
			require.Equal(t, c.outcome, outcome)
			require.Equal(t, began.Add(c.after), at)
		})
	}
}

func TestWrongFallbacksAreNamed(t *testing.T) {
	for at, text := range map[string]string{
		"steps[0].fallback": `{"steps": [{"id": "a", "kind": "wait", "wait": {"for": "1d"}, "fallback": [{"channel_id": 2}]}, {"id": "e", "kind": "end"}]}`,
		"steps[0].fallback[0].undelivered": `{"steps": [{"id": "a", "kind": "send", "content": {"text": "x"}, "fallback": [{"channel_id": 2, "undelivered": "soon"}]},
			{"id": "e", "kind": "end"}]}`,
		"steps[1].id": `{"steps": [{"id": "a", "kind": "send", "content": {"text": "x"}, "fallback": [{"channel_id": 2}]},
			{"id": "a_2", "kind": "send", "content": {"text": "x"}}, {"id": "e", "kind": "end"}]}`,
		"steps[0].wait":          `{"steps": [{"id": "a", "kind": "wait", "wait": {"for": "1d", "delivered": true}}, {"id": "e", "kind": "end"}]}`,
		"steps[0].exits.failed":  `{"steps": [{"id": "a", "kind": "wait", "wait": {"for": "1d"}, "exits": {"failed": "e"}}, {"id": "e", "kind": "end"}]}`,
		"steps[0].exits.failed:": `{"steps": [{"id": "a", "kind": "send", "content": {"text": "x"}, "exits": {"failed:": "e"}}, {"id": "e", "kind": "end"}]}`,
	} {
		d, err := Parse([]byte(text))
		require.NoError(t, err)
		_, err = Compile(d, vocabulary())
		require.Error(t, err, at)
		fields, rest := fault.Gather(nil, err)
		require.NoError(t, rest)
		locations := make([]string, len(fields))
		for i, f := range fields {
			locations[i] = f.Location
		}
		require.Contains(t, locations, at)
	}
}
