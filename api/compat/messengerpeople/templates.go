package messengerpeople

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"carillon/internal/fault"
	"carillon/providers"
	"carillon/templates"
)

// categories of templates in MessengerPeople's spelling are those of Carillon in capitals.
// WhatsApp's three of today are not among them.
func templateCategory(given string) (templates.Category, error) {
	c := templates.Category(strings.ToLower(given))
	if given != strings.ToUpper(given) || !slices.Contains(templates.Categories()[3:], c) {
		names := make([]string, 0, len(templates.Categories()))
		for _, c := range templates.Categories()[3:] {
			names = append(names, strings.ToUpper(string(c)))
		}
		return "", fault.InvalidField("category", given, "must be one of %s", strings.Join(names, ", "))
	}
	return c, nil
}

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

// headerVariable is where the header's own variable stands: behind those of the body.
var numberedVariable = regexp.MustCompile(`\{\{\s*(\d{1,3})\s*\}\}`)

// highest is the highest number of the variables of a text.
func highest(text string) (most int) {
	for _, m := range numberedVariable.FindAllStringSubmatch(text, -1) {
		n, _ := strconv.Atoi(m[1]) // at most three digits
		most = max(most, n)
	}
	return most
}

// variablesOf says how many variables the bodies of a template have, and whether the header
// has one. It is counted among the parameters behind those of the body.
func variablesOf(t templates.Template) (body int, header bool) {
	for _, tr := range t.Translations {
		body = max(body, highest(tr.Body))
		header = header || tr.Header != nil && highest(tr.Header.Text) > 0
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
			h := headerIn{Text: strings.ReplaceAll(tr.Header.Text, fmt.Sprintf("{{%d}}", body+1), "{{1}}")}
			if tr.Header.Media != nil {
				h.Type, h.URL, h.Filename = tr.Header.Media.Type, tr.Header.Media.URL, tr.Header.Media.Filename
			}
			shown.Header, _ = marshal(h) // texts alone
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
		if a.in["lang"] == "" || tr.Language == languageTag(a.in["lang"]) {
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

// languageTag is a language as WhatsApp writes it, such as pt_BR, as a tag.
func languageTag(given string) string { return strings.ReplaceAll(given, "_", "-") }

func (s *Server) showTranslation(ctx context.Context, a asked) (any, error) {
	t, err := s.templateInPath(ctx, a)
	if err != nil {
		return nil, err
	}
	for _, tr := range s.templateOf(a, t).Translations {
		if tr.Language == languageTag(a.in["lang"]) {
			return struct {
				Translation translation `json:"translation"`
			}{tr}, nil
		}
	}
	return nil, fault.InvalidField("lang", a.in["lang"], "the template has no such translation")
}

// translationIn is a translation as clients send it.
type translationIn struct {
	Language string          `json:"language"`
	Body     string          `json:"body"`
	Header   json.RawMessage `json:"header"`
	Footer   string          `json:"footer"`
	Buttons  []buttonIn      `json:"buttons"`
}

type headerIn struct {
	Type     string `json:"type,omitempty"`
	Text     string `json:"text,omitempty"`
	URL      string `json:"url,omitempty"`
	Filename string `json:"filename,omitempty"`
}

type buttonIn struct {
	Type        string `json:"type"`
	Text        string `json:"text"`
	URL         string `json:"url"`
	Suffix      string `json:"suffix"`
	Phone       string `json:"phone"`
	PhoneNumber string `json:"phone_number"`
	Code        string `json:"code"`
}

// header reads a header: a text, or an object that names a file.
func (t translationIn) header(location string, body int) (*templates.Header, error) {
	if len(t.Header) == 0 || string(t.Header) == "null" || string(t.Header) == `""` {
		return nil, nil
	}
	var h headerIn
	if json.Unmarshal(t.Header, &h.Text) != nil {
		if err := json.Unmarshal(t.Header, &h); err != nil {
			return nil, fault.InvalidField(location, nil, "must be a text, or an object with type and text or url")
		}
	}
	if h.URL != "" {
		return &templates.Header{Media: &templates.Media{Type: strings.ToLower(h.Type), URL: h.URL, Filename: h.Filename}}, nil
	}
	if h.Text == "" {
		return nil, nil
	}
	return &templates.Header{Text: numberedVariable.ReplaceAllString(h.Text, fmt.Sprintf("{{%d}}", body+1))}, nil
}

// buttonTypes are the types of buttons as WhatsApp calls them, too.
var buttonTypes = map[string]string{
	"quick_reply": templates.QuickReply, "url": templates.URLButton, "phone": templates.PhoneButton, "phone_number": templates.PhoneButton,
	"copy_code": templates.CopyCode,
}

// definition reads what a template is made of.
func (s *Server) definition(a asked, d *templates.Definition) error {
	if a.Has("category") {
		given, err := a.Text("category")
		if err != nil {
			return err
		}
		if d.Category, err = templateCategory(given); err != nil {
			return err
		}
	}
	if a.Value("translations") == nil {
		return nil
	}
	var given []translationIn
	if err := a.JSON("translations", &given); err != nil {
		return err
	}
	body, header := 0, false
	for _, t := range given {
		body = max(body, highest(t.Body))
		header = header || highest(string(t.Header)) > 0
	}
	d.Translations = nil
	for i, t := range given {
		location := fmt.Sprintf("translations[%d].", i)
		tr := templates.Translation{Language: languageTag(t.Language), Body: t.Body, Footer: t.Footer}
		var err error
		if tr.Header, err = t.header(location+"header", body); err != nil {
			return err
		}
		for _, b := range t.Buttons {
			tr.Buttons = append(tr.Buttons, templates.Button{
				Type: cmp.Or(buttonTypes[strings.ToLower(b.Type)], b.Type), Text: b.Text, URL: b.URL, Suffix: b.Suffix, Phone: cmp.Or(b.Phone, b.PhoneNumber), Code: b.Code,
			})
		}
		d.Translations = append(d.Translations, tr)
	}
	if header {
		body++
	}
	// A variable is filled when a notification is sent; what stands there is never said.
	d.Parameters = nil
	for n := 1; n <= body; n++ {
		d.Parameters = append(d.Parameters, templates.Parameter{Name: strconv.Itoa(n), Value: "-", Sample: "value " + strconv.Itoa(n)})
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
	_, err = s.Catalogue.DeleteTranslation(ctx, templates.TemplateRef{AccountID: a.caller.AccountID, ID: t.ID}, languageTag(language))
	return nil, err
}
