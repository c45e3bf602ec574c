// Package openid owns how identity providers are asked who somebody is: OpenID Connect, by the
// code flow with PKCE. It must not know who is let in: access decides that.
package openid

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"

	"carillon/access"
	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/providers"
	"carillon/providers/fetch"
)

const (
	// mostAnswer bounds an answer of a provider, in bytes, and answersWithin the time that each
	// takes.
	mostAnswer    = 1 << 20
	answersWithin = 5 * time.Second
	// within bounds all that is asked while somebody waits.
	within = 15 * time.Second
	// knownFor is how long it is believed what a provider says of itself, and failedFor how long a
	// failure stands, so that whoever begins sign-ins asks nobody more often.
	knownFor  = 10 * time.Minute
	failedFor = 5 * time.Second
	// mostKnown bounds what is kept.
	mostKnown = 1000
	// clocksDiffer is how far the clock of a provider may be before ours.
	clocksDiffer = 2 * time.Minute
)

// signed are the ways in which an answer may be signed: with the provider's own key, which we can
// check and not use. HS256 is none of them, whose key we have, nor is "none".
var signed = []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA}

// Client asks identity providers. It is safe for concurrent use.
type Client struct {
	fetcher *fetch.Fetcher
	clock   clock.Clock
	asking  singleflight.Group

	mu    sync.Mutex
	known map[string]known
}

// known is what an issuer says of itself, or why it says nothing.
type known struct {
	metadata
	*oidc.Provider
	err   error
	until time.Time
}

// metadata is what of a provider's document the library does not read.
type metadata struct {
	AuthMethods []string `json:"token_endpoint_auth_methods_supported"`
	NamesIssuer bool     `json:"authorization_response_iss_parameter_supported"`
	UserInfoAt  string   `json:"userinfo_endpoint"`
}

// New makes a client that reaches what the dialer does.
func New(dialer providers.Dialer, c clock.Clock) *Client {
	return &Client{fetcher: fetch.New(dialer).Within(answersWithin), clock: c, known: map[string]known{}}
}

// ask is a context in which libraries ask by our client.
func (c *Client) ask(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, within)
	return oidc.ClientContext(ctx, c.fetcher.Client(mostAnswer)), cancel
}

// Begin is the address at the provider where somebody signs in.
func (c *Client) Begin(ctx context.Context, p access.IdentityProvider, f access.Flow) (string, error) {
	is, err := c.provider(ctx, p)
	if err != nil {
		return "", err
	}
	return is.config(p, f).AuthCodeURL(f.State, oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier)), nil
}

// config is how we ask a provider.
func (k known) config(p access.IdentityProvider, f access.Flow) *oauth2.Config {
	at := k.Endpoint()
	// By OpenID Connect Core 1.0, 9, who names no way takes client_secret_basic.
	at.AuthStyle = oauth2.AuthStyleInHeader
	if len(k.AuthMethods) > 0 && !slices.Contains(k.AuthMethods, "client_secret_basic") {
		at.AuthStyle = oauth2.AuthStyleInParams
	}
	return &oauth2.Config{
		ClientID: p.ClientID, ClientSecret: p.Secret.Reveal(), Endpoint: at, RedirectURL: f.Redirect, Scopes: append([]string{oidc.ScopeOpenID}, p.Scopes...),
	}
}

// provider is what an issuer says of itself, kept for a while.
func (c *Client) provider(ctx context.Context, p access.IdentityProvider) (known, error) {
	c.mu.Lock()
	is, found := c.known[p.Issuer]
	c.mu.Unlock()
	if found && c.clock.Now().Before(is.until) {
		return is, is.err
	}
	answer, _, _ := c.asking.Do(p.Issuer, func() (any, error) {
		is := c.discover(ctx, p)
		c.mu.Lock()
		defer c.mu.Unlock()
		if len(c.known) >= mostKnown {
			clear(c.known)
		}
		c.known[p.Issuer] = is
		return is, nil
	})
	is = answer.(known) // it is what the function before returns
	return is, is.err
}

// discover asks an issuer what it is.
func (c *Client) discover(ctx context.Context, p access.IdentityProvider) (is known) {
	// Others wait for it, who have not gone away.
	ctx, cancel := c.ask(context.WithoutCancel(ctx))
	defer cancel()
	is.Provider, is.err = oidc.NewProvider(ctx, p.Issuer)
	if is.err == nil {
		is.err = is.Provider.Claims(&is.metadata)
	}
	if is.err != nil {
		is.err = failed(p, "what it is", is.err)
		is.until = c.clock.Now().Add(failedFor)
		return is
	}
	is.until = c.clock.Now().Add(knownFor)
	return is
}

// failed is the error of a provider that does not answer as it should. It repeats nothing that
// the provider says but its own names for what is wrong.
func failed(p access.IdentityProvider, what string, err error) error {
	var ours *fault.Error
	var refusal *oauth2.RetrieveError
	var another *oidc.IssuerMismatchError
	switch {
	case errors.As(err, &refusal) && refusal.ErrorCode != "":
		return fault.New(fault.Unauthorized, "%s refuses the sign-in: %q", p.Name, refusal.ErrorCode)
	case errors.As(err, &another):
		return fault.New(fault.Unavailable, "%s is at %s and calls itself otherwise: name its issuer as it does", p.Name, p.Issuer)
	case errors.As(err, &ours):
		return fault.New(fault.Unavailable, "%s can't be asked %s: %s", p.Name, what, ours.Message)
	}
	return fault.New(fault.Unavailable, "%s does not say %s in a way that can be read", p.Name, what)
}

