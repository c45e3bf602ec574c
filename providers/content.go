package providers

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode/utf16"
)

// AttachmentType is what sort of file goes along.
type AttachmentType string

// The types of files. Voice is audio that was spoken for this message.
const (
	Image    AttachmentType = "image"
	Video    AttachmentType = "video"
	Audio    AttachmentType = "audio"
	Voice    AttachmentType = "voice"
	Document AttachmentType = "document"
)

// AttachmentTypes lists every type in the order in which users are shown them.
func AttachmentTypes() []AttachmentType {
	return []AttachmentType{Image, Video, Audio, Voice, Document}
}

// Attachment is a file that goes along: one that lies somewhere, or one that was uploaded.
type Attachment struct {
	URL      string         `json:"url,omitempty" doc:"Where the file is. Give this or media_id." format:"uri"`
	MediaID  int64          `json:"media_id,omitempty" minimum:"1" doc:"A file that was uploaded to /v1/media."`
	Filename string         `json:"filename,omitempty"`
	Caption  string         `json:"caption,omitempty"`
	Type     AttachmentType `json:"type,omitempty" enum:"image,video,audio,voice,document" doc:"What sort of file it is; by its name, if it is not said."`
	// File is the one that was uploaded, when a message goes out: nothing of it is kept with
	// contents, or goes through the queue.
	File *File `json:"-"`
}

// Beside is what is said beside a file, for providers that have one place for it: the text
// and the file's caption, once where they are the same.
func (c *Content) Beside() string {
	switch a := c.Attachment; {
	case a == nil || a.Caption == "" || a.Caption == c.Text:
		return c.Text
	case c.Text == "":
		return a.Caption
	default:
		return c.Text + "\n" + a.Caption
	}
}

// stored is a content with all that it has.
type stored struct {
	Content
	Kept    *KeptTemplate `json:"kept,omitempty"`
	Outside *stored       `json:"outside,omitempty"`
}

// Store is the content as it is kept until it is sent; ReadContent reads that.
func (c Content) Store() ([]byte, error) { return json.Marshal(c.stored()) }

func (c Content) stored() *stored {
	s := &stored{Content: c, Kept: c.Kept}
	if c.Outside != nil {
		s.Outside = c.Outside.stored()
	}
	return s
}

func (s *stored) content() Content {
	c := s.Content
	if c.Kept = s.Kept; s.Outside != nil {
		outside := s.Outside.content()
		c.Outside = &outside
	}
	return c
}

// ReadContent reads what Store wrote.
func ReadContent(text []byte) (Content, error) {
	var s stored
	err := json.Unmarshal(text, &s)
	return s.content(), err
}

// Units is the length of a text in UTF-16, by which some messengers bound texts.
func Units(text string) (n int) {
	for _, r := range text {
		n += utf16.RuneLen(r)
	}
	return n
}

// endings are the types of files by the ends of their names; all others are documents.
func endings() map[string]AttachmentType {
	return map[string]AttachmentType{
		".jpg": Image, ".jpeg": Image, ".png": Image, ".gif": Image, ".webp": Image,
		".mp4": Video, ".3gp": Video, ".mov": Video, ".webm": Video,
		".mp3": Audio, ".ogg": Audio, ".oga": Audio, ".opus": Audio, ".aac": Audio, ".amr": Audio, ".m4a": Audio, ".wav": Audio,
	}
}

// Sort is the type of the file: what is said, else what was uploaded, or what its name or address
// ends with.
func (a *Attachment) Sort() AttachmentType {
	if a.Type != "" {
		return a.Type
	}
	if a.File != nil {
		return SortOf(a.File.ContentType)
	}
	for _, name := range []string{a.Filename, strings.SplitN(a.URL, "?", 2)[0]} {
		if sort, known := endings()[strings.ToLower(path.Ext(name))]; known {
			return sort
		}
	}
	return Document
}

// Location is a place on the map.
type Location struct {
	Latitude  float64 `json:"latitude" minimum:"-90" maximum:"90" doc:"Degrees north."`
	Longitude float64 `json:"longitude" minimum:"-180" maximum:"180" doc:"Degrees east."`
	Name      string  `json:"name,omitempty" maxLength:"1000" doc:"What it is called."`
	Address   string  `json:"address,omitempty" maxLength:"1000"`
	URL       string  `json:"url,omitempty" maxLength:"2000" doc:"Where more is said of it."`
}

// Card is a contact card, with the fields that WhatsApp has.
type Card struct {
	Name      CardName      `json:"name"`
	Birthday  string        `json:"birthday,omitempty" doc:"Such as 2000-01-31."`
	Phones    []CardPhone   `json:"phones,omitempty"`
	Emails    []CardEmail   `json:"emails,omitempty"`
	Addresses []CardAddress `json:"addresses,omitempty"`
	URLs      []CardURL     `json:"urls,omitempty"`
	IMs       []CardIM      `json:"ims,omitempty" doc:"How they are called in messengers and networks."`
	Org       *CardOrg      `json:"org,omitempty"`
}

// CardName is a name on a card.
type CardName struct {
	Formatted string `json:"formatted_name" doc:"The name as it is shown."`
	First     string `json:"first_name,omitempty"`
	Last      string `json:"last_name,omitempty"`
}

// CardPhone is a number on a card.
type CardPhone struct {
	Phone string `json:"phone"`
	Type  string `json:"type,omitempty" doc:"Such as HOME or WORK."`
	WaID  string `json:"wa_id,omitempty" doc:"The number by which WhatsApp knows them."`
}

// CardEmail is a mail address on a card.
type CardEmail struct {
	Email string `json:"email"`
	Type  string `json:"type,omitempty"`
}

// CardAddress is where somebody on a card lives or works.
type CardAddress struct {
	Street      string `json:"street,omitempty"`
	City        string `json:"city,omitempty"`
	State       string `json:"state,omitempty"`
	Zip         string `json:"zip,omitempty"`
	Country     string `json:"country,omitempty"`
	CountryCode string `json:"country_code,omitempty"`
	Type        string `json:"type,omitempty"`
}

// CardURL is a page on a card.
type CardURL struct {
	URL  string `json:"url"`
	Type string `json:"type,omitempty"`
}

// CardIM is how somebody on a card is called in a messenger or network.
type CardIM struct {
	Service string `json:"service"`
	UserID  string `json:"userid"`
}

// CardOrg is for whom somebody on a card works.
type CardOrg struct {
	Company    string `json:"company,omitempty"`
	Department string `json:"department,omitempty"`
	Title      string `json:"title,omitempty"`
}

// Bounds of cards.
const (
	MaxCards = 10
	// MaxCardBytes bounds all texts of a card together.
	MaxCardBytes = 8 << 10
)

// Check says what is wrong with a place.
func (l *Location) Check() string {
	switch {
	case l.Latitude < -90 || l.Latitude > 90:
		return "latitude is from -90 to 90 degrees"
	case l.Longitude < -180 || l.Longitude > 180:
		return "longitude is from -180 to 180 degrees"
	}
	return ""
}

// Check says what is wrong with a card.
func (c *Card) Check() string {
	if strings.TrimSpace(c.Name.Formatted) == "" {
		return "needs name.formatted_name: the name as it is shown"
	}
	if n := len(fmt.Sprint(*c)); n > MaxCardBytes {
		return fmt.Sprintf("has %d bytes; at most %d", n, MaxCardBytes)
	}
	return ""
}

// Check says what is wrong with the type of a file.
func (t AttachmentType) Check() string {
	if t == "" || slices.Contains(AttachmentTypes(), t) {
		return ""
	}
	return "must be image, video, audio, voice or document"
}
