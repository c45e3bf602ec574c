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
	// Body is the text, its places for values as the provider writes them.
	Body string
}

// TemplateStatus is whether a provider lets a template be used.
type TemplateStatus string

// The statuses of templates.
const (
	TemplatePending  TemplateStatus = "pending" // nobody has looked at it yet
	TemplateApproved TemplateStatus = "approved"
	TemplateRejected TemplateStatus = "rejected" // also one that was approved and is no more
)
