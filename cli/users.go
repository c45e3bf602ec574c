package cli

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/access"
	"carillon/api"
)

func (c *cli) addUsers(root *cobra.Command) {
	root.AddCommand(group("users", "Invite people who sign in, and say what they may do",
		c.usersLs(), c.usersShow(), c.usersData(), c.usersInvite(), c.usersInvitations(), c.usersWithdraw(), c.usersAccept(), c.usersSet(), c.usersRemove(),
		c.usersSessions(),
		c.usersSignOut(), c.usersReset(), c.usersResetPassword()))
}

func usersPath() path { return v1("users") }

func invitationsPath() path { return v1("invitations") }

// usersID reads a person's id or address.
func (c *cli) usersID(ctx context.Context, arg string) (int64, error) {
	if id, err := strconv.ParseInt(arg, 10, 64); err == nil && id > 0 {
		return id, nil
	}
	people, _, err := list[api.User](ctx, c, usersPath(), access.MostMembers)
	if err != nil {
		return 0, err
	}
	for _, u := range people {
		if strings.EqualFold(u.Email, strings.TrimSpace(arg)) {
			return u.ID, nil
		}
	}
	return 0, &exitError{exitRefused, fmt.Errorf("%s is not in the account: `carillon users ls` shows who is", clean(arg))}
}

func (c *cli) usersLs() *cobra.Command {
	return lists(c, &cobra.Command{Use: "ls", Short: "List the people of the account"}, usersPath,
		rows[api.User]{"ID EMAIL NAME ROLE APPROVER SECOND_FACTOR PASSKEYS LAST_SIGN_IN BARRED", func(u api.User) []any {
			return []any{u.ID, u.Email, u.Name, u.Role, u.Approver, u.HasTOTP || u.Passkeys > 0, u.Passkeys, at(u.LastSignInAt), u.Barred}
		}})
}

func userTable(w *tabwriter.Writer, u api.User) {
	fields(w, "User", u.ID, "E-mail", u.Email, "Name", u.Name, "Role", u.Role, "Approver", u.Approver, "Second factor", u.HasTOTP || u.Passkeys > 0,
		"Authenticator app", u.HasTOTP, "Passkeys", u.Passkeys, "Since", at(&u.Since), "Last sign-in", at(u.LastSignInAt))
	if u.Barred {
		fields(w, "Barred", "the identity provider gives no role any more; a role that is set lets in again")
	}
}

func (c *cli) usersData() *cobra.Command {
	return c.data(&cobra.Command{Use: "data USER", Short: "Write what is known of a person as JSON",
		Long: "For who asks what is kept of them: the person, their sign-ins, and what they did and underwent in the account. What is known of a person goes " +
			"when they are taken out of their last account (carillon users rm), but for the trail.",
		Example: "  carillon users data ada@example.org --to ada.json"}, c.usersID, usersPath)
}

func (c *cli) usersShow() *cobra.Command {
	return onID(&cobra.Command{Use: "show USER", Short: "Show a person, by id or address"}, c.usersID, func(ctx context.Context, id int64) error {
		return show(ctx, c, get(usersPath().id(id)), userTable)
	})
}

// rolesOf says what the roles of keys and of people may do.
const rolesOf = "Roles: admin (everything), editor (contacts, campaigns, queue), sender (transactional messages alone), " +
	"viewer (looks and changes nothing)."

const rolesHelp = rolesOf + " An approver may approve what others proposed, whatever the role."

func (c *cli) usersInvite() *cobra.Command {
	var input api.InvitationInput
	cmd := &cobra.Command{Use: "invite [EMAIL]", Short: "Invite somebody into the account; the link is shown once", Args: cobra.MaximumNArgs(1),
		Long: rolesHelp + "\n\nHand the link on: whoever has it gets in, within seven days. " +
			"Another invitation of the same address takes the place of the one before. " +
			"Without an address it is for the first person of the account, an admin, who says it.",
		Example: "  carillon users invite --role admin\n" +
			"  carillon users invite ada@example.org --role editor\n" +
			"  carillon users invite eve@example.org --role viewer --approver",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				input.Email = args[0]
			}
			return show(cmd.Context(), c, post(invitationsPath(), input), func(w *tabwriter.Writer, i api.NewInvitation) {
				fields(w, "Invitation", i.ID, "E-mail", i.Email, "Role", i.Role, "Approver", i.Approver, "Ends", at(&i.EndsAt),
					"Link", c.linkOr(i.Link, "invitation", i.Token), "Token", i.Token)
				sayf(w, "\nWhoever has it: carillon users accept %s --name NAME --password-file FILE\n", i.Token)
			})
		}}
	cmd.Flags().StringVar(&input.Role, "role", "", "admin, editor, sender or viewer (required)")
	cmd.Flags().BoolVar(&input.Approver, "approver", false, "may approve what others proposed")
	_ = cmd.MarkFlagRequired("role") // the flag exists
	return cmd
}

// linkOr is a link that the server gave, or one to the server as this command reaches it, where no
// address of it is configured.
func (c *cli) linkOr(link, page, token string) string {
	if link != "" {
		return link
	}
	return strings.TrimSuffix(c.connected.base, "/") + "/" + page + "#" + url.QueryEscape(token)
}

func (c *cli) usersInvitations() *cobra.Command {
	return lists(c, &cobra.Command{Use: "invitations", Short: "List invitations that are open"}, invitationsPath,
		rows[api.Invitation]{"ID EMAIL ROLE APPROVER INVITED_BY ENDS", func(i api.Invitation) []any {
			return []any{i.ID, i.Email, i.Role, i.Approver, i.InvitedBy, at(&i.EndsAt)}
		}})
}

