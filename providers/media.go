package providers

import (
	"context"
	"fmt"
	"io"
	"mime"
	"slices"
	"strings"
	"time"
)

// FileWay is how a provider takes a file that was uploaded to this server.
type FileWay string

// The ways.
const (
	// FileByAddress: it fetches the file at the server's public address, as it does any other.
	FileByAddress FileWay = ""
	// FileKept: it takes the file once, beside all messages, and gives an id for it (MediaKeeper).
	FileKept FileWay = "kept"
	// FileSentOnce: the first message carries the file, and its Accepted.MediaID is the id by
	// which all others name it.
	FileSentOnce FileWay = "sent_once"
	// FileWithin: every message carries the file in itself, as e-mail does. It fetches nothing: an
	// address stands in the text.
	FileWithin FileWay = "within"
)

// File is an uploaded file as an adapter gets it with a message.
type File struct {
	Name        string
	ContentType string // a media type without parameters
	Size        int64  // bytes
	// ID is the provider's for it; empty where it has none yet, or gives none.
	ID string
	// Content is all of it where it goes within each message (FileWithin), and else nil.
	Content []byte
	// Open reads it from the beginning, for as long as the context holds that it was made with.
	// It may be called several times.
	Open func() (io.ReadCloser, error)
}

// KeptMedia is a file that a provider keeps.
type KeptMedia struct {
	// ID is of printable ASCII without spaces, and has at most MaxMediaID bytes.
	ID string
	// Lasts is for how long the provider keeps it; 0 where it sets no end.
	Lasts time.Duration
}

// MaxMediaID is the longest id of a file that is kept, in bytes: Telegram's have less than 100,
// WhatsApp's less than 20.
const MaxMediaID = 300

// MediaKeeper is for providers that take a file once for many messages (FileKept).
type MediaKeeper interface {
	// KeepMedia hands a file over. Its errors are Send's, but nothing of it is ever in doubt: who
	// asks again has the file kept twice, and no message goes out twice.
	KeepMedia(ctx context.Context, f File) (KeptMedia, error)
}

// FileLimit is what of one type of file a provider takes.
type FileLimit struct {
	Type AttachmentType
	// Address is the kind of address that it holds for, on providers with several; empty for all.
	Address AddressKind
	// ContentTypes are the media types that it takes; none are all.
	ContentTypes []string
	// MaxBytes is the largest file; 0 where nobody says.
	MaxBytes int64
	// MaxLinkedBytes is the largest file that the provider fetches by an address; 0 is MaxBytes.
	MaxLinkedBytes int64
}

// AnyFile are the limits of a kind of address, or of all where it is empty, that takes files of
// every type, and of each so many bytes.
func AnyFile(kind AddressKind, most int64) []FileLimit {
	list := make([]FileLimit, 0, len(AttachmentTypes()))
	for _, sort := range AttachmentTypes() {
		list = append(list, FileLimit{Type: sort, Address: kind, MaxBytes: most})
	}
	return list
}

// FilesFor are the limits that hold for a kind of address.
func (c *Capabilities) FilesFor(kind AddressKind) (list []FileLimit) {
	for _, l := range c.Files {
		if l.Address == "" || l.Address == kind {
			list = append(list, l)
		}
	}
	return list
}

// FileFacts are what is known of a file: its media type, and its size, -1 where that is not known.
type FileFacts struct {
	Sort        AttachmentType
	ContentType string
	Size        int64
	// Linked says that the provider would fetch it by an address.
	Linked bool
}

// Looked is what lies at an address.
type Looked struct {
	// Begins is how it begins, and ContentType what the far end calls it.
	Begins      []byte
	ContentType string
	// Size is in bytes; -1 where that is not known.
	Size int64
	// Moved is where the address redirects to; empty where it does not.
	Moved string
}

// WrongFile says why a channel of a kind of address can't send a file; empty if it can.
func (c *Capabilities) WrongFile(kind AddressKind, f FileFacts) string {
	all := c.FilesFor(kind)
	if len(all) == 0 || f.Linked && c.Uploads == FileWithin {
		return ""
	}
	at := slices.IndexFunc(all, func(l FileLimit) bool { return l.Type == f.Sort })
	if at < 0 {
		return fmt.Sprintf("is sent as %s, which the channel does not send: it sends %s", f.Sort, sorts(all))
	}
	l := all[at]
	if len(l.ContentTypes) > 0 && f.ContentType != "" && !slices.Contains(l.ContentTypes, f.ContentType) {
		return fmt.Sprintf("is %s; as %s the channel sends %s", f.ContentType, l.Type, strings.Join(l.ContentTypes, ", "))
	}
	most := l.MaxBytes
	if f.Linked && l.MaxLinkedBytes > 0 {
		most = l.MaxLinkedBytes
	}
	if most > 0 && f.Size > most {
		how := ""
		if most == l.MaxLinkedBytes && l.MaxLinkedBytes < l.MaxBytes {
			how = fmt.Sprintf(" by an address, and %s uploaded", Megabytes(l.MaxBytes))
		}
		return fmt.Sprintf("has %s; as %s the channel sends at most %s%s", Megabytes(f.Size), l.Type, Megabytes(most), how)
	}
	return ""
}

// Carries reports whether the file of an attachment goes along, and is no link in the text.
func (c *Capabilities) Carries(a *Attachment) bool {
	return c.Media || a.MediaID != 0 && c.Uploads == FileWithin
}

func sorts(all []FileLimit) string {
	names := make([]string, len(all))
	for i, l := range all {
		names[i] = string(l.Type)
	}
	return strings.Join(names, ", ")
}

// Megabytes is a size as people read it: in MB of 1,000,000 bytes, rounded up to a tenth.
func Megabytes(n int64) string {
	const tenth = 100_000
	tenths := (n + tenth - 1) / tenth
	if tenths%10 == 0 {
		return fmt.Sprintf("%d MB", tenths/10)
	}
	return fmt.Sprintf("%d.%d MB", tenths/10, tenths%10)
}

// MB is a million bytes. Providers that say MB mean that or 1,048,576; the smaller one is never
// refused.
const MB = 1_000_000

// SortOf is as what a file of a media type goes where nobody says.
func SortOf(contentType string) AttachmentType {
	kind, _, _ := strings.Cut(contentType, "/")
	switch kind {
	case "image":
		if contentType == "image/svg+xml" {
			return Document // a picture to browsers alone
		}
		return Image
	case "video":
		return Video
	case "audio":
		return Audio
	}
	return Document
}

// MediaType is a media type without its parameters, in lower case; empty for what is none.
func MediaType(contentType string) string {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return ""
	}
	return kind
}
