package worker

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/internal/clock"
	"carillon/messages"
	"carillon/providers"
	"carillon/queue"
	"carillon/templates/liquid"
)

// fakeStore remembers what the worker asks of the store.
type fakeStore struct {
	mu        sync.Mutex
	channels  []providers.Channel
	stopped   map[int64]string
	health    []providers.Health
	paused    map[int64]string       // by run
	revision  time.Time              // of every channel
	unqueued  map[int64]messages.Due // by message
	campaign  campaigns.Campaign
	recent    map[int64][]messages.RecentSend // by channel
	pooled    []int64
	takenUp   []messages.Outcome
	halts     int64 // the version
	halting   error
	unread    error // what CampaignOfRun returns
	reads     int   // of campaigns
	loads     []messages.EnvelopeRequest
	people    map[int64]messages.Recipient // by message, who is not anybody
	variants  map[int64]int                // by message
	heard     map[int64]time.Time          // by message
	gone      map[int64]bool               // messages that are queued no more
	content   []byte                       // of transactional messages
	skipped   map[int64]string
	looks     int // at what is still sendable
	withdrawn map[int64]bool
	slots     map[int64]time.Time // latest, by campaign; 0 for the channel
	day       messages.DaySends
	beats     int
	told      campaigns.Beat // with the latest
	retired   bool
	beat, due error // what Heartbeat and Unqueue return
	media     map[messages.MediaOf]messages.KeptMedia
	mailboxes map[string]providers.Traffic // by name
}

func (s *fakeStore) Heartbeat(_ context.Context, _ int64, b campaigns.Beat) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.beats++
	s.told = b
	return s.beat
}

func (s *fakeStore) KeptMedia(_ context.Context, of messages.MediaOf) (messages.KeptMedia, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.media[of], nil
}

func (s *fakeStore) KeepMedia(_ context.Context, of messages.MediaOf, kept messages.KeptMedia) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.media[of] = kept
	return nil
}

func (s *fakeStore) ForgetMedia(_ context.Context, of messages.MediaOf, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.media[of].ID == id {
		delete(s.media, of)
	}
	return nil
}

func (s *fakeStore) NoteMailboxes(_ context.Context, _ int64, by map[string]providers.Traffic) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, n := range by {
		sum := s.mailboxes[name]
		s.mailboxes[name] = providers.Traffic{Asked: sum.Asked + n.Asked, Deferred: sum.Deferred + n.Deferred}
	}
	return nil
}

func (s *fakeStore) RetireWorker(context.Context, int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retired = true
	return nil
}

func (s *fakeStore) AllChannels(context.Context) ([]providers.Channel, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.channels), nil
}

func (s *fakeStore) StopChannel(_ context.Context, channelID, _ int64, reason string) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.stopped[channelID]
	s.stopped[channelID] = reason
	return before == "", nil
}

func (s *fakeStore) NoteHealth(_ context.Context, _, _ int64, h providers.Health) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.health = append(s.health, h)
	return nil
}

func (s *fakeStore) PauseRun(_ context.Context, runID int64, why string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paused[runID] = why
	return nil
}

func (s *fakeStore) Unqueue(_ context.Context, u messages.Unqueuing) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range u.MessageIDs {
		s.unqueued[id] = u.Due
		if at, own := u.At[id]; own {
			s.unqueued[id] = messages.Due{At: at, Reason: u.Due.Reason, AsOf: u.Due.AsOf}
		}
	}
	return s.due
}

// givenBack reports whether a message was given back, and forgets it.
func (s *fakeStore) givenBack(id int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, back := s.unqueued[id]
	delete(s.unqueued, id)
	return back
}

func (s *fakeStore) KeepLinks(_ context.Context, _ int64, own, feed []string) ([]string, error) {
	return slices.Concat(own, feed), nil
}

func (s *fakeStore) OccasionOfRun(context.Context, int64) (*liquid.Occasion, error) {
	return &liquid.Occasion{CampaignName: s.campaign.Name}, nil
}

