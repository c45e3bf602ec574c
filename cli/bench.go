package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"carillon/cli/bench"
)

type benchFlags struct {
	selection                        bench.Selection
	suite                            bench.Suite
	list                             bool
	targeting                        bool
	clicks, flows, signIns, receipts bool
	contacts                         int
	role, scenario                   string
}

func (c *cli) addBench(root *cobra.Command) {
	var f benchFlags
	cmd := &cobra.Command{
		Use: "bench", Short: "Measure the whole path on this machine, beside a naive loop", GroupID: "server", Args: cobra.NoArgs,
		Long: `Measures what a user gets on this machine without turning anything: messages a second, the time to the
first message, the latency of a transactional message under load, memory, and what a message costs in
processor cores, allocations, transactions and Redis commands. Every run is verified afterwards.

Beside each scenario runs a naive loop that sends the same content: a program that just sends, with a
library, 20 connections, no queue, no store and no limit. Compare the ratios; the absolute figures are
of this machine at this hour. Engine, receiver and loop are processes of their own on loopback.

Without flags it takes a look at everything, in some two minutes. A flag that chooses (--content,
--latency, --store, --transport, --mixed, --workers) measures just that, every value with every other; --full
measures all that there is, with 100,000 recipients, in half an hour or more. --list says what it would be.

Contents:
` + benchContents() + `
Redis and PostgreSQL are started privately (redis-server and postgresql must be installed) unless
--redis-url and --postgres-dsn name servers that may be used; the database is filled, so let it be an
empty one.`,
		Example: `  carillon bench
  carillon bench --list --full
  carillon bench --content 5k --store sqlite,postgres --recipients 100000 --save before.json
  carillon bench --content json --latency 0,20,200
  carillon bench --content 30k --mixed --profiles profiles
  carillon bench --content 30k --latency 20 --workers 1,4
  carillon bench --targeting --contacts 100000
  carillon bench --clicks --recipients 100000
  carillon bench --flows --recipients 1000000
  carillon bench --sign-ins --recipients 100000`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.role != "" {
				return bench.Child(cmd.Context(), f.role, f.scenario, bench.Streams{In: c.in, Out: c.out, Err: c.err})
			}
			return c.bench(cmd.Context(), f)
		},
	}
	flags := cmd.Flags()
	s := &f.selection
	flags.StringSliceVar(&s.Contents, "content", nil, "contents: "+strings.Join(bench.ContentNames(), ", ")+"; 5k unless all are measured")
	flags.IntSliceVar(&s.Latencies, "latency", nil,
		"milliseconds that the provider takes for each message, such as 0,20,200; a campaign that takes longer than 12 s is canceled")
	flags.StringSliceVar(&s.Stores, "store", nil, "sqlite (with the embedded Redis), sqlite+redis, postgres (with Redis)")
	flags.StringSliceVar(&s.Transports, "transport", nil, "http, smtp (the server offers PIPELINING), smtp-plain (it does not); each content has its own")
	flags.BoolVar(&s.Mixed, "mixed", false, "send two campaigns at once, and transactional messages meanwhile")
	flags.IntSliceVar(&s.Recipients, "recipients", nil,
		fmt.Sprintf("sizes of the campaign, at least 1000; %d, with --full %d", bench.DefaultRecipients, bench.FullRecipients))
	flags.IntSliceVar(&s.Workers, "workers", nil, "numbers of worker processes beside the one that feeds, such as 1,4; on PostgreSQL, which they share")
	flags.IntVar(&s.Concurrency, "concurrency", 0, "limits.concurrency of the channel; 0 leaves it as it is when nobody sets it")
	flags.IntVar(&s.Webhooks, "webhooks", 0, "have so many programs told that each message was sent, a hundred events in a request")
	flags.BoolVar(&s.Full, "full", false, "measure everything, with many recipients")
	flags.BoolVar(&f.list, "list", false, "say what would be measured, and measure nothing")
	flags.StringVar(&f.suite.Servers.PostgresDSN, "postgres-dsn", "", "use this empty PostgreSQL database instead of a private one")
	flags.StringVar(&f.suite.Servers.RedisURL, "redis-url", "", "use this Redis instead of a private one")
	flags.StringVar(&f.suite.Save, "save", "", "write the results as JSON to this file too")
	flags.StringVar(&f.suite.Profiles, "profiles", "",
		"write profiles of processor, blocks, locks and allocations while sending to this folder, for go tool pprof; costs some speed")
	flags.BoolVar(&f.targeting, "targeting", false, "measure rules instead: how long counting their contacts takes, on SQLite and PostgreSQL")
	flags.BoolVar(&f.clicks, "clicks", false, "measure clicks on tracked links instead: alone, and while a campaign is sent, on SQLite and PostgreSQL")
	flags.BoolVar(&f.flows, "flows", false,
		"measure flows instead: everybody's wait over at one moment, questions that are answered, events; on SQLite and PostgreSQL")
	flags.BoolVar(&f.signIns, "sign-ins", false,
		"measure sign-ins instead: how long people wait, alone and while a campaign is sent, on SQLite and PostgreSQL")
	flags.BoolVar(&f.receipts, "receipts", false,
		"measure receipts instead: five times as many as messages while a campaign is sent, and as many as are answered, on SQLite and PostgreSQL")
	flags.IntVar(&f.contacts, "contacts", 1_000_000, "with --targeting: how many contacts there are, at least 1000")
	flags.StringVar(&f.role, "role", "", "")
	flags.StringVar(&f.scenario, "scenario", "", "")
	for _, name := range []string{"role", "scenario"} {
		if err := flags.MarkHidden(name); err != nil {
			panic(err)
		}
	}
	root.AddCommand(cmd)
}

