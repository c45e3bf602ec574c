package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"carillon/access"
	"carillon/internal/fault"
	"carillon/internal/naming"
	"carillon/messages"
	"carillon/providers"
	"carillon/templates"
)

// Template is a message in several languages, as one version has it.
type Template struct {
	ID      int64  `json:"id"`
	Name    string `json:"name"`
	Version int    `json:"version"`
	templates.Definition
	Statuses  []templates.Approval `json:"statuses" doc:"What the providers of channels say of it; where there is none, it is a draft."`
	CreatedAt time.Time            `json:"created_at"`
	ChangedAt time.Time            `json:"changed_at" doc:"When this version was made."`
}

func (t Template) identity() int64 { return t.ID }

// TemplateInput is what a new template is made of.
type TemplateInput struct {
	Name string `json:"name" maxLength:"100" doc:"1 to 100 letters from A to Z, digits, - _ and .; for WhatsApp lower-case letters, digits and _. It never changes."`
	templates.Definition
}

// BasedOn says of which version a change is one.
type BasedOn struct {
	Version int `json:"version,omitempty" minimum:"0" doc:"The version that was changed: if it is not the latest any more, nothing is changed."`
}

// TemplateChange is a template instead of the one that there is.
type TemplateChange struct {
	BasedOn
	templates.Definition
}

// TranslationInput is a translation without its language, which the path has.
type TranslationInput struct {
	BasedOn
	Header  *templates.Header  `json:"header,omitempty"`
	Body    string             `json:"body,omitempty" doc:"The text."`
	Footer  string             `json:"footer,omitempty" doc:"A line below the text."`
	Buttons []templates.Button `json:"buttons,omitempty"`
	Email   *templates.Email   `json:"email,omitempty" doc:"What an e-mail is made of."`
}

// RenderInput says for whom a template is rendered.
type RenderInput struct {
	Kind         string           `json:"kind,omitempty" doc:"The kind of channel; left out, the first that the template is for."`
	ContactID    int64            `json:"contact_id,omitempty" minimum:"1" doc:"A contact; left out, the samples stand where parameters do."`
	Language     string           `json:"language,omitempty" doc:"A language of the template; left out, the one that it chooses for the contact."`
	Version      int              `json:"version,omitempty" minimum:"0" doc:"A version; left out, the latest."`
	Params       templates.Params `json:"params,omitempty" doc:"Values instead of those of the parameters: a list, or an object by name."`
	Header       *templates.Media `json:"header,omitempty" doc:"A file instead of that in the header."`
	ButtonSuffix string           `json:"button_suffix,omitempty" doc:"A suffix instead of that of the first url button."`
	Data         map[string]any   `json:"data,omitempty" doc:"Values of row.<name>."`
	FeedURL      string           `json:"feed_url,omitempty" maxLength:"2000" doc:"Where a JSON document is read from that stands as feed."`
}

// Rendering is a template as somebody gets it.
type Rendering struct {
	Version  int               `json:"version"`
	Language string            `json:"language"`
	Choice   string            `json:"choice" enum:"exact,base,fallback,default" doc:"How the language was chosen."`
	Content  providers.Content `json:"content" personal:"texts"`
	Lacks    []string          `json:"lacks,omitempty" doc:"What the content asks for and the contact has not, such as contact.first_name."`
	SMS      *templates.Length `json:"sms,omitempty" doc:"Of the kind sms: how long the text is."`
}

// DraftInput is a template that is not saved, and for whom it is rendered.
type DraftInput struct {
	Name string `json:"name,omitempty" maxLength:"100" doc:"Its name, if it has one."`
	templates.Definition
	Kind      string           `json:"kind,omitempty" doc:"The kind of channel; left out, the first that the template is for."`
	ContactID int64            `json:"contact_id,omitempty" minimum:"1" doc:"A contact; left out, the samples stand where parameters do."`
	Language  string           `json:"language,omitempty" doc:"A language of the template; left out, the one that it chooses for the contact."`
	Params    templates.Params `json:"params,omitempty" doc:"Values instead of those of the parameters: a list, or an object by name."`
	Data      map[string]any   `json:"data,omitempty" doc:"Values of row.<name>."`
}

// TemplateUses are the campaigns that use a template.
type TemplateUses struct {
	Items []templates.TemplateUse `json:"items"`
}

func renderingOut(r messages.Rehearsed, err error) (*one[Rendering], error) {
	if err != nil {
		return nil, err
	}
	return &one[Rendering]{Rendering{
		Version: r.Version, Language: r.Language, Choice: string(r.Choice), Content: r.Content, Lacks: r.Lacks, SMS: lengthOf(r.Kind, r.Content.Text),
	}}, nil
}

