package migration

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/internal/secret"
)

// Bounds of asking.
const (
	// maxAnswer is the largest answer that is read, in bytes.
	maxAnswer = 32 << 20
	// maxTries is how often one thing is asked for before the reader gives up.
	maxTries = 6
	// maxPatience is how long a source may say that it wants to be left alone.
	maxPatience = 15 * time.Minute
	// answerWithin is how long one answer may take.
	answerWithin = 60 * time.Second
	// MaxRate is the most requests a second.
	MaxRate = 100
)

// client asks a source, one thing after the other.
type client struct {
	system string
	base   *url.URL
	key    secret.String
	// prove puts the key into a request.
	prove func(r *http.Request, key string)
	http  *http.Client
	clock clock.Clock
	every time.Duration
	next  time.Time
}

// newClient checks where the source is and how fast it may be asked. below is the path of
// the API where the address names none.
func newClient(o Options, below string, prove func(r *http.Request, key string)) (*client, error) {
	u, err := url.Parse(strings.TrimSpace(o.URL))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		// What was given is not repeated: a key may stand in it.
		return nil, fault.InvalidField("url", nil, "must be the address of the source's API, such as https://api.example.org")
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fault.InvalidField("url", nil, "must have no name, password, query or fragment: the key is given by itself")
	}
	if u.Scheme == "http" && !o.Insecure && !loopback(u.Hostname()) {
		return nil, fault.InvalidField("url", u.String(),
			"would send the key and everybody's data in the clear: use https, or --insecure inside a network that you trust")
	}
	if o.Key.Empty() {
		return nil, fault.InvalidField("key", nil, "is missing: the source's own key is needed")
	}
	if !(o.Rate > 0 && o.Rate <= MaxRate) {
		return nil, fault.InvalidField("rate", o.Rate, "is how many requests a second the source is asked at most, from above 0 to %d", MaxRate)
	}
	if strings.Trim(u.Path, "/") == "" {
		u.Path = below
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), ""
	if !validHeader(o.Key.Reveal()) {
		return nil, fault.InvalidField("key", nil, "has a line end or another control character in it: give the key alone")
	}
	return &client{
		system: o.System, base: u, key: o.Key, prove: prove, clock: o.Clock, every: time.Duration(float64(time.Second) / o.Rate),
		http: &http.Client{
			Transport: o.Transport,
			// No redirect may carry the key elsewhere.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

func validHeader(key string) bool { return !strings.ContainsFunc(key, unicode.IsControl) }

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// get asks for something and reads the JSON of the answer into it. What failed for a while
// is asked for again. Errors are Unauthorized where the key is refused, NotFound and Invalid
// where the source refuses the call, Unavailable where it does not answer.
func (c *client) get(ctx context.Context, path string, query url.Values, into any) error {
	for try := 1; ; try++ {
		wait, err := c.try(ctx, path, query, into)
		if err == nil || wait == 0 {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if try == maxTries || wait > maxPatience {
			return err
		}
		wait = max(wait, time.Second<<(try-1))
		if err := c.clock.Sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// try asks once. wait says after how long it may be asked again; 0 for never.
func (c *client) try(ctx context.Context, path string, query url.Values, into any) (wait time.Duration, err error) {
	if err := c.pace(ctx); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	address := *c.base
	address.Path += path
	address.RawQuery = query.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return 0, fmt.Errorf("make request: %w", rootCause(err))
	}
	r.Header.Set("Accept", "application/json")
	c.prove(r, c.key.Reveal())
	response, err := c.http.Do(r)
	if err != nil {
		// Without the address, which may have the key.
		return time.Second, fault.New(fault.Unavailable, "%s does not answer: %s", c.place(path), c.said(rootCause(err).Error()))
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return time.Second, fault.New(fault.Unavailable, "%s breaks off while it answers: %s", c.place(path), c.said(rootCause(err).Error()))
	case len(body) > maxAnswer:
		return 0, fault.New(fault.TooLarge, "%s answers with more than %d MiB", c.place(path), maxAnswer>>20)
	}
	return c.judge(path, response, body, into)
}

// judge reads an answer.
func (c *client) judge(path string, response *http.Response, body []byte, into any) (wait time.Duration, err error) {
	status := response.StatusCode
	said := c.reason(body)
	switch {
	case status >= 200 && status < 300:
		if err := json.Unmarshal(body, into); err != nil {
			return 0, c.noJSON(path, response, body, err)
		}
		return 0, nil
	case status >= 300 && status < 400:
		return 0, fault.New(fault.Invalid, "%s sends elsewhere (%d), where the key does not follow: give the address that it leads to in --url, "+
			"with https if that was missing", c.place(path), status)
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return 0, fault.New(fault.Unauthorized, "%s refuses the key (%d%s): give the source's own key, one that may read contacts", c.place(path), status, said)
	case status == http.StatusNotFound, status == http.StatusGone, status == http.StatusMethodNotAllowed:
		return 0, fault.New(fault.NotFound, "%s is not there (%d%s): does --url name the API of %s?", c.place(path), status, said, c.system)
	case status == http.StatusTooManyRequests, status == http.StatusRequestTimeout, status >= 500:
		wait = max(c.retryAfter(response), time.Second)
		hint := ""
		if wait > maxPatience {
			hint = fmt.Sprintf(", and wants to be left alone for %s: run the command again then, it goes on where it was", wait.Round(time.Second))
		}
		return wait, fault.New(fault.Unavailable, "%s answers %d%s%s", c.place(path), status, said, hint)
	}
	if lower := strings.ToLower(said); strings.Contains(lower, "api key") || strings.Contains(lower, "apikey") {
		return 0, fault.New(fault.Unauthorized, "%s refuses the key (%d%s): give the source's own key, one that may read contacts", c.place(path), status, said)
	}
	return 0, fault.New(fault.Invalid, "%s refuses the call (%d%s)", c.place(path), status, said)
}

// noJSON says what an answer is that is not what an API answers.
func (c *client) noJSON(path string, response *http.Response, body []byte, err error) error {
	kind, _, _ := strings.Cut(response.Header.Get("Content-Type"), ";")
	begin := c.said(string(body[:min(len(body), 60)]))
	if json.Valid(body) {
		return fault.New(fault.Invalid, "%s answers with JSON of another form (%s): does --url name the API of %s?", c.place(path), c.said(err.Error()), c.system)
	}
	return fault.New(fault.Invalid, "%s answers with something that is no JSON (%s, it begins %q): does --url name the API of %s?",
		c.place(path), c.said(kind), begin, c.system)
}

// reason is what an answer that refuses says, behind a colon.
func (c *client) reason(body []byte) string {
	var answer map[string]json.RawMessage
	if json.Unmarshal(body, &answer) != nil {
		return ""
	}
	for _, name := range []string{"reason", "message", "error", "errors"} {
		var one string
		var list []string
		if json.Unmarshal(answer[name], &one) == nil && one != "" {
			return ": " + c.said(one)
		}
		if json.Unmarshal(answer[name], &list) == nil && len(list) > 0 {
			return ": " + c.said(strings.Join(list, ", "))
		}
	}
	return ""
}

// said is something that the source said, fit to be shown: short, in one line, without the key.
func (c *client) said(text string) string {
	const most = 200
	if key := c.key.Reveal(); key != "" {
		for _, form := range []string{key, url.QueryEscape(key), url.PathEscape(key)} {
			text = strings.ReplaceAll(text, form, "<key>")
		}
	}
	text = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, "?"), func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	if utf8.RuneCountInString(text) > most {
		text = string([]rune(text)[:most]) + "…"
	}
	return text
}

// place names a call without its parameters, which may have the key.
func (c *client) place(path string) string {
	return c.base.Scheme + "://" + c.base.Host + c.base.Path + path
}

// retryAfter is how long the source wants to be left alone, in either form of the header.
func (c *client) retryAfter(response *http.Response) time.Duration {
	text := strings.TrimSpace(response.Header.Get("Retry-After"))
	if n, err := strconv.Atoi(text); err == nil && n >= 0 {
		const most = 1 << 31 // seconds, which a duration holds
		return time.Duration(min(n, most)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return at.Sub(c.clock.Now())
	}
	return 0
}

// pace waits until the next request may be made.
func (c *client) pace(ctx context.Context) error {
	now := c.clock.Now()
	if wait := c.next.Sub(now); wait > 0 {
		if err := c.clock.Sleep(ctx, wait); err != nil {
			return err
		}
		now = c.next
	}
	c.next = now.Add(c.every)
	return ctx.Err()
}

// rootCause is the innermost error, which does not repeat the address.
func rootCause(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// word is a JSON text, number or truth value as a text; anything else is empty.
type word string

// UnmarshalJSON reads it.
func (w *word) UnmarshalJSON(raw []byte) error {
	*w = word(plain(raw))
	return nil
}

func (w word) yes() bool {
	text := strings.ToLower(strings.TrimSpace(string(w)))
	return text == "1" || text == "true" || text == "yes"
}

// plain is a JSON value as a text: an object or a list as it is written, null as nothing.
func plain(raw json.RawMessage) string {
	raw = bytes.TrimSpace(raw)
	var text string
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return ""
	case json.Unmarshal(raw, &text) == nil:
		return text
	}
	return string(raw)
}

// texts is an object of texts. A PHP server writes an empty one as a list.
type texts map[string]string

// UnmarshalJSON reads it.
func (t *texts) UnmarshalJSON(raw []byte) error {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(raw, &object); err != nil {
		var list []json.RawMessage
		if json.Unmarshal(raw, &list) == nil && len(list) == 0 {
			return nil
		}
		return err
	}
	*t = texts{}
	for name, value := range object {
		(*t)[name] = plain(value)
	}
	return nil
}
