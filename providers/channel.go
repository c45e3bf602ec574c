package providers

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"strconv"
	"time"

	"carillon/internal/secret"
)

// Channel is an account's configured use of a provider.
type Channel struct {
	ID        int64
	AccountID int64
	Name      string
	// Handle is what programs know the channel by among those of its kind of address. It
	// never changes, whatever becomes of the settings: the sender that they began with, or
	// the id.
	Handle string
	// Provider is the Kind's name.
	Provider string
	// Config is the provider's configuration, secrets included. It must not be
	// logged or shown; Registry.Public makes the form that may be.
	Config json.RawMessage
	// SecretsSet is when each secret of Config was set last, and by whom.
	SecretsSet secret.Record
	// Replaced is what secrets were before and are still taken as, by the names of their
	// settings.
	Replaced map[string]Replaced
	// SigningKeys are what mail of the channel is signed with, and was or is to be, in the
	// order in which they were made.
	SigningKeys []SigningKey
	Address     AddressKind
	Limits      Limits
	// AccountPerSecond is the most messages in any sliding second over all channels of
	// the account, and AccountPerDay the most in any 24 hours; 0 for no limit.
	AccountPerSecond, AccountPerDay int64
	Timezone                        string
	InDoubt                         InDoubtPolicy
	// QuietHours are when nobody is written to by campaigns, on the recipient's
	// clock; nil for none.
	QuietHours *QuietHours
	// SenderDomain is the domain that messages come from, empty where the provider has
	// none. It follows from Config and is not kept.
	SenderDomain string
	// Warmth is where limits.warm_up stands; nil if there is none.
	Warmth *Warmth
	// MailboxWarmth is where the warm-ups of limits.mailboxes stand that have begun, by the
	// mailbox provider's name.
	MailboxWarmth map[string]Warmth
	// SilentOptOut keeps who opts out by a reply from getting a confirmation.
	SilentOptOut bool
	Status       ChannelStatus
	// Epoch counts resumptions and changes of Config: what the provider said in an
	// earlier one holds no longer.
	Epoch int64
	// StatusReason says why the channel is not active, for people, and StatusSince
	// since when it has its status; zero where nobody knows.
	StatusReason string
	StatusSince  time.Time
	// Health is what the workers have found of its provider.
	Health    Health
	CreatedAt time.Time
	UpdatedAt time.Time
}

// QuietHours are the times of day at which people are left alone.
type QuietHours struct {
	From string `json:"from" doc:"Time of day such as 20:00." example:"20:00"`
	To   string `json:"to" doc:"Time of day such as 08:00, which is not in them any more; over midnight if it is before from." example:"08:00"`
}

// Concurrency is how many requests one worker process has under way at a provider at
// most. Its JSON and text are a number, or "auto".
type Concurrency int

// Auto has the workers find it out: as many as make the provider faster, within its
// kind's MostRequests or the channel's limits.max_concurrency.
const Auto Concurrency = 0

// MaxConcurrency is the most that can be set.
const MaxConcurrency = 1000

const auto = "auto"

// String is the number, or auto.
func (c Concurrency) String() string {
	if c == Auto {
		return auto
	}
	return strconv.Itoa(int(c))
}

// MarshalText is String.
func (c Concurrency) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads a number from 0, which is auto, to MaxConcurrency, or auto.
func (c *Concurrency) UnmarshalText(text []byte) error {
	if string(text) == auto {
		*c = Auto
		return nil
	}
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 0 || n > MaxConcurrency {
		return fmt.Errorf("must be auto, or a number from 1 to %d", MaxConcurrency)
	}
	*c = Concurrency(n)
	return nil
}

// MarshalJSON is the number, or "auto".
func (c Concurrency) MarshalJSON() ([]byte, error) {
	if c == Auto {
		return []byte(`"` + auto + `"`), nil
	}
	return []byte(c.String()), nil
}

