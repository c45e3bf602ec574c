package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"carillon/api"
	"carillon/campaigns"
	"carillon/internal/naming"
	"carillon/providers"
	"carillon/templates"
)

func (c *cli) addCampaigns(root *cobra.Command) {
	root.AddCommand(group("campaign", "Make, check, send and steer campaigns",
		c.campaignLs(), c.campaignShow(), c.campaignCreate(), c.campaignPreview(), c.campaignSample(), c.campaignCheck(), c.campaignTest(),
		c.campaignStart(), c.campaignSchedule(),
		c.campaignNext(), c.campaignRuns(), c.campaignTrigger(), c.campaignSkipNext(), c.campaignMoveNext(), c.campaignBackfill(),
		c.campaignPause(), c.campaignResume(), c.campaignResend(), c.campaignWinner(),
		c.campaignSay("propose", "Ask for the approval of a draft as it is now"),
		c.campaignSay("approve", "Approve a draft as it was proposed, with another key than the one that did"),
		c.campaignSay("reject", "Reject a draft that was proposed"),
		c.campaignMove("cancel", "Cancel a campaign for good"),
		c.campaignMove("archive", "Take a campaign that has ended out of the list"), c.campaignMove("unarchive", "Put an archived campaign back into the list"),
		c.campaignPublish(), c.campaignWithdraw(), c.campaignSet(), c.campaignDuplicate(), c.campaignLanguages(), c.campaignReasons(), c.campaignLinks(),
		c.campaignWatch(), c.campaignReport(), c.campaignRm()))
}

func campaignsPath() path { return v1("campaigns") }

func runsPath() path { return v1("runs") }

// campaignID reads an argument that names a campaign by its id or name.
func (c *cli) campaignID(ctx context.Context, arg string) (int64, error) {
	return c.id(ctx, aCampaign, arg)
}

func (c *cli) campaignLs() *cobra.Command {
	var status, kind, tag, search, archived string
	cmd := &cobra.Command{Use: "ls", Short: "List campaigns, newest first"}
	cmd.Flags().StringVar(&status, "status", "", "only draft, scheduled, running, paused, finished, canceled or failed ones")
	cmd.Flags().StringVar(&kind, "kind", "", "only newsletter, notification or recurring ones")
	cmd.Flags().StringVar(&tag, "tag", "", "only those with this tag")
	cmd.Flags().StringVar(&search, "search", "", "only those with this in their names")
	cmd.Flags().StringVar(&archived, "archived", "", "true: only archived ones; all: these too")
	var channels map[int64]string
	where := func(ctx context.Context) (from path, err error) {
		channels, err = c.called(ctx, aChannel)
		return campaignsPath().with(query{"status": status, "kind": kind, "tag": tag, "q": search, "archived": archived}), err
	}
	return finds(c, cmd, where, rows[api.Campaign]{"ID NAME STATUS CHANNEL FIRES CREATED", func(k api.Campaign) []any {
		return []any{k.ID, k.Name, k.Status, nameOr(channels, k.ChannelID), at(k.NextFireAt), at(&k.CreatedAt)}
	}})
}

// showCampaign makes a request that is answered with a campaign, and shows it.
func (c *cli) showCampaign(ctx context.Context, r request) error {
	k, raw, err := ask[api.Campaign](ctx, c, r)
	if err != nil {
		return err
	}
	return c.printCampaign(ctx, raw, k)
}

// printCampaign prints a campaign, with its latest run if there is one.
func (c *cli) printCampaign(ctx context.Context, raw json.RawMessage, k api.Campaign) (err error) {
	var run api.Run
	if k.RunID != 0 && c.output != "json" {
		if run, _, err = ask[api.Run](ctx, c, get(runsPath().id(k.RunID))); err != nil {
			return err
		}
	}
	if c.output == "json" {
		return c.print(raw, nil)
	}
	channels, err := c.called(ctx, aChannel)
	if err != nil {
		return err
	}
	audience, err := c.audienceWords(ctx, k.Audience)
	if err != nil {
		return err
	}
	return c.print(raw, func(w *tabwriter.Writer) {
		fields(w, "Campaign", k.ID, "Name", k.Name, "Kind", k.Kind, "Published", publicationWords(k.Publication), "Status", k.Status, "Archived", at(k.ArchivedAt),
			"Tags", strings.Join(k.Tags, ", "), "Notes", k.Notes, "Channel", nameOr(channels, k.ChannelID), "Audience", audience,
			"Subject", k.Content.Subject, "Template", templateWords(k.Content.Template), "Have not written", k.Content.WindowTemplate,
			"Tries", experimentWords(k.Experiment),
			"Data feed", feedWords(k.Feed), "Tracks", trackWords(k.Tracking), "Counts", conversionWords(k.Conversion),
			"At", deref(k.Schedule.At), "Recurs", recurs(k.Schedule), "Turns", deliveryWords(k.Schedule.Delivery),
			"Fires", at(k.NextFireAt), "Approval", approvalWords(k.Approval), "Paused", pauseWords(k.Pause), "Schedule", pauseWords(k.SchedulePause))
		if run.ID != 0 {
			runTable(w, run)
		}
	})
}

