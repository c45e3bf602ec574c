package contacts

import (
	"context"
	"iter"
	"strings"
	"time"

	"carillon/contacts/reply"
	"carillon/contacts/value"
	"carillon/internal/fault"
	"carillon/providers"
)

// Reply is something that a person wrote to us.
type Reply struct {
	ID        int64
	AccountID int64
	ChannelID int64
	// ContactID is 0 where nobody known holds the address.
	ContactID int64
	Kind      providers.AddressKind
	Address   string
	// ProviderID is the provider's own id; a repeat of the same is dropped.
	ProviderID string
	Text       string
	// Type is in which way they replied, and Parts what there is beside words. The parts of a
	// reply that was erased are gone, its type is not.
	Type    providers.ReplyType
	Parts   providers.ReplyParts
	Meaning reply.Meaning
	// Word is the text as keywords are compared; empty if it is too long for one. It is
	// not kept.
	Word string
	// ConversationID is the conversation that it belongs to, where that is known. It is not
	// kept with it.
	ConversationID int64
	// ReviewedAt is when a person said what it means; nil if none has.
	ReviewedAt *time.Time
	At         time.Time
	// Setting says that they wrote nothing, but set something at the provider that means the
	// text. It is not kept.
	Setting bool
}

// ReplyFilter selects replies. What is empty does not restrict.
type ReplyFilter struct {
	AccountID int64
	ContactID int64
	ChannelID int64
	Meaning   reply.Meaning
	// Review selects those that wait for a person to read them.
	Review bool
	// Before is the id before which the list goes on, newest first; 0 begins with
	// the newest.
	Before int64
	Limit  int
}

// ReplyStore keeps replies and does what they mean.
type ReplyStore interface {
	// TakeReplies keeps replies of one account, and carries their meanings out, in their
	// order. It returns how many were not known by the provider's id.
	TakeReplies(ctx context.Context, list []Reply) (fresh int, err error)
	// ListReplies lists newest first.
	ListReplies(ctx context.Context, f ReplyFilter) ([]Reply, error)
	// GetReply is one; NotFound if the account has none of the id.
	GetReply(ctx context.Context, accountID, id int64) (Reply, error)
	// ReviewReply gives a reply the meaning that a person read in it and carries it out.
	// It is NotFound if there is no such reply, and a Conflict if it does not wait to be
	// read.
	ReviewReply(ctx context.Context, accountID, id int64, meaning reply.Meaning, actor string) (Reply, error)
}

// Replies is the service for what people write. It is safe for concurrent use.
type Replies struct{ store ReplyStore }

// NewReplies makes the service.
func NewReplies(store ReplyStore) *Replies { return &Replies{store: store} }

// Take keeps what came through a channel and does what it means: a word to opt
// out binds when it returns. It returns how many were not known. If it fails in
// the middle the provider sends all of them again, and those that were taken are
// known then.
func (s *Replies) Take(ctx context.Context, channel providers.Channel, list []providers.Reply) (fresh int, err error) {
	replies := make([]Reply, len(list))
	for i, r := range list {
		parts := r.Parts.Kept()
		replies[i] = Reply{
			AccountID: channel.AccountID, ChannelID: channel.ID, Kind: channel.Address, Address: senderOf(channel.Address, r.From),
			ProviderID: r.ID, Text: r.Text, Type: parts.Type(), Parts: parts, Meaning: reply.Interpret(r.Text), Word: reply.Word(r.Text),
			At: r.At, Setting: r.Setting,
		}
	}
	return s.store.TakeReplies(ctx, replies)
}

// senderOf is the address of a sender in normal form. Providers leave out the +
// of phone numbers. What is no address is kept as it is: nobody holds it.
func senderOf(kind providers.AddressKind, from string) string {
	for _, form := range []string{from, "+" + from} {
		if normal, err := value.Normal(kind, form, ""); err == nil {
			return normal
		}
	}
	return strings.TrimSpace(from)
}

// Get is one reply.
func (s *Replies) Get(ctx context.Context, accountID, id int64) (Reply, error) {
	return s.store.GetReply(ctx, accountID, id)
}

// List lists replies, newest first.
func (s *Replies) List(ctx context.Context, f ReplyFilter) ([]Reply, error) {
	return s.store.ListReplies(ctx, f)
}

// Each goes through replies, newest first; an error ends it.
func (s *Replies) Each(ctx context.Context, f ReplyFilter) iter.Seq2[Reply, error] {
	f.Limit = eachPage
	return func(yield func(Reply, error) bool) {
		for {
			list, err := s.store.ListReplies(ctx, f)
			if err != nil {
				yield(Reply{}, err)
				return
			}
			for _, r := range list {
				if !yield(r, nil) {
					return
				}
				f.Before = r.ID
			}
			if len(list) < f.Limit {
				return
			}
		}
	}
}

// Review carries out what a person read in a reply. A reply whose meaning was
// plain, or that has been reviewed, is a Conflict.
func (s *Replies) Review(ctx context.Context, accountID, id int64, meaning, actor string) (Reply, error) {
	m, err := reply.ParseMeaning(meaning)
	if err != nil {
		return Reply{}, fault.InvalidField("meaning", meaning, "%v", err)
	}
	return s.store.ReviewReply(ctx, accountID, id, m, actor)
}
