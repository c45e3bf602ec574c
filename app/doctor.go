package app

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"carillon/api"
	"carillon/campaigns"
	"carillon/channels/domains"
	"carillon/configs"
	"carillon/internal/clock"
	"carillon/providers"
	"carillon/providers/fetch"
)

// doctor looks at a deployment as whoever set it up would: what works now and will not for
// long, or not for everybody.
type doctor struct {
	server *Server
	engine *Engine
	config configs.Config
	dns    domains.Resolver
}

// Bounds of the examination.
const (
	// mostSkew is by how much the clocks of store and Redis may differ from ours: slots of the
	// limits and due times are compared across them.
	mostSkew = time.Second
	// littleRoom is how much of the disk is free at least without a word.
	littleRoom = 2 << 30
	// backupsEvery is how old the newest backup is at most without a word.
	backupsEvery = 48 * time.Hour
	// littleIDs is how many messages there is room for at least without a word: what is
	// planned in minutes.
	littleIDs = 50_000_000
	// answersWithin bounds the look at the public address, and mostHealth its answer.
	answersWithin = 5 * time.Second
	mostHealth    = 4 << 10
)

// Examine makes every check; what can't be found out is said as such.
func (d *doctor) Examine(ctx context.Context) (list []api.Finding) {
	for _, check := range []func(context.Context) api.Finding{
		d.store, d.partitions, d.storeClock, d.redis, d.redisClock, d.disk, d.backups, d.masterKey, d.trailCopies, d.certificate, d.proxies,
		d.publicURL, d.peopleChannel, d.senders, d.scheduler, d.workers,
	} {
		if found := check(ctx); found.Name != "" {
			list = append(list, found)
		}
	}
	return list
}

func good(name, format string, args ...any) api.Finding {
	return api.Finding{Name: name, State: api.FindingOK, Found: fmt.Sprintf(format, args...)}
}

func bad(name, found, remedy string) api.Finding {
	return api.Finding{Name: name, State: api.FindingFailed, Found: found, Remedy: remedy}
}

func warned(name, found, remedy string) api.Finding {
	return api.Finding{Name: name, State: api.FindingWarning, Found: found, Remedy: remedy}
}

func (d *doctor) store(ctx context.Context) api.Finding {
	const name = "store"
	if err := d.engine.writable(ctx); err != nil {
		return bad(name, err.Error(), "Nothing can be planned or recorded until it answers and takes writes.")
	}
	if err := checkSchema(ctx, d.engine.Store); err != nil {
		return bad(name, err.Error(), "")
	}
	kind := "SQLite, in the data folder"
	if d.engine.Store.Postgres() {
		kind = "PostgreSQL"
	}
	return good(name, "%s: it answers, takes writes, and its schema is this program's", kind)
}

// skew is how far another clock is from ours, less what the question took.
func skew(ctx context.Context, ask func(context.Context) (time.Time, error)) (time.Duration, error) {
	before := clock.System{}.Now()
	theirs, err := ask(ctx)
	took := clock.System{}.Now().Sub(before)
	return theirs.Sub(before.Add(took / 2)).Abs(), err
}

func (d *doctor) clock(ctx context.Context, name string, ask func(context.Context) (time.Time, error)) api.Finding {
	off, err := skew(ctx, ask)
	switch {
	case err != nil:
		return warned(name, "it does not tell: "+err.Error(), "")
	case off > mostSkew:
		return warned(name, fmt.Sprintf("it differs by %v from this machine's", off.Round(time.Millisecond)),
			"Limits, due times and leases are compared across machines: run NTP (chrony, systemd-timesyncd) on all of them.")
	}
	return good(name, "as this machine's, to %v", off.Round(time.Millisecond))
}

func (d *doctor) storeClock(ctx context.Context) api.Finding {
	if !d.engine.Store.Postgres() {
		return api.Finding{} // it has ours
	}
	return d.clock(ctx, "clock of the store", d.engine.Store.Time)
}

