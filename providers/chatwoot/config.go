package chatwoot

import (
	"net/url"

	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/providers"
)

// Config is the configuration of a channel.
type Config struct {
	URL     string        `json:"url" destination:"true" format:"uri" doc:"Where the Chatwoot is, such as https://app.chatwoot.com."`
	Token   secret.String `json:"token" writeOnly:"true" doc:"An access token of an agent of the inbox."`
	Account int64         `json:"account" minimum:"1" doc:"The account's number."`
	Inbox   int64         `json:"inbox" minimum:"1" doc:"The inbox's number."`
	Secret  secret.String `json:"secret,omitempty" writeOnly:"true" presented:"true" doc:"The secret of the webhook that posts message_created and message_updated to /hooks/{channel_id}; without it there are neither receipts nor replies."`

	Address   providers.AddressKind `json:"address,omitempty" enum:"whatsapp,sms,phone,email,custom" default:"whatsapp" doc:"Kind of address that the inbox sends to; custom is an identifier of contacts."`
	TimeoutMS int                   `json:"timeout_ms,omitempty" minimum:"100" maximum:"120000" default:"10000" doc:"Milliseconds that one request may take."`
}

func check(c *Config) (wrong []fault.Field) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		wrong = append(wrong, fault.Field{Location: "config.url", Message: "must be an http or https address without more, such as https://app.chatwoot.com"})
	}
	if c.Token.Empty() {
		wrong = append(wrong, fault.Field{Location: "config.token", Message: "is required"})
	}
	return wrong
}
