package templates_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/fault"
	"carillon/providers"
	"carillon/services/servicestest"
	"carillon/templates"
)

// keptThere are templates as a provider keeps them.
func keptThere() []providers.Template {
	values := func(pairs ...string) (list []providers.PlaceValue) {
		for i := 0; i < len(pairs); i += 2 {
			list = append(list, providers.PlaceValue{Place: pairs[i], Value: pairs[i+1]})
		}
		return list
	}
	approved := func(name, language, body string, samples []providers.PlaceValue) providers.Template {
		return providers.Template{Name: name, Language: language, Status: providers.TemplateApproved, Category: "utility", Body: body, BodySamples: samples}
	}
	shipped := approved("shipped", "pt_BR", "Olá {{1}}, {{2}} saiu.", values("1", "Ada", "2", "4711"))
	shipped.Header, shipped.HeaderSamples, shipped.Footer = "Para {{1}}", values("1", "Zoë"), "Bells"
	shipped.Buttons = []providers.NewButton{
		{Type: providers.NewQuickReply, Text: "Sim"}, {Type: providers.NewURL, Text: "Ver", Value: "https://example.org/", Sample: "4711"},
		{Type: providers.NewPhone, Text: "Ligar", Value: "+4930123456"}, {Type: providers.NewCopyCode, Sample: "SAVE"},
	}
	german := approved("shipped", "de", "Hallo {{1}}, sie ist unterwegs.", values("1", "Ada"))
	german.Header, german.HeaderSamples = "Für {{1}}", values("1", "Ada")
	pending := approved("shipped", "fr", "Bonjour", nil)
	pending.Status = providers.TemplatePending
	picture := approved("shipped", "it", "Ciao", nil)
	picture.Besides = []string{"a header of the type IMAGE"}
	return []providers.Template{
		shipped, german, pending, picture, approved("shipped", "es", "Hola {{1}}", values("1", "Ada")),
		approved("named", "en", "Hello {{first_name}}, your {{order}} is here.", values("first_name", "", "order", "A {{1}}")),
		approved("there", "en", "Whatever", nil), approved("no_use", "en", "{{1}}", values("1", "x")),
	}
}

