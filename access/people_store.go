package access

import (
	"context"
	"time"

	"carillon/internal/secret"
)

// PeopleStore keeps people, their memberships and their sessions. Whatever opens something
// (sessions, links, recovery codes, what a browser keeps) it keeps as a hash, and the secret
// of a second factor sealed.
type PeopleStore interface {
	IdentityProviderStore
	PasskeyStore

	// ProofsByEmail and ProofsOf are NotFound if there is no such user.
	ProofsByEmail(ctx context.Context, email string) (Proofs, error)
	ProofsOf(ctx context.Context, userID int64) (Proofs, error)
	// Memberships are a user's in accounts that are open, by the account's name.
	Memberships(ctx context.Context, userID int64) ([]Member, error)

	// Members are an account's behind the id after.
	Members(ctx context.Context, accountID, after int64, limit int) ([]Member, error)
	// GetMember is NotFound if the user has no part in the account.
	GetMember(ctx context.Context, accountID, userID int64) (Member, error)
	// ChangeMember changes what a person may do in an account. It binds from its commit on.
	ChangeMember(ctx context.Context, m Member) error
	// RemoveMember takes a person out of an account and ends the sessions in it. A user
	// without an account is removed as well.
	RemoveMember(ctx context.Context, accountID, userID int64) error

	// AddInvitation keeps one in the place of the one before it for the same address. It is a
	// Conflict if the person is in the account already, or there are MostMembers; without an
	// address, if anybody is in the account.
	AddInvitation(ctx context.Context, i Invitation, token secret.String) (Invitation, error)
	Invitations(ctx context.Context, accountID, after int64, limit int) ([]Invitation, error)
	// WithdrawInvitation is NotFound if there is none.
	WithdrawInvitation(ctx context.Context, accountID, id int64) error
	// FindInvitation is NotFound if there is none that has not ended.
	FindInvitation(ctx context.Context, token secret.String) (Invitation, error)
	// AcceptInvitation uses one up and makes its user a member: u, if there is none of that
	// address. It is NotFound if the invitation is gone, or names nobody and somebody is in the
	// account.
	AcceptInvitation(ctx context.Context, token secret.String, u Proofs) (Member, error)

	// Ways are the ways to sign in.
	Ways(ctx context.Context) (Ways, error)

	// SetName changes what a person is called.
	SetName(ctx context.Context, userID int64, name string) error
	// SetPassword sets a password's hash, and ends all sessions but the one that is kept.
	SetPassword(ctx context.Context, userID int64, hash secret.String, keep int64) error
	// AddReset keeps a link in the place of the one before it; UseReset uses it up, sets the
	// password's hash, ends all sessions and, if the link says so, takes the second factor and
	// the passkeys away. It is NotFound if there is none that has not ended.
	AddReset(ctx context.Context, r Reset) error
	UseReset(ctx context.Context, token, hash secret.String) (User, error)
	// FindReset is whose link it is; NotFound if there is none that has not ended.
	FindReset(ctx context.Context, token secret.String) (User, error)

	// SetFactor sets an authenticator app as a second factor; a zero one takes it away. Its recovery
	// codes take the place of those of before; without any these stay where there are passkeys. All
	// sessions end but the one that is kept.
	SetFactor(ctx context.Context, userID int64, f Factor, keep int64) error
	// TakeStep reports whether the code of a step was not taken before, and takes it.
	TakeStep(ctx context.Context, userID, step int64) (bool, error)
	// TakeRecovery reports whether there is such a recovery code, and uses it up.
	TakeRecovery(ctx context.Context, userID int64, code secret.String) (bool, error)

	// AddSession keeps a session in the place of another (0: of none), and what the browser
	// keeps to be known by. The oldest of more than MostSessions ends. It is Forbidden if it is
	// through a provider that is not enabled any more.
	AddSession(ctx context.Context, s Session, secrets SessionSecrets, replaces int64) (Session, error)
	// Visit finds a session and what its person may do in its account, and notes that it
	// was seen. One that is unknown, or has ended, or was not seen for the time idle, is
	// Unauthorized.
	Visit(ctx context.Context, token secret.String, idle time.Duration) (Session, Member, error)
	// Sessions are a user's that have not ended, the latest first.
	Sessions(ctx context.Context, userID int64, idle time.Duration) ([]Session, error)
	// EndSession is NotFound if the user has no such session; EndSessions ends all but one.
	EndSession(ctx context.Context, userID, id int64) error
	EndSessions(ctx context.Context, userID, keep int64) (int, error)
	// KnowsDevice reports whether a browser has something by which a user's sign-ins are
	// known.
	KnowsDevice(ctx context.Context, userID int64, device secret.String) (bool, error)
	// MailChannel is an account's e-mail channel of a name, and with none the one for mails
	// about the account; NotFound if there is none.
	MailChannel(ctx context.Context, accountID int64, name string) (channelID int64, err error)
	// FindAccount is the account of a name; NotFound if there is none.
	FindAccount(ctx context.Context, name string) (Account, error)
}

// PasskeyStore keeps passkeys, and what they are to sign: a challenge's token as a hash.
type PasskeyStore interface {
	// HandleOf is what passkeys know a user by: fresh, where there was none yet. It is NotFound if
	// there is no such user.
	HandleOf(ctx context.Context, userID int64, fresh []byte) ([]byte, error)
	// UserByHandle is NotFound if it is nobody's.
	UserByHandle(ctx context.Context, handle []byte) (User, error)
	// Passkeys are a user's, the oldest first.
	Passkeys(ctx context.Context, userID int64) ([]Passkey, error)
	// AddPasskey keeps one, and recovery codes where there are none, and reports whether it did
	// that. All sessions end but the one that is kept. It is a Conflict if there are MostPasskeys,
	// or the passkey is known already.
	AddPasskey(ctx context.Context, k Passkey, recovery []secret.String, keep int64) (made Passkey, first bool, err error)
	// RenamePasskey is NotFound if the user has no such passkey; so is RemovePasskey, with which all
	// sessions end but the one that is kept, and with the last second factor the recovery codes.
	RenamePasskey(ctx context.Context, userID, id int64, name string) error
	RemovePasskey(ctx context.Context, userID, id, keep int64) error
	// UsePasskey notes a use, and reports whether the counter rose by it, or it has none.
	UsePasskey(ctx context.Context, k Passkey) (bool, error)
	// AddChallenge keeps one. The oldest of more than MostChallenges, and of more than
	// MostChallengesEach of one user or network, end.
	AddChallenge(ctx context.Context, c Challenge) error
	// TakeChallenge uses one up. It is NotFound if the user (0: whoever signs in) has none that has
	// not ended.
	TakeChallenge(ctx context.Context, token secret.String, userID int64) (Challenge, error)
}

// Factor is an authenticator app as a second factor.
type Factor struct {
	// TOTP is what codes are made of, and Step that whose code was taken last.
	TOTP secret.String
	Step int64
	// Recovery are codes that open once each in its place.
	Recovery []secret.String
}

// Reset is a link by which a person sets a new password.
type Reset struct {
	UserID int64
	Token  secret.String
	// DropsFactors says that the second factor and the passkeys go when it is used.
	DropsFactors bool
	EndsAt       time.Time
}

// SessionSecrets are what a browser is given.
type SessionSecrets struct {
	// Token opens the session.
	Token secret.String
	// Device says that somebody has signed in from the browser; it opens nothing.
	Device secret.String
}
