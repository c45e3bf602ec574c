package xms

import (
	"net/url"
	"strings"
)

// host is where clients find their way back, as XMS says it: https://{domain}.{server}.
type host struct{ domain, server string }

// hostOf splits the host of an address at its first dot. What has none can't be said so:
// then the domain is all of it.
func hostOf(address string) host {
	u, err := url.Parse(address)
	if err != nil {
		return host{}
	}
	domain, server, _ := strings.Cut(u.Host, ".")
	return host{domain, server}
}
