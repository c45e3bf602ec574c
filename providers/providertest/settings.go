package providertest

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/fault"
	"carillon/internal/sink"
	"carillon/providers"
)

func (s Subject) unknownSettings(t testing.TB) {
	config := map[string]any{}
	require.NoError(t, json.Unmarshal(s.serve(t, sink.Options{}).Config, &config))
	config["no_such_setting"] = true
	raw, err := json.Marshal(config)
	require.NoError(t, err)
	err = s.Kind.Validate(raw)
	require.True(t, fault.Is(err, fault.Invalid), "got %v", err)
	require.ErrorContains(t, err, "config.no_such_setting")
	_, err = s.Kind.New(raw, providers.Deps{})
	require.Error(t, err)
}
