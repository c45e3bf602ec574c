package contacts

import (
	"context"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"carillon/contacts/csvfile"
	"carillon/contacts/value"
	"carillon/internal/fault"
	"carillon/providers"
)

// suppressionBatch is how many lines one transaction takes.
const suppressionBatch = 1000

// maxRefusedLines bounds the refused lines that an answer names; the others are
// counted.
const maxRefusedLines = 1000

// SuppressionColumns are the columns of a file of suppressions, as an export
// writes them and an import reads them. An import needs address, or email or
// phone instead, or hash; kind is needed unless the column says it.
func SuppressionColumns() []string {
	return []string{"kind", "address", "reason", "opted_out", "created_at", "hash"}
}

// SuppressionImport is what an import of suppressions did.
type SuppressionImport struct {
	Rows    int64 // lines behind the header
	Added   int64
	Known   int64 // were there already
	Refused int64
	// Lines are the first of the refused lines.
	Lines []RefusedLine
}

// Import suppresses every address of a CSV file, batch by batch as it is read.
// Lines that can't be used are refused with their reason and the others go on.
// A file without the columns is refused whole.
func (s *Consents) Import(ctx context.Context, accountID int64, file io.Reader, actor string) (done SuppressionImport, err error) {
	var batch []Suppression
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		added, err := s.store.SuppressAll(ctx, accountID, batch, SourceImport, actor)
		done.Added += added
		done.Known += int64(len(batch)) - added
		batch = batch[:0]
		return err
	}
	err = ReadSuppressions(file, func(p Suppression, refused *RefusedLine) error {
		done.Rows++
		if refused != nil {
			if done.Refused++; len(done.Lines) < maxRefusedLines {
				done.Lines = append(done.Lines, *refused)
			}
			return nil
		}
		if batch = append(batch, p); len(batch) == suppressionBatch {
			return flush()
		}
		return nil
	})
	if err != nil {
		return done, err
	}
	return done, flush()
}

// suppressionColumns says where the columns of a file stand; -1: nowhere.
type suppressionColumns struct {
	kind, address, reason, optedOut, hash int
	// ofKind are columns that hold addresses of one kind.
	ofKind map[providers.AddressKind]int
}

func findSuppressionColumns(header []string) (c suppressionColumns, err error) {
	c = suppressionColumns{-1, -1, -1, -1, -1, map[providers.AddressKind]int{}}
	for i, name := range header {
		switch name = strings.ToLower(strings.TrimSpace(name)); name {
		case "kind":
			c.kind = i
		case "address":
			c.address = i
		case "reason":
			c.reason = i
		case "opted_out":
			c.optedOut = i
		case "hash":
			c.hash = i
		default:
			for _, kind := range value.Kinds() {
				if name == string(kind) {
					c.ofKind[kind] = i
				}
			}
		}
	}
	if len(c.ofKind) == 0 && (c.kind < 0 || (c.address < 0 && c.hash < 0)) {
		return c, fault.InvalidField("file", strings.Join(header, ","),
			"has no column for addresses: its first line must name kind and address (or hash), or one of %v", value.Kinds())
	}
	return c, nil
}

// ReadSuppressions reads a CSV file in UTF-8, separated by commas, line by line:
// each yields a suppression in normal form or says why it is refused. The error
// is about the file as a whole, or yield's.
func ReadSuppressions(file io.Reader, yield func(p Suppression, refused *RefusedLine) error) error {
	reader := csv.NewReader(&withoutBOM{r: file})
	reader.FieldsPerRecord, reader.ReuseRecord, reader.TrimLeadingSpace = -1, true, true
	header, err := reader.Read()
	if errors.Is(err, io.EOF) {
		return fault.InvalidField("file", nil, "is empty: its first line must name the columns, such as kind,address,reason")
	}
	var malformed *csv.ParseError
	if errors.As(err, &malformed) {
		return fault.InvalidField("file", nil, "is no CSV: %v", malformed)
	}
	if err != nil {
		return readError(err)
	}
	columns, err := findSuppressionColumns(header)
	if err != nil {
		return err
	}
	for {
		record, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if errors.As(err, &malformed) {
			if err := yield(Suppression{}, &RefusedLine{Line: int64(malformed.StartLine), Reason: "is no CSV: " + malformed.Err.Error()}); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return readError(err)
		}
		line, _ := reader.FieldPos(0)
		p, refused := columns.suppression(record)
		if refused != nil {
			refused.Line = int64(line)
		}
		if err := yield(p, refused); err != nil {
			return err
		}
	}
}

// readError keeps errors that have a code, such as a body over its bound.
func readError(err error) error {
	var known *fault.Error
	if errors.As(err, &known) {
		return err
	}
	return fault.New(fault.Invalid, "the file did not come whole: send it again")
}

// suppression reads one record.
func (c suppressionColumns) suppression(record []string) (Suppression, *RefusedLine) {
	cell := func(i int) string {
		if i < 0 || i >= len(record) {
			return ""
		}
		return csvfile.Plain(strings.TrimSpace(record[i]))
	}
	refuse := func(field, value, reason string) (Suppression, *RefusedLine) {
		return Suppression{}, &RefusedLine{Field: field, Value: strings.ToValidUTF8(value, "\uFFFD"), Reason: reason}
	}
	p := Suppression{Kind: providers.AddressKind(strings.ToLower(cell(c.kind))), Reason: cell(c.reason), Hash: strings.ToLower(cell(c.hash))}
	if p.Reason == "" {
		p.Reason = Unsubscribed
	}
	if !utf8.ValidString(p.Reason) || utf8.RuneCountInString(p.Reason) > maxReason {
		return refuse("reason", p.Reason, fmt.Sprintf("must be text of at most %d characters", maxReason))
	}
	p.OptedOut = p.Reason == Unsubscribed || strings.EqualFold(cell(c.optedOut), "true")
	address := cell(c.address)
	for _, kind := range value.Kinds() {
		i, ok := c.ofKind[kind]
		if !ok || cell(i) == "" {
			continue
		}
		if address != "" || p.Hash != "" {
			return refuse(string(kind), cell(i), "more than one address in a line: give each a line of its own")
		}
		p.Kind, address = kind, cell(i)
	}
	if address == "" && p.Hash != "" {
		if raw, err := hex.DecodeString(p.Hash); err != nil || len(raw) != 32 {
			return refuse("hash", p.Hash, "is no hash of an export: it has 64 hexadecimal digits")
		}
		if reason := value.CheckKind(p.Kind); reason != "" {
			return refuse("kind", string(p.Kind), reason)
		}
		return p, nil
	}
	p.Hash = ""
	normal, err := value.Normal(p.Kind, address, "")
	if err != nil {
		field := fault.Field{Location: "address", Message: err.Error()}
		var f *fault.Error
		if errors.As(err, &f) && len(f.Fields) > 0 {
			field = f.Fields[0]
		}
		return refuse(field.Location, address, field.Message)
	}
	p.Address = normal
	return p, nil
}

// withoutBOM leaves out the mark that some programs put before UTF-8.
type withoutBOM struct {
	r     io.Reader
	begun bool
}

// Read reads on.
func (w *withoutBOM) Read(p []byte) (int, error) {
	if w.begun {
		return w.r.Read(p)
	}
	w.begun = true
	const mark = "\uFEFF"
	head := make([]byte, len(mark))
	n, err := io.ReadFull(w.r, head)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	if err != nil {
		return 0, err
	}
	if string(head[:n]) != mark {
		w.r = io.MultiReader(strings.NewReader(string(head[:n])), w.r)
	}
	return w.r.Read(p)
}
