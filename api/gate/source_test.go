package gate

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// ours are the proxies of these tests.
func ours() []netip.Prefix {
	return []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00::/8")}
}

// from is a request over a connection from remote with the lines of a header.
func from(remote, header string, lines ...string) *http.Request {
	return &http.Request{RemoteAddr: remote, Header: http.Header{header: lines}}
}

func TestWhereARequestComesFrom(t *testing.T) {
	for name, c := range map[string]struct {
		remote, header string
		lines          []string
		want           string
	}{
		"no proxy":                        {"192.0.2.1:5", XForwardedFor, []string{"198.51.100.7"}, "192.0.2.1"},
		"nothing said":                    {"127.0.0.1:5", XForwardedFor, nil, "127.0.0.1"},
		"one proxy":                       {"127.0.0.1:5", XForwardedFor, []string{"198.51.100.7"}, "198.51.100.7"},
		"IPv4 within IPv6":                {"[::ffff:127.0.0.1]:5", XForwardedFor, []string{"::ffff:198.51.100.7"}, "198.51.100.7"},
		"a spoofed entry":                 {"127.0.0.1:5", XForwardedFor, []string{"6.6.6.6, 198.51.100.7"}, "198.51.100.7"},
		"a spoofed trusted entry":         {"127.0.0.1:5", XForwardedFor, []string{"6.6.6.6, 10.1.0.9, 198.51.100.7"}, "198.51.100.7"},
		"a spoofed line":                  {"127.0.0.1:5", XForwardedFor, []string{"6.6.6.6", "198.51.100.7"}, "198.51.100.7"},
		"two proxies":                     {"127.0.0.1:5", XForwardedFor, []string{"6.6.6.6, 198.51.100.7, 10.1.2.3"}, "198.51.100.7"},
		"two lines of two proxies":        {"127.0.0.1:5", XForwardedFor, []string{"198.51.100.7", "10.1.2.3"}, "198.51.100.7"},
		"proxies alone":                   {"127.0.0.1:5", XForwardedFor, []string{"10.1.0.4,10.1.2.3"}, "10.1.0.4"},
		"a port":                          {"127.0.0.1:5", XForwardedFor, []string{"198.51.100.7:4711"}, "198.51.100.7"},
		"IPv6 with a port":                {"127.0.0.1:5", XForwardedFor, []string{"[2001:db8::1]:4711"}, "2001:db8::1"},
		"IPv6 in brackets":                {"127.0.0.1:5", XForwardedFor, []string{"[2001:db8::1]"}, "2001:db8::1"},
		"IPv6":                            {"[fd00::9]:5", XForwardedFor, []string{"2001:db8::1"}, "2001:db8::1"},
		"a bad value":                     {"127.0.0.1:5", XForwardedFor, []string{"198.51.100.7, unix:"}, "127.0.0.1"},
		"a bad value before a proxy":      {"127.0.0.1:5", XForwardedFor, []string{"198.51.100.7, <script>, 10.1.2.3"}, "10.1.2.3"},
		"an empty entry":                  {"127.0.0.1:5", XForwardedFor, []string{"198.51.100.7,"}, "127.0.0.1"},
		"no address of anybody":           {"127.0.0.1:5", XForwardedFor, []string{"198.51.100.7, 0.0.0.0"}, "127.0.0.1"},
		"a name":                          {"127.0.0.1:5", XForwardedFor, []string{"host.example.org"}, "127.0.0.1"},
		"a long value":                    {"127.0.0.1:5", XForwardedFor, []string{strings.Repeat("1", 9000)}, "127.0.0.1"},
		"a long value to the left":        {"127.0.0.1:5", XForwardedFor, []string{strings.Repeat("1,", 9000) + "198.51.100.7"}, "198.51.100.7"},
		"a long row of proxies":           {"127.0.0.1:5", XForwardedFor, []string{"6.6.6.6" + strings.Repeat(",10.1.0.1", 99)}, "10.1.0.1"},
		"a Unix socket":                   {"@", XForwardedFor, []string{"198.51.100.7"}, "@"},
		"the other header":                {"127.0.0.1:5", Forwarded, []string{`for=198.51.100.7`}, "198.51.100.7"},
		"all of the other header":         {"127.0.0.1:5", Forwarded, []string{`for=6.6.6.6, by=_;For="198.51.100.7:8";proto=http;host="a,b;for=1"`}, "198.51.100.7"},
		"IPv6 in the other header":        {"127.0.0.1:5", Forwarded, []string{`proto=https;for="[2001:db8::1]:4711"`}, "2001:db8::1"},
		"a quote without an end":          {"127.0.0.1:5", Forwarded, []string{`for="`, `for=198.51.100.7`}, "198.51.100.7"},
		"a quote without an end, quoted":  {"127.0.0.1:5", Forwarded, []string{`for="6.6.6.6\`, `for="198.51.100.7"`}, "198.51.100.7"},
		"hidden in the other header":      {"127.0.0.1:5", Forwarded, []string{`for=6.6.6.6, for=_hidden`}, "127.0.0.1"},
		"unknown in the other header":     {"127.0.0.1:5", Forwarded, []string{`for=unknown`}, "127.0.0.1"},
		"two in an element":               {"127.0.0.1:5", Forwarded, []string{`for=6.6.6.6;for=198.51.100.7`}, "127.0.0.1"},
		"an escape in the other header":   {"127.0.0.1:5", Forwarded, []string{`for="198.51.100\.7"`}, "127.0.0.1"},
		"an escaped quote":                {"127.0.0.1:5", Forwarded, []string{`for=6.6.6.6, host="\",for=9.9.9.9";for=198.51.100.7`}, "198.51.100.7"},
		"nothing for, in the other":       {"127.0.0.1:5", Forwarded, []string{`for=6.6.6.6, proto=https`}, "127.0.0.1"},
		"the other header, through proxy": {"10.1.9.9:5", Forwarded, []string{`for=198.51.100.7, for="127.0.0.1"`}, "198.51.100.7"},
	} {
		t.Run(name, func(t *testing.T) {
			p := NewProxies(ours(), c.header, slog.New(slog.DiscardHandler))
			require.Equal(t, c.want, p.of(from(c.remote, c.header, c.lines...)).text)
		})
	}
}

// Where proxies write one header and pass the other on, nobody is believed by the other.
func TestTheOtherHeaderIsNotLookedAt(t *testing.T) {
	r := from("127.0.0.1:5", XForwardedFor, "198.51.100.7")
	r.Header.Set(Forwarded, "for=6.6.6.6")
	r.Header.Set("X-Real-Ip", "6.6.6.6")
	require.Equal(t, "198.51.100.7", NewProxies(ours(), XForwardedFor, slog.New(slog.DiscardHandler)).of(r).text)
	r.Header.Set(Forwarded, "for=203.0.113.4")
	r.Header.Set(XForwardedFor, "6.6.6.6")
	require.Equal(t, "203.0.113.4", NewProxies(ours(), Forwarded, slog.New(slog.DiscardHandler)).of(r).text)
}

// That somebody says for whom it asks who is not trusted is said once, with its address.
func TestAnUnknownProxyIsSaidOnce(t *testing.T) {
	var log bytes.Buffer
	p := NewProxies(ours(), XForwardedFor, slog.New(slog.NewTextHandler(&log, nil)))
	p.of(&http.Request{RemoteAddr: "192.0.2.1:5"})
	p.of(from("127.0.0.1:5", XForwardedFor, "198.51.100.7"))
	require.Empty(t, p.Stranger())
	require.Empty(t, log.String())
	p.of(from("192.0.2.1:5", XForwardedFor, "198.51.100.7"))
	p.of(from("192.0.2.2:5", Forwarded, "for=198.51.100.7"))
	require.Equal(t, "192.0.2.1", p.Stranger())
	require.Equal(t, 1, strings.Count(log.String(), "CARILLON_TRUSTED_PROXIES"))
	require.Contains(t, log.String(), "from=192.0.2.1")
	require.NotContains(t, log.String(), "198.51.100.7")
}

// address draws one that is, or is not, among our proxies'.
func address(trusted bool) *rapid.Generator[netip.Addr] {
	return rapid.Custom(func(t *rapid.T) netip.Addr {
		b := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "bytes")
		four := rapid.Bool().Draw(t, "four")
		switch {
		case trusted && four:
			return netip.AddrFrom4([4]byte{10, 1, b[2], b[3]})
		case trusted:
			b[0] = 0xfd
			return netip.AddrFrom16([16]byte(b))
		case four:
			return netip.AddrFrom4([4]byte{192, b[1], b[2], b[3]})
		}
		b[0] = 0x20
		return netip.AddrFrom16([16]byte(b))
	})
}

// said draws how an address is written in a header.
func said(t *rapid.T, at netip.Addr, header string) string {
	written := at.String()
	port := rapid.Bool().Draw(t, "port")
	if port {
		written = netip.AddrPortFrom(at, 4711).String()
	}
	if header != Forwarded {
		return written
	}
	if at.Is6() && !port {
		written = "[" + written + "]"
	}
	return rapid.SampledFrom([]string{"", "by=_x;", `host="a\",for=1.1.1.1";`}).Draw(t, "before") + `for="` + written + `"` +
		rapid.SampledFrom([]string{"", ";proto=https", `;host="x;for=2.2.2.2"`}).Draw(t, "after")
}

// spoofed draws what a client may put into a header: lines of anything.
func spoofed() *rapid.Generator[[]string] {
	return rapid.SliceOfN(rapid.OneOf(
		rapid.StringMatching(`[ -~]{0,40}`),
		rapid.StringMatching(`(for=)?"?[0-9a-f:.\[\]]{0,20}"?[,;"\\]?`),
		rapid.SampledFrom([]string{"6.6.6.6", "127.0.0.1", "10.1.1.1, 127.0.0.1", `for="`, `for="\`, `for=6.6.6.6;host="`, ",", `"`}),
	), 0, 6)
}

// Whatever headers somebody sends who is no trusted proxy, the request comes from its address.
func TestHeadersOfStrangersCountForNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		header := rapid.SampledFrom([]string{XForwardedFor, Forwarded}).Draw(t, "header")
		stranger := address(false).Draw(t, "stranger")
		r := from(netip.AddrPortFrom(stranger, 5).String(), header, spoofed().Draw(t, "lines")...)
		got := NewProxies(ours(), header, slog.New(slog.DiscardHandler)).of(r)
		require.Equal(t, stranger, got.at)
		require.Equal(t, stranger.String(), got.text)
	})
}

// Whatever a client has sent, through trusted proxies the request comes from the client's address,
// which the first of them has written.
func TestWhatStandsToTheLeftCountsForNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		header := rapid.SampledFrom([]string{XForwardedFor, Forwarded}).Draw(t, "header")
		client := address(false).Draw(t, "client")
		proxies := rapid.SliceOfN(address(true), 1, 5).Draw(t, "proxies")
		lines := spoofed().Draw(t, "lines")
		for i, asker := range append([]netip.Addr{client}, proxies[:len(proxies)-1]...) {
			added := said(t, asker, header)
			if len(lines) == 0 || rapid.Bool().Draw(t, "own line") {
				lines = append(lines, added)
			} else {
				lines[len(lines)-1] += ", " + added
			}
			require.LessOrEqual(t, i, len(proxies))
		}
		r := from(netip.AddrPortFrom(proxies[len(proxies)-1], 5).String(), header, lines...)
		require.Equal(t, client, NewProxies(ours(), header, slog.New(slog.DiscardHandler)).of(r).at)
	})
}

// FuzzSource reads headers of anything: the answer is always an address, and none of a header
// where a stranger sent it.
func FuzzSource(f *testing.F) {
	f.Add("127.0.0.1:5", "6.6.6.6, 198.51.100.7", true)
	f.Add("127.0.0.1:5", `for=6.6.6.6;host="a,b", for="[2001:db8::1]:80";by=_p`, false)
	f.Add("192.0.2.1:5", `for="\`, false)
	f.Add("@", "198.51.100.7", true)
	f.Fuzz(func(t *testing.T, remote, line string, x bool) {
		header := Forwarded
		if x {
			header = XForwardedFor
		}
		p := NewProxies(ours(), header, slog.New(slog.DiscardHandler))
		got := p.of(from(remote, header, line))
		asker, known := peer(remote)
		switch {
		case !known:
			require.Equal(t, origin{text: remote}, got)
		case !p.trusts(asker):
			require.Equal(t, asker, got.at)
		default:
			require.True(t, got.at.IsValid())
			require.Equal(t, got.at.String(), got.text)
			// Whatever stands before what a proxy adds makes no difference.
			added := map[bool]string{true: "198.51.100.7", false: `for="198.51.100.7"`}[x]
			require.Equal(t, "198.51.100.7", p.of(from(remote, header, line, added)).text)
		}
	})
}
