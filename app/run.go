package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"golang.org/x/term"

	"carillon/api"
	"carillon/api/compat"
	"carillon/api/gate"
	"carillon/campaigns"
	"carillon/configs"
	"carillon/internal/clock"
	"carillon/internal/failpoint"
	"carillon/providers/fetch"
	"carillon/web"
)

// Version is the program's version; the linker sets it in releases.
var Version = "0.1.0-dev"

// Server is a running process: its engine and, with the API's role, its
// listener.
type Server struct {
	Engine *Engine
	// URL is where the API answers; empty without the API's role.
	URL string
	// HealthURL is where a process without the API answers /healthz, /readyz and
	// /metrics; empty if health_listen is.
	HealthURL string
	stack     stack
	// patience is how long Stop may take.
	patience time.Duration
	// PublicURL is where what recipients and providers need is answered alone; empty if
	// public_listen is.
	PublicURL string
	// BounceAddr is where mail that comes back is taken; empty if bounce_listen is.
	BounceAddr string
	// mostConnections bounds those of all listeners together, which connections counts.
	mostConnections int
	connections     *connections
	// certificate is that of the listeners; nil where they speak no TLS.
	certificate *certificate
	proxies     *gate.Proxies
}

// Start starts the roles of a process. notices are told to the person who
// started it, such as the first key. Whatever can refuse to start has been asked
// before anything is planned or sent.
func Start(ctx context.Context, c configs.Config, roles Roles, notices Notices) (s *Server, err error) {
	log := c.Logger(os.Stderr)
	told, err := openTelemetry(ctx, c, log)
	if err != nil {
		return &Server{}, err
	}
	log = told.logger(log)
	metrics := newMetrics()
	s = &Server{patience: time.Duration(c.ShutdownSeconds) * time.Second, mostConnections: connectionsWithin(c.MaxConnections, log)}
	s.connections = newConnections(s.mostConnections, log, clock.System{})
	s.proxies = gate.NewProxies(c.Proxies(), cmp.Or(c.ProxyHeader, gate.XForwardedFor), log)
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Stop())
		}
	}()
	s.stack.push("traces and logs", quietly(told.stop))
	var open listeners
	s.Engine, err = StartEngine(ctx, Options{Config: c, Roles: roles, Logger: log, Meter: metrics, telemetry: told, Check: func(e *Engine) (err error) {
		// A key is made only by a server that can be reached with it.
		if open, err = s.listen(c, roles, log); err != nil || !roles.API {
			return err
		}
		return e.ensureAdminKey(ctx, c, notices)
	}})
	if err != nil {
		return s, errors.Join(err, open.close())
	}
	s.stack.push("engine", s.stopEngine)
	metrics.watch(s.Engine)
	switch {
	case open.main == nil:
		return s, nil
	case !roles.API:
		s.serveHealth(open.main, log, metrics)
		return s, nil
	}
	if s.certificate != nil {
		s.watchCertificate()
	}
	s.serveAPI(open, c, log, metrics)
	return s, nil
}

// Bounds of an HTTP connection; those of bodies and answers are the API's.
const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	maxHeader     = 64 << 10
	// defaultConnections is max_connections where no configuration sets it.
	defaultConnections = 2048
)

// serveHealth answers for a process without the API.
func (s *Server) serveHealth(listener net.Listener, log *slog.Logger, m *metrics) {
	s.HealthURL = s.serve(listener, api.Health(api.Deps{
		Options: api.Options{Version: Version}, Metrics: m.handler(log), Ready: s.Engine.ready, Services: s.Engine.Services, Logger: log,
	}), log)
}

