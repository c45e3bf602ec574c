// Package liquid owns personalisation: Liquid templates in every text of a
// message, compiled once for a run and rendered for one recipient at a time. It
// must not know campaigns, the store or how a message travels.
package liquid

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"carillon/internal/fault"
	"carillon/providers"
)

// Vars is what a template may name: everything is known of one recipient of
// one campaign. Empty values count as missing, so that {% if %} and the default
// filter see them so.
type Vars struct {
	Contact Contact
	// Row is the recipient's line of the upload as a JSON object of texts, or what a
	// program gives of its own, whose values may be of any kind; empty where there is
	// none. It is read only if the template mentions row.
	Row string
	// Answers is what the recipient answered in the flow that the message is part of, a
	// JSON object; empty where there is none.
	Answers string
	// Of is what the message is part of; nil for nothing.
	Of *Occasion
	// UnsubscribeURL leads to the recipient's own page; empty where there is none. Pages
	// are the others; may be nil.
	UnsubscribeURL string
	Pages          Pages
}

// Pages are addresses of the recipient's own pages; empty where there are none. They are
// asked for only if the template mentions them.
type Pages interface {
	PreferencesURL() string
	ViewURL() string
}

// Contact is the contact behind a message.
type Contact struct {
	ExternalID, Name, FirstName, LastName, Language, Timezone, Address string
	// Attributes are the values of properties as a JSON object; empty where there
	// are none. It is read only if the template mentions attributes.
	Attributes string
}

// Content is a compiled providers.Content. It is safe for concurrent use.
type Content struct {
	source  providers.Content
	fields  []field
	needRow bool
	// works says that a text does more than fill values in.
	works bool
	// mentioned are the contact's fields and the links that the engine is given.
	mentioned []string
	asked     asked
	// snippets is what each snippet asks for that the texts render.
	snippets map[string]*asked
	// idle are scopes that no rendering has, for their memory.
	idle sync.Pool
}

// field is one text of a content.
type field struct {
	name string
	text text
	set  func(*providers.Content, string)
	// line says that the rendered text must stay on one line.
	line bool
}

// text is a compiled template: static text, a list of placeholders, or a
// program for the Liquid engine.
type text interface {
	// render writes to out and charges the scope's meter for what it does.
	render(s *scope, out *output) error
	needsRow() bool
}

// Compile compiles every text of a content with the snippets that it renders, which
// are given by their names. Errors are of code Invalid and name field and line; all
// wrong fields are named at once.
func Compile(c providers.Content, snippets map[string]string) (*Content, error) {
	c.WindowTemplate, c.Outside = "", nil // it is compiled by itself
	compiled := &Content{source: c, idle: sync.Pool{New: func() any { return new(scope) }}}
	lib := newLibrary(snippets)
	var wrong []fault.Field
	add := func(name, source string, mode mode, line bool, set func(*providers.Content, string)) {
		lib.size += len(source)
		if source == "" {
			return
		}
		t, err := compileText(source, mode, lib)
		if err != nil {
			wrong = append(wrong, fault.Field{Location: "content." + name, Message: err.Error()})
			return
		}
		compiled.needRow = compiled.needRow || t.needsRow()
		switch t.(type) {
		case static, *placeholders:
		default:
			compiled.works = true
		}
		compiled.mentioned = mention(compiled.mentioned, source)
		compiled.asked.ask(source)
		compiled.fields = append(compiled.fields, field{name: name, text: t, set: set, line: line})
	}
	add("subject", c.Subject, plainText, true, func(c *providers.Content, s string) { c.Subject = s })
	add("text", c.Text, plainText, false, func(c *providers.Content, s string) { c.Text = s })
	add("html", c.HTML, htmlText, false, func(c *providers.Content, s string) { c.HTML = s })
	add("preheader", c.Preheader, plainText, true, func(c *providers.Content, s string) { c.Preheader = s })
	if a := c.Attachment; a != nil {
		add("attachment.url", a.URL, plainText, true, func(c *providers.Content, s string) { c.Attachment.URL = s })
		add("attachment.filename", a.Filename, plainText, true, func(c *providers.Content, s string) { c.Attachment.Filename = s })
		add("attachment.caption", a.Caption, plainText, false, func(c *providers.Content, s string) { c.Attachment.Caption = s })
	}
	for i, b := range c.Buttons {
		at := "buttons[" + strconv.Itoa(i) + "]."
		add(at+"caption", b.Caption, plainText, true, func(c *providers.Content, s string) { c.Buttons[i].Caption = s })
		add(at+"info", b.Info, plainText, true, func(c *providers.Content, s string) { c.Buttons[i].Info = s })
	}
	if k := c.Kept; k != nil {
		for i, v := range k.Header {
			add("template.header."+v.Place, v.Value, plainText, true, func(c *providers.Content, s string) { c.Kept.Header[i].Value = s })
		}
		for i, v := range k.Body {
			add("template.body."+v.Place, v.Value, plainText, true, func(c *providers.Content, s string) { c.Kept.Body[i].Value = s })
		}
		for i, b := range k.Buttons {
			add("template.buttons["+strconv.Itoa(b.Index)+"]", b.Value, plainText, true, func(c *providers.Content, s string) { c.Kept.Buttons[i].Value = s })
		}
	}
	if lib.size > MaxTemplateBytes {
		wrong = append(wrong, fault.Field{Location: "content", Value: lib.size,
			Message: fmt.Sprintf("at most %d KiB in all; put pictures and long texts behind links", MaxTemplateBytes>>10)})
	}
	if err := fault.InvalidFields(wrong); err != nil {
		return nil, err
	}
	compiled.snippets = lib.asked
	for _, name := range lib.mentioned {
		if !slices.Contains(compiled.mentioned, name) {
			compiled.mentioned = append(compiled.mentioned, name)
		}
	}
	return compiled, nil
}

