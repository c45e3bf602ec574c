// Package api owns the native REST API under /v1 and everything else that the
// server answers over HTTP: the OpenAPI document, health, receipts from
// providers, unsubscribe pages, the console. It translates between HTTP and
// the services and holds no rule of its own. It must not know the store or
// Redis; app hands it what it needs.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"carillon/api/gate"
	"carillon/campaigns"
	"carillon/internal/clock"
	"carillon/internal/naming"
	"carillon/internal/tracing"
	"carillon/providers"
	"carillon/services"
	"carillon/templates"
)

// Options are the API's settings.
type Options struct {
	// Version is the program's.
	Version string
	// MaxBodyBytes bounds a request that is no upload; 0 means 2 MiB.
	MaxBodyBytes int64
	// RatePerSecond and Burst bound the requests of one key; 0 sets no limit.
	RatePerSecond float64
	Burst         int
	// MaxStreams bounds the event streams of all accounts; 0 sets no limit.
	MaxStreams int
	// Dialer is handed to the adapters that read callbacks, and Installation, by which they know
	// what this Carillon sent from what others did.
	Dialer       providers.Dialer
	Installation string
}

// Deps is what the API is made of. All fields are needed but Metrics,
// Meter, Wake, Ready, CertificateEnds, Proxies, Console, Clock and Logger.
type Deps struct {
	Options Options
	*services.Services
	// Answers keeps the answers to requests with an idempotency key.
	Answers   gate.Answers
	Providers *providers.Registry
	// Live watches what goes on for /v1/events; stopping it ends all streams.
	Live *campaigns.Live
	// Metrics serves /metrics, and Meter counts the API's own requests.
	Metrics http.Handler
	Meter   gate.Meter
	// Tracer follows requests; nil follows none.
	Tracer *tracing.Tracer
	// Wake says that there may be something to do now: it is called after every
	// change, and must return at once. It may be nil.
	Wake func()
	// Ready says what /readyz shows: nil for each part that works. It may be nil
	// itself.
	Ready func(ctx context.Context) map[string]error
	// CertificateEnds is until when the certificate holds by which this server speaks TLS; nil
	// where it speaks none.
	CertificateEnds func() time.Time
	// Proxies say where requests come from; nil trusts none.
	Proxies *gate.Proxies
	// MasterKey rotates the master key; nil can not.
	MasterKey Rotation
	// Examine makes the checks of /v1/doctor; nil makes none.
	Examine func(ctx context.Context) []Finding
	// Console answers browsers that ask for a page, or for what a page loads; nil answers none.
	Console http.Handler
	Clock   clock.Clock
	Logger  *slog.Logger
}

// Server answers HTTP requests.
type Server struct {
	Deps
	mux     *router
	api     huma.API
	handler http.Handler
	gate    *gate.Gate
	limits  *gate.Limits
	hooks   *hooks
	pages   pages
	// operations are what needs a key, by their routes.
	operations map[string]operation
	// views show single things, by the paths under which they are shown.
	views map[string]view
	// refs are the fields that name something by its id or its name.
	refs map[string]bool
	// hookBodies is the memory for what providers post.
	hookBodies *gate.Room
	// streams counts the event streams that are open.
	streams atomic.Int64
}

// New makes the server. Close ends what it keeps open.
func New(d Deps) *Server {
	if d.Clock == nil {
		d.Clock = clock.System{}
	}
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	if d.Wake == nil {
		d.Wake = func() {}
	}
	s := &Server{
		Deps: d, mux: newRouter(), operations: map[string]operation{}, views: map[string]view{}, refs: map[string]bool{}, hookBodies: gate.NewRoom(hookBodies),
		pages: newPages(), limits: gate.NewLimits(d.Options.RatePerSecond, d.Options.Burst, d.Clock), hooks: newHooks(d),
	}
	if s.People != nil {
		s.limits.Brake = s.People.Brake
	}
	s.api = humago.New(s.mux, s.config())
	s.routes()
	own := s.gateDeps(dialect{s})
	own.Sessions = s.People
	s.gate = gate.New(own)
	s.handler = s.gate.Before(s.mux)
	return s
}

// Behind makes the gate of an API of others, with the limits that this one has: what a key
// takes of one, it has not for another.
func (s *Server) Behind(name string, of gate.Dialect) *gate.Gate {
	d := s.gateDeps(of)
	d.API, d.Served = name, s.Settings.Serving(name)
	return gate.New(d)
}

