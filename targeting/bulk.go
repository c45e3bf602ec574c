package targeting

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"carillon/contacts"
	"carillon/contacts/property"
	"carillon/internal/fault"
)

// BulkAction is what a bulk operation does to each contact.
type BulkAction string

// The actions. Deleted contacts are passed over by all of them.
const (
	BulkStart   BulkAction = "start"   // inactive becomes active
	BulkStop    BulkAction = "stop"    // active becomes inactive
	BulkBlock   BulkAction = "block"   // active and inactive become blocked
	BulkUnblock BulkAction = "unblock" // blocked becomes active
	BulkAdd     BulkAction = "add"     // into a group, category or label
	BulkRemove  BulkAction = "remove"  // out of one
	BulkSet     BulkAction = "set"     // the value of a property
	BulkDelete  BulkAction = "delete"  // as Contacts.Delete
)

// BulkActions lists every action.
func BulkActions() []BulkAction {
	return []BulkAction{BulkStart, BulkStop, BulkBlock, BulkUnblock, BulkAdd, BulkRemove, BulkSet, BulkDelete}
}

// Bulk is a change of many contacts. It is what a job keeps of itself.
type Bulk struct {
	Action BulkAction `json:"action"`
	// ListID is for add and remove; ListKind is looked up.
	ListID   int64             `json:"list_id,omitempty"`
	ListKind contacts.ListKind `json:"list_kind,omitempty"`
	// Property and Value are for set; a Value of null takes values away.
	Property string          `json:"property,omitempty"`
	Value    json.RawMessage `json:"value,omitempty"`
	// From is the type before the change, for ConvertJob.
	From property.Type `json:"from,omitempty"`
	// Audience is whose turn it is. A contact belongs to it or not when its turn
	// comes.
	Audience Audience `json:"audience"`
}

// Statuses are the statuses that a status action changes, and to which; none
// for the other actions.
func (a BulkAction) Statuses() (from []contacts.ContactStatus, to contacts.ContactStatus) {
	switch a {
	case BulkStart:
		return []contacts.ContactStatus{contacts.Inactive}, contacts.Active
	case BulkStop:
		return []contacts.ContactStatus{contacts.Active}, contacts.Inactive
	case BulkBlock:
		return []contacts.ContactStatus{contacts.Active, contacts.Inactive}, contacts.Blocked
	case BulkUnblock:
		return []contacts.ContactStatus{contacts.Blocked}, contacts.Active
	case BulkDelete:
		return []contacts.ContactStatus{contacts.Active, contacts.Inactive, contacts.Blocked}, contacts.Deleted
	default:
		return nil, ""
	}
}

// JobState is where a job stands.
type JobState string

// The states of a job.
const (
	JobQueued   JobState = "queued"
	JobRunning  JobState = "running"
	JobFinished JobState = "finished"
	JobFailed   JobState = "failed"
)

// The kinds of jobs.
const (
	BulkJob    = "bulk"             // changes contacts
	ConvertJob = "convert_property" // converts the values of a property whose type or rule changed
	RemoveJob  = "remove_property"  // removes the values of a property that was deleted
	AdoptJob   = "adopt_values"     // gives a new property the values that programs kept before there was one
)

// Job is a long piece of work that goes on where it stopped, whoever is killed.
type Job struct {
	ID        int64
	AccountID int64
	Kind      string
	Bulk      Bulk
	// Spec is what a job of a kind that is not this package's keeps of itself, JSON.
	Spec  json.RawMessage
	State JobState
	// Cursor is where it begins.
	Cursor int64
	// Total is how many contacts there were when the job was made, Done how many
	// had their turn, Changed how many of those are different now.
	Total, Done, Changed int64
	// Error says why it failed.
	Error      string
	Actor      string
	CreatedAt  time.Time
	FinishedAt *time.Time
}

// JobStore keeps jobs and carries them out.
type JobStore interface {
	// FindListKind is the kind of a group, category or label; NotFound if the account
	// has none of this id.
	FindListKind(ctx context.Context, accountID, listID int64) (contacts.ListKind, error)
	// GetProperty is NotFound if the account has no property of the key.
	GetProperty(ctx context.Context, accountID int64, key string) (property.Property, error)
	// CountMembers is how many contacts an audience has now. It is Invalid if its rule
	// can't be read, and a Conflict if that of a targeting list can't.
	CountMembers(ctx context.Context, accountID int64, a Audience) (int64, error)
	// CreateJob keeps a job for a scheduler.
	CreateJob(ctx context.Context, j Job) (Job, error)
	// CreateListAndJob makes a list and keeps a job of it for a scheduler, in one
	// transaction; see contacts.ListStore for what keeps a list from being made.
	CreateListAndJob(ctx context.Context, l contacts.List, j Job) (contacts.List, Job, error)
	// GetJob is NotFound if the account has no such job.
	GetJob(ctx context.Context, accountID, id int64) (Job, error)
	// ListJobs lists those before the id before, newest first; 0 begins with the
	// newest.
	ListJobs(ctx context.Context, accountID, before int64, limit int) ([]Job, error)
	// RunJobBatch does the next batch of the oldest job that is not over, in one
	// transaction with the job's place; worked is false if there is none. What keeps a
	// job from going on ends it, and is no error.
	RunJobBatch(ctx context.Context) (worked bool, err error)
}

