package messages_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/messages"
	"carillon/providers"
)

// inbox knows the requests and replies that it took.
type inbox struct {
	requests map[string]bool
	replies  map[string]bool
	receipts int
	broken   error
}

func (in *inbox) Receive(ctx context.Context, channelID int64, events []providers.Receipt) error {
	_, err := in.ReceiveOnce(ctx, channelID, "", events)
	return err
}

func (in *inbox) ReceiveOnce(_ context.Context, _ int64, request string, events []providers.Receipt) (bool, error) {
	if request != "" && in.requests[request] {
		return true, nil
	}
	in.requests[request] = true
	in.receipts += len(events)
	return false, nil
}

func (in *inbox) Take(ctx context.Context, _ providers.Channel, list []providers.Reply) (fresh int, err error) {
	if in.broken != nil {
		return 0, in.broken
	}
	for _, r := range list {
		if !in.replies[r.ID] {
			fresh++
		}
		in.replies[r.ID] = true
	}
	return fresh, ctx.Err()
}

func TestAReportIsTakenOnce(t *testing.T) {
	in := &inbox{requests: map[string]bool{}, replies: map[string]bool{}}
	s := messages.NewReports(in, in)
	take := func(r messages.Report) bool {
		repeated, err := s.Take(t.Context(), r)
		require.NoError(t, err)
		return repeated
	}
	receipts := messages.Report{Request: "r1", Receipts: make([]providers.Receipt, 2)}
	require.False(t, take(receipts))
	require.True(t, take(receipts))
	require.Equal(t, 2, in.receipts)
	require.NoError(t, s.Receive(t.Context(), 1, make([]providers.Receipt, 1)))
	require.Equal(t, 3, in.receipts)

	// A part of it was taken before the store failed: the whole is taken when it comes
	// again, although it has a name.
	both := messages.Report{Request: "r2", Receipts: make([]providers.Receipt, 1), Replies: []providers.Reply{{ID: "a"}}}
	in.broken = errors.New("gone")
	_, err := s.Take(t.Context(), both)
	require.ErrorIs(t, err, in.broken)
	in.broken = nil
	require.False(t, take(both))
	require.True(t, in.replies["a"])
	require.True(t, take(messages.Report{Request: "r3", Replies: []providers.Reply{{ID: "a"}}}), "a reply is known by itself")

	// Who hangs up in the middle does not undo a half.
	ctx, hangUp := context.WithCancel(t.Context())
	hangUp()
	_, err = s.Take(ctx, messages.Report{Replies: []providers.Reply{{ID: "b"}}})
	require.NoError(t, err)
	require.True(t, in.replies["b"])
}
