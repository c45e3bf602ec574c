package tracking

import (
	"net/url"
	"strings"

	"golang.org/x/net/idna"
)

// mostAddress is the longest address that is tracked, in bytes: what browsers are sure to
// follow.
const mostAddress = 2000

// isWeb reports whether an address, as it stands in a message, can be clicked through to.
func isWeb(address string) bool {
	rest, ok := cutScheme(address)
	if !ok || rest == "" || len(address) > mostAddress || strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '\\' }) {
		return false
	}
	u, err := url.Parse(address)
	return err == nil && u.Hostname() != "" && u.User == nil
}

// cutScheme cuts http:// or https:// off, in any case.
func cutScheme(address string) (rest string, ok bool) {
	for _, scheme := range []string{"https://", "http://"} {
		if len(address) >= len(scheme) && strings.EqualFold(address[:len(scheme)], scheme) {
			return address[len(scheme):], true
		}
	}
	return "", false
}

// ownPages are the paths of a recipient's own pages, below the public address.
var ownPages = []string{"/u/", "/p/", "/v/", "/c/", "/o/"}

// isOwn reports whether an address is a recipient's own page on this server, which base is
// the public address of.
func isOwn(address, base string) bool {
	rest, ok := strings.CutPrefix(address, base)
	if base == "" || !ok {
		return false
	}
	for _, page := range ownPages {
		if strings.HasPrefix(rest, page) {
			return true
		}
	}
	return false
}

// With is an address with parameters added to its query. Its own query and fragment stay as
// they are, and what it has a parameter for is not added.
func With(address string, parameters []Parameter) string {
	if len(parameters) == 0 {
		return address
	}
	rest, fragment, hasFragment := strings.Cut(address, "#")
	path, query, hasQuery := strings.Cut(rest, "?")
	own := map[string]bool{}
	for part := range strings.FieldsFuncSeq(query, func(r rune) bool { return r == '&' || r == ';' }) {
		name, _, _ := strings.Cut(part, "=")
		if plain, err := url.QueryUnescape(name); err == nil {
			name = plain
		}
		own[name] = true
	}
	var b strings.Builder
	b.WriteString(path)
	if hasQuery {
		b.WriteString("?" + query)
	}
	separator := "?"
	if hasQuery {
		separator = "&"
		if query == "" || strings.HasSuffix(query, "&") {
			separator = ""
		}
	}
	for _, p := range parameters {
		if own[p.Name] {
			continue
		}
		b.WriteString(separator + url.QueryEscape(p.Name) + "=" + url.QueryEscape(p.Value))
		separator = "&"
	}
	if hasFragment {
		b.WriteString("#" + fragment)
	}
	return b.String()
}

// Location is an address as it stands in a header: a host of other letters in its ASCII
// form (RFC 3490), and all else that is no ASCII escaped.
func Location(address string) string {
	ascii := true
	for i := range len(address) {
		ascii = ascii && address[i] > ' ' && address[i] < 0x7f
	}
	if ascii {
		return address
	}
	if u, err := url.Parse(address); err == nil {
		host := u.Hostname()
		if plain, err := idna.Lookup.ToASCII(host); err == nil && plain != host {
			address = strings.Replace(address, host, plain, 1)
		}
	}
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(address) {
		if c := address[i]; c <= ' ' || c >= 0x7f {
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
