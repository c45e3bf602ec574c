package providers

import "context"

// TemplateSyncer is for providers that keep templates of their own, and let nobody
// write first but with one that they have approved. The catalogue of templates calls
// it to show which of them a channel can use.
type TemplateSyncer interface {
	// SyncTemplates lists the templates that the provider keeps for the channel, each
	// once for each of its languages, and sends nothing. Every error is a *Error.
	SyncTemplates(ctx context.Context) ([]Template, error)
}

// Template is one language of a template as a provider keeps it.
type Template struct {
	// Name and Language are the provider's; together they name one.
	Name, Language string
	Status         TemplateStatus
	// Reason says why it can't be used, in the provider's words; empty where that is not told.
	Reason string
	// Body is the text, its places for values as the provider writes them.
	Body string
	// The rest is for who takes it over, as NewTemplate has it. Category is empty where it is not
	// told, and so is the example of a place in the samples.
	Category, Header, Footer   string
	HeaderSamples, BodySamples []PlaceValue
	Buttons                    []NewButton
	// Besides are parts that it has and a NewTemplate has not, in words.
	Besides []string
}

// TemplateStatus is whether a provider lets a template be used.
type TemplateStatus string

// The statuses of templates.
const (
	TemplatePending  TemplateStatus = "pending" // nobody has looked at it yet
	TemplateApproved TemplateStatus = "approved"
	TemplateRejected TemplateStatus = "rejected"
	TemplatePaused   TemplateStatus = "paused"   // for a time, because people complained
	TemplateDisabled TemplateStatus = "disabled" // for good, because people complained, or put away
)

// TemplateStatuses lists every status.
func TemplateStatuses() []TemplateStatus {
	return []TemplateStatus{TemplatePending, TemplateApproved, TemplateRejected, TemplatePaused, TemplateDisabled}
}

// KeptTemplate is a message as a template that the provider keeps, with what fills its places, for
// providers that let nobody write first but with one (Capabilities.Templates). The content
// that it stands in says the same in words, its buttons among them, and has the file of the
// header as its Attachment.
type KeptTemplate struct {
	// Name is the provider's, and Language is BCP 47.
	Name     string `json:"name"`
	Language string `json:"language"`
	// Header and Body fill the places of these texts, by number or in the order in which the
	// texts name them.
	Header []PlaceValue `json:"header,omitempty"`
	Body   []PlaceValue `json:"body,omitempty"`
	// Buttons fill those that have a place; the others are left out.
	Buttons []ButtonValue `json:"buttons,omitempty"`
}

// PlaceValue fills one place, wherever the text has it.
type PlaceValue struct {
	Place string `json:"place"` // a number from 1, or a name
	Value string `json:"value"`
}

// ButtonValue fills the place of a button.
type ButtonValue struct {
	Index int                `json:"index"` // among the template's buttons, from 0
	Type  TemplateButtonType `json:"type"`
	Value string             `json:"value"`
}

// TemplateButtonType is what the value of a template's button is.
type TemplateButtonType string

// The types of values.
const (
	TemplateURL      TemplateButtonType = "url"       // what is added to the button's address
	TemplateCopyCode TemplateButtonType = "copy_code" // what the button copies
)

// TemplateSubmitter is for TemplateSyncers that take templates in for review.
type TemplateSubmitter interface {
	// SubmitTemplate hands one language of a template in, and says what became of it: mostly that
	// it waits. Nobody is sent anything. Every error is a *Error; of kind ErrorContent where the
	// provider does not take the template.
	SubmitTemplate(ctx context.Context, t NewTemplate) (TemplateStatus, error)
}

// NewTemplate is one language of a template that a provider is to look at.
type NewTemplate struct {
	// Name is the template's, Language BCP 47, and Category what the template is for: marketing,
	// utility or authentication.
	Name, Language, Category string
	// Header, Body and Footer are the texts, with places such as {{1}} or {{name}} in the first two.
	Header, Body, Footer string
	// HeaderSamples and BodySamples are examples of what fills the places, in the order in which they
	// are filled (KeptTemplate).
	HeaderSamples, BodySamples []PlaceValue
	Buttons                    []NewButton
}

// NewButton is a button of a template that a provider is to look at.
type NewButton struct {
	Type NewButtonType
	Text string
	// Value is the address of a link, or the number that is called.
	Value string
	// Sample is an example of what is added to the address of a link, empty where nothing is, or
	// of the code that is copied.
	Sample string
}

// NewButtonType is what a button of a template does.
type NewButtonType string

// The types of buttons.
const (
	NewQuickReply NewButtonType = "quick_reply"
	NewURL        NewButtonType = "url"
	NewPhone      NewButtonType = "phone"
	NewCopyCode   NewButtonType = "copy_code"
)
