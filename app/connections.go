package app

import (
	"cmp"
	"container/list"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"carillon/internal/clock"
)

// sayEvery is how often the log repeats that connections are refused.
const sayEvery = time.Minute

// connections bounds how many are open at a time. Where one more comes, the one
// makes room that has waited longest without a request, be it between two or before
// its first: whoever only holds connections open keeps nobody else out.
type connections struct {
	most  int
	log   *slog.Logger
	clock clock.Clock

	mu sync.Mutex
	// waiting are the open ones without a request, longest first; open holds each
	// open one with its place there, nil while a request is under way.
	waiting *list.List
	open    map[net.Conn]*list.Element
	said    time.Time
}

// connectionsWithin is max_connections, or half of the files that the process may
// open if that is less: the store, Redis and the providers need the others.
func connectionsWithin(configured int, log *slog.Logger) int {
	most := cmp.Or(configured, defaultConnections)
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil || files.Cur/2 >= uint64(most) {
		return most
	}
	within := max(1, int(files.Cur/2))
	log.Warn("max_connections is more than half of the files that this process may open: fewer connections are taken; "+
		"raise the limit (ulimit -n, LimitNOFILE= in systemd)",
		"max_connections", most, "open_files", files.Cur, "connections", within)
	return within
}

func newConnections(most int, log *slog.Logger, c clock.Clock) *connections {
	return &connections{most: most, log: log, clock: c, waiting: list.New(), open: map[net.Conn]*list.Element{}}
}

// track is told of every change of a connection; http.Server calls it.
func (c *connections) track(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	place, known := c.open[conn]
	switch state {
	case http.StateNew:
		c.open[conn] = c.waiting.PushBack(conn)
		if len(c.open) > c.most {
			c.makeRoom()
		}
	case http.StateActive:
		if known && place != nil {
			c.waiting.Remove(place)
			c.open[conn] = nil
		}
	case http.StateIdle:
		if known && place == nil {
			c.open[conn] = c.waiting.PushBack(conn)
		}
	case http.StateClosed, http.StateHijacked:
		if place != nil {
			c.waiting.Remove(place)
		}
		delete(c.open, conn)
	}
}

// makeRoom closes the connection that has waited longest: the new one, if all
// others are busy. The lock must be held.
func (c *connections) makeRoom() {
	if now := c.clock.Now(); now.Sub(c.said) >= sayEvery {
		c.said = now
		c.log.Warn("as many connections are open as may be (max_connections): those that wait longest are closed for new ones", "open", c.most)
	}
	longest := c.waiting.Front()
	conn, ok := c.waiting.Remove(longest).(net.Conn)
	if !ok {
		return // nothing else is in the list
	}
	delete(c.open, conn)
	if over, is := conn.(*tls.Conn); is {
		conn = over.NetConn() // TLS' own end of a connection waits for the other side
	}
	_ = conn.Close() // whoever reads it finds out
}

// outspoken is a listener that says in the log why it can't accept connections.
type outspoken struct {
	net.Listener
	log   *slog.Logger
	clock clock.Clock
	said  time.Time
}

// Accept waits for the next connection.
func (l *outspoken) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil || errors.Is(err, net.ErrClosed) {
		return conn, err
	}
	if now := l.clock.Now(); now.Sub(l.said) >= sayEvery {
		l.said = now
		advice := "look at the network of this machine"
		if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
			advice = "raise the limit of open files (ulimit -n, LimitNOFILE= in systemd), or lower max_connections"
		}
		l.log.Warn("connections can't be accepted: "+err.Error(), "advice", advice)
	}
	return nil, err
}
