package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"carillon/api"
	"carillon/app"
	"carillon/campaigns"
	"carillon/campaigns/hours"
	"carillon/configs"
	"carillon/demo"
	"carillon/providers"
	"carillon/targeting"
)

// The demo's folder and the mark that says that it may be made anew.
const (
	demoDir  = "./demo-data"
	demoMark = ".carillon-demo"
)

// demoPerSecond is the limit of the demo's channel: with the sample file it
// sends for some twelve seconds.
const demoPerSecond = 200

// demoWeekPerSecond lets a run of the recurring notification take some forty minutes.
const demoWeekPerSecond = 1

// The newsletter that the demo sends.
const (
	demoSubject = "{{ contact.first_name | default: 'Hello' }}, the bells ring on Saturday"
	demoText    = `Dear {{ contact.first_name | default: "friend of the tower" }},

on Saturday at eight the whole carillon plays{% if row.city %}, and we hope that you come from {{ row.city }}{% endif %}.
{% if row.coupon %}Your coupon for a seat: {{ row.coupon }}
{% endif %}
The ringers
`
)

type demoFlags struct{ smtp, from string }

func (c *cli) addDemo(root *cobra.Command) {
	var f demoFlags
	cmd := &cobra.Command{
		Use: "demo", Short: "See the whole job on a sample file: import, send, account for everybody", GroupID: "server", Args: cobra.NoArgs,
		Long: `Starts a server of its own on a free port with data in ` + demoDir + ` (made anew each time), takes in a
sample CSV file of 2,620 lines, shows what was refused and why, sends a personalised newsletter
through a simulated provider at ` + strconv.Itoa(demoPerSecond) + ` messages a second, says what became of everybody, plays
a week of a recurring notification and a flow of two questions on a simulated clock, and ends with a
message that goes by WhatsApp, else as a text, else by e-mail, to providers that are played.
Nothing leaves this machine, unless --smtp names a mail server.`,
		Example: "  carillon demo\n  carillon demo --smtp 127.0.0.1:2525",
		RunE:    func(cmd *cobra.Command, _ []string) error { return c.demo(cmd.Context(), f) },
	}
	cmd.Flags().StringVar(&f.smtp, "smtp", "",
		"HOST:PORT of a mail server to send through instead of the simulation, without TLS; the recipients are made up, so let it be one for tests")
	cmd.Flags().StringVar(&f.from, "from", "ringers@example.com", "sender, with --smtp")
	root.AddCommand(cmd)
}

