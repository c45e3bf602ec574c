package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
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

// reader reads an argument that names a thing of this kind.
func (c *cli) reader(n noun) idReader {
	return func(ctx context.Context, arg string) (int64, error) { return c.id(ctx, n, arg) }
}

// id is the id of what somebody names by its id or name; 0 for nothing.
func (c *cli) id(ctx context.Context, n noun, idOrName string) (int64, error) {
	ids, err := c.ids(ctx, n, []string{idOrName})
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	return ids[0], nil
}

// ids are the ids of what somebody names by ids and names. Digits are an id.
func (c *cli) ids(ctx context.Context, n noun, idsOrNames []string) (ids []int64, err error) {
	var all []named
	for _, wanted := range idsOrNames {
		if wanted = strings.TrimSpace(wanted); wanted == "" {
			continue
		}
		if id, err := strconv.ParseInt(wanted, 10, 64); err == nil && id > 0 {
			ids = append(ids, id)
			continue
		}
		if all == nil || n.searched {
			from := n.path
			if n.searched {
				from = from.with(query{"q": wanted, "archived": "all"})
			}
			if all, _, err = list[named](ctx, c, from, manyNamed); err != nil {
				return nil, err
			}
		}
		id, err := n.pick(all, wanted)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// listNamed is the id of what is a list of contacts of one of some kinds; 0 for nothing.
func (c *cli) listNamed(ctx context.Context, idOrName string, kinds ...noun) (id int64, err error) {
	var words []string
	for _, n := range kinds {
		if id, err = c.id(ctx, n, idOrName); exitCode(err) != exitNotFound {
			return id, err
		}
		words = append(words, n.one)
	}
	return 0, &exitError{exitNotFound, fmt.Errorf("there is no %s %q", strings.Join(words, ", no "), idOrName)}
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
