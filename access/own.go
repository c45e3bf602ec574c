package access

import (
	"context"
	"fmt"
	"strings"

	"carillon/internal/fault"
	"carillon/internal/secret"
)

// issuer is how an authenticator app names where its codes are for.
const issuer = "Carillon"

// Rename changes what a person is called.
func (p *People) Rename(ctx context.Context, userID int64, name string) error {
	if err := CheckUserName(name); err != nil {
		return err
	}
	return p.Store.SetName(ctx, userID, name)
}

// ChangePassword changes a person's own password, of which the present one is given once
// more. All other sessions end.
func (p *People) ChangePassword(ctx context.Context, caller Caller, next secret.String, by Proof) error {
	who, err := p.Store.ProofsOf(ctx, caller.UserID())
	if err != nil {
		return err
	}
	if !who.Password.Empty() {
		if err := p.confirm(ctx, who, by.Password, by.From); err != nil {
			return err
		}
	}
	hash, err := p.chosen(ctx, next, who.Email, who.Name)
	if err != nil {
		return err
	}
	return p.Store.SetPassword(ctx, who.ID, hash, caller.SessionID)
}

// Enrol begins a second factor: nothing is kept until a code of it is given.
func (p *People) Enrol(ctx context.Context, userID int64) (Enrolment, error) {
	who, err := p.Store.ProofsOf(ctx, userID)
	if err != nil {
		return Enrolment{}, err
	}
	return newEnrolment(issuer, who.Email)
}

// Proof is what a person gives once more before a sign-in is changed, and from where.
type Proof struct {
	Password secret.String
	// Code is one of the second factor.
	Code string
	// Passkey stands in the place of the password where a passkey is made or taken away; empty for
	// none.
	Passkey PasskeyAnswer
	From
}

// SetTOTP takes a second factor, of which a code proves that an app has it, and the
// password that whoever asks is the person. It returns the recovery codes, which are shown
// once. All other sessions end.
func (p *People) SetTOTP(ctx context.Context, caller Caller, totp secret.String, by Proof) ([]secret.String, error) {
	who, err := p.Store.ProofsOf(ctx, caller.UserID())
	if err != nil {
		return nil, err
	}
	if err := p.confirm(ctx, who, by.Password, by.From); err != nil {
		return nil, err
	}
	step, err := stepOf(totp, by.Code, p.Clock.Now(), 0)
	switch {
	case err != nil:
		return nil, fault.InvalidField("secret", nil, "is none that codes can be made of: take it from POST /v1/me/totp")
	case step == 0:
		return nil, fault.InvalidField("code", nil, "is not what the app shows now: is its clock right?")
	}
	codes, kept := recovery()
	return codes, p.Store.SetFactor(ctx, who.ID, Factor{TOTP: totp, Step: step, Recovery: kept}, caller.SessionID)
}

// recovery makes recovery codes: as they are shown, and as they are kept.
func recovery() (codes, kept []secret.String) {
	codes = newRecoveryCodes()
	kept = make([]secret.String, len(codes))
	for i, c := range codes {
		kept[i] = normalRecovery(c.Reveal())
	}
	return codes, kept
}

// DropTOTP takes a person's authenticator app away as a second factor, for the password and a code.
// The recovery codes stay where there are passkeys.
func (p *People) DropTOTP(ctx context.Context, caller Caller, by Proof) error {
	who, err := p.Store.ProofsOf(ctx, caller.UserID())
	if err != nil {
		return err
	}
	if who.TOTP.Empty() {
		return fault.New(fault.Conflict, "there is no authenticator app to give up")
	}
	guesses := guessesOf(who.Email, by.Source)
	if err := p.slowSignIn(ctx, guesses, by.From); err != nil {
		return err
	}
	if _, err := p.prove(ctx, who, Attempt{Password: by.Password, Code: by.Code}); err != nil {
		if fault.Is(err, fault.Unauthorized) {
			p.refused(ctx, who.User, by.From, err)
		} else {
			p.giveBack(ctx, guesses)
		}
		return err
	}
	p.giveBack(ctx, guesses)
	return p.Store.SetFactor(ctx, who.ID, Factor{}, caller.SessionID)
}

