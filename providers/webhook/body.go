package webhook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"carillon/providers"
)

// payload is what is posted. Its names are part of the product's interface.
type payload struct {
	MessageID      int64                 `json:"message_id"`
	Attempt        int                   `json:"attempt"`
	To             string                `json:"to"`
	ToName         string                `json:"to_name,omitempty"`
	Subject        string                `json:"subject,omitempty"`
	Preheader      string                `json:"preheader,omitempty"`
	Text           string                `json:"text,omitempty"`
	HTML           string                `json:"html,omitempty"`
	Attachment     *providers.Attachment `json:"attachment,omitempty"`
	Metadata       map[string]string     `json:"metadata,omitempty"`
	Transactional  bool                  `json:"transactional"`
	UnsubscribeURL string                `json:"unsubscribe_url,omitempty"`
}

// body is an encoded message. net/http may still read it after RoundTrip has
// returned, until it closes the reader, so it goes back to the pool only when
// the sender and every reader have let go of it.
type body struct {
	pool    *sync.Pool
	buffer  bytes.Buffer
	encoder *json.Encoder
	holders atomic.Int32
}

// maxPooled keeps the memory of a rare huge message from staying for good.
const maxPooled = 64 << 10

func newBodies() *sync.Pool {
	pool := &sync.Pool{}
	pool.New = func() any {
		b := &body{pool: pool}
		b.encoder = json.NewEncoder(&b.buffer)
		b.encoder.SetEscapeHTML(false)
		return b
	}
	return pool
}

// encode writes a message as JSON; the caller must release it.
func encode(pool *sync.Pool, m *providers.Message) (*body, error) {
	b := pool.Get().(*body)
	b.holders.Store(1)
	b.buffer.Reset()
	err := b.encoder.Encode(&payload{
		MessageID: m.ID, Attempt: m.Attempt, To: m.To, ToName: m.ToName,
		Subject: m.Content.Subject, Preheader: m.Content.Preheader, Text: m.Content.Text, HTML: m.Content.HTML,
		Attachment: m.Content.Attachment, Metadata: m.Metadata, Transactional: m.Transactional, UnsubscribeURL: m.UnsubscribeURL,
	})
	if err != nil {
		b.release()
		return nil, fmt.Errorf("encode message: %w", err)
	}
	return b, nil
}

func (b *body) bytes() []byte { return b.buffer.Bytes() }

func (b *body) release() {
	if b.holders.Add(-1) == 0 && b.buffer.Cap() <= maxPooled {
		b.pool.Put(b)
	}
}

// reader is the body for one exchange; closing it lets go of the body.
func (b *body) reader() io.ReadCloser {
	b.holders.Add(1)
	return &bodyReader{of: b}
}

// bodyReader may be closed while it is read: net/http gives up on a request
// without waiting for the goroutine that writes it. The lock keeps that
// goroutine from reading what is by then another message.
type bodyReader struct {
	mu     sync.Mutex
	of     *body
	at     int
	closed bool
}

// Read gives the body's next bytes.
func (r *bodyReader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return 0, io.ErrClosedPipe
	}
	rest := r.of.bytes()[r.at:]
	if len(rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, rest)
	r.at += n
	return n, nil
}

// Close lets go of the body, once.
func (r *bodyReader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.closed = true
		r.of.release()
	}
	return nil
}
