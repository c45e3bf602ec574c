package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"carillon/cmd/carillon/bench"
	"carillon/internal/testenv"
)

type benchFlags struct {
	recipients  []int
	stacks      []string
	sinks       []string
	concurrency int
	postgres    string
	redis       string
	scenario    string
	save        string
	targeting   bool
	contacts    int
}

var benchStacks = []string{"embedded", "redis", "postgres"}

func (c *cli) addBench(root *cobra.Command) {
	var f benchFlags
	cmd := &cobra.Command{
		Use: "bench", Short: "Measure the whole path on this machine, beside a naive loop", GroupID: "server", Args: cobra.NoArgs,
		Long: `Measures import, planning, feeding and sending, the time to the first message, the latency of a
transactional message under load, and peak memory. Each scenario runs in a process of its own with
a sink of its own on loopback, and measures a naive loop to the same sink first, so that the ratio
means the same on every machine. Redis and PostgreSQL are started privately (redis-server and
postgresql must be installed) unless --redis-url and --postgres-dsn name servers that may be used;
the database is filled, so let it be an empty one.`,
		Example: "  carillon bench\n  carillon bench --recipients 100000,1000000 --stack embedded,postgres --sink smtp --save figures.json\n  carillon bench --targeting --contacts 100000",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.scenario != "" {
				return c.benchScenario(cmd.Context(), f.scenario)
			}
			if f.targeting {
				return c.benchTargeting(cmd.Context(), f)
			}
			return c.bench(cmd.Context(), f)
		},
	}
	flags := cmd.Flags()
	flags.IntSliceVar(&f.recipients, "recipients", []int{100_000}, "sizes of the campaign")
	flags.StringSliceVar(&f.stacks, "stack", benchStacks, "embedded (SQLite, embedded Redis), redis (SQLite, Redis), postgres (PostgreSQL, Redis)")
	flags.StringSliceVar(&f.sinks, "sink", []string{"http", "smtp", "smtp-plain"}, "http, smtp (the server offers PIPELINING), smtp-plain (it does not)")
	flags.IntVar(&f.concurrency, "concurrency", 1000, "messages in flight (limits.concurrency of the channel)")
	flags.StringVar(&f.postgres, "postgres-dsn", "", "use this empty PostgreSQL database instead of a private one")
	flags.StringVar(&f.redis, "redis-url", "", "use this Redis instead of a private one")
	flags.StringVar(&f.save, "save", "", "write the results as JSON to this file too")
	flags.BoolVar(&f.targeting, "targeting", false, "measure rules instead: how long counting their contacts takes, on SQLite and PostgreSQL")
	flags.IntVar(&f.contacts, "contacts", 1_000_000, "with --targeting: how many contacts there are, at least 1000")
	flags.StringVar(&f.scenario, "scenario", "", "")
	if err := flags.MarkHidden("scenario"); err != nil {
		panic(err)
	}
	root.AddCommand(cmd)
}

// benchScenario is the child process of one scenario: its result is the last
// line on standard output.
func (c *cli) benchScenario(ctx context.Context, encoded string) error {
	var s bench.Scenario
	if err := json.Unmarshal([]byte(encoded), &s); err != nil {
		return fmt.Errorf("read scenario: %w", err)
	}
	result, err := bench.Run(ctx, s, c.err)
	if err != nil {
		return err
	}
	return json.NewEncoder(c.out).Encode(result)
}

func (c *cli) bench(ctx context.Context, f benchFlags) error {
	for _, stack := range f.stacks {
		if !slices.Contains(benchStacks, stack) {
			return usagef("--stack %s: one of %s", stack, strings.Join(benchStacks, ", "))
		}
	}
	return reportBench(c, f, bench.WriteTable, func(servers *benchServers) (results []bench.Result, err error) {
		for _, n := range f.recipients {
			for _, stack := range f.stacks {
				for _, sink := range f.sinks {
					result, err := c.benchOne(ctx, servers, stack, bench.Scenario{Sink: sink, Recipients: n, Concurrency: f.concurrency})
					if err != nil {
						return nil, fmt.Errorf("%s, %s, %d recipients: %w", stack, sink, n, err)
					}
					results = append(results, result)
				}
			}
		}
		return results, nil
	})
}

