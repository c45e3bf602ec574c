package store_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"carillon/contacts/property"
	"carillon/store"
	"carillon/targeting/rule"
)

// Values that fold, order, escape and count in ways that databases differ in.
var (
	oddTexts = []string{
		"", "a", "A", "Ä", "ä", "a\u0308", "ab", "Ab%", "ab_", `a\b`, "%", "_", "'", `"`, "a'b\"c", "?", "$1", "ß", "SS", "ss", "straße", "İ", "i", "I", "ı",
		"Σ", "ς", "σ",
		"\u212a", "k", "\U0010FFFF", "a\U0010FFFF", "\ud7ff", "\ue000", "日本", "日本語", "é", "e\u0301", "E\u0301cole", "10", "9", " a", "a ", "\t", "\n", "null", "true",
		"J\u030c", "\u01f0", "\u1e9e", "😀", "😀b", "\u0001",
	}
	oddNumbers = []string{
		"0", "-0", "1", "-1", "2", "10", "0.1", "0.2", "0.3", "0.30", "1e3", "1000", "123456789012345", "12345678901234.5", "0.000000000000001",
		"999999999999999", "-0.123456789012345", "3.14159265358979", "100000000000001", "0.1e-2", "70000.05", "8.95",
	}
	oddDates = []string{"0001-01-01", "1969-12-31", "1970-01-01", "2024-02-29", "2026-02-28", "2026-03-01", "2026-03-02", "2026-03-29", "9999-12-31"}
	oddTimes = []string{"00:00:00", "08:30:00", "08:30:01", "23:59:59"}
	oddCodes = []string{"", "de", "DE", "de-AT", "en", "Ä", "ä", "a%", "Europe/Berlin", "x@example.org", "X@EXAMPLE.ORG", "+49170"}
	zones    = []string{"", "UTC", "Europe/Berlin", "America/New_York", "Pacific/Apia", "Asia/Kolkata", "Africa/Casablanca"}
)

