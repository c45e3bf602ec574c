package providers_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/providers"
	"carillon/providers/builtin"
)

func TestConcurrencyIsANumberOrAuto(t *testing.T) {
	for text, want := range map[string]providers.Concurrency{`"auto"`: providers.Auto, `0`: providers.Auto, `1`: 1, `1000`: 1000} {
		var l providers.Limits
		require.NoError(t, json.Unmarshal([]byte(`{"concurrency":`+text+`}`), &l), text)
		require.Equal(t, want, l.Concurrency)
		back, err := json.Marshal(l)
		require.NoError(t, err)
		var again providers.Limits
		require.NoError(t, json.Unmarshal(back, &again))
		require.Equal(t, l, again)
	}
	for _, text := range []string{`"Auto"`, `""`, `"8"`, `-1`, `1001`, `1.5`, `true`, `{}`} {
		require.ErrorContains(t, json.Unmarshal([]byte(`{"concurrency":`+text+`}`), &providers.Limits{}), "must be auto, or a number from 1 to 1000", text)
	}
	var absent providers.Limits
	require.NoError(t, json.Unmarshal([]byte(`{}`), &absent))
	require.Equal(t, "auto", absent.Concurrency.String())
}

// A person's number counts, then a person's bound, then what suits the provider.
func TestWhatAutoGrowsTo(t *testing.T) {
	r, err := providers.NewRegistry(builtin.Kinds()...)
	require.NoError(t, err)
	const hook = `{"url":"https://example.org","secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr"`
	const mail = `{"host":"mail.example.org","from":"news@example.org"`
	for _, c := range []struct {
		kind, config string
		limits       providers.Limits
		want         int
	}{
		{"smtp", mail + `}`, providers.Limits{}, 40},
		{"smtp", mail + `,"max_connections":3}`, providers.Limits{}, 6},
		{"smtp", mail + `}`, providers.Limits{MaxConcurrency: 100}, 100},
		{"smtp", mail + `}`, providers.Limits{Concurrency: 7, MaxConcurrency: 100}, 7},
		{"webhook", hook + `}`, providers.Limits{}, 128},
		{"webhook", hook + `,"max_connections":9}`, providers.Limits{}, 9},
		{"sandbox", `{}`, providers.Limits{}, providers.DefaultMostRequests},
	} {
		most, err := r.MostRequests(c.kind, json.RawMessage(c.config), c.limits)
		require.NoError(t, err)
		require.Equal(t, c.want, most, "%s %s %+v", c.kind, c.config, c.limits)
	}
	_, err = r.MostRequests("pigeon", nil, providers.Limits{})
	require.ErrorContains(t, err, "is not a known provider")
}
