// Package gate owns who comes in and how much: keys and roles, wrong keys, limits,
// bounds of bodies, answers that are kept for idempotency, deadlines, the log of
// requests, and the one table from an error's code to a status. Every API of the
// server stands behind one: /v1, and those of others in their own dialects. It must
// not know a resource of any of them.
package gate

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"carillon/access"
	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/internal/tracing"
)

// Dialect is how the clients of an API ask and are answered.
type Dialect interface {
	// Route says what a request asks for. Nothing of the body may be read.
	Route(r *http.Request) Route
	// Key is the key that a request presents, of which nothing of the body may be read.
	// Where there is none it is Unauthorized, with words that say how to present one, and a
	// BodyKeys is asked for one in the body.
	Key(r *http.Request) (string, error)
	// Refuse answers with an error; StatusOf says with which status.
	Refuse(w http.ResponseWriter, r *http.Request, err error)
}

// BodyKeys is a Dialect whose clients may have their key in the body.
type BodyKeys interface {
	// KeyIn is the key in the head of a body, of which whole says that it is all. Where
	// there is none it is Unauthorized, with words that say how to present one.
	KeyIn(r *http.Request, head []byte, whole bool) (string, error)
}

// Route is what a request asks for, as far as the gate has to know it.
type Route struct {
	// Pattern is shown in the log and counted by; it names nobody.
	Pattern string
	// Open needs no key: the request goes on at once, and its body is read by whoever
	// answers it.
	Open bool
	// Missing answers in the place of what is behind the gate, because there is no such
	// route; nil where there is. It is asked once the key is known, so that nobody
	// learns without one what there is.
	Missing http.HandlerFunc
	// Roles may call it; of them only operators' keys where Operator is set.
	Roles    Roles
	Operator bool
	// Resource is what the route is about, as scopes name it, and Reads says that nothing is
	// changed by it.
	Resource string
	Reads    bool
	// Bound routes hold a key that is bound to a channel to it; such a key may call no other.
	Bound bool
	// People says that it is for people who are signed in: a key has none of what it is about.
	People bool
	// Streamed bodies are read as they come, and bounded, by whoever takes them in.
	Streamed bool
	// Once keeps the answer for a request that comes again with its Idempotency-Key.
	Once bool
	// Kept is what is kept of an answer, without what must not be; nil keeps all of it.
	// An empty one is shown again as it is.
	Kept func(answer []byte) []byte
}

// Meter counts requests.
type Meter interface {
	// Request counts one request: its route's pattern, which names nobody, the
	// status it was answered with, and how long that took.
	Request(route string, status int, took time.Duration)
}

// Deps is what a gate is made of. All fields are needed but API, Served, Sessions, Refusals, Proxies,
// Meter, Clock and Logger.
type Deps struct {
	Dialect Dialect
	// API is the name of the API of others that stands behind the gate; empty for ours. A key
	// that was made for another opens nothing.
	API string
	// Served reports whether an account uses the API; nil means that all do.
	Served func(ctx context.Context, accountID int64) (bool, error)
	Keys   Keys
	// Sessions knows the people who are signed in; nil where keys alone are taken.
	Sessions Sessions
	Answers  Answers
	// Refusals writes down who was not let in; nil writes nothing.
	Refusals Refusals
	// Limits are shared by all gates of a server: what one API took, another has not.
	Limits *Limits
	// Proxies say where requests come from; nil trusts none. They are shared by all gates, too.
	Proxies *Proxies
	// MaxBodyBytes bounds a request that is no upload; 0 means 2 MiB.
	MaxBodyBytes int64
	// LargeBody is said to who sends more: by what it is bounded, and where more may go.
	LargeBody string
	Meter     Meter
	// Tracer follows requests; nil follows none.
	Tracer *tracing.Tracer
	Clock  clock.Clock
	Logger *slog.Logger
}

// Gate lets requests in.
type Gate struct{ deps Deps }

// defaultMaxBody bounds the body of a request that is no upload.
const defaultMaxBody = 2 << 20

// New makes a gate.
func New(d Deps) *Gate {
	if d.Clock == nil {
		d.Clock = clock.System{}
	}
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	if d.Proxies == nil {
		d.Proxies = NewProxies(nil, XForwardedFor, d.Logger)
	}
	if d.MaxBodyBytes <= 0 {
		d.MaxBodyBytes = defaultMaxBody
	}
	return &Gate{deps: d}
}

// Before puts the gate before a handler.
func (g *Gate) Before(next http.Handler) http.Handler {
	kept := g.withBody(g.withText(g.withIdempotency(next)))
	return WithDeadlines(g.withRequestID(g.withRoute(g.withLog(g.withRecovery(g.withKey(kept, next))))))
}

