package campaigns

import (
	"context"
	"slices"
	"sync"

	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/templates"
	"carillon/templates/liquid"
	"carillon/tracking"
)

// Tracked knows what is tracked of runs.
type Tracked interface {
	// RunLinks are the addresses of the links of a run in the order of their numbers.
	RunLinks(ctx context.Context, runID int64) ([]string, error)
	// CountLinks is what was done with each link of a run, by variant.
	CountLinks(ctx context.Context, runID int64) ([]tracking.LinkCount, error)
	// Engagements are what was done with messages, by their ids.
	Engagements(ctx context.Context, messageIDs []int64) (map[int64]tracking.Engagement, error)
	// EngagementEvents are the clicks and opens of a message that are kept, in their order.
	EngagementEvents(ctx context.Context, messageID int64) ([]tracking.Kept, error)
	// ChannelByID is a channel of whatever account, a deleted one, too.
	ChannelByID(ctx context.Context, id int64) (providers.Channel, error)
}

// checkTracking names what of a campaign's messages can't be tracked.
func (s *Service) checkTracking(c Campaign, channel providers.Channel) ([]fault.Field, error) {
	can, err := s.messages.Can(channel)
	if err != nil {
		return nil, err
	}
	wrong := c.Tracking.Check(tracking.Where{Public: s.tokens.Base(c.AccountID) != "", Kind: string(channel.Address), HTML: can.HTML})
	if c.Experiment == nil || c.Experiment.Winner == nil {
		return wrong, nil
	}
	if by := c.Experiment.Winner.By; !tells(c, by) {
		wrong = append(wrong, fault.Field{Location: "experiment.winner.by", Value: string(by), Message: untracked(by)})
	}
	return wrong, nil
}

// tells reports whether a campaign lets a metric be told: by what is tracked, or counts.
func tells(c Campaign, by Metric) bool {
	switch by {
	case ByClicked:
		return c.Tracking.Links
	case ByOpened:
		return c.Tracking.Opens
	case ByConverted:
		return !c.Conversion.Empty()
	default:
		return true
	}
}

// untracked says what is wrong with a metric that nothing tells.
func untracked(by Metric) string {
	switch by {
	case ByConverted:
		return "no event counts for the campaign, so that nobody knows who has converted: set conversion, too"
	case ByOpened:
		return "opens are not tracked, so that nobody knows who has opened: set tracking.opens, too"
	default:
		return "links are not tracked, so that nobody knows who has clicked: set tracking.links, too"
	}
}

// trackedHTML is how many bytes the HTML of a message has once its links are tracked, with
// tokens that are as long as they become.
func (s *Service) trackedHTML(c Campaign, content providers.Content) int {
	const far = 1 << 40
	w := tracking.Writer{Settings: c.Tracking, Table: tracking.NewTable(nil)}
	links := s.tokens.Links(messages.Unsubscriber{AccountID: c.AccountID, MessageID: far})
	return len(w.Write(content, links.Tracked(far)).HTML)
}

// RunLinks is what was done with each link of a run, by variant: every link of its content,
// and those that were followed besides. It is NotFound if the account has no such run.
func (s *Service) RunLinks(ctx context.Context, accountID, runID int64) ([]tracking.LinkCount, error) {
	if _, err := s.store.GetRun(ctx, accountID, runID); err != nil {
		return nil, err
	}
	return s.store.CountLinks(ctx, runID)
}

// Engagement is what was done with a message, with the clicks and opens that are kept.
func (s *Service) Engagement(ctx context.Context, messageID int64) (tracking.Engagement, []tracking.Kept, error) {
	found, err := s.store.Engagements(ctx, []int64{messageID})
	if err != nil || len(found) == 0 {
		return tracking.Engagement{}, nil, err
	}
	events, err := s.store.EngagementEvents(ctx, messageID)
	return found[messageID], events, err
}

// linked is a run as its links are looked up.
type linked struct {
	mu         sync.Mutex
	read       bool
	accountID  int64
	table      *tracking.Table
	parameters []tracking.Parameter
	made       made
}

// linkedRuns are the runs whose links people follow; of too many all are forgotten.
type linkedRuns struct {
	mu    sync.Mutex
	known map[int64]*linked
	// rendering bounds how many messages are made at a time.
	rendering chan struct{}
}

