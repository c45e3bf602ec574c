package whatsapp_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"carillon/internal/sink"
	"carillon/providers"
)

// request is what the API is asked to take.
type request struct {
	Product     string `json:"messaging_product"`
	To          string `json:"to"`
	Type        string `json:"type"`
	Echo        string `json:"biz_opaque_callback_data"`
	Text        *words `json:"text"`
	Image       *media `json:"image"`
	Video       *media `json:"video"`
	Audio       *media `json:"audio"`
	Document    *media `json:"document"`
	Location    *spot  `json:"location"`
	Contacts    []providers.Card
	Interactive *interactive
	Template    *template
}

type words struct {
	Body string
	Text string
}

type media struct{ ID, Link, Caption, Filename string }

type spot struct {
	Latitude, Longitude float64
	Name, Address       string
}

type answer struct{ ID, Title string }

type interactive struct {
	Type   string
	Header *header
	Body   words
	Action struct {
		Name       string
		Button     string
		Parameters struct {
			Text string `json:"display_text"`
			URL  string
		}
		Buttons []struct {
			Type  string
			Reply answer
		}
		Sections []struct{ Rows []answer }
	}
}

// header is what stands above an interactive message, and a parameter of a template.
type header struct {
	Type     string
	Text     string
	Name     string `json:"parameter_name"`
	Code     string `json:"coupon_code"`
	Image    *media
	Video    *media
	Document *media
}

func (h *header) file() *media {
	return map[string]*media{"image": h.Image, "video": h.Video, "document": h.Document}[h.Type]
}

type template struct {
	Name       string
	Language   struct{ Code string }
	Components []struct {
		Type       string
		SubType    string `json:"sub_type"`
		Index      string
		Parameters []header
	}
}

func parse(body []byte) (r request) {
	_ = json.Unmarshal(body, &r) // what can't be read lacks all
	return r
}

// wrong is the code and the details with which the API refuses a request; 0 if it takes it.
func (r *request) wrong() (code int, details string) {
	files := map[string]*media{"image": r.Image, "video": r.Video, "audio": r.Audio, "document": r.Document}
	switch file := files[r.Type]; {
	case r.Product != "whatsapp":
		return 100, "messaging_product is required"
	case !regexp.MustCompile(`^\+?[0-9]{5,15}$`).MatchString(r.To):
		return 100, "to is no phone number"
	case len(r.Echo) > 512:
		return 100, "biz_opaque_callback_data has at most 512 characters"
	case r.Type == "text":
		return bounds(r.Text != nil, []bound{{r.text().Body, 1, 4096}})
	case r.Type == "audio" && file != nil && (file.Caption != "" || file.Filename != ""):
		return 100, "audio has neither a caption nor a filename"
	case file != nil:
		return bounds(r.Type == "document" || file.Filename == "", []bound{{file.Link + file.ID, 1, 2048}, {file.Caption, 0, 1024}})
	case r.Type == "location":
		return bounds(r.Location != nil && (r.Location.Address == "" || r.Location.Name != ""), nil)
	case r.Type == "contacts":
		return bounds(!slices.ContainsFunc(r.Contacts, func(c providers.Card) bool {
			return c.Name.Formatted == "" || c.Name.First+c.Name.Last == "" || c.IMs != nil
		}), nil)
	case r.Type == "interactive" && r.Interactive != nil:
		return r.Interactive.wrong()
	case r.Type == "template" && r.Template != nil:
		return r.Template.wrong()
	}
	return 131051, "unsupported type " + r.Type
}

func (r *request) text() words {
	if r.Text == nil {
		return words{}
	}
	return *r.Text
}

// bound is how many characters a text has.
type bound struct {
	text        string
	least, most int
}

func bounds(right bool, all []bound) (code int, details string) {
	if !right {
		return 131009, "a parameter is missing or wrong"
	}
	for _, b := range all {
		if n := utf8.RuneCountInString(b.text); n < b.least || n > b.most {
			return 131009, fmt.Sprintf("a text has %d characters: it must have %d to %d", n, b.least, b.most)
		}
	}
	return 0, ""
}

