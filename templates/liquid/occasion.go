package liquid

import (
	"maps"
	"slices"
	"strconv"
	"sync"
)

// Occasion is what a message is part of: all that the recipients of a run have in common.
// It is not changed once something was rendered with it.
type Occasion struct {
	// CampaignName is empty for what belongs to no campaign.
	CampaignName string
	Run          Run
	Channel      Channel
	AccountName  string
	// Feed is the data feed that was read for the run; nil where there is none.
	Feed *Feed

	once   sync.Once
	values map[string]any
}

// Run is the run that a message is of; zero where there is none.
type Run struct {
	ID int64
	// Instant is the time that it stands for, in the campaign's zone, as RFC 3339.
	Instant string
	Kind    string
}

// Channel is the channel that a message goes through.
type Channel struct{ Name, Provider string }

// feedKey is where templates find the data feed.
const feedKey = "feed"

// shared are the fields of the objects that all recipients of a run share. It is the one
// list: what is not in it, or in contactFields, row, feed and links, templates can't reach.
var shared = map[string]map[string]func(*Occasion) string{
	"campaign": {"name": func(o *Occasion) string { return o.CampaignName }},
	"run": {
		"id":      func(o *Occasion) string { return number64(o.Run.ID) },
		"instant": func(o *Occasion) string { return o.Run.Instant },
		"kind":    func(o *Occasion) string { return o.Run.Kind },
	},
	"channel": {
		"name":     func(o *Occasion) string { return o.Channel.Name },
		"provider": func(o *Occasion) string { return o.Channel.Provider },
	},
	"account": {"name": func(o *Occasion) string { return o.AccountName }},
}

// links are the values that belong to no object: addresses of the recipient's own pages.
var links = map[string]func(*Vars) string{
	"unsubscribe_url": func(v *Vars) string { return v.UnsubscribeURL },
	"preferences_url": func(v *Vars) string {
		if v.Pages == nil {
			return ""
		}
		return v.Pages.PreferencesURL()
	},
	"view_url": func(v *Vars) string {
		if v.Pages == nil {
			return ""
		}
		return v.Pages.ViewURL()
	},
}

func number64(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// sharedNames are the names of the objects in shared.
func sharedNames() []string { return slices.Sorted(maps.Keys(shared)) }

// bound are the objects as the engine wants them; they are made once for all recipients.
// Empty values are left out: they count as missing.
func (o *Occasion) bound() map[string]any {
	if o == nil {
		return nil
	}
	o.once.Do(func() {
		o.values = map[string]any{}
		for object, fields := range shared {
			made := map[string]any{}
			for name, field := range fields {
				if value := field(o); value != "" {
					made[name] = value
				}
			}
			if len(made) > 0 {
				o.values[object] = made
			}
		}
		if run, ok := o.values["run"].(map[string]any); ok && o.Run.ID != 0 {
			run["id"] = o.Run.ID // a number can be compared
		}
		if o.Feed != nil {
			o.values[feedKey] = o.Feed.value
		}
	})
	return o.values
}
