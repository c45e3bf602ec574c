package liquid

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"regexp"
	"strings"

	"github.com/osteele/liquid/expressions"
	"github.com/osteele/liquid/render"
)

// call is a render tag.
type call struct {
	name string
	// each says that the snippet is rendered for every item of value.
	each bool
	// value is an expression, or empty; the snippet finds it under the name as.
	value, as string
	params    []param
}

// param is a value that a snippet is given, as an expression.
type param struct{ name, value string }

var (
	callName  = regexp.MustCompile(`^(?:"([^"]*)"|'([^']*)')`)
	callValue = regexp.MustCompile(`^\s+(with|for)\s+([^\s,|:]+)(?:\s+as\s+([A-Za-z_][\w-]*))?\s*(?:,|$)`)
	callParam = regexp.MustCompile(`^\s*([A-Za-z_][\w-]*)\s*:\s*([^\s,|]+)\s*$`)
)

var errCall = errors.New(`render takes the quoted name of a snippet and values without filters, such as {% render "header", title: contact.name %}, ` +
	`{% render "card" with row.plan as plan %} or {% render "item" for contact.attributes.tags as tag %}; assign a value with filters to a variable before`)

func parseCall(args string) (call, error) {
	m := callName.FindStringSubmatch(args)
	if m == nil {
		return call{}, errCall
	}
	c := call{name: m[1] + m[2]}
	if !ValidSnippetName(c.name) {
		return c, fmt.Errorf("%q is no name of a snippet: %s", c.name, SnippetNameRule)
	}
	rest := args[len(m[0]):]
	// Within quoted texts nothing separates.
	code := maskStrings(rest, 'x')
	if v := callValue.FindStringSubmatchIndex(code); v != nil {
		c.each, c.value = rest[v[2]:v[3]] == "for", rest[v[4]:v[5]]
		c.as = c.name[strings.LastIndexByte(c.name, '/')+1:]
		if v[6] >= 0 {
			c.as = rest[v[6]:v[7]]
		}
		rest, code = rest[v[1]:], code[v[1]:]
		if rest == "" {
			return c, nil
		}
	} else if trimmed := strings.TrimLeft(code, " \t\r\n"); strings.HasPrefix(trimmed, ",") {
		at := len(code) - len(trimmed) + 1
		rest, code = rest[at:], code[at:]
	} else if trimmed == "" {
		return c, nil
	}
	at := 0
	for _, piece := range strings.Split(code, ",") {
		p := callParam.FindStringSubmatchIndex(piece)
		if p == nil {
			return c, errCall
		}
		c.params = append(c.params, param{name: rest[at+p[2] : at+p[3]], value: rest[at+p[4] : at+p[5]]})
		at += len(piece) + 1
	}
	return c, nil
}

// given is a param that is compiled.
type given struct {
	name string
	expr expressions.Expression
}

// compiler makes render tags. What they render has been compiled before.
func (l *library) compiler(m mode) func(string) (func(io.Writer, render.Context) error, error) {
	return func(args string) (func(io.Writer, render.Context) error, error) {
		c, err := parseCall(args)
		if err != nil {
			return nil, err
		}
		s, err := l.snippet(c.name, m)
		if err != nil {
			return nil, err
		}
		params := make([]given, len(c.params))
		for i, p := range c.params {
			if params[i].name = p.name; err == nil {
				params[i].expr, err = expressions.Parse(p.value)
			}
		}
		var value expressions.Expression
		if c.value != "" && err == nil {
			value, err = expressions.Parse(c.value)
		}
		if err != nil {
			return nil, err
		}
		return func(w io.Writer, ctx render.Context) error {
			scope, err := s.scope(ctx, params)
			if err != nil || value == nil {
				return s.run(w, scope, err)
			}
			with, err := ctx.Evaluate(value)
			if items, ok := itemsOf(with); ok && c.each {
				return s.each(w, scope, c.as, items)
			}
			if with != nil && err == nil {
				err = scope.set(c.as, with)
			}
			return s.run(w, scope, err)
		}, nil
	}
}

// itemsOf are the items of a list. Nothing has none: an empty value counts as
// missing everywhere in templates.
func itemsOf(value any) (items reflect.Value, ok bool) {
	if value == nil {
		return reflect.ValueOf([]any{}), true
	}
	items = reflect.ValueOf(value)
	return items, items.Kind() == reflect.Slice || items.Kind() == reflect.Array
}

// snippetScope is the variables of one call: what it was given and what every
// template has, and nothing that the template around it has made.
type snippetScope struct {
	snippet *snippet
	meter   *meter
	vars    map[string]any
}

func (s *snippet) scope(ctx render.Context, params []given) (*snippetScope, error) {
	m, err := meterOf(ctx)
	if err != nil {
		return nil, err
	}
	scope := &snippetScope{snippet: s, meter: m, vars: maps.Clone(m.globals)}
	for _, p := range params {
		value, err := ctx.Evaluate(p.expr)
		if err != nil {
			return nil, err
		}
		if err := scope.set(p.name, value); err != nil {
			return nil, err
		}
	}
	return scope, nil
}

// set gives a value. What the snippet prints without escaping is escaped here: it
// does so because it captures a text of that name, and this one is none.
func (sc *snippetScope) set(name string, value any) (err error) {
	if sc.snippet.safe[name] && sc.meter.engine.mode == htmlText {
		value, err = sc.meter.engine.escape(value)
	}
	sc.vars[name] = value
	return err
}

// each renders the snippet for every item.
func (s *snippet) each(w io.Writer, scope *snippetScope, as string, items reflect.Value) error {
	cycles := map[string]int{}
	for i, n := 0, items.Len(); i < n; i++ {
		if err := scope.meter.charge(loopWork); err != nil {
			return err
		}
		scope.vars["forloop"] = map[string]any{
			"first": i == 0, "last": i == n-1, "index": i + 1, "index0": i, "rindex": n - i, "rindex0": n - i - 1, "length": n, ".cycles": cycles,
		}
		if err := s.run(w, scope, scope.set(as, items.Index(i).Interface())); err != nil {
			return err
		}
	}
	return nil
}

// run renders the snippet once, unless err says that it can't be.
func (s *snippet) run(w io.Writer, scope *snippetScope, err error) error {
	if err != nil || s.program == nil {
		return err
	}
	m := scope.meter
	if m.depth >= maxSnippetDepth {
		return m.end(errTooDeep)
	}
	m.depth++
	defer func() { m.depth-- }()
	if err := m.charge(s.program.cost + len(scope.vars)); err != nil {
		return err
	}
	if failed := render.Render(s.program.root, wholeWriter{w}, scope.vars, m.engine.config); failed != nil {
		if m.err != nil {
			return m.err
		}
		return fmt.Errorf("snippet %q: %w", s.name, describe(failed))
	}
	return nil
}

// wholeWriter counts what was written, as the engine's own writer doesn't.
type wholeWriter struct{ io.Writer }

func (w wholeWriter) Write(p []byte) (int, error) {
	if _, err := w.Writer.Write(p); err != nil {
		return 0, err
	}
	return len(p), nil
}
