package app

import (
	"context"
	"log/slog"
	"time"

	"carillon/access"
	"carillon/internal/clock"
	"carillon/internal/loops"
)

// refusalsEvery is how soon after its minute the count of refusals is written.
const refusalsEvery = 10 * time.Second

// writeRefusals writes what is counted of refused requests, until what it returns is called: then
// the rest.
func writeRefusals(r *access.Refusals, log *slog.Logger) (stop func() error) {
	var group loops.Group
	flush := func(ctx context.Context, all bool) {
		if err := r.Flush(ctx, all); err != nil {
			log.Warn("refused requests could not be written into the audit trail", "error", err)
		}
	}
	group.Go(func(ctx context.Context) {
		for (clock.System{}).Sleep(ctx, refusalsEvery) == nil {
			flush(ctx, false)
		}
	})
	return func() error {
		group.Stop()
		flush(context.Background(), true)
		return nil
	}
}
