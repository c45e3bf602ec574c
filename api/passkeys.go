package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"carillon/access"
	"carillon/api/gate"
	"carillon/internal/secret"
)

// Passkey is a key that a person signs in with.
type Passkey struct {
	ID         int64      `json:"id"`
	Name       string     `json:"name" example:"Phone"`
	Synced     bool       `json:"synced" doc:"A service keeps it for several devices."`
	CreatedAt  time.Time  `json:"created_at"`
	LastUsedAt *time.Time `json:"last_used_at,omitempty" doc:"Absent if it was never used."`
	LastSource string     `json:"last_source,omitempty" doc:"The address that it was used from last."`
}

func (k Passkey) identity() int64 { return k.ID }

func passkeyView(k access.Passkey) Passkey {
	return Passkey{
		ID: k.ID, Name: k.Name, Synced: k.Synced(), CreatedAt: k.CreatedAt.UTC(), LastUsedAt: timestamp(k.UsedAt), LastSource: k.Source,
	}
}

// NewPasskey is one that was just taken.
type NewPasskey struct {
	Passkey
	Codes []string `json:"codes,omitempty" doc:"Recovery codes, where there were none: to be kept on paper; they are not shown again."`
}

// audited leaves out all that is the person's.
func (NewPasskey) audited() any { return struct{}{} }

// PasskeyRequest is what a browser is to ask for.
type PasskeyRequest struct {
	ChallengeID string          `json:"challenge_id" example:"q3Vd8sPpTz0mE5wR1uYk7aHc2nLx9gJb4fQiOtSvW6Z" doc:"To be sent with what the browser answers: once, within five minutes."`
	PublicKey   json.RawMessage `json:"public_key" example:"{\"challenge\":\"3q2-7w\",\"rpId\":\"carillon.example.org\",\"userVerification\":\"required\"}" doc:"For PublicKeyCredential.parseCreationOptionsFromJSON, or parseRequestOptionsFromJSON to sign in."`
}

// PasskeyAnswer is what a browser answers.
type PasskeyAnswer struct {
	ChallengeID string          `json:"challenge_id" minLength:"1" maxLength:"100" example:"q3Vd8sPpTz0mE5wR1uYk7aHc2nLx9gJb4fQiOtSvW6Z" doc:"From the answer that began."`
	Credential  json.RawMessage `json:"credential" example:"{\"id\":\"9xQ\",\"rawId\":\"9xQ\",\"type\":\"public-key\",\"response\":{\"clientDataJSON\":\"e30\"}}" doc:"What navigator.credentials gave, as its toJSON makes it."`
}

func (a PasskeyAnswer) given() access.PasskeyAnswer {
	return access.PasskeyAnswer{Token: secret.New(a.ChallengeID), Credential: a.Credential}
}

// AddPasskey is a passkey that a browser has made.
type AddPasskey struct {
	Name string `json:"name" minLength:"1" maxLength:"100" doc:"By which you know it." example:"Phone"`
	PasskeyAnswer
}

// PasskeySignIn is what a person signs in with who has a passkey.
type PasskeySignIn struct {
	PasskeyAnswer
	AccountID int64 `json:"account_id,omitempty" minimum:"0" doc:"The account to be in; absent for the first."`
}

// OnceMore shows once more that it is the person.
type OnceMore struct {
	Password string         `json:"password,omitempty" maxLength:"800" doc:"Once more, to show that it is you."`
	Passkey  *PasskeyAnswer `json:"passkey,omitempty" doc:"In the place of the password: what a passkey of yours answers to POST /v1/session/passkey/begin."`
}

func (o OnceMore) proof(ctx context.Context) access.Proof {
	by := access.Proof{Password: secret.New(o.Password), From: gate.From(ctx)}
	if o.Passkey != nil {
		by.Passkey = o.Passkey.given()
	}
	return by
}

type beginPasskey struct {
	Body OnceMore
}

type addPasskey struct {
	Browser
	Body AddPasskey
}

type renamePasskey struct {
	ByID
	Body struct {
		Name string `json:"name" minLength:"1" maxLength:"100" example:"Old phone"`
	}
}

type dropPasskey struct {
	ByID
	Browser
	Body OnceMore
}

type passkeySignIn struct {
	Browser
	Body PasskeySignIn
}

func passkeyRequest(r access.PasskeyRequest, err error) (*one[PasskeyRequest], error) {
	return &one[PasskeyRequest]{PasskeyRequest{ChallengeID: r.Token.Reveal(), PublicKey: r.Options}}, err
}

