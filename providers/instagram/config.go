package instagram

import (
	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/providers/graph"
	"carillon/providers/graph/sendapi"
	"fmt"
)

// Config is the configuration of a channel of an account.
type Config struct {
	// API names the newest version of the API that Meta documents: v26.0 is of July 2026.
	API         string        `json:"api,omitempty" destination:"true" format:"uri" default:"https://graph.instagram.com/v26.0" doc:"Where the API is, with its version; https://graph.facebook.com/v26.0 where the token is of the page that the account is linked to. Redirects are not followed."`
	AccountID   string        `json:"account_id" doc:"The id of the professional account, as webhooks name it: digits."`
	Token       secret.String `json:"token" writeOnly:"true" doc:"An access token of the account with instagram_business_manage_messages, or of its page with instagram_manage_messages."`
	AppSecret   secret.String `json:"app_secret,omitempty" writeOnly:"true" presented:"true" doc:"The app's secret, with which Meta signs what it posts to /hooks/{channel_id}; without it that is refused."`
	VerifyToken secret.String `json:"verify_token,omitempty" writeOnly:"true" doc:"A text of your own that you give Meta with the address of /hooks/{channel_id}; without it Meta can't verify the address."`
	Tag         string        `json:"tag,omitempty" enum:"HUMAN_AGENT" doc:"HUMAN_AGENT marks every message as one that a person writes, which Meta takes for 7 days; empty sends within 24 hours."`
	TimeoutMS   int           `json:"timeout_ms,omitempty" minimum:"100" maximum:"120000" default:"30000" doc:"Milliseconds that one request may take."`

	MaxConnections int `json:"max_connections,omitempty" minimum:"0" maximum:"1000" default:"0" doc:"Most requests at once; 0 is 128, or the channel's concurrency where that is set."`
}

func check(c *Config) []fault.Field {
	var wrong []fault.Field
	refuse := func(field, format string, args ...any) {
		wrong = append(wrong, fault.Field{Location: "config." + field, Message: fmt.Sprintf(format, args...)})
	}
	graph.Settings{API: c.API, Token: c.Token, AppSecret: c.AppSecret, VerifyToken: c.VerifyToken,
		NoToken: "have one made for the account in Meta's App Dashboard, under Instagram"}.Check(refuse)
	if !graph.ID(c.AccountID) {
		refuse("account_id", "must be the digits by which Meta's App Dashboard knows the account")
	}
	if c.Tag != "" && c.Tag != sendapi.HumanAgent {
		refuse("tag", "must be %s, the one that Instagram has, or left out", sendapi.HumanAgent)
	}
	return wrong
}
