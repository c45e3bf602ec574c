package api

import (
	"context"
	"net/http"
	"time"

	"carillon/access"
	"carillon/api/gate"
	"carillon/internal/secret"
)

// UserSession is a sign-in that has not ended.
type UserSession struct {
	ID        int64     `json:"id"`
	AccountID int64     `json:"account_id"`
	CreatedAt time.Time `json:"created_at"`
	SeenAt    time.Time `json:"seen_at" doc:"The last request; at most a minute behind."`
	EndsAt    time.Time `json:"ends_at"`
	Source    string    `json:"source" doc:"The address that it was made from."`
	Agent     string    `json:"agent" doc:"The browser, as it calls itself."`
	Methods   []string  `json:"methods"`
	Current   bool      `json:"current" doc:"The one that asks."`
}

// TOTP is a second factor that is about to be taken.
type TOTP struct {
	Secret string `json:"secret" doc:"What codes are made of, to be typed into an authenticator app."`
	URI    string `json:"uri" doc:"The same for apps that read it."`
	PNG    []byte `json:"png" doc:"The same as a picture, in base 64, to be read by an app."`
}

// Recovery are codes that open once each in the place of a second factor.
type Recovery struct {
	Codes []string `json:"codes" doc:"To be kept on paper; they are not shown again."`
}

// audited leaves the codes out.
func (Recovery) audited() any { return struct{}{} }

// renewed is an answer that comes with a new session.
type renewed[T any] struct {
	SetCookie []http.Cookie `header:"Set-Cookie"`
	Body      T
}

// identity is the id of what the answer holds, 0 if it has none.
func (r *renewed[T]) identity() int64 { return (&one[T]{r.Body}).identity() }

// body is what it holds.
func (r *renewed[T]) body() any { return r.Body }

type changePassword struct {
	Browser
	Body struct {
		Present string `json:"present,omitempty" maxLength:"800" doc:"The password as it is; absent for who has none."`
		New     string `json:"new" maxLength:"800" doc:"At least 10 characters, and none of the most common passwords."`
	}
}

type setTOTP struct {
	Browser
	Body struct {
		Password string `json:"password" maxLength:"800" doc:"Once more, to show that it is you."`
		Secret   string `json:"secret" maxLength:"100" doc:"From POST /v1/me/totp."`
		Code     string `json:"code" maxLength:"10" doc:"What the app shows now."`
	}
}

type dropTOTP struct {
	Browser
	Body struct {
		Password string `json:"password" maxLength:"800"`
		Code     string `json:"code" maxLength:"40" doc:"What the app shows now, or a recovery code."`
	}
}

type rename struct {
	Body struct {
		Name string `json:"name" minLength:"1" maxLength:"100"`
	}
}

// renew gives a person a new session for the one that there is: what it may open has changed.
func (s *Server) renew(ctx context.Context, caller access.Caller, b Browser) ([]http.Cookie, error) {
	from := b.arrival(ctx)
	from.AccountID = caller.AccountID
	out, err := s.signedIn(s.People.Renew(ctx, caller, from))
	if err != nil {
		return nil, err
	}
	return out.SetCookie, nil
}

func userSessions(list []access.Session, err error, current int64) (*one[Page[UserSession]], error) {
	out := Page[UserSession]{Items: []UserSession{}}
	for _, l := range list {
		out.Items = append(out.Items, UserSession{
			ID: l.ID, AccountID: l.AccountID, CreatedAt: l.CreatedAt.UTC(), SeenAt: l.SeenAt.UTC(), EndsAt: l.EndsAt.UTC(), Source: l.Source, Agent: l.Agent,
			Methods: l.Methods, Current: l.ID == current,
		})
	}
	return &one[Page[UserSession]]{out}, err
}

