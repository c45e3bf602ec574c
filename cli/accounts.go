package cli

import (
	"context"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"carillon/api"
)

func (c *cli) addAccounts(root *cobra.Command) {
	root.AddCommand(group("accounts", "Make and delete accounts, with an operator's key",
		c.accountsLs(), c.accountsCreate(), c.accountsShow(), c.accountsSet(), c.accountsDelete(), c.accountsRestore()),
		group("account", "Look at the account that the key is of", c.accountShow()))
}

func accountsPath() path { return v1("accounts") }

// accountState says whether an account is open.
func accountState(a api.Account) string {
	switch {
	case a.DeletingAt != nil:
		return "being deleted, " + strconv.FormatInt(a.DeletedRows, 10) + " rows are gone"
	case a.ClosedAt != nil:
		return "closed, to be deleted at " + at(a.DeletesAt)
	case a.Default:
		return "open, the installation's own"
	}
	return "open"
}

// usedOf says how much an account uses, and may use.
func usedOf(used int64, most *int64) string {
	has := strconv.FormatInt(used, 10)
	if most == nil {
		return has
	}
	return has + " of " + strconv.FormatInt(*most, 10)
}

func accountTable(w *tabwriter.Writer, a api.Account) {
	perSecond := ""
	if a.Limits.PerSecond != nil {
		perSecond = "at most " + strconv.FormatInt(*a.Limits.PerSecond, 10)
	}
	fields(w, "Account", a.ID, "Name", a.Name, "State", accountState(a), "Contacts", usedOf(a.Used.Contacts, a.Limits.Contacts),
		"Sent in 24 h", usedOf(a.Used.SentToday, a.Limits.PerDay), "Messages a second", perSecond, "Closed by", a.ClosedBy, "Created", at(&a.CreatedAt))
}

func (c *cli) accountsLs() *cobra.Command {
	return lists(c, &cobra.Command{Use: "ls", Short: "List the accounts of the installation"}, accountsPath,
		rows[api.Account]{"ID NAME STATE CREATED", func(a api.Account) []any {
			return []any{a.ID, a.Name, accountState(a), at(&a.CreatedAt)}
		}})
}

func (c *cli) accountsCreate() *cobra.Command {
	return &cobra.Command{Use: "create NAME", Short: "Make an account; its first key is shown once", Args: cobra.ExactArgs(1),
		Long: "Makes an account with a key of its own, an admin's, with which everything in it is done: set it as CARILLON_KEY.\n\n" +
			"Each account has its own channels, contacts, keys and settings; nothing of one is seen from another.",
		Example: "  carillon accounts create shop",
		RunE: func(cmd *cobra.Command, args []string) error {
			return show(cmd.Context(), c, post(accountsPath(), api.AccountInput{Name: args[0]}), func(w *tabwriter.Writer, a api.NewAccount) {
				fields(w, "Key", a.Secret, "Key's id", a.KeyID)
				accountTable(w, a.Account)
			})
		}}
}

// onAccount makes cmd a command on one account, which its only argument names by its id or its
// name.
func onAccount(cmd *cobra.Command, do func(ctx context.Context, which path, name string) error) *cobra.Command {
	cmd.Args = cobra.ExactArgs(1)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return do(cmd.Context(), accountsPath().below(args[0]), args[0])
	}
	return cmd
}

func (c *cli) accountsShow() *cobra.Command {
	return onAccount(&cobra.Command{Use: "show ACCOUNT", Short: "Show an account"}, func(ctx context.Context, which path, _ string) error {
		return show(ctx, c, get(which), accountTable)
	})
}

func (c *cli) accountShow() *cobra.Command {
	return &cobra.Command{Use: "show", Short: "Show the account that the key is of, with its limits and what it uses of them", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return show(cmd.Context(), c, get(v1("account")), accountTable)
		}}
}

