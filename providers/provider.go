// Package providers owns what Carillon knows of the outside that delivers
// messages: the Provider interface, its errors, the registry of the built-in
// adapters and the channel (an account's configured use of a provider). It must
// not know the store, the queue or campaigns; an adapter lives in
// providers/<name> and sees nothing but one message at a time.
package providers

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"carillon/internal/clock"
)

// AddressKind says what sort of address a provider delivers to. Contacts keep
// at most one address of each kind.
type AddressKind string

// The kinds of address.
const (
	Email     AddressKind = "email"     // RFC 5321 mailbox, in lower case
	Phone     AddressKind = "phone"     // E.164 with a leading +
	SMS       AddressKind = "sms"       // E.164 with a leading +
	WhatsApp  AddressKind = "whatsapp"  // E.164 with a leading +
	Telegram  AddressKind = "telegram"  // chat id: a number, negative for groups
	Viber     AddressKind = "viber"     // user id as Viber gives it to a bot
	Facebook  AddressKind = "facebook"  // page-scoped id: digits
	Instagram AddressKind = "instagram" // Instagram-scoped id: digits
	Push      AddressKind = "push"      // registration token of a device
	Web       AddressKind = "web"       // a Web Push subscription as JSON, or id of a visitor
	Custom    AddressKind = "custom"    // whatever the caller's own channel understands
)

// AddressKinds lists every kind in the order in which users are shown them.
func AddressKinds() []AddressKind {
	return []AddressKind{Email, Phone, SMS, WhatsApp, Telegram, Viber, Facebook, Instagram, Push, Web, Custom}
}

// Content is a message as it is rendered for one recipient.
type Content struct {
	Subject    string          `json:"subject,omitempty" doc:"Subject line; e-mail only." maxLength:"998"`
	Text       string          `json:"text,omitempty" doc:"Plain text. On e-mail it is the text part."`
	HTML       string          `json:"html,omitempty" doc:"HTML part; e-mail only."`
	Preheader  string          `json:"preheader,omitempty" doc:"Preview line shown by mail readers; e-mail only."`
	Attachment *Attachment     `json:"attachment,omitempty" doc:"A file, by its address or uploaded."`
	Buttons    []MessageButton `json:"buttons,omitempty" maxItems:"10" doc:"Buttons below the message; where the channel has none of a type, it stands as a line in the text and as a link in the HTML."`
	Location   *Location       `json:"location,omitempty" doc:"A place on the map; refused where the channel has none."`
	Cards      []Card          `json:"cards,omitempty" maxItems:"10" doc:"Contact cards; refused where the channel has none."`
	Masked     bool            `json:"masked,omitempty" doc:"Of a single message: what it says is shown to nobody, and kept only until it was sent."`
	// WindowTemplate is asked for where Capabilities.ReplyWindow is set; what is rendered has
	// Outside instead.
	WindowTemplate string `json:"window_template,omitempty" maxLength:"512" doc:"Where the channel sends anything but approved templates only to who has written lately (WhatsApp: in the last 24 hours; Messenger and Instagram have no such templates, and refuse this): the name of a template for everybody else, in their language. Without one, or where it is not approved on the channel, they are skipped with the reason window."`
	// Kept is set where a template speaks that the channel's provider has approved; nobody
	// can ask for it in words of the API.
	Kept *KeptTemplate `json:"-"`
	// Outside is what goes instead to who has not written within ReplyWindow: what WindowTemplate
	// names, approved; nil for nothing. Of what adapters are given neither is set.
	Outside *Content `json:"-"`
}

// Empty reports whether nothing is in it.
func (c *Content) Empty() bool {
	return c.Subject == "" && c.Text == "" && c.HTML == "" && c.Preheader == "" && c.Attachment == nil && len(c.Buttons) == 0 &&
		c.Location == nil && len(c.Cards) == 0
}

