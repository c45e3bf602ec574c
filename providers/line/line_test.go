package line

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/clock"
	"carillon/internal/secret"
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

// Requests share one connection over HTTP/2, by TLS, and each begins when its body goes. Where
// HTTP/2 is not spoken, nothing begins.
func TestShared(t *testing.T) {
	far := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, r.ProtoMajor, " ", r.RemoteAddr)
	}))
	far.EnableHTTP2 = true
	far.StartTLS()
	t.Cleanup(far.Close)
	old := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(old.Close)
	l := NewShared(providers.Deps{Dialer: providers.Dialer{AllowPrivate: true}, Concurrency: 4}, 4, time.Minute)
	l.transport.TLSClientConfig = &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
	l.transport.TLSClientConfig.RootCAs.AddCert(far.Certificate())
	l.transport.TLSClientConfig.RootCAs.AddCert(old.Certificate())
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	said, commits := "", 0
	ask := func(address string) error {
		_, err := l.Ask(t.Context(), Asking{
			Message: &providers.Message{Commit: func() { commits++ }},
			Request: func(ctx context.Context) (*http.Request, []byte, error) {
				r, err := Request(ctx, http.MethodPost, address, "url")
				return r, []byte("{}"), err
			},
			Read: func(answer *http.Response) (providers.Accepted, error) {
				said = Text(answer)
				return providers.Accepted{}, nil
			},
		})
		return err
	}
	require.NoError(t, ask(far.URL))
	first := said
	require.True(t, strings.HasPrefix(first, "2 "), first)
	require.NoError(t, ask(far.URL))
	require.Equal(t, first, said, "it is the same connection")
	require.Equal(t, 2, commits)
	require.Equal(t, providers.ErrorTemporary, providers.AsError(ask(old.URL)).Kind)
	require.Equal(t, 2, commits, "nobody was asked")
}

// A secret is not told either where bytes in it are left out of what is told.
func TestScrub(t *testing.T) {
	scrub := Scrub(secret.New("a-secret-of-ours"), secret.New(""))
	for said, want := range map[string]string{
		"you said a-secret-of-ours": "you said <redacted>", "you said a-sec\xd4ret-of-ours": "you said <redacted>", "you said nothing\xff": "you said nothing",
	} {
		require.Equal(t, want, Quote(scrub(said)))
	}
}

// A request may take longer by the time in which its body goes out.
func TestALargeBodyHasTheTimeToGoOut(t *testing.T) {
	far := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	t.Cleanup(far.Close)
	l := New(providers.Deps{Dialer: providers.Dialer{AllowPrivate: true}, Concurrency: 1}, 1, time.Nanosecond)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	ask := func(size int) error {
		_, err := l.Ask(t.Context(), Asking{
			Message: &providers.Message{},
			Request: func(ctx context.Context) (*http.Request, []byte, error) {
				r, err := Request(ctx, http.MethodPost, far.URL, "url")
				return r, make([]byte, size), err
			},
			Read: func(*http.Response) (providers.Accepted, error) { return providers.Accepted{}, nil },
		})
		return err
	}
	require.Error(t, ask(0))
	require.NoError(t, ask(16<<20), "a minute for its bytes")
}
