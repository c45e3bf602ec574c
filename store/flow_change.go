package store

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"carillon/campaigns/flow"
	"carillon/campaigns/flows"
	"carillon/contacts/value"
	"carillon/internal/fault"
	"carillon/store/sqldb"
)

// FindContacts are the ids of contacts by what names them; 0 where nobody is meant.
func (s *Store) FindContacts(ctx context.Context, accountID int64, who []flows.Who) ([]int64, error) {
	ids := make([]int64, len(who))
	byID, byExternal, byAddress := map[int64][]int{}, map[string][]int{}, map[string]map[string][]int{}
	for i, w := range who {
		switch {
		case w.ID != 0:
			byID[w.ID] = append(byID[w.ID], i)
		case w.ExternalID != "":
			byExternal[w.ExternalID] = append(byExternal[w.ExternalID], i)
		default:
			normal, err := value.Normal(w.Kind, w.Address, "")
			if err != nil {
				continue
			}
			kind := string(w.Kind)
			if byAddress[kind] == nil {
				byAddress[kind] = map[string][]int{}
			}
			byAddress[kind][normal] = append(byAddress[kind][normal], i)
		}
	}
	c := s.reader()
	take := func(places []int, id int64) {
		for _, i := range places {
			ids[i] = id
		}
	}
	named := func(of map[string][]int, query string, args ...any) error {
		if len(of) == 0 {
			return nil
		}
		return sqldb.Each(ctx, c, func(scan sqldb.Scan) error {
			var id int64
			var name string
			err := scan(&id, &name)
			take(of[name], id)
			return err
		}, query+" "+s.d.InTexts, append(args, s.d.TextList(slices.Sorted(maps.Keys(of))))...)
	}
	if len(byID) > 0 {
		found, err := s.ids(ctx, "SELECT id FROM contacts WHERE account_id = ? AND id "+s.d.InIDs, accountID, s.d.IDList(slices.Sorted(maps.Keys(byID))))
		if err != nil {
			return nil, err
		}
		for _, id := range found {
			take(byID[id], id)
		}
	}
	if err := named(byExternal, "SELECT id, external_id FROM contacts WHERE account_id = ? AND external_id", accountID); err != nil {
		return nil, s.translate(err)
	}
	for kind, of := range byAddress {
		if err := named(of, "SELECT contact_id, address FROM addresses WHERE account_id = ? AND kind = ? AND address", accountID, kind); err != nil {
			return nil, s.translate(err)
		}
	}
	return ids, nil
}

// PlanMove says how many sessions stand where on a version of a flow.
func (s *Store) PlanMove(ctx context.Context, accountID, id, version int64) (map[string]int64, error) {
	here, err := sqldb.Map[string, int64](ctx, s.reader(), "SELECT step, COUNT(*) FROM flow_sessions WHERE campaign_id = ? AND account_id = ? AND version = ? "+
		"AND ended_at IS NULL GROUP BY step", id, accountID, version)
	return here, s.translate(err)
}

// MoveVersion takes the sessions of a version that stand at the named steps to those of
// the version in force. They begin with the new step; one whose message is under way goes
// on from the step as if that had been sent.
func (s *Store) MoveVersion(ctx context.Context, accountID, id, version int64, to map[string]string) (moved int64, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		moved = 0
		e, err := tx.lockEnterable(ctx, accountID, id)
		if err != nil {
			return err
		}
		now := sqldb.Millis(s.clock.Now())
		for _, from := range slices.Sorted(maps.Keys(to)) {
			step, known := e.flow.StepOf(to[from])
			if !known {
				return fault.InvalidField("steps."+from, to[from], "the version in force has no such step")
			}
			// Who stands at the same step stays as they are: a question that was asked is open, and a
			// wait goes on. Others begin with their step.
			stay := from == to[from]
			if was, err := tx.compiledFlow(ctx, accountID, id, version); err != nil {
				return err
			} else if old, _ := was.StepOf(from); old.Kind != step.Kind {
				stay = false
			}
			set, args := "phase = '', deadline = NULL, tries = 0, awaits = NULL, wake_at = ?, ", []any{now}
			if stay {
				set, args = "", nil
			}
			n, err := tx.Exec(ctx, "UPDATE flow_sessions SET "+
				set+"version = ?, step = ?, rev = rev + 1, moved_at = ? WHERE campaign_id = ? AND version = ? AND step = ? "+
				"AND ended_at IS NULL", append(args, e.version, to[from], now, id, version, from)...)
			if err != nil {
				return err
			}
			moved += n
		}
		return nil
	})
	return moved, err
}

// VerifyFlow holds what is kept of a flow together: whoever ended has an end in their way,
// nobody waits for a message that is settled, and there are as many messages as were sent
// by sessions. A contact into which another was merged has the other's messages, too, and
// is not asked.
func (s *Store) VerifyFlow(ctx context.Context, accountID, id int64) (problems []string, err error) {
	const unmerged = " AND n.contact_id NOT IN (SELECT merged_into FROM contacts WHERE merged_into > 0) AND n.contact_id NOT IN (SELECT id FROM " +
		"contacts WHERE merged_into > 0)"
	for _, look := range []struct{ query, what string }{
		{`SELECT COUNT(*) FROM flow_sessions n WHERE n.campaign_id = ? AND n.ended_at IS NOT NULL AND
			(SELECT COUNT(*) FROM flow_moves m WHERE m.session_id = n.id AND m.exit = '` + string(flow.Ended) + `') <> 1`,
			"sessions ended without, or with more than, one end in their way"},
		{`SELECT COUNT(*) FROM flow_sessions n WHERE n.campaign_id = ? AND n.ended_at IS NULL AND EXISTS
			(SELECT 1 FROM flow_moves m WHERE m.session_id = n.id AND m.exit = '` + string(flow.Ended) + `')`, "sessions go on behind their end"},
		{`SELECT COUNT(*) FROM flow_sessions n JOIN messages m ON m.id = n.message_id WHERE n.campaign_id = ? AND n.ended_at IS NULL AND n.phase = 'sending'
			AND n.wake_at IS NULL AND m.state ` + is(settledStates...), "sessions wait for messages that are settled"},
		{`SELECT COUNT(*) FROM (SELECT n.contact_id, MAX(n.sends) AS sends, (SELECT COUNT(*) FROM messages m WHERE m.contact_id = n.contact_id AND m.run_id > 0
				AND m.run_id IN (SELECT run_id FROM flow_says y WHERE y.campaign_id = n.campaign_id)) AS made
			FROM flow_sessions n WHERE n.campaign_id = ?` + unmerged + ` GROUP BY n.contact_id, n.campaign_id) c WHERE c.sends <> c.made`,
			"contacts have another number of messages than their sessions sent"},
	} {
		var n int64
		if err := s.reader().Row(ctx, look.query, id).Scan(&n); err != nil {
			return nil, s.translate(err)
		}
		if n > 0 {
			problems = append(problems, fmt.Sprintf("%d %s", n, look.what))
		}
	}
	return problems, nil
}
