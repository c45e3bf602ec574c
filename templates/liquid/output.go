package liquid

import (
	"slices"
	"strings"

	"carillon/providers"
)

// output takes what is rendered and ends a rendering that grows too long. What is the
// same for every recipient is not copied.
type output struct {
	// b is what is the recipient's own, with the constant texts of cuts in it.
	b     []byte
	cuts  []cut
	meter *meter
}

// cut is a constant text that stands before the byte at.
type cut struct {
	at   int
	text string
}

// leastCut is from where on a constant text is not copied, in bytes: a cut takes 24.
const leastCut = 32

// Write takes what may be the recipient's own.
func (w *output) Write(p []byte) (int, error) {
	if err := w.meter.write(len(p)); err != nil {
		return 0, err
	}
	w.b = append(w.b, p...)
	return len(p), nil
}

// constant takes a text of the template.
func (w *output) constant(s string) error {
	if err := w.meter.write(len(s)); err != nil {
		return err
	}
	if len(s) < leastCut {
		w.b = append(w.b, s...)
	} else {
		w.cuts = append(w.cuts, cut{len(w.b), s})
	}
	return nil
}

// value takes a value as the mode writes it.
func (w *output) value(m mode, value string) error {
	if len(value) > MaxRenderedBytes {
		return w.meter.write(len(value)) // escaping could make it six times as long
	}
	from := len(w.b)
	w.b = m.append(w.b, value)
	return w.meter.write(len(w.b) - from)
}

// whole is everything that was taken, in one piece.
func (w *output) whole() string { return putTogether(string(w.b), w.cuts) }

func putTogether(own string, cuts []cut) string {
	size := len(own)
	for _, c := range cuts {
		size += len(c.text)
	}
	var b strings.Builder
	b.Grow(size)
	from := 0
	for _, c := range cuts {
		b.WriteString(own[from:c.at])
		b.WriteString(c.text)
		from = c.at
	}
	b.WriteString(own[from:])
	return b.String()
}

// Filled is a content for one recipient whose long texts are not put together yet.
// Of a newsletter it takes about a tenth of what that takes.
type Filled struct {
	content providers.Content
	texts   []filledText
	size    int
}

// Attached is the attachment as it is written, whose texts are not filled in; nil for none.
func (f *Filled) Attached() *providers.Attachment { return f.content.Attachment }

// filledText is a text in two parts: its recipient's own, and where what is constant
// stands in it.
type filledText struct {
	set  func(*providers.Content, string)
	own  string
	cuts []cut
}

// cutBytes is what a cut takes.
const cutBytes = 24

func (f *Filled) add(set func(*providers.Content, string), w *output) {
	text := filledText{set: set, own: string(w.b), cuts: slices.Clone(w.cuts)}
	f.texts = append(f.texts, text)
	f.size += len(text.own) + cutBytes*len(text.cuts)
}

// Bytes is about how much memory it takes beside that of the templates.
func (f *Filled) Bytes() int { return f.size }

// Content puts the texts together.
func (f *Filled) Content() providers.Content {
	out := f.content
	for _, t := range f.texts {
		t.set(&out, putTogether(t.own, t.cuts))
	}
	return out
}
