package messages

import (
	"context"

	"carillon/providers"
)

// Report is what a provider reports in one request.
type Report struct {
	Channel  providers.Channel
	Receipts []providers.Receipt
	Replies  []providers.Reply
	// Request is by what a repeat of it is known; empty if the provider has no such
	// thing.
	Request string
}

// Receipts applies what providers report; *store.Writer does.
type Receipts interface {
	// Receive applies receipts; those that come too early are kept. When it returns,
	// what bounced for good is suppressed. It has no code but Unavailable.
	Receive(ctx context.Context, channelID int64, events []providers.Receipt) error
	// ReceiveOnce is Receive for a request of which a repeat changes nothing.
	ReceiveOnce(ctx context.Context, channelID int64, request string, events []providers.Receipt) (repeated bool, err error)
}

// Listener takes what people wrote; *contacts.Replies does.
type Listener interface {
	// Take returns how many were not known. After an error those that were taken are
	// known.
	Take(ctx context.Context, channel providers.Channel, list []providers.Reply) (fresh int, err error)
}

// Stopper stops channels; *store.Store does.
type Stopper interface {
	// StopChannel stops one that is active and still in that epoch, and says why, for people.
	StopChannel(ctx context.Context, channelID, epoch int64, reason string) (stopped bool, err error)
}

// Reports is the service for what providers report. It is safe for concurrent use.
type Reports struct {
	receipts Receipts
	replies  Listener
	channels Stopper
}

// NewReports makes the service.
func NewReports(receipts Receipts, replies Listener, channels Stopper) *Reports {
	return &Reports{receipts: receipts, replies: replies, channels: channels}
}

// Receive applies receipts that came outside of a request, as from an adapter that
// listens by itself.
func (s *Reports) Receive(ctx context.Context, channelID int64, receipts []providers.Receipt) error {
	return s.receipts.Receive(ctx, channelID, receipts)
}

// Take takes what a request reports, once; repeated says that all of it was known.
// Replies are known by themselves: a request with some is not remembered, so that one
// of which a part was taken is taken whole when it comes again.
func (s *Reports) Take(ctx context.Context, r Report) (repeated bool, err error) {
	if err := s.stop(ctx, r); err != nil {
		return false, err
	}
	request := r.Request
	if len(r.Replies) > 0 {
		request = ""
	}
	repeated, err = s.receipts.ReceiveOnce(ctx, r.Channel.ID, request, r.Receipts)
	if err != nil || len(r.Replies) == 0 {
		return repeated, err
	}
	// What was begun is finished, whether or not the provider still listens.
	fresh, err := s.replies.Take(context.WithoutCancel(ctx), r.Channel, r.Replies)
	return fresh == 0 && len(r.Receipts) == 0, err
}

// stop stops the channel if a receipt says that nothing goes over it any more, and of what has
// happened since the channel became active: what was said before a person saw to it, or nobody
// knows when, is late.
func (s *Reports) stop(ctx context.Context, r Report) error {
	for _, receipt := range r.Receipts {
		if !receipt.Trouble.StopsChannel() || !receipt.At.After(r.Channel.StatusSince) || r.Channel.Status != providers.ChannelActive {
			continue
		}
		_, err := s.channels.StopChannel(context.WithoutCancel(ctx), r.Channel.ID, r.Channel.Epoch, receipt.Trouble.WhyStopped(receipt.Detail))
		return err
	}
	return nil
}
