package access

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/go-webauthn/webauthn/protocol"

	"carillon/internal/fault"
)

// ByPasskey is the method of signing in with a passkey.
const ByPasskey = "passkey"

// How many sign-ins with passkeys a network may begin: a page begins one when it is opened, and
// behind one network may be a whole company.
const (
	beginsAtOnce = 200
	beginsEvery  = time.Second
)

// copied is the error of a passkey whose counter did not rise.
type copied struct{ id int64 }

// Error says what it may mean.
func (c *copied) Error() string {
	return fmt.Sprintf("the counter of passkey %d went back: there may be a copy of it", c.id)
}

// BeginPasskeySignIn begins a sign-in with a passkey, of whoever it will turn out to be.
func (p *People) BeginPasskeySignIn(ctx context.Context, source string) (PasskeyRequest, error) {
	rp, err := p.relyingParty()
	if err != nil {
		return PasskeyRequest{}, err
	}
	from := networkOf(source)
	wait, err := p.take(ctx, []Guess{{Name: "passkey:" + from, AtOnce: beginsAtOnce, Every: beginsEvery}})
	if err != nil {
		return PasskeyRequest{}, err
	}
	if wait > 0 {
		return PasskeyRequest{}, fault.New(fault.RateLimited, "too many sign-ins with passkeys begin in your network: wait %s", wait.Round(time.Second))
	}
	assertion, session, err := rp.BeginDiscoverableLogin()
	if err != nil {
		return PasskeyRequest{}, fault.Wrap(fault.Internal, "begin a sign-in with a passkey", err)
	}
	return p.request(ctx, Challenge{Value: session.Challenge, Source: from}, assertion.Response)
}

// SignInByPasskey begins a session of whose passkey has signed the challenge. It is Unauthorized,
// with the same words, for a passkey that is unknown and for an answer that does not hold;
// RateLimited where too much was tried.
func (p *People) SignInByPasskey(ctx context.Context, from Arrival, a PasskeyAnswer) (SignedIn, error) {
	if _, err := p.relyingParty(); err != nil {
		return SignedIn{}, err
	}
	who, err := p.claims(ctx, a)
	if err != nil && !fault.Is(err, fault.Unauthorized) {
		return SignedIn{}, err
	}
	guesses, err := p.guessesAt(ctx, who.ID, from.Device, []Guess{guessFrom(from.Source)})
	if err != nil {
		return SignedIn{}, err
	}
	if err := p.slowSignIn(ctx, guesses, from.From); err != nil {
		return SignedIn{}, err
	}
	who, err = p.takePasskey(ctx, who, a, from.Source)
	switch {
	case fault.Is(err, fault.Unauthorized):
		p.refused(ctx, who, from.From, err)
		return SignedIn{}, fault.New(fault.Unauthorized, "the passkey is none that is known here, or its answer does not hold: begin again within %s",
			ChallengeLasts)
	case err != nil:
		p.giveBack(ctx, guesses)
		return SignedIn{}, err
	}
	p.giveBack(ctx, guesses)
	return p.Begin(ctx, who, from, ByPasskey)
}

// claims is whose passkey a browser says that it has asked; Unauthorized if nobody's.
func (p *People) claims(ctx context.Context, a PasskeyAnswer) (User, error) {
	answer, err := protocol.ParseCredentialRequestResponseBytes(a.Credential)
	if err != nil || len(answer.Response.UserHandle) == 0 {
		return User{}, fault.New(fault.Unauthorized, "it is no answer of a passkey")
	}
	who, err := p.Store.UserByHandle(ctx, answer.Response.UserHandle)
	if fault.Is(err, fault.NotFound) {
		err = fault.New(fault.Unauthorized, "it is nobody's")
	}
	return who, err
}

// takePasskey uses a challenge up, and is Unauthorized unless a passkey of a person has signed it.
func (p *People) takePasskey(ctx context.Context, who User, a PasskeyAnswer, source string) (User, error) {
	rp, err := p.relyingParty()
	if err != nil {
		return who, err
	}
	c, err := p.Store.TakeChallenge(ctx, a.Token, 0)
	if fault.Is(err, fault.NotFound) {
		err = fault.New(fault.Unauthorized, "the challenge was used, or is over")
	}
	if err != nil {
		return who, err
	}
	answer, err := protocol.ParseCredentialRequestResponseBytes(a.Credential)
	if err != nil || who.ID == 0 {
		return who, fault.New(fault.Unauthorized, "the answer is nobody's")
	}
	h, err := p.holder(ctx, who)
	if err != nil {
		return who, err
	}
	by, err := rp.ValidateLogin(h, began(c, h.handle), answer)
	if err != nil {
		return who, fault.New(fault.Unauthorized, "the answer does not hold: %s", said(err))
	}
	for _, k := range h.keys {
		if !bytes.Equal(k.Credential, by.ID) {
			continue
		}
		now := p.Clock.Now()
		k.Count, k.Flags, k.UsedAt, k.Source = by.Authenticator.SignCount, byte(by.Flags.ProtocolValue()), &now, source
		// Of two who come at once the second is held to the counter of the first.
		risen := !by.Authenticator.CloneWarning
		if risen {
			if risen, err = p.Store.UsePasskey(ctx, k); err != nil {
				return who, err
			}
		}
		if !risen {
			return who, fault.Wrap(fault.Unauthorized, "take a passkey", &copied{k.ID})
		}
	}
	return who, nil
}
