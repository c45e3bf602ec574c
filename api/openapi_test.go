package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"carillon/api"
	"carillon/internal/fault"
)

// operations calls for each operation of the document.
func (s *server) operations(each func(method, path string, op *huma.Operation)) {
	for path, item := range s.OpenAPI().Paths {
		for method, op := range operationsOf(item) {
			each(method, path, op)
		}
	}
}

func TestExamplesAreTaken(t *testing.T) {
	s := newServer(t)
	type place struct{ method, path string }
	places := map[string]place{}
	s.operations(func(method, path string, op *huma.Operation) { places[op.OperationID] = place{method, path} })
	made := map[string]string{}
	for _, e := range api.Examples() {
		p, known := places[e.Operation]
		require.True(t, known, e.Operation)
		path := p.path
		if collection, _, ok := strings.Cut(path, "/{id}"); ok {
			path = strings.Replace(path, "{id}", made[collection], 1)
		}
		w := s.do(p.method, path, e.Body)
		require.Less(t, w.Code, 300, "%s: %s", e.Operation, w.Body)
		var out struct {
			ID int64 `json:"id"`
		}
		if json.Unmarshal(w.Body.Bytes(), &out) == nil && out.ID != 0 && p.method == http.MethodPost && !strings.Contains(p.path, "{") {
			made[p.path] = fmt.Sprint(out.ID)
		}
		shown := operationAt(s, p.method, p.path).RequestBody.Content["application/json"].Example
		require.JSONEq(t, e.Body, string(shown.(json.RawMessage)), e.Operation)
	}
}

func operationAt(s *server, method, path string) (found *huma.Operation) {
	s.operations(func(m, p string, op *huma.Operation) {
		if m == method && p == path {
			found = op
		}
	})
	return found
}

func TestTheDocumentSaysHowOperationsRefuse(t *testing.T) {
	s := newServer(t)
	document := s.OpenAPI()
	s.operations(func(method, path string, op *huma.Operation) {
		at := method + " " + path
		once := slices.ContainsFunc(op.Parameters, func(p *huma.Param) bool { return p.Ref == "#/components/parameters/IdempotencyKey" })
		require.Equal(t, method == "POST" && strings.HasPrefix(path, "/v1/") && !strings.Contains(op.Description, "Needs neither") &&
			!strings.Contains(op.Description, "opens something"), once, at)
		for _, want := range []struct {
			status string
			has    bool
		}{
			{"401", true}, {"405", true}, {"429", true}, {"500", true}, {"404", strings.Contains(path, "{")},
			{"409", method != "GET" && strings.HasPrefix(path, "/v1/")},
			{"415", op.RequestBody != nil && strings.HasPrefix(path, "/v1/")}, {"422", op.RequestBody != nil},
		} {
			if response := op.Responses[want.status]; want.has {
				require.NotNil(t, response, "%s %s", at, want.status)
				name := response.Ref[strings.LastIndexByte(response.Ref, '/')+1:]
				require.Contains(t, document.Components.Responses, name, "%s %s", at, want.status)
			}
		}
	})
	require.Equal(t, []string{"audit"}, document.Paths["/v1/audit"].Get.Tags)
	require.NotNil(t, document.Paths["/hooks/{channel_id}"].Post)
	require.Empty(t, document.Paths["/hooks/{channel_id}"].Post.Security, "providers have no key of ours")
	docs := s.do("GET", "/docs", "").Body.String()
	require.Contains(t, docs, "Idempotency-Key")
	require.Contains(t, docs, "/hooks/{channel_id}")
}

