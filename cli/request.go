package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"text/tabwriter"

	"carillon/api"
)

// request is what a command asks of the API: a method on a path, with a body. It
// is made by get, post, put, patch, remove and postContent.
type request struct {
	method string
	path   path
	// body is sent as JSON; nil for none.
	body any
	// content is sent as it is, of type contentType, instead of a body.
	content     io.Reader
	contentType string
}

func get(p path) request             { return request{method: http.MethodGet, path: p} }
func post(p path, body any) request  { return request{method: http.MethodPost, path: p, body: body} }
func put(p path, body any) request   { return request{method: http.MethodPut, path: p, body: body} }
func patch(p path, body any) request { return request{method: http.MethodPatch, path: p, body: body} }
func remove(p path) request          { return request{method: http.MethodDelete, path: p} }

// postContent sends content of a type, such as text/csv, as it is.
func postContent(p path, contentType string, content io.Reader) request {
	return request{method: http.MethodPost, path: p, content: content, contentType: contentType}
}

// open makes a request and returns the answer's body, which the caller closes.
func (c *cli) open(ctx context.Context, r request) (io.ReadCloser, error) {
	cl, err := c.client()
	if err != nil {
		return nil, err
	}
	if r.body != nil {
		encoded, err := json.Marshal(r.body)
		if err != nil {
			return nil, fmt.Errorf("encode request: %w", err)
		}
		r.content, r.contentType = bytes.NewReader(encoded), "application/json"
	}
	return cl.send(ctx, r)
}

// do makes a request whose answer says nothing.
func (c *cli) do(ctx context.Context, r request) error {
	body, err := c.open(ctx, r)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	if _, err := io.Copy(io.Discard, body); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	return nil
}

// ask makes a request and reads the answer. It comes back as it came, too, for
// --output json.
func ask[T any](ctx context.Context, c *cli, r request) (answer T, raw json.RawMessage, err error) {
	body, err := c.open(ctx, r)
	if err != nil {
		return answer, nil, err
	}
	defer func() { _ = body.Close() }()
	if raw, err = io.ReadAll(body); err == nil && len(raw) > 0 {
		err = json.Unmarshal(raw, &answer)
	}
	if err != nil {
		return answer, nil, fmt.Errorf("read answer: %w", err)
	}
	return answer, raw, nil
}

// show makes a request and shows the answer: as it came with --output json, else
// as table does.
func show[T any](ctx context.Context, c *cli, r request, table func(*tabwriter.Writer, T)) error {
	answer, raw, err := ask[T](ctx, c, r)
	if err != nil {
		return err
	}
	return c.print(raw, func(w *tabwriter.Writer) { table(w, answer) })
}

// page is a part of a list, or all of one that is never long.
type page[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"next_cursor"`
}

// list collects the items of a list, page by page, at most limit of them; more
// says that there are others.
func list[T any](ctx context.Context, c *cli, p path, limit int) (items []T, more bool, err error) {
	q := query{}
	maps.Copy(q, p.query)
	items = []T{}
	for {
		q["limit"] = strconv.Itoa(min(limit-len(items), api.MostLimit)) // a text: 0 is not left out
		next, _, err := ask[page[T]](ctx, c, get(p.with(q)))
		if err != nil {
			return nil, false, err
		}
		items = append(items, next.Items...)
		if next.NextCursor == "" || len(items) >= limit {
			return items, next.NextCursor != "", nil
		}
		q["cursor"] = next.NextCursor
	}
}

// rows is how a list is shown: the names of its columns, with spaces between
// them, and the cells of an item.
type rows[T any] struct {
	header string
	cells  func(T) []any
}

// showList asks for a list and shows at most limit of its items.
func showList[T any](ctx context.Context, c *cli, p path, limit int, as rows[T]) error {
	return showHinted(ctx, c, p, limit, hinted[T]{as, ""})
}

// hinted is how a list is shown, and how it comes to have items where it has none.
type hinted[T any] struct {
	rows rows[T]
	hint string
}

// showHinted is showList of a list that says how it comes to have items.
func showHinted[T any](ctx context.Context, c *cli, p path, limit int, as hinted[T]) error {
	items, more, err := list[T](ctx, c, p, limit)
	if err != nil {
		return err
	}
	if err := printList(c, items, more, as.rows); err != nil {
		return err
	}
	if len(items) == 0 && c.output != "json" {
		sayln(c.err, cmp.Or(as.hint, "There is none."))
	}
	return nil
}

// showAll is showHinted of a list that comes at once.
func showAll[T any](ctx context.Context, c *cli, p path, as hinted[T]) error {
	found, raw, err := ask[page[T]](ctx, c, get(p))
	if err != nil {
		return err
	}
	if c.output == "json" {
		return c.print(raw, nil)
	}
	if len(found.Items) == 0 {
		sayln(c.err, as.hint)
	}
	return printList(c, found.Items, false, as.rows)
}
