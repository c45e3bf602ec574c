package tracking

import (
	"slices"
	"strings"

	"carillon/providers"
)

// each calls replace with the address of each link of a content that can be clicked, and
// returns the content with what that returns: first those of the HTML, then those of the
// text and of the buttons that open an address.
func each(c providers.Content, replace func(address string) string) providers.Content {
	c.HTML = inHTML(c.HTML, replace)
	c.Text = inText(c.Text, replace)
	cloned := false
	for i, b := range c.Buttons {
		if b.Type != providers.ButtonLink || !isWeb(b.Info) {
			continue
		}
		if !cloned {
			c.Buttons, cloned = slices.Clone(c.Buttons), true
		}
		c.Buttons[i].Info = replace(b.Info)
	}
	return c
}

// Addresses are those of the links of a message that can be clicked, each once, in the order
// in which their clicks name them. base is the public address of this server, whose pages of
// recipients are none of them.
func Addresses(c providers.Content, base string) []string {
	var list []string
	each(c, func(address string) string {
		if !isOwn(address, base) && !slices.Contains(list, address) {
			list = append(list, address)
		}
		return address
	})
	return list
}

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
}

// Writer writes tracked links into the messages of a run. It is safe for concurrent use.
type Writer struct {
	Settings Settings
	Table    *Table
	// Base is the public address of this server, without a slash at its end.
	Base string
}

// Write is a message as it is sent.
func (w *Writer) Write(c providers.Content, m Marker) providers.Content {
	if w.Settings.Links {
		list := Addresses(c, w.Base)
		c = each(c, func(address string) string {
			place := slices.Index(list, address) + 1
			if place == 0 {
				return address
			}
			return m.ClickURL(Link{w.Table.Number(address), place, len(list)})
		})
	}
	if w.Settings.Opens && c.HTML != "" {
		c.HTML = beforeEnd(c.HTML, pixel(m.OpenURL()))
	}
	return c
}

// pixel is a picture that is not seen, and that no reader that speaks tells of.
func pixel(address string) string {
	return `<img src="` + strings.ReplaceAll(address, `"`, "%22") + `" width="1" height="1" alt="" style="border:0;width:1px;height:1px">`
}
