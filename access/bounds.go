package access

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"carillon/internal/fault"
	"carillon/internal/near"
)

// Bounds of what a key is bound to.
const (
	mostScopes   = 50
	mostNetworks = 50
	// MostRate is the highest rate of a key's own, in requests a second.
	MostRate = 10_000
)

// OnlyRead ends a scope that lets a key look at a resource, and change nothing of it.
const OnlyRead = ":read"

// Scopes are the resources of /v1 that a key is bound to, such as "messages" and
// "contacts:read"; without any it has all that its role may.
type Scopes []string

// Allow reports whether a key with these scopes may call what is about a resource: what it
// reads, or what it changes.
func (s Scopes) Allow(resource string, reads bool) bool {
	return len(s) == 0 || slices.Contains(s, resource) || reads && slices.Contains(s, resource+OnlyRead)
}

// String is how they are kept and shown.
func (s Scopes) String() string { return strings.Join(s, " ") }

// ScopesOf are those that String has made a text of.
func ScopesOf(text string) Scopes { return strings.Fields(text) }

// makers are the resources by which a caller comes by what opens more than it has itself.
var makers = []string{"accounts", "invitations", "keys", "users"}

// Check refuses scopes that name none of these resources, and those by which a key could get
// around its own bounds.
func (s Scopes) Check(resources []string) error {
	if len(s) > mostScopes {
		return fault.InvalidField("scopes", len(s), "a key has at most %d", mostScopes)
	}
	for i, scope := range s {
		resource, read := strings.CutSuffix(scope, OnlyRead)
		switch {
		case !slices.Contains(resources, resource):
			return fault.InvalidField("scopes", scope, "is no scope, which is a resource, alone or with %s behind it: %s", OnlyRead, near.Hint(resource, resources))
		case !read && slices.Contains(makers, resource):
			return fault.InvalidField("scopes", scope, "a key that is bound can make nobody who is not: take %s, or no scopes", resource+OnlyRead)
		case slices.Contains(s[:i], scope):
			return fault.InvalidField("scopes", scope, "is named twice")
		}
	}
	return nil
}

// ParseNetworks reads networks that requests may come from: addresses, and networks such as
// 192.0.2.0/24 or 2001:db8::/32.
func ParseNetworks(field string, list []string) ([]netip.Prefix, error) {
	if len(list) > mostNetworks {
		return nil, fault.InvalidField(field, len(list), "a key has at most %d", mostNetworks)
	}
	networks := make([]netip.Prefix, 0, len(list))
	for _, text := range list {
		network, err := netip.ParsePrefix(text)
		if at, alone := netip.ParseAddr(text); alone == nil {
			at = at.Unmap().WithZone("")
			network, err = netip.PrefixFrom(at, at.BitLen()), nil
		}
		if err != nil || network.Addr().Is4In6() {
			return nil, fault.InvalidField(field, text, "is neither an address nor a network: write 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32")
		}
		if network != network.Masked() {
			return nil, fault.InvalidField(field, text, "has more bits than its length says: %s is the network", network.Masked())
		}
		networks = append(networks, network)
	}
	return networks, nil
}

// NetworksText is how networks are kept: with spaces between them.
func NetworksText(networks []netip.Prefix) string {
	list := make([]string, len(networks))
	for i, network := range networks {
		list[i] = network.String()
	}
	return strings.Join(list, " ")
}

// Guesses of keys from one network: a person who mistypes is not noticed; a program that guesses
// learns nothing of more than one key a second.
const (
	keysAtOnce    = 20
	keysGuessedIn = time.Second
)

// KeyGuess is a guess at a key from a network.
func KeyGuess(from netip.Prefix) Guess {
	return Guess{Name: "key:" + from.String(), AtOnce: keysAtOnce, Every: keysGuessedIn}
}

// CheckFrom refuses a request that comes from where the key is not taken from.
func (k Key) CheckFrom(source string) error {
	if len(k.Networks) == 0 {
		return nil
	}
	at, err := netip.ParseAddr(source)
	at = at.Unmap().WithZone("")
	if err == nil && slices.ContainsFunc(k.Networks, func(n netip.Prefix) bool { return n.Contains(at) }) {
		return nil
	}
	return fault.New(fault.Forbidden, "the key %q is not taken from %s: an admin says from which networks it is (carillon keys set %d --network)",
		k.Name, source, k.ID)
}

// KeyChange is what is changed of a key; nil leaves it.
type KeyChange struct {
	Name      *string
	Scopes    *Scopes
	Networks  *[]netip.Prefix
	Rate      *float64
	ExpiresAt *time.Time
}

// Of is a key after the change.
func (c KeyChange) Of(k Key) Key {
	if c.Name != nil {
		k.Name = *c.Name
	}
	if c.Scopes != nil {
		k.Scopes = *c.Scopes
	}
	if c.Networks != nil {
		k.Networks = *c.Networks
	}
	if c.Rate != nil {
		k.Rate = *c.Rate
	}
	if c.ExpiresAt != nil {
		k.ExpiresAt = c.ExpiresAt
	}
	return k
}
