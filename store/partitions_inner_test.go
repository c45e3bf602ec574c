package store

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/messages"
	"carillon/store/sqldb"
)

// Messages become partitioned while programs of the version before make, move and read them:
// none of their statements fails, nothing is lost, what is watched stays so, and ids go on.
func TestMessagesBecomePartitionedInUse(t *testing.T) {
	const before, writers = 20_000, 3
	s := openTestStore(t, postgresDSN(t))
	ctx := t.Context()
	provider, err := s.goose()
	require.NoError(t, err)
	_, err = provider.DownTo(ctx, 31)
	require.NoError(t, err)
	exec := func(query string, args ...any) {
		require.NoError(t, s.inTx(ctx, func(tx conn) error {
			_, err := tx.Exec(ctx, query, args...)
			return err
		}))
	}
	exec(`INSERT INTO messages (channel_id, run_id, contact_id, state, created_at, address, provider_id)
		SELECT 1, 1, g, 5, 1, 'a', 'p' || g FROM generate_series(1, ?::bigint) g`, before)
	exec("INSERT INTO transitions (message_id, seq, state, at, attempt) SELECT id, 0, 0, 1, 1 FROM messages")
	exec("ALTER TABLE messages ENABLE TRIGGER outbox_moved")

	var made, moved atomic.Int64
	working, stop := context.WithCancel(ctx)
	var group sync.WaitGroup
	for w := range int64(writers) {
		group.Go(func() {
			for n := int64(1); working.Err() == nil; n++ {
				contact := (w+1)*1_000_000 + n
				err := s.inTx(ctx, func(tx conn) error {
					ids, err := sqldb.IDs(ctx, tx, `INSERT INTO messages (channel_id, run_id, contact_id, state, created_at, address)
						VALUES (1, 2, ?, 0, 1, 'a') RETURNING id`, contact)
					if err != nil {
						return err
					}
					_, err = tx.Exec(ctx, "INSERT INTO transitions (message_id, seq, state, at, attempt) VALUES (?, 0, 0, 1, 1)", ids[0])
					return err
				})
				if !assertNoError(t, err) {
					return
				}
				made.Add(1)
				var k int64
				err = s.inTx(ctx, func(tx conn) (err error) {
					k, err = tx.Exec(ctx, "UPDATE messages SET state = 3, sent_at = 2 WHERE run_id = 2 AND run_id > 0 AND contact_id = ? AND state = 0", contact)
					return err
				})
				if !assertNoError(t, err) {
					return
				}
				moved.Add(k)
			}
		})
	}
	for made.Load() < 20 {
		require.NoError(t, s.clock.Sleep(ctx, 1e6))
	}
	_, err = s.Migrate(ctx)
	require.NoError(t, err)
	for at := made.Load(); made.Load() < at+20; {
		require.NoError(t, s.clock.Sleep(ctx, 1e6))
	}
	stop()
	group.Wait()

	count := func(query string) (n int64) {
		require.NoError(t, s.reader().Row(ctx, query).Scan(&n))
		return n
	}
	require.Equal(t, before+made.Load(), count("SELECT COUNT(*) FROM messages"))
	require.Equal(t, before+made.Load(), count("SELECT COUNT(*) FROM transitions"))
	require.Equal(t, made.Load(), moved.Load())
	require.Equal(t, made.Load(), count("SELECT COUNT(*) FROM messages WHERE state = 3"))
	require.Equal(t, before+made.Load(), count("SELECT COUNT(DISTINCT id) FROM messages"))
	require.EqualValues(t, 1, count("SELECT COUNT(*) FROM pg_trigger WHERE tgrelid = 'messages'::regclass AND tgname = 'outbox_moved' AND tgenabled = 'O'"))
	require.EqualValues(t, 1, count("SELECT COUNT(*) FROM pg_trigger WHERE tgrelid = 'messages'::regclass AND tgname = 'outbox_made' AND tgenabled = 'D'"))
	// Every index of the one table is one of the partitions' parent, but who is a recipient.
	require.EqualValues(t, 6, count("SELECT COUNT(*) FROM pg_index WHERE indrelid = 'messages'::regclass AND indisvalid"))
	require.EqualValues(t, 7, count("SELECT COUNT(*) FROM pg_index WHERE indrelid = 'messages_p0'::regclass"))
}

// assertNoError is require.NoError where a goroutine of the test's may not end it.
func assertNoError(t *testing.T, err error) bool {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
	return err == nil
}

// A partition with a message that somebody has sent again, after it was looked through, stays.
func TestAPartitionThatLivesIsNotDetached(t *testing.T) {
	s := openTestStore(t, postgresDSN(t))
	ctx := t.Context()
	list, err := s.reader().partitions(ctx, "")
	require.NoError(t, err)
	for _, live := range []messages.State{messages.Pending, messages.Queued, messages.Sending} {
		require.NoError(t, s.inTx(ctx, func(tx conn) error {
			_, err := tx.Exec(ctx, "INSERT INTO messages (channel_id, run_id, contact_id, state, created_at, address) VALUES (1, 1, ?, ?, 1, 'a')", int(live), int(live))
			return err
		}))
		require.ErrorIs(t, s.detachPartition(ctx, list[0]), errPartitionLives)
		ids, err := s.ids(ctx, "SELECT id FROM messages")
		require.NoError(t, err)
		require.Len(t, ids, 1)
		require.NoError(t, s.inTx(ctx, func(tx conn) error {
			_, err := tx.Exec(ctx, "UPDATE messages SET state = "+number(messages.Failed))
			if err == nil {
				_, err = tx.Exec(ctx, "DELETE FROM messages")
			}
			return err
		}))
	}
	require.NoError(t, s.detachPartition(ctx, list[0]))
}

// Who migrates lets nobody wait for whoever reads for long, and goes on once that is over.
func TestAMigrationWaitsForReaders(t *testing.T) {
	s := openTestStore(t, postgresDSN(t))
	ctx := t.Context()
	provider, err := s.goose()
	require.NoError(t, err)
	_, err = provider.DownTo(ctx, 31)
	require.NoError(t, err)
	reading, done := make(chan struct{}), make(chan error, 1)
	ends := make(chan struct{})
	go func() {
		done <- s.inTx(ctx, func(tx conn) error {
			var n int64
			if err := tx.Row(ctx, "SELECT COUNT(*) FROM messages").Scan(&n); err != nil {
				return err
			}
			close(reading)
			<-ends
			return nil
		})
	}()
	<-reading
	migrated := make(chan error, 1)
	go func() {
		_, err := s.Migrate(ctx)
		migrated <- err
	}()
	// It gives up after two seconds and tries again; meanwhile others get through.
	for range 4 {
		require.NoError(t, s.clock.Sleep(ctx, 500*time.Millisecond))
		asked, cancel := context.WithTimeout(ctx, 4*time.Second)
		require.NoError(t, s.inTx(asked, func(tx conn) error {
			_, err := tx.Exec(asked, "INSERT INTO messages (channel_id, run_id, contact_id, state, created_at, address) VALUES (1, 0, 1, 5, 1, 'a')")
			return err
		}))
		cancel()
	}
	select {
	case err := <-migrated:
		require.Fail(t, "it did not wait", "%v", err)
	default:
	}
	close(ends)
	require.NoError(t, <-done)
	require.NoError(t, <-migrated)
	current, newest, err := s.SchemaVersion(ctx)
	require.NoError(t, err)
	require.Equal(t, newest, current)
}
