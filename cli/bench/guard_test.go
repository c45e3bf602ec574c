package bench

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/testenv"
)

// bounds are what messages may take with the settings that nobody changed. They
// are counts, and much the same on every machine; what was measured stands beside
// them in docs/performance.md. Each is two to four times that: on a machine with
// three other programs on its two cores, and under the race detector, bytes and
// transactions were up to two and a half times as many. What breaks one is another
// way of working, such as a transaction for each message, and not a slow hour. Who
// makes something cheaper lowers its bound. Redis commands are by the envelope, which
// holds the fewer messages the slower they go, and few at first.
var bounds = []struct {
	content, transport, store string
	most                      Counts
	// redis is bytes that Redis holds for each queued message.
	redis float64
}{
	{"5k", "smtp", "sqlite", Counts{Allocations: 240, AllocatedBytes: 48 << 10, Transactions: 160, Commands: 120, Scripts: 20}, 100},
	{"5k", "smtp", "postgres", Counts{Allocations: 240, AllocatedBytes: 48 << 10, Transactions: 160, Commands: 120, Scripts: 24}, 100},
	{"30k", "smtp", "sqlite", Counts{Allocations: 900, AllocatedBytes: 224 << 10, Transactions: 160, Commands: 160, Scripts: 20}, 100},
	{"json", "http", "sqlite", Counts{Allocations: 340, AllocatedBytes: 64 << 10, Transactions: 160, Commands: 120, Scripts: 20}, 100},
	{"json", "http", "postgres", Counts{Allocations: 340, AllocatedBytes: 64 << 10, Transactions: 160, Commands: 120, Scripts: 24}, 100},
}

// guarded is how many messages are sent: enough that what happens once does not
// count.
const guarded = 12_000

// TestMessagesTakeNoMoreThanTheirBounds sends a campaign on both stacks and counts
// what it took. No time fails it.
func TestMessagesTakeNoMoreThanTheirBounds(t *testing.T) {
	for _, bound := range bounds {
		t.Run(bound.content+" "+bound.store, func(t *testing.T) {
			s := Scenario{Content: bound.content, Transport: bound.transport, Store: bound.store, Recipients: guarded, Dir: t.TempDir()}
			if bound.store == "postgres" {
				s.StoreDSN, s.RedisURL = testenv.SharedPostgres(t).NewDatabase(t), testenv.Redis(t).URL()
			}
			b, err := newBench(s, io.Discard)
			require.NoError(t, err)
			require.NoError(t, b.run(t.Context(), io.Discard, b.prepare, b.importCSV, b.planAndSend))
			require.True(t, b.result.Verified)
			got, most := b.result.Counts, bound.most
			// The others can come to nothing where a slow hour has more taken off than
			// passed; that they count at all is tested where they are counted.
			require.Positive(t, got.Allocations)
			t.Logf("took %+v at %.0f/s, %.0f bytes of Redis a queued message", got, b.result.SendRate, b.result.RedisPerMessage)
			for _, c := range []struct {
				what      string
				got, most float64
			}{
				{"allocations a message", got.Allocations, most.Allocations},
				{"bytes allocated a message", got.AllocatedBytes, most.AllocatedBytes},
				{"transactions a thousand messages", got.Transactions, most.Transactions},
				{"Redis commands a thousand messages", got.Commands, most.Commands},
				{"Redis scripts a thousand messages", got.Scripts, most.Scripts},
			} {
				require.LessOrEqual(t, c.got, c.most, c.what)
			}
			// Where all is sent between two looks, nothing was seen in the queue.
			require.LessOrEqual(t, b.result.RedisPerMessage, bound.redis, "bytes of Redis a queued message")
		})
	}
}
