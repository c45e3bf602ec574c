package messages

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"mime"
	"net/url"
	"path"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gabriel-vasile/mimetype"

	"carillon/internal/fault"
	"carillon/providers"
)

// File is one that was taken in to be sent.
type File struct {
	ID, AccountID int64
	// Token is in its address; who has that may read it.
	Token string
	Name  string
	// ContentType is its media type, by what is in it.
	ContentType string
	Size        int64 // bytes
	// Hash is the SHA-256 of what is in it, in hexadecimal; empty for those that were taken in
	// before hashes were kept.
	Hash string
	// Library says that a person or program has uploaded it to be used again: it is kept until
	// somebody deletes it. The others came with a message, and are kept as long as contents are.
	Library   bool
	CreatedAt time.Time
}

// FileUse is something that says a file.
type FileUse struct {
	Kind string // campaign, flow, template or message
	ID   int64
}

// MediaOf names a file as a channel's provider has it.
type MediaOf struct {
	ChannelID, FileID int64
	// Epoch is that of the channel for whose configuration the id was given.
	Epoch int64
	// Sort is as what it is sent, where ids differ by that; else empty.
	Sort string
}

// KeptMedia is a provider's id for a file.
type KeptMedia struct {
	ID string
	// Until is when the provider forgets it; zero where it sets no end.
	Until time.Time
}

// Bounds of files.
const (
	// MaxFile is the largest, in bytes: what WhatsApp takes of a document, 100 MB.
	MaxFile = 100 << 20
	// MaxFiles is how much an account keeps, in bytes.
	MaxFiles = 1 << 30

	maxFileName = 200
	tokenBytes  = 18
	// filePiece is how much of a file is in memory at a time, and in one row.
	filePiece = 1 << 20
)

// FileFilter says which files are listed, newest first.
type FileFilter struct {
	AccountID int64
	// Before is the id before which the list begins; 0 for its beginning.
	Before int64
	Limit  int
	// Unused lists those alone that nothing says.
	Unused bool
}

// FileStore keeps files.
type FileStore interface {
	// BeginFile makes room for a file, of which the id and the time are set; it is no file for
	// anybody until FinishFile.
	BeginFile(ctx context.Context, f File) (File, error)
	// AddFilePiece keeps what of a file begins at a byte.
	AddFilePiece(ctx context.Context, id, at int64, content []byte) error
	// FinishFile keeps a file whose pieces are all there. If the account has one with the same
	// hash, that is the file, and what was begun is forgotten. It is a Conflict if the account
	// keeps more than most bytes with it.
	FinishFile(ctx context.Context, f File, most int64) (File, error)
	// DropFile forgets a file that was begun.
	DropFile(ctx context.Context, id int64) error
	// FileByToken is NotFound if there is none.
	FileByToken(ctx context.Context, token string) (File, error)
	// GetFile is NotFound if the account has uploaded no such file.
	GetFile(ctx context.Context, accountID, id int64) (File, error)
	// ListFiles are those that were uploaded to be used again.
	ListFiles(ctx context.Context, filter FileFilter) ([]File, error)
	// DeleteFile is a Conflict that names what says it, while something does.
	DeleteFile(ctx context.Context, accountID, id int64) error
	// FileUses are what says the account's files, by the files' ids.
	FileUses(ctx context.Context, accountID int64) (map[int64][]FileUse, error)
	// FilePiece is the piece of a file in which a byte is, and where that begins; NotFound if
	// there is none.
	FilePiece(ctx context.Context, id, at int64) (begins int64, content []byte, err error)
}

// Files is the service for files that are sent: taken in once, kept, and fetched by providers or
// handed to them. It is safe for concurrent use.
type Files struct {
	store FileStore
	hosts *Hosts
}

// NewFiles makes the service.
func NewFiles(store FileStore, hosts *Hosts) *Files { return &Files{store, hosts} }

