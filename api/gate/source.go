package gate

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"

	"carillon/access"
)

// The headers in which proxies say for whom they ask.
const (
	// XForwardedFor holds addresses, each proxy adds the one that asked it on the right.
	XForwardedFor = "X-Forwarded-For"
	// Forwarded is the standard's, RFC 7239.
	Forwarded = "Forwarded"
)

// Bounds of what is read of these headers.
const (
	// mostHops is how many entries are looked at, from the right: nobody has a longer row
	// of proxies of their own.
	mostHops = 16
	// longestHop is how long one may be, in bytes: an IPv6 address with a port and the
	// parameters of RFC 7239.
	longestHop = 256
)

// Proxies says which address a request comes from. It is shared by all gates of a server,
// and is the one place that decides it.
//
// Only the header is believed that the proxies write: one that they pass on as it came,
// such as Forwarded where they write X-Forwarded-For, is anybody's.
type Proxies struct {
	trusted []netip.Prefix
	header  string
	log     *slog.Logger
	// stranger is the first untrusted address that sent such a header; nil for none.
	stranger atomic.Pointer[string]
}

// NewProxies makes the judgement of proxies in trusted networks, which write header:
// XForwardedFor or Forwarded. With no network every request comes from its connection's address.
func NewProxies(trusted []netip.Prefix, header string, log *slog.Logger) *Proxies {
	return &Proxies{trusted: trusted, header: header, log: log}
}

// Stranger is the address of the first one that said for whom it asks and is not trusted;
// empty for none: it may be a proxy that the configuration does not name.
func (p *Proxies) Stranger() string {
	if at := p.stranger.Load(); at != nil {
		return *at
	}
	return ""
}

// origin is where a request comes from.
type origin struct {
	// text is what is shown: the address, or what the connection has in its place.
	text string
	// at is the address; the zero one where there is none, as of Unix sockets.
	at netip.Addr
}

// of is the origin of a request: the connection's address or, where that is a trusted
// proxy's, the right-most entry of the header that is no trusted proxy's. What stands left
// of it is whatever the client has sent. An entry that is no address ends the search: then
// it is the proxy that has written it.
func (p *Proxies) of(r *http.Request) origin {
	at, ok := peer(r.RemoteAddr)
	if !ok {
		return origin{text: r.RemoteAddr}
	}
	if !p.trusts(at) {
		p.notice(r, at)
		return origin{at.String(), at}
	}
	rest := strings.Join(r.Header.Values(p.header), ",")
	for range mostHops {
		var entry string
		if entry, rest, ok = lastEntry(rest, p.header == Forwarded); !ok {
			break
		}
		if p.header == Forwarded {
			entry = forParameter(entry)
		}
		next, ok := node(entry)
		if !ok {
			break
		}
		at = next
		if !p.trusts(at) {
			break
		}
	}
	return origin{at.String(), at}
}

func (p *Proxies) trusts(at netip.Addr) bool {
	for _, network := range p.trusted {
		if network.Contains(at) {
			return true
		}
	}
	return false
}

// notice says once that somebody who is not trusted says for whom it asks.
func (p *Proxies) notice(r *http.Request, at netip.Addr) {
	if p.stranger.Load() != nil || r.Header.Get(XForwardedFor) == "" && r.Header.Get(Forwarded) == "" {
		return
	}
	text := at.String()
	if p.stranger.CompareAndSwap(nil, &text) {
		p.log.WarnContext(r.Context(), "a request says for whom it was passed on, and comes from no trusted proxy: it counts as the sender's own. "+
			"If that is your proxy, name it in CARILLON_TRUSTED_PROXIES; else somebody tries to pass for another", "from", text)
	}
}

// peer is the address at the other end of a connection.
func peer(remote string) (netip.Addr, bool) {
	if both, err := netip.ParseAddrPort(remote); err == nil {
		return plain(both.Addr()), true
	}
	at, err := netip.ParseAddr(remote)
	return plain(at), err == nil
}

// plain is an address as it is compared and shown: IPv4 within IPv6 as IPv4, and no zone, which
// is the name of an interface.
func plain(at netip.Addr) netip.Addr { return at.Unmap().WithZone("") }

// lastEntry cuts the right-most entry off a list. It is read from the right, quoted strings
// too, so that nothing that stands to the left, such as a quote without an end, changes it. It
// is not ok where the list is empty or the entry can't be one.
func lastEntry(list string, quoted bool) (entry, rest string, ok bool) {
	inQuotes := false
	for i := len(list) - 1; i >= 0; i-- {
		switch {
		case len(list)-i > longestHop:
			return "", "", false
		case quoted && list[i] == '"' && (!inQuotes || !escaped(list, i)):
			inQuotes = !inQuotes
		case list[i] == ',' && !inQuotes:
			return strings.TrimSpace(list[i+1:]), list[:i], true
		}
	}
	entry = strings.TrimSpace(list)
	return entry, "", entry != "" && !inQuotes
}

// escaped reports whether a backslash stands before a place that is none's itself.
func escaped(text string, at int) bool {
	before := len(text[:at]) - len(strings.TrimRight(text[:at], `\`))
	return before%2 == 1
}

// forParameter is the value of for= in an element of RFC 7239; empty where it has none, or
// several.
func forParameter(element string) (value string) {
	found := false
	for element != "" {
		pair, rest := cutParameter(element)
		element = rest
		name, text, _ := strings.Cut(pair, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "for") {
			continue
		}
		if found {
			return ""
		}
		found, value = true, strings.TrimSpace(text)
	}
	if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
		value = value[1 : len(value)-1] // an address needs no escapes: with one it is none
	}
	return value
}

// cutParameter parts an element at its first semicolon outside of quotes.
func cutParameter(element string) (pair, rest string) {
	inQuotes := false
	for i := range len(element) {
		switch {
		case element[i] == '"' && (!inQuotes || !escaped(element, i)):
			inQuotes = !inQuotes
		case element[i] == ';' && !inQuotes:
			return element[:i], element[i+1:]
		}
	}
	return element, ""
}

// node is the address of an entry, with or without a port: 192.0.2.1, 192.0.2.1:80,
// 2001:db8::1, [2001:db8::1], [2001:db8::1]:80. "unknown", "unix:", names that hide an
// address, and addresses that nobody can have are none.
func node(entry string) (netip.Addr, bool) {
	at, err := netip.ParseAddr(entry)
	if err != nil {
		if inner, is := strings.CutPrefix(entry, "["); is && strings.HasSuffix(inner, "]") {
			at, err = netip.ParseAddr(strings.TrimSuffix(inner, "]"))
		} else {
			var both netip.AddrPort
			both, err = netip.ParseAddrPort(entry)
			at = both.Addr()
		}
	}
	if err != nil || at.IsUnspecified() || at.IsMulticast() {
		return netip.Addr{}, false
	}
	return plain(at), true
}

// Source is the address that a request comes from: the client's where the connection is a
// trusted proxy's, else the connection's.
func Source(ctx context.Context) string { return originIn(ctx).text }

// From is the request by which somebody comes, for the audit trail.
func From(ctx context.Context) access.From {
	return access.From{Source: Source(ctx), Route: routeIn(ctx).Pattern, RequestID: RequestID(ctx)}
}

func originIn(ctx context.Context) origin {
	o, _ := ctx.Value(sourceKey).(origin)
	return o
}

// sourceOf is the network that a request comes from; the zero one where there is none.
func sourceOf(ctx context.Context) netip.Prefix { return access.Network(originIn(ctx).at) }
