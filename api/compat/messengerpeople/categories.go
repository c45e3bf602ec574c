package messengerpeople

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"carillon/contacts"
	"carillon/contacts/property"
	"carillon/internal/fault"
	"carillon/targeting"
)

// categories are those that have a number.
func (s *Server) categories(ctx context.Context, a asked) ([]contacts.List, error) {
	list, err := s.Lists.List(ctx, a.caller.AccountID, contacts.Category, 0, mostLists)
	return slices.DeleteFunc(list, func(l contacts.List) bool { return l.Slot == 0 }), err
}

// category is the category that a parameter names by its number.
func (s *Server) category(ctx context.Context, a asked, name string) (contacts.List, error) {
	slot, err := a.idOf(name)
	if err != nil {
		return contacts.List{}, err
	}
	list, err := s.categories(ctx, a)
	if err != nil {
		return contacts.List{}, err
	}
	for _, l := range list {
		if int64(l.Slot) == slot {
			return l, nil
		}
	}
	return contacts.List{}, fault.InvalidField(name, slot, "there is no such category")
}

// named lists are answered by their numbers.
type numbered struct {
	List  map[string]string `json:"list"`
	Count *int64            `json:"count,omitempty"`
}

func (s *Server) listCategories(ctx context.Context, a asked) (any, error) {
	list, err := s.categories(ctx, a)
	if err != nil {
		return nil, err
	}
	out := numbered{List: map[string]string{}}
	for _, l := range list {
		out.List[strconv.Itoa(l.Slot)] = l.Name
	}
	return out, nil
}

// freeName is the name of a category that no other has, in whatever case.
func (s *Server) freeName(ctx context.Context, a asked, but int64) (string, error) {
	name, err := a.needed("name")
	if err != nil {
		return "", err
	}
	list, err := s.Lists.List(ctx, a.caller.AccountID, contacts.Category, 0, mostLists)
	if err != nil {
		return "", err
	}
	for _, l := range list {
		if l.ID != but && property.Fold(l.Name) == property.Fold(strings.TrimSpace(name)) {
			return "", fault.InvalidField("name", name, "another category has this name")
		}
	}
	return name, nil
}

func (s *Server) createCategory(ctx context.Context, a asked) (any, error) {
	name, err := s.freeName(ctx, a, 0)
	if err != nil {
		return nil, err
	}
	settings, err := s.settings(ctx, a)
	if err != nil {
		return nil, err
	}
	made := contacts.List{AccountID: a.caller.AccountID, Kind: contacts.Category, Name: name, Slot: contacts.AnySlot}
	if assign, _ := strconv.ParseBool(settings["categories_auto_assign"]); assign {
		var active targeting.Audience
		active, err = s.Rules.Audience(ctx, a.caller.AccountID,
			json.RawMessage(`{"condition":"AND","rules":[{"field":"status","operator":"equal","value":"active"}]}`))
		if err != nil {
			return nil, err
		}
		made, _, err = s.Jobs.StartInNewList(ctx, made, active, a.caller.Actor())
	} else {
		made, err = s.Lists.Create(ctx, made)
	}
	if err != nil {
		return nil, err
	}
	return identity{int64(made.Slot)}, nil
}

func (s *Server) renameCategory(ctx context.Context, a asked) (any, error) {
	l, err := s.category(ctx, a, "id")
	if err != nil {
		return nil, err
	}
	name, err := s.freeName(ctx, a, l.ID)
	if err != nil {
		return nil, err
	}
	_, err = s.Lists.Update(ctx, a.caller.AccountID, contacts.Category, l.ID, contacts.ListChange{Name: &name})
	return nil, err
}

func (s *Server) deleteCategory(ctx context.Context, a asked) (any, error) {
	l, err := s.category(ctx, a, "id")
	if err != nil {
		return nil, err
	}
	return nil, s.Lists.Delete(ctx, a.caller.AccountID, contacts.Category, l.ID)
}

func (s *Server) changeUserCategories(ctx context.Context, a asked) (any, error) {
	users, err := s.inPath(ctx, a)
	if err != nil {
		return nil, err
	}
	l, err := s.category(ctx, a, "category")
	if err != nil {
		return nil, err
	}
	join, err := a.Bool("active", true)
	if err != nil {
		return nil, err
	}
	change := a.members(contacts.Category, l.ID, contactsOf(users))
	if join {
		_, err = s.Lists.Add(ctx, change)
	} else {
		_, err = s.Lists.Remove(ctx, change)
	}
	return nil, err
}

// inCategories says in which categories a user is.
type inCategories struct {
	ID         string            `json:"id"`
	Categories map[string]string `json:"categories"`
}

func (s *Server) showUserCategories(ctx context.Context, a asked) (any, error) {
	users, err := s.inPath(ctx, a)
	if err != nil {
		return nil, err
	}
	list, err := s.categories(ctx, a)
	if err != nil {
		return nil, err
	}
	shown := make([]inCategories, len(users))
	for i, u := range users {
		of, err := s.Lists.Of(ctx, a.caller.AccountID, contacts.Category, u.ContactID)
		if err != nil {
			return nil, err
		}
		shown[i] = inCategories{userID(u.Address), map[string]string{}}
		for _, l := range list {
			in := slices.ContainsFunc(of, func(member contacts.List) bool { return member.ID == l.ID })
			shown[i].Categories[strconv.Itoa(l.Slot)] = flag(in)
		}
	}
	return struct {
		User []inCategories `json:"user"`
	}{shown}, nil
}
