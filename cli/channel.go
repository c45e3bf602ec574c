package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"carillon/api"
	"carillon/providers"
)

func (c *cli) addChannels(root *cobra.Command) {
	root.AddCommand(group("channel", "Set up and steer channels",
		c.channelLs(), c.channelShow(), c.channelCreate(), c.channelSet(), c.channelProviders(), c.channelTest(), c.channelRm(),
		c.channelDNS(), c.channelCheck(), c.channelTemplates(), c.channelSign(), c.channelUnsign(), c.channelEndOverlap(),
		c.channelMove("pause", "Pause a channel: nothing is handed to its provider from now on"), c.channelMove("resume", "Resume a channel")))
}

func channelsPath() path { return v1("channels") }

// manyNamed is among how many things one is looked for by its name.
const manyNamed = 10_000

// findChannel is a channel by its id or its name.
func (c *cli) findChannel(ctx context.Context, idOrName string) (ch api.Channel, err error) {
	id, err := c.id(ctx, aChannel, idOrName)
	if err == nil {
		ch, _, err = ask[api.Channel](ctx, c, get(channelsPath().id(id)))
	}
	return ch, err
}

// onChannel makes cmd a command on the channel that its only argument names.
func (c *cli) onChannel(cmd *cobra.Command, do func(ctx context.Context, ch api.Channel) error) *cobra.Command {
	cmd.Args = cobra.ExactArgs(1)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ch, err := c.findChannel(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		return do(cmd.Context(), ch)
	}
	return cmd
}

func (c *cli) channelLs() *cobra.Command {
	return lists(c, &cobra.Command{Use: "ls", Short: "List channels"}, channelsPath,
		rows[api.Channel]{"ID NAME PROVIDER STATUS HEALTH PER_SECOND REASON", func(ch api.Channel) []any {
			rate := "no limit"
			if ch.Limits.PerSecond > 0 {
				rate = strconv.FormatFloat(ch.Limits.PerSecond, 'f', -1, 64)
			}
			reason := cmp.Or(ch.StatusReason, ch.Health.Reason, standstillWords(ch.Standstill))
			return []any{ch.ID, ch.Name, ch.Provider, ch.Status, ch.Health.State, rate, reason}
		}})
}

func channelTable(w *tabwriter.Writer, ch api.Channel) {
	fields(w, "Channel", ch.ID, "Name", ch.Name, "Provider", ch.Provider, "Handle", ch.Handle, "Delivers to", ch.Address, "Status", ch.Status,
		"Reason", ch.StatusReason,
		"Health", healthWords(ch.Health), "Stands still", standstillWords(ch.Standstill), "What to do", remedyWords(ch.Standstill),
		"Time zone", ch.Timezone, "In doubt", ch.InDoubt)
	if ch.QuietHours != nil {
		fields(w, "Quiet hours", quietWords(ch.QuietHours))
	}
	for _, name := range slices.Sorted(maps.Keys(ch.Config)) {
		fields(w, "  "+name, ch.Config[name])
	}
	secretFields(w, ch.Secrets)
	if limits, err := json.Marshal(ch.Limits); err == nil {
		fields(w, "Limits", string(limits))
	}
	if ch.WarmUp != nil {
		fields(w, "Warm-up", warmUpWords(ch.WarmUp))
	}
	if ch.Requests > 0 {
		fields(w, "Requests at once", ch.Requests)
	}
	if ch.Pace != nil {
		fields(w, "Rate now", paceWords(ch))
		for _, m := range ch.Pace.Mailboxes {
			fields(w, "  "+m.Mailbox, mailboxWords(m))
		}
	}
}

// warmUpWords is where a warm-up stands, in one line.
func warmUpWords(up *api.Warmth) string {
	words := fmt.Sprintf("%d recipients a day now", up.Allowance)
	if len(up.Ahead) > 0 {
		ahead := make([]string, 0, len(up.Ahead))
		for _, n := range up.Ahead {
			ahead = append(ahead, strconv.Itoa(n))
		}
		words += ", then " + strings.Join(ahead[:min(5, len(ahead))], ", ")
		if len(ahead) > 5 {
			words += " …"
		}
	}
	if next := at(up.GrowsAt); next != "" && len(up.Ahead) > 0 {
		words += "; it grows at " + next + " if half of the day was used"
	}
	if up.Slowed != "" {
		words += "; slowed, because " + up.Slowed
	}
	return words
}

