package store

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"carillon/campaigns"
	"carillon/contacts"
	"carillon/providers"
	"carillon/store/sqldb"
	"carillon/targeting"
)

// drawsFor is how often one is drawn for each that is wanted: again where somebody was drawn
// twice, or nobody can be reached among the hundred behind an id.
const drawsFor = 3

// drawingTime bounds the draws: where a rule holds for few of millions each of them looks at
// most contacts.
const drawingTime = 3 * time.Second

// DrawAudience is up to n recipients that a campaign would be sent to, drawn from all of them,
// each with the lists of the audience that it is in. Who follows a gap in the ids is drawn more
// often than others: it is for looking at, and no statistic.
func (s *Store) DrawAudience(
	ctx context.Context, channel providers.Channel, audience targeting.Audience, category int64, n int,
) ([]campaigns.Drawn, error) {
	tx := s.reader()
	compiled, err := tx.compileAudience(ctx, channel, audience, category, s.clock.Now())
	if err != nil {
		return nil, s.translate(err)
	}
	// Those of small audiences, and where so many behind a drawn id can't be reached.
	ids, err := tx.reachableBehind(ctx, compiled, 0, n)
	if err != nil {
		return nil, s.translate(err)
	}
	if len(ids) == n {
		if ids, err = tx.draw(ctx, compiled, ids, n); err != nil {
			return nil, s.translate(err)
		}
	}
	recipients, err := s.recipientsOf(ctx, ids, channel, audience)
	if err != nil {
		return nil, err
	}
	in, err := tx.listsOf(ctx, ids, slices.Concat(audience.Uploads, audience.Categories, audience.Groups, audience.Labels))
	if err != nil {
		return nil, s.translate(err)
	}
	drawn := make([]campaigns.Drawn, 0, len(recipients))
	for _, r := range recipients {
		drawn = append(drawn, campaigns.Drawn{Recipient: r, Lists: in[r.ContactID]})
	}
	return drawn, nil
}

// draw draws n, and fills up with the first where fewer are found in time.
func (tx conn) draw(ctx context.Context, compiled audienceSQL, first []int64, n int) (ids []int64, err error) {
	var last int64
	if err := tx.Row(ctx, "SELECT COALESCE(MAX(id), 0) FROM contacts WHERE account_id = ?", compiled.accountID).Scan(&last); err != nil {
		return nil, err
	}
	drawing, cancel := context.WithTimeout(ctx, drawingTime)
	defer cancel()
	for range drawsFor * n {
		if len(ids) == n {
			break
		}
		found, err := tx.reachableBehind(drawing, compiled, rand.Int64N(last+1), 1)
		if drawing.Err() != nil && ctx.Err() == nil {
			break
		}
		if err != nil {
			return nil, err
		}
		if len(found) > 0 && !slices.Contains(ids, found[0]) {
			ids = append(ids, found[0])
		}
	}
	for _, id := range first {
		if len(ids) < n && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// listsOf are those of some lists that contacts are in.
func (tx conn) listsOf(ctx context.Context, ids, lists []int64) (map[int64][]contacts.Membership, error) {
	in := map[int64][]contacts.Membership{}
	if len(ids) == 0 || len(lists) == 0 {
		return in, nil
	}
	return in, sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		var id int64
		var m contacts.Membership
		if err := scan(&id, &m.ListID, &m.Kind, &m.Name); err != nil {
			return err
		}
		in[id] = append(in[id], m)
		return nil
	}, "SELECT m.contact_id, l.id, l.kind, l.name FROM members m JOIN lists l ON l.id = m.list_id WHERE m.contact_id "+tx.d.InIDs+
		" AND m.list_id "+tx.d.InIDs+" ORDER BY m.contact_id, l.id", tx.d.IDList(ids), tx.d.IDList(lists))
}
