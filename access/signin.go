package access

import (
	"context"
	"errors"
	"slices"

	"carillon/internal/fault"
	"carillon/internal/secret"
)

// Arrival is where somebody signs in from.
type Arrival struct {
	From
	// Agent is the browser.
	Agent string
	// Device is what the browser was given when somebody signed in from it before.
	Device secret.String
	// Replaces is the session that the browser is in, which ends; 0 for none.
	Replaces int64
	// AccountID is the account to be in; 0 for the first.
	AccountID int64
	// Through is the identity provider that says who it is; 0 for none.
	Through int64
}

// Attempt is what somebody signs in with.
type Attempt struct {
	Arrival
	Email    string
	Password secret.String
	// Code is that of the second factor, or a recovery code, and Passkey stands in its place; both
	// are empty where there is none, or nobody has asked for it yet.
	Code    string
	Passkey PasskeyAnswer
}

// SignedIn is a session that has begun.
type SignedIn struct {
	Session Session
	SessionSecrets
	// Member is the person in the session's account, Accounts are all of the person's.
	Member   Member
	Accounts []Member
}

// The methods of signing in.
const (
	ByPassword = "password"
	ByTOTP     = "totp"
	ByRecovery = "recovery"
)

// SignIn begins a session. It is Unauthorized, with the same words and in the same time, for
// somebody who is unknown and for a wrong password; SecondFactor where the password is right
// and a code is needed; RateLimited where too much was guessed.
func (p *People) SignIn(ctx context.Context, a Attempt) (SignedIn, error) {
	const wrong = "address, password or second factor is wrong"
	email, err := NormalEmail("email", a.Email)
	if err != nil {
		return SignedIn{}, err
	}
	who, err := p.Store.ProofsByEmail(ctx, email)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return SignedIn{}, err
	}
	guesses, err := p.guessesAt(ctx, who.ID, a.Device, guessesOf(email, a.Source))
	if err != nil {
		return SignedIn{}, err
	}
	if err := p.slowSignIn(ctx, guesses, a.From); err != nil {
		return SignedIn{}, err
	}
	methods, err := p.prove(ctx, who, a)
	switch {
	case fault.Is(err, fault.Unauthorized):
		p.refused(ctx, who.User, a.From, err)
		return SignedIn{}, fault.New(fault.Unauthorized, wrong)
	case err != nil:
		p.giveBack(ctx, guesses)
		return SignedIn{}, err
	}
	p.giveBack(ctx, guesses)
	return p.Begin(ctx, who.User, a.Arrival, methods...)
}

// prove says by which methods somebody has proved to be a person.
func (p *People) prove(ctx context.Context, who Proofs, a Attempt) ([]string, error) {
	right, err := p.hasher.Matches(ctx, a.Password, who.Password)
	switch {
	case err != nil:
		return nil, err
	case !right:
		return nil, fault.New(fault.Unauthorized, "wrong password")
	case !who.SecondFactor():
		return []string{ByPassword}, nil
	case len(a.Passkey.Credential) > 0:
		_, err := p.takePasskey(ctx, who.User, a.Passkey, a.Source)
		return []string{ByPassword, ByPasskey}, err
	case a.Code == "":
		return nil, fault.New(fault.SecondFactor, "a second factor is needed besides: %s", who.factors())
	}
	how, err := p.takeCode(ctx, who, a.Code)
	return []string{ByPassword, how}, err
}

// takeCode uses up a code of the second factor, and says of which kind it was.
func (p *People) takeCode(ctx context.Context, who Proofs, code string) (how string, err error) {
	var step int64
	// Who has passkeys alone has nothing that a code could be made of.
	if !who.TOTP.Empty() {
		if step, err = stepOf(who.TOTP, code, p.Clock.Now(), 0); err != nil {
			return "", err
		}
	}
	taken := false
	how = ByTOTP
	if step > 0 {
		taken, err = p.Store.TakeStep(ctx, who.ID, step)
	} else if recovery := normalRecovery(code); !recovery.Empty() {
		how = ByRecovery
		taken, err = p.Store.TakeRecovery(ctx, who.ID, recovery)
	}
	if err == nil && !taken {
		err = fault.New(fault.Unauthorized, "the code is wrong, or was used")
	}
	return how, err
}

// Begin begins a session of a person who has proved to be one. It is Forbidden if the person
// has no part in any account, or not in the one that is asked for.
func (p *People) Begin(ctx context.Context, who User, from Arrival, methods ...string) (SignedIn, error) {
	accounts, err := p.open(ctx, who.ID, from.AccountID, from.Through)
	if err != nil {
		return SignedIn{}, err
	}
	in := SignedIn{Accounts: accounts, SessionSecrets: SessionSecrets{Token: newToken(), Device: newToken()}}
	for _, m := range accounts {
		if m.AccountID == from.AccountID || from.AccountID == 0 && in.Member.AccountID == 0 {
			in.Member = m
		}
	}
	if in.Member.AccountID == 0 {
		p.refused(ctx, who, from.From, nil)
		return SignedIn{}, fault.New(fault.Forbidden, "%s has no part in this account: an admin of it invites people", who.Email)
	}
	now := p.Clock.Now()
	in.Session, err = p.Store.AddSession(ctx, Session{
		UserID: who.ID, AccountID: in.Member.AccountID, CreatedAt: now, SeenAt: now, EndsAt: now.Add(p.Longest), Source: from.Source,
		Agent: from.Agent, Through: from.Through, Methods: methods,
	}, in.SessionSecrets, from.Replaces)
	if err == nil {
		err = p.note(ctx, in.Member, "sign-in", from.From)
	}
	return in, err
}

