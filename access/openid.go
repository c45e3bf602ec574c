package access

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"carillon/internal/fault"
	"carillon/internal/secret"
)

// OpenID asks identity providers who somebody is.
type OpenID interface {
	// Begin is the address at the provider where somebody signs in.
	Begin(ctx context.Context, p IdentityProvider, f Flow) (address string, err error)
	// Finish asks the provider whose code it is. It is Unauthorized where the answer is none that
	// can be believed, and Unavailable where there is none.
	Finish(ctx context.Context, p IdentityProvider, f Flow, back Return) (Claims, error)
}

// Flow is a sign-in through a provider, from the browser that began it.
type Flow struct {
	// State comes back with the browser, Nonce in what the provider signs, and Verifier shows
	// whose the code is (RFC 7636).
	State, Nonce, Verifier string
	// Redirect is the address that the browser comes back to.
	Redirect string
}

// Return is what a browser comes back with.
type Return struct {
	State, Code string
	// Issuer is who sent it (RFC 9207); empty where the provider does not say.
	Issuer string
	// Refusal is why the provider lets nobody in; empty if it does.
	Refusal string
}

// Claims are what a provider says of somebody.
type Claims struct {
	Subject, Name string
	Email         string
	EmailVerified bool
	Groups        []string
}

// ByOpenID is the method of signing in through an identity provider.
const ByOpenID = "oidc"

const (
	// FlowLasts is how long a sign-in may take at the provider.
	FlowLasts = 10 * time.Minute
	// flowRandom is how many letters of what a browser keeps are random: 256 bits.
	flowRandom = 43
	// flowPayload are its bytes, behind the instant when it ends and the provider.
	flowPayload = 16 + flowRandom
	// maxSubject is the longest that a subject may be (OpenID Connect Core 1.0, 2).
	maxSubject = 255
)

// BeginOpenID is where a browser is sent to sign in through a provider, and what it keeps
// meanwhile. Nothing is kept here: whoever begins often fills nothing.
func (p *People) BeginOpenID(ctx context.Context, providerID int64) (address string, keeps secret.String, err error) {
	idp, err := p.provider(ctx, providerID)
	if err != nil {
		return "", keeps, err
	}
	payload := binary.BigEndian.AppendUint64(nil, uint64(p.Clock.Now().Add(FlowLasts).Unix()))
	payload = binary.BigEndian.AppendUint64(payload, uint64(providerID))
	payload = append(payload, randomText(flowRandom)...)
	address, err = p.OpenID.Begin(ctx, idp, p.flow(payload, providerID))
	return address, secret.New(base64.RawURLEncoding.EncodeToString(p.Signer.Append(payload))), err
}

// provider is one that people may sign in through now.
func (p *People) provider(ctx context.Context, id int64) (IdentityProvider, error) {
	switch {
	case p.OpenID == nil || p.Signer == nil:
		return IdentityProvider{}, fault.New(fault.Unavailable, "this server signs in nobody through a provider")
	case p.Address == "":
		return IdentityProvider{}, fault.InvalidField("public_url", nil,
			"is not set, so that no provider could send anybody back: whoever runs this server sets CARILLON_PUBLIC_URL, or CARILLON_CONSOLE_URL")
	}
	return p.Store.SignInProvider(ctx, id)
}

// Redirect is where a provider sends browsers back to; empty where the server's address is not
// known. Each provider has its own, so that none can answer for another (RFC 9700, 4.4.2.2).
func (p *People) Redirect(providerID int64) string {
	if p.Address == "" {
		return ""
	}
	return fmt.Sprintf("%s/callback", p.SignInPage(providerID))
}

// SignInPage is where people sign in through a provider.
func (p *People) SignInPage(providerID int64) string {
	if p.Address == "" {
		return ""
	}
	return fmt.Sprintf("%s/sign-in/%d", strings.TrimSuffix(p.Address, "/"), providerID)
}

// flow is what a sign-in is made of that a browser keeps the secret of.
func (p *People) flow(payload []byte, providerID int64) Flow {
	derived := func(purpose string) string {
		mac := hmac.New(sha256.New, payload)
		mac.Write([]byte(purpose))
		return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	}
	return Flow{State: derived("state"), Nonce: derived("nonce"), Verifier: derived("verifier"), Redirect: p.Redirect(providerID)}
}

// OpenIDReturn is a browser that comes back from a provider.
type OpenIDReturn struct {
	Arrival
	Return
	ProviderID int64
	// Keeps is what the browser was given when it began.
	Keeps secret.String
}

