package gate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"carillon/internal/fault"
)

// withText refuses every string of a request that no store could keep or nobody
// could see: NUL and other control characters, and what is no UTF-8. It is the
// one check, for path, query and body alike; a file that streams in is checked by
// who takes it apart.
func (g *Gate) withText(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		wrong := wrongAddress(r.URL)
		if r.Body != nil && r.Body != http.NoBody && !routeOf(r).Streamed {
			body, err := io.ReadAll(r.Body) // withBody has read it
			if err != nil {
				g.deps.Dialect.Refuse(w, r, fault.New(fault.Invalid, "the body of the request did not come whole"))
				return
			}
			if !g.apart(r) {
				wrong = append(wrong, WrongJSON("body", body)...)
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		if err := fault.InvalidFields(wrong); err != nil {
			g.deps.Dialect.Refuse(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// apart reports whether a body is a form with files, which who takes it apart checks: only
// APIs of others take such.
func (g *Gate) apart(r *http.Request) bool {
	return g.deps.API != "" && strings.HasPrefix(strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Type"))), "multipart/form-data")
}

// wrongAddress checks path and query, which are of one line.
func wrongAddress(u *url.URL) (wrong []fault.Field) {
	if message := WrongText(u.Path, false); message != "" {
		wrong = append(wrong, fault.Field{Location: "path", Message: message})
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return append(wrong, fault.Field{Location: "query", Message: "can't be read: a % is written %25, and a ; %3B"})
	}
	for name, values := range query {
		if message := WrongText(name, false); message != "" {
			wrong = append(wrong, fault.Field{Location: "query", Message: "the name of a parameter " + message})
			continue
		}
		for _, value := range values {
			if message := WrongText(value, false); message != "" {
				wrong = append(wrong, fault.Field{Location: "query." + name, Message: message})
				break
			}
		}
	}
	return wrong
}

// WrongText says what is wrong with a string; empty if nothing is. In several
// lines it may hold tabs and ends of lines.
func WrongText(text string, lines bool) string {
	if !utf8.ValidString(text) {
		return "is not valid UTF-8"
	}
	for _, r := range text {
		if unicode.IsControl(r) && (!lines || r != '\n' && r != '\r' && r != '\t') {
			return fmt.Sprintf("holds the control character U+%04X, which can't be kept: take it out", r)
		}
	}
	return ""
}

// oneLine are the members whose values are shown in lists and logs.
var oneLine = map[string]bool{"name": true, "external_id": true, "to": true, "address": true, "timezone": true, "language": true}

// maxWrong bounds how many wrong strings of one body are named.
const maxWrong = 20

// WrongJSON checks the strings of a JSON document, members' names included. What
// is no JSON is left to who reads it.
func WrongJSON(location string, document []byte) (wrong []fault.Field) {
	if !utf8.Valid(document) {
		return []fault.Field{{Location: location, Message: "is not valid UTF-8"}}
	}
	// Control characters stand in JSON only as \u escapes and \b and \f, or as
	// themselves from U+007F on.
	if !bytes.ContainsAny(document, "\\\u007f") && !bytes.ContainsFunc(document, func(r rune) bool { return r > '~' && unicode.IsControl(r) }) {
		return nil
	}
	var root any
	if json.Unmarshal(document, &root) != nil {
		return nil
	}
	walk(location, "", root, func(at, text string, lines bool) {
		if message := WrongText(text, lines); message != "" && len(wrong) < maxWrong {
			wrong = append(wrong, fault.Field{Location: at, Message: message})
		}
	})
	return wrong
}

// walk visits every string below a value.
func walk(at, member string, value any, visit func(at, text string, lines bool)) {
	switch v := value.(type) {
	case string:
		visit(at, v, !oneLine[member])
	case []any:
		for i, item := range v {
			walk(fmt.Sprintf("%s[%d]", at, i), member, item, visit)
		}
	case map[string]any:
		for name, item := range v {
			shown := strings.Map(func(r rune) rune {
				if unicode.IsControl(r) {
					return '�'
				}
				return r
			}, name)
			visit(at+"."+shown, name, false)
			walk(at+"."+shown, name, item, visit)
		}
	}
}
