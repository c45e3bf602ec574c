package csvfile_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/charmap"

	"carillon/contacts/csvfile"
	"carillon/internal/fault"
)

func utf16Bytes(s string, order binary.AppendByteOrder, bom bool) string {
	var b []byte
	if bom {
		b = order.AppendUint16(b, 0xFEFF)
	}
	for _, u := range utf16.Encode([]rune(s)) {
		b = order.AppendUint16(b, u)
	}
	return string(b)
}

func singleByte(t *testing.T, cm *charmap.Charmap, s string) string {
	t.Helper()
	out, err := cm.NewEncoder().String(s)
	require.NoError(t, err)
	return out
}

func TestEncodings(t *testing.T) {
	latin := "email;name;note\njurgen@example.com;Jürgen Größe;“5 €”\nb@example.org;Bob;\n"
	world := "email;name;note\na@example.com;Жанна;你好 👋\nb@example.org;Bob;\n"
	for name, c := range map[string]struct {
		text, file string
		opts       csvfile.Options
		encoding   string
		notice     string
	}{
		"UTF-8":                {world, world, csvfile.Options{}, "utf-8", ""},
		"UTF-8 with mark":      {world, "\uFEFF" + world, csvfile.Options{}, "utf-8", ""},
		"UTF-8 said":           {world, "\uFEFF" + world, csvfile.Options{Encoding: "UTF8"}, "utf-8", ""},
		"UTF-16 little endian": {world, utf16Bytes(world, binary.LittleEndian, true), csvfile.Options{}, "utf-16le", ""},
		"UTF-16 big endian":    {world, utf16Bytes(world, binary.BigEndian, true), csvfile.Options{}, "utf-16be", ""},
		"UTF-16 said":          {world, utf16Bytes(world, binary.BigEndian, true), csvfile.Options{Encoding: "utf-16"}, "utf-16be", ""},
		"UTF-16 little without mark": {world, utf16Bytes(world, binary.LittleEndian, false), csvfile.Options{}, "utf-16le",
			"no byte order mark, but every other byte is zero: read as UTF-16LE"},
		"UTF-16 big without mark": {world, utf16Bytes(world, binary.BigEndian, false), csvfile.Options{}, "utf-16be", "read as UTF-16BE"},
		"Windows-1252": {latin, singleByte(t, charmap.Windows1252, latin), csvfile.Options{}, "windows-1252",
			"not valid UTF-8 at byte 36: read as Windows-1252"},
		"Windows-1252 said": {latin, singleByte(t, charmap.Windows1252, latin), csvfile.Options{Encoding: "windows-1252"}, "windows-1252", ""},
		"Windows-1251 said": {"email;name;note\na@example.com;Жанна;\n", singleByte(t, charmap.Windows1251, "email;name;note\na@example.com;Жанна;\n"),
			csvfile.Options{Encoding: "Windows-1251"}, "windows-1251", ""},
		"UTF-8 although it looks like": {"email;name;note\na@example.com;Ã¼;\n", "email;name;note\na@example.com;Ã¼;\n", csvfile.Options{Encoding: "utf-8"}, "utf-8",
			""},
	} {
		t.Run(name, func(t *testing.T) {
			_, want, refused := readAll(t, strings.NewReader(c.text), csvfile.Options{Encoding: "utf-8"})
			require.Empty(t, refused)
			// Whatever pieces the source comes in.
			rd, rows, refused := readAll(t, iotest.OneByteReader(strings.NewReader(c.file)), c.opts)
			require.Empty(t, refused)
			require.Equal(t, want, rows)
			require.Equal(t, c.encoding, rd.Encoding())
			require.Equal(t, int64(len(c.file)), rd.Position().Bytes)
			if c.notice == "" {
				require.Empty(t, rd.Notices())
				return
			}
			require.Len(t, rd.Notices(), 1)
			require.Contains(t, rd.Notices()[0].Message, c.notice)
			require.Equal(t, csvfile.NoticeEncoding, rd.Notices()[0].Code)
		})
	}
}