// partitions looks whether there is room for the messages of the next minutes.
func (d *doctor) partitions(ctx context.Context) api.Finding {
	const name = "partitions of messages"
	room, limited, err := d.engine.Store.RoomForIDs(ctx)
	switch {
	case err != nil:
		return warned(name, "they can't be looked at: "+err.Error(), "")
	case !limited:
		return api.Finding{} // there are none
	case room < littleIDs:
		return bad(name, fmt.Sprintf("there is room for %d messages", room),
			"The scheduler that leads makes the next partition within a minute: look for its warnings, and for queries that have been running for hours.")
	}
	return good(name, "there is room for %d million messages, and more is made ahead", room/1_000_000)
}

func (d *doctor) redis(ctx context.Context) api.Finding {
	const name = "Redis"
	if d.config.RedisURL.Empty() {
		return good(name, "embedded in this process")
	}
	if err := d.engine.Queue.Check(ctx); err != nil {
		return bad(name, err.Error(), "")
	}
	return good(name, "it answers, lets its user do what is needed, and evicts nothing")
}

func (d *doctor) redisClock(ctx context.Context) api.Finding {
	if d.config.RedisURL.Empty() {
		return api.Finding{}
	}
	return d.clock(ctx, "clock of Redis", d.engine.Queue.Time)
}

func (d *doctor) disk(context.Context) api.Finding {
	const name = "disk of the data folder"
	var disk syscall.Statfs_t
	if err := syscall.Statfs(d.config.DataDir, &disk); err != nil {
		return warned(name, "it can't be looked at: "+err.Error(), "")
	}
	free := disk.Bavail * uint64(disk.Bsize) // a size of blocks is positive
	said := fmt.Sprintf("%.1f GiB are free", float64(free)/(1<<30))
	if free < littleRoom {
		return warned(name, said, "Make room: where none is left nothing can be recorded.")
	}
	return good(name, "%s", said)
}

// backups looks how old the newest file is where backups are put.
func (d *doctor) backups(context.Context) api.Finding {
	const name, remedy = "backups", "Back the store up every day (pg_dump, or sqlite3 .backup), and the master key apart from it."
	if d.config.BackupDir == "" {
		return warned(name, "nobody says where they are", remedy+" Name their folder by CARILLON_BACKUP_DIR, and it is looked at here.")
	}
	files, err := os.ReadDir(d.config.BackupDir)
	if err != nil {
		return warned(name, "their folder can't be looked at: "+err.Error(), "")
	}
	var newest time.Time
	for _, file := range files {
		if info, err := file.Info(); err == nil && info.Mode().IsRegular() && info.Size() > 0 && info.ModTime().After(newest) {
			newest = info.ModTime()
		}
	}
	if newest.IsZero() {
		return bad(name, "there is none in their folder", remedy)
	}
	age := clock.System{}.Now().Sub(newest)
	if age > backupsEvery {
		return bad(name, fmt.Sprintf("the newest is %.0f days old", age.Hours()/24), remedy)
	}
	return good(name, "the newest is %v old", age.Round(time.Minute))
}

func (d *doctor) masterKey(context.Context) api.Finding {
	const name = "master key"
	if !d.config.MasterKey.Empty() {
		return good(name, "given by the configuration; keep a copy where backups of the store are not")
	}
	path := d.config.MasterKeyPath()
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return warned(name, "its file can't be looked at: "+err.Error(), "")
	case info.Mode().Perm()&0o077 != 0:
		return bad(name, fmt.Sprintf("%s can be read by others (%v)", filepath.Base(path), info.Mode().Perm()),
			"Run chmod 600 on it: it opens the secrets of every channel.")
	}
	return warned(name, filepath.Base(path)+" in the data folder, made by this program",
		"Keep a copy of it elsewhere: without it the secrets of channels and webhooks in a backup can't be opened.")
}

// certificate looks how long the certificate holds by which this process speaks TLS.
func (d *doctor) certificate(context.Context) api.Finding {
	const name = "certificate"
	if d.server.certificate == nil {
		return api.Finding{}
	}
	ends := d.server.certificate.ends()
	left, day := ends.Sub(clock.System{}.Now()), ends.UTC().Format(time.DateOnly)
	switch {
	case left <= 0:
		return bad(name, "it has ended on "+day, renewCertificate)
	case left < certificateSoon:
		return warned(name, "it ends on "+day, renewCertificate)
	}
	return good(name, "it holds until %s", day)
}

