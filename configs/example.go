package configs

import (
	"fmt"
	"strings"
)

// Example is a configuration file that names every setting with its default,
// all of it commented out. configs/carillon.example.yaml holds it.
func Example() string {
	var b strings.Builder
	b.WriteString("# Carillon's configuration: every setting with its default. Flags win over CARILLON_*\n" +
		"# variables, those over this file. `carillon config` shows what is in force and why.\n")
	for _, s := range Settings() {
		b.WriteString("\n")
		for _, line := range wrap(s.Doc, 96) {
			b.WriteString("# " + line + "\n")
		}
		switch {
		case len(s.Enum) > 0:
			b.WriteString("# One of " + strings.Join(s.Enum, ", ") + ".\n")
		case s.minimum != "":
			fmt.Fprintf(&b, "# From %s to %s.\n", s.minimum, s.maximum)
		}
		if s.Secret {
			fmt.Fprintf(&b, "# A secret: better in %s, in a file of its own, or where a command fetches it.\n", s.Env())
			fmt.Fprintf(&b, "#%s_file: /run/secrets/carillon_%s\n#%s_command: vault kv get -field=%s secret/carillon\n", s.Name, s.Name, s.Name, s.Name)
		}
		text := s.Default
		if text == "" {
			text = `""`
		}
		fmt.Fprintf(&b, "#%s: %s\n", s.Name, text)
	}
	return b.String()
}

// wrap breaks a text into lines of at most width letters.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
