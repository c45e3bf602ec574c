package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"carillon/api"
	"carillon/webhooks"
)

func (c *cli) addWebhooks(root *cobra.Command) {
	root.AddCommand(group("webhooks", "Have programs told what happens", c.webhooksLs(), c.webhooksShow(), c.webhooksCreate(), c.webhooksSet(),
		c.webhooksPause(), c.webhooksResume(), c.webhooksRotate(), c.webhooksEndOverlap(), c.webhooksTest(), c.webhooksListen(), c.webhooksDeliveries(),
		c.webhooksDelivery(), c.webhooksReplay(), c.webhooksRm()))
}

func webhooksPath() path { return v1("webhooks") }

func webhookID(ctx context.Context, arg string) (int64, error) {
	return idOf("webhook", "webhooks ls")(ctx, arg)
}

func (c *cli) webhooksLs() *cobra.Command {
	return lists(c, &cobra.Command{Use: "ls", Short: "List webhooks"}, webhooksPath,
		rows[api.Webhook]{"ID STATE URL EVENTS DESCRIPTION", func(w api.Webhook) []any {
			return []any{w.ID, w.State, w.URL, len(w.Events), w.Description}
		}})
}

func webhookTable(w *tabwriter.Writer, h api.Webhook) {
	names := make([]string, len(h.Events))
	for i, e := range h.Events {
		names[i] = string(e)
	}
	fields(w, "Webhook", h.ID, "URL", h.URL, "Description", h.Description, "State", h.State, "Reason", h.Reason, "Failing since", at(h.FailingSince),
		"Events", strings.Join(names, " "), "Channels", ids(h.Channels), "Campaigns", ids(h.Campaigns), "Headers", strings.Join(h.Headers, " "))
	if h.Content {
		fields(w, "Content", "what people wrote is told")
	}
	if h.Batch.Most > 1 {
		fields(w, "Batch", fmt.Sprintf("at most %d, the first waits %d ms", h.Batch.Most, h.Batch.WithinMS))
	}
	secretFields(w, h.Secrets)
}

func ids(list []int64) string {
	if len(list) == 0 {
		return "all"
	}
	text := make([]string, len(list))
	for i, id := range list {
		text[i] = strconv.FormatInt(id, 10)
	}
	return strings.Join(text, " ")
}

func webhookSecretTable(w *tabwriter.Writer, h api.WebhookWithSecret) {
	webhookTable(w, h.Webhook)
	fields(w, "Secret", h.Secret)
	sayln(w, "\nThe secret is shown this once: docs/webhooks.md says how a program checks by it who asks.")
}

func (c *cli) webhooksShow() *cobra.Command {
	return onID(&cobra.Command{Use: "show ID", Short: "Show a webhook"}, webhookID, func(ctx context.Context, id int64) error {
		return show(ctx, c, get(webhooksPath().id(id)), webhookTable)
	})
}

// webhookFlags are what create and set take.
type webhookFlags struct {
	url, description string
	events, headers  []string
	channels         []string
	campaigns        []string
	batch            api.WebhookBatch
	content          bool
}

func (f *webhookFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.description, "description", "", "what it is for")
	flags.StringSliceVar(&f.events, "event", nil, "of what it is told, such as message.failed; may be repeated")
	flags.StringSliceVar(&f.channels, "channel", nil, "a channel by id or name: only of what happens on it; may be repeated")
	flags.StringSliceVar(&f.campaigns, "campaign", nil, "a campaign by id or name: only of what happens in it; may be repeated")
	flags.IntVar(&f.batch.Most, "batch", 1, "most events in a request")
	flags.Int64Var(&f.batch.WithinMS, "batch-within-ms", 1000, "with --batch: how many milliseconds the first event waits for others")
	flags.BoolVar(&f.content, "content", false, "tell what people wrote, too: replies and answers in flows; =false leaves it out")
	flags.StringArrayVar(&f.headers, "header", nil,
		"a header that goes along, such as 'Authorization: @token.txt'; a value that begins with @ is read from a file")
}

func (f *webhookFlags) named() []webhooks.Event {
	list := make([]webhooks.Event, len(f.events))
	for i, e := range f.events {
		list[i] = webhooks.Event(e)
	}
	return list
}

// given reads headers of the form name: value.
func (f *webhookFlags) given(c *cli) (map[string]string, error) {
	headers := make(map[string]string, len(f.headers))
	for _, h := range f.headers {
		name, value, found := strings.Cut(h, ":")
		if !found {
			return nil, usagef("--header %s: write it as 'Name: value'", clean(name))
		}
		value, err := c.orFile(strings.TrimSpace(value))
		if err != nil {
			return nil, err
		}
		headers[strings.TrimSpace(name)] = value
	}
	return headers, nil
}

