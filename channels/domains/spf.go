package domains

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"

	"blitiri.com.ar/go/spf"

	"carillon/providers"
)

// services are what the mail services have their customers put into SPF, by the names of their
// servers; each from the service's own documentation on authenticating a domain. A service's
// servers send from other addresses than those that they take mail at, so that only this tells.
var services = []struct{ server, include string }{
	{"smtp.gmail.com", "_spf.google.com"},
	{"smtp-relay.gmail.com", "_spf.google.com"},
	{"smtp.office365.com", "spf.protection.outlook.com"},
	{".mail.protection.outlook.com", "spf.protection.outlook.com"},
	{".amazonaws.com", "amazonses.com"},
	{"smtp.sendgrid.net", "sendgrid.net"},
	{"smtp.mailgun.org", "mailgun.org"},
	{"smtp.eu.mailgun.org", "mailgun.org"},
	{"smtp.postmarkapp.com", "spf.mtasv.net"},
	{"in-v3.mailjet.com", "spf.mailjet.com"},
}

// includeOf is what a service's customers include; empty for a server of none of them.
func includeOf(host string) string {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, s := range services {
		if host == s.server || strings.HasPrefix(s.server, ".") && strings.HasSuffix(host, s.server) {
			return s.include
		}
	}
	return ""
}

const tagSPF = "v=spf1"

// suggestedSPF is the shortest record that lets a mail server send: the one of the service that
// it belongs to, else its own addresses and those of the domain's MX.
func suggestedSPF(host string) string {
	if include := includeOf(host); include != "" {
		return tagSPF + " include:" + include + " ~all"
	}
	at, err := netip.ParseAddr(strings.Trim(host, "[]"))
	switch {
	case host == "":
		return ""
	case err != nil:
		return tagSPF + " a:" + host + " mx ~all"
	case !providers.IsPublic(at):
		return tagSPF + " mx ~all" // the Internet sees it come from another one
	case at.Is4():
		return tagSPF + " ip4:" + at.String() + " mx ~all"
	}
	return tagSPF + " ip6:" + at.String() + " mx ~all"
}

func (l look) spf(ctx context.Context, record *Record) {
	published, err := texts(ctx, l, record.Name, tagSPF)
	record.Found = found(published)
	switch {
	case err != nil:
		record.unanswered(record.Name, err)
		return
	case len(published) == 0:
		record.is(Missing, Absent, "Nobody is named who may send for "+record.Name+": publish the record. "+mailboxes)
		return
	case len(published) > 1:
		record.is(Wrong, Several, "There is more than one record that begins with v=spf1, so that none of them counts (RFC 7208, 4.5): make one of them.")
		return
	}
	if include := includeOf(l.Host); include != "" {
		if strings.Contains(strings.ToLower(published[0]), "include:"+include) {
			record.ok("It includes " + include + ", which " + l.Host + " sends from.")
			return
		}
		record.is(Wrong, NotCovered, "It does not name "+l.Host+": add include:"+include+" before its last part.")
		return
	}
	l.evaluated(ctx, record)
}

// mailboxes says why it matters.
const mailboxes = "Without it large mailbox providers refuse bulk mail or hide it."

// evaluated asks as a mailbox provider would whether the mail server may send.
func (l look) evaluated(ctx context.Context, record *Record) {
	public, err := l.addresses(ctx)
	if notFound(err) || l.Host == "" {
		record.ok("It is published. From which addresses your mail server sends can't be seen here: see that it names them.")
		return
	}
	if err != nil {
		record.unanswered(l.Host, err)
		return
	}
	if len(public) == 0 {
		record.ok("It is published. " + l.Host + " is in your own network, and sends from an address that can't be seen here: see that it is named.")
		return
	}
	for _, at := range public {
		result, err := spf.CheckHostWithSender(net.IP(at.AsSlice()), l.Host, "postmaster@"+record.Name, spf.WithResolver(l), spf.WithContext(ctx))
		switch {
		case result == spf.Pass:
		case result == spf.TempError:
			record.is(Unknown, NoAnswer, "What it includes could not be looked up: try again.")
			return
		case errors.Is(err, spf.ErrLookupLimitReached), errors.Is(err, spf.ErrVoidLookupLimitReached), errors.Is(err, spf.ErrTooManyMXRecords):
			record.is(Wrong, TooMany, "It needs more lookups than RFC 7208 allows (ten, and two that find nothing), so that it counts for nothing: "+
				"take out what sends no more mail for "+record.Name+".")
			return
		case result == spf.PermError:
			record.is(Wrong, Unreadable, "It can't be read: "+err.Error()+".")
			return
		default:
			record.is(Wrong, NotCovered, "It does not let "+l.Host+" ("+at.String()+") send: add a:"+l.Host+
				" before its last part, or what the documentation of that server says where it sends from other addresses.")
			return
		}
	}
	record.ok("It lets " + l.Host + " send.")
}

var _ spf.DNSResolver = Resolver(nil)