// passkeyRoutes are what people do with their own passkeys.
func (s *Server) passkeyRoutes() {
	const path, tag = "/v1/me/passkeys", "passkeys"
	register(s, operation{id: "list-passkeys", method: http.MethodGet, path: path, tag: tag, doc: "List your passkeys", roles: mayWatch,
		people: true, own: true},
		func(ctx context.Context, caller access.Caller, _ *struct{}) (*one[Page[Passkey]], error) {
			list, err := s.People.Passkeys(ctx, caller.UserID())
			out := Page[Passkey]{Items: []Passkey{}}
			for _, k := range list {
				out.Items = append(out.Items, passkeyView(k))
			}
			return &one[Page[Passkey]]{out}, err
		})
	register(s, operation{id: "begin-passkey", method: http.MethodPost, path: path + "/begin", tag: tag, doc: "Begin a passkey", roles: mayWatch, people: true,
		own: true, unkept: true, unaudited: true, more: "Nothing changes until POST /v1/me/passkeys brings what the browser answers, within five minutes."},
		func(ctx context.Context, caller access.Caller, in *beginPasskey) (*one[PasskeyRequest], error) {
			return passkeyRequest(s.People.BeginPasskey(ctx, caller, in.Body.proof(ctx)))
		})
	register(s, operation{id: "add-passkey", method: http.MethodPost, path: path, tag: tag, doc: "Take a passkey", status: http.StatusCreated, roles: mayWatch,
		people: true, own: true, unkept: true, more: "From then on the password alone opens nothing. Where there are no recovery codes the answer holds some, " +
			"which are shown once. All your other sessions end."},
		func(ctx context.Context, caller access.Caller, in *addPasskey) (*renewed[NewPasskey], error) {
			k, codes, err := s.People.AddPasskey(ctx, caller, in.Body.Name, in.Body.given())
			if err != nil {
				return nil, err
			}
			out := &renewed[NewPasskey]{Body: NewPasskey{Passkey: passkeyView(k)}}
			for _, c := range codes {
				out.Body.Codes = append(out.Body.Codes, c.Reveal())
			}
			out.SetCookie, err = s.renew(ctx, caller, in.Browser)
			return out, err
		})
	register(s, operation{id: "rename-passkey", method: http.MethodPatch, path: path + "/{id}", tag: tag, doc: "Change what a passkey is called",
		status: http.StatusNoContent, roles: mayWatch, people: true, own: true},
		func(ctx context.Context, caller access.Caller, in *renamePasskey) (*struct{}, error) {
			return nil, s.People.RenamePasskey(ctx, caller.UserID(), in.ID, in.Body.Name)
		})
	register(s, operation{id: "drop-passkey", method: http.MethodPost, path: path + "/{id}/drop", tag: tag, doc: "Take a passkey away",
		status: http.StatusNoContent, roles: mayWatch, people: true, own: true, unkept: true,
		more: "It opens nothing from then on. With the last second factor the recovery codes go. All your other sessions end."},
		func(ctx context.Context, caller access.Caller, in *dropPasskey) (*cookiesOut, error) {
			if err := s.People.DropPasskey(ctx, caller, in.ID, in.Body.proof(ctx)); err != nil {
				return nil, err
			}
			cookies, err := s.renew(ctx, caller, in.Browser)
			return &cookiesOut{cookies}, err
		})
	s.passkeySignInRoutes()
}

// passkeySignInRoutes are for people who are not signed in.
func (s *Server) passkeySignInRoutes() {
	const path, tag = "/v1/session/passkey", "session"
	register(s, operation{id: "begin-passkey-sign-in", method: http.MethodPost, path: path + "/begin", tag: tag, doc: "Begin to sign in with a passkey",
		open: true,
		more: "What it answers is for POST /v1/session/passkey, and for POST /v1/session of who has given a password, too: once, within five minutes."},
		func(ctx context.Context, _ access.Caller, _ *struct{}) (*one[PasskeyRequest], error) {
			return passkeyRequest(s.People.BeginPasskeySignIn(ctx, gate.Source(ctx)))
		})
	register(s, operation{id: "sign-in-by-passkey", method: http.MethodPost, path: path, tag: tag, doc: "Sign in with a passkey", open: true,
		more: "Begins a session without address, password and code: the passkey says who it is, and its keeper has verified the person."},
		func(ctx context.Context, _ access.Caller, in *passkeySignIn) (*signedInOut, error) {
			return s.beginSession(ctx, in.Browser, in.Body.AccountID, func(from access.Arrival) (access.SignedIn, error) {
				return s.People.SignInByPasskey(ctx, from, in.Body.given())
			})
		})
}
