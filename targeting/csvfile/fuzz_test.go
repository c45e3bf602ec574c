package csvfile_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"carillon/internal/fault"
	"carillon/targeting/csvfile"
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
			require.NotEmpty(t, row.Key(csvfile.KeyAuto))
			require.Len(t, row.Extra, len(rd.ExtraKeys()))
			for _, v := range append([]string{row.ExternalID, row.Name, row.FirstName, row.LastName, row.Email, row.Phone, row.Language, row.Timezone, row.Country}, row.Extra...) {
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
	} {
		f.Add(s, uint8(1))
	}
	f.Fuzz(func(t *testing.T, file string, skip uint8) {
		rd, err := csvfile.Open(strings.NewReader(file), csvfile.Options{})
		if err != nil {
			require.True(t, fault.Is(err, fault.Invalid), "%v", err)
			return
		}
		lines := strings.Count(file, "\n") + strings.Count(file, "\r") + 2
		all := entries(t, rd, lines)
		require.Equal(t, int64(len(file)), rd.Position().Bytes)

		rd, err = csvfile.Open(iotest.OneByteReader(strings.NewReader(file)), csvfile.Options{})
		require.NoError(t, err)
		require.Equal(t, all, entries(t, rd, lines))

		rd, err = csvfile.Open(strings.NewReader(file), csvfile.Options{SkipRecords: int64(skip)})
		require.NoError(t, err)
		tail := all[min(int(skip), len(all)):]
		if got := entries(t, rd, lines); len(tail)+len(got) > 0 {
			require.Equal(t, tail, got)
		}

		var out bytes.Buffer
		ew := csvfile.NewErrorWriter(&out)
		for _, e := range all {
			if e.bad.Line > 0 {
				require.NoError(t, ew.Write(&e.bad))
			}
		}
		require.NoError(t, ew.Flush())
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
			if strings.Trim(l, ", \t") != "" {
				want++
			}
		}
		require.Len(t, all, want)
	})
}
