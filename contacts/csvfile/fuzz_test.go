package csvfile_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"carillon/contacts/csvfile"
	"carillon/internal/fault"
)

// entry is a row or a refusal, to compare readings.
type entry struct {
	row csvfile.Row
	bad csvfile.LineError
}

// entries reads a file that Open takes, checking what holds for every file.
func entries(t *testing.T, rd *csvfile.Reader, limit int) []entry {
	t.Helper()
	var all []entry
	last := int64(0)
	for {
		before := rd.Position()
		row, err := rd.Next()
		if errors.Is(err, io.EOF) {
			_, err = rd.Next()
			require.ErrorIs(t, err, io.EOF)
			return all
		}
		require.Less(t, len(all), limit, "more records than lines")
		require.Equal(t, before.Records+1, rd.Position().Records)
		require.GreaterOrEqual(t, rd.Position().Bytes, before.Bytes)
		e := entry{row: row}
		line := row.Line
		var bad *csvfile.LineError
		if err != nil {
			require.ErrorAs(t, err, &bad)
			e, line = entry{bad: *bad}, bad.Line
			require.NotEmpty(t, bad.Reason)
			require.NotEmpty(t, bad.Code)
			require.True(t, utf8.ValidString(bad.Value+bad.Reason))
			require.LessOrEqual(t, utf8.RuneCountInString(bad.Value), 201)
		} else {
			require.True(t, row.ExternalID+row.Email+row.Phone != "" || len(row.Addresses) > 0)
			require.Len(t, row.Extra, len(rd.ExtraKeys()))
			require.Len(t, row.Attributes, len(rd.AttributeKeys()))
			for _, names := range [][]string{row.Groups, row.Labels, row.Categories} {
				require.LessOrEqual(t, len(names), csvfile.MaxMemberships)
			}
			for _, v := range append([]string{row.ExternalID, row.Name, row.FirstName, row.LastName, row.Email, row.Phone, row.Language, row.Timezone, row.Country},
				row.Extra...) {
				require.True(t, utf8.ValidString(v))
				require.NotContains(t, v, "\x00")
			}
			require.NotContains(t, row.Name+row.FirstName+row.LastName+row.Email, "\n")
			require.NotContains(t, row.Name+row.FirstName+row.LastName+row.Email, "\r")
		}
		require.Greater(t, line, last, "lines go forward")
		require.GreaterOrEqual(t, line, before.Line)
		last = line
		all = append(all, e)
	}
}

// FuzzReader holds every file to: no panic and no endless loop, each record a
// row or a refusal, line numbers that grow, the same result in whatever pieces
// the source comes, and that skipping n records leaves the same tail.
func FuzzReader(f *testing.F) {
	for _, s := range []string{
		"email,name\na@example.com,Ann\nb@example.com,\"B\nob\"\n",
		"id;phone;country\r\n1;0171 3920001;DE\r\n2;\"+1 202 555 0143;US\r\n;;\r\n3;x;US\r\n",
		"sep=|\rE-Mail|Plan\ra@example.com|\"x\"\"y\"\rb@example.com|z\"\r",
		"\uFEFFmail\tzeitzone\tsprache\na@example.com\tEurope/Berlin\tde\n\t\t\nb@example.com\tx\ty\n",
		"\xFF\xFEe\x00m\x00a\x00i\x00l\x00\n\x00a\x00@\x00b\x00.\x00c\x00d\x00\n\x00",
		"email,name\na@example.com,J\xFCrgen\nb@example.com,\x81\n",
		"email,name\na@example.com,\"\n\"b@example.com,\"\n\"\"\nc@example.com,\"\"\"",
		"email\na@example.com\x00\n",
		"a;b;;\n1;x@example.com;;y\n2;y@example.com\n3;=\"z@example.com\";;;\n\x1a\x1a",
		"\"sep=\t\"\nE-Mail\tTel\tTel 2\nA \"B\" a@b.cd\tx\n\u00a0\t\n",
		"Labels,E-mail 1 - Value,Phone 1 - Value\n* a ::: b,a@b.cd ::: c@d.ef,+49 171 3920001 ::: +49 171 3920002\n",
		"Report 2024;;\n;;\nE-Mail;Tel;id\nx@example.com;1;\n\nend\nend\n",
		"id,status,activated,blocked,groups,categories,age\n1,active,1,0,a|b,News,7\n2,x,,,,,\n3,,no,yes,'=a|,,old\n",
	} {
		f.Add(s, uint8(1))
	}
	attributes := []csvfile.Attribute{{Key: "age", Label: "Alter", Parse: func(cell string) (string, string) {
		if cell == "old" {
			return "", "no number"
		}
		return cell, ""
	}}}
	f.Fuzz(func(t *testing.T, file string, skip uint8) {
		rd, err := csvfile.Open(strings.NewReader(file), csvfile.Options{Attributes: attributes})
		if err != nil {
			require.True(t, fault.Is(err, fault.Invalid), "%v", err)
			return
		}
		lines := strings.Count(file, "\n") + strings.Count(file, "\r") + 2
		all := entries(t, rd, lines)
		require.Equal(t, int64(len(file)), rd.Position().Bytes)

		rd, err = csvfile.Open(iotest.OneByteReader(strings.NewReader(file)), csvfile.Options{Attributes: attributes})
		require.NoError(t, err)
		require.Equal(t, all, entries(t, rd, lines))

		rd, err = csvfile.Open(strings.NewReader(file), csvfile.Options{SkipRecords: int64(skip), Attributes: attributes})
		require.NoError(t, err)
		tail := all[min(int(skip), len(all)):]
		if got := entries(t, rd, lines); len(tail)+len(got) > 0 {
			require.Equal(t, tail, got)
		}
	})
}

