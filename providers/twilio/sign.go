package twilio

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// signed reports whether a signature is Twilio's, by a token that is taken now. Twilio signs an
// address with or without the port that its scheme has by itself, so that both are tried. How long
// it takes says nothing of how much of it is right.
func (p *Provider) signed(signature string, form url.Values) (right bool) {
	for _, token := range p.deps.Taken("auth_token", p.config.AuthToken) {
		for _, address := range withAndWithout(p.deps.HookURL) {
			right = hmac.Equal([]byte(signature), []byte(sum(token.Reveal(), address, form))) || right
		}
	}
	return right
}

// sum is Twilio's over an address and the parameters that are posted to it: each name with each of
// its values, in their order, a value that comes twice once.
func sum(token, address string, form url.Values) string {
	mac := hmac.New(sha1.New, []byte(token))
	mac.Write([]byte(address))
	for _, name := range slices.Sorted(maps.Keys(form)) {
		values := slices.Clone(form[name])
		slices.Sort(values)
		for _, value := range slices.Compact(values) {
			mac.Write([]byte(name + value))
		}
	}
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// withAndWithout is an address without a port and with one: its own, or the one of its scheme.
func withAndWithout(address string) []string {
	u, err := url.Parse(address)
	if err != nil {
		return []string{address}
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	scheme, rest, _ := strings.Cut(address, "://")
	bare := strings.TrimSuffix(u.Host, ":"+u.Port())
	rest = strings.TrimPrefix(rest, u.Host)
	return []string{scheme + "://" + bare + rest, scheme + "://" + bare + ":" + port + rest}
}
