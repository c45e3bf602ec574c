package sink

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
)

// HTTP is a receiver of JSON over HTTP/1.1, and HTTP/2 without TLS for who begins with it.
type HTTP struct {
	Tally
	options  Options
	server   *http.Server
	listener net.Listener
	done     chan struct{}
	once     sync.Once
	group    sync.WaitGroup
	buffers  sync.Pool
}

// NewHTTP listens on a free port of 127.0.0.1.
func NewHTTP(o Options) (*HTTP, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	s := &HTTP{options: o, listener: listener, done: make(chan struct{})}
	s.record = o.Record
	s.buffers.New = func() any { b := make([]byte, 32<<10); return &b }
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	s.server = &http.Server{
		Handler: http.HandlerFunc(s.handle), Protocols: protocols,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, theConn{}, c) },
		ConnState: func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				s.group.Add(1)
				s.connections.Add(1)
				s.open.Add(1)
			case http.StateClosed, http.StateHijacked:
				s.open.Add(-1)
				s.group.Done()
			}
		},
	}
	s.group.Go(func() { _ = s.server.Serve(listener) })
	return s, nil
}

// Addr is host:port.
func (s *HTTP) Addr() string { return s.listener.Addr().String() }

// URL is http://host:port.
func (s *HTTP) URL() string { return "http://" + s.Addr() }

// Close stops listening, closes every connection and returns when all
// goroutines are gone.
func (s *HTTP) Close() error {
	s.once.Do(func() { close(s.done) })
	err := s.server.Close()
	s.group.Wait()
	return err
}

func (s *HTTP) handle(w http.ResponseWriter, r *http.Request) {
	o := &s.options
	if o.Dialect != nil {
		s.speak(w, r)
		return
	}
	id := int64(0)
	if text, ok := strings.CutPrefix(r.Header.Get("Webhook-Id"), "msg_"); ok {
		id = digits(text)
	}
	s.askedFor(id, s.began())
	var body []byte
	if o.Seen != nil {
		body, _ = io.ReadAll(r.Body)
	} else {
		buffer := s.buffers.Get().(*[]byte)
		_, _ = io.CopyBuffer(struct{ io.Writer }{io.Discard}, r.Body, *buffer)
		s.buffers.Put(buffer)
	}
	n := s.asked.Add(1)
	if o.Seen != nil {
		o.Seen(Delivery{ID: id, Header: r.Header.Clone(), Body: body})
	}
	var a Answer
	if o.Answer != nil {
		a = o.Answer(n, id)
	}
	if !o.wait(a, s.done) {
		hangUp(w, r) // to return would be an answer
		return
	}
	if a.Drop == BeforeAccepting {
		hangUp(w, r)
		return
	}
	if a.accepts() {
		s.arrived(id)
	}
	if a.Drop == AfterAccepting {
		hangUp(w, r)
		return
	}
	a.write(w)
}

// write is the answer over HTTP.
func (a *Answer) write(w http.ResponseWriter) {
	for name, values := range a.Header {
		w.Header()[name] = values
	}
	if a.Code != 0 {
		w.WriteHeader(a.Code)
	}
	_, _ = io.WriteString(w, a.Text)
}

// theConn is what a request's connection is kept by in its context.
type theConn struct{}

// hangUp closes the connection of a request, and with HTTP/2 of all that share it.
func hangUp(w http.ResponseWriter, r *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		_ = conn.Close()
		return
	}
	if shared, ok := r.Context().Value(theConn{}).(net.Conn); ok {
		_ = shared.Close()
	}
	panic(http.ErrAbortHandler) // to return would be an answer
}
