package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"carillon/access"
	"carillon/api/gate"
	"carillon/contacts"
	"carillon/contacts/property"
	"carillon/internal/fault"
)

// importPath is where CSV files come in; their bodies are streamed.
const importPath = "/v1/contacts/import"

// Upload is a CSV file that was taken in, and how far its import is.
type Upload struct {
	ID         int64            `json:"id"`
	Filename   string           `json:"filename"`
	Size       int64            `json:"size" doc:"Bytes."`
	State      string           `json:"state" enum:"queued,running,finished,failed"`
	DryRun     bool             `json:"dry_run" doc:"Nothing was changed; the counts say what an import would do. A dry run is no audience."`
	Error      string           `json:"error,omitempty" doc:"Why the file failed as a whole."`
	Notices    []string         `json:"notices" doc:"What was found out about the file, such as its encoding."`
	Columns    []string         `json:"columns" doc:"Extra columns, for templates as row.<column>."`
	BytesRead  int64            `json:"bytes_read" doc:"Of size; the import's progress."`
	Records    int64            `json:"records" doc:"Lines read so far, refused ones included."`
	Rows       int64            `json:"rows"`
	Created    int64            `json:"created"`
	Updated    int64            `json:"updated"`
	Refused    int64            `json:"refused"`
	Duplicates int64            `json:"duplicates"`
	Incomplete int64            `json:"incomplete" doc:"Lines that were taken without a value that could not be used, such as a wrong phone number beside an e-mail address; errors.csv names it."`
	Faults     []UploadFault    `json:"faults" doc:"What is wrong in the file, by column and reason."`
	Preview    []UploadPerson   `json:"preview,omitempty" doc:"Of a dry run: the first three people as they would be."`
	Properties []UploadProperty `json:"properties,omitempty" doc:"With the option properties: the properties that were made of columns; of a dry run, that would be."`
	CreatedAt  time.Time        `json:"created_at"`
	FinishedAt *time.Time       `json:"finished_at,omitempty"`
}

// UploadFault is what is wrong with the values of one column of a file.
type UploadFault struct {
	Column  string `json:"column,omitempty" doc:"As the mapping names it; absent if it is about whole lines."`
	Field   string `json:"field,omitempty" doc:"What the column is."`
	Code    string `json:"code" doc:"The kind of fault, such as bad_phone."`
	Reason  string `json:"reason" doc:"The reason of the first."`
	Refused int64  `json:"refused" doc:"Values that cost their lines."`
	LeftOut int64  `json:"left_out" doc:"Values that their lines were taken without."`
	Remedy  string `json:"remedy" enum:"correct,leave_out,dates,decimal,encoding,none" doc:"What to do: correct the values in the file; leave the column out by mapping it to -; give the option dates, decimal or encoding; nothing."`
}

// UploadPerson is somebody as an import would make or leave them.
type UploadPerson struct {
	ContactID  int64             `json:"contact_id,omitempty" doc:"Who is known already; absent for somebody new."`
	ExternalID string            `json:"external_id,omitempty" personal:"names"`
	Name       string            `json:"name,omitempty" personal:"names"`
	FirstName  string            `json:"first_name,omitempty" personal:"names"`
	LastName   string            `json:"last_name,omitempty" personal:"names"`
	Language   string            `json:"language,omitempty"`
	Timezone   string            `json:"timezone,omitempty"`
	Status     string            `json:"status,omitempty"`
	Addresses  map[string]string `json:"addresses,omitempty" personal:"addresses" doc:"By kind of address."`
	Attributes map[string]any    `json:"attributes,omitempty" personal:"attributes" doc:"Values that the file gives to properties."`
	Groups     []string          `json:"groups,omitempty"`
	Labels     []string          `json:"labels,omitempty"`
	Categories []string          `json:"categories,omitempty"`
	Row        map[string]any    `json:"row,omitempty" personal:"texts" doc:"Extra columns, for templates as row.<column>."`
}

// UploadProperty is a property that is made of a column.
type UploadProperty struct {
	Column string `json:"column"`
	Key    string `json:"key"`
	Type   string `json:"type"`
	Values int64  `json:"values" doc:"Lines that have one."`
	Note   string `json:"note,omitempty" doc:"What is to be known of the type."`
}

func faultViews(faults []contacts.Fault) []UploadFault {
	views := make([]UploadFault, len(faults))
	for i, f := range faults {
		views[i] = UploadFault{Column: f.Column, Field: f.Field, Code: f.Code, Reason: f.Reason, Refused: f.Refused, LeftOut: f.LeftOut, Remedy: string(f.Remedy())}
	}
	return views
}

