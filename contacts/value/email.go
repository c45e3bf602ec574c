package value

import (
	"fmt"
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/width"
)

// Lengths of RFC 5321, section 4.5.3.1, in octets. 254 is what fits a path.
const (
	maxEmail  = 254
	maxLocal  = 64
	maxDomain = 253
	maxLabel  = 63
)

// Email checks a mailbox and makes its domain lower-case ASCII. It is
// stricter than RFC 5322: the address must stand alone, and its domain must have
// a dot, since no other is reached over the Internet. A reason means that it is
// none.
func Email(v string) (addr, reason string) {
	v = strings.TrimFunc(v, func(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) })
	if len(v) > 4*maxEmail {
		return "", "longer than 254 characters"
	}
	at := strings.LastIndexByte(v, '@')
	switch {
	case at < 0:
		return "", "no e-mail address: it has no @"
	case at == 0:
		return "", "no e-mail address: nothing before the @"
	}
	local, domain := v[:at], v[at+1:]
	if reason := checkLocal(v, local); reason != "" {
		return "", reason
	}
	ascii, reason := asciiDomain(domain)
	if reason != "" {
		return "", reason
	}
	if len(local)+1+len(ascii) > maxEmail {
		return "", "longer than 254 characters"
	}
	if ascii == domain {
		return v, ""
	}
	return local + "@" + ascii, ""
}

// BareEmail takes off what mail programs write around an address: mailto:, a
// name and angle brackets, single quotes.
func BareEmail(v string) string {
	if i := strings.LastIndexByte(v, '<'); i >= 0 && strings.HasSuffix(v, ">") && strings.Count(v, "<") == 1 {
		v = v[i+1 : len(v)-1]
	}
	if strings.Contains(v, "＠") {
		v = width.Fold.String(v) // as East Asian keyboards write it
	}
	if len(v) > 7 && strings.EqualFold(v[:7], "mailto:") {
		v = v[7:]
	}
	if len(v) > 2 && v[0] == '\'' && v[len(v)-1] == '\'' {
		v = v[1 : len(v)-1]
	}
	return v
}

// checkLocal checks the part before the @.
func checkLocal(whole, local string) string {
	if len(local) > maxLocal {
		return "longer than 64 characters before the @"
	}
	if local[0] == '"' {
		// Quoted local parts are legal and nearly extinct; net/mail knows them.
		if a, err := mail.ParseAddress(whole); err != nil || a.Name != "" {
			return "no e-mail address: the quoted part before the @ is not valid"
		}
		return ""
	}
	dot := true // a dot may not come first, last or twice
	for i, r := range local {
		switch {
		case r == '.':
			if dot {
				return "no e-mail address: a dot too many before the @"
			}
			dot = true
			continue
		case r < utf8.RuneSelf:
			if !isAtext(byte(r)) {
				return badCharacter(r, local[:i])
			}
		case !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r):
			return badCharacter(r, local[:i])
		}
		dot = false
	}
	if dot {
		return "no e-mail address: a dot too many before the @"
	}
	return ""
}

func badCharacter(r rune, before string) string {
	switch {
	case r == '@' || (r == ',' || r == ';') && strings.Contains(before, "@"):
		return "several addresses or an @ too many: give one address"
	case r == '<':
		return "write the address alone, without a name and angle brackets"
	case unicode.IsSpace(r):
		return "no e-mail address: a space in it"
	case unicode.IsPrint(r):
		return "no e-mail address: " + quoteRune(r) + " is not allowed in it"
	}
	return fmt.Sprintf("no e-mail address: an invisible character (U+%04X) in it", r)
}

// isAtext is RFC 5322's atext.
func isAtext(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0
}

// asciiDomain checks a domain name and makes it lower-case ASCII; international
// names become what is looked up for them (IDNA2008 by UTS #46).
func asciiDomain(domain string) (ascii, reason string) {
	if domain == "" {
		return "", "no e-mail address: nothing after the @"
	}
	change := false
	for i := range len(domain) {
		c := domain[i]
		if c >= utf8.RuneSelf {
			return internationalDomain(domain)
		}
		change = change || c >= 'A' && c <= 'Z'
	}
	if change {
		domain = strings.ToLower(domain)
	}
	return domain, checkDomain(domain)
}

// lookup is how programs that look names up read international ones.
var lookup = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.Transitional(false), idna.StrictDomainName(true))

func internationalDomain(domain string) (ascii, reason string) {
	ascii, err := lookup.ToASCII(domain)
	if err == nil {
		return ascii, checkDomain(ascii)
	}
	// The library does not say where it stumbled; an invisible character is what
	// nobody finds by looking.
	for i, r := range domain {
		if r >= utf8.RuneSelf && !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) && !strings.ContainsRune("。．｡", r) {
			return "", badCharacter(r, domain[:i])
		}
	}
	return "", "no e-mail address: no domain can have this name"
}

// checkDomain checks a lower-case ASCII domain.
func checkDomain(d string) string {
	if len(d) > maxDomain {
		return "no e-mail address: the domain is longer than 253 characters"
	}
	start, dots, numeric := 0, 0, true
	for i := 0; ; i++ {
		if i == len(d) || d[i] == '.' {
			switch n := i - start; {
			case n == 0:
				return "no e-mail address: a dot too many in the domain"
			case n > maxLabel:
				return "no e-mail address: a part of the domain is longer than 63 characters"
			case d[start] == '-' || d[i-1] == '-':
				return "no e-mail address: a hyphen at the edge of a part of the domain"
			}
			if i == len(d) {
				break
			}
			dots++
			start, numeric = i+1, true
			continue
		}
		c := d[i]
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-') {
			return badCharacter(rune(c), d[:i])
		}
		numeric = numeric && c >= '0' && c <= '9'
	}
	switch {
	case dots == 0:
		return "no e-mail address: the domain has no dot"
	case numeric || len(d)-start < 2:
		return "no e-mail address: the domain has no top level"
	}
	return ""
}
