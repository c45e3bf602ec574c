// Package mail owns what every way of sending e-mail shares: the parts that a content is made
// into, the headers by which people leave a list, addresses and senders. It must not know by
// which protocol or service a mail goes.
package mail

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/url"
	"strings"

	"carillon/providers"
)

// MaxHeaderLine bounds what goes into one header line, in bytes (RFC 5322, 2.1.1: 998).
const MaxHeaderLine = 900

// Check says why a message can't be sent as it is; nil if nothing is wrong with it.
func Check(m *providers.Message) error {
	for _, v := range [...]struct{ name, value string }{
		{"to", m.To}, {"to_name", m.ToName}, {"subject", m.Content.Subject}, {"unsubscribe_url", m.UnsubscribeURL},
	} {
		if strings.ContainsAny(v.value, "\r\n") {
			return fmt.Errorf("%s holds a line break, and would become another header", v.name)
		}
	}
	switch {
	case m.Content.Text == "" && m.Content.HTML == "":
		return errors.New("it has neither text nor html")
	case Unsubscribes(m) && !headerURL(m.UnsubscribeURL):
		return errors.New("unsubscribe_url is not an http address that fits into a header")
	}
	return nil
}

// headerURL reports whether a URL can stand in List-Unsubscribe.
func headerURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && len(s) <= MaxHeaderLine &&
		!strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '<' || r == '>' })
}

// Unsubscribes reports whether a message says by its header how to leave the list.
func Unsubscribes(m *providers.Message) bool { return m.UnsubscribeURL != "" && !m.Transactional }

// The fields of a header by which a recipient leaves a list with one click, and what the second
// says (RFC 8058).
const (
	Unsubscribe     = "List-Unsubscribe"
	UnsubscribePost = "List-Unsubscribe-Post"
	OneClick        = "List-Unsubscribe=One-Click"
)

// Header is a field of a mail's header.
type Header struct{ Name, Value string }

// Headers are the fields of a message that Check accepts by which its recipient leaves the list
// with one click (RFC 8058); none where it has no such address, or is no bulk mail.
func Headers(m *providers.Message) []Header {
	if !Unsubscribes(m) {
		return nil
	}
	return []Header{{Unsubscribe, "<" + m.UnsubscribeURL + ">"}, {UnsubscribePost, OneClick}}
}

// Lines appends a text to b, its line breaks as the mail is to have them.
type Lines func(b []byte, text string) []byte

func asWritten(b []byte, text string) []byte { return append(b, text...) }

// Text is the text part of a content, with where its file is; empty if it has none.
func Text(c *providers.Content) string {
	if linked(c) == nil {
		return c.Text
	}
	return string(AppendText(nil, c, asWritten))
}

// HTML is the HTML part of a content, with its preview line and a link to its file; empty if it
// has none.
func HTML(c *providers.Content) string {
	if linked(c) == nil && c.Preheader == "" {
		return c.HTML
	}
	return string(AppendHTML(nil, c, asWritten))
}

// AppendText appends the text part of a content.
func AppendText(b []byte, c *providers.Content, lines Lines) []byte {
	if c.Text == "" {
		return b
	}
	b = lines(b, c.Text)
	if a := linked(c); a != nil {
		b = lines(b, "\n\n")
		b = lines(b, attachmentTitle(a))
		b = lines(b, ": ")
		b = lines(b, a.URL)
	}
	return b
}

// AppendHTML appends the HTML part of a content.
func AppendHTML(b []byte, c *providers.Content, lines Lines) []byte {
	if c.HTML == "" {
		return b
	}
	at := 0
	if c.Preheader != "" {
		at = afterBodyTag(c.HTML)
		b = lines(b, c.HTML[:at])
		b = lines(b, `<div style="display:none;max-height:0;overflow:hidden;mso-hide:all">`)
		b = lines(b, html.EscapeString(c.Preheader))
		b = lines(b, "</div>\n")
	}
	rest := c.HTML[at:]
	a := linked(c)
	if a == nil {
		return lines(b, rest)
	}
	end := lastFold(rest, "</body")
	b = lines(b, rest[:end])
	b = lines(b, `<p><a href="`)
	b = lines(b, html.EscapeString(a.URL))
	b = lines(b, `">`)
	b = lines(b, html.EscapeString(attachmentTitle(a)))
	b = lines(b, "</a></p>\n")
	return lines(b, rest[end:])
}

// linked is the file that a content names by its address; nil where there is none, or where the
// mail carries it.
func linked(c *providers.Content) *providers.Attachment {
	if Within(c) != nil {
		return nil
	}
	return c.Attachment
}

// attachmentTitle is what a link to an attachment is called.
func attachmentTitle(a *providers.Attachment) string {
	switch {
	case a.Caption != "":
		return a.Caption
	case a.Filename != "":
		return a.Filename
	}
	return a.URL
}

// afterBodyTag is where the content of an HTML document begins: behind <body …>,
// or at the beginning if there is no such tag.
func afterBodyTag(s string) int {
	for at := 0; ; {
		i := strings.IndexByte(s[at:], '<')
		if i < 0 {
			return 0
		}
		at += i
		if len(s) > at+5 && strings.EqualFold(s[at:at+5], "<body") && !isLetter(s[at+5]) {
			if end := strings.IndexByte(s[at:], '>'); end >= 0 {
				return at + end + 1
			}
			return 0
		}
		at++
	}
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// lastFold is where the last occurrence of an ASCII text begins, whatever its
// case; the end if there is none.
func lastFold(s, what string) int {
	for i := len(s) - len(what); i >= 0; i-- {
		if strings.EqualFold(s[i:i+len(what)], what) {
			return i
		}
	}
	return len(s)
}

// Said makes a Kind's answer to what a configuration says of something; it is empty for one
// that can't be read.
func Said[C any](of func(C) string) func(json.RawMessage) string {
	return func(raw json.RawMessage) string {
		var c C
		if providers.DecodeConfig(raw, &c) != nil {
			return ""
		}
		return of(c)
	}
}
