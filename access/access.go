// Package access owns the words for who may use an account and what was done
// with it: roles and keys, the audit trail, answers kept for idempotency. The
// store keeps these and whoever lets requests in asks for them. It must not know
// HTTP or the store, nor what an account holds.
package access

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"carillon/internal/fault"
)

// Role says what a key may do.
type Role string

// The roles, from most to least.
const (
	Admin  Role = "admin"  // everything, keys and channels included
	Editor Role = "editor" // a marketer: contacts, templates, campaigns
	Sender Role = "sender" // transactional messages alone
	Viewer Role = "viewer" // looks and changes nothing
)

// Roles lists every role.
func Roles() []Role { return []Role{Admin, Editor, Sender, Viewer} }

// Validate refuses what is no role.
func (r Role) Validate() error {
	if slices.Contains(Roles(), r) {
		return nil
	}
	names := make([]string, 0, len(Roles()))
	for _, known := range Roles() {
		names = append(names, string(known))
	}
	return fault.InvalidField("role", string(r), "is no role: use one of %s", strings.Join(names, ", "))
}

// APIs lists the APIs of others that are served, by their names.
func APIs() []string { return []string{"chat44mp", "chatapi", "chatwoot", "messengerpeople", "xms"} }

// CheckAPI refuses what is no API of others.
func CheckAPI(field, name string) error {
	if slices.Contains(APIs(), name) {
		return nil
	}
	return fault.InvalidField(field, name, "is no API that is served: use one of %s", strings.Join(APIs(), ", "))
}

// Key is an API key. The key itself is shown once, when it is made, and only
// its hash is kept.
type Key struct {
	ID        int64
	AccountID int64
	Name      string
	Role      Role
	// Operator says that it may make accounts and delete them, besides what its role may in
	// its own.
	Operator bool
	// API is the API of others that the key was made for and opens alone; empty opens all.
	API string
	// ChannelID is the channel that it is bound to; 0 for all of the account's.
	ChannelID int64
	// Scopes are the resources that it is bound to; Networks those that its requests may come
	// from, none for all; Rate, in requests a second, how often it may ask, 0 for as often as
	// any key.
	Scopes   Scopes
	Networks []netip.Prefix
	Rate     float64
	// ExpiresAt is when it ends by itself; nil for never.
	ExpiresAt *time.Time
	// Hint is the last four characters, to tell keys apart by.
	Hint      string
	CreatedAt time.Time
	// LastUsedAt is at most a minute behind, nil before the first use; LastUsedFrom is the
	// address that it came from then.
	LastUsedAt   *time.Time
	LastUsedFrom string
	// Replaced is the secret that it had before, while that still opens; nil for none.
	Replaced *ReplacedKey
	// RevokedAt is nil while the key works.
	RevokedAt *time.Time
}

// ReplacedKey is what a key was before it was rotated.
type ReplacedKey struct {
	// EndsAt is when it opens nothing any more.
	EndsAt time.Time
	// LastUsedAt is at most a minute behind; nil if it was not used since.
	LastUsedAt *time.Time
}

// Bound reports whether the key opens less than its role may.
func (k Key) Bound() bool { return k.API != "" || k.ChannelID != 0 || len(k.Scopes) > 0 }

// Caller is whom a request that presents the key comes from.
func (k Key) Caller() Caller {
	return Caller{
		ID: k.ID, AccountID: k.AccountID, Name: k.Name, Role: k.Role, Operator: k.Operator, API: k.API, ChannelID: k.ChannelID, Scopes: k.Scopes,
		Rate: k.Rate, ExpiresAt: k.ExpiresAt,
	}
}

// Caller is whom a request comes from: a program with a key, or a person who is signed in.
type Caller struct {
	// ID knows the caller among all: a key's id, or a user's with a minus before it, so that
	// both can stand in one column.
	ID        int64
	AccountID int64
	// Name is a key's name, or a person's address.
	Name string
	Role Role
	// Approver says that a person may approve what others proposed.
	Approver bool
	// SessionID is a person's sign-in.
	SessionID int64
	// Through is the identity provider that said who a person is, which speaks for its account
	// alone; 0 for none.
	Through int64
	// Operator is a key's, as in Key.
	Operator bool
	// API, ChannelID and Scopes bind a key and Rate bounds it, as in Key; ExpiresAt is when it
	// ends by itself.
	API       string
	ChannelID int64
	Scopes    Scopes
	Rate      float64
	ExpiresAt *time.Time
}

// SeesOwn is the caller who sees the messages alone that it has sent itself, as senders do; 0
// for one who sees those of all.
func (c Caller) SeesOwn() int64 {
	if c.Role == Sender {
		return c.ID
	}
	return 0
}

// Person reports whether the caller is somebody who is signed in.
func (c Caller) Person() bool { return c.ID < 0 }

// UserID is a person's; 0 for a key.
func (c Caller) UserID() int64 { return max(0, -c.ID) }

// MayApprove reports whether the caller may approve what others proposed: approvers among
// people, and keys that may edit.
func (c Caller) MayApprove() bool {
	if c.Person() {
		return c.Approver
	}
	return c.Role == Admin || c.Role == Editor
}

// Actor names the caller in the audit trail and in the reasons of messages.
func (c Caller) Actor() string {
	if c.Person() {
		return "user " + strconv.FormatInt(c.UserID(), 10) + " (" + c.Name + ")"
	}
	return "key " + strconv.FormatInt(c.ID, 10) + " (" + c.Name + ")"
}

// AnswerState says what is known of a request with an idempotency key.
type AnswerState int

// The states of an answer.
const (
	AnswerNew      AnswerState = iota // the key is taken now: do the work, then finish or abort
	AnswerKept                        // the work was done; give the kept answer again
	AnswerRunning                     // the first request is not done yet, or its process died in the middle
	AnswerMismatch                    // the key came before with another request
)

// Answer is what was answered to the first request with an idempotency key.
type Answer struct {
	State AnswerState
	// Request is the hash of the request that was answered; empty while it isn't
	// known, because its body is still being read.
	Request string
	// Status, Headers and Body are set on AnswerKept.
	Status  int
	Headers map[string][]string
	Body    []byte
}
