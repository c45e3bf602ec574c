package liquid

import (
	"regexp"
	"strings"
)

// tagForm matches a tag: its left dash, its name or # and what stands behind it,
// its right dash.
var tagForm = regexp.MustCompile(`(?s)\{%(-?)\s*(#|\w+)(.*?)(-?)%\}`)

// objectForm matches a placeholder.
var objectForm = regexp.MustCompile(`(?s)\{\{.*?\}\}`)

// understood is a source in the Liquid that the library understands: comments with
// #, echo, liquid, "when a or b" and "default: x, allow_false: true" are written
// with what it has. No line is added or lost, so that errors keep their numbers.
func understood(source string) string {
	var b strings.Builder
	at := 0
	for _, m := range tagForm.FindAllStringSubmatchIndex(source, -1) {
		if m[0] < at {
			continue // within a raw or a comment
		}
		b.WriteString(objectForm.ReplaceAllStringFunc(source[at:m[0]], allowFalse))
		at = m[1]
		tag := tagSource{left: source[m[2]:m[3]], name: source[m[4]:m[5]], args: source[m[6]:m[7]], right: source[m[8]:m[9]]}
		b.WriteString(tag.understood(source[m[0]:m[1]]))
		if end, verbatim := verbatimEnds[tag.name]; verbatim {
			closed := end.FindStringIndex(source[at:])
			if closed == nil {
				return b.String() + source[at:]
			}
			b.WriteString(source[at : at+closed[1]])
			at += closed[1]
		}
	}
	return b.String() + objectForm.ReplaceAllStringFunc(source[at:], allowFalse)
}

// verbatimEnds are the ends of the blocks whose inside is no Liquid.
var verbatimEnds = map[string]*regexp.Regexp{
	"raw":     regexp.MustCompile(`\{%-?\s*endraw\s*-?%\}`),
	"comment": regexp.MustCompile(`\{%-?\s*endcomment\s*-?%\}`),
}

// tagSource is a tag as it is written.
type tagSource struct{ left, name, args, right string }

func (t tagSource) understood(whole string) string {
	switch t.name {
	case "#":
		return comment(t.left, t.args, t.right)
	case "echo":
		expression := strings.TrimSpace(strings.NewReplacer("\n", " ", "\r", " ").Replace(t.args))
		lines := comment("", t.args, t.right)
		if expression == "" {
			return comment(t.left, t.args, t.right)
		}
		return allowFalse("{{"+t.left+" "+expression+" }}") + lines
	case "liquid":
		return t.lines()
	case "when":
		return "{%" + t.left + " when " + outsideStrings(t.args, orWord, ",") + t.right + "%}"
	}
	return allowFalse(whole)
}

// lines is what stands in a liquid tag, one tag a line.
func (t tagSource) lines() string {
	var b strings.Builder
	b.WriteString(comment(t.left, "", ""))
	for i, line := range strings.Split(t.args, "\n") {
		if i > 0 {
			b.WriteString(comment("", "\n", ""))
		}
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, args, _ := strings.Cut(line, " ")
		inner := tagSource{name: name, args: " " + args + " "}
		b.WriteString(inner.understood("{% " + line + " %}"))
	}
	b.WriteString(comment("", "", t.right))
	return b.String()
}

// comment is a comment that has the lines of a text and takes the white space away
// where the dashes say so; it is nothing where there is neither.
func comment(left, text, right string) string {
	lines := strings.Repeat("\n", strings.Count(text, "\n"))
	if left == "" && right == "" && lines == "" {
		return ""
	}
	return "{%" + left + " comment %}" + lines + "{% endcomment " + right + "%}"
}

var (
	orWord        = regexp.MustCompile(`\s+or\s+`)
	allowFalseArg = regexp.MustCompile(`,\s*allow_false\s*:\s*`)
)

// allowFalse writes the named argument of default as its second.
func allowFalse(expression string) string {
	if !strings.Contains(expression, "allow_false") {
		return expression
	}
	return outsideStrings(expression, allowFalseArg, ", ")
}

// outsideStrings replaces what a pattern matches in an expression, except within
// its quoted texts; line breaks are kept.
func outsideStrings(expression string, pattern *regexp.Regexp, by string) string {
	code := maskStrings(expression, '"')
	var b strings.Builder
	at := 0
	for _, m := range pattern.FindAllStringIndex(code, -1) {
		b.WriteString(expression[at:m[0]] + by + strings.Repeat("\n", strings.Count(expression[m[0]:m[1]], "\n")))
		at = m[1]
	}
	return b.String() + expression[at:]
}

// maxExpression bounds the words and signs of one tag or placeholder: what stands in
// each other is worked on at once.
const maxExpression = 500

var expressionPart = regexp.MustCompile(`\w+|[^\w\s]`)

// expressionSize is the number of words and signs in an expression without its
// quoted texts, which count little above maxExpression.
func expressionSize(code string) int {
	return len(expressionPart.FindAllStringIndex(code, maxExpression+1))
}
