package contacts

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"carillon/contacts/csvfile"
	"carillon/contacts/property"
	"carillon/contacts/value"
	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/providers"
)

// ChunkBytes is the size of the pieces in which a file is kept.
const ChunkBytes = 1 << 20

// DefaultMaxUploadBytes bounds a file where the configuration says nothing.
const DefaultMaxUploadBytes = 512 << 20

// maxFilename is the longest file name that is kept, in characters.
const maxFilename = 255

// ImportConfig configures an Importer.
type ImportConfig struct {
	// MaxBytes is the largest file that is taken; 0 means
	// DefaultMaxUploadBytes.
	MaxBytes int64
	// BatchRecords is how many lines one transaction carries out at most; 0
	// leaves it to the time that they take. It makes no difference to the result.
	BatchRecords int64
	// Clock is the time; nil means the system's.
	Clock clock.Clock
}

// Importer takes CSV files in and makes contacts of them. It is safe for
// concurrent use; any process may carry on what another took in.
type Importer struct {
	inbox  Inbox
	store  ImportStore
	config ImportConfig
	queued chan struct{}
}

// NewImporter makes an importer.
func NewImporter(inbox Inbox, store ImportStore, config ImportConfig) *Importer {
	if config.MaxBytes <= 0 {
		config.MaxBytes = DefaultMaxUploadBytes
	}
	if config.Clock == nil {
		config.Clock = clock.System{}
	}
	return &Importer{inbox: inbox, store: store, config: config, queued: make(chan struct{}, 1)}
}

// Queued says that Take has taken a file in, so that whoever imports in the same
// process need not wait until it looks again.
func (im *Importer) Queued() <-chan struct{} { return im.queued }

// Take reads a file, checks that it can be imported at all and keeps it for Run.
// A file that is empty, no CSV, over the bound (TooLarge) or without a usable
// column, and options that don't fit it, are refused with the reason, and
// nothing is left behind.
func (im *Importer) Take(ctx context.Context, accountID int64, filename string, file io.Reader, options ImportOptions) (Upload, error) {
	opts, set, err := im.csv(ctx, accountID, options, nil)
	if err != nil {
		return Upload{}, err
	}
	bounded := &boundedReader{r: file, left: im.config.MaxBytes, most: im.config.MaxBytes}
	var head bytes.Buffer
	reader, err := csvfile.Open(io.TeeReader(bounded, &head), opts)
	if err != nil {
		return Upload{}, err
	}
	options, err = options.fit(reader)
	if err != nil {
		return Upload{}, err
	}
	upload := Upload{
		AccountID: accountID, Filename: cleanFilename(filename), Options: options,
		Columns: extraColumns(reader), Notices: options.notices(reader, set, nil, sampled(reader)),
	}
	if upload, err = im.inbox.CreateUpload(ctx, upload); err != nil {
		return Upload{}, err
	}
	taken, err := im.keep(ctx, upload.ID, io.MultiReader(&head, bounded))
	if err != nil {
		// The caller's context may be what ended the upload.
		return Upload{}, errors.Join(err, im.inbox.DiscardUpload(context.WithoutCancel(ctx), upload.ID))
	}
	select {
	case im.queued <- struct{}{}:
	default: // it has been said and not been heard yet
	}
	return taken, nil
}

// keep stores the file piece by piece.
func (im *Importer) keep(ctx context.Context, uploadID int64, file io.Reader) (Upload, error) {
	var size int64
	chunk := make([]byte, ChunkBytes)
	for seq := int64(0); ; seq++ {
		n, err := io.ReadFull(file, chunk)
		end := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !end {
			var known *fault.Error
			if errors.As(err, &known) {
				return Upload{}, err
			}
			return Upload{}, fmt.Errorf("read upload: %w", err)
		}
		if n > 0 {
			if err := im.inbox.AddChunk(ctx, uploadID, seq, chunk[:n]); err != nil {
				return Upload{}, err
			}
			size += int64(n)
		}
		if end {
			return im.inbox.QueueUpload(ctx, uploadID, size)
		}
	}
}

