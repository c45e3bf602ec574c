package chatapi

import (
	"fmt"
	"strings"

	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/providers/line"
)

// Config is the configuration of a channel of Chat-API.
type Config struct {
	URL       string        `json:"url" destination:"true" format:"uri" doc:"Where the instance is, such as https://api.example.org/instance12. Redirects are not followed."`
	Token     secret.String `json:"token" writeOnly:"true" doc:"The instance's token."`
	HookToken secret.String `json:"hook_token,omitempty" writeOnly:"true" presented:"true" doc:"What stands behind ?token= in the address of the instance's webhook, /hooks/{channel_id}?token=…; without it what it reports is refused."`
	TimeoutMS int           `json:"timeout_ms,omitempty" minimum:"100" maximum:"120000" default:"30000" doc:"Milliseconds that one request may take."`

	MaxConnections int `json:"max_connections,omitempty" minimum:"0" maximum:"1000" default:"0" doc:"Most requests at once; 0 is 128, or the channel's concurrency where that is set."`
}

// leastHookToken is in bytes: nobody signs what is posted, so that the token must not be guessed.
const leastHookToken = 16

func check(c *Config) []fault.Field {
	var wrong []fault.Field
	refuse := func(field, format string, args ...any) {
		wrong = append(wrong, fault.Field{Location: "config." + field, Message: fmt.Sprintf(format, args...)})
	}
	if wrong := line.WrongAddress(c.URL, "such as https://api.example.org/instance12"); wrong != "" {
		refuse("url", "%s", wrong)
	}
	for field, value := range map[string]string{"token": c.Token.Reveal(), "hook_token": c.HookToken.Reveal()} {
		if strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
			refuse(field, "must be printable ASCII without spaces")
		}
	}
	if c.Token.Empty() {
		refuse("token", "is required")
	}
	if n := len(c.HookToken.Reveal()); n > 0 && n < leastHookToken {
		refuse("hook_token", "must have at least %d letters, such as openssl rand -hex 16 makes", leastHookToken)
	}
	return wrong
}
