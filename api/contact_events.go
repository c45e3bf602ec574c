package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"carillon/access"
	"carillon/api/gate"
	"carillon/contacts"
	"carillon/providers"
)

// EventInput is something that happened to a contact.
type EventInput struct {
	ContactID  int64                 `json:"contact_id,omitempty" minimum:"1" doc:"Of whom: by id,"`
	ExternalID string                `json:"external_id,omitempty" maxLength:"255" doc:"by external id,"`
	Address    string                `json:"address,omitempty" maxLength:"320" doc:"or by an address and its kind."`
	Kind       providers.AddressKind `json:"kind,omitempty" doc:"Kind of the address; default email."`
	ID         string                `json:"id,omitempty" maxLength:"255" doc:"Your own id of the event: told again with the same, it changes nothing."`
	At         *time.Time            `json:"at,omitempty" doc:"When it happened; now if absent, at most 400 days ago."`
	Payload    json.RawMessage       `json:"payload,omitempty" doc:"An object of at most 10 KiB; its texts and numbers are what a flow that it starts knows as answers."`
}

// EventsInput are events of one name.
type EventsInput struct {
	Events []EventInput `json:"events" minItems:"1" maxItems:"1000"`
}

type takeEvents struct {
	Name string `path:"name" maxLength:"200"`
	Body EventsInput
}

// EventsTaken says how many events were new.
type EventsTaken struct {
	Taken int `json:"taken" doc:"Events that were not known."`
	Known int `json:"known" doc:"Events that were told before with the same id: they changed nothing."`
}

// ContactEvent is something that a program told of a contact.
type ContactEvent struct {
	ID      int64           `json:"id"`
	Name    string          `json:"name"`
	Key     string          `json:"key,omitempty" doc:"The program's own id."`
	At      time.Time       `json:"at"`
	Payload json.RawMessage `json:"payload" personal:"texts"`
}

// EventName is a name under which events came.
type EventName struct {
	Name    string    `json:"name"`
	FirstAt time.Time `json:"first_at"`
	LastAt  time.Time `json:"last_at"`
	Total   int64     `json:"total"`
}

type contactEvents struct {
	ByID
	Paged
}

func (s *Server) contactEventRoutes() {
	const tag = "contact events"
	register(s, operation{id: "take-events", method: http.MethodPost, path: "/v1/events/{name}", tag: tag, doc: "Tell what contacts did, or what happened to them",
		roles: gate.Roles{access.Admin, access.Editor, access.Sender},
		more: "Events start flows and end their waits, count as conversions of campaigns, and are fields of rules (event.order.paid.30d: how often in 30 days). " +
			"All of a request are taken, or none. They are kept for 400 days. GET /v1/events is something else: the stream of what Carillon does."},
		func(ctx context.Context, caller access.Caller, in *takeEvents) (*one[EventsTaken], error) {
			list := make([]contacts.GivenEvent, len(in.Body.Events))
			for i, e := range in.Body.Events {
				list[i] = contacts.GivenEvent{ContactID: e.ContactID, ExternalID: e.ExternalID, Address: e.Address, Kind: e.Kind, Key: e.ID, Payload: e.Payload}
				set(&list[i].At, e.At)
			}
			fresh, err := s.Events.Take(ctx, caller.AccountID, in.Name, list)
			if err != nil {
				return nil, err
			}
			return &one[EventsTaken]{EventsTaken{Taken: fresh, Known: len(list) - fresh}}, nil
		})
	register(s, operation{id: "list-event-names", method: http.MethodGet, path: "/v1/event-names", tag: tag,
		doc: "List the names under which events came", roles: mayLook},
		func(ctx context.Context, caller access.Caller, _ *struct{}) (*one[Page[EventName]], error) {
			names, err := s.Events.Names(ctx, caller.AccountID)
			if err != nil {
				return nil, err
			}
			out := &one[Page[EventName]]{Page[EventName]{Items: make([]EventName, len(names))}}
			for i, n := range names {
				out.Body.Items[i] = EventName{Name: n.Name, FirstAt: n.First, LastAt: n.Latest, Total: n.Total}
			}
			return out, nil
		})
	register(s, operation{id: "list-contact-events", method: http.MethodGet, path: "/v1/contacts/{id}/events", tag: tag, reads: readsPeople,
		doc: "List what programs told of a contact, newest first", roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *contactEvents) (*pageOut[ContactEvent], error) {
			before, err := in.position()
			if err != nil {
				return nil, err
			}
			list, err := s.Events.List(ctx, caller.AccountID, in.ID, before, in.Limit+1)
			if err != nil {
				return nil, err
			}
			return page(list, in.Limit, eventView, func(e contacts.Event) string { return idKey(e.ID) }), nil
		})
}

func eventView(e contacts.Event) ContactEvent {
	return ContactEvent{ID: e.ID, Name: e.Name, Key: e.Key, At: e.At, Payload: e.Payload}
}
