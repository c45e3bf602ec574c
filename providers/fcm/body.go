package fcm

import (
	"cmp"
	"encoding/json"
	"fmt"

	"carillon/providers"
)

// maxPayload is what Firebase takes of a notification and its data, keys and values together, in
// bytes.
const maxPayload = 4096

// message is one for a device, as Firebase has it.
type message struct {
	Token        string       `json:"token"`
	Notification notification `json:"notification"`
	// Data is for the app, whose values are texts.
	Data map[string]string `json:"data"`
}

type notification struct {
	Title string `json:"title,omitempty"`
	Body  string `json:"body,omitempty"`
	Image string `json:"image,omitempty"`
}

// button is a link in data, named by its address as a service worker's notifications have them.
type button struct {
	Action string `json:"action"`
	Title  string `json:"title"`
}

// outbound is the body of a request that takes a message.
func (p *Provider) outbound(m *providers.Message) ([]byte, *providers.Error) {
	c := &m.Content
	made := message{
		Token: m.To, Notification: notification{Title: c.Subject, Body: c.Beside()}, Data: map[string]string{"id": p.deps.UniqueID(m.ID)},
	}
	link := ""
	var buttons []button
	for _, b := range c.Buttons {
		link = cmp.Or(link, b.Info)
		buttons = append(buttons, button{Action: b.Info, Title: b.Caption})
	}
	switch {
	case c.Attachment == nil:
	case c.Attachment.Sort() == providers.Image:
		made.Notification.Image = c.Attachment.URL
	default:
		made.Data["file"] = c.Attachment.URL
		link = cmp.Or(link, c.Attachment.URL)
	}
	if link != "" {
		made.Data["url"] = link
	}
	if len(buttons) > 0 {
		text, err := json.Marshal(buttons)
		if err != nil {
			return nil, unwritable(err)
		}
		made.Data["actions"] = string(text)
	}
	if n := made.size(); n > maxPayload {
		return nil, &providers.Error{Kind: providers.ErrorContent, Code: "too_long",
			Err: fmt.Errorf("title, text and addresses have %d bytes together; Firebase takes at most %d: shorten them", n, maxPayload)}
	}
	body, err := json.Marshal(map[string]message{"message": made})
	if err != nil {
		return nil, unwritable(err)
	}
	return body, nil
}

func unwritable(err error) *providers.Error {
	return &providers.Error{Kind: providers.ErrorContent, Err: fmt.Errorf("encode message: %w", err)}
}

// size is what Firebase bounds.
func (m *message) size() int {
	n := 0
	for name, value := range map[string]string{"title": m.Notification.Title, "body": m.Notification.Body, "image": m.Notification.Image} {
		if value != "" {
			n += len(name) + len(value)
		}
	}
	for name, value := range m.Data {
		n += len(name) + len(value)
	}
	return n
}
