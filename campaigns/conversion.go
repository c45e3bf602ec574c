package campaigns

import (
	"carillon/contacts"
	"carillon/internal/fault"
)

// Conversion is the event that counts for a campaign: when it comes of a contact, it counts
// for the latest message of the campaign that the contact was sent within so many days
// before, once for each message.
type Conversion struct {
	Event      string `json:"event" maxLength:"63" doc:"Name of the event that counts." example:"order.paid"`
	WithinDays int    `json:"within_days" minimum:"1" maximum:"90" doc:"For messages that were sent at most so many days before it." example:"7"`
}

const mostConversionDays = 90

// Empty reports whether nothing counts.
func (c *Conversion) Empty() bool { return c == nil || *c == Conversion{} }

// check says what is wrong with it.
func (c *Conversion) check() (wrong []fault.Field) {
	if c.Empty() {
		return nil
	}
	if reason := contacts.CheckEventName(c.Event); reason != "" {
		wrong = append(wrong, fault.Field{Location: "conversion.event", Value: c.Event, Message: reason})
	}
	if c.WithinDays < 1 || c.WithinDays > mostConversionDays {
		wrong = append(wrong, fault.Field{Location: "conversion.within_days", Value: c.WithinDays,
			Message: "must be from 1 to 90: for messages that were sent so many days before the event"})
	}
	return wrong
}