func TestDamagedText(t *testing.T) {
	t.Run("UTF-8 with damage stays UTF-8", func(t *testing.T) {
		rd, rows, refused := readAll(t, strings.NewReader("email,name\na@example.com,Жанна\nb@example.com,J\xFCrgen\nc@example.com,Zoë\n"), csvfile.Options{})
		require.Equal(t, "utf-8", rd.Encoding())
		require.Contains(t, rd.Notices()[0].Message, "not valid UTF-8 at byte 51, though most of the file is")
		require.Len(t, rows, 2)
		require.Equal(t, []*csvfile.LineError{{
			Line: 3, Field: "name", Value: "J\uFFFDrgen", Code: csvfile.CodeEncoding,
			Reason: "not valid UTF-8 (byte 0xFC); if the whole file is in another encoding, such as windows-1252, give it",
		}}, refused)
	})
	t.Run("damage behind the look-ahead", func(t *testing.T) {
		n := csvfile.LookAhead/20 + 1
		_, rows, refused := readAll(t, strings.NewReader("email,plan\n"+strings.Repeat("abc@example.com,gold\n", n)+"b@example.com,\xE9t\xE9\nc@example.com,x\n"),
			csvfile.Options{})
		require.Len(t, rows, n+1)
		require.Len(t, refused, 1)
		require.Equal(t, int64(n+2), refused[0].Line)
		require.Equal(t, "row.plan", refused[0].Field)
	})
	t.Run("half a UTF-16 character", func(t *testing.T) {
		file := utf16Bytes("email,name\na@example.com,x", binary.LittleEndian, true) + "\x00\xD8" +
			utf16Bytes("y\nb@example.com,Bob\nc@example.com,C", binary.LittleEndian, false) + "\x41"
		_, rows, refused := readAll(t, iotest.OneByteReader(strings.NewReader(file)), csvfile.Options{})
		require.Len(t, rows, 1)
		require.Len(t, refused, 2)
		require.Contains(t, refused[0].Reason, "a character that does not exist in utf-16le")
		require.Equal(t, []int64{2, 4}, []int64{refused[0].Line, refused[1].Line})
	})
	t.Run("a hole in Windows-1252", func(t *testing.T) {
		_, rows, refused := readAll(t, strings.NewReader("email,name\na@example.com,\x81\nb@example.com,J\xFCrgen\n"), csvfile.Options{})
		require.Len(t, rows, 1)
		require.Contains(t, refused[0].Reason, "a character that does not exist in windows-1252")
	})
	t.Run("NUL", func(t *testing.T) {
		_, rows, refused := readAll(t, strings.NewReader("email,name\na@example.com,A\x00nn\n"+strings.Repeat("b@example.com,Bob\n", 50)), csvfile.Options{})
		require.Len(t, rows, 50)
		require.Equal(t, csvfile.CodeControl, refused[0].Code)
		require.Equal(t, "a@example.com,A\uFFFDnn", refused[0].Value)
	})
}

func TestSeparators(t *testing.T) {
	for sep, file := range map[byte]string{
		',':  "email,name\na@example.com,Ann\n",
		';':  "email;\"name, first; last\"\na@example.com;Ann\n",
		'\t': "email\tname\ta,b;c\na@example.com\tAnn\t\n",
		'|':  "id|email\n1|a@example.com\n",
	} {
		rd, rows, refused := readAll(t, strings.NewReader(file), csvfile.Options{})
		require.Equal(t, string(sep), string(rd.Separator()))
		require.Empty(t, refused)
		require.Equal(t, "a@example.com", rows[0].Email)
	}
	rd, rows, _ := readAll(t, strings.NewReader("sep=;\r\nemail;a,b\r\na@example.com;1\r\n"), csvfile.Options{})
	require.Equal(t, byte(';'), rd.Separator())
	require.Equal(t, int64(3), rows[0].Line)
	rd, rows, _ = readAll(t, strings.NewReader("email#a,b\na@example.com#1,2\n"), csvfile.Options{Separator: '#'})
	require.Equal(t, byte('#'), rd.Separator())
	require.Equal(t, []string{"1,2"}, rows[0].Extra)
	// One column, no separator at all, no line end at the end.
	_, rows, _ = readAll(t, strings.NewReader("E-Mail\na@example.com\nb@example.com"), csvfile.Options{})
	require.Len(t, rows, 2)
}