// serveAPI answers on the listeners until the server is stopped.
func (s *Server) serveAPI(open listeners, c configs.Config, log *slog.Logger, m *metrics) {
	e := s.Engine
	live := campaigns.NewLive(verifier{e.Store, e.Queue, clock.System{}}, clock.System{}, log)
	s.stack.push("events", quietly(live.Stop))
	handler := api.New(api.Deps{
		Options: api.Options{
			Version: Version, MaxBodyBytes: int64(c.MaxBodyKB) << 10, RatePerSecond: c.APIRatePerSecond, Burst: c.APIBurst,
			Dialer: dialer(c), Installation: e.installation, MaxStreams: max(1, s.mostConnections/2),
		},
		Console: web.New(), Services: e.Services, Answers: e.Store, Providers: e.Registry, Live: live,
		Metrics: m.handler(log), Meter: m, Tracer: e.tracer, Ready: e.ready, Wake: e.Wake, Clock: clock.System{}, Logger: log,
		MasterKey: rotation{e, c}, Proxies: s.proxies, CertificateEnds: s.certificate.whenEnds(),
		Examine: (&doctor{s, e, c, resolver(c)}).Examine,
	})
	s.stack.push("refusals", writeRefusals(e.Refusals, log))
	s.stack.push("API", handler.Close)
	// Event streams end only when they are told to: first of all, so that nobody
	// waits for them.
	// What a reference API's clients ask for is answered in its dialect.
	all := compat.New(compat.Deps{Services: e.Services, Wake: e.Wake, Poster: fetch.New(dialer(c)), Clock: clock.System{}, Behind: handler.Behind,
		Options: compat.Options{
			Prefix: c.CompatPrefix, Hosts: c.CompatHostNames(), Origins: c.CompatOrigins(),
		}}, handler)
	s.URL = s.serve(open.main, all, log, live.Stop)
	if open.public != nil {
		s.PublicURL = s.serve(open.public, handler.Public(), log)
	}
	if open.bounces != nil {
		s.takeReturns(open.bounces, handler, log)
	}
}

// Stop ends the process's parts: first the listener, then what is in flight. It
// gives up after shutdown_seconds, whatever hangs, with an error that names it. It
// may be called again.
func (s *Server) Stop() error { return s.stack.stopWithin(s.patience) }

// Shares of the time for stopping: the listener waits for answers under way for one
// part in listenerShare, and one in reserveShare is left for recording what was in
// flight and closing.
const (
	listenerShare = 4
	reserveShare  = 10
)

// stopEngine stops the engine; what is in flight may take what time is left.
func (s *Server) stopEngine() error {
	s.Engine.Queue.DrainWithin(s.stack.left() - s.patience/reserveShare)
	return s.Engine.Stop()
}

// Run starts the roles and works until ctx ends, then stops in good order: what
// is in flight is finished and recorded, and no attempt is spent.
func Run(ctx context.Context, c configs.Config, roles Roles) error {
	say := func(line string) { _, _ = fmt.Fprintln(os.Stderr, line) }
	for _, line := range c.Notices() {
		say(line)
	}
	if failpoint.Ignored() {
		say(failpoint.Variable + " is set and ignored: only builds for tests (go build -tags failpoint) have failpoints.")
	}
	notices := Notices{Say: say, Private: term.IsTerminal(int(os.Stderr.Fd()))}
	s, err := Start(ctx, c, roles, notices)
	switch {
	case err != nil && ctx.Err() == nil:
		return err
	case err != nil:
		say("Stopped while it started: " + err.Error())
		return s.Stop()
	}
	if s.HealthURL != "" {
		say("Health and metrics: " + s.HealthURL + "/readyz and " + s.HealthURL + "/metrics.")
	}
	if s.PublicURL != "" {
		say("What recipients and providers need, and nothing else: " + s.PublicURL + ".")
	}
	if s.BounceAddr != "" {
		say("Mail that comes back, and no other, is taken by SMTP on " + s.BounceAddr + ".")
	}
	if s.URL != "" {
		say(fmt.Sprintf("Carillon %s answers on %s (console: %s/, API: %s/docs). Stop it with Ctrl-C.", Version, s.URL, s.URL, s.URL))
		if err := s.welcome(ctx, notices); err != nil {
			return errors.Join(err, s.Stop())
		}
	} else {
		say(fmt.Sprintf("Carillon %s works. Stop it with Ctrl-C.", Version))
	}
	<-ctx.Done()
	say("Stopping: finishing what is in flight.")
	return s.Stop()
}
