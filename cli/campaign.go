package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"carillon/api"
)

func (c *cli) addCampaigns(root *cobra.Command) {
	root.AddCommand(group("campaign", "Make, check, send and steer campaigns",
		c.campaignLs(), c.campaignShow(), c.campaignCreate(), c.campaignPreview(), c.campaignTest(), c.campaignStart(), c.campaignSchedule(),
		c.campaignMove("pause", "Pause a campaign: none of its messages is handed over from now on"),
		c.campaignMove("resume", "Go on exactly where a campaign was paused"),
		c.campaignMove("cancel", "Cancel a campaign for good"),
		c.campaignDuplicate(), c.campaignWatch(), c.campaignRm()))
}

// onCampaign is a command that does something with one campaign.
func (c *cli) onCampaign(use, short, example string, do func(ctx context.Context, cl *client, id int64) error) *cobra.Command {
	return &cobra.Command{Use: use + " ID", Short: short, Example: example, Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		id, err := idArg("campaign", "campaign ls", args[0])
		if err != nil {
			return err
		}
		cl, err := c.client()
		if err != nil {
			return err
		}
		return do(cmd.Context(), cl, id)
	}}
}

func (c *cli) campaignLs() *cobra.Command {
	var limit int
	var status string
	cmd := &cobra.Command{Use: "ls", Short: "List campaigns, newest first", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		cl, err := c.client()
		if err != nil {
			return err
		}
		q := url.Values{}
		if status != "" {
			q.Set("status", status)
		}
		items, more, err := list[api.Campaign](cmd.Context(), cl, "/v1/campaigns", q, limit)
		if err != nil {
			return err
		}
		return showList(c, items, more, "ID NAME STATUS CHANNEL FIRES CREATED", func(k api.Campaign) []any {
			return []any{k.ID, k.Name, k.Status, k.ChannelID, at(k.NextFireAt), at(&k.CreatedAt)}
		})
	}}
	limitFlag(cmd, &limit)
	cmd.Flags().StringVar(&status, "status", "", "only draft, scheduled, running, paused, finished or canceled ones")
	return cmd
}

// showCampaign prints a campaign, with its latest run if there is one.
func (c *cli) showCampaign(ctx context.Context, cl *client, raw json.RawMessage, k api.Campaign) error {
	var run api.Run
	if k.RunID != 0 && c.output != "json" {
		if _, err := cl.call(ctx, http.MethodGet, fmt.Sprintf("/v1/runs/%d", k.RunID), nil, &run); err != nil {
			return err
		}
	}
	return c.show(raw, func(w *tabwriter.Writer) {
		audience, _ := json.Marshal(k.Audience)
		fields(w, "Campaign", k.ID, "Name", k.Name, "Status", k.Status, "Channel", k.ChannelID, "Audience", string(audience),
			"Subject", k.Content.Subject, "At", k.Schedule.At, "Fires", at(k.NextFireAt))
		if run.ID != 0 {
			runTable(w, run)
		}
	})
}

func runTable(w *tabwriter.Writer, r api.Run) {
	fields(w, "Stands still", standstillWords(r.Standstill), "What to do", remedyWords(r.Standstill))
	fields(w, "Run", r.ID, "Run status", r.Status, "Because", r.Reason, "Recipients", r.Total, "Counts", counts(r.Counts),
		"Per second", strconv.FormatFloat(r.SentPerSecond, 'f', 1, 64), "Ends about", at(r.EstimatedEnd), "Finished", at(r.FinishedAt))
	for _, line := range r.Says {
		fields(w, "Note", line)
	}
}

func (c *cli) campaignShow() *cobra.Command {
	return c.onCampaign("show", "Show a campaign and its latest run", "", func(ctx context.Context, cl *client, id int64) error {
		var k api.Campaign
		raw, err := cl.call(ctx, http.MethodGet, fmt.Sprintf("/v1/campaigns/%d", id), nil, &k)
		if err != nil {
			return err
		}
		return c.showCampaign(ctx, cl, raw, k)
	})
}

