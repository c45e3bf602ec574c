package fakes_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/fakes"
	"carillon/providers"
)

// Each webhook does with messages as its number says.
func TestRooms(t *testing.T) {
	for provider, played := range map[string]struct {
		start                        func(fakes.Options) (*fakes.Server, error)
		webhook                      string
		removed, closed, slow, empty string
	}{
		"slack":   {fakes.Slack, "https://hooks.slack.com/services/T0/B%010d/a-token-of-a-fake", "no_service", "channel_is_archived", "rate_limited", "no_text"},
		"discord": {fakes.Discord, "https://discord.com/api/webhooks/%018d/a-token-of-a-fake", "10015", "50013", "429", "50006"},
		"teams": {
			fakes.Teams, "https://default0.ef.environment.api.powerplatform.com:443/powerautomate/automations/direct/workflows/" +
				"%032d/triggers/manual/paths/invoke?api-version=1&sp=%%2Ftriggers%%2Fmanual%%2Frun&sv=1.0&sig=a-signature-of-a-fake",
			"WorkflowNotFound", "WorkflowTriggerIsNotEnabled", "429", "",
		},
	} {
		t.Run(provider, func(t *testing.T) {
			start, told := telling(played.start)
			f := newFar(t, provider, start, func(address string) map[string]any {
				rooms := map[string]any{}
				for number, name := range map[int]string{10: "news", 0: "removed", 1: "closed", 4: "slow"} {
					rooms[name] = fmt.Sprintf(played.webhook, number)
				}
				return map[string]any{"api": address, "rooms": rooms}
			})
			text := providers.Content{Text: "Hi"}
			require.Empty(t, f.send(1, "news", text))
			require.Equal(t, played.removed, f.send(2, "removed", text))
			require.Equal(t, played.closed, f.send(3, "closed", text))
			require.Equal(t, played.slow, f.send(4, "slow", text))
			require.Empty(t, f.send(4, "slow", text))
			if played.empty != "" {
				require.Equal(t, played.empty, f.send(5, "news", providers.Content{}))
			}
			require.Equal(t, "Hi", told()[0].Text)
			require.Empty(t, told()[0].Refused)
			require.Regexp(t, `10$`, told()[0].To)
			require.NotEmpty(t, told()[1].Refused)
			if checker, checks := f.adapter.(providers.Checker); checks {
				require.ErrorContains(t, checker.Check(t.Context()), `config.rooms["removed"]`)
			}
		})
	}
}
