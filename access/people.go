package access

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"time"

	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/internal/secret"
)

// Brake slows down who guesses, across processes.
type Brake interface {
	// Take uses one guess of each up, or none and says how long to wait.
	Take(ctx context.Context, guesses ...Guess) (time.Duration, error)
	// GiveBack gives them back: it was no guess.
	GiveBack(ctx context.Context, guesses ...Guess) error
}

// Guess is a kind of guess, of which there may be some at once, and one more in a while.
type Guess struct {
	// Name says whose, or from where.
	Name string
	// AtOnce are those that are not slowed down; another comes each Every.
	AtOnce int
	Every  time.Duration
}

// Mailer writes to people through a channel, and keeps nothing of what it writes.
type Mailer interface {
	MailPerson(ctx context.Context, m PersonMail) error
}

// PersonMail is a mail to somebody who signs in.
type PersonMail struct {
	AccountID, ChannelID int64
	To, Subject          string
	// Text holds a link that opens something.
	Text secret.String
}

// Durations of what is given to people.
const (
	// InvitationLasts is how long an invitation can be accepted.
	InvitationLasts = 7 * 24 * time.Hour
	// ResetLasts is how long a link can be used to set a password anew.
	ResetLasts = time.Hour
)

// PeopleDeps are what the service is made of. Store, Trail and Clock are needed.
type PeopleDeps struct {
	Store PeopleStore
	Trail *Trail
	// Refusals writes down who was not let in, within bounds; nil writes nothing.
	Refusals *Refusals
	// Brake slows down who guesses; nil slows down nobody.
	Brake Brake
	// Mailer writes to people; nil writes to nobody.
	Mailer Mailer
	// Channel is the account and the e-mail channel, such as acme/office, through which people
	// are written to. Empty is the one that the account names for mails about it, for people who
	// are in no other: through another's, its admins could read links that open accounts which
	// are not theirs.
	Channel string
	// OpenID asks identity providers, and Signer signs what a browser keeps meanwhile; nil signs in
	// nobody through one.
	OpenID OpenID
	Signer *secret.Signer
	// Later does what an answer must not wait for, because how long it takes would tell whether
	// there is such a person; nil does it at once.
	Later func(what func(ctx context.Context) error)
	// Address is where people reach the server, for links; empty makes none.
	Address string
	// Idle is after how long without a request a session ends, and Longest after how long at
	// all; 0 is 12 hours, and 14 days.
	Idle, Longest time.Duration
	Clock         clock.Clock
}

// People is the service for people: who they are, how they sign in, what they may do. It is
// safe for concurrent use.
type People struct {
	PeopleDeps
	hasher *Hasher
}

// The usual ends of sessions.
const (
	usualIdle    = 12 * time.Hour
	usualLongest = 14 * 24 * time.Hour
)

// NewPeople makes the service.
func NewPeople(d PeopleDeps) *People {
	if d.Idle <= 0 {
		d.Idle = usualIdle
	}
	if d.Longest <= 0 {
		d.Longest = usualLongest
	}
	return &People{PeopleDeps: d, hasher: NewHasher()}
}

// newToken is what opens something: 256 bits, so that its hash needs no salt. It has letters and
// digits alone: one that began with a hyphen would be a flag to a command line.
func newToken() secret.String { return secret.New(randomText(43)) }

// Members are an account's behind the id after.
func (p *People) Members(ctx context.Context, accountID, after int64, limit int) ([]Member, error) {
	return p.Store.Members(ctx, accountID, after, limit)
}

// Member is what a person may do in an account; NotFound if nothing.
func (p *People) Member(ctx context.Context, accountID, userID int64) (Member, error) {
	return p.Store.GetMember(ctx, accountID, userID)
}

// ChangeMember changes what a person may do in an account, from the answer on.
func (p *People) ChangeMember(ctx context.Context, m Member) (Member, error) {
	if err := m.Role.Validate(); err != nil {
		return Member{}, err
	}
	if err := p.Store.ChangeMember(ctx, m); err != nil {
		return Member{}, err
	}
	return p.Store.GetMember(ctx, m.AccountID, m.ID)
}

// RemoveMember takes a person out of an account: the sessions in it end.
func (p *People) RemoveMember(ctx context.Context, accountID, userID int64) error {
	return p.Store.RemoveMember(ctx, accountID, userID)
}

