package api

import (
	"context"
	"net/http"
	"time"

	"carillon/access"
	"carillon/internal/secret"
)

// GroupRole is a role that a group of an identity provider gives.
type GroupRole struct {
	Group string `json:"group" minLength:"1" maxLength:"200" doc:"As the provider names it, letter by letter." example:"marketing"`
	Role  string `json:"role" enum:"admin,editor,sender,viewer"`
}

// IdentityProvider says who somebody is, by OpenID Connect.
type IdentityProvider struct {
	ID           int64                    `json:"id"`
	Name         string                   `json:"name"`
	Issuer       string                   `json:"issuer"`
	ClientID     string                   `json:"client_id"`
	ClientSecret string                   `json:"client_secret" doc:"Masked."`
	Secrets      map[string]SecretSetting `json:"secrets" doc:"When client_secret was set last and by whom."`
	Scopes       []string                 `json:"scopes" doc:"What is asked for besides openid."`
	GroupClaim   string                   `json:"group_claim" doc:"Where the provider says which groups somebody is in."`
	Roles        []GroupRole              `json:"roles" doc:"The roles that groups give; of several the one that may most."`
	DefaultRole  string                   `json:"default_role,omitempty" doc:"That of who is in none of these groups; absent for none."`
	Domains      []string                 `json:"domains" doc:"Of whose verified addresses the provider is believed."`
	Enabled      bool                     `json:"enabled"`
	SignInURL    string                   `json:"sign_in_url,omitempty" doc:"Where people sign in through it; absent where neither console_url nor public_url is set."`
	RedirectURL  string                   `json:"redirect_url,omitempty" doc:"The redirect address to register with the provider."`
	CreatedAt    time.Time                `json:"created_at"`
	UpdatedAt    time.Time                `json:"updated_at"`
}

func (p IdentityProvider) identity() int64 { return p.ID }

// maskedSecret stands for a secret that is there.
const maskedSecret = "********"

func (s *Server) identityProviderView(p access.IdentityProvider) IdentityProvider {
	v := IdentityProvider{
		ID: p.ID, Name: p.Name, Issuer: p.Issuer, ClientID: p.ClientID, ClientSecret: maskedSecret,
		Secrets: secretViews([]string{"client_secret"}, p.SecretsSet), Scopes: p.Scopes, GroupClaim: p.GroupClaim,
		Roles: []GroupRole{}, DefaultRole: string(p.DefaultRole), Domains: p.Domains, Enabled: p.Enabled, SignInURL: s.People.SignInPage(p.ID),
		RedirectURL: s.People.Redirect(p.ID), CreatedAt: p.CreatedAt.UTC(), UpdatedAt: p.UpdatedAt.UTC(),
	}
	for _, g := range p.Roles {
		v.Roles = append(v.Roles, GroupRole{Group: g.Group, Role: string(g.Role)})
	}
	return v
}

func (s *Server) identityProviderOut(p access.IdentityProvider, err error) (*one[IdentityProvider], error) {
	if err != nil {
		return nil, err
	}
	return &one[IdentityProvider]{s.identityProviderView(p)}, nil
}

// IdentityProviderInput is what an identity provider is made of.
type IdentityProviderInput struct {
	Name         string      `json:"name" minLength:"1" maxLength:"100" doc:"What people call it." example:"corp"`
	Issuer       string      `json:"issuer" maxLength:"500" doc:"Its address, as it names itself; what it says of itself is read below it." example:"https://login.example.org"`
	ClientID     string      `json:"client_id" minLength:"1" maxLength:"500" doc:"What it knows this server by." example:"carillon"`
	ClientSecret string      `json:"client_secret" minLength:"1" maxLength:"500" doc:"What it takes this server for that by. It is kept sealed and not shown again."`
	Scopes       []string    `json:"scopes,omitempty" nullable:"false" maxItems:"20" doc:"What is asked for besides openid; email and profile if absent."`
	GroupClaim   string      `json:"group_claim,omitempty" maxLength:"200" doc:"Where the provider says which groups somebody is in; groups if absent."`
	Roles        []GroupRole `json:"roles,omitempty" nullable:"false" maxItems:"200" doc:"The roles that groups give, at each sign-in. Where there are none, and no default_role, those stand that admins gave."`
	DefaultRole  string      `json:"default_role,omitempty" enum:"admin,editor,sender,viewer" doc:"That of who is in none of these groups; absent lets nobody else in."`
	Domains      []string    `json:"domains,omitempty" nullable:"false" maxItems:"50" doc:"Of whose verified addresses the provider is believed: who has one is taken for the person of that address, or signs up." example:"[\"example.org\"]"`
	Disabled     bool        `json:"disabled,omitempty" doc:"Nobody signs in through it yet."`
}

