package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/messylist"
)

// A messy list: the dry run says what is wrong and what to do, shows people and properties;
// the import asks before it makes these.
func TestImportOfAMessyList(t *testing.T) {
	f := newFixture(t)
	path := filepath.Join(t.TempDir(), "Kunden.csv")
	var list bytes.Buffer
	require.NoError(t, messylist.Write(&list))
	require.NoError(t, os.WriteFile(path, list.Bytes(), 0o600))

	code, out, errs := f.run("import", path, "--dry-run")
	require.Zero(t, code, errs)
	require.Regexp(t, `Would be created\s+500`, out)
	require.Contains(t, errs, "86 phone: ")
	require.Contains(t, errs, "leave the column out with --map 'Telefon=-'")
	require.Contains(t, errs, "--properties makes properties of such columns")
	require.Contains(t, errs, "  new: first_name Jürgen · last_name Müller · "+
		"email person0@example.org · phone +491711000000 · status active · row.geburtstag 01.01.1950")

	code, _, errs = f.run("import", path, "--properties")
	require.Equal(t, exitRefused, code)
	require.Contains(t, errs, "--yes", "nobody is there to ask")
	require.Contains(t, errs, `  attributes.umsatz: number, of "Umsatz", 500 values`)
	require.NotContains(t, f.ok("contacts", "ls"), "Müller")

	f.tty, f.stdin = true, "no\n"
	code, _, errs = f.run("import", path, "--properties")
	require.Equal(t, exitRefused, code)
	require.Contains(t, errs, "nothing was changed")
	f.stdin = "yes\n"
	code, out, errs = f.run("import", path, "--properties", "--map", "Telefon=-")
	require.Zero(t, code, errs)
	require.Regexp(t, `Created\s+500`, out)
	require.NotContains(t, errs, "86 phone")
	require.Regexp(t, `Contacts\s+125`, f.ok("targeting", "count", "--rule",
		`{"condition":"AND","rules":[{"field":"umsatz","operator":"greater","value":1000}]}`))

	f.tty, f.stdin = false, "email\nada@example.org\n"
	code, _, errs = f.run("import", "-", "--properties")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, "--yes")
	f.ok("import", "-", "--properties", "--yes")
	code, _, errs = f.run("import", path, "--dates", "ddmm")
	require.Equal(t, exitRefused, code)
	require.Contains(t, errs, "dmy")
}