// paceWords is how fast a channel sends now, of what it is set to, and why, in one line.
func paceWords(ch api.Channel) string {
	words := "no limit"
	if most := ch.Pace.MostPerSecond; most != nil {
		words = fmt.Sprintf("%.4g a second", *most)
		if set := ch.Limits.PerSecond; set > *most {
			words += fmt.Sprintf(" of %.4g", set)
		}
	}
	return words + ": " + ch.Pace.Words
}

// mailboxWords is how fast a channel may send to a mailbox provider, and why, in one line.
func mailboxWords(m api.MailboxPace) string {
	if m.MostPerSecond == nil {
		return m.Words
	}
	return fmt.Sprintf("%.4g a second: %s", *m.MostPerSecond, m.Words)
}

// healthWords is a channel's health in one line.
func healthWords(h api.ProviderHealth) string {
	words := h.State
	if since := at(h.Since); since != "" {
		words += " since " + since
	}
	if next := at(h.NextTryAt); next != "" {
		words += ", tried again at " + next
	}
	if h.Reason != "" {
		words += ": " + h.Reason
	}
	return words
}

func (c *cli) channelShow() *cobra.Command {
	return c.onChannel(&cobra.Command{Use: "show CHANNEL", Short: "Show a channel by id or name; secrets are masked"},
		func(_ context.Context, ch api.Channel) error {
			raw, err := json.Marshal(ch)
			if err != nil {
				return fmt.Errorf("print channel: %w", err)
			}
			return c.print(raw, func(w *tabwriter.Writer) { channelTable(w, ch) })
		})
}

func providersPath() path { return v1("providers") }

func (c *cli) channelProviders() *cobra.Command {
	return plain(&cobra.Command{Use: "providers", Short: "List providers and their settings"}, func(ctx context.Context) error {
		return show(ctx, c, get(providersPath()), func(w *tabwriter.Writer, all page[api.Provider]) {
			for _, p := range all.Items {
				sayf(w, "%s\t%s\n", p.Name, p.Description)
				properties, _ := p.Config["properties"].(map[string]any)
				for _, name := range slices.Sorted(maps.Keys(properties)) {
					property, _ := properties[name].(map[string]any)
					sayf(w, "  %s\t%v\n", name, property["description"])
				}
			}
		})
	})
}

func (c *cli) channelCreate() *cobra.Command {
	var input api.ChannelInput
	var sets []string
	var settings, quiet string
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Create a channel", Args: cobra.ExactArgs(1),
		Long: `Creates a channel: an account's configured use of a provider. carillon channel providers lists
the providers and their settings. A value that begins with @ is read from the file behind it, so that
no secret stands on the command line.`,
		Example: `  carillon channel create try --provider sandbox --rate 200
  carillon channel create news --provider smtp --rate 50 --timezone Europe/Berlin \
          --set host=mail.example.org --set port=587 --set username=news --set password=@password.txt \
          --set from=news@example.org`,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			input.Name = args[0]
			if quiet != "" {
				q, err := quietHours(quiet)
				if err != nil {
					return err
				}
				if q != (api.QuietHoursChange{}) {
					input.QuietHours = &providers.QuietHours{From: q.From, To: q.To}
				}
			}
			if input.Config, err = c.settings(cmd.Context(), input.Provider, settings, sets); err != nil {
				return err
			}
			return show(cmd.Context(), c, post(channelsPath(), input), channelTable)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&input.Provider, "provider", "", "provider (required)")
	flags.StringArrayVar(&sets, "set", nil, "NAME=VALUE: a setting of the provider; may be repeated")
	flags.StringVar(&settings, "settings", "", "JSON file with the settings, - for standard input; --set wins over it")
	limitFlags(cmd, &input.Limits)
	flags.StringVar(&input.Timezone, "timezone", "", "IANA time zone for schedules (default UTC)")
	flags.StringVar(&input.InDoubt, "in-doubt", "", inDoubtUsage)
	flags.StringVar(&quiet, "quiet-hours", "", "when campaigns write to nobody, on the recipient's clock, such as 20:00-08:00 (default never)")
	flags.BoolVar(&input.SilentOptOut, "silent-opt-out", false, "do not confirm it when somebody opts out by a reply")
	_ = cmd.MarkFlagRequired("provider") // the flag exists
	return cmd
}

const inDoubtUsage = "what becomes of messages whose worker died while it asked: hold or resend (safe where the provider drops repeats)"

