package ses

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"

	"carillon/providers"
	"carillon/providers/line"
	"carillon/providers/mail"
)

// Bounds of the API's (SES API v2: ReplacementTemplate, MessageHeader; its developer guide on
// templates: an inline template's whole input has at most 1 MB).
const (
	// maxData is how long what is put into a template may be, in characters.
	maxData = 262144
	// maxBulk is how much goes in one request of many, in bytes; the rest of the 1 MB is for what
	// stands around the entries.
	maxBulk = 1_000_000 - 4096
	// mostAttached is the largest file of a mail, in bytes: of the 40 MB that SES takes as a whole,
	// after base64, it has 38.4 (its developer guide, "Working with email attachments").
	mostAttached = 28 * providers.MB
	// maxValue is how long the value of a header may be, in bytes.
	maxValue = 870
	// maxAnswer is how much of an answer is read: 50 results have about 10 KB.
	maxAnswer = 256 << 10
)

// ourID is the tag under which SES keeps our id, and returns it in the events of a configuration
// set.
const ourID = "carillon"

type destination struct{ ToAddresses []string }

// pair is a tag.
type pair struct{ Name, Value string }

// part is a text of a mail.
type part struct{ Data, Charset string }

// simple is a mail's content as SendEmail takes it, which makes MIME of it.
type simple struct {
	Subject part
	Body    struct {
		Text *part `json:",omitempty"`
		HTML *part `json:"Html,omitempty"`
	}
	Headers     []mail.Header `json:",omitempty"`
	Attachments []attached    `json:",omitempty"`
}

// attached is a picture that stands in the HTML, or without a ContentID the file of a mail.
type attached struct {
	FileName, ContentType, ContentDisposition string
	ContentID                                 string `json:"ContentId,omitempty"`
	ContentTransferEncoding                   string
	RawContent                                []byte
}

// sender is what every request says of whose mail it is.
type sender struct {
	FromEmailAddress     string
	ReplyToAddresses     []string `json:",omitempty"`
	ConfigurationSetName string   `json:",omitempty"`
}

// single is a request of SendEmail.
type single struct {
	sender
	Destination destination
	Content     struct{ Simple simple }
	EmailTags   []pair
}

// words are what a template of ours has in it, and what each entry puts there. A part that is
// missing from one is missing from the other.
type words struct {
	Subject string
	Text    string `json:",omitempty"`
	HTML    string `json:"Html,omitempty"`
}

// template is the same for all messages of a request that have the same parts.
type template struct {
	TemplateContent words
	TemplateData    string
}

// bulk is a request of SendBulkEmail.
type bulk struct {
	sender
	DefaultContent   struct{ Template template }
	BulkEmailEntries []json.RawMessage
}

// entry is one message of bulk.
type entry struct {
	Destination             destination
	ReplacementEmailContent struct {
		ReplacementTemplate struct{ ReplacementTemplateData string }
	}
	ReplacementHeaders []mail.Header `json:",omitempty"`
	ReplacementTags    []pair
}

// parts says which parts a message has besides its subject: those that have the same can go
// together.
type parts struct{ text, html bool }

// template has nothing but places for what each entry brings.
func (s parts) template() (t template) {
	t.TemplateContent.Subject = "{{Subject}}"
	if s.text {
		t.TemplateContent.Text = "{{Text}}"
	}
	if s.html {
		t.TemplateContent.HTML = "{{Html}}"
	}
	t.TemplateData = "{}"
	return t
}

// made is a message on its way: entry is nil where it can't go with others.
type made struct {
	content mail.Message
	to      destination
	tags    []pair
	entry   json.RawMessage
}

func (m *made) parts() parts { return parts{m.content.Text != "", m.content.HTML != ""} }

// named is an address with a name before it, in ASCII (RFC 2047), as SES takes it.
func named(name, address string) string {
	encoded := mime.BEncoding.Encode("utf-8", name) // in a name Q may not have commas and quotes (RFC 2047, 5)
	if encoded == name {
		return mail.Named(name, address)
	}
	return encoded + " <" + address + ">"
}

func (p *Provider) sender() sender {
	s := sender{FromEmailAddress: named(p.config.FromName, p.config.From), ConfigurationSetName: p.config.ConfigurationSet}
	if p.config.ReplyTo != "" {
		s.ReplyToAddresses = []string{p.config.ReplyTo}
	}
	return s
}

// mail makes a mail of a message, as SES takes it.
func (p *Provider) mail(message *providers.Message) (made, *providers.Error) {
	content, refused := mail.New(message, p.config.From, mostAttached, p.deps)
	if refused != nil {
		return made{}, refused
	}
	if to, _ := mail.ParseMailbox(content.To); to.UTF8 {
		return made{}, &providers.Error{Kind: providers.ErrorRecipient,
			Err: errors.New("SES writes to no address with letters beyond ASCII: it has no SMTPUTF8, and wants domains in their xn-- form")}
	}
	for _, h := range content.Headers {
		if len(h.Value) > maxValue {
			return made{}, &providers.Error{Kind: providers.ErrorContent,
				Err: errors.New("unsubscribe_url is longer than SES lets a header be")}
		}
	}
	m := made{content: content, to: destination{[]string{named(content.ToName, content.To)}}, tags: []pair{{ourID, p.deps.UniqueID(message.ID)}}}
	if err := m.encode(); err != nil {
		return made{}, &providers.Error{Kind: providers.ErrorContent, Err: err}
	}
	return m, nil
}

// alone is a message in a request of its own.
func (p *Provider) alone(m *made) ([]byte, error) {
	s := single{sender: p.sender(), Destination: m.to, EmailTags: m.tags}
	s.Content.Simple = simpleOf(&m.content)
	return mail.JSON(s)
}

