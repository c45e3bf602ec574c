package api

import (
	"context"
	"net/http"

	"carillon/access"
	"carillon/providers"
	"carillon/templates"
)

// ChannelCheck is what a channel's provider says of its settings.
type ChannelCheck struct {
	State  string              `json:"state" enum:"ok,refused,unreachable,untold" doc:"ok: the provider takes the settings; refused: it was asked, and does not; unreachable: it could not be asked, or gave no answer that can be read; untold: providers of this kind can't be asked without sending something."`
	Kind   providers.ErrorKind `json:"kind,omitempty" doc:"What sort of error it is, such as auth."`
	Code   string              `json:"code,omitempty" doc:"The provider's own code."`
	Detail string              `json:"detail,omitempty" doc:"What is the matter, in words; where nothing is, what the provider says of the account."`
	TookMS int64               `json:"took_ms" doc:"Milliseconds until it answered."`
}

// ProviderTemplate is one language of a template that a channel's provider keeps.
type ProviderTemplate struct {
	Name       string                   `json:"name" doc:"The provider's name of it."`
	Language   string                   `json:"language" doc:"As the provider writes it, such as pt_BR."`
	Status     providers.TemplateStatus `json:"status" enum:"pending,approved,rejected,paused,disabled"`
	Reason     string                   `json:"reason,omitempty" doc:"Why it can't be used, in the provider's words."`
	Body       string                   `json:"body" doc:"Its text, the places for values as the provider writes them."`
	TemplateID int64                    `json:"template_id,omitempty" doc:"The catalogue's template of the same name that has the language; absent if there is none."`
	Differs    bool                     `json:"differs" doc:"The catalogue's says something else in this language, so that it is a draft and goes as a text: make the two alike."`
	Changed    bool                     `json:"changed" doc:"Its state is another than was known here."`
}

// SyncedTemplates are those that a channel's provider keeps.
type SyncedTemplates struct {
	Templates []ProviderTemplate `json:"templates"`
}

func syncedView(list []templates.Synced) SyncedTemplates {
	view := SyncedTemplates{Templates: make([]ProviderTemplate, len(list))}
	for i, t := range list {
		view.Templates[i] = ProviderTemplate{
			Name: t.Name, Language: t.Language, Status: t.Status, Reason: t.Reason, Body: t.Body, TemplateID: t.TemplateID,
			Differs: t.Differs, Changed: t.Changed,
		}
	}
	return view
}

type submitTemplate struct {
	ByID
	Body struct {
		Template string `json:"template" maxLength:"100" doc:"The template of the catalogue, by its name."`
		DryRun   bool   `json:"dry_run,omitempty" doc:"Only say what would be handed in."`
	}
}

// SubmittedTemplate is one language of a template that is handed in for review, or is not.
type SubmittedTemplate struct {
	Language string                   `json:"language"`
	Outcome  string                   `json:"outcome" enum:"open,submitted,kept,unfit,refused" doc:"open: it would be handed in; submitted: it was; kept: the provider has it already, so that it was not; unfit: the provider can't be handed this, and reason says why; refused: the provider did not take it."`
	Status   providers.TemplateStatus `json:"status,omitempty" enum:"pending,approved,rejected,paused,disabled" doc:"What the provider says of it, once it was handed in."`
	Reason   string                   `json:"reason,omitempty"`
	Header   string                   `json:"header,omitempty"`
	Body     string                   `json:"body"`
	Footer   string                   `json:"footer,omitempty"`
}

// SubmittedTemplates are the languages of a template.
type SubmittedTemplates struct {
	Languages []SubmittedTemplate `json:"languages"`
}

func submittedView(list []templates.Submission) SubmittedTemplates {
	view := SubmittedTemplates{Languages: make([]SubmittedTemplate, len(list))}
	for i, of := range list {
		one := SubmittedTemplate{Language: of.Language, Outcome: "open", Status: of.Status, Header: of.Header, Body: of.Body, Footer: of.Footer}
		switch {
		case of.Kept:
			one.Outcome = "kept"
		case of.Wrong != "":
			one.Outcome, one.Reason = "unfit", of.Wrong
		case of.Refused != "":
			one.Outcome, one.Reason = "refused", of.Refused
		case of.Status != "":
			one.Outcome = "submitted"
		}
		view.Languages[i] = one
	}
	return view
}

