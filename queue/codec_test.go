package queue

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func items() *rapid.Generator[Item] {
	attempt := rapid.OneOf(rapid.Just(1), rapid.IntRange(1, 3), rapid.Int())
	return rapid.Custom(func(t *rapid.T) Item {
		return Item{MessageID: rapid.Int64().Draw(t, "id"), Attempt: attempt.Draw(t, "attempt")}
	})
}

func envelopes() *rapid.Generator[Envelope] {
	return rapid.Custom(func(t *rapid.T) Envelope {
		return Envelope{
			ID: rapid.Int64().Draw(t, "id"), ChannelID: rapid.Int64().Draw(t, "channel"), Transactional: rapid.Bool().Draw(t, "transactional"),
			RunID: rapid.Int64().Draw(t, "run"), CampaignID: rapid.Int64().Draw(t, "campaign"),
			CampaignPerSecond: rapid.Float64().Draw(t, "rate"), Items: rapid.SliceOfN(items(), 1, 20).Draw(t, "items"),
		}
	})
}

func TestEnvelopeSurvivesTheCodec(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := envelopes().Draw(t, "envelope")
		encoded := encode(&e)
		for i := range len(encoded) {
			require.Less(t, encoded[i], byte(utf8.RuneSelf), "protocol buffers refuse it otherwise")
		}
		got, err := decode(encoded)
		require.NoError(t, err)
		require.Equal(t, e, got)
		cut := rapid.IntRange(0, len(encoded)-1).Draw(t, "cut")
		_, err = decode(encoded[:cut])
		require.Error(t, err)
	})
}

func TestEveryFieldIsEncoded(t *testing.T) {
	// A field that is added to a type and forgotten in the codec must be noticed.
	keys := func(v any) int {
		raw, err := json.Marshal(v)
		require.NoError(t, err)
		return strings.Count(string(raw), `":`)
	}
	require.Equal(t, 7+2, keys(Envelope{Items: []Item{{}}}), "add the new field to codec.go and the generators above")
}

// Whatever its content, a queued message is a few bytes: nothing of it but its id
// is in Redis, and ids of a batch lie close together.
func TestAMessageIsAFewBytes(t *testing.T) {
	for name, c := range map[string]struct {
		apart int64
		most  float64
	}{"ids that follow each other": {1, 1.2}, "ids of several campaigns": {1000, 2.2}, "ids that lie apart": {1 << 30, 6.2}} {
		e := Envelope{ID: math.MaxInt64, ChannelID: 1 << 30, RunID: 1 << 40, CampaignID: 1 << 40, CampaignPerSecond: math.Pi}
		for i := range int64(MaxItems) {
			e.Items = append(e.Items, Item{MessageID: 1<<50 + i*c.apart, Attempt: 1})
		}
		require.Less(t, float64(len(encode(&e)))/MaxItems, c.most, name)
		for i := range e.Items {
			if i%10 == 0 {
				e.Items[i].Attempt = 2
			}
		}
		require.Less(t, float64(len(encode(&e)))/MaxItems, min(c.most+0.3, 8), name)
	}
}

func TestForeignPayloadIsRefused(t *testing.T) {
	for _, s := range []string{"", "1", "2", "3", "3\xff", encodeExample() + "x", strings.Replace(encodeExample(), "3", "9", 1)} {
		_, err := decode(s)
		require.Error(t, err, "%q", s)
	}
}

func encodeExample() string {
	e := envelope(5, 2)
	e.CampaignPerSecond = math.Pi
	return encode(&e)
}

func FuzzDecode(f *testing.F) {
	f.Add(encodeExample())
	f.Add("3")
	f.Fuzz(func(t *testing.T, s string) {
		e, err := decode(s)
		if err != nil || math.IsNaN(e.CampaignPerSecond) {
			return
		}
		again, err := decode(encode(&e))
		if err != nil {
			t.Fatal(err)
		}
		require.Equal(t, e, again)
	})
}

func BenchmarkCodec(b *testing.B) {
	e := envelope(1, MaxItems)
	perJob := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/MaxItems, "ns/item")
	}
	b.Run("ours", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := decode(encode(&e)); err != nil {
				b.Fatal(err)
			}
		}
		perJob(b)
	})
	b.Run("json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			raw, err := json.Marshal(e)
			if err != nil {
				b.Fatal(err)
			}
			var got Envelope
			if err := json.Unmarshal(raw, &got); err != nil {
				b.Fatal(err)
			}
		}
		perJob(b)
	})
}
