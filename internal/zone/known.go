package zone

import (
	"strings"
	"sync"
	"time"
)

// loaded are the zones by their IANA names, read once: a name's rules are a file,
// and who plans millions of messages asks for the same few hundred again and again.
var loaded sync.Map

// Names are the IANA names, links of old names included; about six hundred.
var Names = sync.OnceValue(func() []string { return strings.Fields(ianaNames) })

// isIANA tells the IANA names from all other texts.
var isIANA = sync.OnceValue(func() map[string]bool {
	names := map[string]bool{}
	for _, name := range Names() {
		names[name] = true
	}
	return names
})

// Known is the zone of an IANA name, and false for every other text, the empty one
// included. It is cheap to ask again.
func Known(name string) (*time.Location, bool) {
	if found, ok := loaded.Load(name); ok {
		return found.(*time.Location), true
	}
	if !isIANA()[name] {
		return nil, false
	}
	location, err := Load(name)
	if err != nil {
		return nil, false
	}
	found, _ := loaded.LoadOrStore(name, location)
	return found.(*time.Location), true
}
