package liquid

import (
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/osteele/liquid/parser"
)

// placeholder is a simple {{ … }} between two pieces of text.
type placeholder struct {
	before string
	get    func(*Contact) string // nil: one of the others
	column string
	// attribute is the key of a property.
	attribute string
	// shared is a field of what all recipients share, and link an address of a page.
	shared func(*Occasion) string
	link   func(*Vars) string
	// fallback stands in for an empty value.
	fallback string
	mode     mode
}

// simple matches a name, an optional default and an optional raw.
var simple = regexp.MustCompile(`^([a-z_][a-zA-Z0-9_]*)(?:\.([a-zA-Z_][a-zA-Z0-9_]*)|\[\s*(?:"([^"]*)"|'([^']*)')\s*\])?` +
	`(?:\s*\|\s*default:\s*(?:"([^"]*)"|'([^']*)'))?(?:\s*\|\s*(raw))?$`)

// keywords of the expression language are no names.
var keywords = []string{"true", "false", "nil", "and", "or", "contains", "in"}

// placeholders is the template as a list of placeholders, if it is so simple
// that the engine isn't needed: names, default and raw. That is most of them.
func (p *parsed) placeholders() (*placeholders, bool) {
	quick := &placeholders{row: p.row}
	before := ""
	for _, tok := range p.tokens {
		switch tok.Type {
		case parser.TextTokenType:
			before += tok.Source
			continue
		case parser.ObjTokenType:
		default:
			return nil, false
		}
		args, attribute := strings.CutPrefix(tok.Args, "contact."+attributesKey+".")
		if attribute {
			args = "row." + args // the same form, one level deeper
		}
		m := simple.FindStringSubmatch(args)
		if m == nil {
			return nil, false
		}
		root, key := m[1], m[2]+m[3]+m[4]
		if key == "size" || slices.Contains(keywords, root) || slices.Contains(keywords, m[2]) {
			return nil, false
		}
		ph := placeholder{before: before, fallback: m[5] + m[6], mode: p.mode}
		if m[7] == "raw" {
			ph.mode = plainText
		}
		switch {
		case attribute:
			ph.attribute = key
		case root == "contact" && contactFields[key] != nil:
			ph.get = contactFields[key]
		case root == "row" && key != "":
			ph.column = key
		case shared[root][key] != nil:
			ph.shared = shared[root][key]
		case links[root] != nil && key == "":
			ph.link = links[root]
		case root == "contact" && key == "", root == "row", root == feedKey, root == answersKey, shared[root] != nil && key == "":
			return nil, false // prints a whole object, or what only the engine finds
		}
		before = ""
		quick.list = append(quick.list, ph)
	}
	quick.after = before
	return quick, true
}

// quickRun is the end of the run of texts and placeholders from a token on that need
// no engine within a program; it is from where there is none.
func (p *parsed) quickRun(from int) int {
	if p.library.within() {
		return from // a snippet may be given another value by any name
	}
	// White space is taken from what is written at the ends of a run. These must be
	// texts, because a placeholder may come to nothing.
	if p.trims && p.tokens[from].Type != parser.TextTokenType {
		return from
	}
	to := from
	for to < len(p.tokens) && p.needsNoEngine(p.tokens[to]) {
		to++
	}
	for p.trims && to > from && p.tokens[to-1].Type != parser.TextTokenType {
		to--
	}
	if p.trims && to == from+1 {
		return from // one text, which is both ends
	}
	return to
}

// needsNoEngine says whether a token means the same without the engine, whatever
// stands around it.
func (p *parsed) needsNoEngine(tok parser.Token) bool {
	if tok.Type != parser.ObjTokenType {
		return tok.Type == parser.TextTokenType
	}
	alone := &parsed{mode: p.mode, tokens: []parser.Token{tok}}
	quick, ok := alone.placeholders()
	if !ok {
		return false
	}
	root := madeName.FindString(tok.Args)
	switch ph := quick.list[0]; {
	case ph.get == nil && ph.column == "" && ph.attribute == "" && ph.shared == nil && ph.link == nil:
		return false // a name of the template's own, or a parameter
	}
	return !p.made[root]
}

// quick is the tag in place of a run that needs no engine, with as many lines.
func (p *parsed) quick(run []parser.Token) string {
	lines := 0
	for _, tok := range run {
		lines += strings.Count(tok.Source, "\n")
	}
	quick, _ := (&parsed{mode: p.mode, tokens: run}).placeholders()
	if p.trims {
		quick.first, quick.list[0].before = []byte(quick.list[0].before), ""
		quick.last, quick.after = []byte(quick.after), ""
	}
	return "{% " + quickTag + " " + p.library.keep(quick) + strings.Repeat("\n", lines) + " %}"
}

// placeholders is a template without tags.
type placeholders struct {
	list  []placeholder
	after string
	row   bool
	// first and last are the texts at both ends if the program around them may take
	// white space from these: they are written by the engine.
	first, last []byte
}

func (t *placeholders) needsRow() bool { return t.row }

func (t *placeholders) render(s *scope, out *output) error {
	for i := range t.list {
		ph := &t.list[i]
		value, err := ph.value(s)
		if err == nil {
			err = out.constant(ph.before)
		}
		if err == nil {
			err = out.value(ph.mode, value)
		}
		if err != nil {
			return err
		}
	}
	return out.constant(t.after)
}

// renderIn is render within a program that writes to w.
func (t *placeholders) renderIn(w io.Writer, s *scope) error {
	if _, err := w.Write(t.first); err != nil {
		return err
	}
	if len(t.first) > 0 {
		// The engine passes on what was written before when something is written.
		if _, err := w.Write(nil); err != nil {
			return err
		}
	}
	if err := t.render(s, s.meter.out); err != nil || len(t.last) == 0 {
		return err
	}
	_, err := w.Write(t.last)
	return err
}

func (ph *placeholder) value(s *scope) (value string, err error) {
	switch {
	case ph.get != nil:
		value = ph.get(&s.vars.Contact)
	case ph.column != "":
		value, err = s.column(ph.column)
	case ph.attribute != "":
		value, err = s.attribute(ph.attribute)
	case ph.shared != nil && s.vars.Of != nil:
		value = ph.shared(s.vars.Of)
	case ph.link != nil:
		value = ph.link(s.vars)
	}
	if value == "" {
		value = ph.fallback
	}
	return value, err
}