// templateWords are how a campaign names its template.
func templateWords(use *templates.Use) string {
	switch {
	case use == nil:
		return ""
	case use.Language != "":
		return use.Name + " in " + use.Language
	}
	return use.Name + ", in everybody's language"
}

func runTable(w *tabwriter.Writer, r api.Run) {
	fields(w, "Stands still", standstillWords(r.Standstill), "What to do", remedyWords(r.Standstill))
	opened, clicked := engagementWords(r.Engagement)
	fields(w, "Run", r.ID, "Run status", r.Status, "Because", r.Reason, "Data feed", runFeedWords(r.Feed), "Recipients", r.Total, "Counts", counts(r.Counts),
		"Opened", opened, "Clicked", clicked, "Converted", convertedWords(r.Converted),
		"Per second", strconv.FormatFloat(r.SentPerSecond, 'f', 1, 64), "Ends about", at(r.EstimatedEnd), "Finished", at(r.FinishedAt),
		"Messages removed", at(r.RemovedAt))
	for _, line := range r.Says {
		fields(w, "Note", line)
	}
}

func (c *cli) campaignShow() *cobra.Command {
	return onID(&cobra.Command{Use: "show ID", Short: "Show a campaign and its latest run"}, c.campaignID, func(ctx context.Context, id int64) error {
		return c.showCampaign(ctx, get(campaignsPath().id(id)))
	})
}

type campaignFlags struct {
	file, name, channel string
	audienceFlags
	subject, text, textFile, html, htmlFile string
	template, language, attachment          string
	window                                  string
	buttons                                 []string
	preheader                               string
	feed                                    feedFlags
	schedule                                whenFlags
	rate                                    float64
	batch                                   campaigns.Batch
	weight                                  int
	category                                string
	experiment                              experimentFlags
	track                                   trackFlags
	convert                                 campaigns.Conversion
	start, watch, withoutLinks              bool
	tags                                    []string
	notes                                   string
	// given reports whether a flag was given.
	given func(flag string) bool
}

// add makes the flags that say what a campaign is.
func (f *campaignFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	f.given = flags.Changed
	flags.StringVar(&f.file, "file", "", "JSON file with the campaign as the API takes it, - for standard input; flags win over it")
	flags.StringVar(&f.name, "name", "", "name")
	flags.StringVar(&f.channel, "channel", "", "channel, by id or name")
	f.audienceFlags.add(cmd, "to ", "but not to ")
	flags.StringVar(&f.subject, "subject", "", "subject")
	flags.StringVar(&f.text, "text", "", "text")
	flags.StringVar(&f.textFile, "text-file", "", "file with the text, - for standard input")
	flags.StringVar(&f.html, "html", "", "HTML part")
	flags.StringVar(&f.htmlFile, "html-file", "", "file with the HTML part, - for standard input")
	flags.StringVar(&f.attachment, "attachment", "", "a file, by its address, or by the id of one that was uploaded (carillon media upload)")
	flags.StringArrayVar(&f.buttons, "button", nil, "a button such as 'link|Our shop|https://example.org': link, postback, call or share; may be repeated")
	flags.StringVar(&f.template, "template", "", "instead of texts: a template, by its name; everybody gets it in their language")
	flags.StringVar(&f.language, "language", "", "the template's language for everybody")
	flags.StringVar(&f.window, "window-template", "", "WhatsApp: the template for who has not written in the last 24 hours, "+
		"who are skipped without one; empty for none")
	flags.StringVar(&f.preheader, "preheader", "", "preview line that mail programs show")
	f.feed.add(cmd)
	f.schedule.add(cmd, "when it fires once started, such as 2026-12-01T09:00 (default at once)")
	flags.Var(rateFlag{&f.rate}, "rate", "most messages a second of this campaign, or none (default the channel's limit)")
	flags.Var(batchFlag{&f.batch}, "batch", "go out in batches with pauses: so many messages, and as many again after so long, such as 500/10m; 500/10m/1.5 grows")
	flags.IntVar(&f.weight, "weight", 0, "its share of the channel against other campaigns, 1 to 100 (default 1)")
	flags.StringVar(&f.category, "category", "", "the category that it is about, by id or name: whoever opted out of it is skipped; '' for none")
	flags.StringSliceVar(&f.tags, "tag", nil, "a tag by which it is found; may be repeated")
	flags.StringVar(&f.notes, "notes", "", "notes for people, which are not sent")
	f.experiment.add(cmd)
	f.track.add(cmd)
	flags.StringVar(&f.convert.Event, "conversion", "", "the event that counts for the campaign, such as order.paid")
	flags.IntVar(&f.convert.WithinDays, "conversion-days", 7, "for messages that were sent at most so many days before it")
}

