package sendapi

import (
	"cmp"
	"fmt"
	"strings"

	"carillon/providers"
)

// Bounds of Meta's, in characters. Counted in units of UTF-16 nothing goes that it would refuse.
const (
	mostButtons  = 3
	mostAnswers  = 13 // quick replies
	maxTitle     = 20
	maxPayload   = 1000
	maxAboveKeys = 640 // a text above buttons
)

// files are what files are called.
var files = map[providers.AttachmentType]string{
	providers.Image: "image", providers.Video: "video", providers.Audio: "audio", providers.Voice: "audio", providers.Document: "file",
}

// outbound is a content as the API wants it: a file with nothing said, or a text. A message has
// one of them, so that a file beside words stands in these as its address. Up to 3 buttons stand
// below a short text. Where they can't, answers are quick replies, which go when one is tapped,
// and the others stand in the text.
func (p Product) outbound(c *providers.Content) (message map[string]any, refused *providers.Error) {
	said, buttons := c.Beside(), c.Buttons
	answers, worded := split(buttons)
	if c.Attachment != nil {
		if said == "" && len(worded) == 0 && p.carries(c.Attachment) {
			message = map[string]any{"attachment": map[string]any{
				"type": files[c.Attachment.Sort()], "payload": map[string]any{"url": c.Attachment.URL},
			}}
			return message, p.quick(message, answers)
		}
		said = strings.TrimPrefix(said+"\n"+c.Attachment.URL, "\n")
	}
	if n := len(buttons); n > 0 && n <= mostButtons && said != "" && providers.Units(said) <= maxAboveKeys && p.size(said) <= p.MostText {
		return p.keys(said, buttons)
	}
	if said == "" { // a quick reply stands below something
		worded, answers = append(worded, answers...), nil
	}
	lines := make([]string, len(worded))
	for i := range worded {
		lines[i] = worded[i].Words()
	}
	if len(lines) > 0 {
		said = strings.TrimPrefix(said+"\n\n"+strings.Join(lines, "\n"), "\n\n")
	}
	if n := p.size(said); n > p.MostText {
		return nil, p.tooLong(n)
	}
	message = map[string]any{"text": said}
	return message, p.quick(message, answers)
}

// split are the buttons that answer, and the others.
func split(buttons []providers.MessageButton) (answers, others []providers.MessageButton) {
	for _, b := range buttons {
		if b.Type == providers.ButtonPostback {
			answers = append(answers, b)
		} else {
			others = append(others, b)
		}
	}
	return answers, others
}

func (p Product) carries(a *providers.Attachment) bool {
	return a.Sort() != providers.Document || p.Documents(a)
}

// size is the length of a text as the product counts it.
func (p Product) size(text string) int {
	if p.Bytes {
		return len(text)
	}
	return providers.Units(text)
}

func (p Product) tooLong(n int) *providers.Error {
	unit := "letters, an emoji counted as two"
	if p.Bytes {
		unit = "bytes, of which a letter has one to four"
	}
	return &providers.Error{Kind: providers.ErrorContent, Code: "too_long",
		Err: fmt.Errorf("the text has %d %s; %s takes at most %d: shorten it", n, unit, p.Name, p.MostText)}
}

// keys is a text with buttons below it, which stay.
func (p Product) keys(said string, buttons []providers.MessageButton) (map[string]any, *providers.Error) {
	made := make([]map[string]any, len(buttons))
	for i, b := range buttons {
		if refused := p.wrong(b); refused != nil {
			return nil, refused
		}
		switch b.Type {
		case providers.ButtonLink:
			made[i] = map[string]any{"type": "web_url", "title": b.Caption, "url": b.Info}
		case providers.ButtonCall:
			made[i] = map[string]any{"type": "phone_number", "title": b.Caption, "payload": b.Info}
		default:
			made[i] = map[string]any{"type": "postback", "title": b.Caption, "payload": cmp.Or(b.Info, b.Caption)}
		}
	}
	return map[string]any{"attachment": map[string]any{
		"type": "template", "payload": map[string]any{"template_type": "button", "text": said, "buttons": made},
	}}, nil
}

// quick puts quick replies below a message.
func (p Product) quick(message map[string]any, answers []providers.MessageButton) *providers.Error {
	made := make([]map[string]any, len(answers))
	for i, b := range answers {
		if refused := p.wrong(b); refused != nil {
			return refused
		}
		made[i] = map[string]any{"content_type": "text", "title": b.Caption, "payload": cmp.Or(b.Info, b.Caption)}
	}
	if len(made) > 0 {
		message["quick_replies"] = made[:min(len(made), mostAnswers)]
	}
	return nil
}

// wrong refuses a button that has more letters than Meta takes.
func (p Product) wrong(b providers.MessageButton) *providers.Error {
	if n := providers.Units(b.Caption); n > maxTitle {
		return &providers.Error{Kind: providers.ErrorContent, Code: "button_too_long",
			Err: fmt.Errorf("the caption %q has %d letters, an emoji counted as two; %s takes at most %d on a button: shorten it", b.Caption, n, p.Name, maxTitle)}
	}
	if n := providers.Units(b.Info); b.Type == providers.ButtonPostback && n > maxPayload {
		return &providers.Error{Kind: providers.ErrorContent, Code: "button_too_long",
			Err: fmt.Errorf("what the button %q answers has %d letters; %s takes at most %d: give the button a shorter info", b.Caption, n, p.Name, maxPayload)}
	}
	return nil
}
