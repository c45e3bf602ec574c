package apns

import (
	"cmp"
	"encoding/json"
	"fmt"

	"carillon/providers"
)

// maxPayload is what Apple takes, in bytes.
const maxPayload = 4096

// payload is a notification as Apple has it; what is beside aps is for the app.
type payload struct {
	APS     aps      `json:"aps"`
	ID      string   `json:"id"`
	URL     string   `json:"url,omitempty"`
	Image   string   `json:"image,omitempty"`
	File    string   `json:"file,omitempty"`
	Actions []action `json:"actions,omitempty"`
}

type aps struct {
	Alert alert  `json:"alert"`
	Sound string `json:"sound,omitempty"`
	// Mutable has the app's extension look at the notification first, which loads the picture.
	Mutable int `json:"mutable-content,omitempty"`
}

type alert struct {
	Title string `json:"title,omitempty"`
	Body  string `json:"body,omitempty"`
}

// action is a link, named by its address as fcm's and webpush's are.
type action struct {
	Action string `json:"action"`
	Title  string `json:"title"`
}

// silent is the sound that is none.
const silent = "none"

// outbound is the body of a request that takes a message.
func (p *Provider) outbound(m *providers.Message) ([]byte, *providers.Error) {
	c := &m.Content
	made := payload{APS: aps{Alert: alert{Title: c.Subject, Body: c.Beside()}}, ID: p.deps.UniqueID(m.ID)}
	if p.config.Sound != silent {
		made.APS.Sound = p.config.Sound
	}
	for _, b := range c.Buttons {
		made.URL = cmp.Or(made.URL, b.Info)
		made.Actions = append(made.Actions, action{Action: b.Info, Title: b.Caption})
	}
	switch {
	case c.Attachment == nil:
	case c.Attachment.Sort() == providers.Image:
		made.Image, made.APS.Mutable = c.Attachment.URL, 1
	default:
		made.File, made.URL = c.Attachment.URL, cmp.Or(made.URL, c.Attachment.URL)
	}
	body, err := json.Marshal(made)
	if err != nil {
		return nil, &providers.Error{Kind: providers.ErrorContent, Err: fmt.Errorf("encode message: %w", err)}
	}
	if len(body) > maxPayload {
		return nil, &providers.Error{Kind: providers.ErrorContent, Code: "too_long",
			Err: fmt.Errorf("title, text and addresses have %d bytes together; Apple takes at most %d: shorten them", len(body), maxPayload)}
	}
	return body, nil
}