// proxies looks whether requests come through a proxy that the configuration does not name.
func (d *doctor) proxies(context.Context) api.Finding {
	const name = "proxies"
	stranger := d.server.proxies.Stranger()
	switch {
	case stranger != "":
		return warned(name, stranger+" has said for whom it asks, and is not trusted",
			"If it is your proxy, name it in CARILLON_TRUSTED_PROXIES: all requests through it count as its own. Else somebody tried to pass for another.")
	case len(d.config.Proxies()) > 0:
		return good(name, "those that are trusted say for whom they ask by %s", d.config.ProxyHeader)
	}
	return api.Finding{}
}

// publicURL asks the public address for its health, by which recipients unsubscribe.
func (d *doctor) publicURL(ctx context.Context) api.Finding {
	const name = "public address"
	if d.config.PublicURL == "" {
		return warned(name, "there is none", "Set CARILLON_PUBLIC_URL: without it mails have no link to unsubscribe, and no link is tracked.")
	}
	u, err := url.Parse(d.config.PublicURL)
	if err != nil {
		return bad(name, "it is no address", "Set CARILLON_PUBLIC_URL to one such as https://news.example.org.")
	}
	// Whoever configures the server says which address that is: it may be an inner one.
	fetcher := fetch.New(providers.Dialer{AllowPrivate: true}).Within(answersWithin)
	if _, err := fetcher.JSON(ctx, strings.TrimSuffix(d.config.PublicURL, "/")+"/healthz", mostHealth); err != nil {
		return bad(name, "this process can't reach itself there: "+err.Error(),
			"Look at DNS, the certificate, and whether the proxy passes everything on to carillon serve or carillon api: recipients unsubscribe there.")
	}
	if u.Scheme != "https" {
		return warned(name, d.config.PublicURL+" answers", "It has no TLS: mail programs offer one-click unsubscription by https alone.")
	}
	return good(name, "%s answers", d.config.PublicURL)
}

// peopleChannel looks for the channel through which people get links for a new password: that
// it is not there is seen by nobody who asks for one.
func (d *doctor) peopleChannel(ctx context.Context) api.Finding {
	const name = "mails to people"
	account, channel, named := strings.Cut(d.config.PeopleChannel, "/")
	if !named {
		return api.Finding{}
	}
	a, err := d.engine.Store.FindAccount(ctx, account)
	if err == nil {
		_, err = d.engine.Store.MailChannel(ctx, a.ID, channel)
	}
	if err != nil {
		return bad(name, "nobody gets a link for a new password: "+err.Error(),
			"Set CARILLON_PEOPLE_CHANNEL to an account and one of its e-mail channels, such as acme/office: carillon accounts ls and carillon channel ls name them.")
	}
	return good(name, "links for a new password go through %s", d.config.PeopleChannel)
}

func (d *doctor) scheduler(ctx context.Context) api.Finding {
	const name = "scheduler"
	leader, err := d.engine.Store.Leader(ctx)
	switch {
	case err != nil:
		return warned(name, "it can't be found out: "+err.Error(), "")
	case !leader.Leads():
		return bad(name, "none leads", "No campaign begins and nothing is fed: start carillon scheduler, or carillon serve.")
	}
	return good(name, "%s leads", leader.Holder)
}

func (d *doctor) workers(ctx context.Context) api.Finding {
	const name = "workers"
	workers, err := d.engine.Store.Workers(ctx)
	if err != nil {
		return warned(name, "they can't be found out: "+err.Error(), "")
	}
	alive, others := 0, map[string]bool{}
	for _, w := range workers {
		if w.State == campaigns.WorkerAlive {
			alive++
			if w.Version != Version {
				others[w.Version] = true
			}
		}
	}
	switch {
	case alive == 0:
		return bad(name, "none is alive", "Nothing is sent: start carillon worker, or carillon serve.")
	case len(others) > 0:
		return warned(name, fmt.Sprintf("%d are alive, some of another version than %s", alive, Version), "Bring all processes to one version.")
	}
	return good(name, "%d alive", alive)
}
