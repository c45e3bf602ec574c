package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
	"carillon/contacts/csvfile"
)

type importFlags struct {
	mapping                                 []string
	by, country, encoding, separator, group string
	errorsFile                              string
	noWait, dryRun                          bool
}

func (c *cli) addImport(root *cobra.Command) {
	var f importFlags
	cmd := &cobra.Command{
		Use: "import FILE", Short: "Take in a CSV file of contacts", GroupID: "work", Args: cobra.ExactArgs(1),
		Long: `Takes in a CSV file of contacts; - reads standard input. Columns are found by their header
(email, phone, first name, and common synonyms in several languages); columns that are no field of a
contact are there for templates as row.<column>. Exports of Google Contacts, Outlook, Mailchimp,
Brevo, Shopify, HubSpot and Salesforce are taken as they come. A line that can't be used is refused
with its reason and the others go on; a value that can't be used beside a good address is left out
and named. Contacts that are known already are updated.

UTF-8, UTF-16 and windows-1252 are found from the file; other encodings have to be named:
` + encodingList() + `

The import runs in the server: if this command is interrupted it goes on, and
carillon uploads show shows how far it is.`,
		Example: `  carillon import people.csv
  carillon import people.csv --dry-run --errors refused.csv
  carillon import people.csv --country DE --group Customers --errors refused.csv
  carillon import people.csv --map 'Mail=email' --map 'Vorname=first_name' --by external_id`,
		RunE: func(cmd *cobra.Command, args []string) error { return c.importFile(cmd.Context(), args[0], f) },
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.mapping, "map", nil, "COLUMN=FIELD: take this column for this field; may be repeated")
	flags.StringVar(&f.by, "by", "", "by what a line finds a known contact: external_id, email, phone or another kind of address (default the first that it has)")
	flags.StringVar(&f.country, "country", "", "ISO 3166 code for phone numbers without +, such as DE")
	flags.StringVar(&f.encoding, "encoding", "", "encoding of the file, see above (default found from the file)")
	flags.StringVar(&f.separator, "separator", "", "separator of the columns (default found from the header)")
	flags.StringVar(&f.group, "group", "", "group that everybody in the file joins")
	flags.StringVar(&f.errorsFile, "errors", "", "write the refused lines and the values left out, with their reasons, to this file")
	flags.BoolVar(&f.dryRun, "dry-run", false, "say what would become of each line, and change nothing")
	flags.BoolVar(&f.noWait, "no-wait", false, "do not wait until the import is finished")
	root.AddCommand(cmd, group("uploads", "Look at CSV files that were taken in", c.uploadsLs(), c.uploadsShow()))
}

// encodingList are the encodings' names in lines for a terminal.
func encodingList() string {
	var b strings.Builder
	width := 0
	for i, name := range csvfile.Encodings() {
		if i > 0 {
			b.WriteString(",")
			if width++; width+1+len(name) > 98 {
				b.WriteString("\n")
				width = 0
			} else {
				b.WriteString(" ")
				width++
			}
		}
		b.WriteString(name)
		width += len(name)
	}
	return b.String()
}

// importFile sends a file as it is read, waits for the import and says what
// became of it.
func (c *cli) importFile(ctx context.Context, path string, f importFlags) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	mapping := map[string]string{}
	for _, pair := range f.mapping {
		column, field, ok := strings.Cut(pair, "=")
		if !ok || column == "" || field == "" {
			return usagef("--map %s: must be COLUMN=FIELD, such as 'Mail=email'", pair)
		}
		mapping[column] = field
	}
	file, size := c.in, int64(0)
	if path != "-" {
		opened, err := os.Open(path)
		if err != nil {
			return &exitError{exitRefused, err}
		}
		defer func() { _ = opened.Close() }()
		info, err := opened.Stat()
		if err != nil {
			return fmt.Errorf("look at file: %w", err)
		}
		if info.IsDir() {
			return &exitError{exitRefused, fmt.Errorf("%s is a folder: name a CSV file", path)}
		}
		file, size = opened, info.Size()
	}
	upload, err := c.sendFile(ctx, cl, filepath.Base(path), file, size, mapping, api.ImportOptions{
		Key: f.by, DefaultCountry: f.country, Encoding: f.encoding, Separator: f.separator, Group: f.group, DryRun: f.dryRun,
	})
	if err != nil {
		return err
	}
	for _, notice := range upload.Notices {
		sayln(c.err, "Note: "+clean(notice))
	}
	var raw json.RawMessage
	if raw, err = c.watchUpload(ctx, cl, &upload, f.noWait); err != nil {
		return err
	}
	if err := c.show(raw, func(w *tabwriter.Writer) { uploadTable(w, upload) }); err != nil {
		return err
	}
	if wrong := wrongLines(upload); wrong != "" {
		if f.errorsFile == "" {
			sayln(c.err, "Note: "+wrong+": --errors FILE writes them with their reasons.")
		} else {
			if err := c.saveErrors(ctx, cl, upload.ID, f.errorsFile); err != nil {
				return err
			}
			sayln(c.err, wrong+", with their reasons in "+f.errorsFile+".")
		}
	}
	if upload.State == "failed" {
		return &exitError{exitRefused, fmt.Errorf("the file was not taken in: %s", upload.Error)}
	}
	return nil
}

// countingReader says how much has been read.
type countingReader struct {
	r    io.Reader
	n    int64
	tell func(n int64)
}

