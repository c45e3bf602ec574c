package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"carillon/internal/fault"
)

// onceParam is the name of what POSTs have in common in the document.
const onceParam = "IdempotencyKey"

// refusals are the answers that operations have in common in the document, by their statuses.
var refusals = map[int]struct{ name, why string }{
	http.StatusBadRequest:            {"BadRequest", "The body is no JSON."},
	http.StatusUnauthorized:          {"Unauthorized", "There is neither a key nor a session, or an unknown one."},
	http.StatusForbidden:             {"Forbidden", "The role does not allow it."},
	http.StatusNotFound:              {"NotFound", "There is no such thing."},
	http.StatusMethodNotAllowed:      {"MethodNotAllowed", "The path exists for other methods; the header Allow names them."},
	http.StatusConflict:              {"Conflict", "The state of the thing forbids it, its name is taken, or a request with the Idempotency-Key is running."},
	http.StatusRequestEntityTooLarge: {"TooLarge", "The body is larger than it may be."},
	http.StatusUnsupportedMediaType:  {"Unsupported", "The body comes in another form than JSON, or the form that the operation asks for."},
	http.StatusUnprocessableEntity:   {"Invalid", "Something is not valid, which errors names, or the Idempotency-Key came with another request before."},
	http.StatusTooManyRequests:       {"RateLimited", "Too many requests; the header Retry-After says when to try again."},
	http.StatusInternalServerError:   {"Internal", "A fault of the server's; its log has the details under the X-Request-Id."},
	http.StatusServiceUnavailable:    {"Unavailable", "The store or Redis does not answer; try again."},
}

// describe adds to the document what all operations have in common, each once.
func (s *Server) describe() {
	document := s.api.OpenAPI()
	s.describeProblems(document)
	document.Components.Parameters = map[string]*huma.Param{onceParam: {
		Name: "Idempotency-Key", In: "header", Example: "order-4711",
		Description: "The same key with the same request is answered as the first time, for 24 hours; of this API key alone.",
		Schema:      &huma.Schema{Type: huma.TypeString, MinLength: new(1), MaxLength: new(255), Pattern: `^[\x21-\x7e]+$`},
	}}
	for _, o := range s.operations {
		op := operationOf(document.Paths[o.path], o.method)
		if op == nil {
			continue // it is no part of the document
		}
		if o.once() {
			op.Parameters = append(op.Parameters, &huma.Param{Ref: "#/components/parameters/" + onceParam})
		}
		for _, status := range o.refuses(op) {
			op.Responses[strconv.Itoa(status)] = &huma.Response{Ref: "#/components/responses/" + refusals[status].name}
		}
	}
	s.describeHooks(document)
	s.describeExamples(document)
}

func operationOf(item *huma.PathItem, method string) *huma.Operation {
	if item == nil {
		return nil
	}
	return map[string]*huma.Operation{
		http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPut: item.Put, http.MethodPatch: item.Patch, http.MethodDelete: item.Delete,
	}[method]
}