// HelpIn makes a link by which a member of the caller's account sets a new password, for an admin
// who hands it on. Where without says so it takes the second factor and all passkeys away, too, once it is used: until
// then the old password opens nothing more than before.
func (p *People) HelpIn(ctx context.Context, by Caller, userID int64, without bool) (token, link secret.String, err error) {
	m, err := p.Store.GetMember(ctx, by.AccountID, userID)
	if err != nil {
		return token, link, err
	}
	all, err := p.Store.Memberships(ctx, userID)
	if err != nil {
		return token, link, err
	}
	// An admin of one account gets into no other by it; an operator's key makes and deletes them all.
	if len(all) > 1 && !by.Operator {
		return token, link, fault.New(fault.Conflict,
			"%s is in other accounts, too, which a link from here would open: an operator's key makes one, or the person asks for one by mail "+
				"(POST /v1/password/forgotten)", m.Email)
	}
	token = newToken()
	if err := p.Store.AddReset(ctx, Reset{UserID: userID, Token: token, DropsFactors: without, EndsAt: p.Clock.Now().Add(ResetLasts)}); err != nil {
		return secret.String{}, link, err
	}
	return token, linkTo(p.Address, "reset", token), nil
}

// Forgotten writes a link for a new password to whoever has an address. It tells nobody
// whether there is such a person: what goes wrong is for the log alone (Later).
func (p *People) Forgotten(ctx context.Context, email, source string) error {
	email, err := NormalEmail("email", email)
	if err != nil {
		return err
	}
	if err := p.slow(ctx, []Guess{
		{Name: "mail:" + digest(email), AtOnce: mailsAtOnce, Every: ResetLasts / mailsAtOnce},
		guessFrom(source),
	}); err != nil {
		return err
	}
	// How long it takes would tell whether there is such a person.
	p.later(ctx, func(ctx context.Context) error { return p.mailReset(ctx, email) })
	return nil
}

// mailReset writes a link for a new password to a person, if there is one and a way.
func (p *People) mailReset(ctx context.Context, email string) error {
	who, err := p.Store.ProofsByEmail(ctx, email)
	if fault.Is(err, fault.NotFound) || p.Mailer == nil {
		return nil
	}
	if err != nil {
		return err
	}
	accountID, channelID, err := p.mailChannel(ctx, who.ID)
	if err != nil || channelID == 0 {
		return err
	}
	token := newToken()
	if err := p.Store.AddReset(ctx, Reset{UserID: who.ID, Token: token, EndsAt: p.Clock.Now().Add(ResetLasts)}); err != nil {
		return err
	}
	how := "Open this link within an hour and choose a new one:\n\n" + linkTo(p.Address, "reset", token).Reveal()
	if p.Address == "" {
		how = "Choose a new one within an hour with this code:\n\n    carillon users reset-password " + token.Reveal()
	}
	return p.Mailer.MailPerson(ctx, PersonMail{
		AccountID: accountID, ChannelID: channelID, To: who.Email, Subject: "Your password for Carillon",
		Text: secret.New(fmt.Sprintf("Somebody asked for a new password for %s.\n\n%s\n\nIf it was not you, do nothing: your password stays as it is.\n",
			who.Email, how)),
	})
}

// mailChannel is through which channel a person is written to; 0 for none.
func (p *People) mailChannel(ctx context.Context, userID int64) (accountID, channelID int64, err error) {
	account, channel, named := strings.Cut(p.Channel, "/")
	if named {
		a, err := p.Store.FindAccount(ctx, account)
		if err != nil {
			return 0, 0, fmt.Errorf("mail a person through people_channel: %w", err)
		}
		if channelID, err = p.Store.MailChannel(ctx, a.ID, channel); err != nil {
			err = fmt.Errorf("mail a person through people_channel: %w", err)
		}
		return a.ID, channelID, err
	}
	all, err := p.Store.Memberships(ctx, userID)
	if err != nil || len(all) != 1 {
		return 0, 0, err
	}
	channelID, err = p.Store.MailChannel(ctx, all[0].AccountID, "")
	if fault.Is(err, fault.NotFound) {
		err = nil
	}
	return all[0].AccountID, channelID, err
}

// mailsAtOnce is how many mails about a password a person is sent within ResetLasts.
const mailsAtOnce = 3

// Reset sets a password by a link. All sessions end; a second factor and passkeys stay, unless
// the link says otherwise.
func (p *People) Reset(ctx context.Context, token, next secret.String, from From) error {
	who, err := p.Store.FindReset(ctx, token)
	if err != nil {
		return err
	}
	hash, err := p.chosen(ctx, next, who.Email, who.Name)
	if err != nil {
		return err
	}
	if who, err = p.Store.UseReset(ctx, token, hash); err != nil {
		return err
	}
	accounts, err := p.Store.Memberships(ctx, who.ID)
	if err != nil || len(accounts) == 0 {
		return err
	}
	return p.note(ctx, accounts[0], "reset-password", from)
}
