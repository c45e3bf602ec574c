package room

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/providers/line"
)

// Config is the configuration of a channel that writes to rooms. A webhook's URL says both who
// may write and where to, so that the whole of it is a secret.
type Config struct {
	Webhook secret.String            `json:"webhook,omitempty" writeOnly:"true" doc:"URL of a room's webhook, as the service gives it: for every address that is none of rooms. It or rooms is required."`
	Rooms   map[string]secret.String `json:"rooms,omitempty" writeOnly:"true" doc:"URLs of webhooks by the names of their rooms. An address is such a name."`
	API     string                   `json:"api,omitempty" destination:"true" format:"uri" doc:"A server that is asked in place of the one that stands in the URLs, such as a proxy of yours; path and query stay. Redirects are not followed."`

	TimeoutMS      int `json:"timeout_ms,omitempty" minimum:"100" maximum:"120000" default:"30000" doc:"Milliseconds that one request may take."`
	MaxConnections int `json:"max_connections,omitempty" minimum:"0" maximum:"1000" default:"0" doc:"Most requests at once; 0 is 128, or the channel's concurrency where that is set."`
}

// Check says what is wrong with a configuration. wrong says it of a URL, and quotes nothing of
// it; empty if it is the service's.
func Check(c *Config, wrong func(u *url.URL) string) []fault.Field {
	var all []fault.Field
	refuse := func(field, format string, args ...any) {
		all = append(all, fault.Field{Location: "config." + field, Message: fmt.Sprintf(format, args...)})
	}
	if c.Webhook.Empty() && len(c.Rooms) == 0 {
		refuse("webhook", "is required, unless there are rooms: the URL of a room's webhook, as the service gives it")
	}
	if !c.Webhook.Empty() {
		if message := wrongURL(c.Webhook, wrong); message != "" {
			refuse("webhook", "%s", message)
		}
	}
	for _, name := range names(c) {
		if name == "" || name != strings.TrimSpace(name) || strings.ContainsFunc(name, unicode.IsControl) {
			refuse("rooms", "%q is no name: it needs letters, none of them for control, and no space at its ends", name)
		}
		if message := wrongURL(c.Rooms[name], wrong); message != "" {
			refuse("rooms", "the URL of %q %s", name, message)
		}
	}
	if c.API != "" {
		if message := line.WrongAddress(c.API, "or left out for the server in the URLs"); message != "" {
			refuse("api", "%s", message)
		}
	}
	return all
}

// wrongURL says what is wrong with a webhook's URL, without it.
func wrongURL(webhook secret.String, wrong func(u *url.URL) string) string {
	u, err := url.Parse(webhook.Reveal())
	switch {
	case err != nil || u.Scheme != "https" || u.Hostname() == "":
		return "must be an https address, as the service gives it"
	case u.User != nil || u.Fragment != "" || u.Port() != "" && u.Port() != "443":
		return "must not hold a name, a password, a port or a #fragment"
	}
	return wrong(u)
}

// names are those of the rooms, in order.
func names(c *Config) []string {
	all := make([]string, 0, len(c.Rooms))
	for name := range c.Rooms {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}
