package chatwoot

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"time"

	"carillon/api/gate"
	"carillon/contacts"
	"carillon/contacts/csvfile"
	"carillon/internal/fault"
	"carillon/targeting"
	"carillon/wording"
)

// columns are the fields of a file's columns that are no attributes.
var columns = map[string][]string{
	"name": {"name"}, "email": {"email"}, "phone_number": {"phone", "sms", "whatsapp"}, "identifier": {"external_id"}, "labels": {"labels"},
}

// importContacts takes a file in, in the background. Its columns are ours by their names; what
// no column of ours is becomes a custom attribute.
func (c *Server) importContacts(ctx context.Context, a asked) (any, error) {
	blank := refuse("File is blank")
	kind, of, _ := mime.ParseMediaType(a.request.Header.Get("Content-Type"))
	if kind != "multipart/form-data" || of["boundary"] == "" {
		return nil, blank
	}
	for parts := multipart.NewReader(a.request.Body, of["boundary"]); ; {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return nil, blank
		}
		if err != nil {
			return nil, refuse("the request is no well-formed form")
		}
		if part.FormName() != "import_file" || part.FileName() == "" {
			continue
		}
		if message := gate.WrongText(part.FileName(), false); message != "" {
			return nil, refuse("the name of the file " + message)
		}
		return nothing(http.StatusOK), c.take(ctx, a.account(), part.FileName(), part)
	}
}

// take hands a file on to the importer as it comes.
func (c *Server) take(ctx context.Context, account int64, name string, file io.Reader) error {
	guarded := &records{r: file}
	in := csv.NewReader(guarded)
	in.FieldsPerRecord, in.LazyQuotes, in.ReuseRecord = -1, true, true
	header, err := in.Read()
	if err != nil {
		return refuse("File is blank")
	}
	t, err := c.translation(ctx, account, slices.Clone(header))
	if err != nil {
		return err
	}
	reader, writer := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		writer.CloseWithError(t.translate(in, guarded, csv.NewWriter(writer)))
	}()
	_, err = c.Importer.Take(ctx, account, name, reader, contacts.ImportOptions{Mapping: t.mapping, Separator: ",", Encoding: "utf-8"})
	// Whoever writes into the pipe ends with who reads.
	_ = reader.Close()
	<-done
	return err
}

// records refuses a record that is longer than any may be: the memory of a file is that of one.
type records struct {
	r    io.Reader
	read int
}

// Read reads what has come.
func (r *records) Read(p []byte) (int, error) {
	if r.read > csvfile.MaxRecordBytes {
		return 0, fault.New(fault.Invalid, "a line of the file is longer than %d bytes", csvfile.MaxRecordBytes)
	}
	n, err := r.r.Read(p)
	r.read += n
	return n, err
}

// translation is how a file's columns become the importer's.
type translation struct {
	// from is the column of the file that each of ours is, and what it is there.
	from    []int
	names   []string
	kinds   []string
	mapping map[string]string
}

// translation makes the columns, and the attributes that there are not yet.
func (c *Server) translation(ctx context.Context, account int64, header []string) (t translation, err error) {
	k, err := c.known(ctx, account)
	if err != nil {
		return t, err
	}
	t.mapping = map[string]string{}
	for i, name := range header {
		name = strings.ToLower(strings.TrimSpace(strings.TrimPrefix(name, "\ufeff")))
		if name == "" {
			continue
		}
		fields, ours := columns[name]
		if !ours {
			key, err := c.column(ctx, account, name, &k)
			if err != nil {
				return t, err
			}
			fields = []string{contacts.AttributePrefix + key}
		}
		for _, field := range fields {
			if _, twice := t.mapping[field]; twice {
				continue
			}
			t.from, t.names, t.kinds, t.mapping[field] = append(t.from, i), append(t.names, field), append(t.kinds, name), field
		}
	}
	return t, nil
}

// column is the property of a column that is none of ours; it is made where there is none.
func (c *Server) column(ctx context.Context, account int64, name string, k *known) (key string, err error) {
	if slices.Contains(besides, name) {
		return name, c.ensureBesides(ctx, account, k)
	}
	if d, defined := k.definition(name); defined {
		return d.Property, nil
	}
	made, err := c.Definitions.Create(ctx, contacts.Definition{AccountID: account, Model: contacts.OfContacts, Key: name, Name: name, Display: displays[0]})
	if err != nil {
		return "", refuse(fmt.Sprintf("the column %q can be no custom attribute: %s", name, err))
	}
	return made.Property, nil
}

