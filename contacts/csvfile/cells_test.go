package csvfile_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/transform"

	"carillon/contacts/csvfile"
)

// TestEmptyCellsAtTheEndSayNothing holds lines to meaning the same with and
// without empty cells at their end, as few or as many as a spreadsheet leaves,
// and text among the surplus ones to being refused with its line.
func TestEmptyCellsAtTheEndSayNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2)) // cells, not secrets
	header := []string{"email", "first_name", "note", "plan"}
	for range 200 {
		nameless := r.IntN(3)
		var full, ragged, wrong strings.Builder
		head := strings.Join(header, ";") + strings.Repeat(";", nameless) + "\n"
		lines := 1 + r.IntN(8)
		for i := range lines {
			cells := []string{fmt.Sprintf("a%d@example.com", i), "", "", ""}
			for c := 1; c < 1+r.IntN(4); c++ {
				cells[c] = []string{"", "x", `"y;z"`, `""`}[r.IntN(4)]
			}
			whole := strings.Join(cells, ";")
			full.WriteString(whole + strings.Repeat(";", nameless) + "\n")
			short := strings.TrimRight(whole, ";")
			if r.IntN(2) == 0 {
				short = whole + strings.Repeat("; ", r.IntN(9))
			}
			ragged.WriteString(short + "\n")
			wrong.WriteString(whole + strings.Repeat(";", 1+r.IntN(5)) + "text\n")
		}
		_, want, refused := readAll(t, strings.NewReader(head+full.String()), csvfile.Options{})
		require.Empty(t, refused)
		_, got, refused := readAll(t, strings.NewReader(head+ragged.String()), csvfile.Options{})
		require.Empty(t, refused, "%s", ragged.String())
		require.Equal(t, want, got)
		_, _, refused = readAll(t, strings.NewReader(head+wrong.String()), csvfile.Options{})
		require.Len(t, refused, lines)
		for i, e := range refused {
			require.Equal(t, int64(2+i), e.Line)
			require.Equal(t, []string{csvfile.CodeRagged, "text"}, []string{e.Code, e.Value})
		}
	}
}

func TestNamelessColumnsByHand(t *testing.T) {
	rd, rows, refused := readAll(t, strings.NewReader("email,,\na@example.com,x,y\n"),
		csvfile.Options{Mapping: map[string]string{"column_2": "row", "Column 3": "name"}})
	require.Empty(t, refused)
	require.Equal(t, []string{"column_2"}, rd.ExtraKeys())
	require.Equal(t, []string{"x", "y"}, []string{rows[0].Extra[0], rows[0].Name})
	// One notice for all of them.
	rd, _, _ = readAll(t, strings.NewReader(",Город,,email\n1,2,3,a@example.com\n1,2,3,b@example.com\n"), csvfile.Options{})
	require.Equal(t, []csvfile.Notice{{
		Code:    csvfile.NoticeColumn,
		Message: `no name that a template could use: column 1 "" is row.column_1, column 2 "Город" is row.column_2, column 3 "" is row.column_3`,
	}}, rd.Notices())
}