// FuzzHarmless holds every cell to coming back from a file as it went there, and
// to being no formula in it.
func FuzzHarmless(f *testing.F) {
	for _, s := range []string{"=1", "'=1", "+49", "-", "''-", "@x", "a;=1", "a;'=1", "a;\"=", "a\n=", "＝1", "a; ＠b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, cell string) {
		cell = csvfile.TrimCell(strings.ToValidUTF8(strings.Map(func(r rune) rune {
			if r == 0 || r == '\r' {
				return -1
			}
			return r
		}, cell), ""))
		written := csvfile.Harmless(cell)
		for piece := range strings.FieldsFuncSeq(written, func(r rune) bool { return r == ';' || r == '\n' }) {
			begin := strings.TrimLeft(piece, "\" ")
			require.NotZero(t, strings.IndexAny(begin, "=@＝＋－＠"), "%q", written)
		}
		rd, err := csvfile.Open(strings.NewReader("id,note\n1,\""+strings.ReplaceAll(written, `"`, `""`)+"\"\n"),
			csvfile.Options{Encoding: "utf-8", Mapping: map[string]string{"note": "row"}})
		if err != nil { // a cell of control characters: the file is taken for no text
			require.True(t, fault.Is(err, fault.Invalid), "%v", err)
			return
		}
		row, err := rd.Next()
		if err == nil { // or it has too many lines
			require.Equal(t, []string{cell}, row.Extra)
		}
	})
}

// FuzzQuotes is FuzzReader's core with a header given, so that every input gets
// as far as the lines, against what can be said of them by hand.
func FuzzQuotes(f *testing.F) {
	for _, s := range []string{"1,\"a\"", "1,\"a\n2,b\"", "1,\"a\"\"\n\"", "\"\n\"\"\n\"\"\"", "1,a\r2,\"\r\n\"\n3,c", "1,\"a\" ,\"b\""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		file := "id,note\n" + body
		rd, err := csvfile.Open(strings.NewReader(file), csvfile.Options{Encoding: "utf-8"})
		if err != nil {
			require.True(t, fault.Is(err, fault.Invalid), "%v", err)
			return
		}
		all := entries(t, rd, len(file))
		if strings.ContainsAny(body, "\"\r") {
			return
		}
		// Without quotes every line that is not blank is one entry.
		want := 0
		for l := range strings.SplitSeq(body, "\n") {
			if csvfile.TrimCell(strings.Trim(csvfile.TrimCell(l), ", \t\x1A")) != "" {
				want++
			}
		}
		require.Len(t, all, want)
	})
}