// keptOn is a channel, with the templates that its provider keeps.
func (s *Server) keptOn(ctx context.Context, accountID, id int64) (channel providers.Channel, kept []providers.Template, err error) {
	if channel, err = s.Channels.Get(ctx, accountID, id); err != nil {
		return channel, nil, err
	}
	kept, err = s.Channels.KeptTemplates(ctx, accountID, id)
	return channel, kept, err
}

// submit hands a template in, in the languages that the provider does not keep.
func (s *Server) submit(ctx context.Context, accountID int64, in *submitTemplate) ([]templates.Submission, error) {
	channel, kept, err := s.keptOn(ctx, accountID, in.ID)
	if err != nil {
		return nil, err
	}
	list, err := s.Catalogue.Submissions(ctx, channel, in.Body.Template, kept)
	if err != nil || in.Body.DryRun {
		return list, err
	}
	var open []int
	var asked []providers.NewTemplate
	for i, of := range list {
		if of.Open() {
			open, asked = append(open, i), append(asked, of.NewTemplate)
		}
	}
	states, refused, err := s.Channels.SubmitTemplates(ctx, accountID, in.ID, asked)
	if err != nil {
		return nil, err
	}
	for n, i := range open {
		list[i].Status, list[i].Refused = states[n], refused[n]
	}
	return list, s.Catalogue.Submitted(ctx, accountID, in.ID, list)
}

func (s *Server) askingRoutes() {
	const path, tag = "/v1/channels/{id}", "channels"
	register(s, operation{id: "check-channel", method: http.MethodPost, path: path + "/check", tag: tag, roles: mayEdit, bound: true,
		doc: "Ask a channel's provider whether it takes the settings",
		more: "Signs in, or asks for something that only a right token gets; nothing is sent. Takes 15 seconds at most. What the sender's domain publishes " +
			"is looked up by POST /v1/channels/{id}/domain/check."},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[ChannelCheck], error) {
			if err := within(caller, &in.ID); err != nil {
				return nil, err
			}
			p, err := s.Channels.Probe(ctx, caller.AccountID, in.ID)
			if err != nil {
				return nil, err
			}
			return &one[ChannelCheck]{ChannelCheck{State: string(p.State), Kind: p.Kind, Code: p.Code, Detail: p.Detail, TookMS: p.Took.Milliseconds()}}, nil
		})
	register(s, operation{id: "sync-templates", method: http.MethodPost, path: path + "/templates/sync", tag: tag, roles: mayEdit, bound: true,
		doc: "List the templates that a channel's provider keeps, and take over their states",
		more: "A template of the catalogue is the provider's of the same name, in each language that both have, where both say the same. " +
			"One that is approved goes as the " +
			"provider's template from then on; one that the provider keeps no more is a draft again. It also happens by itself, every ten minutes."},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[SyncedTemplates], error) {
			if err := within(caller, &in.ID); err != nil {
				return nil, err
			}
			kept, err := s.Channels.KeptTemplates(ctx, caller.AccountID, in.ID)
			if err != nil {
				return nil, err
			}
			list, err := s.Catalogue.Sync(ctx, caller.AccountID, in.ID, kept)
			if err != nil {
				return nil, err
			}
			return &one[SyncedTemplates]{syncedView(list)}, nil
		})
	register(s, operation{id: "submit-template", method: http.MethodPost, path: path + "/templates/submit", tag: tag, roles: mayEdit, bound: true,
		doc:  "Hand a template in to a channel's provider for review",
		more: "In the languages that the provider does not keep, with the samples of the parameters; what it keeps is never changed. Nobody is sent anything."},
		func(ctx context.Context, caller access.Caller, in *submitTemplate) (*one[SubmittedTemplates], error) {
			if err := within(caller, &in.ID); err != nil {
				return nil, err
			}
			list, err := s.submit(ctx, caller.AccountID, in)
			if err != nil {
				return nil, err
			}
			return &one[SubmittedTemplates]{submittedView(list)}, nil
		})
}
