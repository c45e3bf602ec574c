package access

import (
	"context"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"carillon/internal/fault"
	"carillon/internal/secret"
)

// IdentityProvider says who somebody is, by OpenID Connect. It is an account's, and speaks for
// that account alone.
type IdentityProvider struct {
	ID, AccountID int64
	Name          string
	// Issuer is the provider's address, by which it names itself; ClientID is what it knows us
	// by, and Secret what it takes us for that by.
	Issuer, ClientID string
	Secret           secret.String
	// Scopes are asked for besides openid.
	Scopes []string
	// GroupClaim is where the provider says which groups somebody is in.
	GroupClaim string
	// Roles are those that groups give, and DefaultRole that of who is in none of them; empty
	// for none. Where there is neither the provider gives no roles: those stand that admins gave.
	Roles       []GroupRole
	DefaultRole Role
	// Domains are those of whose verified addresses the provider is believed.
	Domains              []string
	Enabled              bool
	CreatedAt, UpdatedAt time.Time
	// SecretsSet is when the secret was set last, and by whom.
	SecretsSet secret.Record
}

// secrets are what is secret of it, by name.
func (p *IdentityProvider) secrets() map[string]secret.String {
	return map[string]secret.String{"client_secret": p.Secret}
}

// GroupRole is a role that a group gives.
type GroupRole struct {
	Group string
	Role  Role
}

// The bounds of identity providers.
const (
	// MostIdentityProviders is how many an account has at most.
	MostIdentityProviders = 20
	mostGroupRoles        = 200
	mostDomains           = 50
	mostRequestedScopes   = 20
	maxIssuer             = 500
	maxClient             = 500
	maxGroup              = 200
)

// assigns reports whether the provider gives roles.
func (p IdentityProvider) assigns() bool { return len(p.Roles) > 0 || p.DefaultRole != "" }

// roleOf is the role that somebody in these groups has: the one that may most. It is empty for
// none.
func (p IdentityProvider) roleOf(groups []string) Role {
	for _, role := range Roles() {
		for _, given := range p.Roles {
			if given.Role == role && slices.Contains(groups, given.Group) {
				return role
			}
		}
	}
	return p.DefaultRole
}

// vouches reports whether the provider is believed that an address is somebody's.
func (p IdentityProvider) vouches(email string) bool {
	_, domain, _ := strings.Cut(email, "@")
	return slices.Contains(p.Domains, domain)
}

// Check refuses a provider that can't be meant, and puts its words into their normal form.
func (p *IdentityProvider) Check() error {
	for _, text := range []struct {
		field, value string
		most         int
	}{
		{"name", p.Name, maxUserName}, {"client_id", p.ClientID, maxClient}, {"client_secret", p.Secret.Reveal(), maxClient},
		{"group_claim", p.GroupClaim, maxGroup},
	} {
		if text.value == "" || utf8.RuneCountInString(text.value) > text.most || strings.ContainsFunc(text.value, unicode.IsControl) {
			shown := any(text.value)
			if text.field == "client_secret" {
				shown = nil
			}
			return fault.InvalidField(text.field, shown, "must have 1 to %d characters, none of them a control character", text.most)
		}
	}
	if err := checkIssuer(p.Issuer); err != nil {
		return err
	}
	if err := p.checkScopes(); err != nil {
		return err
	}
	if err := p.checkRoles(); err != nil {
		return err
	}
	return p.checkDomains()
}

// checkIssuer refuses what is no address of an issuer (OpenID Connect Discovery 1.0, 3).
func checkIssuer(issuer string) error {
	at, err := url.Parse(issuer)
	switch {
	case err != nil || at.Host == "" || at.User != nil || at.RawQuery != "" || at.Fragment != "" || len(issuer) > maxIssuer:
		return fault.InvalidField("issuer", issuer, "is no issuer: write its address as the provider does, such as https://login.example.org")
	case at.Scheme == "https", at.Scheme == "http" && IsLoopback(at.Hostname()):
		return nil
	}
	return fault.InvalidField("issuer", issuer, "must be reached by https: who may change what it says signs in as anybody")
}

