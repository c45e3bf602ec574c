package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"carillon/cli/bench"
)

type benchFlags struct {
	selection bench.Selection
	postgres  string
	redis     string
	save      string
	profiles  string
	list      bool
	targeting bool
	contacts  int
	role      string
	scenario  string
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
  carillon bench --targeting --contacts 100000`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case f.role != "":
				return bench.Child(cmd.Context(), f.role, f.scenario, bench.Streams{In: c.in, Out: c.out, Err: c.err})
			case f.targeting:
				return c.benchTargeting(cmd.Context(), f)
			}
			return c.bench(cmd.Context(), f)
		},
	}
	flags := cmd.Flags()
	s := &f.selection
	flags.StringSliceVar(&s.Contents, "content", nil, "contents: "+strings.Join(bench.ContentNames(), ", ")+"; 5k unless all are measured")
	flags.IntSliceVar(&s.Latencies, "latency", nil, "milliseconds that the provider takes for each message, such as 0,20,200; a campaign that takes longer than 12 s is canceled")
	flags.StringSliceVar(&s.Stores, "store", nil, "sqlite (with the embedded Redis), sqlite+redis, postgres (with Redis)")
	flags.StringSliceVar(&s.Transports, "transport", nil, "http, smtp (the server offers PIPELINING), smtp-plain (it does not); each content has its own")
	flags.BoolVar(&s.Mixed, "mixed", false, "send two campaigns at once, and transactional messages meanwhile")
	flags.IntSliceVar(&s.Recipients, "recipients", nil, fmt.Sprintf("sizes of the campaign, at least 1000; %d, with --full %d", bench.DefaultRecipients, bench.FullRecipients))
	flags.IntSliceVar(&s.Workers, "workers", nil, "numbers of worker processes beside the one that feeds, such as 1,4; on PostgreSQL, which they share")
	flags.IntVar(&s.Concurrency, "concurrency", 0, "limits.concurrency of the channel; 0 leaves it as it is when nobody sets it")
	flags.BoolVar(&s.Full, "full", false, "measure everything, with many recipients")
	flags.BoolVar(&f.list, "list", false, "say what would be measured, and measure nothing")
	flags.StringVar(&f.postgres, "postgres-dsn", "", "use this empty PostgreSQL database instead of a private one")
	flags.StringVar(&f.redis, "redis-url", "", "use this Redis instead of a private one")
	flags.StringVar(&f.save, "save", "", "write the results as JSON to this file too")
	flags.StringVar(&f.profiles, "profiles", "", "write profiles of processor, blocks, locks and allocations while sending to this folder, for go tool pprof; costs some speed")
	flags.BoolVar(&f.targeting, "targeting", false, "measure rules instead: how long counting their contacts takes, on SQLite and PostgreSQL")
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

// bench measures scenarios one after the other.
func (c *cli) bench(ctx context.Context, f benchFlags) error {
	scenarios, err := f.selection.Scenarios()
	if err != nil {
		return usagef("%s", err)
	}
	if f.list {
		return c.listScenarios(scenarios)
	}
	if f.profiles != "" {
		if err := os.MkdirAll(f.profiles, 0o755); err != nil {
			return err
		}
	}
	balances := true
	err = reportBench(c, f, bench.WriteTable, func(servers *benchServers) (results []bench.Result, err error) {
		for i, s := range scenarios {
			if f.profiles != "" {
				s.Profile = filepath.Join(f.profiles, fmt.Sprintf("%02d-%s-%s-%s", i+1, s.Content, s.Transport, s.Store))
			}
			_, _ = fmt.Fprintf(c.err, "%d of %d: %s\n", i+1, len(scenarios), s)
			result, err := c.benchOne(ctx, servers, s)
			if err != nil {
				return results, fmt.Errorf("%s: %w", s, err)
			}
			results = append(results, result)
			balances = balances && result.Verified
		}
		return results, nil
	})
	if err == nil && !balances {
		err = &exitError{exitUnbalanced, errors.New("a run does not balance; that is a fault of Carillon, please report it")}
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

// reportBench measures with private servers, saves the results where asked and
// prints them, as JSON or by table; also those from before an error, which may have
// taken an hour. The servers are gone by then: whoever reads the results may leave
// in the middle, as head does, and end the program.
func reportBench[R any](c *cli, f benchFlags, table func(io.Writer, []R) error, measure func(*benchServers) ([]R, error)) error {
	servers := benchServers{f: f}
	results, err := measure(&servers)
	err = errors.Join(err, servers.close())
	if len(results) == 0 {
		return err
	}
	encoded, failed := json.MarshalIndent(results, "", "  ")
	if failed != nil {
		return errors.Join(err, failed)
	}
	if f.save != "" {
		err = errors.Join(err, os.WriteFile(f.save, append(encoded, '\n'), 0o644))
	}
	if c.output == "json" {
		_, failed = fmt.Fprintln(c.out, string(encoded))
	} else {
		failed = table(c.out, results)
	}
	return errors.Join(err, failed)
}

// benchTargeting measures rules on each store that was asked for.
func (c *cli) benchTargeting(ctx context.Context, f benchFlags) error {
	if f.contacts < 1000 {
		return usagef("--contacts %d: at least 1000", f.contacts)
	}
	stores := f.selection.Stores
	if len(stores) == 0 {
		stores = []string{"sqlite", "postgres"}
	}
	for _, store := range stores {
		if store != "sqlite" && store != "postgres" {
			return usagef("--store %s: with --targeting one of sqlite, postgres", store)
		}
	}
	return reportBench(c, f, bench.WriteTargetingTable, func(servers *benchServers) (results []bench.TargetingResult, err error) {
		for _, store := range stores {
			more, err := c.benchRules(ctx, servers, store, f.contacts)
			if err != nil {
				return results, fmt.Errorf("%s: %w", store, err)
			}
			results = append(results, more...)
		}
		return results, nil
	})
}

func (c *cli) benchRules(ctx context.Context, servers *benchServers, store string, contacts int) ([]bench.TargetingResult, error) {
	dir, err := os.MkdirTemp("", "carillon-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	s := bench.TargetingScenario{Contacts: contacts, Dir: dir}
	if store == "postgres" {
		if s.StoreDSN, err = servers.postgresDSN(ctx); err != nil {
			return nil, err
		}
	}
	return bench.RunTargeting(ctx, s, c.err)
}

// benchOne runs one scenario in a process of its own.
func (c *cli) benchOne(ctx context.Context, servers *benchServers, s bench.Scenario) (result bench.Result, err error) {
	if s.Dir, err = os.MkdirTemp("", "carillon-bench-"); err != nil {
		return result, err
	}
	defer func() { _ = os.RemoveAll(s.Dir) }()
	if s.Store != "sqlite" {
		if s.RedisURL, err = servers.redisURL(ctx); err != nil {
			return result, err
		}
		s.RedisPid = servers.redisPid()
	}
	if s.Store == "postgres" {
		if s.StoreDSN, err = servers.postgresDSN(ctx); err != nil {
			return result, err
		}
		s.StorePid = servers.postgresPid()
	}
	return bench.RunInChild(ctx, s, c.err)
}