// What a provider has approved is taken over as it is, each place with a parameter, and is what the
// provider keeps; what can't be is said, and the rest comes.
func TestTemplatesAreTakenOver(t *testing.T) {
	f := servicestest.New(t)
	ctx := t.Context()
	channel := f.Text
	channel.Address = providers.WhatsApp
	there, err := f.Catalogue.CreateTemplate(ctx, templates.Template{AccountID: f.Account, Name: "there", Definition: templates.Definition{
		Category: "utility", Kinds: []providers.AddressKind{providers.WhatsApp}, Default: "en", Translations: []templates.Translation{{Language: "en", Body: "Mine"}},
	}})
	require.NoError(t, err)
	kept := keptThere()
	list, err := f.Catalogue.Imports(ctx, channel, "", kept)
	require.NoError(t, err)
	require.Len(t, list, 4)
	require.Zero(t, list[0].ID, "looking takes nothing over")
	require.Equal(t, []bool{true, true, false, false}, []bool{list[0].Open(), list[1].Open(), list[2].Open(), list[3].Open()})
	require.True(t, list[2].Exists)
	require.Equal(t, "none of its languages can be taken over", list[3].Wrong)
	require.Contains(t, list[3].Left[0].Why, "WhatsApp takes no parameter at the beginning or the end")
	var left []string
	for _, l := range list[0].Left {
		left = append(left, l.Language+": "+l.Why)
	}
	require.Equal(t, []string{
		"fr: it is pending: what is approved is taken over", "it: a template here has no such part: a header of the type IMAGE",
		"es: body: WhatsApp takes no parameter at the beginning or the end: write a word or a dot there",
	}, left)

	require.NoError(t, f.Catalogue.Import(ctx, list))
	got, err := f.Catalogue.FindTemplate(ctx, f.Account, "shipped")
	require.NoError(t, err)
	require.Equal(t, list[0].ID, got.ID)
	require.Equal(t, templates.Definition{
		Category: "utility", Kinds: []providers.AddressKind{providers.WhatsApp}, Default: "pt-BR",
		Parameters: []templates.Parameter{
			{Name: "1", Value: "{{ row.value_1 }}", Sample: "Ada"}, {Name: "2", Value: "{{ row.value_2 }}", Sample: "4711"},
			{Name: "3", Value: "{{ row.value_3 }}", Sample: "Zoë"}, {Name: "4", Value: "{{ row.value_4 }}", Sample: "4711"},
			{Name: "5", Value: "{{ row.value_5 }}", Sample: "SAVE"},
		},
		Translations: []templates.Translation{
			{Language: "de", Header: &templates.Header{Text: "Für {{1}}"}, Body: "Hallo {{1}}, sie ist unterwegs."},
			{Language: "pt-BR", Header: &templates.Header{Text: "Para {{3}}"}, Body: "Olá {{1}}, {{2}} saiu.", Footer: "Bells", Buttons: []templates.Button{
				{Type: "quick_reply", Text: "Sim"}, {Type: "url", Text: "Ver", URL: "https://example.org/", Suffix: "{{4}}"},
				{Type: "phone", Text: "Ligar", Phone: "+4930123456"}, {Type: "copy_code", Text: "Copy", Code: "{{5}}"},
			}},
		},
	}, got.Definition)
	named, err := f.Catalogue.FindTemplate(ctx, f.Account, "named")
	require.NoError(t, err)
	require.Equal(t, []templates.Parameter{
		{Name: "first_name", Value: "{{ contact.first_name }}", Sample: "first_name"}, {Name: "order", Value: "{{ row.order }}", Sample: "order"},
	}, named.Parameters)

	_, err = f.Catalogue.Sync(ctx, f.Account, channel.ID, kept)
	require.NoError(t, err)
	r, err := f.Catalogue.Resolve(ctx, templates.Use{Name: "shipped"}, channel)
	require.NoError(t, err)
	require.Equal(t, &providers.KeptTemplate{
		Name: "shipped", Language: "pt-BR", Header: []providers.PlaceValue{{Place: "3", Value: "{{ row.value_3 }}"}},
		Body: []providers.PlaceValue{{Place: "1", Value: "{{ row.value_1 }}"}, {Place: "2", Value: "{{ row.value_2 }}"}},
		Buttons: []providers.ButtonValue{
			{Index: 1, Type: providers.TemplateURL, Value: "{{ row.value_4 }}"}, {Index: 3, Type: providers.TemplateCopyCode, Value: "{{ row.value_5 }}"},
		},
	}, r.Kept["pt-BR"], "and goes as what the provider keeps")

	again, err := f.Catalogue.Imports(ctx, channel, "", kept)
	require.NoError(t, err)
	require.True(t, again[0].Exists, "nothing is taken over twice")
	mine, err := f.Catalogue.GetTemplate(ctx, f.Account, there.ID, 0)
	require.NoError(t, err)
	require.Equal(t, there.Version, mine.Version)
	_, err = f.Catalogue.Imports(ctx, channel, "there", kept)
	require.True(t, fault.Is(err, fault.Conflict), "%v", err)
	require.ErrorContains(t, err, "nothing is overwritten")
	_, err = f.Catalogue.Imports(ctx, channel, "unheard_of", kept)
	require.True(t, fault.Is(err, fault.Invalid), "%v", err)
	require.NoError(t, f.Catalogue.DeleteTemplate(ctx, f.Account, there.ID))
	gone, err := f.Catalogue.Imports(ctx, channel, "there", kept)
	require.NoError(t, err)
	require.Contains(t, gone[0].Wrong, "there", "its name is taken for a time still")
}

// Whatever a provider says of its templates, what is foreseen is what is kept.
func FuzzImports(f *testing.F) {
	f.Add("shipped", "en", "Hello {{1}}.", "For {{1}}", "Ada", "https://example.org/")
	f.Add("a", "pt_BR", "{{name}} {% if %}", "{{ 2 }}", "{{", "x")
	s := servicestest.New(f)
	f.Fuzz(func(t *testing.T, name, language, body, header, sample, link string) {
		channel := s.Text
		channel.Address = providers.WhatsApp
		kept := []providers.Template{{
			Name: name, Language: language, Status: providers.TemplateApproved, Category: "utility", Body: body, Header: header,
			BodySamples: []providers.PlaceValue{{Place: "1", Value: sample}}, HeaderSamples: []providers.PlaceValue{{Place: "1", Value: link}},
			Buttons: []providers.NewButton{{Type: providers.NewURL, Text: "See", Value: link, Sample: sample}},
		}}
		list, err := s.Catalogue.Imports(t.Context(), channel, "", kept)
		require.NoError(t, err)
		require.Len(t, list, 1)
		if !list[0].Open() {
			return
		}
		require.NoError(t, s.Catalogue.Import(t.Context(), list))
		require.Empty(t, list[0].Wrong)
		require.NotZero(t, list[0].ID)
	})
}
