// Package room owns what the adapters share that write to rooms of teams by incoming webhooks:
// their settings, which room an address means, the asking, and what is wrong with a webhook. It
// must not know any service.
package room

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"carillon/internal/secret"
	"carillon/providers"
	"carillon/providers/line"
)

// Rooms are those that a channel can write to. They are safe for concurrent use.
type Rooms struct {
	// config is behind a pointer because fmt prints what is in an unexported field
	// without asking it, secrets too.
	config *Config
	line   *line.Line
	scrub  func(string) string
}

// Open makes them ready. Close closes them.
func Open(c *Config, deps providers.Deps) *Rooms {
	return &Rooms{
		config: c, scrub: line.Scrub(secrets(c)...),
		line: line.New(deps, c.MaxConnections, time.Duration(c.TimeoutMS)*time.Millisecond),
	}
}

// leastSecret is in bytes. What is secret in a URL is longer (Slack's token has 24 letters, that
// of Discord 68, a signature of Microsoft's 43), and the words that are the same in all are not.
const leastSecret = 21

// secrets are the URLs of a configuration, and in each what nobody could guess.
func secrets(c *Config) (all []secret.String) {
	for _, webhook := range append([]secret.String{c.Webhook}, webhooks(c)...) {
		u, err := url.Parse(webhook.Reveal())
		if err != nil || webhook.Empty() {
			continue
		}
		all = append(all, webhook, secret.New(u.RequestURI()))
		parts := strings.Split(u.Path, "/")
		for _, values := range u.Query() {
			parts = append(parts, values...)
		}
		for _, part := range parts {
			if len(part) >= leastSecret {
				all = append(all, secret.New(part), secret.New(url.QueryEscape(part)))
			}
		}
	}
	return all
}

func webhooks(c *Config) (all []secret.String) {
	for _, name := range names(c) {
		all = append(all, c.Rooms[name])
	}
	return all
}

// Room is one of them.
type Room struct {
	// Setting is where its webhook stands in the configuration.
	Setting string
	// Named says that it has a name of its own: what is wrong with its webhook is the
	// matter of one address.
	Named   bool
	webhook secret.String
}

// find is the room that an address means.
func (r *Rooms) find(address string) (Room, *providers.Error) {
	if webhook, ok := r.config.Rooms[address]; ok {
		return Room{Setting: fmt.Sprintf("config.rooms[%q]", address), Named: true, webhook: webhook}, nil
	}
	if !r.config.Webhook.Empty() {
		return Room{Setting: "config.webhook", webhook: r.config.Webhook}, nil
	}
	return Room{}, &providers.Error{Kind: providers.ErrorRecipient, Code: "unknown_room",
		Err: fmt.Errorf("no room is called %q; those of config.rooms are %s: write to one of them, or set config.webhook for all other names",
			address, listed(names(r.config)))}
}

// mostListed is how many names an error has.
const mostListed = 20

func listed(names []string) string {
	more := ""
	if len(names) > mostListed {
		more = fmt.Sprintf(" and %d more", len(names)-mostListed)
		names = names[:mostListed]
	}
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = fmt.Sprintf("%q", name)
	}
	return strings.Join(quoted, ", ") + more
}

// Asking is one message for the room that its address means.
type Asking struct {
	Message *providers.Message
	// Query is added to the webhook's URL, such as wait=true; may be empty.
	Query string
	Body  []byte
	// Read reads the answer of a room's webhook.
	Read func(answer *http.Response, of Room) (providers.Accepted, error)
}

// Ask posts one message.
func (r *Rooms) Ask(ctx context.Context, a Asking) (providers.Accepted, error) {
	to, refused := r.find(a.Message.To)
	if refused != nil {
		return providers.Accepted{}, refused
	}
	return r.line.Ask(ctx, line.Asking{
		Message: a.Message,
		Request: func(ctx context.Context) (*http.Request, []byte, error) {
			request, err := r.request(ctx, http.MethodPost, to, a.Query)
			return request, a.Body, err
		},
		Read: func(answer *http.Response) (providers.Accepted, error) { return a.Read(answer, to) },
	})
}

