package store

import (
	"context"
	"slices"

	"carillon/providers"
	"carillon/store/sqldb"
	"carillon/targeting"
)

// AudienceLanguages counts those to whom a campaign of a category (0: of none) would be
// sent by the languages that they have: what a template's coverage of the campaign is
// counted from. Their sum is what PreviewAudience calls reachable.
func (s *Store) AudienceLanguages(
	ctx context.Context, channel providers.Channel, audience targeting.Audience, category int64,
) (map[string]int64, error) {
	return s.audienceBy(ctx, "language", channel, audience, category)
}

// ZonesOfAudience counts the same people by their time zones.
func (s *Store) ZonesOfAudience(
	ctx context.Context, channel providers.Channel, audience targeting.Audience, category int64,
) (map[string]int64, error) {
	return s.audienceBy(ctx, "timezone", channel, audience, category)
}

// audienceBy counts those who would be sent to by what they have in a column of
// contacts.
func (s *Store) audienceBy(
	ctx context.Context, column string, channel providers.Channel, audience targeting.Audience, category int64,
) (map[string]int64, error) {
	compiled, err := s.reader().compileAudience(ctx, channel, audience, category, s.clock.Now())
	if err != nil {
		return nil, s.translate(err)
	}
	reason, from := compiled.reason(), compiled.from(0, pastEveryID)
	people, err := sqldb.Map[string, int64](ctx, s.reader(), "SELECT has, COUNT(*) FROM (SELECT c."+column+" AS has, "+reason.sql+" AS why"+from.sql+
		") r WHERE why IS NULL GROUP BY has", slices.Concat(reason.args, from.args)...)
	return people, s.translate(err)
}
