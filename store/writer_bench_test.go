package store_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/messages"
	"carillon/providers"
	"carillon/store/storetest"
)

// BenchmarkClaim claims and records the messages of an envelope, as a bulk run does,
// without a template and in one language or several.
func BenchmarkClaim(b *testing.B) {
	for _, languages := range []int{0, 1, 5} {
		b.Run(fmt.Sprintf("languages=%d", languages), func(b *testing.B) {
			storetest.EachBenchmark(b, func(b *testing.B, s *storetest.Store) { benchmarkClaim(b, s, languages, 0) })
		})
	}
}

// BenchmarkRefused is BenchmarkClaim where the provider says of some of a hundred that there
// is no such address.
func BenchmarkRefused(b *testing.B) {
	for _, refused := range []int{0, 2, 20} {
		b.Run(fmt.Sprintf("refused=%d", refused), func(b *testing.B) {
			storetest.EachBenchmark(b, func(b *testing.B, s *storetest.Store) { benchmarkClaim(b, s, 0, refused) })
		})
	}
}

func benchmarkClaim(b *testing.B, s *storetest.Store, languages, refused int) {
	const per = 100
	j := storetest.NewJourney(b, s, 5000)
	run := j.Start()
	j.PlanAll(run.ID, 5000)
	envelopes := make([]int64, 45)
	for i := range envelopes {
		envelopes[i] = int64(i + 1)
	}
	fed := j.Feed(run.ID, envelopes, per)
	ids := map[int64][]int64{}
	for _, m := range fed {
		ids[m.EnvelopeID] = append(ids[m.EnvelopeID], m.ID)
	}
	n := 0
	for b.Loop() {
		if n++; n > len(envelopes) {
			b.StopTimer()
			s.Exec("UPDATE messages SET state = 1, attempt = 0, worker_id = 0, sent_at = NULL, final_at = NULL WHERE state IN (3, 7)")
			for _, table := range []string{"suppressions", "consents", "bounces", "outbox"} {
				s.Exec("DELETE FROM " + table)
			}
			n = 1
			b.StartTimer()
		}
		of := ids[int64(n)]
		c := messages.Claim{WorkerID: j.Worker, ChannelID: j.Channel.ID, RunID: run.ID, EnvelopeID: int64(n), MessageIDs: of}
		for i := range of {
			if languages > 0 {
				c.Languages = append(c.Languages, []string{"de", "en", "fr", "pl", "pt-BR"}[i%languages])
			}
		}
		claimed, err := j.Writer.Claim(b.Context(), c)
		require.NoError(b, err)
		require.Len(b, claimed, len(of))
		at := 0
		j.Record(run.ID, claimed, func(o *messages.Outcome) {
			if at++; at <= refused {
				o.State, o.Kind, o.Reason, o.Bounce = messages.Rejected, "recipient", messages.ReasonRecipient, providers.BounceHard
			}
		})
	}
}