// lengthOf is how long a text is for telephones; nil for other kinds.
func lengthOf(kind providers.AddressKind, text string) *templates.Length {
	if kind != providers.SMS {
		return nil
	}
	length := templates.LengthOf(text)
	return &length
}

// params is how templates.Params looks in JSON.
type params struct{}

// Schema is a list of texts, or an object of texts.
func (params) Schema(huma.Registry) *huma.Schema {
	text := &huma.Schema{Type: huma.TypeString}
	return &huma.Schema{OneOf: []*huma.Schema{{Type: huma.TypeArray, Items: text}, {Type: huma.TypeObject, AdditionalProperties: text}}}
}

// TemplateName is the name of a copy.
type TemplateName struct {
	Name string `json:"name" maxLength:"100"`
}

// TemplateChanges are the fields in which two versions differ.
type TemplateChanges struct {
	From  int                     `json:"from"`
	To    int                     `json:"to"`
	Items []templates.FieldChange `json:"items"`
}

// StatusInput is what the provider of a channel says.
type StatusInput struct {
	ChannelID int64      `json:"channel_id,omitempty" minimum:"1" doc:"Whose provider; channel may say it instead."`
	Channel   naming.Ref `json:"channel,omitzero" kind:"channel" needed:"true" doc:"Instead of channel_id: the channel, by its id or its name."`
	State     string     `json:"state" doc:"draft, pending, approved, rejected, paused or disabled."`
	Reason    string     `json:"reason,omitempty" maxLength:"1000"`
}

type listTemplates struct {
	Paged
	Kind     string `query:"kind" doc:"Those for this kind of channel alone."`
	Category string `query:"category" doc:"Those of this category alone."`
	Language string `query:"language" maxLength:"35" doc:"Those alone that have a translation into this language."`
	State    string `query:"state" doc:"Those alone of which a channel's provider says this: draft, pending, approved, rejected, paused or disabled."`
	Search   string `query:"q" maxLength:"100" doc:"A part of the name, in any case."`
}

type createTemplate struct{ Body TemplateInput }

func (in *createTemplate) target(noun string) string { return noun + " " + in.Body.Name }

type setTemplate struct {
	ByID
	Body TemplateChange
}

// ByTranslation is the input of operations on one language of a template.
type ByTranslation struct {
	ByID
	Language string `path:"language" maxLength:"35" doc:"BCP 47, such as pt-BR."`
}

type setTranslation struct {
	ByID
	Language string `path:"language" maxLength:"35" doc:"BCP 47, such as pt-BR."`
	Body     TranslationInput
}

type setTemplateStatus struct {
	ByID
	Language string `path:"language" maxLength:"35" doc:"BCP 47, such as pt-BR."`
	Body     StatusInput
}

type byVersion struct {
	ByID
	Version int `path:"version" minimum:"1"`
}

type renderTemplate struct {
	ByID
	Body RenderInput
}

func (*renderTemplate) changesNothing() bool { return true }

type previewTemplate struct{ Body DraftInput }

func (*previewTemplate) changesNothing() bool { return true }

type duplicateTemplate struct {
	ByID
	Body TemplateName
}

type diffTemplate struct {
	ByID
	From int `query:"from" minimum:"0" doc:"The version before; left out, the one before to."`
	To   int `query:"to" minimum:"0" doc:"The version after; left out, the latest."`
}

type coverTemplate struct {
	ByID
	Kind string `query:"kind" doc:"Count those alone who have an address of this kind."`
}

type listVersions struct {
	ByID
	Paged
}

func templateOut(t templates.Saved, err error) (*one[Template], error) {
	if err != nil {
		return nil, err
	}
	out := Template{ID: t.ID, Name: t.Name, Version: t.Version, Definition: t.Definition, Statuses: t.Statuses, CreatedAt: t.CreatedAt, ChangedAt: t.ChangedAt}
	if out.Statuses == nil {
		out.Statuses = []templates.Approval{}
	}
	return &one[Template]{out}, nil
}

const templateDoc = "Everything that can't be meant is refused at once, with its place: parameters that are missing or left over, " +
	"lengths that WhatsApp does not take, values that nobody has, Liquid that can't be rendered, with line and column. " +
	"MJML and styles are worked out when it is saved. docs/templates.md."

