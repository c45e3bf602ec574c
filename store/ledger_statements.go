package store

import (
	"strings"

	"carillon/messages"
)

// statements are whole statements that differ between the databases: those that carry
// values for each of many rows.
type statements struct {
	// recordOutcomes takes the rows of outcomeValues, and the state, worker and try
	// that the messages must have.
	recordOutcomes string
	// recordUnspent is recordOutcomes for tries that don't count. Their number is
	// given to another try, so that the envelope has to be the same, too.
	recordUnspent string
	// insertTransitions takes the highest number of a message's move, and rows of
	// message, state, time, attempt, reason, kind, code, detail.
	insertTransitions string
	// applyReceipts takes rows of message, state, delivered, read, reason, detail,
	// final.
	applyReceipts string
	// deferMessages takes a reason and rows of message, due time and detail.
	deferMessages string
	// insertRuns takes rows of the columns of runs that it names.
	insertRuns string
	// aimCampaigns takes the time, the name of the zones' rules, and rows of campaign,
	// behind, fired, look, next, run, schedule's pause, the status at its end.
	aimCampaigns string
	// moveDue takes a reason and rows of message and due time, of those that wait.
	moveDue string
	// turns yields zone, due and reason of rows of these.
	turns string
	// insertReceipts takes the columns of receipts but for the id.
	insertReceipts string
	// insertLinks takes rows of run, number, address, 1 if it is of the data feed.
	insertLinks string
	// updateEngagement takes rows of message and the columns of engagement.
	updateEngagement string
	// addEngagementCounts takes rows of run, variant, number, shard, people, times, machine.
	addEngagementCounts string
	valueRows
}

// valueRows is how statements read rows of values that they are given as JSON: field is
// one value of a row, by its place and the type that PostgreSQL needs to know, and rows
// what stands behind FROM.
type valueRows struct {
	field func(i int, kind string) string
	rows  string
}

// columns are the first fields of a row, of types that are given in their order.
func (v valueRows) columns(kinds ...string) string {
	list := make([]string, len(kinds))
	for i, kind := range kinds {
		list[i] = v.field(i, kind)
	}
	return strings.Join(list, ", ")
}

// columnsAs are the first fields of a row, of types and under names that are given in their
// order, as in "bigint id".
func (v valueRows) columnsAs(fields ...string) string {
	list := make([]string, len(fields))
	for i, field := range fields {
		kind, name, _ := strings.Cut(field, " ")
		list[i] = v.field(i, kind) + " AS " + name
	}
	return strings.Join(list, ", ")
}

// accepted are the states of a message that the provider has, by its own word.
var accepted = []messages.State{messages.Sent, messages.Delivered, messages.Read}
