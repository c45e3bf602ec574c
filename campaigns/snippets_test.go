package campaigns_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/providers"
	"carillon/store"
	"carillon/templates"
)

// outbox keeps what single messages say.
type outbox struct {
	*store.Store
	last providers.Content
}

func (o *outbox) CreateMessage(ctx context.Context, m campaigns.Outgoing) (campaigns.Message, error) {
	o.last = providers.Content{}
	if err := json.Unmarshal(m.Content, &o.last); err != nil {
		return campaigns.Message{}, err
	}
	return o.Store.CreateMessage(ctx, m)
}

// Whatever is rendered before a run has the snippets as they are.
func TestSnippetsArePresent(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	out := &outbox{Store: f.store}
	s := campaigns.NewService(out, kinds{}, f.clock, campaigns.NewTokens(secret.New("a master key for tests alone"), "https://n.example.org"))
	set := func(text string) {
		t.Helper()
		_, err := s.SetSnippet(ctx, campaigns.Snippet{AccountID: f.account, Name: "hi", Text: text})
		require.NoError(t, err)
	}
	c := f.campaign()
	c.Content.Text = "\n{% render 'hi', code: row.code %}"
	_, err := s.Create(ctx, c)
	require.ErrorContains(t, err, `content.text: line 2: there is no snippet "hi"`)
	require.True(t, fault.Is(err, fault.Invalid))
	set("Hi {{ contact.first_name }} {{ code }}")
	c, err = s.Create(ctx, c)
	require.NoError(t, err)
	for _, greeting := range []string{"Hi", "Hey"} {
		set(greeting + " {{ contact.first_name }} {{ code }}")
		forecast, err := s.Preview(ctx, f.account, c.ID)
		require.NoError(t, err)
		require.Equal(t, "\n"+greeting+" Ada ", forecast.Samples[0].Content.Text)
		_, err = s.Test(ctx, f.account, c.ID, "me@example.org", 0)
		require.NoError(t, err)
		require.Equal(t, "\n"+greeting+" Ada ", out.last.Text)
		_, err = s.Send(ctx, campaigns.Notification{
			AccountID: f.account, ChannelID: f.text.ID, To: "+4915112345678", Data: map[string]string{"code": "7"}, Content: providers.Content{Text: c.Content.Text},
		})
		require.NoError(t, err)
		require.Equal(t, "\n"+greeting+"  7", out.last.Text)
	}
	_, err = s.Start(ctx, f.account, c.ID, true)
	require.NoError(t, err)
}

func TestWrongSnippetsAreNotKept(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	for name, c := range map[string]struct {
		name, text string
		want       []string
	}{
		"no name":   {"", "x", []string{"name: must have 1 to 100"}},
		"long name": {strings.Repeat("x", templates.MaxSnippetName+1), "x", []string{"name: must have 1 to 100"}},
		"upwards":   {"a/../b", "x", []string{"name: must have 1 to 100"}},
		"slash":     {"/a", "x", []string{"name: must have 1 to 100"}},
		"letters":   {"grüße", "x", []string{"name: must have 1 to 100"}},
		"both":      {"a b", strings.Repeat("x", templates.MaxSnippetBytes+1), []string{"name: must have 1 to 100", "text: at most 64 KiB"}},
		"filter":    {"a", "x\n{{ x | shout }}", []string{`text: line 2: unknown filter "shout"`}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, save := range []func(context.Context, campaigns.Snippet) (campaigns.Snippet, error){f.CreateSnippet, f.SetSnippet} {
				_, err := save(ctx, campaigns.Snippet{AccountID: f.account, Name: c.name, Text: c.text})
				require.True(t, fault.Is(err, fault.Invalid))
				for _, want := range c.want {
					require.ErrorContains(t, err, want)
				}
			}
		})
	}
	list, err := f.ListSnippets(ctx, f.account, "", 10)
	require.NoError(t, err)
	require.Empty(t, list)
	for _, fine := range []string{strings.Repeat("x", templates.MaxSnippetName), "a.b-c_D/9", "..."} {
		_, err := f.CreateSnippet(ctx, campaigns.Snippet{AccountID: f.account, Name: fine, Text: strings.Repeat("x", templates.MaxSnippetBytes)})
		require.NoError(t, err)
		_, err = f.GetSnippet(ctx, f.account, fine)
		require.NoError(t, err)
		require.NoError(t, f.DeleteSnippet(ctx, f.account, fine))
	}
}
