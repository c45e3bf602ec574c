package templates

import (
	"fmt"
	"html"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/osteele/liquid/parser"
	"github.com/osteele/liquid/render"
)

// parsed is a template that was checked and not yet compiled.
type parsed struct {
	mode   mode
	tokens []parser.Token
	row    bool
	// safe holds the variables that hold what was already escaped: captured and
	// never assigned otherwise.
	safe map[string]bool
}

// blockTags are the tags that open a block and plainTags those that don't.
// include is left out on purpose: it reads files.
var (
	blockTags  = []string{"if", "unless", "case", "for", "tablerow", "capture", "comment", "raw"}
	plainTags  = []string{"else", "elsif", "when", "assign", "break", "continue", "cycle"}
	identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)
	mentionRow = regexp.MustCompile(`\brow\b`)
)

// parse checks a template. Its errors are one sentence that names the line.
func parse(source string, m mode) (*parsed, error) {
	p := &parsed{mode: m, safe: map[string]bool{}}
	p.tokens = parser.Scan(source, parser.SourceLoc{LineNo: 1}, nil)
	unsafe := map[string]bool{}
	depth, verbatim := 0, ""
	for _, tok := range p.tokens {
		fail := func(format string, args ...any) error {
			return fmt.Errorf("line %d: %s", tok.SourceLoc.LineNo, fmt.Sprintf(format, args...))
		}
		if verbatim != "" {
			if tok.Type == parser.TagTokenType && tok.Name == "end"+verbatim {
				verbatim = ""
			}
			continue
		}
		switch tok.Type {
		case parser.TextTokenType:
			if at := anyLiquid.FindStringIndex(tok.Source); at != nil {
				line := tok.SourceLoc.LineNo + strings.Count(tok.Source[:at[0]], "\n")
				opened := tok.Source[at[0]:at[1]]
				return nil, fmt.Errorf("line %d: %s is not closed on the same line: write %s", line, opened, map[string]string{"{{": "{{ … }}", "{%": "{% … %}"}[opened])
			}
			continue
		case parser.ObjTokenType, parser.TagTokenType:
		default:
			continue
		}
		if tok.Type == parser.TagTokenType {
			name, end := strings.CutPrefix(tok.Name, "end")
			switch {
			case end && slices.Contains(blockTags, name):
				depth--
			case slices.Contains(blockTags, tok.Name):
				depth++
			case !slices.Contains(plainTags, tok.Name):
				return nil, fail("unknown tag %q: %s are available", tok.Name, strings.Join(append(slices.Clone(blockTags), plainTags...), ", "))
			}
			if depth > maxDepth {
				return nil, fail("more than %d blocks inside each other", maxDepth)
			}
			switch tok.Name {
			case "comment", "raw":
				depth--
				verbatim = tok.Name
				continue
			case "capture":
				name := strings.TrimSpace(tok.Args)
				if !identifier.MatchString(name) {
					return nil, fail("capture needs one name, such as {%% capture greeting %%}")
				}
				p.safe[name] = true
			case "assign":
				unsafe[firstWord(tok.Args)] = true
			case "for", "tablerow":
				unsafe[firstWord(tok.Args)] = true
			}
		}
		if err := checkArgs(tok); err != nil {
			return nil, fail("%s", err)
		}
		p.row = p.row || mentionRow.MatchString(tok.Args)
	}
	if verbatim != "" {
		return nil, fmt.Errorf("{%% %s %%} is never closed: add {%% end%s %%}", verbatim, verbatim)
	}
	for name := range unsafe {
		delete(p.safe, name)
	}
	if _, err := compileProgram(source, plainText, false, 1); err != nil {
		return nil, err
	}
	return p, nil
}

func firstWord(args string) string {
	word, _, _ := strings.Cut(strings.TrimSpace(strings.ReplaceAll(args, "=", " ")), " ")
	return word
}

// checkArgs refuses what the engine would find out only while rendering, and
// what would let a template take memory without bound.
func checkArgs(tok parser.Token) error {
	code := blankStrings(tok.Args)
	if strings.Contains(code, "%") || strings.Contains(code, "{") {
		return fmt.Errorf("%q is no expression", tok.Args)
	}
	if strings.Contains(code, "..") && (tok.Name != "for" || strings.Contains(code, "|")) {
		return fmt.Errorf("a range such as (1..5) may stand only in {%% for %%}, without filters")
	}
	for _, part := range strings.Split(code, "|")[1:] {
		name := strings.TrimSpace(part)
		if end := strings.IndexFunc(name, func(r rune) bool { return r == ':' || r == ' ' || r == ',' || r == ')' || r == '\t' }); end >= 0 {
			name = name[:end]
		}
		if name != "" && !slices.Contains(filterNames, name) {
			return fmt.Errorf("unknown filter %q: %s are available", name, strings.Join(filterNames, ", "))
		}
		if name == "raw" && strings.TrimSpace(part) != "raw" {
			return fmt.Errorf("raw takes no arguments")
		}
	}
	if pipes := strings.Split(code, "|"); slices.ContainsFunc(pipes[1:max(len(pipes)-1, 1)], func(s string) bool { return strings.TrimSpace(s) == "raw" }) ||
		(tok.Type == parser.TagTokenType && slices.ContainsFunc(pipes[1:], func(s string) bool { return strings.TrimSpace(s) == "raw" })) {
		return fmt.Errorf("raw must be the last filter of a {{ … }}")
	}
	return nil
}