func simpleOf(m *mail.Message) simple {
	s := simple{Subject: part{m.Subject, "UTF-8"}, Headers: m.Headers}
	if m.Text != "" {
		s.Body.Text = &part{m.Text, "UTF-8"}
	}
	if m.HTML != "" {
		s.Body.HTML = &part{m.HTML, "UTF-8"}
	}
	for _, f := range m.Pictures {
		s.Attachments = append(s.Attachments, attached{f.Name(), "image/" + f.Kind, "INLINE", f.ID, "BASE64", f.Content})
	}
	if f := m.File; f != nil {
		s.Attachments = append(s.Attachments, attached{
			FileName: f.Name, ContentType: f.ContentType, ContentDisposition: "ATTACHMENT", ContentTransferEncoding: "BASE64", RawContent: f.Content,
		})
	}
	return s
}

// encode writes the message as one of many, if it can be that: the API has pictures and
// files for all messages of a request alone, bounds what is put into a template, and might read braces in it.
func (m *made) encode() error {
	c := &m.content
	if len(c.Pictures) > 0 || c.File != nil || strings.Contains(c.Subject+c.Text+c.HTML, "{{") {
		return nil
	}
	data, err := mail.JSON(words{c.Subject, c.Text, c.HTML})
	if err != nil || utf8.RuneCount(data) > maxData {
		return err
	}
	e := entry{Destination: m.to, ReplacementHeaders: c.Headers, ReplacementTags: m.tags}
	e.ReplacementEmailContent.ReplacementTemplate.ReplacementTemplateData = string(data)
	m.entry, err = mail.JSON(e)
	return err
}

// SendBatch asks SES to take messages: those that can in requests of many, the others in one of
// their own each, one after the other.
func (p *Provider) SendBatch(ctx context.Context, messages []providers.Message) []providers.Result {
	s := sending{p, line.NewBatch(messages), make([]made, len(messages))}
	var open []*group
	for i := range messages {
		m, refused := p.mail(&messages[i])
		if refused != nil {
			s.Results[i].Err = refused
			continue
		}
		s.made[i] = m
		g := find(open, &m)
		if g == nil {
			g = &group{parts: m.parts(), closed: m.entry == nil || len(m.entry) > maxBulk}
			open = append(open, g)
		}
		g.places, g.size = append(g.places, i), g.size+len(m.entry)
	}
	for _, g := range open {
		s.hand(ctx, g.places)
	}
	return s.Results
}

// group are messages that go in one request.
type group struct {
	parts  parts
	places []int
	size   int
	closed bool
}

// find is a group with room for a message; nil if there is none.
func find(groups []*group, m *made) *group {
	if m.entry == nil {
		return nil
	}
	for _, g := range groups {
		if !g.closed && g.parts == m.parts() && len(g.places) < maxBatch && g.size+len(m.entry) <= maxBulk {
			return g
		}
	}
	return nil
}

// sending are messages on their way.
type sending struct {
	*Provider
	line.Batch
	made []made
}

// hand makes one request. One message alone goes by SendEmail, which takes all that a mail has.
func (s sending) hand(ctx context.Context, places []int) {
	path := "/v2/email/outbound-emails"
	if len(places) > 1 {
		path = "/v2/email/outbound-bulk-emails"
	}
	s.Ask(ctx, s.line, line.Together{
		Places: places,
		Request: func(ctx context.Context, going []int) (*http.Request, []byte, error) {
			body, err := s.body(places, going)
			if err != nil {
				return nil, nil, err
			}
			r, err := s.request(ctx, http.MethodPost, path, body)
			return r, body, err
		},
		Read: func(answer *http.Response, going []int) error {
			text, broken := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
			switch failure := s.failure(answer, string(text)); {
			case failure != nil:
				return failure
			case broken != nil:
				return doubt()
			case len(places) == 1:
				return s.one(text, going[0])
			}
			return s.many(text, going)
		},
	})
}

// body is the request of those that go of the messages at some places.
func (s sending) body(places, going []int) ([]byte, error) {
	if len(places) == 1 {
		return s.alone(&s.made[going[0]])
	}
	return s.together(going)
}

// together is the request of the messages at some places.
func (s sending) together(places []int) ([]byte, error) {
	b := bulk{sender: s.sender()}
	b.DefaultContent.Template = s.made[places[0]].parts().template()
	for _, i := range places {
		b.BulkEmailEntries = append(b.BulkEmailEntries, s.made[i].entry)
	}
	return mail.JSON(b)
}

// one reads the answer of SendEmail.
func (s sending) one(text []byte, place int) error {
	var said struct{ MessageID string }
	if json.Unmarshal(text, &said) != nil || !providers.Key(said.MessageID) {
		return doubt()
	}
	s.Results[place].Accepted = accepted(said.MessageID)
	return nil
}

// many reads the answer of SendBulkEmail.
func (s sending) many(text []byte, places []int) error {
	var said struct{ BulkEmailEntryResults []outcome }
	if json.Unmarshal(bytes.TrimSpace(text), &said) != nil || len(said.BulkEmailEntryResults) != len(places) {
		return doubt()
	}
	for n, i := range places {
		s.Results[i].Accepted, s.Results[i].Err = s.result(&said.BulkEmailEntryResults[n])
	}
	return nil
}

func accepted(id string) providers.Accepted {
	return providers.Accepted{ProviderID: id, Response: line.Quote("SUCCESS " + id)}
}

// doubt is of an answer that does not say what became of each message.
func doubt() *providers.Error {
	return &providers.Error{Kind: providers.ErrorInDoubt,
		Err: errors.New("the answer has no id for each message, so that nobody knows what became of them: check config.api")}
}
