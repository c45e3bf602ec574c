package app

import (
	"context"

	"carillon/internal/clock"
	"carillon/messages"
	"carillon/providers"
)

// stageReceipt is the commit by which what a provider reports is kept.
const stageReceipt = "receipt"

// measured counts how long receipts take to be kept.
type measured struct {
	messages.Receipts
	meter Meter
}

// Receive is messages.Receipts'.
func (m measured) Receive(ctx context.Context, channelID int64, events []providers.Receipt) error {
	_, err := m.ReceiveOnce(ctx, channelID, "", events)
	return err
}

// ReceiveOnce is messages.Receipts'.
func (m measured) ReceiveOnce(ctx context.Context, channelID int64, request string, events []providers.Receipt) (repeated bool, err error) {
	began := clock.System{}.Now()
	repeated, err = m.Receipts.ReceiveOnce(ctx, channelID, request, events)
	if m.meter != nil && len(events) > 0 {
		m.meter.Stage(stageReceipt, clock.System{}.Now().Sub(began).Seconds())
	}
	return repeated, err
}
