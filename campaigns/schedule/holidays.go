package schedule

import (
	"fmt"
	"time"

	"carillon/internal/fault"
)

// Holiday is a day of a calendar of holidays.
type Holiday struct {
	// Date is such as 2026-12-25.
	Date string `json:"date"`
	// Name is what people call it; may be empty.
	Name string `json:"name,omitempty"`
}

// Holidays are the days of a calendar, in a form in which many schedules can share
// them. They are safe for concurrent use.
type Holidays struct{ names map[day]string }

func (h Holidays) holds(d day) bool {
	_, holds := h.names[d]
	return holds
}

// NewHolidays reads the days of a calendar; a day that is there twice is one, with the
// first name that it has. What is no date is Invalid, as dates[2].
func NewHolidays(list []Holiday) (Holidays, error) {
	h := Holidays{names: make(map[day]string, len(list))}
	var wrong []fault.Field
	for i, one := range list {
		date, err := time.Parse(dateLayout, one.Date)
		if err != nil {
			wrong = append(wrong, fault.Field{Location: fmt.Sprintf("dates[%d]", i), Value: one.Date, Message: "not a date: write 2026-12-24"})
			continue
		}
		if d := dayOf(date); h.names[d] == "" {
			h.names[d] = one.Name
		}
	}
	return h, fault.InvalidFields(wrong)
}
