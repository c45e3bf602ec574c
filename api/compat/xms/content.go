package xms

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"carillon/providers"
)

// content is what a message says, as Carillon has it.
func (s *sending) content() (c providers.Content, err error) {
	switch kind := s.kind(); kind {
	case typeText:
		c.Text = string(s.Text.Body)
		c.Subject = s.Text.Subject.trimmed()
	case typeLocation:
		c.Location, err = s.Location.location()
	case typeContacts:
		for i := range s.Contacts {
			c.Cards = append(c.Cards, s.Contacts[i].card())
		}
	default:
		file, _ := s.file(kind)
		c.Attachment = file.attachment(kind)
		if !s.can.Media { // there the file is a link below a text
			c.Text = cmp.Or(c.Attachment.Caption, c.Attachment.Filename, "📎")
		}
	}
	if err != nil {
		return c, err
	}
	if c.Buttons, err = buttonsOf(s.Options.Buttons); err != nil {
		return c, err
	}
	switch {
	case s.channel.Address != providers.Email || !s.can.Subject:
		c.Subject = "" // chats have none
	case c.Subject == "": // the API had none before, and e-mail needs one
		c.Subject = subjectOf(cmp.Or(c.Text, s.channel.Name))
	}
	return c, nil
}

// longestSubject is in letters: what most mailboxes show.
const longestSubject = 78

// subjectOf is the first line of a text, as a subject.
func subjectOf(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	if utf8.RuneCountInString(line) > longestSubject {
		line = string([]rune(line)[:longestSubject-1]) + "…"
	}
	return strings.TrimSpace(line)
}

func (m *media) attachment(kind string) *providers.Attachment {
	return &providers.Attachment{
		URL: m.Link.trimmed(), Filename: m.Filename.trimmed(), Caption: string(m.Caption), Type: providers.AttachmentType(kind),
	}
}

func (p *place) location() (*providers.Location, error) {
	l := &providers.Location{Name: string(p.Name), Address: string(p.Address), URL: string(p.URL)}
	for _, degrees := range []struct {
		name string
		text text
		to   *float64
	}{{"latitude", p.Latitude, &l.Latitude}, {"longitude", p.Longitude, &l.Longitude}} {
		value, err := strconv.ParseFloat(degrees.text.trimmed(), 64)
		if err != nil || math.IsNaN(value) {
			return nil, refuse("location."+degrees.name, paramInvalid, "location."+degrees.name+" is no number of degrees, such as 12.90909")
		}
		*degrees.to = value
	}
	return l, nil
}

// buttonsOf are buttons as Carillon has them.
func buttonsOf(given []button) (list []providers.MessageButton, err error) {
	for i, b := range given {
		made := providers.MessageButton{Caption: cmp.Or(b.Label.trimmed(), b.Name.trimmed())}
		switch strings.ToUpper(b.Type) {
		case replyButton, "":
			made.Type, made.Info = providers.ButtonPostback, string(b.Code)
		case linkButton:
			made.Type, made.Info = providers.ButtonLink, b.URL.trimmed()
		case callButton:
			made.Type, made.Info = providers.ButtonCall, dialled(b.Phone.trimmed())
		default:
			return nil, refuse(fmt.Sprintf("options.buttons[%d].type", i), paramInvalid, "there is no type "+strconv.Quote(b.Type)+" of buttons",
				replyButton, linkButton, callButton)
		}
		list = append(list, made)
	}
	return list, nil
}

// card is a contact card; all of its fields are texts.
type card struct {
	Name struct {
		Formatted text `json:"formatted_name"`
		First     text `json:"first_name"`
		Last      text `json:"last_name"`
	} `json:"name"`
	Birthday text `json:"birthday"`
	Phones   []struct {
		Phone text `json:"phone"`
		Type  text `json:"type"`
		WaID  text `json:"wa_id"`
	} `json:"phones"`
	Emails []struct {
		Email text `json:"email"`
		Type  text `json:"type"`
	} `json:"emails"`
	Addresses []struct {
		Street      text `json:"street"`
		City        text `json:"city"`
		State       text `json:"state"`
		Zip         text `json:"zip"`
		Country     text `json:"country"`
		CountryCode text `json:"country_code"`
		Type        text `json:"type"`
	} `json:"addresses"`
	URLs []struct {
		URL  text `json:"url"`
		Type text `json:"type"`
	} `json:"urls"`
	IMs []struct {
		Service text `json:"service"`
		UserID  text `json:"userid"`
	} `json:"ims"`
	Org *struct {
		Company    text `json:"company"`
		Department text `json:"department"`
		Title      text `json:"title"`
	} `json:"org"`
}

// card is the card as Carillon has it. A name that is in parts alone is put together.
func (c *card) card() providers.Card {
	first, last := c.Name.First.trimmed(), c.Name.Last.trimmed()
	out := providers.Card{
		Name:     providers.CardName{Formatted: cmp.Or(c.Name.Formatted.trimmed(), strings.TrimSpace(first+" "+last)), First: first, Last: last},
		Birthday: string(c.Birthday),
	}
	for _, p := range c.Phones {
		out.Phones = append(out.Phones, providers.CardPhone{Phone: string(p.Phone), Type: string(p.Type), WaID: string(p.WaID)})
	}
	for _, e := range c.Emails {
		out.Emails = append(out.Emails, providers.CardEmail{Email: string(e.Email), Type: string(e.Type)})
	}
	for _, a := range c.Addresses {
		out.Addresses = append(out.Addresses, providers.CardAddress{
			Street: string(a.Street), City: string(a.City), State: string(a.State), Zip: string(a.Zip), Country: string(a.Country),
			CountryCode: string(a.CountryCode), Type: string(a.Type),
		})
	}
	for _, u := range c.URLs {
		out.URLs = append(out.URLs, providers.CardURL{URL: string(u.URL), Type: string(u.Type)})
	}
	for _, i := range c.IMs {
		out.IMs = append(out.IMs, providers.CardIM{Service: string(i.Service), UserID: string(i.UserID)})
	}
	if c.Org != nil {
		out.Org = &providers.CardOrg{Company: string(c.Org.Company), Department: string(c.Org.Department), Title: string(c.Org.Title)}
	}
	return out
}

// newID is an id that nothing else has.
func (x *Server) newID() string {
	var raw [8]byte
	_, _ = rand.Read(raw[:]) // never fails (crypto/rand)
	return hex.EncodeToString(raw[:])
}
