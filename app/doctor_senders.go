package app

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"carillon/api"
	"carillon/channels"
	"carillon/channels/domains"
)

// mostDomains is how many sender domains the doctor looks up.
const mostDomains = 20

// senders looks whether the domains that mails come from publish what large mailbox providers
// want of bulk mail: Gmail and Yahoo ask for SPF and DMARC of whoever sends 5,000 mails a day,
// since February 2024, and for DKIM, of which Carillon knows its own keys alone.
func (d *doctor) senders(ctx context.Context) api.Finding {
	const name = "sender domains"
	list, err := d.engine.Store.AllChannels(ctx)
	if err != nil {
		return warned(name, "they can't be found out: "+err.Error(), "")
	}
	looking, cancel := context.WithTimeout(ctx, answersWithin)
	defer cancel()
	looked := map[string][]string{}
	for _, c := range list {
		// One whose provider this program does not have is told of elsewhere.
		sender, err := channels.SenderOf(d.engine.Registry, c)
		_, seen := looked[sender.Domain]
		if err != nil || sender.Domain == "" || len(looked) >= mostDomains && !seen {
			continue
		}
		looked[sender.Domain] = append(looked[sender.Domain], d.lacks(looking, sender)...)
	}
	if len(looked) == 0 {
		return api.Finding{} // no channel has one
	}
	all := slices.Sorted(maps.Keys(looked))
	var lacking []string
	for _, domain := range all {
		if lacks := slices.Compact(slices.Sorted(slices.Values(looked[domain]))); len(lacks) > 0 {
			lacking = append(lacking, domain+": "+strings.Join(lacks, ", "))
		}
	}
	if len(lacking) > 0 {
		return warned(name, strings.Join(lacking, "; "),
			"carillon channel check CHANNEL says what to publish: without SPF, DKIM and DMARC large mailbox providers refuse bulk mail or hide it.")
	}
	return good(name, "%s: what mailbox providers want is published", strings.Join(all, ", "))
}

// lacks is what a domain has to publish and does not, such as "SPF is missing".
func (d *doctor) lacks(ctx context.Context, sender domains.Sender) (list []string) {
	for _, r := range domains.Check(ctx, d.dns, sender) {
		if r.Required && r.State != domains.OK && r.Problem != domains.NoKey {
			of := ""
			if sender.Bounces != "" && r.Name == sender.Bounces {
				of = " of " + r.Name
			}
			list = append(list, fmt.Sprintf("%s%s is %s", strings.ToUpper(string(r.Purpose)), of, r.State))
		}
	}
	return list
}
