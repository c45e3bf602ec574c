package xms

import (
	"context"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"

	"carillon/access"
	"carillon/providers"
	"carillon/templates"
	"carillon/variables"
)

// A channel as XMS shows it.
type channel struct {
	ChannelID   string `json:"channelId"`
	ContactType string `json:"contactType"`
	// Lane is the number or address that messages come from.
	Lane string `json:"lane"`
	Name string `json:"name"`
}

// kindWords are XMS's words for a kind of address.
type kindWords struct{ contactType, prefix string }

// words are those of each kind. A channel's id never changes, so that neither may these.
var words = map[providers.AddressKind]kindWords{
	providers.Email:     {"EMAIL", "mailto"},
	providers.Phone:     {"SMS", "tel"},
	providers.SMS:       {"SMS", "sms"},
	providers.WhatsApp:  {"WHATSAPP", "wa360"},
	providers.Telegram:  {"TELEGRAM", "tg"},
	providers.Viber:     {"OA", "viber"},
	providers.Facebook:  {"FACEBOOK", "fb"},
	providers.Instagram: {"INSTAGRAM", "ig"},
	providers.Push:      {"PUSH", "push"},
	providers.Web:       {"WEBSITE", "web"},
	providers.Custom:    {"DUMMY", "custom"},
}

// laneOf is the number or address that a channel sends from, in digits alone where it is a
// number.
func laneOf(c providers.Channel) string { return strings.TrimPrefix(c.Handle, "+") }

// channelIDOf is the id of a channel.
func channelIDOf(c providers.Channel) string { return words[c.Address].prefix + ":" + laneOf(c) }

// pageSize is how many things are read at a time where all are listed.
const pageSize = 500

// channels are those that a key may use, in the order of their ids.
func (x *Server) channels(ctx context.Context, caller access.Caller) (all []providers.Channel, err error) {
	for after := int64(0); ; {
		list, err := x.Channels.List(ctx, caller.AccountID, after, pageSize)
		if err != nil {
			return nil, err
		}
		for _, c := range list {
			after = c.ID
			if mayUse(caller, c.ID) {
				all = append(all, c)
			}
		}
		if len(list) < pageSize {
			return all, nil
		}
	}
}

// mayUse reports whether a key may use a channel.
func mayUse(caller access.Caller, channelID int64) bool {
	return caller.ChannelID == 0 || caller.ChannelID == channelID
}

// findChannel is the channel of an id.
func (x *Server) findChannel(ctx context.Context, caller access.Caller, id string) (providers.Channel, bool, error) {
	all, err := x.channels(ctx, caller)
	for _, c := range all {
		if channelIDOf(c) == id {
			return c, true, nil
		}
	}
	return providers.Channel{}, false, err
}

// listChannels lists all of them, those that write to nobody, too, as XMS does.
func (x *Server) listChannels(ctx context.Context, a asked) (answer, error) {
	query := a.r.URL.Query()
	for _, name := range []string{"sabdnox", "sandbox"} { // the document writes it both ways
		if _, known := truths[strings.ToLower(query.Get(name))]; !known {
			return answer{}, refuse(name, paramTypeMismatch, name+" must be true or false")
		}
	}
	all, err := x.channels(ctx, a.caller)
	out := answer{compact: true}
	for _, c := range all {
		out.results = append(out.results, channel{channelIDOf(c), words[c.Address].contactType, laneOf(c), c.Name})
	}
	return out, err
}

// variable is a value of the account.
type variable struct {
	ID          string          `json:"id"`
	Key         string          `json:"key"`
	Value       json.RawMessage `json:"value"`
	Type        string          `json:"type"`
	Group       string          `json:"group"`
	Description string          `json:"description"`
	Disabled    bool            `json:"disabled"`
	Domain      string          `json:"domain"`
	Server      string          `json:"server"`
	Shared      bool            `json:"shared"`
}