// Message is one message for one recipient, ready to be sent.
type Message struct {
	// ID is the row's id in the store. Adapters derive the provider's
	// idempotency key or Message-ID from it; it is the same for every attempt.
	ID int64
	// Attempt counts from 1.
	Attempt int
	// Transactional messages carry no List-Unsubscribe headers (RFC 8058 is for
	// bulk mail).
	Transactional bool
	// To is the recipient's address of the provider's kind.
	To string
	// ToName is the recipient's name for display; may be empty.
	ToName string
	// Content is rendered: no template syntax is left to interpret.
	Content Content
	// UnsubscribeURL is the recipient's own one-click address (RFC 8058); empty
	// on transactional messages and where no public address is configured.
	UnsubscribeURL string
	// Metadata travels to providers that echo it; may be nil.
	Metadata map[string]string
	// Begin, unless nil, is to be called right before anything of the message goes to
	// the provider. If it returns an error, nothing may go, and Send returns that
	// error: the message was paused, canceled or withdrawn while it waited. It may be
	// called again when the message begins anew on another connection.
	Begin func() error
	// Latest is until when the message may begin; zero for always. Begin returns ErrLate after it.
	// An adapter that has to call Begin before it has a connection returns ErrLate if it has none
	// by then, and keeps the one that is being made for the next message.
	Latest time.Time
	// Commit, unless nil, is to be called right before that goes which may have the
	// provider deliver the message: if the process dies sooner, it was not sent.
	Commit func()
}

// ErrLate says that a message's slot was over before the provider was asked, because a connection
// was made or others were waited for: nothing was asked, and it needs another slot.
var ErrLate = errors.New("its slot was over before the provider was asked")

// LateAt reports whether the message may not begin any more at a time.
func (m *Message) LateAt(now time.Time) bool { return !m.Latest.IsZero() && now.After(m.Latest) }

// MayBegin calls Begin.
func (m *Message) MayBegin() error {
	if m.Begin == nil {
		return nil
	}
	return m.Begin()
}

// Commits calls Commit.
func (m *Message) Commits() {
	if m.Commit != nil {
		m.Commit()
	}
}

// MaxProviderID is the longest id that an adapter returns, in bytes: it is kept with
// the provider's answer in the worker's flight record, of 512 bytes in all. The
// longest in use are WhatsApp's and FCM's, of some 100.
const MaxProviderID = 256

// Accepted is a provider's word that it took a message.
type Accepted struct {
	// ProviderID is the provider's own id for the message, of printable ASCII without
	// spaces and at most MaxProviderID bytes, and the one that its receipts name; see
	// Capabilities.GivesID. Empty where the provider keeps ours, so that nothing needs
	// to be looked up later.
	ProviderID string
	// Response is a short answer for the record, such as an SMTP reply line.
	Response string
	// MediaID is the provider's id for the file that went within the message (FileSentOnce);
	// empty where it went by its id, or there was none.
	MediaID string
}

// Provider sends messages through one channel. Implementations are safe for
// concurrent use, never retry by themselves, and return promptly when ctx ends.
type Provider interface {
	// Send asks the provider to take one message. Every error is a *Error.
	Send(ctx context.Context, m Message) (Accepted, error)
	// Close releases connections; no Send is under way when it is called.
	Close() error
}

// HookTokenHeader has what stands behind ?token= in the address that a provider posts to: the
// proof of those that sign nothing and send no header of their own.
const HookTokenHeader = "X-Hook-Token"

// HookURL is the public address of /hooks/{channel_id} on a server with a public address; empty
// without one.
func HookURL(public string, channelID int64) string {
	if public == "" {
		return ""
	}
	return strings.TrimRight(public, "/") + "/hooks/" + strconv.FormatInt(channelID, 10)
}

// CallbackParser is for providers that report back to /hooks/{channel_id}.
type CallbackParser interface {
	// ParseCallback checks the signature and reads the receipts of one request.
	// body is bounded by the caller. A bad signature is a *Error of kind ErrorAuth, a
	// body that can't be read one of kind ErrorContent. Beside a Refused the receipts
	// that can be used are returned.
	ParseCallback(header http.Header, body []byte) ([]Receipt, error)
}

