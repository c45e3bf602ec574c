package webhook

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/providers"
	"carillon/providers/hook"
)

// Config is a webhook channel's configuration.
type Config struct {
	URL       string                   `json:"url" destination:"true" format:"uri" doc:"Where messages are posted: an http or https address. Redirects are not followed."`
	Secret    secret.String            `json:"secret" writeOnly:"true" presented:"true" doc:"Signing secret by Standard Webhooks: whsec_ and at least 24 random bytes in base64. Receipts posted to /hooks/{channel_id} must be signed with it too."`
	Headers   map[string]secret.String `json:"headers,omitempty" writeOnly:"true" doc:"Further request headers, such as Authorization. Their values are treated as secrets."`
	Address   providers.AddressKind    `json:"address,omitempty" enum:"email,phone,sms,whatsapp,telegram,viber,facebook,instagram,push,web,custom" default:"email" doc:"Kind of address that the endpoint delivers to."`
	TimeoutMS int                      `json:"timeout_ms,omitempty" minimum:"100" maximum:"120000" default:"10000" doc:"Milliseconds that one request may take."`

	MaxConnections int `json:"max_connections,omitempty" minimum:"0" maximum:"1000" default:"0" doc:"Most requests at once; 0 is 128, or the channel's concurrency where that is set. A fast endpoint on a short way needs few, a slow one many."`
}

// ours are the headers that a configuration may not set: those that Carillon or
// the connection sets, and those with which net/http would repeat a request by
// itself.
var ours = []string{
	"Webhook-Id", "Webhook-Timestamp", "Webhook-Signature", "Content-Type", "Content-Length", "Content-Encoding", "Host",
	"Connection", "Transfer-Encoding", "Trailer", "Upgrade", "Te", "Expect", "Keep-Alive", "Idempotency-Key", "X-Idempotency-Key",
}

func check(c *Config) []fault.Field {
	var wrong []fault.Field
	refuse := func(field, format string, args ...any) {
		wrong = append(wrong, fault.Field{Location: "config." + field, Message: fmt.Sprintf(format, args...)})
	}
	u, err := url.Parse(c.URL)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		refuse("url", "must be an http or https address, such as https://example.com/messages")
	case u.User != nil:
		refuse("url", "must not hold a name or password: set an Authorization header in config.headers")
	case u.Fragment != "":
		refuse("url", "must not have a #fragment")
	}
	if c.Secret.Empty() {
		refuse("secret", "is required")
	} else if message := hook.CheckSecret(c.Secret); message != "" {
		refuse("secret", "%s", message)
	}
	for name, value := range c.Headers {
		switch {
		case !isToken(name):
			refuse("headers", "%q is not a header name", name)
		case slices.Contains(ours, http.CanonicalHeaderKey(name)):
			refuse("headers", "%s can't be set", http.CanonicalHeaderKey(name))
		case strings.ContainsFunc(value.Reveal(), func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
			refuse("headers", "the value of %s holds a control character", name)
		}
	}
	return wrong
}

// isToken reports whether s is a token (RFC 9110, 5.6.2).
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
}
