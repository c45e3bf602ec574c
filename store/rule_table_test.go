package store_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/targeting/rule"
)

var update = flag.Bool("update", false, "write the golden files")

// tableCase is one kind of comparison: the fields that have it, the values for
// operators of one, two and many values, and the contacts' values by the name of
// each contact.
type tableCase struct {
	comparison string
	fields     []string
	one        string
	two, many  string
	contacts   func(key string) map[string]rule.Contact
}

func withAttribute(key string, values map[string]any) map[string]rule.Contact {
	contacts := map[string]rule.Contact{"missing": {}}
	for name, value := range values {
		contacts[name] = rule.Contact{Attributes: map[string]any{key: value}}
	}
	return contacts
}

// expiring adds a contact whose value has ended, and one whose value ends later.
func expiring(contacts map[string]rule.Contact, key string, now time.Time) map[string]rule.Contact {
	same := contacts["same"]
	contacts["expired"] = rule.Contact{Attributes: same.Attributes, Expiry: map[string]time.Time{key: now}}
	contacts["expires later"] = rule.Contact{Attributes: same.Attributes, Expiry: map[string]time.Time{key: now.Add(time.Millisecond)}}
	return contacts
}

func ruleTable(now time.Time) []tableCase {
	attribute := func(values map[string]any) func(string) map[string]rule.Contact {
		return func(field string) map[string]rule.Contact {
			key := strings.TrimPrefix(field, "attributes.")
			return expiring(withAttribute(key, values), key, now)
		}
	}
	yesterday := now.AddDate(0, 0, -1)
	return []tableCase{
		{
			"text", []string{"attributes.text"}, `"Gold_%"`, `["b", "H"]`, `["Gold_%", "other"]`,
			attribute(map[string]any{"null": nil, "empty": "", "same": "Gold_%", "other case": "gOLD_%", "longer": "xx Gold_% yy", "begins": "gold_%!",
				"ends": "!gold_%", "smaller": "Bronze", "would match LIKE": "goldxyz", "accent": "Góld_%"}),
		},
		{
			"text of a column", []string{"first_name"}, `"Zoë"`, `["a", "m"]`, `["Zoë", "Ann"]`,
			func(string) map[string]rule.Contact {
				return map[string]rule.Contact{"missing": {}, "same": {FirstName: "Zoë"}, "other case": {FirstName: "ZOË"}, "decomposed": {FirstName: "Zoe\u0308"},
					"without accent": {FirstName: "Zoe"}, "smaller": {FirstName: "Ann"}}
			},
		},
		{
			"code", []string{"language", "external_id"}, `"DE"`, `["a", "de"]`, `["DE", "fr"]`,
			func(field string) map[string]rule.Contact {
				contacts := map[string]rule.Contact{"missing": {}}
				for name, text := range map[string]string{"same": "DE", "other case": "de", "longer": "de-AT", "greater": "fr", "other letters": "DÉ"} {
					if field == "language" {
						contacts[name] = rule.Contact{Language: text}
					} else if name != "other case" {
						contacts[name] = rule.Contact{ExternalID: text}
					}
				}
				return contacts
			},
		},
		{
			"address", []string{"address.email"}, `"ann@example.org"`, `["a", "b"]`, `["ann@example.org", "x@example.org"]`,
			func(string) map[string]rule.Contact {
				return map[string]rule.Contact{
					"missing": {}, "same": {Addresses: map[string]string{"email": "ann@example.org"}}, "other kind": {Addresses: map[string]string{"phone": "+491701234567"}},
					"smaller": {Addresses: map[string]string{"email": "abe@example.org"}}, "greater": {Addresses: map[string]string{"email": "bob@example.org"}},
				}
			},
		},
		{
			"number", []string{"attributes.number"}, `0.3`, `[-1, 0.3]`, `["0.30", 7]`,
			attribute(map[string]any{"null": nil, "same": 0.3, "smaller": -2.0, "zero": 0.0, "greater": 123456789012345.0, "text": "0.3"}),
		},
		{
			"whole number", []string{"id"}, `2`, `[1, 2]`, `[2, 9]`,
			func(string) map[string]rule.Contact { return map[string]rule.Contact{"1": {}, "2": {}, "3": {}} },
		},
		{
			"boolean", []string{"attributes.checkbox"}, `true`, ``, ``,
			attribute(map[string]any{"null": nil, "same": true, "other": false, "text": "true"}),
		},
		{
			"date", []string{"attributes.date"}, `"2026-02-28"`, `["2026-02-28", {"days_before": 0}]`, `["2026-02-28", {"days_before": -1}]`,
			attribute(map[string]any{"null": nil, "same": "2026-02-28", "earlier": "1999-12-31", "today": "2026-03-01", "tomorrow": "2026-03-02"}),
		},
		{
			"time", []string{"attributes.time"}, `"08:30"`, `["08:00", "08:30"]`, `["08:30", "23:59:59"]`,
			attribute(map[string]any{"null": nil, "same": "08:30:00", "earlier": "08:29:59", "later": "23:59:59"}),
		},
		{
			"set", []string{"attributes.collection"}, `"Red"`, ``, `["Red", "blue"]`,
			attribute(map[string]any{"null": nil, "empty": []any{}, "same": []any{"red"}, "among others": []any{"GREEN", "RED", "red wine"}, "other": []any{"green"},
				"part": []any{"infrared"}}),
		},
		{
			"instant", []string{"last_replied_at"}, `{"days_before": 1}`, `["2026-02-28T10:00", "2026-03-01"]`, `[{"days_before": 1}, "2026-03-01T12:00:00Z"]`,
			func(string) map[string]rule.Contact {
				midnight := yesterday.Truncate(24 * time.Hour)
				return map[string]rule.Contact{
					"missing": {}, "the day before": {LastRepliedAt: midnight.Add(-time.Millisecond)}, "the day's first moment": {LastRepliedAt: midnight},
					"the day's last moment": {LastRepliedAt: midnight.AddDate(0, 0, 1).Add(-time.Millisecond)}, "now": {LastRepliedAt: now},
				}
			},
		},
		{
			"changed", []string{"attributes.text.changed_at"}, `{"days_before": 1}`, `["2026-02-28T10:00", "2026-03-01"]`,
			`[{"days_before": 1}, "2026-03-01T12:00:00Z"]`,
			func(string) map[string]rule.Contact {
				at := func(at time.Time) rule.Contact {
					return rule.Contact{Attributes: map[string]any{"text": "x"}, ChangedAt: map[string]time.Time{"text": at}}
				}
				ended, lasting := at(yesterday), at(yesterday)
				ended.Expiry, lasting.Expiry = map[string]time.Time{"text": now}, map[string]time.Time{"text": now.Add(time.Millisecond)}
				return map[string]rule.Contact{
					"missing": {}, "before that was kept": {Attributes: map[string]any{"text": "x"}}, "yesterday": at(yesterday), "now": at(now),
					"expired": ended, "expires later": lasting, "another's": {ChangedAt: map[string]time.Time{"number": yesterday}},
				}
			},
		},
		{
			"activity", []string{"last_message_at"}, `"2026-02-28"`, `["2026-02-28", "2026-03-01"]`, `["2026-02-28", "2026-01-01"]`,
			func(string) map[string]rule.Contact {
				return map[string]rule.Contact{
					"missing": {}, "planned": {Messages: []rule.Message{{CampaignID: 1}}},
					"same":      {Messages: []rule.Message{{CampaignID: 1, SentAt: yesterday}, {SentAt: yesterday.AddDate(0, 0, -9)}}},
					"later too": {Messages: []rule.Message{{CampaignID: 1, SentAt: yesterday}, {SentAt: now}}},
				}
			},
		},
		{
			"received", []string{"messages_received_7d"}, `1`, `[1, 2]`, `[0, 2]`,
			func(string) map[string]rule.Contact {
				return map[string]rule.Contact{
					"none": {}, "one": {Messages: []rule.Message{{CampaignID: 1, SentAt: yesterday}, {SentAt: now.AddDate(0, 0, -7)}}},
					"two": {Messages: []rule.Message{{SentAt: now}, {SentAt: yesterday}}},
				}
			},
		},
		{
			"engagement", []string{"last_clicked_at"}, `"2026-02-28"`, `["2026-02-28", "2026-03-01"]`, `["2026-02-28", "2026-01-01"]`,
			func(string) map[string]rule.Contact {
				return map[string]rule.Contact{
					"missing": {}, "sent": {Messages: []rule.Message{{CampaignID: 1, SentAt: yesterday}}},
					"opened":    {Messages: []rule.Message{{CampaignID: 1, SentAt: yesterday, LastOpenedAt: yesterday}}},
					"same":      {Messages: []rule.Message{{CampaignID: 1, SentAt: yesterday, LastClickedAt: yesterday}}},
					"later too": {Messages: []rule.Message{{CampaignID: 1, SentAt: yesterday, LastClickedAt: yesterday}, {SentAt: now, LastClickedAt: now}}},
				}
			},
		},
		{
			"engaged", []string{"messages_clicked_7d"}, `1`, `[1, 2]`, `[0, 2]`,
			func(string) map[string]rule.Contact {
				long := now.AddDate(0, 0, -9)
				return map[string]rule.Contact{
					"none": {Messages: []rule.Message{{SentAt: now, LastOpenedAt: now}}},
					"one":  {Messages: []rule.Message{{CampaignID: 1, SentAt: long, LastClickedAt: yesterday}, {SentAt: long, LastClickedAt: now.AddDate(0, 0, -7)}}},
					"two":  {Messages: []rule.Message{{SentAt: now, LastClickedAt: now}, {SentAt: yesterday, LastClickedAt: yesterday}}},
				}
			},
		},
		{
			"events", []string{"event.order.paid.7d"}, `1`, `[1, 2]`, `[0, 2]`,
			func(string) map[string]rule.Contact {
				return map[string]rule.Contact{
					"none": {Events: map[string][]time.Time{"order": {now}, "order.paid": {now.AddDate(0, 0, -7)}}},
					"one":  {Events: map[string][]time.Time{"order.paid": {now}}},
					"two":  {Events: map[string][]time.Time{"order.paid": {now, yesterday, now.AddDate(0, 0, -30)}}},
				}
			},
		},
		{
			"last event", []string{"event.order.paid.last_at"}, `"2026-02-28"`, `["2026-02-28", "2026-03-01"]`, `["2026-02-28", "2026-01-01"]`,
			func(string) map[string]rule.Contact {
				return map[string]rule.Contact{
					"missing": {}, "another": {Events: map[string][]time.Time{"order": {yesterday}}},
					"same":      {Events: map[string][]time.Time{"order.paid": {yesterday, yesterday.AddDate(0, 0, -3)}}},
					"later too": {Events: map[string][]time.Time{"order.paid": {now, yesterday}}},
				}
			},
		},
		{
			"membership", []string{"group"}, `2`, ``, `[2, 6]`,
			func(string) map[string]rule.Contact {
				return map[string]rule.Contact{"missing": {}, "member": {Lists: map[int64]string{2: "group"}}, "of another": {Lists: map[int64]string{6: "group"}},
					"of another kind": {Lists: map[int64]string{3: "label"}}}
			},
		},
		{
			"campaign", []string{"campaign"}, `1`, ``, `[1, 2]`,
			func(string) map[string]rule.Contact {
				return map[string]rule.Contact{
					"missing": {}, "sent": {Messages: []rule.Message{{CampaignID: 1, SentAt: now}}}, "planned": {Messages: []rule.Message{{CampaignID: 1}}},
					"another": {Messages: []rule.Message{{CampaignID: 2, SentAt: now}}}, "transactional": {Messages: []rule.Message{{SentAt: now}}},
				}
			},
		},
		{
			"targeting", []string{"targeting"}, `1`, ``, `[1, 2]`,
			func(string) map[string]rule.Contact {
				return map[string]rule.Contact{"neither": {Language: "fr"}, "the first": {Language: "de"}, "the second": {Language: "en"}}
			},
		},
	}
}

