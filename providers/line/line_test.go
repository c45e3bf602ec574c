package line

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/clock"
	"carillon/providers"
)

// A refusal whose answer breaks off says that the message was not taken, and not why: it is
// tried again, unless its status alone says enough.
func TestAnAnswerThatBreaksOff(t *testing.T) {
	const text = `{"error":{"code":130429}}`
	for _, one := range []struct {
		status, length int
		want           providers.ErrorKind
	}{
		{http.StatusBadRequest, len(text), providers.ErrorContent},
		{http.StatusBadRequest, len(text) + 100, providers.ErrorTemporary},
		{http.StatusUnauthorized, len(text) + 100, providers.ErrorAuth},
		{http.StatusTooManyRequests, len(text) + 100, providers.ErrorThrottled},
		{http.StatusOK, len(text) + 100, ""},
	} {
		t.Run(fmt.Sprintf("%d with %d of %d bytes", one.status, len(text), one.length), func(t *testing.T) {
			far := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", fmt.Sprint(one.length))
				w.WriteHeader(one.status)
				_, _ = w.Write([]byte(text))
			}))
			t.Cleanup(far.Close)
			l := New(providers.Deps{Dialer: providers.Dialer{AllowPrivate: true}, Concurrency: 1}, 1, time.Minute)
			t.Cleanup(func() { require.NoError(t, l.Close()) })
			_, err := l.Ask(t.Context(), Asking{
				Message: &providers.Message{},
				Request: func(ctx context.Context) (*http.Request, []byte, error) {
					r, err := Request(ctx, http.MethodPost, far.URL, "url")
					return r, []byte("{}"), err
				},
				Read: func(answer *http.Response) (providers.Accepted, error) {
					require.True(t, strings.HasPrefix(Text(answer), text))
					if failure := providers.ClassifyHTTP(answer.StatusCode, answer.Header, clock.System{}.Now()); failure != nil {
						return providers.Accepted{}, failure
					}
					return providers.Accepted{}, nil
				},
			})
			if one.want == "" {
				require.NoError(t, err)
				return
			}
			require.Equal(t, one.want, providers.AsError(err).Kind, "%v", err)
		})
	}
}
