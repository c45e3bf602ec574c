package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"carillon/access"
	"carillon/api/compat"
	"carillon/configs"
	"carillon/contacts"
	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/internal/tracing"
	"carillon/messages"
	"carillon/outgoing"
	"carillon/outgoing/openid"
	"carillon/providers"
	"carillon/providers/builtin"
	"carillon/providers/fetch"
	"carillon/providers/mailbox"
	"carillon/queue"
	"carillon/scheduler"
	"carillon/services"
	"carillon/store"
	"carillon/worker"
)

// Roles say which parts a process runs.
type Roles struct{ API, Scheduler, Worker bool }

// AllRoles is everything in one process.
var AllRoles = Roles{API: true, Scheduler: true, Worker: true}

// Engine is everything behind the API: store, queue, scheduler and worker, as
// far as the roles ask for them.
type Engine struct {
	Store    *store.Store
	Queue    *queue.Queue
	Registry *providers.Registry
	*services.Services
	Writer *store.Writer
	// Engagement keeps clicks and opens; nil without the API's role.
	Engagement *store.EngagementWriter
	// Wake says that there is something to do now: a campaign was started, a
	// message created, a file taken in.
	Wake func()
	// FeedStats is what the feeder of this process has done.
	FeedStats func() scheduler.FeedStats

	// Leads reports whether the scheduler of this process leads.
	Leads func() bool

	log          *slog.Logger
	stack        stack
	installation string
	tracer       *tracing.Tracer
	rotating     sync.Mutex
	// madeKey is the id of the master key that this process made last.
	madeKey atomic.Pointer[string]
	// masterKeys are the store's box's and sign what is not in the store.
	masterKeys *secret.Ring
	// storePath is the embedded store's file.
	storePath string
}

// Options are what a process is made of besides its configuration.
type Options struct {
	Config configs.Config
	Roles  Roles
	Logger *slog.Logger
	// Meter counts what is done; nil counts nothing.
	Meter     Meter
	telemetry *telemetry
	// Check is asked, once everything is open, whether the process may work: an
	// error ends the start before anything is planned or sent. It may be nil.
	Check func(*Engine) error
}

// Meter counts what the worker and the scheduler do.
type Meter interface {
	worker.Meter
	scheduler.Meter
	// Slowed counts a guess at a password or a key that had to wait: source, user, device, passkey or key,
	// by whose it was.
	Slowed(kind string)
}

// StartEngine starts the parts that the roles ask for. What was started before
// an error is stopped again.
func StartEngine(ctx context.Context, o Options) (engine *Engine, err error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	e := &Engine{log: o.Logger, Wake: func() {}, Leads: func() bool { return false }, FeedStats: func() (none scheduler.FeedStats) { return none }}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.Stop())
		}
	}()
	e.masterKeys, err = e.openStore(ctx, o.Config)
	if err != nil {
		return nil, err
	}
	e.Queue, err = queue.Open(ctx, queue.Options{
		URL: o.Config.RedisURL.Reveal(), Logger: o.Logger, Clock: clock.System{},
		DrainTimeout: time.Duration(o.Config.ShutdownSeconds) * time.Second, Signer: e.masterKeys.Signer(queue.SignedFor),
	})
	if err != nil {
		return nil, err
	}
	e.stack.push("queue", e.Queue.Close)
	e.followMasterKey()
	if e.Registry, err = builtin.Registry(); err != nil {
		return nil, err
	}
	if o.Check != nil {
		if err := o.Check(e); err != nil {
			return nil, err
		}
	}

	name := processName(o.Config.WorkerName)
	workerID, err := e.Store.RegisterWorker(ctx, name)
	if err != nil {
		return nil, err
	}
	e.Writer = e.Store.StartWriter(workerID)
	e.tracer = o.telemetry.tracer(e.installation)
	followReceipts(e.Store, e.Writer, e.tracer, o.Logger)
	e.stack.push("writer", quietly(e.Writer.Stop))
	deps := services.Deps{
		Store: verifier{e.Store, e.Queue, clock.System{}}, Receipts: measured{e.Writer, o.Meter}, Providers: e.Registry,
		MasterKeys: e.masterKeys, PublicURL: o.Config.PublicURL, Installation: e.installation,
		Dialer: dialer(o.Config), Resolver: resolver(o.Config), Import: contacts.ImportConfig{MaxBytes: int64(o.Config.MaxUploadMB) << 20},
	}
	if o.Roles.API {
		e.Engagement = e.Store.StartEngagementWriter(workerID)
		e.stack.push("clicks and opens", quietly(e.Engagement.Stop))
		deps.Engagement = e.Engagement
	}
	if o.Roles.API {
		later := newAfterwards(o.Logger)
		e.stack.push("mails to people", quietly(later.stop))
		deps.SignIns = access.PeopleDeps{
			Brake: &brake{Brake: e.Queue.Brake(), log: o.Logger, clock: clock.System{}, meter: o.Meter}, Later: later.do,
			OpenID: openid.New(dialer(o.Config), clock.System{}),
			Mailer: personMails{e.Store, e.Registry, dialer(o.Config), o.Config.PublicURL}, Address: o.Config.ConsoleURL, Channel: o.Config.PeopleChannel,
			Idle: time.Duration(o.Config.SessionIdleMinutes) * time.Minute, Longest: time.Duration(o.Config.SessionHours) * time.Hour,
		}
	}
	e.Services = services.New(deps)
	if err := e.followHosts(ctx); err != nil {
		return nil, err
	}
	if o.Roles.Worker {
		e.settleWrecks(ctx, o.Config)
	}
	if o.Roles.Scheduler {
		if err := e.startScheduler(o, fmt.Sprintf("%s/%d", name, workerID)); err != nil {
			return nil, err
		}
	}
	if o.Roles.Worker {
		e.startWorker(o, workerID)
	} else if err := e.Store.RetireWorker(ctx, workerID); err != nil {
		return nil, err
	}
	return e, nil
}

