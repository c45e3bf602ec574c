package api

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"carillon/access"
	"carillon/api/gate"
	"carillon/internal/fault"
	"carillon/internal/secret"
)

// deviceCookie is kept by a browser from which somebody has signed in, so that others who
// guess don't slow the person down. It opens nothing.
const (
	deviceCookie = "__Host-carillon-device"
	deviceLasts  = 180 * 24 * time.Hour
)

// mostOpenBody bounds what strangers send.
const mostOpenBody = 16 << 10

// SessionAccount is an account that a person may be in.
type SessionAccount struct {
	ID       int64  `json:"id"`
	Name     string `json:"name"`
	Role     string `json:"role" enum:"admin,editor,sender,viewer"`
	Approver bool   `json:"approver" doc:"May approve what others proposed."`
}

// Session is a person who is signed in.
type Session struct {
	UserID       int64            `json:"user_id"`
	Email        string           `json:"email"`
	Name         string           `json:"name"`
	HasPassword  bool             `json:"has_password"`
	HasTOTP      bool             `json:"has_totp" doc:"Has an authenticator app as a second factor."`
	Passkeys     int              `json:"passkeys" doc:"How many passkeys the person has."`
	RecoveryLeft int              `json:"recovery_left" doc:"Recovery codes that are left."`
	Account      SessionAccount   `json:"account" doc:"The account that the session is in."`
	Accounts     []SessionAccount `json:"accounts" doc:"All that the person may be in: POST /v1/session/account changes to one."`
	Methods      []string         `json:"methods" doc:"How the person signed in: password, totp, recovery, passkey, oidc."`
	EndsAt       time.Time        `json:"ends_at" doc:"When it ends however much it is used."`
}

// signedInOut is a session with the cookies that open it.
type signedInOut struct {
	SetCookie []http.Cookie `header:"Set-Cookie"`
	Body      Session
}

func sessionAccount(m access.Member) SessionAccount {
	return SessionAccount{ID: m.AccountID, Name: m.AccountName, Role: string(m.Role), Approver: m.Approver}
}

func signedInView(in access.SignedIn) Session {
	m := in.Member
	view := Session{
		UserID: m.ID, Email: m.Email, Name: m.Name, HasPassword: m.HasPassword, HasTOTP: m.HasTOTP, Passkeys: m.Passkeys,
		RecoveryLeft: m.RecoveryLeft,
		Account:      sessionAccount(m), Methods: in.Session.Methods, EndsAt: in.Session.EndsAt.UTC(),
	}
	for _, a := range in.Accounts {
		view.Accounts = append(view.Accounts, sessionAccount(a))
	}
	return view
}

