package telegram

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"carillon/providers"
	"carillon/providers/line"
)

// Bounds of Telegram's, in units of UTF-16 and, of what a button answers, in bytes.
const (
	maxText    = 4096
	maxCaption = 1024
	maxAnswer  = 64
)

// shareAddress opens Telegram's own dialog for handing an address on.
const shareAddress = "https://t.me/share/url?url="

// button stands below a message, each in a line of its own.
type button struct {
	Text         string `json:"text"`
	URL          string `json:"url,omitempty"`
	CallbackData string `json:"callback_data,omitempty"`
}

// files are the calls for files, and what the file is called there.
var files = map[providers.AttachmentType]struct{ call, field string }{
	providers.Image:    {"sendPhoto", "photo"},
	providers.Video:    {"sendVideo", "video"},
	providers.Audio:    {"sendAudio", "audio"},
	providers.Voice:    {"sendVoice", "voice"},
	providers.Document: {"sendDocument", "document"},
}

// outbound is the call that takes a message, and its parameters.
func (p *Provider) outbound(m *providers.Message) (call string, body map[string]any, refused *providers.Error) {
	c := &m.Content
	body = map[string]any{"chat_id": m.To}
	buttons := c.Buttons
	switch {
	case c.Location != nil:
		call = place(c.Location, body)
		if address := c.Location.URL; address != "" {
			caption := cmp.Or(c.Location.Name, c.Location.Address, address)
			buttons = []providers.MessageButton{{Type: providers.ButtonLink, Caption: caption, Info: address}}
		}
	case c.Attachment != nil:
		caption, entities := p.shown(c.Beside())
		if n := providers.Units(caption); n > maxCaption {
			return "", nil, tooLong(n, maxCaption, "beside a file")
		}
		call = file(c.Attachment, body)
		say(body, "caption", caption, entities)
	default:
		text, entities := p.shown(c.Text)
		if n := providers.Units(text); n > maxText {
			return "", nil, tooLong(n, maxText, "in a message")
		}
		call = "sendMessage"
		say(body, "text", text, entities)
	}
	keyboard, refused := keys(buttons)
	if len(keyboard) > 0 {
		body["reply_markup"] = map[string]any{"inline_keyboard": keyboard}
	}
	return call, body, refused
}

// shown is a text as people see it.
func (p *Provider) shown(text string) (plain string, entities []entity) {
	if p.config.Formatting != marks {
		return text, nil
	}
	return withoutMarks(text)
}

// say puts a text in, if there is one.
func say(body map[string]any, field, text string, entities []entity) {
	if text == "" {
		return
	}
	body[field] = text
	switch {
	case len(entities) == 0:
	case field == "text":
		body["entities"] = entities
	default:
		body[field+"_entities"] = entities
	}
}

func tooLong(n, most int, where string) *providers.Error {
	return &providers.Error{Kind: providers.ErrorContent, Code: "too_long",
		Err: fmt.Errorf("the text has %d letters, an emoji counted as two; Telegram takes at most %d %s: shorten it", n, most, where)}
}

// place puts a place in: as one with a name and an address where it has either.
func place(l *providers.Location, body map[string]any) (call string) {
	body["latitude"], body["longitude"] = l.Latitude, l.Longitude
	if l.Name == "" && l.Address == "" {
		return "sendLocation"
	}
	// Both must be given.
	body["title"] = cmp.Or(l.Name, l.Address)
	body["address"] = cmp.Or(l.Address, degrees(l.Latitude)+", "+degrees(l.Longitude))
	return "sendVenue"
}

func degrees(value float64) string { return strconv.FormatFloat(value, 'f', -1, 64) }

// placeOf is the call for a file, and what the file is called there.
func placeOf(a *providers.Attachment) (call, field string) {
	f := files[a.Sort()]
	address, _, _ := strings.Cut(a.URL, "?")
	if a.Sort() == providers.Image && (strings.EqualFold(path.Ext(address), ".gif") || a.File != nil && a.File.ContentType == "image/gif") {
		return "sendAnimation", "animation" // as a photo it would stand still
	}
	return f.call, f.field
}

// file puts a file in: by Telegram's id for it, or by its address, from which Telegram fetches it.
// One that goes along in itself is left to the form (carries).
func file(a *providers.Attachment, body map[string]any) (call string) {
	call, field := placeOf(a)
	switch {
	case a.File == nil:
		body[field] = a.URL
	case a.File.ID != "":
		body[field] = a.File.ID
	}
	return call
}

// carries reports whether a message carries its file in itself.
func carries(c *providers.Content) bool {
	return c.Location == nil && c.Attachment != nil && c.Attachment.File != nil && c.Attachment.File.Open != nil
}

// formOf are the parameters of a call with a file in it: what is no text goes as JSON.
func formOf(a *providers.Attachment, parameters map[string]any) (*line.Form, error) {
	_, field := placeOf(a)
	form := &line.Form{Field: field, File: *a.File}
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		value, is := parameters[name].(string)
		if !is {
			text, err := json.Marshal(parameters[name])
			if err != nil {
				return nil, fmt.Errorf("encode message: %w", err)
			}
			value = string(text)
		}
		form.Fields = append(form.Fields, [2]string{name, value})
	}
	return form, nil
}

// What of files Telegram takes: core.telegram.org/bots/api#sending-files. The first number is for
// what is uploaded, the second for what Telegram fetches.
var limits = []providers.FileLimit{
	{Type: providers.Image, ContentTypes: []string{"image/jpeg", "image/png", "image/webp", "image/gif"}, MaxBytes: 10 * providers.MB,
		MaxLinkedBytes: 5 * providers.MB},
	{Type: providers.Video, MaxBytes: 50 * providers.MB, MaxLinkedBytes: 20 * providers.MB},
	{Type: providers.Audio, ContentTypes: []string{"audio/mpeg", "audio/mp4"}, MaxBytes: 50 * providers.MB, MaxLinkedBytes: 20 * providers.MB},
	{Type: providers.Voice, ContentTypes: []string{"audio/ogg", "audio/mpeg", "audio/mp4"}, MaxBytes: 50 * providers.MB,
		MaxLinkedBytes: 20 * providers.MB},
	{Type: providers.Document, MaxBytes: 50 * providers.MB, MaxLinkedBytes: 20 * providers.MB},
}

// keys are buttons as Telegram has them.
func keys(buttons []providers.MessageButton) (rows [][]button, refused *providers.Error) {
	for _, b := range buttons {
		made := button{Text: b.Caption}
		switch b.Type {
		case providers.ButtonLink:
			made.URL = b.Info
		case providers.ButtonShare:
			made.URL = shareAddress + url.QueryEscape(b.Info)
		default:
			if made.CallbackData = cmp.Or(b.Info, b.Caption); len(made.CallbackData) > maxAnswer {
				return nil, &providers.Error{Kind: providers.ErrorContent, Code: "button_too_long",
					Err: fmt.Errorf("what a button answers has %d bytes; Telegram takes at most %d: give the button a shorter info", len(made.CallbackData), maxAnswer)}
			}
		}
		rows = append(rows, []button{made})
	}
	return rows, nil
}
