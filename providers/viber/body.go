package viber

import (
	"cmp"
	"fmt"
	"strings"

	"carillon/providers"
)

// Bounds of Viber's, which counts characters without saying which. Counted in units of UTF-16
// nothing goes that it would refuse.
const (
	maxText   = 7000
	maxBeside = 768 // a picture
	maxSender = 28
	maxBytes  = 30 << 10 // of a message with all that belongs to it
)

// outbound is a content as the API wants it. A picture goes as one, with what is said beside it.
// Of other files Viber wants to know the size, so that they stand in the text by their address.
func outbound(c *providers.Content) (body map[string]any, refused *providers.Error) {
	said := c.Beside()
	switch {
	case c.Attachment != nil && c.Attachment.Sort() == providers.Image && providers.Units(said) <= maxBeside:
		body = map[string]any{"type": "picture", "text": said, "media": c.Attachment.URL}
	default:
		if c.Attachment != nil {
			said = strings.TrimPrefix(said+"\n"+c.Attachment.URL, "\n")
		}
		if said == "" { // buttons alone
			lines := make([]string, len(c.Buttons))
			for i := range c.Buttons {
				lines[i] = c.Buttons[i].Words()
			}
			said = strings.Join(lines, "\n")
		}
		if n := providers.Units(said); n > maxText {
			return nil, &providers.Error{Kind: providers.ErrorContent, Code: "too_long",
				Err: fmt.Errorf("the text has %d letters, an emoji counted as two; Viber takes at most %d: shorten it", n, maxText)}
		}
		body = map[string]any{"type": "text", "text": said}
	}
	if len(c.Buttons) > 0 {
		body["keyboard"] = map[string]any{"Type": "keyboard", "DefaultHeight": false, "Buttons": keys(c.Buttons)}
	}
	return body, nil
}

// keys are buttons, each as wide as the keyboard.
func keys(buttons []providers.MessageButton) []map[string]any {
	made := make([]map[string]any, len(buttons))
	for i, b := range buttons {
		action := "reply"
		if b.Type == providers.ButtonLink {
			action = "open-url"
		}
		made[i] = map[string]any{"Columns": 6, "Rows": 1, "ActionType": action, "ActionBody": cmp.Or(b.Info, b.Caption), "Text": b.Caption}
	}
	return made
}
