package liquid

import (
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/osteele/liquid/parser"

	"carillon/internal/near"
)

// asked is what a template asks for: names of values, and conditions that are
// printed.
type asked struct {
	names []name
	// ors are the placeholders that print whether a condition holds.
	ors []string
	// own are the variables that the template makes itself.
	own map[string]bool
	// calls are the render tags.
	calls []call
	// snippet says that it is a snippet's.
	snippet bool
}

// name is a value that a template asks for by an object and its field; the field
// is empty where it asks for a value that belongs to no object.
type name struct{ object, field string }

var (
	// reference matches a name with the field behind it, which follows a dot or
	// stands quoted in brackets.
	reference = regexp.MustCompile(`([A-Za-z_][\w-]*)((?:\.[A-Za-z_][\w-]*|\[\s*(?:"[^"]*"|'[^']*')\s*\])*)`)
	fieldPart = regexp.MustCompile(`\.([A-Za-z_][\w-]*)|\[\s*(?:"([^"]*)"|'([^']*)')\s*\]`)
	orText    = regexp.MustCompile(`\s(?:or|and)\s`)
	madeName  = regexp.MustCompile(`^\s*([A-Za-z_][\w-]*)`)
)

// maxNames bounds the names that are remembered of a template, and maxNotices what
// is said of them.
const (
	maxNames   = 500
	maxNotices = 20
)

// ask adds what a template asks for.
func (a *asked) ask(source string) {
	for tok := range live(source) {
		switch {
		case tok.Type == parser.ObjTokenType:
			a.askFor(tok.Args)
			if code := maskStrings(tok.Args, ' '); orText.MatchString(code) && len(a.ors) < maxNotices {
				a.ors = append(a.ors, tok.Args)
			}
		case tok.Type != parser.TagTokenType:
		case tok.Name == renderTag:
			a.askForCall(tok.Args)
		case tok.Name == "assign" || tok.Name == "capture" || tok.Name == "for" || tok.Name == "tablerow" || tok.Name == "increment" || tok.Name == "decrement":
			made := madeName.FindString(tok.Args)
			if a.own == nil {
				a.own = map[string]bool{}
			}
			if len(a.own) < maxNames {
				a.own[strings.TrimSpace(made)] = true
			}
			a.askFor(strings.TrimPrefix(tok.Args, made))
		default:
			a.askFor(tok.Args)
		}
	}
}

// live are the placeholders, tags and texts of a source that are not within a raw or
// a comment.
func live(source string) iter.Seq[parser.Token] {
	return func(yield func(parser.Token) bool) {
		verbatim := ""
		for _, tok := range parser.Scan(understood(source), parser.SourceLoc{LineNo: 1}, nil) {
			switch tag := tok.Type == parser.TagTokenType; {
			case verbatim != "":
				if tag && tok.Name == "end"+verbatim {
					verbatim = ""
				}
			case tag && (tok.Name == "raw" || tok.Name == "comment"):
				verbatim = tok.Name
			case !yield(tok):
				return
			}
		}
	}
}

// askForCall adds what a render tag hands on.
func (a *asked) askForCall(args string) {
	c, err := parseCall(args)
	if err != nil {
		return
	}
	a.askFor(c.value)
	for _, p := range c.params {
		a.askFor(p.value)
	}
	if len(a.calls) < maxNames {
		a.calls = append(a.calls, c)
	}
}