// withRoute finds out what a request asks for before anything of it is read.
func (g *Gate) withRoute(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		route := g.deps.Dialect.Route(r)
		if !route.Open {
			// Answers name people, and are of the moment.
			w.Header().Set("Cache-Control", "no-store")
		}
		ctx := context.WithValue(context.WithValue(r.Context(), gateKey, g), routeKey, route)
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

func routeOf(r *http.Request) Route { return routeIn(r.Context()) }

func routeIn(ctx context.Context) Route {
	route, _ := ctx.Value(routeKey).(Route)
	return route
}

// withKey lets through who may call what was asked for: the route is known, then
// the key, then whether it asks too often, then its role. Only what has passed is
// read, by next; what is open reads for itself.
func (g *Gate) withKey(next, open http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		route := routeOf(r)
		if route.Open {
			open.ServeHTTP(w, r)
			return
		}
		giveBack := g.headed(r)
		defer giveBack()
		caller, err := g.Lookup(r.Context(), r)
		if err != nil {
			switch {
			case fault.Is(err, fault.RateLimited):
				w.Header().Set("Retry-After", "1")
			case !fault.Is(err, fault.Unauthorized) && !fault.Is(err, fault.Forbidden):
				g.deps.Logger.ErrorContext(r.Context(), "key lookup failed", "request_id", RequestID(r.Context()), "error", err)
			}
			g.deps.Dialect.Refuse(w, r, err)
			return
		}
		if wait := g.deps.Limits.Take(caller.ID, caller.Rate); wait > 0 {
			w.Header().Set("Retry-After", retryAfter(wait))
			g.deps.Dialect.Refuse(w, r, fault.New(fault.RateLimited,
				"too many requests with this key: wait %s, or raise %s", wait.Round(time.Millisecond), rateOf(caller)))
			return
		}
		if route.Missing != nil {
			route.Missing(w, r)
			return
		}
		if err := g.May(r.Context(), route, caller); err != nil {
			if fault.Is(err, fault.Forbidden) {
				g.refused(r.Context(), caller, access.RefusedRole)
			}
			g.deps.Dialect.Refuse(w, r, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey, caller)))
	})
}

// May refuses a caller who may not call a route.
func (g *Gate) May(ctx context.Context, route Route, caller access.Caller) error {
	if err := g.admit(ctx, caller); err != nil {
		return err
	}
	if err := route.Roles.admit(caller); err != nil {
		return err
	}
	if err := g.within(route, caller); err != nil {
		return err
	}
	if route.People && !caller.Person() {
		return fault.New(fault.Forbidden, "this is for people who are signed in, and %s is none", caller.Actor())
	}
	if route.Operator && !caller.Operator {
		return notOperator(caller)
	}
	return nil
}

// admit refuses a key that was made for another API, or whose account does not use this one.
func (g *Gate) admit(ctx context.Context, key access.Caller) error {
	if key.API != "" && key.API != g.deps.API {
		return fault.New(fault.Forbidden, "the key %q was made for %s alone: make another for what you want to do", key.Name, key.API)
	}
	if g.deps.Served == nil {
		return nil
	}
	served, err := g.deps.Served(ctx, key.AccountID)
	if err == nil && !served {
		err = fault.New(fault.Forbidden, "%s is not switched on for this account: an admin does that with carillon settings set --apis", g.deps.API)
	}
	return err
}

// rateOf says where a caller's rate is set.
func rateOf(caller access.Caller) string {
	if caller.Rate > 0 {
		return "the key's own rate (carillon keys set " + strconv.FormatInt(caller.ID, 10) + " --rate)"
	}
	return "api_rate_per_second"
}

// within refuses a key that is bound to other resources, or to a channel where nothing holds it
// to that. Scopes are of /v1: the APIs of others have other resources, and each holds a key to its
// channel.
func (g *Gate) within(route Route, caller access.Caller) error {
	switch {
	case g.deps.API != "" && len(caller.Scopes) > 0:
		return fault.New(fault.Forbidden, "the key %q is bound to scopes of /v1 (%s): make another for %s", caller.Name, caller.Scopes, g.deps.API)
	case g.deps.API != "":
		return nil
	case !caller.Scopes.Allow(route.Resource, route.Reads):
		return fault.New(fault.Forbidden, "the key %q is bound to the scopes %s; this needs %s", caller.Name, caller.Scopes, route.scope())
	case caller.ChannelID != 0 && !route.Bound:
		return fault.New(fault.Forbidden, "the key %q is bound to channel %d, and this is about more than one channel: take a key that is not bound", caller.Name,
			caller.ChannelID)
	}
	return nil
}

// scope is the least that opens the route.
func (r Route) scope() string {
	if r.Reads {
		return r.Resource + access.OnlyRead
	}
	return r.Resource
}

// Caller is whom a request comes from.
func Caller(ctx context.Context) access.Caller {
	caller, _ := ctx.Value(callerKey).(access.Caller)
	return caller
}