// TestEveryOperator compares what each operator compiles to, and whom it holds
// for in both databases and in memory, with the golden file.
func TestEveryOperator(t *testing.T) {
	var out strings.Builder
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	schema := ruleSchema()
	seen := map[string]bool{}
	w := newRuleWorld(t)
	for _, c := range ruleTable(now) {
		for _, name := range c.fields {
			w.clear()
			for id, language := range []string{"de", "en"} {
				list, err := rule.Parse(fmt.Appendf(nil, `{"condition": "AND", "rules": [{"field": "language", "operator": "equal", "value": %q}]}`, language), schema)
				require.NoError(t, err)
				w.moment.Lists[int64(id+1)] = list
			}
			names := addNamed(w, c.contacts(name), now)
			field, ok := schema.Field(name)
			require.True(t, ok)
			fmt.Fprintf(&out, "# %s: %s\n", c.comparison, name)
			for _, o := range field.Operators() {
				seen[string(o)] = true
				value := map[rule.Operator]string{
					rule.In: c.many, rule.NotIn: c.many, rule.Between: c.two, rule.NotBetween: c.two,
					rule.IsNull: "null", rule.IsNotNull: "null", rule.IsEmpty: "null", rule.IsNotEmpty: "null",
				}[o]
				if value == "" {
					value = c.one
				}
				data := fmt.Appendf(nil, `{"condition": "AND", "rules": [{"field": %q, "operator": %q, "value": %s}]}`, name, o, value)
				r, err := rule.Parse(data, schema)
				require.NoError(t, err, "%s", data)
				found, err := w.matches(r)
				require.NoError(t, err)
				require.Equal(t, found[2], found[0], "in memory and in SQLite: %s", data)
				require.Equal(t, found[2], found[1], "in memory and in PostgreSQL: %s", data)
				var who []string
				for _, id := range found[2] {
					who = append(who, names[id-1])
				}
				fmt.Fprintf(&out, "\n%s %s\n", o, value)
				for _, d := range []struct {
					name    string
					dialect rule.Dialect
				}{{"sqlite", rule.SQLite}, {"postgres", rule.Postgres}} {
					f, err := r.SQL(d.dialect, w.moment)
					require.NoError(t, err)
					require.Equal(t, len(f.Args), strings.Count(f.SQL, "?"))
					args, err := json.Marshal(f.Args)
					require.NoError(t, err)
					fmt.Fprintf(&out, "  %-9s %s %s\n", d.name, f.SQL, args)
				}
				fmt.Fprintf(&out, "  holds for %s\n", strings.Join(who, ", "))
			}
			out.WriteString("\n")
		}
	}
	require.Len(t, seen, 20)
	golden := filepath.Join("testdata", "rules.golden")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(golden, []byte(out.String()), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), out.String(), "go test ./store -run TestEveryOperator -update writes it")
}

// addNamed adds contacts in the order of their names, which it returns.
func addNamed(w *ruleWorld, contacts map[string]rule.Contact, now time.Time) []string {
	var names []string
	for name := range contacts {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		c := contacts[name]
		c.CreatedAt, c.Status = now, "active"
		w.add(c)
	}
	return names
}
