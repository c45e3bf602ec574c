package property_test

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"carillon/contacts/property"
	"carillon/internal/fault"
)

func compile(t testing.TB, typ property.Type, rule string) *property.Checker {
	t.Helper()
	c, err := property.Compile(property.Property{Key: "p", Type: typ, Rule: rule})
	require.NoError(t, err)
	return c
}

func TestCheck(t *testing.T) {
	long := strings.Repeat("x", property.MaxText+1)
	for _, test := range []struct {
		typ               property.Type
		rule, value, want string // want is empty where the value is refused
	}{
		{property.Number, "", `7`, `7`},
		{property.Number, "", `-12.50`, `-12.5`},
		{property.Number, "", `-0`, `0`},
		{property.Number, "", `0.0`, `0`},
		{property.Number, "", `1e3`, `1000`},
		{property.Number, "", `12e-3`, `0.012`},
		{property.Number, "", `123456789012345`, `123456789012345`},
		{property.Number, "", `1234567890123456`, ``},
		{property.Number, "", `12345678.90123456`, ``},
		{property.Number, "", `1e15`, ``},
		{property.Number, "", `1e-16`, ``},
		{property.Number, "", `1e999999`, ``},
		{property.Number, "", `"7"`, ``},
		{property.Number, "", `true`, ``},
		{property.Number, "", `null`, ``},
		{property.Number, "", `7 8`, ``},
		{property.Number, "", `[7]`, ``},
		{property.Number, ">=2 <=9", `2`, `2`},
		{property.Number, ">=2 <=9", `9.0`, `9`},
		{property.Number, ">=2 <=9", `1.999999`, ``},
		{property.Number, ">= 2, <= 9", `10`, ``},
		{property.Number, ">0", `0`, ``},
		{property.Number, ">0", `0.1`, `0.1`},
		{property.Number, "<-2.5", `-2.6`, `-2.6`},
		{property.Number, "<-2.5", `-2.5`, ``},
		{property.Number, "=5", `5.0`, `5`},
		{property.Number, "!=5", `5`, ``},
		{property.Currency, "", `12.34`, `12.34`},
		{property.Percent, "<=100", `100.1`, ``},
		{property.Text, "", `""`, `""`},
		{property.Text, "", `"a\n\"ü\u003c"`, `"a\u000a\"ü<"`},
		{property.Text, "", `"a\u0000b"`, ``},
		{property.Text, "", "\"a\xffb\"", ``},
		{property.Text, "", `"` + long + `"`, ``},
		{property.Text, "<=3", `"äöü"`, `"äöü"`},
		{property.Text, "<=3", `"äöü."`, ``},
		{property.Text, "", `5`, ``},
		{property.Word, "", `"one"`, `"one"`},
		{property.Word, "", `"one two"`, ``},
		{property.Word, "", `""`, ``},
		{property.Enum, "red, Green,\"a, b\"", `"green"`, `"Green"`},
		{property.Enum, "red, Green,\"a, b\"", `"A, B"`, `"a, b"`},
		{property.Enum, "red", `"blue"`, ``},
		{property.List, "ÄRZTE", `"ärzte"`, `"ÄRZTE"`},
		{property.Collection, "", `["a"," b ","A"]`, `["a","b"]`},
		{property.Collection, "", `[]`, `[]`},
		{property.Collection, "", `["a",1]`, ``},
		{property.Collection, "", `["a|b"]`, ``},
		{property.Collection, "", `[""]`, ``},
		{property.Collection, "", `"a"`, ``},
		{property.Collection, "a,b", `["B"]`, `["b"]`},
		{property.Collection, "a,b", `["c"]`, ``},
		{property.Link, "", `"https://example.org/a?b=c#d"`, `"https://example.org/a?b=c#d"`},
		{property.Link, "", `"javascript:alert(1)"`, ``},
		{property.Link, "", `"https:///x"`, ``},
		{property.Link, "", `"https://a:b@example.org"`, ``},
		{property.Link, "<=20", `"https://example.org/long"`, ``},
		{property.Location, "", `"52.52, 13.4050"`, `"52.52,13.405"`},
		{property.Location, "", `{"latitude":-90,"longitude":180}`, `"-90,180"`},
		{property.Location, "", `"91,0"`, ``},
		{property.Location, "", `"1"`, ``},
		{property.Location, "", `{"latitude":1}`, ``},
		{property.Date, "", `"2024-02-29"`, `"2024-02-29"`},
		{property.Date, "", `"2023-02-29"`, ``},
		{property.Date, "", `"0000-01-01"`, ``},
		{property.Date, "", `"29.02.2024"`, ``},
		{property.Date, ">=2024-01-01 <2025-01-01", `"2025-01-01"`, ``},
		{property.Date, ">=2024-01-01 <2025-01-01", `"2024-12-31"`, `"2024-12-31"`},
		{property.Time, "", `"08:30"`, `"08:30:00"`},
		{property.Time, "", `"24:00"`, ``},
		{property.Time, "", `"08:30:00.5"`, ``},
		{property.Time, ">=08:00 <=17:30", `"17:30:01"`, ``},
		{property.Checkbox, "", `true`, `true`},
		{property.Checkbox, "", `false`, `false`},
		{property.Checkbox, "", `"true"`, ``},
		{property.Checkbox, "", `1`, ``},
	} {
		got, reason := compile(t, test.typ, test.rule).Check(json.RawMessage(test.value))
		require.Equal(t, test.want, string(got), "%s %q %s", test.typ, test.rule, test.value)
		require.Equal(t, test.want == "", reason != "", "%s %q %s: %s", test.typ, test.rule, test.value, reason)
	}
}