func limitFlags(cmd *cobra.Command, limits *providers.Limits) {
	flags := cmd.Flags()
	flags.Var(rateFlag{&limits.PerSecond}, "rate", "most messages a second, or none (default no limit)")
	flags.IntVar(&limits.Burst, "burst", 0, "how many may go at once after a quiet time (default 1)")
	flags.TextVar(&limits.Concurrency, "concurrency", providers.Auto, "most requests under way at the provider in one worker: `N`, or auto, which finds it out")
	flags.IntVar(&limits.MaxConcurrency, "max-concurrency", 0, "most that a concurrency of auto grows to (default what suits the provider)")
	flags.Float64Var(&limits.PerRecipientSeconds, "per-recipient", 0, "least seconds between two messages to one recipient (default none)")
	flags.IntVar(&limits.PerRecipientBurst, "per-recipient-burst", 0,
		"how many messages one recipient may get at once, which the spacing of those after them pays for (default 1)")
	flags.IntVar(&limits.RefusalsInARow, "refusals", 0,
		fmt.Sprintf("pause a campaign, or hold the channel, after so many equal refusals in a row (default %d)", providers.DefaultRefusalsInARow))
	flags.IntVar(&limits.DoubtsInARow, "doubts", 0,
		fmt.Sprintf("hold the channel after so many messages in doubt in a row (default %d)", providers.DefaultDoubtsInARow))
	flags.IntVar(&limits.RecipientsPerDay, "recipients-per-day", 0, "most different recipients in a day (default no limit)")
	flags.StringVar(&limits.RecipientsPool, "recipients-pool", "",
		"a `NAME` of your own for the channels that count their recipients of a day together, such as the numbers of one WhatsApp portfolio (default this one alone)")
	flags.Var(warmUpFlag{&limits.WarmUp}, "warm-up",
		"for a sender that nobody knows yet: recipients on the first day, what that grows to, and by how much a day (default 1.5); none ends it")
	flags.Var(mailboxFlag{&limits.Mailboxes}, "mailbox",
		"limits for the recipients at one mailbox provider, such as google=20,5000/day,200:50000 (messages a second, recipients a day, a warm-up); "+
			"default=5 are each one's that is not named; may be repeated; what is given takes the place of all that there were, and none takes them away")
}

// channelFlags say what is changed of a channel.
type channelFlags struct {
	limits                            providers.Limits
	name, timezone, inDoubt, settings string
	quiet                             string
	silent                            bool
	sets, unsets                      []string
	overlap                           time.Duration
}

func (c *cli) channelSet() *cobra.Command {
	var f channelFlags
	cmd := &cobra.Command{
		Use: "set CHANNEL", Short: "Change a channel's settings and limits",
		Long: `Changes what the flags name and leaves the rest, secrets included. New limits take effect at
once, also for campaigns that are under way; 0 takes a limit away.

A hook's secret, which the provider proves itself by when it reports (hook_token, verify_token, or the secret that it signs with), is taken
from the change on in the place of the one before. With --overlap that is taken as well for so long, so that nothing is lost until the provider
has the new one; channel show says until when, and channel end-overlap ends it.`,
		Example: `  carillon channel set news --rate 20
  carillon channel set news --mailbox google=20 --mailbox default=5
  carillon channel set news --set password=@password.txt --unset reply_to
  carillon channel set chat --set hook_token=@token.txt --overlap 24h`,
	}
	flags := cmd.Flags()
	flags.StringVar(&f.name, "name", "", "new name")
	flags.StringArrayVar(&f.sets, "set", nil, "NAME=VALUE: a setting of the provider; may be repeated")
	flags.StringArrayVar(&f.unsets, "unset", nil, "NAME: a setting that goes back to its default; may be repeated")
	flags.StringVar(&f.settings, "settings", "", "JSON file with settings, - for standard input; --set wins over it")
	limitFlags(cmd, &f.limits)
	flags.StringVar(&f.timezone, "timezone", "", "IANA time zone for schedules")
	flags.StringVar(&f.inDoubt, "in-doubt", "", inDoubtUsage)
	flags.StringVar(&f.quiet, "quiet-hours", "", quietUsage)
	flags.BoolVar(&f.silent, "silent-opt-out", false, "do not confirm it when somebody opts out by a reply; =false confirms again")
	overlapFlag(flags, &f.overlap, "with a new secret of a hook: for how long the one before is still taken, such as 24h; at most 720h")
	return c.onChannel(cmd, func(ctx context.Context, ch api.Channel) (err error) {
		change := f.change(ch, flags.Changed)
		if change.Overlap, err = overlapSeconds(f.overlap); err != nil {
			return err
		}
		if f.quiet != "" {
			q, err := quietHours(f.quiet)
			if err != nil {
				return err
			}
			change.QuietHours = &q
		}
		if len(f.sets) > 0 || len(f.unsets) > 0 || f.settings != "" {
			given, err := c.settings(ctx, ch.Provider, f.settings, f.sets)
			if err != nil {
				return err
			}
			// Secrets come and go back masked, which leaves them as they are.
			change.Config = ch.Config
			for _, unset := range f.unsets {
				if _, ok := change.Config[unset]; !ok {
					return &exitError{exitRefused, fmt.Errorf("--unset %s: the channel has no such setting", unset)}
				}
				delete(change.Config, unset)
			}
			maps.Copy(change.Config, given)
		}
		if reflect.ValueOf(change).IsZero() {
			return usagef("nothing to change: name a setting, see carillon channel set --help")
		}
		return show(ctx, c, patch(channelsPath().id(ch.ID), change), channelTable)
	})
}

