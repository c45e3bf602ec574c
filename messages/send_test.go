package messages_test

import (
	"testing"

	"github.com/stretchr/testify/require"

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
		AccountID: f.Account, ChannelID: f.Text.ID, To: "+49 151 12345678", Content: content, Data: map[string]string{"code": "123"},
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
			Template: &templates.Use{Name: "code", Language: language}, Data: map[string]string{"code": "123"},
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

func TestUnsubscribeByToken(t *testing.T) {
	f := servicestest.New(t)
	ctx := t.Context()
	tokens := messages.NewTokens(secret.New(servicestest.MasterKey), "")
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
