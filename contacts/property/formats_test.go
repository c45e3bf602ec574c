package property_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/contacts/property"
)

func TestParseAsTheFileWritesIt(t *testing.T) {
	number, date := compile(t, property.Number, ""), compile(t, property.Date, "")
	for _, test := range []struct {
		c       *property.Checker
		formats property.Formats
		text    string
		want    string // empty where it is refused
	}{
		{number, property.Formats{}, "1,234", ""},
		{number, property.Formats{Decimal: ","}, "1,234", "1.234"},
		{number, property.Formats{Decimal: "."}, "1,234", "1234"},
		{number, property.Formats{Decimal: ","}, "1.234", "1234"},
		{number, property.Formats{Decimal: ","}, "-1.234.567,5", "-1234567.5"},
		{number, property.Formats{Decimal: ","}, "1 234,5", "1234.5"},
		{number, property.Formats{Decimal: ","}, "12.5", ""},
		{number, property.Formats{Decimal: "."}, "12,5", ""},
		{number, property.Formats{Decimal: ","}, "1,2,3", ""},
		{number, property.Formats{Decimal: ","}, "7", "7"},
		{date, property.Formats{}, "03/04/1981", ""},
		{date, property.Formats{}, "23.04.1981", `"1981-04-23"`},
		{date, property.Formats{}, "23.04.1981 14:30", `"1981-04-23"`},
		{date, property.Formats{Dates: property.DayFirst}, "03/04/1981", `"1981-04-03"`},
		{date, property.Formats{Dates: property.DayFirst}, "3-4-1981 08:15:00", `"1981-04-03"`},
		{date, property.Formats{Dates: property.MonthFirst}, "03/04/1981", `"1981-03-04"`},
		{date, property.Formats{Dates: property.MonthFirst}, "03.04.1981", `"1981-03-04"`},
		{date, property.Formats{Dates: property.MonthFirst}, "23/04/1981", ""},
		{date, property.Formats{Dates: property.YearFirst}, "1981/4/3", `"1981-04-03"`},
		{date, property.Formats{Dates: property.YearFirst}, "03/04/1981", ""},
		{date, property.Formats{Dates: property.DayFirst}, "03.04.81", ""},
		{date, property.Formats{Dates: property.DayFirst}, "1981-04-03", `"1981-04-03"`},
	} {
		stored, reason := test.c.ParseAs(test.text, test.formats)
		require.Equal(t, test.want, string(stored), "%q %v: %s", test.text, test.formats, reason)
		require.Equal(t, test.want == "", reason != "", "%q", test.text)
	}
}

func TestGuessTakesWhatEveryValueIs(t *testing.T) {
	for _, test := range []struct {
		formats property.Formats
		values  string
		want    property.Type
		note    string
	}{
		{values: "7|12,5|-3", want: property.Number},
		{values: "01067|80331", want: property.Text},
		{values: "+49|+1", want: property.Text},
		{values: "1|0|1", want: property.Number},
		{values: "ja|nein|", want: property.Checkbox},
		{values: "5 %|7,5 %", want: property.Percent},
		{values: "€ 5|7,50 EUR", want: property.Currency},
		{values: "23.04.1981|1.1.2000", want: property.Date},
		{values: "08:30|17:45", want: property.Time},
		{values: "https://example.org|http://example.org/x", want: property.Link},
		{values: "gold|silver", want: property.Text},
		{values: "", want: property.Text},
		{values: "1.234|1.500", want: property.Text, note: "may mean a thousand"},
		{formats: property.Formats{Decimal: ","}, values: "1.234|1.500", want: property.Number},
		{values: "03/04/1981|05/06/1982", want: property.Text, note: "day or its month"},
		{formats: property.Formats{Dates: property.MonthFirst}, values: "03/04/1981|05/06/1982", want: property.Date},
		{values: strings.Repeat("7|", 50) + "unknown", want: property.Text, note: `50 of 51 values are a number, and "unknown" is not`},
	} {
		g := property.NewGuess(test.formats)
		for _, v := range strings.Split(test.values, "|") {
			g.Add(v)
		}
		typ, note := g.Type()
		require.Equal(t, test.want, typ, test.values)
		require.Contains(t, note, test.note, test.values)
		require.Equal(t, test.note == "", note == "", "%s: %s", test.values, note)
	}
	require.True(t, property.Coded("PLZ"))
	require.True(t, property.Coded("Kunden-Nr."))
	require.True(t, property.Coded("Vertragsnummer"))
	require.False(t, property.Coded("Umsatz"))
}

func TestSignsSayWhatIsPlain(t *testing.T) {
	for values, want := range map[string]string{
		"03/04/1981|23/04/1981": "dmy", "03/04/1981|04/23/1981": "mdy", "03/04/1981": "", "23/04/1981|04/23/1981": "", "13/13/1981": "", "23.04.1981": "dmy",
	} {
		var signs property.Signs
		for _, v := range strings.Split(values, "|") {
			signs.Read(v)
		}
		require.Equal(t, property.DateOrder(want), signs.Dates(), values)
	}
	for values, want := range map[string]string{"12,5|1.234": ",", "1,234.5|1.234": ".", "1.234": "", "12,5|12.5": "", "1.234,5": ","} {
		var signs property.Signs
		for _, v := range strings.Split(values, "|") {
			signs.Read(v)
		}
		require.Equal(t, want, signs.Decimal(), values)
	}
}

// What a guess says a column is, every value of it can be read as.
func FuzzGuess(f *testing.F) {
	f.Add("12,5\n1.234", ",", "dmy")
	f.Add("03/04/1981\n2026-01-01", "", "mdy")
	f.Add("ja\nnein\n€ 5\n5 %", ".", "")
	f.Fuzz(func(t *testing.T, values, decimal, dates string) {
		formats := property.Formats{Decimal: decimal, Dates: property.DateOrder(dates)}
		if formats.Check() != nil || len(values) > 10_000 {
			return
		}
		g := property.NewGuess(formats)
		for _, v := range strings.Split(values, "\n") {
			g.Add(v)
		}
		typ, _ := g.Type()
		if typ == property.Text {
			return
		}
		c, err := property.Compile(property.Property{Key: "p", Type: typ})
		require.NoError(t, err)
		for _, v := range strings.Split(values, "\n") {
			if v = strings.TrimSpace(v); v != "" {
				_, reason := c.ParseAs(v, formats)
				require.Empty(t, reason, "%s %q", typ, v)
			}
		}
	})
}
