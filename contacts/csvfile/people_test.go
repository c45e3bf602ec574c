package csvfile_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/contacts/csvfile"
)

var update = flag.Bool("update", false, "write the golden file anew")

// TestFilesAsPeopleHaveThem reads files as people's programs write them, and
// holds what becomes of each column, line and value to the golden file.
func TestFilesAsPeopleHaveThem(t *testing.T) {
	files, err := filepath.Glob("testdata/people/*.csv")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	said := map[string]csvfile.Options{
		"cp1250.csv":    {Encoding: "windows-1250"},
		"header-ja.csv": {Encoding: "Shift_JIS"},
		"header-ru.csv": {Encoding: "windows-1251"},
	}
	var b bytes.Buffer
	for _, file := range files {
		name := filepath.Base(file)
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		opts := said[name]
		fmt.Fprintf(&b, "== %s\n", name)
		describe(t, &b, content, opts)
	}
	golden := "testdata/people.txt"
	if *update {
		require.NoError(t, os.WriteFile(golden, b.Bytes(), 0o644)) // a file of the repository
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), b.String())
}

// describe writes down what was made of a file.
func describe(t *testing.T, b *bytes.Buffer, content []byte, opts csvfile.Options) {
	t.Helper()
	rd, rows, refused := readAll(t, bytes.NewReader(content), opts)
	fmt.Fprintf(b, "%s, separator %q\n", rd.Encoding(), rd.Separator())
	for _, n := range rd.Notices() {
		fmt.Fprintf(b, "note: %s\n", n.Message)
	}
	for _, row := range rows {
		fmt.Fprintf(b, "line %d:", row.Line)
		put := func(name, value string) {
			if value != "" {
				fmt.Fprintf(b, " %s=%q", name, value)
			}
		}
		put("id", row.ExternalID)
		put("email", row.Email)
		put("phone", row.Phone)
		for _, a := range row.Addresses {
			put(string(a.Kind), a.Value)
		}
		put("name", row.Name)
		put("first", row.FirstName)
		put("last", row.LastName)
		put("language", row.Language)
		put("zone", row.Timezone)
		put("country", row.Country)
		put("groups", strings.Join(row.Groups, "|"))
		put("labels", strings.Join(row.Labels, "|"))
		put("categories", strings.Join(row.Categories, "|"))
		for i, key := range rd.ExtraKeys() {
			put("row."+key, row.Extra[i])
		}
		b.WriteByte('\n')
		for _, e := range row.Lost {
			fmt.Fprintf(b, "without %s\n", e.Error())
		}
	}
	for _, e := range refused {
		fmt.Fprintf(b, "refused %s\n", e.Error())
	}
}
