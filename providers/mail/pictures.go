package mail

import (
	"bytes"
	"encoding/base64"
	"regexp"
	"strconv"
)

// Picture is an image that an HTML part has in itself. It goes as a part of its own: Gmail and
// Outlook show none that stands in the HTML as a data: address.
type Picture struct {
	// Kind is the subtype: png, jpeg or gif.
	Kind string
	// ID is its Content-ID, without angle brackets.
	ID      string
	Content []byte
}

// pictureID is the Content-ID of the picture of a number in a message.
func pictureID(n int, messageID int64, tail string) string {
	return "p" + strconv.Itoa(n) + "." + strconv.FormatInt(messageID, 36) + tail
}

// inline is in every picture that stands in HTML.
const inline = "data:image/"

// inText finds pictures in HTML.
var inText = regexp.MustCompile(`(?i)(\ssrc\s*=\s*["']?)data:image/(png|jpeg|gif);base64,([a-z0-9+/=\r\n]+)`)

// Pictures takes the pictures out of an HTML part and puts their Content-IDs in their places;
// the same picture goes once. tail ends their ids: what tells installations apart, an @ and a
// domain. What is no base64 stays where it is. The part is returned as it was where it has none,
// as nearly all have.
func Pictures(html []byte, messageID int64, tail string) ([]byte, []Picture) {
	if !bytes.Contains(html, []byte(inline)) {
		return html, nil
	}
	var found []Picture
	known := map[string]int{}
	replaced := inText.ReplaceAllFunc(html, func(match []byte) []byte {
		of := inText.FindSubmatch(match)
		at, seen := known[string(of[3])]
		if !seen {
			content := decoded(of[3])
			if len(content) == 0 {
				return match
			}
			at = len(found)
			found = append(found, Picture{Kind: string(bytes.ToLower(of[2])), ID: pictureID(at+1, messageID, tail), Content: content})
			known[string(of[3])] = at
		}
		return append(append(append([]byte(nil), of[1]...), "cid:"...), found[at].ID...)
	})
	return replaced, found
}

// decoded is what stands in base64 over several lines; empty for what is none.
func decoded(text []byte) []byte {
	text = bytes.Map(func(r rune) rune {
		if r == '\r' || r == '\n' {
			return -1
		}
		return r
	}, text)
	content, err := base64.StdEncoding.AppendDecode(nil, text)
	if err != nil {
		return nil
	}
	return content
}

// Name is what a picture is called where it must have a name.
func (p *Picture) Name() string { return "picture." + p.Kind }