// open are the accounts that a session opens to a person. An account's identity provider is that
// account's word for who somebody is, and no other's.
func (p *People) open(ctx context.Context, userID, accountID, through int64) ([]Member, error) {
	all, err := p.Store.Memberships(ctx, userID)
	if through == 0 {
		return all, err
	}
	return slices.DeleteFunc(all, func(m Member) bool { return m.AccountID != accountID }), err
}

// refused writes into the trail that somebody tried to be a person, and of a passkey that may be
// a copy that it is. Who is unknown is nobody: what was given for an address may be a password.
func (p *People) refused(ctx context.Context, who User, from From, why error) {
	if p.Refusals == nil {
		return
	}
	f := Refusal{Why: RefusedSignIn, From: from}
	var c *copied
	if errors.As(why, &c) {
		f.Says = c.Error()
	}
	// How long it takes would tell whether there is such a person.
	p.later(ctx, func(ctx context.Context) error {
		if who.ID != 0 {
			accounts, err := p.Store.Memberships(ctx, who.ID)
			if err != nil {
				return err
			}
			if len(accounts) > 0 {
				f.Caller = Caller{ID: -who.ID, AccountID: accounts[0].AccountID, Name: who.Email}
			}
		}
		return p.Refusals.Refused(ctx, f)
	})
}

// slowSignIn is RateLimited where too much was guessed, which is written down like a wrong guess:
// as nobody's, because what was guessed is not looked at.
func (p *People) slowSignIn(ctx context.Context, guesses []Guess, from From) error {
	err := p.slow(ctx, guesses)
	if fault.Is(err, fault.RateLimited) {
		p.refused(ctx, User{}, from, nil)
	}
	return err
}

// Visit finds whom a request of a browser comes from. A session that is unknown or has ended
// is Unauthorized.
func (p *People) Visit(ctx context.Context, token secret.String) (Caller, error) {
	s, m, err := p.Store.Visit(ctx, token, p.Idle)
	if err != nil {
		return Caller{}, err
	}
	return Caller{
		ID: -m.ID, AccountID: m.AccountID, Name: m.Email, Role: m.Role, Approver: m.Approver, SessionID: s.ID, Through: s.Through, ExpiresAt: &s.EndsAt,
	}, nil
}

// Renew gives a person a session in the place of the one that there is: in another account, or
// because what it may open has changed.
func (p *People) Renew(ctx context.Context, caller Caller, from Arrival) (SignedIn, error) {
	who, err := p.Store.ProofsOf(ctx, caller.UserID())
	if err != nil {
		return SignedIn{}, err
	}
	methods, err := p.methods(ctx, caller)
	if err != nil {
		return SignedIn{}, err
	}
	if from.Through = caller.Through; from.Through != 0 && from.AccountID != caller.AccountID {
		return SignedIn{}, fault.New(fault.Forbidden, "who signed in through an identity provider of one account is in that one alone: sign in to the other")
	}
	from.Replaces = caller.SessionID
	return p.Begin(ctx, who.User, from, methods...)
}

// methods are those by which a session began.
func (p *People) methods(ctx context.Context, caller Caller) ([]string, error) {
	sessions, err := p.Store.Sessions(ctx, caller.UserID(), p.Idle)
	for _, s := range sessions {
		if s.ID == caller.SessionID {
			return s.Methods, err
		}
	}
	return nil, err
}

// Me is the person who is signed in, in the account of the session, and all of the person's.
func (p *People) Me(ctx context.Context, caller Caller) (SignedIn, error) {
	accounts, err := p.open(ctx, caller.UserID(), caller.AccountID, caller.Through)
	if err != nil {
		return SignedIn{}, err
	}
	in := SignedIn{Accounts: accounts}
	for _, m := range accounts {
		if m.AccountID == caller.AccountID {
			in.Member = m
		}
	}
	sessions, err := p.Store.Sessions(ctx, caller.UserID(), p.Idle)
	for _, s := range sessions {
		if s.ID == caller.SessionID {
			in.Session = s
		}
	}
	return in, err
}

// Sessions are a person's that have not ended, the latest first.
func (p *People) Sessions(ctx context.Context, userID int64) ([]Session, error) {
	return p.Store.Sessions(ctx, userID, p.Idle)
}

// SessionsIn are those of a person in one account.
func (p *People) SessionsIn(ctx context.Context, accountID, userID int64) ([]Session, error) {
	all, err := p.Store.Sessions(ctx, userID, p.Idle)
	return slices.DeleteFunc(all, func(s Session) bool { return s.AccountID != accountID }), err
}

// SignOutOf ends all sessions of a person in one account.
func (p *People) SignOutOf(ctx context.Context, accountID, userID int64) error {
	list, err := p.SessionsIn(ctx, accountID, userID)
	for _, s := range list {
		if err == nil {
			err = p.Store.EndSession(ctx, userID, s.ID)
		}
		if fault.Is(err, fault.NotFound) {
			err = nil // it has ended by itself
		}
	}
	return err
}

// SignOut ends one session of a person.
func (p *People) SignOut(ctx context.Context, userID, sessionID int64) error {
	return p.Store.EndSession(ctx, userID, sessionID)
}

// SignOutElsewhere ends all sessions of a person but one (0: all), and says how many.
func (p *People) SignOutElsewhere(ctx context.Context, userID, keep int64) (int, error) {
	return p.Store.EndSessions(ctx, userID, keep)
}
