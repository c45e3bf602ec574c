package cli

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

// Every example of every help text is a command that is understood: its words, its flags and
// what they take. A server that says yes to everything answers.
func TestEveryExampleOfTheHelpIsUnderstood(t *testing.T) {
	t.Chdir(t.TempDir())
	ran := 0
	var misread []string
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
		server := cmd.GroupID == "server" || cmd.HasParent() && cmd.Parent().GroupID == "server" || cmd.Name() == "demo" || cmd.Name() == "bench"
		if server || cmd.HasParent() && cmd.Parent().Name() == "bench" {
			return // they run for long, and the pages of the documentation run them
		}
		for _, line := range exampleLines(cmd.Example) {
			words := shellWords(t, line)
			require.Equal(t, "carillon", words[0], "%s: %s", cmd.CommandPath(), line)
			makeFiles(t, words)
			var stderr strings.Builder
			asked := &recorder{segments: map[string]bool{}}
			c := &cli{in: strings.NewReader("y\n"), out: io.Discard, err: &stderr, environ: []string{"CARILLON_KEY=x"}, clock: impatient{}, terminal: true,
				transport: asked}
			ctx, stop := context.WithTimeout(t.Context(), time.Second) // some listen until they are stopped
			code := c.execute(ctx, words[1:])
			stop()
			if code == exitUsage {
				misread = append(misread, line+"\n"+stderr.String())
			}
			require.NotContains(t, stderr.String(), "there is no such command", line)
			ran++
		}
	}
	walk((&cli{}).root())
	require.Empty(t, misread)
	require.Greater(t, ran, 100, "the examples were found")
}

// exampleLines are the commands of an example, with what goes on in the next line.
func exampleLines(example string) (lines []string) {
	for _, line := range strings.Split(strings.ReplaceAll(example, "\\\n", " "), "\n") {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "carillon ") {
			lines = append(lines, line)
		}
	}
	return lines
}

// shellWords are the words of a line as a shell splits it, up to where it is handed on.
func shellWords(t *testing.T, line string) (words []string) {
	t.Helper()
	var word strings.Builder
	quote, open := rune(0), false
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, open = r, true
		case r == ' ':
			if open {
				words = append(words, word.String())
			}
			word.Reset()
			open = false
		case r == '|' || r == '>':
			return words
		default:
			word.WriteRune(r)
			open = true
		}
	}
	require.Zero(t, quote, "a quote is not closed: %s", line)
	if open {
		words = append(words, word.String())
	}
	return words
}

var fileName = regexp.MustCompile(`[\w-]+\.(csv|txt|html|mjml|json|ndjson|ics|pdf|png)$`)

// makeFiles makes the files that a command names, with something that may stand in them.
func makeFiles(t *testing.T, words []string) {
	t.Helper()
	contents := map[string]string{
		".csv": "email\nada@example.org\n", ".json": `{"name":"x","channel_id":1}`, ".ndjson": `{"contact_id":1,"id":"a"}` + "\n",
		".ics": "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:20261225\nSUMMARY:x\nEND:VEVENT\nEND:VCALENDAR\n",
	}
	for _, word := range words {
		if name := fileName.FindString(word); name != "" && !strings.Contains(word, "://") {
			text := contents[filepath.Ext(name)]
			if name == "secret.txt" {
				text = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
			}
			if text == "" {
				text = "Hello"
			}
			require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
		}
	}
}
