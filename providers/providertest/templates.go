package providertest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/sink"
	"carillon/providers"
)

// syncer is the adapter as one that lists templates.
func (s Subject) syncer(t testing.TB, p providers.Provider) providers.TemplateSyncer {
	t.Helper()
	syncer, ok := p.(providers.TemplateSyncer)
	require.True(t, ok, "Capabilities.Templates promises a TemplateSyncer")
	return syncer
}

// templates has every template of the far end listed, once, and nothing sent; and a
// list that can't be had is an error, never a short list.
func (s Subject) templates(t testing.TB) {
	require.NotEmpty(t, s.Templates)
	far := s.Serve(t, sink.Options{})
	syncer := s.syncer(t, s.open(t, far.Config))
	found, err := syncer.SyncTemplates(t.Context())
	require.NoError(t, err)
	require.ElementsMatch(t, s.Templates, found)
	named := map[[2]string]bool{}
	for _, template := range found {
		require.NotEmpty(t, template.Name)
		require.NotEmpty(t, template.Body)
		require.Contains(t, providers.TemplateStatuses(), template.Status)
		if template.Status == providers.TemplateApproved {
			require.Empty(t, template.Reason, "what can be used needs no reason")
		}
		key := [2]string{template.Name, template.Language}
		require.NotContains(t, named, key, "name and language name one")
		named[key] = true
	}
	require.Zero(t, far.Tally.Asked(), "to list sends nothing")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = syncer.SyncTemplates(ctx)
	require.ErrorIs(t, err, context.Canceled)
	requireTemporary(t, err)
	nowhere := s.syncer(t, s.open(t, s.Nowhere(shut(t))))
	_, err = nowhere.SyncTemplates(t.Context())
	requireTemporary(t, err)

	submitter, submits := syncer.(providers.TemplateSubmitter)
	if !submits {
		return
	}
	one := providers.NewTemplate{Name: "handed_in", Language: "en", Category: "utility", Body: "Hello"}
	_, err = submitter.SubmitTemplate(ctx, one)
	require.ErrorIs(t, err, context.Canceled)
	requireTemporary(t, err)
	_, err = nowhere.(providers.TemplateSubmitter).SubmitTemplate(t.Context(), one)
	requireTemporary(t, err)
	require.Zero(t, far.Tally.Asked(), "to hand in sends nothing")
}

func requireTemporary(t testing.TB, err error) {
	t.Helper()
	require.Error(t, err)
	var e *providers.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, providers.ErrorTemporary, e.Kind, err.Error())
}

// kept sends messages as templates that the provider has approved: they arrive as these, with
// what fills their places. What the content says in words is for others to read.
func (s Subject) kept(t testing.TB) {
	text := s.message(1).Content.Text
	for _, c := range []providers.Content{
		{Kept: &providers.KeptTemplate{Name: "hello", Language: "en"}},
		{Kept: &providers.KeptTemplate{
			Name: "order_sent", Language: "pt-BR", Header: []providers.PlaceValue{{Place: "1", Value: `Größe "1" & <2>`}},
			Body: []providers.PlaceValue{{Place: "1", Value: "Zoë"}, {Place: "2", Value: "{{1}} 7 €"}},
			Buttons: []providers.ButtonValue{
				{Index: 0, Type: providers.TemplateURL, Value: "a%20b?x=1&y=2"}, {Index: 2, Type: providers.TemplateCopyCode, Value: "SAVE 10%"},
			},
		}},
		{
			Attachment: &providers.Attachment{URL: attachment.URL, Filename: attachment.Filename},
			Buttons:    []providers.MessageButton{{Type: providers.ButtonPostback, Caption: "Yes"}},
			Kept: &providers.KeptTemplate{
				Name: "bill", Language: "de", Body: []providers.PlaceValue{{Place: "first_name", Value: "Zoë"}, {Place: "sum", Value: "7"}},
			},
		},
	} {
		c.Text = text
		got := s.alone(t, c)
		require.Equal(t, c.Kept, got.Kept, "Capabilities.Templates promises that an approved template arrives as such")
		if c.Attachment != nil {
			require.NotNil(t, got.Attachment, "with the file of its header")
			require.Equal(t, c.Attachment.URL, got.Attachment.URL)
		}
	}
}
