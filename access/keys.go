package access

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf8"

	"carillon/internal/fault"
	"carillon/internal/secret"
)

const (
	// keyPrefix lets people and secret scanners recognise a key.
	keyPrefix = "car_"
	// keyBytes are the random bytes of a key: 192 bits, so that its hash needs no
	// salt and no stretching.
	keyBytes = 24
	// minKeyLength is the shortest key that an operator may choose.
	minKeyLength = 16
	// MostEnding is how many keys of an account may be about to end by themselves: tokens of
	// logins, of which anybody who has a key can make one more.
	MostEnding = 1000
	// maxKeyName is the longest name of a key, in characters.
	maxKeyName = 100
)

// KeyStore keeps API keys.
type KeyStore interface {
	// LookupKey finds the key that somebody presents, and notes that it was used. An
	// unknown or revoked one is Unauthorized.
	LookupKey(ctx context.Context, presented secret.String) (Key, error)
	// AddKey keeps a key, of which account, name, role, API, channel and end are given; one
	// that the account has already is returned as it is. It is Invalid if CheckKey says so,
	// NotFound if the account has no such channel, and a Conflict if another account has the
	// key, or if it was revoked or has another role.
	AddKey(ctx context.Context, k Key, key secret.String) (Key, error)
	// ReplaceKey ends a key of the caller's account and keeps another with all that it had, in
	// one step. An operator's key is Forbidden to who is none.
	ReplaceKey(ctx context.Context, caller Caller, id int64, key secret.String) (Key, error)
	// ListKeys lists an account's keys behind the id after, revoked ones included.
	ListKeys(ctx context.Context, accountID, after int64, limit int) ([]Key, error)
	// RevokeKey ends a key. It is NotFound if there is none, and a Conflict for the last
	// admin key that works, and for the last operator's, which only the transaction of the
	// revocation can know.
	RevokeKey(ctx context.Context, accountID, id int64) error
}

// Keys is the service for API keys. It is safe for concurrent use.
type Keys struct{ store KeyStore }

// NewKeys makes the service.
func NewKeys(store KeyStore) *Keys { return &Keys{store: store} }

// Lookup finds the key that somebody presents, and notes that it was used. An unknown
// or revoked one is Unauthorized.
func (s *Keys) Lookup(ctx context.Context, presented secret.String) (Key, error) {
	return s.store.LookupKey(ctx, presented)
}

// Create makes a random key, of which account, name, role, and if they are wanted API,
// channel and end are given. The second result is the key itself, which can't be had again.
// What can't be used is Invalid.
func (s *Keys) Create(ctx context.Context, k Key) (Key, secret.String, error) {
	key, err := newKey()
	if err != nil {
		return Key{}, key, err
	}
	made, err := s.store.AddKey(ctx, k, key)
	return made, key, err
}

// Rotate replaces a key in one step: the old one opens nothing from then on, the new one
// has all that it had. An operator's key is Forbidden to who is none.
func (s *Keys) Rotate(ctx context.Context, caller Caller, id int64) (Key, secret.String, error) {
	key, err := newKey()
	if err != nil {
		return Key{}, key, err
	}
	made, err := s.store.ReplaceKey(ctx, caller, id, key)
	return made, key, err
}

func newKey() (secret.String, error) {
	random := make([]byte, keyBytes)
	if _, err := rand.Read(random); err != nil {
		return secret.String{}, fault.Wrap(fault.Internal, "make key", err)
	}
	return secret.New(keyPrefix + base64.RawURLEncoding.EncodeToString(random)), nil
}

// List lists an account's keys behind the id after, revoked ones included.
func (s *Keys) List(ctx context.Context, accountID, after int64, limit int) ([]Key, error) {
	return s.store.ListKeys(ctx, accountID, after, limit)
}

// Revoke ends a key: no request that begins after it succeeds. The last working admin
// key is a Conflict, because nobody could make another; a key that there isn't is
// NotFound.
func (s *Keys) Revoke(ctx context.Context, accountID, id int64) error {
	return s.store.RevokeKey(ctx, accountID, id)
}

// CheckKey refuses, as Invalid, a key by which nobody could be known, or that could be
// guessed.
func CheckKey(k Key, key secret.String) error {
	name, role := k.Name, k.Role
	if name == "" || utf8.RuneCountInString(name) > maxKeyName || strings.ContainsFunc(name, unicode.IsControl) {
		return fault.InvalidField("name", name, "a key needs a name of 1 to 100 characters, none of them a control character, to be known by when it is revoked")
	}
	if err := role.Validate(); err != nil {
		return err
	}
	if k.API != "" {
		if err := CheckAPI("api", k.API); err != nil {
			return err
		}
	}
	if k.Operator && (k.API != "" || k.ExpiresAt != nil) {
		return fault.InvalidField("operator", true, "an operator's key neither ends by itself nor is for one API of others: leave api and expires_at out")
	}
	if k.ChannelID != 0 && k.API == "" {
		return fault.InvalidField("channel_id", k.ChannelID, "a key is bound to a channel in an API of others: name it in api")
	}
	plain := key.Reveal()
	if len(plain) < minKeyLength || strings.ContainsFunc(plain, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fault.InvalidField("key", nil, "a key has at least %d characters, printable ASCII without spaces; `openssl rand -base64 24` makes one", minKeyLength)
	}
	return nil
}
