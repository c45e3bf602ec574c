package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"carillon/api"
)

// mostDomains is how many sender domains the doctor looks up.
const mostDomains = 20

// records looks up records of the DNS; *net.Resolver does.
type records interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
}

// senders looks whether the domains that mails come from say who may send for them: Gmail and
// Yahoo ask for SPF and DMARC of whoever sends 5,000 mails a day, since February 2024. DKIM
// can't be looked up without the mail server's selector.
func (d *doctor) senders(ctx context.Context) api.Finding {
	const name = "sender domains"
	channels, err := d.engine.Store.AllChannels(ctx)
	if err != nil {
		return warned(name, "they can't be found out: "+err.Error(), "")
	}
	var domains []string
	for _, c := range channels {
		// One whose provider this program does not have is told of elsewhere.
		if domain, err := d.engine.Registry.SenderDomain(c.Provider, c.Config); err == nil && domain != "" {
			domains = append(domains, strings.ToLower(domain))
		}
	}
	slices.Sort(domains)
	domains = slices.Compact(domains)
	if len(domains) == 0 {
		return api.Finding{} // no channel has one
	}
	looking, cancel := context.WithTimeout(ctx, answersWithin)
	defer cancel()
	var lacking, unknown []string
	for _, domain := range domains[:min(len(domains), mostDomains)] {
		lacks, err := d.lacks(looking, domain)
		switch {
		case err != nil:
			unknown = append(unknown, fmt.Sprintf("%s could not be looked up (%s)", domain, reasonOf(err)))
		case len(lacks) > 0:
			lacking = append(lacking, fmt.Sprintf("%s has no %s record", domain, strings.Join(lacks, " and no ")))
		}
	}
	switch {
	case len(lacking) > 0:
		return warned(name, strings.Join(slices.Concat(lacking, unknown), "; "),
			"Publish them, as your mail server's documentation says: without SPF and DMARC large mailbox providers refuse bulk mail or hide it.")
	case len(unknown) > 0:
		return warned(name, strings.Join(unknown, "; "), "This machine needs a resolver that answers, also to reach mail servers and programs.")
	}
	return good(name, "%s: SPF and DMARC are published", strings.Join(domains[:min(len(domains), mostDomains)], ", "))
}

// lacks is what a domain says nothing of.
func (d *doctor) lacks(ctx context.Context, domain string) (list []string, err error) {
	spf, err := d.publishes(ctx, "v=spf1", domain)
	if err != nil {
		return nil, err
	}
	if !spf {
		list = append(list, "SPF")
	}
	// A domain's policy holds for those below it (RFC 7489, 6.6.3).
	names := []string{"_dmarc." + domain}
	if above, err := publicsuffix.EffectiveTLDPlusOne(domain); err == nil && above != domain {
		names = append(names, "_dmarc."+above)
	}
	dmarc, err := d.publishes(ctx, "v=DMARC1", names...)
	if err == nil && !dmarc {
		list = append(list, "DMARC")
	}
	return list, err
}

// publishes reports whether one of the names has a text that begins so.
func (d *doctor) publishes(ctx context.Context, begins string, names ...string) (bool, error) {
	for _, name := range names {
		texts, err := d.dns.LookupTXT(ctx, name)
		var failure *net.DNSError
		if err != nil && !(errors.As(err, &failure) && failure.IsNotFound) {
			return false, err
		}
		if slices.ContainsFunc(texts, func(text string) bool {
			return len(text) >= len(begins) && strings.EqualFold(text[:len(begins)], begins)
		}) {
			return true, nil
		}
	}
	return false, nil
}

// reasonOf is why a name could not be looked up, without the resolver's address.
func reasonOf(err error) string {
	var failure *net.DNSError
	if errors.As(err, &failure) {
		return failure.Err
	}
	return err.Error()
}
