package domains

import (
	"context"
	"slices"
	"strings"

	"github.com/emersion/go-msgauth/dmarc"
	"golang.org/x/net/publicsuffix"
)

func (l look) dkim(ctx context.Context, record *Record) {
	if record.Selector == "" {
		return // there is no key whose record could be looked for
	}
	is := l.key(record.Selector)
	published, err := l.LookupTXT(ctx, record.Name)
	if err != nil && !notFound(err) {
		record.unanswered(record.Name, err)
		return
	}
	record.Found = found(published)
	switch {
	case len(published) == 0 && is.Replaced:
		record.is(Missing, Absent, "Another key took its place, and its record is gone: remove the key here, too.")
		return
	case len(published) == 0 && is.Signs:
		record.is(Missing, Absent, "The key is not published any more, and mail is signed with it: publish it again. "+mailboxes)
		return
	case len(published) == 0:
		record.is(Missing, Absent, "The key is not published: mail is signed with it from when a check finds the record. "+
			"New records take minutes to an hour to be seen.")
		return
	case len(published) > 1:
		record.is(Wrong, Several, "There is more than one text at this name, so that verifiers may take the wrong one: leave only this key.")
		return
	}
	tags := tagsOf(published[0])
	key, wanted := tags["p"], tagsOf(record.Value)["p"]
	switch {
	case key == wanted && is.Replaced:
		record.ok("Another key took its place. Mail that is on its way needs the record for a week: after that take it away, and remove the key here.")
	case key == wanted:
		record.ok("The key is published, and mail is signed with it.")
	case key == "":
		record.is(Wrong, Revoked, "What is published says that the key was taken back (p= is empty): publish this one, or make another key.")
	default:
		record.is(Wrong, OtherKey, "Another key is published at this name: replace it by this one, whole, or make a key with another selector.")
	}
}

func (l look) key(selector string) Key {
	return l.Keys[slices.IndexFunc(l.Keys, func(k Key) bool { return k.Selector == selector })]
}

// tagsOf are the tags of a record such as v=DKIM1; p=…, without the blanks in their values.
func tagsOf(record string) map[string]string {
	tags := map[string]string{}
	for part := range strings.SplitSeq(record, ";") {
		if name, value, is := strings.Cut(part, "="); is {
			tags[strings.ToLower(strings.TrimSpace(name))] = strings.Join(strings.Fields(value), "")
		}
	}
	return tags
}

const (
	tagDMARC       = "v=DMARC1"
	suggestedDMARC = tagDMARC + "; p=none"
)

// policies are the texts of DMARC that hold for a domain: its own, else those of the
// organisation's domain that it is below (RFC 7489, 6.6.3).
func policies(ctx context.Context, r Resolver, domain string) (name string, published []string, err error) {
	name = "_dmarc." + domain
	published, err = texts(ctx, r, name, tagDMARC)
	if err != nil || len(published) > 0 {
		return name, published, err
	}
	// A domain that nothing is registered below has no one above it.
	if above, none := publicsuffix.EffectiveTLDPlusOne(domain); none == nil && above != domain {
		published, err = texts(ctx, r, "_dmarc."+above, tagDMARC)
		if len(published) > 0 {
			name = "_dmarc." + above
		}
	}
	return name, published, err
}

func (l look) dmarc(ctx context.Context, record *Record) {
	name, published, err := policies(ctx, l, l.Domain)
	record.Found = found(published)
	switch {
	case err != nil:
		record.unanswered(name, err)
		return
	case len(published) == 0:
		record.is(Missing, Absent, "There is no policy for mail that others send as "+l.Domain+": publish the record; p=none changes nothing yet. "+mailboxes)
		return
	case len(published) > 1:
		record.is(Wrong, Several, "There is more than one record that begins with v=DMARC1, so that none of them counts (RFC 7489, 6.6.3): leave one.")
		return
	}
	policy, err := dmarc.Parse(published[0])
	if err != nil {
		record.is(Wrong, Unreadable, "It can't be read ("+err.Error()+"): it begins with v=DMARC1; p= and none, quarantine or reject.")
		return
	}
	holds := policy.Policy
	if name != "_dmarc."+l.Domain && policy.SubdomainPolicy != "" {
		holds = policy.SubdomainPolicy
	}
	record.Name = name
	switch holds {
	case dmarc.PolicyNone:
		record.ok("It is published. Its policy is none: others may still send as " + l.Domain + ". Once all your mail passes, make it quarantine or reject.")
	default:
		record.ok("It is published, and mailbox providers " + string(holds) + " what is not from you.")
	}
}

