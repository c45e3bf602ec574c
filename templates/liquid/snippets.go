package liquid

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/osteele/liquid/parser"
	"github.com/osteele/liquid/render"

	"carillon/internal/fault"
	"carillon/providers"
)

// Bounds of snippets.
const (
	// MaxSnippetBytes bounds the text of one snippet.
	MaxSnippetBytes = 64 << 10
	// maxSnippetDepth bounds how deep snippets render each other.
	maxSnippetDepth = 20
	renderTag       = "render"
)

var errTooDeep = fmt.Errorf("more than %d snippets inside each other", maxSnippetDepth)

// CheckSnippet refuses a snippet that can't be rendered: its text or one that it
// renders is wrong or missing, or it renders itself. texts has it and what it
// renders, by name. The error is of code Invalid and names the line of "text".
func CheckSnippet(name string, texts map[string]string) error {
	for _, m := range []mode{plainText, htmlText} {
		lib := newLibrary(texts)
		lib.checked = name
		if _, err := lib.snippet(name, m); err != nil {
			return fault.InvalidField("text", nil, "%s", err)
		}
	}
	return nil
}

// RenderedBy are the names of the snippets that the texts of a content render
// themselves, each once.
func RenderedBy(c providers.Content) []string {
	all := []string{c.Subject, c.Text, c.HTML, c.Preheader}
	if a := c.Attachment; a != nil {
		all = append(all, a.URL, a.Filename, a.Caption)
	}
	for _, b := range c.Buttons {
		all = append(all, b.Caption, b.Info)
	}
	return Rendered(all...)
}

// Rendered are the names of the snippets that texts render themselves, each once.
func Rendered(texts ...string) []string {
	var names []string
	for _, text := range texts {
		if !strings.Contains(text, renderTag) {
			continue
		}
		for tok := range live(text) {
			if tok.Type != parser.TagTokenType || tok.Name != renderTag {
				continue
			}
			if c, err := parseCall(tok.Args); err == nil && !slices.Contains(names, c.name) {
				names = append(names, c.name)
			}
		}
	}
	return names
}

// library is the snippets of one content as they are compiled, those alone that it
// renders; afterwards nothing of it changes.
type library struct {
	texts    map[string]string
	engines  map[mode]*engines
	compiled map[mode]map[string]*snippet
	// size is the bytes of the content and of every snippet in use, and mentioned
	// what the snippets may ask of the contact.
	size      int
	mentioned []string
	// under are the names that are being compiled, each within the one before.
	under []string
	// checked is the snippet whose errors name no snippet; empty for a content.
	checked string
	// asked is what each snippet asks for.
	asked map[string]*asked
	// kept are the parts of programs that need no engine.
	kept []*placeholders
}

func newLibrary(texts map[string]string) *library {
	l := &library{texts: texts, engines: map[mode]*engines{}, compiled: map[mode]map[string]*snippet{}, asked: map[string]*asked{}}
	for _, m := range []mode{plainText, htmlText} {
		l.engines[m], l.compiled[m] = newEngines(m, l), map[string]*snippet{}
	}
	return l
}

// snippet is one compiled snippet. It is compiled apart for texts and for HTML,
// because values are escaped in one of them alone.
type snippet struct {
	name string
	// program is nil where the text is empty, notes aside.
	program *program
	// safe are the variables that the snippet prints as they are, because it
	// captures them.
	safe map[string]bool
	row  bool
	// height is 1 and that of the highest snippet that it renders.
	height int
}

// snippet compiles a snippet with all that it renders.
func (l *library) snippet(name string, m mode) (*snippet, error) {
	if s := l.compiled[m][name]; s != nil {
		if len(l.under)+s.height > maxSnippetDepth {
			return nil, errTooDeep
		}
		return s, nil
	}
	source, ok := l.texts[name]
	switch {
	case slices.Contains(l.under, name):
		return nil, fmt.Errorf("snippet %q renders itself: %s", name, strings.Join(slices.Concat(l.under, []string{name}), " → "))
	case !ok:
		return nil, fmt.Errorf("there is no snippet %q: GET /v1/snippets lists them", name)
	case len(l.under) >= maxSnippetDepth:
		return nil, errTooDeep
	}
	if l.asked[name] == nil {
		if l.size += len(source); l.size > MaxTemplateBytes {
			return nil, fmt.Errorf("the texts with their snippets have more than %d KiB: cut them down", MaxTemplateBytes>>10)
		}
		l.asked[name] = &asked{snippet: true}
		l.asked[name].ask(source)
		l.mentioned = mention(l.mentioned, source)
	}
	l.under = append(l.under, name)
	defer func() { l.under = l.under[:len(l.under)-1] }()
	s := &snippet{name: name, height: 1}
	if source = understood(source); source != "" {
		p, err := parse(source, m, l)
		if err != nil {
			return nil, l.failure(name, err)
		}
		if s.program, err = p.program(); err != nil {
			return nil, l.failure(name, err)
		}
		s.safe, s.row, s.height = p.safe, p.row, p.height+1
	}
	l.compiled[m][name] = s
	return s, nil
}

// keep keeps a part of a program that needs no engine, and returns its number.
func (l *library) keep(quick *placeholders) string {
	l.kept = append(l.kept, quick)
	return strconv.Itoa(len(l.kept) - 1)
}

// quickCompiler makes the tags in place of what was kept.
func (l *library) quickCompiler(number string) (func(io.Writer, render.Context) error, error) {
	at, err := strconv.Atoi(strings.TrimSpace(number))
	if err != nil {
		return nil, err
	}
	quick := l.kept[at]
	return func(w io.Writer, ctx render.Context) error {
		m, err := meterOf(ctx)
		if err != nil {
			return err
		}
		return quick.renderIn(w, m.scope)
	}, nil
}

// within says whether a snippet is being compiled.
func (l *library) within() bool { return len(l.under) > 0 }

// failure says in which snippet an error is, unless it is the one that is checked.
func (l *library) failure(name string, err error) error {
	if name == l.checked {
		return err
	}
	return fmt.Errorf("snippet %q: %w", name, err)
}

var snippetName = regexp.MustCompile(`^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$`)

// MaxSnippetName bounds the name of a snippet, in characters.
const MaxSnippetName = 100

// SnippetNameRule says what ValidSnippetName takes.
const SnippetNameRule = "1 to 100 letters from A to Z, digits, - _ . and / between them, such as parts/header"

// ValidSnippetName says whether a snippet may have a name.
func ValidSnippetName(name string) bool {
	if len(name) > MaxSnippetName || !snippetName.MatchString(name) {
		return false
	}
	// In an address these would lead elsewhere.
	return !slices.ContainsFunc(strings.Split(name, "/"), func(part string) bool { return part == "." || part == ".." })
}
