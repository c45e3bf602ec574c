package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"

	"carillon/internal/secret"
)

// defaultServer is where a server listens that nothing was said to.
const defaultServer = "http://127.0.0.1:8080"

// client talks to the API.
type client struct {
	base string
	key  secret.String
	http *http.Client
}

// client finds out where the server is and which key opens it.
func (c *cli) client() (*client, error) {
	base := c.server
	if base == "" {
		base = c.env("CARILLON_SERVER")
	}
	if base == "" {
		base = defaultServer
	}
	if u, err := url.Parse(base); err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, usagef("--server %s: must be an address such as %s", base, defaultServer)
	}
	key := c.key
	if key == "" {
		key = c.env("CARILLON_KEY")
	}
	if key == "" {
		config, err := c.load(nil)
		if err != nil {
			return nil, err
		}
		content, err := os.ReadFile(config.AdminKeyPath())
		if err != nil {
			return nil, &exitError{exitForbidden, fmt.Errorf("no API key: there is none in %s (a server makes it at its first start); set CARILLON_KEY, or name the server's data folder with --data-dir", config.AdminKeyPath())}
		}
		key = strings.TrimSpace(string(content))
	}
	// A client of its own: no redirect may carry the key elsewhere.
	return &client{base: strings.TrimRight(base, "/"), key: secret.New(key), http: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// send makes a request and returns the answer's body, which the caller closes.
func (cl *client) send(ctx context.Context, method, path, contentType string, body io.Reader) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, cl.base+path, body)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+cl.key.Reveal())
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	response, err := cl.http.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, &exitError{exitUnreachable, fmt.Errorf("no Carillon server answers at %s: start one with `carillon serve`, or say where it is with --server or CARILLON_SERVER (%w)", cl.base, rootCause(err))}
	}
	if response.StatusCode < 300 {
		return response, nil
	}
	defer func() { _ = response.Body.Close() }()
	p := &problemError{}
	const maxProblem = 1 << 20
	text, err := io.ReadAll(io.LimitReader(response.Body, maxProblem))
	if err != nil || json.Unmarshal(text, p) != nil || p.Status == 0 {
		return nil, fmt.Errorf("%s answers %s: is that a Carillon server?", cl.base, response.Status)
	}
	return nil, p
}

// rootCause is the innermost error, which says what happened without repeating
// the address.
func rootCause(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// call makes a request with a JSON body, nil for none, and reads the answer
// into out, nil for none. The raw answer comes back for --output json.
func (cl *client) call(ctx context.Context, method, path string, body, out any) (json.RawMessage, error) {
	var reader io.Reader
	contentType := ""
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("encode request: %w", err)
		}
		reader, contentType = bytes.NewReader(encoded), "application/json"
	}
	response, err := cl.send(ctx, method, path, contentType, reader)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	return readAnswer(response.Body, out)
}

func readAnswer(body io.Reader, out any) (json.RawMessage, error) {
	raw, err := io.ReadAll(body)
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	if out == nil || len(raw) == 0 {
		return raw, nil
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	return raw, nil
}

// list collects the items of a list, page by page, at most limit of them; more
// says that there are others.
func list[T any](ctx context.Context, cl *client, path string, query url.Values, limit int) (items []T, more bool, err error) {
	const pageSize = 500
	if query == nil {
		query = url.Values{}
	}
	items = []T{}
	for {
		query.Set("limit", strconv.Itoa(min(limit-len(items), pageSize)))
		var page struct {
			Items      []T    `json:"items"`
			NextCursor string `json:"next_cursor"`
		}
		if _, err := cl.call(ctx, http.MethodGet, path+"?"+query.Encode(), nil, &page); err != nil {
			return nil, false, err
		}
		items = append(items, page.Items...)
		if page.NextCursor == "" || len(items) >= limit {
			return items, page.NextCursor != "", nil
		}
		query.Set("cursor", page.NextCursor)
	}
}