// Keep takes a file in, piece by piece. One that is empty or too large, or that has no name, is
// Invalid. The same bytes are kept once: then it is the file that the account has, with the name
// that is given now where it came with a message.
func (s *Files) Keep(ctx context.Context, f File, content io.Reader) (File, error) {
	name, err := fileName(f.Name)
	if err != nil {
		return f, err
	}
	piece := make([]byte, filePiece)
	n, err := readPiece(content, piece)
	switch {
	case err != nil:
		return f, err
	case n == 0:
		return f, fault.InvalidField("file", nil, "is empty")
	}
	f.Name, f.ContentType = name, TypeOf(piece[:n], name, f.ContentType)
	random := make([]byte, tokenBytes)
	if _, err := rand.Read(random); err != nil {
		return f, fault.Wrap(fault.Internal, "name file", err)
	}
	f.Token = base64.RawURLEncoding.EncodeToString(random)
	begun, err := s.store.BeginFile(ctx, f)
	if err != nil {
		return f, err
	}
	kept, err := s.receive(ctx, begun, content, piece, n)
	if err != nil {
		// The store forgets it later if it can't now.
		return f, errors.Join(err, s.store.DropFile(context.WithoutCancel(ctx), begun.ID))
	}
	if !f.Library {
		kept.Name = name
	}
	return kept, nil
}

// receive keeps the pieces of a file, the first n bytes of which are in piece.
func (s *Files) receive(ctx context.Context, f File, content io.Reader, piece []byte, n int) (File, error) {
	hash := sha256.New()
	for n > 0 {
		if f.Size+int64(n) > MaxFile {
			return f, fault.InvalidField("file", nil, "has more than %d MiB", MaxFile>>20)
		}
		if err := s.store.AddFilePiece(ctx, f.ID, f.Size, piece[:n]); err != nil {
			return f, err
		}
		_, _ = hash.Write(piece[:n]) // never fails
		f.Size += int64(n)
		var err error
		if n, err = readPiece(content, piece); err != nil {
			return f, err
		}
	}
	f.Hash = hex.EncodeToString(hash.Sum(nil))
	return s.store.FinishFile(ctx, f, MaxFiles)
}

// readPiece fills a piece, or as much of it as there is. A request that is cut off is no end of
// the file, as io.ReadFull would have it.
func readPiece(content io.Reader, piece []byte) (n int, err error) {
	for n < len(piece) && err == nil {
		var more int
		more, err = content.Read(piece[n:])
		n += more
	}
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return n, fault.InvalidField("file", nil, "breaks off: send all of it")
	case errors.Is(err, io.EOF):
		return n, nil
	}
	return n, err
}