func TestEncodingsOfManyBytes(t *testing.T) {
	for _, c := range []struct{ name, text, file string }{
		{"Shift_JIS", "氏名,メールアドレス\n山田 能太郎,a@example.jp\n", encoded(t, japanese.ShiftJIS.NewEncoder(), "氏名,メールアドレス\n山田 能太郎,a@example.jp\n")},
		{"euc-jp", "氏名,メールアドレス\n山田,a@example.jp\n", encoded(t, japanese.EUCJP.NewEncoder(), "氏名,メールアドレス\n山田,a@example.jp\n")},
		{"gbk", "姓名,邮箱\n张伟,a@example.cn\n", encoded(t, simplifiedchinese.GBK.NewEncoder(), "姓名,邮箱\n张伟,a@example.cn\n")},
		{"GB18030", "姓名,邮箱\n张伟😀,a@example.cn\n", encoded(t, simplifiedchinese.GB18030.NewEncoder(), "姓名,邮箱\n张伟😀,a@example.cn\n")},
		{"Big5", "姓名,電子郵件\n陳功,a@example.tw\n", encoded(t, traditionalchinese.Big5.NewEncoder(), "姓名,電子郵件\n陳功,a@example.tw\n")},
		{"euc-kr", "이름,이메일\n홍길동,a@example.kr\n", encoded(t, korean.EUCKR.NewEncoder(), "이름,이메일\n홍길동,a@example.kr\n")},
	} {
		_, want, refused := readAll(t, strings.NewReader(c.text), csvfile.Options{Encoding: "utf-8"})
		require.Empty(t, refused)
		rd, got, refused := readAll(t, iotest.OneByteReader(strings.NewReader(c.file)), csvfile.Options{Encoding: c.name})
		require.Empty(t, refused, c.name)
		require.Equal(t, want, got, c.name)
		require.Equal(t, int64(len(c.file)), rd.Position().Bytes)
		require.Contains(t, csvfile.Encodings(), rd.Encoding())
		// Half a character refuses its line and no other.
		_, got, refused = readAll(t, strings.NewReader(c.file+"b@example.org,\xff\xff\n"), csvfile.Options{Encoding: c.name})
		require.Equal(t, want, got, c.name)
		require.Len(t, refused, 1)
		require.Equal(t, csvfile.CodeEncoding, refused[0].Code)
	}
	for _, name := range csvfile.Encodings() {
		_, err := csvfile.Open(strings.NewReader("\xff\xfee"), csvfile.Options{Encoding: strings.ToUpper(name)})
		require.NotContains(t, fmt.Sprint(err), "is not an encoding")
	}
}

func encoded(t *testing.T, to transform.Transformer, text string) string {
	t.Helper()
	out, _, err := transform.String(to, text)
	require.NoError(t, err)
	return out
}

// TestLostValues says which wrong values cost a line no more than themselves.
func TestLostValues(t *testing.T) {
	for _, c := range []struct {
		file  string
		opts  csvfile.Options
		taken bool
		lost  string // the fields
	}{
		{file: "email,phone\na@example.com,12\n", taken: true, lost: "phone"},
		{file: "email,phone\na@example.com,12\n", opts: csvfile.Options{Mapping: map[string]string{"phone": "phone"}}},
		{file: "email,phone\na@example.com,12\n", opts: csvfile.Options{Key: "phone"}},
		{file: "email,phone\nnobody,+491713920001\n"},
		{file: "email,phone\nnobody,+491713920001\n", opts: csvfile.Options{Key: "phone"}, taken: true, lost: "email"},
		{file: "email,phone\nn/a,+491713920001\n", taken: true},
		{file: "id,email,phone\n7,nobody,+491713920001\n", taken: true, lost: "email"},
		{file: "id,email,phone\n7,nobody,12\n"},
		{file: "id,email\n4.91512E+11,a@example.com\n", taken: true, lost: "external_id"},
		{file: "id,email\n4.91512E+11,\n"},
		{file: "id,email\n12E4,\n", taken: true},
		{file: "email,timezone,language,country,name\na@example.com,GMT+1,klingon,Atlantis,A\x07\n", taken: true, lost: "timezone language country name"},
		{file: "email,country,phone\na@example.com,Atlantis,0171 3920001\n", taken: true, lost: "country phone"},
		{file: "email,blocked\na@example.com,maybe\n"},
		{file: "email,status\na@example.com,gone\n"},
		{file: "email,telegram\na@example.com,bad\n", taken: true, lost: "telegram"},
		{file: "telegram,viber\nbad,v\n"},
		{file: "email,phone\na@example.com,+491713920001; +491713920002\n", taken: true, lost: "phone"},
	} {
		_, rows, refused := readAll(t, strings.NewReader(c.file), c.opts)
		require.Equal(t, c.taken, len(rows) == 1, c.file)
		require.Equal(t, c.taken, len(refused) == 0, c.file)
		if !c.taken {
			continue
		}
		var lost []string
		for _, e := range rows[0].Lost {
			lost = append(lost, e.Field)
			require.Equal(t, int64(2), e.Line)
			require.NotEmpty(t, e.Reason)
		}
		require.Equal(t, c.lost, strings.Join(lost, " "), c.file)
	}
}
