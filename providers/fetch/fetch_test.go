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

// What lies at an address is looked at without reading all of it, and is counted where nobody
// says its size.
func TestLookingAtAFile(t *testing.T) {
	pdf := "%PDF-1.7" + strings.Repeat("x", 10_000)
	mux := http.NewServeMux()
	mux.HandleFunc("/said", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "50000000")
		_, _ = w.Write([]byte(pdf)) // and no more: nobody waits for it
	})
	mux.HandleFunc("/unsaid", func(w http.ResponseWriter, _ *http.Request) {
		w.(http.Flusher).Flush()
		_, _ = w.Write([]byte(pdf))
	})
	mux.HandleFunc("/once", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/said", http.StatusMovedPermanently)
	})
	mux.HandleFunc("/round", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/round", http.StatusFound) })
	mux.HandleFunc("/broken", func(w http.ResponseWriter, _ *http.Request) {
		w.(http.Flusher).Flush()
		_, _ = w.Write([]byte(pdf))
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	address := farEnd(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/pdf")
		mux.ServeHTTP(w, r)
	})
	f := fetch.New(providers.Dialer{AllowPrivate: true})
	for path, want := range map[string]struct {
		most, size int64
		moved      string
	}{
		"/said": {1, 50_000_000, ""}, "/once": {1, 50_000_000, address + "/said"}, "/unsaid": {20_000, 10_008, ""}, "/broken": {20_000, -1, ""},
	} {
		looked, err := f.Look(t.Context(), address+path, want.most)
		require.NoError(t, err, path)
		require.Equal(t, want.size, looked.Size, path)
		require.Equal(t, "application/pdf", looked.ContentType, path)
		require.Equal(t, want.moved, looked.Moved, path)
		require.Equal(t, pdf[:3<<10], string(looked.Begins), path)
	}
	looked, err := f.Look(t.Context(), address+"/unsaid", 5000)
	require.NoError(t, err)
	require.EqualValues(t, 5001, looked.Size, "one more than may be, however much it is")
	for path, says := range map[string]string{"/round": "redirects more than 3 times", "/none": "answered 404 Not Found"} {
		_, err = f.Look(t.Context(), address+path, 1)
		require.True(t, fault.Is(err, fault.Unavailable), "%v", err)
		require.ErrorContains(t, err, says)
	}
	_, err = f.Look(t.Context(), "file:///etc/passwd", 1)
	require.True(t, fault.Is(err, fault.Invalid), "%v", err)
}

// Nobody looks at what the network inside keeps: not by its address, and not by a redirect.
func TestLookingAtPrivateAddressesIsRefused(t *testing.T) {
	inside := farEnd(t, func(http.ResponseWriter, *http.Request) { t.Error("a private address was asked") })
	_, err := fetch.New(providers.Dialer{}).Look(t.Context(), inside, 1)
	require.True(t, fault.Is(err, fault.Invalid), "%v", err)
	require.ErrorContains(t, err, "is not a public address")

	outside := farEnd(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, inside, http.StatusFound) })
	named, err := url.Parse(outside)
	require.NoError(t, err)
	_, err = fetch.New(providers.Dialer{Relays: []string{named.Host}}).Look(t.Context(), outside, 1)
	require.True(t, fault.Is(err, fault.Invalid), "%v", err)
	require.ErrorContains(t, err, "is not a public address")
}
