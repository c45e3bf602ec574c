package zone

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// maxName is the longest text that is looked at as a zone's name, in bytes.
const maxName = 100

// noZone is why a text is no zone.
const noZone = "no time zone of the IANA database such as Europe/Berlin or UTC"

// known are the IANA names by what people write: IANA's and Windows' own names,
// folded.
var known = sync.OnceValue(func() map[string]string {
	names := make(map[string]string)
	for line := range strings.Lines(windowsNames) {
		if windows, iana, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			names[fold(windows)] = iana
		}
	}
	for name := range strings.FieldsSeq(ianaNames) {
		names[fold(name)] = name
	}
	return names
})

// fold is a name without what people get wrong in it.
func fold(name string) string {
	return strings.ReplaceAll(strings.ToLower(strings.Join(strings.Fields(name), " ")), " ", "_")
}

// Name is the IANA name of a zone as people and programs write it: in any case,
// with spaces for underscores, or by its Windows name (W. Europe Standard Time).
// A reason says why a text names none, and what to write instead; an offset such
// as GMT+1 is none, since it does not say when clocks change.
func Name(text string) (name, reason string) {
	if len(text) > maxName {
		return "", noZone
	}
	text = strings.TrimSpace(text)
	name, ok := known()[fold(text)]
	if !ok {
		return "", unknown(text)
	}
	if _, err := time.LoadLocation(name); err != nil {
		return "", noZone
	}
	return name, ""
}

// offset is how people write a distance from UTC, also as Windows shows its
// zones: (UTC+01:00) Amsterdam, Berlin.
var offset = regexp.MustCompile(`^\(?(?i:(?:GMT|UTC|UT|Z)?) ?([+\-−–])(\d{1,2})(?::?(\d{2}))?(?:$|[) ])`)

// unknown says what to write instead of a text that names no zone.
func unknown(text string) string {
	parts := offset.FindStringSubmatch(text)
	if parts == nil {
		if city := cityZone(text); city != "" {
			return noZone + "; for this one write " + city
		}
		return noZone
	}
	hours, _ := strconv.Atoi(parts[2])
	minutes, _ := strconv.Atoi(parts[3])
	east := parts[1] == "+"
	const why = "an offset is no time zone, because it does not say when clocks change: write a place such as "
	fixed := ""
	if minutes == 0 && hours > 0 && (east && hours <= 14 || !east && hours <= 12) {
		sign := "-" // the zones of Etc count westwards (POSIX)
		if !east {
			sign = "+"
		}
		fixed = fmt.Sprintf(", or Etc/GMT%s%d for this offset all year", sign, hours)
	}
	return why + place(hours, east) + fixed
}

// place is a zone that people of an offset are likely to mean.
func place(hours int, east bool) string {
	switch {
	case hours == 0:
		return "Europe/London"
	case east && hours == 2:
		return "Europe/Athens"
	case east && hours == 3:
		return "Europe/Istanbul"
	case east && hours == 8:
		return "Asia/Singapore"
	case east && hours == 9:
		return "Asia/Tokyo"
	case !east && hours == 5:
		return "America/New_York"
	case !east && hours == 6:
		return "America/Chicago"
	case !east && hours == 7:
		return "America/Denver"
	case !east && hours == 8:
		return "America/Los_Angeles"
	}
	return "Europe/Berlin"
}

// cityZone finds the zone that a city's name alone means, or an abbreviation
// that the database does not have.
func cityZone(text string) string {
	folded := fold(text)
	switch folded {
	case "mez", "mesz", "cest":
		return "Europe/Berlin"
	case "bst":
		return "Europe/London"
	case "edt", "et":
		return "America/New_York"
	case "cst", "cdt":
		return "America/Chicago"
	case "mdt":
		return "America/Denver"
	case "pst", "pdt":
		return "America/Los_Angeles"
	case "":
		return ""
	}
	best := ""
	for key, name := range known() {
		if strings.Contains(name, "/") && strings.HasSuffix(key, "/"+folded) && (best == "" || name < best) {
			best = name
		}
	}
	return best
}
