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
}