// askFor adds the names of an expression.
func (a *asked) askFor(expression string) {
	code := maskStrings(expression, ' ')
	for _, m := range reference.FindAllStringSubmatchIndex(expression, -1) {
		if len(a.names) >= maxNames {
			return
		}
		object, path := expression[m[2]:m[3]], expression[m[4]:m[5]]
		before, after := strings.TrimRight(code[:m[0]], " \t\n"), strings.TrimLeft(code[m[1]:], " \t\n")
		switch {
		case code[m[2]] == ' ': // within a quoted text
			continue
		case strings.HasSuffix(before, "|"), strings.HasPrefix(after, ":"), strings.HasSuffix(code[:m[0]], "."),
			m[0] > 0 && code[m[0]-1] >= '0' && code[m[0]-1] <= '9':
			continue // a filter, a named argument, a part of a path or of a number
		case slices.Contains(keywords, object) || slices.Contains(expressionWords, object):
			continue
		}
		var fields []string
		for _, f := range fieldPart.FindAllStringSubmatch(path, -1) {
			fields = append(fields, f[1]+f[2]+f[3])
		}
		n := name{object: object}
		if object == "contact" && len(fields) > 1 && fields[0] == attributesKey {
			object, fields = object+"."+attributesKey, fields[1:]
			n.object = object
		}
		if len(fields) > 0 {
			n.field = fields[0]
		}
		if !slices.Contains(a.names, n) {
			a.names = append(a.names, n)
		}
	}
}

// expressionWords are words of the language that are no names.
var expressionWords = []string{"empty", "blank", "null", "reversed", "limit", "offset", "cols", "forloop", "tablerowloop", "with", "as"}

// Unknown says which values the templates ask for that nobody has, such as a
// misspelt contact.frist_name: they render as nothing. columns are those of the
// uploads that the audience names, attributes the keys of the account's
// properties, and feed is the data feed as it is now; nil for none.
func (c *Content) Unknown(columns, attributes []string, feed *Feed) []string {
	known := knownNames(columns, attributes)
	known[answersKey] = nil
	if feed == nil {
		known[feedKey] = nil
	} else {
		known[feedKey] = feed.names()
	}
	var notices []string
	add := func(format string, args ...any) {
		if notice := fmt.Sprintf(format, args...); len(notices) < maxNotices && !slices.Contains(notices, notice) {
			notices = append(notices, notice)
		}
	}
	c.asked.unknown(known, c.snippets, add)
	for _, in := range slices.Sorted(maps.Keys(c.snippets)) {
		c.snippets[in].unknown(known, c.snippets, func(format string, args ...any) {
			add("snippet %q: "+format, append([]any{in}, args...)...)
		})
	}
	return notices
}

// Lacks are the names that the texts ask for of a contact who has no such value, such as
// contact.first_name: they render as nothing, or as what stands in for them.
func (c *Content) Lacks(of Contact) []string {
	var attributes map[string]any
	if of.Attributes != "" && json.Unmarshal([]byte(of.Attributes), &attributes) != nil {
		attributes = nil // then it has none that could be read
	}
	var lacks []string
	look := func(a *asked) {
		for _, n := range a.names {
			has := true
			switch {
			case a.own[n.object] || n.field == "":
			case n.object == "contact":
				get, known := contactFields[n.field]
				has = !known || get(&of) != ""
			case n.object == "contact."+attributesKey:
				value := attributes[n.field]
				has = value != nil && value != ""
			}
			if whole := n.object + "." + n.field; !has && !slices.Contains(lacks, whole) {
				lacks = append(lacks, whole)
			}
		}
	}
	look(&c.asked)
	for _, in := range slices.Sorted(maps.Keys(c.snippets)) {
		look(c.snippets[in])
	}
	return lacks
}

// anyField stands for all fields of an object whose fields nobody knows yet.
const anyField = "*"

// Mistakes is Unknown for texts that are not sent to anybody yet: any column of an
// upload may come, and what is handed to snippets is not looked at.
func (c *Content) Mistakes(attributes []string) []string {
	known := knownNames([]string{anyField}, attributes)
	var notices []string
	c.asked.unknown(known, nil, func(format string, args ...any) {
		if len(notices) < maxNotices {
			notices = append(notices, fmt.Sprintf(format, args...))
		}
	})
	return notices
}

