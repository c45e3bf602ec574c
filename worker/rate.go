package worker

import (
	"sync"
	"time"

	"carillon/campaigns"
)

// rateSeconds is over how many seconds a rate is counted.
const rateSeconds = int64(campaigns.AcceptedOver / time.Second)

// rate counts events by the second, for how many there were lately. It is safe for
// concurrent use.
type rate struct {
	mu sync.Mutex
	// seconds are the counts of the latest seconds, each at its number modulo their count:
	// those that are counted, and the one that goes on.
	seconds [rateSeconds + 1]struct{ second, n int64 }
}

func (r *rate) add(at time.Time) {
	second := at.Unix()
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.seconds[second%int64(len(r.seconds))]
	if s.second != second {
		s.second, s.n = second, 0
	}
	s.n++
}

// perSecond is the average of the seconds before the one that goes on.
func (r *rate) perSecond(now time.Time) float64 {
	second := now.Unix()
	r.mu.Lock()
	defer r.mu.Unlock()
	var n int64
	for _, s := range r.seconds {
		if s.second < second && s.second >= second-rateSeconds {
			n += s.n
		}
	}
	return float64(n) / float64(rateSeconds)
}

// acceptedOn is what was accepted on a channel, also by predecessors that served it.
func (w *Worker) acceptedOn(channelID int64) *rate {
	if w.accepted[channelID] == nil {
		w.accepted[channelID] = &rate{}
	}
	return w.accepted[channelID]
}
