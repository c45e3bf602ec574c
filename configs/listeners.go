package configs

import (
	"fmt"
	"net"
	"net/netip"
	"strings"

	"carillon/internal/fault"
)

// TLS reports whether listeners speak it.
func (c Config) TLS() bool { return c.TLSCertFile != "" }

// networks are those that words of trusted_proxies stand for.
func networks(word string) []netip.Prefix {
	var texts []string
	switch word {
	case "loopback":
		texts = []string{"127.0.0.0/8", "::1/128"}
	case "private": // RFC 1918, RFC 4193
		texts = []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"}
	}
	var list []netip.Prefix
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

// Proxies are the networks of trusted_proxies.
func (c Config) Proxies() []netip.Prefix {
	list, _ := c.readProxies()
	return list
}

// readProxies reads trusted_proxies, and says of each entry that is none what it should be.
func (c Config) readProxies() (list []netip.Prefix, wrong []fault.Field) {
	for _, entry := range strings.Split(c.TrustedProxies, ",") {
		if entry = strings.ToLower(strings.TrimSpace(entry)); entry == "" {
			continue
		}
		if known := networks(entry); known != nil {
			list = append(list, known...)
			continue
		}
		network, message := readNetwork(entry)
		if message != "" {
			wrong = append(wrong, fault.Field{Location: "trusted_proxies", Value: entry, Message: message, Source: c.source("trusted_proxies")})
			continue
		}
		list = append(list, network)
	}
	return list, wrong
}

// readNetwork reads an address or a network, or says what is wrong with it.
func readNetwork(entry string) (netip.Prefix, string) {
	if at, err := netip.ParseAddr(entry); err == nil && at.Zone() == "" {
		at = at.Unmap()
		return netip.PrefixFrom(at, at.BitLen()), ""
	}
	network, err := netip.ParsePrefix(entry)
	switch {
	case err != nil || network.Addr().Is4In6():
		return network, "must be an address such as 127.0.0.1, a network such as 10.1.0.0/16, loopback or private"
	case network.Bits() == 0:
		return network, "would believe everybody whatever they say of where they are: name the proxies alone"
	case network != network.Masked():
		return network, fmt.Sprintf("is an address within a network: write %s for the one, %s for the other", network.Addr(), network.Masked())
	}
	return network, ""
}

// checkListeners names what is wrong with where the process answers, and whom it believes.
func (c Config) checkListeners() (wrong []fault.Field) {
	add := func(name, value, message string) {
		wrong = append(wrong, fault.Field{Location: name, Value: value, Message: message, Source: c.source(name)})
	}
	if _, port, err := net.SplitHostPort(c.PublicListen); c.PublicListen != "" && (err != nil || port == "") {
		add("public_listen", c.PublicListen, "must be an address and a port such as 127.0.0.1:8081, or empty")
	}
	if _, port, err := net.SplitHostPort(c.BounceListen); c.BounceListen != "" && (err != nil || port == "") {
		add("bounce_listen", c.BounceListen, "must be an address and a port such as 127.0.0.1:2525, or empty")
	}
	if c.TLSCertFile == "" && c.TLSKeyFile != "" {
		add("tls_cert_file", "", "is needed with tls_key_file: the file of the key's certificate")
	}
	if c.TLSKeyFile == "" && c.TLSCertFile != "" {
		add("tls_key_file", "", "is needed with tls_cert_file: the file of the certificate's private key")
	}
	_, proxies := c.readProxies()
	return append(wrong, proxies...)
}
