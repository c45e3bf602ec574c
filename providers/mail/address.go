package mail

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"carillon/providers"
)

// Bounds of a mailbox, in bytes (RFC 5321, 4.5.3.1).
const (
	maxLocal   = 64
	maxMailbox = 254
)

// Domain is the domain of an address, lower case; empty if it is none.
func Domain(address string) string {
	at := strings.LastIndex(address, "@")
	if at < 0 {
		return ""
	}
	return strings.ToLower(address[at+1:])
}

// Mailbox is a checked address, fit to stand between angle brackets.
type Mailbox struct {
	Text, Domain string
	// UTF8 says that it can be sent with SMTPUTF8 (RFC 6531) alone.
	UTF8 bool
}

var errLineBreak = errors.New("it holds a line break")

// ParseMailbox checks an address: local@domain, where local is a dot-string or
// a quoted string and domain a name or an address in brackets.
func ParseMailbox(s string) (Mailbox, error) {
	if strings.ContainsAny(s, "\r\n") {
		return Mailbox{}, errLineBreak
	}
	at := strings.LastIndexByte(s, '@')
	switch {
	case at < 1 || at == len(s)-1:
		return Mailbox{}, errors.New("it is not of the form name@domain")
	case at > maxLocal || len(s) > maxMailbox:
		return Mailbox{}, errors.New("it is too long")
	case !utf8.ValidString(s):
		return Mailbox{}, errors.New("it is not valid UTF-8")
	}
	local, domain := s[:at], s[at+1:]
	if !validLocal(local) {
		return Mailbox{}, errors.New("its part before the @ is not valid")
	}
	if !validDomain(domain) {
		return Mailbox{}, errors.New("its domain is not valid")
	}
	return Mailbox{Text: s, Domain: domain, UTF8: !isASCII(s)}, nil
}

// AddressError is recipient, except that an address with a line break is an
// attempt at injection, which is the content's fault.
func AddressError(address string, err error) *providers.Error {
	kind := providers.ErrorRecipient
	if errors.Is(err, errLineBreak) {
		kind = providers.ErrorContent
	}
	return &providers.Error{Kind: kind, Err: fmt.Errorf("read address %q: %w", address, err)}
}

func validLocal(s string) bool {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		return validQuoted(s[1 : len(s)-1])
	}
	dot := true // one may not follow here
	for _, r := range s {
		switch {
		case r == '.':
			if dot {
				return false
			}
			dot = true
			continue
		case r > 0x7f:
			if isControl(r) {
				return false
			}
		case !isAtext(byte(r)):
			return false
		}
		dot = false
	}
	return !dot
}

func validQuoted(s string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c < ' ' || c == 0x7f || c == '"':
			return false
		case c == '\\':
			if i++; i == len(s) || s[i] < ' ' || s[i] >= 0x7f {
				return false
			}
		}
	}
	return true
}

func validDomain(s string) bool {
	if s[0] == '[' {
		return s[len(s)-1] == ']' && len(s) > 2 && strings.Trim(s[1:len(s)-1], "0123456789abcdefABCDEFIPv:.") == ""
	}
	edge := true // a label may not begin or end with a dot or a hyphen here
	for i, r := range s {
		switch {
		case r == '.':
			if edge {
				return false
			}
			edge = true
			continue
		case r == '-':
			if edge || i+1 == len(s) || s[i+1] == '.' {
				return false
			}
		case r > 0x7f:
			if isControl(r) {
				return false
			}
		case !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_'):
			return false
		}
		edge = false
	}
	return !edge
}

// isControl reports whether r is a character above ASCII that has no place in
// an address: C1 controls, the line and paragraph separators and spaces.
func isControl(r rune) bool {
	return r < 0xa1 || r == 0x1680 || r >= 0x2000 && r <= 0x200f || r >= 0x2028 && r <= 0x202f || r >= 0x205f && r <= 0x206f ||
		r == 0x3000 || r == 0xfeff
}

// isAtext reports whether c is atext (RFC 5322, 3.2.3).
func isAtext(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
