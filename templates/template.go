package templates

import (
	"time"

	"carillon/providers"
)

// Bounds of templates.
const (
	// MaxTemplates is how many templates an account may have.
	MaxTemplates = 10_000
	// MaxName bounds the name of a template, in characters.
	MaxName = 100
	// MaxTranslations, MaxParameters and MaxButtons bound one template.
	MaxTranslations = 100
	MaxParameters   = 50
	MaxButtons      = 10
	// MaxDefinitionBytes bounds all texts of a template, before e-mails are built.
	MaxDefinitionBytes = 2 << 20
	// ReservedFor is how long the name of a deleted template stays taken: people may
	// still have its messages before them, and WhatsApp takes no name again for as long.
	ReservedFor = 30 * 24 * time.Hour
)

// Category says what a template is for, as the providers that look at templates want
// to know it.
type Category string

// Categories lists the categories: WhatsApp's three of today, then the eleven that
// MessengerPeople's API knows.
func Categories() []Category {
	return []Category{
		"marketing", "utility", "authentication",
		"account_update", "payment_update", "personal_finance_update", "shipping_update", "reservation_update", "issue_resolution",
		"appointment_update", "transportation_update", "ticket_update", "alert_update", "auto_reply",
	}
}

// Template is a message of an account, in several languages, as one version has it.
type Template struct {
	ID        int64
	AccountID int64
	Name      string // unique in the account
	// Version counts the changes of Definition from 1; a version never changes.
	Version int
	Definition
	// Statuses are what the providers of channels say of it.
	Statuses  []Approval
	CreatedAt time.Time
	// ChangedAt is when this version was made.
	ChangedAt time.Time
}

// Definition is all of a template but its name.
type Definition struct {
	Category     Category                `json:"category,omitempty" doc:"What it is for, as WhatsApp and MessengerPeople name it."`
	Kinds        []providers.AddressKind `json:"kinds" doc:"The kinds of channel that it is for, such as email."`
	Default      string                  `json:"default_language" doc:"The language for people who have none that it speaks (BCP 47)."`
	Fallback     []string                `json:"fallback,omitempty" doc:"Languages that are tried, in this order, before the default."`
	Parameters   []Parameter             `json:"parameters,omitempty" doc:"What {{1}} or {{name}} stand for, the same in every language."`
	Translations []Translation           `json:"translations" doc:"Its languages."`
}

// Parameter is a place for a value.
type Parameter struct {
	Name   string `json:"name" doc:"A number from 1, or a name; all of one template are numbered, or named."`
	Value  string `json:"value" doc:"What fills it: Liquid, such as {{ contact.first_name }}."`
	Sample string `json:"sample" doc:"An example of its value, for who approves the template and for render."`
}

// Translation is a template in one language.
type Translation struct {
	Language string   `json:"language" doc:"BCP 47, such as pt-BR."`
	Header   *Header  `json:"header,omitempty"`
	Body     string   `json:"body,omitempty" doc:"The text."`
	Footer   string   `json:"footer,omitempty" doc:"A line below the text."`
	Buttons  []Button `json:"buttons,omitempty"`
	Email    *Email   `json:"email,omitempty" doc:"What an e-mail is made of."`
}

// Header stands above the text: a line, or a file.
type Header struct {
	Text  string `json:"text,omitempty"`
	Media *Media `json:"media,omitempty"`
}

// Media is a file, by its address or uploaded.
type Media struct {
	Type     string `json:"type" enum:"image,video,document"`
	URL      string `json:"url,omitempty" doc:"Where the file is; Liquid is allowed. Give this or media_id."`
	MediaID  int64  `json:"media_id,omitempty" minimum:"1" doc:"A file that was uploaded to /v1/media."`
	Filename string `json:"filename,omitempty" doc:"The name of a document."`
}

// The types of buttons.
const (
	QuickReply  = "quick_reply"
	URLButton   = "url"
	PhoneButton = "phone"
	CopyCode    = "copy_code"
)

// Button stands below the text.
type Button struct {
	Type   string `json:"type" enum:"quick_reply,url,phone,copy_code"`
	Text   string `json:"text" doc:"What stands on it."`
	URL    string `json:"url,omitempty" doc:"Of a url button: where it leads."`
	Suffix string `json:"suffix,omitempty" doc:"Of a url button: what is added to url; Liquid and parameters are allowed."`
	Phone  string `json:"phone,omitempty" doc:"Of a phone button: a number such as +49301234567."`
	Code   string `json:"code,omitempty" doc:"Of a copy_code button: what is copied; Liquid and parameters are allowed."`
}

// Email is what an e-mail is made of: either MJML or HTML, or text alone.
type Email struct {
	Subject   string `json:"subject" doc:"The subject line."`
	Preheader string `json:"preheader,omitempty" doc:"Preview line of mail readers."`
	MJML      string `json:"mjml,omitempty" doc:"MJML 4.18; it is compiled when it is saved."`
	HTML      string `json:"html,omitempty" doc:"HTML, whose styles are written into its elements when it is saved."`
	Text      string `json:"text,omitempty" doc:"The text part; it is made of the HTML if there is none."`
}

// State is what the provider of a channel says of a template in one language.
type State string

// The states of approval.
const (
	Draft    State = "draft" // the provider has not been asked
	Pending  State = "pending"
	Approved State = "approved"
	Rejected State = "rejected"
	Paused   State = "paused"
	Disabled State = "disabled"
)

// States lists the states of approval.
func States() []State { return []State{Draft, Pending, Approved, Rejected, Paused, Disabled} }

// Approval is a state of approval with its place.
type Approval struct {
	ChannelID int64     `json:"channel_id"`
	Language  string    `json:"language"`
	State     State     `json:"state" doc:"draft, pending, approved, rejected, paused or disabled."`
	Reason    string    `json:"reason,omitempty" doc:"Why it is rejected, paused or disabled, as the provider says it."`
	UpdatedAt time.Time `json:"updated_at"`
}

// Translation is the translation into a language; nil if there is none.
func (d *Definition) Translation(tag string) *Translation {
	for i := range d.Translations {
		if d.Translations[i].Language == tag {
			return &d.Translations[i]
		}
	}
	return nil
}

// Languages are those of the template.
func (d *Definition) Languages() Languages {
	l := Languages{Has: make([]string, len(d.Translations)), Fallback: d.Fallback, Default: d.Default}
	for i, t := range d.Translations {
		l.Has[i] = t.Language
	}
	return l
}

// Spoken are the languages of the template, the default first.
func (d *Definition) Spoken() []string {
	var spoken []string
	for _, t := range d.Translations {
		if t.Language == d.Default {
			spoken = append([]string{t.Language}, spoken...)
		} else {
			spoken = append(spoken, t.Language)
		}
	}
	return spoken
}
