package api

import (
	"context"
	"net/http"
	"time"

	"carillon/access"
	"carillon/internal/fault"
	"carillon/internal/naming"
	"carillon/internal/secret"
)

// Key is an API key; the key itself is shown once, when it is made.
type Key struct {
	ID         int64      `json:"id"`
	Name       string     `json:"name"`
	Role       string     `json:"role" enum:"admin,editor,sender,viewer"`
	Operator   bool       `json:"operator,omitempty" doc:"It may make accounts and delete them, besides what its role may in its own."`
	API        string     `json:"api,omitempty" doc:"The API of others that it was made for and opens alone."`
	ChannelID  int64      `json:"channel_id,omitempty" doc:"The channel that it is bound to there."`
	Hint       string     `json:"hint" doc:"The last four characters."`
	CreatedAt  time.Time  `json:"created_at"`
	LastUsedAt *time.Time `json:"last_used_at,omitempty"`
	RevokedAt  *time.Time `json:"revoked_at,omitempty"`
	ExpiresAt  *time.Time `json:"expires_at,omitempty" doc:"When it ends by itself."`
}

func (k Key) identity() int64 { return k.ID }

// NewKey is a key that was just made.
type NewKey struct {
	Key
	Secret string `json:"key" doc:"The key itself; it is not shown again."`
}

// audited leaves the key itself out.
func (k NewKey) audited() any { return k.Key }

// KeyInput is what a key is made of.
type KeyInput struct {
	Name     string `json:"name" minLength:"1" maxLength:"100" doc:"What it is for, to know it by when it is revoked."`
	Role     string `json:"role" enum:"admin,editor,sender,viewer"`
	Operator bool   `json:"operator,omitempty" doc:"It may make accounts and delete them, besides. Only an operator's key can make another."`
	// What binds it.
	API       string     `json:"api,omitempty" enum:"chat44mp,chatapi,chatwoot,messengerpeople,xms" doc:"The API of others that it opens alone; absent for all that its role may."`
	Channel   naming.Ref `json:"channel,omitzero" kind:"channel" doc:"Instead of channel_id: the channel, by its id or its name."`
	ChannelID int64      `json:"channel_id,omitempty" minimum:"0" doc:"The channel that it is bound to in that API; absent for all."`
	ExpiresAt *time.Time `json:"expires_at,omitempty" doc:"When it ends by itself; absent for never."`
}

// AuditEntry is one thing that somebody did.
type AuditEntry struct {
	ID     int64          `json:"id"`
	At     time.Time      `json:"at"`
	Actor  string         `json:"actor"`
	Action string         `json:"action"`
	Target string         `json:"target"`
	Detail map[string]any `json:"detail,omitempty" doc:"before and after of what was changed, secrets masked and long values as their hash; changed has the names alone where the values are somebody's data; items is how many people were read."`
	// RequestID and Source are empty for what no request did.
	RequestID string `json:"request_id,omitempty" doc:"X-Request-Id of the request, which the log has too."`
	Source    string `json:"source,omitempty" doc:"Address that the request came from; a proxy's where there is one."`
}

type createKey struct{ Body KeyInput }

func keyView(k access.Key) Key {
	return Key{
		ID: k.ID, Name: k.Name, Role: string(k.Role), Operator: k.Operator, API: k.API, ChannelID: k.ChannelID, Hint: k.Hint, CreatedAt: k.CreatedAt,
		LastUsedAt: timestamp(k.LastUsedAt), RevokedAt: timestamp(k.RevokedAt), ExpiresAt: timestamp(k.ExpiresAt),
	}
}

func newKeyOut(k access.Key, key secret.String, err error) (*one[NewKey], error) {
	if err != nil {
		return nil, err
	}
	return &one[NewKey]{NewKey{Key: keyView(k), Secret: key.Reveal()}}, nil
}

func (s *Server) keyRoutes() {
	const path, tag = "/v1/keys", "keys"
	register(s, operation{id: "list-keys", method: http.MethodGet, path: path, tag: tag, doc: "List API keys", roles: mayAdmin},
		func(ctx context.Context, caller access.Caller, in *Paged) (*pageOut[Key], error) {
			after, err := in.position()
			if err != nil {
				return nil, err
			}
			list, err := s.Keys.List(ctx, caller.AccountID, after, in.Limit+1)
			if err != nil {
				return nil, err
			}
			return page(list, in.Limit, keyView, func(k access.Key) string { return idKey(k.ID) }), nil
		})
	register(s, operation{id: "create-key", method: http.MethodPost, path: path, tag: tag, doc: "Make an API key", status: http.StatusCreated,
		roles: mayAdmin, kept: withoutKey,
		more: "The key is in this answer and nowhere else: a repeat with the same Idempotency-Key shows everything but the key."},
		func(ctx context.Context, caller access.Caller, in *createKey) (*one[NewKey], error) {
			if in.Body.Operator && !caller.Operator {
				return nil, fault.New(fault.Forbidden, "only an operator's key can make another operator's key, and %q is none", caller.Name)
			}
			return newKeyOut(s.Keys.Create(ctx, access.Key{
				AccountID: caller.AccountID, Name: in.Body.Name, Role: access.Role(in.Body.Role), Operator: in.Body.Operator, API: in.Body.API,
				ChannelID: in.Body.ChannelID,
				ExpiresAt: in.Body.ExpiresAt,
			}))
		})
	register(s, operation{id: "rotate-key", method: http.MethodPost, path: path + "/{id}/rotate", tag: tag, doc: "Replace an API key by a new one",
		status: http.StatusCreated, roles: mayAdmin, kept: withoutKey,
		more: "In one step: the old key opens nothing from the answer on, the new one has its name, role and bounds. An operator's key needs an operator's."},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[NewKey], error) {
			return newKeyOut(s.Keys.Rotate(ctx, caller, in.ID))
		})
	register(s, operation{id: "revoke-key", method: http.MethodDelete, path: path + "/{id}", tag: tag, doc: "Revoke an API key", status: http.StatusNoContent,
		roles: mayAdmin,
		more:  "Binds at once. The last admin key, and the last operator's key of the installation, can't be revoked."},
		func(ctx context.Context, caller access.Caller, in *ByID) (*struct{}, error) {
			return nil, s.Keys.Revoke(ctx, caller.AccountID, in.ID)
		})
	register(s, operation{id: "list-audit", method: http.MethodGet, path: "/v1/audit", tag: "audit", doc: "Who did what, newest first", roles: mayAdmin},
		func(ctx context.Context, caller access.Caller, in *Paged) (*pageOut[AuditEntry], error) {
			before, err := in.position()
			if err != nil {
				return nil, err
			}
			list, err := s.Trail.List(ctx, caller.AccountID, before, in.Limit+1)
			if err != nil {
				return nil, err
			}
			return page(list, in.Limit, func(e access.AuditEntry) AuditEntry {
				return AuditEntry{ID: e.ID, At: e.At, Actor: e.Actor, Action: e.Action, Target: e.Target, Detail: e.Detail, RequestID: e.RequestID, Source: e.Source}
			}, func(e access.AuditEntry) string { return idKey(e.ID) }), nil
		})
}
