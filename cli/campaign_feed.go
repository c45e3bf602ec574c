package cli

import (
	"strconv"

	"github.com/spf13/cobra"

	"carillon/api"
	"carillon/campaigns"
)

// feedFlags say what data feed a campaign reads.
type feedFlags struct {
	url, items, newBy string
	skip              bool
}

func (f *feedFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.url, "feed", "", "https address of a JSON document that is read when a run begins: {{ feed.title }}")
	flags.StringVar(&f.items, "feed-items", "", "where in the feed its list of items is, such as data.articles")
	flags.StringVar(&f.newBy, "feed-new-by", "", "the field that names an item of the feed, such as id: only items that were not there before are new")
	flags.BoolVar(&f.skip, "feed-skip-unless-new", false, "leave a run out whose feed has nothing new since the last one that was sent")
}

// into adds what the flags say to a data feed, which may be nil.
func (f *feedFlags) into(feed **campaigns.DataFeed) error {
	if *f == (feedFlags{}) {
		return nil
	}
	if *feed == nil {
		*feed = &campaigns.DataFeed{}
	}
	to := *feed
	for _, part := range []struct {
		to   *string
		text string
	}{{&to.URL, f.url}, {&to.Items, f.items}, {&to.NewBy, f.newBy}} {
		if part.text != "" {
			*part.to = part.text
		}
	}
	if f.skip {
		to.WhenNothingNew = campaigns.NothingNewSkip
	}
	if to.URL == "" {
		return usagef("--feed-items, --feed-new-by and --feed-skip-unless-new belong to --feed")
	}
	return nil
}

// feedWords say what data feed a campaign reads.
func feedWords(f *campaigns.DataFeed) string {
	switch {
	case f == nil:
		return ""
	case f.WhenNothingNew == campaigns.NothingNewSkip:
		return f.URL + ", only if something is new"
	}
	return f.URL
}

// runFeedWords say what stands of a run's data feed.
func runFeedWords(f *api.RunFeed) string {
	switch {
	case f == nil:
		return ""
	case f.Kept:
		return strconv.Itoa(f.Bytes) + " bytes, read " + at(f.KeptAt)
	case f.Error == "":
		return "is being read"
	}
	return "is read again " + at(f.NextTry) + ": " + clean(f.Error)
}
