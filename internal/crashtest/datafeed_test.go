package crashtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/failpoint"
	"carillon/internal/sink"
	"carillon/providers"
)

// dieReading dies when the data feed of a run was read and is not kept, and once more
// while messages go out: the feed is read again, kept once, and all messages of the run
// say the same, although it has another edition at every look.
func dieReading(t *testing.T, s stack) {
	var edition atomic.Int64
	feed := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"edition":%d}`, edition.Add(1))
	}))
	t.Cleanup(feed.Close)
	var mu sync.Mutex
	said := map[string]int{}
	c := newCluster(t, s)
	to := c.httpSink(sink.Options{Seen: func(d sink.Delivery) {
		var message struct {
			Text string `json:"text"`
		}
		if json.Unmarshal(d.Body, &message) == nil {
			mu.Lock()
			said[message.Text]++
			mu.Unlock()
		}
	}})
	p := c.serve("serve", fmt.Sprintf("CARILLON_FAILPOINT=%s:%d", failpoint.AfterFeedRead, passing[failpoint.AfterFeedRead]))
	channel := c.createChannel(to, providers.Limits{PerSecond: failpointRate, Concurrency: failpointConcurrency}, "")
	campaign := c.draft(channel, failpointPeople)
	require.NoError(t, c.patch(fmt.Sprintf("/v1/campaigns/%d", campaign), object{
		"feed": object{"url": feed.URL}, "content": object{"subject": "x", "text": "edition {{ feed.edition }}"},
	}))
	_ = c.post(fmt.Sprintf("/v1/campaigns/%d/start", campaign), object{}, nil) // it may die before it answers
	c.awaitDeath(p)
	require.Zero(t, to.Count(), "nothing goes before the feed is kept")
	read := edition.Load()
	p = c.serve("serve", fmt.Sprintf("CARILLON_FAILPOINT=%s:%d", failpoint.AfterRecord, passing[failpoint.AfterRecord]))
	c.awaitDeath(p)
	c.serve("serve")
	c.awaitStatus(campaign, "finished")
	c.prove(campaign, to, expected{people: failpointPeople, doubt: failpointConcurrency, unasked: 1})
	mu.Lock()
	defer mu.Unlock()
	require.Len(t, said, 1, "%v", said)
	require.Positive(t, said[fmt.Sprintf("edition %d", read+1)])
	require.Equal(t, read+1, edition.Load(), "what is kept is not read again")
}
