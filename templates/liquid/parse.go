package liquid

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/osteele/liquid/parser"
)

// parsed is a template that was checked and not yet compiled.
type parsed struct {
	mode    mode
	library *library
	tokens  []parser.Token
	row     bool
	// safe holds the variables that hold what was already escaped: captured and
	// never assigned otherwise.
	safe map[string]bool
	// made are the variables that the template makes itself, and trims says that it
	// takes white space away.
	made  map[string]bool
	trims bool
	// height is how deep snippets render each other from here.
	height int
}

// blockTags are the tags that open a block and plainTags those that don't.
// include is left out on purpose: what it renders sees and changes every variable.
var (
	blockTags = []string{"if", "unless", "case", "for", "tablerow", "capture", "comment", "raw"}
	plainTags = []string{"else", "elsif", "when", "assign", "break", "continue", "cycle", "increment", "decrement", renderTag}
	// rewrittenTags are those that understood writes with the others.
	rewrittenTags = []string{"echo", "liquid", "#"}
	identifier    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)
	mentionRow    = regexp.MustCompile(`\brow\b`)
)

// parse checks a template and compiles the snippets that it renders. Its errors are
// one sentence that names the line.
func parse(source string, m mode, lib *library) (*parsed, error) {
	p := &parsed{mode: m, library: lib, safe: map[string]bool{}, made: map[string]bool{}}
	p.tokens = parser.Scan(source, parser.SourceLoc{LineNo: 1}, nil)
	if len(p.tokens) > maxTokens {
		return nil, fmt.Errorf("more than %d tags, placeholders and texts between them: cut the template down", maxTokens)
	}
	unsafe := map[string]bool{}
	depth, loops, verbatim := 0, 0, ""
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
			p.trims = true
			continue
		}
		if tok.Type == parser.TagTokenType {
			name, end := strings.CutPrefix(tok.Name, "end")
			switch {
			case end && slices.Contains(blockTags, name):
				depth--
			case slices.Contains(blockTags, tok.Name):
				depth++
			case tok.Name == "include":
				return nil, fail("include is not available: write render, such as {%% render \"header\", title: contact.name %%}, and give it every variable that it needs")
			case !slices.Contains(plainTags, tok.Name):
				return nil, fail("unknown tag %q: %s are available", tok.Name, strings.Join(slices.Concat(blockTags, plainTags, rewrittenTags), ", "))
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
				p.safe[name], p.made[name] = true, true
			case "assign", "for", "tablerow":
				name := madeName.FindString(tok.Args)
				unsafe[name], p.made[name] = true, true
				if tok.Name != "assign" {
					loops++
				}
			case "increment", "decrement":
				p.made[madeName.FindString(tok.Args)] = true
			case "endfor", "endtablerow":
				loops--
			case "break", "continue":
				if loops == 0 && lib.within() {
					return nil, fail("%s stands outside of a loop: in a snippet it ends no loop of the text around it", tok.Name)
				}
			}
		}
		if err := checkArgs(tok); err != nil {
			return nil, fail("%s", err)
		}
		p.row = p.row || mentionRow.MatchString(tok.Args)
		if tok.Name == renderTag {
			if err := p.render(tok.Args); err != nil {
				return nil, fail("%s", err)
			}
		}
	}
	if verbatim != "" {
		return nil, fmt.Errorf("{%% %s %%} is never closed: add {%% end%s %%}", verbatim, verbatim)
	}
	for name := range unsafe {
		delete(p.safe, name)
	}
	if _, err := p.compile(source, 1); err != nil {
		return nil, err
	}
	return p, nil
}

// render compiles the snippet of a render tag.
func (p *parsed) render(args string) error {
	c, err := parseCall(args)
	if err != nil {
		return err
	}
	s, err := p.library.snippet(c.name, p.mode)
	if err != nil {
		return err
	}
	p.row, p.height = p.row || s.row, max(p.height, s.height)
	return nil
}

// checkArgs refuses what the engine would find out only while rendering, and
// what would let a template take memory without bound.
func checkArgs(tok parser.Token) error {
	code := maskStrings(tok.Args, ' ')
	if expressionSize(code) > maxExpression {
		return fmt.Errorf("more than %d words and signs in one expression: cut it with assign", maxExpression)
	}
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

// maskStrings replaces the quoted texts of an expression, with their quotes.
func maskStrings(args string, by byte) string {
	out := []byte(args)
	var quote byte
	for i, c := range out {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
			out[i] = by
		case c == '"' || c == '\'':
			quote = c
			out[i] = by
		}
	}
	return string(out)
}

// lastFilter is the name of an expression's last filter and the expression
// without it.
func lastFilter(args string) (name, rest string) {
	code := maskStrings(args, ' ')
	at := strings.LastIndexByte(code, '|')
	if at < 0 {
		return "", args
	}
	return strings.TrimSpace(code[at+1:]), strings.TrimSpace(args[:at])
}

// selfEscaping are the filters whose result is fit for HTML.
var selfEscaping = []string{"escape", "escape_once", "newline_to_br", "url_encode", "base64_encode", "base64_url_safe_encode"}