// benchContents describes the contents, a line each.
func benchContents() string {
	var text strings.Builder
	for _, content := range bench.Contents() {
		_, _ = fmt.Fprintf(&text, "  %-5s %s, by %s\n", content.Name, content.About, content.Transport)
	}
	return text.String()
}

// bench measures what the flags choose, or says what it would measure.
func (c *cli) bench(ctx context.Context, f benchFlags) error {
	f.suite.JSON, f.suite.Out, f.suite.Progress = c.output == "json", c.out, c.err
	if f.targeting {
		return benchError(f.suite.RunTargeting(ctx, f.selection.Stores, f.contacts))
	}
	for _, one := range []struct {
		chosen bool
		run    func(context.Context, []string, int) error
	}{{f.clicks, f.suite.RunClicks}, {f.flows, f.suite.RunFlows}, {f.signIns, f.suite.RunSignIns}, {f.receipts, f.suite.RunReceipts}} {
		if one.chosen {
			recipients := bench.DefaultRecipients
			if len(f.selection.Recipients) > 0 {
				recipients = f.selection.Recipients[0]
			}
			return benchError(one.run(ctx, f.selection.Stores, recipients))
		}
	}
	scenarios, err := f.selection.Scenarios()
	if err != nil {
		return benchError(err)
	}
	if f.list {
		return c.listScenarios(scenarios)
	}
	return benchError(f.suite.Run(ctx, scenarios))
}

// benchError gives what went wrong its exit code.
func benchError(err error) error {
	var wrong *bench.Problem
	switch {
	case errors.As(err, &wrong):
		return usagef("%w", err)
	case errors.Is(err, bench.ErrUnbalanced):
		return &exitError{exitUnbalanced, err}
	}
	return err
}

func (c *cli) listScenarios(scenarios []bench.Scenario) error {
	if c.output == "json" {
		encoded, err := json.MarshalIndent(scenarios, "", "  ")
		if err == nil {
			_, err = fmt.Fprintln(c.out, string(encoded))
		}
		return err
	}
	for _, s := range scenarios {
		if _, err := fmt.Fprintln(c.out, s); err != nil {
			return err
		}
	}
	return nil
}
