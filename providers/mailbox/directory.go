package mailbox

import (
	"cmp"
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"

	"carillon/internal/clock"
)

const (
	// knownFor is how long is believed where a domain's mail goes: a move to another provider
	// takes days. failedFor is how long a failed look-up is not repeated.
	knownFor  = 6 * time.Hour
	failedFor = 5 * time.Minute
	// mostKnown bounds the domains that are remembered, some 100 bytes each.
	mostKnown = 100_000
	// atOnce is how many names are looked up at once, mostUnderWay how many may wait for that.
	atOnce       = 32
	mostUnderWay = 2000
	// lookUp is how long one may take, and patience how long anybody waits for theirs.
	lookUp   = 5 * time.Second
	patience = time.Second
	// awayFor is how long nobody waits for a resolver that did not answer within patience.
	awayFor = 30 * time.Second
)

// Resolver looks up where a domain's mail goes; *net.Resolver does. A name without such a record
// is a *net.DNSError that IsNotFound.
type Resolver interface {
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
}

// Directory knows at which mailbox provider domains are, by their MX records. Nobody waits longer
// than a second for it; a domain of which nothing can be found out in time is its own provider. It
// is safe for concurrent use.
type Directory struct {
	resolver Resolver
	clock    clock.Clock
	places   chan struct{}
	running  context.Context
	stop     context.CancelFunc
	group    sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	known    map[string]entry
	underWay map[string]chan struct{} // closed when it is known
	away     time.Time                // until when nobody waits
}

// entry is what is known of a domain.
type entry struct {
	at    string
	until time.Time
}

// NewDirectory makes a directory that asks a resolver.
func NewDirectory(r Resolver, c clock.Clock) *Directory {
	d := &Directory{resolver: r, clock: c, places: make(chan struct{}, atOnce), known: map[string]entry{}, underWay: map[string]chan struct{}{}}
	d.running, d.stop = context.WithCancel(context.Background())
	return d
}

// Close ends the look-ups that are under way, and begins no more.
func (d *Directory) Close() {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.stop()
	d.group.Wait()
}

// Of names the mailbox providers of domains, in their order: each by its name in the table of the
// large ones, by the registrable domain of its mail servers, or, where the domain has none or they
// can't be found out now, by the domain.
func (d *Directory) Of(ctx context.Context, domains []string) []string {
	names, waits := make([]string, len(domains)), map[int]chan struct{}{}
	for i, domain := range domains {
		domain = ascii(domain)
		var wait chan struct{}
		if names[i], wait = d.look(domain); wait != nil {
			waits[i] = wait
		}
	}
	if len(waits) == 0 {
		return names
	}
	late, answered := d.clock.After(patience), 0
	for i, wait := range waits {
		select {
		case <-wait:
			names[i] = d.remembered(ascii(domains[i]))
			answered++
			continue
		case <-late:
		case <-ctx.Done():
			return names
		}
		break
	}
	if answered == 0 { // they were under way at once
		d.mu.Lock()
		d.away = d.clock.Now().Add(awayFor)
		d.mu.Unlock()
	}
	return names
}

// look is what is known of a domain, and beside what is to be waited for, if more may be known soon.
func (d *Directory) look(domain string) (string, chan struct{}) {
	if p := ofDomain(domain); p != nil {
		return p.Name, nil
	}
	if !isPublic(domain) {
		return domain, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.clock.Now()
	known, found := d.known[domain]
	if found && now.Before(known.until) {
		return known.at, nil
	}
	at := cmp.Or(known.at, domain)
	wait := d.underWay[domain]
	if wait == nil && !d.closed && len(d.underWay) < mostUnderWay {
		wait = make(chan struct{})
		d.underWay[domain] = wait
		d.group.Go(func() { d.find(domain, at, wait) })
	}
	if now.Before(d.away) {
		return at, nil
	}
	return at, wait
}

func (d *Directory) remembered(domain string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return cmp.Or(d.known[domain].at, domain)
}

// find looks a domain up, and remembers what it finds, or for a while what was known before.
func (d *Directory) find(domain, before string, done chan struct{}) {
	found, lasts := entry{at: before}, failedFor
	select {
	case d.places <- struct{}{}:
		ctx, cancel := context.WithTimeout(d.running, lookUp)
		servers, err := d.resolver.LookupMX(ctx, domain+".")
		cancel()
		<-d.places
		var failure *net.DNSError
		if none := errors.As(err, &failure) && failure.IsNotFound; err == nil || none || len(servers) > 0 {
			found.at, lasts = at(domain, servers), knownFor
		}
	case <-d.running.Done():
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.clock.Now()
	if len(d.known) >= mostKnown {
		d.forget(now)
	}
	found.until = now.Add(lasts)
	d.known[domain] = found
	delete(d.underWay, domain)
	if lasts == knownFor {
		d.away = time.Time{}
	}
	close(done)
}

// forget makes room for a tenth: of what is over, else of anything.
func (d *Directory) forget(now time.Time) {
	for domain, known := range d.known {
		if !now.Before(known.until) {
			delete(d.known, domain)
		}
	}
	for domain := range d.known {
		if len(d.known) <= mostKnown*9/10 {
			return
		}
		delete(d.known, domain)
	}
}

// at is the mailbox provider of a domain with these mail servers.
func at(domain string, servers []*net.MX) string {
	servers = slices.DeleteFunc(slices.Clone(servers), func(s *net.MX) bool { return !isHost(host(s)) })
	if len(servers) == 0 {
		return domain // it takes no mail (RFC 7505), or by its address alone
	}
	slices.SortStableFunc(servers, func(a, b *net.MX) int { return cmp.Or(cmp.Compare(a.Pref, b.Pref), cmp.Compare(host(a), host(b))) })
	best := host(servers[0])
	if p := ofServer(best); p != nil {
		return p.Name
	}
	if above, err := publicsuffix.EffectiveTLDPlusOne(best); err == nil {
		return above
	}
	return domain
}

func host(s *net.MX) string { return strings.ToLower(strings.TrimSuffix(s.Host, ".")) }

// ascii is a domain as the DNS has it, lower case; as it is where that can't be.
func ascii(domain string) string {
	domain = strings.ToLower(domain)
	if a, err := idna.Lookup.ToASCII(domain); err == nil {
		return a
	}
	return domain
}

// isPublic reports whether anybody but this machine could know a domain: not an address, not a
// single word, and not what never is in the DNS (RFC 6761, RFC 7686).
func isPublic(domain string) bool {
	if !isHost(domain) || !strings.Contains(domain, ".") {
		return false
	}
	return !slices.ContainsFunc([]string{"localhost", "invalid", "test", "local", "onion", "internal", "arpa"},
		func(top string) bool { return within(domain, top) })
}
