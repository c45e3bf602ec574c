package bench

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// writeTable writes results as three tables: what a user gets, with the ratio to
// the naive loop that holds on any machine; what it costs; and what comes before
// and beside sending.
func writeTable(w io.Writer, results []Result) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	line := func(cells ...any) {
		var text strings.Builder
		for _, cell := range cells {
			switch v := cell.(type) {
			case float64:
				_, _ = fmt.Fprintf(&text, "%.0f\t", v)
			default:
				_, _ = fmt.Fprintf(&text, "%v\t", v)
			}
		}
		_, _ = fmt.Fprintln(t, text.String())
	}
	line("content", "transport", "latency", "store", "recipients", "messages/s", "2nd half/s", "naive/s", "ratio",
		"first ms", "transact. ms", "at full speed ms", "process MiB", "Redis B/message", "balances")
	for _, r := range results {
		line(r.name(), r.Transport, r.LatencyMS, r.Store, r.Recipients, r.SendRate, r.SteadyRate, r.Naive, fmt.Sprintf("%.2f", r.Ratio()),
			r.FirstMessage*1000, r.Transactional*1000, some(r.AtFullSpeed*1000), some(float64(r.PeakProcess>>20)), r.RedisPerMessage, yes(r.Verified))
	}
	line()
	line("content", "transport", "latency", "store", "recipients", "process µs", "allocations", "KiB", "transactions",
		"Redis commands", "scripts", "cores: process", "workers", "store", "Redis", "sink", "all", "of", "connections", "they allow/s")
	for _, r := range results {
		line(r.name(), r.Transport, r.LatencyMS, r.Store, r.Recipients, some(ratio(r.Cores.Process, r.SendRate)*1e6),
			r.Counts.Allocations, fmt.Sprintf("%.1f", r.Counts.AllocatedBytes/1024), r.Counts.Transactions, r.Counts.Commands, r.Counts.Scripts,
			hundredths(r.Cores.Process), hundredths(r.Cores.Workers), hundredths(r.Cores.Store), hundredths(r.Cores.Redis),
			hundredths(r.Cores.Sink), hundredths(r.Cores.Machine), r.Cores.Of, r.Connections, some(r.AllowedRate))
	}
	line()
	line("content", "transport", "latency", "store", "recipients", "import new/s", "known/s", "plan s", "plan/s", "feed/s",
		"Redis MiB", "smaller share", "preview ms", "explain ms", "pause ms", "cancel all s")
	for _, r := range results {
		line(r.name(), r.Transport, r.LatencyMS, r.Store, r.Recipients, r.ImportCreated, r.ImportUpdated, fmt.Sprintf("%.2f", r.PlanSeconds), r.PlanRate,
			r.FeedRate, fmt.Sprintf("%.1f", float64(r.PeakRedis)/(1<<20)), hundredths(r.Share),
			r.PreviewSeconds*1000, r.ExplainSeconds*1000, r.PauseSeconds*1000, fmt.Sprintf("%.2f", r.CancelSeconds))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, "\nProcess µs (processor time of the process), allocations and KiB are for a message; "+
		"transactions, Redis commands and scripts for a thousand, less what passes when nothing is sent.")
	return err
}

// name is the content's, marked where two campaigns were sent, or with a
// concurrency that is not the channel's own.
func (r Result) name() string {
	name := r.Content
	if r.Mixed {
		name += " twice"
	}
	if r.Workers > 0 {
		name += fmt.Sprintf(" (workers: %d)", r.Workers)
	}
	if r.Concurrency > 0 {
		name += fmt.Sprintf(" (concurrency %d)", r.Concurrency)
	}
	return name
}

// some is a number, or a dash where there is none.
func some(v float64) string {
	if v == 0 {
		return "–"
	}
	return fmt.Sprintf("%.0f", v)
}

func hundredths(v float64) string {
	if v == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", v)
}

func yes(v bool) string {
	if v {
		return "yes"
	}
	return "NO"
}