func (c *cli) accountsSet() *cobra.Command {
	var name string
	var contacts, perDay, perSecond int64
	cmd := &cobra.Command{Use: "set ACCOUNT", Short: "Change an account's name and limits",
		Long: "Changes what is named. A limit of 0 is none. Where an account has more contacts than a new limit it keeps what it has, and gets no more. " +
			"The limits of messages are for all channels of the account together, beside those of each channel; what is beyond them waits. They " +
			"take effect while messages are being sent.",
		Example: "  carillon accounts set shop --name \"The shop\"\n" +
			"  carillon accounts set shop --max-contacts 100000\n" +
			"  carillon accounts set shop --max-per-day 50000 --max-per-second 20"}
	flags := cmd.Flags()
	flags.StringVar(&name, "name", "", "what it is known by")
	flags.Int64Var(&contacts, "max-contacts", 0, "the most contacts that it may have; 0 for any number")
	flags.Int64Var(&perDay, "max-per-day", 0, "the most messages of all its channels in a moving 24 hours; 0 for any number")
	flags.Int64Var(&perSecond, "max-per-second", 0, "the most messages of all its channels in any sliding second; 0 for no limit")
	cmd.MarkFlagsOneRequired("name", "max-contacts", "max-per-day", "max-per-second")
	return onAccount(cmd, func(ctx context.Context, which path, _ string) error {
		var change api.AccountChange
		if flags.Changed("name") {
			change.Name = &name
		}
		var limits api.AccountLimitsChange
		for name, limit := range map[string]struct {
			into *api.Optional[int64]
			most int64
		}{"max-contacts": {&limits.Contacts, contacts}, "max-per-day": {&limits.PerDay, perDay}, "max-per-second": {&limits.PerSecond, perSecond}} {
			if limit.most < 0 {
				return usagef("--%s %d: write a number of at least 1, or 0 for none", name, limit.most)
			}
			if flags.Changed(name) {
				*limit.into, change.Limits = limitOf(limit.most), &limits
			}
		}
		return show(ctx, c, patch(which, change), accountTable)
	})
}

// limitOf is a limit as the API takes it, of which 0 is none.
func limitOf[T int64 | float64](most T) api.Optional[T] {
	return api.Optional[T]{Given: true, Null: most == 0, Value: most}
}

func (c *cli) accountsDelete() *cobra.Command {
	var confirm string
	var dryRun bool
	var wait time.Duration
	cmd := &cobra.Command{Use: "delete ACCOUNT", Short: "Close an account, to be deleted with everything in it once the time is over",
		Long: "Closes the account at once: no key of it opens anything, and nothing of it is sent. Its recipients can still unsubscribe. " +
			"When the time is over everything in it is deleted; until then `carillon accounts restore` undoes it.",
		Example: "  carillon accounts delete shop --dry-run\n  carillon accounts delete shop --confirm shop --wait 72h"}
	cmd.Flags().StringVar(&confirm, "confirm", "", "the account's name, to show that it is this one that is meant")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "change nothing; say what would be deleted")
	cmd.Flags().DurationVar(&wait, "wait", 7*24*time.Hour, "for how long it can be restored; whole hours, at least 1h")
	cmd.MarkFlagsOneRequired("confirm", "dry-run")
	return onAccount(cmd, func(ctx context.Context, which path, _ string) error {
		if wait < time.Hour || wait%time.Hour != 0 {
			return usagef("--wait %s: write whole hours, at least 1h", wait)
		}
		q := query{"confirm": confirm, "wait_hours": int(wait / time.Hour)}
		if dryRun {
			q["dry_run"] = true
		}
		return show(ctx, c, remove(which.with(q)), func(w *tabwriter.Writer, d api.AccountDeletion) {
			accountTable(w, d.Account)
			fields(w, "Messages", d.Contents.Messages, "Channels", d.Contents.Channels,
				"Campaigns", d.Contents.Campaigns, "Live runs", d.Contents.LiveRuns, "Keys", d.Contents.Keys)
		})
	})
}

func (c *cli) accountsRestore() *cobra.Command {
	return onAccount(&cobra.Command{Use: "restore ACCOUNT", Short: "Open an account again that was closed to be deleted"},
		func(ctx context.Context, which path, _ string) error {
			return show(ctx, c, post(which.below("restore"), nil), accountTable)
		})
}
