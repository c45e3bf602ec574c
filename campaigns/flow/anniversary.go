package flow

import (
	"time"

	"carillon/internal/zone"
)

// Window is a time in which days of contacts may come: behind From, up to To. Home is the
// zone of those of whom none is known.
type Window struct {
	From, To time.Time
	Home     string
}

const isoDay = "2006-01-02"

// Values are the values of the property, or their months and days where it is Yearly, that
// may come within a window somewhere on earth.
func (a Anniversary) Values(w Window) (values []string) {
	if !w.To.After(w.From) {
		return nil
	}
	// Zones lie up to 14 hours from UTC.
	for at := w.From.Add(-day); !at.After(w.To.Add(2 * day)); at = at.Add(day) {
		of := at.UTC().AddDate(0, 0, -a.Days)
		if !a.Yearly {
			values = append(values, of.Format(isoDay))
			continue
		}
		values = append(values, of.Format("01-02"))
		if of.Month() == time.March && of.Day() == 1 && !leap(of.Year()) {
			values = append(values, "02-29")
		}
		if len(values) > 366 {
			break
		}
	}
	return values
}

func leap(year int) bool { return time.Date(year, time.February, 29, 0, 0, 0, 0, time.UTC).Day() == 29 }

// Within reports whether the day that a property holds comes, for a contact of a zone,
// within a window.
func (a Anniversary) Within(value, zoneName string, w Window) bool {
	of, err := time.Parse(isoDay, value)
	if err != nil {
		return false
	}
	location, known := zone.Known(zoneName)
	if !known {
		if location, known = zone.Known(w.Home); !known {
			location = time.UTC
		}
	}
	hour, minute, _ := parseClock(a.Time)
	years := []int{of.Year()}
	if a.Yearly {
		years = []int{w.To.Year() - 1, w.To.Year(), w.To.Year() + 1}
	}
	for _, year := range years {
		if year < of.Year() {
			continue
		}
		// 29 February is 1 March in other years, by the calendar's own arithmetic.
		wall := time.Date(year, of.Month(), of.Day()+a.Days, hour, minute, 0, 0, time.UTC)
		if at := zone.Resolve(wall, location); at.After(w.From) && !at.After(w.To) {
			return true
		}
	}
	return false
}
