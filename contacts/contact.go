// Package contacts owns the people and things that are written to: their
// addresses and properties, the lists that they are on, what they consent to, how
// often they may be written to, what they reply, and how they are taken in,
// merged and erased. It must not know the store, Redis or HTTP, nor who targets
// them or what they are sent.
package contacts

import (
	"encoding/json"
	"strings"
	"time"

	"carillon/contacts/csvfile"
	"carillon/contacts/property"
	"carillon/providers"
)

// ContactStatus says whether a contact may be written to.
type ContactStatus string

// The statuses of a contact.
const (
	Active   ContactStatus = "active"
	Inactive ContactStatus = "inactive"
	Blocked  ContactStatus = "blocked"
	Deleted  ContactStatus = "deleted"
)

// Controlled is the status that a line's control columns make of s. What they
// don't say stays: a blocked contact is unblocked by "blocked 0" and not by
// "activated 1", a deleted one comes back by "deleted 0" alone.
func (s ContactStatus) Controlled(c csvfile.Control) ContactStatus {
	if c.Deleted == csvfile.Yes || (s == Deleted && c.Deleted != csvfile.No) {
		return Deleted
	}
	if c.Blocked == csvfile.Yes || (s == Blocked && c.Blocked != csvfile.No) {
		return Blocked
	}
	switch {
	case c.Active == csvfile.Yes || (c.Active == csvfile.Unsaid && s != Inactive):
		return Active
	default:
		return Inactive
	}
}

// Contact is a person or thing that messages are sent to.
type Contact struct {
	ID         int64
	AccountID  int64
	ExternalID string // the caller's own id; unique in the account where set
	Name       string
	FirstName  string
	LastName   string
	Language   string // BCP 47
	Timezone   string // IANA
	Status     ContactStatus
	// Addresses holds at most one address of each kind; no two contacts of an
	// account hold the same one.
	Addresses map[providers.AddressKind]string
	// Attributes are the values of properties; those that ended are not among
	// them. Expiry says when values end, by key; the others stay. ChangedAt says when values
	// were last changed; of some nobody knows.
	Attributes Attributes
	Expiry     map[string]time.Time
	ChangedAt  map[string]time.Time
	// Given are values that are to be written, as JSON and not checked yet; null
	// takes a value away. The store settles them (Settle) when it writes a contact,
	// where nobody can change a property at the same time.
	Given map[string]json.RawMessage
	// Loose has given values that no property takes kept in Free instead of refused.
	Loose bool
	// Number is a phone number that is to be the contact's for phone, sms and whatsapp at
	// once. It is not kept: the addresses are.
	Number string
	// Bare says that the contact has neither an address nor an external id: programs may
	// make one that is known by its name alone.
	Bare bool
	// Free is what programs keep of the contact that no property takes.
	Free Free
	// LastActivityAt is when the contact last did something; nil: never.
	LastActivityAt *time.Time
	// MergedInto is the contact that a deleted one became part of; 0: none.
	MergedInto int64
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// ListKind is the sort of a list of contacts: one mechanism serves them all.
type ListKind string

// The kinds of list.
const (
	Group        ListKind = "group"
	Category     ListKind = "category" // a subscription to a topic
	Label        ListKind = "label"
	UploadedList ListKind = "upload"
)

// List is a named set of contacts.
type List struct {
	ID        int64
	AccountID int64
	Kind      ListKind
	Name      string
	// Description is for people; may be empty.
	Description string
	// Slot is the number by which other APIs know a category, 1 to MaxSlots; 0 for none.
	Slot int
	// Color and TextColor are how a label is shown: six hexadecimal digits, or empty.
	Color, TextColor string
	// Called is what a program calls it, where another list has that name; empty for Name.
	Called    string
	Members   int64
	CreatedAt time.Time
}

// MaxSlots is how many categories of an account have a number.
const MaxSlots = 10

// AnySlot asks for the lowest number that is free, for a category that must have one.
const AnySlot = -1

// UploadState is where an upload stands.
type UploadState string

// The states of an upload.
const (
	UploadQueued   UploadState = "queued"
	UploadRunning  UploadState = "running"
	UploadFinished UploadState = "finished"
	UploadFailed   UploadState = "failed"
)

// KeyField is the field by which a row finds its contact: external_id or a kind
// of address.
type KeyField string

// Some keys.
const (
	ByAny        KeyField = ""            // external id, else an address: the first that the row has
	ByExternalID KeyField = "external_id" // the caller's own id
	ByEmail      KeyField = "email"
	ByPhone      KeyField = "phone"
)

// ImportOptions say how an upload is read.
type ImportOptions struct {
	// Mapping names the field for a column; columns that are not named are
	// mapped by their header.
	Mapping map[string]string `json:"mapping,omitempty"`
	// Key is how a row finds an existing contact.
	Key KeyField `json:"key,omitempty"`
	// DefaultCountry is the ISO 3166 code for phone numbers without +.
	DefaultCountry string `json:"default_country,omitempty"`
	// Encoding and Separator override what is found in the file.
	Encoding  string `json:"encoding,omitempty"`
	Separator string `json:"separator,omitempty"`
	// Group is a group that every contact of the file joins; may be empty.
	Group string `json:"group,omitempty"`
	// Strict refuses lines for values that can't be used, instead of taking them without.
	Strict bool `json:"strict,omitempty"`
	// Messengers asks for the columns id and messenger, by which lines find their contacts.
	Messengers bool `json:"messengers,omitempty"`
	// Dates and Decimal say how the values of properties are written.
	Dates   property.DateOrder `json:"dates,omitempty"`
	Decimal string             `json:"decimal,omitempty"`
	// Properties makes properties of the columns that would be kept for templates alone.
	Properties bool `json:"properties,omitempty"`
	// DryRun goes through the file and says what would become of each line, and
	// changes nothing.
	DryRun bool `json:"dry_run,omitempty"`
}

// Upload is a CSV taken in: its progress, and afterwards an audience.
type Upload struct {
	// ID is also the id of the upload's list of contacts.
	ID        int64
	AccountID int64
	Filename  string
	Size      int64 // bytes
	Options   ImportOptions
	State     UploadState
	// Error says why a file was refused as a whole.
	Error string
	// Notices say what was found out about the file, such as its encoding.
	Notices []string
	// Columns are the extra columns, as templates see them under row.
	Columns []string
	// Records counts records read so far, refused ones included; a killed
	// import goes on behind it.
	Records    int64
	BytesRead  int64
	Rows       int64
	Created    int64
	Updated    int64
	Refused    int64
	Duplicates int64
	// Incomplete counts lines that were taken without a value that could not be
	// used.
	Incomplete int64
	// Faults count what is wrong, by column and reason.
	Faults []Fault
	// Preview are the first people of a dry run as they would be.
	Preview []PreviewPerson
	// Proposed are the properties that were made of columns, or that a dry run would make.
	Proposed   []Proposal
	CreatedAt  time.Time
	FinishedAt *time.Time
}

// RefusedLine is one line of errors.csv.
type RefusedLine struct {
	Line   int64
	Field  string
	Value  string
	Reason string
	// Taken says that only the value was refused, and the line taken without it.
	Taken bool
	// Code is by what faults are counted; it is not kept.
	Code string
}

// plainReason is the reason without what is said of the line.
func (l RefusedLine) plainReason() string { return strings.TrimSuffix(l.Reason, leftOut) }