func (s *Server) templateRoutes() {
	const path, tag = "/v1/templates", "templates"
	register(s, operation{id: "list-templates", method: http.MethodGet, path: path, tag: tag, doc: "List templates by name, without their texts", roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *listTemplates) (*pageOut[templates.TemplateInfo], error) {
			f := templates.TemplateFilter{
				AccountID: caller.AccountID, Kind: providers.AddressKind(in.Kind), Category: templates.Category(in.Category),
				Language: in.Language, State: templates.State(in.State), Search: in.Search, Limit: in.Limit + 1,
			}
			if in.Cursor != "" {
				var err error
				if f.After, err = in.text(); err != nil || f.After == "" {
					return nil, fault.InvalidField("query.cursor", in.Cursor, "is no cursor of this list: take next_cursor of a page, or none")
				}
			}
			list, err := s.Catalogue.ListTemplates(ctx, f)
			if err != nil {
				return nil, err
			}
			return page(list, in.Limit, func(t templates.TemplateInfo) templates.TemplateInfo { return t }, func(t templates.TemplateInfo) string { return t.Name }), nil
		})
	register(s, operation{id: "create-template", method: http.MethodPost, path: path, tag: tag, doc: "Save a new template", status: http.StatusCreated,
		roles: mayEdit, more: templateDoc},
		func(ctx context.Context, caller access.Caller, in *createTemplate) (*one[Template], error) {
			return templateOut(s.Catalogue.CreateTemplate(ctx, templates.Template{AccountID: caller.AccountID, Name: in.Body.Name, Definition: in.Body.Definition}))
		})
	register(s, operation{id: "get-template", method: http.MethodGet, path: path + "/{id}", tag: tag, roles: mayLook,
		doc: "Show a template in its latest version"},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[Template], error) {
			return templateOut(s.Catalogue.GetTemplate(ctx, caller.AccountID, in.ID, 0))
		})
	register(s, operation{id: "set-template", method: http.MethodPut, path: path + "/{id}", tag: tag, doc: "Save a template in a new version", roles: mayEdit,
		more: templateDoc + " What changes nothing makes no version."},
		func(ctx context.Context, caller access.Caller, in *setTemplate) (*one[Template], error) {
			return templateOut(s.Catalogue.SetTemplate(ctx, templates.Template{
				AccountID: caller.AccountID, ID: in.ID, Version: in.Body.Version, Definition: in.Body.Definition,
			}))
		})
	register(s, operation{id: "delete-template", method: http.MethodDelete, path: path + "/{id}", tag: tag, doc: "Delete a template",
		status: http.StatusNoContent, roles: mayEdit, more: "Its name stays reserved for 30 days."},
		func(ctx context.Context, caller access.Caller, in *ByID) (*struct{}, error) {
			return nil, s.Catalogue.DeleteTemplate(ctx, caller.AccountID, in.ID)
		})
	s.translationRoutes(path+"/{id}/translations/{language}", tag)
	s.versionRoutes(path+"/{id}", tag)
	register(s, operation{id: "render-template", method: http.MethodPost, path: path + "/{id}/render", tag: tag, unaudited: true, roles: mayLook,
		doc: "Render a template for a contact, or with its samples", more: "Nothing is sent."},
		func(ctx context.Context, caller access.Caller, in *renderTemplate) (*one[Rendering], error) {
			b := in.Body
			r, err := s.Messages.Rehearse(ctx, messages.Rehearsal{
				Template: templates.TemplateRef{AccountID: caller.AccountID, ID: in.ID, Version: b.Version}, Kind: providers.AddressKind(b.Kind),
				Use:       templates.Use{Language: b.Language, Params: b.Params, Header: b.Header, ButtonSuffix: b.ButtonSuffix},
				ContactID: b.ContactID, Data: b.Data, FeedURL: b.FeedURL,
			})
			return renderingOut(r, err)
		})
	register(s, operation{id: "preview-template", method: http.MethodPost, path: path + "/preview", tag: tag, unaudited: true, roles: mayEdit,
		doc: "Render a template that is not saved", more: "It is checked and built as when it is saved; nothing is kept, and nothing is sent."},
		func(ctx context.Context, caller access.Caller, in *previewTemplate) (*one[Rendering], error) {
			b := in.Body
			r, err := s.Messages.Rehearse(ctx, messages.Rehearsal{
				Template: templates.TemplateRef{AccountID: caller.AccountID}, Draft: &templates.Template{Name: b.Name, Definition: b.Definition},
				Kind: providers.AddressKind(b.Kind), Use: templates.Use{Language: b.Language, Params: b.Params}, ContactID: b.ContactID, Data: b.Data,
			})
			return renderingOut(r, err)
		})
	register(s, operation{id: "duplicate-template", method: http.MethodPost, path: path + "/{id}/duplicate", tag: tag, doc: "Save a template under another name",
		status: http.StatusCreated, roles: mayEdit, more: "The copy begins at version 1."},
		func(ctx context.Context, caller access.Caller, in *duplicateTemplate) (*one[Template], error) {
			return templateOut(s.Catalogue.DuplicateTemplate(ctx, caller.AccountID, in.ID, in.Body.Name))
		})
	register(s, operation{id: "list-template-uses", method: http.MethodGet, path: path + "/{id}/uses", tag: tag, roles: mayLook,
		doc: "List the campaigns that are not over and use a template", more: "At most 100 of them. As long as there is one, the template is not deleted."},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[TemplateUses], error) {
			uses, err := s.Catalogue.Uses(ctx, caller.AccountID, in.ID)
			if uses == nil {
				uses = []templates.TemplateUse{}
			}
			return &one[TemplateUses]{TemplateUses{uses}}, err
		})
	register(s, operation{id: "cover-template", method: http.MethodGet, path: path + "/{id}/coverage", tag: tag, roles: mayLook,
		doc: "Count the contacts by the language in which they would get a template", more: "missing says how many have a language that it does not speak."},
		func(ctx context.Context, caller access.Caller, in *coverTemplate) (*one[templates.Coverage], error) {
			covered, err := s.Catalogue.Coverage(ctx, caller.AccountID, in.ID, providers.AddressKind(in.Kind))
			return &one[templates.Coverage]{covered}, err
		})
}

