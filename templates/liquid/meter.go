package liquid

import (
	"context"
	"errors"
	"fmt"
	"time"

	"carillon/internal/fault"
)

// Bounds of templates and of what they may render to. They keep a mistake in a
// template, or what somebody filled in, from filling memory or keeping a core.
const (
	// MaxTemplateBytes bounds all texts of a content together.
	MaxTemplateBytes = 512 << 10
	// MaxRenderedBytes bounds one rendered text.
	MaxRenderedBytes = 2 << 20
	// MaxRenderTime bounds the time that one recipient's texts take together. The
	// bound on work is reached long before it on a machine that has time to spare.
	MaxRenderTime = 5 * time.Second
	// maxWork bounds the work on one recipient's texts: a unit is a tag or
	// placeholder, or workBytes that a filter takes or makes or that are written.
	// That is about a fifth of a second, and 12 MiB that were made.
	maxWork   = 200_000
	workBytes = 64
	// loopWork is what each turn of a loop costs beside what stands in it.
	loopWork = 4
	// maxValueBytes and maxItems bound a value that a filter takes or makes, with
	// everything in it.
	maxValueBytes = 64 << 10
	maxItems      = 2000
	// maxTokens bounds the tags, placeholders and texts between them of one text.
	maxTokens = 20_000
	// maxDepth bounds how deep blocks stand in each other.
	maxDepth = 50
)

// Why a rendering was ended.
var (
	errTooMuchWork  = fmt.Errorf("the template takes more than %d steps for this recipient: loops and filters over long texts cost most", maxWork)
	errTooSlow      = fmt.Errorf("the template takes more than %s for this recipient", MaxRenderTime)
	errTooLong      = fmt.Errorf("the template renders to more than %d MiB", MaxRenderedBytes>>20)
	errValueTooLong = fmt.Errorf("a value is longer than %d KiB or has more than %d items", maxValueBytes>>10, maxItems)
)

// ExceededError says that a rendering was ended because it exceeded a bound. It
// wraps an error of code Invalid that names the field.
type ExceededError struct{ err *fault.Error }

// Error says which bound of which field.
func (e *ExceededError) Error() string {
	return e.err.Fields[0].Location + ": " + e.err.Fields[0].Message
}

// Unwrap is the error of code Invalid.
func (e *ExceededError) Unwrap() error { return e.err }

// meter is what one rendering may still use. The first bound that is exceeded is
// kept, whatever the engine makes of the error.
type meter struct {
	ctx   context.Context
	work  int
	bytes int // that the text at hand may still be long
	// looked is the work that was left when ctx was looked at last.
	looked int
	err    error
	// engine renders the text at hand with the values of scope, and globals are the
	// variables that every snippet has; depth is how many snippets are being rendered
	// inside each other.
	engine *engine
	scope  *scope
	// out is what the engine writes to at the moment, outside of snippets.
	out     *output
	globals map[string]any
	depth   int
}

func newMeter(ctx context.Context) *meter {
	return &meter{ctx: ctx, work: maxWork, looked: maxWork, bytes: MaxRenderedBytes}
}

// lookEvery is how much work may be done between two looks at the time.
const lookEvery = 200

// charge takes work and says whether there was so much.
func (m *meter) charge(work int) error {
	if m.err != nil {
		return m.err
	}
	if m.work -= work; m.work < 0 {
		return m.end(errTooMuchWork)
	}
	if m.looked-m.work >= lookEvery {
		m.looked = m.work
		if m.ctx.Err() != nil {
			return m.end(context.Cause(m.ctx))
		}
	}
	return nil
}

// write takes bytes of the text at hand.
func (m *meter) write(n int) error {
	if m.err != nil {
		return m.err
	}
	if m.bytes -= n; m.bytes < 0 {
		return m.end(errTooLong)
	}
	return m.charge(n / workBytes)
}

func (m *meter) end(err error) error {
	m.err = err
	return err
}

// failure is the error of a text that could not be rendered; the context's own end
// is no fault of the recipient's and comes back as it is.
func (m *meter) failure(field string, err error) error {
	if m.err != nil {
		err = m.err
	}
	if m.ctx.Err() != nil && !errors.Is(context.Cause(m.ctx), errTooSlow) {
		return fmt.Errorf("render %s: %w", field, context.Cause(m.ctx))
	}
	invalid := fault.InvalidField("content."+field, nil, "%s", err)
	for _, bound := range []error{errTooMuchWork, errTooSlow, errTooLong, errValueTooLong} {
		if errors.Is(err, bound) {
			return &ExceededError{invalid}
		}
	}
	return invalid
}
