package chatwoot

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"carillon/campaigns"
	"carillon/internal/fault"
	"carillon/providers"
	"carillon/targeting"
	"carillon/templates"
)

// kept is what of a campaign Chatwoot's clients said that Carillon does not use as it is.
type kept struct {
	Message        string          `json:"message,omitempty"`
	TemplateParams map[string]any  `json:"template_params,omitempty"`
	SenderID       int64           `json:"sender_id,omitempty"`
	Disabled       bool            `json:"disabled,omitempty"`
	Hours          bool            `json:"trigger_only_during_business_hours,omitempty"`
	Rules          json.RawMessage `json:"trigger_rules,omitempty"`
}

// keptOf is what clients said of a campaign; nothing of one that others made.
func keptOf(k campaigns.Campaign) (said kept) {
	var data struct {
		Chatwoot kept `json:"chatwoot"`
	}
	if json.Unmarshal(k.About.Data, &data) == nil {
		said = data.Chatwoot
	}
	return said
}

// late is how long after its time a campaign is still sent.
const late = 72 * time.Hour

// stateOf is a campaign's status as Chatwoot calls it.
func stateOf(status campaigns.Status, fired bool) string {
	switch status {
	case campaigns.Draft, campaigns.Scheduled:
		return "active"
	case campaigns.Running:
		return "processing"
	case campaigns.Paused:
		if fired {
			return "processing"
		}
		return "active"
	default:
		return "completed"
	}
}

// campaign is one as it is shown.
func (c *Server) campaign(ctx context.Context, k campaigns.Campaign) (map[string]any, error) {
	channel, err := c.Channels.Get(ctx, k.AccountID, k.ChannelID)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	channel.ID = k.ChannelID
	inbox, err := c.inbox(ctx, channel)
	if err != nil {
		return nil, err
	}
	said := keptOf(k)
	audience := []any{}
	for _, id := range k.Audience.Labels {
		audience = append(audience, map[string]any{"type": "Label", "id": id})
	}
	message := said.Message
	if message == "" {
		message = k.Content.Text
	}
	out := map[string]any{
		"id": k.Number, "title": k.Name, "description": orNull(k.About.Notes), "account_id": k.AccountID, "inbox": inbox, "message": message,
		"template_params": said.TemplateParams, "campaign_status": stateOf(k.Status, k.RunID != 0), "enabled": !said.Disabled, "campaign_type": "one_off",
		"audience": audience, "trigger_rules": said.Rules, "trigger_only_during_business_hours": said.Hours,
		"created_at": iso(k.CreatedAt), "updated_at": iso(k.UpdatedAt), "scheduled_at": k.CreatedAt.Unix(),
	}
	if said.TemplateParams == nil {
		out["template_params"] = nil
	}
	if len(said.Rules) == 0 {
		out["trigger_rules"] = map[string]any{}
	}
	if at, err := time.Parse(time.RFC3339, k.Schedule.At); err == nil {
		out["scheduled_at"] = at.Unix()
	} else if k.NextFireAt != nil {
		out["scheduled_at"] = k.NextFireAt.Unix()
	}
	if k.Schedule.Recurs() {
		out["campaign_type"] = "ongoing"
	}
	return out, nil
}

// found is the campaign of a number; one that was hidden, and a flow, is none.
func (c *Server) found(ctx context.Context, a asked) (campaigns.Campaign, error) {
	list, err := c.Campaigns.List(ctx, campaigns.Filter{AccountID: a.account(), Number: a.ids[0], Limit: 1})
	if err == nil && (len(list) == 0 || list[0].IsFlow) {
		err = fault.New(fault.NotFound, "there is no campaign %d", a.ids[0])
	}
	if err != nil {
		return campaigns.Campaign{}, err
	}
	return list[0], nil
}

func (c *Server) listCampaigns(ctx context.Context, a asked) (any, error) {
	const most = 200 // of late; there they are all, and few
	list, err := c.Campaigns.List(ctx, campaigns.Filter{AccountID: a.account(), Limit: most})
	shown := []any{}
	for _, k := range list {
		if k.IsFlow {
			continue
		}
		out, err := c.campaign(ctx, k)
		if err != nil {
			return nil, err
		}
		shown = append(shown, out)
	}
	return shown, err
}