// Finish asks the provider whose code it is.
func (c *Client) Finish(ctx context.Context, p access.IdentityProvider, f access.Flow, back access.Return) (access.Claims, error) {
	is, err := c.provider(ctx, p)
	if err != nil {
		return access.Claims{}, err
	}
	if back.Issuer != p.Issuer && (back.Issuer != "" || is.NamesIssuer) {
		return access.Claims{}, unbelievable(p, "it comes from another provider")
	}
	ctx, cancel := c.ask(ctx)
	defer cancel()
	tokens, err := is.config(p, f).Exchange(ctx, back.Code, oauth2.VerifierOption(f.Verifier))
	if err != nil {
		return access.Claims{}, failed(p, "whose the code is", err)
	}
	raw, _ := tokens.Extra("id_token").(string)
	if raw == "" {
		return access.Claims{}, unbelievable(p, "there is none: it is an OAuth server, and no OpenID provider")
	}
	token, err := c.verify(ctx, is, p, f, raw)
	if err != nil {
		return access.Claims{}, err
	}
	said := map[string]json.RawMessage{}
	if err := token.Claims(&said); err != nil {
		return access.Claims{}, unbelievable(p, "it can't be read")
	}
	if err := c.addUserInfo(ctx, is, p, tokens, said); err != nil {
		return access.Claims{}, err
	}
	return claims(p, token.Subject, said), nil
}

func unbelievable(p access.IdentityProvider, why string) error {
	return fault.New(fault.Unauthorized, "what %s says can't be believed: %s", p.Name, why)
}

// verify holds what the provider signed to what was asked (OpenID Connect Core 1.0, 3.1.3.7).
func (c *Client) verify(ctx context.Context, is known, p access.IdentityProvider, f access.Flow, raw string) (*oidc.IDToken, error) {
	token, err := is.Verifier(&oidc.Config{ClientID: p.ClientID, SupportedSigningAlgs: signed, Now: c.clock.Now}).Verify(ctx, raw)
	var expired *oidc.TokenExpiredError
	var ours *fault.Error
	switch {
	case errors.As(err, &ours):
		return nil, failed(p, "by which keys it signs", err)
	case errors.As(err, &expired):
		return nil, unbelievable(p, "it is over")
	case err != nil:
		return nil, unbelievable(p, "it is not signed by it, for us, for now")
	}
	var more struct {
		Party string `json:"azp"`
	}
	switch err := token.Claims(&more); {
	case err != nil:
		return nil, unbelievable(p, "it can't be read")
	case subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(f.Nonce)) != 1:
		return nil, unbelievable(p, "it is of another sign-in")
	case more.Party != "" && more.Party != p.ClientID, more.Party == "" && len(token.Audience) > 1:
		return nil, unbelievable(p, "it was given to another program")
	case token.IssuedAt.After(c.clock.Now().Add(clocksDiffer)):
		return nil, unbelievable(p, "it is not yet: do the clocks agree?")
	}
	return token, nil
}

// addUserInfo adds what a provider says elsewhere than in what it signed, where something is
// lacking there.
func (c *Client) addUserInfo(ctx context.Context, is known, p access.IdentityProvider, tokens *oauth2.Token, said map[string]json.RawMessage) error {
	complete := said["email"] != nil && said["name"] != nil && (said[p.GroupClaim] != nil || len(p.Roles) == 0)
	if complete || is.UserInfoAt == "" {
		return nil
	}
	info, err := is.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
	if err != nil {
		return failed(p, "more of who it is", err)
	}
	var subject string
	if err := json.Unmarshal(said["sub"], &subject); err != nil || info.Subject != subject {
		return unbelievable(p, "it says elsewhere that it is somebody else") // 5.3.2
	}
	more := map[string]json.RawMessage{}
	if err := info.Claims(&more); err != nil {
		return failed(p, "more of who it is", err)
	}
	// An address and whether it is verified are of one source.
	if said["email"] == nil {
		said["email"], said["email_verified"] = more["email"], more["email_verified"]
	}
	for _, name := range []string{"name", p.GroupClaim} {
		if said[name] == nil {
			said[name] = more[name]
		}
	}
	return nil
}

// claims are what of a provider's words we understand; what has another form is not said.
func claims(p access.IdentityProvider, subject string, said map[string]json.RawMessage) access.Claims {
	text := func(name string) (value string) {
		_ = json.Unmarshal(said[name], &value) // what is no text is none
		return value
	}
	c := access.Claims{Subject: subject, Name: text("name"), Email: text("email"), EmailVerified: text("email_verified") == "true"}
	var yes bool
	if json.Unmarshal(said["email_verified"], &yes) == nil {
		c.EmailVerified = yes
	}
	if json.Unmarshal(said[p.GroupClaim], &c.Groups) != nil {
		c.Groups = []string{text(p.GroupClaim)}
	}
	return c
}
