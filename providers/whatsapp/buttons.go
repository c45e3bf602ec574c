package whatsapp

import (
	"cmp"
	"fmt"
	"strings"

	"carillon/providers"
)

// What an interactive message is called.
const (
	replyButtons = "button"
	list         = "list"
	link         = "cta_url"
)

// Bounds of buttons.
const (
	mostButtons = 3
	mostRows    = 10
	maxTitle    = 20
	maxRow      = 24
	maxButtonID = 256
	maxRowID    = 200
)

// listLabel stands on the button that opens a list. It has to have one, and the message may be in
// any language.
const listLabel = "☰"

// shape is a content in the one form that WhatsApp has for it.
type shape struct {
	// name is which interactive message it is; empty for none.
	name    string
	said    string
	file    *providers.Attachment
	buttons []providers.MessageButton
}

// shaped puts a content in form. WhatsApp has up to 3 answers as buttons, up to 10 as a list,
// which has no file, or one link, and none of these without words. Answers go before links; what
// can't be a button then stands in the text, so that all of it arrives.
func shaped(c *providers.Content) shape {
	s := shape{said: c.Beside(), file: c.Attachment}
	var answers, links []providers.MessageButton
	for _, b := range c.Buttons {
		if b.Type == providers.ButtonPostback {
			answers = append(answers, b)
		} else {
			links = append(links, b)
		}
	}
	worded := links
	switch n := len(answers); {
	case s.said == "":
		worded = c.Buttons
	case n > 0 && n <= mostButtons:
		s.name, s.buttons = replyButtons, answers
	case n > mostButtons && n <= mostRows && s.file == nil:
		s.name, s.buttons = list, answers
	case n == 0 && len(links) == 1:
		s.name, s.buttons, worded = link, links, nil
	default:
		worded = c.Buttons
	}
	lines := make([]string, len(worded))
	for i := range worded {
		lines[i] = worded[i].Words()
	}
	if len(lines) > 0 {
		s.said = strings.TrimPrefix(s.said+"\n\n"+strings.Join(lines, "\n"), "\n\n")
	}
	return s
}

// interactive is a message with buttons.
func (s *shape) interactive() (map[string]any, *providers.Error) {
	most, where := maxCaption, "beside buttons"
	if s.name == list {
		most, where = maxText, "above a list"
	}
	if refused := tooLong(s.said, most, where); refused != nil {
		return nil, refused
	}
	body := map[string]any{"type": s.name, "body": map[string]any{"text": s.said}}
	if s.file != nil {
		kind := files[sortOf(s.file, s.said)]
		_, file := attached(s.file, s.said)
		delete(file, "caption") // it is the body
		body["header"] = map[string]any{"type": kind, kind: file}
	}
	action, refused := s.action()
	body["action"] = action
	return body, refused
}

// action is what can be pressed.
func (s *shape) action() (map[string]any, *providers.Error) {
	if s.name == link {
		b := s.buttons[0]
		return map[string]any{"name": link, "parameters": map[string]any{"display_text": b.Caption, "url": b.Info}}, wrongTitle(b, maxTitle, "on a button")
	}
	title, id, where := maxTitle, maxButtonID, "on a button"
	if s.name == list {
		title, id, where = maxRow, maxRowID, "in a list"
	}
	var made []map[string]any
	for _, b := range s.buttons {
		answer := cmp.Or(b.Info, b.Caption)
		if refused := wrongTitle(b, title, where); refused != nil {
			return nil, refused
		}
		if n := providers.Units(answer); n > id {
			return nil, &providers.Error{Kind: providers.ErrorContent, Code: "button_too_long",
				Err: fmt.Errorf("what the button %q answers has %d letters; WhatsApp takes at most %d: give the button a shorter info", b.Caption, n, id)}
		}
		one := map[string]any{"id": answer, "title": b.Caption}
		if s.name == replyButtons {
			one = map[string]any{"type": "reply", "reply": one}
		}
		made = append(made, one)
	}
	if s.name == list {
		return map[string]any{"button": listLabel, "sections": []any{map[string]any{"rows": made}}}, nil
	}
	return map[string]any{"buttons": made}, nil
}

func wrongTitle(b providers.MessageButton, most int, where string) *providers.Error {
	n := providers.Units(b.Caption)
	if n <= most {
		return nil
	}
	return &providers.Error{Kind: providers.ErrorContent, Code: "button_too_long",
		Err: fmt.Errorf("the caption %q has %d letters, an emoji counted as two; WhatsApp takes at most %d %s: shorten it", b.Caption, n, most, where)}
}
