package email

import (
	"bytes"
	"compress/gzip"
	"context"
	_ "embed" // for the compiler
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/dop251/goja"
	"golang.org/x/net/html"

	"carillon/internal/fault"
)

// mjmlBrowser is mjml-browser 4.18.0; see mjml/README.md.
//
//go:embed mjml/mjml-browser-4.18.0.js.gz
var mjmlBrowser []byte

// compiler compiles MJML. Every document has an interpreter of its own, which takes
// 55 ms and 5 MiB, so that none can leave anything behind for the next.
type compiler struct {
	once    sync.Once
	program *goja.Program
	err     error
}

// Bounds of MJML: an attribute that mj-attributes sets is repeated in every element.
const (
	maxMJMLElements = 2_000
	maxRepeated     = 16 << 20
	maxCalls        = 2_000 // of functions in each other; MJML needs a few for each element in another
	maxNested       = 50
)

func (c *compiler) load() (*goja.Program, error) {
	c.once.Do(func() {
		var source []byte
		unpacked, err := gzip.NewReader(bytes.NewReader(mjmlBrowser))
		if err == nil {
			source, err = io.ReadAll(unpacked)
		}
		if err == nil {
			c.program, err = goja.Compile("mjml", string(source), false)
		}
		c.err = err
	})
	if c.err != nil {
		return nil, fmt.Errorf("load the MJML compiler: %w", c.err)
	}
	return c.program, nil
}

// mjmlError is what the compiler finds wrong.
type mjmlError struct {
	Line    int    `json:"line"`
	Message string `json:"message"`
	TagName string `json:"tagName"`
}

// compile makes HTML of MJML.
func (c *compiler) compile(ctx context.Context, source string) (string, error) {
	s, safe := shielded("mjml", source)
	if err := s.checkMJML(safe); err != nil {
		return "", err
	}
	program, err := c.load()
	if err != nil {
		return "", err
	}
	bounded, cancel := context.WithTimeout(ctx, MaxBuildTime)
	defer cancel()
	document, wrong, err := run(bounded, program, safe)
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case bounded.Err() != nil:
		return "", fault.InvalidField("mjml", nil, "takes longer than %s to compile: cut it down", MaxBuildTime)
	case err != nil:
		return "", fault.InvalidField("mjml", nil, "%s", understandable(err))
	}
	var fields []fault.Field
	for _, w := range wrong {
		if len(fields) < maxWrong && !s.token.MatchString(w.Message) { // what Liquid will print is not known
			fields = append(fields, fault.Field{Location: "mjml", Message: fmt.Sprintf("line %d: <%s>: %s", s.line(w.Line), cut(w.TagName, 60), cut(w.Message, 200))})
		}
	}
	if err := fault.InvalidFields(fields); err != nil {
		return "", err
	}
	if strings.Contains(document, "NaN") && !strings.Contains(source, "NaN") {
		return "", fault.InvalidField("mjml", nil, "a width, height or padding is no number, such as 600px: MJML reckons with it, and so it can't be Liquid")
	}
	return s.restore(document)
}

// run runs the compiler on a document. The interpreter has no network, files or
// timers.
func run(ctx context.Context, program *goja.Program, source string) (document string, wrong []mjmlError, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the compiler broke down: %v", r)
		}
	}()
	vm := goja.New()
	vm.SetMaxCallStackSize(maxCalls)
	vm.SetFieldNameMapper(goja.TagFieldNameMapper("json", true))
	stop := context.AfterFunc(ctx, func() { vm.Interrupt(ctx.Err()) })
	defer stop()
	if err := vm.Set("window", vm.GlobalObject()); err != nil {
		return "", nil, err
	}
	if _, err := vm.RunProgram(program); err != nil {
		return "", nil, err
	}
	compile, ok := goja.AssertFunction(vm.Get("mjml"))
	if !ok {
		return "", nil, errors.New("the compiler is not there")
	}
	// No fonts: their style sheets would come from elsewhere without having been asked for.
	options := map[string]any{"validationLevel": "soft", "keepComments": true, "ignoreIncludes": true, "fonts": map[string]any{}}
	result, err := compile(goja.Undefined(), vm.ToValue(source), vm.ToValue(options))
	if err != nil {
		return "", nil, err
	}
	object := result.ToObject(vm)
	if errs := object.Get("errors"); errs != nil {
		if err := vm.ExportTo(errs, &wrong); err != nil {
			return "", nil, err
		}
	}
	return object.Get("html").String(), wrong, nil
}