// IsLoopback reports whether a host is this machine, which nobody is between.
func IsLoopback(host string) bool {
	at := net.ParseIP(host)
	return host == "localhost" || at != nil && at.IsLoopback()
}

func (p *IdentityProvider) checkScopes() error {
	if len(p.Scopes) > mostRequestedScopes {
		return fault.InvalidField("scopes", len(p.Scopes), "at most %d are asked for", mostRequestedScopes)
	}
	for _, scope := range p.Scopes {
		// RFC 6749, 3.3.
		if scope == "" || len(scope) > maxGroup || strings.ContainsFunc(scope, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }) {
			return fault.InvalidField("scopes", scope, "is no scope, such as email")
		}
	}
	return nil
}

func (p *IdentityProvider) checkRoles() error {
	if len(p.Roles) > mostGroupRoles {
		return fault.InvalidField("roles", len(p.Roles), "there are at most %d", mostGroupRoles)
	}
	for i, given := range p.Roles {
		if given.Group == "" || utf8.RuneCountInString(given.Group) > maxGroup {
			return fault.InvalidField("roles", given.Group, "a group has 1 to %d characters", maxGroup)
		}
		if slices.ContainsFunc(p.Roles[:i], func(g GroupRole) bool { return g.Group == given.Group }) {
			return fault.InvalidField("roles", given.Group, "is named twice")
		}
		if err := given.Role.Validate(); err != nil {
			return err
		}
	}
	if p.DefaultRole == "" {
		return nil
	}
	return p.DefaultRole.Validate()
}

