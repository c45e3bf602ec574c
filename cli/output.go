package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// print prints an answer: as it came with --output json, else as table does.
func (c *cli) print(raw json.RawMessage, table func(*tabwriter.Writer)) error {
	if c.output == "json" {
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, raw, "", "  "); err != nil {
			return fmt.Errorf("print answer: %w", err)
		}
		pretty.WriteByte('\n')
		_, err := c.out.Write(bytes.TrimLeft(pretty.Bytes(), "\n"))
		return err
	}
	w := tabwriter.NewWriter(c.out, 0, 4, 2, ' ', 0)
	table(w)
	return w.Flush()
}

// printList prints a list: its header and one row for each item.
func printList[T any](c *cli, items []T, more bool, as rows[T]) error {
	raw, err := json.Marshal(map[string]any{"items": items})
	if err != nil {
		return fmt.Errorf("print list: %w", err)
	}
	err = c.print(raw, func(w *tabwriter.Writer) {
		sayln(w, strings.ReplaceAll(as.header, " ", "\t"))
		for _, item := range items {
			cells := make([]string, 0, 8)
			for _, cell := range as.cells(item) {
				cells = append(cells, clean(fmt.Sprint(cell)))
			}
			sayln(w, strings.Join(cells, "\t"))
		}
	})
	if more && c.output != "json" {
		sayln(c.err, "There are more: --limit shows them.")
	}
	return err
}

// clean keeps what others wrote from steering the terminal.
func clean(s string) string {
	if s == "" {
		return "-"
	}
	return strings.Map(func(r rune) rune {
		if r < 0x20 || (r >= 0x7f && r < 0xa0) {
			return ' '
		}
		return r
	}, s)
}

// fields prints names and values below each other.
func fields(w *tabwriter.Writer, pairs ...any) {
	for i := 0; i+1 < len(pairs); i += 2 {
		value := fmt.Sprint(pairs[i+1])
		if value == "" || value == "<nil>" {
			continue
		}
		sayf(w, "%s\t%s\n", pairs[i], clean(value))
	}
}

// at is a time for people, in UTC.
func at(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}

// exactly is a time with its milliseconds, in UTC.
func exactly(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000") }

// seconds is a duration for people.
func seconds(s float64) string {
	return (time.Duration(s * float64(time.Second))).Round(time.Second).String()
}

// counts prints numbers by name, the largest first, zeros left out.
func counts(byName map[string]int64) string {
	names := make([]string, 0, len(byName))
	for name, n := range byName {
		if n != 0 {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		if byName[a] != byName[b] {
			return int(min(max(byName[b]-byName[a], -1), 1))
		}
		return strings.Compare(a, b)
	})
	for i, name := range names {
		names[i] = fmt.Sprintf("%s %d", name, byName[name])
	}
	return strings.Join(names, ", ")
}

// idOrNone shows the id 0 as what it is.
func idOrNone(id int64) string {
	if id == 0 {
		return "-"
	}
	return strconv.FormatInt(id, 10)
}

// printable is a text of several lines that can't steer the terminal.
func printable(s string) string {
	lines := strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
	for i, line := range lines {
		if line != "" {
			lines[i] = clean(line)
		}
	}
	return strings.Join(lines, "\n")
}

// sayf writes for people. Where nobody reads any more, as behind a closed pipe,
// there is nobody to tell either.
func sayf(w io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }

// sayln is sayf with a line's end.
func sayln(w io.Writer, args ...any) { _, _ = fmt.Fprintln(w, args...) }