// checkMJML refuses what the compiler would not stand, or would leave out silently.
func (s *shield) checkMJML(safe string) error {
	var wrong []fault.Field
	line := 1
	add := func(format string, args ...any) {
		if len(wrong) < maxWrong {
			wrong = append(wrong, fault.Field{Location: "mjml", Message: fmt.Sprintf("line %d: ", s.line(line)) + fmt.Sprintf(format, args...)})
		}
	}
	elements, repeated, defaults, begun := 0, 0, false, false
	var open []string
	z := html.NewTokenizer(strings.NewReader(safe))
	for kind := z.Next(); kind != html.ErrorToken; kind = z.Next() {
		raw := string(z.Raw())
		if kind == html.StartTagToken || kind == html.SelfClosingTagToken {
			name, _ := z.TagName()
			if !begun && string(name) != "mjml" {
				add("must begin with <mjml> and not with <%s>; HTML belongs in html", cut(string(name), 60))
				break
			}
			begun = true
			switch string(name) {
			case "mj-include":
				add("mj-include is not available, because files are never read: use a snippet, such as {%% render \"footer\" %%}")
			case "mj-attributes":
				defaults = kind == html.StartTagToken
			}
			if strings.HasPrefix(string(name), "mj-") {
				elements++
			}
			if defaults {
				repeated += len(raw)
			}
			if kind == html.StartTagToken && strings.HasPrefix(string(name), "mj") {
				if open = append(open, string(name)); len(open) == maxNested {
					add("more than %d elements inside each other", maxNested)
				}
			}
		}
		if name, _ := z.TagName(); kind == html.EndTagToken && strings.HasPrefix(string(name), "mj") {
			if string(name) == "mj-attributes" {
				defaults = false
			}
			switch last := len(open) - 1; {
			case last < 0:
				add("</%s> closes nothing: take it out", name)
			case open[last] == string(name):
				open = open[:last]
			default:
				add("</%s> stands where <%s> is still open: write </%s> before it", name, open[last], open[last])
				open = open[:max(0, slices.Index(open, string(name)))]
			}
		}
		line += strings.Count(raw, "\n")
	}
	line = 1
	switch {
	case !begun && len(wrong) == 0:
		add("must be MJML, such as <mjml><mj-body>…</mj-body></mjml>")
	case len(open) > 0 && len(wrong) == 0:
		wrong = append(wrong, fault.Field{Location: "mjml", Message: "<" + open[len(open)-1] + "> is never closed: write </" + open[len(open)-1] + ">"})
	case elements > maxMJMLElements:
		add("%d elements; at most %d", elements, maxMJMLElements)
	case elements*repeated > maxRepeated:
		add("mj-attributes has %d bytes, which each of %d elements would repeat: cut them down", repeated, elements)
	}
	return fault.InvalidFields(wrong)
}

var trace = regexp.MustCompile(`\s+at \S+ \(?mjml:.*`)

// understandable is what an error of the interpreter means to who wrote the MJML.
func understandable(err error) string {
	message := err.Error()
	var overflow *goja.StackOverflowError
	if errors.As(err, &overflow) {
		return "has too many elements inside each other"
	}
	var thrown *goja.Exception
	if errors.As(err, &thrown) {
		message = thrown.Value().String()
	}
	message = trace.ReplaceAllString(message, "")
	message = strings.TrimPrefix(strings.TrimPrefix(message, "Error: "), "TypeError: ")
	return "can't be compiled: " + cut(message, 200) + "; check that every element is closed and stands where MJML allows it"
}
