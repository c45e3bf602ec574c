package store

import (
	"context"

	"carillon/contacts"
	"carillon/providers"
	"carillon/targeting"
)

// CountAudience counts an audience's contacts; by kind also whom of them a
// campaign of no category on a channel of this kind reaches. It ends with ctx.
func (s *Store) CountAudience(ctx context.Context, accountID int64, a targeting.Audience, kind providers.AddressKind) (targeting.AudienceCount, error) {
	channel := providers.Channel{AccountID: accountID, Address: kind}
	if kind != "" {
		preview, err := s.PreviewAudience(ctx, channel, a, 0)
		return targeting.AudienceCount{Total: preview.Total, Reachable: preview.Reachable, Skipped: preview.Skipped}, err
	}
	compiled, err := s.reader().compileAudience(ctx, channel, a, 0, s.clock.Now())
	if err != nil {
		return targeting.AudienceCount{}, s.translate(err)
	}
	everyone := compiled.contacts()
	var count targeting.AudienceCount
	err = s.reader().Row(ctx, "SELECT COUNT(*) FROM contacts c WHERE "+everyone.sql, everyone.args...).Scan(&count.Total)
	return count, s.translate(err)
}

// AudienceContacts lists an audience's contacts in the order of their ids, those
// behind after; who is excluded is not among them.
func (s *Store) AudienceContacts(ctx context.Context, accountID int64, a targeting.Audience, after int64, limit int) ([]contacts.Contact, error) {
	compiled, err := s.reader().compileAudience(ctx, providers.Channel{AccountID: accountID}, a, 0, s.clock.Now())
	if err != nil {
		return nil, s.translate(err)
	}
	everyone := compiled.contacts()
	for _, left := range compiled.leftOut() {
		everyone = fragment{everyone.sql + " AND NOT " + left.sql, append(everyone.args, left.args...)}
	}
	list, err := s.reader().readContacts(ctx, selectContact+" WHERE c.id > ? AND "+everyone.sql+" ORDER BY c.id LIMIT ?",
		append(append([]any{after}, everyone.args...), limit)...)
	return list, s.translate(err)
}
