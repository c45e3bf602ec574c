// Package bench owns `carillon bench`: it runs the whole path of a campaign on
// real parts with the settings that a channel has when nobody changes them,
// beside a naive loop that sends the same content to a sink of the same kind
// with no queue and no store, and reports both. Engine, sink and loop run in a
// process each, so that what one of them takes is not taken for another's. It
// reports and never judges.
package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// Scenario is one combination to measure.
type Scenario struct {
	// Content is the name of one of Contents.
	Content string `json:"content"`
	// Transport is "http", "smtp" (the server offers PIPELINING) or "smtp-plain".
	Transport string `json:"transport"`
	// LatencyMS is how many milliseconds the provider takes for each message.
	LatencyMS int `json:"latency_ms"`
	// Store is one of Stores.
	Store string `json:"store"`
	// Recipients is the size of the campaign, or of the two together if it is Mixed.
	Recipients int `json:"recipients"`
	// Mixed sends two campaigns at once, and transactional messages meanwhile.
	Mixed bool `json:"mixed,omitempty"`
	// Concurrency is the channel's limits.concurrency; 0 leaves it to the channel.
	Concurrency int `json:"concurrency,omitempty"`
	// Workers is how many worker processes there are beside the one that plans and
	// feeds; with 0 that one does everything.
	Workers int `json:"workers,omitempty"`
	// Webhooks is how many programs are told what becomes of each message.
	Webhooks int `json:"webhooks,omitempty"`
	// Profile is what the names of the profiles' files begin with; empty makes none.
	Profile string `json:"profile,omitempty"`

	// StoreDSN is a postgres:// URL; empty is a SQLite file in Dir.
	StoreDSN string `json:"store_dsn,omitempty"`
	// RedisURL is a redis:// URL; empty is the embedded Redis.
	RedisURL string `json:"redis_url,omitempty"`
	// StorePid and RedisPid are the servers' processes, where they are known.
	StorePid int `json:"store_pid,omitempty"`
	RedisPid int `json:"redis_pid,omitempty"`
	// Dir holds the scenario's files.
	Dir string `json:"dir,omitempty"`
	// Sink is where the naive loop sends.
	Sink Address `json:"sink,omitzero"`
	// Clicking is what the process clicks that plays recipients.
	Clicking clicking `json:"clicking,omitzero"`
}

// Stores are the stores with the Redis beside them: SQLite with the embedded one,
// which is what one gets without setting anything; SQLite with a Redis server;
// PostgreSQL with a Redis server.
func Stores() []string { return []string{"sqlite", "sqlite+redis", "postgres"} }

// Transports are the ways to a sink.
func Transports() []string { return []string{"smtp", "smtp-plain", "http"} }

func (s Scenario) latency() time.Duration { return time.Duration(s.LatencyMS) * time.Millisecond }

// String names the scenario in a line.
func (s Scenario) String() string {
	text := fmt.Sprintf("%s, %s, %s, %d recipients", s.Content, s.Transport, s.Store, s.Recipients)
	if s.LatencyMS > 0 {
		text += fmt.Sprintf(", %d ms an answer", s.LatencyMS)
	}
	if s.Workers > 0 {
		text += fmt.Sprintf(", workers: %d", s.Workers)
	}
	if s.Concurrency > 0 {
		text += fmt.Sprintf(", concurrency %d", s.Concurrency)
	}
	if s.Webhooks > 0 {
		text += fmt.Sprintf(", webhooks: %d", s.Webhooks)
	}
	if s.Mixed {
		text += ", two campaigns and transactional messages"
	}
	return text
}