func (r *countingReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	r.n += int64(n)
	r.tell(r.n)
	return n, err
}

func (c *cli) sendFile(ctx context.Context, cl *client, name string, file io.Reader, size int64, mapping map[string]string, options api.ImportOptions) (api.Upload, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	bar := c.newProgress("Uploading")
	counted := &countingReader{r: file, tell: func(n int64) {
		if size > 0 {
			bar.set(n, size, "bytes")
		}
	}}
	body, write := io.Pipe()
	form := multipart.NewWriter(write)
	written := make(chan struct{})
	go func() {
		defer close(written)
		write.CloseWithError(writeForm(form, name, counted, mapping, options))
	}()
	response, err := cl.send(ctx, http.MethodPost, "/v1/contacts/import", form.FormDataContentType(), body)
	// The server may have refused the file before it was read to its end.
	_ = body.Close()
	<-written
	bar.end()
	if err != nil {
		return api.Upload{}, err
	}
	defer func() { _ = response.Body.Close() }()
	var upload api.Upload
	_, err = readAnswer(response.Body, &upload)
	return upload, err
}

func writeForm(form *multipart.Writer, name string, file io.Reader, mapping map[string]string, options api.ImportOptions) error {
	for part, value := range map[string]any{"mapping": mapping, "options": options} {
		encoded, err := json.Marshal(value)
		if err != nil {
			return err
		}
		if err := form.WriteField(part, string(encoded)); err != nil {
			return err
		}
	}
	part, err := form.CreateFormFile("file", name)
	if err != nil {
		return err
	}
	if _, err := io.Copy(part, file); err != nil {
		return err
	}
	return form.Close()
}

// watchUpload follows an import to its end.
func (c *cli) watchUpload(ctx context.Context, cl *client, upload *api.Upload, once bool) (json.RawMessage, error) {
	bar := c.newProgress("Importing")
	defer bar.end()
	for {
		raw, err := cl.call(ctx, http.MethodGet, fmt.Sprintf("/v1/uploads/%d", upload.ID), nil, upload)
		if err != nil {
			return nil, err
		}
		bar.set(upload.BytesRead, upload.Size, fmt.Sprintf("bytes, %d contacts, %d refused", upload.Created+upload.Updated, upload.Refused))
		if once || upload.State == "finished" || upload.State == "failed" {
			return raw, nil
		}
		if err := c.clock.Sleep(ctx, pollEvery); err != nil {
			return nil, fmt.Errorf("the import goes on in the server; `carillon uploads show %d` shows how far it is: %w", upload.ID, err)
		}
	}
}

func (c *cli) saveErrors(ctx context.Context, cl *client, id int64, path string) error {
	response, err := cl.send(ctx, http.MethodGet, fmt.Sprintf("/v1/uploads/%d/errors.csv", id), "", nil)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	return saveTo(path, response.Body)
}

// wrongLines says how many lines have something wrong; empty if none.
func wrongLines(u api.Upload) string {
	var parts []string
	if u.Refused > 0 {
		parts = append(parts, lines(u.Refused)+" refused")
	}
	if u.Incomplete > 0 {
		parts = append(parts, lines(u.Incomplete)+" taken without a value that could not be used")
	}
	return strings.Join(parts, " and ")
}

func lines(n int64) string {
	if n == 1 {
		return "1 line was"
	}
	return fmt.Sprintf("%d lines were", n)
}

func uploadTable(w *tabwriter.Writer, u api.Upload) {
	created, updated, dry := "Created", "Updated", ""
	if u.DryRun {
		created, updated, dry = "Would be created", "Would be updated", "nothing was changed"
	}
	fields(w, "Upload", u.ID, "File", u.Filename, "State", u.State, "Dry run", dry, "Error", u.Error, "Rows", u.Rows, created, u.Created, updated, u.Updated,
		"Refused", u.Refused, "Incomplete", u.Incomplete, "Duplicates", u.Duplicates, "Columns", strings.Join(u.Columns, ", "))
}

func (c *cli) uploadsLs() *cobra.Command {
	var limit int
	cmd := &cobra.Command{Use: "ls", Short: "List uploads, newest first", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		cl, err := c.client()
		if err != nil {
			return err
		}
		items, more, err := list[api.Upload](cmd.Context(), cl, "/v1/uploads", nil, limit)
		if err != nil {
			return err
		}
		return showList(c, items, more, "ID FILE STATE ROWS CREATED UPDATED REFUSED WHEN", func(u api.Upload) []any {
			return []any{u.ID, u.Filename, u.State, u.Rows, u.Created, u.Updated, u.Refused, at(&u.CreatedAt)}
		})
	}}
	limitFlag(cmd, &limit)
	return cmd
}

func (c *cli) uploadsShow() *cobra.Command {
	return &cobra.Command{Use: "show ID", Short: "Show an upload and its progress", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		id, err := idArg("upload", "uploads ls", args[0])
		if err != nil {
			return err
		}
		cl, err := c.client()
		if err != nil {
			return err
		}
		var u api.Upload
		raw, err := cl.call(cmd.Context(), http.MethodGet, fmt.Sprintf("/v1/uploads/%d", id), nil, &u)
		if err != nil {
			return err
		}
		return c.show(raw, func(w *tabwriter.Writer) { uploadTable(w, u) })
	}}
}
