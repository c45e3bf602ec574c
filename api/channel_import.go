package api

import (
	"context"
	"net/http"

	"carillon/access"
	"carillon/templates"
)

type importTemplates struct {
	ByID
	Body struct {
		Template string `json:"template,omitempty" maxLength:"512" doc:"The provider's template, by its name; all that the catalogue lacks if it is left out."`
		DryRun   bool   `json:"dry_run,omitempty" doc:"Only say what would be taken over."`
	}
}

// ImportedTemplate is a template that a channel's provider keeps, and what becomes of it.
type ImportedTemplate struct {
	Name       string                `json:"name"`
	Outcome    string                `json:"outcome" enum:"open,imported,exists,unfit" doc:"open: it would be taken over; imported: it was; exists: the catalogue has one of the name, which stays as it is; unfit: it can't be taken over, and reason says why."`
	Reason     string                `json:"reason,omitempty"`
	TemplateID int64                 `json:"template_id,omitempty" doc:"The catalogue's, where it has one."`
	Category   string                `json:"category,omitempty"`
	Parameters []templates.Parameter `json:"parameters,omitempty" doc:"The places of its texts: what the provider's example is, and what fills them until somebody says what does: what a contact has of that name, or else a column of an upload."`
	Languages  []ImportedLanguage    `json:"languages,omitempty"`
}

// ImportedLanguage is one language of such a template.
type ImportedLanguage struct {
	Language string `json:"language"`
	Taken    bool   `json:"taken" doc:"It is taken over with the template."`
	Reason   string `json:"reason,omitempty" doc:"Why it is not."`
	Header   string `json:"header,omitempty"`
	Body     string `json:"body"`
	Footer   string `json:"footer,omitempty"`
}

// ImportedTemplates are the templates that a channel's provider keeps.
type ImportedTemplates struct {
	Templates []ImportedTemplate `json:"templates"`
}

func importedView(list []templates.Import) ImportedTemplates {
	view := ImportedTemplates{Templates: make([]ImportedTemplate, len(list))}
	for i := range list {
		of := &list[i]
		one := ImportedTemplate{Name: of.Name, TemplateID: of.ID, Reason: of.Wrong, Category: string(of.Category), Parameters: of.Parameters}
		switch {
		case of.Exists:
			one.Outcome = "exists"
		case of.Wrong != "":
			one.Outcome = "unfit"
		case of.ID != 0:
			one.Outcome = "imported"
		default:
			one.Outcome = "open"
		}
		for _, tr := range of.Translations {
			language := ImportedLanguage{Language: tr.Language, Taken: of.Open(), Body: tr.Body, Footer: tr.Footer}
			if tr.Header != nil {
				language.Header = tr.Header.Text
			}
			one.Languages = append(one.Languages, language)
		}
		for _, left := range of.Left {
			one.Languages = append(one.Languages, ImportedLanguage{Language: left.Language, Body: left.Body, Reason: left.Why})
		}
		view.Templates[i] = one
	}
	return view
}

// importKept takes templates over that a channel's provider keeps, and their states.
func (s *Server) importKept(ctx context.Context, accountID int64, in *importTemplates) ([]templates.Import, error) {
	channel, kept, err := s.keptOn(ctx, accountID, in.ID)
	if err != nil {
		return nil, err
	}
	list, err := s.Catalogue.Imports(ctx, channel, in.Body.Template, kept)
	if err != nil || in.Body.DryRun {
		return list, err
	}
	if err := s.Catalogue.Import(ctx, list); err != nil {
		return nil, err
	}
	_, err = s.Catalogue.Sync(ctx, accountID, in.ID, kept)
	return list, err
}

func (s *Server) importRoutes() {
	register(s, operation{
		id: "import-templates", method: http.MethodPost, path: "/v1/channels/{id}/templates/import", tag: "channels", roles: mayEdit, bound: true,
		doc: "Take templates over that a channel's provider keeps and the catalogue lacks",
		more: "In the languages that the provider has approved, with the places of their texts as parameters. What the catalogue has is never changed: " +
			"a name that is taken is refused where it is asked for. Of each template and language that can't be taken over it is said why."},
		func(ctx context.Context, caller access.Caller, in *importTemplates) (*one[ImportedTemplates], error) {
			if err := within(caller, &in.ID); err != nil {
				return nil, err
			}
			list, err := s.importKept(ctx, caller.AccountID, in)
			if err != nil {
				return nil, err
			}
			return &one[ImportedTemplates]{importedView(list)}, nil
		})
}
