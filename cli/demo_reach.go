package cli

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"carillon/api"
	"carillon/internal/fakes"
	"carillon/targeting"
)

// demoTemplate is what everybody is told, on each of three channels; WhatsApp has approved it.
//
//go:embed demo_template.json
var demoTemplate []byte

// The secrets of the fakes, which lead nowhere else.
const (
	demoAppSecret = "what-the-fake-signs-with-0123"
	demoToken     = "what-the-fake-is-asked-with-0123"
)

// demoReachable is how long the people of the demo may take to be reached.
const demoReachable = 30 * time.Second

// demoPhones are the providers that the demo plays.
type demoPhones struct{ whatsApp, texts *fakes.Server }

func startPhones() (p demoPhones, err error) {
	if p.whatsApp, err = fakes.WhatsApp(fakes.Options{Secret: demoAppSecret, Templates: map[string]string{
		"tonight": "Dear {{1}}, the bells ring tonight at eight.",
	}}); err != nil {
		return p, err
	}
	if p.texts, err = fakes.Twilio(fakes.Options{Secret: demoAppSecret}); err != nil {
		return p, errors.Join(err, p.whatsApp.Close())
	}
	return p, nil
}

func (p demoPhones) close() error { return errors.Join(p.whatsApp.Close(), p.texts.Close()) }

// relays are the servers that channels must be allowed to reach.
func (p demoPhones) relays() []string {
	return []string{strings.TrimPrefix(p.whatsApp.URL(), "http://"), strings.TrimPrefix(p.texts.URL(), "http://")}
}

// demoNeighbours are fifty people: with WhatsApp, with a number that is not on it, with one at
// which it comes back, and without any number. What becomes of a number the fakes say by its
// last digits.
func demoNeighbours() []byte {
	var b bytes.Buffer
	b.WriteString("external_id,first_name,whatsapp,sms,email\n")
	for i := range 50 {
		whatsApp, text := fmt.Sprintf("+49151123456%d", 10+i), fmt.Sprintf("+49151123457%d", 10+i)
		switch {
		case i == 0: // a text would be refused; a template is not
			whatsApp = "+4915112345601"
		case i >= 48: // on neither
			whatsApp, text = fmt.Sprintf("+491511234%d00", 100+i), fmt.Sprintf("+491511235%d00", 100+i)
		case i >= 42:
			whatsApp, text = "", ""
		case i >= 38:
			whatsApp = fmt.Sprintf("+491511234%d02", 100+i)
		case i >= 30:
			whatsApp = fmt.Sprintf("+491511234%d00", 100+i)
		}
		_, _ = fmt.Fprintf(&b, "N-%d,Neighbour %d,%s,%s,n%d@example.org\n", i, i, whatsApp, text, i) // memory takes it
	}
	return b.Bytes()
}

// demoReach sends one message over WhatsApp, else as a text, else by e-mail.
func (c *cli) demoReach(ctx context.Context, phones demoPhones, server string) error {
	people := demoNeighbours()
	upload, err := c.sendFile(ctx, csvUpload{name: "neighbours.csv", content: bytes.NewReader(people), size: int64(len(people))})
	if err != nil {
		return err
	}
	if upload, _, err = c.watchUpload(ctx, upload.ID, false); err != nil {
		return err
	}
	var ids []int64
	for _, one := range []api.ChannelInput{
		{Name: "whatsapp", Provider: "whatsapp", Config: map[string]any{
			"api": phones.whatsApp.URL() + "/v26.0", "phone_number_id": "106540352242922", "business_account_id": "102290129340398", "token": demoToken,
			"app_secret": demoAppSecret,
		}},
		{Name: "texts", Provider: "twilio", Config: map[string]any{
			"api": phones.texts.URL(), "account_sid": fmt.Sprintf("AC%032d", 1), "auth_token": demoAppSecret, "from": "+15005550006",
		}},
		{Name: "mail", Provider: "sandbox"},
	} {
		channel, _, err := ask[api.Channel](ctx, c, post(channelsPath(), one))
		if err != nil {
			return err
		}
		ids = append(ids, channel.ID)
	}
	phones.whatsApp.ReportTo(fmt.Sprintf("%s/hooks/%d", server, ids[0]))
	phones.texts.ReportTo(fmt.Sprintf("%s/hooks/%d", server, ids[1]))
	if err := c.do(ctx, post(templatesPath(), json.RawMessage(demoTemplate))); err != nil {
		return err
	}
	if err := c.do(ctx, post(channelsPath().id(ids[0]).below("templates", "sync"), nil)); err != nil {
		return err
	}
	f, _, err := ask[api.Flow](ctx, c, post(flowsPath(), map[string]any{
		"name": "Tonight", "channel_id": ids[0], "audience": api.AudienceOf(targeting.Audience{Uploads: []int64{upload.ID}}),
		"steps": []any{
			map[string]any{"id": "tell", "kind": "send", "content": map[string]any{"template": map[string]any{"name": "tonight"}}, "fallback": []any{
				map[string]any{"channel_id": ids[1], "undelivered": "1h"}, map[string]any{"channel_id": ids[2], "undelivered": "1h"},
			}},
			map[string]any{"id": "told", "kind": "end", "outcome": "told"},
		},
	}))
	if err != nil {
		return err
	}
	sayf(c.out, "\n8. %q goes to %d people by a template of WhatsApp's, else as a text, else by e-mail: to who can't be sent it at once,\n"+
		"   and to who gets no receipt for an hour. WhatsApp and the texts are played (carillon sink). Who got it by which way:\n\n", f.Name, upload.Created)
	began := c.clock.Now()
	if err := c.do(ctx, post(flowsPath().id(f.ID).below("start"), nil)); err != nil {
		return err
	}
	report, err := c.demoReached(ctx, f.ID, upload.Created)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(c.out, 0, 4, 2, ' ', 0)
	stepsTable(w, report.Steps, report.Outcomes)
	sayf(c.out, "\n   It took %d ms.\n", c.clock.Now().Sub(began).Milliseconds())
	return nil
}

// demoReached waits until everybody is through.
func (c *cli) demoReached(ctx context.Context, flow, people int64) (report api.FlowReport, err error) {
	for until := c.clock.Now().Add(demoReachable); ; {
		if report, _, err = ask[api.FlowReport](ctx, c, get(flowsPath().id(flow).below("report"))); err != nil {
			return report, err
		}
		if report.Entered >= people && report.Inside == 0 {
			return report, nil
		}
		if c.clock.Now().After(until) {
			return report, fmt.Errorf("of %d people %d have entered, and %d were not reached in %s", people, report.Entered, report.Inside, demoReachable)
		}
		if err := c.clock.Sleep(ctx, 100*time.Millisecond); err != nil {
			return report, err
		}
	}
}
