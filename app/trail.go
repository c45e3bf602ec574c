package app

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"carillon/access"
	"carillon/api"
	"carillon/configs"
	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/outgoing/trail"
	"carillon/providers"
	"carillon/scheduler"
)

// sealEvery is how long an entry of the audit trail waits for its place in the chain, and then to
// be copied.
const sealEvery = time.Second

// trailChores are the leader's work on the audit trail: it gives entries their places, and copies
// these to where the configuration says.
func (e *Engine) trailChores(c configs.Config, log *slog.Logger) ([]scheduler.Chore, error) {
	chores := []scheduler.Chore{{Name: "audit", Every: sealEvery, Run: e.Store.SealAudit}}
	copies := func(to access.TrailCopy, target trail.Target) {
		e.stack.push("audit "+string(to), target.Close)
		chores = append(chores, scheduler.Chore{
			Name: "audit " + string(to), Every: sealEvery,
			Run: trail.NewExporter(to, target, trail.Deps{Store: e.Store, Clock: clock.System{}, Logger: log}).Pass,
		})
	}
	if c.AuditFile != "" {
		copies(access.CopyFile, trail.NewFile(c.AuditFile))
	}
	if c.AuditSyslog != "" {
		options, err := syslogOptions(c)
		if err != nil {
			return nil, err
		}
		copies(access.CopySyslog, trail.NewSyslog(options))
	}
	return chores, nil
}

// trailCopiesOf are the places to which a configuration has the trail copied.
func trailCopiesOf(c configs.Config) (places []access.TrailCopy) {
	if c.AuditFile != "" {
		places = append(places, access.CopyFile)
	}
	if c.AuditSyslog != "" {
		places = append(places, access.CopySyslog)
	}
	return places
}

func syslogOptions(c configs.Config) (trail.SyslogOptions, error) {
	host, _ := os.Hostname() // the receiver knows the address at least
	way, address := c.Syslog()
	o := trail.SyslogOptions{
		// Whoever runs this server names the receiver, and it is inside, if anything is.
		Way: way, Address: address, Dial: providers.Dialer{AllowPrivate: true}.DialContext, Host: host, Clock: clock.System{},
	}
	if way != trail.TLS {
		return o, nil
	}
	name, _, _ := net.SplitHostPort(address) // the configuration has looked at it
	o.TLS = &tls.Config{ServerName: name, MinVersion: tls.VersionTLS12}
	if c.AuditSyslogCA == "" {
		return o, nil
	}
	read, err := os.ReadFile(c.AuditSyslogCA)
	if err != nil {
		return o, fault.Wrap(fault.Invalid, "audit_syslog_ca", err)
	}
	o.TLS.RootCAs = x509.NewCertPool()
	if !o.TLS.RootCAs.AppendCertsFromPEM(read) {
		return o, fault.New(fault.Invalid, "audit_syslog_ca: %q has no certificate in PEM", c.AuditSyslogCA)
	}
	return o, nil
}

// mostUncopied is how old an entry may be that waits to be copied, without a word.
const mostUncopied = 5 * time.Minute

// trailCopies looks whether the audit trail is copied to where the configuration says.
func (d *doctor) trailCopies(ctx context.Context) api.Finding {
	const name = "copies of the audit trail"
	targets := map[access.TrailCopy]string{access.CopyFile: d.config.AuditFile, access.CopySyslog: d.config.AuditSyslog}
	var said []string
	for _, to := range trailCopiesOf(d.config) {
		target := targets[to]
		waits, err := d.engine.Store.AuditBacklog(ctx, to)
		if err != nil {
			return warned(name, "they can't be looked at: "+err.Error(), "")
		}
		if late := (clock.System{}).Now().Sub(waits.Oldest); waits.Entries > 0 && late > mostUncopied {
			return bad(name, fmt.Sprintf("%d entries wait for %s, the oldest since %v", waits.Entries, target, late.Round(time.Second)),
				"The log of the process that leads says why (\"audit "+string(to)+"\"). They wait for as long as they are kept, and 7 days more; "+
					"so does the deletion of their accounts.")
		}
		said = append(said, target)
	}
	if said == nil {
		return api.Finding{} // there are none
	}
	return good(name, "they are up to date: %s", strings.Join(said, ", "))
}
