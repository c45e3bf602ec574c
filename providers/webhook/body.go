package webhook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sync"

	"carillon/providers"
)

// payload is what is posted. Its names are part of the product's interface.
type payload struct {
	MessageID      int64                     `json:"message_id"`
	Attempt        int                       `json:"attempt"`
	To             string                    `json:"to"`
	ToName         string                    `json:"to_name,omitempty"`
	Subject        string                    `json:"subject,omitempty"`
	Preheader      string                    `json:"preheader,omitempty"`
	Text           string                    `json:"text,omitempty"`
	HTML           string                    `json:"html,omitempty"`
	Attachment     *providers.Attachment     `json:"attachment,omitempty"`
	Buttons        []providers.MessageButton `json:"buttons,omitempty"`
	Location       *providers.Location       `json:"location,omitempty"`
	Cards          []providers.Card          `json:"cards,omitempty"`
	Masked         bool                      `json:"masked,omitempty"`
	Metadata       map[string]string         `json:"metadata,omitempty"`
	Transactional  bool                      `json:"transactional"`
	UnsubscribeURL string                    `json:"unsubscribe_url,omitempty"`
}

// encoding is an encoder and its buffer.
type encoding struct {
	buffer  bytes.Buffer
	encoder *json.Encoder
}

// maxPooled keeps the memory of a rare huge message from staying for good.
const maxPooled = 64 << 10

func newEncodings() *sync.Pool {
	return &sync.Pool{New: func() any {
		e := &encoding{}
		e.encoder = json.NewEncoder(&e.buffer)
		e.encoder.SetEscapeHTML(false)
		return e
	}}
}

// encode writes a message as JSON. The result is not reused: net/http may still
// read it after RoundTrip has returned, when it has given up on a request.
func encode(pool *sync.Pool, m *providers.Message) ([]byte, error) {
	e := pool.Get().(*encoding)
	e.buffer.Reset()
	err := e.encoder.Encode(&payload{
		MessageID: m.ID, Attempt: m.Attempt, To: m.To, ToName: m.ToName,
		Subject: m.Content.Subject, Preheader: m.Content.Preheader, Text: m.Content.Text, HTML: m.Content.HTML,
		Attachment: m.Content.Attachment, Buttons: m.Content.Buttons, Location: m.Content.Location, Cards: m.Content.Cards,
		Masked: m.Content.Masked, Metadata: m.Metadata, Transactional: m.Transactional,
		UnsubscribeURL: m.UnsubscribeURL,
	})
	if err != nil {
		return nil, fmt.Errorf("encode message: %w", err)
	}
	body := bytes.Clone(e.buffer.Bytes())
	if e.buffer.Cap() <= maxPooled {
		pool.Put(e)
	}
	return body, nil
}