// CallbackPreparer is a CallbackParser whose provider must be asked something before a request of
// its can be checked, such as for the certificate that it signs with.
type CallbackPreparer interface {
	// PrepareCallback does what ParseCallback of the same request, which is called next and asks
	// nobody, relies on. It is called before anything shows whose the request is, so that it asks
	// nobody but the provider, and is bounded. Its errors are ParseCallback's, and a *Error of
	// kind ErrorTemporary where the provider can't be asked now: the request is to come again.
	PrepareCallback(ctx context.Context, header http.Header, body []byte) error
}

// RequestIdentifier is for providers that repeat a request that they are not sure
// was taken.
type RequestIdentifier interface {
	// RequestID is by what a repeat of a request is known whose signature is right;
	// at most 100 bytes.
	RequestID(header http.Header, body []byte) string
}

// Acknowledger is for providers that read the answer to a request to /hooks/{channel_id}, and
// not the status alone.
type Acknowledger interface {
	// Acknowledgement is the answer to a request that was taken: JSON unless the adapter is an
	// AcknowledgerIn, or nil where this request wants none of its own.
	Acknowledgement(body []byte) []byte
}

// AcknowledgerIn is for providers that want another form of answer than JSON.
type AcknowledgerIn interface {
	Acknowledger
	// AcknowledgementType is the Content-Type of what Acknowledgement returns.
	AcknowledgementType() string
}

// ReturnReader is for providers whose messages come back as mail, which the program's own mail
// listener takes for them.
type ReturnReader interface {
	// Expects reports whether an address is one that a message of the channel comes back to.
	Expects(address string) bool
	// ParseReturned reads the receipts in a mail that came to such an address, which proves
	// itself by that. Its errors are ParseCallback's.
	ParseReturned(address string, mail []byte) ([]Receipt, error)
}

// Challenger is for providers that ask an address whether it wants what they would post there,
// before they post anything.
type Challenger interface {
	// Challenge answers such a question by its query: with what is to be said in plain text. One
	// that does not prove whose it is is a *Error of kind ErrorAuth, one that can't be
	// understood one of kind ErrorContent.
	Challenge(query url.Values) (string, error)
}

// Checker is for providers that can tell whether a configuration works without
// sending anything.
type Checker interface {
	Check(ctx context.Context) error
}

// Informer is a Checker whose provider says something of the account beside.
type Informer interface {
	// Inform is Check, and returns in a sentence what people want to know of an account that
	// works, such as how much it may send.
	Inform(ctx context.Context) (string, error)
}

// ReceiptStatus is what a provider reports of a message it took.
type ReceiptStatus string

// The statuses of receipts.
const (
	ReceiptDelivered ReceiptStatus = "delivered"
	ReceiptRead      ReceiptStatus = "read"
	ReceiptFailed    ReceiptStatus = "failed"
	ReceiptRejected  ReceiptStatus = "rejected"
	// ReceiptComplained: the recipient called the message spam. It changes nothing
	// of the message.
	ReceiptComplained ReceiptStatus = "complained"
	// ReceiptUnsubscribed: the recipient told the provider that they want no more. It
	// changes nothing of the message.
	ReceiptUnsubscribed ReceiptStatus = "unsubscribed"
)

// BounceKind says whether an address that a message came back from may work
// again.
type BounceKind string

// The kinds of bounces. A failed or rejected message without one is the
// message's fault, or nobody knows.
const (
	BounceHard BounceKind = "hard" // the address does not exist: it is suppressed at once
	BounceSoft BounceKind = "soft" // such as a full mailbox: suppressed after several in a row
)

// Receipt is what a provider reports later of a message that it took.
type Receipt struct {
	// MessageID is our id where the provider echoes it, else 0.
	MessageID int64
	// ProviderID is the provider's id where MessageID is 0.
	ProviderID string
	Status     ReceiptStatus
	// Bounce is set where a failed or rejected message came back.
	Bounce BounceKind
	// At is when it happened by the provider's clock; zero if unknown.
	At time.Time
	// Code and Detail explain failed and rejected.
	Code, Detail string
	// Trouble is set where a failed message tells of the channel: of a kind that stops it.
	Trouble ErrorKind
}