func (c *Server) showCampaign(ctx context.Context, a asked) (any, error) {
	k, err := c.found(ctx, a)
	if err != nil {
		return nil, err
	}
	return c.campaign(ctx, k)
}

// shape reads what is to become of a campaign, and says what is wrong with it. at is when it
// is to be sent; the zero time for now.
func (c *Server) shape(ctx context.Context, a asked, k *campaigns.Campaign, said *kept) (at time.Time, err error) {
	g := a.given
	var w wrong
	for name, to := range map[string]*string{"title": &k.Name, "message": &said.Message, "description": &k.About.Notes} {
		if g.has(name) {
			*to = g.text(name)
		}
	}
	if strings.TrimSpace(k.Name) == "" {
		w.add("title", "Title can't be blank")
	}
	if strings.TrimSpace(said.Message) == "" {
		w.add("message", "Message can't be blank")
	}
	if g.has("inbox_id") {
		k.ChannelID = g.number("inbox_id")
	}
	channel, err := c.Channels.Get(ctx, a.account(), k.ChannelID)
	switch {
	case fault.Is(err, fault.NotFound):
		w.add("inbox", "Inbox must exist")
	case err != nil:
		return at, err
	case len(g.object("trigger_rules")) > 0 && textOf(g.object("trigger_rules")["url"]) != "":
		w.add("inbox", "Inbox Unsupported Inbox type") // of websites, which have campaigns that go on
	}
	if g.has("template_params") {
		said.TemplateParams = g.object("template_params")
	}
	said.SenderID = sender(g, said.SenderID)
	said.Hours, said.Disabled = g.boolean("trigger_only_during_business_hours", said.Hours), !g.boolean("enabled", !said.Disabled)
	if g.has("audience") {
		if err := c.audience(ctx, a, &k.Audience, &w); err != nil {
			return at, err
		}
	}
	if g.has("scheduled_at") || k.Schedule.At != "" {
		if at, err = scheduled(g, k.Schedule.At); err != nil {
			w.add("scheduled_at", "Scheduled at is no time: write it as 2026-12-01T09:00:00Z")
		}
	}
	if err := w.err(); err != nil {
		return at, err
	}
	return at, c.word(ctx, k, said, channel)
}

func sender(g given, was int64) int64 {
	if g.has("sender_id") {
		return g.number("sender_id")
	}
	return was
}