// FinishOpenID begins a session of whom a provider says that it is. It is Unauthorized where the
// sign-in did not begin in this browser, is over, or was used, and where the provider's answer
// can't be believed; Forbidden for who may not come in; RateLimited where too much was tried.
func (p *People) FinishOpenID(ctx context.Context, back OpenIDReturn) (SignedIn, error) {
	idp, err := p.provider(ctx, back.ProviderID)
	if err != nil {
		return SignedIn{}, err
	}
	guess := []Guess{guessFrom(back.Source)}
	if err := p.slowSignIn(ctx, guess, back.From); err != nil {
		return SignedIn{}, err
	}
	who, err := p.admit(ctx, idp, back)
	if err == nil {
		back.AccountID, back.Through = idp.AccountID, idp.ID
		var in SignedIn
		if in, err = p.Begin(ctx, who, back.Arrival, ByOpenID); err == nil {
			p.giveBack(ctx, guess)
			return in, nil
		}
	}
	switch {
	case p.Refusals != nil && who.ID == 0 && (fault.Is(err, fault.Unauthorized) || fault.Is(err, fault.Forbidden)):
		p.later(ctx, func(ctx context.Context) error {
			return p.Refusals.Refused(ctx, Refusal{
				Caller: Caller{AccountID: idp.AccountID}, Why: RefusedSignIn, Says: fmt.Sprintf("identity provider %d (%s)", idp.ID, idp.Name), From: back.From,
			})
		})
	case fault.Is(err, fault.Unavailable):
		p.giveBack(ctx, guess) // whoever came has tried nothing
	}
	return SignedIn{}, err
}

// admit says who has come back from a provider.
func (p *People) admit(ctx context.Context, idp IdentityProvider, back OpenIDReturn) (User, error) {
	f, err := p.resume(ctx, back)
	if err != nil {
		return User{}, err
	}
	if back.Refusal != "" {
		return User{}, fault.New(fault.Forbidden, "%s lets nobody in: %s", idp.Name, back.Refusal)
	}
	said, err := p.OpenID.Finish(ctx, idp, f, back.Return)
	if err != nil {
		return User{}, err
	}
	a, err := admissionOf(idp, said)
	if err != nil {
		return User{}, err
	}
	in, err := p.Store.Admit(ctx, a)
	if err != nil {
		return User{}, err
	}
	if in.How != "" {
		if err := p.noteProvider(ctx, idp, in, back.From); err != nil {
			return User{}, err
		}
	}
	if a.Barred {
		return User{}, fault.New(fault.Forbidden, "%s gives %s no role here: who manages its groups can", idp.Name, in.User.Email)
	}
	return in.User, nil
}

// resume is the sign-in that a browser began, which is used up.
func (p *People) resume(ctx context.Context, back OpenIDReturn) (Flow, error) {
	again := fault.New(fault.Unauthorized, "the sign-in did not begin in this browser, was used, or took longer than %s: begin again", FlowLasts)
	kept, err := base64.RawURLEncoding.DecodeString(back.Keeps.Reveal())
	if err != nil || len(kept) != flowPayload+secret.SumBytes {
		return Flow{}, again
	}
	payload, sum := kept[:flowPayload], kept[flowPayload:]
	ends := time.Unix(int64(binary.BigEndian.Uint64(payload)), 0)
	f := p.flow(payload, back.ProviderID)
	switch {
	case !p.Signer.Valid(payload, sum), binary.BigEndian.Uint64(payload[8:]) != uint64(back.ProviderID),
		!p.Clock.Now().Before(ends), !hmac.Equal([]byte(f.State), []byte(back.State)):
		return Flow{}, again
	}
	fresh, err := p.Store.TakeSignIn(ctx, f.State, ends)
	if err == nil && !fresh {
		err = again
	}
	return f, err
}

// admissionOf is what we make of what a provider says of somebody.
func admissionOf(idp IdentityProvider, said Claims) (Admission, error) {
	if said.Subject == "" || len(said.Subject) > maxSubject || !utf8.ValidString(said.Subject) {
		return Admission{}, fault.New(fault.Unauthorized, "%s does not say who it is", idp.Name)
	}
	a := Admission{Provider: idp, Subject: said.Subject, Name: strings.TrimSpace(said.Name)}
	// An address is a name that can be given to somebody else: it is believed only of whom the
	// provider has verified, in domains that an admin says are the provider's to speak for.
	if email, err := NormalEmail("email", said.Email); err == nil && said.EmailVerified && idp.vouches(email) {
		a.Email = email
	}
	if CheckUserName(a.Name) != nil {
		a.Name = a.Email
		if len(a.Name) > maxUserName {
			a.Name = a.Name[:maxUserName]
		}
	}
	if idp.assigns() {
		a.Role = idp.roleOf(said.Groups)
		a.Barred = a.Role == ""
	}
	return a, nil
}

// noteProvider writes into the trail what has become of somebody by a provider.
func (p *People) noteProvider(ctx context.Context, idp IdentityProvider, in Admitted, from From) error {
	return p.Trail.Add(context.WithoutCancel(ctx), AuditEntry{
		AccountID: idp.AccountID, Actor: fmt.Sprintf("identity provider %d (%s)", idp.ID, idp.Name), Action: in.How,
		Target: fmt.Sprintf("user %d (%s)", in.User.ID, in.User.Email), Source: from.Source,
		RequestID: from.RequestID,
	})
}
