package worker

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/secret"
	"carillon/messages"
	"carillon/providers"
	"carillon/queue"
	"carillon/store"
	"carillon/store/storetest"
)

// gatedWriter is the store's writer, which lets a worker's claim be committed
// and the worker learn of it only when the gate opens.
type gatedWriter struct {
	Writer
	committed, gate chan struct{}
}

func (w *gatedWriter) Claim(ctx context.Context, c messages.Claim) ([]int64, error) {
	claimed, err := w.Writer.Claim(ctx, c)
	close(w.committed)
	<-w.gate
	return claimed, err
}

// openStore is a store of its own with an account and a channel for e-mail.
func openStore(t *testing.T) (*store.Store, providers.Channel) {
	t.Helper()
	ctx := t.Context()
	box, err := secret.NewBox(secret.New("a master key for tests alone"))
	require.NoError(t, err)
	s, err := store.Open(ctx, store.Options{DSN: storetest.NewestSQLite(t), Box: box})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	account, _, err := s.EnsureAccount(ctx, "test")
	require.NoError(t, err)
	c, err := s.CreateChannel(ctx, providers.Channel{
		AccountID: account.ID, Name: "c", Provider: "fake", Config: []byte("{}"), Address: providers.Email, Timezone: "UTC", InDoubt: providers.InDoubtHold,
	})
	require.NoError(t, err)
	return s, c
}

// A worker is cut off between its claim and its provider, others take it for
// dead and hold its messages as in doubt. It asks nobody and says so: the
// messages are sent by somebody else, each once.
func TestWhatACutOffWorkerDidNotAskForIsSentByAnother(t *testing.T) {
	ctx := t.Context()
	s, c := openStore(t)
	const n = 3
	for range n {
		_, err := s.CreateMessage(ctx, messages.Outgoing{AccountID: c.AccountID, ChannelID: c.ID, Address: "a@example.com", Content: []byte(`{"text":"x"}`)})
		require.NoError(t, err)
	}
	// feed is an envelope with all that waits.
	feed := func(envelope int64) queue.Envelope {
		t.Helper()
		fed, err := s.Feed(ctx, messages.FeedRequest{ChannelID: c.ID, Envelopes: []int64{envelope}, PerEnvelope: n})
		require.NoError(t, err)
		require.Len(t, fed, n)
		e := queue.Envelope{ID: envelope, ChannelID: c.ID, Transactional: true}
		for _, m := range fed {
			e.Items = append(e.Items, queue.Item{MessageID: m.ID, Attempt: m.Attempt})
		}
		return e
	}
	sends := map[int64]int{}
	worker := func() (*bench, *store.Writer) {
		t.Helper()
		b := newBench(t, nil)
		id, err := s.RegisterWorker(ctx, "w")
		require.NoError(t, err)
		writer := s.StartWriter(id)
		t.Cleanup(writer.Stop)
		b.o.ID, b.o.Store, b.o.Writer = id, s, writer
		b.send = func(_ context.Context, m providers.Message) (providers.Accepted, error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			sends[m.ID]++
			return providers.Accepted{}, nil
		}
		return b, writer
	}

	cut, writer := worker()
	gated := &gatedWriter{Writer: writer, committed: make(chan struct{}), gate: make(chan struct{})}
	cut.o.Writer = gated
	c.Limits.Concurrency = 8 * (n + 1) // all of them in one claim
	handled := make(chan error, 1)
	first := feed(1)
	go func() { handled <- cut.channel(c).handle(context.WithoutCancel(ctx), first) }()
	<-gated.committed
	require.NoError(t, s.RetireWorker(ctx, cut.o.ID)) // as an old heartbeat
	dead, err := s.SettleDead(ctx, time.Hour)
	require.NoError(t, err)
	require.Len(t, dead, 1)
	require.Equal(t, int64(n), dead[0].Held)
	cut.beat.Store(cut.o.Clock.Now().Add(-fenceAfter - time.Second).UnixMilli())
	close(gated.gate)
	require.NoError(t, <-handled)
	require.Empty(t, sends)
	pending := messages.Pending
	waiting, err := s.ListMessages(ctx, messages.MessageFilter{AccountID: c.AccountID, State: &pending})
	require.NoError(t, err)
	require.Len(t, waiting, n)
	for _, m := range waiting {
		require.Equal(t, messages.ReasonNotAsked, m.Reason)
	}

	other, _ := worker()
	require.NoError(t, other.channel(c).handle(ctx, feed(2)))
	require.Len(t, sends, n)
	for id, times := range sends {
		require.Equal(t, 1, times)
		m, err := s.GetMessage(ctx, c.AccountID, id)
		require.NoError(t, err)
		require.Equal(t, messages.Sent, m.State)
		require.Equal(t, 1, m.Attempt)
	}
}
