package api

import (
	"context"

	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/providers/bounce"
)

// Expects returns nil if messages of a channel come back to an address, and that address was made
// here. It is NotFound for any other, and Unavailable while that can't be told.
func (s *Server) Expects(ctx context.Context, address string) error {
	_, err := s.hooks.returning(ctx, address, func(providers.ReturnReader) error { return nil })
	return err
}

// Returned takes a mail that came to such an address. It is Invalid where the mail can't be read.
func (s *Server) Returned(ctx context.Context, address string, mail []byte) error {
	report := messages.Report{}
	var err error
	report.Channel, err = s.hooks.returning(ctx, address, func(reader providers.ReturnReader) (err error) {
		report.Receipts, err = reader.ParseReturned(address, mail)
		if err != nil {
			return fault.New(fault.Invalid, "%v", providers.AsError(err).Err)
		}
		if named, ok := reader.(providers.RequestIdentifier); ok {
			report.Request = named.RequestID(nil, mail)
		}
		return nil
	})
	if err != nil || len(report.Receipts) == 0 {
		return err
	}
	_, err = s.take(ctx, report)
	return err
}

// returning has the adapter of the channel read that an address is of.
func (h *hooks) returning(ctx context.Context, address string, read func(providers.ReturnReader) error) (providers.Channel, error) {
	mark, ok := bounce.MarkOf(address)
	if !ok {
		return providers.Channel{}, nothingReturns(address)
	}
	channel, err := h.lookUp(ctx, mark.Channel)
	if err != nil {
		return channel, err
	}
	return channel, h.with(channel, func(adapter providers.Provider) error {
		reader, ok := adapter.(providers.ReturnReader)
		if !ok || !reader.Expects(address) {
			return nothingReturns(address)
		}
		return read(reader)
	})
}

func nothingReturns(address string) error {
	return fault.New(fault.NotFound, "no message comes back to %q", address)
}
