package api

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"carillon/access"
	"carillon/api/gate"
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
	ChannelID  int64      `json:"channel_id,omitempty" doc:"The channel that it is bound to."`
	Scopes     []string   `json:"scopes,omitempty" doc:"The resources that it is bound to; absent where it has all that its role may."`
	Networks   []string   `json:"networks,omitempty" doc:"The networks that its requests may come from; absent for all."`
	Rate       float64    `json:"rate_per_second,omitempty" doc:"How many requests a second it may make; absent for as many as any key (api_rate_per_second)."`
	Hint       string     `json:"hint" doc:"The last four characters."`
	CreatedAt  time.Time  `json:"created_at"`
	LastUsedAt *time.Time `json:"last_used_at,omitempty" doc:"At most a minute behind."`
	// LastUsedFrom goes along with it.
	LastUsedFrom string       `json:"last_used_from,omitempty" doc:"The address that it came from then."`
	Replaced     *ReplacedKey `json:"replaced,omitempty" doc:"What it was before it was rotated, while that still opens."`
	RevokedAt    *time.Time   `json:"revoked_at,omitempty"`
	ExpiresAt    *time.Time   `json:"expires_at,omitempty" doc:"When it ends by itself."`
}

// ReplacedKey is what a key was before it was rotated.
type ReplacedKey struct {
	EndsAt     time.Time  `json:"ends_at" doc:"When it opens nothing any more."`
	LastUsedAt *time.Time `json:"last_used_at,omitempty" doc:"Somebody still has it, who used it then; at most a minute behind."`
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
	ChannelID int64      `json:"channel_id,omitempty" minimum:"0" doc:"The channel that it is bound to; absent for all. In /v1 it then may do what is about one channel, for that one alone."`
	Scopes    []string   `json:"scopes,omitempty" nullable:"false" maxItems:"50" doc:"Resources of /v1 that it is bound to, as the documentation of each operation names them: messages, or contacts:read to look and change nothing. Absent for all that its role may."`
	Networks  []string   `json:"networks,omitempty" nullable:"false" maxItems:"50" doc:"Networks and addresses that its requests may come from, such as 192.0.2.0/24; absent for all."`
	Rate      float64    `json:"rate_per_second,omitempty" minimum:"0" maximum:"10000" doc:"How many requests a second it may make, as many at once; absent or 0 for as many as any key (api_rate_per_second)."`
	ExpiresAt *time.Time `json:"expires_at,omitempty" doc:"When it ends by itself; absent for never."`
}

// KeyChange is what is changed of a key; what is absent stays as it is.
type KeyChange struct {
	Name      *string    `json:"name,omitempty" minLength:"1" maxLength:"100"`
	Scopes    *[]string  `json:"scopes,omitempty" nullable:"false" maxItems:"50" doc:"As in making it; an empty list for all that its role may."`
	Networks  *[]string  `json:"networks,omitempty" nullable:"false" maxItems:"50" doc:"As in making it; an empty list for all."`
	Rate      *float64   `json:"rate_per_second,omitempty" minimum:"0" maximum:"10000" doc:"0 for as many as any key."`
	ExpiresAt *time.Time `json:"expires_at,omitempty" doc:"When it ends by itself. Once that is said it can be another time, but not never."`
}

type changeKey struct {
	ByID
	Body KeyChange
}

type rotateKey struct {
	ByID
	Body *KeyRotation
}

// KeyRotation says how a key is rotated.
type KeyRotation struct {
	Overlap int64 `json:"overlap_seconds,omitempty" minimum:"0" maximum:"2592000" doc:"For how many seconds the one before still opens, for programs that are told later; 0, if absent, has it open nothing from the answer on."`
}

type createKey struct{ Body KeyInput }

func keyView(k access.Key) Key {
	return Key{
		ID: k.ID, Name: k.Name, Role: string(k.Role), Operator: k.Operator, API: k.API, ChannelID: k.ChannelID, Scopes: k.Scopes,
		Networks: strings.Fields(access.NetworksText(k.Networks)), Rate: k.Rate, Hint: k.Hint, CreatedAt: k.CreatedAt,
		LastUsedAt: timestamp(k.LastUsedAt), LastUsedFrom: k.LastUsedFrom, Replaced: replacedView(k.Replaced), RevokedAt: timestamp(k.RevokedAt),
		ExpiresAt: timestamp(k.ExpiresAt),
	}
}

