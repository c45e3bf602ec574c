package campaigns

import (
	"context"
	"sync"
	"time"

	"carillon/internal/clock"
	"carillon/internal/failpoint"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/templates/liquid"
)

// Fetcher reads documents.
type Fetcher = messages.Fetcher

// AwaitedFeed is a data feed that is to be read for a run.
type AwaitedFeed struct {
	RunID, CampaignID int64
	Feed              DataFeed
	// Since is when it was first wanted, and Tries how often it was asked for.
	Since time.Time
	Tries int
}

// RunFeed is what stands of a run's data feed, without the document.
type RunFeed struct {
	// Kept says that it was read: from then on it never changes.
	Kept bool
	// Since is when it was first wanted, KeptAt when it was read.
	Since  time.Time
	KeptAt *time.Time
	Tries  int
	// Error is why the last try read nothing, and NextTry when the next comes.
	Error   string
	NextTry *time.Time
	// Bytes is the size of the document, News how many of its items are new.
	Bytes, News int
}

// DataFeedStore keeps the data feeds of runs.
type DataFeedStore interface {
	// AwaitedFeeds are up to n feeds of runs in planning whose next try has come.
	AwaitedFeeds(ctx context.Context, n int) ([]AwaitedFeed, error)
	// FeedBefore is the document of the last run of a campaign before one that was sent;
	// nil if there is none.
	FeedBefore(ctx context.Context, campaignID, runID int64) ([]byte, error)
	// KeepFeed keeps the document of a run, from which on the run is planned. It changes
	// nothing if the run has one.
	KeepFeed(ctx context.Context, runID int64, body []byte, news int) error
	// PutOffFeed keeps why nothing was read, and when the next try comes.
	PutOffFeed(ctx context.Context, runID int64, why string, next time.Time) error
	// SkipRun leaves a run out of which nothing was planned; it changes nothing if the run
	// is not in planning, or somebody else has kept its feed.
	SkipRun(ctx context.Context, runID int64, reason, detail string) error
	// GiveUpFeed fails a run whose feed can't be read, and keeps why; it changes nothing if
	// somebody else has kept it.
	GiveUpFeed(ctx context.Context, runID int64, why string) error
}

const (
	// feedsAtOnce is how many feeds are read side by side.
	feedsAtOnce = 16
	// feedPatience is for how long a run waits for its feed.
	feedPatience = 10 * time.Minute
	// firstFeedRetry is how long the second try waits; each further one twice as long,
	// lastFeedRetry at most.
	firstFeedRetry = 5 * time.Second
	lastFeedRetry  = 2 * time.Minute
)

// DataFeeds reads the data feeds of runs that begin.
type DataFeeds struct {
	store   DataFeedStore
	fetcher Fetcher
	clock   clock.Clock
}

// NewDataFeeds makes the reader.
func NewDataFeeds(store DataFeedStore, fetcher Fetcher, c clock.Clock) *DataFeeds {
	return &DataFeeds{store: store, fetcher: fetcher, clock: c}
}

// RunNext reads the feeds that are due, side by side, and reports whether there were any.
// A run that was killed in between has its feed read again, and keeps the first that was
// kept.
func (d *DataFeeds) RunNext(ctx context.Context) (worked bool, err error) {
	due, err := d.store.AwaitedFeeds(ctx, feedsAtOnce)
	if err != nil || len(due) == 0 {
		return false, err
	}
	errs := make([]error, len(due))
	var group sync.WaitGroup
	for i, f := range due {
		group.Go(func() { errs[i] = d.readFor(ctx, f) })
	}
	group.Wait()
	for _, one := range errs {
		if one != nil {
			return true, one
		}
	}
	return true, nil
}

// readFor reads the feed of a run, and says in the store what became of it.
func (d *DataFeeds) readFor(ctx context.Context, f AwaitedFeed) error {
	feed, body, err := readFeed(ctx, d.fetcher, f.Feed)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return d.failed(ctx, f, err)
	}
	failpoint.Hit(failpoint.AfterFeedRead)
	earlier, err := d.store.FeedBefore(ctx, f.CampaignID, f.RunID)
	if err != nil {
		return err
	}
	var before *liquid.Feed
	if earlier != nil {
		// One that can't be read any more had nothing of this.
		before, _ = liquid.ParseFeed(earlier)
	}
	if f.Feed.WhenNothingNew == NothingNewSkip && !f.Feed.changed(feed, before) {
		return d.store.SkipRun(ctx, f.RunID, RunNothingNew, f.Feed.nothingNew(len(f.Feed.keys(feed)), before == nil))
	}
	return d.store.KeepFeed(ctx, f.RunID, body, f.Feed.news(feed, before))
}

// failed has the feed of a run tried again, or the run fail.
func (d *DataFeeds) failed(ctx context.Context, f AwaitedFeed, why error) error {
	now := d.clock.Now()
	next := now.Add(retryFeedAfter(f.Tries))
	if fault.Is(why, fault.Invalid) || next.Sub(f.Since) > feedPatience {
		return d.store.GiveUpFeed(ctx, f.RunID, "its data feed can't be read: "+why.Error())
	}
	return d.store.PutOffFeed(ctx, f.RunID, why.Error(), next)
}

// retryFeedAfter is how long the next try waits after so many that failed before.
func retryFeedAfter(failed int) time.Duration {
	wait := firstFeedRetry
	for range failed {
		if wait *= 2; wait >= lastFeedRetry {
			return lastFeedRetry
		}
	}
	return wait
}

// readFeed reads a data feed now. Errors are as those of Fetcher; a document that is not
// what it should be is Unavailable, because it may be put right.
func readFeed(ctx context.Context, fetcher Fetcher, f DataFeed) (*liquid.Feed, []byte, error) {
	body, err := fetcher.JSON(ctx, f.URL, liquid.MaxFeedBytes)
	if err != nil {
		return nil, nil, err
	}
	feed, err := f.read(body)
	if err != nil {
		return nil, nil, fault.New(fault.Unavailable, "what %s sends %s", f.URL, err)
	}
	return feed, body, nil
}