func previewViews(people []contacts.PreviewPerson) []UploadPerson {
	views := make([]UploadPerson, len(people))
	for i, p := range people {
		views[i] = UploadPerson{
			ContactID: p.ContactID, ExternalID: p.ExternalID, Name: p.Name, FirstName: p.FirstName, LastName: p.LastName, Language: p.Language,
			Timezone: p.Timezone, Status: p.Status, Addresses: p.Addresses, Groups: p.Groups, Labels: p.Labels, Categories: p.Categories,
		}
		for key, stored := range p.Attributes {
			if views[i].Attributes == nil {
				views[i].Attributes = map[string]any{}
			}
			views[i].Attributes[key] = stored
		}
		if len(p.Row) > 0 {
			_ = json.Unmarshal(p.Row, &views[i].Row) // the store's own
		}
	}
	return views
}

func proposalViews(proposed []contacts.Proposal) []UploadProperty {
	views := make([]UploadProperty, len(proposed))
	for i, p := range proposed {
		views[i] = UploadProperty{p.Column, p.Key, string(p.Type), p.Values, p.Note}
	}
	return views
}

func (u Upload) identity() int64 { return u.ID }

// ImportOptions say how a file is read.
type ImportOptions struct {
	Key            string `json:"key,omitempty" enum:",external_id,email,phone,sms,whatsapp,telegram,viber,facebook,instagram,push,web,custom" doc:"By what a line finds an existing contact; if absent the first that it has: external id, e-mail, phone, another address."`
	DefaultCountry string `json:"default_country,omitempty" doc:"ISO 3166 code for phone numbers without +."`
	Encoding       string `json:"encoding,omitempty" doc:"Found from the file if absent: UTF-8, UTF-16 or windows-1252. Any of utf-8, utf-16, utf-16le, utf-16be, windows-1250 to windows-1258, windows-874, iso-8859-1 to iso-8859-16, koi8-r, koi8-u, macintosh, ibm437, ibm850, ibm852, ibm866, shift_jis, euc-jp, gbk, gb18030, big5, euc-kr."`
	Separator      string `json:"separator,omitempty" doc:"Found from the header if absent."`
	Group          string `json:"group,omitempty" doc:"Name of a group that everybody in the file joins."`
	Dates          string `json:"dates,omitempty" enum:",dmy,mdy,ymd" doc:"In what order dates such as 03/04/2026 name day, month and year; if absent only what is plain is taken."`
	Decimal        string `json:"decimal,omitempty" pattern:"^[,.]?$" doc:"What stands before the fraction of numbers, a comma or a point; if absent only what is plain is taken."`
	Properties     bool   `json:"properties,omitempty" doc:"Make properties of the columns that would be kept for templates alone, with the types that all of their values have."`
	DryRun         bool   `json:"dry_run,omitempty" doc:"Say what would become of each line, and change nothing."`
}

func uploadView(u contacts.Upload) Upload {
	return Upload{
		ID: u.ID, Filename: u.Filename, Size: u.Size, State: string(u.State), DryRun: u.Options.DryRun, Error: u.Error, Notices: orEmpty(u.Notices),
		Columns:   orEmpty(u.Columns),
		BytesRead: u.BytesRead, Records: u.Records, Rows: u.Rows, Created: u.Created, Updated: u.Updated, Refused: u.Refused, Duplicates: u.Duplicates,
		Incomplete: u.Incomplete, Faults: faultViews(u.Faults), Preview: previewViews(u.Preview), Properties: proposalViews(u.Proposed),
		CreatedAt: u.CreatedAt, FinishedAt: timestamp(u.FinishedAt),
	}
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// importInput gives the handler the request's body as it comes.
type importInput struct {
	contentType string
	body        *streamedBody
}

// streamedBody keeps why it ended: whoever reads a file in it may take that for a
// fault of the file.
type streamedBody struct {
	io.Reader
	err error
}

// Read reads what has come.
func (b *streamedBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err != nil {
		b.err = err
	}
	return n, err
}

// failure is why an import failed: that its body came too slowly, if it did.
func (b *streamedBody) failure(err error) error {
	if err != nil && fault.Is(b.err, fault.TooSlow) {
		return b.err
	}
	return err
}

// Resolve keeps the body for the handler.
func (in *importInput) Resolve(ctx huma.Context) []error {
	in.contentType, in.body = ctx.Header("Content-Type"), &streamedBody{Reader: ctx.BodyReader()}
	return nil
}

func (s *Server) uploadRoutes() {
	const path, tag = "/v1/uploads", "uploads"
	register(s, operation{id: "import-contacts", method: http.MethodPost, path: importPath, tag: tag, doc: "Take in a CSV file of contacts",
		status: http.StatusAccepted, roles: mayEdit, streamed: true,
		more: "multipart/form-data: the parts `mapping` (JSON object: column → field) and `options` (JSON object: key, default_country, encoding, separator, " +
			"group, dates, decimal, properties, dry_run) come before the part `file`. " +
			"The file is checked at once and imported in the background; GET /v1/uploads/{id} shows the progress."},
		func(ctx context.Context, caller access.Caller, in *importInput) (*one[Upload], error) {
			out, err := s.importContacts(ctx, caller, in)
			return out, in.body.failure(err)
		})
	s.documentImport()
	register(s, operation{id: "list-uploads", method: http.MethodGet, path: path, tag: tag, doc: "List uploads, newest first", roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *Paged) (*pageOut[Upload], error) {
			before, err := in.position()
			if err != nil {
				return nil, err
			}
			list, err := s.Uploads.List(ctx, caller.AccountID, before, in.Limit+1)
			if err != nil {
				return nil, err
			}
			return page(list, in.Limit, uploadView, func(u contacts.Upload) string { return idKey(u.ID) }), nil
		})
	register(s, operation{id: "get-upload", method: http.MethodGet, path: path + "/{id}", tag: tag, doc: "Show an upload and its progress", roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[Upload], error) {
			u, err := s.Uploads.Get(ctx, caller.AccountID, in.ID)
			return &one[Upload]{uploadView(u)}, err
		})
	register(s, operation{reads: readsAll, id: "get-upload-errors", method: http.MethodGet, path: path + "/{id}/errors.csv", tag: tag,
		doc: "Every refused line and every value left out, with the reason, as CSV", roles: mayEdit},
		func(ctx context.Context, caller access.Caller, in *ByID) (*huma.StreamResponse, error) {
			refused, err := s.Uploads.Refused(ctx, caller.AccountID, in.ID)
			if err != nil {
				return nil, err
			}
			hidden, err := s.hidden(ctx, caller)
			if err != nil {
				return nil, err
			}
			return csvBody(fmt.Sprintf("upload-%d-errors.csv", in.ID), contacts.RefusedColumns(), hidden, func(write func(...string) error) error {
				for line, err := range refused {
					if err != nil {
						return err
					}
					if err := write(line.Cells()...); err != nil {
						return err
					}
				}
				return nil
			}), nil
		})
}

// documentImport adds the body, which is streamed and therefore not a struct,
// to the document.
func (s *Server) documentImport() {
	object := func(doc string) *huma.Schema { return &huma.Schema{Type: "string", Description: doc} }
	s.api.OpenAPI().Paths[importPath].Post.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"multipart/form-data": {Schema: &huma.Schema{Type: "object", Required: []string{"file"}, Properties: map[string]*huma.Schema{
			"mapping": object(`JSON object from column to field: {"Mail": "email", "Vorname": "first_name"}; "-" leaves a column out; ` +
				"columns that are not named are mapped by their header."),
			"options": object(`JSON object: key (external_id, email, phone or another kind of address), ` +
				"default_country, encoding, separator, group, dates, decimal, properties, dry_run."),
			"file": {Type: "string", Format: "binary", Description: "The CSV file; the last part."},
		}}},
	}}
}

