package cli

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"carillon/internal/fakes"
)

// playable are the providers that can be played, and how a channel is led to each.
var playable = map[string]struct {
	start   func(fakes.Options) (*fakes.Server, error)
	channel func(address, secret string) string
}{
	"whatsapp": {fakes.WhatsApp, func(address, secret string) string {
		return fmt.Sprintf("--provider whatsapp --set api=%s/v26.0 --set phone_number_id=106540352242922 --set business_account_id=102290129340398 "+
			"--set token=a-token-of-a-fake-0123 --set app_secret=%s", address, secret)
	}},
	"messenger": {fakes.Messenger, func(address, secret string) string {
		return fmt.Sprintf("--provider messenger --set api=%s/v26.0 --set page_id=1234567890123456 --set token=a-token-of-a-fake-0123 "+
			"--set app_secret=%s", address, secret)
	}},
	"instagram": {fakes.Instagram, func(address, secret string) string {
		return fmt.Sprintf("--provider instagram --set api=%s/v26.0 --set account_id=17841400000000000 --set token=a-token-of-a-fake-0123 "+
			"--set app_secret=%s", address, secret)
	}},
	"telegram": {fakes.Telegram, func(address, secret string) string {
		return fmt.Sprintf("--provider telegram --set api=%s --set token=110201543:a-token-of-a-fake-0123 --set secret_token=%s", address, secret)
	}},
	"viber": {fakes.Viber, func(address, secret string) string {
		return fmt.Sprintf("--provider viber --set api=%s/pa --set sender=News --set token=%s", address, secret)
	}},
	"twilio": {fakes.Twilio, func(address, secret string) string {
		return fmt.Sprintf("--provider twilio --set api=%s --set account_sid=AC%032d --set from=+15005550006 --set auth_token=%s", address, 1, secret)
	}},
	"vonage": {fakes.Vonage, func(address, secret string) string {
		return fmt.Sprintf("--provider vonage --set api=%s --set api_key=abcd1234 --set api_secret=a-secret-of-a-fake --set from=+15005550006 "+
			"--set signature_secret=%s", address, secret)
	}},
	"slack": {fakes.Slack, func(address, _ string) string {
		return fmt.Sprintf("--provider slack --set api=%s --set webhook=https://hooks.slack.com/services/T00000000/B0000000010/a-token-of-a-fake", address)
	}},
	"discord": {fakes.Discord, func(address, _ string) string {
		return fmt.Sprintf("--provider discord --set api=%s --set webhook=https://discord.com/api/webhooks/100000000000000010/a-token-of-a-fake", address)
	}},
	"teams": {fakes.Teams, func(address, _ string) string {
		return fmt.Sprintf("--provider teams --set api=%s --set 'webhook=https://default0.ef.environment.api.powerplatform.com/powerautomate/automations/direct/"+
			"workflows/%032d/triggers/manual/paths/invoke?api-version=1&sp=%%2Ftriggers%%2Fmanual%%2Frun&sv=1.0&sig=a-signature-of-a-fake'", address, 10)
	}},
	"postmark": {fakes.Postmark, func(address, secret string) string {
		return fmt.Sprintf("--provider postmark --set api=%s --set from=news@example.org --set token=a-token-of-a-fake-0123 --set hook_token=%s", address, secret)
	}},
	"sendgrid": {fakes.SendGrid, func(address, secret string) string {
		return fmt.Sprintf("--provider sendgrid --set api=%s --set from=news@example.org --set api_key=SG.a-key-of-a-fake-0123 --set verification_key=%s",
			address, fakes.SendGridKey(secret))
	}},
	"mailgun": {fakes.Mailgun, func(address, secret string) string {
		return fmt.Sprintf("--provider mailgun --set api=%s --set from=news@example.org --set domain=mg.example.org --set api_key=key-of-a-fake-0123 "+
			"--set signing_key=%s", address, secret)
	}},
	"ses": {fakes.SES, func(address, _ string) string {
		return fmt.Sprintf("--provider ses --set api=%s --set from=news@example.org --set region=eu-west-1 --set access_key_id=AKIAIOSFODNN7EXAMPLE "+
			"--set secret_access_key=a-secret-of-a-fake", address)
	}},
	"fcm": {fakes.FCM, func(address, _ string) string {
		return fmt.Sprintf("--provider fcm --set api=%s --set token_uri=%s/token --set service_account=@service-account.json", address, address)
	}},
	"webpush": {fakes.WebPush, func(_, _ string) string {
		return `--provider webpush --set services=127.0.0.1 --set subject=mailto:ops@example.org --set public_key="$(cat public.txt)" ` +
			"--set private_key=@private.txt"
	}},
	"apns": {fakes.APNs, func(address, _ string) string {
		return fmt.Sprintf("--provider apns --set api=%s --set team_id=ABCDE12345 --set key_id=FGHIJ67890 --set topic=com.example.news "+
			"--set private_key=@AuthKey.p8", address)
	}},
}

type sinkFlags struct {
	listen, hook, secret string
	templates            []string
}

