package params_test

import (
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/api/compat/params"
	"carillon/internal/fault"
)

func read(t *testing.T, query, kind, body string) (params.Params, error) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/call?"+query, strings.NewReader(body))
	r.Header.Set("Content-Type", kind)
	return params.Read(r, params.Query|params.Body)
}

const (
	form      = "application/x-www-form-urlencoded"
	jsonType  = "application/json"
	multipart = "multipart/form-data; boundary=x"
)

func TestParametersAreReadHoweverTheyAreSent(t *testing.T) {
	parts := "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x\r\nContent-Disposition: form-data; name=\"ids[]\"\r\n\r\n2\r\n" +
		"--x\r\nContent-Disposition: form-data; name=\"ids[]\"\r\n\r\n3\r\n" +
		"--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.bin\"\r\nContent-Type: image/png\r\n\r\n\x00\xff\r\n--x--\r\n"
	for what, c := range map[string]struct{ kind, body string }{
		"a form":                  {form, "a=1&ids%5B%5D=2&ids%5B%5D=3"},
		"JSON":                    {jsonType, `{"a":1,"ids":[2,"3"]}`},
		"JSON that is no form":    {form, ` {"a":"1","ids":"2,3"}`},
		"a form that says JSON":   {jsonType, "a=1&ids=2,3"},
		"JSON in a text":          {form, "a=1&ids=%5B2%2C3%5D"},
		"truths as numbers":       {jsonType, `{"a":true,"ids":[2,3],"n":null}`},
		"a form with files":       {multipart, parts},
		"the body before a query": {form, "a=1&ids=2,3"},
	} {
		t.Run(what, func(t *testing.T) {
			p, err := read(t, "a=9&q=x", c.kind, c.body)
			require.NoError(t, err)
			text, err := p.Text("a")
			require.NoError(t, err)
			require.Equal(t, "1", text)
			list, err := p.List("ids")
			require.NoError(t, err)
			require.Equal(t, []string{"2", "3"}, list)
			require.True(t, p.Has("q"))
			require.False(t, p.Has("n"))
			n, err := p.Int("a", 7)
			require.NoError(t, err)
			require.EqualValues(t, 1, n)
			truth, err := p.Bool("a", false)
			require.NoError(t, err)
			require.True(t, truth)
			if c.kind == multipart {
				f, has := p.File("f")
				require.True(t, has)
				require.Equal(t, params.File{Name: "a.bin", ContentType: "image/png", Content: []byte{0, 0xff}}, f)
			}
		})
	}
}

func TestWhatCannotBeReadIsRefused(t *testing.T) {
	for what, c := range map[string]struct{ kind, body string }{
		"is a list":                 {jsonType, "[1]"},
		"neither a JSON object":     {jsonType, "hello"},
		"no JSON object":            {jsonType, `{"a":`},
		"stands behind":             {jsonType, `{} {}`},
		"control character":         {form, "a=%00"},
		"not valid UTF-8":           {form, "a=%ff"},
		"can't be read":             {multipart, "--x\r\nbroken"},
		"more than 1000 parameters": {form, many(1001)},
		"does not name the bound":   {"multipart/form-data", "--x--"},
	} {
		_, err := read(t, "", c.kind, c.body)
		require.True(t, fault.Is(err, fault.Invalid), what)
		require.ErrorContains(t, err, what)
	}
	p, err := read(t, "", jsonType, `{"o":{"x":"y"},"l":[["x"]],"n":"1.5","b":"perhaps","j":"{\"x\":1} 2","c":"{\"x\":\"\\u0000\"}"}`)
	require.NoError(t, err)
	var into map[string]any
	for what, err := range map[string]error{
		"must be a text": second(p.Text("o")), "list of texts": second(p.List("l")), "whole number": second(p.Int("n", 0)), "1 or 0": second(p.Bool("b", false)),
		"stands behind": p.JSON("j", &into), "control character": p.JSON("c", &into), "is not the JSON": p.JSON("b", &into),
	} {
		require.True(t, fault.Is(err, fault.Invalid), what)
		require.ErrorContains(t, err, what)
	}
	require.NoError(t, p.JSON("o", &into))
	require.Equal(t, map[string]any{"x": "y"}, into)
	require.NoError(t, p.JSON("nothing", &into))
}

func second[T any](_ T, err error) error { return err }

// many is a form of so many parameters.
func many(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "&p%d=1", i)
	}
	return b.String()
}

// Whatever is sent, it is read or refused.
func FuzzRead(f *testing.F) {
	for _, seed := range []struct{ kind, body string }{
		{form, "a=1"}, {jsonType, `{"a":[1,{"b":null}]}`}, {multipart, "--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--x--"},
	} {
		f.Add(seed.kind, seed.body)
	}
	f.Fuzz(func(t *testing.T, kind, body string) {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/call", io.NopCloser(strings.NewReader(body)))
		r.Header["Content-Type"] = []string{kind}
		p, err := params.Read(r, params.Query|params.Body)
		if err != nil {
			require.NotEqual(t, fault.Internal, fault.CodeOf(err))
			return
		}
		var native any
		for _, name := range p.Names() {
			_ = second(p.Text(name))
			_ = second(p.List(name))
			_ = second(p.Int(name, 0))
			_ = p.JSON(name, &native)
		}
	})
}
