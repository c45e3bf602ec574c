// Package mailbox owns at which mailbox provider an address is: who hosts the mail of its domain.
// It knows the large ones by name, and asks the DNS about everybody else's domains. It must not
// know channels, nor what anybody is sent.
package mailbox

import (
	"slices"
	"strings"

	"carillon/internal/fault"
)

// Default names every mailbox provider that has no limits of its own.
const Default = "default"

// Provider hosts the mailboxes of many domains.
type Provider struct {
	// Name is what limits call it, Title what people do.
	Name, Title string
	// servers are what the names of its mail servers end in, and domains are its own, of which
	// nothing needs to be looked up.
	servers, domains []string
	// says are words by which its servers' replies are known where they name none of these.
	says []string
}

// providers are the large ones. The servers are what each tells its customers to publish, or what
// its own domains publish:
//
//   - Google: support.google.com/a/answer/174125 (smtp.google.com, *.aspmx.l.google.com and
//     aspmx*.googlemail.com), gmail.com
//   - Microsoft: learn.microsoft.com/microsoft-365/enterprise/urls-and-ip-address-ranges
//     (*.mail.protection.outlook.com, *.mx.microsoft), outlook.com (*.olc.protection.outlook.com)
//   - Yahoo, which is AOL too: yahoo.com, aol.com (*.yahoodns.net)
//   - Apple: support.apple.com/102374 (mx01.mail.icloud.com)
//   - GMX, WEB.DE, mail.com and IONOS, of one house, which judges senders together
//     (postmaster.gmx.net): mx00.emig.gmx.net, mx-ha.web.de, mx00.mail.com, mx00.kundenserver.de,
//     mx00.ionos.de, mx00.1and1.com
//   - Deutsche Telekom: t-online.de (mx00.t-online.de)
//   - Zoho: zoho.com/mail/help/adminconsole/configure-email-delivery.html (mx.zoho.com, .eu, .in)
//   - Proton: proton.me/support/custom-domain (mail.protonmail.ch)
//   - Fastmail: in1-smtp.messagingengine.com
//   - Mail.ru and Yandex: emx.mail.ru, mx.yandex.net
//   - freenet: mx.freenet.de
//   - Orange, La Poste, Free and SFR: smtp-in.orange.fr, smtpz4.laposte.net, mx1.free.fr, smtp-in.sfr.fr
//   - Comcast: mx1a1.comcast.net
//   - Libero: smtp-in.libero.it
//   - Onet, Wirtualna Polska, Seznam: mx.poczta.onet.pl, mx.wp.pl, mx1.seznam.cz
//   - NetEase and Tencent: 163mx01.mxmail.netease.com, mx1.qq.com
var providers = []Provider{
	{Name: "google", Title: "Google", servers: []string{"google.com", "googlemail.com"}, domains: []string{"gmail.com", "googlemail.com"},
		says: []string{"gsmtp"}},
	{Name: "microsoft", Title: "Microsoft", servers: []string{"protection.outlook.com", "mx.microsoft", "hotmail.com"},
		domains: []string{"outlook.com", "hotmail.com", "live.com", "msn.com", "outlook.de", "hotmail.de", "live.de", "outlook.fr", "hotmail.fr", "live.fr",
			"hotmail.co.uk", "live.co.uk", "hotmail.it", "outlook.es", "hotmail.es", "live.nl"}},
	{Name: "yahoo", Title: "Yahoo and AOL", servers: []string{"yahoodns.net"},
		domains: []string{"yahoo.com", "aol.com", "ymail.com", "rocketmail.com", "yahoo.de", "yahoo.co.uk", "yahoo.fr", "yahoo.it", "yahoo.es", "yahoo.ca",
			"yahoo.co.in", "yahoo.com.br", "aol.de", "aim.com"},
		says: []string{"yahooinc.com"}},
	{Name: "apple", Title: "Apple iCloud", servers: []string{"mail.icloud.com"}, domains: []string{"icloud.com", "me.com", "mac.com"},
		says: []string{"apple.com"}},
	{Name: "gmx", Title: "GMX, WEB.DE and IONOS",
		servers: []string{"emig.gmx.net", "gmx.net", "web.de", "mail.com", "kundenserver.de", "1and1.com", "1and1.co.uk", "1and1.fr", "ionos.com", "ionos.de",
			"ionos.co.uk", "ionos.fr", "ionos.es", "ionos.it"},
		domains: []string{"gmx.de", "gmx.net", "gmx.at", "gmx.ch", "gmx.com", "web.de", "mail.com"}, says: []string{"1und1.de"}},
	{Name: "t-online", Title: "Telekom", servers: []string{"t-online.de"}, domains: []string{"t-online.de", "magenta.de"}},
	{Name: "zoho", Title: "Zoho", servers: []string{"zoho.com", "zoho.eu", "zoho.in", "zoho.com.au", "zohomail.com"},
		domains: []string{"zohomail.com", "zoho.com"}},
	{Name: "proton", Title: "Proton", servers: []string{"protonmail.ch"}, domains: []string{"proton.me", "protonmail.com", "pm.me"}},
	{Name: "fastmail", Title: "Fastmail", servers: []string{"messagingengine.com"}, domains: []string{"fastmail.com", "fastmail.fm"}},
	{Name: "mailru", Title: "Mail.ru", servers: []string{"mail.ru"}, domains: []string{"mail.ru", "bk.ru", "inbox.ru", "list.ru"}},
	{Name: "yandex", Title: "Yandex", servers: []string{"yandex.net", "yandex.ru"}, domains: []string{"yandex.ru", "yandex.com", "ya.ru"}},
	{Name: "freenet", Title: "freenet", servers: []string{"freenet.de"}, domains: []string{"freenet.de"}},
	{Name: "orange", Title: "Orange", servers: []string{"orange.fr"}, domains: []string{"orange.fr", "wanadoo.fr"}},
	{Name: "laposte", Title: "La Poste", servers: []string{"laposte.net"}, domains: []string{"laposte.net"}},
	{Name: "free", Title: "Free", servers: []string{"free.fr"}, domains: []string{"free.fr"}},
	{Name: "sfr", Title: "SFR", servers: []string{"sfr.fr"}, domains: []string{"sfr.fr", "neuf.fr"}},
	{Name: "comcast", Title: "Comcast", servers: []string{"comcast.net"}, domains: []string{"comcast.net"}},
	{Name: "libero", Title: "Libero", servers: []string{"libero.it"}, domains: []string{"libero.it"}},
	{Name: "onet", Title: "Onet", servers: []string{"onet.pl"}, domains: []string{"onet.pl", "op.pl"}},
	{Name: "wp", Title: "Wirtualna Polska", servers: []string{"wp.pl"}, domains: []string{"wp.pl", "o2.pl"}},
	{Name: "seznam", Title: "Seznam", servers: []string{"seznam.cz"}, domains: []string{"seznam.cz", "email.cz"}},
	{Name: "netease", Title: "NetEase", servers: []string{"netease.com"}, domains: []string{"163.com", "126.com"}},
	{Name: "tencent", Title: "Tencent", servers: []string{"qq.com"}, domains: []string{"qq.com"}},
}