func TestLineEnds(t *testing.T) {
	lines := []string{"email,note", "a@example.com,1", "", "b@example.com,\"x\ny\"", "c@example", "d@example.com,4"}
	for name, end := range map[string]string{"LF": "\n", "CRLF": "\r\n", "CR": "\r"} {
		for _, last := range []string{"", end} {
			file := strings.ReplaceAll(strings.Join(lines, "\n")+last, "\n", end)
			_, rows, refused := readAll(t, iotest.OneByteReader(strings.NewReader(file)), csvfile.Options{})
			require.Len(t, rows, 3, name)
			require.Equal(t, []int64{2, 4, 7}, []int64{rows[0].Line, rows[1].Line, rows[2].Line}, name)
			require.Equal(t, "x\ny", rows[1].Extra[0], name)
			require.Len(t, refused, 1)
			require.Equal(t, int64(6), refused[0].Line)
		}
	}
	_, rows, refused := readAll(t, strings.NewReader("email,n\r\na@example.com,1\rb@example.com,2\nc@example.com,3\r\r\n\nd@example.com,4"), csvfile.Options{})
	require.Empty(t, refused)
	require.Equal(t, []int64{2, 3, 4, 7}, []int64{rows[0].Line, rows[1].Line, rows[2].Line, rows[3].Line})
}

func TestQuotes(t *testing.T) {
	for name, c := range map[string]struct {
		lines string
		rows  []string // "line:value of the extra column"
		bad   []int64
	}{
		"doubled":                {`a@example.com,"say ""hi"", all"`, []string{`2:say "hi", all`}, nil},
		"empty":                  {`a@example.com,""`, []string{`2:`}, nil},
		"only a quote":           {`a@example.com,""""`, []string{`2:"`}, nil},
		"spaces around":          {`a@example.com, "x, y" `, []string{`2:x, y`}, nil},
		"newline":                {"a@example.com,\"x\ny\"\nb@example.com,z", []string{"2:x\ny", "4:z"}, nil},
		"newline, then a quote":  {"a@example.com,\"x\n\"\"y\"\"\n\"\nb@example.com,z", []string{"2:x\n\"y\"", "5:z"}, nil},
		"in the middle":          {"a@example.com,5\" pipe\nb@example.com,z", []string{"2:5\" pipe", "3:z"}, nil},
		"a nickname":             {"a@example.com,Ann \"Annie\" Lee\nb@example.com,z", []string{"2:Ann \"Annie\" Lee", "3:z"}, nil},
		"stray after the end":    {"a@example.com,\"x\"y\nb@example.com,z", []string{"3:z"}, []int64{2}},
		"never closed":           {"a@example.com,\"x\nb@example.com,y\nc@example.com,z", []string{"3:y", "4:z"}, []int64{2}},
		"closed by the next one": {"a@example.com,\"x\nb@example.com,\"y\"\nc@example.com,z", []string{"3:y", "4:z"}, []int64{2}},
		"two never closed":       {"a@example.com,\"x\n\"b@example.com,y\nc@example.com,z", []string{"4:z"}, []int64{2, 3}},
		"backslash is no escape": {"a@example.com,\"x\\\"y\"\nb@example.com,z", []string{"3:z"}, []int64{2}},
		"at the end of file":     {"a@example.com,z\nb@example.com,\"", []string{"2:z"}, []int64{3}},
	} {
		t.Run(name, func(t *testing.T) {
			_, rows, refused := readAll(t, iotest.HalfReader(strings.NewReader("email,note\n"+c.lines)), csvfile.Options{})
			var got []string
			for _, r := range rows {
				got = append(got, fmt.Sprintf("%d:%s", r.Line, r.Extra[0]))
			}
			var bad []int64
			for _, e := range refused {
				require.Equal(t, csvfile.CodeQuote, e.Code)
				bad = append(bad, e.Line)
			}
			require.Equal(t, c.rows, got)
			require.Equal(t, c.bad, bad)
		})
	}
}

