package mailgun

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/textproto"

	"carillon/providers"
	"carillon/providers/mail"
)

// ourID is the name under which Mailgun keeps our id, and returns it in what it reports.
const ourID = "carillon"

// mostAttached is the largest file of a mail, in bytes: of the 25 MB that Mailgun takes as a whole
// it has 24.7 in base64.
const mostAttached = 18 * providers.MB

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
		if err := write(w, "inline", &mail.File{Name: f.ID, ContentType: "image/" + f.Kind, Content: f.Content}); err != nil {
			return "", nil, fmt.Errorf("encode picture: %w", err)
		}
	}
	if m.File != nil {
		b.Grow(len(m.File.Content) + 1<<10) // once, and not piece by piece
		if err := write(w, "attachment", m.File); err != nil {
			return "", nil, fmt.Errorf("encode file: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return "", nil, fmt.Errorf("encode message: %w", err)
	}
	return w.FormDataContentType(), b.Bytes(), nil
}

// write writes a file as a field of the form.
func write(w *multipart.Writer, field string, f *mail.File) error {
	part, err := w.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {multipart.FileContentDisposition(field, f.Name)}, "Content-Type": {f.ContentType},
	})
	if err == nil {
		_, err = part.Write(f.Content)
	}
	return err
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