// Capabilities say what a provider can do; tests and the console rely on them.
type Capabilities struct {
	// Address is the kind of address it delivers to.
	Address AddressKind
	// Subject and HTML say whether the content may carry them.
	Subject, HTML bool
	// MaxTextBytes bounds the text; 0 means the provider sets no bound.
	MaxTextBytes int
	// MaxTextUnits bounds the text in units of UTF-16 (see Units) where the provider counts
	// these, and MaxCaptionUnits what is said beside a file (see Content.Beside); 0 means
	// that it does not.
	MaxTextUnits, MaxCaptionUnits int
	// Idempotent says that the provider drops a repeat of the same message id,
	// so that an in-doubt message may be resent safely.
	Idempotent bool
	// Receipts says that it reports back through CallbackParser.
	Receipts bool
	// OnlyFailures says that its receipts tell what did not arrive, and hardly ever what did, so
	// that nothing may wait for that.
	OnlyFailures bool
	// Replies says that it hands on what people write through ReplyParser.
	Replies bool
	// GivesID says that it has an id of its own for every message that it takes.
	GivesID bool
	// EchoesID says that its receipts name our own id, so that they settle a message
	// whose answer was lost, too. Without it they name the provider's, which GivesID
	// promises.
	EchoesID bool
	// Media says that an attachment goes as a file that the provider fetches; without
	// it its address is written into the text.
	Media bool
	// MediaAlone says that nothing can be said beside such a file: where there are words or a
	// caption, the file's address stands below them.
	MediaAlone bool
	// Uploads is how it takes files that were uploaded to this server, and Files what of them and
	// of those that it fetches it takes; none is whatever there is.
	Uploads FileWay
	Files   []FileLimit
	// Buttons are the types of buttons that it carries as buttons; the others are written
	// into its texts before it is asked.
	Buttons []ButtonType
	// Location and Cards say that it carries places on the map and contact cards.
	Location, Cards bool
	// MaxBatch is the most messages that one request of BatchSender takes; 0 where
	// each has a request of its own.
	MaxBatch int
	// Templates says that it keeps templates of its own, which TemplateSyncer lists.
	Templates bool
	// Finds says that it can be asked what became of a message whose answer was lost,
	// through Finder.
	Finds bool
	// ReplyWindow is for how long after somebody has written to a channel it may send them
	// anything, and after which only templates that the provider has approved, or nothing without
	// Templates; 0 where it may always. It holds for channels that hear what people write
	// (Registry.Hears), and where Kind.ReplyWindowFor does not say otherwise.
	ReplyWindow time.Duration
	// Signs says that it signs mail itself, with Deps.SigningKeys; the mail services sign
	// with keys of their own.
	Signs bool
	// Pretends says that nothing reaches anybody: it is for trying things out.
	Pretends bool
}

// Deps is what an adapter may use besides its configuration.
type Deps struct {
	// Installation names this Carillon among all others; see UniqueID.
	Installation string
	// ChannelID is the channel that it sends for.
	ChannelID int64
	// Concurrency is the most Sends that are ever made at once.
	Concurrency int
	// Replaced is what secrets were before and are still taken as, by the names of their
	// settings; see Taken.
	Replaced map[string]Replaced
	// SigningKeys are the keys of the channel; the one that Signing finds signs mail.
	SigningKeys []SigningKey
	// Dialer is how adapters connect to anything; the zero one reaches public
	// addresses alone.
	Dialer Dialer
	// HookURL is where the provider reaches /hooks/{channel_id}, for adapters that tell it, or
	// whose provider signs it; see HookURL. Empty where no public address is configured.
	HookURL string
	// Clock tells the time; nil is the machine's. Network deadlines are the
	// machine's time whatever the Clock, because the kernel keeps them.
	Clock clock.Clock
	// Receive takes receipts that do not come over HTTP (the sandbox's). It
	// takes them whole or returns an error, and is safe for concurrent use.
	Receive func(ctx context.Context, receipts []Receipt) error
	// Hear is Receive for replies.
	Hear func(ctx context.Context, replies []Reply) error
}

