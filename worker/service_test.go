package worker

import (
	"encoding/json"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/secret"
	"carillon/providers"
)

// An adapter that signs with the secret of before is made anew once that is ended, and not because
// the channel was renamed.
func TestAnEndedOverlapIsAnotherService(t *testing.T) {
	ends := time.UnixMilli(1_800_000_000_000)
	was := map[string]providers.Replaced{"secret": {Secret: secret.New("old"), EndsAt: ends}}
	c := providers.Channel{Provider: "webhook", Config: json.RawMessage(`{"secret":"new"}`), Replaced: was}
	same := c
	same.Name, same.Replaced = "renamed", maps.Clone(was)
	same.Replaced["secret"] = providers.Replaced{Secret: secret.New("old"), EndsAt: ends.UTC()}
	require.True(t, sameService(c, same))
	for _, other := range []map[string]providers.Replaced{
		nil, {"secret": {Secret: secret.New("other"), EndsAt: ends}}, {"secret": {Secret: secret.New("old"), EndsAt: ends.Add(time.Millisecond)}},
	} {
		ended := c
		ended.Replaced = other
		require.False(t, sameService(c, ended))
		require.False(t, sameService(ended, c))
	}
}