// knownNames are the fields of the objects that templates see, and the values that
// belong to no object.
func knownNames(columns, attributes []string) map[string][]string {
	known := map[string][]string{
		"contact":            append(slices.Sorted(maps.Keys(contactFields)), attributesKey),
		"contact.attributes": attributes,
		"row":                columns,
		feedKey:              {anyField},
		answersKey:           {anyField},
	}
	whole := []string{"contact", "row", feedKey}
	for object, fields := range shared {
		known[object] = slices.Sorted(maps.Keys(fields))
	}
	known[""] = slices.Concat(whole, sharedNames(), slices.Sorted(maps.Keys(links))) // of no object
	return known
}

// unknown says what of a text may be a mistake. A snippet's variables are handed to
// it: only what a caller hands on in vain is said of them.
func (a *asked) unknown(known map[string][]string, snippets map[string]*asked, add func(format string, args ...any)) {
	for _, printed := range a.ors {
		before, after, _ := cutAround(printed)
		add("{{ %s }} prints true or false and not a value; for a stand-in write {{ %s | default: %s }}", shorten(printed), shorten(before), shorten(after))
	}
	for _, c := range a.calls {
		for _, p := range c.params {
			if called := snippets[c.name]; called != nil && !called.uses(p.name) {
				add("snippet %q is given %s and does not use it", c.name, p.name)
			}
		}
	}
	for _, n := range a.names {
		fields, object := known[n.object]
		switch {
		case a.own[n.object]:
			continue
		case !object || n.object == "":
			if links[n.object] != nil || a.snippet {
				continue
			}
			whole := n.object
			if n.field != "" {
				whole += "." + n.field
			}
			add("%s is not known and renders as nothing; %s", whole, suggestion(known, n.object, "", n.object))
		case n.object == feedKey && len(fields) == 0:
			add("feed is empty: the campaign reads no data feed")
		case n.object == answersKey && len(fields) == 0:
			add("answers are known in the messages of a flow alone, and render as nothing here")
		case n.field == "", slices.Contains(fields, n.field), slices.Contains(fields, anyField), n.field == "size" && n.object != "contact":
			continue
		default:
			add("%s.%s is not known and renders as nothing; %s", n.object, n.field, suggestion(known, n.field, n.object, n.object))
		}
	}
}

// uses says whether a text asks for a variable; of a text that asks for very many
// nobody knows.
func (a *asked) uses(variable string) bool {
	return len(a.names) >= maxNames || slices.ContainsFunc(a.names, func(n name) bool { return n.object == variable })
}

// cutAround is what stands before and behind the first condition word outside of
// quoted texts.
func cutAround(expression string) (before, after string, ok bool) {
	at := orText.FindStringIndex(maskStrings(expression, '"'))
	if at == nil {
		return expression, `""`, false
	}
	return strings.TrimSpace(expression[:at[0]]), strings.TrimSpace(expression[at[1]:]), true
}

// suggestion says what may have been meant by a field, wherever that is, or what
// the object has.
func suggestion(known map[string][]string, field, object, fallback string) string {
	best, distance := "", near.Far(field)
	consider := func(owner, candidate string) {
		d := near.Edits(field, candidate)
		if owner != object {
			d++ // the same object is likelier
		}
		if d < distance || d == distance && best == "" {
			best, distance = candidate, d
			if owner != "" {
				best = owner + "." + candidate
			}
		}
	}
	for _, owner := range slices.Concat([]string{"contact", "contact.attributes", "row", feedKey}, sharedNames(), []string{""}) {
		for _, candidate := range known[owner] {
			if candidate == anyField {
				continue
			}
			consider(owner, candidate)
		}
	}
	if best != "" {
		return "did you mean " + best + "?"
	}
	fields, object2 := known[fallback]
	switch {
	case !object2:
		return "there are " + strings.Join(known[""], ", ")
	case len(fields) == 0:
		return "under " + fallback + " there are none"
	}
	return "under " + fallback + " there are " + strings.Join(fields, ", ")
}

// shorten cuts what a notice repeats of a template.
func shorten(s string) string {
	const most = 60
	if letters := []rune(s); len(letters) > most {
		return string(letters[:most]) + "…"
	}
	return s
}
