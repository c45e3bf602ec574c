package providers

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Reply is something that a person wrote to a channel.
type Reply struct {
	// ID is the provider's own id for it; what comes again with the same one is
	// dropped. Empty where the provider has none.
	ID string
	// From is the sender's address, as the provider writes it.
	From string
	// Text is what it says in words, with which words to opt out and answers of flows are
	// compared: of a button the id that it was given, of a place its degrees, of a file its caption.
	Text string
	// Parts is what there is beside words.
	Parts ReplyParts
	// At is when it was written by the provider's clock; zero if unknown.
	At time.Time
	// Setting says that they wrote nothing: they set something at the provider that means Text.
	// It begins no ReplyWindow.
	Setting bool
}

// ReplyParser is for providers that hand on to /hooks/{channel_id} what people
// write.
type ReplyParser interface {
	// ParseReplies checks the signature and reads the replies of one request, which
	// may have receipts beside them; its errors are ParseCallback's.
	ParseReplies(header http.Header, body []byte) ([]Reply, error)
}

// ReplyType is in which way somebody replied.
type ReplyType string

// The types of replies. A button is one below a message, a choice is a row of a list that a
// message opens.
const (
	ReplyText     ReplyType = "text"
	ReplyButton   ReplyType = "button"
	ReplyChoice   ReplyType = "choice"
	ReplyLocation ReplyType = "location"
	ReplyMedia    ReplyType = "media"
)

// ReplyParts is what a reply has beside its words, in one form for all providers: at most one of
// them, which says its type.
type ReplyParts struct {
	Button   *ReplyOption `json:"button,omitempty" doc:"The button that they pressed."`
	Choice   *ReplyOption `json:"choice,omitempty" doc:"The row of a list that they chose."`
	Location *Location    `json:"location,omitempty" personal:"texts" doc:"The place that they sent."`
	Media    *ReplyFile   `json:"media,omitempty" doc:"The file that they sent; it stays with the provider."`
}

// ReplyOption is what somebody pressed or chose of what a message offered.
type ReplyOption struct {
	ID    string `json:"id,omitempty" personal:"texts" doc:"What the message gave it to be known by: the id of a row, the payload of a button."`
	Title string `json:"title,omitempty" personal:"texts" doc:"What they saw, where the provider says it."`
}

// ReplyFile is a file that somebody sent. It stays with the provider.
type ReplyFile struct {
	Type     AttachmentType `json:"type" enum:"image,video,audio,document"`
	Caption  string         `json:"caption,omitempty" personal:"texts" doc:"What they wrote beside it."`
	Filename string         `json:"filename,omitempty" personal:"texts"`
}

// ReplyFileTypes are the types of files that people send. Voice is audio.
func ReplyFileTypes() []AttachmentType { return []AttachmentType{Image, Video, Audio, Document} }

// Type is the type of the reply that has these parts.
func (p *ReplyParts) Type() ReplyType {
	switch {
	case p.Button != nil:
		return ReplyButton
	case p.Choice != nil:
		return ReplyChoice
	case p.Location != nil:
		return ReplyLocation
	case p.Media != nil:
		return ReplyMedia
	}
	return ReplyText
}

// Words is what the parts say in words; empty for none.
func (p *ReplyParts) Words() string {
	switch {
	case p.Button != nil:
		return cmp.Or(p.Button.ID, p.Button.Title)
	case p.Choice != nil:
		return cmp.Or(p.Choice.ID, p.Choice.Title)
	case p.Location != nil:
		l := p.Location
		return strings.Join(strings.Fields(l.Name+" "+l.Address+" "+degrees(l.Latitude)+","+degrees(l.Longitude)), " ")
	case p.Media != nil:
		return cmp.Or(p.Media.Caption, p.Media.Filename, "["+string(p.Media.Type)+"]")
	}
	return ""
}

func degrees(value float64) string { return strconv.FormatFloat(value, 'f', -1, 64) }

// The bounds of what is kept of a reply's parts, in runes: Messenger's payloads, the longest, have
// up to 1000, and captions of Telegram's up to 4096.
const (
	maxReplyName    = 1000
	maxReplyURL     = 2000
	maxReplyCaption = 4096
)

// Kept is a copy of the parts as they can be kept: texts without what no database takes, cut
// where they are too long, and no place that is nowhere on earth.
func (p *ReplyParts) Kept() ReplyParts {
	kept := ReplyParts{Button: p.Button.kept(), Choice: p.Choice.kept()}
	if l := p.Location; l != nil && l.onEarth() {
		kept.Location = &Location{
			Latitude: l.Latitude, Longitude: l.Longitude,
			Name: keepable(l.Name, maxReplyName), Address: keepable(l.Address, maxReplyName), URL: keepable(l.URL, maxReplyURL),
		}
	}
	if f := p.Media; f != nil {
		kept.Media = &ReplyFile{Type: f.Type, Caption: keepable(f.Caption, maxReplyCaption), Filename: keepable(f.Filename, maxReplyName)}
	}
	return kept
}

func (o *ReplyOption) kept() *ReplyOption {
	if o == nil {
		return nil
	}
	return &ReplyOption{ID: keepable(o.ID, maxReplyName), Title: keepable(o.Title, maxReplyName)}
}

// onEarth reports whether there can be such a place; what is no number is none.
func (l *Location) onEarth() bool {
	return l.Latitude >= -90 && l.Latitude <= 90 && l.Longitude >= -180 && l.Longitude <= 180
}

func keepable(text string, most int) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "")
	n := 0
	for i := range text {
		if n == most {
			return text[:i]
		}
		n++
	}
	return text
}