func (c *cli) campaignCreate() *cobra.Command {
	var f campaignFlags
	cmd := &cobra.Command{
		Use: "create", Short: "Create a campaign as a draft",
		Long: `Creates a campaign as a draft; nothing is sent before it is started. Texts are Liquid templates:
{{ contact.first_name | default: "there" }}, {{ row.coupon }} for a column of an uploaded file,
{{ unsubscribe_url }}. A mistake in a template is refused here, with its line.

With --variant it tries several contents out, each on its share of the recipients. With --test-share only so many get
one at first; the others wait, and get the one that wins. 'carillon campaign winner' says how they stand.`,
		Example: `  carillon campaign create --name Spring --channel news --all \
          --subject 'Hello {{ contact.first_name }}' --text-file spring.txt --html-file spring.html
  carillon campaign create --name Coupons --channel news --upload 3 --exclude-campaign 1 \
          --subject 'Your coupon' --text 'It is {{ row.coupon }}.' --at 2026-12-01T09:00 --timezone Europe/Berlin
  carillon campaign create --name Reminder --channel news --group 4 --subject 'This week' --text-file week.txt \
          --cron '0 9 * * MON' --timezone Europe/Berlin --start
  carillon campaign create --name Tulips --channel news --all --subject 'Spring is here' --text-file spring.txt \
          --variant A --variant 'B={"subject": "Tulips!"}' --test-share 20 --winner read --winner-after 4h --holdout 5
  carillon campaign create --file campaign.json --start --watch`,
	}
	f.add(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&f.start, "start", false, "start it too")
	flags.BoolVar(&f.withoutLinks, "without-links", false, "with --start: although no public_url is set, so that {{ unsubscribe_url }} renders as nothing")
	flags.BoolVar(&f.watch, "watch", false, "start it and watch it to its end")
	return plain(cmd, func(ctx context.Context) error {
		input, err := c.campaignInput(ctx, &f)
		if err != nil {
			return err
		}
		k, raw, err := ask[api.Campaign](ctx, c, post(campaignsPath(), input))
		if err != nil {
			return err
		}
		if f.start || f.watch {
			return c.start(ctx, k.ID, startFlags{watch: f.watch, withoutLinks: f.withoutLinks})
		}
		return c.printCampaign(ctx, raw, k)
	})
}

// campaignInput puts a campaign together from a file and flags.
func (c *cli) campaignInput(ctx context.Context, f *campaignFlags) (in api.CampaignInput, err error) {
	if err := f.into(ctx, c, &in); err != nil {
		return in, err
	}
	if in.Name == "" || in.ChannelID == 0 {
		return in, usagef("a campaign needs --name and --channel, or a --file that says them")
	}
	return in, nil
}

