package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSnippetsByHand(t *testing.T) {
	f := newFixture(t)
	file := filepath.Join(t.TempDir(), "footer.txt")
	require.NoError(t, os.WriteFile(file, []byte("one\nBye {{ contact.first_name }}, {{ year }}"), 0o600))
	require.Regexp(t, `Snippet\s+parts/footer\nBytes\s+\d+`, f.ok("snippets", "set", "parts/footer", "--text-file", file))
	f.ok("snippets", "set", "hello", "--text", "Hello")
	f.ok("snippets", "set", "nothing", "--text", "")
	require.Regexp(t, `hello\s+5[^\n]*\nnothing\s+0[^\n]*\nparts/footer`, f.ok("snippets", "ls"))
	require.Equal(t, "one\nBye {{ contact.first_name }}, {{ year }}\n", f.ok("snippets", "show", "parts/footer"))

	f.ok("contacts", "create", "--first-name", "Ada", "--email", "ada@example.org")
	f.ok("channel", "create", "mail", "--provider", "sandbox")
	f.ok("campaign", "create", "--name", "Spring", "--channel", "mail", "--all", "--subject", "s", "--text", "{% render 'parts/footer', year: 2026 %}")
	require.Contains(t, f.ok("campaign", "preview", "1"), "one\nBye Ada, 2026")
	code, _, errs := f.run("snippets", "rm", "parts/footer")
	require.Equal(t, exitRefused, code)
	require.Contains(t, errs, `campaign 1 "Spring" (draft)`)
	require.Contains(t, f.ok("snippets", "rm", "hello"), "Snippet hello is deleted")

	code, _, errs = f.run("snippets", "set", "x", "--text", "\n{% render 'hello' %}")
	require.Equal(t, exitRefused, code)
	require.Contains(t, errs, `line 2: there is no snippet "hello"`)
	code, _, _ = f.run("snippets", "set", "x")
	require.Equal(t, exitUsage, code)
	code, _, _ = f.run("snippets", "set", "x", "--text", "a", "--text-file", file)
	require.Equal(t, exitUsage, code)
}
