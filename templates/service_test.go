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

// shipped is a template of which everything is used.
func shipped(account int64) templates.Template {
	return templates.Template{AccountID: account, Name: "order_shipped", Definition: templates.Definition{
		Category: "utility", Kinds: []providers.AddressKind{providers.WhatsApp, providers.Email}, Default: "en", Fallback: []string{"de"},
		Parameters: []templates.Parameter{
			{Name: "1", Value: "$profile_name$", Sample: "Ada"},
			{Name: "2", Value: `{{ row.order | default: "your order" }}`, Sample: "4711"},
		},
		Translations: []templates.Translation{
			{
				Language: "pt_br", Header: &templates.Header{Text: "Pedido {{2}}"}, Body: "Olá {{1}}, {{2}} saiu.", Footer: "Obrigado",
				Email: &templates.Email{Subject: "Pedido {{2}}", Text: "Olá {{1}}"},
			},
			{
				Language: "en", Header: &templates.Header{Media: &templates.Media{Type: "image", URL: "https://example.org/box.png"}},
				Body: "Hello {{1}}, {{2}} is on its way.", Footer: "Thank you",
				Buttons: []templates.Button{
					{Type: templates.URLButton, Text: "Track", URL: "https://example.org/t/", Suffix: "{{2}}"},
					{Type: templates.PhoneButton, Text: "Call", Phone: "+49301234567"}, {Type: templates.QuickReply, Text: "Thanks"},
				},
				Email: &templates.Email{Subject: "Your order {{2}}", Preheader: "for {{1}}", HTML: `<style>p {color: red}</style><p>Dear {{1}}, {{ 2 }}</p>`},
			},
		},
	}}
}

func TestATemplateIsKeptAsItIsMeant(t *testing.T) {
	f := servicestest.New(t)
	ctx := t.Context()
	made, err := f.Catalogue.CreateTemplate(ctx, shipped(f.Account))
	require.NoError(t, err)
	require.Equal(t, "{{ contact.name }}", made.Parameters[0].Value)
	require.Equal(t, []string{"en", "pt-BR"}, made.Languages().Has)
	require.Equal(t, `<html><head></head><body><p style="color:red">Dear {{1}}, {{ 2 }}</p></body></html>`, made.Built["en"].HTML)
	require.Equal(t, "Olá {{1}}", made.Built["pt-BR"].Text)

	r, err := f.Catalogue.Resolve(ctx, templates.Use{Name: "order_shipped"}, providers.Channel{AccountID: f.Account, Address: providers.WhatsApp})
	require.NoError(t, err)
	content, tag, how := r.For("fr")
	require.Equal(t, "en", tag)
	require.Equal(t, templates.DefaultLanguage, how)
	require.Equal(t, []providers.MessageButton{
		{Type: providers.ButtonLink, Caption: "Track", Info: `https://example.org/t/{{ row.order | default: "your order" }}`},
		{Type: providers.ButtonCall, Caption: "Call", Info: "+49301234567"}, {Type: providers.ButtonPostback, Caption: "Thanks"},
	}, content.Buttons)
	require.Equal(t, providers.Content{
		Text: "Hello {{ contact.name }}, {{ row.order | default: \"your order\" }} is on its way.\n\nThank you\n\n" +
			"Track: https://example.org/t/{{ row.order | default: \"your order\" }}\nCall: +49301234567\nReply \"Thanks\"",
		Attachment: &providers.Attachment{URL: "https://example.org/box.png"},
	}, templates.Carried(content, nil))

	use := templates.Use{Name: "order_shipped", Language: "pt-br"}
	require.NoError(t, json.Unmarshal([]byte(`{"params": ["$first_name$", "7"]}`), &use))
	r, err = f.Catalogue.Resolve(ctx, use, providers.Channel{AccountID: f.Account, Address: providers.Email})
	require.NoError(t, err)
	content, tag, _ = r.For("en")
	require.Equal(t, "pt-BR", tag)
	require.Equal(t, providers.Content{Subject: "Pedido 7", Text: "Olá {{ contact.first_name }}"}, content)

	// What a run keeps is kept as JSON, and compiles as it is.
	raw, err := json.Marshal(r)
	require.NoError(t, err)
	var kept templates.Resolved
	require.NoError(t, json.Unmarshal(raw, &kept))
	require.Equal(t, r, kept)
	_, err = f.Catalogue.Compile(ctx, f.Account, content)
	require.NoError(t, err)
}

