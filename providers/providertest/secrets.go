package providertest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
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
	s.showTheRest(t, config, show)
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

// showTheRest shows what an adapter says that is no refusal of one message: of a
// success, of nobody being there, of a batch, of its token, and of a forged callback.
func (s Subject) showTheRest(t testing.TB, config json.RawMessage, show func(any)) {
	t.Helper()
	p := s.open(t, config)
	accepted, err := p.Send(t.Context(), s.message(1))
	require.NoError(t, err)
	show(accepted)
	header := http.Header{"Authorization": {"guessed"}}
	if parser, ok := p.(providers.CallbackParser); ok {
		_, err := parser.ParseCallback(header, nil)
		show(err)
	}
	if parser, ok := p.(providers.ReplyParser); ok {
		_, err := parser.ParseReplies(header, nil)
		show(err)
	}
	if s.Serve == nil {
		return
	}
	// An error of net/http has the address in it, and with it what stands there.
	away := s.open(t, s.Nowhere(shut(t)))
	_, err = away.Send(t.Context(), s.message(1))
	show(err)
	if syncer, ok := away.(providers.TemplateSyncer); ok {
		_, err := syncer.SyncTemplates(t.Context())
		show(err)
	}
	echo := sink.Answer{Code: 500, Text: strings.Join(s.Secrets, " ")}
	far := s.Serve(t, sink.Options{Answer: func(int64, int64) sink.Answer { return echo }})
	told := s.open(t, far.Config)
	if sender, ok := told.(providers.BatchSender); ok {
		for _, r := range sender.SendBatch(t.Context(), s.messages()) {
			show(r.Err)
		}
	}
	if far.Tokens != nil {
		far.Tokens.Expire()
		far.Tokens.Answer(echo)
		_, err := s.open(t, far.Config).Send(t.Context(), s.message(1))
		show(err)
	}
}
