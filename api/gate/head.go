package gate

import (
	"bytes"
	"io"
	"net/http"
	"net/netip"
	"sync"

	"carillon/internal/fault"
)

// How much of a body is read to find a key in it: of one that is streamed the parts before
// the file, of any other as much as a call with thousands of names has.
const (
	mostHead         = 1 << 20
	mostStreamedHead = 64 << 10
)

// headedBody is a body of which the head has been read, and is read again.
type headedBody struct {
	io.Reader
	body    io.ReadCloser
	head    []byte
	whole   bool
	release func()
	// err is why the head could not be read.
	err error
}

// Close closes the body.
func (b *headedBody) Close() error { return b.body.Close() }

// headed puts the head of a request's body before it where a key may stand in it and none
// stands elsewhere. What it has taken of memory is given back when the request is over, at
// the latest.
func (g *Gate) headed(r *http.Request) (giveBack func()) {
	_, has := g.deps.Dialect.(BodyKeys)
	if !has || r.Body == nil || r.Body == http.NoBody {
		return func() {}
	}
	if _, err := g.deps.Dialect.Key(r); !fault.Is(err, fault.Unauthorized) {
		return func() {}
	}
	most := int64(mostHead)
	if routeOf(r).Streamed {
		most = mostStreamedHead
	}
	b := &headedBody{body: r.Body}
	b.head, b.whole, b.release, b.err = readHead(r.Body, most, g.deps.Limits.heads.of(sourceOf(r.Context())))
	rest := io.Reader(http.NoBody)
	if !b.whole {
		rest = r.Body
	}
	b.Reader = io.MultiReader(bytes.NewReader(b.head), rest)
	r.Body = b
	return b.release
}

// presented is the key that a request presents, outside of its body or within.
func (g *Gate) presented(r *http.Request) (string, error) {
	key, err := g.deps.Dialect.Key(r)
	if !fault.Is(err, fault.Unauthorized) {
		return key, err
	}
	within, has := g.deps.Dialect.(BodyKeys)
	body, headed := r.Body.(*headedBody)
	switch {
	case !has || !headed:
		return "", err
	case body.err != nil:
		return "", body.err
	}
	return within.KeyIn(r, body.head, body.whole)
}

// sourceRooms is a room of which no source of requests may take more than its share.
type sourceRooms struct {
	room  *Room
	share int64

	mu    sync.Mutex
	taken map[netip.Prefix]int64
}

func newSourceRooms(bytes, share int64) *sourceRooms {
	return &sourceRooms{room: NewRoom(bytes), share: share, taken: map[netip.Prefix]int64{}}
}

func (s *sourceRooms) of(source netip.Prefix) memory { return sourceRoom{s, source} }

// sourceRoom is the share of one source.
type sourceRoom struct {
	*sourceRooms
	source netip.Prefix
}

func (s sourceRoom) take(n int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[s.source]+n > s.share || !s.room.take(n) {
		return false
	}
	s.taken[s.source] += n
	return true
}

func (s sourceRoom) give(n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.room.give(n)
	if s.taken[s.source] -= n; s.taken[s.source] <= 0 {
		delete(s.taken, s.source) // so that the map has those alone who have something
	}
}