func (l look) mx(ctx context.Context, record *Record) {
	servers, err := l.LookupMX(ctx, record.Name)
	if err != nil && !notFound(err) {
		record.unanswered(record.Name, err)
		return
	}
	names := make([]string, 0, len(servers))
	for _, s := range servers {
		names = append(names, s.Host)
	}
	record.Found = found(names)
	switch {
	case len(names) == 0:
		record.is(Missing, Absent, "No server takes mail for "+record.Name+": answers and what comes back reach nobody, and some mailbox providers "+
			"refuse mail from such a domain.")
	case len(names) == 1 && (names[0] == "." || names[0] == ""):
		record.is(Wrong, TakesNone, "The domain says that it takes no mail (RFC 7505), so that many mailbox providers take none from it: "+
			"name the server that takes it.")
	default:
		record.ok("Answers and what comes back have a server that takes them.")
	}
}

// mostAddresses is of how many of a server's addresses the names are looked up.
const mostAddresses = 4

func (l look) ptr(ctx context.Context, record *Record) {
	if include := includeOf(l.Host); include != "" {
		record.ok("The addresses that it sends from are the service's, which looks after their names.")
		return
	}
	public, err := l.addresses(ctx)
	switch {
	case notFound(err):
		record.is(Wrong, ServesNoMail, "There is no server of this name: correct the channel's host.")
		return
	case err != nil:
		record.unanswered(l.Host, err)
		return
	case len(public) == 0:
		record.is(Unknown, NotPublic, "The server is in your own network: the name of the address that it sends from can't be seen here.")
		return
	}
	for _, at := range public[:min(len(public), mostAddresses)] {
		names, err := l.LookupAddr(ctx, at.String())
		if err != nil && !notFound(err) {
			record.unanswered(at.String(), err)
			return
		}
		record.Found = append(record.Found, found(names)...)
		if len(names) == 0 {
			record.is(Missing, Absent, at.String()+" has no name: have whoever the address is rented from set one that leads back to it. "+
				"Large mailbox providers refuse mail from addresses without one.")
			return
		}
		if !l.leadsBack(ctx, names, at.String()) {
			record.is(Wrong, Unconfirmed, "The name of "+at.String()+" does not lead back to it: give the name an address record with it.")
			return
		}
	}
	record.ok("The server's address has a name that leads back to it.")
}

// leadsBack reports whether one of some names has an address.
func (l look) leadsBack(ctx context.Context, names []string, address string) bool {
	for _, name := range names[:min(len(names), mostAddresses)] {
		back, err := l.LookupIPAddr(ctx, name)
		if err != nil {
			continue
		}
		for _, a := range back {
			if a.IP.String() == address {
				return true
			}
		}
	}
	return false
}

func (l look) bimi(ctx context.Context, record *Record) {
	published, err := texts(ctx, l, record.Name, "v=BIMI1")
	if err != nil {
		record.unanswered(record.Name, err)
		return
	}
	record.Found = found(published)
	switch {
	case len(published) == 0:
		record.is(Missing, Absent, "Optional: with it, a certificate for the logo and a DMARC policy of quarantine or reject some mailbox providers show your logo.")
		return
	case len(published) > 1:
		record.is(Wrong, Several, "There is more than one record that begins with v=BIMI1: leave one.")
		return
	case !strings.HasPrefix(strings.ToLower(tagsOf(published[0])["l"]), "https://"):
		record.is(Wrong, Unreadable, "It names no logo: l= must be the https address of an SVG file.")
		return
	}
	_, policy, err := policies(ctx, l, l.Domain)
	if err != nil {
		record.unanswered("_dmarc."+l.Domain, err)
		return
	}
	if len(policy) != 1 || strings.EqualFold(tagsOf(policy[0])["p"], string(dmarc.PolicyNone)) {
		record.is(Wrong, WeakPolicy, "It is published, and counts for nothing while the DMARC policy is none, or there is no policy.")
		return
	}
	record.ok("It is published.")
}
