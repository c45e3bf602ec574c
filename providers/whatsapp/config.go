package whatsapp

import (
	"fmt"

	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/providers/graph"
)

// Config is the configuration of a channel of a business phone number.
type Config struct {
	// API names the newest version of the Graph API that Meta documents: v26.0 is of July 2026.
	API               string        `json:"api,omitempty" destination:"true" format:"uri" default:"https://graph.facebook.com/v26.0" doc:"Where the Graph API is, with its version. Redirects are not followed."`
	PhoneNumberID     string        `json:"phone_number_id" doc:"The id of the business phone number, as WhatsApp Manager shows it: digits, and not the number itself."`
	BusinessAccountID string        `json:"business_account_id,omitempty" doc:"The id of the WhatsApp Business Account; without it its templates can't be listed."`
	Token             secret.String `json:"token" writeOnly:"true" doc:"A system user's access token with whatsapp_business_messaging, and whatsapp_business_management to list templates."`
	AppSecret         secret.String `json:"app_secret,omitempty" writeOnly:"true" presented:"true" doc:"The app's secret, with which Meta signs what it posts to /hooks/{channel_id}; without it that is refused."`
	VerifyToken       secret.String `json:"verify_token,omitempty" writeOnly:"true" doc:"A text of your own that you give Meta with the address of /hooks/{channel_id}; without it Meta can't verify the address."`
	TimeoutMS         int           `json:"timeout_ms,omitempty" minimum:"100" maximum:"120000" default:"30000" doc:"Milliseconds that one request may take."`

	MaxConnections int `json:"max_connections,omitempty" minimum:"0" maximum:"1000" default:"0" doc:"Most requests at once; 0 is 128, or the channel's concurrency where that is set."`
}

func check(c *Config) []fault.Field {
	var wrong []fault.Field
	refuse := func(field, format string, args ...any) {
		wrong = append(wrong, fault.Field{Location: "config." + field, Message: fmt.Sprintf(format, args...)})
	}
	graph.Settings{API: c.API, Token: c.Token, AppSecret: c.AppSecret, VerifyToken: c.VerifyToken,
		NoToken: "make a system user in Meta's Business Settings and have an access token made for it"}.Check(refuse)
	if !graph.ID(c.PhoneNumberID) {
		refuse("phone_number_id", "must be the digits that WhatsApp Manager shows as the phone number's id")
	}
	if c.BusinessAccountID != "" && !graph.ID(c.BusinessAccountID) {
		refuse("business_account_id", "must be the digits that WhatsApp Manager shows as the account's id, or left out")
	}
	return wrong
}