// UnmarshalJSON reads a number or "auto".
func (c *Concurrency) UnmarshalJSON(raw []byte) error {
	if text := string(raw); text != `"`+auto+`"` {
		return c.UnmarshalText(raw)
	}
	*c = Auto
	return nil
}

// Limits bound how fast a channel sends. Zero means no limit, except for those that
// have defaults.
type Limits struct {
	// PerSecond is the most messages in any sliding second, over all workers.
	PerSecond float64 `json:"per_second,omitempty" minimum:"0" maximum:"100000" doc:"Most messages in any sliding second, over all workers; 0 sets no limit. Fractions are allowed: 0.5 is one message every two seconds."`
	// Burst is how many messages may go at once after a quiet time; 1 to 1000.
	Burst int `json:"burst,omitempty" minimum:"0" maximum:"1000" doc:"How many messages may go at once after a quiet time; default 1."`
	// Concurrency is the most requests that one worker process has under way at the
	// provider, and the most that its death leaves in doubt where there is a flight
	// recorder.
	Concurrency Concurrency `json:"concurrency" required:"false" doc:"Most requests under way at the provider per worker process, and the most that its death can leave in doubt: a number from 1 to 1000, or auto, the default, which begins with 8 and has more while that makes the provider faster, and fewer when it answers slower or fails."`
	// MaxConcurrency bounds what auto grows to; 0 is the provider's own bound.
	MaxConcurrency int `json:"max_concurrency,omitempty" minimum:"0" maximum:"1000" doc:"Most that a concurrency of auto grows to; 0 is what suits the provider: two for each of max_connections over SMTP, 128 over HTTP."`
	// PerRecipientSeconds is the least time between two messages to one address.
	PerRecipientSeconds float64 `json:"per_recipient_seconds,omitempty" minimum:"0" maximum:"86400" doc:"Least seconds between two messages to one address."`
	// PerRecipientBurst is how many messages one address may get at once, which the spacing of
	// those after them pays for.
	PerRecipientBurst int `json:"per_recipient_burst,omitempty" minimum:"0" maximum:"1000" doc:"How many messages one address may get at once, of a spacing that is paid for by those after them: with 6 seconds and 45, 45 at once and then one each 6 seconds; default 1."`
	// RecipientsPerDay is the most different addresses in a moving 24 hours, but for those who
	// have written within the provider's window (Kind.ReplyWindow).
	RecipientsPerDay int `json:"recipients_per_day,omitempty" minimum:"0" maximum:"100000000" doc:"Most different addresses in a moving 24 hours. Where a provider has a window for answers, those who are answered within it are not counted."`
	// RecipientsPool names the channels of the account that count them together.
	RecipientsPool string `json:"recipients_pool,omitempty" doc:"A name of your own, of 1 to 64 small letters, digits, - and _, for the channels of this account that count their different addresses of a day together, such as the numbers of one WhatsApp portfolio: each sends as long as all of them together have written to fewer than its own recipients_per_day."`
	// RefusalsInARow is after how many equal refusals, without a message that went
	// through in between, a campaign is paused, or the channel held where they are
	// not of one campaign alone.
	RefusalsInARow int `json:"refusals_in_a_row,omitempty" minimum:"0" maximum:"1000000" doc:"After how many equal refusals without a success in between the campaign is paused, or the channel held where they are of several; counted by each worker process; default 20."`
	// DoubtsInARow is after how many requests without an answer, and without one
	// that succeeded in between, the provider is asked no more but for single tries.
	DoubtsInARow int `json:"doubts_in_a_row,omitempty" minimum:"0" maximum:"1000000" doc:"After how many messages in doubt without a success in between the channel waits and tries single messages; until one succeeds no more than so many are in flight; counted by each worker process; default 5."`
	// WarmUp has the most different addresses of a day begin low and grow.
	WarmUp WarmUp `json:"warm_up,omitzero" required:"false" doc:"For a sender that nobody knows yet: a limit on the different addresses of a day that begins low and grows."`
	// Mailboxes are of each mailbox provider; only where the channel delivers to e-mail addresses.
	Mailboxes Mailboxes `json:"mailboxes,omitempty" doc:"On channels that deliver to e-mail addresses: limits for the recipients at one mailbox provider, whatever their domain, by its name, such as google, microsoft, or the domain of its mail servers; default are those of each one that is not named. One that defers is slowed alone. {\"default\": {}} has no limit, and slows who defers."`
}

