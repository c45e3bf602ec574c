package csvfile_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/contacts/csvfile"
)

// repeated is a file that is made while it is read: a header and the same block
// of lines over and over, so that a large one takes no memory.
type repeated struct {
	header, block string
	blocks        int
	rest          string
}

func (r *repeated) Read(p []byte) (int, error) {
	for r.rest == "" {
		switch {
		case r.header != "":
			r.rest, r.header = r.header, ""
		case r.blocks > 0:
			r.rest = r.block
			r.blocks--
		default:
			return 0, io.EOF
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// block builds 1,000 lines.
func block(line func(i int) string) string {
	var b strings.Builder
	for i := range 1000 {
		b.WriteString(line(i))
	}
	return b.String()
}

func BenchmarkNext(b *testing.B) {
	for _, c := range []struct {
		name, header string
		line         func(i int) string
		opts         csvfile.Options
	}{
		{
			"email", "external_id,email,first_name,language,plan\n",
			func(i int) string { return fmt.Sprintf("%d,person.%d@example.com,Person,en,gold\n", i, i) }, csvfile.Options{},
		},
		{
			"quoted", "external_id,email,first_name,language,plan\n",
			func(i int) string {
				return fmt.Sprintf("\"%d\",\"person.%d@example.com\",\"Per\"\"son\",\"en\",\"gold\"\r\n", i, i)
			}, csvfile.Options{},
		},
		{
			"phone-e164", "external_id,phone,first_name,language,plan\n",
			func(i int) string { return fmt.Sprintf("%d,+49171392%04d,Person,en,gold\n", i, i) }, csvfile.Options{},
		},
		{
			"phone-spaced", "external_id,phone,first_name,language,plan\n",
			func(i int) string { return fmt.Sprintf("%d,+49 171 392-%04d,Person,en,gold\n", i, i) }, csvfile.Options{},
		},
		{
			"phone-national", "external_id,phone,first_name,language,plan\n",
			func(i int) string { return fmt.Sprintf("%d,0171 392%04d,Person,en,gold\n", i, i) }, csvfile.Options{DefaultCountry: "DE"},
		},
		{
			"windows-1252", "external_id,email,first_name,language,plan\n",
			func(i int) string { return fmt.Sprintf("%d,person.%d@example.com,J\xFCrgen,en,gold\n", i, i) }, csvfile.Options{},
		},
	} {
		b.Run(c.name, func(b *testing.B) {
			text := block(c.line)
			rd, err := csvfile.Open(&repeated{header: c.header, block: text, blocks: b.N/1000 + 1}, c.opts)
			require.NoError(b, err)
			b.ReportAllocs()
			b.SetBytes(int64(len(text) / 1000))
			b.ResetTimer()
			for range b.N {
				if _, err := rd.Next(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

func BenchmarkSkip(b *testing.B) {
	text := block(func(i int) string { return fmt.Sprintf("%d,person.%d@example.com,Person,en,gold\n", i, i) })
	b.ResetTimer()
	rd, err := csvfile.Open(&repeated{header: "external_id,email,first_name,language,plan\n", block: text, blocks: b.N/1000 + 1},
		csvfile.Options{SkipRecords: int64(b.N)})
	require.NoError(b, err)
	require.Equal(b, int64(b.N), rd.Position().Records)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
