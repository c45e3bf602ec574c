package telegram

import (
	"fmt"
	"regexp"

	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/providers/line"
)

// Config is the configuration of a channel of a bot.
type Config struct {
	API         string        `json:"api,omitempty" destination:"true" format:"uri" default:"https://api.telegram.org" doc:"Where the Bot API is: Telegram's, or a Bot API server of your own. Redirects are not followed."`
	Token       secret.String `json:"token" writeOnly:"true" doc:"The bot's token, as @BotFather gives it."`
	SecretToken secret.String `json:"secret_token,omitempty" writeOnly:"true" presented:"true" doc:"What was given to setWebhook as secret_token, with the address of /hooks/{channel_id}; without it what people write is refused."`
	Formatting  string        `json:"formatting,omitempty" enum:"plain,marks" default:"plain" doc:"What a text is read as: plain is shown as it is written; in marks *bold*, _italic_, ~struck~ and \x60code\x60 are shown so, as WhatsApp shows them."`
	TimeoutMS   int           `json:"timeout_ms,omitempty" minimum:"100" maximum:"120000" default:"30000" doc:"Milliseconds that one request may take."`

	MaxConnections int `json:"max_connections,omitempty" minimum:"0" maximum:"1000" default:"0" doc:"Most requests at once; 0 is 128, or the channel's concurrency where that is set."`
}

// Forms of the secrets. Who gives the token is known by its first half, and the second is not to
// be guessed; Telegram takes no other letters for the secret token.
var (
	tokens  = regexp.MustCompile(`^[0-9]+:[A-Za-z0-9_-]{20,}$`)
	secrets = regexp.MustCompile(`^[A-Za-z0-9_-]{16,256}$`)
)

func check(c *Config) []fault.Field {
	var wrong []fault.Field
	refuse := func(field, format string, args ...any) {
		wrong = append(wrong, fault.Field{Location: "config." + field, Message: fmt.Sprintf(format, args...)})
	}
	if wrong := line.WrongAddress(c.API, "or left out for Telegram's own"); wrong != "" {
		refuse("api", "%s", wrong)
	}
	switch {
	case c.Token.Empty():
		refuse("token", "is required: @BotFather gives it, by /newbot or /token")
	case !tokens.MatchString(c.Token.Reveal()):
		refuse("token", "must be as @BotFather gives it: the bot's number, a colon and at least 20 letters")
	}
	if !c.SecretToken.Empty() && !secrets.MatchString(c.SecretToken.Reveal()) {
		refuse("secret_token", "must have 16 to 256 of A-Z, a-z, 0-9, _ and -, such as openssl rand -hex 16 makes")
	}
	return wrong
}
