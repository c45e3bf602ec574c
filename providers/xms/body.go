package xms

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"carillon/providers"
)

// outbound is a message as XMS takes it; only the field of its type is filled.
type outbound struct {
	ChannelID string           `json:"channelId"`
	To        recipient        `json:"to"`
	Type      string           `json:"type"`
	Text      *wording         `json:"text,omitempty"`
	Image     *media           `json:"image,omitempty"`
	Video     *media           `json:"video,omitempty"`
	Audio     *media           `json:"audio,omitempty"`
	Document  *media           `json:"document,omitempty"`
	Location  *location        `json:"location,omitempty"`
	Contacts  []providers.Card `json:"contacts,omitempty"`
	Options   *options         `json:"options,omitempty"`
	Mask      bool             `json:"mask,omitempty"`
}

type recipient struct {
	Phone string `json:"phone,omitempty"`
	Email string `json:"email,omitempty"`
	Name  string `json:"name,omitempty"`
}

type wording struct {
	Body    string `json:"body"`
	Subject string `json:"subject,omitempty"`
}

type media struct {
	Link     string `json:"link"`
	Caption  string `json:"caption,omitempty"`
	Filename string `json:"filename,omitempty"`
}

// location has its degrees as texts.
type location struct {
	Latitude  string `json:"latitude"`
	Longitude string `json:"longitude"`
	Name      string `json:"name,omitempty"`
	Address   string `json:"address,omitempty"`
	URL       string `json:"url,omitempty"`
}

type options struct {
	Buttons []button `json:"buttons"`
}

type button struct {
	Type  string `json:"type"`
	Label string `json:"label"`
	Code  string `json:"code,omitempty"`
	URL   string `json:"url,omitempty"`
	Phone string `json:"phone,omitempty"`
}

// encode writes a message as XMS takes it.
func (p *Provider) encode(m *providers.Message) ([]byte, error) {
	c := &m.Content
	o := outbound{ChannelID: p.config.ChannelID, To: p.recipient(m), Mask: c.Masked}
	for _, b := range c.Buttons {
		made := button{Label: b.Caption}
		switch b.Type {
		case providers.ButtonLink:
			made.Type, made.URL = "URL", b.Info
		case providers.ButtonCall:
			made.Type, made.Phone = "PHONE_NUMBER", b.Info
		default:
			made.Type, made.Code = "QUICK_REPLY", b.Info
		}
		if o.Options == nil {
			o.Options = &options{}
		}
		o.Options.Buttons = append(o.Options.Buttons, made)
	}
	switch {
	case c.Location != nil:
		l := c.Location
		o.Type, o.Location = "location", &location{degrees(l.Latitude), degrees(l.Longitude), l.Name, l.Address, l.URL}
	case len(c.Cards) > 0:
		o.Type, o.Contacts = "contacts", c.Cards
	case c.Attachment != nil:
		o.attach(c)
	default:
		o.Type, o.Text = "text", &wording{c.Text, c.Subject}
	}
	body, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("encode message: %w", err)
	}
	return body, nil
}

// attach puts a file in; a text beside it is its caption.
func (o *outbound) attach(c *providers.Content) {
	a := c.Attachment
	file := &media{Link: a.URL, Caption: c.Beside(), Filename: a.Filename}
	switch o.Type = string(a.Sort()); a.Sort() {
	case providers.Image:
		o.Image = file
	case providers.Video:
		o.Video = file
	case providers.Audio, providers.Voice: // a voice has no field of its own
		o.Audio = file
	default:
		o.Document = file
	}
}

func degrees(value float64) string { return strconv.FormatFloat(value, 'f', -1, 64) }

// recipient is to whom a message goes; numbers are without +.
func (p *Provider) recipient(m *providers.Message) recipient {
	if p.config.Address == providers.Email {
		return recipient{Email: m.To, Name: m.ToName}
	}
	return recipient{Phone: strings.TrimPrefix(m.To, "+"), Name: m.ToName}
}