// IdentityProviderChange is what to change of one; what is absent stays. The issuer stays: another
// is another provider.
type IdentityProviderChange struct {
	Name         *string      `json:"name,omitempty" minLength:"1" maxLength:"100"`
	ClientID     *string      `json:"client_id,omitempty" minLength:"1" maxLength:"500"`
	ClientSecret *string      `json:"client_secret,omitempty" minLength:"1" maxLength:"500" doc:"Sent back masked, it stays."`
	Scopes       *[]string    `json:"scopes,omitempty" nullable:"false" maxItems:"20"`
	GroupClaim   *string      `json:"group_claim,omitempty" minLength:"1" maxLength:"200"`
	Roles        *[]GroupRole `json:"roles,omitempty" nullable:"false" maxItems:"200"`
	DefaultRole  *string      `json:"default_role,omitempty" enum:"admin,editor,sender,viewer,none" doc:"none for none."`
	Domains      *[]string    `json:"domains,omitempty" nullable:"false" maxItems:"50"`
	Enabled      *bool        `json:"enabled,omitempty" doc:"false ends the sessions through it."`
}

func groupRoles(list []GroupRole) []access.GroupRole {
	roles := make([]access.GroupRole, len(list))
	for i, g := range list {
		roles[i] = access.GroupRole{Group: g.Group, Role: access.Role(g.Role)}
	}
	return roles
}

func (c IdentityProviderChange) of(by string) access.IdentityProviderChange {
	change := access.IdentityProviderChange{
		Name: c.Name, ClientID: c.ClientID, Scopes: c.Scopes, GroupClaim: c.GroupClaim, Domains: c.Domains, Enabled: c.Enabled, By: by,
	}
	if c.ClientSecret != nil && *c.ClientSecret != maskedSecret {
		given := secret.New(*c.ClientSecret)
		change.Secret = &given
	}
	if c.Roles != nil {
		roles := groupRoles(*c.Roles)
		change.Roles = &roles
	}
	if c.DefaultRole != nil {
		role := access.Role(*c.DefaultRole)
		if role == "none" {
			role = ""
		}
		change.DefaultRole = &role
	}
	return change
}

type createIdentityProvider struct{ Body IdentityProviderInput }

type changeIdentityProvider struct {
	ByID
	Body IdentityProviderChange
}

// identityProviderRoutes are what admins do with those who say who somebody is.
func (s *Server) identityProviderRoutes() {
	const path, tag = "/v1/identity-providers", "identity providers"
	register(s, operation{id: "list-identity-providers", method: http.MethodGet, path: path, tag: tag, doc: "List identity providers", roles: mayAdmin},
		func(ctx context.Context, caller access.Caller, in *Paged) (*pageOut[IdentityProvider], error) {
			after, err := in.position()
			if err != nil {
				return nil, err
			}
			list, err := s.People.IdentityProviders(ctx, caller.AccountID, after, in.Limit+1)
			if err != nil {
				return nil, err
			}
			return page(list, in.Limit, s.identityProviderView, func(p access.IdentityProvider) string { return idKey(p.ID) }), nil
		})
	register(s, operation{id: "create-identity-provider", method: http.MethodPost, path: path, tag: tag, doc: "Have people sign in through an identity provider",
		status: http.StatusCreated, roles: mayAdmin,
		more: "By OpenID Connect. The provider speaks for this account alone: docs/access.md. It is asked when somebody signs in, and not before."},
		func(ctx context.Context, caller access.Caller, in *createIdentityProvider) (*one[IdentityProvider], error) {
			return s.identityProviderOut(s.People.AddIdentityProvider(ctx, access.IdentityProvider{
				AccountID: caller.AccountID, Name: in.Body.Name, Issuer: in.Body.Issuer, ClientID: in.Body.ClientID, Secret: secret.New(in.Body.ClientSecret),
				Scopes: in.Body.Scopes, GroupClaim: in.Body.GroupClaim, Roles: groupRoles(in.Body.Roles), DefaultRole: access.Role(in.Body.DefaultRole),
				Domains: in.Body.Domains, Enabled: !in.Body.Disabled,
			}, caller.Actor()))
		})
	register(s, operation{id: "get-identity-provider", method: http.MethodGet, path: path + "/{id}", tag: tag, doc: "Show an identity provider", roles: mayAdmin},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[IdentityProvider], error) {
			return s.identityProviderOut(s.People.IdentityProvider(ctx, caller.AccountID, in.ID))
		})
	register(s, operation{id: "update-identity-provider", method: http.MethodPatch, path: path + "/{id}", tag: tag, doc: "Change an identity provider",
		roles: mayAdmin, more: "Roles bind at the next sign-in of each. Sessions through one that is switched off end at once."},
		func(ctx context.Context, caller access.Caller, in *changeIdentityProvider) (*one[IdentityProvider], error) {
			return s.identityProviderOut(s.People.ChangeIdentityProvider(ctx, caller.AccountID, in.ID, in.Body.of(caller.Actor())))
		})
	register(s, operation{id: "delete-identity-provider", method: http.MethodDelete, path: path + "/{id}", tag: tag, doc: "Delete an identity provider",
		status: http.StatusNoContent, roles: mayAdmin, more: "Sessions through it end at once. People stay in the account, and are known by it no more."},
		func(ctx context.Context, caller access.Caller, in *ByID) (*struct{}, error) {
			return nil, s.People.DeleteIdentityProvider(ctx, caller.AccountID, in.ID)
		})
	s.mux.HandleFunc("GET /sign-in/{id}", s.beginOpenID)
	s.mux.HandleFunc("GET /sign-in/{id}/callback", s.finishOpenID)
}
