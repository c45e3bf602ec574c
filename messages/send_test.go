package messages_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/messages"
	"carillon/providers"
	"carillon/services/servicestest"
	"carillon/templates"
)

func TestSend(t *testing.T) {
	f := servicestest.New(t)
	ctx := t.Context()
	content := providers.Content{Text: "Hi {{ contact.first_name | default: 'you' }}, {{ row.code }}"}
	m, err := f.Messages.Send(ctx, messages.Notification{
		AccountID: f.Account, ChannelID: f.Text.ID, To: "+49 151 12345678", Content: content, Data: map[string]any{"code": "123"},
	})
	require.NoError(t, err)
	require.Equal(t, "+4915112345678", m.Address)
	require.Equal(t, messages.Transactional, m.Priority)
	m, err = f.Messages.Send(ctx, messages.Notification{AccountID: f.Account, ChannelID: f.Text.ID, ContactID: f.People["Cy"].ID, Content: content})
	require.NoError(t, err)
	require.Equal(t, f.People["Cy"].ID, m.ContactID)
	_, err = f.Catalogue.CreateTemplate(ctx, templates.Template{AccountID: f.Account, Name: "code", Definition: templates.Definition{
		Kinds: []providers.AddressKind{f.Text.Address}, Default: "en",
		Parameters:   []templates.Parameter{{Name: "1", Value: "{{ row.code }}", Sample: "123"}},
		Translations: []templates.Translation{{Language: "en", Body: "Your code: {{1}}"}, {Language: "de", Body: "Ihr Code: {{1}}"}},
	}})
	require.NoError(t, err)
	for language, want := range map[string]string{"": "Your code: 123", "de": "Ihr Code: 123"} {
		m, err = f.Messages.Send(ctx, messages.Notification{
			AccountID: f.Account, ChannelID: f.Text.ID, To: "+4915112345678",
			Template: &templates.Use{Name: "code", Language: language}, Data: map[string]any{"code": "123"},
		})
		require.NoError(t, err)
		said, err := f.Messages.Content(ctx, m)
		require.NoError(t, err)
		require.Equal(t, want, said.Text)
	}
	for name, c := range map[string]struct {
		change func(*messages.Notification)
		want   string
	}{
		"no template": {func(n *messages.Notification) { n.Content, n.Template = providers.Content{}, &templates.Use{Name: "x"} },
			"content.template.name: there is no such template"},
		"two contents": {func(n *messages.Notification) { n.Template = &templates.Use{Name: "code"} }, "content.template: give either"},
		"nobody":       {func(n *messages.Notification) { n.To = "" }, "to: say to whom"},
		"both":         {func(n *messages.Notification) { n.ContactID = 1 }, "either to or contact_id"},
		"no number":    {func(n *messages.Notification) { n.To = "hello" }, "to: "},
		"stranger":     {func(n *messages.Notification) { n.To, n.ContactID = "", 99 }, "there is no such contact"},
		"no address":   {func(n *messages.Notification) { n.To, n.ContactID = "", f.People["Bob"].ID }, "has no phone address"},
		"no channel":   {func(n *messages.Notification) { n.ChannelID = 99 }, "channel_id"},
		"no content":   {func(n *messages.Notification) { n.Content = providers.Content{} }, "content.text"},
		"template":     {func(n *messages.Notification) { n.Content.Text = "{{" }, "content.text: line 1"},
	} {
		t.Run(name, func(t *testing.T) {
			n := messages.Notification{AccountID: f.Account, ChannelID: f.Text.ID, To: "+4915112345678", Content: content}
			c.change(&n)
			_, err := f.Messages.Send(ctx, n)
			require.ErrorContains(t, err, c.want)
			require.True(t, fault.Is(err, fault.Invalid))
		})
	}
}

