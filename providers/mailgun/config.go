package mailgun

import (
	"fmt"
	"regexp"
	"strings"

	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/providers/line"
	"carillon/providers/mail"
)

// Config is the configuration of a channel of Mailgun.
type Config struct {
	API        string        `json:"api,omitempty" destination:"true" format:"uri" default:"https://api.mailgun.net" doc:"Where Mailgun's API is: https://api.eu.mailgun.net for a domain in the region EU. Redirects are not followed."`
	Domain     string        `json:"domain" maxLength:"253" doc:"Sending domain, as Mailgun lists it, such as mg.example.org."`
	APIKey     secret.String `json:"api_key" writeOnly:"true" doc:"A sending key of the domain, or an API key of the account."`
	From       string        `json:"from" format:"email" doc:"Sender's address."`
	FromName   string        `json:"from_name,omitempty" maxLength:"200" doc:"Sender's name for display."`
	ReplyTo    string        `json:"reply_to,omitempty" doc:"Address for replies."`
	SigningKey secret.String `json:"signing_key,omitempty" writeOnly:"true" presented:"true" doc:"The account's HTTP webhook signing key; without it what Mailgun reports is refused."`

	TimeoutMS      int `json:"timeout_ms,omitempty" minimum:"100" maximum:"120000" default:"30000" doc:"Milliseconds that one request may take."`
	MaxConnections int `json:"max_connections,omitempty" minimum:"0" maximum:"1000" default:"0" doc:"Most requests at once; 0 is 128, or the channel's concurrency where that is set."`
}

// domains is the form of a domain, which stands in the address of every request.
var domains = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+$`)

func check(c *Config) []fault.Field {
	wrong := mail.WrongSender(c.From, c.FromName, c.ReplyTo)
	refuse := func(field, format string, args ...any) {
		wrong = append(wrong, fault.Field{Location: "config." + field, Message: fmt.Sprintf(format, args...)})
	}
	if wrong := line.WrongAddress(c.API, "or left out for Mailgun's own"); wrong != "" {
		refuse("api", "%s", wrong)
	}
	if !domains.MatchString(c.Domain) {
		refuse("domain", "must be a domain, such as mg.example.org")
	}
	for field, value := range map[string]string{"api_key": c.APIKey.Reveal(), "signing_key": c.SigningKey.Reveal()} {
		if strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
			refuse(field, "must be printable ASCII without spaces")
		}
	}
	if c.APIKey.Empty() {
		refuse("api_key", "is required: the domain's settings make a sending key")
	}
	return wrong
}
