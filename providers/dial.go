package providers

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Dialer is the one way out: every adapter connects through it, and the
// architecture test forbids every other. It reaches public addresses alone,
// unless the configuration says more. The zero Dialer is ready to use.
type Dialer struct {
	// AllowPrivate opens loopback and private networks, all of them.
	AllowPrivate bool
	// Relays are the servers, host:port in lower case as channels name them, that
	// may be reached wherever they are.
	Relays []string
}

// dialTimeout is for one attempt to connect; the caller's context holds too.
const dialTimeout = 10 * time.Second

// DialContext connects to address, a host:port. What may be reached is decided
// after names are resolved, so that a name can't point inwards. Its errors are
// for ClassifyDial.
func (d Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: dialTimeout}
	if !d.AllowPrivate && !d.named(address) {
		dialer.Control = publicOnly(address)
	}
	return dialer.DialContext(ctx, network, address)
}

// Quotable reports whether what the far end of a connection to address says may
// be repeated to whoever configured the channel: not if it is an inner service
// that the configuration doesn't name, because channels would else be a way to
// look around in the network.
func (d Dialer) Quotable(address string, c net.Conn) bool {
	if d.named(address) {
		return true
	}
	at, err := netip.ParseAddrPort(c.RemoteAddr().String())
	return err == nil && IsPublic(at.Addr())
}

func (d Dialer) named(address string) bool {
	return slices.Contains(d.Relays, strings.ToLower(address))
}

// errPrivate is why a Dialer refuses an address.
var errPrivate = errors.New("is not a public address")

// IsPrivate reports whether an error is that of a Dialer which refuses an address.
func IsPrivate(err error) bool { return errors.Is(err, errPrivate) }

// notPublic are the ranges that netip has no predicate for, from the IANA
// special-purpose registries (RFC 6890 and its updates). The last but one is
// the address at which Azure answers for its platform.
var notPublic = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("192.88.99.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("168.63.129.16/32"),
	netip.MustParsePrefix("100::/64"),
	netip.MustParsePrefix("2001::/23"), // Teredo and other protocol assignments
	netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("fec0::/10"),
	netip.MustParsePrefix("64:ff9b:1::/48"),
}

// embedding are the ranges whose addresses carry an IPv4 address: the prefix
// and the byte at which it begins (RFC 4291, 6052, 3056).
var embedding = []struct {
	prefix netip.Prefix
	at     int
}{
	{netip.MustParsePrefix("::/96"), 12},
	{netip.MustParsePrefix("64:ff9b::/96"), 12},
	{netip.MustParsePrefix("2002::/16"), 2},
}

// publicOnly is a net.Dialer.Control that refuses every address that is not
// public: loopback, private, link-local (cloud metadata), shared, multicast,
// reserved, and IPv6 forms that carry such an IPv4 address. named is what was
// asked for, before its name was resolved.
func publicOnly(named string) func(_, address string, _ syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("dial %s: not an address: %w", address, err)
		}
		if !IsPublic(at.Addr()) {
			return fmt.Errorf("%s %w: if channels may send there, whoever runs this server names it with CARILLON_ALLOW_RELAYS=%s, "+
				"or opens all private networks with CARILLON_ALLOW_PRIVATE_ADDRESSES=true, and starts it again",
				at.Addr(), errPrivate, strings.ToLower(named))
		}
		return nil
	}
}

// IsPublic reports whether an address is one of the public Internet.
func IsPublic(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	for _, p := range notPublic {
		if p.Contains(a) {
			return false
		}
	}
	for _, e := range embedding {
		if e.prefix.Contains(a) {
			raw := a.As16()
			inner, _ := netip.AddrFromSlice(raw[e.at : e.at+4])
			return IsPublic(inner)
		}
	}
	return true
}

// ClassifyDial turns a failure to connect into an error. It is temporary,
// except where nothing gets better until a person has looked: an address that
// a Dialer refuses and a certificate that isn't trusted stop the channel.
func ClassifyDial(err error) *Error {
	var (
		unverified *tls.CertificateVerificationError
		authority  x509.UnknownAuthorityError
		hostname   x509.HostnameError
		invalid    x509.CertificateInvalidError
	)
	kind := ErrorTemporary
	if errors.Is(err, errPrivate) || errors.As(err, &unverified) || errors.As(err, &authority) ||
		errors.As(err, &hostname) || errors.As(err, &invalid) {
		kind = ErrorAuth
	}
	return &Error{Kind: kind, Err: fmt.Errorf("connect: %w", err)}
}
