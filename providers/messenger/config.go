package messenger

import (
	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/providers/graph"
	"fmt"
	"regexp"
)

// Config is the configuration of a channel of a page.
type Config struct {
	// API names the newest version of the Graph API that Meta documents: v26.0 is of July 2026.
	API         string        `json:"api,omitempty" destination:"true" format:"uri" default:"https://graph.facebook.com/v26.0" doc:"Where the Graph API is, with its version. Redirects are not followed."`
	PageID      string        `json:"page_id" doc:"The id of the Facebook page: digits."`
	Token       secret.String `json:"token" writeOnly:"true" doc:"An access token of the page, with pages_messaging."`
	AppSecret   secret.String `json:"app_secret,omitempty" writeOnly:"true" presented:"true" doc:"The app's secret, with which Meta signs what it posts to /hooks/{channel_id}; without it that is refused."`
	VerifyToken secret.String `json:"verify_token,omitempty" writeOnly:"true" doc:"A text of your own that you give Meta with the address of /hooks/{channel_id}; without it Meta can't verify the address."`
	Tag         string        `json:"tag,omitempty" doc:"The message tag of every message, such as HUMAN_AGENT, with which Meta takes some outside the 24 hours; empty sends within them. HUMAN_AGENT is for what people write, and lasts for 7 days."`
	TimeoutMS   int           `json:"timeout_ms,omitempty" minimum:"100" maximum:"120000" default:"30000" doc:"Milliseconds that one request may take."`

	MaxConnections int `json:"max_connections,omitempty" minimum:"0" maximum:"1000" default:"0" doc:"Most requests at once; 0 is 128, or the channel's concurrency where that is set."`
}

// tags have the form of Meta's.
var tags = regexp.MustCompile(`^[A-Z_]{3,64}$`)

func check(c *Config) []fault.Field {
	var wrong []fault.Field
	refuse := func(field, format string, args ...any) {
		wrong = append(wrong, fault.Field{Location: "config." + field, Message: fmt.Sprintf(format, args...)})
	}
	graph.Settings{API: c.API, Token: c.Token, AppSecret: c.AppSecret, VerifyToken: c.VerifyToken,
		NoToken: "have one made for the page in Meta's App Dashboard, under Messenger"}.Check(refuse)
	if !graph.ID(c.PageID) {
		refuse("page_id", "must be the digits that the page's settings show as its id")
	}
	if c.Tag != "" && !tags.MatchString(c.Tag) {
		refuse("tag", "must be a tag of Meta's in capital letters, such as HUMAN_AGENT, or left out")
	}
	return wrong
}