func (c *cli) webhooksCreate() *cobra.Command {
	var f webhookFlags
	cmd := &cobra.Command{
		Use: "create URL", Short: "Have a program told what happens", Args: cobra.ExactArgs(1),
		Long: `Has a program told what happens from now on: each event is posted to the address, at least once and in order, signed by
the Standard Webhooks scheme. There are

  ` + wrapped(webhooks.Events()),
		Example: `  carillon webhooks create https://example.org/hooks --event message.failed --event message.rejected
  carillon webhooks create https://example.org/hooks --event message.delivered --batch 100`,
		RunE: func(cmd *cobra.Command, args []string) error {
			headers, err := f.given(c)
			if err != nil {
				return err
			}
			in := api.WebhookInput{URL: args[0], Description: f.description, Events: f.named(),
				Channels: refs(f.channels), Campaigns: refs(f.campaigns), Content: f.content, Headers: headers}
			if cmd.Flags().Changed("batch") {
				in.Batch = &f.batch
			}
			return show(cmd.Context(), c, post(webhooksPath(), in), webhookSecretTable)
		},
	}
	f.add(cmd)
	if err := cmd.MarkFlagRequired("event"); err != nil {
		panic(err)
	}
	return cmd
}

// wrapped is a list of names in lines of a help text.
func wrapped(events []webhooks.Event) string {
	var b strings.Builder
	width := 0
	for _, e := range events {
		if width > 0 && width+len(e) > 100 {
			b.WriteString("\n  ")
			width = 0
		} else if width > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(string(e))
		width += len(e) + 1
	}
	return b.String()
}

func (c *cli) webhooksSet() *cobra.Command {
	var f webhookFlags
	cmd := &cobra.Command{Use: "set ID", Short: "Change a webhook", Long: "Changes what the flags name and leaves the rest."}
	f.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.url, "url", "", "another address")
	cmd.MarkFlagsOneRequired("url", "description", "event", "channel", "campaign", "batch", "content", "header")
	return onID(cmd, webhookID, func(ctx context.Context, id int64) error {
		var change api.WebhookChange
		if flags.Changed("url") {
			change.URL = &f.url
		}
		if flags.Changed("description") {
			change.Description = &f.description
		}
		if flags.Changed("event") {
			events := f.named()
			change.Events = &events
		}
		channels, campaigns := refs(f.channels), refs(f.campaigns)
		if flags.Changed("channel") {
			change.Channels = &channels
		}
		if flags.Changed("campaign") {
			change.Campaigns = &campaigns
		}
		if flags.Changed("batch") {
			change.Batch = &f.batch
		}
		if flags.Changed("content") {
			change.Content = &f.content
		}
		if flags.Changed("header") {
			headers, err := f.given(c)
			if err != nil {
				return err
			}
			change.Headers = &headers
		}
		return show(ctx, c, patch(webhooksPath().id(id), change), webhookTable)
	})
}

func (c *cli) webhookState(use, short, state string) *cobra.Command {
	return onID(&cobra.Command{Use: use, Short: short}, webhookID, func(ctx context.Context, id int64) error {
		return show(ctx, c, patch(webhooksPath().id(id), api.WebhookChange{State: &state}), webhookTable)
	})
}

func (c *cli) webhooksPause() *cobra.Command {
	return c.webhookState("pause ID", "Tell a program nothing until it is resumed; it is told later what happened", "paused")
}

func (c *cli) webhooksResume() *cobra.Command {
	return c.webhookState("resume ID", "Go on telling a program, also one that was switched off", "on")
}

func (c *cli) webhooksRotate() *cobra.Command {
	var leaked bool
	var overlap time.Duration
	cmd := &cobra.Command{Use: "rotate ID", Short: "Give a webhook another secret; it is shown once",
		Long: "The one before signs along, so that the program can change over whenever it likes: until the next rotation, or with --overlap for so long. " +
			"webhooks show says until when, and webhooks end-overlap ends it.",
		Example: "  carillon webhooks rotate 1\n  carillon webhooks rotate 1 --overlap 24h\n  carillon webhooks rotate 1 --leaked"}
	cmd.Flags().BoolVar(&leaked, "leaked", false, "the one before is void at once")
	overlapFlag(cmd.Flags(), &overlap, "for how long the one before signs along, such as 24h; at most 720h (default until the next rotation)")
	cmd.MarkFlagsMutuallyExclusive("leaked", "overlap")
	return onID(cmd, webhookID, func(ctx context.Context, id int64) error {
		seconds, err := overlapSeconds(overlap)
		if err != nil {
			return err
		}
		return show(ctx, c, post(webhooksPath().id(id).below("secret"), api.WebhookSecretChange{Leaked: leaked, Overlap: seconds}), webhookSecretTable)
	})
}

func (c *cli) webhooksEndOverlap() *cobra.Command {
	return onID(&cobra.Command{Use: "end-overlap ID", Short: "Have a webhook's secret before the present one sign no more",
		Long: "Ends what a rotation began: because the program has the new secret, or because the old one has leaked. A webhook with one secret " +
			"stays as it is.",
		Example: "  carillon webhooks end-overlap 1"}, webhookID, func(ctx context.Context, id int64) error {
		return show(ctx, c, post(webhooksPath().id(id).below("end-overlap"), nil), webhookTable)
	})
}