// demo runs the main job end to end and stops everything that it started.
func (c *cli) demo(ctx context.Context, f demoFlags) (err error) {
	channel, err := demoChannel(f)
	if err != nil {
		return err
	}
	dir, err := c.demoFolder()
	if err != nil {
		return err
	}
	phones, err := startPhones()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, phones.close()) }()
	relays := phones.relays()
	if f.smtp != "" {
		relays = append(relays, f.smtp)
	}
	config, err := configs.Load(configs.Options{Flags: map[string]string{
		"data_dir": dir, "listen": "127.0.0.1:0", "log_level": "error", "api_rate_per_second": "0", "public_url": defaultServer,
		"allow_relays": strings.Join(relays, ","),
	}})
	if err != nil {
		return err
	}
	server, err := app.Start(ctx, config, app.AllRoles, app.Notices{Say: func(string) {}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	key, err := os.ReadFile(config.AdminKeyPath())
	if err != nil {
		return fmt.Errorf("read the demo's key: %w", err)
	}
	c.connected = newClient(server.URL, strings.TrimSpace(string(key)), nil)
	c.progress = true

	upload, err := c.demoImport(ctx)
	if err != nil {
		return err
	}
	k, somebody, err := c.demoCampaign(ctx, channel, upload)
	if err != nil {
		return err
	}
	if err := c.demoSend(ctx, k); err != nil {
		return err
	}
	if err := c.demoWeek(ctx, k); err != nil {
		return err
	}
	if err := c.demoWalk(ctx, k); err != nil {
		return err
	}
	if err := c.demoReach(ctx, phones, server.URL); err != nil {
		return err
	}
	sayf(c.out, `
Go on with what the demo made:

  %[6]s serve --data-dir %[1]s

It answers on %[2]s. The admin key is in %[3]s, where the commands find it:

  %[6]s campaign show %[4]d --data-dir %[1]s
  %[6]s explain %[4]d %[5]s --data-dir %[1]s
`, dir, defaultServer, config.AdminKeyPath(), k.ID, somebody, cmp.Or(c.program, "carillon"))
	return nil
}

// demoFolder makes the demo's folder anew. A folder that it did not make itself
// is left alone.
func (c *cli) demoFolder() (string, error) {
	dir := c.dataDir
	if dir == "" {
		dir = demoDir
	}
	mark := filepath.Join(dir, demoMark)
	entries, err := os.ReadDir(dir)
	if err == nil && len(entries) > 0 {
		if _, err := os.Stat(mark); err != nil {
			return "", &exitError{exitRefused, fmt.Errorf("%s is not empty and not the demo's: name another folder with --data-dir", dir)}
		}
		if err := os.RemoveAll(dir); err != nil {
			return "", fmt.Errorf("make the demo's folder anew: %w", err)
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make the demo's folder: %w", err)
	}
	return dir, os.WriteFile(mark, []byte("carillon demo makes this folder anew at each run.\n"), 0o600)
}

func (c *cli) demoImport(ctx context.Context) (api.Upload, error) {
	sayf(c.out, "1. Taking in demo/contacts.csv (%d KiB).\n", len(demo.Contacts)>>10)
	upload, err := c.sendFile(ctx, csvUpload{name: "contacts.csv", content: bytes.NewReader(demo.Contacts), size: int64(len(demo.Contacts))})
	if err != nil {
		return upload, err
	}
	if upload, _, err = c.watchUpload(ctx, upload.ID, false); err != nil {
		return upload, err
	}
	if upload.State != "finished" {
		return upload, fmt.Errorf("the sample file was not taken in: %s", upload.Error)
	}
	sayf(c.out, "   %d contacts made, %d lines were repeats of others, %d lines were refused:\n\n", upload.Created, upload.Duplicates, upload.Refused)
	refused, err := c.open(ctx, get(refusedPath(upload.ID)))
	if err != nil {
		return upload, err
	}
	defer func() { _ = refused.Close() }()
	return upload, c.demoRefused(refused, upload)
}

// demoRefused shows the first refused lines.
func (c *cli) demoRefused(body io.Reader, upload api.Upload) error {
	const shown = 8
	lines := csv.NewReader(body)
	w := tabwriter.NewWriter(c.out, 0, 4, 2, ' ', 0)
	sayln(w, "   LINE\tFIELD\tVALUE\tREASON")
	if _, err := lines.Read(); err != nil {
		return fmt.Errorf("read errors.csv: %w", err)
	}
	for range shown {
		line, err := lines.Read()
		if err != nil {
			return fmt.Errorf("read errors.csv: %w", err)
		}
		sayf(w, "   %s\t%s\t%.24s\t%s\n", line[0], line[1], clean(line[2]), clean(line[3]))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	sayf(c.out, "   … the others are in GET %s\n\n", refusedPath(upload.ID))
	return nil
}

// demoChannel is the channel that the flags ask for.
func demoChannel(f demoFlags) (api.ChannelInput, error) {
	channel := api.ChannelInput{Name: "newsletter", Limits: providers.Limits{PerSecond: demoPerSecond}, Timezone: "Europe/Berlin"}
	if f.smtp == "" {
		channel.Provider = "sandbox"
		channel.Config = map[string]any{
			"latency_ms": 15, "fail_rate": 0.01, "reject_rate": 0.02, "receipts": "chaotic", "receipt_delay_ms": 300, "read_rate": 0.35, "seed": 2026,
		}
		return channel, nil
	}
	host, port, err := net.SplitHostPort(f.smtp)
	if err != nil {
		return channel, usagef("--smtp %s: must be HOST:PORT, such as 127.0.0.1:2525", f.smtp)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return channel, usagef("--smtp %s: the port must be a number", f.smtp)
	}
	channel.Provider = "smtp"
	channel.Config = map[string]any{"host": host, "port": number, "tls": "none", "from": f.from, "from_name": "The ringers"}
	return channel, nil
}

// demoCampaign makes the channel and the campaign and shows what it would do.
// somebody is one of its recipients.
func (c *cli) demoCampaign(ctx context.Context, input api.ChannelInput, upload api.Upload) (k api.Campaign, somebody string, err error) {
	channel, _, err := ask[api.Channel](ctx, c, post(channelsPath(), input))
	if err != nil {
		return k, "", err
	}
	sayf(c.out, "2. Made the channel %q (%s), limited to %d messages a second.\n\n", channel.Name, channel.Provider, demoPerSecond)
	if k, _, err = ask[api.Campaign](ctx, c, post(campaignsPath(), api.CampaignInput{
		Name: "Bells on Saturday", ChannelID: channel.ID, Audience: api.AudienceOf(targeting.Audience{Uploads: []int64{upload.ID}}),
		Content: api.MessageContent{Content: providers.Content{Subject: demoSubject, Text: demoText}},
	})); err != nil {
		return k, "", err
	}
	forecast, _, err := ask[api.Forecast](ctx, c, get(campaignsPath().id(k.ID).below("preview")))
	if err != nil {
		return k, "", err
	}
	sayf(c.out, "3. The campaign %q goes to %d of %d people", k.Name, *forecast.Reachable, *forecast.Total)
	if len(forecast.Skipped) > 0 {
		sayf(c.out, " (skipped: %s)", counts(forecast.Skipped))
	}
	if forecast.Seconds != nil {
		sayf(c.out, " and takes %s", seconds(*forecast.Seconds))
	}
	sayln(c.out, ". Three of them read:")
	for _, sample := range forecast.Samples {
		if sample.Content == nil {
			continue
		}
		somebody = sample.Address
		sayf(c.out, "\n   To: %s\n   Subject: %s\n", sample.Address, clean(sample.Content.Subject))
		for line := range strings.Lines(strings.TrimSpace(sample.Content.Text)) {
			sayf(c.out, "   | %s\n", strings.TrimRight(printable(line), "\n"))
		}
	}
	sayln(c.out)
	return k, somebody, nil
}

// receiptsAtMost is how long the demo waits for receipts after the last message
// was sent.
const receiptsAtMost = 15 * time.Second

func (c *cli) demoSend(ctx context.Context, k api.Campaign) (err error) {
	sayln(c.out, "4. Sending.")
	if k, _, err = ask[api.Campaign](ctx, c, post(campaignsPath().id(k.ID).below("start"), nil)); err != nil {
		return err
	}
	output, table := c.out, c.output
	c.out, c.output = io.Discard, "table" // the demo has a table of its own
	err = c.watch(ctx, k.ID)
	c.out, c.output = output, table
	if err != nil {
		return err
	}
	var run api.Run
	for end := c.clock.Now().Add(receiptsAtMost); ; {
		if run, _, err = ask[api.Run](ctx, c, get(runsPath().id(k.RunID))); err != nil {
			return err
		}
		channel, _, err := ask[api.Channel](ctx, c, get(channelsPath().id(run.ChannelID)))
		if err != nil {
			return err
		}
		if channel.Provider != "sandbox" || run.Counts["sent"] == 0 || c.clock.Now().After(end) {
			break
		}
		if err := c.clock.Sleep(ctx, pollEvery); err != nil {
			return err
		}
	}
	return c.demoOutcome(ctx, k, run)
}

// demoWeek makes a notification that recurs and plays a week of it.
func (c *cli) demoWeek(ctx context.Context, sent api.Campaign) error {
	k, _, err := ask[api.Campaign](ctx, c, post(campaignsPath(), api.CampaignInput{
		Name: "Bells at noon", ChannelID: sent.ChannelID, Audience: api.AudienceOf(sent.Audience), Content: sent.Content,
		Throttle: campaigns.Throttle{PerSecond: demoWeekPerSecond},
		Schedule: api.Schedule{
			ScheduleRule: api.ScheduleRule{Cron: api.Expressions{"0 12 * * MON-FRI", "30 19 * * SAT"}, Timezone: "Europe/Berlin"},
			Delivery:     campaigns.Delivery{Hours: &hours.Hours{From: "08:00", To: "20:00"}},
		},
	}))
	if err != nil {
		return err
	}
	began := c.clock.Now()
	sayf(c.out, "\n6. %q recurs: at noon on weekdays, and on Saturday half an hour before the hours end at 20:00, at %d message a second.\n"+
		"   A week of it, played by carillon simulate %d:\n\n", k.Name, demoWeekPerSecond, k.ID)
	if err := c.showSimulation(ctx, k.ID, spanFlags{}); err != nil {
		return err
	}
	sayf(c.out, "\n   That week took %d ms.\n", c.clock.Now().Sub(began).Milliseconds())
	return nil
}

// demoOutcome shows what became of everybody, and that it adds up.
func (c *cli) demoOutcome(ctx context.Context, k api.Campaign, run api.Run) error {
	reasons := map[string]map[string]int64{}
	const everyMessage = 1 << 20
	for _, state := range []string{"failed", "rejected", "skipped", "canceled", "unknown"} {
		if run.Counts[state] == 0 {
			continue
		}
		messages, _, err := list[api.Message](ctx, c, runsPath().id(run.ID).below("messages").with(query{"state": state}), everyMessage)
		if err != nil {
			return err
		}
		reasons[state] = map[string]int64{}
		for _, m := range messages {
			reasons[state][m.Reason]++
		}
	}
	sayln(c.out, "\n5. What became of everybody:")
	w := tabwriter.NewWriter(c.out, 0, 4, 2, ' ', 0)
	for _, state := range []string{"sent", "delivered", "read", "failed", "rejected", "skipped", "canceled", "unknown"} {
		if n := run.Counts[state]; n > 0 {
			sayf(w, "   %s\t%d\t%s\n", state, n, counts(reasons[state]))
		}
	}
	sayf(w, "   \t%d\tof %d planned\n", run.Total, run.Planned)
	if err := w.Flush(); err != nil {
		return err
	}
	proof, _, err := ask[api.Verifications](ctx, c, get(campaignsPath().id(k.ID).below("verify")))
	if err != nil {
		return err
	}
	if !proof.Balanced {
		return &exitError{exitUnbalanced, errors.New("the campaign does not balance; that is a fault of Carillon, please report it")}
	}
	sayln(c.out, "   carillon verify: planned, rows and counters agree.")
	return nil
}