func (s *fakeStore) CampaignOfRun(context.Context, int64) (campaigns.Campaign, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	return s.campaign, s.unread
}

func (s *fakeStore) LoadEnvelope(_ context.Context, request messages.EnvelopeRequest) (found []messages.QueuedMessage, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loads = append(s.loads, request)
	for _, id := range request.MessageIDs {
		if s.gone[id] {
			continue
		}
		m := messages.QueuedMessage{ID: id, HeardAt: s.heard[id], Variant: s.variants[id], Recipient: messages.Recipient{Address: "a@example.com"}}
		if r, ok := s.people[id]; ok {
			m.Recipient = r
		}
		if request.RunID == 0 {
			m.Content, m.Metadata = s.content, []byte(`{"k":"v"}`)
		}
		found = append(found, m)
	}
	return found, nil
}

func (s *fakeStore) Skip(_ context.Context, skip messages.Skipping) (n int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, detail := range skip.Details {
		if !s.gone[id] && s.skipped[id] == "" && s.paused[skip.RunID] == "" {
			s.skipped[id] = skip.Reason + ": " + detail
			n++
		}
	}
	return n, nil
}

func (s *fakeStore) RecentSends(_ context.Context, channelID int64, _ time.Time) ([]messages.RecentSend, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.recent[channelID], nil
}

func (s *fakeStore) PooledChannels(context.Context, int64, string) ([]int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pooled, nil
}

func (s *fakeStore) NoteSlots(_ context.Context, _, campaignID int64, latest messages.LatestSlots) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.slots[0], s.slots[campaignID] = latest.Channel, latest.Campaign
	return nil
}

func (s *fakeStore) LatestSlots(_ context.Context, _, campaignID int64) (messages.LatestSlots, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return messages.LatestSlots{Channel: s.slots[0], Campaign: s.slots[campaignID]}, nil
}

func (s *fakeStore) DaySends(context.Context, int64) (messages.DaySends, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.day, nil
}

func (s *fakeStore) HaltVersion(context.Context) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.halts, s.halting
}

func (s *fakeStore) ChannelRevision(context.Context, int64) (time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.revision, nil
}

func (s *fakeStore) Sendable(_ context.Context, _ int64, revision time.Time, _ int64, ids []int64) ([]int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looks++
	if !revision.Equal(s.revision) {
		return nil, nil
	}
	return slices.DeleteFunc(slices.Clone(ids), func(id int64) bool { return s.withdrawn[id] }), nil
}

func (s *fakeStore) TakeUp(_ context.Context, answered []messages.Outcome) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.takenUp = append(s.takenUp, answered...)
	return nil
}

// fakeWriter grants every message once, and remembers outcomes.
type fakeWriter struct {
	mu       sync.Mutex
	claims   [][]int64
	spoken   map[int64]string // by message, as it was claimed
	claimed  map[int64]bool
	outcomes map[int64]messages.Outcome
	most     int // claimed and not recorded, at most
	refuse   map[int64]bool
	onClaim  func() // called when a claim is committed
	err      error
}

func (w *fakeWriter) Claim(_ context.Context, c messages.Claim) (granted []int64, _ error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.claims = append(w.claims, slices.Clone(c.MessageIDs))
	if w.spoken == nil {
		w.spoken = map[int64]string{}
	}
	for i, language := range c.Languages {
		w.spoken[c.MessageIDs[i]] = language
	}
	if w.err != nil {
		return nil, w.err
	}
	for _, id := range c.MessageIDs {
		if !w.claimed[id] && !w.refuse[id] {
			w.claimed[id] = true
			granted = append(granted, id)
		}
	}
	w.most = max(w.most, len(w.claimed)-len(w.outcomes))
	if w.onClaim != nil {
		w.onClaim()
	}
	return granted, nil
}

func (w *fakeWriter) Record(_ context.Context, outcomes []messages.Outcome) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, o := range outcomes {
		w.outcomes[o.MessageID] = o
	}
	return nil
}