func (i *interactive) wrong() (code int, details string) {
	a, all := &i.Action, []bound{{i.Body.Text, 1, 1024}}
	right := i.Header == nil || i.Header.file() != nil && i.Header.file().Link != "" && i.Header.file().Caption == ""
	switch i.Type {
	case "button":
		right = right && len(a.Buttons) > 0 && len(a.Buttons) <= 3
		for _, b := range a.Buttons {
			right = right && b.Type == "reply"
			all = append(all, bound{b.Reply.ID, 1, 256}, bound{b.Reply.Title, 1, 20})
		}
	case "list":
		right = i.Header == nil && len(a.Sections) == 1 && len(a.Sections[0].Rows) > 0 && len(a.Sections[0].Rows) <= 10
		all = []bound{{i.Body.Text, 1, 4096}, {a.Button, 1, 20}}
		for _, s := range a.Sections {
			for _, row := range s.Rows {
				all = append(all, bound{row.ID, 1, 200}, bound{row.Title, 1, 24})
			}
		}
	case "cta_url":
		right = right && a.Name == "cta_url"
		all = append(all, bound{a.Parameters.Text, 1, 20}, bound{a.Parameters.URL, 1, 2000})
	default:
		right = false
	}
	return bounds(right, all)
}

// unfit is what a value may not have.
var unfit = regexp.MustCompile(`[\n\t]|     `)

func (t *template) wrong() (code int, details string) {
	right := t.Name != "" && regexp.MustCompile(`^[a-z]{2,3}(_[A-Z]{2})?$`).MatchString(t.Language.Code)
	var all []bound
	for _, c := range t.Components {
		right = right && slices.Contains([]string{"header", "body", "button"}, c.Type) && len(c.Parameters) > 0
		for _, p := range c.Parameters {
			right = right && !unfit.MatchString(p.Text)
			switch {
			case p.Type == "text":
				all = append(all, bound{p.Text, 1, 4096})
			case c.Type == "button":
				right = right && p.Type == "coupon_code" && c.SubType == "copy_code"
				all = append(all, bound{p.Code, 1, 15})
			default:
				right = right && c.Type == "header" && p.file() != nil && p.file().Link != ""
			}
		}
	}
	if code, details = bounds(right, all); code != 0 {
		return 132012, details
	}
	return 0, ""
}

// content is what arrived as Carillon has it.
func (r *request) content() providers.Content {
	c := providers.Content{Text: r.text().Body, Cards: r.Contacts}
	for i := range c.Cards { // the name alone is written twice
		if name := &c.Cards[i].Name; name.First == name.Formatted {
			name.First = ""
		}
	}
	attach := func(m *media) {
		if m != nil {
			c.Attachment = &providers.Attachment{URL: m.Link, Caption: m.Caption, Filename: m.Filename}
		}
	}
	for _, file := range []*media{r.Image, r.Video, r.Audio, r.Document} {
		attach(file)
	}
	if l := r.Location; l != nil {
		address, link, _ := strings.Cut(l.Address, ", https://")
		c.Location = &providers.Location{Latitude: l.Latitude, Longitude: l.Longitude, Name: l.Name, Address: address, URL: "https://" + link}
	}
	if i := r.Interactive; i != nil {
		c.Text, c.Buttons = i.Body.Text, i.buttons()
		if i.Header != nil {
			attach(i.Header.file())
		}
	}
	if r.Template != nil {
		c.Kept = r.Template.kept(attach)
	}
	return c
}

func (i *interactive) buttons() (all []providers.MessageButton) {
	answers := func(a answer) {
		all = append(all, providers.MessageButton{Type: providers.ButtonPostback, Caption: a.Title, Info: a.ID})
	}
	for _, b := range i.Action.Buttons {
		answers(b.Reply)
	}
	for _, s := range i.Action.Sections {
		for _, row := range s.Rows {
			answers(row)
		}
	}
	if p := i.Action.Parameters; p.URL != "" {
		all = append(all, providers.MessageButton{Type: providers.ButtonLink, Caption: p.Text, Info: p.URL})
	}
	return all
}

func (t *template) kept(attach func(*media)) *providers.KeptTemplate {
	k := &providers.KeptTemplate{Name: t.Name, Language: strings.ReplaceAll(t.Language.Code, "_", "-")}
	for _, c := range t.Components {
		for n, p := range c.Parameters {
			place := p.Name
			if place == "" {
				place = strconv.Itoa(n + 1)
			}
			index, _ := strconv.Atoi(c.Index)
			switch {
			case c.Type == "button":
				k.Buttons = append(k.Buttons, providers.ButtonValue{Index: index, Type: providers.TemplateButtonType(c.SubType), Value: p.Text + p.Code})
			case p.file() != nil:
				attach(p.file())
			case c.Type == "header":
				k.Header = append(k.Header, providers.PlaceValue{Place: place, Value: p.Text})
			default:
				k.Body = append(k.Body, providers.PlaceValue{Place: place, Value: p.Text})
			}
		}
	}
	return k
}

