package smtp

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// reply is a server's answer to one command. Its text is that of all its lines,
// with the enhanced code (RFC 3463) if there is one.
type reply struct {
	code int
	text string
}

func (r reply) ok() bool { return r.code/100 == 2 }

func (r reply) String() string {
	if r.text == "" {
		return strconv.Itoa(r.code)
	}
	return strconv.Itoa(r.code) + " " + r.text
}

// Bounds of a reply. RFC 5321 allows lines of 512 bytes; servers exceed it.
const (
	maxReplyLine  = 4096
	maxReplyLines = 100
	// maxReplyText is how much of the text is kept, in bytes: of a longer one the
	// beginning and, where servers put what matters, the end.
	maxReplyText = 900
)

var errReply = errors.New("the server's reply is not SMTP")

// readReply reads one reply, of one line or of several.
func readReply(in *bufio.Reader) (reply, error) {
	var before []string // the lines before the last
	for range maxReplyLines {
		line, err := in.ReadSlice('\n')
		if err != nil {
			if errors.Is(err, bufio.ErrBufferFull) {
				return reply{}, fmt.Errorf("%w: a line is too long", errReply)
			}
			return reply{}, err
		}
		if len(line) > maxReplyLine {
			return reply{}, fmt.Errorf("%w: a line is too long", errReply)
		}
		line = bytes.TrimRight(line, "\r\n")
		code, more, ok := parseReplyLine(line)
		if !ok {
			return reply{}, errReply
		}
		text := ""
		if len(line) > 4 {
			text = printable(line[4:])
		}
		if more {
			before = append(before, text)
			continue
		}
		return reply{code: code, text: joinLines(append(before, text))}, nil
	}
	return reply{}, fmt.Errorf("%w: it has too many lines", errReply)
}

// joinLines makes one text of a reply's lines, its enhanced code once in front.
func joinLines(lines []string) string {
	if len(lines) == 1 {
		return shorten(lines[0])
	}
	code := ""
	for i, line := range lines {
		if found := enhancedCode(line); found != "" {
			// The last one counts: what stands before it may speak of others.
			code, lines[i] = found, line[len(found):]
		}
	}
	all := strings.Fields(strings.Join(lines, " "))
	if code != "" {
		all = append([]string{code}, all...)
	}
	return shorten(strings.Join(all, " "))
}

// printableLines are the lines of a reply that somebody else has read.
func printableLines(text string) []string {
	lines := strings.Split(text, "\n")
	lines = lines[:min(len(lines), maxReplyLines)]
	for i, line := range lines {
		lines[i] = printable([]byte(line))
	}
	return lines
}

// shorten bounds a text by leaving out its middle.
func shorten(text string) string {
	const gap = " ... "
	if len(text) <= maxReplyText {
		return text
	}
	half := (maxReplyText - len(gap)) / 2
	return strings.ToValidUTF8(text[:half], "") + gap + strings.ToValidUTF8(text[len(text)-half:], "")
}

// parseReplyLine reads the code of a line and whether more lines follow.
func parseReplyLine(line []byte) (code int, more, ok bool) {
	if len(line) < 3 {
		return 0, false, false
	}
	for _, c := range line[:3] {
		if c < '0' || c > '9' {
			return 0, false, false
		}
		code = code*10 + int(c-'0')
	}
	if code < 200 || code > 599 {
		return 0, false, false
	}
	if len(line) == 3 {
		return code, false, true
	}
	return code, line[3] == '-', line[3] == ' ' || line[3] == '-'
}

// printable is a server's text without what can't be stored or shown.
func printable(text []byte) string {
	for _, c := range text {
		if c < ' ' || c >= 0x7f {
			return strings.Map(func(r rune) rune {
				if r < ' ' || r == 0x7f {
					return -1
				}
				return r
			}, strings.ToValidUTF8(string(text), ""))
		}
	}
	return string(text)
}

// enhanced is the reply's enhanced status code, such as "5.1.1"; empty if it has
// none.
func (r reply) enhanced() string { return enhancedCode(r.text) }

// enhancedCode is the code that a text begins with, or nothing.
func enhancedCode(text string) string {
	code, _, _ := strings.Cut(text, " ")
	class, rest, _ := strings.Cut(code, ".")
	subject, detail, _ := strings.Cut(rest, ".")
	if len(class) != 1 || !isNumber(class) || !isNumber(subject) || !isNumber(detail) {
		return ""
	}
	return code
}

func isNumber(s string) bool {
	return len(s) >= 1 && len(s) <= 3 && strings.Trim(s, "0123456789") == ""
}

// stage is what a reply answers.
type stage string

// The stages of a conversation.
const (
	greeting  stage = "greeting"
	hello     stage = "EHLO"
	encrypt   stage = "STARTTLS"
	signIn    stage = "AUTH"
	reset     stage = "RSET"
	sender    stage = "MAIL"
	recipient stage = "RCPT"
	content   stage = "DATA"
	body      stage = "message"
)
