package messengerpeople

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"carillon/internal/fault"
	"carillon/providers"
	"carillon/templates"
	"carillon/wording"
)

// templatesAPage and mostTemplates bound how many are looked through.
const (
	templatesAPage = 500
	mostTemplates  = templates.MaxTemplates
)

// eachTemplate goes through the templates until look says that it is enough.
func (s *Server) eachTemplate(ctx context.Context, a asked, look func(templates.TemplateInfo) (enough bool)) error {
	f := templates.TemplateFilter{AccountID: a.caller.AccountID, Limit: templatesAPage}
	for range mostTemplates / templatesAPage {
		list, err := s.Catalogue.ListTemplates(ctx, f)
		if err != nil {
			return err
		}
		for _, t := range list {
			if f.After = t.Name; look(t) {
				return nil
			}
		}
		if len(list) < templatesAPage {
			return nil
		}
	}
	return nil
}

// templateNamed is a template by its name.
func (s *Server) templateNamed(ctx context.Context, a asked, name string) (templates.Saved, error) {
	return s.Catalogue.FindTemplate(ctx, a.caller.AccountID, name)
}

// translation is a template in one language, as clients read it.
type translation struct {
	Language string             `json:"language"`
	Body     string             `json:"body"`
	Header   json.RawMessage    `json:"header,omitempty"`
	Footer   string             `json:"footer"`
	Buttons  []templates.Button `json:"buttons"`
	Status   string             `json:"status"`
}

type template struct {
	ID           string        `json:"id"`
	Name         string        `json:"name"`
	Category     string        `json:"category"`
	Translations []translation `json:"translations"`
	Status       string        `json:"status"`
}

// variablesOf says how many variables the bodies of a template have, and whether the header
// has one. It is counted among the parameters behind those of the body.
func variablesOf(t templates.Template) (body int, header bool) {
	for _, tr := range t.Translations {
		body = max(body, wording.HighestVariable(tr.Body))
		header = header || tr.Header != nil && wording.HighestVariable(tr.Header.Text) > 0
	}
	return body, header
}

func (s *Server) templateOf(a asked, t templates.Saved) template {
	body, _ := variablesOf(t.Template)
	out := template{
		ID: strconv.FormatInt(t.ID, 10), Name: t.Name, Category: strings.ToUpper(string(t.Category)), Translations: []translation{}, Status: approved,
	}
	for _, tr := range t.Translations {
		shown := translation{Language: tr.Language, Body: tr.Body, Footer: tr.Footer, Buttons: tr.Buttons, Status: reviewOf(a, t, tr.Language)}
		if shown.Buttons == nil {
			shown.Buttons = []templates.Button{}
		}
		if tr.Header != nil {
			h := wording.Header{Text: strings.ReplaceAll(tr.Header.Text, fmt.Sprintf("{{%d}}", body+1), "{{1}}")}
			if tr.Header.Media != nil {
				h.Type, h.URL, h.Filename = tr.Header.Media.Type, tr.Header.Media.URL, tr.Header.Media.Filename
			}
			shown.Header, _ = wording.Encoded(h) // texts alone
		}
		if shown.Status != approved {
			out.Status = shown.Status
		}
		out.Translations = append(out.Translations, shown)
	}
	return out
}

const approved = "approved"

// reviewOf is what the provider says of a translation. Of one that it has said nothing of
// nothing stands in the way.
func reviewOf(a asked, t templates.Saved, language string) string {
	for _, status := range t.Statuses {
		if status.ChannelID == a.channel.ID && status.Language == language {
			return string(status.State)
		}
	}
	return approved
}

func (s *Server) listTemplates(ctx context.Context, a asked) (any, error) {
	limit, offset, err := a.page(newslettersAPage)
	if err != nil {
		return nil, err
	}
	var ids []int64
	if err := s.eachTemplate(ctx, a, func(t templates.TemplateInfo) bool {
		if slices.Contains(t.Kinds, a.channel.Address) {
			ids = append(ids, t.ID)
		}
		return len(ids) >= offset+limit
	}); err != nil {
		return nil, err
	}
	list := []template{}
	for _, id := range ids[min(offset, len(ids)):] {
		t, err := s.Catalogue.GetTemplate(ctx, a.caller.AccountID, id, 0)
		if err != nil {
			return nil, err
		}
		list = append(list, s.templateOf(a, t))
	}
	return struct {
		Templates []template `json:"templates"`
	}{list}, nil
}

