package postmark

import (
	"fmt"
	"strings"

	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/providers/line"
	"carillon/providers/mail"
)

// Config is the configuration of a channel of Postmark.
type Config struct {
	API       string        `json:"api,omitempty" destination:"true" format:"uri" default:"https://api.postmarkapp.com" doc:"Where Postmark's API is. Redirects are not followed."`
	Token     secret.String `json:"token" writeOnly:"true" doc:"The server's API token, which its page API Tokens shows."`
	From      string        `json:"from" format:"email" doc:"Sender's address: a confirmed sender signature, or of a verified domain."`
	FromName  string        `json:"from_name,omitempty" maxLength:"200" doc:"Sender's name for display."`
	ReplyTo   string        `json:"reply_to,omitempty" doc:"Address for replies."`
	HookToken secret.String `json:"hook_token,omitempty" writeOnly:"true" presented:"true" doc:"What stands behind ?token= in the address of the webhook, /hooks/{channel_id}?token=…; without it what Postmark reports is refused."`

	Stream              string `json:"stream,omitempty" maxLength:"100" default:"broadcast" doc:"Id of the message stream for campaigns; Postmark wants bulk mail in one of the type Broadcasts."`
	TransactionalStream string `json:"transactional_stream,omitempty" maxLength:"100" default:"outbound" doc:"Id of the message stream for transactional messages."`

	TimeoutMS      int `json:"timeout_ms,omitempty" minimum:"100" maximum:"120000" default:"60000" doc:"Milliseconds that one request may take."`
	MaxConnections int `json:"max_connections,omitempty" minimum:"0" maximum:"1000" default:"0" doc:"Most requests at once; 0 is 128, or the channel's concurrency where that is set."`
}

// leastHookToken is in bytes: nobody signs what is posted, so that the token must not be guessed.
const leastHookToken = 16

func check(c *Config) []fault.Field {
	wrong := mail.WrongSender(c.From, c.FromName, c.ReplyTo)
	refuse := func(field, format string, args ...any) {
		wrong = append(wrong, fault.Field{Location: "config." + field, Message: fmt.Sprintf(format, args...)})
	}
	if wrong := line.WrongAddress(c.API, "or left out for Postmark's own"); wrong != "" {
		refuse("api", "%s", wrong)
	}
	for field, value := range map[string]string{
		"token": c.Token.Reveal(), "hook_token": c.HookToken.Reveal(), "stream": c.Stream, "transactional_stream": c.TransactionalStream,
	} {
		if strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
			refuse(field, "must be printable ASCII without spaces")
		}
	}
	if c.Token.Empty() {
		refuse("token", "is required: the page API Tokens of the server shows it")
	}
	if n := len(c.HookToken.Reveal()); n > 0 && n < leastHookToken {
		refuse("hook_token", "must have at least %d letters, such as openssl rand -hex 16 makes", leastHookToken)
	}
	return wrong
}
