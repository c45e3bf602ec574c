package api

import (
	"context"
	"net/http"
	"time"

	"carillon/internal/access"
	"carillon/targeting"
)

// Group is a named set of contacts.
type Group struct {
	ID        int64     `json:"id"`
	Name      string    `json:"name"`
	Members   int64     `json:"members"`
	CreatedAt time.Time `json:"created_at"`
}

func (g Group) identity() int64 { return g.ID }

// GroupInput is what a group is made of.
type GroupInput struct {
	Name string `json:"name" minLength:"1" maxLength:"255"`
}

// Members names contacts.
type Members struct {
	Contacts []int64 `json:"contacts" minItems:"1" maxItems:"10000"`
}

// MembersChanged says how many were not, or were, in the group before.
type MembersChanged struct {
	Changed int64 `json:"changed"`
}

type createGroup struct{ Body GroupInput }

type changeMembers struct {
	ByID
	Body Members
}

func groupView(l targeting.List) Group {
	return Group{ID: l.ID, Name: l.Name, Members: l.Members, CreatedAt: l.CreatedAt}
}

func groupOut(l targeting.List, err error) (*one[Group], error) {
	if err != nil {
		return nil, err
	}
	return &one[Group]{groupView(l)}, nil
}

func (s *Server) groupRoutes() {
	const path, tag = "/v1/groups", "groups"
	register(s, operation{id: "list-groups", method: http.MethodGet, path: path, tag: tag, doc: "List groups", roles: mayLook},
		func(ctx context.Context, caller access.Key, in *Paged) (*pageOut[Group], error) {
			after, err := in.position()
			if err != nil {
				return nil, err
			}
			list, err := s.Store.ListGroups(ctx, caller.AccountID, after, in.Limit+1)
			if err != nil {
				return nil, err
			}
			return page(list, in.Limit, groupView, func(l targeting.List) string { return idKey(l.ID) }), nil
		})
	register(s, operation{id: "create-group", method: http.MethodPost, path: path, tag: tag, doc: "Create a group", status: http.StatusCreated, roles: mayEdit},
		func(ctx context.Context, caller access.Key, in *createGroup) (*one[Group], error) {
			return groupOut(s.Groups.Create(ctx, caller.AccountID, in.Body.Name))
		})
	register(s, operation{id: "get-group", method: http.MethodGet, path: path + "/{id}", tag: tag, doc: "Show a group", roles: mayLook},
		func(ctx context.Context, caller access.Key, in *ByID) (*one[Group], error) {
			return groupOut(s.Store.GetGroup(ctx, caller.AccountID, in.ID))
		})
	register(s, operation{id: "delete-group", method: http.MethodDelete, path: path + "/{id}", tag: tag, doc: "Delete a group; its contacts stay", status: http.StatusNoContent, roles: mayEdit},
		func(ctx context.Context, caller access.Key, in *ByID) (*struct{}, error) {
			return nil, s.Groups.Delete(ctx, caller.AccountID, in.ID)
		})
	register(s, operation{id: "list-members", method: http.MethodGet, path: path + "/{id}/members", tag: tag, doc: "List the contacts of a group", roles: mayLook},
		func(ctx context.Context, caller access.Key, in *struct {
			ByID
			Paged
		}) (*pageOut[Contact], error) {
			if _, err := s.Store.GetGroup(ctx, caller.AccountID, in.ID); err != nil {
				return nil, err
			}
			return s.listContacts(ctx, caller, &listContacts{Paged: in.Paged, Group: in.ID})
		})
	register(s, operation{id: "add-members", method: http.MethodPost, path: path + "/{id}/members", tag: tag, doc: "Put contacts into a group", roles: mayEdit},
		func(ctx context.Context, caller access.Key, in *changeMembers) (*one[MembersChanged], error) {
			n, err := s.Groups.Add(ctx, caller.AccountID, in.ID, in.Body.Contacts)
			return &one[MembersChanged]{MembersChanged{n}}, err
		})
	register(s, operation{id: "remove-members", method: http.MethodPost, path: path + "/{id}/members/remove", tag: tag, doc: "Take contacts out of a group", roles: mayEdit},
		func(ctx context.Context, caller access.Key, in *changeMembers) (*one[MembersChanged], error) {
			n, err := s.Groups.Remove(ctx, caller.AccountID, in.ID, in.Body.Contacts)
			return &one[MembersChanged]{MembersChanged{n}}, err
		})
}
