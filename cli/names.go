package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"carillon/internal/naming"
)

// noun is a kind of thing that commands take by its id or by its name.
type noun struct {
	// one is what it is called, and list the command that shows those there are.
	one, list string
	path      path
	// searched says that the list takes a part of the name.
	searched bool
}

// The kinds of things.
var (
	aChannel   = noun{one: "channel", list: "channel ls", path: v1("channels")}
	aGroup     = noun{one: "group", list: "groups ls", path: v1("groups")}
	aCategory  = noun{one: "category", list: "categories ls", path: v1("categories")}
	aLabel     = noun{one: "label", list: "labels ls", path: v1("labels")}
	aTargeting = noun{one: "targeting list", list: "targeting ls", path: v1("targeting")}
	anUpload   = noun{one: "upload", list: "uploads ls", path: v1("uploads")}
	aCalendar  = noun{one: "calendar of holidays", list: "holidays ls", path: v1("holidays")}
	aFlow      = noun{one: "flow", list: "flow ls", path: v1("flows")}
	aFilter    = noun{one: "filter", list: "filters ls", path: v1("filters")}
	aTemplate  = noun{one: "template", list: "templates ls", path: v1("templates")}
	aCampaign  = noun{one: "campaign", list: "campaign ls", path: v1("campaigns"), searched: true}
)

// named is a thing as far as it is found by its name; an upload has that of its file.
type named struct {
	ID       int64  `json:"id"`
	Name     string `json:"name"`
	Filename string `json:"filename"`
}

func (n named) is(name string) bool { return n.Name == name || n.Filename == name }

// ref is a thing as the server takes it, by its id or its name; nothing names nothing.
func ref(idOrName string) naming.Ref {
	if r := naming.Read(idOrName); !r.IsNone() {
		return r
	}
	return naming.Ref{}
}

// refs are things as the server takes them, by their ids and names.
func refs(idsOrNames []string) (list []naming.Ref) {
	for _, given := range idsOrNames {
		if r := ref(given); !r.IsZero() {
			list = append(list, r)
		}
	}
	return list
}

// reader reads an argument that names a thing of this kind.
func (c *cli) reader(n noun) idReader {
	return func(ctx context.Context, arg string) (int64, error) { return c.id(ctx, n, arg) }
}

// id is the id of what a path of the server names, by an id or a name; 0 for nothing. Digits are
// an id.
func (c *cli) id(ctx context.Context, n noun, idOrName string) (int64, error) {
	wanted := ref(idOrName)
	if wanted.Name == "" {
		return wanted.ID, nil
	}
	from := n.path
	if n.searched {
		from = from.with(query{"q": wanted.Name, "archived": "all"})
	}
	all, _, err := list[named](ctx, c, from, manyNamed)
	if err != nil {
		return 0, err
	}
	return n.pick(all, wanted.Name)
}

// mostNamed is how many names an error shows.
const mostNamed = 10

// pick is the one of a name. One that differs in case alone is taken if there is no other.
func (n noun) pick(all []named, wanted string) (int64, error) {
	alike := func(is func(named) bool) (found []string) {
		for _, candidate := range all {
			if is(candidate) {
				found = append(found, strconv.FormatInt(candidate.ID, 10))
			}
		}
		return found
	}
	found := alike(func(a named) bool { return a.is(wanted) })
	if len(found) == 0 {
		found = alike(func(a named) bool { return strings.EqualFold(a.Name+a.Filename, wanted) })
	}
	switch len(found) {
	case 1:
		return strconv.ParseInt(found[0], 10, 64)
	case 0:
	default:
		return 0, &exitError{exitRefused, fmt.Errorf("%d are a %s %q: name one by its id: %s", len(found), n.one, wanted, strings.Join(found, ", "))}
	}
	var names []string
	for _, candidate := range all {
		if name := candidate.Name + candidate.Filename; !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	hint := "`carillon " + n.list + "` shows which there are"
	if len(names) > 0 && len(names) <= mostNamed {
		hint = "there are " + strings.Join(names, ", ")
	} else if len(names) == 0 && !n.searched {
		hint = "there is none yet"
	}
	return 0, &exitError{exitNotFound, fmt.Errorf("there is no %s %q: %s", n.one, wanted, hint)}
}
