package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/providers/builtin"
)

// settings are those that the line gives that says how to make a channel.
var settings = regexp.MustCompile(`--set (?:'([a-z_]+)=([^']*)'|([a-z_]+)=(\S+))`)

// The channel that each fake names is one that the provider takes: what stands in files of the
// reader's is that of the provider's sample.
func TestSinkNamesAChannel(t *testing.T) {
	registry, err := builtin.Registry()
	require.NoError(t, err)
	for provider, play := range playable {
		sample := map[string]any{}
		text, err := os.ReadFile("../providers/" + provider + "/testdata/config.json")
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(text, &sample))
		line := play.channel("http://127.0.0.1:9090", "a-secret-of-a-fake-0123")
		require.True(t, strings.HasPrefix(line, "--provider "+provider+" "), line)
		config := map[string]any{}
		for _, found := range settings.FindAllStringSubmatch(line, -1) {
			name, value := found[1]+found[3], found[2]+found[4]
			if config[name] = value; strings.HasPrefix(value, "@") || strings.HasPrefix(value, `"$(`) {
				config[name] = sample[name]
			}
		}
		require.Len(t, config, strings.Count(line, "--set "), fmt.Sprint(provider, ": ", line))
		raw, err := json.Marshal(config)
		require.NoError(t, err)
		require.NoError(t, registry.Validate(provider, raw), line)
	}
}
