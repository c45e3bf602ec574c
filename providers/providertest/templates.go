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
		require.Contains(t, []providers.TemplateStatus{providers.TemplatePending, providers.TemplateApproved, providers.TemplateRejected}, template.Status)
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
	_, err = s.syncer(t, s.open(t, s.Nowhere(shut(t)))).SyncTemplates(t.Context())
	requireTemporary(t, err)
}

func requireTemporary(t testing.TB, err error) {
	t.Helper()
	require.Error(t, err)
	var e *providers.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, providers.ErrorTemporary, e.Kind, err.Error())
}
