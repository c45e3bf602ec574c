package sendgrid

import (
	"carillon/providers"
	"carillon/providers/mail"
)

// outbound is a message as SendGrid takes it.
type outbound struct {
	Personalizations []personalization `json:"personalizations"`
	From             mailbox           `json:"from"`
	ReplyTo          *mailbox          `json:"reply_to,omitempty"`
	Subject          string            `json:"subject"`
	Content          []part            `json:"content"`
	Headers          map[string]string `json:"headers,omitempty"`
	Attachments      []attached        `json:"attachments,omitempty"`
	Tracking         tracking          `json:"tracking_settings"`
}

type personalization struct {
	To         []mailbox         `json:"to"`
	CustomArgs map[string]string `json:"custom_args"`
}

type mailbox struct {
	Email string `json:"email"`
	Name  string `json:"name,omitempty"`
}

type part struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// attached is a picture that stands in the HTML, or without a content_id the file of a mail.
type attached struct {
	Content     []byte `json:"content"`
	Type        string `json:"type"`
	Filename    string `json:"filename"`
	Disposition string `json:"disposition"`
	ContentID   string `json:"content_id,omitempty"`
}

// mostAttached is the largest file of a mail, in bytes: of the 30 MB that SendGrid takes as a whole
// it has 28.8 in base64 (its API reference, "Mail Send", limitations).
const mostAttached = 21 * providers.MB

// tracking says that SendGrid counts nothing and adds nothing, whatever the account is set to:
// Carillon does, and its links would be replaced by SendGrid's.
type tracking struct {
	Click        clicks `json:"click_tracking"`
	Open         off    `json:"open_tracking"`
	Subscription off    `json:"subscription_tracking"`
	Analytics    off    `json:"ganalytics"`
}

type off struct {
	Enable bool `json:"enable"`
}

type clicks struct {
	Enable     bool `json:"enable"`
	EnableText bool `json:"enable_text"`
}

// ourID is the name under which SendGrid keeps our id, and returns it in what it reports.
const ourID = "carillon"

// outbound makes a message as SendGrid takes it.
func (p *Provider) outbound(m *providers.Message) (o outbound, refused *providers.Error) {
	made, refused := mail.New(m, p.config.From, mostAttached, p.deps)
	if refused != nil {
		return o, refused
	}
	o = outbound{
		Personalizations: []personalization{{
			To: []mailbox{{made.To, made.ToName}}, CustomArgs: map[string]string{ourID: p.deps.UniqueID(m.ID)},
		}},
		From: mailbox{p.config.From, p.config.FromName}, Subject: made.Subject,
	}
	if p.config.ReplyTo != "" {
		o.ReplyTo = &mailbox{Email: p.config.ReplyTo}
	}
	for _, c := range []part{{"text/plain", made.Text}, {"text/html", made.HTML}} { // in this order, SendGrid wants
		if c.Value != "" {
			o.Content = append(o.Content, c)
		}
	}
	for _, h := range made.Headers {
		if o.Headers == nil {
			o.Headers = map[string]string{}
		}
		o.Headers[h.Name] = h.Value
	}
	for _, f := range made.Pictures {
		o.Attachments = append(o.Attachments, attached{f.Content, "image/" + f.Kind, f.Name(), "inline", f.ID})
	}
	if f := made.File; f != nil {
		o.Attachments = append(o.Attachments, attached{Content: f.Content, Type: f.ContentType, Filename: f.Name, Disposition: "attachment"})
	}
	return o, nil
}
