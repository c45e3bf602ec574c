package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
	"carillon/providers"
)

func (c *cli) addChannels(root *cobra.Command) {
	root.AddCommand(group("channel", "Set up and steer channels",
		c.channelLs(), c.channelShow(), c.channelCreate(), c.channelSet(), c.channelProviders(), c.channelTest(), c.channelRm(),
		c.channelMove("pause", "Pause a channel: nothing is handed to its provider from now on"), c.channelMove("resume", "Resume a channel")))
}

const manyChannels = 10_000

// findChannel is a channel by its id or its name.
func findChannel(ctx context.Context, cl *client, idOrName string) (api.Channel, error) {
	var ch api.Channel
	if id, err := strconv.ParseInt(idOrName, 10, 64); err == nil && id > 0 {
		_, err := cl.call(ctx, http.MethodGet, fmt.Sprintf("/v1/channels/%d", id), nil, &ch)
		return ch, err
	}
	all, _, err := list[api.Channel](ctx, cl, "/v1/channels", nil, manyChannels)
	if err != nil {
		return ch, err
	}
	names := make([]string, len(all))
	for i, candidate := range all {
		if candidate.Name == idOrName {
			return candidate, nil
		}
		names[i] = candidate.Name
	}
	hint := "there is none yet: carillon channel create makes one"
	if len(names) > 0 {
		hint = "there are " + strings.Join(names, ", ")
	}
	return ch, &exitError{exitNotFound, fmt.Errorf("there is no channel %q; %s", idOrName, hint)}
}

func (c *cli) channelLs() *cobra.Command {
	var limit int
	cmd := &cobra.Command{Use: "ls", Short: "List channels", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		cl, err := c.client()
		if err != nil {
			return err
		}
		items, more, err := list[api.Channel](cmd.Context(), cl, "/v1/channels", nil, limit)
		if err != nil {
			return err
		}
		return showList(c, items, more, "ID NAME PROVIDER STATUS HEALTH PER_SECOND REASON", func(ch api.Channel) []any {
			rate := "no limit"
			if ch.Limits.PerSecond > 0 {
				rate = strconv.FormatFloat(ch.Limits.PerSecond, 'f', -1, 64)
			}
			return []any{ch.ID, ch.Name, ch.Provider, ch.Status, ch.Health.State, rate, cmp.Or(ch.StatusReason, ch.Health.Reason, standstillWords(ch.Standstill))}
		})
	}}
	limitFlag(cmd, &limit)
	return cmd
}

func (c *cli) showChannel(raw json.RawMessage, ch api.Channel) error {
	return c.show(raw, func(w *tabwriter.Writer) {
		fields(w, "Channel", ch.ID, "Name", ch.Name, "Provider", ch.Provider, "Delivers to", ch.Address, "Status", ch.Status, "Reason", ch.StatusReason,
			"Health", healthWords(ch.Health), "Stands still", standstillWords(ch.Standstill), "What to do", remedyWords(ch.Standstill), "Time zone", ch.Timezone, "In doubt", ch.InDoubt)
		for _, name := range sortedKeys(ch.Config) {
			fields(w, "  "+name, ch.Config[name])
		}
		if limits, err := json.Marshal(ch.Limits); err == nil {
			fields(w, "Limits", string(limits))
		}
		if ch.Requests > 0 {
			fields(w, "Requests at once", ch.Requests)
		}
	})
}

func standstillWords(s *api.Standstill) string {
	if s == nil {
		return ""
	}
	return s.Words
}

func remedyWords(s *api.Standstill) string {
	if s == nil {
		return ""
	}
	return s.Remedy
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

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (c *cli) channelShow() *cobra.Command {
	return &cobra.Command{Use: "show CHANNEL", Short: "Show a channel by id or name; secrets are masked", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		cl, err := c.client()
		if err != nil {
			return err
		}
		ch, err := findChannel(cmd.Context(), cl, args[0])
		if err != nil {
			return err
		}
		raw, err := json.Marshal(ch)
		if err != nil {
			return fmt.Errorf("print channel: %w", err)
		}
		return c.showChannel(raw, ch)
	}}
}

func (c *cli) channelProviders() *cobra.Command {
	return &cobra.Command{Use: "providers", Short: "List providers and their settings", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		cl, err := c.client()
		if err != nil {
			return err
		}
		var page struct {
			Items []api.Provider `json:"items"`
		}
		raw, err := cl.call(cmd.Context(), http.MethodGet, "/v1/providers", nil, &page)
		if err != nil {
			return err
		}
		return c.show(raw, func(w *tabwriter.Writer) {
			for _, p := range page.Items {
				sayf(w, "%s\t%s\n", p.Name, p.Description)
				properties, _ := p.Config["properties"].(map[string]any)
				for _, name := range sortedKeys(properties) {
					property, _ := properties[name].(map[string]any)
					sayf(w, "  %s\t%v\n", name, property["description"])
				}
			}
		})
	}}
}