// program rewrites the template and compiles it for the engine: values are
// escaped, loops count their steps, captures are bounded, and what needs no engine
// is written without it. The rewriting adds no line, so that errors keep their
// numbers.
func (p *parsed) program() (*program, error) {
	costs := make([]int, len(p.tokens))
	for i, tok := range p.tokens {
		costs[i] = cost(tok)
	}
	var b strings.Builder
	verbatim, quickTo := "", 0
	for i, tok := range p.tokens {
		if verbatim == "" && i >= quickTo {
			if quickTo = p.quickRun(i); quickTo > i {
				b.WriteString(p.quick(p.tokens[i:quickTo]))
			}
		}
		switch {
		case i < quickTo:
		case verbatim != "":
			if tok.Type == parser.TagTokenType && tok.Name == "end"+verbatim {
				verbatim = ""
			}
			b.WriteString(tok.Source)
		case tok.Type == parser.ObjTokenType:
			left, right := "", ""
			if strings.HasPrefix(tok.Source, "{{-") {
				left = "-"
			}
			if strings.HasSuffix(tok.Source, "-}}") {
				right = "-"
			}
			switch expression, escape := p.escaped(tok.Args); {
			case !escape:
				b.WriteString("{{" + left + " " + expression + " " + right + "}}")
			case isCondition(expression) || strings.Contains(expression, "%}"):
				b.WriteString("{{" + left + " " + expression + " | " + autoEscape + " " + right + "}}")
			default:
				b.WriteString("{%" + left + " " + printTag + " " + expression + " " + right + "%}")
			}
		case tok.Type == parser.TagTokenType && (tok.Name == "capture" || tok.Name == "endcapture"):
			b.WriteString(strings.Replace(tok.Source, "capture", boundedCapture, 1))
		case tok.Type == parser.TagTokenType && (tok.Name == "for" || tok.Name == "tablerow"):
			b.WriteString(tok.Source + "{% " + stepTag + " " + strconv.Itoa(p.turn(i, costs)) + " %}")
		default:
			if tok.Type == parser.TagTokenType && (tok.Name == "raw" || tok.Name == "comment") {
				verbatim = tok.Name
			}
			b.WriteString(tok.Source)
		}
	}
	compiled, err := p.compile(b.String(), p.tokens[0].SourceLoc.LineNo)
	if err != nil {
		return nil, err
	}
	for _, c := range costs {
		compiled.cost += c
	}
	return compiled, nil
}

// escaped is an expression and whether the mode asks for its value to be escaped.
func (p *parsed) escaped(args string) (expression string, escape bool) {
	last, rest := lastFilter(args)
	switch {
	case last == "raw":
		return rest, false
	case p.mode == plainText, slices.Contains(selfEscaping, last), last == "" && p.safe[strings.TrimSpace(args)]:
		return args, false
	}
	return args, true
}

// connective matches what joins conditions.
var connective = regexp.MustCompile(`\b(?:or|and)\b`)

// isCondition says whether an expression may be a condition: of one that is printed,
// a filter takes the last part alone.
func isCondition(expression string) bool {
	code := maskStrings(expression, ' ')
	return comparison.MatchString(code) || connective.MatchString(code)
}

// turn is the work of a turn of a loop: of what stands between its tag and its end.
func (p *parsed) turn(from int, costs []int) int {
	end, depth, total := "end"+p.tokens[from].Name, 0, loopWork
	for i, tok := range p.tokens[from+1:] {
		switch {
		case tok.Name == p.tokens[from].Name:
			depth++
		case tok.Name == end && depth == 0:
			return total
		case tok.Name == end:
			depth--
		}
		total += costs[from+1+i]
	}
	return total
}

// comparison matches what may look at two whole values.
var comparison = regexp.MustCompile(`[=!<>]=?|\bcontains\b`)

// comparisonWork is that of comparing two lists, at least.
const comparisonWork = 10

// cost is the work of a tag or placeholder beside that of its filters.
func cost(tok parser.Token) int {
	if tok.Type != parser.TagTokenType && tok.Type != parser.ObjTokenType {
		return 0
	}
	code := maskStrings(tok.Args, ' ')
	return 1 + expressionSize(code)/4 + comparisonWork*len(comparison.FindAllStringIndex(code, -1))
}

// compile compiles source with the engine and turns its errors, and its panics,
// into one sentence.
func (p *parsed) compile(source string, line int) (compiled *program, err error) {
	defer func() {
		if r := recover(); r != nil {
			compiled, err = nil, fmt.Errorf("the template can't be understood: check every {{ … }} and {%% … %%} for a typing error")
		}
	}()
	engines := p.library.engines[p.mode]
	engines.with(nil, func(e *engine) {
		root, syntax := e.config.Compile(source, parser.SourceLoc{LineNo: line})
		if syntax != nil {
			err = describe(syntax)
			return
		}
		compiled = &program{root: root, engines: engines, row: p.row}
	})
	return compiled, err
}

// toText is a value as the engine would print it.
func toText(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case int:
		return strconv.Itoa(v)
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
