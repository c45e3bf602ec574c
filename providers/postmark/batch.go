package postmark

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"carillon/providers"
	"carillon/providers/line"
	"carillon/providers/mail"
)

// Bounds of a request.
const (
	// maxBody is how much goes in one request, in bytes, though one message always does: with
	// Postmark's own bound of 50 MB a worker that makes a hundred requests at once would hold
	// gigabytes.
	maxBody = 8 << 20
	// maxAnswer is how much of an answer is read: 500 results have about 100 KB.
	maxAnswer = 1 << 20
)

// outbound is a message as Postmark takes it.
type outbound struct {
	From          string
	To            string
	ReplyTo       string `json:",omitempty"`
	Subject       string
	TextBody      string        `json:",omitempty"`
	HTMLBody      string        `json:"HtmlBody,omitempty"`
	Headers       []mail.Header `json:",omitempty"`
	Attachments   []picture     `json:",omitempty"`
	Metadata      map[string]string
	MessageStream string
	// TrackOpens and TrackLinks say that Postmark counts nothing, whatever the server is set to:
	// Carillon does, and its links would be replaced by Postmark's.
	TrackOpens bool
	TrackLinks string
}

type picture struct {
	Name        string
	ContentType string
	ContentID   string
	Content     []byte
}

// ourID is the name under which Postmark keeps our id, and returns it in what it reports.
const ourID = "carillon"

// encode writes a message as Postmark takes it.
func (p *Provider) encode(m *providers.Message) (json.RawMessage, *providers.Error) {
	made, refused := mail.New(m, p.config.From, p.deps)
	if refused != nil {
		return nil, refused
	}
	o := outbound{
		From: mail.Named(p.config.FromName, p.config.From), To: mail.Named(made.ToName, made.To), ReplyTo: p.config.ReplyTo,
		Subject: made.Subject, TextBody: made.Text, HTMLBody: made.HTML, Headers: made.Headers,
		Metadata: map[string]string{ourID: p.deps.UniqueID(m.ID)}, MessageStream: p.config.Stream, TrackLinks: "None",
	}
	if m.Transactional {
		o.MessageStream = p.config.TransactionalStream
	}
	for _, f := range made.Pictures {
		o.Attachments = append(o.Attachments, picture{f.Name(), "image/" + f.Kind, "cid:" + f.ID, f.Content})
	}
	body, err := mail.JSON(o)
	if err != nil {
		return nil, &providers.Error{Kind: providers.ErrorContent, Err: err}
	}
	return body, nil
}

// batch are messages on their way, and what becomes of each. places are those that go in one
// request.
type batch struct {
	messages []providers.Message
	bodies   []json.RawMessage
	results  []providers.Result
	places   []int
}

// SendBatch asks Postmark to take messages: in one request, or in several, one after the other,
// where they are too large for one.
func (p *Provider) SendBatch(ctx context.Context, messages []providers.Message) []providers.Result {
	b := batch{messages: messages, bodies: make([]json.RawMessage, len(messages)), results: make([]providers.Result, len(messages))}
	size := 0
	for i := range messages {
		body, refused := p.encode(&messages[i])
		if refused != nil {
			b.results[i].Err = refused
			continue
		}
		if len(b.places) == maxBatch || len(b.places) > 0 && size+len(body) > maxBody {
			p.hand(ctx, b)
			b.places, size = nil, 0
		}
		b.bodies[i], b.places, size = body, append(b.places, i), size+len(body)
	}
	if len(b.places) > 0 {
		p.hand(ctx, b)
	}
	return b.results
}

// errNobody says that no message of a request may begin.
var errNobody = errors.New("all messages were withdrawn")

// hand makes one request.
func (p *Provider) hand(ctx context.Context, b batch) {
	var going []int
	_, err := p.line.Ask(ctx, line.Asking{
		Message: &providers.Message{Commit: func() {
			for _, i := range going {
				b.messages[i].Commits()
			}
		}},
		Request: func(ctx context.Context) (*http.Request, []byte, error) {
			if going = b.begin(); len(going) == 0 {
				return nil, nil, errNobody
			}
			r, err := p.request(ctx, http.MethodPost, "/email/batch")
			return r, b.body(going), err
		},
		Read: func(answer *http.Response) (providers.Accepted, error) {
			return providers.Accepted{}, p.taken(answer, b, going)
		},
	})
	if err == nil {
		return
	}
	for _, i := range b.places {
		if b.results[i].Err == nil {
			b.results[i].Err = err
		}
	}
}

// begin asks each message whether it may, and returns the places of those that do.
func (b batch) begin() (going []int) {
	for _, i := range b.places {
		if b.results[i].Err = b.messages[i].MayBegin(); b.results[i].Err == nil {
			going = append(going, i)
		}
	}
	return going
}

// body is the request of the messages at some places.
func (b batch) body(places []int) []byte {
	var body bytes.Buffer
	for n, i := range places {
		if n > 0 {
			body.WriteByte(',')
		} else {
			body.WriteByte('[')
		}
		body.Write(b.bodies[i])
	}
	body.WriteByte(']')
	return body.Bytes()
}

// taken reads what is answered to the messages at some places: a result for each, or an error
// for all.
func (p *Provider) taken(answer *http.Response, b batch, places []int) error {
	text, broken := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if failure := p.failure(answer, string(text)); failure != nil {
		return failure
	}
	var list []answered
	if err := json.Unmarshal(text, &list); err != nil || broken != nil || len(list) != len(places) {
		return &providers.Error{Kind: providers.ErrorInDoubt,
			Err: errors.New("the answer has no result for each message, so that nobody knows what became of them: check config.api")}
	}
	for n, i := range places {
		b.results[i].Accepted, b.results[i].Err = p.result(&list[n])
	}
	return nil
}
