package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTemplatesByHand(t *testing.T) {
	f := newFixture(t)
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	f.ok("contacts", "create", "--first-name", "Ada", "--email", "ada@example.org", "--language", "de-AT")
	whole := file("shipped.json", `{"category":"utility","kinds":["email"],"default_language":"en",
		"parameters":[{"name":"1","value":"{{ contact.first_name }}","sample":"Bob"}],
		"translations":[{"language":"en","email":{"subject":"On its way","html":"<p>Dear {{1}}</p>"}}]}`)
	require.Regexp(t, `Name\s+shipped\nVersion\s+1\n`, f.ok("templates", "create", "shipped", "--file", whole))
	f.ok("templates", "create", "later", "--kind", "sms,telegram", "--language", "en", "--fallback", "de")
	require.Regexp(t, `2\s+later\s+1\s+sms,telegram\s+-[^\n]*\n1\s+shipped\s+1\s+email\s+en\s+utility`, f.ok("templates", "ls"))
	require.NotContains(t, f.ok("templates", "ls", "--kind", "sms"), "shipped")

	mjml := file("shipped.mjml", "<mjml><mj-body><mj-section><mj-column><mj-text>Hallo {{1}}</mj-text></mj-column></mj-section></mj-body></mjml>")
	require.Contains(t, f.ok("templates", "translate", "1", "de", "--subject", "Unterwegs", "--mjml-file", mjml), "<mj-text>Hallo {{1}}")
	require.Regexp(t, `Language\s+de \(base\)\nVersion\s+2\nSubject\s+Unterwegs\n\nHallo Ada\n`, f.ok("templates", "render", "1", "--contact", "1"))
	require.Contains(t, f.ok("templates", "render", "1", "--html", "--param", "1=<Cy>"), "<p>Dear <Cy></p>")
	require.Contains(t, f.ok("templates", "render", "1"), "Dear Bob")
	require.Regexp(t, `2\s+en,de[^\n]*\n1\s+en`, f.ok("templates", "versions", "1"))
	require.Contains(t, f.ok("templates", "diff", "1"), "translations.de.email.subject\n--- version 1\n+++ version 2\n@@ -0,0 +1 @@\n+Unterwegs\n")
	require.Contains(t, f.ok("templates", "diff", "1", "--from", "2"), "Versions 2 and 2 are the same")
	require.Regexp(t, `de\s+1\n`, f.ok("templates", "coverage", "1", "--kind", "email"))
	require.NotContains(t, f.ok("templates", "show", "1", "--version", "1"), "Unterwegs")
	again := file("again.json", f.ok("templates", "show", "1", "--version", "1", "-o", "json"))
	code, _, errs := f.run("templates", "set", "1", "--file", again)
	require.Equal(t, exitRefused, code)
	require.Contains(t, errs, "version 2 is the latest")
	require.Regexp(t, `Version\s+3`, f.ok("templates", "set", "1", "--file", whole))
	require.Regexp(t, `Template\s+3\nName\s+copy`, f.ok("templates", "duplicate", "1", "copy"))
	f.ok("templates", "translate", "2", "en", "--text", "Hello", "--header", "News", "--footer", "Bye")
	require.Contains(t, f.ok("templates", "rm", "3"), "Template 3 is deleted")
	f.ok("channel", "create", "mail", "--provider", "sandbox")
	f.ok("messages", "send", "--channel", "mail", "--contact", "1", "--template", "shipped", "--language", "en", "--param", "1=Cy")
	code, _, errs = f.run("messages", "send", "--channel", "mail", "--contact", "1", "--template", "gone")
	require.Equal(t, exitRefused, code)
	require.Contains(t, errs, "content.template.name: there is no such template")
	code, _, _ = f.run("messages", "send", "--channel", "mail", "--contact", "1", "--text", "x", "--param", "1=Cy")
	require.Equal(t, exitUsage, code)

	code, _, errs = f.run("templates", "translate", "1", "de", "--subject", "s", "--text", "{{2}}")
	require.Equal(t, exitRefused, code)
	require.Contains(t, errs, "body: there is no parameter 2")
	for _, wrong := range [][]string{
		{"create", "x"}, {"set", "1"}, {"translate", "1", "de"},
		{"create", "x", "--file", whole, "--kind", "sms"},
	} {
		code, _, _ = f.run(append([]string{"templates"}, wrong...)...)
		require.Equal(t, exitUsage, code, wrong)
	}
}