// reportBench measures with private servers, saves the results where asked and
// prints them, as JSON or by table. The servers are gone by then: whoever reads
// the results may leave in the middle, as head does, and end the program.
func reportBench[R any](c *cli, f benchFlags, table func(io.Writer, []R) error, measure func(*benchServers) ([]R, error)) error {
	servers := benchServers{f: f}
	results, err := measure(&servers)
	if err := errors.Join(err, servers.close()); err != nil {
		return err
	}
	encoded, err := json.MarshalIndent(results, "", "  ")
	if err != nil {
		return err
	}
	if f.save != "" {
		if err := os.WriteFile(f.save, append(encoded, '\n'), 0o644); err != nil {
			return err
		}
	}
	if c.output == "json" {
		_, err = fmt.Fprintln(c.out, string(encoded))
		return err
	}
	return table(c.out, results)
}

// benchTargeting measures rules on each store that was asked for.
func (c *cli) benchTargeting(ctx context.Context, f benchFlags) error {
	if f.contacts < 1000 {
		return usagef("--contacts %d: at least 1000", f.contacts)
	}
	return reportBench(c, f, bench.WriteTargetingTable, func(servers *benchServers) (results []bench.TargetingResult, err error) {
		for _, stack := range []string{"embedded", "postgres"} {
			if !slices.Contains(f.stacks, stack) {
				continue
			}
			more, err := c.benchRules(ctx, servers, stack, f.contacts)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", stack, err)
			}
			results = append(results, more...)
		}
		return results, nil
	})
}

func (c *cli) benchRules(ctx context.Context, servers *benchServers, stack string, contacts int) ([]bench.TargetingResult, error) {
	dir, err := os.MkdirTemp("", "carillon-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	s := bench.TargetingScenario{Contacts: contacts, Dir: dir}
	if stack == "postgres" {
		if s.StoreDSN, err = servers.postgresDSN(ctx); err != nil {
			return nil, err
		}
	}
	return bench.RunTargeting(ctx, s, c.err)
}

// benchOne runs one scenario in a process of its own.
func (c *cli) benchOne(ctx context.Context, servers *benchServers, stack string, s bench.Scenario) (result bench.Result, err error) {
	if s.Dir, err = os.MkdirTemp("", "carillon-bench-"); err != nil {
		return result, err
	}
	defer func() { _ = os.RemoveAll(s.Dir) }()
	if stack != "embedded" {
		if s.RedisURL, err = servers.redisURL(ctx); err != nil {
			return result, err
		}
	}
	if stack == "postgres" {
		if s.StoreDSN, err = servers.postgresDSN(ctx); err != nil {
			return result, err
		}
	}
	encoded, err := json.Marshal(s)
	if err != nil {
		return result, err
	}
	program, err := os.Executable()
	if err != nil {
		return result, err
	}
	child := exec.CommandContext(ctx, program, "bench", "--scenario", string(encoded))
	child.Stderr = c.err
	output, err := child.Output()
	if err != nil {
		return result, err
	}
	return result, json.Unmarshal(output, &result)
}

// benchServers are the private servers, started when they are first needed.
type benchServers struct {
	f        benchFlags
	redis    *testenv.RedisServer
	postgres *testenv.PostgresServer
	dir      string
}

func (b *benchServers) folder(name string) (string, error) {
	if b.dir == "" {
		dir, err := os.MkdirTemp("", "carillon-bench-servers-")
		if err != nil {
			return "", err
		}
		// PostgreSQL runs as another user if we are root.
		if err := os.Chmod(dir, 0o755); err != nil {
			return "", err
		}
		b.dir = dir
	}
	return filepath.Join(b.dir, name), nil
}

func (b *benchServers) redisURL(ctx context.Context) (string, error) {
	if b.f.redis != "" {
		return b.f.redis, nil
	}
	if b.redis == nil {
		dir, err := b.folder("redis")
		if err != nil {
			return "", err
		}
		if b.redis, err = testenv.StartRedis(dir); err != nil {
			return "", err
		}
	}
	return b.redis.URL(), b.redis.FlushAll()
}

func (b *benchServers) postgresDSN(ctx context.Context) (string, error) {
	if b.f.postgres != "" {
		return b.f.postgres, nil
	}
	if b.postgres == nil {
		dir, err := b.folder("postgres")
		if err != nil {
			return "", err
		}
		if b.postgres, err = testenv.StartPostgres(dir); err != nil {
			return "", err
		}
	}
	return b.postgres.CreateDatabase(ctx)
}

func (b *benchServers) close() error {
	var first error
	keep := func(err error) {
		if first == nil {
			first = err
		}
	}
	if b.redis != nil {
		keep(b.redis.Close())
	}
	if b.postgres != nil {
		keep(b.postgres.Close())
	}
	if b.dir != "" {
		keep(os.RemoveAll(b.dir))
	}
	return first
}
