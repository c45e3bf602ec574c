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
	// mostAttached is the largest file of a mail, in bytes: of the 10 MB that Postmark takes as a
	// whole, after base64, it has 9.6 (postmarkapp.com/support/article/1056).
	mostAttached = 7 * providers.MB
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
	Attachments   []attached    `json:",omitempty"`
	Metadata      map[string]string
	MessageStream string
	// TrackOpens and TrackLinks say that Postmark counts nothing, whatever the server is set to:
	// Carillon does, and its links would be replaced by Postmark's.
	TrackOpens bool
	TrackLinks string
}

// attached is a picture that stands in the HTML, or without a ContentID the file of a mail.
type attached struct {
	Name        string
	ContentType string
	ContentID   string `json:",omitempty"`
	Content     []byte
}

// ourID is the name under which Postmark keeps our id, and returns it in what it reports.
const ourID = "carillon"

// encode writes a message as Postmark takes it.
func (p *Provider) encode(m *providers.Message) (json.RawMessage, *providers.Error) {
	made, refused := mail.New(m, p.config.From, mostAttached, p.deps)
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
		o.Attachments = append(o.Attachments, attached{f.Name(), "image/" + f.Kind, "cid:" + f.ID, f.Content})
	}
	if f := made.File; f != nil {
		o.Attachments = append(o.Attachments, attached{Name: f.Name, ContentType: f.ContentType, Content: f.Content})
	}
	body, err := mail.JSON(o)
	if err != nil {
		return nil, &providers.Error{Kind: providers.ErrorContent, Err: err}
	}
	return body, nil
}

// SendBatch asks Postmark to take messages: in one request, or in several, one after the other,
// where they are too large for one.
func (p *Provider) SendBatch(ctx context.Context, messages []providers.Message) []providers.Result {
	b, bodies := line.NewBatch(messages), make([]json.RawMessage, len(messages))
	var places []int
	size := 0
	for i := range messages {
		body, refused := p.encode(&messages[i])
		if refused != nil {
			b.Results[i].Err = refused
			continue
		}
		if len(places) == maxBatch || len(places) > 0 && size+len(body) > maxBody {
			p.hand(ctx, b, bodies, places)
			places, size = nil, 0
		}
		bodies[i], places, size = body, append(places, i), size+len(body)
	}
	if len(places) > 0 {
		p.hand(ctx, b, bodies, places)
	}
	return b.Results
}

// hand makes one request.
func (p *Provider) hand(ctx context.Context, b line.Batch, bodies []json.RawMessage, places []int) {
	b.Ask(ctx, p.line, line.Together{
		Places: places,
		Request: func(ctx context.Context, going []int) (*http.Request, []byte, error) {
			r, err := p.request(ctx, http.MethodPost, "/email/batch")
			return r, together(bodies, going), err
		},
		Read: func(answer *http.Response, going []int) error { return p.taken(answer, b, going) },
	})
}

// together is the request of the messages at some places.
func together(bodies []json.RawMessage, places []int) []byte {
	var body bytes.Buffer
	for n, i := range places {
		if n > 0 {
			body.WriteByte(',')
		} else {
			body.WriteByte('[')
		}
		body.Write(bodies[i])
	}
	body.WriteByte(']')
	return body.Bytes()
}

// taken reads what is answered to the messages at some places: a result for each, or an error
// for all.
func (p *Provider) taken(answer *http.Response, b line.Batch, places []int) error {
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
		b.Results[i].Accepted, b.Results[i].Err = p.result(&list[n])
	}
	return nil
}
