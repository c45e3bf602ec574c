package mailgun

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"

	"carillon/providers/mail"
)

// ourID is the name under which Mailgun keeps our id, and returns it in what it reports.
const ourID = "carillon"

// form is a message as Mailgun takes it, and its content type.
func (p *Provider) form(id int64, m *mail.Message) (contentType string, body []byte, err error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, field := range p.fields(id, m) {
		if field.Value == "" {
			continue
		}
		if err := w.WriteField(field.Name, field.Value); err != nil {
			return "", nil, fmt.Errorf("encode message: %w", err)
		}
	}
	for _, f := range m.Pictures { // the HTML names them by their names
		part, err := w.CreateFormFile("inline", f.ID)
		if err == nil {
			_, err = io.Copy(part, bytes.NewReader(f.Content))
		}
		if err != nil {
			return "", nil, fmt.Errorf("encode picture: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return "", nil, fmt.Errorf("encode message: %w", err)
	}
	return w.FormDataContentType(), b.Bytes(), nil
}

// fields are the fields of the form. Mailgun counts nothing, whatever the domain is set to:
// Carillon does, and its links would be replaced by Mailgun's.
func (p *Provider) fields(id int64, m *mail.Message) []mail.Header {
	fields := []mail.Header{
		{Name: "from", Value: mail.Named(p.config.FromName, p.config.From)}, {Name: "to", Value: mail.Named(m.ToName, m.To)},
		{Name: "subject", Value: m.Subject}, {Name: "text", Value: m.Text}, {Name: "html", Value: m.HTML},
		{Name: "h:Reply-To", Value: p.config.ReplyTo}, {Name: "v:" + ourID, Value: p.deps.UniqueID(id)}, {Name: "o:tracking", Value: "no"},
	}
	for _, h := range m.Headers {
		fields = append(fields, mail.Header{Name: "h:" + h.Name, Value: h.Value})
	}
	return fields
}
