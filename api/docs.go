package api

import (
	"bytes"
	"encoding/json"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

// docsPage is the document as a page that loads nothing from anywhere.
var docsPage = template.Must(template.New("docs").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Carillon API</title>
<style>
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1c2733 }
code, .path { font-family: ui-monospace, monospace }
details { border-bottom: 1px solid #dde3e8; padding: .4rem 0 }
summary { cursor: pointer }
.method { display: inline-block; width: 4.5rem; font-weight: 600; font-family: ui-monospace, monospace }
.doc { color: #5b6b79; margin-left: .5rem }
table { border-collapse: collapse; margin: .5rem 0 }
td, th { text-align: left; padding: .15rem .8rem .15rem 0; vertical-align: top }
</style>
<h1>Carillon API</h1>
<p>{{ .Description }}</p>
<p>The whole contract, with every schema, is the OpenAPI document: <a href="/openapi.json">/openapi.json</a>.</p>
<nav>{{ range .Tags }}<a href="#{{ .Name }}">{{ .Name }}</a> {{ end }}</nav>
{{ range .Tags }}
<h2 id="{{ .Name }}">{{ .Name }}</h2>
{{ range .Operations }}
<details>
<summary><span class="method">{{ .Method }}</span><span class="path">{{ .Path }}</span><span class="doc">{{ .Summary }}</span></summary>
<p>{{ .Description }}</p>
{{ if .Parameters }}<table><tr><th>Parameter</th><th>In</th><th></th></tr>
{{ range .Parameters }}<tr><td><code>{{ .Name }}</code></td><td>{{ .In }}</td><td>{{ .Description }}</td></tr>{{ end }}</table>{{ end }}
{{ if .Fields }}<table><tr><th>Body</th><th>Type</th><th></th></tr>
{{ range .Fields }}<tr><td><code>{{ .Name }}</code>{{ if .Required }} *{{ end }}</td><td>{{ .Type }}</td><td>{{ .Description }}</td></tr>{{
end }}</table>{{ end }}
</details>
{{ end }}
{{ end }}
</html>
`))

type docsTag struct {
	Name       string
	Operations []docsOperation
}

type docsOperation struct {
	Method, Path, Summary, Description string
	Parameters                         []*huma.Param
	Fields                             []docsField
}

type docsField struct {
	Name, Type, Description string
	Required                bool
}

func (s *Server) docsRoutes() {
	document := sync.OnceValues(s.Document)
	s.mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		body, err := document()
		if err != nil {
			writeProblem(w, err)
			return
		}
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(body)
	})
	s.mux.HandleFunc("GET /docs", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		_ = docsPage.Execute(w, struct {
			Description string
			Tags        []docsTag
		}{s.api.OpenAPI().Info.Description, s.docsTags()})
	})
}

// Document is the OpenAPI document; the same program always writes the same
// bytes.
func (s *Server) Document() ([]byte, error) {
	raw, err := json.Marshal(s.api.OpenAPI())
	if err != nil {
		return nil, err
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, raw, "", "  "); err != nil {
		return nil, err
	}
	pretty.WriteByte('\n')
	return pretty.Bytes(), nil
}

func (s *Server) docsTags() []docsTag {
	document := s.api.OpenAPI()
	byTag := map[string][]docsOperation{}
	for path, item := range document.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Patch, item.Put, item.Delete} {
			if op == nil {
				continue
			}
			byTag[op.Tags[0]] = append(byTag[op.Tags[0]], docsOperation{
				Method: op.Method, Path: path, Summary: op.Summary, Description: op.Description, Parameters: parametersOf(document, op), Fields: bodyFields(document, op),
			})
		}
	}
	tags := make([]docsTag, 0, len(byTag))
	for name, operations := range byTag {
		slices.SortFunc(operations, func(a, b docsOperation) int { return strings.Compare(a.Path+a.Method, b.Path+b.Method) })
		tags = append(tags, docsTag{name, operations})
	}
	slices.SortFunc(tags, func(a, b docsTag) int { return strings.Compare(a.Name, b.Name) })
	return tags
}

// parametersOf are the parameters of an operation, with what it has in common with others.
func parametersOf(document *huma.OpenAPI, op *huma.Operation) []*huma.Param {
	list := make([]*huma.Param, len(op.Parameters))
	for i, p := range op.Parameters {
		if shared, ok := document.Components.Parameters[p.Ref[strings.LastIndexByte(p.Ref, '/')+1:]]; ok {
			p = shared
		}
		list[i] = p
	}
	return list
}

// bodyFields lists the fields of an operation's body, one level deep.
func bodyFields(document *huma.OpenAPI, op *huma.Operation) []docsField {
	if op.RequestBody == nil {
		return nil
	}
	var fields []docsField
	for _, media := range op.RequestBody.Content {
		schema := media.Schema
		if schema != nil && schema.Ref != "" {
			schema = document.Components.Schemas.SchemaFromRef(schema.Ref)
		}
		if schema == nil {
			continue
		}
		for name, property := range schema.Properties {
			kind := property.Type
			if property.Ref != "" {
				kind = property.Ref[strings.LastIndexByte(property.Ref, '/')+1:]
			}
			fields = append(fields, docsField{Name: name, Type: kind, Description: property.Description, Required: slices.Contains(schema.Required, name)})
		}
	}
	slices.SortFunc(fields, func(a, b docsField) int { return strings.Compare(a.Name, b.Name) })
	return fields
}
