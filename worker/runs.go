package worker

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"carillon/campaigns"
	"carillon/internal/fault"
	"carillon/providers"
	"carillon/templates"
	"carillon/templates/liquid"
	"carillon/tracking"
)

// maxRunsKnown bounds what a channel remembers of runs: more than are ever under way
// at a time, most of them ended long ago.
const maxRunsKnown = 64

// run is a run as its messages are rendered. It keeps what it began with, so it is read
// and compiled once.
type run struct {
	mu       sync.Mutex
	campaign *campaigns.Campaign // nil before it was read
	// contents are those of its variants, or the one for everybody.
	contents []*templates.Compiled
	occasion *liquid.Occasion
	broken   error // why a content can't be compiled
	// tracked writes the links that are tracked; nil if nothing is.
	tracked *tracking.Writer

	// exceeded counts recipients, one after the other, for whom the template
	// exceeded its bounds.
	exceeded atomic.Int64
	used     int64 // of the uses of runs, who guard it
}

// runs are the runs that a channel knows; of too many the one goes that was used
// least recently.
type runs struct {
	mu    sync.Mutex
	known map[int64]*run
	uses  int64
}

func (r *runs) get(runID int64) *run {
	r.mu.Lock()
	defer r.mu.Unlock()
	found := r.known[runID]
	if found == nil {
		if len(r.known) >= maxRunsKnown {
			r.forgetOne()
		}
		found = &run{}
		if r.known == nil {
			r.known = map[int64]*run{}
		}
		r.known[runID] = found
	}
	r.uses++
	found.used = r.uses
	return found
}

func (r *runs) forgetOne() {
	var oldest int64
	for id, known := range r.known {
		if first := r.known[oldest]; first == nil || known.used < first.used {
			oldest = id
		}
	}
	delete(r.known, oldest)
}

// run is a run with its campaign read and, if that is possible, its content
// compiled.
func (ch *channel) run(ctx context.Context, runID int64) (*run, error) {
	r := ch.runs.get(runID)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.campaign != nil {
		return r, nil
	}
	campaign, err := ch.worker.o.Store.CampaignOfRun(ctx, runID)
	if err != nil {
		return nil, err
	}
	r.occasion, err = ch.worker.o.Store.OccasionOfRun(ctx, runID)
	if err != nil && !fault.Is(err, fault.Invalid) {
		return nil, err
	}
	unread := err
	kind, err := ch.worker.o.Registry.Kind(ch.c.Provider)
	if err != nil {
		return nil, err
	}
	var written []providers.Content
	r.contents, r.broken = nil, nil
	for _, said := range campaign.Said() {
		carried := said.Carried(kind.Capabilities.Buttons)
		content, err := carried.Compile(campaign.Snippets)
		if err != nil && r.broken == nil {
			r.broken = err
		}
		r.contents = append(r.contents, content)
		written = append(written, carried.Texts()...)
	}
	if r.tracked, err = ch.track(ctx, campaign, written, r.occasion); err != nil {
		return nil, err
	}
	if r.broken == nil {
		r.broken = unread
	}
	r.campaign = &campaign
	return r, nil
}

// track is what writes the tracked links of a run whose contents are these; nil if nothing is
// tracked. Which links there are is kept with the run: every process goes by the same.
func (ch *channel) track(ctx context.Context, of campaigns.Campaign, contents []providers.Content, in *liquid.Occasion) (*tracking.Writer, error) {
	if !of.Tracking.On() || ch.worker.o.Links == nil {
		return nil, nil
	}
	if ch.worker.o.Links(of.AccountID, 0).Base() == "" {
		return nil, nil // the public address was taken away since
	}
	w := &tracking.Writer{Settings: of.Tracking, Table: tracking.NewTable(nil)}
	if !of.Tracking.Links {
		return w, nil
	}
	own, feed := tracking.Collect(contents), []string(nil)
	if in != nil && in.Feed != nil {
		feed = tracking.CollectFixed(own, in.Feed.Texts())
	}
	kept, err := ch.worker.o.Store.KeepLinks(ctx, of.RunID, own, feed)
	if err == nil {
		w.Table = tracking.NewTable(kept)
	}
	return w, err
}

// uploads are those whose rows the run's content names.
func (r *run) uploads() []int64 {
	if !slices.ContainsFunc(r.contents, (*templates.Compiled).NeedsRow) {
		return nil
	}
	return r.campaign.Audience.Uploads
}

// errNoVariant is of a message without a variant in a run that has some: it is fed when
// it has one.
var errNoVariant = errors.New("it has no variant yet")

// content is what those of a variant get.
func (r *run) content(variant int) (*templates.Compiled, error) {
	switch at := variant - 1; {
	case len(r.campaign.Experiment.Names()) == 0:
		return r.contents[0], nil
	case at < 0 || at >= len(r.contents):
		return nil, errNoVariant
	default:
		return r.contents[at], nil
	}
}