// sorts are the types of values by the letter with which their JSON begins.
var sorts = map[byte]string{'"': "STRING", '{': "OBJECT", '[': "LIST", 't': "BOOLEAN", 'f': "BOOLEAN", 'n': "NULL"}

func sortOf(value json.RawMessage) string {
	if sort, known := sorts[value[0]]; known {
		return sort
	}
	return "NUMBER"
}

// listVariables lists all of them. What the document calls channelId selects by nothing that
// variables have, and is not looked at there either.
func (x *Server) listVariables(ctx context.Context, a asked) (out answer, err error) {
	for after := ""; ; {
		var list []variables.Variable
		if list, err = x.Variables.List(ctx, a.caller.AccountID, after, pageSize); err != nil {
			return out, err
		}
		for _, v := range list {
			after = v.Name
			out.results = append(out.results, variable{
				ID: v.Name, Key: v.Name, Value: v.Value, Type: sortOf(v.Value), Group: v.Group, Description: v.Description, Disabled: v.Disabled,
				Domain: x.host.domain, Server: x.host.server,
			})
		}
		if len(list) < pageSize {
			return out, nil
		}
	}
}

// template is one translation of a template.
type template struct {
	ID           string           `json:"id"`
	Code         string           `json:"code"`
	Name         string           `json:"name"`
	Lang         string           `json:"lang"`
	Body         string           `json:"body"`
	Header       *string          `json:"header"`
	Footer       *string          `json:"footer"`
	Category     *string          `json:"category"`
	CategoryType *string          `json:"categoryType"`
	FormatType   string           `json:"formatType"`
	ContactType  string           `json:"contactType"`
	Title        *string          `json:"title"`
	Desc         *string          `json:"desc"`
	Template     string           `json:"template"`
	Model        map[string]any   `json:"model"`
	Meta         map[string]any   `json:"meta"`
	Options      templateOptions  `json:"options"`
	Attachments  []templateFile   `json:"attachments"`
	Approved     []templateStatus `json:"approved"`
	CreatedBy    *string          `json:"createdBy"`
	CreatedStamp int64            `json:"createdStamp"`
}

type templateOptions struct {
	Buttons []button `json:"buttons"`
}

type templateFile struct {
	MediaType string `json:"mediaType"`
	MediaURL  string `json:"mediaURL"`
	MediaName string `json:"mediaName"`
}

type templateStatus struct {
	ChannelID  string `json:"channelId"`
	Status     string `json:"status"`
	TemplateID string `json:"templateId"`
}

const approved = "APPROVED"

// mostTemplates bounds how many translations are listed: there are no pages in XMS.
const mostTemplates = 5000

// listTemplates lists every translation of every template.
func (x *Server) listTemplates(ctx context.Context, a asked) (out answer, err error) {
	channels, err := x.channels(ctx, a.caller)
	if err != nil {
		return out, err
	}
	wanted, status := a.r.URL.Query().Get("channelId"), a.r.URL.Query().Get("channelStatus")
	for after := ""; len(out.results) < mostTemplates; {
		list, err := x.Catalogue.ListTemplates(ctx, templates.TemplateFilter{AccountID: a.caller.AccountID, After: after, Limit: pageSize})
		if err != nil {
			return out, err
		}
		for _, info := range list {
			after = info.Name
			saved, err := x.Catalogue.GetTemplate(ctx, a.caller.AccountID, info.ID, 0)
			if err != nil {
				return out, err
			}
			for _, tag := range saved.Spoken() {
				view, err := x.templateView(saved, tag, channels)
				if err != nil {
					return out, err
				}
				if view.stands(wanted, status) && len(out.results) < mostTemplates {
					out.results = append(out.results, view)
				}
			}
		}
		if len(list) < pageSize {
			break
		}
	}
	return out, nil
}

// stands reports whether a translation may be used on a channel, and with a status; empty
// is any.
func (t *template) stands(channelID, status string) bool {
	if channelID == "" && status == "" {
		return true
	}
	for _, on := range t.Approved {
		if (channelID == "" || on.ChannelID == channelID) && (status == "" || strings.EqualFold(on.Status, status)) {
			return true
		}
	}
	return false
}