// cookie is one that scripts can't read, that goes to this host alone, over TLS alone (browsers
// count loopback as such). Lax lets a link in a mail open the console signed in; what changes
// something is guarded against other sites besides.
func cookie(name string, value secret.String, lasts time.Duration) http.Cookie {
	return http.Cookie{
		Name: name, Value: value.Reveal(), Path: "/", MaxAge: int(lasts / time.Second), Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}

func (s *Server) signedIn(in access.SignedIn, err error) (*signedInOut, error) {
	if err != nil {
		return nil, err
	}
	return &signedInOut{
		SetCookie: []http.Cookie{
			cookie(gate.SessionCookie, in.Token, in.Session.EndsAt.Sub(s.Clock.Now())), cookie(deviceCookie, in.Device, deviceLasts),
		},
		Body: signedInView(in),
	}, nil
}

// Browser is what a browser sends with each request.
type Browser struct {
	Session string `cookie:"__Host-carillon" hidden:"true"`
	Device  string `cookie:"__Host-carillon-device" hidden:"true"`
	Agent   string `header:"User-Agent" hidden:"true"`
	Origin  string `header:"Origin" hidden:"true"`
}

func (b Browser) arrival(ctx context.Context) access.Arrival {
	return access.Arrival{From: gate.From(ctx), Agent: b.Agent, Device: secret.New(b.Device)}
}

// keepsCookies refuses a sign-in from a browser that would not keep its cookie, so that nobody
// wonders.
func (b Browser) keepsCookies() error {
	host, plain := strings.CutPrefix(b.Origin, "http://")
	name := (&url.URL{Host: host}).Hostname()
	at, _ := netip.ParseAddr(name) // a name is none
	if !plain || name == "localhost" || at.IsLoopback() {
		return nil
	}
	return fault.New(fault.Invalid, "a browser keeps a sign-in over https alone: open https://%s, which tls_cert_file gives, or a proxy (docs/network.md)", host)
}

// forStrangers refuses what another site has a browser send, and lets nobody keep an answer.
func (s *Server) forStrangers(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	w.Header().Set("Cache-Control", "no-store")
	if gate.CrossSite(r) {
		writeProblem(w, fault.New(fault.Forbidden, "the request comes from a page of another site"))
		return
	}
	next(ctx)
}

// SignIn is what a person signs in with.
type SignIn struct {
	Email     string         `json:"email" maxLength:"254" example:"ada@example.org"`
	Password  string         `json:"password" maxLength:"800"`
	Code      string         `json:"code,omitempty" maxLength:"40" doc:"The code of the authenticator app, or a recovery code, for who has a second factor: code is second_factor in the problem where it is missing."`
	Passkey   *PasskeyAnswer `json:"passkey,omitempty" doc:"In the place of a code: what a passkey answers to POST /v1/session/passkey/begin."`
	AccountID int64          `json:"account_id,omitempty" minimum:"0" doc:"The account to be in; absent for the first."`
}

type signIn struct {
	Browser
	Body SignIn
}

// beginSession begins a session in a browser, and ends the one that it was in.
func (s *Server) beginSession(ctx context.Context, b Browser, accountID int64, begin func(from access.Arrival) (access.SignedIn, error)) (*signedInOut, error) {
	if err := b.keepsCookies(); err != nil {
		return nil, err
	}
	from := b.arrival(ctx)
	from.AccountID = accountID
	out, err := s.signedIn(begin(from))
	if err == nil && b.Session != "" {
		err = s.endBefore(ctx, b.Session)
	}
	return out, err
}

func (s *Server) sessionRoutes() {
	const path, tag = "/v1/session", "session"
	register(s, operation{id: "sign-in", method: http.MethodPost, path: path, tag: tag, doc: "Sign in", open: true,
		more: "Begins a session, whose cookie opens what the person may do. It is for browsers: programs have keys."},
		func(ctx context.Context, _ access.Caller, in *signIn) (*signedInOut, error) {
			return s.beginSession(ctx, in.Browser, in.Body.AccountID, func(from access.Arrival) (access.SignedIn, error) {
				a := access.Attempt{Arrival: from, Email: in.Body.Email, Password: secret.New(in.Body.Password), Code: in.Body.Code}
				if in.Body.Passkey != nil {
					a.Passkey = in.Body.Passkey.given()
				}
				return s.People.SignIn(ctx, a)
			})
		})
	register(s, operation{id: "list-sign-in-ways", method: http.MethodGet, path: path + "/ways", tag: tag, doc: "The ways to sign in", open: true},
		func(ctx context.Context, _ access.Caller, _ *struct{}) (*one[SignInWays], error) {
			ways, err := s.People.Ways(ctx)
			return &one[SignInWays]{signInWaysView(ways)}, err
		})
	register(s, operation{id: "get-session", method: http.MethodGet, path: path, tag: tag, doc: "Who is signed in", roles: mayWatch, people: true},
		func(ctx context.Context, caller access.Caller, _ *struct{}) (*one[Session], error) {
			in, err := s.People.Me(ctx, caller)
			return &one[Session]{signedInView(in)}, err
		})
	register(s, operation{id: "sign-out", method: http.MethodDelete, path: path, tag: tag, doc: "Sign out", status: http.StatusNoContent, roles: mayWatch,
		people: true},
		func(ctx context.Context, caller access.Caller, _ *struct{}) (*cookiesOut, error) {
			return &cookiesOut{[]http.Cookie{cookie(gate.SessionCookie, secret.String{}, -time.Second)}}, s.People.SignOut(ctx, caller.UserID(), caller.SessionID)
		})
	register(s, operation{id: "enter-account", method: http.MethodPost, path: path + "/account", tag: tag, doc: "Change to another account", roles: mayWatch,
		people: true, unkept: true, more: "The session there is a new one; that in the account before ends."},
		func(ctx context.Context, caller access.Caller, in *enterAccount) (*signedInOut, error) {
			from := in.arrival(ctx)
			from.AccountID = in.Body.AccountID
			return s.signedIn(s.People.Renew(ctx, caller, from))
		})
}

// SignInWays are the ways to sign in.
type SignInWays struct {
	Nobody            bool        `json:"nobody" doc:"Nobody can sign in yet: the first person comes by the link that the server shows when it starts, or carillon users invite."`
	IdentityProviders []SignInWay `json:"identity_providers" doc:"Of an installation with one account; people of one among several have a link of their own."`
}

// SignInWay is an identity provider as strangers are shown it.
type SignInWay struct {
	ID   int64  `json:"id" doc:"Signing in through it begins at /sign-in/{id}."`
	Name string `json:"name"`
}

func signInWaysView(w access.Ways) SignInWays {
	view := SignInWays{Nobody: w.Nobody, IdentityProviders: make([]SignInWay, len(w.Providers))}
	for i, p := range w.Providers {
		view.IdentityProviders[i] = SignInWay{p.ID, p.Name}
	}
	return view
}

type enterAccount struct {
	Browser
	Body struct {
		AccountID int64 `json:"account_id" minimum:"1"`
	}
}

// cookiesOut is an answer that holds cookies alone.
type cookiesOut struct {
	SetCookie []http.Cookie `header:"Set-Cookie"`
}

// endBefore ends the session that a browser was in before somebody signed in.
func (s *Server) endBefore(ctx context.Context, token string) error {
	caller, err := s.People.Visit(ctx, secret.New(token))
	if err == nil {
		err = s.People.SignOut(ctx, caller.UserID(), caller.SessionID)
	}
	if fault.Is(err, fault.Unauthorized) || fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}
