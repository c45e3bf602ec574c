// Package builtin owns the one list of the providers that the product comes
// with. Everything that depends on which there are (metrics, /v1/providers, the
// console's forms, the documentation) is derived from it.
package builtin

import (
	"carillon/providers/apns"
	"fmt"

	"carillon/providers"
	"carillon/providers/chatapi"
	"carillon/providers/chatwoot"
	"carillon/providers/discord"
	"carillon/providers/fcm"
	"carillon/providers/instagram"
	"carillon/providers/mailgun"
	"carillon/providers/messenger"
	"carillon/providers/messengerpeople"
	"carillon/providers/postmark"
	"carillon/providers/sandbox"
	"carillon/providers/sendgrid"
	"carillon/providers/ses"
	"carillon/providers/slack"
	"carillon/providers/smtp"
	"carillon/providers/teams"
	"carillon/providers/telegram"
	"carillon/providers/twilio"
	"carillon/providers/viber"
	"carillon/providers/vonage"
	"carillon/providers/webhook"
	"carillon/providers/webpush"
	"carillon/providers/whatsapp"
	"carillon/providers/xms"
)

// Kinds are the built-in providers. A new one is a line here.
func Kinds() []providers.Kind {
	return []providers.Kind{
		chatwoot.Kind(),
		messengerpeople.Kind(),
		sandbox.Kind(),
		smtp.Kind(),
		webhook.Kind(),
		apns.Kind(),
		chatapi.Kind(),
		xms.Kind(),
		telegram.Kind(),
		whatsapp.Kind(),
		messenger.Kind(),
		instagram.Kind(),
		viber.Kind(),
		vonage.Kind(),
		twilio.Kind(),
		webpush.Kind(),
		fcm.Kind(),
		postmark.Kind(),
		sendgrid.Kind(),
		mailgun.Kind(),
		ses.Kind(),
		slack.Kind(),
		discord.Kind(),
		teams.Kind(),
	}
}

// Registry is the registry of Kinds.
func Registry() (*providers.Registry, error) {
	r, err := providers.NewRegistry(Kinds()...)
	if err != nil {
		return nil, fmt.Errorf("make registry of providers: %w", err)
	}
	return r, nil
}