const (
	mostLinkedRuns  = 500
	linksMadeAtOnce = 4
)

func (l *linkedRuns) get(runID int64) *linked {
	l.mu.Lock()
	defer l.mu.Unlock()
	found := l.known[runID]
	if found == nil {
		if l.known == nil || len(l.known) >= mostLinkedRuns {
			l.known = map[int64]*linked{}
		}
		found = &linked{}
		l.known[runID] = found
	}
	return found
}

// linked is a run with its links read. What is read never changes: a run keeps what it began
// with.
func (s *Service) linked(ctx context.Context, runID int64) (*linked, error) {
	l := s.links.get(runID)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.read {
		return l, nil
	}
	c, err := s.store.CampaignOfRun(ctx, runID)
	if err != nil {
		return nil, err
	}
	channel, err := s.store.ChannelByID(ctx, c.ChannelID)
	if err != nil {
		return nil, err
	}
	addresses, err := s.store.RunLinks(ctx, runID)
	if err != nil {
		return nil, err
	}
	l.accountID, l.table, l.parameters = c.AccountID, tracking.NewTable(addresses), c.Tracking.For(string(channel.Address))
	l.made.campaign = c
	l.read = true
	return l, nil
}

// LinkTarget is the address that a link of a message leads to, with its run's parameters. A
// link that is the same for everybody is looked up, for any other the message is made again.
// It is NotFound where the content has no such link any more.
func (s *Service) LinkTarget(ctx context.Context, r tracking.Ref) (string, error) {
	l, err := s.linked(ctx, r.RunID)
	if err != nil {
		return "", err
	}
	if l.accountID != r.AccountID {
		return "", noLink()
	}
	if address, ok := l.table.Fixed(r.Link.Number); ok {
		return tracking.With(address, l.parameters), nil
	}
	select {
	case s.links.rendering <- struct{}{}:
		defer func() { <-s.links.rendering }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	m, err := s.sentMessage(ctx, r.AccountID, r.MessageID)
	if err != nil {
		return "", err
	}
	content, err := s.again(ctx, &l.made, m)
	if err != nil {
		return "", err
	}
	list := tracking.Addresses(content, s.tokens.Base(r.AccountID))
	// The contact may have changed meanwhile, and other links may stand in it now.
	is := func(address string) bool { return l.table.Number(address) == r.Link.Number }
	if place := r.Link.Place - 1; place >= 0 && place < len(list) && is(list[place]) {
		return tracking.With(list[place], l.parameters), nil
	}
	if at := slices.IndexFunc(list, is); at >= 0 && r.Link.Number != tracking.Other { // which may be any
		return tracking.With(list[at], l.parameters), nil
	}
	return "", noLink()
}

func noLink() error {
	return fault.New(fault.NotFound, "the message has no such link any more")
}

// made is what the messages of a run are made of again.
type made struct {
	mu       sync.Mutex
	campaign Campaign
	of       *liquid.Occasion
	compiled []*templates.Compiled // by variant; nil until it is needed
}

// compile reads and compiles what the run keeps.
func (s *Service) compile(ctx context.Context, m *made) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.of != nil {
		return nil
	}
	channel, err := s.store.ChannelByID(ctx, m.campaign.ChannelID)
	if err != nil {
		return err
	}
	can, err := s.messages.Can(channel)
	if err != nil {
		return err
	}
	m.compiled = nil
	for _, said := range m.campaign.Said() {
		carried := said.Carried(can.Buttons)
		content, err := carried.Compile(m.campaign.Snippets)
		if err != nil {
			return err
		}
		m.compiled = append(m.compiled, content)
	}
	m.of, err = s.store.OccasionOfRun(ctx, m.campaign.RunID)
	return err
}

// again makes a message as it was sent, of what its run keeps and of the contact as it is
// now.
func (s *Service) again(ctx context.Context, of *made, m messages.Message) (providers.Content, error) {
	if err := s.compile(ctx, of); err != nil {
		return providers.Content{}, err
	}
	compiled := of.compiled[min(max(1, m.Variant), len(of.compiled))-1]
	return s.fillAgain(ctx, m, remade{of.campaign.AccountID, compiled, of.of, of.campaign.Audience.Uploads})
}
