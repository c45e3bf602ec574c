package bench

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// WriteTable writes results as a table, with the ratio to the naive loop that
// holds on any machine.
func WriteTable(w io.Writer, results []Result) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(t, "store + queue\tsink\trecipients\timport new/s\tknown/s\tplan s\tplan/s\tfeed/s\tsend/s\tnaive/s\tratio\tfirst ms\ttransact. ms\tprocess MiB\tRedis MiB\tbalances\t")
	for _, r := range results {
		_, _ = fmt.Fprintf(t, "%s\t%s\t%d\t%.0f\t%.0f\t%.2f\t%.0f\t%.0f\t%.0f\t%.0f\t%.2f\t%.0f\t%.0f\t%d\t%.1f\t%t\t\n",
			r.Parts, r.Sink, r.Recipients, r.ImportCreated, r.ImportUpdated, r.PlanSeconds, r.PlanRate, r.FeedRate, r.SendRate, r.Ceiling,
			r.SendRate/r.Ceiling, r.FirstMessage*1000, r.Transactional*1000, r.PeakProcess>>20, float64(r.PeakRedis)/(1<<20), r.Verified)
	}
	return t.Flush()
}
