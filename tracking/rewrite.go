package tracking

import (
	"slices"
	"strings"

	"carillon/providers"
)

// found are the links of a content that can be clicked: first those of the HTML, then those
// of the text and of the buttons that open an address.
type found struct {
	html, text []span
	// end is where the HTML ends to be shown.
	end int
	// buttons are the indexes of the buttons.
	buttons []int
}

func find(c providers.Content) (f found) {
	if c.HTML != "" {
		f.html, f.end = inHTML(c.HTML)
	}
	f.text = inText(c.Text)
	for i, b := range c.Buttons {
		if b.Type == providers.ButtonLink && isWeb(b.Info) {
			f.buttons = append(f.buttons, i)
		}
	}
	return f
}

// addresses are those of the links, each once and in their order.
func (f found) addresses(c providers.Content, base string) (list []string) {
	add := func(address string) {
		if !slices.Contains(list, address) && !isOwn(address, base) {
			list = append(list, address)
		}
	}
	for _, s := range f.html {
		add(s.address)
	}
	for _, s := range f.text {
		add(s.address)
	}
	for _, i := range f.buttons {
		add(c.Buttons[i].Info)
	}
	return list
}

// Addresses are those of the links of a message that can be clicked, each once, in the order
// in which their clicks name them. base is the public address of this server, whose pages of
// recipients are none of them.
func Addresses(c providers.Content, base string) []string { return find(c).addresses(c, base) }

// Link is a link of a message.
type Link struct {
	// Number is its number in the run's table, or Other; Place which of the message's
	// links it is, from 1 on, and Of how many the message has.
	Number, Place, Of int
}

// Marker makes the addresses that stand in a message instead.
type Marker interface {
	// ClickURL is where a click on a link goes.
	ClickURL(Link) string
	// OpenURL is the address of the picture that tells of an open.
	OpenURL() string
	// Base is where the recipient reaches this server, without a slash at its end.
	Base() string
}

// Writer writes tracked links into the messages of a run. It is safe for concurrent use.
type Writer struct {
	Settings Settings
	Table    *Table
}

// Write is a message as it is sent.
func (w *Writer) Write(c providers.Content, m Marker) providers.Content {
	f := find(c)
	var list, urls []string
	if w.Settings.Links {
		list = f.addresses(c, m.Base())
		urls = make([]string, len(list))
		for i, address := range list {
			urls[i] = m.ClickURL(Link{w.Table.Number(address), i + 1, len(list)})
		}
	}
	instead := func(address string) string {
		if i := slices.Index(list, address); i >= 0 {
			return urls[i]
		}
		return address
	}
	picture := ""
	if w.Settings.Opens && c.HTML != "" {
		picture = pixel(m.OpenURL())
	}
	if c.HTML != "" {
		// What stands before the end is written first, then the picture, then the rest.
		before, _ := slices.BinarySearchFunc(f.html, f.end, func(s span, end int) int { return s.start - end })
		c.HTML = put(c.HTML[:f.end], f.html[:before], instead) + picture + put(c.HTML[f.end:], moved(f.html[before:], -f.end), instead)
	}
	c.Text = put(c.Text, f.text, instead)
	if len(f.buttons) > 0 && len(list) > 0 {
		c.Buttons = slices.Clone(c.Buttons)
		for _, i := range f.buttons {
			c.Buttons[i].Info = instead(c.Buttons[i].Info)
		}
	}
	return c
}

// put is a text with something instead of the addresses in it.
func put(text string, spans []span, instead func(address string) string) string {
	if len(spans) == 0 {
		return text
	}
	var b strings.Builder
	b.Grow(len(text) + len(spans)*tokenLength)
	from := 0
	for _, s := range spans {
		b.WriteString(text[from:s.start])
		if other := instead(s.address); other != s.address {
			b.WriteString(other)
		} else {
			b.WriteString(text[s.start:s.end])
		}
		from = s.end
	}
	b.WriteString(text[from:])
	return b.String()
}

// tokenLength is about how long an address becomes.
const tokenLength = 64

// moved are spans of a part of a text.
func moved(spans []span, by int) []span {
	for i := range spans {
		spans[i].start += by
		spans[i].end += by
	}
	return spans
}

// pixel is a picture that is not seen, and that no reader that speaks tells of.
func pixel(address string) string {
	return `<img src="` + strings.ReplaceAll(address, `"`, "%22") + `" width="1" height="1" alt="" style="border:0;width:1px;height:1px">`
}