// templateInPath is the template of the path.
func (s *Server) templateInPath(ctx context.Context, a asked) (templates.Saved, error) {
	t, err := s.templateNamed(ctx, a, a.in["name"])
	if fault.Is(err, fault.NotFound) {
		err = fault.InvalidField("name", a.in["name"], "there is no such template")
	}
	return t, err
}

func (s *Server) showTemplate(ctx context.Context, a asked) (any, error) {
	t, err := s.templateInPath(ctx, a)
	if err != nil {
		return nil, err
	}
	return struct {
		Template template `json:"template"`
	}{s.templateOf(a, t)}, nil
}

func (s *Server) validateName(ctx context.Context, a asked) (any, error) {
	return nil, s.Catalogue.CheckName(ctx, a.caller.AccountID, a.in["name"])
}

func (s *Server) showReview(ctx context.Context, a asked) (any, error) {
	t, err := s.templateInPath(ctx, a)
	if err != nil {
		return nil, err
	}
	review := map[string]string{}
	for _, tr := range t.Translations {
		if a.in["lang"] == "" || tr.Language == wording.LanguageTag(a.in["lang"]) {
			review[tr.Language] = reviewOf(a, t, tr.Language)
		}
	}
	if a.in["lang"] != "" && len(review) == 0 {
		return nil, fault.InvalidField("lang", a.in["lang"], "the template has no such translation")
	}
	return struct {
		Review map[string]string `json:"review"`
	}{review}, nil
}

func (s *Server) showTranslation(ctx context.Context, a asked) (any, error) {
	t, err := s.templateInPath(ctx, a)
	if err != nil {
		return nil, err
	}
	for _, tr := range s.templateOf(a, t).Translations {
		if tr.Language == wording.LanguageTag(a.in["lang"]) {
			return struct {
				Translation translation `json:"translation"`
			}{tr}, nil
		}
	}
	return nil, fault.InvalidField("lang", a.in["lang"], "the template has no such translation")
}

// definition reads what a template is made of.
func (s *Server) definition(a asked, d *templates.Definition) error {
	if a.Has("category") {
		given, err := a.Text("category")
		if err != nil {
			return err
		}
		if d.Category, err = wording.TemplateCategory(given); err != nil {
			return err
		}
	}
	if a.Value("translations") == nil {
		return nil
	}
	var given []wording.Translation
	if err := a.JSON("translations", &given); err != nil {
		return err
	}
	var err error
	if d.Translations, d.Parameters, err = wording.Template(given); err != nil {
		return err
	}
	if len(d.Translations) > 0 && d.Translation(d.Default) == nil {
		d.Default = d.Translations[0].Language
	}
	return nil
}

func (s *Server) createTemplate(ctx context.Context, a asked) (any, error) {
	t := templates.Template{AccountID: a.caller.AccountID, Definition: templates.Definition{Kinds: []providers.AddressKind{a.channel.Address}}}
	var err error
	if t.Name, err = a.needed("name"); err != nil {
		return nil, err
	}
	for _, name := range []string{"category", "translations"} {
		if a.Value(name) == nil {
			return nil, missing(name)
		}
	}
	if err := s.definition(a, &t.Definition); err != nil {
		return nil, err
	}
	made, err := s.Catalogue.CreateTemplate(ctx, t)
	if err != nil {
		return nil, err
	}
	return identity{made.ID}, nil
}

func (s *Server) changeTemplate(ctx context.Context, a asked) (any, error) {
	id, err := a.idOf("id")
	if err != nil {
		return nil, err
	}
	t, err := s.Catalogue.GetTemplate(ctx, a.caller.AccountID, id, 0)
	if fault.Is(err, fault.NotFound) {
		err = fault.InvalidField("id", id, "there is no such template")
	}
	if err != nil {
		return nil, err
	}
	name, err := a.given("name")
	if err != nil {
		return nil, err
	}
	if name != nil {
		t.Name = *name
	}
	if err := s.definition(a, &t.Definition); err != nil {
		return nil, err
	}
	_, err = s.Catalogue.SetTemplate(ctx, t.Template)
	return nil, err
}

func (s *Server) deleteTemplate(ctx context.Context, a asked) (any, error) {
	t, err := s.templateInPath(ctx, a)
	if err != nil {
		return nil, err
	}
	language, err := a.Text("language")
	if err != nil {
		return nil, err
	}
	if language == "" {
		return nil, s.Catalogue.DeleteTemplate(ctx, a.caller.AccountID, t.ID)
	}
	_, err = s.Catalogue.DeleteTranslation(ctx, templates.TemplateRef{AccountID: a.caller.AccountID, ID: t.ID}, wording.LanguageTag(language))
	return nil, err
}
