package providers_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/providers"
)

type config struct {
	Host    string                   `json:"host" destination:"true"`
	Port    int                      `json:"port,omitempty" destination:"true" minimum:"1" maximum:"65535" default:"25"`
	URL     string                   `json:"url,omitempty" format:"uri"`
	Rate    float64                  `json:"rate,omitempty" minimum:"0" maximum:"1"`
	Mode    string                   `json:"mode,omitempty" enum:"fast,slow" default:"fast"`
	Strict  bool                     `json:"strict,omitempty"`
	Secret  secret.String            `json:"secret,omitempty" writeOnly:"true"`
	Headers map[string]secret.String `json:"headers,omitempty" writeOnly:"true"`
}

type nothing struct{}

func (nothing) Send(context.Context, providers.Message) (providers.Accepted, error) {
	return providers.Accepted{}, nil
}
func (nothing) Close() error { return nil }

func kind(name string) providers.Kind {
	return providers.Define(providers.Kind{Name: name, Capabilities: providers.Capabilities{Address: providers.Email}}, nil,
		func(*config, providers.Deps) (providers.Provider, error) { return nothing{}, nil })
}

func registry(t *testing.T) *providers.Registry {
	t.Helper()
	r, err := providers.NewRegistry(kind("second"), kind("first"))
	require.NoError(t, err)
	return r
}

func TestDecodeConfig(t *testing.T) {
	var c config
	require.NoError(t, providers.DecodeConfig(json.RawMessage(
		`{"host": "h", "rate": 0.5, "mode": null, "secret": "s", "headers": {"a": "b"}}`), &c))
	require.Equal(t, config{
		Host: "h", Port: 25, Rate: 0.5, Mode: "fast",
		Secret: secret.New("s"), Headers: map[string]secret.String{"a": secret.New("b")},
	}, c)
}

func TestDecodeConfigRefuses(t *testing.T) {
	for given, wants := range map[string][]string{
		``:                 {"config.host: is required"},
		`null`:             {"config.host: is required"},
		`{"host": ""}`:     {"config.host: is required"},
		`7`:                {"config: must be a JSON object"},
		`{"host": "h"} {}`: {"config: must be a JSON object"},
		`{"host": "h", "hots": "x"}`: {"config.hots: is not a setting of this provider; its settings are host, port, url, rate, mode, strict, " +
			"secret, headers"},
		`{"HOST": "h"}`:                                 {"config.HOST: is not a setting", "config.host: is required"},
		`{"host": 7}`:                                   {"config.host: must be a text"},
		`{"host": "h", "port": "25"}`:                   {"config.port: must be a whole number"},
		`{"host": "h", "port": 2.5}`:                    {"config.port: must be a whole number"},
		`{"host": "h", "port": 0}`:                      {"config.port: must be from 1 to 65535"},
		`{"host": "h", "port": 70000}`:                  {`config.port: must be from 1 to 65535, got "70000"`},
		`{"host": "h", "rate": "x"}`:                    {"config.rate: must be a number"},
		`{"host": "h", "rate": 1.5}`:                    {"config.rate: must be from 0 to 1"},
		`{"host": "h", "mode": "medium"}`:               {`config.mode: must be one of fast, slow, got "medium"`},
		`{"host": "h", "strict": "yes"}`:                {"config.strict: must be true or false"},
		`{"host": "h", "secret": 7}`:                    {"config.secret: must be a text"},
		`{"host": "h", "headers": "x"}`:                 {"config.headers: must be an object of texts"},
		`{"host": 7, "mode": "medium"}`:                 {"config.host", "config.mode"},
		`{"host": "h", "port": "tOpSeCrEt"}`:            {"config.port"},
		`{"host": "h", "secret": "<redacted>"}`:         {"config.secret: is the mask"},
		`{"host": "h", "headers": {"a": "<redacted>"}}`: {"config.headers: holds under \"a\" the mask"},
	} {
		err := providers.DecodeConfig(json.RawMessage(given), new(config))
		require.True(t, fault.Is(err, fault.Invalid), "%s: %v", given, err)
		for _, want := range wants {
			require.ErrorContains(t, err, want, given)
		}
		require.NotContains(t, err.Error(), "tOpSeCrEt")
	}
}