func replacedView(r *access.ReplacedKey) *ReplacedKey {
	if r == nil {
		return nil
	}
	return &ReplacedKey{EndsAt: r.EndsAt.UTC(), LastUsedAt: timestamp(r.LastUsedAt)}
}

// key is what is to be made.
func (in KeyInput) key(accountID int64) (access.Key, error) {
	networks, err := access.ParseNetworks("networks", in.Networks)
	return access.Key{
		AccountID: accountID, Name: in.Name, Role: access.Role(in.Role), Operator: in.Operator, API: in.API, ChannelID: in.ChannelID, Scopes: in.Scopes,
		Networks: networks, Rate: in.Rate, ExpiresAt: in.ExpiresAt,
	}, err
}

// change is what is to be changed.
func (in KeyChange) change() (access.KeyChange, error) {
	c := access.KeyChange{Name: in.Name, Scopes: (*access.Scopes)(in.Scopes), Rate: in.Rate, ExpiresAt: in.ExpiresAt}
	if in.Networks == nil {
		return c, nil
	}
	networks, err := access.ParseNetworks("networks", *in.Networks)
	c.Networks = &networks
	return c, err
}

// staysOpen refuses to shut the caller out with the own key.
func staysOpen(ctx context.Context, caller access.Caller, id int64, networks *[]netip.Prefix) error {
	if networks == nil || id != caller.ID {
		return nil
	}
	if (access.Key{Networks: *networks}).CheckFrom(gate.Source(ctx)) != nil {
		return fault.InvalidField("networks", access.NetworksText(*networks), "would shut you out: your request with this key comes from %s", gate.Source(ctx))
	}
	return nil
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
			key, err := in.Body.key(caller.AccountID)
			if err == nil {
				err = key.Scopes.Check(s.resources())
			}
			if err != nil {
				return nil, err
			}
			return newKeyOut(s.Keys.Create(ctx, key))
		})
	register(s, operation{id: "rotate-key", method: http.MethodPost, path: path + "/{id}/rotate", tag: tag, doc: "Give an API key another secret",
		status: http.StatusCreated, roles: mayAdmin, kept: withoutKey,
		more: "In one step; the key keeps its id and all that it has. What it was opens nothing from the answer on, or until overlap_seconds are over: replaced " +
			"says whether somebody still uses it. An operator's key needs an operator's, and the configured one is changed in the configuration."},
		func(ctx context.Context, caller access.Caller, in *rotateKey) (*one[NewKey], error) {
			var overlap time.Duration
			if in.Body != nil {
				overlap = time.Duration(in.Body.Overlap) * time.Second
			}
			return newKeyOut(s.Keys.Rotate(ctx, caller, in.ID, overlap))
		})
	register(s, operation{id: "update-key", method: http.MethodPatch, path: path + "/{id}", tag: tag, doc: "Change an API key", roles: mayAdmin,
		more: "Its name, bounds and end; binds at once. Its role can't be changed: make another."},
		func(ctx context.Context, caller access.Caller, in *changeKey) (*one[Key], error) {
			c, err := in.Body.change()
			if err == nil && c.Scopes != nil {
				err = c.Scopes.Check(s.resources())
			}
			if err == nil {
				err = staysOpen(ctx, caller, in.ID, c.Networks)
			}
			if err != nil {
				return nil, err
			}
			k, err := s.Keys.Change(ctx, caller, in.ID, c)
			if err != nil {
				return nil, err
			}
			return &one[Key]{keyView(k)}, nil
		})
	register(s, operation{id: "revoke-key", method: http.MethodDelete, path: path + "/{id}", tag: tag, doc: "Revoke an API key", status: http.StatusNoContent,
		roles: mayAdmin,
		more:  "Binds at once. The last admin key, and the last operator's key of the installation, can't be revoked."},
		func(ctx context.Context, caller access.Caller, in *ByID) (*struct{}, error) {
			return nil, s.Keys.Revoke(ctx, caller.AccountID, in.ID)
		})
}
