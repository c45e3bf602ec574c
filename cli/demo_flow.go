package cli

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"

	"carillon/api"
)

// demoFlow is a flow of two questions with a reminder.
//
//go:embed demo_flow.json
var demoFlow []byte

// demoPeople are for how many of the audience the flow is played.
const demoPeople = 300

// demoWalk makes a flow and plays it for some of those who were written to.
func (c *cli) demoWalk(ctx context.Context, sent api.Campaign) error {
	var in map[string]any
	if err := json.Unmarshal(demoFlow, &in); err != nil {
		return fmt.Errorf("read the flow of the demo: %w", err)
	}
	in["channel_id"], in["audience"] = sent.ChannelID, sent.Audience
	f, _, err := ask[api.Flow](ctx, c, post(flowsPath(), in))
	if err != nil {
		return err
	}
	began := c.clock.Now()
	sayf(c.out, "\n7. %q walks people through steps: two questions, a reminder for who says nothing, and thanks by what they said.\n"+
		"   %d of the audience, every fourth of them silent, played by carillon flow simulate %d:\n\n", f.Name, demoPeople, f.ID)
	if err := c.playFlow(ctx, f.ID, playFlags{in: api.FlowSimulationInput{Sample: demoPeople, Silent: 4}}); err != nil {
		return err
	}
	sayf(c.out, "\n   These weeks took %d ms.\n", c.clock.Now().Sub(began).Milliseconds())
	return nil
}
