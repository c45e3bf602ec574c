package chatwoot

import (
	"context"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"carillon/internal/fault"
	"carillon/providers"
	"carillon/templates"
)

// maxCode is the longest code of a copy_code button, in letters.
const maxCode = 15

// templateOf is the template that template_params name, with its parameters in any of the four
// forms: by part, flat, as a list, or as a JSON text of one of these.
func templateOf(g given, kind providers.AddressKind) (use templates.Use, err error) {
	use.Name, use.Language = strings.TrimSpace(g.text("name")), g.text("language")
	if use.Name == "" {
		return use, validation("Additional attributes Name is required")
	}
	use.Params = templates.Params{}
	if list := g.list("processed_params"); list != nil {
		for i, item := range list {
			use.Params[strconv.Itoa(i+1)] = liquidOf(textOf(item), kind)
		}
		return use, nil
	}
	processed := given(g.object("processed_params"))
	if !isEnhanced(processed) {
		for name := range processed {
			use.Params[name] = liquidOf(processed.text(name), kind)
		}
		return use, nil
	}
	body := given(processed.object("body"))
	for name := range body {
		use.Params[name] = liquidOf(body.text(name), kind)
	}
	return use, ofParts(processed, kind, &use)
}

// isEnhanced says whether parameters are told by part of the template.
func isEnhanced(processed given) bool {
	for _, part := range []string{"body", "header", "footer", "buttons"} {
		switch processed[part].(type) {
		case map[string]any, []any:
			return true
		}
	}
	return false
}

// ofParts takes the file of the header and the parameters of the buttons.
func ofParts(processed given, kind providers.AddressKind, use *templates.Use) error {
	header := given(processed.object("header"))
	if address := header.text("media_url"); address != "" {
		if !strings.HasPrefix(address, "http://") && !strings.HasPrefix(address, "https://") {
			return validation("Additional attributes media_url must be an http or https URL")
		}
		use.Header = &templates.Media{Type: header.text("media_type"), URL: liquidOf(address, kind), Filename: header.text("media_name")}
	}
	for _, item := range processed.list("buttons") {
		object, _ := item.(map[string]any)
		button := given(object)
		switch button.text("type") {
		case "url":
			use.ButtonSuffix = liquidOf(button.text("parameter"), kind)
		case "copy_code":
			if utf8.RuneCountInString(button.text("parameter")) > maxCode {
				return validation("Additional attributes Coupon code cannot exceed 15 characters")
			}
		}
	}
	return nil
}

// missingTemplate says whether a message was refused because the catalogue has no such template.
func missingTemplate(err error) bool {
	for _, field := range fieldsOf(err, fault.Invalid) {
		if field.Location == "content.template.name" && strings.HasPrefix(field.Message, "there is no such template") {
			return true
		}
	}
	return false
}

// drops are Chatwoot's variables that are called otherwise here.
var drops = []struct {
	was *regexp.Regexp
	is  string
}{
	{regexp.MustCompile(`\bcontact\.custom_attribute\.`), "contact.attributes."},
	{regexp.MustCompile(`\bcontact\.custom_attributes\.`), "contact.attributes."},
	{regexp.MustCompile(`\binbox\.name\b`), "channel.name"},
}

var tags = regexp.MustCompile(`\{\{.*?\}\}|\{%.*?%\}`)

// addressDrops are the variables that are the address to which a message goes: there is no other
// in a text here.
var addressDrops = regexp.MustCompile(`\bcontact\.(phone_number|email)\b`)

// code is text in which Chatwoot reads no Liquid.
var code = regexp.MustCompile("(?s)`.*?`")

// liquidOf writes Chatwoot's variables as ours are called, for an inbox of a kind.
func liquidOf(text string, kind providers.AddressKind) string {
	var b strings.Builder
	end := 0
	for _, at := range code.FindAllStringIndex(text, -1) {
		b.WriteString(variablesOf(text[end:at[0]], kind))
		end = at[1]
		if said := text[at[0]:end]; tags.MatchString(said) {
			b.WriteString("{% raw %}" + said + "{% endraw %}")
		} else {
			b.WriteString(said)
		}
	}
	b.WriteString(variablesOf(text[end:], kind))
	return b.String()
}

func variablesOf(text string, kind providers.AddressKind) string {
	return tags.ReplaceAllStringFunc(text, func(tag string) string {
		tag = addressDrops.ReplaceAllStringFunc(tag, func(variable string) string {
			if (variable == "contact.email") == (kind == providers.Email) {
				return "contact.address"
			}
			return variable
		})
		for _, drop := range drops {
			tag = drop.was.ReplaceAllString(tag, drop.is)
		}
		return tag
	})
}

// templatesOf are the templates of an inbox, as WhatsApp lists them.
func (c *Server) templatesOf(ctx context.Context, channel providers.Channel) ([]any, error) {
	const most = 200
	list, err := c.Catalogue.ListTemplates(ctx, templates.TemplateFilter{AccountID: channel.AccountID, Kind: channel.Address, Limit: most})
	if err != nil {
		return nil, err
	}
	shown := []any{}
	for _, info := range list {
		t, err := c.Catalogue.GetTemplate(ctx, channel.AccountID, info.ID, 0)
		if fault.Is(err, fault.NotFound) {
			continue // deleted meanwhile
		}
		if err != nil {
			return nil, err
		}
		for _, tr := range t.Translations {
			shown = append(shown, map[string]any{
				"id": strconv.FormatInt(t.ID, 10), "name": t.Name, "language": strings.ReplaceAll(tr.Language, "-", "_"), "status": approval(t, channel.ID, tr.Language),
				"category": strings.ToUpper(string(t.Category)), "components": components(tr), "parameter_format": "POSITIONAL",
			})
		}
	}
	return shown, nil
}

// approval is whether a template may be used in an inbox.
func approval(t templates.Saved, channel int64, language string) string {
	for _, a := range t.Statuses {
		if a.ChannelID == channel && a.Language == language {
			return strings.ToUpper(string(a.State))
		}
	}
	return "APPROVED"
}

func components(tr templates.Translation) []any {
	list := []any{}
	if h := tr.Header; h != nil && h.Media != nil {
		list = append(list, map[string]any{"type": "HEADER", "format": strings.ToUpper(h.Media.Type)})
	}
	list = append(list, map[string]any{"type": "BODY", "text": tr.Body})
	if tr.Footer != "" {
		list = append(list, map[string]any{"type": "FOOTER", "text": tr.Footer})
	}
	var buttons []any
	for _, b := range tr.Buttons {
		buttons = append(buttons, map[string]any{"type": strings.ToUpper(b.Type), "text": b.Text, "url": orNull(b.URL)})
	}
	if len(buttons) > 0 {
		list = append(list, map[string]any{"type": "BUTTONS", "buttons": buttons})
	}
	return list
}