func TestAnUnclosedQuoteSwallowsNothing(t *testing.T) {
	const n = 200_000
	file := "email,note\nfirst@example.com,\"open\n" + strings.Repeat("a@example.com,x\n", n)
	_, rows, refused := readAll(t, strings.NewReader(file), csvfile.Options{})
	require.Len(t, rows, n)
	require.Len(t, refused, 1)
	require.Contains(t, refused[0].Reason, "not closed within 1,000 lines")
	// Long lines meet the other bound first.
	file = "email,note\nfirst@example.com,\"open\n" + strings.Repeat("a@example.com,"+strings.Repeat("x", 9000)+"\n", 200)
	_, rows, refused = readAll(t, strings.NewReader(file), csvfile.Options{})
	require.Len(t, rows, 200)
	require.Contains(t, refused[0].Reason, "not closed within 1 MiB")
	// A record of as many lines as are allowed.
	file = "email,note\na@example.com,\"" + strings.Repeat("x\n", csvfile.MaxRecordLines-1) + "\"\nb@example.com,\n"
	_, rows, refused = readAll(t, strings.NewReader(file), csvfile.Options{})
	require.Empty(t, refused)
	require.Equal(t, int64(2+csvfile.MaxRecordLines), rows[1].Line)
}

func TestHugeLines(t *testing.T) {
	for _, end := range []string{"\n", "\r\n", "\r"} {
		file := "email,note" + end + "a@example.com," + strings.Repeat("x", 5<<20) + end + "b@example.com,ok" + end +
			"c@example.com,\"" + strings.Repeat("y", 3<<20) + "\"" + end + "d@example.com," + strings.Repeat("z", csvfile.MaxExtraLength+1) + end +
			"e@example.com," + strings.Repeat("é", csvfile.MaxExtraLength) + end
		_, rows, refused := readAll(t, strings.NewReader(file), csvfile.Options{})
		require.Len(t, rows, 2)
		require.Equal(t, []int64{3, 6}, []int64{rows[0].Line, rows[1].Line})
		require.Len(t, refused, 3)
		for i, want := range []int64{2, 4, 5} {
			require.Equal(t, want, refused[i].Line)
			require.Equal(t, csvfile.CodeTooLong, refused[i].Code)
			require.Less(t, len(refused[i].Value), 300)
		}
		require.Equal(t, "row.note", refused[2].Field)
	}
}

func TestRefusesLines(t *testing.T) {
	header := "external_id,email,phone,name,language,timezone,country,plan\n"
	byHand := map[string]string{"email": "email", "phone": "phone", "name": "name", "language": "language", "timezone": "timezone", "country": "country"}
	for _, c := range []struct{ line, code, field, reason string }{
		{"1,a@example.com,,Ann,en,UTC,US,x,y", csvfile.CodeRagged, "column_9", "9 fields where the header has 8"},
		{"1,nobody,,Ann,en,UTC,US,x", csvfile.CodeEmail, "email", "it has no @"},
		{"1,a@example.com,12,Ann,en,UTC,US,x", csvfile.CodePhone, "phone", "too short"},
		{"1,a@example.com,,Ann,klingon,UTC,US,x", csvfile.CodeLanguage, "language", "BCP 47"},
		{"1,a@example.com,,Ann,x-private,UTC,US,x", csvfile.CodeLanguage, "language", "BCP 47"},
		{"1,a@example.com,,Ann,en,Mars/Olympus,US,x", csvfile.CodeTimezone, "timezone", "IANA"},
		{"1,a@example.com,,Ann,en,Local,US,x", csvfile.CodeTimezone, "timezone", "IANA"},
		{"1,a@example.com,,Ann,en,../passwd,US,x", csvfile.CodeTimezone, "timezone", "IANA"},
		{"1,a@example.com,,Ann,en,localtime,US,x", csvfile.CodeTimezone, "timezone", "IANA"},
		{"1,a@example.com,,Ann,en,posix/Europe/Berlin,US,x", csvfile.CodeTimezone, "timezone", "IANA"},
		{"1,a@example.com,,Ann,en,+02:00,US,x", csvfile.CodeTimezone, "timezone", "an offset is no time zone"},
		{"1,a@example.com,,Ann,en,UTC,Atlantis,x", csvfile.CodeCountry, "country", "ISO 3166"},
		{"1,a@example.com,,Ann,en,UTC,QQ,x", csvfile.CodeCountry, "country", "ISO 3166"},
		{",,,Ann,en,UTC,US,x", csvfile.CodeNoAddress, "", "no address and no external id"},
		{"1,a@example.com,,An\x1bn,en,UTC,US,x", csvfile.CodeControl, "name", "U+001B"},
		{"1,a@example.com,," + strings.Repeat("ä", 256) + ",en,UTC,US,x", csvfile.CodeTooLong, "name", "255"},
		{"1\x07,,,Ann,en,UTC,US,x", csvfile.CodeControl, "external_id", "U+0007"},
		{strings.Repeat("1", 256) + ",,,Ann,en,UTC,US,x", csvfile.CodeTooLong, "external_id", "255"},
		{"4.91512E+11,,,Ann,en,UTC,US,x", csvfile.CodeID, "external_id", "a rounded number"},
	} {
		_, rows, refused := readAll(t, strings.NewReader(header+c.line+"\n2,b@example.com,+12025550143,Bob,en,UTC,US,x\n"), csvfile.Options{Mapping: byHand})
		require.Len(t, rows, 1, c.line)
		require.Equal(t, int64(3), rows[0].Line)
		require.Len(t, refused, 1, c.line)
		e := refused[0]
		require.Equal(t, c.code, e.Code, c.line)
		require.Equal(t, c.field, e.Field, c.line)
		require.Contains(t, e.Reason, c.reason, c.line)
		require.Equal(t, int64(2), e.Line)
		require.NotEmpty(t, e.Value)
		require.Contains(t, e.Error(), "line 2")
	}
}