// blankStrings replaces the quoted texts of an expression by spaces.
func blankStrings(args string) string {
	out := []byte(args)
	var quote byte
	for i, c := range out {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
			out[i] = ' '
		case c == '"' || c == '\'':
			quote = c
			out[i] = ' '
		}
	}
	return string(out)
}

// lastFilter is the name of an expression's last filter and the expression
// without it.
func lastFilter(args string) (name, rest string) {
	code := blankStrings(args)
	at := strings.LastIndexByte(code, '|')
	if at < 0 {
		return "", args
	}
	return strings.TrimSpace(code[at+1:]), strings.TrimSpace(args[:at])
}

// selfEscaping are the filters whose result is fit for HTML.
var selfEscaping = []string{"escape", "escape_once", "newline_to_br", "url_encode"}

// placeholder is a simple {{ … }} between two pieces of text.
type placeholder struct {
	before string
	get    func(*Contact) string // nil: column, or one of the others
	column string
	// attribute is the key of a property.
	attribute string
	other     string
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
func (p *parsed) placeholders() (text, bool) {
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
		case root == "campaign" && key == "name", root == "unsubscribe_url" && key == "":
			ph.other = root
		case root == "contact" && key == "", root == "row", root == "campaign" && key == "":
			return nil, false // prints a whole object: the engine decides how
		}
		before = ""
		quick.list = append(quick.list, ph)
	}
	quick.after = before
	return quick, true
}

// placeholders is a template without tags.
type placeholders struct {
	list  []placeholder
	after string
	row   bool
}

func (t *placeholders) needsRow() bool { return t.row }

func (t *placeholders) render(s *scope) (string, error) {
	size := len(t.after)
	for i := range t.list {
		size += len(t.list[i].before) + 16
	}
	var b strings.Builder
	b.Grow(size)
	for i := range t.list {
		ph := &t.list[i]
		b.WriteString(ph.before)
		value := ""
		switch {
		case ph.get != nil:
			value = ph.get(&s.vars.Contact)
		case ph.column != "":
			var err error
			if value, err = s.column(ph.column); err != nil {
				return "", err
			}
		case ph.attribute != "":
			var err error
			if value, err = s.attribute(ph.attribute); err != nil {
				return "", err
			}
		case ph.other == "campaign":
			value = s.vars.CampaignName
		case ph.other != "":
			value = s.vars.UnsubscribeURL
		}
		if value == "" {
			value = ph.fallback
		}
		ph.mode.write(&b, value)
	}
	b.WriteString(t.after)
	return b.String(), nil
}

// pieces is the template cut at its top level into placeholders and blocks, so
// that the engine runs for the blocks alone; a newsletter with one {% if %} is
// several times faster for it. ok is false where pieces depend on each other:
// where a tag outside of a block, or a variable, works on what follows.
func (p *parsed) pieces() (cut pieces, ok bool, err error) {
	from, depth, verbatim := 0, 0, ""
	// add takes tokens from..to as one piece.
	add := func(to int, block bool) error {
		if from == to {
			return nil
		}
		piece := &parsed{mode: p.mode, row: p.row, tokens: p.tokens[from:to], safe: p.safe}
		from = to
		if quick, ok := piece.placeholders(); ok && !block {
			cut = append(cut, quick)
			return nil
		}
		compiled, err := piece.program()
		cut = append(cut, compiled)
		return err
	}
	for i, tok := range p.tokens {
		if tok.Type == parser.TrimLeftTokenType || tok.Type == parser.TrimRightTokenType || tok.Name == "assign" || tok.Name == "capture" {
			return nil, false, nil
		}
		if tok.Type != parser.TagTokenType {
			continue
		}
		if verbatim != "" && tok.Name != "end"+verbatim {
			continue
		}
		switch name, end := strings.CutPrefix(tok.Name, "end"); {
		case end && slices.Contains(blockTags, name):
			verbatim = ""
			if depth--; depth == 0 {
				if err := add(i+1, true); err != nil {
					return nil, false, err
				}
			}
		case slices.Contains(blockTags, tok.Name):
			if depth == 0 {
				if err := add(i, false); err != nil {
					return nil, false, err
				}
			}
			depth++
			if tok.Name == "raw" || tok.Name == "comment" {
				verbatim = tok.Name
			}
		case depth == 0:
			return nil, false, nil
		}
	}
	return cut, true, add(len(p.tokens), false)
}

