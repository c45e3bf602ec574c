package providertest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/sink"
	"carillon/providers"
)

// secretsNowhere looks for the secrets in everything that could be shown, with
// a far end that repeats whatever it was told.
func (s Subject) secretsNowhere(t testing.TB) {
	var logged bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug})))
	t.Cleanup(func() { slog.SetDefault(before) })

	var shown []string
	show := func(v any) {
		encoded, _ := json.Marshal(v)
		shown = append(shown, fmt.Sprintf("%v %+v %#v %s", v, v, v, encoded))
		if err, ok := v.(error); ok {
			for ; err != nil; err = errors.Unwrap(err) {
				shown = append(shown, fmt.Sprintf("%v %+v %#v", err, err, err))
			}
		}
	}
	echo := Refusal{Name: "echo", Answer: sink.Answer{Code: 500, Text: strings.Join(s.Secrets, " ")}, Config: s.Config}
	for _, r := range append(s.Refusals, echo) {
		p, err := s.refuse(t, r)
		show(err)
		require.NoError(t, p.Close()) // so that printing it races with nothing
		show(p)
	}
	config := s.serve(t, sink.Options{}).Config
	registry, err := providers.NewRegistry(s.Kind)
	require.NoError(t, err)
	public, err := registry.Public(s.Kind.Name, config, true)
	require.NoError(t, err)
	show(string(public))
	broken := bytes.ReplaceAll(config, []byte(`{`), []byte(`{"no_such_setting":1,`))
	show(s.Kind.Validate(broken))
	decoded := reflect.New(reflect.TypeOf(s.Kind.Config).Elem()).Interface()
	require.NoError(t, providers.DecodeConfig(config, decoded))
	show(decoded)
	shown = append(shown, logged.String())
	for _, text := range shown {
		for _, hidden := range s.Secrets {
			require.NotContains(t, text, hidden)
		}
	}
}
