package email

import (
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/net/html"

	"carillon/internal/fault"
)

// shield keeps the Liquid of a document out of the hands of what knows HTML alone:
// each piece is exchanged for a token, which is put back afterwards. Where text may
// stand, the token is a comment, because a comment alone is left where it is between
// the rows of a table.
type shield struct {
	field  string
	source string
	pieces []piece
	token  *regexp.Regexp
	prefix string
}

type piece struct {
	text string
	// at is where it stands in the source, in bytes.
	at int
	// idle pieces print and decide nothing: they may get lost.
	idle bool
}

// liquidForm matches a piece of Liquid: a comment with what stands in it, a tag, or a
// placeholder. It ends a piece where templates/liquid does.
var liquidForm = regexp.MustCompile(`(?s)\{%-?\s*comment\s*-?%\}.*?\{%-?\s*endcomment\s*-?%\}|\{%.*?%\}|\{\{[^\n]*?\}\}`)

// verbatim are the elements within which a comment would be text.
var verbatim = map[string]bool{
	"style": true, "script": true, "title": true, "textarea": true, "xmp": true, "iframe": true, "noembed": true, "noframes": true, "plaintext": true,
	"mj-style": true, "mj-title": true, "mj-preview": true, "mj-html-attributes": true,
}

// shielded exchanges the Liquid of a source.
func shielded(field, source string) (*shield, string) {
	s := &shield{field: field, source: source}
	lower := strings.ToLower(source)
	for n := 0; ; n++ {
		if s.prefix = "lq" + strconv.Itoa(n) + "n"; !strings.Contains(lower, s.prefix) {
			break
		}
	}
	// The letter behind the number says whether the token is a comment of ours.
	s.token = regexp.MustCompile(`(?:<!--|&lt;!--)\s*` + s.prefix + `(\d+)c\s*(?:-->|--&gt;)|` + s.prefix + `(\d+)[ce](?:="")?`)
	var b strings.Builder
	at := 0
	for _, m := range liquidForm.FindAllStringIndex(source, -1) {
		b.WriteString(source[at:m[0]] + s.prefix + strconv.Itoa(len(s.pieces)) + "e")
		text := source[m[0]:m[1]]
		idle := strings.Contains(text, "endcomment") || strings.HasPrefix(strings.TrimLeft(text, "{%- "), "#")
		s.pieces = append(s.pieces, piece{text: text, at: m[0], idle: idle})
		at = m[1]
	}
	b.WriteString(source[at:])
	if len(s.pieces) == 0 {
		return s, source
	}
	return s, s.commented(b.String())
}

// commented makes comments of the tokens that stand where text does.
func (s *shield) commented(source string) string {
	bare := regexp.MustCompile(s.prefix + `(\d+)e`)
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(source))
	within := ""
	for {
		kind := z.Next()
		raw := string(z.Raw())
		switch kind {
		case html.StartTagToken:
			if name, _ := z.TagName(); within == "" && verbatim[string(name)] {
				within = string(name)
			}
		case html.EndTagToken:
			if name, _ := z.TagName(); string(name) == within {
				within = ""
			}
		case html.TextToken:
			if within == "" {
				raw = bare.ReplaceAllString(raw, "<!--"+s.prefix+"${1}c-->")
			}
		default:
		}
		b.WriteString(raw)
		if kind == html.ErrorToken {
			return b.String()
		}
	}
}

// restore puts the Liquid back. A piece that got lost is an Invalid error.
func (s *shield) restore(document string) (string, error) {
	seen := make([]bool, len(s.pieces))
	if len(s.pieces) > 0 {
		document = s.token.ReplaceAllStringFunc(document, func(token string) string {
			n, ok := s.piece(token)
			if !ok {
				return token
			}
			seen[n] = true
			return s.pieces[n].text
		})
	}
	var wrong []fault.Field
	for i, p := range s.pieces {
		if !seen[i] && !p.idle && len(wrong) < maxWrong {
			line, column := position(s.source, p.at)
			wrong = append(wrong, fault.Field{Location: s.field, Value: cut(p.text, 60), Message: "line " + strconv.Itoa(line) + ", column " + strconv.Itoa(column) +
				": Liquid has no effect here, because what stands here gets lost: write it in a text, in the value of an attribute, or in mj-raw"})
		}
	}
	return document, fault.InvalidFields(wrong)
}

// piece is the number of the piece behind a token.
func (s *shield) piece(token string) (n int, ok bool) {
	m := s.token.FindStringSubmatch(token)
	if m == nil {
		return 0, false
	}
	n, err := strconv.Atoi(m[1] + m[2])
	return n, err == nil && n < len(s.pieces)
}

// maxWrong bounds the mistakes that are named at once.
const maxWrong = 20

// line is the line of the source that a line of the shielded document is.
func (s *shield) line(shieldedLine int) int {
	line, hidden := shieldedLine, 0
	for _, p := range s.pieces {
		at, _ := position(s.source, p.at)
		if at-hidden >= shieldedLine {
			break
		}
		n := strings.Count(p.text, "\n")
		hidden += n
		line += n
	}
	return line
}

// position is the line and column of a place in a source, both from 1, columns in
// letters.
func position(source string, at int) (line, column int) {
	before := source[:at]
	line = strings.Count(before, "\n") + 1
	return line, len([]rune(before[strings.LastIndexByte(before, '\n')+1:])) + 1
}

// cut shortens what an error repeats.
func cut(s string, most int) string {
	if letters := []rune(s); len(letters) > most {
		return string(letters[:most]) + "…"
	}
	return s
}