// Invite makes an invitation. What it returns beside it opens the account to whoever has it:
// token alone, and as a link where the server's address is known.
func (p *People) Invite(ctx context.Context, i Invitation) (made Invitation, token, link secret.String, err error) {
	if err := i.Check(); err != nil {
		return made, token, link, err
	}
	token, i.EndsAt = newToken(), p.Clock.Now().Add(InvitationLasts)
	if made, err = p.Store.AddInvitation(ctx, i, token); err != nil {
		return Invitation{}, secret.String{}, secret.String{}, err
	}
	return made, token, linkTo(p.Address, "invitation", token), nil
}

// Invitations are an account's open ones behind the id after.
func (p *People) Invitations(ctx context.Context, accountID, after int64, limit int) ([]Invitation, error) {
	return p.Store.Invitations(ctx, accountID, after, limit)
}

// Withdraw takes an invitation back.
func (p *People) Withdraw(ctx context.Context, accountID, id int64) error {
	return p.Store.WithdrawInvitation(ctx, accountID, id)
}

// Invited is what an invitation says; NotFound if it has ended, was used or withdrawn.
func (p *People) Invited(ctx context.Context, token secret.String) (Invitation, error) {
	return p.Store.FindInvitation(ctx, token)
}

// Ways are the ways to sign in that a stranger is shown.
type Ways struct {
	// Nobody says that no account has people yet: the first comes by a link.
	Nobody bool
	// Providers are the identity providers of the installation's only account. Where there are
	// several accounts strangers are told of none: their people have a link.
	Providers []IdentityProvider
}

// Ways are the ways to sign in.
func (p *People) Ways(ctx context.Context) (Ways, error) { return p.Store.Ways(ctx) }

// Accepting is what somebody who was invited says.
type Accepting struct {
	Token secret.String
	// Email is the person's where the invitation names none, and ignored otherwise.
	Email    string
	Name     string
	Password secret.String
	From
	// Caller is who is signed in already; zero for nobody.
	Caller Caller
}

// Accept uses an invitation up. Who is known proves to be that person by being signed in, or
// by the password there is; who is not, chooses one.
func (p *People) Accept(ctx context.Context, a Accepting) (Member, error) {
	i, err := p.Store.FindInvitation(ctx, a.Token)
	if err != nil {
		return Member{}, err
	}
	if i.Email == "" {
		if i.Email, err = NormalEmail("email", a.Email); err != nil {
			return Member{}, err
		}
	}
	known, err := p.Store.ProofsByEmail(ctx, i.Email)
	switch {
	case fault.Is(err, fault.NotFound):
		known = Proofs{User: User{Email: i.Email, Name: a.Name}}
		if known.Password, err = p.chosen(ctx, a.Password, i.Email, a.Name); err != nil {
			return Member{}, err
		}
		if err := CheckUserName(a.Name); err != nil {
			return Member{}, err
		}
	case err != nil:
		return Member{}, err
	case a.Caller.UserID() != known.ID:
		if err := p.confirm(ctx, known, a.Password, a.From); err != nil {
			return Member{}, err
		}
	}
	m, err := p.Store.AcceptInvitation(ctx, a.Token, known)
	if err == nil {
		err = p.note(ctx, m, "accept-invitation", a.From)
	}
	return m, err
}

// chosen is the hash of a password that somebody chose, or Invalid.
func (p *People) chosen(ctx context.Context, password secret.String, about ...string) (secret.String, error) {
	if err := CheckPassword(password, about...); err != nil {
		return secret.String{}, err
	}
	return p.hasher.Hash(ctx, password)
}

// confirm is Unauthorized unless a person gave the right password once more.
func (p *People) confirm(ctx context.Context, who Proofs, password secret.String, from From) error {
	guesses := guessesOf(who.Email, from.Source)
	if err := p.slowSignIn(ctx, guesses, from); err != nil {
		return err
	}
	ok, err := p.hasher.Matches(ctx, password, who.Password)
	if err != nil || ok {
		p.giveBack(ctx, guesses)
		return err
	}
	p.refused(ctx, who.User, from, nil)
	return fault.New(fault.Unauthorized, "the password is not the one of %s", who.Email)
}

