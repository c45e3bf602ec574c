package api

import (
	"context"
	"net/http"
	"time"

	"carillon/access"
	"carillon/internal/fault"
	"carillon/templates"
	"carillon/templates/liquid"
)

// Snippet is a text that templates render by its name.
type Snippet struct {
	SnippetInfo
	Text string `json:"text"`
}

// SnippetInfo is a snippet without its text.
type SnippetInfo struct {
	Name      string    `json:"name"`
	Bytes     int       `json:"bytes" doc:"The length of its text."`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// SnippetText is what a snippet is to say.
type SnippetText struct {
	Text string `json:"text" maxLength:"65536" doc:"Liquid, at most 64 KiB."`
}

// SnippetInput is what a snippet is made of.
type SnippetInput struct {
	Name string `json:"name" minLength:"1" maxLength:"100" doc:"1 to 100 letters from A to Z, digits, - _ . and / between them, such as parts/header."`
	SnippetText
}

// BySnippet is the input of operations on one snippet.
type BySnippet struct {
	Name string `path:"name" maxLength:"100" doc:"The name of the snippet; a / in it is written %2F."`
}

func (in BySnippet) target(noun string) string { return noun + " " + in.Name }

type createSnippet struct{ Body SnippetInput }

func (in *createSnippet) target(noun string) string { return noun + " " + in.Body.Name }

type setSnippet struct {
	BySnippet
	Body SnippetText
}

func snippetInfo(sn templates.Snippet) SnippetInfo {
	return SnippetInfo{Name: sn.Name, Bytes: len(sn.Text), CreatedAt: sn.CreatedAt, UpdatedAt: sn.UpdatedAt}
}

func snippetOut(sn templates.Snippet, err error) (*one[Snippet], error) {
	if err != nil {
		return nil, err
	}
	return &one[Snippet]{Snippet{SnippetInfo: snippetInfo(sn), Text: sn.Text}}, nil
}

const snippetDoc = "A text of a campaign, a message or another snippet has it by {% render \"name\", title: contact.name %}: docs/templates.md. " +
	"Refused with its line is what can't be rendered, a circle, and a text with which a scheduled campaign could no longer be sent. " +
	"A campaign that runs keeps the words that it began with."

func (s *Server) snippetRoutes() {
	const path, tag = "/v1/snippets", "snippets"
	register(s, operation{id: "list-snippets", method: http.MethodGet, path: path, tag: tag, doc: "List snippets by name, without their texts", roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *Paged) (*pageOut[SnippetInfo], error) {
			after := ""
			if in.Cursor != "" {
				var err error
				if after, err = in.text(); err != nil || !liquid.ValidSnippetName(after) {
					return nil, fault.InvalidField("query.cursor", in.Cursor, "is no cursor of this list: take next_cursor of a page, or none")
				}
			}
			list, err := s.Catalogue.ListSnippets(ctx, caller.AccountID, after, in.Limit+1)
			if err != nil {
				return nil, err
			}
			return page(list, in.Limit, snippetInfo, func(sn templates.Snippet) string { return sn.Name }), nil
		})
	register(s, operation{id: "create-snippet", method: http.MethodPost, path: path, tag: tag, doc: "Save a new snippet", status: http.StatusCreated,
		roles: mayEdit, more: snippetDoc},
		func(ctx context.Context, caller access.Caller, in *createSnippet) (*one[Snippet], error) {
			return snippetOut(s.Catalogue.CreateSnippet(ctx, templates.Snippet{AccountID: caller.AccountID, Name: in.Body.Name, Text: in.Body.Text}))
		})
	register(s, operation{id: "get-snippet", method: http.MethodGet, path: path + "/{name}", tag: tag, doc: "Show a snippet", roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *BySnippet) (*one[Snippet], error) {
			return snippetOut(s.Catalogue.GetSnippet(ctx, caller.AccountID, in.Name))
		})
	register(s, operation{id: "set-snippet", method: http.MethodPut, path: path + "/{name}", tag: tag,
		doc: "Save a snippet, new or instead of the one of its name", roles: mayEdit,
		more: snippetDoc},
		func(ctx context.Context, caller access.Caller, in *setSnippet) (*one[Snippet], error) {
			return snippetOut(s.Catalogue.SetSnippet(ctx, templates.Snippet{AccountID: caller.AccountID, Name: in.Name, Text: in.Body.Text}))
		})
	register(s, operation{id: "delete-snippet", method: http.MethodDelete, path: path + "/{name}", tag: tag, doc: "Delete a snippet",
		status: http.StatusNoContent, roles: mayEdit,
		more: "Refused while a campaign that is not over, or another snippet, renders it."},
		func(ctx context.Context, caller access.Caller, in *BySnippet) (*struct{}, error) {
			return nil, s.Catalogue.DeleteSnippet(ctx, caller.AccountID, in.Name)
		})
}
