package templates

import (
	"html"
	"slices"
	"strings"

	"carillon/providers"
)

// Carried is a wording as a channel carries it; see Carried.
func (r *Resolved) Carried(can []providers.ButtonType) Resolved {
	carried := *r
	carried.Contents = make(map[string]providers.Content, len(r.Contents))
	for tag, c := range r.Contents {
		carried.Contents[tag] = Carried(c, can)
	}
	if r.Outside != nil {
		outside := r.Outside.Carried(can)
		carried.Outside = &outside
	}
	return carried
}

// Carried is a content, in Liquid still, as a channel carries it that has buttons of the
// types can. All others stand as lines below the text, and as links at the end of the
// HTML.
func Carried(c providers.Content, can []providers.ButtonType) providers.Content {
	var kept []providers.MessageButton
	var lines, elements []string
	for _, b := range c.Buttons {
		if slices.Contains(can, b.Type) {
			kept = append(kept, b)
			continue
		}
		lines = append(lines, b.Words())
		elements = append(elements, buttonHTML(b))
	}
	if len(lines) == 0 {
		return c
	}
	c.Buttons = kept
	if c.Text != "" || c.HTML == "" {
		c.Text = strings.TrimPrefix(c.Text+"\n\n"+strings.Join(lines, "\n"), "\n\n")
	}
	if c.HTML != "" {
		c.HTML = beforeEnd(c.HTML, strings.Join(elements, "\n"))
	}
	return c
}

// buttonStyle looks like a button where styles are shown, and leaves colours to the mail.
const buttonStyle = "display:inline-block;padding:10px 18px;border:1px solid;border-radius:4px;text-decoration:none"

// buttonHTML is a button as an element of a mail, where only links can be pressed.
func buttonHTML(b providers.MessageButton) string {
	caption, info := escapeAround(b.Caption), escapeAround(b.Info)
	switch b.Type {
	case providers.ButtonPostback:
		return "<p>Reply &quot;" + caption + "&quot;</p>"
	case providers.ButtonCall:
		info = "tel:" + info
	default:
	}
	return `<p><a href="` + info + `" style="` + buttonStyle + `">` + caption + `</a></p>`
}

// escapeAround escapes for HTML what is not Liquid; what Liquid writes is escaped when it
// is written.
func escapeAround(text string) string {
	var b strings.Builder
	from := 0
	for _, piece := range anyPiece.FindAllStringIndex(text, -1) {
		b.WriteString(html.EscapeString(text[from:piece[0]]))
		b.WriteString(text[piece[0]:piece[1]])
		from = piece[1]
	}
	b.WriteString(html.EscapeString(text[from:]))
	return b.String()
}

// beforeEnd puts more at the end of what an HTML document shows.
func beforeEnd(document, more string) string {
	const end = "</body"
	for at := len(document) - len(end); at >= 0; at-- {
		if strings.EqualFold(document[at:at+len(end)], end) {
			return document[:at] + more + "\n" + document[at:]
		}
	}
	return document + "\n" + more
}
