package store

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/contacts"
	"carillon/messages"
	"carillon/providers"
)

// Circumstance is one combination of what gates are about.
type Circumstance struct {
	Status     contacts.ContactStatus
	Suppressed string // reason; empty for none
	Left       bool   // the campaign's category
}

// Circumstances are all of them, who is fine first.
func Circumstances() (all []Circumstance) {
	for _, status := range []contacts.ContactStatus{contacts.Active, contacts.Inactive, contacts.Blocked, contacts.Deleted} {
		for _, suppressed := range []string{"", contacts.Unsubscribed, contacts.Bounced, contacts.Complained} {
			for _, left := range []bool{false, true} {
				all = append(all, Circumstance{status, suppressed, left})
			}
		}
	}
	return all
}

// What a contact's own action asks for goes to whoever is inactive or opted out of
// campaigns, and to nobody else.
func TestGatesOfTransactionalMessages(t *testing.T) {
	for _, c := range Circumstances() {
		l := &lookup{
			transactional: true, status: map[int64]contacts.ContactStatus{7: c.Status}, suppressed: map[string]string{}, left: map[int64]bool{},
		}
		if c.Suppressed != "" {
			l.suppressed["a"] = c.Suppressed
		}
		_, h := l.holding(marked{contactID: 7, address: "a"})
		kept := (c.Status == contacts.Active || c.Status == contacts.Inactive) && (c.Suppressed == "" || c.Suppressed == contacts.Unsubscribed)
		require.Equal(t, kept, !h.shut, "%+v", c)
		_, h = l.holding(marked{address: "a"}) // nobody's
		require.Equal(t, c.Suppressed == "" || c.Suppressed == contacts.Unsubscribed, !h.shut, "%+v", c)
		reason, _ := l.holding(marked{contactID: 8, address: "b"})
		require.Equal(t, messages.ReasonDeleted, reason, "a contact that is not there any more")
	}
}

// TestGateTable keeps the list in order.
func TestGateTable(t *testing.T) {
	a := audienceSQL{kind: providers.Email, category: 1}
	for i, g := range gates {
		require.NotEmpty(t, g.reason, i)
		require.False(t, g.planned == nil && g.fed == nil, "%s is asked nowhere", g.reason)
		if g.planned == nil {
			continue
		}
		for _, condition := range g.planned(a) {
			require.Len(t, condition.args, strings.Count(condition.sql, "?"), g.reason)
		}
	}
}
