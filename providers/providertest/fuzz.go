package providertest

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/sink"
	"carillon/providers"
)

// RequireKept requires that what a reply has beside words can be kept: as JSON, in a text of a
// database, and no longer than is allowed.
func RequireKept(t testing.TB, parts providers.ReplyParts) {
	t.Helper()
	kept := parts.Kept()
	words, err := json.Marshal(kept)
	require.NoError(t, err)
	require.NotContains(t, string(words), `\u0000`)
	require.Less(t, len(words), 64<<10)
	require.Equal(t, kept, kept.Kept())
	if parts.Location == nil {
		require.Equal(t, parts.Type(), kept.Type())
	}
}

// Answered is what FuzzAnswers begins with.
type Answered struct {
	// To is an address that the adapter takes.
	To string
	// Secret must not stand in any error.
	Secret string
	// Seeds are bodies of answers.
	Seeds []string
}

// FuzzAnswers has the provider answer a message with anything: that is an acceptance that can be
// kept, or an error that says what it means, without the secret.
func FuzzAnswers(f *testing.F, kind providers.Kind, serve func(testing.TB, sink.Options) Far, a Answered) {
	for _, seed := range a.Seeds {
		f.Add(200, seed)
		f.Add(400, seed)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 || status == http.StatusNoContent || status == http.StatusNotModified {
			return // net/http writes no such answer with a body
		}
		far := serve(t, sink.Options{Answer: func(int64, int64) sink.Answer { return sink.Answer{Code: status, Text: body} }})
		accepted, err := Open(t, kind, far.Config).Send(t.Context(), providers.Message{ID: 7, To: a.To, Content: providers.Content{Text: "x"}})
		if err == nil {
			require.True(t, providers.Key(accepted.ProviderID))
			return
		}
		e := providers.AsError(err)
		require.Contains(t, providers.ErrorKinds(), e.Kind)
		require.GreaterOrEqual(t, e.RetryAfter, time.Duration(0))
		require.NotContains(t, err.Error(), a.Secret)
	})
}