// codeForm is the form of names that WhatsApp takes.
var codeForm = regexp.MustCompile(`^[a-z0-9_]+$`)

// codeOf is the code of a template: its name, in capitals where WhatsApp has it in small
// letters, because codes are written so.
func codeOf(name string) string {
	if codeForm.MatchString(name) {
		return strings.ToUpper(name)
	}
	return name
}

// templateIDOf is the id of a translation.
func templateIDOf(id int64, tag string) string { return strconv.FormatInt(id, 10) + ":" + tag }

// readTemplateID reads it again.
func readTemplateID(text string) (id int64, tag string, ok bool) {
	number, tag, ok := strings.Cut(text, ":")
	id, err := strconv.ParseInt(number, 10, 64)
	return id, tag, ok && err == nil && id > 0
}

// templateView is a translation as XMS shows it.
func (x *Server) templateView(saved templates.Saved, tag string, channels []providers.Channel) (template, error) {
	tr := saved.Translation(tag)
	category := optional(strings.ToUpper(string(saved.Category)))
	t := template{
		ID: templateIDOf(saved.ID, tag), Code: codeOf(saved.Name), Name: saved.Name, Lang: strings.ReplaceAll(tag, "-", "_"), Body: tr.Body,
		Footer: optional(tr.Footer), Category: category, CategoryType: category, FormatType: "TEXT", Template: tr.Body,
		Model: map[string]any{}, Meta: map[string]any{}, Options: templateOptions{[]button{}}, Attachments: []templateFile{}, Approved: []templateStatus{},
		CreatedStamp: saved.CreatedAt.UnixMilli(),
	}
	if len(saved.Kinds) > 0 {
		t.ContactType = words[saved.Kinds[0]].contactType
	}
	for _, p := range saved.Parameters {
		t.Model[p.Name] = p.Sample
	}
	if tr.Email != nil {
		t.Title = optional(tr.Email.Subject)
		if t.Body == "" {
			t.Body = saved.Built[tag].Text
			t.Template = t.Body
		}
	}
	if tr.Header != nil {
		t.Header = optional(tr.Header.Text)
		if m := tr.Header.Media; m != nil {
			t.FormatType = strings.ToUpper(m.Type)
			t.Attachments = append(t.Attachments, templateFile{t.FormatType, m.URL, m.Filename})
		}
	}
	for _, b := range tr.Buttons {
		t.Options.Buttons = append(t.Options.Buttons, templateButton(b))
	}
	for _, c := range channels {
		status, err := x.approval(saved, tag, c)
		if err != nil {
			return t, err
		}
		if status != "" {
			t.Approved = append(t.Approved, templateStatus{channelIDOf(c), status, t.ID})
		}
	}
	return t, nil
}

// approval is what a channel says of a translation; empty where it is not for its kind.
// Where the provider looks at no templates, none has to be approved.
func (x *Server) approval(saved templates.Saved, tag string, c providers.Channel) (string, error) {
	for _, kind := range saved.Kinds {
		if kind != c.Address {
			continue
		}
		for _, a := range saved.Statuses {
			if a.ChannelID == c.ID && a.Language == tag {
				return strings.ToUpper(string(a.State)), nil
			}
		}
		can, err := x.Messages.Can(c)
		if can.Templates {
			return strings.ToUpper(string(templates.Draft)), err
		}
		return approved, err
	}
	return "", nil
}

// templateButton is a template's button in the words of XMS.
func templateButton(b templates.Button) button {
	shown := button{Label: text(b.Text), Name: text(b.Text)}
	switch b.Type {
	case templates.URLButton:
		shown.Type, shown.URL = linkButton, text(b.URL+b.Suffix)
	case templates.PhoneButton:
		shown.Type, shown.Phone = callButton, text(b.Phone)
	default:
		shown.Type, shown.Code = replyButton, text(b.Code)
	}
	return shown
}