type campaignFlags struct {
	file, name, channel string
	audienceFlags
	subject, text, textFile, html, htmlFile string
	preheader, when, timezone               string
	rate                                    float64
	weight                                  int
	category                                int64
	start, watch                            bool
}

func (c *cli) campaignCreate() *cobra.Command {
	var f campaignFlags
	cmd := &cobra.Command{
		Use: "create", Short: "Create a campaign as a draft", Args: cobra.NoArgs,
		Long: `Creates a campaign as a draft; nothing is sent before it is started. Texts are Liquid templates:
{{ contact.first_name | default: "there" }}, {{ row.coupon }} for a column of an uploaded file,
{{ unsubscribe_url }}. A mistake in a template is refused here, with its line.`,
		Example: `  carillon campaign create --name Spring --channel news --all \
          --subject 'Hello {{ contact.first_name }}' --text-file spring.txt --html-file spring.html
  carillon campaign create --name Coupons --channel news --upload 3 --exclude-campaign 1 \
          --subject 'Your coupon' --text 'It is {{ row.coupon }}.' --at 2026-12-01T09:00 --timezone Europe/Berlin
  carillon campaign create --file campaign.json --start --watch`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			input, err := c.campaignInput(cmd.Context(), cl, f)
			if err != nil {
				return err
			}
			var k api.Campaign
			raw, err := cl.call(cmd.Context(), http.MethodPost, "/v1/campaigns", input, &k)
			if err != nil {
				return err
			}
			if f.start || f.watch {
				return c.start(cmd.Context(), cl, k.ID, false, f.watch)
			}
			return c.showCampaign(cmd.Context(), cl, raw, k)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.file, "file", "", "JSON file with the campaign as the API takes it, - for standard input; flags win over it")
	flags.StringVar(&f.name, "name", "", "name")
	flags.StringVar(&f.channel, "channel", "", "channel, by id or name")
	f.add(cmd, "to ", "but not to ")
	flags.StringVar(&f.subject, "subject", "", "subject")
	flags.StringVar(&f.text, "text", "", "text")
	flags.StringVar(&f.textFile, "text-file", "", "file with the text, - for standard input")
	flags.StringVar(&f.html, "html", "", "HTML part")
	flags.StringVar(&f.htmlFile, "html-file", "", "file with the HTML part, - for standard input")
	flags.StringVar(&f.preheader, "preheader", "", "preview line that mail programs show")
	flags.StringVar(&f.when, "at", "", "when it fires once started, such as 2026-12-01T09:00 (default at once)")
	flags.StringVar(&f.timezone, "timezone", "", "IANA time zone of --at (default the channel's)")
	flags.Float64Var(&f.rate, "rate", 0, "most messages a second of this campaign (default the channel's limit)")
	flags.IntVar(&f.weight, "weight", 0, "its share of the channel against other campaigns, 1 to 100 (default 1)")
	flags.Int64Var(&f.category, "category", 0, "the category that it is about, by its id: whoever opted out of it is skipped")
	flags.BoolVar(&f.start, "start", false, "start it too")
	flags.BoolVar(&f.watch, "watch", false, "start it and watch it to its end")
	return cmd
}

// campaignInput puts a campaign together from a file and flags.
func (c *cli) campaignInput(ctx context.Context, cl *client, f campaignFlags) (api.CampaignInput, error) {
	var in api.CampaignInput
	if f.file != "" {
		if err := c.readJSON(f.file, &in); err != nil {
			return in, err
		}
	}
	set := func(to *string, value string) {
		if value != "" {
			*to = value
		}
	}
	set(&in.Name, f.name)
	if f.channel != "" {
		ch, err := findChannel(ctx, cl, f.channel)
		if err != nil {
			return in, err
		}
		in.ChannelID = ch.ID
	}
	if err := f.into(ctx, c, cl, &in.Audience); err != nil {
		return in, err
	}
	set(&in.Content.Subject, f.subject)
	set(&in.Content.Preheader, f.preheader)
	for _, part := range []struct {
		to         *string
		text, file string
	}{{&in.Content.Text, f.text, f.textFile}, {&in.Content.HTML, f.html, f.htmlFile}} {
		set(part.to, part.text)
		if part.file != "" {
			content, err := c.readFile(part.file)
			if err != nil {
				return in, err
			}
			*part.to = string(content)
		}
	}
	if f.when != "" {
		in.Schedule.At = &f.when
	}
	set(&in.Schedule.Timezone, f.timezone)
	if f.rate != 0 {
		in.Throttle.PerSecond = f.rate
	}
	if f.weight != 0 {
		in.Weight = f.weight
	}
	if f.category != 0 {
		in.CategoryID = f.category
	}
	if in.Name == "" || in.ChannelID == 0 {
		return in, usagef("a campaign needs --name and --channel, or a --file that says them")
	}
	return in, nil
}

