package mailbox

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"carillon/internal/clock"
	"carillon/internal/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// resolver is a resolver of a test.
type resolver struct {
	mu      sync.Mutex
	records map[string][]*net.MX
	err     error
	// hangs has look-ups not answered before they are given up.
	hangs         bool
	asked         []string
	running, most atomic.Int64
}

func (r *resolver) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	defer r.running.Add(-1)
	if n := r.running.Add(1); n > r.most.Load() {
		r.most.Store(n)
	}
	r.mu.Lock()
	r.asked = append(r.asked, name)
	err, hangs, found := r.err, r.hangs, r.records[strings.TrimSuffix(name, ".")]
	r.mu.Unlock()
	if hangs {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	if found == nil {
		err = &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	return found, err
}

func (r *resolver) asks() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.asked)
}

func mx(hosts ...string) []*net.MX {
	list := make([]*net.MX, len(hosts))
	for i, host := range hosts {
		list[i] = &net.MX{Host: host, Pref: uint16(i)}
	}
	return list
}

func directory(t *testing.T, r *resolver) *Directory {
	d := NewDirectory(r, clock.System{})
	t.Cleanup(d.Close)
	return d
}

func TestADomainIsWhereItsMailGoes(t *testing.T) {
	r := &resolver{records: map[string][]*net.MX{
		"firm.example":        mx("ASPMX.L.google.com.", "alt1.aspmx.l.google.com."),
		"shop.example":        mx("shop-example.mail.protection.outlook.com."),
		"secure.example":      mx("secure-example.r-v1.mx.microsoft."),
		"mail.example":        mx("mx00.ionos.de."),
		"club.example":        mx("mx1.hosting.co.uk.", "mx.other.net."),
		"own.example":         mx("mx.own.example."),
		"none.example":        mx("."),
		"odd.example":         mx("a b.example.org.", "in1-smtp.messagingengine.com."),
		"xn--mller-kva.de":    mx("mx00.t-online.de."),
		"looks.example":       mx("mx.notgoogle.com."),
		"sub.example.net":     mx("mail.sub.example.net."),
		"backwards.example":   {{Host: "mx2.example.org.", Pref: 20}, {Host: "mx.zoho.eu.", Pref: 10}},
		"alike.example":       {{Host: "mx.b.org.", Pref: 10}, {Host: "mx.a.org.", Pref: 10}},
		"alike-other.example": {{Host: "mx.a.org.", Pref: 10}, {Host: "mx.b.org.", Pref: 10}},
	}}
	d := directory(t, r)
	for domain, want := range map[string]string{
		"gmail.com": "google", "Web.DE": "gmx", "firm.example": "google", "FIRM.example": "google", "shop.example": "microsoft",
		"secure.example": "microsoft", "mail.example": "gmx", "club.example": "hosting.co.uk", "own.example": "own.example", "none.example": "none.example",
		"odd.example": "fastmail", "müller.de": "t-online", "looks.example": "notgoogle.com", "sub.example.net": "example.net", "unknown.example": "unknown.example",
		"backwards.example": "zoho", "alike.example": "a.org", "alike-other.example": "a.org", "": "", "[192.0.2.1]": "[192.0.2.1]", "localhost": "localhost",
		"printer.local": "printer.local", "x..example": "x..example",
	} {
		require.Equal(t, []string{want}, d.Of(t.Context(), []string{domain}), domain)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, name := range []string{"gmail.com.", "web.de.", "printer.local.", "localhost.", "[192.0.2.1]."} {
		require.NotContains(t, r.asked, name)
	}
}

// What is known is not asked for again before its time, and a failure not at once.
func TestWhatIsKnownIsNotAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &resolver{records: map[string][]*net.MX{"firm.example": mx("smtp.google.com.")}}
		d := NewDirectory(r, clock.System{})
		defer d.Close()
		of := func() string { return d.Of(t.Context(), []string{"firm.example"})[0] }
		wait := func(d time.Duration) { require.NoError(t, clock.System{}.Sleep(t.Context(), d)) }
		for range 5 {
			require.Equal(t, "google", of())
		}
		require.Equal(t, 1, r.asks())
		r.err = &net.DNSError{Err: "server misbehaving", IsTemporary: true}
		wait(knownFor)
		require.Equal(t, "google", of(), "it was there before")
		require.Equal(t, "google", of())
		require.Equal(t, 2, r.asks())
		r.err, r.records = nil, map[string][]*net.MX{"firm.example": mx("mx.example.org.")}
		wait(failedFor)
		require.Equal(t, "example.org", of())
		require.Equal(t, 3, r.asks())
	})
}