// pieces are texts in a row.
type pieces []text

func (t pieces) needsRow() bool { return slices.ContainsFunc(t, text.needsRow) }

func (t pieces) render(s *scope) (string, error) {
	rendered := make([]string, len(t))
	for i, piece := range t {
		var err error
		if rendered[i], err = piece.render(s); err != nil {
			return "", err
		}
	}
	return strings.Join(rendered, ""), nil
}

// program rewrites the template and compiles it for the engine: values are
// escaped, loops count their steps, captures are bounded. The rewriting adds no
// line, so that errors keep their numbers.
func (p *parsed) program() (text, error) {
	var b strings.Builder
	verbatim := ""
	for i, tok := range p.tokens {
		switch {
		case verbatim != "":
			if tok.Type == parser.TagTokenType && tok.Name == "end"+verbatim {
				verbatim = ""
			}
			b.WriteString(tok.Source)
		case tok.Type == parser.ObjTokenType:
			open, end := "{{ ", " }}"
			if strings.HasPrefix(tok.Source, "{{-") {
				open = "{{- "
			}
			if strings.HasSuffix(tok.Source, "-}}") {
				end = " -}}"
			}
			b.WriteString(open + p.escaped(tok.Args) + end)
		case tok.Type == parser.TagTokenType && (tok.Name == "capture" || tok.Name == "endcapture"):
			b.WriteString(strings.Replace(tok.Source, "capture", boundedCapture, 1))
		case tok.Type == parser.TagTokenType && (tok.Name == "for" || tok.Name == "tablerow"):
			b.WriteString(tok.Source + "{% " + stepTag + " " + strconv.Itoa(p.cost(i)) + " %}")
		default:
			if tok.Type == parser.TagTokenType && (tok.Name == "raw" || tok.Name == "comment") {
				verbatim = tok.Name
			}
			b.WriteString(tok.Source)
		}
	}
	return compileProgram(b.String(), p.mode, p.row, p.tokens[0].SourceLoc.LineNo)
}

// escaped is an expression with the escaping that the mode asks for.
func (p *parsed) escaped(args string) string {
	last, rest := lastFilter(args)
	switch {
	case last == "raw":
		return rest
	case p.mode == plainText, slices.Contains(selfEscaping, last), last == "" && p.safe[strings.TrimSpace(args)]:
		return args
	}
	return args + " | " + autoEscape
}

// cost is how many tags and placeholders stand between a loop's tag and its end.
func (p *parsed) cost(from int) int {
	end, depth, cost := "end"+p.tokens[from].Name, 0, 1
	for _, tok := range p.tokens[from+1:] {
		if tok.Type != parser.TagTokenType && tok.Type != parser.ObjTokenType {
			continue
		}
		switch {
		case tok.Name == p.tokens[from].Name:
			depth++
		case tok.Name == end && depth == 0:
			return cost
		case tok.Name == end:
			depth--
		}
		cost++
	}
	return cost
}

// compileProgram compiles source with the engine and turns its errors, and its
// panics, into one sentence.
func compileProgram(source string, m mode, row bool, line int) (compiled *program, err error) {
	defer func() {
		if r := recover(); r != nil {
			compiled, err = nil, fmt.Errorf("the template can't be understood: check every {{ … }} and {%% … %%} for a typing error")
		}
	}()
	config := newConfig(m)
	root, syntax := config.Compile(source, parser.SourceLoc{LineNo: line})
	if syntax != nil {
		return nil, describe(syntax)
	}
	return &program{root: root, config: config, row: row}, nil
}

// describe shortens an engine's error: the line and what is wrong.
func describe(e render.Error) error {
	message := strings.TrimPrefix(e.Error(), "Liquid error")
	if rest, ok := strings.CutPrefix(message, fmt.Sprintf(" (line %d): ", e.LineNumber())); ok {
		message = rest
	} else {
		message = strings.TrimPrefix(message, ": ")
	}
	message = strings.ReplaceAll(message, " | "+autoEscape, "")
	if e.LineNumber() > 0 {
		return fmt.Errorf("line %d: %s", e.LineNumber(), message)
	}
	return fmt.Errorf("%s", message)
}

// toText is a value as the engine would print it.
func toText(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case []byte:
		return string(v)
	case []any:
		var b strings.Builder
		for _, item := range v {
			b.WriteString(toText(item))
		}
		return b.String()
	case []string:
		return strings.Join(v, "")
	}
	return fmt.Sprint(value)
}

func escapeValue(value any) any {
	if value == nil {
		return nil
	}
	return html.EscapeString(toText(value))
}
