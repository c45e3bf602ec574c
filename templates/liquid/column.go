package liquid

import (
	"regexp"
	"strconv"
	"strings"

	"carillon/internal/fault"
	"carillon/providers"
)

var (
	lineOf     = regexp.MustCompile(`^line (\d+): `)
	quotedPart = regexp.MustCompile(`"([^"]+)"`)
	// pieceForm matches a tag or placeholder.
	pieceForm = regexp.MustCompile(`(?s)\{%.*?%\}|\{\{[^\n]*?\}\}|\{\{|\{%`)
)

// WithColumn adds to the message of an error, which says in which line of a source
// something is wrong, in which column that stands, in letters from 1, where it is
// known: where the line has one piece of Liquid, or one that is wrong by itself or is
// quoted.
func WithColumn(source, message string) string {
	m := lineOf.FindStringSubmatch(message)
	if m == nil {
		return message
	}
	line, err := strconv.Atoi(m[1])
	if err != nil {
		return message
	}
	var here []string
	var columns []int
	at, start := 1, 0
	for _, piece := range pieceForm.FindAllStringIndex(source, -1) {
		for next := strings.IndexByte(source[start:piece[0]], '\n'); next >= 0; next = strings.IndexByte(source[start:piece[0]], '\n') {
			start += next + 1
			at++
		}
		if at == line {
			here = append(here, source[piece[0]:piece[1]])
			columns = append(columns, len([]rune(source[start:piece[0]]))+1)
		}
	}
	which := 0
	if len(here) != 1 {
		if which = culprit(here, message[len(m[0]):]); which < 0 {
			return message
		}
	}
	return "line " + m[1] + ", column " + strconv.Itoa(columns[which]) + ": " + message[len(m[0]):]
}

// culprit is which of the pieces of a line a message is about; -1 where nobody knows.
func culprit(pieces []string, message string) int {
	for i, piece := range pieces {
		_, err := Compile(providers.Content{Text: piece}, nil)
		if wrong, _ := fault.Gather(nil, err); len(wrong) > 0 && lineOf.ReplaceAllString(wrong[0].Message, "") == message {
			return i
		}
	}
	for i, piece := range pieces {
		for _, quoted := range quotedPart.FindAllStringSubmatch(message, -1) {
			if strings.Contains(piece, quoted[1]) {
				return i
			}
		}
	}
	return -1
}