// into lays the file and the flags over what a campaign is.
func (f *campaignFlags) into(ctx context.Context, c *cli, in *api.CampaignInput) error {
	if f.file != "" {
		if err := c.readJSON(f.file, in); err != nil {
			return err
		}
	}
	if f.given("channel") {
		ch, err := c.findChannel(ctx, f.channel)
		if err != nil {
			return err
		}
		in.ChannelID, in.Channel = ch.ID, naming.Ref{}
	}
	for flag, part := range map[string]struct {
		to   *string
		text string
	}{"name": {&in.Name, f.name}, "notes": {&in.Notes, f.notes}} {
		if f.given(flag) {
			*part.to = part.text
		}
	}
	if f.given("tag") {
		in.Tags = append([]string{}, f.tags...)
	}
	if f.given("rate") {
		in.Throttle.PerSecond = f.rate
	}
	if f.given("batch") {
		in.Throttle.Batch = f.batch
	}
	if f.given("weight") {
		in.Weight = f.weight
	}
	if f.given("category") {
		in.CategoryID, in.Category = 0, naming.Read(f.category)
	}
	if f.convert.Event != "" {
		in.Conversion = &f.convert
	}
	if err := f.content(c, &in.Content); err != nil {
		return err
	}
	return errors.Join(f.audienceFlags.into(c, &in.Audience), f.feed.into(&in.Feed), f.schedule.into(c, &in.Schedule),
		f.experiment.into(c, in.Content, &in.Experiment), f.track.into(&in.Tracking))
}

// content lays the flags over what a campaign says.
func (f *campaignFlags) content(c *cli, to *api.MessageContent) error {
	for _, part := range []struct {
		flag string
		to   *string
		text string
	}{{"subject", &to.Subject, f.subject}, {"preheader", &to.Preheader, f.preheader}, {"text", &to.Text, f.text}, {"html", &to.HTML, f.html}} {
		if f.given(part.flag) {
			*part.to = part.text
		}
	}
	for _, part := range []struct {
		flag string
		to   *string
		file string
	}{{"text-file", &to.Text, f.textFile}, {"html-file", &to.HTML, f.htmlFile}} {
		if f.given(part.flag) {
			text, err := c.readFile(part.file)
			if err != nil {
				return err
			}
			*part.to = string(text)
		}
	}
	if f.given("attachment") {
		to.Attachment = nil
		if f.attachment != "" {
			to.Attachment = attachmentOf(f.attachment)
		}
	}
	if f.given("button") {
		to.Buttons = nil
		for _, flag := range f.buttons {
			b, err := buttonOf(flag)
			if err != nil {
				return err
			}
			to.Buttons = append(to.Buttons, b)
		}
	}
	switch {
	case f.template != "":
		to.Content, to.Template = providers.Content{WindowTemplate: to.WindowTemplate}, &templates.Use{Name: f.template, Language: f.language}
	case f.given("language") && to.Template == nil:
		return usagef("--language belongs to --template")
	case f.given("language"):
		to.Template.Language = f.language
	}
	if f.given("window-template") {
		to.WindowTemplate = f.window
	}
	return nil
}

// countPatience is how long a preview waits for its numbers before it shows what is
// known without them.
const countPatience = 2 * time.Second

func (c *cli) campaignPreview() *cobra.Command {
	cmd := &cobra.Command{Use: "preview ID", Short: "Say who gets a campaign, who is skipped and why, how it reads and how long it takes"}
	return onID(cmd, c.campaignID, c.preview)
}

func (c *cli) campaignSample() *cobra.Command {
	var n int
	cmd := &cobra.Command{Use: "sample ID", Short: "Draw a few of those who would get a campaign, others each time",
		Long: "Draws from all who would be sent to if the campaign were started now, and says by which of its lists they are in; nothing there is by a " +
			"rule, or because everybody gets it.",
		Example: "  carillon campaign sample 1 -n 10"}
	cmd.Flags().IntVarP(&n, "number", "n", 5, "how many, 20 at most")
	return onID(cmd, c.campaignID, func(ctx context.Context, id int64) error {
		where := campaignsPath().id(id).below("sample").with(query{"n": n})
		return show(ctx, c, get(where), func(w *tabwriter.Writer, drawn page[api.DrawnContact]) {
			sayf(w, "CONTACT\tADDRESS\tNAME\tLANGUAGE\tLISTS\n")
			for _, d := range drawn.Items {
				lists := make([]string, 0, len(d.Lists))
				for _, m := range d.Lists {
					lists = append(lists, m.Name)
				}
				sayf(w, "%d\t%s\t%s\t%s\t%s\n", d.ContactID, clean(d.Address), clean(d.Name), clean(d.Language), clean(strings.Join(lists, ", ")))
			}
		})
	})
}