// A program gives what an order is made of, and is told what it forgot.
func TestDataOfAnyKind(t *testing.T) {
	f := servicestest.New(t)
	ctx := t.Context()
	order := messages.Notification{
		AccountID: f.Account, ChannelID: f.Mail.ID, To: "eve@example.org",
		Content: providers.Content{Subject: "Your order", Text: "{% for item in row.items %}" +
			"{{ item.count }} x {{ item.name }}: {{ item.price | times: item.count }}\n{% endfor %}" +
			"{{ row.total }} {{ row.paid }} {{ row.to.city }} {{ row.tags }} {{ row.forgotten }}"},
		Data: map[string]any{
			"items": []any{map[string]any{"name": "Tulip", "count": 2, "price": 1.25}, map[string]any{"name": "Rose", "count": 1, "price": 3}},
			"total": 5.5, "paid": true, "to": map[string]any{"city": "München"}, "tags": []any{"a", "b"},
		},
		Metadata: map[string]string{"order": "4711"},
	}
	const want = "2 x Tulip: 2.5\n1 x Rose: 3\n5.5 true München a, b "
	p, err := f.Messages.Preview(ctx, order)
	require.NoError(t, err)
	require.Equal(t, want, p.Content.Text)
	require.Equal(t, "eve@example.org", p.To)
	require.Len(t, p.Notices, 1)
	require.Contains(t, p.Notices[0], "row.forgotten is not known and renders as nothing")
	list, err := f.Messages.List(ctx, messages.MessageFilter{AccountID: f.Account, Limit: 10})
	require.NoError(t, err)
	require.Empty(t, list, "a preview sends nothing")

	m, notices, err := f.Messages.SendNoting(ctx, order)
	require.NoError(t, err)
	require.Equal(t, p.Notices, notices)
	said, err := f.Messages.Content(ctx, m)
	require.NoError(t, err)
	require.Equal(t, want, said.Text)
	for value, n := range map[string]int{"4711": 1, "4712": 0} {
		list, err := f.Messages.List(ctx, messages.MessageFilter{AccountID: f.Account, Metadata: map[string]string{"order": value}, Limit: 10})
		require.NoError(t, err)
		require.Len(t, list, n)
		for _, found := range list {
			require.Equal(t, order.Metadata, found.Metadata)
		}
	}

	deep := any("x")
	for range 40 {
		deep = []any{deep}
	}
	for name, c := range map[string]struct {
		change func(*messages.Notification)
		want   string
	}{
		"over":      {func(n *messages.Notification) { n.DueAt = f.Clock.Now().Add(-time.Hour) }, "due_at: is over"},
		"deep":      {func(n *messages.Notification) { n.Data = map[string]any{"a": deep} }, "data: has lists or objects more than"},
		"too large": {func(n *messages.Notification) { n.Data = map[string]any{"a": strings.Repeat("x", 300_000)} }, "data: has 300008 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			n := order
			c.change(&n)
			_, err := f.Messages.Preview(ctx, n)
			require.ErrorContains(t, err, c.want)
			_, err = f.Messages.Send(ctx, n)
			require.ErrorContains(t, err, c.want)
		})
	}
	// Who does not want any more is told of beforehand.
	bounced := contacts.Suppression{AccountID: f.Account, Kind: f.Mail.Address, Address: order.To, Reason: contacts.Bounced}
	_, err = f.Store.SuppressAll(ctx, f.Account, []contacts.Suppression{bounced}, "api", "me")
	require.NoError(t, err)
	p, err = f.Messages.Preview(ctx, order)
	require.NoError(t, err)
	require.Equal(t, messages.ReasonSuppressed, p.Skipped)
}

func TestUnsubscribeByToken(t *testing.T) {
	f := servicestest.New(t)
	ctx := t.Context()
	tokens := messages.NewTokens(secret.NewRing(secret.New(servicestest.MasterKey)), messages.NewHosts(""))
	m, err := f.Messages.Send(ctx, messages.Notification{AccountID: f.Account, ChannelID: f.Text.ID, To: "+4915112345678", Content: providers.Content{Text: "x"}})
	require.NoError(t, err)
	for _, u := range []messages.Unsubscriber{
		{AccountID: f.Account, MessageID: m.ID},
		{AccountID: f.Account, Kind: providers.Email, Address: "ada@example.org"},
	} {
		for range 2 {
			_, err = f.Messages.Unsubscribe(ctx, tokens.Make(u))
			require.NoError(t, err)
		}
		found, err := f.Messages.Unsubscriber(ctx, tokens.Make(u))
		require.NoError(t, err)
		suppressed, err := f.Store.Suppressed(ctx, f.Account, found.Kind, found.Address)
		require.NoError(t, err)
		require.True(t, suppressed)
	}
}