// A resolver that does not answer holds nobody up: who asks waits a second at most, and the next
// ones not at all for a while. What it says in the end counts.
func TestAResolverThatHangsHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &resolver{hangs: true}
		d := NewDirectory(r, clock.System{})
		defer d.Close()
		var domains []string
		for i := range 100 {
			domains = append(domains, fmt.Sprintf("d%d.example", i))
		}
		began := clock.System{}.Now()
		require.Equal(t, domains, d.Of(t.Context(), domains))
		require.Equal(t, patience, clock.System{}.Now().Sub(began))
		require.LessOrEqual(t, r.most.Load(), int64(atOnce))
		for i := range 50 {
			require.Len(t, d.Of(t.Context(), []string{fmt.Sprintf("e%d.example", i)}), 1)
		}
		require.Equal(t, patience, clock.System{}.Now().Sub(began), "nobody else waited")
		r.mu.Lock()
		r.hangs, r.records = false, map[string][]*net.MX{"f.example": mx("smtp.google.com.")}
		r.mu.Unlock()
		require.NoError(t, clock.System{}.Sleep(t.Context(), awayFor))
		require.Equal(t, []string{"google"}, d.Of(t.Context(), []string{"f.example"}))
	})
}

// However many domains there are, what is remembered and under way is bounded.
func TestADirectoryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &resolver{hangs: true}
		d := NewDirectory(r, clock.System{})
		var domains []string
		for i := range 2 * mostUnderWay {
			domains = append(domains, fmt.Sprintf("d%d.example", i))
		}
		d.Of(t.Context(), domains)
		d.mu.Lock()
		require.LessOrEqual(t, len(d.underWay), mostUnderWay)
		for i := range mostKnown {
			d.known[fmt.Sprint(i)] = entry{"x", d.clock.Now().Add(time.Hour)}
		}
		d.mu.Unlock()
		d.Close()
		require.LessOrEqual(t, len(d.known), mostKnown)
		require.Empty(t, d.underWay)
		require.Equal(t, []string{"z.example"}, d.Of(t.Context(), []string{"z.example"}), "nothing is begun any more")
	})
}

func TestWhoSpeaks(t *testing.T) {
	for reply, want := range map[string]bool{
		"421 4.7.28 Our system has detected an unusual rate of mail from your IP. support.google.com/mail/answer/81126 x1-20 - gsmtp": true,
		"450 4.7.1 Recipient domain gmail.com defers":                  true,
		"450 4.2.1 too fast":                                           false,
		"450 4.7.1 notgmail.com":                                       false,
		"450 4.7.1 gmail.community":                                    false,
		"451 4.7.1 host mx.example.org said: too many messages":        false,
		"451 4.7.1 host ALT1.GMAIL-SMTP-IN.L.GOOGLE.COM said: go away": true,
	} {
		require.Equal(t, want, Speaks(reply, "gmail.com", "relay.example.org"), reply)
	}
	require.False(t, Speaks("421 4.7.0 try again later - gsmtp", "gmail.com", "smtp.gmail.com"), "it is the server that mail is handed to")
	require.True(t, Speaks("451 4.7.1 <a@firm.example>: too many for firm.example", "firm.example", "relay.example.org"))
	require.False(t, Speaks("451 4.7.1 firm.example: too many", "firm.example", "mail.firm.example"))
	require.False(t, Speaks("451 4.7.1 too many", "firm.example", "relay.example.org"))
}

func TestTheTableIsUnambiguous(t *testing.T) {
	seen := map[string]string{}
	for _, p := range providers {
		require.NotEmpty(t, p.Title)
		require.NotContains(t, p.Name, ".", "a name with a dot is a domain's")
		for _, name := range slices.Concat(p.servers, p.domains) {
			require.True(t, isHost(name), name)
			require.Contains(t, []string{"", p.Name}, seen[name], name)
			seen[name] = p.Name
		}
		require.NoError(t, CheckName("x", p.Name))
	}
	for _, good := range []string{Default, "example.org", "hosting.co.uk"} {
		require.NoError(t, CheckName("x", good))
	}
	for _, bad := range []string{"", "gmial", "Example.org", "a b.example", ".org"} {
		err := CheckName("limits.mailboxes", bad)
		require.True(t, fault.Is(err, fault.Invalid), bad)
		require.ErrorContains(t, err, "google")
	}
}
