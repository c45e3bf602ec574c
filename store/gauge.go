package store

import (
	"context"

	"carillon/providers"
	"carillon/store/sqldb"
	"carillon/targeting"
)

// AudienceIsEmpty reports whether nobody is in an audience, whether reachable or not.
func (s *Store) AudienceIsEmpty(ctx context.Context, channel providers.Channel, audience targeting.Audience) (bool, error) {
	compiled, err := s.reader().compileAudience(ctx, channel, audience, 0, s.clock.Now())
	if err != nil {
		return false, s.translate(err)
	}
	_, found, err := s.reader().batchOf(ctx, compiled, 0, 1)
	return found == 0, s.translate(err)
}

// LastAudience is how many recipients the newest run on a channel had that was no resend,
// and not of the campaign except; 0 if there is none.
func (s *Store) LastAudience(ctx context.Context, channelID, except int64) (int64, error) {
	planned, err := sqldb.IDs(ctx, s.reader(), `SELECT planned FROM runs WHERE channel_id = ? AND campaign_id <> ? AND plan_done AND kind <> 'resend'
		ORDER BY id DESC LIMIT 1`, channelID, except)
	if err != nil || len(planned) == 0 {
		return 0, s.translate(err)
	}
	return planned[0], nil
}