// csv is what the options say to the reader of the file, and the account's properties with
// those that are proposed: a dry run makes none.
func (im *Importer) csv(ctx context.Context, accountID int64, o ImportOptions, proposed []Proposal) (opts csvfile.Options, set PropertySet, err error) {
	opts = csvfile.Options{Encoding: o.Encoding, Mapping: o.Mapping, DefaultCountry: o.DefaultCountry, Key: csvfile.Field(o.Key), Strict: o.Strict}
	if err := o.formats().Check(); err != nil {
		return opts, nil, err
	}
	properties, err := im.store.ListProperties(ctx, accountID)
	if err != nil {
		return opts, nil, err
	}
	for _, p := range proposed {
		if !slices.ContainsFunc(properties, func(made property.Property) bool { return made.Key == p.Key }) {
			properties = append(properties, p.Property(accountID))
		}
	}
	if set, err = CompileProperties(properties); err != nil {
		return opts, nil, err
	}
	for _, p := range properties {
		opts.Attributes = append(opts.Attributes, csvfile.Attribute{Key: p.Key, Name: p.Name, Label: p.Label, Parse: func(cell string) (string, string) {
			stored, reason := set[p.Key].ParseAs(cell, o.formats())
			return string(stored), reason
		}})
	}
	switch separator := o.Separator; {
	case separator == "":
	case separator == "tab" || separator == `\t`:
		opts.Separator = '\t'
	case utf8.RuneCountInString(separator) == 1:
		opts.Separator, _ = utf8.DecodeRuneInString(separator)
	default:
		return opts, nil, fault.InvalidField("separator", separator, `is not one character: use "," ";" "|" or "tab"`)
	}
	return opts, set, nil
}

// fit checks the options that are about more than the reading, and returns them
// as they are kept.
func (o ImportOptions) fit(reader *csvfile.Reader) (ImportOptions, error) {
	switch o.Key {
	case ByAny:
	default:
		if o.Key != ByExternalID && value.KindIndex(providers.AddressKind(o.Key)) < 0 {
			return o, fault.InvalidField("key", string(o.Key),
				"is no key: use external_id or a kind of address (%s), or leave it out to use the first that a line has", value.KindNames())
		}
		if !reader.Has(csvfile.Field(o.Key)) {
			return o, fault.InvalidField("key", string(o.Key),
				"the file has no such column: choose another key, leave it out, or map a column to %s", o.Key)
		}
	}
	if o.Messengers && (!reader.Has(csvfile.FieldExternalID) || !reader.Has(csvfile.FieldMessenger)) {
		return o, fault.InvalidField("file", nil, "needs the columns id and messenger")
	}
	var err error
	if o.Group != "" {
		o.Group, err = GroupName(o.Group)
		if err != nil {
			return o, fault.InvalidField("group", o.Group, "a group's name has 1 to %d characters, without | and control characters", maxGroupName)
		}
	}
	return o, nil
}

// countryKey is where templates find a line's country.
const countryKey = "country"

// extraColumns are the keys that templates find under row.
func extraColumns(reader *csvfile.Reader) []string {
	keys := reader.ExtraKeys()
	if countryColumn(reader) {
		keys = append(keys, countryKey)
	}
	if keys == nil {
		keys = []string{}
	}
	return keys
}

// countryColumn reports whether the file says each line's country, which
// contacts have no field for.
func countryColumn(reader *csvfile.Reader) bool {
	for _, key := range reader.ExtraKeys() {
		if key == countryKey {
			return false
		}
	}
	return reader.Has(csvfile.FieldCountry)
}

func cleanFilename(name string) string {
	name = path.Base(strings.ReplaceAll(strings.ToValidUTF8(name, "\uFFFD"), `\`, "/"))
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, name)
	if runes := []rune(name); len(runes) > maxFilename {
		name = string(runes[:maxFilename])
	}
	if name == "" || name == "." || name == "/" {
		return "upload.csv"
	}
	return name
}

// boundedReader refuses a file that is longer than allowed.
type boundedReader struct {
	r          io.Reader
	left, most int64
}

func (b *boundedReader) Read(p []byte) (int, error) {
	// One byte more than is left tells a file that fits from one that doesn't.
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.r.Read(p)
	b.left -= int64(n)
	if b.left < 0 {
		return 0, fault.New(fault.TooLarge, "the file is larger than %s, the most that an upload may have: split it, or raise the bound in the configuration",
			bytesText(b.most))
	}
	return n, err
}

func bytesText(n int64) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}
