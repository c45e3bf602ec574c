package gate

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/fault"
)

// everything lets every request through to what answers it.
type everything struct{}

func (everything) Route(*http.Request) Route         { return Route{Pattern: "any", Open: true} }
func (everything) Key(*http.Request) (string, error) { return "", nil }
func (everything) Refuse(w http.ResponseWriter, _ *http.Request, _ error) {
	w.WriteHeader(http.StatusTeapot)
}

// overHTTP2 runs a client's part against a handler behind a gate, over HTTP/2.
func overHTTP2(t *testing.T, handler http.HandlerFunc, client func(t *testing.T, c *http.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		listener := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
		var h2 http.Protocols
		h2.SetUnencryptedHTTP2(true)
		g := New(Deps{Dialect: everything{}, Logger: slog.New(slog.DiscardHandler)})
		var working sync.WaitGroup
		counted := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			working.Add(1)
			defer working.Done()
			handler(w, r)
		})
		server := &http.Server{Handler: g.Before(counted), ReadHeaderTimeout: 10 * time.Second, Protocols: &h2}
		ended := make(chan error, 1)
		go func() { ended <- server.Serve(listener) }()
		var conns []net.Conn
		transport := &http.Transport{Protocols: &h2, DialContext: func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			conns = append(conns, ours)
			listener.conns <- theirs
			return ours, nil
		}}
		client(t, &http.Client{Transport: transport})
		for _, conn := range conns {
			require.NoError(t, conn.Close())
		}
		require.NoError(t, server.Close())
		require.ErrorIs(t, <-ended, http.ErrServerClosed)
		working.Wait() // a handler goes on although nobody waits for its answer
	})
}

// An answer that pauses for longer than it may take to write any of it goes on, be its deadlines
// ours or the handler's own.
func TestAnAnswerOverHTTP2MayPause(t *testing.T) {
	for name, own := range map[string]bool{"own deadlines": true, "ours": false} {
		t.Run(name, func(t *testing.T) {
			overHTTP2(t, func(w http.ResponseWriter, _ *http.Request) {
				conn := http.NewResponseController(w)
				for range 3 {
					if own {
						_ = conn.SetWriteDeadline(now().Add(5 * time.Second))
					}
					_, _ = io.WriteString(w, "event\n")
					_ = conn.Flush()
					sleep(2 * answerStall)
				}
			}, func(t *testing.T, c *http.Client) {
				response, err := c.Get("http://x/")
				require.NoError(t, err)
				require.Equal(t, 2, response.ProtoMajor)
				seen := bufio.NewScanner(response.Body)
				for range 3 {
					require.True(t, seen.Scan(), "%v", seen.Err())
				}
				require.NoError(t, response.Body.Close())
			})
		})
	}
}

// A body over HTTP/2 waits for who reads it, be that slow; one that does not come is ended.
func TestABodyOverHTTP2(t *testing.T) {
	overHTTP2(t, func(w http.ResponseWriter, r *http.Request) {
		sleep(10 * unreadBody)
		first := make([]byte, 3)
		if _, err := io.ReadFull(r.Body, first); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		sleep(10 * bodyStall)
		_, err := io.ReadAll(r.Body)
		switch {
		case fault.Is(err, fault.TooSlow):
			w.WriteHeader(http.StatusRequestTimeout)
		case err != nil:
			w.WriteHeader(http.StatusBadRequest)
		}
	}, func(t *testing.T, c *http.Client) {
		for _, whole := range []bool{true, false} {
			from, to := io.Pipe()
			go func() {
				_, _ = io.WriteString(to, "abc")
				sleep(9 * bodyStall)
				_, _ = io.WriteString(to, "def")
				if whole {
					_ = to.Close()
				}
			}()
			response, err := c.Post("http://x/", "text/plain", from)
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			want := http.StatusOK
			if !whole {
				want = http.StatusRequestTimeout
			}
			require.Equal(t, want, response.StatusCode)
			_ = from.Close()
		}
	})
}

// Whoever takes none of an answer does not hold its stream for ever.
func TestAnAnswerOverHTTP2ThatNobodyTakesEnds(t *testing.T) {
	var ended atomic.Bool
	overHTTP2(t, func(w http.ResponseWriter, _ *http.Request) {
		_, err := w.Write(make([]byte, 64<<20))
		ended.Store(err != nil)
	}, func(t *testing.T, c *http.Client) {
		response, err := c.Get("http://x/")
		require.NoError(t, err)
		sleep(2 * answerStall)
		require.True(t, ended.Load())
		require.NoError(t, response.Body.Close())
	})
}
