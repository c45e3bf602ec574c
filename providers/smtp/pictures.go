package smtp

import (
	"bytes"
	"encoding/base64"
	"regexp"
	"strconv"
	"strings"
)

// picture is an image that an HTML part has in itself. It goes as a part of its own: Gmail and
// Outlook show none that stands in the HTML as a data: address.
type picture struct {
	kind    string // the subtype: png, jpeg or gif
	id      []byte // its Content-ID, without the angle brackets
	content []byte
}

// inText finds pictures in HTML.
var inText = regexp.MustCompile(`(?i)(\ssrc\s*=\s*["']?)data:image/(png|jpeg|gif);base64,([a-z0-9+/=\r\n]+)`)

// pictures takes the pictures out of an HTML part and puts their Content-IDs in their places;
// the same picture goes once. What is no base64 stays where it is. The part is returned as it
// was where it has none, as nearly all have.
func (c composer) pictures(html []byte, messageID int64) ([]byte, []picture) {
	if !bytes.Contains(html, []byte("data:image/")) {
		return html, nil
	}
	var found []picture
	known := map[string]int{}
	replaced := inText.ReplaceAllFunc(html, func(match []byte) []byte {
		of := inText.FindSubmatch(match)
		at, seen := known[string(of[3])]
		if !seen {
			encoded := bytes.Map(func(r rune) rune {
				if r == '\r' || r == '\n' {
					return -1
				}
				return r
			}, of[3])
			content, err := base64.StdEncoding.AppendDecode(nil, encoded)
			if err != nil || len(content) == 0 {
				return match
			}
			id := strconv.AppendInt([]byte("p"), int64(len(found)+1), 10)
			id = strconv.AppendInt(append(id, '.'), messageID, 36)
			id = append(id, strings.TrimSuffix(c.idTail, ">\r\n")...)
			at = len(found)
			found = append(found, picture{kind: string(bytes.ToLower(of[2])), id: id, content: content})
			known[string(of[3])] = at
		}
		return append(append(append([]byte(nil), of[1]...), "cid:"...), found[at].id...)
	})
	return replaced, found
}

// append appends the fields and the content of a picture.
func (p picture) append(b []byte) []byte {
	b = append(append(b, "Content-Type: image/"...), p.kind...)
	b = append(append(b, "\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: inline\r\nContent-ID: <"...), p.id...)
	b = append(b, ">\r\n\r\n"...)
	return appendBase64(b, p.content)
}

// appendRelated appends an HTML part with its pictures.
func appendRelated(b []byte, messageID int64, html part, pictures []picture) []byte {
	if len(pictures) == 0 {
		return html.append(b)
	}
	boundary := boundaryFor("=_r", messageID, html)
	b = append(append(b, "Content-Type: multipart/related; type=\"text/html\";\r\n boundary=\""...), boundary...)
	b = append(append(b, "\"\r\n\r\n--"...), boundary...)
	b = html.append(append(b, "\r\n"...))
	for _, p := range pictures {
		b = append(append(b, "\r\n--"...), boundary...)
		b = p.append(append(b, "\r\n"...))
	}
	b = append(append(b, "\r\n--"...), boundary...)
	return append(b, "--\r\n"...)
}
