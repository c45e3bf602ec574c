package scheduler

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"carillon/campaigns"
	"carillon/messages"
	"carillon/providers"
	"carillon/queue"
)

// fakeStore is the store as the scheduler sees it: messages are counted, not
// kept.
type fakeStore struct {
	mu sync.Mutex

	feedable         []messages.Feedable
	channels         map[int64]providers.Channel
	requests         []messages.FeedRequest
	feedErr          error
	workers          int // of none the window is as of one
	lookedForWorkers int
	nextID           int64
	hangs            map[int64]chan struct{} // channels whose campaigns are not fed before it is closed

	plan    map[int64]int // members left, by run
	planErr map[int64]error
	failed  []string
	batches []string // "run:size", in their order

	listing func() // what happens while runs are listed

	leaseHolder string
	leaseUntil  time.Time
	leaseErr    map[string]error // by holder
	now         func() time.Time
	leaseHangs  string // the holder who gets no answer
	released    []string

	passes map[string]int
	reap   fakeReap
}

// fakeReap is what the reaper finds and does.
type fakeReap struct {
	envelopes map[int64][]messages.QueuedEnvelope
	dead      []int64
	settled   []messages.DeadWorker
	requeued  map[int64][]int64
	swept     int
}

func newFakeStore() *fakeStore {
	return &fakeStore{
		channels: map[int64]providers.Channel{1: {ID: 1, AccountID: 3}, 2: {ID: 2, AccountID: 3}},
		hangs:    map[int64]chan struct{}{}, listing: func() {},
		plan: map[int64]int{}, planErr: map[int64]error{}, leaseErr: map[string]error{}, passes: map[string]int{},
		reap: fakeReap{envelopes: map[int64][]messages.QueuedEnvelope{}, requeued: map[int64][]int64{}},
	}
}

func (s *fakeStore) LivingWorkers(context.Context) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lookedForWorkers++
	return s.workers, nil
}

func (s *fakeStore) count(pass string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.passes[pass]++
}

func (s *fakeStore) passed(pass string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.passes[pass]
}

func (s *fakeStore) AcquireLease(ctx context.Context, _, holder string, ttl time.Duration) (int64, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leaseHangs == holder {
		s.mu.Unlock()
		<-ctx.Done()
		s.mu.Lock()
		return 0, false, ctx.Err()
	}
	if err := s.leaseErr[holder]; err != nil {
		return 0, false, err
	}
	if s.leaseHolder != holder && s.now().Before(s.leaseUntil) {
		return 0, false, nil
	}
	s.leaseHolder, s.leaseUntil = holder, s.now().Add(ttl)
	return 1, true, nil
}

func (s *fakeStore) ReleaseLease(_ context.Context, _, holder string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.released = append(s.released, holder)
	if s.leaseHolder == holder {
		s.leaseUntil = time.Time{}
	}
	return nil
}

func (s *fakeStore) FireDue(context.Context) ([]campaigns.Run, error) { return nil, nil }

func (s *fakeStore) RunsToPlan(context.Context) ([]int64, error) {
	s.count("plan")
	s.mu.Lock()
	defer s.mu.Unlock()
	var runs []int64
	for run := range int64(100) {
		if _, ok := s.plan[run]; ok {
			runs = append(runs, run)
		}
	}
	return runs, nil
}

func (s *fakeStore) PlanBatch(_ context.Context, runID int64, n int) (campaigns.PlanStep, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.batches = append(s.batches, fmt.Sprintf("%d:%d", runID, n))
	if err := s.planErr[runID]; err != nil {
		return campaigns.PlanStep{}, err
	}
	step := campaigns.PlanStep{Inserted: int64(min(n, s.plan[runID])), Done: s.plan[runID] < n}
	if s.plan[runID] -= n; step.Done {
		delete(s.plan, runID)
	}
	return step, nil
}

func (s *fakeStore) FailRun(_ context.Context, runID int64, why string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.plan, runID)
	s.failed = append(s.failed, fmt.Sprintf("%d: %s", runID, why))
	return nil
}

func (s *fakeStore) LookForWinners(context.Context) (map[int64]string, error) { return nil, nil }

func (s *fakeStore) GiveWinner(context.Context) (bool, error) { return false, nil }

func (s *fakeStore) GuardRuns(context.Context) (map[int64]string, error) { return nil, nil }

func (s *fakeStore) FinishRuns(context.Context) (finished, unbalanced []int64, err error) {
	s.count("finish")
	return nil, nil, nil
}

func (s *fakeStore) CancelPending(context.Context) (bool, error) { return false, nil }
func (s *fakeStore) Reconsider(context.Context) (bool, error)    { return false, nil }
func (s *fakeStore) OpenClears(context.Context) ([]int64, error) { return nil, nil }

func (s *fakeStore) ContinueClear(context.Context, int64) (messages.Clearing, error) {
	return messages.Clearing{}, nil
}

func (s *fakeStore) FeedableRuns(context.Context) ([]messages.Feedable, error) {
	s.count("feed")
	s.listing()
	return s.listed(false), nil
}

