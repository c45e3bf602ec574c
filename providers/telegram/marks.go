package telegram

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
)

// marks is the setting by which a text is read for them.
const marks = "marks"

// entity is a part of a text that is shown in another way; its place is in units of UTF-16.
type entity struct {
	Type   string `json:"type"`
	Offset int    `json:"offset"`
	Length int    `json:"length"`
}

// kindsOf are what marks mean: those of WhatsApp, so that one text is for both.
var kindsOf = map[rune]string{'*': "bold", '_': "italic", '~': "strikethrough", '`': "code"}

// marked is a text that is read for marks.
type marked struct {
	plain    []rune
	entities []entity
	units    int // of plain, in UTF-16
}

// withoutMarks reads a text in which *bold*, _italic_, ~struck~ and `code` stand, in each
// other, within a line. A mark that begins or ends nothing is text.
func withoutMarks(text string) (plain string, entities []entity) {
	var m marked
	for line := range strings.SplitAfterSeq(text, "\n") {
		m.read([]rune(line), "")
	}
	slices.SortStableFunc(m.entities, func(a, b entity) int { return cmp.Or(a.Offset-b.Offset, b.Length-a.Length) })
	return string(m.plain), m.entities
}

// read adds a part of a line that stands within marks.
func (m *marked) read(part []rune, within string) {
	unclosed := "" // marks that nothing ends any more
	for i := 0; i < len(part); i++ {
		mark := part[i]
		kind, is := kindsOf[mark]
		if !is || strings.ContainsRune(within+unclosed, mark) || !begins(part, i) {
			m.add(mark)
			continue
		}
		end := ends(part, i)
		if end < 0 {
			unclosed += string(mark)
			m.add(mark)
			continue
		}
		at, inner := m.units, part[i+1:end]
		if kind == "code" {
			for _, r := range inner {
				m.add(r)
			}
		} else {
			m.read(inner, within+string(mark))
		}
		m.entities = append(m.entities, entity{kind, at, m.units - at})
		i = end
	}
}

func (m *marked) add(r rune) {
	m.plain = append(m.plain, r)
	m.units += max(1, utf16.RuneLen(r))
}

// begins reports whether a mark stands where a word does.
func begins(part []rune, i int) bool {
	return (i == 0 || !inWord(part[i-1])) && i+1 < len(part) && !unicode.IsSpace(part[i+1])
}

// ends is where the mark ends that begins at i; -1 for nowhere.
func ends(part []rune, i int) int {
	for j := i + 2; j < len(part); j++ {
		if part[j] == part[i] && !unicode.IsSpace(part[j-1]) && (j+1 == len(part) || !inWord(part[j+1])) {
			return j
		}
	}
	return -1
}

func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
