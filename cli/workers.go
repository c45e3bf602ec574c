package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"carillon/api"
)

// manyWorkers is as many as the server tells of.
const manyWorkers = 1000

func (c *cli) workers() *cobra.Command {
	return plain(&cobra.Command{
		Use: "workers", Short: "List the workers: who sends, and who did", GroupID: "work",
		Long: `Lists the processes that send, those of the last day included. A worker says each second that it is
alive; one that was not heard of for 4 seconds is dead, and what it had in flight is settled. One that
stopped in good order is retired.`,
		Example: "  carillon workers",
	}, func(ctx context.Context) error {
		return showList(ctx, c, v1("workers"), manyWorkers,
			rows[api.Worker]{"ID NAME STATE SINCE LAST_HEARTBEAT CHANNELS IN_FLIGHT VERSION", func(k api.Worker) []any {
				return []any{k.ID, k.Name, k.State, at(&k.Since), exactly(k.SeenAt), strings.Trim(fmt.Sprint(k.Channels), "[]"), k.InFlight, k.Version}
			}})
	})
}
