package campaigns

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"carillon/contacts"
	"carillon/contacts/value"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/targeting"
	"carillon/tracking"
)

// TraceQuery asks for what became of somebody: of an address, or of a contact
// with all addresses that it has.
type TraceQuery struct {
	AccountID int64
	// Addresses are what the address is as each kind that it can be of.
	Addresses map[providers.AddressKind]string
	ContactID int64
}

// Trace is all that is kept of somebody's messages and of why there were none.
type Trace struct {
	// Contacts hold the address; more than one if it is of several kinds.
	Contacts     []contacts.Contact
	Suppressions []contacts.Suppression
	// Messages are the newest, newest first.
	Messages []messages.Message
	// Campaigns are those of the messages and the newest that were ever started,
	// newest first.
	Campaigns []Campaign
	Refused   []RefusedLine
	// Engagement is what was done with the messages, by their ids.
	Engagement map[int64]tracking.Engagement
}

// ContactID is the first of the contacts; 0 for none.
func (t Trace) ContactID() int64 {
	if len(t.Contacts) == 0 {
		return 0
	}
	return t.Contacts[0].ID
}

// RefusedLine is a line of an upload that was not taken in and names the address.
type RefusedLine struct {
	UploadID               int64
	Filename               string
	Line                   int64
	Field, Reason, Address string
}

// Tracer looks traces up.
type Tracer interface {
	// Trace is empty for whom nobody knows.
	Trace(ctx context.Context, q TraceQuery) (Trace, error)
}

// NewTraceQuery is the query for an address, as a person writes it, or a contact.
func NewTraceQuery(accountID, contactID int64, address string) (TraceQuery, error) {
	q := TraceQuery{AccountID: accountID, ContactID: contactID, Addresses: map[providers.AddressKind]string{}}
	if (address == "") == (contactID == 0) {
		return q, fault.InvalidField("address", nil, "say whom: an address, or a contact by contact_id")
	}
	if address == "" {
		return q, nil
	}
	for _, kind := range value.Kinds() {
		if normal, err := value.Normal(kind, address, ""); err == nil {
			q.Addresses[kind] = normal
		}
	}
	if len(q.Addresses) == 0 {
		return q, fault.InvalidField("address", address, "must be an e-mail address, a phone number with +, or another address that a contact can have")
	}
	return q, nil
}

// Trace says of somebody what they were sent, over all campaigns, and why not.
func (s *Service) Trace(ctx context.Context, q TraceQuery) (Trace, error) {
	t, err := s.store.Trace(ctx, q)
	if err == nil && q.ContactID != 0 && len(t.Contacts) == 0 {
		err = fault.New(fault.NotFound, "there is no contact %d", q.ContactID)
	}
	return t, err
}

// Says are sentences about a trace: who it is, then each campaign, newest first,
// single messages and refused lines. Of one campaign alone if campaignID is not 0.
func (t Trace) Says(campaignID int64) (says []string) {
	if campaignID == 0 {
		says = append(says, t.saysWho()...)
	}
	for _, c := range t.Campaigns {
		if campaignID == 0 || c.ID == campaignID {
			says = append(says, fmt.Sprintf("campaign %d (%s): %s", c.ID, c.Name, t.saysOf(c)))
		}
	}
	if campaignID != 0 {
		return says
	}
	for _, m := range t.Messages {
		if m.RunID == 0 {
			says = append(says, fmt.Sprintf("message %d of its own: %s", m.ID, t.became(m, nil)+t.engaged(m.ID)))
		}
	}
	for _, r := range t.Refused {
		says = append(says, fmt.Sprintf("line %d of upload %d (%s) with this address was refused: %s %s", r.Line, r.UploadID, r.Filename, r.Field, r.Reason))
	}
	return says
}

func (t Trace) saysWho() (says []string) {
	if len(t.Contacts) == 0 {
		says = append(says, "no contact has this address: no campaign reaches it")
	}
	for _, c := range t.Contacts {
		words := fmt.Sprintf("contact %d is %s", c.ID, c.Status)
		if c.Status != contacts.Active {
			words += ": campaigns leave them out"
		}
		says = append(says, words)
	}
	for _, p := range t.Suppressions {
		says = append(says, fmt.Sprintf("nothing of a campaign is sent to %s: it is suppressed since %s (%s)", p.Address, stamp(p.CreatedAt), p.Reason))
	}
	return says
}

// saysOf says what became of somebody in a campaign, by its latest message.
func (t Trace) saysOf(c Campaign) string {
	i := slices.IndexFunc(t.Messages, func(m messages.Message) bool { return m.CampaignID == c.ID })
	switch {
	case i >= 0:
		return t.became(t.Messages[i], c.Audience.Exclude) + t.engaged(t.Messages[i].ID)
	case c.Status == Running || c.Status == Paused:
		return "no: not in its audience, or not planned yet"
	}
	return "no: not in its audience"
}