// preview shows what a campaign would do, and how it reads before that is counted.
func (c *cli) preview(ctx context.Context, id int64) error {
	where := campaignsPath().id(id).below("preview")
	var f api.Forecast
	var raw json.RawMessage
	counted := make(chan error, 1)
	go func() {
		var err error
		f, raw, err = ask[api.Forecast](ctx, c, get(where))
		counted <- err
	}()
	select {
	case err := <-counted:
		if err != nil {
			return err
		}
		return c.print(raw, func(w *tabwriter.Writer) {
			showNumbers(w, f)
			_ = w.Flush() // what follows is no table
			c.showSamples(f)
		})
	case <-c.clock.After(countPatience):
	}
	if c.output != "json" {
		early, _, err := ask[api.Forecast](ctx, c, get(where.with(query{"count": "false"})))
		if err != nil {
			return err
		}
		c.showSamples(early)
		sayln(c.err, "Counting the recipients …")
	}
	if err := <-counted; err != nil {
		return err
	}
	return c.print(raw, func(w *tabwriter.Writer) { showNumbers(w, f) })
}

func showNumbers(w *tabwriter.Writer, f api.Forecast) {
	fields(w, "Recipients", *f.Total, "Will be sent to", *f.Reachable, "Skipped", counts(f.Skipped))
	if f.Seconds != nil {
		fields(w, "Takes at least", seconds(*f.Seconds)+" (limited by "+f.LimitedBy+ofMailbox(f)+")")
	} else {
		fields(w, "Takes", "as long as the provider needs: no limit is set")
	}
	showMailboxes(w, f)
	fields(w, "Starts", at(f.StartsAt), "Ends at the earliest", at(f.EndsAt))
	if f.Coverage != nil {
		fields(w, "Languages", languageCounts(f.Coverage.Languages), "Lack theirs", languageCounts(f.Coverage.Missing))
	}
	showDeal(w, f)
	showWaves(w, f)
}

// languageCounts are numbers of people by language, as "de 312, en 40".
func languageCounts(list []templates.LanguageCount) string {
	parts := make([]string, len(list))
	for i, l := range list {
		parts[i] = fmt.Sprintf("%s %d", cmp.Or(l.Language, "(none)"), l.People)
	}
	return strings.Join(parts, ", ")
}

func (c *cli) showSamples(f api.Forecast) {
	if f.FeedError != "" {
		sayln(c.out, "Note: the data feed can't be read now, and the samples go without it: "+clean(f.FeedError))
	}
	for _, notice := range f.Notices {
		sayln(c.out, "Note: "+clean(notice))
	}
	for i, s := range f.Samples {
		variant := ""
		if s.Variant != "" {
			variant = ", variant " + clean(s.Variant)
		}
		sayf(c.out, "\n--- %d of %d, to %s%s\n", i+1, len(f.Samples), clean(s.Address), variant)
		if s.Error != "" {
			sayln(c.out, "will be skipped: "+clean(s.Error))
			continue
		}
		if s.Content.Subject != "" {
			sayln(c.out, "Subject: "+clean(s.Content.Subject)+"\n")
		}
		sayln(c.out, printable(s.Content.Text))
		c.showParts(s.Content)
		if s.Content.HTML != "" {
			sayf(c.out, "(and an HTML part of %d bytes)\n", len(s.Content.HTML))
		}
	}
}

// showParts shows what stands beside the text of a message.
func (c *cli) showParts(content *providers.Content) {
	if a := content.Attachment; a != nil && a.MediaID != 0 {
		sayf(c.out, "Attachment: uploaded file %d\n", a.MediaID)
	} else if a != nil {
		sayln(c.out, "Attachment: "+clean(a.URL))
	}
	for _, b := range content.Buttons {
		sayln(c.out, clean(buttonWords(b)))
	}
}

// buttonWords are a button in a line.
func buttonWords(b providers.MessageButton) string {
	return strings.TrimSpace("[" + b.Caption + "] " + string(b.Type) + " " + b.Info)
}

// buttonOf reads a button as --button has it, such as "link|Our shop|https://example.org".
func buttonOf(flag string) (b providers.MessageButton, err error) {
	kind, rest, ok := strings.Cut(flag, "|")
	if !ok {
		return b, usagef("--button %q: write type, caption and info with | between them, such as 'link|Our shop|https://example.org'", flag)
	}
	b.Type = providers.ButtonType(kind)
	b.Caption, b.Info, _ = strings.Cut(rest, "|")
	return b, nil
}

