package webpush

import (
	"crypto/ecdh"
	"encoding/base64"
	"fmt"
	"net/mail"
	"net/url"
	"regexp"
	"strings"

	"carillon/internal/fault"
	"carillon/internal/secret"
)

// Config is the configuration of a channel to browsers.
type Config struct {
	Subject    string        `json:"subject" doc:"Whom a push service may ask about what is sent: mailto: and an e-mail address, or an https address. Apple refuses one that leads nowhere."`
	PublicKey  string        `json:"public_key" doc:"The public VAPID key in base64url, with which web pages subscribe (applicationServerKey)."`
	PrivateKey secret.String `json:"private_key" writeOnly:"true" doc:"The private VAPID key in base64url, which signs what is sent. It never leaves the server."`
	Services   string        `json:"services,omitempty" destination:"true" default:"fcm.googleapis.com,jmt17.google.com,push.services.mozilla.com,push.apple.com,notify.windows.com" doc:"Hosts of push services, and domains that they are in, with commas between. Subscriptions say themselves where their messages go; those of other hosts are rejected."`
	TTL        int           `json:"ttl,omitempty" minimum:"0" maximum:"2419200" default:"86400" doc:"Seconds for which a push service keeps a message for a browser that is not running; 0 delivers at once or never."`
	Urgency    string        `json:"urgency,omitempty" enum:"very-low,low,normal,high" default:"normal" doc:"How urgent a message is: what is less than high may wait for a telephone that saves its battery."`
	Topic      string        `json:"topic,omitempty" doc:"Up to 32 of A-Z, a-z, 0-9, - and _: a message replaces the one of the same topic that a browser has not fetched yet."`
	TimeoutMS  int           `json:"timeout_ms,omitempty" minimum:"100" maximum:"120000" default:"30000" doc:"Milliseconds that one request may take."`

	MaxConnections int `json:"max_connections,omitempty" minimum:"0" maximum:"1000" default:"0" doc:"Most requests at once; 0 is 128, or the channel's concurrency where that is set."`
}

// topics is the form of a topic (RFC 8030, 5.4), and hosts that of what is in services.
var (
	topics = regexp.MustCompile(`^[A-Za-z0-9_-]{0,32}$`)
	hosts  = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`)
)

func check(c *Config) []fault.Field {
	var wrong []fault.Field
	refuse := func(field, message string) {
		wrong = append(wrong, fault.Field{Location: "config." + field, Message: message})
	}
	if !reachable(c.Subject) {
		refuse("subject", "must be mailto: and an e-mail address, or an https address")
	}
	field, message := wrongKeys(c)
	if message != "" {
		refuse(field, message)
	}
	for _, host := range c.services() {
		if !hosts.MatchString(host) {
			refuse("services", fmt.Sprintf("has %q, which is no host: give such as push.example.org, with commas between several", host))
		}
	}
	if !topics.MatchString(c.Topic) {
		refuse("topic", "must have at most 32 of A-Z, a-z, 0-9, - and _")
	}
	return wrong
}

// reachable reports whether a subject is one that RFC 8292 asks for.
func reachable(subject string) bool {
	if address, ok := strings.CutPrefix(subject, mailto); ok {
		parsed, err := mail.ParseAddress(address)
		return err == nil && parsed.Address == address
	}
	u, err := url.Parse(subject)
	return err == nil && u.Scheme == "https" && u.Hostname() != ""
}

// wrongKeys says what is wrong with the keys; the message is empty if nothing is.
func wrongKeys(c *Config) (field, message string) {
	private, err := base64.RawURLEncoding.DecodeString(c.PrivateKey.Reveal())
	if err != nil {
		return "private_key", "must be 32 bytes in base64url, without = at the end"
	}
	key, err := ecdh.P256().NewPrivateKey(private)
	if err != nil {
		return "private_key", "must be 32 bytes in base64url that are a private key of P-256"
	}
	if public := base64.RawURLEncoding.EncodeToString(key.PublicKey().Bytes()); public != c.PublicKey {
		return "public_key", "must be the public key of private_key: " + public
	}
	return "", ""
}

// services are the hosts of push services.
func (c *Config) services() []string {
	list := strings.Split(strings.ToLower(c.Services), ",")
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return list
}

// serves reports whether a host is a push service's.
func (c *Config) serves(host string) bool {
	host = strings.ToLower(host)
	for _, service := range c.services() {
		if host == service || strings.HasSuffix(host, "."+service) {
			return true
		}
	}
	return false
}