func (s *fakeStore) FeedableTransactional(context.Context) ([]messages.Feedable, error) {
	return s.listed(true), nil
}

func (s *fakeStore) listed(transactional bool) (list []messages.Feedable) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.feedable {
		if f.Pending+f.Queued > 0 && (f.RunID == 0) == transactional {
			list = append(list, f)
		}
	}
	return list
}

func (s *fakeStore) Feed(_ context.Context, request messages.FeedRequest) (fed []messages.FeedMessage, err error) {
	if hangs := s.hangs[request.ChannelID]; hangs != nil && request.RunID != 0 {
		<-hangs
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, request)
	if s.feedErr != nil {
		return nil, s.feedErr
	}
	for i := range s.feedable {
		f := &s.feedable[i]
		if f.RunID != request.RunID || f.ChannelID != request.ChannelID {
			continue
		}
		for _, envelope := range request.Envelopes {
			for range min(int64(request.PerEnvelope), f.Pending) {
				s.nextID++
				f.Pending--
				f.Queued++
				fed = append(fed, messages.FeedMessage{ID: s.nextID, EnvelopeID: envelope, Attempt: 1 + int(s.nextID%2)})
			}
		}
	}
	return fed, nil
}

func (s *fakeStore) ChannelByID(_ context.Context, id int64) (providers.Channel, error) {
	c, ok := s.channels[id]
	if !ok {
		return c, errors.New("its configuration can't be read")
	}
	return c, nil
}

func (s *fakeStore) SettleDead(context.Context, time.Duration) ([]messages.DeadWorker, error) {
	s.count("reap")
	return s.reap.settled, nil
}

func (s *fakeStore) ChannelsWithQueued(context.Context) ([]int64, error) {
	var ids []int64
	for id := range int64(10) {
		if len(s.reap.envelopes[id]) > 0 {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

func (s *fakeStore) QueuedEnvelopes(_ context.Context, channelID int64) ([]messages.QueuedEnvelope, error) {
	return s.reap.envelopes[channelID], nil
}

func (s *fakeStore) RequeueLost(_ context.Context, channelID int64, envelopes []int64) (int64, error) {
	s.reap.requeued[channelID] = append(s.reap.requeued[channelID], envelopes...)
	return int64(len(envelopes)), nil
}

func (s *fakeStore) SweepReceipts(context.Context) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reap.swept++
	return 0, nil
}

func (s *fakeStore) DeadWorkers(context.Context, time.Duration, []int64) ([]int64, error) {
	return s.reap.dead, nil
}

// fakeQueue is Redis.
type fakeQueue struct {
	mu        sync.Mutex
	windows   map[int64]queue.Window
	envelopes []queue.Envelope
	enqueued  error
	lost      map[bool][]int64 // what Lost was asked for, by transactional
	alive     map[int64]bool
	held      map[int64]int64
	active    []int64
	discarded []int64
	down      map[int64]bool          // by channel
	waits     map[int64]time.Duration // for the next slot, by campaign; 0 for the channels
	asked     []queue.Reservation
	noSlots   map[int64]bool // campaigns whose slots can't be told
}

func (q *fakeQueue) NextSlot(_ context.Context, r queue.Reservation) (time.Duration, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.asked = append(q.asked, r)
	if q.noSlots[r.CampaignID] {
		return 0, errDown
	}
	return max(q.waits[0], q.waits[r.CampaignID]), nil
}

func newFakeQueue() *fakeQueue {
	return &fakeQueue{windows: map[int64]queue.Window{}, lost: map[bool][]int64{}, alive: map[int64]bool{}, held: map[int64]int64{}, down: map[int64]bool{}}
}

var errDown = errors.New("redis is down")

func (q *fakeQueue) Window(_ context.Context, channelID int64) (queue.Window, error) {
	if q.down[channelID] {
		return queue.Window{}, errDown
	}
	return q.windows[channelID], nil
}

func (q *fakeQueue) EnqueueAll(_ context.Context, envelopes []queue.Envelope) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.enqueued == nil {
		q.envelopes = append(q.envelopes, envelopes...)
	}
	return q.enqueued
}

func (q *fakeQueue) Lost(_ context.Context, channelID int64, transactional bool, ids []int64) (lost []int64, err error) {
	if q.down[channelID] {
		return nil, errDown
	}
	q.lost[transactional] = append(q.lost[transactional], ids...)
	for _, id := range ids {
		if !q.alive[id] {
			lost = append(lost, id)
		}
	}
	return lost, nil
}

func (q *fakeQueue) Held(_ context.Context, channelID int64) (map[int64]int64, error) {
	if q.down[channelID] {
		return nil, errDown
	}
	return q.held, nil
}

func (q *fakeQueue) Active(_ context.Context, channelID int64) ([]int64, error) {
	if q.down[channelID] {
		return nil, errDown
	}
	return q.active, nil
}

func (q *fakeQueue) Discard(_ context.Context, _, envelopeID int64) error {
	q.discarded = append(q.discarded, envelopeID)
	delete(q.alive, envelopeID)
	return nil
}