func (c *cli) channelCreate() *cobra.Command {
	var input api.ChannelInput
	var sets []string
	var settings string
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Create a channel", Args: cobra.ExactArgs(1),
		Long: `Creates a channel: an account's configured use of a provider. carillon channel providers lists
the providers and their settings. A value that begins with @ is read from the file behind it, so that
no secret stands on the command line.`,
		Example: `  carillon channel create try --provider sandbox --rate 200
  carillon channel create news --provider smtp --rate 50 --timezone Europe/Berlin \
          --set host=mail.example.org --set port=587 --set username=news --set password=@password.txt \
          --set from=news@example.org`,
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			input.Name = args[0]
			if input.Config, err = c.settings(cmd.Context(), cl, input.Provider, settings, sets); err != nil {
				return err
			}
			var ch api.Channel
			raw, err := cl.call(cmd.Context(), http.MethodPost, "/v1/channels", input, &ch)
			if err != nil {
				return err
			}
			return c.showChannel(raw, ch)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&input.Provider, "provider", "", "provider (required)")
	flags.StringArrayVar(&sets, "set", nil, "NAME=VALUE: a setting of the provider; may be repeated")
	flags.StringVar(&settings, "settings", "", "JSON file with the settings, - for standard input; --set wins over it")
	limitFlags(cmd, &input.Limits)
	flags.StringVar(&input.Timezone, "timezone", "", "IANA time zone for schedules (default UTC)")
	flags.StringVar(&input.InDoubt, "in-doubt", "", inDoubtUsage)
	flags.BoolVar(&input.SilentOptOut, "silent-opt-out", false, "do not confirm it when somebody opts out by a reply")
	_ = cmd.MarkFlagRequired("provider") // the flag exists
	return cmd
}

const inDoubtUsage = "what becomes of messages whose worker died while it asked: hold or resend (safe where the provider drops repeats)"

func limitFlags(cmd *cobra.Command, limits *providers.Limits) {
	flags := cmd.Flags()
	flags.Float64Var(&limits.PerSecond, "rate", 0, "most messages a second (default no limit)")
	flags.IntVar(&limits.Burst, "burst", 0, "how many may go at once after a quiet time (default 1)")
	flags.TextVar(&limits.Concurrency, "concurrency", providers.Auto, "most requests under way at the provider in one worker: `N`, or auto, which finds it out")
	flags.IntVar(&limits.MaxConcurrency, "max-concurrency", 0, "most that a concurrency of auto grows to (default what suits the provider)")
	flags.Float64Var(&limits.PerRecipientSeconds, "per-recipient", 0, "least seconds between two messages to one recipient (default none)")
	flags.IntVar(&limits.RefusalsInARow, "refusals", 0, fmt.Sprintf("pause a campaign, or hold the channel, after so many equal refusals in a row (default %d)", providers.DefaultRefusalsInARow))
	flags.IntVar(&limits.DoubtsInARow, "doubts", 0, fmt.Sprintf("hold the channel after so many messages in doubt in a row (default %d)", providers.DefaultDoubtsInARow))
	flags.IntVar(&limits.RecipientsPerDay, "recipients-per-day", 0, "most different recipients in a day (default no limit)")
}