// translate writes the lines of a file as the importer reads them.
func (t translation) translate(in *csv.Reader, guarded *records, out *csv.Writer) error {
	if err := out.Write(t.names); err != nil {
		return err
	}
	cells := make([]string, len(t.from))
	for {
		guarded.read = 0
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			out.Flush()
			return out.Error()
		}
		if err != nil {
			return err
		}
		for i, from := range t.from {
			cells[i] = ""
			if from < len(record) {
				cells[i] = cell(t.kinds[i], strings.TrimSpace(record[from]))
			}
		}
		if err := out.Write(cells); err != nil {
			return err
		}
	}
}

// cell is a value as the importer takes it: numbers have a +, labels | between them.
func cell(kind, text string) string {
	switch {
	case kind == "phone_number" && text != "" && !strings.HasPrefix(text, "+"):
		return "+" + text
	case kind == "labels":
		labels := strings.Split(text, ",")
		for i, label := range labels {
			labels[i] = strings.ToLower(strings.TrimSpace(label))
		}
		return strings.Join(labels, "|")
	}
	return text
}

// exported are the columns of a file of contacts where none are named.
var exported = []string{"id", "name", "email", "phone_number"}

// exportedAtOnce is how many contacts are read at a time.
const exportedAtOnce = 1000

// file is an answer that is a file.
type file struct {
	name  string
	write func(io.Writer) error
}

// exportContacts answers with the file that is mailed there.
func (c *Server) exportContacts(ctx context.Context, a asked) (any, error) {
	k, err := c.known(ctx, a.account())
	if err != nil {
		return nil, err
	}
	names := a.given.texts("column_names")
	if len(names) == 0 {
		names = exported
	}
	audience := targeting.Audience{All: true}
	if label := strings.ToLower(a.given.text("label")); label != "" {
		labels, err := c.labels(ctx, a.account())
		if err != nil {
			return nil, err
		}
		audience = targeting.Audience{Labels: []int64{labels[label].ID}}
		if labels[label].ID == 0 {
			audience = targeting.Audience{Rule: encoded(wording.Group("AND", []any{wording.Condition("id", "less", 0)}))}
		}
	} else if payload := a.given.list("payload"); len(payload) > 0 {
		if audience.Rule, err = c.filterRule(ctx, a.account(), payload, &k); err != nil {
			return nil, err
		}
		audience.All = false
	}
	first, err := c.Rules.Contacts(ctx, a.account(), audience, 0, exportedAtOnce)
	if err != nil {
		return nil, saidOfRule(err)
	}
	x := export{known: k, names: names, audience: audience, first: first}
	return file{"contacts.csv", func(w io.Writer) error { return c.writeContacts(ctx, csv.NewWriter(w), x) }}, nil
}

// export is a file of contacts that is written.
type export struct {
	known
	names    []string
	audience targeting.Audience
	first    []contacts.Contact
}

// cells are a contact's under the names of the columns.
func (x export) cells(contact contacts.Contact) []string {
	custom, additional := x.attributes(contact)
	whole := x.show(contact, false)
	cells := make([]string, len(x.names))
	for i, name := range x.names {
		for _, from := range []map[string]any{custom, additional, whole} {
			if value, has := from[name]; has && value != nil {
				cells[i] = csvfile.Harmless(shownCell(value))
			}
		}
	}
	return cells
}

func (c *Server) writeContacts(ctx context.Context, out *csv.Writer, x export) error {
	if err := out.Write(x.names); err != nil {
		return err
	}
	for page := x.first; len(page) > 0; {
		for _, contact := range page {
			if contact.Bare {
				continue
			}
			if err := out.Write(x.cells(contact)); err != nil {
				return err
			}
		}
		last := page[len(page)-1]
		if len(page) < exportedAtOnce {
			break
		}
		var err error
		if page, err = c.Rules.Contacts(ctx, last.AccountID, x.audience, last.ID, exportedAtOnce); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// shownCell is a value in a cell.
func shownCell(value any) string {
	switch value := value.(type) {
	case string:
		return value
	case time.Time:
		return iso(value)
	case map[string]any:
		return ""
	}
	return strings.Trim(string(encoded(value)), `"`)
}
