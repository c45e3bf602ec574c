package api

import (
	"context"
	"net/http"
	"time"

	"carillon/access"
	"carillon/contacts"
	"carillon/internal/naming"
)

// List is a group, a category or a label: a named set of contacts.
type List struct {
	ID          int64     `json:"id"`
	Name        string    `json:"name"`
	Description string    `json:"description,omitempty"`
	Slot        int       `json:"number,omitempty" doc:"Of a category: the number by which MessengerPeople's clients know it, 1 to 10."`
	Color       string    `json:"color,omitempty" doc:"Six hexadecimal digits, as text_color." example:"FF9300"`
	TextColor   string    `json:"text_color,omitempty"`
	Called      string    `json:"called,omitempty" doc:"What a program calls it, where another has that name; absent for its name."`
	Members     int64     `json:"members" doc:"Contacts in it; deleted ones count until they are erased."`
	CreatedAt   time.Time `json:"created_at"`
}

func (l List) identity() int64 { return l.ID }

// ListInput is what a list is made of.
type ListInput struct {
	Name        string `json:"name" minLength:"1" maxLength:"255" doc:"Unique; a category's has at most 100 characters."`
	Description string `json:"description,omitempty" maxLength:"1000"`
	Color       string `json:"color,omitempty" maxLength:"7" doc:"How it is shown: six hexadecimal digits, as text_color." example:"FF9300"`
	TextColor   string `json:"text_color,omitempty" maxLength:"7"`
	Alike       bool   `json:"alike,omitempty" doc:"Create it also where another has its name: then its own gets a number, such as Readers (2), and called keeps what was given."`
}

// ListChange is what is to become of a list; what is absent stays.
type ListChange struct {
	Name        *string          `json:"name,omitempty" minLength:"1" maxLength:"255"`
	Description Optional[string] `json:"description,omitzero" required:"false" maxLength:"1000"`
	Color       Optional[string] `json:"color,omitzero" required:"false" maxLength:"7" doc:"Six hexadecimal digits, as text_color."`
	TextColor   Optional[string] `json:"text_color,omitzero" required:"false" maxLength:"7"`
	Alike       bool             `json:"alike,omitempty" doc:"Rename it also where another has the name, as a new one is named so."`
}

// Members names contacts.
type Members struct {
	Contacts []int64 `json:"contacts" minItems:"1" maxItems:"10000"`
}

// MembersChanged says how many were not, or were, in the list before.
type MembersChanged struct {
	Changed int64 `json:"changed"`
}

type createList struct{ Body ListInput }

type changeList struct {
	ByID
	Body ListChange
}

type changeMembers struct {
	ByID
	Body Members
}

func listView(l contacts.List) List {
	return List{ID: l.ID, Name: l.Name, Description: l.Description, Slot: l.Slot, Color: l.Color, TextColor: l.TextColor, Called: l.Called, Members: l.Members,
		CreatedAt: l.CreatedAt}
}

func listOut(l contacts.List, err error) (*one[List], error) {
	if err != nil {
		return nil, err
	}
	return &one[List]{listView(l)}, nil
}

func (s *Server) listRoutes() {
	s.routesOfLists(listWords{kind: contacts.Group, tag: "groups", add: "Put contacts into a group", remove: "Take contacts out of a group"})
	s.routesOfLists(listWords{
		kind: contacts.Category, tag: "categories", add: "Subscribe contacts to a category", remove: "Unsubscribe contacts from a category",
		more: "Each change is recorded as a consent. Unsubscribing binds at once, for what is waiting too.",
	})
	s.routesOfLists(listWords{kind: contacts.Label, tag: "labels", add: "Put a label on contacts", remove: "Take a label off contacts"})
}

// listWords are a kind of list, and what its operations are called.
type listWords struct {
	kind              contacts.ListKind
	tag               string
	add, remove, more string
}