func TestHeaders(t *testing.T) {
	for header, want := range map[string]string{
		"E-Mail,Vorname,Nachname,Telefon,Sprache,Zeitzone,Land,Kunden-Nr.":              "email first_name last_name phone language timezone country external_id",
		"correo electrónico,nombre,apellidos,teléfono móvil,idioma,zona horaria,país":   "email first_name last_name phone language timezone country",
		"Adresse e-mail,Prénom,Nom,Téléphone,Langue,Fuseau horaire,Pays":                "email first_name last_name phone language timezone country",
		"Indirizzo e-mail,Nome,Cognome,Cellulare,Lingua,Fuso orario,Paese":              "email first_name last_name phone language timezone country",
		"Endereço de e-mail,Primeiro nome,Sobrenome,Telemóvel,Idioma,Fuso horário,País": "email first_name last_name phone language timezone country",
		"EMAIL_ADDRESS,Full Name,WhatsApp Number,Lang,TZ,Customer ID":                   "email name whatsapp language timezone external_id",
		"E-mail address (required),Phone [E.164]":                                       "email phone",
		"Vorname,Name,Mail":                 "first_name last_name email",
		"First name,Name,Mail":              "first_name name email",
		"id,Customer ID,Mobile,phone":       "row.id external_id row.mobile phone",
		"email,Gutschein-Code,couponCode":   "email row.gutschein_code row.coupon_code",
		"email,Größe (cm),Straße,2nd":       "email row.grosse_cm row.strasse row._2nd",
		"email,Город,,PLZ":                  "email row.column_2 nameless row.plz",
		"email,Groups,ACTIVATED,tags,state": "email groups activated row.tags row.state",
		"\"e\nmail\",\" Name \"":            "email name",
	} {
		rd, _, _ := readAll(t, strings.NewReader(header+"\n1\n"), csvfile.Options{})
		var got []string
		for _, c := range rd.Columns() {
			if c.Field == csvfile.FieldExtra {
				got = append(got, "row."+c.Key)
			} else {
				got = append(got, string(c.Field))
			}
		}
		require.Equal(t, want, strings.Join(got, " "), header)
	}
	rd, _, _ := readAll(t, strings.NewReader("id,Customer ID,phone\n1,2,3\n"), csvfile.Options{})
	require.Equal(t, []csvfile.Notice{{Code: csvfile.NoticeColumn,
		Message: `column 2 "Customer ID" is taken as external_id; column 1 "id" is kept as an extra column`}}, rd.Notices())
}

