package messages

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"mime"
	"net/url"
	"path"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"carillon/internal/fault"
)

// File is one that was taken in to be sent.
type File struct {
	ID, AccountID int64
	// Token is in its address; who has that may read it.
	Token       string
	Name        string
	ContentType string
	Size        int64
	CreatedAt   time.Time
	// Content is set where one file is asked for.
	Content []byte
}

// Bounds of files.
const (
	// MaxFile is the largest, in bytes: what WhatsApp takes of a video.
	MaxFile = 16 << 20
	// MaxFiles is how much an account keeps, in bytes.
	MaxFiles = 1 << 30

	maxFileName = 200
	tokenBytes  = 18
)

// FileStore keeps files.
type FileStore interface {
	// AddFile keeps a file, of which the id and the time are set. It is a Conflict if the
	// account keeps more than most bytes with it.
	AddFile(ctx context.Context, f File, most int64) (File, error)
	// FileByToken is a file with its content; NotFound if there is none.
	FileByToken(ctx context.Context, token string) (File, error)
}

// Files is the service for files that are sent: taken in with a request, kept, and fetched by
// providers. It is safe for concurrent use.
type Files struct {
	store FileStore
	hosts *Hosts
}

// NewFiles makes the service.
func NewFiles(store FileStore, hosts *Hosts) *Files { return &Files{store, hosts} }

// Keep takes a file in. One that is empty or too large, or that has no name, is Invalid.
func (s *Files) Keep(ctx context.Context, f File) (File, error) {
	f.Name = path.Base(strings.ReplaceAll(strings.TrimSpace(f.Name), `\`, "/"))
	switch {
	case len(f.Content) == 0:
		return f, fault.InvalidField("file", nil, "is empty")
	case len(f.Content) > MaxFile:
		return f, fault.InvalidField("file", len(f.Content), "has more than %d MiB", MaxFile>>20)
	case f.Name == "." || f.Name == "/" || f.Name == ".." || utf8.RuneCountInString(f.Name) > maxFileName || strings.ContainsFunc(f.Name, unicode.IsControl):
		return f, fault.InvalidField("filename", nil, "give the file a name of at most %d letters, such as cover.jpg", maxFileName)
	}
	kind, _, err := mime.ParseMediaType(f.ContentType)
	if err != nil {
		kind, _, _ = mime.ParseMediaType(mime.TypeByExtension(path.Ext(f.Name))) // empty where nobody knows
	}
	f.ContentType = cmp.Or(kind, "application/octet-stream")
	random := make([]byte, tokenBytes)
	if _, err := rand.Read(random); err != nil {
		return f, fault.Wrap(fault.Internal, "name file", err)
	}
	f.Token, f.Size = base64.RawURLEncoding.EncodeToString(random), int64(len(f.Content))
	return s.store.AddFile(ctx, f, MaxFiles)
}

// Address is where providers fetch a file: at the public address, and where none is
// configured at the host, with its port, at which the caller reached this server.
func (s *Files) Address(f File, host string) string {
	base := s.hosts.Of(f.AccountID)
	if base == "" {
		base = "http://" + host
	}
	return fmt.Sprintf("%s%s%s/%s", base, FilePath, f.Token, url.PathEscape(f.Name))
}

// FilePath is below which files are served.
const FilePath = "/files/"

// Open is the file of a token, with its content; NotFound if there is none.
func (s *Files) Open(ctx context.Context, token string) (File, error) {
	return s.store.FileByToken(ctx, token)
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