// routesOfLists registers the operations on one kind of list.
func (s *Server) routesOfLists(words listWords) {
	kind, tag := words.kind, words.tag
	path, noun := "/v1/"+tag, string(kind)
	register(s, operation{id: "list-" + tag, method: http.MethodGet, path: path, tag: tag, doc: "List " + tag, roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *Paged) (*pageOut[List], error) {
			after, err := in.position()
			if err != nil {
				return nil, err
			}
			list, err := s.Lists.List(ctx, caller.AccountID, kind, after, in.Limit+1)
			if err != nil {
				return nil, err
			}
			return page(list, in.Limit, listView, func(l contacts.List) string { return idKey(l.ID) }), nil
		})
	register(s, operation{id: "create-" + noun, method: http.MethodPost, path: path, tag: tag, doc: "Create a " + noun, status: http.StatusCreated,
		roles: mayEdit},
		func(ctx context.Context, caller access.Caller, in *createList) (*one[List], error) {
			l := contacts.List{
				AccountID: caller.AccountID, Kind: kind, Name: in.Body.Name, Description: in.Body.Description, Color: in.Body.Color, TextColor: in.Body.TextColor,
			}
			if in.Body.Alike {
				return listOut(s.Written.CreateAlike(ctx, l))
			}
			return listOut(s.Lists.Create(ctx, l))
		})
	register(s, operation{id: "get-" + noun, method: http.MethodGet, path: path + "/{id}", tag: tag, doc: "Show a " + noun, roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[List], error) {
			return listOut(s.Lists.Get(ctx, caller.AccountID, kind, in.ID))
		})
	register(s, operation{id: "update-" + noun, method: http.MethodPatch, path: path + "/{id}", tag: tag, doc: "Rename or describe a " + noun, roles: mayEdit},
		func(ctx context.Context, caller access.Caller, in *changeList) (*one[List], error) {
			if in.Body.Alike && in.Body.Name != nil {
				l, err := s.Lists.Get(ctx, caller.AccountID, kind, in.ID)
				if err == nil {
					err = s.Written.Rename(ctx, l, *in.Body.Name)
				}
				if err != nil {
					return nil, err
				}
				in.Body.Name = nil
			}
			return listOut(s.Lists.Update(ctx, caller.AccountID, kind, in.ID, contacts.ListChange{
				Name: in.Body.Name, Description: in.Body.Description.pointer(), Color: in.Body.Color.pointer(), TextColor: in.Body.TextColor.pointer(),
			}))
		})
	register(s, operation{id: "delete-" + noun, method: http.MethodDelete, path: path + "/{id}", tag: tag, doc: "Delete a " + noun + "; its contacts stay",
		status: http.StatusNoContent, roles: mayEdit,
		more: "Not while a live campaign uses it."},
		func(ctx context.Context, caller access.Caller, in *ByID) (*struct{}, error) {
			return nil, s.Lists.Delete(ctx, caller.AccountID, kind, in.ID)
		})
	register(s, operation{reads: readsPeople, id: "list-" + noun + "-members", method: http.MethodGet, path: path + "/{id}/members", tag: tag,
		doc: "List the contacts of a " + noun, roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *struct {
			ByID
			Paged
		}) (*pageOut[Contact], error) {
			if _, err := s.Lists.Get(ctx, caller.AccountID, kind, in.ID); err != nil {
				return nil, err
			}
			return s.listContacts(ctx, caller, &listContacts{Paged: in.Paged, Group: naming.ByID(in.ID)})
		})
	change := func(caller access.Caller, in *changeMembers) contacts.MemberChange {
		return contacts.MemberChange{
			AccountID: caller.AccountID, Kind: kind, ListID: in.ID, Contacts: in.Body.Contacts, Source: contacts.SourceAPI, Actor: caller.Actor(),
		}
	}
	register(s, operation{id: "add-" + noun + "-members", method: http.MethodPost, path: path + "/{id}/members", tag: tag, doc: words.add, more: words.more,
		roles: mayEdit},
		func(ctx context.Context, caller access.Caller, in *changeMembers) (*one[MembersChanged], error) {
			n, err := s.Lists.Add(ctx, change(caller, in))
			return &one[MembersChanged]{MembersChanged{n}}, err
		})
	register(s, operation{id: "remove-" + noun + "-members", method: http.MethodPost, path: path + "/{id}/members/remove", tag: tag, doc: words.remove,
		more: words.more, roles: mayEdit},
		func(ctx context.Context, caller access.Caller, in *changeMembers) (*one[MembersChanged], error) {
			n, err := s.Lists.Remove(ctx, change(caller, in))
			return &one[MembersChanged]{MembersChanged{n}}, err
		})
}