func TestMapping(t *testing.T) {
	rd, rows, refused := readAll(t, strings.NewReader("Kontakt,Mail,Tel.,Handy,Plan,Secret,name\n7,a@example.com,,+491713920001,gold,s,nick\n"), csvfile.Options{
		Mapping: map[string]string{"kontakt": "external_id", "HANDY": "phone", "Secret": "-", "Plan": "row.tariff", "name": "row"},
	})
	require.Empty(t, refused)
	require.Equal(t, []csvfile.Row{{Line: 2, ExternalID: "7", Email: "a@example.com", Phone: "+491713920001", Extra: []string{"", "gold", "nick"}}}, rows)
	require.Equal(t, []string{"tel", "tariff", "name"}, rd.ExtraKeys())
	require.True(t, rd.Has(csvfile.FieldPhone))
	require.False(t, rd.Has(csvfile.FieldName))
	_, err := csvfile.Open(strings.NewReader("email,a,b\nx@example.com,,\n"), csvfile.Options{Mapping: map[string]string{"a": "row.b"}})
	require.ErrorContains(t, err, "would both be row.b")
}

func TestCountries(t *testing.T) {
	file := "id,country\n"
	names := []string{"DE", "de", "DEU", "276", "Germany", "Deutschland", "ALEMANIA", "Allemagne", "Germania", "Alemanha", "UK", "USA", "Côte d’Ivoire", "Türkei",
		"Holland"}
	for i, n := range names {
		file += fmt.Sprintf("%d,%s\n", i, n)
	}
	_, rows, refused := readAll(t, strings.NewReader(file), csvfile.Options{})
	require.Empty(t, refused)
	var got []string
	for _, r := range rows {
		got = append(got, r.Country)
	}
	require.Equal(t, "DE DE DE DE DE DE DE DE DE DE GB US CI TR NL", strings.Join(got, " "))
}

func TestFormulaCellsComeBackAsTheyWent(t *testing.T) {
	for cell, want := range map[string]string{
		"": "", "plain": "plain", "+49 171 3920001": "+49 171 3920001", "-12.5": "-12.5", "a=b": "a=b", "'quoted'": "'quoted'",
		"=1+1": "'=1+1", "a;=1": "a;'=1", "a;'=1": "a;''=1", ";=1": ";'=1", "a;\"=1": "a;'\"=1", "a; b;+cmd": "a; b;'+cmd", "a;+49 171": "a;+49 171",
		"x\n=1": "x\n'=1", "＝1": "'＝1", "＋1": "'＋1", "－1": "'－1", "＠a": "'＠a", "a;＝1": "a;'＝1", "it's; fine": "it's; fine",
		"+1+cmd|'/c calc'!A0": "'+1+cmd|'/c calc'!A0", "-a": "'-a", "@SUM(A1)": "'@SUM(A1)", "-": "'-",
		"'=already": "''=already", "\t=1": "'\t=1", "\r=1": "'\r=1",
	} {
		require.Equal(t, want, csvfile.Harmless(cell))
		if cell == "" || cell != strings.TrimSpace(cell) {
			continue
		}
		_, rows, refused := readAll(t, strings.NewReader("id,note\n1,\""+strings.ReplaceAll(want, `"`, `""`)+"\"\n"), csvfile.Options{Separator: ','})
		require.Empty(t, refused)
		require.Equal(t, []string{cell}, rows[0].Extra)
	}
}

func TestControlColumns(t *testing.T) {
	_, rows, refused := readAll(t, strings.NewReader("id,activated,blocked,Deactivated,deleted,status\n"+
		"1,1,0,0,no,ACTIVE\n2,0,,yes,,\n3,,true,,ja,blocked\n4,,,,,\n"+
		"5,1,,1,,\n6,maybe,,,,\n7,,,,,gone\n"), csvfile.Options{})
	type said struct {
		control csvfile.Control
		status  string
	}
	got := make([]said, len(rows))
	for i, r := range rows {
		got[i] = said{r.Control, r.Status}
	}
	require.Equal(t, []said{
		{csvfile.Control{Active: csvfile.Yes, Blocked: csvfile.No, Deleted: csvfile.No}, "active"},
		{csvfile.Control{Active: csvfile.No}, ""},
		{csvfile.Control{Blocked: csvfile.Yes, Deleted: csvfile.Yes}, "blocked"},
		{},
	}, got)
	require.Len(t, refused, 3)
	require.Equal(t, `line 6, deactivated "1": activated and deactivated contradict each other`, refused[0].Error())
	require.Equal(t, `line 7, activated "maybe": neither yes nor no: use 1 or 0; to keep the column for templates instead, map it to row`, refused[1].Error())
	require.Equal(t, `line 8, status "gone": no status: use active, inactive, blocked, deleted; to keep the column for templates instead, map it to row`,
		refused[2].Error())
}

