package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
	"carillon/contacts/csvfile"
	"carillon/internal/words"
)

type importFlags struct {
	mapping                                 []string
	by, country, encoding, separator, group string
	errorsFile                              string
	dates, decimal                          string
	noWait, dryRun, properties, yes         bool
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

--map 'COLUMN=-' leaves a column out. Columns that are there for templates alone can be used by no
rule: --properties makes properties of them, with types that all of their values have. They are
shown first, and asked for unless --yes. Dates such as 03/04/2026 and numbers such as 1.234 are
never guessed at: --dates and --decimal say how the file writes them.

UTF-8, UTF-16 and windows-1252 are found from the file; other encodings have to be named:
` + encodingList() + `

The import runs in the server: if this command is interrupted it goes on, and
carillon uploads show shows how far it is.`,
		Example: `  carillon import people.csv
  carillon import people.csv --dry-run --errors refused.csv
  carillon import people.csv --country DE --group Customers --errors refused.csv
  carillon import people.csv --map 'Mail=email' --map 'Vorname=first_name' --by external_id
  carillon import people.csv --map 'Telefon=-' --dates dmy --decimal , --properties --yes`,
		RunE: func(cmd *cobra.Command, args []string) error { return c.importFile(cmd.Context(), args[0], f) },
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.mapping, "map", nil, "COLUMN=FIELD: take this column for this field, - to leave it out; may be repeated")
	flags.StringVar(&f.by, "by", "", "by what a line finds a known contact: external_id, email, phone or another kind of address (default the first that it has)")
	flags.StringVar(&f.country, "country", "", "ISO 3166 code for phone numbers without +, such as DE")
	flags.StringVar(&f.encoding, "encoding", "", "encoding of the file, see above (default found from the file)")
	flags.StringVar(&f.separator, "separator", "", "separator of the columns (default found from the header)")
	flags.StringVar(&f.group, "group", "", "group that everybody in the file joins")
	flags.StringVar(&f.dates, "dates", "", "order of day, month and year in dates: dmy, mdy or ymd (default what is plain alone)")
	flags.StringVar(&f.decimal, "decimal", "", "what stands before the fraction of numbers: , or . (default what is plain alone)")
	flags.BoolVar(&f.properties, "properties", false, "make properties of the columns that rules could not use, with types found from all values")
	flags.BoolVar(&f.yes, "yes", false, "do not ask before properties are made")
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
	mapping := map[string]string{}
	for _, pair := range f.mapping {
		// A header may have the sign in it, a field has not.
		at := strings.LastIndexByte(pair, '=')
		if at < 1 || at == len(pair)-1 {
			return usagef("--map %s: must be COLUMN=FIELD, such as 'Mail=email'", pair)
		}
		mapping[pair[:at]] = pair[at+1:]
	}
	file := csvUpload{name: filepath.Base(path), content: c.in, mapping: mapping, options: api.ImportOptions{
		Key: f.by, DefaultCountry: f.country, Encoding: f.encoding, Separator: f.separator, Group: f.group, DryRun: f.dryRun,
		Dates: f.dates, Decimal: f.decimal, Properties: f.properties,
	}}
	ask := f.properties && !f.yes && !f.dryRun
	if ask && path == "-" {
		return usagef("--properties shows what it would make before it reads the file again, which standard input can't be: add --yes, or name a file")
	}
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
		file.content, file.size = opened, info.Size()
	}
	if ask {
		if err := c.askForProperties(ctx, file); err != nil {
			return err
		}
	}
	upload, err := c.sendFile(ctx, file)
	if err != nil {
		return err
	}
	for _, notice := range upload.Notices {
		sayln(c.err, "Note: "+clean(notice))
	}
	upload, raw, err := c.watchUpload(ctx, upload.ID, f.noWait)
	if err != nil {
		return err
	}
	if err := c.print(raw, func(w *tabwriter.Writer) { uploadTable(w, upload) }); err != nil {
		return err
	}
	c.tellImport(upload)
	if wrong := wrongLines(upload); wrong != "" {
		if f.errorsFile == "" {
			sayln(c.err, "Note: "+wrong+": --errors FILE writes them with their reasons.")
		} else {
			if err := c.saveErrors(ctx, upload.ID, f.errorsFile); err != nil {
				return err
			}
			sayln(c.err, wrong+", with their reasons in "+f.errorsFile+".")
		}
	}
	if upload.State == "failed" {
		return &exitError{exitRefused, fmt.Errorf("the import ended before its end: %s", upload.Error)}
	}
	return nil
}

// askForProperties shows what properties an import would make of the file, and asks. The
// file is at its beginning behind it.
func (c *cli) askForProperties(ctx context.Context, file csvUpload) error {
	again, ok := file.content.(io.Seeker)
	if !ok {
		return usagef("the file can't be read twice: add --yes")
	}
	file.options.DryRun = true
	upload, err := c.sendFile(ctx, file)
	if err != nil {
		return err
	}
	if upload, _, err = c.watchUpload(ctx, upload.ID, false); err != nil {
		return err
	}
	if len(upload.Properties) > 0 {
		c.tellProperties(upload)
		if err := c.confirm("Make them, and take the file in? [y/N] "); err != nil {
			return err
		}
	}
	_, err = again.Seek(0, io.SeekStart)
	return err
}

// tellImport says what is wrong in a file and what to do, and whom a dry run shows.
func (c *cli) tellImport(u api.Upload) {
	for _, f := range u.Faults {
		sayln(c.err, faultLine(f))
	}
	for i, p := range u.Preview {
		if i == 0 {
			sayln(c.err, "The first people as they would be:")
		}
		sayln(c.err, "  "+clean(personLine(p)))
	}
	c.tellProperties(u)
}

func (c *cli) tellProperties(u api.Upload) {
	if len(u.Properties) == 0 {
		return
	}
	made := "Properties made of columns:"
	if u.DryRun {
		made = "Properties that would be made of columns:"
	}
	sayln(c.err, made)
	for _, p := range u.Properties {
		line := fmt.Sprintf("  attributes.%s: %s, of %q, %s", p.Key, p.Type, p.Column, words.Count(p.Values, "value"))
		if p.Note != "" {
			line += " (" + p.Note + ")"
		}
		sayln(c.err, clean(line))
	}
}

// faultLine says how many values of a column are wrong, and what to do.
func faultLine(f api.UploadFault) string {
	n := f.Refused + f.LeftOut
	of := words.Count(n, "line")
	if f.Field != "" {
		of = fmt.Sprintf("%d %s", n, f.Field)
	}
	line := of + ": " + f.Reason
	switch f.Remedy {
	case "leave_out":
		line += fmt.Sprintf("; leave the column out with --map '%s=-'", f.Column)
	case "dates":
		line += "; say --dates dmy, or --dates mdy"
	case "decimal":
		line += "; say --decimal , or --decimal ."
	case "encoding":
		line += "; say --encoding"
	}
	return clean(line)
}

// personLine is somebody in one line.
func personLine(p api.UploadPerson) string {
	var parts []string
	add := func(name, value string) {
		if value != "" {
			parts = append(parts, name+" "+value)
		}
	}
	known := "new"
	if p.ContactID != 0 {
		known = fmt.Sprintf("contact %d", p.ContactID)
	}
	add("external_id", p.ExternalID)
	add("name", p.Name)
	add("first_name", p.FirstName)
	add("last_name", p.LastName)
	for _, kind := range slices.Sorted(maps.Keys(p.Addresses)) {
		add(kind, p.Addresses[kind])
	}
	add("language", p.Language)
	add("timezone", p.Timezone)
	add("status", p.Status)
	for _, in := range []struct {
		name  string
		names []string
	}{{"groups", p.Groups}, {"labels", p.Labels}, {"categories", p.Categories}} {
		add(in.name, strings.Join(in.names, "|"))
	}
	for _, in := range []struct {
		prefix string
		values map[string]any
	}{{"attributes.", p.Attributes}, {"row.", p.Row}} {
		for _, key := range slices.Sorted(maps.Keys(in.values)) {
			add(in.prefix+key, fmt.Sprint(in.values[key]))
		}
	}
	return known + ": " + strings.Join(parts, " · ")
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

// csvUpload is a file of contacts on its way to the server.
type csvUpload struct {
	name    string
	content io.Reader
	// size is the content's in bytes; 0 if nobody knows it.
	size int64
	// mapping names the fields of columns.
	mapping map[string]string
	options api.ImportOptions
}

// sendFile sends a file as it is read.
func (c *cli) sendFile(ctx context.Context, file csvUpload) (api.Upload, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	bar := c.newProgress("Uploading")
	if size := file.size; size > 0 {
		file.content = &countingReader{r: file.content, tell: func(n int64) { bar.set(n, size, "bytes") }}
	}
	body, write := io.Pipe()
	form := multipart.NewWriter(write)
	written := make(chan struct{})
	go func() {
		defer close(written)
		write.CloseWithError(file.writeTo(form))
	}()
	upload, _, err := ask[api.Upload](ctx, c, postContent(contactsPath().below("import"), form.FormDataContentType(), body))
	// The server may have refused the file before it was read to its end.
	_ = body.Close()
	<-written
	bar.end()
	return upload, err
}

func (u csvUpload) writeTo(form *multipart.Writer) error {
	for part, value := range map[string]any{"mapping": u.mapping, "options": u.options} {
		encoded, err := json.Marshal(value)
		if err != nil {
			return err
		}
		if err := form.WriteField(part, string(encoded)); err != nil {
			return err
		}
	}
	part, err := form.CreateFormFile("file", u.name)
	if err != nil {
		return err
	}
	if _, err := io.Copy(part, u.content); err != nil {
		return err
	}
	return form.Close()
}

func uploadsPath() path { return v1("uploads") }

// refusedPath is the file of an upload's lines that have something wrong.
func refusedPath(upload int64) path { return uploadsPath().id(upload).below("errors.csv") }

// watchUpload follows an import to its end, or looks at it once.
func (c *cli) watchUpload(ctx context.Context, id int64, once bool) (api.Upload, json.RawMessage, error) {
	bar := c.newProgress("Importing")
	defer bar.end()
	for {
		upload, raw, err := ask[api.Upload](ctx, c, get(uploadsPath().id(id)))
		if err != nil {
			return upload, nil, err
		}
		bar.set(upload.BytesRead, upload.Size, fmt.Sprintf("bytes, %d contacts, %d refused", upload.Created+upload.Updated, upload.Refused))
		if once || upload.State == "finished" || upload.State == "failed" {
			return upload, raw, nil
		}
		if err := c.clock.Sleep(ctx, pollEvery); err != nil {
			return upload, nil, fmt.Errorf("the import goes on in the server; `carillon uploads show %d` shows how far it is: %w", id, err)
		}
	}
}

func (c *cli) saveErrors(ctx context.Context, id int64, path string) error {
	body, err := c.open(ctx, get(refusedPath(id)))
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	return saveTo(path, body)
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

func lines(n int64) string { return words.Count(n, "line") + " " + words.Was(n) }

func uploadTable(w *tabwriter.Writer, u api.Upload) {
	created, updated, dry := "Created", "Updated", ""
	if u.DryRun {
		created, updated, dry = "Would be created", "Would be updated", "nothing was changed"
	}
	fields(w, "Upload", u.ID, "File", u.Filename, "State", u.State, "Dry run", dry, "Error", u.Error, "Rows", u.Rows,
		created, u.Created, updated, u.Updated, "Refused", u.Refused, "Incomplete", u.Incomplete, "Duplicates", u.Duplicates,
		"Columns", strings.Join(u.Columns, ", "))
}

func (c *cli) uploadsLs() *cobra.Command {
	return lists(c, &cobra.Command{Use: "ls", Short: "List uploads, newest first"}, uploadsPath,
		rows[api.Upload]{"ID FILE STATE ROWS CREATED UPDATED REFUSED WHEN", func(u api.Upload) []any {
			return []any{u.ID, u.Filename, u.State, u.Rows, u.Created, u.Updated, u.Refused, at(&u.CreatedAt)}
		}})
}

func (c *cli) uploadsShow() *cobra.Command {
	return onID(&cobra.Command{Use: "show ID", Short: "Show an upload and its progress"}, c.reader(anUpload),
		func(ctx context.Context, id int64) error { return show(ctx, c, get(uploadsPath().id(id)), uploadTable) })
}
