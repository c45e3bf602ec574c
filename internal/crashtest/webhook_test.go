package crashtest

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/sink"
	"carillon/providers"
	"carillon/webhooks"
)

// listener is a program that is told what happens, and answers as programs do.
type listener struct {
	mu sync.Mutex
	// bodies are the requests by their webhook-id, seen the ids of events, told the events
	// of each message in the order in which each came first.
	bodies map[string]string
	seen   map[string]bool
	told   map[int64][]webhooks.Event
	random *rand.Rand
	again  int
	other  string
}

func (l *listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // its sender was killed
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch l.random.IntN(20) {
	case 0:
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	case 1: // taken, and the answer is lost
		defer panic(http.ErrAbortHandler)
	}
	key := r.Header.Get("Webhook-Id")
	if was, known := l.bodies[key]; known {
		l.again++
		if was != string(body) {
			l.other = key
		}
	}
	l.bodies[key] = string(body)
	var batch struct {
		Data []struct {
			ID   string
			Type webhooks.Event
			Data webhooks.Message
		}
	}
	if err := json.Unmarshal(body, &batch); err != nil {
		l.other = fmt.Sprintf("%s: %v", key, err)
	}
	for _, e := range batch.Data {
		if !l.seen[e.ID] {
			l.seen[e.ID] = true
			l.told[e.Data.ID] = append(l.told[e.Data.ID], e.Type)
		}
	}
}

// TestWebhooksUnderKills kills the process that sends and tells, while the program that is
// told refuses, and loses answers: what became of each message is told, once by its id and
// in order.
func TestWebhooksUnderKills(t *testing.T) {
	t.Parallel()
	for _, s := range bothInLong() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			people, kills := inLong(600, 6000), inLong(4, 12)
			l := &listener{
				bodies: map[string]string{}, seen: map[string]bool{}, told: map[int64][]webhooks.Event{}, random: rand.New(rand.NewPCG(1, 2)),
			}
			program := httptest.NewServer(l)
			t.Cleanup(program.Close)
			c := newCluster(t, s)
			p := c.serve("serve")
			c.mustPost("/v1/webhooks", object{
				"url": program.URL, "events": []string{"message.queued", "message.sent", "message.unknown"}, "batch": object{"most": 50, "within_ms": 100},
			}, nil)
			to := c.httpSink(sink.Options{Answer: slowly})
			campaign := c.draft(c.createChannel(to, providers.Limits{PerSecond: float64(people) / 6, Concurrency: randomConcurrency}, ""), people)
			c.startCampaign(campaign)
			for range kills {
				<-time.After(time.Duration(300+rand.IntN(900)) * time.Millisecond)
				p.Kill()
				c.awaitDeath(p)
				p = c.serve("serve")
			}
			c.awaitOver(campaign)
			state, err := c.state(campaign)
			require.NoError(t, err)
			list := c.messages(state.RunID)
			require.Len(t, list, people)
			ends := map[string]webhooks.Event{"sent": "message.sent", "unknown": "message.unknown"}
			c.await("everything is told", func() error {
				l.mu.Lock()
				defer l.mu.Unlock()
				for _, m := range list {
					told := l.told[m.id]
					if len(told) == 0 || told[len(told)-1] != ends[m.state] {
						return fmt.Errorf("message %d is %s, and %v was told", m.id, m.state, told)
					}
				}
				return nil
			})
			l.mu.Lock()
			defer l.mu.Unlock()
			require.Empty(t, l.other, "a request that is made again is the same")
			require.Positive(t, l.again)
			for _, m := range list {
				told := l.told[m.id]
				require.Equal(t, webhooks.Event("message.queued"), told[0], "message %d: %v", m.id, told)
				finals := 0
				for _, e := range told {
					if e == ends["sent"] {
						finals++
					}
				}
				require.LessOrEqual(t, finals, 1, "message %d: %v", m.id, told)
			}
			t.Logf("%d requests, %d of them again", len(l.bodies), l.again)
		})
	}
}