func TestEveryProblemHasACode(t *testing.T) {
	s := newServer(t)
	channel := s.channel()
	s.ok("POST", "/v1/groups", `{"name":"Customers"}`)
	long := strings.Repeat("ä", 5000)
	for _, c := range []struct {
		method, path, body string
		header             []string
		status             int
		code               fault.Code
	}{
		{"GET", "/v1/groups", "", []string{"Authorization", ""}, 401, fault.Unauthorized},
		{"GET", "/v1/keys", "", as("viewer"), 403, fault.Forbidden},
		{"GET", "/v1/groups/99", "", nil, 404, fault.NotFound},
		{"GET", "/v1/nothing", "", nil, 404, fault.NotFound},
		{"GET", "/nothing", "", nil, 404, fault.NotFound},
		{"PUT", "/v1/groups", "{}", nil, 405, fault.MethodNotAllowed},
		{"POST", "/v1/groups", `{"name":"Customers"}`, nil, 409, fault.Conflict},
		{"POST", "/v1/groups", `{"name":"` + strings.Repeat("x", 70<<10) + `"}`, nil, 413, fault.TooLarge},
		{"POST", "/v1/groups", `name=x`, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, fault.Unsupported},
		{"POST", "/v1/groups", `{"name":`, nil, 400, fault.Invalid},
		{"POST", "/v1/groups", `{"name":"` + long + `"}`, nil, 422, fault.Invalid},
		{"POST", "/v1/groups", `{"title":"` + long + `","more":[1,2,3]}`, nil, 422, fault.Invalid},
		{"POST", "/v1/messages", `{"channel":"` + long + `"}`, nil, 422, fault.Invalid},
		{"POST", "/v1/messages", fmt.Sprintf(`{"channel_id":%d,"to":%q,"content":{"text":"x"}}`, channel, "no address"), nil, 422, fault.Invalid},
		{"GET", "/v1/groups?limit=x", "", nil, 422, fault.Invalid},
		{"POST", "/hooks/99", "{}", nil, 404, fault.NotFound},
	} {
		w := s.do(c.method, c.path, c.body, c.header...)
		at := c.method + " " + c.path
		require.Equal(t, c.status, w.Code, "%s: %s", at, w.Body)
		require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"), at)
		p := decoded(t, w)
		require.Equal(t, string(c.code), p["code"], "%s: %s", at, w.Body)
		require.Contains(t, fault.Codes(), c.code)
		require.Less(t, w.Body.Len(), 1500, "%s: no problem repeats a request", at)
		errors, _ := p["errors"].([]any)
		for _, e := range errors {
			require.NotContains(t, []string{"map[string]interface {}", "[]interface {}"}, fmt.Sprintf("%T", e.(map[string]any)["value"]), at)
		}
	}
	s.ok("POST", "/v1/groups", `{"name":"once"}`, "Idempotency-Key", "k")
	again := s.do("POST", "/v1/groups", `{"name":"twice"}`, "Idempotency-Key", "k")
	require.Equal(t, string(fault.Mismatch), decoded(t, again)["code"])
}

func TestTheDocumentNamesEveryCode(t *testing.T) {
	s := newServer(t)
	model := s.OpenAPI().Components.Schemas.Map()["ErrorModel"]
	listed := make([]any, 0)
	for _, code := range fault.Codes() {
		listed = append(listed, string(code))
	}
	require.Equal(t, listed, model.Properties["code"].Enum)
	require.Contains(t, model.Required, "code")
}

func TestSecretsAreNotRepeated(t *testing.T) {
	s := newServer(t)
	const secret = "hunter2-hunter2"
	for path, body := range map[string]string{
		"/v1/channels": `{"name":"x","provider":"smtp","config":{"host":"h","password":["` + secret + `"]}}`,
		"/v1/webhooks": `{"url":"https://example.org","events":["message.sent"],"headers":{"Authorization":["` + secret + `"]}}`,
		"/v1/keys":     `{"name":"x","role":"` + secret + `","token":"` + secret + `x"}`,
	} {
		w := s.do("POST", path, body)
		require.Equal(t, 422, w.Code, "%s: %s", path, w.Body)
		require.NotRegexp(t, secret+"[x\\]]", w.Body.String(), path)
		if path != "/v1/keys" { // there the role is no secret
			require.NotContains(t, w.Body.String(), secret, path)
		}
	}
}