func (s *Server) gateDeps(of gate.Dialect) gate.Deps {
	return gate.Deps{
		Dialect: of, Keys: s.Keys, Answers: s.Answers, Refusals: s.Refusals, Limits: s.limits, Proxies: s.Proxies, Meter: s.Meter, Tracer: s.Tracer,
		Clock: s.Clock, Logger: s.Logger,
		MaxBodyBytes: s.Options.MaxBodyBytes, LargeBody: "max_body_kb; contacts in bulk go to " + importPath + " as a file",
	}
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// OpenAPI is the document that describes the API.
func (s *Server) OpenAPI() *huma.OpenAPI { return s.api.OpenAPI() }

// Close ends the adapters that read callbacks.
func (s *Server) Close() error { return s.hooks.close() }

func (s *Server) config() huma.Config {
	config := huma.DefaultConfig("Carillon", s.Options.Version)
	config.Info.Description = "Durable bulk campaigns and notifications. Errors are problem documents (RFC 9457) that name the field and what to do; " +
		"their code says for programs what kind of error it is, and stays as it is when words change. " +
		"Where a body names a thing, it takes its id or its name: \"channel\": \"news\". " +
		"Lists are paged by limit and cursor. Every POST takes an Idempotency-Key: the same key with the same body is answered as the first time, for 24 hours."
	config.Components.Schemas.RegisterTypeAlias(reflect.TypeFor[providers.Concurrency](), reflect.TypeFor[concurrency]())
	config.Components.Schemas.RegisterTypeAlias(reflect.TypeFor[templates.Params](), reflect.TypeFor[params]())
	config.Components.Schemas.RegisterTypeAlias(reflect.TypeFor[naming.Ref](), reflect.TypeFor[ref]())
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"key":     {Type: "http", Scheme: "bearer", Description: "An API key: `Authorization: Bearer car_…`."},
		"session": {Type: "apiKey", In: "cookie", Name: gate.SessionCookie, Description: "The session of a person, from POST /v1/session."},
	}
	// The document is served by docs.go, no page may come from a CDN, and no
	// $schema fields are wanted in answers.
	config.OpenAPIPath, config.DocsPath, config.SchemasPath, config.CreateHooks = "", "", "", nil
	config.Formats = map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat}
	config.RejectUnknownQueryParameters = true
	config.Transformers = []huma.Transformer{s.coded}
	return config
}

func (s *Server) routes() {
	s.channelRoutes()
	s.contactRoutes()
	s.contactPartRoutes()
	s.addressRoutes()
	s.propertyRoutes()
	s.attributeRoutes()
	s.jobRoutes()
	s.mergeRoutes()
	s.consentRoutes()
	s.erasureRoutes()
	s.replyRoutes()
	s.conversationRoutes()
	s.capRoutes()
	s.snippetRoutes()
	s.variableRoutes()
	s.seriesRoutes()
	s.statisticsRoutes()
	s.reportRoutes()
	s.doctorRoutes()
	s.masterKeyRoutes()
	s.retentionRoutes()
	s.templateRoutes()
	s.uploadRoutes()
	s.exportRoutes()
	s.listRoutes()
	s.targetingRoutes()
	s.filterRoutes()
	s.suppressionRoutes()
	s.campaignRoutes()
	s.publicationRoutes()
	s.recurringRoutes()
	s.calendarRoutes()
	s.resendRoutes()
	s.experimentRoutes()
	s.checkRoutes()
	s.approvalRoutes()
	s.settingsRoutes()
	s.scheduleRoutes()
	s.holidayRoutes()
	s.webhookRoutes()
	s.flowRoutes()
	s.contactEventRoutes()
	s.runRoutes()
	s.messageRoutes()
	s.logRoutes()
	s.mediaRoutes()
	s.settleRoutes()
	s.queueRoutes()
	s.eventRoutes()
	s.keyRoutes()
	s.sessionRoutes()
	s.meRoutes()
	s.passkeyRoutes()
	s.userRoutes()
	s.identityProviderRoutes()
	s.accountRoutes()
	s.trailRoutes()
	s.hookRoutes()
	s.unsubscribeRoutes()
	s.preferencesRoutes()
	s.viewRoutes()
	s.trackingRoutes()
	s.healthRoutes()
	s.docsRoutes()
	s.consoleRoutes()
	s.standstillRoutes()
	s.describe()
}

// timestamp is a stored time in the precision in which it is stored.
func timestamp(t *time.Time) *time.Time {
	if t == nil || t.IsZero() {
		return nil
	}
	u := t.UTC()
	return &u
}
