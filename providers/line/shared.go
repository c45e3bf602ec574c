package line

import (
	"io"
	"net/http"
	"time"

	"carillon/providers"
)

// Bounds of a connection that requests share.
const (
	// askAlive is after how long a connection from which nothing comes is asked whether it is
	// alive, and aliveFor how long it has to answer: what is under way on one that is not is in
	// doubt, and no more shall be.
	askAlive = 15 * time.Second
	aliveFor = 10 * time.Second
)

// NewShared is New for a provider that speaks HTTP/2 alone: all requests share one connection. Over http, which is for tests, it is spoken without TLS.
func NewShared(deps providers.Deps, requests int, timeout time.Duration) *Line {
	l := New(deps, requests, timeout)
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	l.shared, l.transport.Protocols = true, protocols
	l.transport.MaxConnsPerHost = 1
	// A request that the connection has no stream for waits, and nothing of it has begun.
	l.transport.HTTP2 = &http.HTTP2Config{StrictMaxConcurrentRequests: true, SendPingTimeout: askAlive, PingTimeout: aliveFor}
	return l
}

// beginning is the body of a request on a connection that others share, where no write tells
// whose it is. The transport reads the body when the headers have gone, and so when the stream has
// its place, right before it writes what it read: with the headers alone no message is whole, so
// that this is the last moment at which nothing can have been delivered, and at which a message
// that is late is given up. The body can't be had twice, so that the transport makes no second try
// with what has begun.
type beginning struct {
	io.ReadCloser
	progress *progress
	begun    bool
}

func (b *beginning) Read(p []byte) (int, error) {
	if !b.begun {
		if b.begun = b.progress.begin(); !b.begun {
			return 0, providers.ErrLate
		}
	}
	return b.ReadCloser.Read(p)
}