func (p *IdentityProvider) checkDomains() error {
	if len(p.Domains) > mostDomains {
		return fault.InvalidField("domains", len(p.Domains), "there are at most %d", mostDomains)
	}
	for i, domain := range p.Domains {
		p.Domains[i] = strings.ToLower(strings.TrimSpace(domain))
		odd := strings.ContainsFunc(p.Domains[i], func(r rune) bool { return r != '.' && r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		if _, err := NormalEmail("domains", "ada@"+p.Domains[i]); err != nil || odd {
			return fault.InvalidField("domains", domain, "is no domain such as example.org")
		}
	}
	return nil
}

// IdentityProviderStore keeps the identity providers of accounts, with their secrets sealed,
// and who is known by them.
type IdentityProviderStore interface {
	// AddIdentityProvider is a Conflict if there are MostIdentityProviders, or one of the name.
	AddIdentityProvider(ctx context.Context, p IdentityProvider) (IdentityProvider, error)
	// IdentityProviders are an account's behind the id after.
	IdentityProviders(ctx context.Context, accountID, after int64, limit int) ([]IdentityProvider, error)
	// GetIdentityProvider is NotFound if the account has no such.
	GetIdentityProvider(ctx context.Context, accountID, id int64) (IdentityProvider, error)
	// ChangeIdentityProvider changes one. If it is not enabled then, the sessions through it end.
	ChangeIdentityProvider(ctx context.Context, accountID, id int64, change func(*IdentityProvider) error) (IdentityProvider, error)
	// DeleteIdentityProvider removes one, who is known by it, and the sessions through it.
	DeleteIdentityProvider(ctx context.Context, accountID, id int64) error
	// SignInProvider is one that is enabled, of an account that is open; NotFound if there is
	// none.
	SignInProvider(ctx context.Context, id int64) (IdentityProvider, error)

	// TakeSignIn uses up something that a sign-in began with, and reports whether nobody did
	// before. It is remembered until endsAt.
	TakeSignIn(ctx context.Context, began string, endsAt time.Time) (bool, error)
	// Admit finds, or makes, whom a provider knows, and gives the role. It is Forbidden for who
	// may not come in.
	Admit(ctx context.Context, a Admission) (Admitted, error)
}

// Admission is somebody whom a provider says that it knows.
type Admission struct {
	Provider IdentityProvider
	// Subject is what the provider knows somebody by, and nobody else ever.
	Subject string
	// Email is the address that the provider is believed to have verified; empty for none. Name
	// is what the person is called.
	Email, Name string
	// Role is what the person has in the account from now on; empty leaves it. Barred says that
	// the provider gives none any more.
	Role   Role
	Barred bool
}

// Admitted is somebody who is in, or is kept out.
type Admitted struct {
	User User
	// How is what has become of the person, as an action of the trail; empty for nothing new.
	How string
}

// What becomes of somebody at a sign-in through a provider, as actions of the trail.
const (
	SignedUp = "sign-up"
	Linked   = "link-identity"
	Barred   = "bar-user"
)

// IdentityProviderChange is what is changed of a provider; nil leaves it. The issuer stays:
// another is another provider, whose people are others.
type IdentityProviderChange struct {
	Name, ClientID *string
	Secret         *secret.String
	Scopes         *[]string
	GroupClaim     *string
	Roles          *[]GroupRole
	DefaultRole    *Role
	Domains        *[]string
	Enabled        *bool
	// By is who changes it.
	By string
}

func (c IdentityProviderChange) apply(p *IdentityProvider) {
	replace(&p.Name, c.Name)
	replace(&p.ClientID, c.ClientID)
	replace(&p.Secret, c.Secret)
	replace(&p.Scopes, c.Scopes)
	replace(&p.GroupClaim, c.GroupClaim)
	replace(&p.Roles, c.Roles)
	replace(&p.DefaultRole, c.DefaultRole)
	replace(&p.Domains, c.Domains)
	replace(&p.Enabled, c.Enabled)
}

func replace[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// AddIdentityProvider keeps a provider of an account that somebody sets.
func (p *People) AddIdentityProvider(ctx context.Context, idp IdentityProvider, by string) (IdentityProvider, error) {
	if idp.GroupClaim == "" {
		idp.GroupClaim = "groups"
	}
	if idp.Scopes == nil {
		idp.Scopes = []string{"email", "profile"}
	}
	if err := idp.Check(); err != nil {
		return IdentityProvider{}, err
	}
	idp.SecretsSet = secret.Record{}.After(nil, idp.secrets(), secret.GivenAt(p.Clock.Now(), by))
	return p.Store.AddIdentityProvider(ctx, idp)
}

// IdentityProviders are an account's behind the id after.
func (p *People) IdentityProviders(ctx context.Context, accountID, after int64, limit int) ([]IdentityProvider, error) {
	return p.Store.IdentityProviders(ctx, accountID, after, limit)
}

// IdentityProvider is one of an account's; NotFound if there is none.
func (p *People) IdentityProvider(ctx context.Context, accountID, id int64) (IdentityProvider, error) {
	return p.Store.GetIdentityProvider(ctx, accountID, id)
}

// ChangeIdentityProvider changes a provider. Roles bind at the next sign-in of each; sessions
// through one that is not enabled any more end at once.
func (p *People) ChangeIdentityProvider(ctx context.Context, accountID, id int64, c IdentityProviderChange) (IdentityProvider, error) {
	return p.Store.ChangeIdentityProvider(ctx, accountID, id, func(idp *IdentityProvider) error {
		before := idp.secrets()
		c.apply(idp)
		idp.SecretsSet = idp.SecretsSet.After(before, idp.secrets(), secret.GivenAt(p.Clock.Now(), c.By))
		return idp.Check()
	})
}

// DeleteIdentityProvider removes a provider: sessions through it end, and nobody is known by it
// any more.
func (p *People) DeleteIdentityProvider(ctx context.Context, accountID, id int64) error {
	return p.Store.DeleteIdentityProvider(ctx, accountID, id)
}