// openStore opens and, where that is safe, migrates the store.
func (e *Engine) openStore(ctx context.Context, c configs.Config) (*secret.Ring, error) {
	if err := c.EnsureDataDir(); err != nil {
		return nil, err
	}
	if err := refuseEmptied(c); err != nil {
		return nil, err
	}
	keys, err := c.ResolveMasterKeys()
	if err != nil {
		return nil, err
	}
	box, err := secret.NewBox(keys[0], keys[1:]...)
	if err != nil {
		return nil, fault.InvalidField("master_key", nil, "%v", err)
	}
	if !c.Postgres() {
		release, err := lockDataDir(filepath.Dir(c.Store()))
		if err != nil {
			return nil, err
		}
		e.stack.push("data folder's lock", release)
		e.storePath = c.Store()
	}
	e.Store, err = store.Open(ctx, store.Options{DSN: c.Store(), Box: box, Logger: e.log, SoftBounces: c.SoftBounces, Copies: trailCopiesOf(c)})
	if err != nil {
		return nil, err
	}
	e.stack.push("store", e.Store.Close)
	if !e.Store.Postgres() {
		// The file is this process's alone: a new version brings its schema along,
		// and nothing of before can still be alive.
		if _, err := e.Store.Migrate(ctx); err != nil {
			return nil, err
		}
		if err := e.Store.RetireOthers(ctx); err != nil {
			return nil, err
		}
	}
	if err := checkSchema(ctx, e.Store); err != nil {
		return nil, err
	}
	if err := e.Store.CheckMasterKey(ctx); err != nil {
		return nil, err
	}
	e.installation, err = e.Store.Installation(ctx)
	return box.Ring(), err
}

// checkSchema refuses to work on a schema that this program does not know.
func checkSchema(ctx context.Context, s *store.Store) error {
	current, newest, err := s.SchemaVersion(ctx)
	switch {
	case err != nil:
		return err
	case current < newest:
		return fault.New(fault.Conflict, "the store has schema version %d, this program needs %d: run `carillon migrate`", current, newest)
	case current > newest:
		return fault.New(fault.Conflict, "the store has schema version %d, this program knows only %d: install the newer Carillon that migrated it", current, newest)
	}
	return nil
}

// pullsEvery is how soon somebody gets the content that they asked for.
const pullsEvery = 200 * time.Millisecond

// flowsEvery is how soon somebody goes on who has answered, or whose time has come.
const flowsEvery = 100 * time.Millisecond

// webhooksEvery is how soon programs are told what happened.
const webhooksEvery = 200 * time.Millisecond

// statisticsEvery is how often the changes of counts are added up, so that there are never
// many to read; they count from the beginning.
const statisticsEvery = 2 * time.Second

// feedsEvery is how soon the data feed of a run that begins is read.
const feedsEvery = 100 * time.Millisecond

// warmUp takes the warm-ups of channels a step on and says what changed.
func (e *Engine) warmUp(ctx context.Context) (worked bool, err error) {
	changed, err := e.Store.WarmUp(ctx)
	say := func(c providers.Channel, mailbox string, at providers.Warmth) {
		if at.Slowed != "" {
			e.log.Warn("the warm-up of a channel was slowed", "channel", c.ID, "mailbox", mailbox, "recipients_per_day", at.Allowance, "reason", at.Slowed)
		} else {
			e.log.Info("the warm-up of a channel goes on", "channel", c.ID, "mailbox", mailbox, "recipients_per_day", at.Allowance)
		}
	}
	for _, c := range changed {
		if c.Warmth != nil {
			say(c, "", *c.Warmth)
		}
		for _, name := range slices.Sorted(maps.Keys(c.MailboxWarmth)) {
			say(c, name, c.MailboxWarmth[name])
		}
	}
	return false, err
}

