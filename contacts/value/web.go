package value

import (
	"bytes"
	"crypto/ecdh"
	"encoding/base64"
	"encoding/json"
	"net/netip"
	"net/url"
	"strings"
)

// subscription is what a browser's PushSubscription gives as JSON, as far as messages need it
// (RFC 8291): where they go, the key that they are encrypted for, and a secret of 16 bytes.
type subscription struct {
	Endpoint string `json:"endpoint"`
	Keys     struct {
		P256DH string `json:"p256dh"`
		Auth   string `json:"auth"`
	} `json:"keys"`
}

// authBytes is the length of a subscription's secret.
const authBytes = 16

// web is a subscription of Web Push, or an id of a visitor, which is one word.
func web(v, country string) (normal, reason string) {
	if strings.HasPrefix(v, "{") {
		if v, reason = subscribed(v); reason != "" {
			return "", reason
		}
	}
	return opaque(v, country)
}

// subscribed brings a subscription into its one form: the endpoint and the keys, in this order,
// without what else browsers write.
func subscribed(v string) (normal, reason string) {
	var s subscription
	if json.Unmarshal([]byte(v), &s) != nil {
		return "", `is no subscription: {"endpoint":"https://…","keys":{"p256dh":"…","auth":"…"}}, as JSON.stringify makes it in the browser`
	}
	if u, err := url.Parse(s.Endpoint); err != nil || u.Scheme != "https" && !played(u) || u.Hostname() == "" || u.User != nil {
		return "", "has an endpoint that is no https address"
	}
	key, err := base64URL(&s.Keys.P256DH)
	if err == nil {
		_, err = ecdh.P256().NewPublicKey(key)
	}
	if err != nil {
		return "", "has a keys.p256dh that is no public key: 65 bytes in base64url"
	}
	if secret, err := base64URL(&s.Keys.Auth); err != nil || len(secret) != authBytes {
		return "", "has a keys.auth that is not 16 bytes in base64url"
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false) // an address may have &, and is to stay readable
	if err := encoder.Encode(s); err != nil {
		return "", "can't be written as JSON"
	}
	return strings.TrimSpace(b.String()), ""
}

// played reports whether an endpoint is of this machine, where carillon sink plays push services
// without TLS. A channel asks it only if its services and the server's settings let it.
func played(endpoint *url.URL) bool {
	ip, err := netip.ParseAddr(endpoint.Hostname())
	return endpoint.Scheme == "http" && err == nil && ip.IsLoopback()
}

// base64URL reads what a program may have written in the other alphabet, or with padding, and
// writes it as browsers do.
func base64URL(text *string) ([]byte, error) {
	*text = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(*text, "="))
	return base64.RawURLEncoding.DecodeString(*text)
}