// UniqueID names a message among those of all installations, for ever, and is the
// same on every try: for Message-ID and idempotency keys, by which providers drop
// what they take for repeats. It is made of digits, lower-case letters and a hyphen,
// and begins with the message's id.
func (d Deps) UniqueID(messageID int64) string {
	if d.Installation == "" {
		return strconv.FormatInt(messageID, 10)
	}
	return strconv.FormatInt(messageID, 10) + "-" + d.Installation
}

// MessageOf is the message that an id of UniqueID's names; 0 if that is no such id, or another
// installation's.
func (d Deps) MessageOf(uniqueID string) int64 {
	number, _, _ := strings.Cut(uniqueID, "-")
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil || id <= 0 || d.UniqueID(id) != uniqueID {
		return 0
	}
	return id
}

// WithDefaults fills in what zero stands for.
func (d Deps) WithDefaults() Deps {
	if d.Clock == nil {
		d.Clock = clock.System{}
	}
	if d.Concurrency <= 0 {
		d.Concurrency = DefaultMostRequests
	}
	return d
}

// Kind describes one provider to the registry: everything that /v1/providers,
// the documentation and the console's forms need.
type Kind struct {
	// Name is what channels call it: lower case, one word.
	Name string
	// Title and Description are for people.
	Title, Description string
	Capabilities       Capabilities
	// Preset are the limits of a new channel of which nobody says any: what the provider takes
	// from everybody, by its own documents. Zero where it takes all, or it depends.
	Preset Limits
	// Config is a pointer to a zero value of the configuration struct, from
	// which the JSON Schema is made. Fields that are secrets have type
	// secret.String; fields that say where the secrets go are tagged
	// destination:"true", and changing one demands the secrets anew; texts that
	// are files have a media:"type/subtype", and are written over several lines.
	// A secret by which the provider proves itself to us is tagged presented:"true":
	// what it was before can be taken for a time, and the adapter asks Deps.Taken or
	// Deps.Takes which are.
	Config any
	// AddressFor is the kind of address for a configuration; nil means
	// Capabilities.Address whatever the configuration.
	AddressFor func(config json.RawMessage) AddressKind
	// ReplyWindowFor is Capabilities.ReplyWindow for a configuration, 0 where the provider sets no
	// end; nil means that it is the same for all.
	ReplyWindowFor func(config json.RawMessage) time.Duration
	// SenderDomain is the domain that messages of a configuration come from; nil if
	// they come from none.
	SenderDomain func(config json.RawMessage) string
	// Sender is the number or address that people see messages of a configuration come
	// from; nil where there is none, or it is not known.
	Sender func(config json.RawMessage) string
	// BounceDomain is the domain of the address that messages of a configuration come back to;
	// nil if there is no such thing, and empty where it is SenderDomain.
	BounceDomain func(config json.RawMessage) string
	// Server is the server that messages are handed to, a name or an address: of a mail
	// service the one by which channels/domains knows what it sends from; nil where there is
	// no such thing.
	Server func(config json.RawMessage) string
	// SignedDomain is the domain that the far end signs mail for, as far as the
	// configuration says: that of the account which signs in. It is empty where that is
	// not told; nil if there is no such thing.
	SignedDomain func(config json.RawMessage) string
	// MostRequests is how many requests at once a configuration is good for: what
	// Auto grows to, 1 to MaxConcurrency; nil means DefaultMostRequests.
	MostRequests func(config json.RawMessage) int
	// Validate checks a configuration without side effects: unknown settings
	// are refused, every error names its field (a *fault.Error of code Invalid).
	Validate func(config json.RawMessage) error
	// New makes a provider for a configuration that Validate accepted.
	New func(config json.RawMessage, deps Deps) (Provider, error)
}