// change is what the flags that were given change of a channel, its provider's
// settings left out.
func (f *channelFlags) change(ch api.Channel, given func(flag string) bool) api.ChannelChange {
	var change api.ChannelChange
	set := func(flag string, to **string, value *string) {
		if given(flag) {
			*to = value
		}
	}
	set("name", &change.Name, &f.name)
	set("timezone", &change.Timezone, &f.timezone)
	set("in-doubt", &change.InDoubt, &f.inDoubt)
	if given("silent-opt-out") {
		change.SilentOptOut = &f.silent
	}
	mixed := ch.Limits
	for flag, take := range map[string]func(){
		"rate":                func() { mixed.PerSecond = f.limits.PerSecond },
		"burst":               func() { mixed.Burst = f.limits.Burst },
		"concurrency":         func() { mixed.Concurrency = f.limits.Concurrency },
		"max-concurrency":     func() { mixed.MaxConcurrency = f.limits.MaxConcurrency },
		"per-recipient":       func() { mixed.PerRecipientSeconds = f.limits.PerRecipientSeconds },
		"per-recipient-burst": func() { mixed.PerRecipientBurst = f.limits.PerRecipientBurst },
		"recipients-pool":     func() { mixed.RecipientsPool = f.limits.RecipientsPool },
		"refusals":            func() { mixed.RefusalsInARow = f.limits.RefusalsInARow },
		"doubts":              func() { mixed.DoubtsInARow = f.limits.DoubtsInARow },
		"warm-up":             func() { mixed.WarmUp = f.limits.WarmUp },
		"recipients-per-day":  func() { mixed.RecipientsPerDay = f.limits.RecipientsPerDay },
		"mailbox":             func() { mixed.Mailboxes = f.limits.Mailboxes },
	} {
		if given(flag) {
			take()
			change.Limits = &mixed
		}
	}
	return change
}

// settings puts a provider's settings together, each in the type that its
// schema says.
func (c *cli) settings(ctx context.Context, provider, file string, sets []string) (map[string]any, error) {
	config := map[string]any{}
	if file != "" {
		if err := c.readJSON(file, &config); err != nil {
			return nil, err
		}
	}
	if len(sets) == 0 {
		return config, nil
	}
	all, _, err := ask[page[api.Provider]](ctx, c, get(providersPath()))
	if err != nil {
		return nil, err
	}
	types := map[string]any{}
	for _, p := range all.Items {
		if p.Name == provider {
			properties, _ := p.Config["properties"].(map[string]any)
			for name, property := range properties {
				schema, _ := property.(map[string]any)
				types[name] = schema["type"]
			}
		}
	}
	for _, set := range sets {
		name, value, ok := strings.Cut(set, "=")
		if !ok || name == "" {
			return nil, usagef("--set %s: must be NAME=VALUE", name)
		}
		if path, fromFile := strings.CutPrefix(value, "@"); fromFile {
			content, err := os.ReadFile(path)
			if err != nil {
				return nil, &exitError{exitRefused, err}
			}
			value = strings.TrimRight(string(content), "\r\n")
		}
		config[name] = value
		if kind := types[name]; kind != nil && kind != "string" {
			var typed any
			if err := json.Unmarshal([]byte(value), &typed); err != nil {
				return nil, usagef("--set %s: must be a JSON %v", name, kind)
			}
			config[name] = typed
		}
	}
	return config, nil
}