func (c *cli) campaignTest() *cobra.Command {
	var in struct {
		api.Recipient
		Variant string `json:"variant,omitempty"`
	}
	cmd := &cobra.Command{Use: "test ID", Short: "Send a campaign to one address, as it reads for the first recipient",
		Example: "  carillon campaign test 1 --to me@example.org"}
	cmd.Flags().StringVar(&in.To, "to", "", "address")
	cmd.Flags().Int64Var(&in.ContactID, "contact", 0, "instead: a contact, as it reads for them")
	cmd.Flags().StringVar(&in.Variant, "variant", "", "in this variant (default the first)")
	cmd.MarkFlagsOneRequired("to", "contact")
	cmd.MarkFlagsMutuallyExclusive("to", "contact")
	return onID(cmd, c.campaignID, func(ctx context.Context, id int64) error {
		return show(ctx, c, post(campaignsPath().id(id).below("test"), in), sentTable)
	})
}

// startFlags say how a campaign is started: whatever its schedule says, and
// watched to its end.
type startFlags struct {
	now, watch, withoutLinks bool
	undo                     time.Duration
}

func (c *cli) campaignStart() *cobra.Command {
	var f startFlags
	cmd := &cobra.Command{Use: "start ID", Short: "Start a campaign: at once, or at the time of its schedule",
		Example: "  carillon campaign start 1 --watch"}
	cmd.Flags().BoolVar(&f.now, "now", false, "at once, whatever the schedule says")
	cmd.Flags().BoolVar(&f.watch, "watch", false, "watch it to its end")
	cmd.Flags().BoolVar(&f.withoutLinks, "without-links", false, "although no public_url is set, so that {{ unsubscribe_url }} renders as nothing")
	cmd.Flags().DurationVar(&f.undo, "undo", 0, "begin so much later, up to 5m: until then to cancel or pause it undoes the start")
	return onID(cmd, c.campaignID, func(ctx context.Context, id int64) error { return c.start(ctx, id, f) })
}

func (c *cli) start(ctx context.Context, id int64, f startFlags) error {
	body := map[string]any{"now": f.now}
	if f.withoutLinks {
		body["without_links"] = true
	}
	if f.undo != 0 {
		if f.undo < time.Second || f.undo > 5*time.Minute || f.undo%time.Second != 0 {
			return usagef("--undo %s: must be whole seconds from 1s to 5m", f.undo)
		}
		body["undo_seconds"] = int(f.undo.Seconds())
	}
	k, raw, err := ask[api.Campaign](ctx, c, post(campaignsPath().id(id).below("start"), body))
	if err != nil {
		return err
	}
	if f.undo != 0 && k.Status == "scheduled" {
		sayf(c.err, "It begins at %s; until then `carillon campaign cancel %d` undoes it, and `carillon campaign pause %d` holds it.\n", at(k.NextFireAt), id, id)
		if f.watch {
			return c.watch(ctx, id)
		}
	}
	if f.watch && k.Status != "scheduled" {
		return c.watch(ctx, id)
	}
	return c.printCampaign(ctx, raw, k)
}

func (c *cli) campaignSchedule() *cobra.Command {
	var f whenFlags
	cmd := &cobra.Command{Use: "schedule ID", Short: "Set when a campaign fires, once or again and again, and let it fire then",
		Example: `  carillon campaign schedule 1 --at 2026-12-01T09:00 --timezone Europe/Berlin
  carillon campaign schedule 1 --cron '0 9 * * FRIL' --timezone Europe/Berlin --until 2027-12-31`}
	f.add(cmd, "when it fires, such as 2026-12-01T09:00")
	return onID(cmd, c.campaignID, func(ctx context.Context, id int64) error {
		if !f.changed() {
			return usagef("say when: --at 2026-12-01T09:00, --cron '0 9 * * MON', --every 2h, --date or --schedule-file")
		}
		var in api.Schedule
		if err := f.into(c, &in); err != nil {
			return err
		}
		return c.showCampaign(ctx, post(campaignsPath().id(id).below("schedule"), in))
	})
}

func (c *cli) campaignMove(verb, short string) *cobra.Command {
	return onID(&cobra.Command{Use: verb + " ID", Short: short}, c.campaignID, func(ctx context.Context, id int64) error {
		return c.showCampaign(ctx, post(campaignsPath().id(id).below(verb), nil))
	})
}

func (c *cli) campaignRm() *cobra.Command {
	return onID(&cobra.Command{Use: "rm ID", Short: "Delete a draft"}, c.campaignID,
		func(ctx context.Context, id int64) error { return c.do(ctx, remove(campaignsPath().id(id))) })
}
