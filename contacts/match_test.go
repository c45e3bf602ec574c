package contacts

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/contacts/csvfile"
	"carillon/contacts/value"
)

// model is the rules of an import as simply as they can be said: one row after
// the other over a list of contacts.
type model struct {
	key     KeyField
	people  []*Profile
	refused []int64
}

func (m *model) find(match func(*Profile) bool) *Profile {
	for _, p := range m.people {
		if match(p) {
			return p
		}
	}
	return nil
}

func (m *model) take(row ImportRow) {
	claims := []func(*Profile) bool{func(p *Profile) bool { return row.ExternalID != "" && p.ExternalID == row.ExternalID }}
	fields := []KeyField{ByExternalID}
	has := []bool{row.ExternalID != ""}
	for i, kind := range value.Kinds() {
		claims = append(claims, func(p *Profile) bool { return row.Addresses[i] != "" && p.Addresses[i] == row.Addresses[i] })
		fields = append(fields, KeyField(kind))
		has = append(has, row.Addresses[i] != "")
	}
	var found *Profile
	keyed := false
	for i, field := range fields {
		if !keyed && has[i] && (m.key == ByAny || m.key == field) {
			found, keyed = m.find(claims[i]), true
		}
	}
	if !keyed {
		m.refused = append(m.refused, row.Line)
		return
	}
	var shared []int
	for i := range claims {
		holder := m.find(claims[i])
		switch {
		case holder == nil || holder == found:
		case i > 1 && row.Spare[i-1] && row.Addresses[0] != "" && m.key != fields[i]:
			shared = append(shared, i-1)
		default:
			m.refused = append(m.refused, row.Line)
			return
		}
	}
	for _, i := range shared {
		row.Addresses[i] = ""
	}
	if found == nil {
		found = &Profile{Status: Active}
		m.people = append(m.people, found)
	}
	set := func(to *string, from string) {
		if from != "" {
			*to = from
		}
	}
	set(&found.ExternalID, row.ExternalID)
	set(&found.FirstName, row.FirstName)
	for i := range value.Kinds() {
		set(&found.Addresses[i], row.Addresses[i])
	}
	if row.Status != "" {
		found.Status = row.Status
	}
	found.Status = found.Status.Controlled(row.Control)
}

func TestControlledStatus(t *testing.T) {
	const unsaid, yes, no = csvfile.Unsaid, csvfile.Yes, csvfile.No
	for _, c := range []struct {
		control csvfile.Control
		want    [4]ContactStatus // of an active, inactive, blocked, deleted contact
	}{
		{csvfile.Control{}, [4]ContactStatus{Active, Inactive, Blocked, Deleted}},
		{csvfile.Control{Active: yes}, [4]ContactStatus{Active, Active, Blocked, Deleted}},
		{csvfile.Control{Active: no}, [4]ContactStatus{Inactive, Inactive, Blocked, Deleted}},
		{csvfile.Control{Blocked: yes}, [4]ContactStatus{Blocked, Blocked, Blocked, Deleted}},
		{csvfile.Control{Blocked: no}, [4]ContactStatus{Active, Inactive, Active, Deleted}},
		{csvfile.Control{Blocked: no, Active: no}, [4]ContactStatus{Inactive, Inactive, Inactive, Deleted}},
		{csvfile.Control{Deleted: yes, Active: yes}, [4]ContactStatus{Deleted, Deleted, Deleted, Deleted}},
		{csvfile.Control{Deleted: no}, [4]ContactStatus{Active, Inactive, Blocked, Active}},
		{csvfile.Control{Deleted: no, Blocked: yes}, [4]ContactStatus{Blocked, Blocked, Blocked, Blocked}},
		{csvfile.Control{Active: yes, Blocked: no, Deleted: no}, [4]ContactStatus{Active, Active, Active, Active}},
	} {
		for i, status := range []ContactStatus{Active, Inactive, Blocked, Deleted} {
			require.Equal(t, c.want[i], status.Controlled(c.control), "%s %+v", status, c.control)
		}
	}
	require.Equal(t, Active, Active.Controlled(csvfile.Control{Active: unsaid}))
}

func randomRow(random *rand.Rand, line int64) ImportRow {
	pick := func(format string) string {
		if random.IntN(3) == 0 {
			return ""
		}
		return fmt.Sprintf(format, random.IntN(6))
	}
	row := ImportRow{Line: line}
	row.ExternalID, row.FirstName = pick("id%d"), pick("Name%d")
	row.Addresses[0], row.Addresses[1] = pick("a%d@example.com"), pick("+49%d")
	row.Status = []ContactStatus{"", "", "", Active, Inactive, Blocked, Deleted}[random.IntN(7)]
	row.Spare[1] = random.IntN(2) == 0
	row.Control.Active = csvfile.Said(random.IntN(3) - 1)
	row.Control.Blocked = csvfile.Said(random.IntN(3) - 1)
	return row
}

// TestMatchingFollowsTheModel imports random rows over few values, so that they
// clash all the time, in batches of random sizes.
func TestMatchingFollowsTheModel(t *testing.T) {
	for seed := range uint64(400) {
		random := rand.New(rand.NewPCG(seed, 2)) // repeatable on purpose
		key := []KeyField{ByAny, ByExternalID, ByEmail, ByPhone}[seed%4]
		want := model{key: key}
		stored := map[int64]Profile{}
		members := map[int64]bool{}
		var refused []int64
		var created, updated, duplicates, lines int64
		for range 6 {
			known := []*Person{}
			for id, profile := range stored {
				known = append(known, &Person{ID: id, Profile: profile, Stored: &profile, Member: members[id]})
			}
			m := NewMatching(key, known, 8)
			for range 1 + random.IntN(8) {
				lines++
				row := randomRow(random, lines)
				want.take(row)
				m.Take(&row)
			}
			for _, p := range m.New {
				p.ID = int64(len(stored) + 1)
				stored[p.ID] = p.Profile
			}
			for _, p := range m.Joined {
				if p.Stored != nil {
					require.Equal(t, p.Changed(), stored[p.ID] != p.Profile)
				}
				stored[p.ID], members[p.ID] = p.Profile, true
			}
			for _, line := range m.Refused() {
				require.NotEmpty(t, line.Reason)
				if !line.Taken {
					refused = append(refused, line.Line)
				}
			}
			created, updated, duplicates = created+m.Created, updated+m.Updated, duplicates+m.Duplicates
		}
		require.Equal(t, want.refused, refused, "seed %d", seed)
		require.Len(t, stored, len(want.people), "seed %d", seed)
		for profile := range maps.Values(stored) {
			require.NotNil(t, want.find(func(p *Profile) bool { return *p == profile }), "seed %d: %+v", seed, profile)
		}
		require.EqualValues(t, len(want.people), created)
		require.Zero(t, updated, "everybody in the table came from this upload")
		require.Equal(t, lines, created+duplicates+int64(len(refused)))
	}
}

func TestMergeData(t *testing.T) {
	for _, test := range []struct{ earlier, later, want string }{
		{"", "", ""},
		{`{"a":"1"}`, "", `{"a":"1"}`},
		{"", `{"a":"1"}`, `{"a":"1"}`},
		{`{"a":"1","b":"2"}`, `{"b":"3","c":"ä\n"}`, `{"a":"1","b":"3","c":"ä\n"}`},
	} {
		got := mergeData(test.earlier, test.later)
		if test.want == "" {
			require.Empty(t, got)
			continue
		}
		require.JSONEq(t, test.want, got)
	}
}
