package line

import (
	"context"
	"crypto/tls"
	"net"
	"sync/atomic"

	"carillon/providers"
)

// conn is a connection that says when the first of a request is written to it.
// net/http writes in a goroutine of its own, some time after it says which
// connection a request got: what is noted then would leave a process that dies
// meanwhile with messages in doubt that were never asked for.
type conn struct {
	net.Conn
	next atomic.Pointer[progress]
}

// Write writes what begins the next request, if there is one and it was not given up.
func (c *conn) Write(b []byte) (int, error) {
	if p := c.next.Load(); p != nil && c.next.CompareAndSwap(p, nil) {
		if !p.begin() {
			return 0, providers.ErrLate
		}
	}
	return c.Conn.Write(b)
}

// dialing is the transport's way out.
func dialing(d providers.Dialer) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		raw, err := d.DialContext(ctx, network, address)
		if p, ok := ctx.Value(asker{}).(*progress); ok {
			p.connected(err)
		}
		if err != nil {
			return nil, err
		}
		return &conn{Conn: raw}, nil
	}
}

// carries has the connection's next write begin a request. The connection is one of
// dialing's, or TLS over it, and carries one request at a time.
func carries(c net.Conn, p *progress) {
	if over, ok := c.(*tls.Conn); ok {
		c = over.NetConn()
	}
	c.(*conn).next.Store(p)
}