func (w *fakeWriter) Receive(context.Context, int64, []providers.Receipt) error { return nil }

func (w *fakeWriter) recorded() map[int64]messages.Outcome {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.outcomes)
}

// fakeProvider answers as its fake says.
type fakeProvider struct {
	bench  *bench
	hook   string
	mu     sync.Mutex
	closed bool
}

func (p *fakeProvider) Send(ctx context.Context, m providers.Message) (providers.Accepted, error) {
	if err := m.MayBegin(); err != nil {
		return providers.Accepted{}, err
	}
	m.Commits()
	return p.bench.send(ctx, m)
}

func (p *fakeProvider) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	return nil
}

func (p *fakeProvider) isClosed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

// bench is a worker among fakes, on a real embedded queue.
type bench struct {
	*Worker
	store  *fakeStore
	writer *fakeWriter
	queue  *queue.Queue
	send   func(ctx context.Context, m providers.Message) (providers.Accepted, error)

	mu   sync.Mutex
	made []*fakeProvider
}

func newBench(t *testing.T, c clock.Clock) *bench {
	t.Helper()
	q, err := queue.Open(t.Context(), queue.Options{Clock: c})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, q.Close()) })
	b := &bench{
		store: &fakeStore{slots: map[int64]time.Time{}, stopped: map[int64]string{}, paused: map[int64]string{}, unqueued: map[int64]messages.Due{},
			media: map[messages.MediaOf]messages.KeptMedia{}, mailboxes: map[string]providers.Traffic{},
			people: map[int64]messages.Recipient{}, gone: map[int64]bool{}, skipped: map[int64]string{}, content: []byte(`{"text":"code"}`)},
		writer: &fakeWriter{claimed: map[int64]bool{}, outcomes: map[int64]messages.Outcome{}},
		queue:  q,
		send: func(_ context.Context, m providers.Message) (providers.Accepted, error) {
			return providers.Accepted{ProviderID: "p"}, nil
		},
	}
	registry, err := providers.NewRegistry(providers.Kind{
		Name: "fake", Title: "Fake", Capabilities: providers.Capabilities{Address: providers.Email}, Config: &struct{}{},
		Validate: func(json.RawMessage) error { return nil },
		New: func(_ json.RawMessage, d providers.Deps) (providers.Provider, error) {
			p := &fakeProvider{bench: b, hook: d.HookURL}
			b.mu.Lock()
			defer b.mu.Unlock()
			b.made = append(b.made, p)
			return p, nil
		},
	})
	require.NoError(t, err)
	b.Worker = New(Options{ID: 7, Store: b.store, Writer: b.writer, Queue: q, Registry: registry, Clock: c, PublicURL: "https://n.example.org/"})
	b.beat.Store(b.o.Clock.Now().UnixMilli())
	return b
}

// channel is a channel that no server feeds.
func (b *bench) channel(c providers.Channel) *channel {
	if c.ID == 0 {
		c.ID = 1
	}
	c.Provider = "fake"
	return newChannel(b.Worker, c, &fakeProvider{bench: b}, ways{requests: cmp.Or(int(c.Limits.Concurrency), providers.DefaultMostRequests)})
}

// providers are those that were made so far, in their order.
func (b *bench) providers() []*fakeProvider {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.made)
}

// envelope is one with the messages 1 to n.
func envelope(n int) queue.Envelope {
	e := queue.Envelope{ID: 99, ChannelID: 1, RunID: 5, CampaignID: 4, Items: make([]queue.Item, n)}
	for i := range e.Items {
		e.Items[i] = queue.Item{MessageID: int64(i + 1), Attempt: 1}
	}
	return e
}

// items are the rendered messages 1 to n.
func items(n int) []item {
	list := make([]item, n)
	for i := range list {
		list[i].MessageID = int64(i + 1)
	}
	return list
}

// states counts the outcomes.
func (w *fakeWriter) states() map[messages.State]int {
	counts := map[messages.State]int{}
	for _, o := range w.recorded() {
		counts[o.State]++
	}
	return counts
}