func (e *Engine) startScheduler(o Options, holder string) error {
	trailed, err := e.trailChores(o.Config, o.Logger)
	if err != nil {
		return err
	}
	poster := fetch.ForMany(dialer(o.Config))
	teller := outgoing.New(e.Store, outgoing.Way{Poster: poster, Formats: compat.Formats(e.Services)}, clock.System{}, o.Logger)
	e.stack.push("webhooks", quietly(func() {
		teller.Wait()
		poster.Close()
	}))
	s := scheduler.New(scheduler.Options{
		Store: e.Store, Queue: e.Queue, Holder: holder, Logger: o.Logger, Meter: o.Meter, Tracer: e.tracer,
		Chores: append(trailed, []scheduler.Chore{
			{Name: "import", Run: e.Importer.RunNext, Woken: e.Importer.Queued()}, {Name: "jobs", Run: e.Jobs.RunNext},
			{Name: "data feeds", Every: feedsEvery, Run: e.DataFeeds.RunNext},
			{Name: "housekeeping", Every: time.Minute, Run: e.Store.Housekeep},
			{Name: "pulls", Every: pullsEvery, Run: e.Campaigns.AnswerPulls},
			{Name: "flows", Every: flowsEvery, Run: e.Store.MoveFlows}, {Name: "flow calls", Every: flowsEvery, Run: e.Calls.RunNext},
			{Name: "flow days", Every: time.Minute, Run: e.Store.EnterByDate},
			{Name: "statistics", Every: statisticsEvery, Run: e.Store.FoldStatistics},
			{Name: "weekly mails", Every: time.Minute, Run: e.Summaries.MailWeeks},
			{Name: "accounts", Every: time.Minute, Run: e.Store.DeleteAccounts},
			{Name: "retention", Every: time.Minute, Run: e.Store.Retain}, {Name: "partitions", Every: time.Minute, Run: e.Store.TendPartitions},
			{Name: "webhooks", Every: webhooksEvery, Run: teller.Pass},
			{Name: "warm-up", Every: time.Minute, Run: e.warmUp},
			{Name: "templates", Every: templateStatesEvery, Run: e.templateStates},
			{Name: "doubts", Every: doubtsEvery, Run: e.askAboutDoubts},
			{Name: "expiry", Every: 5 * time.Minute, Run: contacts.NewSweeper(e.Store).Run},
		}...),
	})
	s.Start()
	e.Wake, e.FeedStats, e.Leads = s.Wake, s.FeedStats, s.Leads
	e.stack.push("scheduler", quietly(s.Stop))
	return nil
}

// settleWrecks settles what workers of this machine left that were killed. On a
// store of its own nothing of an earlier process can still be alive: it is settled
// before the reaper takes it for in doubt.
func (e *Engine) settleWrecks(ctx context.Context, c configs.Config) {
	wrecks := worker.Wrecks{
		Dir: flightsDir(c), Installation: e.installation, Store: e.Store, Writer: e.Writer, Clock: clock.System{}, Logger: e.log,
	}
	if err := wrecks.Settle(ctx, !e.Store.Postgres()); err != nil {
		e.log.Warn("what a killed worker left could not be settled yet", "error", err)
	}
}

// flightsDir is where the workers of this machine keep their flight recorders.
func flightsDir(c configs.Config) string { return filepath.Join(c.DataDir, "flights") }

func (e *Engine) startWorker(o Options, id int64) {
	mailboxes := mailbox.NewDirectory(resolver(o.Config), clock.System{})
	e.stack.push("mailboxes", quietly(mailboxes.Close))
	w := worker.New(worker.Options{
		Installation: e.installation, Flights: flightsDir(o.Config),
		ID: id, Version: Version, Store: e.Store, Writer: e.Writer, Queue: e.Queue, Registry: e.Registry,
		Dialer: dialer(o.Config), PublicURL: o.Config.PublicURL, Files: e.Files, Mailboxes: mailboxes,
		Logger: o.Logger, Meter: o.Meter, Tracer: e.tracer,
		Links: func(accountID, messageID int64) messages.Links {
			return e.Tokens.Links(messages.Unsubscriber{AccountID: accountID, MessageID: messageID})
		},
		Hear: func(ctx context.Context, c providers.Channel, replies []providers.Reply) error {
			_, err := e.Replies.Take(ctx, c, replies)
			return err
		},
	})
	w.Start()
	e.stack.push("worker", quietly(w.Stop))
}

// dialer reaches what the configuration allows.
func dialer(c configs.Config) providers.Dialer {
	return providers.Dialer{AllowPrivate: c.AllowPrivateAddresses, Relays: c.Relays()}
}

// resolver asks the name server of the configuration, or the machine's.
func resolver(c configs.Config) *net.Resolver {
	if c.DNSServer == "" {
		return net.DefaultResolver
	}
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		// Whoever runs the server names it: it may be one of its own network.
		return providers.Dialer{AllowPrivate: true}.DialContext(ctx, network, c.DNSServer)
	}}
}

// Stop ends everything, last started first. It may be called again.
func (e *Engine) Stop() error { return e.stack.stopAll() }

func processName(configured string) string {
	if configured != "" {
		return configured
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	// The suffix keeps two processes apart whose ids are equal in different
	// containers.
	return fmt.Sprintf("%s-%d-%s", host, os.Getpid(), rand.Text()[:6])
}
