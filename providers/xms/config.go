package xms

import (
	"fmt"
	"strings"

	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/providers"
	"carillon/providers/line"
)

// Config is the configuration of a channel of XMS.
type Config struct {
	URL         string                `json:"url" destination:"true" format:"uri" doc:"Where the API is, without /api/v1: such as https://alex.example.org/xms. Redirects are not followed."`
	APIKey      secret.String         `json:"api_key" writeOnly:"true" doc:"The key that goes along as x-api-key."`
	APIID       string                `json:"api_id,omitempty" maxLength:"200" doc:"The app's id, which goes along as x-api-id."`
	ChannelID   string                `json:"channel_id" maxLength:"200" doc:"The channel there, such as wa360:919999998888: GET /config/channels lists them."`
	Address     providers.AddressKind `json:"address,omitempty" enum:"whatsapp,sms,phone,email" default:"whatsapp" doc:"Kind of address that the channel delivers to."`
	VerifyToken secret.String         `json:"verify_token,omitempty" writeOnly:"true" presented:"true" doc:"The token that it sends as x-verify-token to /hooks/{channel_id}; without it what it reports is refused."`
	TimeoutMS   int                   `json:"timeout_ms,omitempty" minimum:"100" maximum:"120000" default:"30000" doc:"Milliseconds that one request may take."`

	MaxConnections int `json:"max_connections,omitempty" minimum:"0" maximum:"1000" default:"0" doc:"Most requests at once; 0 is 128, or the channel's concurrency where that is set."`
}

func check(c *Config) []fault.Field {
	var wrong []fault.Field
	refuse := func(field, format string, args ...any) {
		wrong = append(wrong, fault.Field{Location: "config." + field, Message: fmt.Sprintf(format, args...)})
	}
	if wrong := line.WrongAddress(c.URL, "such as https://alex.example.org/xms"); wrong != "" {
		refuse("url", "%s", wrong)
	}
	for field, value := range map[string]string{
		"api_key": c.APIKey.Reveal(), "api_id": c.APIID, "channel_id": c.ChannelID, "verify_token": c.VerifyToken.Reveal(),
	} {
		if strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
			refuse(field, "must be printable ASCII without spaces")
		}
	}
	if c.APIKey.Empty() {
		refuse("api_key", "is required")
	}
	if c.ChannelID == "" {
		refuse("channel_id", "is required, such as wa360:919999998888")
	}
	return wrong
}