func TestParse(t *testing.T) {
	for _, test := range []struct {
		typ              property.Type
		rule, text, want string
	}{
		{property.Number, "", " 7 ", "7"},
		{property.Number, "", "+7", "7"},
		{property.Number, "", "\u22127,5", "-7.5"},
		{property.Number, "", "1.234", "1.234"},
		{property.Number, "", "1,234", ""},
		{property.Number, "", "0,234", "0.234"},
		{property.Number, "", "1234,567", "1234.567"},
		{property.Number, "", "1,234.5", "1234.5"},
		{property.Number, "", "1.234,5", "1234.5"},
		{property.Number, "", "1,234,567", "1234567"},
		{property.Number, "", "1.234.567", "1234567"},
		{property.Number, "", "1 234,5", "1234.5"},
		{property.Number, "", "1\u202f234", "1234"},
		{property.Number, "", "1'234.50", "1234.5"},
		{property.Number, "", "12,34,56", ""},
		{property.Number, "", "1,23.4", ""},
		{property.Number, "", ".5", "0.5"},
		{property.Number, "", "1.2E+3", "1200"},
		{property.Number, "", "5 kg", ""},
		{property.Number, "", "NaN", ""},
		{property.Number, "", "0x10", ""},
		{property.Number, "", "--5", ""},
		{property.Number, "", "", ""},
		{property.Number, "", "a\xff", ""},
		{property.Currency, "", "€ 12,50", "12.5"},
		{property.Currency, "", "-$1,234.00", "-1234"},
		{property.Currency, "", "€ -5", "-5"},
		{property.Currency, "", "12.50 EUR", "12.5"},
		{property.Currency, "", "CHF 1'000", "1000"},
		{property.Percent, "", "12,5 %", "12.5"},
		{property.Number, "", "12%", ""},
		{property.Checkbox, "", "Ja", "true"},
		{property.Checkbox, "", "NÃO", "false"},
		{property.Checkbox, "", "maybe", ""},
		{property.Date, "", "28.02.2024", `"2024-02-28"`},
		{property.Date, "", "2024/2/28", `"2024-02-28"`},
		{property.Date, "", "2024-02-28T23:59:59+02:00", `"2024-02-28"`},
		{property.Date, "", "02/03/2024", ""},
		{property.Date, "", "31/12/2024", ""},
		{property.Time, "", "5:45 pm", `"17:45:00"`},
		{property.Time, "", "12am", `"00:00:00"`},
		{property.Time, "", "13 PM", ""},
		{property.Collection, "", "a| b|A", `["a","b"]`},
		{property.Collection, "", "Berlin, Germany", `["Berlin, Germany"]`},
		{property.Enum, "a,b", "B", `"b"`},
		{property.Text, "", " a b ", `"a b"`},
		{property.Location, "", "52.5,13.4", `"52.5,13.4"`},
	} {
		got, reason := compile(t, test.typ, test.rule).Parse(test.text)
		require.Equal(t, test.want, string(got), "%s %q: %s", test.typ, test.text, reason)
		require.Equal(t, test.want == "", reason != "", "%s %q", test.typ, test.text)
	}
}