// Jobs is the service for bulk operations. It is safe for concurrent use.
type Jobs struct{ store JobStore }

// NewJobs makes the service.
func NewJobs(store JobStore) *Jobs { return &Jobs{store: store} }

// Preview checks a bulk operation and counts whose turn it would be.
func (s *Jobs) Preview(ctx context.Context, accountID int64, b *Bulk) (matched int64, err error) {
	if err := s.check(ctx, accountID, b); err != nil {
		return 0, err
	}
	return s.store.CountMembers(ctx, accountID, b.Audience)
}

// Start makes a job of a bulk operation, which a scheduler carries out. Its
// audience must have been checked as a campaign's is.
func (s *Jobs) Start(ctx context.Context, accountID int64, b Bulk, actor string) (Job, error) {
	matched, err := s.Preview(ctx, accountID, &b)
	if err != nil {
		return Job{}, err
	}
	return s.store.CreateJob(ctx, Job{AccountID: accountID, Kind: BulkJob, Bulk: b, State: JobQueued, Total: matched, Actor: actor})
}

// StartInNewList makes a list, and a job that puts an audience into it: both or none. The
// audience must have been checked as a campaign's is.
func (s *Jobs) StartInNewList(ctx context.Context, l contacts.List, a Audience, actor string) (contacts.List, Job, error) {
	if err := errors.Join(l.Check(), a.Validate()); err != nil {
		return contacts.List{}, Job{}, err
	}
	matched, err := s.store.CountMembers(ctx, l.AccountID, a)
	if err != nil {
		return contacts.List{}, Job{}, err
	}
	return s.store.CreateListAndJob(ctx, l, Job{
		AccountID: l.AccountID, Kind: BulkJob, Bulk: Bulk{Action: BulkAdd, ListKind: l.Kind, Audience: a}, State: JobQueued, Total: matched, Actor: actor,
	})
}

// check refuses what can't be carried out, and fills in the kind of the list and
// the stored form of the value.
func (s *Jobs) check(ctx context.Context, accountID int64, b *Bulk) (err error) {
	if !slices.Contains(BulkActions(), b.Action) {
		return fault.InvalidField("action", string(b.Action), "is no action: use start, stop, block, unblock, add, remove, set or delete")
	}
	if err := b.Audience.Validate(); err != nil {
		return err
	}
	if b.Audience.Exclude != nil {
		return fault.InvalidField("audience.exclude", nil, "a bulk operation leaves nobody out: say it in a rule")
	}
	listed := b.Action == BulkAdd || b.Action == BulkRemove
	switch {
	case listed && b.ListID == 0:
		return fault.InvalidField("list", nil, "say to which group, category or label by its id")
	case !listed && b.ListID != 0:
		return fault.InvalidField("list", b.ListID, "goes with add and remove alone")
	case b.Action == BulkSet && b.Property == "":
		return fault.InvalidField("property", nil, "say which property by its key")
	case b.Action == BulkSet && len(b.Value) == 0:
		return fault.InvalidField("value", nil, "say the value; null takes values away")
	case b.Action != BulkSet && (b.Property != "" || len(b.Value) > 0):
		return fault.InvalidField("property", b.Property, "property and value go with set alone")
	}
	if listed {
		if b.ListKind, err = s.store.FindListKind(ctx, accountID, b.ListID); fault.Is(err, fault.NotFound) {
			return fault.InvalidField("list", b.ListID, "there is no such group, category or label")
		}
		return err
	}
	if b.Action != BulkSet {
		return nil
	}
	p, err := s.store.GetProperty(ctx, accountID, b.Property)
	if fault.Is(err, fault.NotFound) {
		return fault.InvalidField("property", b.Property, "there is no such property: create it first, or correct the key")
	}
	if err != nil || string(b.Value) == "null" {
		return err
	}
	c, err := property.Compile(p)
	if err != nil {
		return err
	}
	stored, reason := c.Check(b.Value)
	if reason != "" {
		return fault.InvalidField("value", property.Shown(b.Value), "%s", reason)
	}
	b.Value = stored
	return nil
}

// Get is one job.
func (s *Jobs) Get(ctx context.Context, accountID, id int64) (Job, error) {
	return s.store.GetJob(ctx, accountID, id)
}

// List lists jobs before the id before, newest first.
func (s *Jobs) List(ctx context.Context, accountID, before int64, limit int) ([]Job, error) {
	return s.store.ListJobs(ctx, accountID, before, limit)
}

// RunNext does the next batch of the oldest job that is not over, and reports
// whether there was one.
func (s *Jobs) RunNext(ctx context.Context) (worked bool, err error) {
	return s.store.RunJobBatch(ctx)
}