// Result is what a scenario measured. Rates are per second.
type Result struct {
	Content     string `json:"content"`
	Transport   string `json:"transport"`
	LatencyMS   int    `json:"latency_ms"`
	Store       string `json:"store"`
	Recipients  int    `json:"recipients"`
	Mixed       bool   `json:"mixed,omitempty"`
	Concurrency int    `json:"concurrency,omitempty"`
	Workers     int    `json:"workers,omitempty"`
	Webhooks    int    `json:"webhooks,omitempty"`

	// SendRate is messages claimed, sent and recorded, from the first to the last;
	// SteadyRate those that arrived in the second half of that time.
	SendRate   float64 `json:"send_per_second"`
	SteadyRate float64 `json:"steady_per_second"`
	// Naive is the naive loop with the same content to a sink of the same kind.
	Naive float64 `json:"naive_per_second"`
	// Connections is the most that were open; AllowedRate what they allow with
	// the provider's latency, 0 where it has none.
	Connections int64   `json:"connections"`
	AllowedRate float64 `json:"allowed_per_second,omitempty"`
	// FirstMessage is from starting a campaign to its first message at the sink,
	// while the rest is still being planned.
	FirstMessage float64 `json:"first_message_seconds"`
	// Transactional is the median from creating a transactional message to its
	// arrival while a campaign waits on the same channel at 80 a second. Of a
	// mixed scenario AtFullSpeed is the same while two campaigns are sent as fast as
	// it goes, and AtFullSpeedWorst the longest.
	Transactional    float64 `json:"transactional_seconds"`
	AtFullSpeed      float64 `json:"transactional_at_full_speed_seconds,omitempty"`
	AtFullSpeedWorst float64 `json:"transactional_at_full_speed_worst_seconds,omitempty"`
	// Share is how much of what was sent, when half of it was, belonged to the
	// campaign that had less of it; 0.5 is fair.
	Share float64 `json:"share,omitempty"`

	// PeakProcess is the most resident memory that the process ever had (VmHWM),
	// import and planning included, sink and naive loop not; 0 where the system
	// does not tell. PeakRedis is the most that Redis used.
	PeakProcess int64 `json:"peak_process_bytes"`
	// PeakPrepared is what PeakProcess was before anything was sent.
	PeakPrepared int64 `json:"peak_process_bytes_before_sending"`
	PeakRedis    int64 `json:"peak_redis_bytes"`
	// RedisPerMessage is what the queues' keys take for each queued message: the
	// median while at least half as many as ever were queued.
	RedisPerMessage float64 `json:"redis_bytes_per_queued_message"`
	// Cores are those that were busy while it was sent at full speed.
	Cores Cores `json:"cores"`
	// Counts are what it took, less what passes when nothing is sent. With workers
	// of their own, allocations and transactions are those of the process that feeds.
	Counts Counts `json:"counts"`

	// ImportCreated and ImportUpdated are CSV rows.
	ImportCreated float64 `json:"import_created_per_second"`
	ImportUpdated float64 `json:"import_updated_per_second"`
	// PlanSeconds is from the start of the campaign to its last message row;
	// PlanRate is messages.
	PlanSeconds float64 `json:"plan_seconds"`
	PlanRate    float64 `json:"plan_per_second"`
	// FeedRate is messages marked and enqueued while the feeder works.
	FeedRate float64 `json:"feed_per_second"`
	// PreviewSeconds is a draft's preview, ExplainSeconds the median of asking what
	// became of one recipient. PauseSeconds is pausing a campaign under way, and
	// CancelSeconds canceling it, until nothing of it is left: nearly all of it was.
	PreviewSeconds float64 `json:"preview_seconds"`
	ExplainSeconds float64 `json:"explain_seconds"`
	PauseSeconds   float64 `json:"pause_seconds"`
	CancelSeconds  float64 `json:"cancel_seconds"`
	// ToldSeconds is how long after the last message the last program had been told of it.
	ToldSeconds float64 `json:"told_seconds,omitempty"`
	// Verified says that every run balanced afterwards, that the sink was asked for as many
	// messages as were sent, and that each program was told of each once.
	Verified bool `json:"verified"`

	// singles is how many transactional messages were sent beside the campaigns.
	singles int64
}

// Ratio is to the naive loop.
func (r Result) Ratio() float64 { return ratio(r.SendRate, r.Naive) }

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// childOf is a process that plays a role in a scenario.
func childOf(ctx context.Context, role string, s Scenario, progress io.Writer) (*exec.Cmd, error) {
	encoded, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	child := exec.CommandContext(ctx, program, "bench", "--role", role, "--scenario", string(encoded))
	child.Stderr = progress
	return child, nil
}

// runInChild measures a scenario in a process of its own.
func runInChild(ctx context.Context, s Scenario, progress io.Writer) (result Result, err error) {
	err = callChild(ctx, "engine", s, progress, &result)
	return result, err
}

func callChild(ctx context.Context, role string, s Scenario, progress io.Writer, result any) error {
	child, err := childOf(ctx, role, s, progress)
	if err != nil {
		return err
	}
	output, err := child.Output()
	if err != nil {
		return fmt.Errorf("%s: %w", role, err)
	}
	return json.Unmarshal(output, result)
}

// Streams are a child's.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// Child plays a role that childOf asked for; its result is JSON on Out.
func Child(ctx context.Context, role, encoded string, streams Streams) error {
	var s Scenario
	if err := json.Unmarshal([]byte(encoded), &s); err != nil {
		return fmt.Errorf("read scenario: %w", err)
	}
	var result any
	var err error
	switch role {
	case "sink":
		return serveSink(ctx, s, streams.In, streams.Out)
	case "naive":
		result, err = naive(ctx, s, naiveMessages)
	case "clicks":
		result, err = clickUntil(ctx, s.Clicking, streams.In)
	case "flows":
		result, err = runFlows(ctx, s, streams.Err)
	case "worker":
		return serveWorker(ctx, s, streams.In, streams.Out)
	case "engine":
		result, err = Run(ctx, s, streams.Err)
	default:
		return fmt.Errorf("unknown role %q", role)
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(streams.Out).Encode(result)
}
