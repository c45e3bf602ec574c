package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"carillon/access"
	"carillon/internal/fault"
	"carillon/variables"
)

// Variable is a value that the account's programs share.
type Variable struct {
	Name string `json:"name"`
	VariableInput
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// VariableInput is what a variable is to be.
type VariableInput struct {
	Value       any    `json:"value" doc:"Any JSON, at most 16 KiB. No secrets: every key sees it."`
	Group       string `json:"group,omitempty" maxLength:"500" doc:"For people: what it belongs to."`
	Description string `json:"description,omitempty" maxLength:"500" doc:"For people: what it is for."`
	Disabled    bool   `json:"disabled,omitempty" doc:"Programs take it for one that is not there."`
}

// ByVariable is the input of operations on one variable.
type ByVariable struct {
	Name string `path:"name" maxLength:"100" doc:"The name of the variable."`
}

func (in ByVariable) target(noun string) string { return noun + " " + in.Name }

type setVariable struct {
	ByVariable
	Body VariableInput
}

func variableView(v variables.Variable) Variable {
	return Variable{
		Name: v.Name, VariableInput: VariableInput{Value: v.Value, Group: v.Group, Description: v.Description, Disabled: v.Disabled},
		CreatedAt: v.CreatedAt.UTC(), UpdatedAt: v.UpdatedAt.UTC(),
	}
}

func variableOut(v variables.Variable, err error) (*one[Variable], error) {
	if err != nil {
		return nil, err
	}
	return &one[Variable]{variableView(v)}, nil
}

func (s *Server) variableRoutes() {
	const path, tag = "/v1/variables", "variables"
	register(s, operation{id: "list-variables", method: http.MethodGet, path: path, tag: tag, doc: "List the values that programs share, by name",
		roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *Paged) (*pageOut[Variable], error) {
			after := ""
			if in.Cursor != "" {
				var err error
				if after, err = in.text(); err != nil {
					return nil, fault.InvalidField("query.cursor", in.Cursor, "is no cursor of this list: take next_cursor of a page, or none")
				}
			}
			list, err := s.Variables.List(ctx, caller.AccountID, after, in.Limit+1)
			if err != nil {
				return nil, err
			}
			return page(list, in.Limit, variableView, func(v variables.Variable) string { return v.Name }), nil
		})
	register(s, operation{id: "get-variable", method: http.MethodGet, path: path + "/{name}", tag: tag, doc: "Show a variable", roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *ByVariable) (*one[Variable], error) {
			return variableOut(s.Variables.Get(ctx, caller.AccountID, in.Name))
		})
	register(s, operation{id: "set-variable", method: http.MethodPut, path: path + "/{name}", tag: tag,
		doc: "Save a variable, new or instead of the one of its name", roles: mayEdit,
		more: "A value that the programs of the account share, such as support's hours. XMS's clients read it as a global variable."},
		func(ctx context.Context, caller access.Caller, in *setVariable) (*one[Variable], error) {
			value, err := json.Marshal(in.Body.Value)
			if err != nil {
				return nil, fault.InvalidField("value", nil, "must be JSON: %v", err)
			}
			return variableOut(s.Variables.Set(ctx, variables.Variable{
				AccountID: caller.AccountID, Name: in.Name, Value: value, Group: in.Body.Group, Description: in.Body.Description, Disabled: in.Body.Disabled,
			}))
		})
	register(s, operation{id: "delete-variable", method: http.MethodDelete, path: path + "/{name}", tag: tag, doc: "Delete a variable",
		status: http.StatusNoContent, roles: mayEdit},
		func(ctx context.Context, caller access.Caller, in *ByVariable) (*struct{}, error) {
			return nil, s.Variables.Delete(ctx, caller.AccountID, in.Name)
		})
}
