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
	compiled, err := s.reader().compileAudience(ctx, channel, audience, category, s.clock.Now())
	if err != nil {
		return nil, s.translate(err)
	}
	reason, from := compiled.reason(), compiled.from(0, pastEveryID)
	people, err := sqldb.Map[string, int64](ctx, s.reader(), "SELECT language, COUNT(*) FROM (SELECT c.language, "+reason.sql+" AS why"+from.sql+
		") r WHERE why IS NULL GROUP BY language", slices.Concat(reason.args, from.args)...)
	return people, s.translate(err)
}