func FuzzDecodeConfig(f *testing.F) {
	f.Add([]byte(`{"host": "h", "port": 25, "headers": {"a": "b"}}`))
	f.Add([]byte(`{"host": null, "secret": "<redacted>"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var c config
		err := providers.DecodeConfig(raw, &c)
		if err != nil {
			require.True(t, fault.Is(err, fault.Invalid))
			return
		}
		require.NotEmpty(t, c.Host)
		require.Contains(t, []string{"fast", "slow"}, c.Mode)
	})
}

func TestRegistry(t *testing.T) {
	r := registry(t)
	require.Equal(t, []string{"first", "second"}, r.Names())
	require.Len(t, r.Kinds(), 2)
	_, err := r.Kind("third")
	require.True(t, fault.Is(err, fault.Invalid))
	require.ErrorContains(t, err, `provider: is not a known provider; the known ones are first, second, got "third"`)
	p, err := r.New("first", json.RawMessage(`{"host": "h"}`), providers.Deps{})
	require.NoError(t, err)
	require.NoError(t, p.Close())
	_, err = r.New("first", json.RawMessage(`{}`), providers.Deps{})
	require.ErrorContains(t, err, "config.host")
	address, err := r.Address("first", nil)
	require.NoError(t, err)
	require.Equal(t, providers.Email, address)

	for _, bad := range [][]providers.Kind{{kind("first"), kind("first")}, {kind("Two words")}, {{Name: "empty"}}} {
		_, err := providers.NewRegistry(bad...)
		require.Error(t, err)
	}
}

func TestPublic(t *testing.T) {
	shown, err := registry(t).Public("first", json.RawMessage(
		`{"host": "h", "secret": "tOpSeCrEt", "headers": {"a": "tOpSeCrEt"}, "unknown": "tOpSeCrEt"}`), true)
	require.NoError(t, err)
	require.JSONEq(t, `{"host": "h", "secret": "<redacted>", "headers": {"a": "<redacted>"}}`, string(shown))
	shown, err = registry(t).Public("first", json.RawMessage(`{"host": "h", "secret": ""}`), true)
	require.NoError(t, err)
	require.JSONEq(t, `{"host": "h", "secret": ""}`, string(shown), "it can be seen that there is none")
	for address, hidden := range map[string]string{
		"https://hooks.example.org/services/T0/B0/tOpSeCrEt": "https://hooks.example.org/<redacted>",
		"https://hooks.example.org:8443/?key=tOpSeCrEt":      "https://hooks.example.org:8443/<redacted>",
		"https://u:tOpSeCrEt@hooks.example.org":              "https://hooks.example.org/<redacted>",
		"https://hooks.example.org#tOpSeCrEt":                "https://hooks.example.org/<redacted>",
		"https://hooks.example.org/":                         "https://hooks.example.org",
		"tOpSeCrEt":                                          "<redacted>",
	} {
		whole, err := json.Marshal(map[string]string{"url": address})
		require.NoError(t, err)
		shown, err = registry(t).Public("first", whole, false)
		require.NoError(t, err)
		wanted, err := json.Marshal(map[string]string{"url": hidden})
		require.NoError(t, err)
		require.JSONEq(t, string(wanted), string(shown))
		shown, err = registry(t).Public("first", whole, true)
		require.NoError(t, err)
		require.JSONEq(t, string(whole), string(shown))
	}
}

func TestMerge(t *testing.T) {
	const stored = `{"host": "h", "port": 25, "secret": "s", "headers": {"a": "1", "b": "2"}}`
	for update, want := range map[string]string{
		`{"host": "h", "rate": 1}`: `{"host": "h", "rate": 1, "secret": "s", "headers": {"a": "1", "b": "2"}}`,
		`{"host": "h", "secret": "<redacted>", "headers": {"a": "<redacted>", "c": "3"}}`: `{"host": "h", "secret": "s", "headers": {"a": "1", "c": "3"}}`,
		`{"host": "i", "secret": "t", "headers": {}}`:                                     `{"host": "i", "secret": "t", "headers": {}}`,
		`{"host": "i", "secret": "", "headers": {"a": "9"}}`:                              `{"host": "i", "secret": "", "headers": {"a": "9"}}`,
		`{"host": "h", "port": null, "headers": {"z": "<redacted>"}}`: `{"host": "h", "port": null, "secret": "s", "headers": {"z": ` +
			`"<redacted>"}}`,
	} {
		got, err := registry(t).Merge("first", json.RawMessage(stored), json.RawMessage(update))
		require.NoError(t, err)
		require.JSONEq(t, want, string(got), update)
	}
	for update, wants := range map[string][]string{
		`{"host": "i"}`: {"config.secret: must be given anew, or removed with \"\", because config.host changes",
			"config.headers: must be given anew, or removed with {}"},
		`{"host": "i", "port": 26, "secret": "t"}`:                                 {"config.headers", "because config.host and config.port change"},
		`{"host": "h", "port": 26, "secret": "t", "headers": {"a": "<redacted>"}}`: {"config.headers"},
		`{"host": "H", "secret": "<redacted>", "headers": {"a": "1"}}`:             {"config.secret"},
		`{"secret": "<redacted>", "headers": {}}`:                                  {"config.secret"},
	} {
		_, err := registry(t).Merge("first", json.RawMessage(stored), json.RawMessage(update))
		require.True(t, fault.Is(err, fault.Invalid), update)
		for _, want := range wants {
			require.ErrorContains(t, err, want, update)
		}
	}
	_, err := registry(t).Merge("first", json.RawMessage(stored), json.RawMessage(`[]`))
	require.True(t, fault.Is(err, fault.Invalid))
}

// What a channel shows can be sent back and changes nothing.
func TestPublicAndMergeRoundTrip(t *testing.T) {
	r := registry(t)
	stored := json.RawMessage(`{"host": "h", "secret": "s", "headers": {"a": "1"}}`)
	shown, err := r.Public("first", stored, true)
	require.NoError(t, err)
	merged, err := r.Merge("first", stored, shown)
	require.NoError(t, err)
	require.JSONEq(t, string(stored), string(merged))
}
