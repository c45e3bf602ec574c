package viber

import (
	"fmt"
	"regexp"
	"strings"

	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/providers"
	"carillon/providers/line"
)

// Config is the configuration of a channel of a bot.
type Config struct {
	API    string        `json:"api,omitempty" destination:"true" format:"uri" default:"https://chatapi.viber.com/pa" doc:"Where the REST Bot API is. Redirects are not followed."`
	Token  secret.String `json:"token" writeOnly:"true" presented:"true" doc:"The bot's authentication token, with which Viber also signs what it posts to /hooks/{channel_id}."`
	Sender string        `json:"sender" maxLength:"28" doc:"The name that stands above messages: 1 to 28 letters."`
	Avatar string        `json:"avatar,omitempty" format:"uri" doc:"The address of the picture that stands beside them, of 100 kB at most."`

	TimeoutMS int `json:"timeout_ms,omitempty" minimum:"100" maximum:"120000" default:"30000" doc:"Milliseconds that one request may take."`

	MaxConnections int `json:"max_connections,omitempty" minimum:"0" maximum:"1000" default:"0" doc:"Most requests at once; 0 is 128, or the channel's concurrency where that is set."`
}

// tokens have the form of Viber's. A shorter one can be guessed.
var tokens = regexp.MustCompile(`^[\x21-\x7e]{20,200}$`)

func check(c *Config) []fault.Field {
	var wrong []fault.Field
	refuse := func(field, format string, args ...any) {
		wrong = append(wrong, fault.Field{Location: "config." + field, Message: fmt.Sprintf(format, args...)})
	}
	if wrong := line.WrongAddress(c.API, "or left out for Viber's own"); wrong != "" {
		refuse("api", "%s", wrong)
	}
	switch {
	case c.Token.Empty():
		refuse("token", "is required: Viber's admin panel shows it for the bot")
	case !tokens.MatchString(c.Token.Reveal()):
		refuse("token", "must be a token as Viber's admin panel shows it: at least 20 printable letters without spaces")
	}
	if n := providers.Units(c.Sender); strings.TrimSpace(c.Sender) == "" || n > maxSender {
		refuse("sender", "must have 1 to %d letters", maxSender)
	}
	if c.Avatar != "" {
		if wrong := line.WrongAddress(c.Avatar, "or left out"); wrong != "" {
			refuse("avatar", "%s", wrong)
		}
	}
	return wrong
}
