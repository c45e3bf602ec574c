package twilio

import (
	"fmt"
	"regexp"
	"strings"

	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/providers"
	"carillon/providers/line"
)

// Config is the configuration of a channel of a Twilio account.
type Config struct {
	API        string        `json:"api,omitempty" destination:"true" format:"uri" default:"https://api.twilio.com" doc:"Where the API is: Twilio's, or that of one of its regions. Redirects are not followed."`
	AccountSID string        `json:"account_sid" doc:"The account's SID: AC and 32 hexadecimal digits."`
	AuthToken  secret.String `json:"auth_token,omitempty" writeOnly:"true" presented:"true" doc:"The account's auth token. It signs what Twilio posts to /hooks/{channel_id}, which is refused without it; messages are sent with it, too, unless an API key is given."`

	APIKeySID    string        `json:"api_key_sid,omitempty" doc:"An API key to send with in place of the auth token: SK and 32 hexadecimal digits."`
	APIKeySecret secret.String `json:"api_key_secret,omitempty" writeOnly:"true" doc:"The secret of that key."`

	From                string `json:"from,omitempty" doc:"Who sends: a number such as +15551234567, a short code, or up to 11 letters and digits where countries allow that; of WhatsApp the number, without whatsapp:."`
	MessagingServiceSID string `json:"messaging_service_sid,omitempty" doc:"A messaging service that chooses among its senders, in place of from: MG and 32 hexadecimal digits."`

	Address   providers.AddressKind `json:"address,omitempty" enum:"sms,whatsapp" default:"sms" doc:"Kind of address that the channel delivers to."`
	TimeoutMS int                   `json:"timeout_ms,omitempty" minimum:"100" maximum:"120000" default:"30000" doc:"Milliseconds that one request may take."`

	MaxConnections int `json:"max_connections,omitempty" minimum:"0" maximum:"1000" default:"0" doc:"Most requests at once; 0 is 128, or the channel's concurrency where that is set."`
}

// Forms of what Twilio gives out, and of senders.
var (
	accounts  = regexp.MustCompile(`^AC[0-9a-fA-F]{32}$`)
	keys      = regexp.MustCompile(`^SK[0-9a-fA-F]{32}$`)
	pools     = regexp.MustCompile(`^MG[0-9a-fA-F]{32}$`)
	numbers   = regexp.MustCompile(`^\+[1-9][0-9]{4,14}$`)
	short     = regexp.MustCompile(`^[0-9]{3,8}$`)
	names     = regexp.MustCompile(`^[A-Za-z0-9 +_&-]{1,11}$`)
	letters   = regexp.MustCompile(`[A-Za-z]`)
	printable = regexp.MustCompile(`^[\x21-\x7e]{16,200}$`)
)

func check(c *Config) []fault.Field {
	var wrong []fault.Field
	refuse := func(field, format string, args ...any) {
		wrong = append(wrong, fault.Field{Location: "config." + field, Message: fmt.Sprintf(format, args...)})
	}
	if wrong := line.WrongAddress(c.API, "or left out for Twilio's own"); wrong != "" {
		refuse("api", "%s", wrong)
	}
	if !accounts.MatchString(c.AccountSID) {
		refuse("account_sid", "must be AC and 32 hexadecimal digits, as the Console shows it")
	}
	for field, value := range map[string]secret.String{"auth_token": c.AuthToken, "api_key_secret": c.APIKeySecret} {
		if !value.Empty() && !printable.MatchString(value.Reveal()) {
			refuse(field, "must have 16 to 200 letters of printable ASCII without spaces, as the Console shows it")
		}
	}
	switch {
	case c.APIKeySID == "" && c.APIKeySecret.Empty():
		if c.AuthToken.Empty() {
			refuse("auth_token", "is required, unless api_key_sid and api_key_secret are given")
		}
	case !keys.MatchString(c.APIKeySID):
		refuse("api_key_sid", "must be SK and 32 hexadecimal digits, beside its api_key_secret")
	case c.APIKeySecret.Empty():
		refuse("api_key_secret", "is required beside api_key_sid")
	}
	if field, message := c.wrongSender(); message != "" {
		refuse(field, "%s", message)
	}
	return wrong
}

// wrongSender says what is wrong with who sends; the message is empty if nothing is.
func (c *Config) wrongSender() (field, message string) {
	switch {
	case (c.From == "") == (c.MessagingServiceSID == ""):
		return "from", "is required, or messaging_service_sid in its place: one of the two"
	case c.MessagingServiceSID != "":
		if !pools.MatchString(c.MessagingServiceSID) {
			return "messaging_service_sid", "must be MG and 32 hexadecimal digits"
		}
	case numbers.MatchString(c.From):
	case strings.HasPrefix(c.From, whatsApp):
		return "from", "is the number alone: address says that it is WhatsApp's"
	case c.Address == providers.WhatsApp:
		return "from", "must be a number such as +15551234567"
	case !short.MatchString(c.From) && !(names.MatchString(c.From) && letters.MatchString(c.From)):
		return "from", "must be a number such as +15551234567, a short code, or a name of 1 to 11 of A-Z, a-z, 0-9, space and + - _ & with a letter in it"
	}
	return "", ""
}