func deliveryTable(w *tabwriter.Writer, d api.WebhookDelivery) {
	fields(w, "Delivery", d.ID, "Webhook-id", d.Key, "Events", d.Events, "State", d.State, "Tries", d.Tries, "Next try", at(d.NextTryAt), "Tried", at(d.TriedAt),
		"Status", d.Status, "Answer", d.Answer, "Took ms", d.TookMS, "Body", d.Body)
}

func (c *cli) webhooksTest() *cobra.Command {
	return onID(&cobra.Command{Use: "test ID", Short: "Tell a program something that did not happen"}, webhookID, func(ctx context.Context, id int64) error {
		return show(ctx, c, post(webhooksPath().id(id).below("test"), nil), deliveryTable)
	})
}

func (c *cli) webhooksDeliveries() *cobra.Command {
	var limit int
	var state string
	cmd := &cobra.Command{Use: "deliveries ID", Short: "List requests to a program, newest first"}
	limitFlag(cmd, &limit)
	cmd.Flags().StringVar(&state, "state", "", "only pending, delivered or failed ones")
	return onID(cmd, webhookID, func(ctx context.Context, id int64) error {
		return showList(ctx, c, webhooksPath().id(id).below("deliveries").with(query{"state": state}), limit,
			rows[api.WebhookDelivery]{"ID STATE EVENTS TRIES STATUS TRIED NEXT ANSWER", func(d api.WebhookDelivery) []any {
				return []any{d.ID, d.State, d.Events, d.Tries, d.Status, at(d.TriedAt), at(d.NextTryAt), d.Answer}
			}})
	})
}

// onDelivery makes cmd a command on one delivery of a webhook.
func (c *cli) onDelivery(cmd *cobra.Command, do func(of path) request) *cobra.Command {
	cmd.Args = cobra.ExactArgs(2)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		webhook, err := webhookID(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		id, err := idOf("delivery", "webhooks deliveries "+args[0])(cmd.Context(), args[1])
		if err != nil {
			return err
		}
		return show(cmd.Context(), c, do(webhooksPath().id(webhook).below("deliveries").id(id)), deliveryTable)
	}
	return cmd
}

func (c *cli) webhooksDelivery() *cobra.Command {
	return c.onDelivery(&cobra.Command{Use: "delivery WEBHOOK ID", Short: "Show a request to a program with its body"}, get)
}

func (c *cli) webhooksReplay() *cobra.Command {
	var in api.WebhookReplay
	var from, to string
	one := c.onDelivery(&cobra.Command{}, func(of path) request { return post(of.below("replay"), nil) }).RunE
	cmd := &cobra.Command{
		Use: "replay WEBHOOK [ID]", Short: "Make requests to a program again",
		Long: `Makes one request again, or all that the flags select of the last seven days: oldest first and behind what waits already,
each once and with the same webhook-id, so that a program knows what it has.`,
		Example: `  carillon webhooks replay 1 4711
  carillon webhooks replay 1 --state failed --dry-run
  carillon webhooks replay 1 --event message.failed --from 2026-11-01T09:00:00Z --to 2026-11-01T10:00:00Z`,
		Args: cobra.RangeArgs(1, 2),
	}
	flags := cmd.Flags()
	flags.StringVar(&in.State, "state", "", "only delivered or failed ones")
	flags.StringVar(&in.Event, "event", "", "only those that tell this event")
	flags.StringVar(&from, "from", "", "only those made then or later, such as 2026-11-01T09:00:00Z")
	flags.StringVar(&to, "to", "", "only those made before")
	flags.BoolVar(&in.Dry, "dry-run", false, "count them, and make none")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 2 {
			if in != (api.WebhookReplay{}) || from != "" || to != "" {
				return usagef("name a delivery, or say by flags which: not both")
			}
			return one(cmd, args)
		}
		id, err := webhookID(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		if err := errors.Join(readTime(&in.From, "from", from), readTime(&in.To, "to", to)); err != nil {
			return err
		}
		return show(cmd.Context(), c, post(webhooksPath().id(id).below("replay"), in), func(w *tabwriter.Writer, r api.WebhookReplayed) {
			said := "Requests that are made again"
			if r.Dry {
				said = "Requests that would be made again"
			}
			fields(w, said, r.Requests)
		})
	}
	return cmd
}

func (c *cli) webhooksRm() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{Use: "rm ID", Short: "Delete a webhook with its deliveries"}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return onID(cmd, webhookID, func(ctx context.Context, id int64) error {
		if !yes {
			found, _, err := ask[api.Webhook](ctx, c, get(webhooksPath().id(id)))
			if err != nil {
				return err
			}
			sayf(c.err, "%s is told nothing any more, also not what waits for it.\n", clean(found.URL))
			if err := c.confirm("Delete it? [y/N] "); err != nil {
				return err
			}
		}
		return c.do(ctx, remove(webhooksPath().id(id)))
	})
}
