package store

import (
	"strconv"
	"sync/atomic"

	"carillon/campaigns"
	"carillon/internal/zone"
)

// turns are when the recipients of each zone have their turn, as the planner's INSERT
// takes them: rows of zone, due time and reason of those zones for which it is another
// than for who has none.
type turns struct {
	rows   string
	others bool // there are rows
	home   campaigns.Turn
}

// turnTable keeps the turns of the last timing, which every batch of a run asks for.
type turnTable struct {
	last atomic.Pointer[keptTurns]
}

type keptTurns struct {
	timing campaigns.Timing
	turns  turns
}

// of works them out, once for all zones on earth: that takes a few milliseconds,
// while to look for the zones of an audience takes as long as to read it.
func (t *turnTable) of(timing campaigns.Timing) turns {
	if kept := t.last.Load(); kept != nil && kept.timing == timing {
		return kept.turns
	}
	home := timing.Turn(timing.Zone(""))
	rows := [][3]any{}
	for _, name := range zone.Names() {
		if turn := timing.Turn(timing.Zone(name)); turn != home {
			rows = append(rows, [3]any{name, turn.Due.UnixMilli(), nullText(turn.Reason)})
		}
	}
	kept := &keptTurns{timing, turns{mustJSON(rows), len(rows) > 0, home}}
	t.last.Store(kept)
	return kept.turns
}

// timedInsert is what of the planner's INSERT says when messages are due.
type timedInsert struct {
	// zone selects the contact's zone, join joins it with its turn, z.
	zone string
	join fragment
	due  fragment
	// reason is why, or why a message waits.
	reason fragment
}

// timed says when the messages of a run are due. What has no time to wait for is due
// at 0, as soon as there is room, and the INSERT looks at no zone.
func (p planned) timed(s *Store) timedInsert {
	in := timedInsert{due: fragment{sql: "0"}, reason: fragment{sql: "why"}}
	if p.timing.Plain() {
		return in
	}
	t := s.turns.of(p.timing)
	due := fragment{"CAST(? AS BIGINT)", []any{t.home.Due.UnixMilli()}}
	if t.others {
		in.zone = "c.timezone AS zone, "
		in.join = fragment{" LEFT JOIN (" + s.d.statements.turns + ") z ON z.zone = r.zone", []any{t.rows}}
		due = fragment{"COALESCE(z.due, CAST(? AS BIGINT))", []any{t.home.Due.UnixMilli()}}
		in.reason = fragment{"CASE WHEN why IS NOT NULL THEN why WHEN z.due IS NOT NULL THEN z.reason ELSE CAST(? AS TEXT) END", []any{nullText(t.home.Reason)}}
	} else if t.home.Reason != "" {
		in.reason = fragment{"COALESCE(why, ?)", []any{t.home.Reason}}
	}
	if span := p.timing.Spread(); span > 0 {
		due = fragment{due.sql + " + " + shareOf("r.id"), append(due.args, span.Milliseconds())}
	}
	in.due = fragment{"CASE WHEN why IS NULL THEN " + due.sql + " ELSE 0 END", due.args}
	return in
}

var modulus = strconv.Itoa(campaigns.SpreadModulus)

// shareOf is Timing.Share of a column with a contact's id, in SQL: it takes the span in
// milliseconds.
func shareOf(id string) string {
	return "(" + id + " % " + modulus + ") * " + strconv.Itoa(campaigns.SpreadMultiplier) + " % " + modulus + " * CAST(? AS BIGINT) / " + modulus
}