func TestWrongTemplatesAreNotKept(t *testing.T) {
	f := servicestest.New(t)
	for name, c := range map[string]struct {
		change func(d *templates.Template)
		want   []string
	}{
		"name":     {func(d *templates.Template) { d.Name = "Über" }, []string{"name: must have 1 to 100 letters"}},
		"whatsapp": {func(d *templates.Template) { d.Name = "A.b" }, []string{"name: WhatsApp takes lower-case letters"}},
		"category": {func(d *templates.Template) { d.Category = "ads" }, []string{"category: must be one of marketing, utility"}},
		"none":     {func(d *templates.Template) { d.Category = "" }, []string{"category: WhatsApp wants to know it"}},
		"kinds":    {func(d *templates.Template) { d.Kinds = nil }, []string{"kinds: name at least one kind"}},
		"kind": {func(d *templates.Template) { d.Kinds = append(d.Kinds, "fax", "email") },
			[]string{"kinds[2]: must be one of", "kinds[3]: stands there twice"}},
		"languages": {func(d *templates.Template) {
			d.Default, d.Fallback = "english please", []string{"de", "DE"}
			d.Translations[0].Language = "EN"
		}, []string{"default_language: must be a language's tag", "fallback[1]: stands there twice", "translations[1].language: stands there twice"}},
		"default": {func(d *templates.Template) { d.Default = "pl" }, []string{"default_language: there is no translation into it"}},
		"gap":     {func(d *templates.Template) { d.Parameters[1].Name = "3" }, []string{"parameters[1].name: parameters that are numbered are 1, 2, 3"}},
		"named": {func(d *templates.Template) { d.Parameters[0].Name, d.Parameters[1].Name = "First", "row" },
			[]string{"parameters[0].name: must be lower-case", "parameters[1].name: is a name that Liquid has already"}},
		"undeclared": {func(d *templates.Template) { d.Translations[0].Body = "x {{3}} y" },
			[]string{"translations[0].body: there is no parameter 3: declare it"}},
		"left over": {func(d *templates.Template) {
			d.Parameters = append(d.Parameters, templates.Parameter{Name: "3", Value: "x", Sample: "x"})
		}, []string{"parameters[2]: no translation has {{3}}"}},
		"values": {func(d *templates.Template) {
			d.Parameters[0].Value, d.Parameters[0].Sample = "$user_name$", ""
			d.Parameters[1].Value, d.Parameters[1].Sample = "", "{{ x }}"
		},
			[]string{"parameters[0].value: there is no $user_name$: there are $profile_name$", "parameters[0].sample: give an example",
				"parameters[1].value: say what fills it",
				"parameters[1].sample: is a value as people would see it"}},
		"value": {func(d *templates.Template) { d.Parameters[0].Value = "{{ contact.frist_name }}{{ x | shout }}" },
			[]string{`parameters[0].value: line 1, column 25: unknown filter "shout"`}},
		"unknown": {func(d *templates.Template) { d.Parameters[0].Value = "{{ contact.frist_name }}{{ row.anything }}" },
			[]string{"parameters[0].value: contact.frist_name is not known and renders as nothing; did you mean contact.first_name?"}},
		"lengths": {func(d *templates.Template) {
			d.Translations[1].Header = &templates.Header{Text: strings.Repeat("x", 61)}
			d.Translations[1].Body = strings.Repeat("x", 1025)
			d.Translations[1].Footer = strings.Repeat("x", 61)
			d.Translations[1].Buttons[0].Text = strings.Repeat("x", 26)
		}, []string{"header.text: at most 60 letters", "body: at most 1024 letters", "footer: at most 60 letters", "buttons[0].text: at most 25 letters"}},
		"whatsapp texts": {func(d *templates.Template) {
			d.Translations[0].Header.Text = "{{1}} {{2}}"
			d.Translations[0].Body = "{{1}} x {{ contact.first_name }}"
			d.Translations[0].Footer = "{{1}}"
		}, []string{"header.text: WhatsApp takes one parameter", "body: WhatsApp fills in parameters alone", "body: WhatsApp takes no parameter at the beginning",
			"footer: WhatsApp takes no parameters"}},
		"header": {func(d *templates.Template) { d.Translations[1].Header = &templates.Header{} }, []string{"translations[1].header: give either text or media"}},
		"media": {func(d *templates.Template) {
			d.Translations[1].Header.Media = &templates.Media{Type: "gif", URL: "box.png", Filename: "x"}
		}, []string{"media.type: must be image", "media.url: must be an address", "media.filename: a document alone"}},
		"nothing": {func(d *templates.Template) { d.Translations[0].Body = " "; d.Translations[0].Email = nil }, []string{"translations[0].body: say something"}},
		"subject": {func(d *templates.Template) { d.Translations[0].Email = nil }, []string{"translations[0].email: an e-mail needs at least a subject"}},
		"email": {func(d *templates.Template) {
			d.Translations[0].Email = &templates.Email{Preheader: "x"}
			d.Translations[1].Email.MJML = "<mjml>"
		},
			[]string{"translations[0].email.subject: e-mail needs a subject", "translations[0].email.preheader: stands in the HTML part",
				"translations[1].email.html: give either"}},
		"no email": {func(d *templates.Template) { d.Kinds = d.Kinds[:1] }, []string{"translations[0].email: kinds has no email"}},
		"mjml": {func(d *templates.Template) {
			d.Translations[1].Email.HTML, d.Translations[1].Email.MJML = "", "<mjml><mj-body>\n<mj-foo></mj-foo>\n{% iff %}</mj-body></mjml>"
		}, []string{"email.mjml: line 2: <mj-foo>", `email.mjml: line 3, column 1: unknown tag "iff"`}},
		"buttons": {func(d *templates.Template) {
			d.Translations[1].Buttons = []templates.Button{
				{Type: "link", Text: "x"}, {Type: templates.URLButton, URL: "x", Text: ""}, {Type: templates.PhoneButton, Text: "x", Phone: "030", Code: "x"},
				{Type: templates.CopyCode, Text: "x"}, {Type: templates.CopyCode, Text: "{{1}}", Code: strings.Repeat("x", 16)},
				{Type: templates.URLButton, Text: "x", URL: "https://example.org/{{1}}"},
			}
		}, []string{"buttons[0].type: must be quick_reply", "buttons[1].url: must be an address", "buttons[1].text: say what", "buttons[2].phone: must be a number",
			"buttons[2].code: belongs to a copy_code button", "buttons[3].code: say what is copied", "buttons[4].text: say what", "buttons[4].code: at most 15",
			"buttons[5].url: is the same for everybody", "buttons: WhatsApp takes at most 2 url buttons, one phone and one copy_code"}},
		"size": {func(d *templates.Template) {
			d.Translations[0].Body = strings.Repeat("x", templates.MaxDefinitionBytes)
		}, []string{"all texts have at most 2048 KiB"}},
	} {
		t.Run(name, func(t *testing.T) {
			wrong := shipped(f.Account)
			c.change(&wrong)
			_, err := f.Catalogue.CreateTemplate(t.Context(), wrong)
			require.True(t, fault.Is(err, fault.Invalid), "%v", err)
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
	list, err := f.Catalogue.ListTemplates(t.Context(), templates.TemplateFilter{AccountID: f.Account, Limit: 10})
	require.NoError(t, err)
	require.Empty(t, list)
}

func TestTemplatesChangeByVersions(t *testing.T) {
	f := servicestest.New(t)
	ctx := t.Context()
	made, err := f.Catalogue.CreateTemplate(ctx, shipped(f.Account))
	require.NoError(t, err)
	of := templates.TemplateRef{AccountID: f.Account, ID: made.ID}

	same, err := f.Catalogue.SetTemplate(ctx, templates.Template{AccountID: f.Account, ID: made.ID, Definition: shipped(f.Account).Definition})
	require.NoError(t, err)
	require.Equal(t, 1, same.Version, "what changes nothing makes no version")
	german := templates.Translation{Language: "DE", Body: "Hallo {{1}}, {{2}} kommt.", Email: &templates.Email{Subject: "Los", Text: "{{1}}"}}
	second, err := f.Catalogue.SetTranslation(ctx, of, german)
	require.NoError(t, err)
	require.Equal(t, 2, second.Version)
	require.Equal(t, []string{"de", "en", "pt-BR"}, second.Languages().Has)
	german.Body = "{{4}}"
	_, err = f.Catalogue.SetTranslation(ctx, of, german)
	require.ErrorContains(t, err, "(body: there is no parameter 4")
	_, err = f.Catalogue.SetTranslation(ctx, templates.TemplateRef{AccountID: f.Account, ID: made.ID, Version: 1}, german)
	require.True(t, fault.Is(err, fault.Conflict))
	third, err := f.Catalogue.DeleteTranslation(ctx, of, "pt_BR")
	require.NoError(t, err)
	require.Equal(t, []string{"de", "en"}, third.Languages().Has)
	_, err = f.Catalogue.DeleteTranslation(ctx, of, "pt-BR")
	require.True(t, fault.Is(err, fault.NotFound))

	from, to, changes, err := f.Catalogue.Diff(ctx, of, 1)
	require.NoError(t, err)
	require.Equal(t, [2]int{1, 3}, [2]int{from, to})
	var names []string
	for _, c := range changes {
		names = append(names, c.Field)
	}
	require.Equal(t, []string{"translations.de.body", "translations.de.email.subject", "translations.de.email.text"}, names[:3])
	require.Equal(t, "--- version 1\n+++ version 3\n@@ -0,0 +1 @@\n+Hallo {{1}}, {{2}} kommt.\n", changes[0].Diff)
	old, err := f.Catalogue.GetTemplate(ctx, f.Account, made.ID, 1)
	require.NoError(t, err)
	require.Equal(t, made.Definition, old.Definition)

	copied, err := f.Catalogue.DuplicateTemplate(ctx, f.Account, made.ID, "again")
	require.NoError(t, err)
	require.Equal(t, third.Definition, copied.Definition)
	require.Equal(t, third.Built, copied.Built)
	require.NoError(t, f.Catalogue.SetStatus(ctx, f.Account, made.ID, templates.Approval{ChannelID: f.Mail.ID, Language: "EN", State: templates.Approved}))
	err = f.Catalogue.SetStatus(ctx, f.Account, made.ID, templates.Approval{ChannelID: f.Mail.ID, Language: "fr", State: templates.Approved})
	require.True(t, fault.Is(err, fault.NotFound))
	err = f.Catalogue.SetStatus(ctx, f.Account, made.ID, templates.Approval{ChannelID: f.Mail.ID, Language: "en", State: "fine"})
	require.True(t, fault.Is(err, fault.Invalid))
	require.NoError(t, f.Catalogue.SetStatus(ctx, f.Account, made.ID, templates.Approval{
		ChannelID: f.Mail.ID, Language: "de", State: templates.Rejected, Reason: "too loud",
	}))
	_, err = f.Catalogue.Resolve(ctx, templates.Use{Name: "order_shipped"}, f.Mail)
	require.ErrorContains(t, err, "is rejected in de on this channel (too loud)")
	_, err = f.Catalogue.Resolve(ctx, templates.Use{Name: "order_shipped", Language: "en"}, f.Mail)
	require.NoError(t, err)
	require.NoError(t, f.Catalogue.DeleteTemplate(ctx, f.Account, made.ID))

	covered, err := f.Catalogue.Coverage(ctx, f.Account, copied.ID, "")
	require.NoError(t, err)
	require.Equal(t, []templates.LanguageCount{{Language: "de", People: 3}}, covered.Languages)
}

func TestWrongUsesOfTemplatesAreRefused(t *testing.T) {
	f := servicestest.New(t)
	ctx := t.Context()
	_, err := f.Catalogue.CreateTemplate(ctx, shipped(f.Account))
	require.NoError(t, err)
	_, err = f.Catalogue.CreateTemplate(ctx, templates.Template{AccountID: f.Account, Name: "empty", Definition: templates.Definition{
		Kinds: []providers.AddressKind{providers.SMS}, Default: "en",
	}})
	require.NoError(t, err)
	for name, c := range map[string]struct {
		use  templates.Use
		kind providers.AddressKind
		want []string
	}{
		"name": {templates.Use{Name: "x"}, providers.Email, []string{"content.template.name: there is no such template"}},
		"kind": {templates.Use{Name: "order_shipped"}, providers.SMS, []string{"content.template.name: is for whatsapp, email, and the channel is of kind sms"}},
		"empty": {templates.Use{Name: "empty", ButtonSuffix: "x", Header: &templates.Media{}}, providers.SMS,
			[]string{"has no translation yet", "header: the template has no file",
				"button_suffix: the template has no url button"}},
		"rest": {templates.Use{Name: "order_shipped", Language: "fr", Params: templates.Params{"3": "x", "1": "$x$", "2": "a\nb"}}, providers.Email,
			[]string{"language: the template has no such translation: there are en, pt-BR", "params.3: the template has no parameter 3: it has 1, 2",
				"params.1: there is no $x$",
				"params.2: must be one line"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := f.Catalogue.Resolve(ctx, c.use, providers.Channel{AccountID: f.Account, Address: c.kind})
			require.True(t, fault.Is(err, fault.Invalid), "%v", err)
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
	var p templates.Params
	require.Error(t, json.Unmarshal([]byte(`[1]`), &p))
}

// A named parameter may stand in tags and before filters; its value is escaped once.
func TestNamedParameters(t *testing.T) {
	f := servicestest.New(t)
	ctx := t.Context()
	_, err := f.Catalogue.CreateTemplate(ctx, templates.Template{AccountID: f.Account, Name: "named", Definition: templates.Definition{
		Kinds: []providers.AddressKind{providers.Email}, Default: "en",
		Parameters: []templates.Parameter{{Name: "who", Value: "{{ contact.first_name }}", Sample: "Ada"}, {Name: "both", Value: "{{ row.a }} & co", Sample: "x"}},
		Translations: []templates.Translation{{Language: "en", Email: &templates.Email{
			Subject: "{{ who }}", HTML: "<p>{{ who }} {% if who == '<Ada>' %}{{ who | upcase }} {{ both | upcase | raw }}{% endif %}</p>",
		}}},
	}})
	require.NoError(t, err)
	r, err := f.Catalogue.Resolve(ctx, templates.Use{Name: "named"}, providers.Channel{AccountID: f.Account, Address: providers.Email})
	require.NoError(t, err)
	content, _, _ := r.For("en")
	compiled, err := f.Catalogue.Compile(ctx, f.Account, content)
	require.NoError(t, err)
	rendered, err := compiled.Render(ctx, liquid.Vars{Contact: liquid.Contact{FirstName: "<Ada>"}, Row: `{"a":"b"}`})
	require.NoError(t, err)
	require.Equal(t, "<p>&lt;Ada&gt; &lt;ADA&gt; B & CO</p>", rendered.HTML)
	require.Equal(t, "<Ada>", rendered.Subject)
}

func FuzzTemplate(f *testing.F) {
	f.Add("Hello {{1}}", "{{ contact.name }}", "$first_name$")
	f.Add("{% if 1 %}{{ 1 }}", "x", "{{")
	f.Fuzz(func(t *testing.T, body, value, param string) {
		fixture := templates.Definition{
			Kinds: []providers.AddressKind{providers.SMS, providers.WhatsApp}, Category: "utility", Default: "en",
			Parameters:   []templates.Parameter{{Name: "1", Value: value, Sample: "x"}},
			Translations: []templates.Translation{{Language: "en", Body: body}},
		}
		wrong := templates.Check("name", &fixture, nil)
		for _, w := range wrong {
			require.NotEmpty(t, w.Location)
			require.NotEmpty(t, w.Message)
		}
		_, _ = templates.Translate(param)
	})
}