// became answers whether a message reached somebody, and why not.
func (t Trace) became(m messages.Message, exclude *targeting.Exclude) string {
	when := func(at *time.Time) string {
		if at == nil {
			return ""
		}
		return " on " + stamp(*at)
	}
	why := reasonWords(m.Reason)
	if m.Detail != "" {
		why = strings.TrimPrefix(why+": "+m.Detail, ": ")
	}
	if why != "" {
		why = ", because " + why
	}
	variant, spoken := "", ""
	if m.VariantName != "" {
		variant = " in variant " + m.VariantName
	}
	if m.Language != "" {
		spoken = " in " + m.Language
	}
	switch m.State {
	case messages.Read:
		return fmt.Sprintf("yes: sent%s to %s%s%s, and opened%s", variant, m.Address, when(m.SentAt), spoken, when(m.ReadAt))
	case messages.Delivered:
		return fmt.Sprintf("yes: sent%s to %s%s%s, and delivered%s", variant, m.Address, when(m.SentAt), spoken, when(m.DeliveredAt))
	case messages.Sent:
		return fmt.Sprintf("yes: sent%s to %s%s%s; the provider took it, and has not said that it arrived", variant, m.Address, when(m.SentAt), spoken)
	case messages.Unknown:
		return fmt.Sprintf("perhaps: the provider was asked%s and gave no answer that was recorded; carillon messages settle %d --as sent|not-sent says which",
			when(m.ClaimedAt), m.ID)
	case messages.Pending, messages.Queued:
		if m.DueAt != nil {
			why += "; until " + stamp(*m.DueAt) + " at least"
		}
		return "not yet: it waits" + why
	case messages.Sending:
		return "just now: the provider is being asked"
	case messages.Skipped:
		if m.Reason == messages.ReasonExcluded {
			return "no: left out, because " + t.excludedBy(m, exclude)
		}
		return "no: left out" + why
	case messages.Canceled:
		return "no: canceled" + when(m.FinalAt) + why
	default:
		return fmt.Sprintf("no: it %s%s%s", map[messages.State]string{messages.Failed: "failed", messages.Rejected: "was rejected"}[m.State], when(m.FinalAt), why)
	}
}

// engaged says what was done with a message; empty if nothing was.
func (t Trace) engaged(id int64) string {
	e := t.Engagement[id]
	var says []string
	add := func(verb string, at time.Time, times int) {
		if times == 1 {
			says = append(says, fmt.Sprintf("%s on %s", verb, stamp(at)))
		} else if times > 1 {
			says = append(says, fmt.Sprintf("%s on %s, %d times in all", verb, stamp(at), times))
		}
	}
	add("its picture was loaded", e.OpenedAt, e.Opens)
	add("a link was clicked", e.ClickedAt, e.Clicks)
	switch n := e.MachineOpens + e.MachineClicks; {
	case n == 1:
		says = append(says, "a machine looked at it once")
	case n > 1:
		says = append(says, fmt.Sprintf("machines looked at it %d times", n))
	}
	if len(says) == 0 {
		return ""
	}
	return "; " + strings.Join(says, "; ")
}

// excludedBy names the campaign that somebody is left out for, if it is one; its
// message to them is in the trace.
func (t Trace) excludedBy(m messages.Message, exclude *targeting.Exclude) string {
	if exclude != nil {
		for _, sent := range t.Messages {
			if sent.SentAt != nil && slices.Contains(exclude.Campaigns, sent.CampaignID) && !sent.SentAt.After(m.CreatedAt) {
				return fmt.Sprintf("campaign %d was sent to this address on %s", sent.CampaignID, stamp(*sent.SentAt))
			}
		}
	}
	return "it is in what the campaign leaves out (audience.exclude)"
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// reasonWords are a reason in words; the reason itself where it has none.
func reasonWords(reason string) string {
	if words, ok := map[string]string{
		messages.ReasonNoAddress:        "the contact has no address of the channel's kind",
		messages.ReasonInactive:         "the contact was inactive",
		messages.ReasonBlocked:          "the contact was blocked",
		messages.ReasonDeleted:          "the contact was deleted",
		messages.ReasonSuppressed:       "the address is on the list of those never to write to",
		messages.ReasonOptedOut:         "the recipient opted out",
		messages.ReasonCapped:           "a frequency cap holds it back",
		messages.ReasonHours:            "it is not within the hours at which the recipient may be written to",
		messages.ReasonWindow:           "the recipient had not written to the channel lately, and its provider lets it send them templates at most",
		messages.ReasonExpired:          "its time was over before it could go",
		messages.ReasonHoldout:          "the campaign holds some people out, to see what it is worth, and the contact is one of them",
		messages.ReasonUndecided:        "it is not told yet which variant of the campaign wins",
		messages.ReasonRenderFailed:     "the template could not be rendered for this recipient",
		messages.ReasonCleared:          "the queue was cleared",
		messages.ReasonCanceled:         "the campaign was canceled",
		messages.ReasonAttemptsUsedUp:   "every try failed",
		messages.ReasonRefused:          "the provider refused the message",
		messages.ReasonRecipient:        "the provider refused the recipient",
		messages.ReasonReceipt:          "the provider reported that it did not arrive",
		messages.ReasonInDoubt:          "it was in doubt, and is sent again",
		messages.ReasonTemporary:        "the last try failed for the time being",
		messages.ReasonThrottled:        "a limit holds it back",
		messages.ReasonChannelStopped:   "the channel is stopped",
		messages.ReasonPaused:           "it was taken back by a pause",
		messages.ReasonRequeued:         "its task was lost, and is made again",
		messages.ReasonRecipientPerDay:  "the channel has reached as many recipients as it may in a day",
		messages.ReasonAccountPerDay:    "the account has sent as many messages as it may in a day",
		messages.ReasonRecipientSpacing: "the recipient was written to just before",
		messages.ReasonMailbox:          "its mailbox provider is written to at its own pace",
		messages.ReasonMailboxPerDay:    "as many people at its mailbox provider were written to as may be in a day",
		messages.ReasonSettled:          "somebody who looked said that it was not sent",
		messages.ReasonProviderAsked:    "the provider was asked, and had not taken it",
		messages.ReasonResend:           "it is sent again",
		messages.ReasonResendSent:       "it is sent again although it was sent",
	}[reason]; ok {
		return words
	}
	return reason
}
