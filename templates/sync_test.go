package templates_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/fault"
	"carillon/providers"
	"carillon/services/servicestest"
	"carillon/templates"
	"carillon/templates/liquid"
)

// What a provider has approved is asked for by its name, with what fills its places; what it has
// not goes as a text, and what it keeps no more is a draft.
func TestStatesAreTakenOverFromTheProvider(t *testing.T) {
	f := servicestest.New(t)
	ctx := t.Context()
	made, err := f.Catalogue.CreateTemplate(ctx, shipped(f.Account))
	require.NoError(t, err)
	channel := f.Text
	channel.Address = providers.WhatsApp
	states := func() map[string]templates.State {
		got, err := f.Catalogue.GetTemplate(ctx, f.Account, made.ID, 0)
		require.NoError(t, err)
		found := map[string]templates.State{}
		for _, a := range got.Statuses {
			require.Equal(t, channel.ID, a.ChannelID)
			found[a.Language] = a.State
		}
		return found
	}
	kept := []providers.Template{
		{Name: "order_shipped", Language: "pt_BR", Status: providers.TemplateApproved, Body: "Olá {{ 1 }},  {{2}} saiu."},
		{Name: "order_shipped", Language: "en", Status: providers.TemplatePending, Body: "Hello {{1}}, {{2}} is on its way."},
		{Name: "order_shipped", Language: "it", Status: providers.TemplateApproved, Body: "Ciao"},
		{Name: "another", Language: "en", Status: providers.TemplateApproved, Body: "x"},
	}
	list, err := f.Catalogue.Sync(ctx, f.Account, channel.ID, kept)
	require.NoError(t, err)
	require.Equal(t, []templates.Synced{
		{Template: kept[0], TemplateID: made.ID, Changed: true}, {Template: kept[1], TemplateID: made.ID, Changed: true}, {Template: kept[2]}, {Template: kept[3]},
	}, list)
	require.Equal(t, map[string]templates.State{"pt-BR": templates.Approved, "en": templates.Pending}, states())

	r, err := f.Catalogue.Resolve(ctx, templates.Use{Name: "order_shipped", Params: templates.Params{"2": "{{ contact.first_name }}'s"}}, channel)
	require.NoError(t, err)
	text, err := json.Marshal(r) // as a run keeps it
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &r))
	compiled, err := r.Compile(nil)
	require.NoError(t, err)
	render := func(language string) providers.Content {
		content, _, _, err := compiled.For(language)
		require.NoError(t, err)
		rendered, err := content.Render(ctx, liquid.Vars{Contact: liquid.Contact{Name: "Ada\nLovelace", FirstName: "Ada"}})
		require.NoError(t, err)
		return rendered
	}
	require.Nil(t, render("en").Kept, "it waits to be approved")
	for range 2 { // nothing of one recipient is left for the next
		said := render("pt-BR")
		require.Equal(t, &providers.KeptTemplate{
			Name: "order_shipped", Language: "pt-BR", Header: []providers.PlaceValue{{Place: "2", Value: "Ada's"}},
			Body: []providers.PlaceValue{{Place: "1", Value: "Ada Lovelace"}, {Place: "2", Value: "Ada's"}},
		}, said.Kept)
		require.Contains(t, said.Text, "Ada's saiu", "who reads it here reads the whole text")
		text, err := said.Store()
		require.NoError(t, err)
		again, err := providers.ReadContent(text)
		require.NoError(t, err)
		require.Equal(t, said, again)
	}

	// The same again changes nothing; a template without a place, with buttons that have some.
	kept[1].Status = providers.TemplateApproved
	list, err = f.Catalogue.Sync(ctx, f.Account, channel.ID, kept)
	require.NoError(t, err)
	require.Equal(t, []bool{false, true, false, false}, []bool{list[0].Changed, list[1].Changed, list[2].Changed, list[3].Changed})
	r, err = f.Catalogue.Resolve(ctx, templates.Use{Name: "order_shipped"}, channel)
	require.NoError(t, err)
	require.Equal(t, []providers.ButtonValue{{Index: 0, Type: providers.TemplateURL, Value: `{{ row.order | default: "your order" }}`}}, r.Kept["en"].Buttons)
	require.Empty(t, r.Kept["en"].Header, "its header is a file")

	// What is paused can't be used, and what is kept no more is a draft.
	list, err = f.Catalogue.Sync(ctx, f.Account, channel.ID, []providers.Template{
		{Name: "order_shipped", Language: "en", Status: providers.TemplatePaused, Reason: strings.Repeat("because ", 400),
			Body: "Hello {{1}}, {{2}} is on its way."},
	})
	require.NoError(t, err)
	require.True(t, list[0].Changed)
	require.Equal(t, map[string]templates.State{"pt-BR": templates.Draft, "en": templates.Paused}, states())
	_, err = f.Catalogue.Resolve(ctx, templates.Use{Name: "order_shipped", Language: "en"}, channel)
	require.True(t, fault.Is(err, fault.Invalid), "%v", err)
	r, err = f.Catalogue.Resolve(ctx, templates.Use{Name: "order_shipped", Language: "pt-BR"}, channel)
	require.NoError(t, err)
	require.Empty(t, r.Kept)

	// What the provider has approved is not what is written here: nobody gets what nobody has seen.
	for _, body := range []string{"Hello {{1}}, {{2}} is on its way!", "Hello {{2}}, {{1}} is on its way.", ""} {
		list, err = f.Catalogue.Sync(ctx, f.Account, channel.ID, []providers.Template{
			{Name: "order_shipped", Language: "en", Status: providers.TemplateApproved, Body: body},
		})
		require.NoError(t, err)
		require.True(t, list[0].Differs)
		require.Equal(t, templates.Draft, states()["en"])
		r, err = f.Catalogue.Resolve(ctx, templates.Use{Name: "order_shipped", Language: "en"}, channel)
		require.NoError(t, err)
		require.Empty(t, r.Kept)
	}
	require.False(t, list[0].Changed, "a long reason, or the same, is no news")
}
