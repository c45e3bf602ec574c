package fetch_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"carillon/internal/fault"
	"carillon/providers"
	"carillon/providers/fetch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// farEnd serves what the handler says.
func farEnd(t *testing.T, do http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(do)
	t.Cleanup(server.Close)
	return server.URL
}

func TestADocumentIsRead(t *testing.T) {
	address := farEnd(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept") == "application/json" && r.URL.RawQuery == "n=1" && r.Method == http.MethodGet {
			_, _ = w.Write([]byte(`{"title":"News"}`))
		}
	})
	body, err := fetch.New(providers.Dialer{AllowPrivate: true}).JSON(t.Context(), address+"/news.json?n=1", 16)
	require.NoError(t, err)
	require.JSONEq(t, `{"title":"News"}`, string(body))
}

func TestWhatTheFarEndDoesIsSaid(t *testing.T) {
	elsewhere := farEnd(t, func(w http.ResponseWriter, _ *http.Request) { t.Error("a redirect was followed") })
	for says, do := range map[string]http.HandlerFunc{
		"answered 503 Service Unavailable": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"answered 204":                     func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
		"redirects to " + elsewhere:        func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere, http.StatusFound) },
		"sends more than 1 KiB":            func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(strings.Repeat("x", 1025))) },
		"can't be read":                    func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		_, err := fetch.New(providers.Dialer{AllowPrivate: true}).JSON(t.Context(), farEnd(t, do), 1024)
		require.True(t, fault.Is(err, fault.Unavailable), "%s: %v", says, err)
		require.ErrorContains(t, err, says)
	}
}

// Nobody reads what the network inside keeps, unless the configuration opens it.
func TestPrivateAddressesAreRefused(t *testing.T) {
	address := farEnd(t, func(http.ResponseWriter, *http.Request) { t.Error("a private address was asked") })
	_, err := fetch.New(providers.Dialer{}).JSON(t.Context(), address, 1024)
	require.True(t, fault.Is(err, fault.Invalid), "%v", err)
	require.ErrorContains(t, err, "is not a public address")
	_, err = fetch.New(providers.Dialer{}).JSON(t.Context(), strings.Replace(address, "127.0.0.1", "localhost", 1), 1024)
	require.True(t, fault.Is(err, fault.Invalid), "%v", err)
	opened := farEnd(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) })
	u, err := url.Parse(opened)
	require.NoError(t, err)
	_, err = fetch.New(providers.Dialer{Relays: []string{u.Host}}).JSON(t.Context(), opened, 1024)
	require.NoError(t, err)
	_, err = fetch.New(providers.Dialer{AllowPrivate: true}).JSON(t.Context(), "http://127.0.0.1:1/", 1024)
	require.True(t, fault.Is(err, fault.Unavailable), "%v", err)
	require.ErrorContains(t, err, "refused")
}

// A far end that never ends is not waited for.
func TestItIsBoundedInTime(t *testing.T) {
	hold := make(chan struct{})
	address := farEnd(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("{"))
		w.(http.Flusher).Flush()
		select {
		case <-hold:
		case <-r.Context().Done():
		}
	})
	defer close(hold)
	_, err := fetch.New(providers.Dialer{AllowPrivate: true}).Within(time.Millisecond).JSON(t.Context(), address, 1024)
	require.True(t, fault.Is(err, fault.Unavailable), "%v", err)
	require.ErrorContains(t, err, "does not answer within")
}

func TestADocumentOfAnyTypeIsRead(t *testing.T) {
	address := farEnd(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept") == "*/*" && r.Method == http.MethodGet {
			_, _ = w.Write([]byte(`-----BEGIN`))
		}
	})
	body, err := fetch.New(providers.Dialer{AllowPrivate: true}).Document(t.Context(), address, 16)
	require.NoError(t, err)
	require.Equal(t, "-----BEGIN", string(body))
}