// cloudAPI plays Meta.
func cloudAPI(r *http.Request, body []byte) sink.Exchange {
	reply := func(status int, answer string) sink.Exchange {
		return sink.Exchange{Reply: func(w http.ResponseWriter, _ []sink.Answer) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(answer))
		}}
	}
	fail := func(status, code int, more string) sink.Exchange {
		return reply(status, fmt.Sprintf(`{"error":{"message":"(#%d)","type":"OAuthException","code":%d%s}}`, code, code, more))
	}
	path, versioned := strings.CutPrefix(r.URL.Path, "/v26.0/")
	switch {
	case !versioned:
		return reply(404, "no such page")
	case r.Header.Get("Authorization") != "Bearer "+token:
		return fail(401, 190, "")
	case r.Method == http.MethodGet && path == number:
		return reply(200, fmt.Sprintf(`{"id":%q,"display_phone_number":"+1 555-078-3881"}`, number))
	case r.Method == http.MethodGet && path == account+"/message_templates":
		return reply(200, pageOf(r.URL.Query()))
	case r.Method != http.MethodPost || path != number+"/messages":
		return fail(400, 100, `,"error_subcode":33`)
	}
	asked := parse(body)
	if code, details := asked.wrong(); code != 0 {
		return fail(400, code, fmt.Sprintf(`,"error_data":{"details":%q}`, details))
	}
	digits, _, _ := strings.Cut(asked.Echo, "-")
	id, _ := strconv.ParseInt(digits, 10, 64)
	return sink.Exchange{Messages: []int64{id}, Reply: func(w http.ResponseWriter, _ []sink.Answer) {
		_, _ = fmt.Fprintf(w, `{"messaging_product":"whatsapp","contacts":[{"input":%q,"wa_id":%q}],"messages":[{"id":%q,"message_status":"accepted"}]}`,
			asked.To, strings.TrimPrefix(asked.To, "+"), wamid(id))
	}}
}

// listed are the templates of the account, of which two go on a page.
var listed = whole([]providers.Template{
	{Name: "hello", Language: "en", Status: providers.TemplateApproved, Body: "Hello {{1}}"},
	{Name: "hello", Language: "pt_BR", Status: providers.TemplatePending, Body: "Olá {{1}}"},
	{Name: "sale", Language: "en", Status: providers.TemplateRejected, Body: "Buy!", Reason: "INVALID_FORMAT"},
	{Name: "sale", Language: "de", Status: providers.TemplatePaused, Body: "Kaufen, {{first_name}}!"},
	{Name: "sale", Language: "fr", Status: providers.TemplateDisabled, Body: "Achetez !"},
	{Name: "old", Language: "en", Status: providers.TemplateDisabled, Body: "Old", Reason: "ARCHIVED"},
	{Name: "again", Language: "en", Status: providers.TemplatePending, Body: "Again"},
})

// whole are templates with what pageOf gives all of them.
func whole(list []providers.Template) []providers.Template {
	for i := range list {
		t := &list[i]
		t.Category, t.Header = "marketing", "not this"
		for _, place := range []string{"1", "first_name"} {
			if strings.Contains(t.Body, "{{"+place+"}}") {
				t.BodySamples = []providers.PlaceValue{{Place: place, Value: "Ada"}}
			}
		}
	}
	return list
}

// worded are the statuses in Meta's words, where they are others.
var worded = map[string]string{"old en": "ARCHIVED", "again en": "IN_APPEAL"}

// pageOf is a page of the list. There is a cursor behind the last one, too, and the address of the
// next page leads elsewhere.
func pageOf(query url.Values) string {
	from, _ := strconv.Atoi(query.Get("after"))
	to := min(from+2, len(listed))
	var data []any
	for _, t := range listed[from:to] {
		status, reason := strings.ToUpper(string(t.Status)), "NONE"
		if word, is := worded[t.Name+" "+t.Language]; is {
			status = word
		} else if t.Reason != "" {
			reason = t.Reason
		}
		data = append(data, map[string]any{
			"name": t.Name, "language": t.Language, "status": status, "rejected_reason": reason, "id": "1", "category": "MARKETING",
			"components": []any{map[string]any{"type": "HEADER", "format": "TEXT", "text": "not this"}, map[string]any{
				"type": "BODY", "text": t.Body, "example": map[string]any{
					"body_text": []any{[]string{"Ada"}}, "body_text_named_params": []any{map[string]string{"param_name": "first_name", "example": "Ada"}},
				},
			}},
		})
	}
	paging := map[string]any{"cursors": map[string]any{"before": strconv.Itoa(from), "after": strconv.Itoa(to)}}
	if to < len(listed) {
		paging["next"] = "https://elsewhere.example.org/?access_token=" + token
	}
	page, _ := json.Marshal(map[string]any{"data": data, "paging": paging}) // texts can be written
	return string(page)
}
