package access

import (
	"context"
	"crypto/rand"
	"hash/crc32"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"carillon/internal/fault"
	"carillon/internal/secret"
)

const (
	// keyPrefix lets people and secret scanners recognise a key.
	keyPrefix = "car_"
	// keyRandom are the random characters of a key, each one of 62: 190 bits, so that its hash
	// needs no salt and no stretching. keyChecksum characters follow, by which one that was
	// mistyped or cut off is told from a wrong one.
	keyRandom   = 32
	keyChecksum = 6
	// keyLetters are what they are of, so that a double click selects a whole key.
	keyLetters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
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
	// LookupKey finds the key that somebody presents from an address, and notes that it was
	// used. An unknown or revoked one is Unauthorized, one of a closed account, or that
	// Key.CheckFrom refuses, Forbidden: whose it is comes with that, too.
	LookupKey(ctx context.Context, presented secret.String, source string) (Key, error)
	// AddKey keeps a key, of which account, name, role, API, channel and end are given; one
	// that the account has already is returned as it is. It is Invalid if CheckKey says so,
	// NotFound if the account has no such channel, and a Conflict if another account has the
	// key, or if it was revoked or has another role.
	AddKey(ctx context.Context, k Key, key secret.String) (Key, error)
	// ReplaceKey gives a key of the caller's account another secret, in one step; the one that it
	// had opens until the end. An operator's key is Forbidden to who is none, and the configured
	// one a Conflict.
	ReplaceKey(ctx context.Context, caller Caller, r Replacement) (Key, error)
	// ChangeKey changes a key of the caller's account, which check allows or not. What it
	// becomes is Invalid if CheckKey says so.
	ChangeKey(ctx context.Context, caller Caller, id int64, c KeyChange) (Key, error)
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

// Lookup finds the key that somebody presents from an address, and notes that it was used. An
// unknown or revoked one is Unauthorized, one of a closed account, or that is not taken from
// there, Forbidden: whose it is comes with that, too.
func (s *Keys) Lookup(ctx context.Context, presented secret.String, source string) (Key, error) {
	k, err := s.store.LookupKey(ctx, presented, source)
	if fault.Is(err, fault.Unauthorized) && mistyped(presented.Reveal()) {
		err = fault.New(fault.Unauthorized, "the API key is mistyped or not whole: its last characters do not fit the others")
	}
	return k, err
}

// Create makes a random key, of which account, name, role, and if they are wanted API,
// channel, scopes, networks, rate and end are given. The second result is the key itself, which
// can't be had again. What can't be used is Invalid.
func (s *Keys) Create(ctx context.Context, k Key) (Key, secret.String, error) {
	key := NewSecret()
	made, err := s.store.AddKey(ctx, k, key)
	return made, key, err
}

// Replacement is another secret for a key.
type Replacement struct {
	ID  int64
	Key secret.String
	// Overlap is for how long the one before still opens; 0 for not at all.
	Overlap time.Duration
}

// Rotate gives a key another secret in one step. The one before opens for the overlap, at most
// secret.LongestOverlap, and one before that no more. An operator's key is Forbidden to who is none.
func (s *Keys) Rotate(ctx context.Context, caller Caller, id int64, overlap time.Duration) (Key, secret.String, error) {
	key := NewSecret()
	if err := secret.CheckOverlap(overlap); err != nil {
		return Key{}, key, err
	}
	made, err := s.store.ReplaceKey(ctx, caller, Replacement{id, key, overlap})
	return made, key, err
}

// Change changes a key: its name, its bounds, its end.
func (s *Keys) Change(ctx context.Context, caller Caller, id int64, c KeyChange) (Key, error) {
	return s.store.ChangeKey(ctx, caller, id, c)
}

// NewSecret makes what a key is.
func NewSecret() secret.String {
	random := randomText(keyRandom)
	return secret.New(keyPrefix + random + checksum(random))
}

// randomText is a text of so many letters and digits, each one of 62.
func randomText(length int) string {
	text := make([]byte, 0, length)
	var raw [64]byte
	for len(text) < length {
		_, _ = rand.Read(raw[:]) // never fails (crypto/rand)
		for _, b := range raw {
			// All 62 are as likely as each other: what is beyond their multiple is passed over.
			if b < 4*62 && len(text) < length {
				text = append(text, keyLetters[b%62])
			}
		}
	}
	return string(text)
}

// checksum is what follows the random part of a key: its CRC-32, of base 62.
func checksum(random string) string {
	sum := crc32.ChecksumIEEE([]byte(random))
	var text [keyChecksum]byte
	for i := keyChecksum - 1; i >= 0; i-- {
		text[i] = keyLetters[sum%62]
		sum /= 62
	}
	return string(text[:])
}

// mistyped reports whether a key looks as those that NewSecret makes, and can be none: it is too
// short or too long for one, or its checksum is of another. Keys of older versions have 32
// characters behind the prefix, or 52, and no checksum.
func mistyped(presented string) bool {
	rest, ours := strings.CutPrefix(presented, keyPrefix)
	if !ours || len(rest) == 32 || len(rest) == 52 {
		return false
	}
	return len(rest) != keyRandom+keyChecksum || checksum(rest[:keyRandom]) != rest[keyRandom:]
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
	if err := CheckBounds(k); err != nil {
		return err
	}
	plain := key.Reveal()
	if len(plain) < minKeyLength || strings.ContainsFunc(plain, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fault.InvalidField("key", nil, "a key has at least %d characters, printable ASCII without spaces; `openssl rand -base64 24` makes one", minKeyLength)
	}
	return nil
}

// CheckBounds refuses, as Invalid, a name, a role and bounds that no key can have.
func CheckBounds(k Key) error {
	if k.Name == "" || utf8.RuneCountInString(k.Name) > maxKeyName || strings.ContainsFunc(k.Name, unicode.IsControl) {
		return fault.InvalidField("name", k.Name, "a key needs a name of 1 to 100 characters, none of them a control character, to be known by when it is revoked")
	}
	if err := k.Role.Validate(); err != nil {
		return err
	}
	if k.API != "" {
		if err := CheckAPI("api", k.API); err != nil {
			return err
		}
	}
	switch {
	case k.Operator && (k.Bound() || k.ExpiresAt != nil):
		return fault.InvalidField("operator", true, "an operator's key neither ends by itself nor is bound to anything: leave api, channel_id, scopes "+
			"and expires_at out")
	case k.API != "" && len(k.Scopes) > 0:
		return fault.InvalidField("scopes", k.Scopes.String(), "scopes are of /v1, which a key for %s does not open: leave one of them out", k.API)
	case !(k.Rate >= 0 && k.Rate <= MostRate): // not a number, too
		return fault.InvalidField("rate_per_second", k.Rate, "must be 0, which is the rate of all keys, to %d", MostRate)
	}
	return nil
}