func oneOf[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// oddInstant is a time around now, on a day's border as often as not.
func oddInstant(r *rand.Rand, now time.Time) time.Time {
	at := now.AddDate(0, 0, -r.IntN(12))
	switch r.IntN(4) {
	case 0:
		return at.Truncate(24 * time.Hour)
	case 1:
		return at.Truncate(24 * time.Hour).Add(-time.Duration(1+r.IntN(14)) * time.Hour)
	case 2:
		return at.Truncate(24 * time.Hour).Add(-time.Millisecond)
	default:
		return at.Add(time.Duration(r.IntN(86_400_000)) * time.Millisecond)
	}
}

func maybeInstant(r *rand.Rand, now time.Time) time.Time {
	if r.IntN(2) == 0 {
		return time.Time{}
	}
	return oddInstant(r, now)
}

func oddAttribute(r *rand.Rand, key string) any {
	switch {
	case r.IntN(12) == 0:
		return nil
	case key == "number" || key == "currency" || key == "percent":
		n, _ := strconv.ParseFloat(oneOf(r, oddNumbers), 64)
		return n
	case key == "checkbox":
		return r.IntN(2) == 0
	case key == "date":
		return oneOf(r, oddDates)
	case key == "time":
		return oneOf(r, oddTimes)
	case key == "collection":
		list := []any{}
		for range r.IntN(4) {
			list = append(list, oneOf(r, oddTexts))
		}
		return list
	default:
		return oneOf(r, oddTexts)
	}
}

func oddContact(r *rand.Rand, n int, now time.Time) rule.Contact {
	c := rule.Contact{
		Name: oneOf(r, oddTexts), FirstName: oneOf(r, oddTexts), LastName: oneOf(r, oddTexts),
		Language: oneOf(r, oddCodes), Timezone: oneOf(r, oddCodes), Status: oneOf(r, []string{"active", "inactive", "blocked", "deleted"}),
		CreatedAt: oddInstant(r, now), LastActivityAt: maybeInstant(r, now), LastRepliedAt: maybeInstant(r, now),
		Addresses: map[string]string{}, Attributes: map[string]any{}, Expiry: map[string]time.Time{}, ChangedAt: map[string]time.Time{}, Lists: map[int64]string{},
	}
	if r.IntN(2) == 0 {
		c.ExternalID = fmt.Sprint(oneOf(r, oddCodes), n)
	}
	for _, kind := range []string{"email", "phone"} {
		if r.IntN(2) == 0 {
			c.Addresses[kind] = fmt.Sprint(oneOf(r, oddCodes), n)
		}
	}
	for _, p := range store.RuleProperties() {
		if r.IntN(3) > 0 {
			c.Attributes[p.Key] = oddAttribute(r, p.Key)
			if r.IntN(2) == 0 {
				c.ChangedAt[p.Key] = oddInstant(r, now)
			}
			if r.IntN(4) == 0 {
				c.Expiry[p.Key] = now.Add(time.Duration(r.IntN(3)-1) * time.Millisecond)
			}
		}
	}
	for id := int64(1); id <= 8; id++ {
		if r.IntN(4) == 0 {
			c.Lists[id] = ruleListKind(id)
		}
	}
	for _, name := range []string{"order.paid", "created_at"} {
		for range r.IntN(3) {
			if c.Events == nil {
				c.Events = map[string][]time.Time{}
			}
			c.Events[name] = append(c.Events[name], oddInstant(r, now))
		}
	}
	for range r.IntN(4) {
		c.Messages = append(c.Messages, rule.Message{
			CampaignID: int64(r.IntN(4)), SentAt: maybeInstant(r, now), DeliveredAt: maybeInstant(r, now), ReadAt: maybeInstant(r, now),
			LastOpenedAt: maybeInstant(r, now), LastClickedAt: maybeInstant(r, now),
		})
	}
	return c
}

// drawRule draws a rule as a user would send it.
func drawRule(t *rapid.T, fields []rule.Described) map[string]any {
	g := drawGroup(t, fields, 3)
	if zone := rapid.SampledFrom(zones).Draw(t, "zone"); zone != "" {
		g["timezone"] = zone
	}
	return g
}

func drawGroup(t *rapid.T, fields []rule.Described, depth int) map[string]any {
	var rules []any
	for range rapid.IntRange(1, 3).Draw(t, "rules") {
		if depth > 0 && rapid.IntRange(0, 3).Draw(t, "deeper") == 0 {
			rules = append(rules, drawGroup(t, fields, depth-1))
			continue
		}
		rules = append(rules, drawCondition(t, fields))
	}
	return map[string]any{
		"condition": rapid.SampledFrom([]string{"AND", "OR", "or"}).Draw(t, "condition"), "not": rapid.Bool().Draw(t, "not"), "rules": rules,
	}
}

func drawCondition(t *rapid.T, fields []rule.Described) map[string]any {
	f := rapid.SampledFrom(fields).Draw(t, "field")
	o := rapid.SampledFrom(f.Operators()).Draw(t, "operator")
	c := map[string]any{"field": f.Name, "operator": string(o)}
	switch o {
	case rule.In, rule.NotIn:
		values := []any{}
		for range rapid.IntRange(1, 3).Draw(t, "values") {
			values = append(values, drawValue(t, f, o))
		}
		c["value"] = values
	case rule.Between, rule.NotBetween:
		pair := []any{drawValue(t, f, o), drawValue(t, f, o)}
		if wrongWayRound(f, pair[0], pair[1]) {
			slices.Reverse(pair)
		}
		c["value"] = pair
	case rule.IsNull, rule.IsNotNull, rule.IsEmpty, rule.IsNotEmpty:
	case rule.BeginsWith, rule.NotBeginsWith, rule.Contains, rule.NotContains, rule.EndsWith, rule.NotEndsWith:
		if c["value"] = drawValue(t, f, o); c["value"] == "" || f.Source == rule.Column && strings.TrimSpace(fmt.Sprint(c["value"])) == "" {
			c["value"] = "a"
		}
	default:
		c["value"] = drawValue(t, f, o)
	}
	return c
}

// wrongWayRound reports whether two drawn values are what between refuses.
func wrongWayRound(f rule.Described, a, b any) bool {
	if f.Compare == rule.AsNumber {
		number := func(v any) float64 {
			n, _ := strconv.ParseFloat(fmt.Sprint(v), 64)
			return n
		}
		return number(a) > number(b)
	}
	days := func(v any) (any, bool) { m, ok := v.(map[string]any); return m["days_before"], ok }
	before, isBefore := days(a)
	after, isAfter := days(b)
	if isBefore != isAfter {
		return false
	}
	if isBefore {
		return before.(int) < after.(int)
	}
	text := func(v any) string {
		if f.Source == rule.Column && f.Compare == rule.AsText {
			return property.Fold(strings.TrimSpace(property.Collapse(fmt.Sprint(v)))) // as names are kept
		}
		return property.Fold(fmt.Sprint(v))
	}
	return text(a) > text(b)
}

func drawValue(t *rapid.T, f rule.Described, o rule.Operator) any {
	sampled := func(list []string) string { return rapid.SampledFrom(list).Draw(t, "value") }
	relative := map[string]any{"days_before": rapid.IntRange(-2, 12).Draw(t, "days")}
	switch f.Compare {
	case rule.AsNumber:
		if f.Integer {
			return rapid.IntRange(-1, 30).Draw(t, "value")
		}
		return json.Number(sampled(oddNumbers))
	case rule.AsBoolean:
		return rapid.Bool().Draw(t, "value")
	case rule.AsDate:
		if rapid.Bool().Draw(t, "relative") {
			return relative
		}
		return sampled(oddDates)
	case rule.AsTime:
		return sampled(oddTimes)
	case rule.AsInstant:
		return rapid.SampledFrom([]any{
			relative, relative, "2026-02-25", "2026-02-28", "2026-02-25T00:00", "2026-02-24 23:00:00", "2026-02-26T00:00:00Z", "2026-02-26T12:00:00.000Z",
			"2026-02-26T00:00:00+01:00", "2026-02-25T23:59:59.999Z", "2026-03-29T02:30",
		}).Draw(t, "value")
	case rule.AsID:
		return rapid.IntRange(1, 9).Draw(t, "value")
	case rule.AsCode:
		if f.Name == "status" && (o == rule.Equal || o == rule.NotEqual || o == rule.In || o == rule.NotIn) {
			return sampled([]string{"active", "Blocked", "deleted"})
		}
		if rapid.Bool().Draw(t, "whole") {
			return sampled(oddCodes) + strconv.Itoa(rapid.IntRange(0, 40).Draw(t, "n"))
		}
		return sampled(oddCodes)
	default:
		return sampled(oddTexts)
	}
}

// TestRulesMeanTheSame holds the three meanings of a rule together.
func TestRulesMeanTheSame(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("contacts by seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	w := newRuleWorld(t)
	for n := range 120 {
		w.add(oddContact(r, n, w.moment.Now))
	}
	schema := ruleSchema()
	fields := schema.Fields()
	// Targeting lists 1 to 5 may be named by rules; the later ones name the earlier
	// ones; 6 to 9 do not exist.
	parse := func(t require.TestingT, drawn map[string]any) rule.Rule {
		data, err := json.Marshal(drawn)
		require.NoError(t, err)
		parsed, err := rule.Parse(data, schema)
		require.NoError(t, err, "%s", data)
		return parsed
	}
	var plain []rule.Described
	for _, f := range fields {
		if f.Source != rule.Targeting {
			plain = append(plain, f)
		}
	}
	lists := rapid.Custom(func(t *rapid.T) map[string]any { return drawRule(t, plain) })
	for id := range int64(5) {
		w.moment.Lists[id+1] = parse(t, lists.Example(int(r.Int32N(1<<20))+int(id)))
	}
	inner := fmt.Sprintf(`{"condition":"OR","not":true,"rules":[{"field":"targeting","operator":"in","value":[%d,%d]}]}`, 1, 4)
	list5, err := rule.Parse([]byte(inner), schema)
	require.NoError(t, err)
	w.moment.Lists[5] = list5

	some := 0
	rapid.Check(t, func(rt *rapid.T) {
		for range 4 {
			parsed := parse(rt, drawRule(rt, fields))
			found, err := w.matches(parsed)
			require.NoError(rt, err)
			text, err := json.Marshal(parsed)
			require.NoError(rt, err)
			require.Equal(rt, found[2], found[0], "in memory and in SQLite: %s", text)
			require.Equal(rt, found[2], found[1], "in memory and in PostgreSQL: %s", text)
			if n := len(found[2]); n > 0 && n < len(w.contacts) {
				some++
			}
		}
	})
	require.Greater(t, some, 20, "too few rules tell contacts apart")
}

// TestLargestRules shows that what the parser lets through both databases take:
// as wide, as deep, and with as many values as it may be.
func TestLargestRules(t *testing.T) {
	w := newRuleWorld(t)
	w.add(rule.Contact{Name: "Ann", Status: "active", CreatedAt: w.moment.Now, Attributes: map[string]any{"number": 7.0, "collection": []any{"x"}},
		Messages: []rule.Message{{SentAt: w.moment.Now}}})
	w.add(rule.Contact{Name: "Bob", Status: "active", CreatedAt: w.moment.Now})
	kinds := []string{
		`{"field": "attributes.collection", "operator": "not_in", "value": ["X", "y"]}`, `{"field": "attributes.number", "operator": "between", "value": [1, 8]}`,
		`{"field": "last_message_at", "operator": "in", "value": ["2026-03-01", "2026-02-01"]}`, `{"field": "messages_received_7d", "operator": "equal", "value": 1}`,
		`{"field": "group", "operator": "is_null"}`, `{"field": "campaign", "operator": "not_in", "value": [1, 2]}`,
		`{"field": "address.email", "operator": "not_contains", "value": "@"}`,
	}
	repeat := func(n int, word string, text func(i int) string) string {
		parts := make([]string, n)
		for i := range parts {
			parts[i] = text(i)
		}
		return `{"condition": "` + word + `", "not": true, "rules": [` + strings.Join(parts, ",") + `]}`
	}
	wide := func(word string, n int) string {
		return repeat(n, word, func(i int) string { return kinds[i%len(kinds)] })
	}
	deep := wide("AND", 20)
	for range rule.MaxDepth - 1 {
		deep = `{"condition": "OR", "not": true, "rules": [` + kinds[0] + "," + kinds[1] + "," + deep + `]}`
	}
	values := strings.TrimSuffix(strings.Repeat(`"2026-03-01",`, rule.MaxValues), ",")
	for name, text := range map[string]string{
		"wide AND": wide("AND", rule.MaxConditions), "wide OR": wide("OR", rule.MaxConditions), "deep": deep,
		"values": `{"condition": "AND", "rules": [{"field": "last_message_at", "operator": "in", "value": [` + values +
			`]}, {"field": "attributes.date", "operator": "not_in", "value": [` + values + `]}]}`,
		"expanded": `{"condition": "AND", "rules": [{"field": "targeting", "operator": "in", "value": [1, 1, 1, 1, 1]}]}`,
	} {
		w.moment.Lists = map[int64]rule.Rule{}
		if name == "expanded" {
			list, err := rule.Parse([]byte(wide("OR", rule.MaxConditions-1)), ruleSchema())
			require.NoError(t, err)
			w.moment.Lists[1] = list
		}
		r, err := rule.Parse([]byte(text), ruleSchema())
		require.NoError(t, err, name)
		found, err := w.matches(r)
		require.NoError(t, err, name)
		require.Equal(t, found[2], found[0], name)
		require.Equal(t, found[2], found[1], name)
	}
}
