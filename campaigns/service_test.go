package campaigns_test

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"carillon/campaigns"
	"carillon/campaigns/schedule"
	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/services/servicestest"
	"carillon/store"
	"carillon/targeting"
	"carillon/templates"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// noon is when the tests take place.
var noon = servicestest.Noon

// fixture is the services over a store with three people, those for campaigns at
// hand.
type fixture struct {
	*servicestest.Fixture
	*campaigns.Service
}

func newFixture(t *testing.T) fixture {
	f := servicestest.New(t)
	return fixture{f, f.Campaigns}
}

func (f fixture) campaign() campaigns.Campaign {
	return campaigns.Campaign{
		AccountID: f.Account, Name: "Spring", ChannelID: f.Mail.ID, Audience: targeting.Audience{All: true},
		Content: providers.Content{Subject: "Hello {{ contact.first_name }}", Text: "{{ campaign.name }} {{ unsubscribe_url }}"},
	}
}

func (f fixture) create(t *testing.T) campaigns.Campaign {
	c, err := f.Create(t.Context(), f.campaign())
	require.NoError(t, err)
	return c
}

func TestCreateRefuses(t *testing.T) {
	f := newFixture(t)
	chat, err := f.Channels.Create(t.Context(), providers.Channel{AccountID: f.Account, Name: "chat", Provider: "chat", Config: json.RawMessage(`{}`)}, "test")
	require.NoError(t, err)
	for name, c := range map[string]struct {
		change func(*campaigns.Campaign)
		want   []string
	}{
		"nothing":         {func(c *campaigns.Campaign) { *c = campaigns.Campaign{AccountID: f.Account} }, []string{"name:", "channel_id:", "audience:"}},
		"strange channel": {func(c *campaigns.Campaign) { c.ChannelID = 99 }, []string{"channel_id: there is no such channel"}},
		"strange audience": {func(c *campaigns.Campaign) { c.Audience = targeting.Audience{Groups: []int64{7}, Contacts: []int64{8}} },
			[]string{"audience.groups[0]: there is no group 7", "audience.contacts[0]"}},
		"strange excluded": {func(c *campaigns.Campaign) {
			c.Audience.Exclude = &targeting.Exclude{Uploads: []int64{7}, Campaigns: []int64{8}}
		}, []string{"audience.exclude.uploads[0]", "audience.exclude.campaigns[0]"}},
		"no subject": {func(c *campaigns.Campaign) { c.Content.Subject = " " }, []string{"content.subject: e-mail needs a subject"}},
		"no words":   {func(c *campaigns.Campaign) { c.Content = providers.Content{Subject: "x"} }, []string{"content.text: there is nothing to send"}},
		"a file alone": {func(c *campaigns.Campaign) {
			c.Content = providers.Content{Subject: "x", Attachment: &providers.Attachment{URL: "https://example.org/menu.pdf"}}
		}, []string{"content.text: a mail channel writes an attachment as a link"}},
		"preheader alone": {func(c *campaigns.Campaign) { c.Content.Preheader = "x" }, []string{"content.preheader"}},
		"syntax":          {func(c *campaigns.Campaign) { c.Content.Text = "a\n{{ x | shout }}" }, []string{`content.text: line 2: unknown filter "shout"`}},
		"attachment":      {func(c *campaigns.Campaign) { c.Content.Attachment = &providers.Attachment{URL: "menu.pdf"} }, []string{"content.attachment.url"}},
		"subject on a phone": {func(c *campaigns.Campaign) { c.ChannelID = f.Text.ID; c.Content.HTML = "x" },
			[]string{"content.subject: a text channel sends no subject", "content.html"}},
		"too long": {func(c *campaigns.Campaign) {
			c.ChannelID = f.Text.ID
			c.Content = providers.Content{Text: strings.Repeat("x", 161)}
		}, []string{"has 161 bytes"}},
		"buttons": {func(c *campaigns.Campaign) {
			c.Content.Buttons = []providers.MessageButton{
				{Type: "link", Caption: "Shop", Info: "example.org"}, {Type: "share", Caption: "Shop", Info: "javascript:{{ x }}"},
				{Type: "call", Caption: " ", Info: "0301234567"}, {Type: "postback", Caption: strings.Repeat("x", 26)}, {Type: "postback", Caption: "a\nb"},
				{Type: "press", Caption: "x"}, {Type: "postback", Caption: "{{ x | shout }}"}, {Type: "postback", Caption: "Yes", Info: strings.Repeat("x", 2001)},
				{Type: "link", Caption: "Shop", Info: "{{ row.shop }}"}, {Type: "call", Caption: "Call", Info: "{{ row.phone }}"}, {Type: "postback", Caption: "11"},
			}
		}, []string{
			"content.buttons: at most 10 buttons", "content.buttons[0].info: a link button needs an address", "content.buttons[1].info",
			"content.buttons[2].caption: a button needs a caption", "content.buttons[2].info: a call button needs a number", "content.buttons[3].caption",
			"content.buttons[4].caption: must be one line", "content.buttons[5].type: must be link", `content.buttons[6].caption: line 1: unknown filter "shout"`,
			"content.buttons[7].info: has 2001 bytes",
		}},
		"too long with its buttons": {func(c *campaigns.Campaign) {
			c.ChannelID = f.Text.ID
			c.Content = providers.Content{Text: strings.Repeat("x", 150), Buttons: []providers.MessageButton{{Type: "call", Caption: "Call", Info: "+49301234567"}}}
		}, []string{"has 170 bytes with the buttons that stand in it"}},
		"too long in UTF-16": {func(c *campaigns.Campaign) {
			c.ChannelID = chat.ID
			c.Content = providers.Content{Text: strings.Repeat("😀", 2048) + "x"}
		}, []string{"content.text: has 4097 letters, an emoji counted as two; a chat channel sends at most 4096"}},
		"too long beside a file": {func(c *campaigns.Campaign) {
			c.ChannelID = chat.ID
			file := &providers.Attachment{URL: "https://x.org/a.jpg", Caption: strings.Repeat("x", 24)}
			c.Content = providers.Content{Text: strings.Repeat("я", 1000), Attachment: file}
		}, []string{"content.text: has 1025 letters", "at most 1024 beside a file"}},
		"weight":   {func(c *campaigns.Campaign) { c.Weight = 101 }, []string{"weight: must be from 1 to 100"}},
		"schedule": {func(c *campaigns.Campaign) { c.Schedule.At = "tomorrow" }, []string{"schedule.at: not a time"}},
		"zone":     {func(c *campaigns.Campaign) { c.Schedule.Timezone = "Mars" }, []string{"schedule.timezone"}},
	} {
		t.Run(name, func(t *testing.T) {
			wrong := f.campaign()
			c.change(&wrong)
			_, err := f.Create(t.Context(), wrong)
			require.True(t, fault.Is(err, fault.Invalid), "%v", err)
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
	list, err := f.List(t.Context(), campaigns.Filter{AccountID: f.Account, Limit: 10})
	require.NoError(t, err)
	require.Empty(t, list, "what is refused changes nothing")
}

func TestDraft(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	c := f.create(t)
	require.Equal(t, campaigns.Draft, c.Status)
	require.Equal(t, 1, c.Weight)
	require.Equal(t, noon, c.CreatedAt)
	c.Name = " Summer "
	c, err := f.Update(ctx, c)
	require.NoError(t, err)
	require.Equal(t, "Summer", c.Name)
	copied, err := f.Duplicate(ctx, f.Account, c.ID, campaigns.Duplicating{})
	require.NoError(t, err)
	require.Equal(t, "Copy of Summer", copied.Name)
	list, err := f.List(ctx, campaigns.Filter{AccountID: f.Account, Status: campaigns.Draft, Limit: 1})
	require.NoError(t, err)
	require.Equal(t, copied.ID, list[0].ID)
	list, err = f.List(ctx, campaigns.Filter{AccountID: f.Account, Before: list[0].ID, Limit: 10})
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.NoError(t, f.Delete(ctx, f.Account, c.ID))
	_, err = f.Get(ctx, f.Account, c.ID)
	require.True(t, fault.Is(err, fault.NotFound))
	_, err = f.Get(ctx, f.Account+1, copied.ID)
	require.True(t, fault.Is(err, fault.NotFound), "another account's")
}

func TestPreview(t *testing.T) {
	f := newFixture(t)
	c := f.campaign()
	c.Throttle.PerSecond = 0.5
	c.Audience.Exclude = &targeting.Exclude{Contacts: []int64{f.People["Cy"].ID}}
	made, err := f.Create(t.Context(), c)
	require.NoError(t, err)
	forecast, err := f.Preview(t.Context(), f.Account, made.ID)
	require.NoError(t, err)
	require.Equal(t, campaigns.Preview{Total: 3, Reachable: 1, Skipped: map[string]int64{messages.ReasonOptedOut: 1, messages.ReasonExcluded: 1}},
		forecast.Preview)
	require.Equal(t, 2*time.Second, forecast.Duration)
	require.Equal(t, "campaign.per_second", forecast.LimitedBy)
	require.Len(t, forecast.Samples, 1)
	require.Equal(t, "Hello Ada", forecast.Samples[0].Content.Subject)
	require.Contains(t, forecast.Samples[0].Content.Text, "Spring https://n.example.org/u/")
}

func TestStart(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	c := f.create(t)
	started, err := f.Start(ctx, f.Account, c.ID, false)
	require.NoError(t, err)
	require.Equal(t, campaigns.Running, started.Status)
	runs, err := f.Runs(ctx, f.Account, c.ID, 0, 10)
	require.NoError(t, err)
	require.Len(t, runs, 1)
	require.Equal(t, started.RunID, runs[0].ID)
	_, err = f.Start(ctx, f.Account, c.ID, false)
	require.True(t, fault.Is(err, fault.Conflict))
	renamed := c
	renamed.Name = "Spring, renamed"
	renamed, err = f.Update(ctx, renamed)
	require.NoError(t, err)
	require.Equal(t, "Spring, renamed", renamed.Name)
	said := c
	said.Content.Text = "another"
	_, err = f.Update(ctx, said)
	require.True(t, fault.Is(err, fault.Conflict))
	_, err = f.Correct(ctx, said, true, "tester")
	require.ErrorContains(t, err, "pause it first")
	_, err = f.Duplicate(ctx, f.Account, c.ID, campaigns.Duplicating{Rest: true})
	require.ErrorContains(t, err, "cancel it first")
	require.True(t, fault.Is(f.Delete(ctx, f.Account, c.ID), fault.Conflict))
	paused, err := f.Pause(ctx, f.Account, c.ID, "tester")
	require.NoError(t, err)
	require.Equal(t, campaigns.Paused, paused.Status)
	resumed, err := f.Resume(ctx, f.Account, c.ID, "tester")
	require.NoError(t, err)
	require.Equal(t, campaigns.Running, resumed.Status)
	canceled, err := f.Cancel(ctx, f.Account, c.ID, "tester")
	require.NoError(t, err)
	require.Equal(t, campaigns.Canceled, canceled.Status)
	proofs, err := f.Verify(ctx, f.Account, c.ID)
	require.NoError(t, err)
	require.Len(t, proofs, 1)
	require.Empty(t, proofs[0].Problems)
}

func TestScheduled(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	c := f.campaign()
	c.Schedule.At = "2026-03-01T12:59"
	past, err := f.Create(ctx, c)
	require.NoError(t, err)
	_, err = f.Start(ctx, f.Account, past.ID, false)
	require.ErrorContains(t, err, "schedule.at: is over (it was 2026-03-01T11:59:00Z)")

	c.Schedule.At = "2026-03-01T14:00" // in Berlin: the channel's zone
	made, err := f.Create(ctx, c)
	require.NoError(t, err)
	scheduled, err := f.Start(ctx, f.Account, made.ID, false)
	require.NoError(t, err)
	require.Equal(t, campaigns.Scheduled, scheduled.Status)
	require.Equal(t, noon.Add(time.Hour), *scheduled.NextFireAt)

	scheduled.Schedule.At = "2026-03-01T15:00"
	moved, err := f.Update(ctx, scheduled)
	require.NoError(t, err)
	require.Equal(t, noon.Add(2*time.Hour), *moved.NextFireAt)
	moved.Schedule.At = ""
	_, err = f.Update(ctx, moved)
	require.ErrorContains(t, err, "needs a time")

	again, err := f.Schedule(ctx, f.Account, made.ID, campaigns.Schedule{At: "2026-03-02T09:00", Schedule: schedule.Schedule{Timezone: "UTC"}})
	require.NoError(t, err)
	require.Equal(t, time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), *again.NextFireAt)
	now, err := f.Start(ctx, f.Account, made.ID, true)
	require.NoError(t, err)
	require.Equal(t, campaigns.Running, now.Status)
}

func TestTestMessage(t *testing.T) {
	f := newFixture(t)
	c := f.create(t)
	m, err := f.Test(t.Context(), f.Account, c.ID, campaigns.TestTo{Address: "Me@Example.org"})
	require.NoError(t, err)
	require.Equal(t, "me@example.org", m.Address)
	require.Zero(t, m.ContactID)
	require.Zero(t, m.RunID)
	_, err = f.Messages.TestChannel(t.Context(), f.Account, f.Mail.ID, "me@example.org")
	require.NoError(t, err)
	got, err := f.Get(t.Context(), f.Account, c.ID)
	require.NoError(t, err)
	require.Equal(t, campaigns.Draft, got.Status)
}

func TestExplain(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	c := f.create(t)
	_, err := f.Explain(ctx, f.Account, c.ID, "ada@example.org")
	require.ErrorContains(t, err, "it has not been started")
	started, err := f.Start(ctx, f.Account, c.ID, false)
	require.NoError(t, err)
	_, err = f.Store.PlanBatch(ctx, started.RunID, 100)
	require.NoError(t, err)
	found, err := f.Explain(ctx, f.Account, c.ID, "ada@example.org")
	require.NoError(t, err)
	require.Len(t, found.Messages, 1)
	require.Contains(t, found.Says[0], "not yet: it waits")
	require.Equal(t, messages.Pending, found.Messages[0].Message.State)
	found, err = f.Explain(ctx, f.Account, c.ID, strconv.FormatInt(f.People["Bob"].ID, 10))
	require.NoError(t, err)
	require.Equal(t, messages.ReasonOptedOut, found.Messages[0].Message.Reason)
	_, err = f.Explain(ctx, f.Account, c.ID, "nobody@example.org")
	require.ErrorContains(t, err, "not in the campaign's audience")
}

// searches is a store that counts how often a campaign is gone through for an
// address.
type searches struct {
	*store.Store
	n int
}

func (s *searches) ListMessages(ctx context.Context, f messages.MessageFilter) ([]messages.Message, error) {
	if f.ContactID == 0 {
		s.n++
	}
	return s.Store.ListMessages(ctx, f)
}

// An address may have changed hands since the campaign was planned. Only then is
// the campaign searched for it.
func TestExplainFindsAnAddressWhoeverHasIt(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	late, err := f.Store.CreateContact(ctx, contacts.Contact{AccountID: f.Account, FirstName: "Di", Status: contacts.Active})
	require.NoError(t, err)
	_, err = f.Store.CreateContact(ctx, contacts.Contact{AccountID: f.Account, FirstName: "Eve", Status: contacts.Active,
		Addresses: map[providers.AddressKind]string{providers.Email: "eve@example.org"}})
	require.NoError(t, err)
	f.Clock.Advance(time.Hour)
	draft := f.campaign()
	draft.Audience = targeting.Audience{Contacts: []int64{f.People["Ada"].ID, f.People["Bob"].ID, late.ID}}
	c, err := f.Create(ctx, draft)
	require.NoError(t, err)
	started, err := f.Start(ctx, f.Account, c.ID, false)
	require.NoError(t, err)
	_, err = f.Store.PlanBatch(ctx, started.RunID, 100)
	require.NoError(t, err)
	f.Clock.Advance(time.Hour)
	give := func(contactID int64, email string) {
		_, err := f.Store.UpdateContact(ctx, f.Account, contactID, func(c *contacts.Contact) error {
			c.Addresses = map[providers.AddressKind]string{providers.Email: email}
			return nil
		})
		require.NoError(t, err)
	}
	give(f.People["Ada"].ID, "countess@example.org")
	give(f.People["Cy"].ID, "ada@example.org")
	give(late.ID, "di@example.org")
	spy := &searches{Store: f.Store}
	service := f.Over(spy).Campaigns
	for _, test := range []struct {
		recipient string
		contactID int64 // 0: nobody was written to
		searches  int
		says      string
	}{
		{"bob@example.org", f.People["Bob"].ID, 0, "has it still"},
		{"eve@example.org", 0, 0, "has had it since before the campaign, and is not in it"},
		{"ada@example.org", f.People["Ada"].ID, 1, "Cy has it now, and the message went to Ada"},
		{"countess@example.org", f.People["Ada"].ID, 1, "nothing went there; who has it was written to elsewhere"},
		{"di@example.org", late.ID, 1, "had none when the campaign was planned"},
		{"nobody@example.org", 0, 1, "nobody has it"},
	} {
		spy.n = 0
		found, err := service.Explain(ctx, f.Account, c.ID, test.recipient)
		if test.contactID == 0 {
			require.ErrorContains(t, err, "not in the campaign's audience", test.says)
		} else {
			require.NoError(t, err, test.says)
			require.Len(t, found.Messages, 1, test.says)
			require.Equal(t, test.contactID, found.Messages[0].Message.ContactID, test.says)
		}
		require.Equal(t, test.searches, spy.n, test.says)
	}
}

func TestAChannelInUseIsNotDeleted(t *testing.T) {
	f := newFixture(t)
	f.create(t)
	err := f.Channels.Delete(t.Context(), f.Account, f.Mail.ID)
	require.True(t, fault.Is(err, fault.Conflict))
	require.ErrorContains(t, err, "cancel it or give it another channel first")
}

func TestACampaignSaysWhatATemplateSays(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	c := f.campaign()
	c.Template = &templates.Use{Name: "hello"}
	_, err := f.Create(ctx, c)
	require.ErrorContains(t, err, "content.template: give either a template or texts")
	c.Content = providers.Content{}
	_, err = f.Create(ctx, c)
	require.ErrorContains(t, err, "content.template.name: there is no such template")
	_, err = f.Catalogue.CreateTemplate(ctx, templates.Template{AccountID: f.Account, Name: "hello", Definition: templates.Definition{
		Category: "utility", Kinds: []providers.AddressKind{providers.Email}, Default: "en", Translations: []templates.Translation{
			{Language: "de", Email: &templates.Email{Subject: "Hallo {{ contact.first_name }}", HTML: "<p>Guten Tag</p>"}},
			{Language: "en", Email: &templates.Email{Subject: "Hello {{ contact.first_name }}", HTML: "<p>Good day</p>"}},
		},
	}})
	require.NoError(t, err)
	c, err = f.Create(ctx, c)
	require.NoError(t, err)
	forecast, err := f.Preview(ctx, f.Account, c.ID)
	require.NoError(t, err)
	require.NotEmpty(t, forecast.Samples)
	require.Equal(t, "en", forecast.Samples[0].Language)
	require.Equal(t, "Hello Ada", forecast.Samples[0].Content.Subject)
	var covered int64
	for _, l := range forecast.Coverage.Languages {
		covered += l.People
	}
	require.Equal(t, forecast.Reachable, covered, "everybody who is sent to gets a language")
	sent, err := f.Test(ctx, f.Account, c.ID, campaigns.TestTo{Address: "me@example.org"})
	require.NoError(t, err)
	require.Equal(t, "me@example.org", sent.Address)
}

func TestTheScheduleOfWhatRecursIsChangedWhileItDoes(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	c := f.create(t)
	weekly := campaigns.Schedule{Schedule: schedule.Schedule{Cron: []string{"0 9 * * MON"}, Timezone: "UTC"}}
	c, err := f.Schedule(ctx, f.Account, c.ID, weekly)
	require.NoError(t, err)
	require.Equal(t, campaigns.Scheduled, c.Status)
	run, err := f.Trigger(ctx, f.Account, c.ID, "ada")
	require.NoError(t, err)
	require.Equal(t, campaigns.RunPlanning, run.Status)
	weekly.Cron = []string{"0 9 * * TUE"}
	c, err = f.Schedule(ctx, f.Account, c.ID, weekly)
	require.NoError(t, err)
	require.Equal(t, campaigns.Running, c.Status)
	require.Equal(t, time.Tuesday, c.NextFireAt.Weekday())
	_, err = f.Schedule(ctx, f.Account, c.ID, campaigns.Schedule{At: "2031-01-01T09:00"})
	require.ErrorContains(t, err, "can't begin or cease to recur")
}