func (c *cli) addSink(root *cobra.Command) {
	var f sinkFlags
	cmd := &cobra.Command{
		Use: "sink PROVIDER", Short: "Play a messaging provider, to try a channel without an account there", GroupID: "server", Args: cobra.ExactArgs(1),
		ValidArgs: slices.Sorted(maps.Keys(playable)),
		Long: `Plays a provider on this machine, until Ctrl-C:

  whatsapp, messenger, instagram     Meta's Cloud API and Send API
  telegram, viber                    their Bot APIs
  twilio, vonage                     their Messages APIs
  slack, discord, teams              incoming webhooks, and workflows
  postmark, sendgrid, mailgun, ses   mail by their APIs
  fcm, apns, webpush                 Firebase, Apple's push service, and one of browsers

It says how to make a channel that leads to it, shows each message, and reports what became of it to --hook, signed as the provider
signs. The server must be allowed to reach this machine: CARILLON_ALLOW_PRIVATE_ADDRESSES=true carillon serve.

What becomes of a message is decided by the last two digits of its number or id, of the webhook's or workflow's number, or before
the @ of its address:

  00  refused: nobody has the number or address there; telegram: they have blocked the bot; slack, discord, teams: the webhook or
      workflow was removed; ses: the address is not verified
  01  whatsapp, messenger, instagram: refused as outside the 24 hours, unless it is a template or the channel has a tag
      telegram: refused, because they have never started the bot
      slack, discord, teams: refused, because the room is archived, or the webhook or workflow may not write there
      postmark, sendgrid, mailgun: delivered, and then reported as spam
      fcm: refused, because the token is of another project's app
  02  taken, and reported as failed, where the provider reports that; else taken
  03  taken, and never heard of again
  04  refused as too fast at first, and then delivered; not by viber
  05  telegram: of a group, refused with the new number of its supergroup
  any others are delivered; by whatsapp, a template always, and all else to who has written in the last 24 hours; by messenger and
  instagram, to who has written in the last 24 hours, or in the last 7 days with the tag HUMAN_AGENT

Somebody writes to WhatsApp's number, the page, the account or Telegram's bot by:
curl -X POST 'http://127.0.0.1:9090/written?to=106540352242922&from=491701234567&text=Hello'

Twilio signs reports for the address that it is told with each message: set public_url, and let --hook be where that leads. Postmark
presents the secret behind ?token= in the address of --hook. Nothing is reported by slack, discord, teams, ses, fcm, apns and webpush.

A browser that has subscribed is at http://127.0.0.1:9090/subscriptions/10, with any number: send to the JSON that is there.`,
		Example: "  carillon sink whatsapp --template 'spring_sale=Hello {{1}}' --hook http://127.0.0.1:8080/hooks/1\n" +
			"  carillon sink twilio --listen 127.0.0.1:9091 --hook http://127.0.0.1:8080/hooks/2",
		RunE: func(cmd *cobra.Command, args []string) error { return c.sink(cmd.Context(), args[0], f) },
	}
	cmd.Flags().StringVar(&f.listen, "listen", "127.0.0.1:9090", "address to answer at; of this machine alone")
	cmd.Flags().StringVar(&f.hook, "hook", "", "address of /hooks/{channel_id} to which it reports (default: it reports nothing)")
	cmd.Flags().StringVar(&f.secret, "secret", "", "what reports are signed with (default: made up)")
	cmd.Flags().StringArrayVar(&f.templates, "template", nil, "whatsapp: NAME=TEXT of a template that it has approved in English; may be repeated")
	root.AddCommand(cmd)
}

func (c *cli) sink(ctx context.Context, provider string, f sinkFlags) error {
	play, known := playable[provider]
	if !known {
		return usagef("%s can't be played: there are %s", provider, strings.Join(slices.Sorted(maps.Keys(playable)), ", "))
	}
	templates := map[string]string{}
	for _, given := range f.templates {
		name, text, ok := strings.Cut(given, "=")
		if !ok || name == "" || text == "" {
			return usagef("--template %s: must be NAME=TEXT, such as spring_sale='Hello {{1}}'", given)
		}
		templates[name] = text
	}
	if f.secret == "" {
		f.secret = rand.Text()
	}
	var mu sync.Mutex
	server, err := play.start(fakes.Options{Listen: f.listen, Hook: f.hook, Secret: f.secret, Templates: templates, Tell: func(m fakes.Message) {
		mu.Lock()
		defer mu.Unlock()
		if m.Refused != "" {
			sayf(c.out, "refused %s  %s  %s\n", m.Refused, clean(m.To), clean(m.Text))
		} else {
			sayf(c.out, "taken  %s  %s\n", clean(m.To), clean(m.Text))
		}
	}})
	if err != nil {
		return err
	}
	sayf(c.out, "%s is played at %s. A channel that leads to it:\n\n  carillon channel create %s %s\n\n",
		provider, server.URL(), provider, play.channel(server.URL(), f.secret))
	<-ctx.Done()
	if n := server.Dropped(); n > 0 {
		sayf(c.out, "%d reports were not taken at %s.\n", n, f.hook)
	}
	return server.Close()
}