func (c *cli) readFile(path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(c.in)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, &exitError{exitRefused, err}
	}
	return content, nil
}

func (c *cli) readJSON(path string, into any) error {
	content, err := c.readFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(content, into); err != nil {
		return &exitError{exitRefused, fmt.Errorf("%s: %w", path, err)}
	}
	return nil
}

// countPatience is how long a preview waits for its numbers before it shows what is
// known without them.
const countPatience = 2 * time.Second

func (c *cli) campaignPreview() *cobra.Command {
	return c.onCampaign("preview", "Say who gets a campaign, who is skipped and why, how it reads and how long it takes", "", func(ctx context.Context, cl *client, id int64) error {
		path := fmt.Sprintf("/v1/campaigns/%d/preview", id)
		var f api.Forecast
		var raw json.RawMessage
		counted := make(chan error, 1)
		go func() {
			var err error
			raw, err = cl.call(ctx, http.MethodGet, path, nil, &f)
			counted <- err
		}()
		select {
		case err := <-counted:
			if err != nil {
				return err
			}
			return c.show(raw, func(w *tabwriter.Writer) {
				showNumbers(w, f)
				_ = w.Flush() // what follows is no table
				c.showSamples(f)
			})
		case <-c.clock.After(countPatience):
		}
		if c.output != "json" {
			var early api.Forecast
			if _, err := cl.call(ctx, http.MethodGet, path+"?count=false", nil, &early); err != nil {
				return err
			}
			c.showSamples(early)
			sayln(c.err, "Counting the recipients …")
		}
		if err := <-counted; err != nil {
			return err
		}
		return c.show(raw, func(w *tabwriter.Writer) { showNumbers(w, f) })
	})
}

func showNumbers(w *tabwriter.Writer, f api.Forecast) {
	fields(w, "Recipients", *f.Total, "Will be sent to", *f.Reachable, "Skipped", counts(f.Skipped))
	if f.Seconds != nil {
		fields(w, "Takes at least", seconds(*f.Seconds)+" (limited by "+f.LimitedBy+")")
	} else {
		fields(w, "Takes", "as long as the provider needs: no limit is set")
	}
	fields(w, "Starts", at(f.StartsAt))
}

func (c *cli) showSamples(f api.Forecast) {
	for _, notice := range f.Notices {
		sayln(c.out, "Note: "+clean(notice))
	}
	for i, s := range f.Samples {
		sayf(c.out, "\n--- %d of %d, to %s\n", i+1, len(f.Samples), clean(s.Address))
		if s.Error != "" {
			sayln(c.out, "will be skipped: "+clean(s.Error))
			continue
		}
		if s.Content.Subject != "" {
			sayln(c.out, "Subject: "+clean(s.Content.Subject)+"\n")
		}
		sayln(c.out, printable(s.Content.Text))
		if s.Content.HTML != "" {
			sayf(c.out, "(and an HTML part of %d bytes)\n", len(s.Content.HTML))
		}
	}
}