// Equal reports whether both bound alike.
func (l Limits) Equal(other Limits) bool {
	mine, others := l.Mailboxes, other.Mailboxes
	l.Mailboxes, other.Mailboxes = nil, nil
	return reflect.DeepEqual(l, other) && maps.Equal(mine, others)
}

// Bounds are the limits that hold now: a warm-up lowers those of the day.
func (c Channel) Bounds() Limits {
	l := c.Limits
	if c.Warmth != nil && (l.RecipientsPerDay == 0 || c.Warmth.Allowance < l.RecipientsPerDay) {
		l.RecipientsPerDay = c.Warmth.Allowance
	}
	l.Mailboxes = l.Mailboxes.bounded(c.MailboxWarmth)
	return l
}

// Defaults of Limits.
const (
	DefaultBurst = 1
	// DefaultMostRequests is what Auto grows to where the provider's kind does not say.
	DefaultMostRequests = 64
	// DefaultRefusalsInARow is more than a small list's share of bad addresses, and
	// few enough to be looked at by hand.
	DefaultRefusalsInARow = 20
	// DefaultDoubtsInARow is a handful: a person has to look at each.
	DefaultDoubtsInARow = 5
)

// WithDefaults fills in what zero stands for.
func (l Limits) WithDefaults() Limits {
	if l.Burst == 0 {
		l.Burst = DefaultBurst
	}
	if l.RefusalsInARow == 0 {
		l.RefusalsInARow = DefaultRefusalsInARow
	}
	if l.DoubtsInARow == 0 {
		l.DoubtsInARow = DefaultDoubtsInARow
	}
	return l
}

// InDoubtPolicy says what becomes of messages whose worker died between asking
// the provider and recording its answer.
type InDoubtPolicy string

// The policies. Empty means hold for campaigns and resend for transactional
// messages.
const (
	InDoubtDefault InDoubtPolicy = ""
	InDoubtHold    InDoubtPolicy = "hold"
	InDoubtResend  InDoubtPolicy = "resend"
)

// Resend reports whether an in-doubt message is sent again.
func (p InDoubtPolicy) Resend(transactional bool) bool {
	if p == InDoubtDefault {
		return transactional
	}
	return p == InDoubtResend
}

// HealthState is how it stands with a channel's provider now.
type HealthState string

// The states of health.
const (
	HealthOK HealthState = "ok"
	// HealthDegraded: the provider does not work; it is tried again with one
	// message at a time.
	HealthDegraded HealthState = "degraded"
	// HealthHeld: the provider wants nothing for a while, or refuses everybody.
	HealthHeld HealthState = "held"
	// HealthStopped: nothing is sent until a person resumes the channel.
	HealthStopped HealthState = "stopped"
)

// Health is a fact of now: what went well ends it, a changed configuration and
// resuming let it begin anew.
type Health struct {
	State HealthState
	// Reason says what is the matter, for people; empty where all is well.
	Reason string
	// Since is when this state began; zero where all is well.
	Since time.Time
	// NextTry is when the provider is asked again; zero if it isn't by itself, or
	// is already.
	NextTry time.Time
}

// Well reports whether nothing is the matter.
func (h Health) Well() bool { return h.State == HealthOK || h.State == "" }

// ChannelStatus is whether a channel sends.
type ChannelStatus string

// The statuses.
const (
	ChannelActive ChannelStatus = "active"
	ChannelPaused ChannelStatus = "paused"
	// ChannelStopped is set by Carillon when the provider refuses the credentials,
	// the sender or the account; a person must look and resume.
	ChannelStopped ChannelStatus = "stopped"
)
