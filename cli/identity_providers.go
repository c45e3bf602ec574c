package cli

import (
	"context"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"carillon/api"
)

func (c *cli) addIdentityProviders(root *cobra.Command) {
	root.AddCommand(group("identity-providers", "Have people sign in through identity providers, by OpenID Connect",
		c.identityProvidersLs(), c.identityProvidersShow(), c.identityProvidersCreate(), c.identityProvidersSet(), c.identityProvidersRm()))
}

func identityProvidersPath() path { return v1("identity-providers") }

func identityProviderID(ctx context.Context, arg string) (int64, error) {
	return idOf("identity provider", "identity-providers ls")(ctx, arg)
}

func (c *cli) identityProvidersLs() *cobra.Command {
	return lists(c, &cobra.Command{Use: "ls", Short: "List identity providers"}, identityProvidersPath,
		rows[api.IdentityProvider]{"ID NAME ISSUER DOMAINS ENABLED", func(p api.IdentityProvider) []any {
			return []any{p.ID, p.Name, p.Issuer, strings.Join(p.Domains, " "), p.Enabled}
		}})
}

func identityProviderTable(w *tabwriter.Writer, p api.IdentityProvider) {
	fields(w, "Identity provider", p.ID, "Name", p.Name, "Issuer", p.Issuer, "Client", p.ClientID, "Secret", p.ClientSecret, "Scopes", strings.Join(p.Scopes, " "),
		"Groups in", p.GroupClaim)
	for _, g := range p.Roles {
		fields(w, "Role of "+g.Group, g.Role)
	}
	fields(w, "Role of others", p.DefaultRole, "Domains", strings.Join(p.Domains, " "), "Enabled", p.Enabled, "Sign in at", p.SignInURL,
		"Redirect address", p.RedirectURL)
	secretFields(w, p.Secrets)
}

func (c *cli) identityProvidersShow() *cobra.Command {
	return onID(&cobra.Command{Use: "show ID", Short: "Show an identity provider"}, identityProviderID, func(ctx context.Context, id int64) error {
		return show(ctx, c, get(identityProvidersPath().id(id)), identityProviderTable)
	})
}

// identityProviderFlags are what create and set take.
type identityProviderFlags struct {
	clientID, secretFile, groupClaim, defaultRole string
	scopes, roles, domains                        []string
}

func (f *identityProviderFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.clientID, "client-id", "", "what the provider knows this server by")
	flags.StringVar(&f.secretFile, "client-secret-file", "", "file that holds the client's secret, - for standard input")
	flags.StringSliceVar(&f.scopes, "scope", nil, "what is asked for besides openid; email and profile if absent; may be repeated")
	flags.StringVar(&f.groupClaim, "group-claim", "groups", "where the provider says which groups somebody is in")
	flags.StringArrayVar(&f.roles, "role", nil, "a role that a group gives, such as marketing=editor; may be repeated")
	flags.StringSliceVar(&f.domains, "domain", nil, "a domain of whose verified addresses the provider is believed; may be repeated")
}

// groupRoles reads roles of the form group=role.
func (f *identityProviderFlags) groupRoles() ([]api.GroupRole, error) {
	roles := make([]api.GroupRole, len(f.roles))
	for i, text := range f.roles {
		at := strings.LastIndex(text, "=") // a group may have one in its name
		if at < 1 {
			return nil, usagef("--role %s: write it as group=role", clean(text))
		}
		roles[i] = api.GroupRole{Group: text[:at], Role: text[at+1:]}
	}
	return roles, nil
}

func (c *cli) identityProvidersCreate() *cobra.Command {
	var f identityProviderFlags
	cmd := &cobra.Command{
		Use: "create NAME ISSUER", Short: "Have people sign in through an identity provider", Args: cobra.ExactArgs(2),
		Long: rolesOf + "\n\nRegister the redirect address that is shown with the provider. It is asked when somebody signs in, and not before.",
		Example: `  carillon identity-providers create corp https://login.example.org --client-id carillon \
    --client-secret-file corp.secret --domain example.org --role marketing=editor`,
		RunE: func(cmd *cobra.Command, args []string) error {
			clientSecret, err := c.readPassword(f.secretFile)
			if err != nil {
				return err
			}
			roles, err := f.groupRoles()
			if err != nil {
				return err
			}
			return show(cmd.Context(), c, post(identityProvidersPath(), api.IdentityProviderInput{
				Name: args[0], Issuer: args[1], ClientID: f.clientID, ClientSecret: clientSecret, Scopes: f.scopes, GroupClaim: f.groupClaim, Roles: roles,
				DefaultRole: f.defaultRole, Domains: f.domains,
			}), identityProviderTable)
		},
	}
	f.add(cmd.Flags())
	cmd.Flags().StringVar(&f.defaultRole, "default-role", "", "the role of who is in none of these groups; none lets nobody else in")
	for _, needed := range []string{"client-id", "client-secret-file"} {
		_ = cmd.MarkFlagRequired(needed) // the flag exists
	}
	return cmd
}

func (c *cli) identityProvidersSet() *cobra.Command {
	var f identityProviderFlags
	var name string
	var enabled bool
	cmd := &cobra.Command{Use: "set ID", Short: "Change an identity provider, or switch it off",
		Long: "Changes what the flags name and leaves the rest. Roles bind at the next sign-in of each; --enabled=false ends the sessions through it."}
	flags := cmd.Flags()
	f.add(flags)
	flags.StringVar(&f.defaultRole, "default-role", "", "the role of who is in none of these groups; none for none")
	flags.StringVar(&name, "name", "", "another name")
	flags.BoolVar(&enabled, "enabled", true, "people may sign in through it")
	cmd.MarkFlagsOneRequired("name", "client-id", "client-secret-file", "scope", "group-claim", "role", "default-role", "domain", "enabled")
	return onID(cmd, identityProviderID, func(ctx context.Context, id int64) error {
		change, err := f.change(c, flags)
		if err != nil {
			return err
		}
		if flags.Changed("name") {
			change.Name = &name
		}
		if flags.Changed("enabled") {
			change.Enabled = &enabled
		}
		return show(ctx, c, patch(identityProvidersPath().id(id), change), identityProviderTable)
	})
}

// change is what the flags that were given change.
func (f *identityProviderFlags) change(c *cli, flags *pflag.FlagSet) (change api.IdentityProviderChange, err error) {
	for flag, of := range map[string]struct {
		to   **string
		from *string
	}{"client-id": {&change.ClientID, &f.clientID}, "group-claim": {&change.GroupClaim, &f.groupClaim}, "default-role": {&change.DefaultRole, &f.defaultRole}} {
		if flags.Changed(flag) {
			*of.to = of.from
		}
	}
	if flags.Changed("scope") {
		change.Scopes = &f.scopes
	}
	if flags.Changed("domain") {
		change.Domains = &f.domains
	}
	if flags.Changed("role") {
		roles, err := f.groupRoles()
		if err != nil {
			return change, err
		}
		change.Roles = &roles
	}
	if flags.Changed("client-secret-file") {
		clientSecret, err := c.readPassword(f.secretFile)
		if err != nil {
			return change, err
		}
		change.ClientSecret = &clientSecret
	}
	return change, nil
}

func (c *cli) identityProvidersRm() *cobra.Command {
	return onID(&cobra.Command{Use: "rm ID", Short: "Delete an identity provider: sessions through it end"}, identityProviderID,
		func(ctx context.Context, id int64) error { return c.do(ctx, remove(identityProvidersPath().id(id))) })
}
