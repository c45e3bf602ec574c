package fetch_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/fault"
	"carillon/providers"
	"carillon/providers/fetch"
)

func TestAClientForLibrariesIsBoundedAndGuarded(t *testing.T) {
	elsewhere := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/elsewhere":
			elsewhere = true
		case "/redirect":
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		default:
			_, _ = io.WriteString(w, strings.Repeat("a", 1000))
		}
	}))
	defer server.Close()
	get := func(dialer providers.Dialer, address string, most int64) (int, string, error) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
		require.NoError(t, err)
		answer, err := fetch.New(dialer).Client(most).Do(request)
		if err != nil {
			return 0, "", err
		}
		defer func() { _ = answer.Body.Close() }()
		text, err := io.ReadAll(answer.Body)
		return answer.StatusCode, string(text), err
	}
	open := providers.Dialer{AllowPrivate: true}
	status, text, err := get(open, server.URL, 1001)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status)
	require.Len(t, text, 1000)
	_, _, err = get(open, server.URL, 999)
	require.True(t, fault.Is(err, fault.Unavailable), err)
	status, _, err = get(open, server.URL+"/redirect", 1001)
	require.NoError(t, err)
	require.Equal(t, http.StatusFound, status)
	require.False(t, elsewhere)
	_, _, err = get(providers.Dialer{}, server.URL, 1001)
	require.True(t, fault.Is(err, fault.Invalid), err)
	_, _, err = get(open, "http://login.example.org/", 1001)
	require.True(t, fault.Is(err, fault.Invalid), err)
	require.Contains(t, err.Error(), "without TLS")
}
