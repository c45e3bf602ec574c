package api

import (
	"context"
	"net/http"

	"carillon/access"
	"carillon/contacts"
	"carillon/providers"
)

// MergeInput names the contact that is merged into another.
type MergeInput struct {
	From   int64 `json:"from" minimum:"1" doc:"The contact that is given up."`
	DryRun bool  `json:"dry_run,omitempty" doc:"Change nothing, and answer what would be changed."`
}

// Merged is what became of two contacts.
type Merged struct {
	Contact      Contact           `json:"contact" doc:"The contact that is kept, as it is now."`
	From         int64             `json:"from" doc:"The contact that is deleted."`
	Moved        map[string]string `json:"addresses_moved" personal:"addresses"`
	Left         map[string]string `json:"addresses_left" personal:"addresses" doc:"Addresses of kinds that the kept one had already; they stay with the deleted one."`
	Attributes   []string          `json:"attributes_moved"`
	Lists        int64             `json:"lists_joined"`
	Messages     int64             `json:"messages_moved"`
	MessagesLeft int64             `json:"messages_left" doc:"Messages of runs in which both have one; they stay with the deleted one."`
	Consents     int64             `json:"consents_moved"`
	OptedOut     bool              `json:"opted_out" doc:"One of them had opted out of something, and the kept one is out of it now."`
}

type mergeContacts struct {
	ByID
	Body MergeInput
}

func (s *Server) mergeRoutes() {
	register(s, operation{id: "merge-contacts", method: http.MethodPost, path: "/v1/contacts/{id}/merge", tag: "contacts",
		doc: "Merge another contact into this one", roles: mayEdit, unaudited: true,
		more: "What this contact has stays; the other's addresses and values fill gaps alone. Memberships unite, messages and consents move, and whatever " +
			"keeps messages away from either keeps them away. The other is deleted with a note of where it went."},
		func(ctx context.Context, caller access.Caller, in *mergeContacts) (*one[Merged], error) {
			m, err := s.Contacts.Merge(ctx, contacts.Merging{
				AccountID: caller.AccountID, Keep: in.ID, From: in.Body.From, DryRun: in.Body.DryRun, Actor: caller.Actor(),
			})
			if err != nil {
				return nil, err
			}
			return &one[Merged]{mergedView(m)}, nil
		})
}

func mergedView(m contacts.Merge) Merged {
	texts := func(addresses map[providers.AddressKind]string) map[string]string {
		out := make(map[string]string, len(addresses))
		for kind, address := range addresses {
			out[string(kind)] = address
		}
		return out
	}
	view := Merged{
		Contact: contactView(m.Contact), From: m.From, Moved: texts(m.Moved), Left: texts(m.Left), Attributes: m.Attributes, Lists: m.Lists,
		Messages: m.Messages, MessagesLeft: m.MessagesLeft, Consents: m.Consents, OptedOut: m.OptedOut,
	}
	if view.Attributes == nil {
		view.Attributes = []string{}
	}
	return view
}
