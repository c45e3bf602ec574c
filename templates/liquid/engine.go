package liquid

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/osteele/liquid/expressions"
	"github.com/osteele/liquid/render"
	"github.com/osteele/liquid/tags"
)

// Names that templates can't use themselves: the rewriting puts them in, and
// parse refuses them in a source because it doesn't know them.
const (
	autoEscape     = "x_escape"
	stepTag        = "x_step"
	quickTag       = "x_quick"
	printTag       = "x_print"
	boundedCapture = "x_capture"
	// meterKey is no identifier, so that no template can read or set it.
	meterKey = "carillon meter"
)

var errNoMeter = errors.New("the template is rendered without bounds")

// engine is the library with our tags and filters. Its filters charge the meter of
// the rendering that has it, and so an engine renders one text at a time.
type engine struct {
	config render.Config
	mode   mode
	meter  *meter
}

// engines are those of one mode that render nothing at the moment.
type engines struct{ idle sync.Pool }

func newEngines(m mode, lib *library) *engines {
	return &engines{idle: sync.Pool{New: func() any { return newEngine(m, lib) }}}
}

// with lends an engine.
func (e *engines) with(m *meter, do func(*engine)) {
	one, ok := e.idle.Get().(*engine)
	if !ok {
		return // New makes nothing else
	}
	one.meter = m
	if m != nil {
		m.engine = one
	}
	defer func() {
		one.meter = nil
		e.idle.Put(one)
	}()
	do(one)
}

func newEngine(m mode, lib *library) *engine {
	e := &engine{config: render.NewConfig(), mode: m}
	tags.AddStandardTags(e.config)
	addFilters(e, m)
	e.config.AddTag(stepTag, stepCompiler)
	e.config.AddTag(quickTag, lib.quickCompiler)
	e.config.AddTag(printTag, printCompiler)
	e.config.AddBlock(boundedCapture).Compiler(captureCompiler)
	e.config.AddTag(renderTag, lib.compiler(m))
	e.config.AddTag("increment", counterCompiler(0, 1))
	e.config.AddTag("decrement", counterCompiler(-1, -1))
	return e
}

func meterOf(ctx render.Context) (*meter, error) {
	m, ok := ctx.Get(meterKey).(*meter)
	if !ok {
		return nil, errNoMeter
	}
	return m, nil
}

func stepCompiler(args string) (func(io.Writer, render.Context) error, error) {
	cost, err := strconv.Atoi(strings.TrimSpace(args))
	if err != nil {
		return nil, err
	}
	return func(_ io.Writer, ctx render.Context) error {
		m, err := meterOf(ctx)
		if err != nil {
			return err
		}
		return m.charge(cost)
	}, nil
}

// printCompiler makes what a placeholder with the filter autoEscape is, without the
// library's way of calling filters, which takes a dozen allocations.
func printCompiler(args string) (func(io.Writer, render.Context) error, error) {
	expression, err := expressions.Parse(args)
	if err != nil {
		return nil, err
	}
	return func(w io.Writer, ctx render.Context) error {
		value, err := ctx.Evaluate(expression)
		if err != nil || value == nil {
			return err
		}
		m, err := meterOf(ctx)
		if err != nil {
			return err
		}
		text, err := m.escapable(value)
		if err != nil {
			return err
		}
		m.scope.scratch = appendEscaped(m.scope.scratch[:0], text)
		_, err = w.Write(m.scope.scratch)
		return err
	}, nil
}

func captureCompiler(node render.BlockNode) (func(io.Writer, render.Context) error, error) {
	name := strings.TrimSpace(node.Args)
	return func(_ io.Writer, ctx render.Context) error {
		m, err := meterOf(ctx)
		if err != nil {
			return err
		}
		around, w := m.out, &output{meter: m}
		m.out = w
		defer func() { m.out = around }()
		if err := ctx.RenderChildren(w); err != nil {
			return err
		}
		captured := w.whole()
		if len(captured) > maxValueBytes {
			return m.end(errValueTooLong)
		}
		ctx.Set(name, captured)
		return nil
	}, nil
}

// counterCompiler makes increment and decrement: they print a counter that lives
// beside the variables, and that its name shows where no variable has it.
func counterCompiler(first, step int) func(string) (func(io.Writer, render.Context) error, error) {
	return func(args string) (func(io.Writer, render.Context) error, error) {
		name := strings.TrimSpace(args)
		if !identifier.MatchString(name) {
			return nil, errors.New("a counter needs one name, such as {% increment line %}")
		}
		key := "carillon counter " + name
		return func(w io.Writer, ctx render.Context) error {
			next, counting := ctx.Get(key).(int)
			shown := next
			if !counting {
				shown = first
			} else if step < 0 {
				shown = next - 1
			}
			after := shown
			if step > 0 {
				after++
			}
			if was := ctx.Get(name); was == nil || was == next && counting {
				ctx.Set(name, after)
			}
			ctx.Set(key, after)
			_, err := io.WriteString(w, strconv.Itoa(shown))
			return err
		}, nil
	}
}

// program is a template for the Liquid engine.
type program struct {
	root    render.Node
	engines *engines
	row     bool
	// cost is that of everything outside of loops.
	cost int
}

func (p *program) needsRow() bool { return p.row }

func (p *program) render(s *scope, out *output) error {
	vars, err := s.bindings(p.row)
	if err != nil {
		return err
	}
	if err := s.meter.charge(p.cost); err != nil {
		return err
	}
	s.meter.globals, s.meter.scope, s.meter.out = vars, s, out
	p.engines.with(s.meter, func(e *engine) { err = p.run(out, vars, e.config) })
	if s.meter.err != nil {
		return s.meter.err
	}
	return err
}

func (p *program) run(w io.Writer, vars map[string]any, config render.Config) (err error) {
	// The engine panics on some wrong values and whenever the writer refuses
	// the last piece of output.
	defer func() {
		if r := recover(); r != nil {
			err = errors.New("the template can't be rendered with this recipient's values")
		}
	}()
	if failed := render.Render(p.root, w, vars, config); failed != nil {
		return describe(failed)
	}
	return nil
}

// printedTag matches a placeholder that was written as a tag.
var printedTag = regexp.MustCompile(`\{%(-?) ` + printTag + ` (.*?)(-?)%\}`)

// describe shortens an engine's error: the line and what is wrong.
func describe(e render.Error) error {
	message := strings.TrimPrefix(e.Error(), "Liquid error")
	if rest, ok := strings.CutPrefix(message, fmt.Sprintf(" (line %d): ", e.LineNumber())); ok {
		message = rest
	} else {
		message = strings.TrimPrefix(message, ": ")
	}
	message = strings.ReplaceAll(message, " | "+autoEscape, "")
	message = printedTag.ReplaceAllString(message, "{{$1 $2$3}}")
	if letters := []rune(message); len(letters) > maxMessage {
		message = string(letters[:maxMessage]) + "…"
	}
	if e.LineNumber() > 0 {
		return fmt.Errorf("line %d: %s", e.LineNumber(), message)
	}
	return fmt.Errorf("%s", message)
}

// maxMessage bounds what an error repeats of a template, in letters.
const maxMessage = 300