// refuses are the statuses with which an operation may refuse what is asked.
func (o operation) refuses(op *huma.Operation) []int {
	list := []int{
		http.StatusUnauthorized, http.StatusForbidden, http.StatusMethodNotAllowed, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusServiceUnavailable,
	}
	if strings.Contains(o.path, "{") {
		list = append(list, http.StatusNotFound)
	}
	if o.method != http.MethodGet {
		list = append(list, http.StatusConflict)
	}
	if op.RequestBody != nil {
		list = append(list, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	if op.RequestBody != nil || len(op.Parameters) > 0 {
		list = append(list, http.StatusUnprocessableEntity)
	}
	return list
}

// describeProblems describes the document of an error, and the answers that have one.
func (s *Server) describeProblems(document *huma.OpenAPI) {
	codes := make([]any, len(fault.Codes()))
	for i, code := range fault.Codes() {
		codes[i] = string(code)
	}
	model := document.Components.Schemas.Map()["ErrorModel"]
	model.Properties["code"] = &huma.Schema{
		Type: huma.TypeString, Enum: codes, Description: "What kind of error it is, for programs; it stays what it is when words change.",
	}
	model.Required = append(model.Required, "code")
	document.Components.Schemas.Map()["ErrorDetail"].Properties["value"].Description =
		"What was given: a number, a word, or the beginning of a text; absent for what has parts, and for what may be a secret."
	document.Components.Responses = make(map[string]*huma.Response, len(refusals))
	for _, r := range refusals {
		document.Components.Responses[r.name] = &huma.Response{Description: r.why, Content: map[string]*huma.MediaType{
			problemType: {Schema: &huma.Schema{Ref: "#/components/schemas/ErrorModel"}},
		}}
	}
}

// describeHooks describes what providers post to; it needs no key of ours.
func (s *Server) describeHooks(document *huma.OpenAPI) {
	refused := func(statuses ...int) map[string]*huma.Response {
		responses := map[string]*huma.Response{}
		for _, status := range statuses {
			responses[strconv.Itoa(status)] = &huma.Response{Ref: "#/components/responses/" + refusals[status].name}
		}
		return responses
	}
	responses := refused(http.StatusUnauthorized, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusRequestEntityTooLarge,
		http.StatusUnprocessableEntity, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable)
	responses["200"] = &huma.Response{
		Description: "What was taken; for some providers in the form that they ask for.",
		Content:     map[string]*huma.MediaType{"application/json": {Schema: huma.SchemaFromType(document.Components.Schemas, reflect.TypeFor[HookAnswer]())}},
	}
	channel := &huma.Param{Name: "channel_id", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeInteger, Format: "int64", Minimum: new(float64(1))}}
	text := func(name, description string) *huma.Param {
		return &huma.Param{Name: name, In: "query", Description: description, Schema: &huma.Schema{Type: huma.TypeString}}
	}
	answers := refused(http.StatusUnauthorized, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusUnprocessableEntity, http.StatusTooManyRequests,
		http.StatusInternalServerError, http.StatusServiceUnavailable)
	answers["200"] = &huma.Response{
		Description: "What stands in hub.challenge.", Content: map[string]*huma.MediaType{"text/plain": {Schema: &huma.Schema{Type: huma.TypeString}}},
	}
	document.Paths["/hooks/{channel_id}"] = &huma.PathItem{Get: &huma.Operation{
		OperationID: "verify-hook", Tags: []string{"hooks"}, Summary: "Answer a provider that asks whether it may post here",
		Description: "For Meta, which asks this once when the address is entered, and proves itself by the channel's verify_token: no key is needed.",
		Parameters: []*huma.Param{
			channel, text("hub.mode", "subscribe."), text("hub.verify_token", "The channel's verify_token."), text("hub.challenge", "What is to be answered."),
		},
		Responses: answers, Security: []map[string][]string{},
	}, Post: &huma.Operation{
		OperationID: "post-hook", Tags: []string{"hooks"}, Summary: "Take receipts and replies from a provider",
		Description: "For providers, which sign what they post, or send the token of the channel as the provider's way is: no key is needed. " +
			"The body is what the provider sends; what of it can't be used is said, and the rest is taken.",
		Parameters: []*huma.Param{
			channel, text("token", "The token of the channel, of providers that can't sign."),
		},
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"*/*": {Schema: &huma.Schema{}}}},
		Responses:   responses, Security: []map[string][]string{},
	}}
}

// describeExamples puts examples of requests to their operations.
func (s *Server) describeExamples(document *huma.OpenAPI) {
	byID := make(map[string]json.RawMessage, len(examples))
	for _, e := range examples {
		if _, known := byID[e.Operation]; !known {
			byID[e.Operation] = json.RawMessage(e.Body)
		}
	}
	for _, o := range s.operations {
		op := operationOf(document.Paths[o.path], o.method)
		if example, ok := byID[o.id]; ok && op != nil && op.RequestBody != nil {
			for _, media := range op.RequestBody.Content {
				media.Example = example
			}
			delete(byID, o.id)
		}
	}
	if len(byID) > 0 {
		panic(fmt.Sprintf("there are examples of no operation: %v", slices.Collect(maps.Keys(byID))))
	}
}
