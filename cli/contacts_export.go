package cli

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"carillon/api"
)

func (c *cli) contactsExport() *cobra.Command {
	var f audienceFlags
	var file string
	cmd := &cobra.Command{
		Use: "export", Short: "Write contacts to a CSV file that can be imported again",
		Long: `Writes the contacts that the flags name, everybody if they name nobody, to standard output or to
a file: addresses, names, status, groups, labels, categories and properties. carillon import takes
the same columns.`,
		Example: `  carillon contacts export --file everybody.csv
  carillon contacts export --group Readers --exclude-label bounced --file readers.csv
  carillon contacts export --rule rule.json | head`,
	}
	f.add(cmd, "", "but not ")
	cmd.Flags().StringVar(&file, "file", "", "write to this file (default standard output)")
	return plain(cmd, func(ctx context.Context) error {
		audience := api.AudienceInput{All: true}
		if err := f.into(c, &audience); err != nil {
			return err
		}
		return c.export(ctx, post(contactsPath().below("export.csv"), map[string]any{"audience": audience}), file)
	})
}

// export writes what is asked for to a file, or to standard output where none is named, or -.
func (c *cli) export(ctx context.Context, r request, file string) error {
	body, err := c.open(ctx, r)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	bar := c.newProgress("Exporting")
	defer bar.end()
	counted := &countingReader{r: body, tell: func(n int64) { bar.set(n, 0, "bytes") }}
	if file == "" || file == "-" {
		_, err = io.Copy(c.out, counted)
		return err
	}
	return saveTo(file, counted)
}

// saveTo writes a file; what breaks off leaves none that looks whole.
func saveTo(path string, from io.Reader) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return &exitError{exitRefused, err}
	}
	if _, err := io.Copy(file, from); err != nil {
		_, _ = file.Close(), os.Remove(path) // the first error counts
		return fmt.Errorf("write %s: %w", path, err)
	}
	return file.Close()
}
