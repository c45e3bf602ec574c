package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/clock"
	"carillon/internal/fault"
)

// A store that can be read and not written to is not ready, and says why in words.
func TestAFullDiskIsNotWritable(t *testing.T) {
	s := openTestStore(t, sqliteDSN(t))
	fake := clock.NewFake(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	s.clock = fake
	ctx := t.Context()
	require.NoError(t, s.CheckWritable(ctx))
	// As full as a disk can be: the file may not grow any more, and wants to.
	pool := s.outside().Pool
	_, err := pool.ExecContext(ctx, "CREATE TRIGGER grows BEFORE UPDATE ON meta BEGIN INSERT INTO meta (name, value) "+
		"VALUES (hex(randomblob(8)), hex(zeroblob(1000000))); END")
	require.NoError(t, err)
	var pages int
	require.NoError(t, pool.QueryRowContext(ctx, "PRAGMA page_count").Scan(&pages))
	_, err = pool.ExecContext(ctx, fmt.Sprintf("PRAGMA max_page_count = %d", pages))
	require.NoError(t, err)
	require.NoError(t, s.CheckWritable(ctx), "it is believed for a moment")
	fake.Advance(writableFor)
	err = s.CheckWritable(ctx)
	require.True(t, fault.Is(err, fault.Unavailable), err)
	require.ErrorContains(t, err, "disk is full")
	require.NoError(t, s.Ping(ctx), "reading goes on")
}
