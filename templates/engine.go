package templates

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/osteele/liquid/render"
	"github.com/osteele/liquid/tags"
)

// Names that templates can't use themselves: the rewriting puts them in, and
// parse refuses them in a source because it doesn't know them.
const (
	autoEscape     = "x_escape"
	stepTag        = "x_step"
	boundedCapture = "x_capture"
	// budgetKey is no identifier, so that no template can read or set it.
	budgetKey = "carillon budget"
)

var (
	errTooManySteps = fmt.Errorf("the loops of the template take more than %d steps", maxSteps)
	errTooLong      = fmt.Errorf("the template renders to more than %d MiB", MaxRenderedBytes>>20)
	errValueTooLong = fmt.Errorf("a value is longer than %d KiB or has more than %d items", maxValueBytes>>10, maxItems)
)

// budget is what one rendering may still use.
type budget struct{ steps, bytes int }

// boundedWriter ends a rendering that grows too long.
type boundedWriter struct {
	strings.Builder
	budget *budget
}

func (w *boundedWriter) Write(p []byte) (int, error) {
	if w.budget.bytes -= len(p); w.budget.bytes < 0 {
		return 0, errTooLong
	}
	return w.Builder.Write(p)
}

// newConfig is the engine with our tags and filters; it is only read once it is
// made.
func newConfig(m mode) *render.Config {
	c := render.NewConfig()
	tags.AddStandardTags(c)
	addFilters(&c, m)
	c.AddTag(stepTag, func(args string) (func(io.Writer, render.Context) error, error) {
		cost, err := strconv.Atoi(strings.TrimSpace(args))
		if err != nil {
			return nil, err
		}
		return func(_ io.Writer, ctx render.Context) error {
			b, ok := ctx.Get(budgetKey).(*budget)
			if !ok {
				return errTooManySteps
			}
			if b.steps -= cost; b.steps < 0 {
				return errTooManySteps
			}
			return nil
		}, nil
	})
	c.AddBlock(boundedCapture).Compiler(func(node render.BlockNode) (func(io.Writer, render.Context) error, error) {
		name := strings.TrimSpace(node.Args)
		return func(_ io.Writer, ctx render.Context) error {
			b, ok := ctx.Get(budgetKey).(*budget)
			if !ok {
				return errTooLong
			}
			w := &boundedWriter{budget: b}
			if err := ctx.RenderChildren(w); err != nil {
				return err
			}
			if w.Len() > maxValueBytes {
				return errValueTooLong
			}
			ctx.Set(name, w.String())
			return nil
		}, nil
	})
	return &c
}

// program is a template for the Liquid engine.
type program struct {
	root   render.Node
	config *render.Config
	row    bool
}

func (p *program) needsRow() bool { return p.row }

func (p *program) render(s *scope) (out string, err error) {
	vars, err := s.bindings(p.row)
	if err != nil {
		return "", err
	}
	w := &boundedWriter{budget: &s.budget}
	// The engine panics on some wrong values and whenever the writer refuses
	// the last piece of output.
	defer func() {
		if r := recover(); r != nil {
			out, err = "", errors.New("the template can't be rendered with this recipient's values")
			if cause, ok := r.(error); ok && errors.Is(cause, errTooLong) {
				err = errTooLong
			}
		}
	}()
	if failed := render.Render(p.root, w, vars, *p.config); failed != nil {
		for _, known := range []error{errTooLong, errTooManySteps, errValueTooLong} {
			if strings.Contains(failed.Error(), known.Error()) {
				return "", known
			}
		}
		return "", describe(failed)
	}
	return w.String(), nil
}