func TestCompileRefuses(t *testing.T) {
	good := property.Property{Key: "age", Type: property.Number}
	for location, change := range map[string]func(p *property.Property){
		"key":             func(p *property.Property) { p.Key = "Age" },
		"label":           func(p *property.Property) { p.Label = strings.Repeat("x", 101) },
		"type":            func(p *property.Property) { p.Type = "colour" },
		"rule":            func(p *property.Property) { p.Rule = "about 5" },
		"default":         func(p *property.Property) { p.Rule, p.Default = ">5", json.RawMessage("5") },
		"expires_seconds": func(p *property.Property) { p.Expires = time.Millisecond },
		"position":        func(p *property.Property) { p.Position = -1 },
	} {
		p := good
		change(&p)
		_, err := property.Compile(p)
		var wrong *fault.Error
		require.ErrorAs(t, err, &wrong, location)
		require.Len(t, wrong.Fields, 1, location)
		require.Equal(t, location, wrong.Fields[0].Location)
	}
	for _, key := range []string{"", "_a", "1a", "a-b", "a.b", "ä", strings.Repeat("a", 64)} {
		require.False(t, property.ValidKey(key), key)
	}
	require.True(t, property.ValidKey("a_9"))
	require.True(t, property.ValidKey(strings.Repeat("a", 63)))
}

func TestRulesThatMakeNoSense(t *testing.T) {
	for _, test := range []struct {
		typ  property.Type
		rule string
	}{
		{property.Number, ">=9 <=2"},
		{property.Number, ">2 <2"},
		{property.Number, ">2 <=2"},
		{property.Number, "=1 =2"},
		{property.Number, ">=x"},
		{property.Number, "5"},
		{property.Number, ">="},
		{property.Number, "a,b"},
		{property.Text, "<=-1"},
		{property.Text, "<=9999"},
		{property.Date, ">=28.02.2024"},
		{property.Time, ">17:00 <08:00"},
		{property.Enum, ""},
		{property.List, " "},
		{property.Enum, "a,,b"},
		{property.Enum, "a,A"},
		{property.Enum, "a|b"},
		{property.Enum, `"a`},
		{property.Enum, strings.Repeat("x", property.MaxItem+1)},
		{property.Enum, strings.Repeat("x,", property.MaxItems) + "y"},
		{property.Checkbox, "true"},
		{property.Location, ">1"},
		{property.Number, "\x00"},
	} {
		_, err := property.Compile(property.Property{Key: "p", Type: test.typ, Rule: test.rule})
		require.True(t, fault.Is(err, fault.Invalid), "%s %q", test.typ, test.rule)
		require.Contains(t, err.Error(), "rule", "%s %q", test.typ, test.rule)
	}
	require.Equal(t, []string{"a", "b"}, compile(t, property.Enum, "a, b").Choices())
	require.Nil(t, compile(t, property.Text, "").Choices())
}

func TestConvert(t *testing.T) {
	for _, test := range []struct {
		from, to          property.Type
		rule, value, want string
	}{
		{property.Number, property.Percent, "<=100", "50", "50"},
		{property.Number, property.Percent, "<=100", "150", ""},
		{property.Number, property.Text, "", "1.5", `"1.5"`},
		{property.Number, property.Checkbox, "", "1", "true"},
		{property.Number, property.Checkbox, "", "2", ""},
		{property.Number, property.Date, "", "2", ""},
		{property.Checkbox, property.Number, "", "true", "1"},
		{property.Checkbox, property.Text, "", "false", `"false"`},
		{property.Text, property.Number, "", `"1,5"`, "1.5"},
		{property.Text, property.Number, "", `"five"`, ""},
		{property.Text, property.Date, "", `"28.02.2024"`, `"2024-02-28"`},
		{property.Text, property.Enum, "Red,Blue", `"red"`, `"Red"`},
		{property.Text, property.Word, "", `"two words"`, ""},
		{property.Text, property.Collection, "", `"a|b"`, `["a","b"]`},
		{property.Text, property.Collection, "", `""`, `[]`},
		{property.Collection, property.Text, "", `["a","b"]`, `"a|b"`},
		{property.Collection, property.Enum, "a,b", `["a"]`, `"a"`},
		{property.Collection, property.Enum, "a,b", `["a","b"]`, ""},
		{property.Date, property.Text, "", `"2024-02-28"`, `"2024-02-28"`},
		{property.Date, property.Time, "", `"2024-02-28"`, ""},
		{property.Link, property.Location, "", `"https://example.org"`, ""},
		{property.Text, property.Text, "<=2", `"abc"`, ""},
		{property.Text, property.Text, "", `" a "`, `" a "`},
		{property.Text, property.Number, "", `{}`, ""},
	} {
		got, reason := compile(t, test.to, test.rule).Convert(test.from, json.RawMessage(test.value))
		require.Equal(t, test.want, string(got), "%s to %s %s: %s", test.from, test.to, test.value, reason)
		require.Equal(t, test.want == "", reason != "")
	}
	for _, from := range property.Types() {
		require.True(t, property.Convertible(from, from))
		require.True(t, property.Convertible(from, property.Text))
	}
}

