package campaigns

import (
	"context"
	"time"

	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/targeting"
)

// Records keeps campaigns.
type Records interface {
	// CreateCampaign keeps a new campaign. Snippets in its content that there are not,
	// or with which it can't be rendered, are Invalid.
	CreateCampaign(ctx context.Context, c Campaign) (Campaign, error)
	// UpdateCampaign replaces what a person can change. It is NotFound if there is no
	// such campaign; a Conflict if its status allows no change, or is not that of c any
	// more; Invalid as CreateCampaign is.
	UpdateCampaign(ctx context.Context, c Campaign) (Campaign, error)
	// GetCampaign is NotFound if the account has no such campaign.
	GetCampaign(ctx context.Context, accountID, id int64) (Campaign, error)
	// ListCampaigns lists those of a filter, newest first.
	ListCampaigns(ctx context.Context, f Filter) ([]Campaign, error)
	// DeleteCampaign is NotFound if there is no such campaign, and a Conflict unless it
	// is a draft.
	DeleteCampaign(ctx context.Context, accountID, id int64) error
	Publications
}

// Lifecycle moves campaigns through their statuses, each move one transaction. A
// campaign that there is not is NotFound, and one whose status does not allow the move
// a Conflict.
type Lifecycle interface {
	StartRun(ctx context.Context, accountID, campaignID int64, instant time.Time) (Run, error)
	ScheduleCampaign(ctx context.Context, accountID, campaignID int64, at time.Time) error
	PauseCampaign(ctx context.Context, accountID, campaignID int64, actor string) error
	ResumeCampaign(ctx context.Context, accountID, campaignID int64, actor string) error
	CancelCampaign(ctx context.Context, accountID, campaignID int64, actor string) error
}

// Recurring steers campaigns that fire again and again. A campaign that there is not is
// NotFound, one that doesn't recur or whose status does not allow the step a Conflict.
type Recurring interface {
	// StartRecurring lets a draft fire from now on.
	StartRecurring(ctx context.Context, accountID, campaignID int64) error
	// PauseSchedule lets no instant fire before p.Until; with the zero Pause they fire
	// again.
	PauseSchedule(ctx context.Context, accountID, campaignID int64, p Pause) error
	// TriggerRun makes a run now, beside the schedule. It may wait for the one that is
	// under way, and is a Conflict if it would be left out for it.
	TriggerRun(ctx context.Context, accountID, campaignID int64, actor string) (Run, error)
	// SkipNext leaves the next instant out that fires, MoveNext lets it start at
	// another time. They are a Conflict if there is none.
	SkipNext(ctx context.Context, accountID, campaignID int64, actor string) (Run, error)
	MoveNext(ctx context.Context, accountID, campaignID int64, to time.Time, actor string) (Run, error)
	// Backfill lets those of the instants run, one after the other, that nothing fired.
	Backfill(ctx context.Context, accountID, campaignID int64, instants []time.Time, actor string) ([]Run, error)
	// RunsAt are the campaign's runs of instants within two, both included, in their
	// order.
	RunsAt(ctx context.Context, accountID, campaignID int64, from, to time.Time) ([]Run, error)
}

// Audiences knows whom an audience names.
type Audiences interface {
	// CheckAudience says what is wrong with an audience: parts that do not exist, rules
	// that can't be read. These it brings into the form in which they are kept. It is a
	// Conflict if a targeting list can't be read any more.
	CheckAudience(ctx context.Context, accountID int64, a *targeting.Audience) ([]fault.Field, error)
	// UnfinishedUploads are those of the ids that are not taken in yet, with their
	// states.
	UnfinishedUploads(ctx context.Context, accountID int64, ids []int64) (map[int64]contacts.UploadState, error)
	// PreviewAudience and SampleAudience are Invalid if a rule can't be read, and a
	// Conflict if that is a targeting list's.
	PreviewAudience(ctx context.Context, channel providers.Channel, audience targeting.Audience, category int64) (Preview, error)
	// ZonesOfAudience counts those who would be sent to by their time zones, as they are
	// kept; empty for none.
	ZonesOfAudience(ctx context.Context, channel providers.Channel, audience targeting.Audience, category int64) (map[string]int64, error)
	// MailboxesOfAudience counts those of them who are at a large mailbox provider's own domain,
	// such as gmail.com, by the provider's name (see providers/mailbox).
	MailboxesOfAudience(ctx context.Context, channel providers.Channel, audience targeting.Audience, category int64) (map[string]int64, error)
	SampleAudience(ctx context.Context, channel providers.Channel, audience targeting.Audience, category int64, n int) ([]messages.Recipient, error)
	// DrawAudience is SampleAudience of recipients that are drawn from all, with the lists of
	// the audience that they are in.
	DrawAudience(ctx context.Context, channel providers.Channel, audience targeting.Audience, category int64, n int) ([]Drawn, error)
	// UnheardLanguages is AudienceLanguages of those who have not written to the channel since then.
	UnheardLanguages(ctx context.Context, channel providers.Channel, audience targeting.Audience, category int64, since time.Time) (map[string]int64, error)
	// AudienceLanguages counts those who will be sent to by the languages that they have.
	AudienceLanguages(ctx context.Context, channel providers.Channel, audience targeting.Audience, category int64) (map[string]int64, error)
	// HasCategory reports whether the account has a category of this id.
	HasCategory(ctx context.Context, accountID, id int64) (bool, error)
}

// Runs looks runs up, those to come among them, and proves that they account for
// everybody.
type Runs interface {
	// GetRun is NotFound if the account has no such run.
	GetRun(ctx context.Context, accountID, runID int64) (Run, error)
	// ListRuns lists those before the id before, newest first; 0 begins with the newest.
	ListRuns(ctx context.Context, accountID, campaignID, before int64, limit int) ([]Run, error)
	// RunLanguages counts the messages of a run by the languages in which its template
	// spoke, the largest first.
	RunLanguages(ctx context.Context, runID int64) ([]SpokenCount, error)
	// RunReasons counts the messages of a run by state and reason, the largest first, those
	// without a reason left out.
	RunReasons(ctx context.Context, runID int64) ([]ReasonCount, error)
	// VerifyRun is NotFound if there is no such run.
	VerifyRun(ctx context.Context, runID int64) (Verification, error)
	// QueueOutlook says what is still to come into the queue.
	QueueOutlook(ctx context.Context, f messages.QueueFilter) (QueueOutlook, error)
}

// Messages looks messages up.
type Messages interface {
	// ListMessages lists in the order of ids, behind After.
	ListMessages(ctx context.Context, f messages.MessageFilter) ([]messages.Message, error)
}

// People looks contacts and suppressed addresses up.
type People interface {
	// TemplateNames are the columns of uploads and the keys of properties that
	// templates may name.
	TemplateNames(ctx context.Context, accountID int64, uploads []int64) (columns, attributes []string, err error)
	// GetContact is NotFound if the account has no such contact.
	GetContact(ctx context.Context, accountID, id int64) (contacts.Contact, error)
	// Holder is the contact that has an address now, 0 for nobody.
	Holder(ctx context.Context, accountID int64, kind providers.AddressKind, address string) (contactID int64, err error)
}

// Store is what the service needs kept.
type Store interface {
	Records
	Archives
	Lifecycle
	Recurring
	Resending
	Correcting
	Audiences
	Gauge
	Experiments
	Approvals
	Runs
	Messages
	Tracer
	People
	LiveStore
	Viewing
	Tracked
	SettingsStore
	HolidayStore
	// GetChannel is NotFound if the account has no such channel.
	GetChannel(ctx context.Context, accountID, id int64) (providers.Channel, error)
}