func TestMembershipColumns(t *testing.T) {
	many := strings.Repeat("x|", csvfile.MaxMemberships) // one name
	for i := range csvfile.MaxMemberships + 1 {
		many += strconv.Itoa(i) + "|"
	}
	_, rows, refused := readAll(t, strings.NewReader("id|x;groups;labels;categories\n"+
		"1; VIP | Early  birds ||VIP;Ünïcode|a,b;News\n2;|;;\n3;;;"+strings.Repeat("é", 101)+"\n4;"+many+";;\n5;a\x07b;;\n"),
		csvfile.Options{Mapping: map[string]string{"id|x": "external_id"}})
	require.Empty(t, refused)
	require.Len(t, rows, 5)
	require.Equal(t, []string{"VIP", "Early birds"}, rows[0].Groups)
	require.Equal(t, []string{"Ünïcode", "a,b"}, rows[0].Labels)
	require.Equal(t, []string{"News"}, rows[0].Categories)
	require.Empty(t, rows[1].Groups)
	for i, want := range []csvfile.LineError{{Field: "categories", Code: csvfile.CodeTooLong}, {Field: "groups", Code: csvfile.CodeTooLong},
		{Field: "groups", Code: csvfile.CodeControl}} {
		row := rows[2+i]
		require.Empty(t, slices.Concat(row.Groups, row.Labels, row.Categories))
		require.Len(t, row.Lost, 1)
		require.Equal(t, want, csvfile.LineError{Field: row.Lost[0].Field, Code: row.Lost[0].Code})
	}
}

func TestMessengerColumns(t *testing.T) {
	_, rows, refused := readAll(t, strings.NewReader("id,messenger,telegram,SMS,country\n"+
		"491711234567,WB,,,DE\n998694828505,fb,12,,\n7,,,0171 1234567,DE\n8,,,,\n,TG,,,\n9,IM,,,\na b,VI,,,\n,,bad,,\n"), csvfile.Options{})
	require.Equal(t, []csvfile.Row{
		{Line: 2, Country: "DE", Addresses: []csvfile.Address{{Kind: "whatsapp", Value: "+491711234567"}}},
		{Line: 3, Addresses: []csvfile.Address{{Kind: "telegram", Value: "12"}, {Kind: "facebook", Value: "998694828505"}}},
		{Line: 4, ExternalID: "7", Country: "DE", Addresses: []csvfile.Address{{Kind: "sms", Value: "+491711234567"}}},
		{Line: 5, ExternalID: "8"},
	}, rows)
	require.Equal(t, []string{csvfile.CodeNoAddress, csvfile.CodeAddress, csvfile.CodeAddress, csvfile.CodeAddress},
		[]string{refused[0].Code, refused[1].Code, refused[2].Code, refused[3].Code})
	require.Contains(t, refused[1].Error(), `line 7, messenger "IM": no messenger: use one of WB (WhatsApp)`)
	require.Equal(t, `line 8, viber "a b": has white space in it`, refused[2].Error())
}