// meRoutes are what people do with their own sign-in.
func (s *Server) meRoutes() {
	const path, tag = "/v1/me", "session"
	register(s, operation{id: "rename-me", method: http.MethodPatch, path: path, tag: tag, doc: "Change your name",
		roles: mayWatch, people: true, own: true},
		func(ctx context.Context, caller access.Caller, in *rename) (*one[Session], error) {
			if err := s.People.Rename(ctx, caller.UserID(), in.Body.Name); err != nil {
				return nil, err
			}
			me, err := s.People.Me(ctx, caller)
			return &one[Session]{signedInView(me)}, err
		})
	register(s, operation{id: "list-my-sessions", method: http.MethodGet, path: path + "/sessions", tag: tag, doc: "List your sessions", roles: mayWatch,
		people: true},
		func(ctx context.Context, caller access.Caller, _ *struct{}) (*one[Page[UserSession]], error) {
			list, err := s.People.Sessions(ctx, caller.UserID())
			if caller.Through != 0 {
				list, err = s.People.SessionsIn(ctx, caller.AccountID, caller.UserID())
			}
			return userSessions(list, err, caller.SessionID)
		})
	register(s, operation{id: "end-my-session", method: http.MethodDelete, path: path + "/sessions/{id}", tag: tag, doc: "End one of your sessions",
		status: http.StatusNoContent, roles: mayWatch, people: true, own: true},
		func(ctx context.Context, caller access.Caller, in *ByID) (*struct{}, error) {
			return nil, s.People.SignOut(ctx, caller.UserID(), in.ID)
		})
	register(s, operation{id: "end-my-sessions", method: http.MethodDelete, path: path + "/sessions", tag: tag, doc: "End all your other sessions",
		status: http.StatusNoContent, roles: mayWatch, people: true, own: true},
		func(ctx context.Context, caller access.Caller, _ *struct{}) (*struct{}, error) {
			_, err := s.People.SignOutElsewhere(ctx, caller.UserID(), caller.SessionID)
			return nil, err
		})
	register(s, operation{id: "change-password", method: http.MethodPut, path: path + "/password", tag: tag, doc: "Change your password",
		status: http.StatusNoContent, roles: mayWatch, people: true, own: true, more: "All your other sessions end."},
		func(ctx context.Context, caller access.Caller, in *changePassword) (*cookiesOut, error) {
			if err := s.People.ChangePassword(ctx, caller, secret.New(in.Body.New),
				access.Proof{Password: secret.New(in.Body.Present), From: gate.From(ctx)}); err != nil {
				return nil, err
			}
			cookies, err := s.renew(ctx, caller, in.Browser)
			return &cookiesOut{cookies}, err
		})
	register(s, operation{id: "begin-totp", method: http.MethodPost, path: path + "/totp", tag: tag, doc: "Begin a second factor",
		roles: mayWatch, people: true, own: true,
		unkept: true, unaudited: true, more: "Nothing changes until PUT /v1/me/totp brings a code of it."},
		func(ctx context.Context, caller access.Caller, _ *struct{}) (*one[TOTP], error) {
			e, err := s.People.Enrol(ctx, caller.UserID())
			return &one[TOTP]{TOTP{Secret: e.Secret.Reveal(), URI: e.URI.Reveal(), PNG: e.PNG}}, err
		})
	register(s, operation{id: "set-totp", method: http.MethodPut, path: path + "/totp", tag: tag, doc: "Take a second factor",
		roles: mayWatch, people: true, own: true,
		more: "The answer holds the recovery codes, which are shown once. All your other sessions end."},
		func(ctx context.Context, caller access.Caller, in *setTOTP) (*renewed[Recovery], error) {
			codes, err := s.People.SetTOTP(ctx, caller, secret.New(in.Body.Secret),
				access.Proof{Password: secret.New(in.Body.Password), Code: in.Body.Code, From: gate.From(ctx)})
			if err != nil {
				return nil, err
			}
			out := &renewed[Recovery]{}
			for _, c := range codes {
				out.Body.Codes = append(out.Body.Codes, c.Reveal())
			}
			out.SetCookie, err = s.renew(ctx, caller, in.Browser)
			return out, err
		})
	register(s, operation{id: "drop-totp", method: http.MethodPost, path: path + "/totp/drop", tag: tag, doc: "Give your authenticator app up",
		status: http.StatusNoContent, roles: mayWatch, people: true, own: true, unkept: true,
		more: "The recovery codes go with it, unless there are passkeys. All your other sessions end."},
		func(ctx context.Context, caller access.Caller, in *dropTOTP) (*cookiesOut, error) {
			if err := s.People.DropTOTP(ctx, caller, access.Proof{Password: secret.New(in.Body.Password), Code: in.Body.Code, From: gate.From(ctx)}); err != nil {
				return nil, err
			}
			cookies, err := s.renew(ctx, caller, in.Browser)
			return &cookiesOut{cookies}, err
		})
}