func (c *cli) channelSet() *cobra.Command {
	var limits providers.Limits
	var name, timezone, inDoubt, settings string
	var silent bool
	var sets, unsets []string
	cmd := &cobra.Command{
		Use: "set CHANNEL", Short: "Change a channel's settings and limits", Args: cobra.ExactArgs(1),
		Long: `Changes what the flags name and leaves the rest, secrets included. New limits take effect at
once, also for campaigns that are under way; 0 takes a limit away.`,
		Example: `  carillon channel set news --rate 20
  carillon channel set news --set password=@password.txt --unset reply_to`,
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			ch, err := findChannel(cmd.Context(), cl, args[0])
			if err != nil {
				return err
			}
			var change api.ChannelChange
			changed := cmd.Flags().Changed
			set := func(flag string, to **string, value *string) {
				if changed(flag) {
					*to = value
				}
			}
			set("name", &change.Name, &name)
			set("timezone", &change.Timezone, &timezone)
			set("in-doubt", &change.InDoubt, &inDoubt)
			if changed("silent-opt-out") {
				change.SilentOptOut = &silent
			}
			mixed := ch.Limits
			for flag, take := range map[string]func(){
				"rate":               func() { mixed.PerSecond = limits.PerSecond },
				"burst":              func() { mixed.Burst = limits.Burst },
				"concurrency":        func() { mixed.Concurrency = limits.Concurrency },
				"max-concurrency":    func() { mixed.MaxConcurrency = limits.MaxConcurrency },
				"per-recipient":      func() { mixed.PerRecipientSeconds = limits.PerRecipientSeconds },
				"refusals":           func() { mixed.RefusalsInARow = limits.RefusalsInARow },
				"doubts":             func() { mixed.DoubtsInARow = limits.DoubtsInARow },
				"recipients-per-day": func() { mixed.RecipientsPerDay = limits.RecipientsPerDay },
			} {
				if changed(flag) {
					take()
					change.Limits = &mixed
				}
			}
			if len(sets) > 0 || len(unsets) > 0 || settings != "" {
				given, err := c.settings(cmd.Context(), cl, ch.Provider, settings, sets)
				if err != nil {
					return err
				}
				// Secrets come and go back masked, which leaves them as they are.
				change.Config = ch.Config
				for _, unset := range unsets {
					if _, ok := change.Config[unset]; !ok {
						return usagef("--unset %s: the channel has no such setting", unset)
					}
					delete(change.Config, unset)
				}
				maps.Copy(change.Config, given)
			}
			if reflect.ValueOf(change).IsZero() {
				return usagef("nothing to change: name a setting, see carillon channel set --help")
			}
			var now api.Channel
			raw, err := cl.call(cmd.Context(), http.MethodPatch, fmt.Sprintf("/v1/channels/%d", ch.ID), change, &now)
			if err != nil {
				return err
			}
			return c.showChannel(raw, now)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&name, "name", "", "new name")
	flags.StringArrayVar(&sets, "set", nil, "NAME=VALUE: a setting of the provider; may be repeated")
	flags.StringArrayVar(&unsets, "unset", nil, "NAME: a setting that goes back to its default; may be repeated")
	flags.StringVar(&settings, "settings", "", "JSON file with settings, - for standard input; --set wins over it")
	limitFlags(cmd, &limits)
	flags.StringVar(&timezone, "timezone", "", "IANA time zone for schedules")
	flags.StringVar(&inDoubt, "in-doubt", "", inDoubtUsage)
	flags.BoolVar(&silent, "silent-opt-out", false, "do not confirm it when somebody opts out by a reply; =false confirms again")
	return cmd
}

// settings puts a provider's settings together, each in the type that its
// schema says.
func (c *cli) settings(ctx context.Context, cl *client, provider, file string, sets []string) (map[string]any, error) {
	config := map[string]any{}
	if file != "" {
		if err := c.readJSON(file, &config); err != nil {
			return nil, err
		}
	}
	if len(sets) == 0 {
		return config, nil
	}
	var page struct {
		Items []api.Provider `json:"items"`
	}
	if _, err := cl.call(ctx, http.MethodGet, "/v1/providers", nil, &page); err != nil {
		return nil, err
	}
	types := map[string]any{}
	for _, p := range page.Items {
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

func (c *cli) channelTest() *cobra.Command {
	var to string
	cmd := &cobra.Command{Use: "test CHANNEL", Short: "Send a test message through a channel", Args: cobra.ExactArgs(1),
		Example: "  carillon channel test news --to me@example.org",
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			ch, err := findChannel(cmd.Context(), cl, args[0])
			if err != nil {
				return err
			}
			var m api.Message
			raw, err := cl.call(cmd.Context(), http.MethodPost, fmt.Sprintf("/v1/channels/%d/test", ch.ID), map[string]string{"to": to}, &m)
			if err != nil {
				return err
			}
			return c.showSent(raw, m)
		}}
	cmd.Flags().StringVar(&to, "to", "", "address to send it to (required)")
	_ = cmd.MarkFlagRequired("to") // the flag exists
	return cmd
}

func (c *cli) channelRm() *cobra.Command {
	return &cobra.Command{Use: "rm CHANNEL", Short: "Delete a channel that nothing is sent through", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		cl, err := c.client()
		if err != nil {
			return err
		}
		ch, err := findChannel(cmd.Context(), cl, args[0])
		if err != nil {
			return err
		}
		_, err = cl.call(cmd.Context(), http.MethodDelete, fmt.Sprintf("/v1/channels/%d", ch.ID), nil, nil)
		return err
	}}
}

func (c *cli) channelMove(verb, short string) *cobra.Command {
	return &cobra.Command{Use: verb + " CHANNEL", Short: short, Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		return c.moveChannel(cmd.Context(), args[0], verb)
	}}
}

func (c *cli) moveChannel(ctx context.Context, idOrName, verb string) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	ch, err := findChannel(ctx, cl, idOrName)
	if err != nil {
		return err
	}
	raw, err := cl.call(ctx, http.MethodPost, fmt.Sprintf("/v1/channels/%d/%s", ch.ID, verb), nil, &ch)
	if err != nil {
		return err
	}
	return c.show(raw, func(w *tabwriter.Writer) { fields(w, "Channel", ch.ID, "Name", ch.Name, "Status", ch.Status) })
}