func TestPropertyColumns(t *testing.T) {
	number := func(cell string) (string, string) {
		if _, err := strconv.ParseFloat(cell, 64); err != nil {
			return "", "no number"
		}
		return cell, ""
	}
	attributes := []csvfile.Attribute{
		{Key: "age", Label: "Alter in Jahren", Parse: number},
		{Key: "plan", Parse: func(cell string) (string, string) { return strconv.Quote(cell), "" }},
		{Key: "score", Parse: number},
	}
	rd, rows, refused := readAll(t, strings.NewReader("id,Alter in Jahren,attributes.plan,S,note\n1,42,gold,1.5,x\n2,,,,y\n3,old,,,\n"),
		csvfile.Options{Attributes: attributes, Mapping: map[string]string{"s": "attributes.score"}})
	require.Equal(t, []string{"age", "plan", "score"}, rd.AttributeKeys())
	require.Equal(t, []string{"age", "plan", "score", "note"}, rd.ExtraKeys(), "templates find them under row too")
	require.Equal(t, []string{"42", `"gold"`, "1.5"}, rows[0].Attributes)
	require.Equal(t, []string{"42", "gold", "1.5", "x"}, rows[0].Extra)
	require.Equal(t, []string{"", "", ""}, rows[1].Attributes)
	require.Empty(t, refused)
	require.Equal(t, []string{"", "", ""}, rows[2].Attributes)
	require.Equal(t, `line 4, attributes.age "old": no number`, rows[2].Lost[0].Error())
	_, _, refused = readAll(t, strings.NewReader("id,s\n3,old\n"), csvfile.Options{Attributes: attributes, Mapping: map[string]string{"s": "attributes.score"}})
	require.Equal(t, `line 2, attributes.score "old": no number`, refused[0].Error())

	for file, c := range map[string]struct {
		mapping map[string]string
		want    string
	}{
		"id,age,Alter in Jahren\n1,2,3\n": {nil, "could both be the property age"},
		"id,a,age\n1,2,3\n":               {map[string]string{"a": "attributes.age"}, "could both be the property age"},
		"id,a\n1,2\n":                     {map[string]string{"a": "attributes.size"}, `there is no property "size"; there are age, plan, score`},
	} {
		_, err := csvfile.Open(strings.NewReader(file), csvfile.Options{Attributes: attributes, Mapping: c.mapping})
		require.ErrorContains(t, err, c.want)
	}
}

func TestSourceErrorsEndTheReading(t *testing.T) {
	broken := errors.New("the disk is gone")
	_, err := csvfile.Open(iotest.ErrReader(broken), csvfile.Options{})
	require.ErrorIs(t, err, broken)
	require.False(t, fault.Is(err, fault.Invalid))

	long := "email\n" + strings.Repeat("a@example.com\n", 100_000)
	rd, err := csvfile.Open(io.MultiReader(strings.NewReader(long), iotest.ErrReader(broken)), csvfile.Options{})
	require.NoError(t, err)
	for err == nil {
		_, err = rd.Next()
	}
	require.ErrorIs(t, err, broken)
	_, err = rd.Next()
	require.ErrorIs(t, err, broken)
}

func TestGoesOnWhereItStopped(t *testing.T) {
	file := "email,note\n\na@example.com,1\nbad,2\nb@example.com,\"x\ny\"\nc@example.com,\"open\n,\n\nd@example.com,4\n"
	_, all, allBad := readAll(t, strings.NewReader(file), csvfile.Options{})
	require.Len(t, all, 3)
	require.Len(t, allBad, 2)
	rd, err := csvfile.Open(strings.NewReader(file), csvfile.Options{})
	require.NoError(t, err)
	for n := int64(0); n <= 6; n++ {
		require.Equal(t, min(n, 5), rd.Position().Records)
		again, rows, refused := readAll(t, strings.NewReader(file), csvfile.Options{SkipRecords: n})
		require.Equal(t, int64(5), again.Position().Records)
		var lines []int64
		for _, r := range rows {
			lines = append(lines, r.Line)
		}
		for _, e := range refused {
			lines = append(lines, e.Line)
		}
		require.Len(t, lines, max(0, 5-int(n)))
		for _, l := range lines {
			require.GreaterOrEqual(t, l, rd.Position().Line)
		}
		_, _ = rd.Next()
	}
}

// TestMemoryIsFlat reads a million rows. The bound is generous: what is kept at
// any time is the look-ahead, one buffer and the caches.
func TestMemoryIsFlat(t *testing.T) {
	text := block(func(i int) string {
		return fmt.Sprintf("%d,person.%d@example.com,+49171392%04d,en,\"gold, %d\"\n", i, i, i, i)
	})
	rd, err := csvfile.Open(&repeated{header: "external_id,email,phone,language,plan\n", block: text, blocks: 1000}, csvfile.Options{})
	require.NoError(t, err)
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	before, peak := m.HeapAlloc, uint64(0)
	rows := 0
	for {
		if _, err := rd.Next(); err != nil {
			require.ErrorIs(t, err, io.EOF)
			break
		}
		if rows++; rows%100_000 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapAlloc)
		}
	}
	require.Equal(t, 1_000_000, rows)
	require.Less(t, peak, before+8<<20)
	t.Logf("%d KiB before, %d KiB at most", before>>10, peak>>10)
}
