package campaigns_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/store"
	"carillon/templates"
)

// outbox keeps what single messages say.
type outbox struct {
	*store.Store
	last providers.Content
}

func (o *outbox) CreateMessage(ctx context.Context, m messages.Outgoing) (messages.Message, error) {
	o.last = providers.Content{}
	if err := json.Unmarshal(m.Content, &o.last); err != nil {
		return messages.Message{}, err
	}
	return o.Store.CreateMessage(ctx, m)
}

// Whatever is rendered before a run has the snippets as they are.
func TestSnippetsArePresent(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	out := &outbox{Store: f.Store}
	s := f.Over(out)
	set := func(text string) {
		t.Helper()
		_, err := s.Catalogue.SetSnippet(ctx, templates.Snippet{AccountID: f.Account, Name: "hi", Text: text})
		require.NoError(t, err)
	}
	c := f.campaign()
	c.Content.Text = "\n{% render 'hi', code: row.code %}"
	_, err := s.Campaigns.Create(ctx, c)
	require.ErrorContains(t, err, `content.text: line 2: there is no snippet "hi"`)
	require.True(t, fault.Is(err, fault.Invalid))
	set("Hi {{ contact.first_name }} {{ code }}")
	c, err = s.Campaigns.Create(ctx, c)
	require.NoError(t, err)
	for _, greeting := range []string{"Hi", "Hey"} {
		set(greeting + " {{ contact.first_name }} {{ code }}")
		forecast, err := s.Campaigns.Preview(ctx, f.Account, c.ID)
		require.NoError(t, err)
		require.Equal(t, "\n"+greeting+" Ada ", forecast.Samples[0].Content.Text)
		_, err = s.Campaigns.Test(ctx, f.Account, c.ID, campaigns.TestTo{Address: "me@example.org"})
		require.NoError(t, err)
		require.Equal(t, "\n"+greeting+" Ada ", out.last.Text)
		_, err = s.Messages.Send(ctx, messages.Notification{
			AccountID: f.Account, ChannelID: f.Text.ID, To: "+4915112345678", Data: map[string]any{"code": "7"}, Content: providers.Content{Text: c.Content.Text},
		})
		require.NoError(t, err)
		require.Equal(t, "\n"+greeting+"  7", out.last.Text)
	}
	_, err = s.Campaigns.Start(ctx, f.Account, c.ID, true)
	require.NoError(t, err)
}