// confirmFresh is confirm, or by a passkey of the person that has just signed a challenge: who has
// no password has that.
func (p *People) confirmFresh(ctx context.Context, who Proofs, by Proof) error {
	if len(by.Passkey.Credential) == 0 {
		return p.confirm(ctx, who, by.Password, by.From)
	}
	guesses := guessesOf(who.Email, by.Source)
	if err := p.slowSignIn(ctx, guesses, by.From); err != nil {
		return err
	}
	_, err := p.takePasskey(ctx, who.User, by.Passkey, by.Source)
	if !fault.Is(err, fault.Unauthorized) {
		p.giveBack(ctx, guesses)
		return err
	}
	p.refused(ctx, who.User, by.From, err)
	return fault.New(fault.Unauthorized, "the passkey is none of %s, or its answer does not hold: begin again within %s", who.Email, ChallengeLasts)
}

// slow is RateLimited where too much was guessed.
func (p *People) slow(ctx context.Context, guesses []Guess) error {
	wait, err := p.take(ctx, guesses)
	if err != nil || wait <= 0 {
		return err
	}
	return fault.New(fault.RateLimited, "too many wrong sign-ins: wait %s, sign in from a browser that you used before, or set your password anew by mail",
		wait.Round(time.Second))
}

// take uses guesses up, or none and says how long to wait.
func (p *People) take(ctx context.Context, guesses []Guess) (time.Duration, error) {
	if p.Brake == nil {
		return 0, nil
	}
	return p.Brake.Take(ctx, guesses...)
}

func (p *People) giveBack(ctx context.Context, guesses []Guess) {
	if p.Brake != nil {
		// It costs the person a guess at worst.
		_ = p.Brake.GiveBack(context.WithoutCancel(ctx), guesses...)
	}
}

// How often may be guessed, from one address and of one person. Ten at once are more than
// anybody mistypes; one a minute of a person's password are 1,440 a day, of which none is
// among the most common.
const (
	guessesAtOnce   = 10
	guessesOfSource = 10 * time.Second
	guessesOfUser   = time.Minute
)

// Network is what counts as one source of requests: an address or, of IPv6, its /64, because
// whoever has one address has all of these. It is the zero one for no address.
func Network(at netip.Addr) netip.Prefix {
	bits := at.BitLen()
	if at.Is6() {
		bits = 64
	}
	network, _ := at.Prefix(bits) // the bits are the address's own
	return network
}

// networkOf is what counts as one source of requests, as a text; what is no address is itself.
func networkOf(source string) string {
	if at, err := netip.ParseAddr(source); err == nil {
		return Network(at).String()
	}
	return source
}

// guessFrom is what an attempt from somewhere uses up, whomever it is on.
func guessFrom(source string) Guess {
	return Guess{Name: "source:" + networkOf(source), AtOnce: 2 * guessesAtOnce, Every: guessesOfSource}
}

// guessesOf are what an attempt from somewhere on a person's password uses up.
func guessesOf(email, source string) []Guess {
	return []Guess{
		guessFrom(source),
		{Name: "user:" + digest(email), AtOnce: guessesAtOnce, Every: guessesOfUser},
	}
}

// guessesAt are what an attempt on a person uses up: those of others, unless the browser is one that
// the person has signed in from. Others who guess do not keep a person out of that.
func (p *People) guessesAt(ctx context.Context, userID int64, device secret.String, others []Guess) ([]Guess, error) {
	known, err := p.Store.KnowsDevice(ctx, userID, device)
	if known {
		others = []Guess{{Name: "device:" + digest(device.Reveal()), AtOnce: guessesAtOnce, Every: guessesOfUser}}
	}
	return others, err
}

// digest stands for something that is not to be read where it is kept.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:12])
}

// later does something once the answer is given.
func (p *People) later(ctx context.Context, what func(ctx context.Context) error) {
	if p.Later == nil {
		_ = what(context.WithoutCancel(ctx)) // nobody is told
		return
	}
	p.Later(what)
}

// note writes into the trail of an account what a person did with the own sign-in.
func (p *People) note(ctx context.Context, m Member, action string, from From) error {
	return p.Trail.Add(context.WithoutCancel(ctx), AuditEntry{
		AccountID: m.AccountID, Actor: Caller{ID: -m.ID, Name: m.Email}.Actor(), Action: action, Target: fmt.Sprintf("user %d (%s)", m.ID, m.Email),
		Source: from.Source, RequestID: from.RequestID,
	})
}
