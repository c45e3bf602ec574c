package store

import (
	"context"
	"slices"
	"strings"

	"carillon/providers"
	"carillon/providers/mailbox"
	"carillon/store/sqldb"
	"carillon/targeting"
)

// AudienceLanguages counts those to whom a campaign of a category (0: of none) would be
// sent by the languages that they have: what a template's coverage of the campaign is
// counted from. Their sum is what PreviewAudience calls reachable.
func (s *Store) AudienceLanguages(
	ctx context.Context, channel providers.Channel, audience targeting.Audience, category int64,
) (map[string]int64, error) {
	return s.audienceBy(ctx, counted{by: "c.language"}, channel, audience, category)
}

// ZonesOfAudience counts the same people by their time zones.
func (s *Store) ZonesOfAudience(
	ctx context.Context, channel providers.Channel, audience targeting.Audience, category int64,
) (map[string]int64, error) {
	return s.audienceBy(ctx, counted{by: "c.timezone"}, channel, audience, category)
}

// MailboxesOfAudience counts those of them whose address is at a large mailbox provider's own
// domain, such as gmail.com, by the provider's name. At whose mail servers other domains are the
// store does not know.
func (s *Store) MailboxesOfAudience(
	ctx context.Context, channel providers.Channel, audience targeting.Audience, category int64,
) (map[string]int64, error) {
	var domains []any
	for _, domain := range mailbox.Domains() {
		domains = append(domains, domain)
	}
	own := fragment{" AND " + s.d.domain + " IN (?" + strings.Repeat(", ?", len(domains)-1) + ")", domains}
	people, err := s.audienceBy(ctx, counted{by: s.d.domain, only: own}, channel, audience, category)
	at := map[string]int64{}
	for domain, n := range people {
		at[mailbox.Known(domain)] += n
	}
	return at, err
}

// counted is by which expression over contacts c people are counted, and which of them: a condition
// behind an AND; both may read the address a. No condition counts all.
type counted struct {
	by   string
	only fragment
}

// audienceBy counts those who would be sent to.
func (s *Store) audienceBy(
	ctx context.Context, who counted, channel providers.Channel, audience targeting.Audience, category int64,
) (map[string]int64, error) {
	compiled, err := s.reader().compileAudience(ctx, channel, audience, category, s.clock.Now())
	if err != nil {
		return nil, s.translate(err)
	}
	reason, from := compiled.reason(), compiled.from(0, pastEveryID)
	people, err := sqldb.Map[string, int64](ctx, s.reader(), "SELECT has, COUNT(*) FROM (SELECT "+who.by+" AS has, "+reason.sql+" AS why"+from.sql+who.only.sql+
		") r WHERE why IS NULL GROUP BY has", slices.Concat(reason.args, from.args, who.only.args)...)
	return people, s.translate(err)
}