// scheduled is when a campaign is to be sent: an instant, in one of the forms that clients have.
func scheduled(g given, was string) (time.Time, error) {
	text := was
	if g.has("scheduled_at") {
		text = g.text("scheduled_at")
	}
	if text == "" {
		return time.Time{}, nil
	}
	if n := g.number("scheduled_at"); n > 0 {
		return time.Unix(n, 0).UTC(), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05 MST", "2006-01-02 15:04:05"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, fault.InvalidField("scheduled_at", text, "is no time")
}

// audience are the labels of a campaign: who has two of them gets one.
func (c *Server) audience(ctx context.Context, a asked, to *targeting.Audience, w *wrong) error {
	labels, err := c.labels(ctx, a.account())
	if err != nil {
		return err
	}
	there := map[int64]bool{}
	for _, l := range labels {
		there[l.ID] = true
	}
	*to = targeting.Audience{}
	for _, item := range a.given.list("audience") {
		object, _ := item.(map[string]any)
		if id := given(object).number("id"); there[id] {
			to.Labels = append(to.Labels, id)
		} else {
			w.add("audience", "Audience names a label that there is not")
		}
	}
	return nil
}

// word is what a campaign says: its template, where the catalogue has it, else its message.
func (c *Server) word(ctx context.Context, k *campaigns.Campaign, said *kept, channel providers.Channel) error {
	k.Template, k.Content = nil, providers.Content{Text: liquidOf(said.Message, channel.Address)}
	if channel.Address == providers.Email {
		k.Content.Subject = k.Name
	}
	if len(said.TemplateParams) == 0 {
		return nil
	}
	use, err := templateOf(given(said.TemplateParams), channel.Address)
	if err != nil {
		return err
	}
	_, err = c.Catalogue.Resolve(ctx, use, channel)
	if missingTemplate(err) {
		return nil
	}
	if err != nil {
		return refuseField("template_params", "Template params "+invalidOf(err, err.Error()).Message)
	}
	k.Content, k.Template = providers.Content{}, &use
	return nil
}

var _ = templates.Use{}

// data is what is kept of a campaign beside.
func (said kept) data() json.RawMessage { return encoded(map[string]any{"chatwoot": said}) }

func (c *Server) createCampaign(ctx context.Context, a asked) (any, error) {
	k, said := campaigns.Campaign{AccountID: a.account()}, kept{}
	at, err := c.shape(ctx, a, &k, &said)
	if err != nil {
		return nil, err
	}
	k.About.Data = said.data()
	now := c.clock.Now()
	if at.After(now) {
		k.Schedule.At = at.Format(time.RFC3339)
	}
	if !k.Audience.Some() {
		// There it is sent to nobody; here it waits for an audience.
		said.Disabled = said.Disabled || len(k.Audience.Labels) == 0
		k.Audience.Labels = nil
	}
	if k, err = c.Campaigns.Create(ctx, k); err != nil {
		return nil, err
	}
	if k.Audience.Some() && !said.Disabled && now.Sub(at) < late || k.Audience.Some() && !said.Disabled && at.IsZero() {
		if k, err = c.start(ctx, k, !at.After(now)); err != nil {
			return nil, err
		}
	}
	return c.campaign(ctx, k)
}

// start starts a campaign. One that can't be is taken back: there it would not be there.
func (c *Server) start(ctx context.Context, k campaigns.Campaign, now bool) (campaigns.Campaign, error) {
	started, err := c.Campaigns.Start(ctx, k.AccountID, k.ID, now)
	if err != nil {
		if gone := c.Campaigns.Delete(context.WithoutCancel(ctx), k.AccountID, k.ID); gone != nil {
			return k, gone
		}
		return k, err
	}
	c.wake()
	return started, nil
}

func (c *Server) updateCampaign(ctx context.Context, a asked) (any, error) {
	k, err := c.found(ctx, a)
	if err != nil {
		return nil, err
	}
	if stateOf(k.Status, k.RunID != 0) != "active" || k.Schedule.Recurs() {
		return nil, refuseField("status", "Status The campaign is already completed")
	}
	said := keptOf(k)
	if said.Message == "" {
		said.Message = k.Content.Text
	}
	wasDisabled := k.Status == campaigns.Draft
	at, err := c.shape(ctx, a, &k, &said)
	if err != nil {
		return nil, err
	}
	now := c.clock.Now()
	if k.Schedule.At = ""; at.After(now) {
		k.Schedule.At = at.Format(time.RFC3339)
	}
	if k.Status == campaigns.Scheduled && said.Disabled {
		return nil, refuseField("enabled", "Enabled can't be taken back of a campaign that is scheduled: delete it")
	}
	if k.Status == campaigns.Scheduled && k.Schedule.At == "" {
		return nil, refuseField("scheduled_at", "Scheduled at lies in the past: make another campaign")
	}
	about := k.About
	about.Data = said.data()
	if k, err = c.Campaigns.Update(ctx, k); err != nil {
		return nil, err
	}
	if k, err = c.Campaigns.Describe(ctx, a.account(), k.ID, about); err != nil {
		return nil, err
	}
	if wasDisabled && !said.Disabled && k.Audience.Some() {
		if k, err = c.Campaigns.Start(ctx, a.account(), k.ID, !at.After(now)); err != nil {
			return nil, err
		}
		c.wake()
	}
	return c.campaign(ctx, k)
}

// deleteCampaign takes a campaign away: what is not sent is canceled, what was stays counted.
func (c *Server) deleteCampaign(ctx context.Context, a asked) (any, error) {
	k, err := c.found(ctx, a)
	if err != nil {
		return nil, err
	}
	switch k.Status {
	case campaigns.Draft:
		return nothing(http.StatusOK), c.Campaigns.Delete(ctx, a.account(), k.ID)
	case campaigns.Scheduled, campaigns.Running, campaigns.Paused:
		if _, err := c.Campaigns.Cancel(ctx, a.account(), k.ID, a.caller.Actor()); err != nil {
			return nil, err
		}
	}
	_, err = c.Campaigns.Archive(ctx, a.account(), k.ID)
	return nothing(http.StatusOK), err
}