func (c *cli) channelEndOverlap() *cobra.Command {
	return c.onChannel(&cobra.Command{Use: "end-overlap CHANNEL", Short: "Take what a channel's hook secret was before no more",
		Long: "Ends what channel set --overlap began, before its time: because the provider has the new secret, or because the old one has leaked. It is " +
			"taken no more within two seconds. A channel without an overlap stays as it is.",
		Example: "  carillon channel end-overlap chat"},
		func(ctx context.Context, ch api.Channel) error {
			return show(ctx, c, post(channelsPath().id(ch.ID).below("end-overlap"), nil), channelTable)
		})
}

func (c *cli) channelTest() *cobra.Command {
	var to string
	var noWait bool
	cmd := &cobra.Command{Use: "test CHANNEL", Short: "Send a test message through a channel, and wait for what becomes of it",
		Long:    "Sends a short message and waits, for half a minute at most, until the provider has taken or refused it: then it exits with 0, or 1.",
		Example: "  carillon channel test news --to me@example.org"}
	cmd.Flags().StringVar(&to, "to", "", "address to send it to (required)")
	cmd.Flags().BoolVar(&noWait, "no-wait", false, "do not wait")
	_ = cmd.MarkFlagRequired("to") // the flag exists
	return c.onChannel(cmd, func(ctx context.Context, ch api.Channel) error {
		sent := post(channelsPath().id(ch.ID).below("test"), map[string]string{"to": to})
		if noWait {
			return show(ctx, c, sent, sentTable)
		}
		m, _, err := ask[api.Message](ctx, c, sent)
		if err != nil {
			return err
		}
		return c.verdict(ctx, m.ID)
	})
}

// verdictPolls is how often a test looks what has become of its message: for half a minute.
const verdictPolls = int(30 * time.Second / pollEvery)

// verdict waits for what becomes of a message, and errs unless it was sent.
func (c *cli) verdict(ctx context.Context, id int64) error {
	var m api.MessageHistory
	var raw json.RawMessage
	for range verdictPolls {
		var err error
		if m, raw, err = ask[api.MessageHistory](ctx, c, get(messagesPath().id(id))); err != nil {
			return err
		}
		if !slices.Contains([]string{"pending", "queued", "sending"}, m.State) {
			break
		}
		if err := c.clock.Sleep(ctx, pollEvery); err != nil {
			return fmt.Errorf("`carillon messages show %d` shows what becomes of it: %w", id, err)
		}
	}
	if err := c.print(raw, func(w *tabwriter.Writer) {
		fields(w, "Message", m.ID, "To", m.Address, "State", m.State, "Reason", m.Reason, "Answer", m.Detail,
			"Stands still", standstillWords(m.Standstill), "What to do", remedyWords(m.Standstill))
	}); err != nil {
		return err
	}
	switch m.State {
	case "sent", "delivered", "read":
		return nil
	case "pending", "queued", "sending":
		return &exitError{exitFailed, fmt.Errorf("it is not sent yet: `carillon messages show %d` shows what becomes of it", id)}
	}
	return &exitError{exitFailed, fmt.Errorf("the test message is %s", m.State)}
}

func (c *cli) channelRm() *cobra.Command {
	return c.onChannel(&cobra.Command{Use: "rm CHANNEL", Short: "Delete a channel that nothing is sent through"},
		func(ctx context.Context, ch api.Channel) error { return c.do(ctx, remove(channelsPath().id(ch.ID))) })
}

func (c *cli) channelMove(verb, short string) *cobra.Command {
	return c.onChannel(&cobra.Command{Use: verb + " CHANNEL", Short: short}, func(ctx context.Context, ch api.Channel) error {
		return c.moveChannel(ctx, ch, verb)
	})
}

// moveChannel pauses or resumes a channel.
func (c *cli) moveChannel(ctx context.Context, ch api.Channel, verb string) error {
	return show(ctx, c, post(channelsPath().id(ch.ID).below(verb), nil), func(w *tabwriter.Writer, ch api.Channel) {
		fields(w, "Channel", ch.ID, "Name", ch.Name, "Status", ch.Status)
	})
}