func (s *Server) importContacts(ctx context.Context, caller access.Caller, in *importInput) (*one[Upload], error) {
	kind, params, err := mime.ParseMediaType(in.contentType)
	if err != nil || kind != "multipart/form-data" || params["boundary"] == "" {
		return nil, fault.New(fault.Invalid, "send the file as multipart/form-data: curl -F file=@contacts.csv")
	}
	var options contacts.ImportOptions
	parts := multipart.NewReader(in.body, params["boundary"])
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return nil, fault.InvalidField("file", nil, "is missing: send the CSV file as the part file, curl -F file=@contacts.csv")
		}
		if err != nil {
			return nil, fault.New(fault.Invalid, "the request is no well-formed multipart/form-data")
		}
		switch part.FormName() {
		case "mapping":
			if err := decodePart(part, &options.Mapping, "mapping"); err != nil {
				return nil, err
			}
		case "options":
			var given ImportOptions
			if err := decodePart(part, &given, "options"); err != nil {
				return nil, err
			}
			options.Key, options.DefaultCountry, options.Encoding = contacts.KeyField(given.Key), given.DefaultCountry, given.Encoding
			options.Separator, options.Group, options.DryRun = given.Separator, given.Group, given.DryRun
			options.Dates, options.Decimal, options.Properties = property.DateOrder(given.Dates), given.Decimal, given.Properties
		case "file":
			if message := gate.WrongText(part.FileName(), false); message != "" {
				return nil, fault.InvalidField("file", nil, "the name of the file %s", message)
			}
			u, err := s.Importer.Take(ctx, caller.AccountID, part.FileName(), part, options)
			if err != nil {
				return nil, err
			}
			// What follows the file would come too late to be honoured.
			if _, err := parts.NextPart(); err == nil {
				s.Logger.WarnContext(ctx, "parts behind the file are not read", "upload", u.ID, "request_id", gate.RequestID(ctx))
			}
			return &one[Upload]{uploadView(u)}, nil
		default:
			return nil, fault.InvalidField(part.FormName(), nil, "is no part of an import: file, mapping and options are")
		}
	}
}

// maxPart bounds the parts that are not the file.
const maxPart = 64 << 10

func decodePart(part io.Reader, into any, name string) error {
	document, err := io.ReadAll(io.LimitReader(part, maxPart))
	if err != nil {
		return fault.InvalidField(name, nil, "did not come whole")
	}
	if err := fault.InvalidFields(gate.WrongJSON(name, document)); err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fault.InvalidField(name, nil, "must be a JSON object: %v", err)
	}
	return nil
}
