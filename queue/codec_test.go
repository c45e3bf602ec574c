package queue

import (
	"context"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"carillon/providers"
)

func jobs() *rapid.Generator[Job] {
	return rapid.Custom(func(t *rapid.T) Job {
		j := Job{
			MessageID: rapid.Int64().Draw(t, "id"), Attempt: rapid.Int().Draw(t, "attempt"),
			To: rapid.String().Draw(t, "to"), ToName: rapid.String().Draw(t, "name"),
			Content: providers.Content{
				Subject: rapid.String().Draw(t, "subject"), Text: rapid.String().Draw(t, "text"),
				HTML: rapid.String().Draw(t, "html"), Preheader: rapid.String().Draw(t, "preheader"),
			},
			UnsubscribeURL: rapid.String().Draw(t, "url"), RecipientKey: rapid.String().Draw(t, "key"),
		}
		if rapid.Bool().Draw(t, "attachment") {
			j.Content.Attachment = &providers.Attachment{URL: rapid.String().Draw(t, "u"), Filename: rapid.String().Draw(t, "f"), Caption: rapid.String().Draw(t, "c")}
		}
		if m := rapid.MapOf(rapid.String(), rapid.String()).Draw(t, "metadata"); len(m) > 0 {
			j.Metadata = m
		}
		return j
	})
}

func envelopes() *rapid.Generator[Envelope] {
	return rapid.Custom(func(t *rapid.T) Envelope {
		return Envelope{
			ID: rapid.Int64().Draw(t, "id"), ChannelID: rapid.Int64().Draw(t, "channel"), Transactional: rapid.Bool().Draw(t, "transactional"),
			RunID: rapid.Int64().Draw(t, "run"), CampaignID: rapid.Int64().Draw(t, "campaign"),
			CampaignPerSecond: rapid.Float64().Draw(t, "rate"), Jobs: rapid.SliceOfN(jobs(), 1, 20).Draw(t, "jobs"),
		}
	})
}

func TestEnvelopeSurvivesTheCodec(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := envelopes().Draw(t, "envelope")
		encoded := encode(&e, false)
		require.True(t, utf8.ValidString(encoded), "protocol buffers refuse it otherwise")
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
	full := Envelope{Jobs: []Job{{Content: providers.Content{Subject: "a", Text: "a", HTML: "a", Preheader: "a",
		Attachment: &providers.Attachment{URL: "a", Filename: "a", Caption: "a"}}}}}
	require.Equal(t, 7+8+4+1+3, keys(full), "add the new field to codec.go, size and the generators above")
}

func TestBytesThatAreNoTextAreReplaced(t *testing.T) {
	q := open(t, Options{})
	e := envelope(1, 1)
	e.Jobs[0].To = "a\xffb"
	require.NoError(t, q.Enqueue(t.Context(), e))
	got := make(chan Envelope, 1)
	serve(t, q, 1, func(_ context.Context, e Envelope) error {
		got <- e
		return nil
	})
	e.Jobs[0].To = "a\uFFFDb"
	require.Equal(t, e, <-got)
}

func TestForeignPayloadIsRefused(t *testing.T) {
	for _, s := range []string{"", "2", "1", "1\xff", encodeExample() + "x", strings.Replace(encodeExample(), "1", "9", 1)} {
		_, err := decode(s)
		require.Error(t, err, "%q", s)
	}
}

func encodeExample() string {
	e := envelope(5, 2)
	e.CampaignPerSecond = math.Pi
	return encode(&e, false)
}

func FuzzDecode(f *testing.F) {
	f.Add(encodeExample())
	f.Add("1")
	f.Fuzz(func(t *testing.T, s string) {
		e, err := decode(s)
		if err != nil || math.IsNaN(e.CampaignPerSecond) {
			return
		}
		again, err := decode(encode(&e, true))
		if err != nil {
			t.Fatal(err)
		}
		if utf8.ValidString(s) {
			require.Equal(t, e, again)
		}
	})
}

// benchmarkEnvelope has contents of 300 bytes, as the whole path's figures do.
func benchmarkEnvelope(id int64, jobs int) Envelope {
	e := envelope(id, jobs)
	for i := range e.Jobs {
		e.Jobs[i].Content = providers.Content{Subject: "Your weekly letter", Text: strings.Repeat("Grüße aus Köln, ", 17)}
		e.Jobs[i].UnsubscribeURL = "https://news.example.com/u/0123456789abcdef"
		e.Jobs[i].RecipientKey = "0123456789abcdef"
	}
	return e
}

func BenchmarkCodec(b *testing.B) {
	e := benchmarkEnvelope(1, MaxJobs)
	perJob := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/MaxJobs, "ns/job")
	}
	b.Run("ours", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := decode(encode(&e, false)); err != nil {
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