func (s *Server) translationRoutes(path, tag string) {
	register(s, operation{id: "set-translation", method: http.MethodPut, path: path, tag: tag,
		doc: "Save a template with a translation, new or instead of the one into its language", roles: mayEdit, more: templateDoc},
		func(ctx context.Context, caller access.Caller, in *setTranslation) (*one[Template], error) {
			b := in.Body
			return templateOut(s.Catalogue.SetTranslation(ctx, templates.TemplateRef{AccountID: caller.AccountID, ID: in.ID, Version: b.Version}, templates.Translation{
				Language: in.Language, Header: b.Header, Body: b.Body, Footer: b.Footer, Buttons: b.Buttons, Email: b.Email,
			}))
		})
	register(s, operation{id: "delete-translation", method: http.MethodDelete, path: path, tag: tag, doc: "Save a template without a translation", roles: mayEdit},
		func(ctx context.Context, caller access.Caller, in *ByTranslation) (*one[Template], error) {
			return templateOut(s.Catalogue.DeleteTranslation(ctx, templates.TemplateRef{AccountID: caller.AccountID, ID: in.ID}, in.Language))
		})
	register(s, operation{id: "set-template-status", method: http.MethodPut, path: path + "/status", tag: tag, status: http.StatusNoContent, roles: mayEdit,
		doc:  "Note what the provider of a channel says of a template",
		more: "Providers that keep templates of their own are asked by themselves; this is for what one hears elsewhere."},
		func(ctx context.Context, caller access.Caller, in *setTemplateStatus) (*struct{}, error) {
			return nil, s.Catalogue.SetStatus(ctx, caller.AccountID, in.ID, templates.Approval{
				ChannelID: in.Body.ChannelID, Language: in.Language, State: templates.State(in.Body.State), Reason: in.Body.Reason,
			})
		})
}

func (s *Server) versionRoutes(path, tag string) {
	register(s, operation{id: "list-template-versions", method: http.MethodGet, path: path + "/versions", tag: tag, roles: mayLook,
		doc: "List the versions of a template, the newest first"},
		func(ctx context.Context, caller access.Caller, in *listVersions) (*pageOut[templates.TemplateVersion], error) {
			before, err := in.position()
			if err != nil {
				return nil, err
			}
			list, err := s.Catalogue.ListVersions(ctx, caller.AccountID, in.ID, int(before), in.Limit+1)
			if err != nil {
				return nil, err
			}
			return page(list, in.Limit, func(v templates.TemplateVersion) templates.TemplateVersion { return v },
				func(v templates.TemplateVersion) string { return strconv.Itoa(v.Version) }), nil
		})
	register(s, operation{id: "get-template-version", method: http.MethodGet, path: path + "/versions/{version}", tag: tag, roles: mayLook,
		doc: "Show a version of a template", more: "A version never changes: a campaign that runs keeps the one with which it began."},
		func(ctx context.Context, caller access.Caller, in *byVersion) (*one[Template], error) {
			return templateOut(s.Catalogue.GetTemplate(ctx, caller.AccountID, in.ID, in.Version))
		})
	register(s, operation{id: "diff-template", method: http.MethodGet, path: path + "/diff", tag: tag, roles: mayLook,
		doc: "Show in what two versions of a template differ"},
		func(ctx context.Context, caller access.Caller, in *diffTemplate) (*one[TemplateChanges], error) {
			of := templates.TemplateRef{AccountID: caller.AccountID, ID: in.ID, Version: in.To}
			from, to, changes, err := s.Catalogue.Diff(ctx, of, in.From)
			return &one[TemplateChanges]{TemplateChanges{From: from, To: to, Items: changes}}, err
		})
}
