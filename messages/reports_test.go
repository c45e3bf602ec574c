package messages_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

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
	s := messages.NewReports(in, in, nil)
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

// halts is what was stopped, and why.
type halts []string

func (h *halts) StopChannel(_ context.Context, channelID, epoch int64, reason string) (bool, error) {
	*h = append(*h, fmt.Sprint(channelID, " in ", epoch, ": ", reason))
	return true, nil
}

// What a receipt says of the channel stops it, unless it is older than the channel's resumption.
func TestAReceiptStopsTheChannel(t *testing.T) {
	resumed := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		trouble providers.ErrorKind
		at      time.Time
		status  providers.ChannelStatus
		stops   halts
	}{
		"since": {providers.ErrorAccount, resumed.Add(time.Second), providers.ChannelActive,
			halts{"3 in 2: the provider refuses us, whoever is written to; correct it and resume the channel: closed"}},
		"before":       {providers.ErrorAccount, resumed, providers.ChannelActive, nil},
		"nobody knows": {providers.ErrorAccount, time.Time{}, providers.ChannelActive, nil},
		"paused":       {providers.ErrorAccount, resumed.Add(time.Second), providers.ChannelPaused, nil},
		"the message":  {providers.ErrorContent, resumed.Add(time.Second), providers.ChannelActive, nil},
	} {
		t.Run(name, func(t *testing.T) {
			in, stopped := &inbox{requests: map[string]bool{}}, halts(nil)
			_, err := messages.NewReports(in, in, &stopped).Take(t.Context(), messages.Report{
				Channel: providers.Channel{ID: 3, Epoch: 2, Status: c.status, StatusSince: resumed},
				Receipts: []providers.Receipt{
					{Status: providers.ReceiptDelivered, At: c.at},
					{Status: providers.ReceiptFailed, At: c.at, Trouble: c.trouble, Detail: "closed"},
					{Status: providers.ReceiptFailed, At: c.at, Trouble: c.trouble, Detail: "again"},
				},
			})
			require.NoError(t, err)
			require.Equal(t, c.stops, stopped)
			require.Equal(t, 3, in.receipts)
		})
	}
}
