package api_test

import (
	"cmp"
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/internal/secret"
)

// operationsOf are the operations of a path, by their methods.
func operationsOf(item *huma.PathItem) map[string]*huma.Operation {
	all := map[string]*huma.Operation{"GET": item.Get, "POST": item.Post, "PUT": item.Put, "PATCH": item.Patch, "DELETE": item.Delete}
	for method, op := range all {
		if op == nil {
			delete(all, method)
		}
	}
	return all
}

// matrixPage has the table between these lines.
const (
	matrixPage  = "../docs/access.md"
	matrixBegin = "<!-- who may call what; go test ./api -run TestWhoMayCallWhat -update writes it -->\n"
	matrixEnd   = "<!-- end -->\n"
)

// callers are keys of which each route is asked whether it lets them in.
type callers struct {
	*server
	keys map[string]access.Key
}

// may reports whether a key gets through to a route: with whatever else it answers.
func (c callers) may(k access.Key, method, path string) bool {
	c.t.Helper()
	name := fmt.Sprintf("%s-%v-%s-%d-%t-0123456789", k.Role, k.Scopes, "x", k.ChannelID, k.Operator)
	name = strings.NewReplacer("[", "", "]", "", " ", "").Replace(name)
	if _, made := c.keys[name]; !made {
		k.AccountID, k.Name = c.account, "of the matrix"
		made, err := c.store.AddKey(c.t.Context(), k, secret.New(name))
		require.NoError(c.t, err)
		c.keys[name] = made
	}
	r := httptest.NewRequest(method, path, &unread{})
	r.Header.Set("Authorization", "Bearer "+name)
	r.Header.Set("Content-Type", "application/json")
	if path == "/v1/events" { // a stream ends with its connection
		ctx, cancel := context.WithTimeout(r.Context(), 200*time.Millisecond)
		defer cancel()
		r = r.WithContext(ctx)
	}
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	require.NotEqual(c.t, 401, w.Code, "%s %s as %s", method, path, name)
	require.Equal(c.t, "no-store", w.Header().Get("Cache-Control"), "%s %s answers about people", method, path)
	return w.Code != 403
}

// Every route is called with a key of each role, with one that is bound to its resource, to look
// at it alone, to another, and to a channel: what is let in makes the table of the documentation.
// No answer is kept by browsers and proxies.
func TestWhoMayCallWhat(t *testing.T) {
	s := newServer(t)
	c, channel := callers{s, map[string]access.Key{}}, s.channel()
	resources := map[string]bool{}
	var rows []string
	for path, item := range s.OpenAPI().Paths {
		if !strings.HasPrefix(path, "/v1/") {
			continue
		}
		at := strings.NewReplacer("{id}", fmt.Sprint(channel+1000), "{key}", "k", "{name}", "n", "{language}", "en", "{version}", "1", "{session_id}", "1",
			"{delivery_id}", "1", "{entry_id}", "1", "{kind}", "phone", "{selector}", "bell").Replace(path)
		for method, op := range operationsOf(item) {
			row := []string{"`" + method + " " + path + "`"}
			switch {
			case len(op.Security) == 0:
				require.Equal(t, "no-store", s.do(method, at, "").Header().Get("Cache-Control"), "%s %s, which is open", method, path)
				rows = append(rows, strings.Join(append(row, "anybody, without a key", "–", "–", "–", "–", "–"), " | "))
				continue
			case op.Security[0]["session"] != nil && len(op.Security) == 1:
				rows = append(rows, strings.Join(append(row, "who is signed in", "–", "–", "–", "–", "–"), " | "))
				continue
			}
			resource := strings.ToLower(strings.ReplaceAll(op.Tags[0], " ", "-"))
			resources[resource] = true
			reads, operator := method == "GET", strings.Contains(op.Description, "must be an operator's")
			as := func(k access.Key) bool { return c.may(k, method, at) }
			lets := map[access.Role]bool{}
			for _, role := range access.Roles() {
				lets[role] = as(access.Key{Role: role, Operator: operator})
			}
			require.True(t, lets[access.Admin], "%s %s: admins may everything", method, path)
			bound := false
			if !operator {
				require.False(t, as(access.Key{Role: access.Admin, Scopes: access.Scopes{"jobs", "labels"}}) && resource != "jobs" && resource != "labels",
					"%s %s is open to keys of other resources", method, path)
				require.Equal(t, reads, as(access.Key{Role: access.Admin, Scopes: access.Scopes{resource + ":read"}}), "%s %s to look", method, path)
				require.True(t, as(access.Key{Role: access.Admin, Scopes: access.Scopes{resource}}), "%s %s", method, path)
				for _, role := range access.Roles() {
					require.Equal(t, lets[role], as(access.Key{Role: role, Scopes: access.Scopes{resource}}), "%s %s: a scope gives nothing", method, path)
				}
				bound = as(access.Key{Role: access.Admin, ChannelID: channel})
				said := strings.Contains(op.Description, "A key that is bound to a channel may call it")
				require.True(t, said || !bound, "%s %s is open to keys of a channel", method, path)
				bound = said
			} else {
				require.False(t, as(access.Key{Role: access.Admin}), "%s %s is open to who is no operator", method, path)
			}
			scope := resource
			if reads {
				scope += ":read"
			}
			row = append(row, "`"+scope+"`")
			for _, role := range access.Roles() {
				row = append(row, mark(lets[role], operator))
			}
			rows = append(rows, strings.Join(append(row, mark(bound, false)), " | "))
		}
	}
	require.Greater(t, len(rows), 250)
	slices.SortFunc(rows, func(a, b string) int {
		_, pathA, _ := strings.Cut(a, " ")
		_, pathB, _ := strings.Cut(b, " ")
		return cmp.Or(strings.Compare(pathA, pathB), strings.Compare(a, b))
	})
	table := "| route | scope | admin | editor | sender | viewer | bound to a channel |\n|---|---|---|---|---|---|---|\n"
	for _, row := range rows {
		table += "| " + row + " |\n"
	}
	page, err := os.ReadFile(matrixPage)
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(page), matrixBegin)
	require.True(t, ok)
	was, after, ok := strings.Cut(rest, matrixEnd)
	require.True(t, ok)
	if *update {
		require.NoError(t, os.WriteFile(matrixPage, []byte(before+matrixBegin+"\n"+table+"\n"+matrixEnd+after), 0o644))
		return
	}
	require.Equal(t, strings.TrimSpace(table), strings.TrimSpace(was), "go test ./api -run TestWhoMayCallWhat -update writes it")
}

// mark is how the table shows that somebody may.
func mark(may, operator bool) string {
	switch {
	case !may:
		return "–"
	case operator:
		return "operator"
	default:
		return "yes"
	}
}