// rules are constraints that allow something, for the fuzz tests.
func ruleOf(t property.Type) string {
	if t == property.Enum || t == property.List {
		return "red,Grün,\"a, b\",true,5"
	}
	return ""
}

// FuzzValues checks that whatever is taken is in the form of ADR 0012, and that
// the form is taken again as it is.
func FuzzValues(f *testing.F) {
	for _, s := range []string{`7`, `1e-7`, `"a"`, `["a","B"]`, `true`, `"2024-02-29"`, `"08:30"`, `"52.5,13"`, `"https://example.org"`, "1.234,56", "€ 5", "yes",
		"a|b", `"\u0000"`, `"\ud800"`, "-.5e3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, typ := range property.Types() {
			c := compile(t, typ, ruleOf(typ))
			for how, take := range map[string]func() (json.RawMessage, string){
				"Check": func() (json.RawMessage, string) { return c.Check(json.RawMessage(s)) },
				"Parse": func() (json.RawMessage, string) { return c.Parse(s) },
			} {
				stored, reason := take()
				require.Equal(t, stored == nil, reason != "")
				require.True(t, utf8.ValidString(reason), "%q", reason)
				if stored == nil {
					continue
				}
				require.True(t, json.Valid(stored), "%s %s %q: %s", typ, how, s, stored)
				require.True(t, utf8.Valid(stored))
				if plain, _ := property.Plain(stored); strings.Contains(plain, "\x00") {
					t.Fatalf("%s %q: PostgreSQL stores no NUL", typ, s)
				}
				again, reason := c.Check(stored)
				require.Empty(t, reason, "%s %s %q: %s", typ, how, s, stored)
				require.Equal(t, string(stored), string(again))
				if typ.Comparison() == property.AsNumber {
					n, err := strconv.ParseFloat(string(stored), 64)
					require.NoError(t, err)
					require.Less(t, math.Abs(n), 1e15)
					require.Equal(t, string(stored), strconv.FormatFloat(n, 'f', -1, 64), "SQLite reads it exactly")
				}
				plain, ok := property.Plain(stored)
				require.True(t, ok)
				if plain != "" && plain == strings.TrimSpace(plain) {
					back, reason := c.Parse(plain)
					require.Empty(t, reason, "%s %q", typ, plain)
					require.Equal(t, string(stored), string(back), "what is written into a file is read back")
				}
				for _, to := range property.Types() {
					converted, reason := compile(t, to, ruleOf(to)).Convert(typ, stored)
					require.Equal(t, converted == nil, reason != "")
					if to == property.Text {
						require.Empty(t, reason, "every value can become a text")
					}
				}
			}
		}
	})
}

// FuzzRule checks that a constraint that is taken is taken again, and that it
// is never contradicted by its own words.
func FuzzRule(f *testing.F) {
	for _, s := range []string{">=2 <=9", ">0", "a,b,c", `"a, b",c`, "<=160", ">=2024-01-01", ">=08:00<=17:30", ">=9 <=2", "!=0", ",", `"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, typ := range property.Types() {
			c, err := property.Compile(property.Property{Key: "p", Type: typ, Rule: s})
			if err != nil {
				require.True(t, fault.Is(err, fault.Invalid))
				continue
			}
			again, err := property.Compile(property.Property{Key: "p", Type: typ, Rule: c.Rule})
			require.NoError(t, err, "%s %q", typ, c.Rule)
			require.Equal(t, c, again)
			for _, choice := range c.Choices() {
				_, reason := c.Parse(choice)
				require.Empty(t, reason, "%s %q", typ, choice)
			}
		}
	})
}