// Names are the names of the large ones, in the order of their table.
func Names() []string {
	names := make([]string, len(providers))
	for i, p := range providers {
		names[i] = p.Name
	}
	return names
}

// Domains are the large ones' own domains, of which Known tells the provider.
func Domains() (list []string) {
	for _, p := range providers {
		list = append(list, p.domains...)
	}
	return list
}

// ofDomain is the provider whose own a domain is; nil if it is none's.
func ofDomain(domain string) *Provider {
	for i := range providers {
		if slices.Contains(providers[i].domains, domain) {
			return &providers[i]
		}
	}
	return nil
}

// Known is the name of the mailbox provider whose own a domain is, which nothing is looked up for;
// empty if it is none of the large ones'.
func Known(domain string) string {
	if p := ofDomain(strings.ToLower(domain)); p != nil {
		return p.Name
	}
	return ""
}

// ofServer is the provider whose mail server a host is; nil if it is none's.
func ofServer(host string) *Provider {
	for i := range providers {
		if slices.ContainsFunc(providers[i].servers, func(end string) bool { return within(host, end) }) {
			return &providers[i]
		}
	}
	return nil
}

// within reports whether a host is a domain or below it.
func within(host, domain string) bool {
	return host == domain || strings.HasSuffix(host, "."+domain)
}

// Speaks reports whether a reply of a server that mail was handed to is that of the mailbox
// provider of the recipient's domain: whether it names the domain or the provider. What the server
// of a provider says itself is said to whoever hands mail to it, and is not.
func Speaks(reply, domain, server string) bool {
	reply, domain, server = strings.ToLower(reply), strings.ToLower(domain), strings.ToLower(server)
	p := ofDomain(domain)
	if p == nil {
		return domain != "" && mentions(reply, domain) && !within(server, domain)
	}
	if ofServer(server) == p || slices.ContainsFunc(p.domains, func(d string) bool { return within(server, d) }) {
		return false
	}
	for _, words := range [][]string{p.servers, p.domains, p.says} {
		if slices.ContainsFunc(words, func(w string) bool { return mentions(reply, w) }) {
			return true
		}
	}
	return false
}

// mentions reports whether a text has a name in it, and not as a part of another.
func mentions(text, name string) bool {
	for at := 0; ; {
		i := strings.Index(text[at:], name)
		if i < 0 {
			return false
		}
		from, to := at+i, at+i+len(name)
		if (from == 0 || !inName(text[from-1])) && (to == len(text) || !inName(text[to])) {
			return true
		}
		at = from + 1
	}
}

// inName reports whether a byte makes another name of one that it stands beside. What stands before
// a dot is a name below it.
func inName(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-'
}

// maxName is the longest name of a domain (RFC 1035, 2.3.4).
const maxName = 253

// CheckName is Invalid, by the field at a location, for what names no mailbox provider: it is
// Default, one of Names, or the domain of others' mail servers.
func CheckName(location, name string) error {
	if name == Default || slices.Contains(Names(), name) || strings.Contains(name, ".") && isHost(name) {
		return nil
	}
	return fault.InvalidField(location, name, "is no mailbox provider: there are %s, %s, and the domains of others' mail servers, such as example.org",
		Default, strings.Join(Names(), ", "))
}

// isHost reports whether a text is the lower-case name of a host.
func isHost(name string) bool {
	if name == "" || len(name) > maxName {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || strings.ContainsFunc(label, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_'
		}) {
			return false
		}
	}
	return true
}
