package campaigns

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	"carillon/internal/fault"
	"carillon/internal/words"
	"carillon/templates/liquid"
)

// DataFeed is a JSON document that is read when a run begins and kept with it: templates
// see it as feed, the same for all recipients and at every try.
type DataFeed struct {
	// URL is where it is: an https address, or an http one on this machine.
	URL string `json:"url" maxLength:"2000" doc:"Where the JSON document is: an https address. Redirects are not followed. At most 1 MiB, within 10 seconds."`
	// Items is the path of the list in it, with dots between names; empty where the
	// document is the list, or has none that matters.
	Items string `json:"items,omitempty" maxLength:"200" doc:"Where the list of items is, such as data.articles; left out, the document is the list. It says what is new: what stands around the list does not."`
	// NewBy is the field that names an item; empty where any change is news.
	NewBy string `json:"new_by,omitempty" maxLength:"200" doc:"The field that names an item, such as id: news are items whose name the last run did not have. Left out, any change is."`
	// WhenNothingNew says what becomes of a run without news; empty for send.
	WhenNothingNew NothingNew `json:"when_nothing_new,omitempty" enum:"send,skip" doc:"What becomes of a run whose feed has nothing that the last one that was sent had not; default send."`
}

// NothingNew says what becomes of a run whose data feed has nothing new.
type NothingNew string

// What may become of it.
const (
	NothingNewSend NothingNew = "send" // the default
	NothingNewSkip NothingNew = "skip"
)

// RunNothingNew is the reason of a run that was left out because its data feed had
// nothing new, and RunAwaitsFeed that of one that waits for the far end.
const (
	RunNothingNew = "nothing_new"
	RunAwaitsFeed = "feed"
)

var feedPath = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)

const maxFeedURL, maxFeedPath = 2000, 200

// check says what is wrong with a data feed.
func (f *DataFeed) check() (wrong []fault.Field) {
	if f == nil {
		return nil
	}
	add := func(field string, value any, format string, args ...any) {
		wrong = append(wrong, fault.Field{Location: "feed." + field, Value: value, Message: fmt.Sprintf(format, args...)})
	}
	f.URL = strings.TrimSpace(f.URL)
	switch u, err := url.Parse(f.URL); {
	case f.URL == "" || len(f.URL) > maxFeedURL || err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		add("url", f.URL, "must be an https address of at most %d bytes, such as https://example.org/news.json", maxFeedURL)
	case u.User != nil:
		add("url", nil, "has a name and a password in it, which everybody would see: leave them out")
	case strings.Contains(f.URL, "{{") || strings.Contains(f.URL, "{%"):
		add("url", f.URL, "is read once for a run and can't have Liquid in it")
	case u.Scheme == "http" && !onThisMachine(u.Hostname()):
		add("url", f.URL, "must be https, so that nobody on the way can change what is sent")
	}
	for _, path := range []struct{ field, value string }{{"items", f.Items}, {"new_by", f.NewBy}} {
		if path.value != "" && (len(path.value) > maxFeedPath || !feedPath.MatchString(path.value)) {
			add(path.field, path.value, "must be names with dots between them, such as data.articles")
		}
	}
	switch f.WhenNothingNew {
	case "", NothingNewSend, NothingNewSkip:
	default:
		add("when_nothing_new", f.WhenNothingNew, "must be send or skip")
	}
	return wrong
}

// onThisMachine says of a host that what is read from it takes no way on which somebody
// could change it.
func onThisMachine(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// wantsItems says that the document must have a list.
func (f *DataFeed) wantsItems() bool { return f.Items != "" || f.NewBy != "" }

// read is a document as templates see it. An error is one sentence.
func (f *DataFeed) read(body []byte) (*liquid.Feed, error) {
	feed, err := liquid.ParseFeed(body)
	if err != nil || !f.wantsItems() {
		return feed, err
	}
	if _, ok := feed.Items(f.Items); !ok {
		if f.Items == "" {
			return nil, fmt.Errorf("is no list: say with items where in it the list is")
		}
		return nil, fmt.Errorf("has no list at %s", f.Items)
	}
	return feed, nil
}

// news are how many items of a document the one before had not; before is nil if there is
// none. Without a list the whole document is one item.
func (f *DataFeed) news(now, before *liquid.Feed) int {
	had := map[string]bool{}
	for _, key := range f.keys(before) {
		had[key] = true
	}
	n := 0
	for _, key := range f.keys(now) {
		if !had[key] {
			had[key] = true
			n++
		}
	}
	return n
}

// keys name the items of a document.
func (f *DataFeed) keys(feed *liquid.Feed) []string {
	if feed == nil {
		return nil
	}
	if !f.wantsItems() {
		whole, _ := feed.At("")
		return []string{liquid.ItemKey(whole, "")}
	}
	items, _ := feed.Items(f.Items)
	keys := make([]string, len(items))
	for i, item := range items {
		keys[i] = liquid.ItemKey(item, f.NewBy)
	}
	return keys
}

// changed reports whether what matters of a document differs from the one before: with
// new_by an item that was not there, else any difference.
func (f *DataFeed) changed(now, before *liquid.Feed) bool {
	if f.NewBy != "" || before == nil {
		return f.news(now, before) > 0
	}
	return strings.Join(f.keys(now), "\n") != strings.Join(f.keys(before), "\n")
}

// nothingNew says in words why a run is left out.
func (f *DataFeed) nothingNew(items int, first bool) string {
	switch {
	case first:
		return "the data feed has no items"
	case f.NewBy != "":
		return "the data feed has " + words.Count(int64(items), "item") + ", and the last run that was sent had all of them"
	}
	return "the data feed is as it was for the last run that was sent"
}
