package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"carillon/access"
)

type exportContacts struct {
	Body struct {
		Audience AudienceInput `json:"audience" doc:"Whose contacts; exclude leaves some out."`
	}
}

func (s *Server) exportRoutes() {
	register(s, operation{reads: readsAll, id: "export-contacts", method: http.MethodPost, path: "/v1/contacts/export.csv", tag: "contacts",
		doc: "Export an audience's contacts as CSV", roles: mayEdit,
		more: "Streamed, in the columns that an upload takes back: addresses, names, status, groups, labels, categories (names separated by |) and properties. " +
			"A cell that a spreadsheet would run as a formula has an apostrophe before it, which an upload takes away."},
		func(ctx context.Context, caller access.Caller, in *exportContacts) (*huma.StreamResponse, error) {
			export, err := s.Exporter.Begin(ctx, caller.AccountID, in.Body.Audience.audience())
			if err != nil {
				return nil, err
			}
			hidden, err := s.hidden(ctx, caller)
			if err != nil {
				return nil, err
			}
			return csvBody("contacts.csv", export.Header, hidden, func(write func(...string) error) error { return export.Write(ctx, write) }), nil
		})
}
