package whatsapp

import (
	"fmt"
	"strings"

	"carillon/providers"
)

// Bounds of WhatsApp's, which counts characters without saying which. Counted in units of UTF-16
// nothing goes that it would refuse.
const (
	maxText    = 4096
	maxCaption = 1024
)

// files are what files are called; it has no voice of its own, but plays OGG as one.
var files = map[providers.AttachmentType]string{
	providers.Image: "image", providers.Video: "video", providers.Audio: "audio", providers.Voice: "audio", providers.Document: "document",
}

// outbound is a message as the API wants it.
func outbound(m *providers.Message) (body map[string]any, refused *providers.Error) {
	c := &m.Content
	body = map[string]any{"messaging_product": "whatsapp", "recipient_type": "individual", "to": m.To}
	put := func(kind string, content any) { body["type"], body[kind] = kind, content }
	switch {
	case c.Kept != nil:
		kept, refused := template(c)
		if refused != nil {
			return nil, refused
		}
		put("template", kept)
	case c.Location != nil:
		put("location", place(c.Location))
	case len(c.Cards) > 0:
		all, refused := cards(c.Cards)
		if refused != nil {
			return nil, refused
		}
		put("contacts", all)
	default:
		return body, written(c, put)
	}
	return body, nil
}

// written puts in what has words, a file and buttons.
func written(c *providers.Content, put func(kind string, content any)) *providers.Error {
	s := shaped(c)
	if s.name != "" {
		content, refused := s.interactive()
		if refused == nil {
			put("interactive", content)
		}
		return refused
	}
	if s.file != nil {
		if refused := tooLong(s.said, maxCaption, "beside a file"); refused != nil {
			return refused
		}
		kind, file := attached(s.file, s.said)
		put(kind, file)
		return nil
	}
	if refused := tooLong(s.said, maxText, "in a message"); refused != nil {
		return refused
	}
	// What is written of a link shows what is behind it; without one there is nothing to show,
	// and WhatsApp need not look for it.
	put("text", map[string]any{"body": s.said, "preview_url": strings.Contains(s.said, "https://") || strings.Contains(s.said, "http://")})
	return nil
}

// tooLong refuses what has more letters than WhatsApp takes somewhere.
func tooLong(text string, most int, where string) *providers.Error {
	n := providers.Units(text)
	if n <= most {
		return nil
	}
	return &providers.Error{Kind: providers.ErrorContent, Code: "too_long",
		Err: fmt.Errorf("the text has %d letters, an emoji counted as two; WhatsApp takes at most %d %s: shorten it", n, most, where)}
}

// attached is a file, by the id that Meta has given it or by its address, which Meta fetches, and
// what is said beside it. There is no
// place beside a sound: with words it goes as a document.
func attached(a *providers.Attachment, said string) (kind string, file map[string]any) {
	file = map[string]any{"link": a.URL}
	if a.File != nil && a.File.ID != "" {
		file = map[string]any{"id": a.File.ID}
	}
	if said != "" {
		file["caption"] = said
	}
	if kind = files[sortOf(a, said)]; kind == files[providers.Document] && a.Filename != "" {
		file["filename"] = a.Filename
	}
	return kind, file
}

func sortOf(a *providers.Attachment, said string) providers.AttachmentType {
	sort := a.Sort()
	if said != "" && files[sort] == files[providers.Audio] {
		return providers.Document
	}
	return sort
}

// place is a place on the map. The address shows only below a name, and a link has no field.
func place(l *providers.Location) map[string]any {
	var said []string
	for _, text := range []string{l.Name, l.Address, l.URL} {
		if text != "" {
			said = append(said, text)
		}
	}
	body := map[string]any{"latitude": l.Latitude, "longitude": l.Longitude}
	if len(said) > 0 {
		body["name"] = said[0]
	}
	if len(said) > 1 {
		body["address"] = strings.Join(said[1:], ", ")
	}
	return body
}

// cards are contact cards.
func cards(all []providers.Card) ([]providers.Card, *providers.Error) {
	ready := make([]providers.Card, len(all))
	for i, card := range all {
		if len(card.IMs) > 0 {
			return nil, &providers.Error{Kind: providers.ErrorContent, Code: "ims",
				Err: fmt.Errorf("the contact card of %q says how they are called elsewhere (ims), for which WhatsApp has no place: leave it out", card.Name.Formatted)}
		}
		// The name as it is shown is refused alone.
		if card.Name.First == "" && card.Name.Last == "" {
			card.Name.First = card.Name.Formatted
		}
		ready[i] = card
	}
	return ready, nil
}
