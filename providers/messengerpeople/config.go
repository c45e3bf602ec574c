package messengerpeople

import (
	"fmt"
	"strings"

	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/providers"
	"carillon/providers/line"
)

// Config is the configuration of a channel.
type Config struct {
	URL                  string                `json:"url,omitempty" destination:"true" format:"uri" default:"https://rest.messengerpeople.com/api/v14" doc:"Where the API is, with its version."`
	APIKey               secret.String         `json:"api_key" writeOnly:"true" doc:"The channel's API key, as GET /channel/apikey shows it there."`
	Address              providers.AddressKind `json:"address,omitempty" enum:"whatsapp,facebook,telegram,viber,instagram,push,custom" default:"whatsapp" doc:"The messenger that the channel is written to by: each has a channel of its own here."`
	NotificationTemplate string                `json:"notification_template,omitempty" doc:"Name of a template with one variable: each message goes as this notification, its text as the variable, and so outside of 24 hours, too. Left out, messages go as chats."`
	NotificationLanguage string                `json:"notification_language,omitempty" doc:"Language of the template, such as en; the template's own if left out."`
	HookToken            secret.String         `json:"hook_token,omitempty" writeOnly:"true" presented:"true" doc:"What stands behind ?token= in the address of the channel's webhook there, /hooks/{channel_id}?token=…; without it what people write is refused."`
	TimeoutMS            int                   `json:"timeout_ms,omitempty" minimum:"100" maximum:"120000" default:"30000" doc:"Milliseconds that one request may take."`
}

// leastHookToken is in bytes: nobody signs what is posted, so that the token must not be guessed.
const leastHookToken = 16

func check(c *Config) []fault.Field {
	var wrong []fault.Field
	refuse := func(field, format string, args ...any) {
		wrong = append(wrong, fault.Field{Location: "config." + field, Message: fmt.Sprintf(format, args...)})
	}
	if wrong := line.WrongAddress(c.URL, "such as https://rest.messengerpeople.com/api/v14"); wrong != "" {
		refuse("url", "%s", wrong)
	}
	if c.APIKey.Empty() {
		refuse("api_key", "is required")
	}
	switch token := c.HookToken.Reveal(); {
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		refuse("hook_token", "must be printable ASCII without spaces")
	case token != "" && len(token) < leastHookToken:
		refuse("hook_token", "must have at least %d letters, such as openssl rand -hex 16 makes", leastHookToken)
	}
	if c.NotificationLanguage != "" && c.NotificationTemplate == "" {
		refuse("notification_language", "is of a template: name it in config.notification_template, or leave this out")
	}
	if c.NotificationTemplate != "" && c.Address != providers.WhatsApp {
		refuse("notification_template", "is for WhatsApp alone: leave it out for %s", c.Address)
	}
	return wrong
}