func (c *cli) campaignTest() *cobra.Command {
	var in api.Recipient
	cmd := c.onCampaign("test", "Send a campaign to one address, as it reads for the first recipient", "  carillon campaign test 1 --to me@example.org",
		func(ctx context.Context, cl *client, id int64) error {
			var m api.Message
			raw, err := cl.call(ctx, http.MethodPost, fmt.Sprintf("/v1/campaigns/%d/test", id), in, &m)
			if err != nil {
				return err
			}
			return c.showSent(raw, m)
		})
	cmd.Flags().StringVar(&in.To, "to", "", "address")
	cmd.Flags().Int64Var(&in.ContactID, "contact", 0, "instead: a contact, as it reads for them")
	cmd.MarkFlagsOneRequired("to", "contact")
	cmd.MarkFlagsMutuallyExclusive("to", "contact")
	return cmd
}

func (c *cli) campaignStart() *cobra.Command {
	var now, watch bool
	cmd := c.onCampaign("start", "Start a campaign: at once, or at the time of its schedule", "  carillon campaign start 1 --watch",
		func(ctx context.Context, cl *client, id int64) error { return c.start(ctx, cl, id, now, watch) })
	cmd.Flags().BoolVar(&now, "now", false, "at once, whatever the schedule says")
	cmd.Flags().BoolVar(&watch, "watch", false, "watch it to its end")
	return cmd
}

func (c *cli) start(ctx context.Context, cl *client, id int64, now, watch bool) error {
	var k api.Campaign
	raw, err := cl.call(ctx, http.MethodPost, fmt.Sprintf("/v1/campaigns/%d/start", id), map[string]bool{"now": now}, &k)
	if err != nil {
		return err
	}
	if watch && k.Status != "scheduled" {
		return c.watch(ctx, cl, id)
	}
	return c.showCampaign(ctx, cl, raw, k)
}

func (c *cli) campaignSchedule() *cobra.Command {
	var when, timezone string
	cmd := c.onCampaign("schedule", "Set a campaign's time and let it fire then", "  carillon campaign schedule 1 --at 2026-12-01T09:00 --timezone Europe/Berlin",
		func(ctx context.Context, cl *client, id int64) error {
			var k api.Campaign
			raw, err := cl.call(ctx, http.MethodPost, fmt.Sprintf("/v1/campaigns/%d/schedule", id), api.ScheduleInput{At: &when, Timezone: timezone}, &k)
			if err != nil {
				return err
			}
			return c.showCampaign(ctx, cl, raw, k)
		})
	cmd.Flags().StringVar(&when, "at", "", "time, such as 2026-12-01T09:00 (required)")
	cmd.Flags().StringVar(&timezone, "timezone", "", "IANA time zone (default the channel's)")
	_ = cmd.MarkFlagRequired("at") // the flag exists
	return cmd
}

func (c *cli) campaignMove(verb, short string) *cobra.Command {
	return c.onCampaign(verb, short, "", func(ctx context.Context, cl *client, id int64) error {
		var k api.Campaign
		raw, err := cl.call(ctx, http.MethodPost, fmt.Sprintf("/v1/campaigns/%d/%s", id, verb), nil, &k)
		if err != nil {
			return err
		}
		return c.showCampaign(ctx, cl, raw, k)
	})
}

func (c *cli) campaignDuplicate() *cobra.Command {
	var name string
	cmd := c.onCampaign("duplicate", "Make a draft with the same audience and content", "", func(ctx context.Context, cl *client, id int64) error {
		var k api.Campaign
		raw, err := cl.call(ctx, http.MethodPost, fmt.Sprintf("/v1/campaigns/%d/duplicate", id), map[string]string{"name": name}, &k)
		if err != nil {
			return err
		}
		return c.showCampaign(ctx, cl, raw, k)
	})
	cmd.Flags().StringVar(&name, "name", "", "name of the copy")
	return cmd
}

func (c *cli) campaignRm() *cobra.Command {
	return c.onCampaign("rm", "Delete a draft", "", func(ctx context.Context, cl *client, id int64) error {
		_, err := cl.call(ctx, http.MethodDelete, fmt.Sprintf("/v1/campaigns/%d", id), nil, nil)
		return err
	})
}
