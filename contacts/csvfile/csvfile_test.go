package csvfile_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/contacts/csvfile"
	"carillon/internal/fault"
)

// readAll reads a file to its end.
func readAll(t testing.TB, r io.Reader, opts csvfile.Options) (*csvfile.Reader, []csvfile.Row, []*csvfile.LineError) {
	t.Helper()
	rd, err := csvfile.Open(r, opts)
	require.NoError(t, err)
	var rows []csvfile.Row
	var refused []*csvfile.LineError
	for {
		row, err := rd.Next()
		var bad *csvfile.LineError
		switch {
		case errors.Is(err, io.EOF):
			return rd, rows, refused
		case errors.As(err, &bad):
			refused = append(refused, bad)
		default:
			require.NoError(t, err)
			rows = append(rows, row)
		}
	}
}

func TestReadsRows(t *testing.T) {
	rd, rows, refused := readAll(t, strings.NewReader(
		"Kunden-Nr;Vorname;Nachname;E-Mail;Handy;Land;Sprache;Zeitzone;Gutschein Code\r\n"+
			"7;  Jürgen ;\"Müller; Sohn\";Juergen@Example.COM;0171 3920001;Deutschland;de;Europe/Berlin;\"A\"\"1\"\r\n"+
			"\r\n"+
			"8;\"Zo\r\në\";;;+33 6 39 98 00 01;;fr_FR;;\r\n"), csvfile.Options{})
	require.Empty(t, refused)
	require.Equal(t, byte(';'), rd.Separator())
	require.Equal(t, "utf-8", rd.Encoding())
	require.Empty(t, rd.Notices())
	require.Equal(t, []string{"gutschein_code"}, rd.ExtraKeys())
	require.Equal(t, []csvfile.Row{
		{
			Line: 2, ExternalID: "7", FirstName: "Jürgen", LastName: "Müller; Sohn", Email: "Juergen@example.com",
			Phone: "+491713920001", Country: "DE", Language: "de", Timezone: "Europe/Berlin", Extra: []string{`A"1`},
		},
		{Line: 4, ExternalID: "8", FirstName: "Zo ë", Phone: "+33639980001", Language: "fr-FR", Extra: []string{""}},
	}, rows)
	require.Equal(t, csvfile.Position{Records: 2, Line: 6, Bytes: 220}, rd.Position())
}

func TestRefusesWholeFiles(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		opts csvfile.Options
		want string
	}{
		"empty":         {"", csvfile.Options{}, "the file is empty"},
		"only a mark":   {"\uFEFF", csvfile.Options{}, "the file is empty"},
		"only blanks":   {"\n\n ;;\n", csvfile.Options{}, "the file is empty"},
		"only a header": {"email,name\n\n,\n", csvfile.Options{}, `only a header line ("email", "name")`},
		"PNG":           {"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", csvfile.Options{}, "no CSV but an image"},
		"Excel":         {"PK\x03\x04\x14\x00\x06\x00[Content_Types].xml\x00\x00xl/workbook.xml", csvfile.Options{}, "an Excel workbook; save or export it as CSV"},
		"ZIP":           {"PK\x03\x04\x14\x00\x06\x00list.csv", csvfile.Options{}, "a ZIP archive; unpack it"},
		"old Excel":     {"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1\x00\x00", csvfile.Options{}, "an old Excel workbook"},
		"PDF":           {"%PDF-1.7\n%\xe2\xe3\xcf\xd3", csvfile.Options{}, "a PDF document"},
		"JSON":          {" [\n {\"email\": \"a@example.com\"}]", csvfile.Options{}, "no CSV but JSON"},
		"JSON lines":    {"{\"email\": \"a@example.com\"}\n", csvfile.Options{}, "no CSV but JSON"},
		"HTML":          {"<!DOCTYPE html>\n<table>", csvfile.Options{}, "an HTML page"},
		"XML":           {"<?xml version=\"1.0\"?><contacts/>", csvfile.Options{}, "an XML document"},
		"vCard":         {"BEGIN:VCARD\r\nVERSION:3.0\r\n", csvfile.Options{}, "a vCard file"},
		"random":        {"\x01\x02\x03\x99\x04,\x05\x06\x00\x11\x12\n\x07", csvfile.Options{}, "no CSV but not text"},
		"useless":       {"plan,coupon\nA,B\n", csvfile.Options{}, `the file has "plan", "coupon"; name one email, phone or external_id`},
		"quoted lines":  {"\"email,name\"\n\"a@example.com,Ann\"\n", csvfile.Options{}, "Each line seems to stand in quotes as a whole"},
		"no header":     {"a@example.com,Ann\nb@example.com,Bob\n", csvfile.Options{}, "The first line looks like data"},
		"same field":    {"email,Tel.,Telefon\na@example.com,1,2\n", csvfile.Options{}, `column 2 "Tel." and column 3 "Telefon" could both be the phone`},
		"same name":     {"email,E-Mail\na@example.com,b@example.com\n", csvfile.Options{}, `column 1 "email" and column 2 "E-Mail" could both be the email`},
		"which of two": {"email,Plan,Plan\na@example.com,1,2\n", csvfile.Options{Mapping: map[string]string{"plan": "row.x"}},
			`column 2 "Plan" and column 3 "Plan" have this name; say which by its place, as column 2`},
		"open header": {"\"email,name\na@example.com,b\n", csvfile.Options{}, "the header in line 1 can't be read: a quote is opened"},
		"unknown column": {"email\na@example.com\n", csvfile.Options{Mapping: map[string]string{"Mail": "email"}},
			`mapping.Mail: the file has no such column; it has "email"`},
		"unknown field":   {"email\na@example.com\n", csvfile.Options{Mapping: map[string]string{"email": "mail"}}, `is not a field; use one of external_id, email`},
		"mapped twice":    {"a,b\na@example.com,\n", csvfile.Options{Mapping: map[string]string{"a": "email", "b": "email"}}, `column 1 "a" is mapped to it already`},
		"mapped away":     {"email\na@example.com\n", csvfile.Options{Mapping: map[string]string{"email": "-"}}, "no column can be used"},
		"bad key":         {"email,x\na@example.com,\n", csvfile.Options{Mapping: map[string]string{"x": "row.A b"}}, "a key for templates"},
		"bad encoding":    {"email\na@example.com\n", csvfile.Options{Encoding: "ebcdic"}, "is not an encoding"},
		"bad separator":   {"email\na@example.com\n", csvfile.Options{Separator: '"'}, "can't separate fields"},
		"bad country":     {"email\na@example.com\n", csvfile.Options{DefaultCountry: "Atlantis"}, "no country"},
		"negative skip":   {"email\na@example.com\n", csvfile.Options{SkipRecords: -1}, "is negative"},
		"endless line":    {strings.Repeat("email,", 300_000), csvfile.Options{}, "the first line is longer than 1 MiB"},
		"too many fields": {"email" + strings.Repeat(",", 1000) + "\n", csvfile.Options{}, "1001 columns"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := csvfile.Open(strings.NewReader(c.file), c.opts)
			require.ErrorContains(t, err, c.want)
			require.True(t, fault.Is(err, fault.Invalid), "%v", err)
		})
	}
}