// fileName is what a file is called, without folders.
func fileName(given string) (string, error) {
	name := path.Base(strings.ReplaceAll(strings.TrimSpace(given), `\`, "/"))
	if name == "." || name == "/" || name == ".." || !utf8.ValidString(name) || utf8.RuneCountInString(name) > maxFileName ||
		strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) && r != '\u00a0' }) {
		return "", fault.InvalidField("filename", nil, "give the file a name of at most %d letters, such as cover.jpg", maxFileName)
	}
	return name, nil
}

// TypeOf is the media type of a file, by how it begins. What its name and the caller say counts
// only where that begins so, too: a table in a text, a document in an archive.
func TypeOf(begins []byte, name, said string) string {
	found := mimetype.Detect(begins)
	for _, candidate := range []string{mime.TypeByExtension(path.Ext(name)), said} {
		for better := mimetype.Lookup(providers.MediaType(candidate)); better != nil; better = better.Parent() {
			if better.Is(found.String()) && found.String() != octets {
				return providers.MediaType(candidate)
			}
		}
	}
	kind := providers.MediaType(found.String())
	return cmp.Or(usual[kind], kind)
}

// usual are types as providers call them that have other names, too.
var usual = map[string]string{"audio/x-m4a": "audio/mp4", "application/ogg": "audio/ogg", "audio/x-wav": "audio/wav", "video/x-m4v": "video/mp4"}

// octets is the type of what nobody knows.
const octets = "application/octet-stream"

// Get is a file that was uploaded to be used again.
func (s *Files) Get(ctx context.Context, accountID, id int64) (File, error) {
	return s.store.GetFile(ctx, accountID, id)
}

// List are the files that were uploaded to be used again, newest first, and what says each of
// the account's.
func (s *Files) List(ctx context.Context, filter FileFilter) ([]File, map[int64][]FileUse, error) {
	list, err := s.store.ListFiles(ctx, filter)
	if err != nil {
		return nil, nil, err
	}
	uses, err := s.store.FileUses(ctx, filter.AccountID)
	return list, uses, err
}

// Uses are what says a file.
func (s *Files) Uses(ctx context.Context, f File) ([]FileUse, error) {
	uses, err := s.store.FileUses(ctx, f.AccountID)
	return uses[f.ID], err
}

// Delete forgets a file that was uploaded, unless something says it.
func (s *Files) Delete(ctx context.Context, accountID, id int64) error {
	return s.store.DeleteFile(ctx, accountID, id)
}

// Address is where providers fetch a file: at the public address, and where none is
// configured at the host, with its port, at which the caller reached this server.
func (s *Files) Address(f File, host string) string {
	return cmp.Or(s.Public(f), "http://"+host+place(f))
}

// Public is where everybody can fetch a file; empty where no public address is configured.
func (s *Files) Public(f File) string {
	base := s.hosts.Of(f.AccountID)
	if base == "" {
		return ""
	}
	return base + place(f)
}

func place(f File) string { return FilePath + f.Token + "/" + url.PathEscape(f.Name) }

// Show puts the address of an uploaded file into an attachment that is shown to people. One that
// is there no more has none.
func (s *Files) Show(ctx context.Context, accountID int64, a *providers.Attachment) error {
	if a == nil || a.MediaID == 0 {
		return nil
	}
	f, err := s.store.GetFile(ctx, accountID, a.MediaID)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	a.URL, a.Filename = s.Public(f), cmp.Or(a.Filename, f.Name)
	return err
}

// FilePath is below which files are served.
const FilePath = "/files/"

// Open is the file of a token; NotFound if there is none.
func (s *Files) Open(ctx context.Context, token string) (File, error) {
	return s.store.FileByToken(ctx, token)
}

// Read reads a file, for as long as the context holds.
func (s *Files) Read(ctx context.Context, f File) io.ReadSeekCloser {
	return &fileReader{ctx: ctx, store: s.store, file: f}
}

// fileReader has one piece in memory.
type fileReader struct {
	ctx    context.Context
	store  FileStore
	file   File
	at     int64
	begins int64
	piece  []byte
}

// Read reads on.
func (r *fileReader) Read(p []byte) (int, error) {
	if r.at >= r.file.Size {
		return 0, io.EOF
	}
	if r.at < r.begins || r.at >= r.begins+int64(len(r.piece)) {
		var err error
		if r.begins, r.piece, err = r.store.FilePiece(r.ctx, r.file.ID, r.at); err != nil {
			return 0, err
		}
		if r.at >= r.begins+int64(len(r.piece)) {
			return 0, fault.New(fault.Internal, "file %d lacks what begins at byte %d", r.file.ID, r.at)
		}
	}
	n := copy(p, r.piece[r.at-r.begins:])
	r.at += int64(n)
	return n, nil
}

// Seek goes to another byte.
func (r *fileReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.file.Size
	}
	if offset < 0 {
		return 0, errors.New("there is nothing before the first byte of a file")
	}
	r.at = offset
	return offset, nil
}

// Close forgets the piece.
func (r *fileReader) Close() error {
	r.piece = nil
	return nil
}

// ParseDataURI reads a file that is written as an address, data:image/png;base64,…; blanks
// behind data: are passed over, as clients write them. What is none, or is not in base64, is
// Invalid.
func ParseDataURI(text string) (contentType string, content []byte, err error) {
	rest, is := strings.CutPrefix(text, "data:")
	head, body, has := strings.Cut(rest, ",")
	kind, encoded := strings.CutSuffix(strings.TrimSpace(head), ";base64")
	if !is || !has || !encoded {
		return "", nil, fault.InvalidField("body", nil, "write a file as data:image/png;base64,… with its content in base64")
	}
	body = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, body)
	content, err = base64.StdEncoding.DecodeString(body)
	if err != nil {
		content, err = base64.RawStdEncoding.DecodeString(body)
	}
	if err != nil {
		return "", nil, fault.InvalidField("body", nil, "its content is not in base64: %s", err)
	}
	return kind, content, nil
}