// Answers are the answers of a flow for which the texts ask, by their keys.
func (c *Content) Answers() (keys []string) {
	for _, asked := range append([]*asked{&c.asked}, slices.Collect(maps.Values(c.snippets))...) {
		for _, n := range asked.names {
			if n.object == answersKey && n.field != "" && !slices.Contains(keys, n.field) {
				keys = append(keys, n.field)
			}
		}
	}
	return keys
}

// NeedsRow reports whether a template mentions the upload's row.
func (c *Content) NeedsRow() bool { return c.needRow }

// Kept reports whether it is a template that the channel's provider has approved.
func (c *Content) Kept() bool { return c.source.Kept != nil }

// Render renders every text for one recipient, within MaxRenderTime and the bounds
// on work and size. An error concerns this recipient alone and names the field; it
// is an ExceededError where a bound was exceeded, and the context's own where that
// ended first.
func (c *Content) Render(ctx context.Context, v Vars) (providers.Content, error) {
	filled, err := c.Fill(ctx, v)
	if err != nil {
		return providers.Content{}, err
	}
	return filled.Content(), nil
}

// Fill is Render for a content that is kept before it is sent: what all recipients
// have in common is in memory once.
func (c *Content) Fill(ctx context.Context, v Vars) (*Filled, error) {
	filled := &Filled{content: c.source, texts: make([]filledText, 0, 2)}
	out := &filled.content
	if out.Attachment != nil {
		attachment := *out.Attachment
		out.Attachment = &attachment
	}
	out.Buttons = slices.Clone(out.Buttons)
	if k := out.Kept; k != nil {
		out.Kept = &providers.KeptTemplate{Name: k.Name, Language: k.Language,
			Header: slices.Clone(k.Header), Body: slices.Clone(k.Body), Buttons: slices.Clone(k.Buttons)}
	}
	if c.works {
		bounded, cancel := context.WithTimeoutCause(ctx, MaxRenderTime, errTooSlow)
		defer cancel()
		ctx = bounded
	}
	s, _ := c.idle.Get().(*scope)
	defer func() {
		s.clear()
		c.idle.Put(s)
	}()
	s.vars, s.mentioned, s.meter = &v, c.mentioned, newMeter(ctx)
	for i := range c.fields {
		f := &c.fields[i]
		whole, constant := f.text.(static)
		if !constant {
			s.meter.bytes = MaxRenderedBytes
			s.out = output{meter: s.meter, b: s.out.b[:0], cuts: s.out.cuts[:0]}
			if err := f.text.render(s, &s.out); err != nil {
				return nil, s.meter.failure(f.name, err)
			}
			if !f.line {
				filled.add(f.set, &s.out)
				continue
			}
			whole = static(s.out.whole())
		}
		rendered := string(whole)
		if f.line {
			rendered = oneLine(rendered)
			filled.size += len(rendered)
		}
		f.set(out, rendered)
	}
	return filled, nil
}

// oneLine folds line breaks and other control characters to a space, so that a
// value can't add a header to a mail.
func oneLine(s string) string {
	if strings.IndexFunc(s, isControl) < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	space := false
	for _, r := range s {
		if isControl(r) {
			space = true
			continue
		}
		if space && b.Len() > 0 {
			b.WriteByte(' ')
		}
		space = false
		b.WriteRune(r)
	}
	return b.String()
}

// isControl includes the Unicode line and paragraph separators.
func isControl(r rune) bool {
	return r < 0x20 || r == 0x7f || (r >= 0x80 && r < 0xa0) || r == '\u2028' || r == '\u2029'
}

// wholeContact matches a contact that is not asked for one field by its name.
var wholeContact = regexp.MustCompile(`\bcontact\b\s*(?:[^.\s]|$)`)

// mention adds the contact's fields that a source may ask for.
func mention(names []string, source string) []string {
	every := wholeContact.MatchString(source)
	for name := range links {
		if strings.Contains(source, name) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for name := range contactFields {
		if (every || strings.Contains(source, name)) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if (every || strings.Contains(source, attributesKey)) && !slices.Contains(names, attributesKey) {
		names = append(names, attributesKey)
	}
	return names
}

// mode is how values are written.
type mode int

const (
	plainText mode = iota
	// htmlText escapes every value unless the template says raw.
	htmlText
)

// append appends a value.
func (m mode) append(b []byte, value string) []byte {
	if m == htmlText {
		return appendEscaped(b, value)
	}
	return append(b, value...)
}

// appendEscaped appends what html.EscapeString makes of a text.
func appendEscaped(b []byte, s string) []byte {
	from := 0
	for i := range len(s) {
		var escaped string
		switch s[i] {
		case '&':
			escaped = "&amp;"
		case '\'':
			escaped = "&#39;"
		case '<':
			escaped = "&lt;"
		case '>':
			escaped = "&gt;"
		case '"':
			escaped = "&#34;"
		default:
			continue
		}
		b = append(append(b, s[from:i]...), escaped...)
		from = i + 1
	}
	return append(b, s[from:]...)
}

// static is a text without any placeholder.
type static string

func (s static) render(_ *scope, out *output) error { return out.constant(string(s)) }

func (static) needsRow() bool { return false }

var anyLiquid = regexp.MustCompile(`\{\{|\{%`)

func compileText(source string, m mode, lib *library) (text, error) {
	if !anyLiquid.MatchString(source) {
		return static(source), nil
	}
	source = understood(source)
	p, err := parse(source, m, lib)
	if err != nil {
		return nil, err
	}
	if quick, ok := p.placeholders(); ok {
		return quick, nil
	}
	return p.program()
}