func (c *cli) usersWithdraw() *cobra.Command {
	return onID(&cobra.Command{Use: "withdraw ID", Short: "Take an invitation back"}, idOf("invitation", "users invitations"),
		func(ctx context.Context, id int64) error { return c.do(ctx, remove(invitationsPath().id(id))) })
}

// readPassword reads a password from a file, - for standard input: a flag could be read by
// others on the machine.
func (c *cli) readPassword(file string) (string, error) {
	content, err := c.readFile(file)
	return strings.TrimRight(string(content), "\r\n"), err
}

const passwordFlag = "file that holds the password, - for standard input (required)"

func (c *cli) usersAccept() *cobra.Command {
	var name, file string
	cmd := &cobra.Command{Use: "accept TOKEN", Short: "Accept an invitation", Args: cobra.ExactArgs(1),
		Long:    "Needs no key. The password has at least 10 characters and is none of the most common ones; who has signed in before gives the one that there is.",
		Example: "  carillon users accept TOKEN --name 'Ada Lovelace' --password-file ada.password",
		RunE: func(cmd *cobra.Command, args []string) error {
			c.keyless = true
			password, err := c.readPassword(file)
			if err != nil {
				return err
			}
			return show(cmd.Context(), c, post(v1("invitation", "accept"), map[string]string{"token": args[0], "name": name, "password": password}), userTable)
		}}
	cmd.Flags().StringVar(&name, "name", "", "what you are called")
	cmd.Flags().StringVar(&file, "password-file", "", passwordFlag)
	_ = cmd.MarkFlagRequired("password-file") // the flag exists
	return cmd
}

func (c *cli) usersSet() *cobra.Command {
	var role string
	var approver bool
	cmd := onID(&cobra.Command{Use: "set USER", Short: "Change what a person may do; binds at once", Long: rolesHelp,
		Example: "  carillon users set ada@example.org --role viewer --approver"}, c.usersID, nil)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var change api.UserChange
		if cmd.Flags().Changed("role") {
			change.Role = &role
		}
		if cmd.Flags().Changed("approver") {
			change.Approver = &approver
		}
		if change == (api.UserChange{}) {
			return usagef("say what to change: --role or --approver")
		}
		id, err := c.usersID(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		return show(cmd.Context(), c, patch(usersPath().id(id), change), userTable)
	}
	cmd.Flags().StringVar(&role, "role", "", "admin, editor, sender or viewer")
	cmd.Flags().BoolVar(&approver, "approver", false, "may approve what others proposed; --approver=false takes it away")
	return cmd
}

func (c *cli) usersRemove() *cobra.Command {
	return onID(&cobra.Command{Use: "remove USER", Short: "Take a person out of the account; what they do in it ends at once"}, c.usersID,
		func(ctx context.Context, id int64) error { return c.do(ctx, remove(usersPath().id(id))) })
}

func (c *cli) usersSessions() *cobra.Command {
	return onID(&cobra.Command{Use: "sessions USER", Short: "List where a person is signed in"}, c.usersID, func(ctx context.Context, id int64) error {
		return show(ctx, c, get(usersPath().id(id).below("sessions")), func(w *tabwriter.Writer, list api.Page[api.UserSession]) {
			if len(list.Items) == 0 {
				sayln(w, "Nowhere.")
				return
			}
			sayln(w, "ID\tSINCE\tSEEN\tENDS\tFROM\tBROWSER\tBY")
			for _, s := range list.Items {
				sayf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", s.ID, at(&s.CreatedAt), at(&s.SeenAt), at(&s.EndsAt), clean(s.Source), clean(s.Agent),
					strings.Join(s.Methods, ", "))
			}
		})
	})
}

func (c *cli) usersSignOut() *cobra.Command {
	return onID(&cobra.Command{Use: "sign-out USER", Short: "Sign a person out of the account, everywhere"}, c.usersID,
		func(ctx context.Context, id int64) error {
			return c.do(ctx, remove(usersPath().id(id).below("sessions")))
		})
}

func (c *cli) usersReset() *cobra.Command {
	var without bool
	cmd := onID(&cobra.Command{Use: "reset USER", Short: "Make a link for a new password; it is shown once",
		Long: "For somebody who has forgotten the password: hand the link on, it can be used once, within an hour. The second factor stays, unless " +
			"--without-second-factor has the link take it away when it is used: authenticator app, passkeys and recovery codes.",
		Example: "  carillon users reset ada@example.org"}, c.usersID, func(ctx context.Context, id int64) error {
		return show(ctx, c, post(usersPath().id(id).below("reset"), map[string]bool{"without_totp": without}), func(w *tabwriter.Writer, o api.OpensOnce) {
			fields(w, "Link", o.Link, "Token", o.Token)
			sayf(w, "\nWhoever has it: carillon users reset-password %s --password-file FILE\n", o.Token)
		})
	})
	cmd.Flags().BoolVar(&without, "without-second-factor", false,
		"the link takes it and all passkeys away, for somebody who has lost the phone and the recovery codes")
	return cmd
}

func (c *cli) usersResetPassword() *cobra.Command {
	var file string
	cmd := &cobra.Command{Use: "reset-password TOKEN", Short: "Set a new password by a link", Args: cobra.ExactArgs(1),
		Long:    "Needs no key. All sessions of the person end; a second factor stays, unless the link was made to take it away.",
		Example: "  carillon users reset-password TOKEN --password-file ada.password",
		RunE: func(cmd *cobra.Command, args []string) error {
			c.keyless = true
			password, err := c.readPassword(file)
			if err != nil {
				return err
			}
			return c.do(cmd.Context(), post(v1("password", "reset"), map[string]string{"token": args[0], "password": password}))
		}}
	cmd.Flags().StringVar(&file, "password-file", "", passwordFlag)
	_ = cmd.MarkFlagRequired("password-file") // the flag exists
	return cmd
}
