package access

import (
	"context"
	"runtime"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"
	"github.com/trustelem/zxcvbn/frequency"

	"carillon/internal/fault"
	"carillon/internal/secret"
)

// Lengths of passwords, in characters: NIST SP 800-63B, 5.1.1.2, asks for 8 at least and lets
// 64 through at least. The upper bound keeps a hash from being made of a book.
const (
	MinPassword = 10
	MaxPassword = 200
)

// hashing are the parameters of Argon2id: the least of the OWASP Password Storage Cheat Sheet
// (19 MiB, two passes, one lane), about 20 ms on one core.
var hashing = &argon2id.Params{Memory: 19 << 10, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// common are the most common passwords, about 30,000, by the lists of zxcvbn.
var common = sync.OnceValue(func() map[string]bool {
	list := frequency.FrequencyLists["passwords"]
	known := make(map[string]bool, len(list))
	for _, p := range list {
		known[p] = true
	}
	return known
})

// CheckPassword refuses a password that is short, that is one of the most common, or that is
// the person's own name or address.
func CheckPassword(password secret.String, about ...string) error {
	plain := password.Reveal()
	refuse := func(format string, args ...any) error { return fault.InvalidField("password", nil, format, args...) }
	if n := utf8.RuneCountInString(plain); !utf8.ValidString(plain) || n < MinPassword || n > MaxPassword {
		return refuse("must have %d to %d characters: a sentence that nobody else says is a good one", MinPassword, MaxPassword)
	}
	lower := strings.ToLower(plain)
	// What is a common one with a year or a mark behind it is as easily guessed.
	stem := strings.TrimRight(lower, "0123456789!?.,-_*#+ ")
	if common()[lower] || common()[stem] || strings.Trim(lower, lower[:1]) == "" {
		return refuse("is one of the most common passwords, or one with a few signs behind it: choose another")
	}
	for _, own := range about {
		name, _, _ := strings.Cut(strings.ToLower(own), "@")
		if own != "" && (lower == strings.ToLower(own) || stem == name) {
			return refuse("is your own name or address: choose another")
		}
	}
	return nil
}

// Hasher makes and compares hashes of passwords, a few at a time: each takes memory and a
// core, and anybody can ask for one. It is safe for concurrent use.
type Hasher struct {
	places chan struct{}
	// nobody is the hash that is compared where there is no user, so that the time that an
	// answer takes doesn't tell whether there is one.
	nobody func() string
}

// NewHasher makes a hasher that has as many under way as half of the cores carry: strangers must
// not take what sending needs.
func NewHasher() *Hasher {
	return &Hasher{places: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)), nobody: sync.OnceValue(func() string {
		hash, err := argon2id.CreateHash("nobody's password", hashing)
		if err != nil {
			return ""
		}
		return hash
	})}
}

// enter waits for a place.
func (h *Hasher) enter(ctx context.Context) (leave func(), err error) {
	select {
	case h.places <- struct{}{}:
		return func() { <-h.places }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Hash makes the hash of a password, in the form of PHC.
func (h *Hasher) Hash(ctx context.Context, password secret.String) (secret.String, error) {
	leave, err := h.enter(ctx)
	if err != nil {
		return secret.String{}, err
	}
	defer leave()
	hash, err := argon2id.CreateHash(password.Reveal(), hashing)
	if err != nil {
		return secret.String{}, fault.Wrap(fault.Internal, "hash a password", err)
	}
	return secret.New(hash), nil
}

// Matches reports whether a password is the one that a hash was made of. Against an empty
// hash nothing matches, in the same time.
func (h *Hasher) Matches(ctx context.Context, password, hash secret.String) (bool, error) {
	leave, err := h.enter(ctx)
	if err != nil {
		return false, err
	}
	defer leave()
	against := hash.Reveal()
	if hash.Empty() {
		against = h.nobody()
	}
	if utf8.RuneCountInString(password.Reveal()) > MaxPassword {
		return false, nil
	}
	same, err := argon2id.ComparePasswordAndHash(password.Reveal(), against)
	if err != nil {
		return false, fault.Wrap(fault.Internal, "compare a password", err)
	}
	return same && !hash.Empty(), nil
}