// Look asks each webhook what it is, and sends nothing; for services that tell it.
func (r *Rooms) Look(ctx context.Context, read func(answer *http.Response, of Room) error) error {
	var all []Room
	if !r.config.Webhook.Empty() {
		all = append(all, Room{Setting: "config.webhook", webhook: r.config.Webhook})
	}
	for _, name := range names(r.config) {
		found, _ := r.find(name)
		all = append(all, found)
	}
	for _, of := range all {
		err := r.line.Look(ctx, func(ctx context.Context) (*http.Request, error) { return r.request(ctx, http.MethodGet, of, "") },
			func(answer *http.Response) error { return read(answer, of) })
		if err != nil {
			return fmt.Errorf("%s: %w", of.Setting, err)
		}
	}
	return nil
}

// request is one to a webhook, by way of config.api if there is one. No error may show the
// address.
func (r *Rooms) request(ctx context.Context, method string, of Room, query string) (*http.Request, error) {
	u, err := url.Parse(of.webhook.Reveal())
	if err != nil {
		return nil, fmt.Errorf("make request: %s can't be asked", of.Setting)
	}
	if query != "" && u.RawQuery != "" {
		query = "&" + query
	}
	u.RawQuery += query
	address := u.String()
	if r.config.API != "" {
		address = strings.TrimSuffix(r.config.API, "/") + u.RequestURI()
	}
	return line.Request(ctx, method, address, "api")
}

// Dead is the error of a webhook that is no more, or may not be used: of a room with a name it is
// that address's, which can be written to again when the setting is right, and of config.webhook
// everybody's, so that the channel stops. why says what the service means.
func Dead(of Room, code, why string) *providers.Error {
	kind := providers.ErrorAuth
	if of.Named {
		kind = providers.ErrorRecipient
	}
	return &providers.Error{Kind: kind, Code: code, Err: fmt.Errorf("%s: set %s to another webhook, or mend it there", why, of.Setting)}
}

// InDoubt is what an answer means that says neither yes nor no.
func InDoubt() *providers.Error {
	return &providers.Error{Kind: providers.ErrorInDoubt,
		Err: errors.New("the answer is not the service's, so that nobody knows what became of the request: check config.api and the webhook's URL")}
}

// Foreign is what an answer means that is not in the service's words: somebody else's, such as
// a proxy's.
func (r *Rooms) Foreign(failure *providers.Error, answer *http.Response, text string) *providers.Error {
	switch {
	case failure == nil:
		return InDoubt()
	case answer.StatusCode/100 == 3:
		failure.Err = fmt.Errorf("the server answered %s, and redirects are not followed: check config.api and the webhook's URL", answer.Status)
		return failure
	case failure.Kind == providers.ErrorRecipient:
		// Who is gone is not said, and the address is a name of ours.
		failure.Bounce = ""
	}
	failure.Err = fmt.Errorf("%w%s", failure.Err, r.Quoted(text))
	return failure
}

// Quoted is what the other side says as the end of a sentence, without secrets; empty if it
// says nothing.
func (r *Rooms) Quoted(text string) string {
	if quoted := line.Quote(r.scrub(text)); quoted != "" {
		return ": " + quoted
	}
	return ""
}

// TooLong refuses a text of n where a room takes fewer.
func TooLong(n, most int, of string) *providers.Error {
	return &providers.Error{Kind: providers.ErrorContent, Code: "too_long",
		Err: fmt.Errorf("the text has %d %s; a message takes at most %d: shorten it", n, of, most)}
}

// Text is a content in words: of a file its caption, its name and its address stand below.
func Text(c *providers.Content) string {
	a := c.Attachment
	if a == nil {
		return c.Text
	}
	where := a.URL
	if a.Filename != "" {
		where = a.Filename + ": " + a.URL
	}
	if said := c.Beside(); said != "" {
		return said + "\n" + where
	}
	return where
}

// Close closes the idle connections; no request is under way.
func (r *Rooms) Close() error { return r.line.Close() }
