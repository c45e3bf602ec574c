package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/store/storetest"
)

// BenchmarkFlowMoves lets people walk from branch to wait and from wait to a message:
// ns/op is one move of one of 20,000 who are all due at once.
func BenchmarkFlowMoves(b *testing.B) {
	storetest.EachBenchmark(b, func(b *testing.B, s *storetest.Store) {
		const people = 20_000
		w := newFlowPeople(b, s, people)
		w.start(`{"steps": [
				{"id": "fan", "kind": "branch", "branches": [
				 {"rule": {"condition": "AND", "rules": [{"field": "attributes.stars", "operator": "greater", "value": 3}]}, "next": "late"}]},
				{"id": "doze", "kind": "wait", "wait": {"for": "1h"}}, {"id": "late", "kind": "wait", "wait": {"for": "1h"}},
				{"id": "say", "kind": "send", "content": {"text": "x"}}, {"id": "end", "kind": "end"}],
				"reentry": {"allow": "always"}}`, true)
		moved := 0
		for b.Loop() {
			if moved%(3*people) == 0 {
				b.StopTimer()
				w.Exec("DELETE FROM flow_sessions")
				w.Exec("UPDATE runs SET status = 'planning', cursor = 0, plan_done = ? WHERE kind = 'scheduled'", false)
				w.Exec("DELETE FROM messages")
				w.Exec("DELETE FROM flow_moves")
				w.plan()
				b.StartTimer()
			}
			moved++
			if moved%500 == 0 { // as many as one transaction moves
				worked, err := w.MoveFlows(b.Context())
				require.NoError(b, err)
				if !worked {
					b.StopTimer()
					w.time.Advance(time.Hour)
					b.StartTimer()
				}
			}
		}
		b.ReportMetric(float64(moved)/b.Elapsed().Seconds(), "moves/s")
	})
}
