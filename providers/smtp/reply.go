package smtp

import (
	"bufio"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"carillon/providers"
)

// reply is a server's answer to one command. Its text is that of the last line,
// where servers put what matters, with the enhanced code (RFC 3463) if there is
// one.
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
	// maxReplyText is how much of the text is kept.
	maxReplyText = 500
)

var errReply = errors.New("the server's reply is not SMTP")

// readReply reads one reply, of one line or of several.
func readReply(in *bufio.Reader) (reply, error) {
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
		for len(line) > 0 && (line[len(line)-1] == '\n' || line[len(line)-1] == '\r') {
			line = line[:len(line)-1]
		}
		code, more, ok := parseReplyLine(line)
		if !ok {
			return reply{}, errReply
		}
		if more {
			continue
		}
		text := ""
		if len(line) > 4 {
			text = printable(line[4:])
		}
		return reply{code: code, text: text}, nil
	}
	return reply{}, fmt.Errorf("%w: it has too many lines", errReply)
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
	text = text[:min(len(text), maxReplyText)]
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
func (r reply) enhanced() string {
	code, _, _ := strings.Cut(r.text, " ")
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

// classify turns a refusal into an error. 4yz is temporary, or throttled where
// the server says that we are too fast; what 5yz means depends on what was
// asked and on the enhanced code (RFC 5321, RFC 3463, RFC 4954, RFC 5248).
func classify(at stage, r reply) *providers.Error {
	e := &providers.Error{Code: fmt.Sprint(r.code), Err: fmt.Errorf("%s was answered %q", at, r.String())}
	if code := r.enhanced(); code != "" {
		e.Code += " " + code
	}
	switch {
	case r.code/100 == 4:
		e.Kind = temporaryKind(r)
	case r.code/100 == 5:
		e.Kind = permanentKind(at, r)
		if e.Kind == providers.Recipient {
			e.Bounce = bounces[r.enhanced()]
		}
	default:
		// Neither yes nor no: the conversation is out of step.
		e.Kind = providers.Temporary
		if at == body {
			e.Kind = providers.InDoubt
		}
	}
	return e
}

// bounces are the enhanced codes that say that it is the address's own fault
// (RFC 3463: no such mailbox, domain or syntax, moved, disabled, full; RFC 7505:
// null MX). A 550 without one may as well mean that the server does not want us.
var bounces = map[string]providers.BounceKind{
	"5.1.1": providers.BounceHard, "5.1.2": providers.BounceHard, "5.1.3": providers.BounceHard,
	"5.1.6": providers.BounceHard, "5.1.10": providers.BounceHard,
	"5.2.1": providers.BounceSoft, "5.2.2": providers.BounceSoft,
}

// tooFast are words with which servers say so where they have no code for it
// (seen from Gmail, Outlook, Yahoo, Postfix, Exim and SES).
var tooFast = []string{
	"too many", "rate limit", "rate-limit", "ratelimit", "rate exceeded", "sending rate", "throttl",
	"too fast", "too quickly", "slow down", "unusual rate",
}

func temporaryKind(r reply) providers.ErrorKind {
	text := strings.ToLower(r.text)
	for _, words := range tooFast {
		if strings.Contains(text, words) {
			return providers.Throttled
		}
	}
	switch r.enhanced() {
	case "4.7.28": // RFC 7372's neighbor in the registry: mail flood; Gmail's "unusual rate"
		return providers.Throttled
	case "4.7.0":
		// Of all its reasons only 421 (the server closes the door) is about speed.
		if r.code == 421 {
			return providers.Throttled
		}
	}
	return providers.Temporary
}

func permanentKind(at stage, r reply) providers.ErrorKind {
	code := r.enhanced()
	switch {
	case r.code == 530, r.code == 534, r.code == 535, r.code == 538:
		return providers.Auth
	case at == greeting, at == hello, at == encrypt, at == signIn:
		// Nothing about a message was said yet: the server won't have us.
		return providers.Auth
	case at == recipient:
		if code == "5.7.0" || code == "5.7.8" || code == "5.7.9" {
			return providers.Auth
		}
		switch {
		case r.code == 552 && code != "5.2.2", code == "5.3.4", code == "5.6.0":
			return providers.BadContent
		case r.code == 503, r.code == 500, r.code == 501 && !strings.HasPrefix(code, "5.1."), r.code == 502, r.code == 555:
			return providers.BadContent
		}
		return providers.Recipient
	case at == sender:
		switch code {
		case "5.7.0", "5.7.8", "5.7.9":
			return providers.Auth
		}
		return providers.BadContent
	case strings.HasPrefix(code, "5.1.1"), strings.HasPrefix(code, "5.2."), code == "5.1.6", code == "5.1.10":
		// Some servers look at the recipient only after the message.
		return providers.Recipient
	default:
		return providers.BadContent
	}
}
