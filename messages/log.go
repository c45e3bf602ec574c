package messages

import (
	"context"
	"sync"
	"time"

	"carillon/contacts"
)

// LogEntry is a message that was sent, or something that was written to us.
type LogEntry struct {
	// Number is its place in the log: later entries have higher ones, with gaps.
	Number    int64
	ChannelID int64
	At        time.Time
	// MessageID is of what was sent, ReplyID of what was written; the other is 0.
	MessageID, ReplyID int64
	// Message and Reply are nil where they are kept no more.
	Message *Message
	Reply   *contacts.Reply
}

// LogFilter selects entries of the log.
type LogFilter struct {
	AccountID int64
	// ChannelID is the channel; 0 is all.
	ChannelID int64
	// Address is whom it went to or who wrote; empty is everybody.
	Address string
	// From and To bound when it was; To is not within. Zero does not bound.
	From, To time.Time
	// After is the number behind which the list goes on.
	After int64
	// Last selects the last so many instead, still in their order; 0 does not.
	Last  int
	Limit int
}

// LogStore keeps the log.
type LogStore interface {
	// KeepLog has the log of a channel kept from now on. It is NotFound if the account has
	// no such channel.
	KeepLog(ctx context.Context, accountID, channelID int64) error
	// LoggedChannels are those whose log is kept.
	LoggedChannels(ctx context.Context, accountID int64) ([]int64, error)
	// ListLog lists entries in the order of their numbers.
	ListLog(ctx context.Context, f LogFilter) ([]LogEntry, error)
	// LogNumber is the number of what was written; 0 while it is not in the log.
	LogNumber(ctx context.Context, replyID int64) (int64, error)
}

// Log is the service for the one numbered log of what was sent and what was written to us. It
// is safe for concurrent use.
type Log struct {
	store LogStore
	// kept are the channels of which this process knows that their log is kept.
	kept sync.Map
}

// NewLog makes the service.
func NewLog(store LogStore) *Log { return &Log{store: store} }

// Keep has the log of a channel kept: what is sent and written after it returned is in it.
func (l *Log) Keep(ctx context.Context, accountID, channelID int64) error {
	type key struct{ account, channel int64 }
	if _, known := l.kept.Load(key{accountID, channelID}); known {
		return nil
	}
	err := l.store.KeepLog(ctx, accountID, channelID)
	if err == nil {
		l.kept.Store(key{accountID, channelID}, true)
	}
	return err
}

// Channels are those whose log is kept.
func (l *Log) Channels(ctx context.Context, accountID int64) ([]int64, error) {
	return l.store.LoggedChannels(ctx, accountID)
}

// NumberOf is the number of what was written; 0 while it is not in the log.
func (l *Log) NumberOf(ctx context.Context, replyID int64) (int64, error) {
	return l.store.LogNumber(ctx, replyID)
}

// List lists entries in the order of their numbers.
func (l *Log) List(ctx context.Context, f LogFilter) ([]LogEntry, error) {
	return l.store.ListLog(ctx, f)
}
