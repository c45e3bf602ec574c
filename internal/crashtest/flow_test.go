package crashtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/failpoint"
	"carillon/internal/secret"
	"carillon/internal/sink"
	"carillon/providers"
	"carillon/providers/hook"
)

// walkers is how many people walk through the flow that is killed.
const walkers = 400

// walkSteps is a flow with a step of every kind. {program} and {other} are filled in.
const walkSteps = `[
	{"id": "hello", "kind": "send", "content": {"subject": "hello", "text": "hello"}},
	{"id": "stars", "kind": "ask", "content": {"subject": "stars", "text": "stars"}, "question": {"type": "number", "rule": ">=1 <=5", "timeout": "1d",
		"write": "stars",
	 "tries": 2, "retry": {"subject": "again", "text": "again"}}, "exits": {"invalid": "sorry"}},
	{"id": "judge", "kind": "branch", "branches": [{"rule": {"condition": "AND", "rules": [{"field": "answers.stars", "operator": "greater",
		"value": 3}]}, "next": "mark"}],
	 "next": "sorry"},
	{"id": "mark", "kind": "set", "set": {"attributes": {"fan": "yes"}}},
	{"id": "score", "kind": "call", "call": {"url": "%s", "answers": ["score"], "tries": 10}, "exits": {"failed": "end"}},
	{"id": "doze", "kind": "wait", "wait": {"for": "1s"}},
	{"id": "more", "kind": "start", "flow_id": %d},
	{"id": "thanks", "kind": "send", "content": {"subject": "thanks", "text": "thanks for {{ answers.stars }}, {{ answers.score }}"}, "next": "end"},
	{"id": "sorry", "kind": "send", "content": {"subject": "sorry", "text": "sorry"}, "next": "end"},
	{"id": "end", "kind": "end", "outcome": "through"}]`

// said is what somebody answers to the question, try by try: who is left over by three
// says nothing of use at first, and every seventh never.
func said(i, try int) string {
	switch {
	case i%7 == 0:
		return "what?"
	case i%3 == 0 && try == 0:
		return "many"
	}
	return strconv.Itoa(1 + i%5)
}

// walk is a flow whose process is killed.
type walk struct {
	*cluster
	channel     int64
	flow, other int64
	to          far
	program     *httptest.Server
	asked       atomic.Int64
	// got are the texts that each got, by address, in their order.
	mu    sync.Mutex
	got   map[string][]string
	group sync.WaitGroup
	done  chan struct{}
}

// beginWalk starts the flow and somebody who answers in the name of all.
func beginWalk(t *testing.T, s stack, env ...string) (*walk, *process) {
	t.Helper()
	w := &walk{cluster: newCluster(t, s), got: map[string][]string{}, done: make(chan struct{})}
	replies := make(chan func(), 4*walkers)
	w.to = w.httpSink(sink.Options{Seen: func(d sink.Delivery) {
		address, text := deliveryOf(d)
		w.mu.Lock()
		w.got[address] = append(w.got[address], text)
		w.mu.Unlock()
		if text == "stars" || text == "again" {
			replies <- func() { w.answer(d.ID, address, text) }
		}
	}})
	w.program = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.asked.Add(1)
		_, _ = io.WriteString(rw, `{"score": 42}`)
	}))
	t.Cleanup(w.program.Close)
	for range 8 {
		w.group.Go(func() {
			for {
				select {
				case reply := <-replies:
					reply()
				case <-w.done:
					return
				}
			}
		})
	}
	t.Cleanup(func() { close(w.done); w.group.Wait() })
	p := w.serve("serve")
	w.channel = w.createChannel(w.to, providers.Limits{Concurrency: failpointConcurrency}, "")
	require.NoError(t, w.postPeople(walkers))
	w.awaitUpload(walkers)
	for _, property := range []object{{"key": "stars", "type": "number"}, {"key": "fan", "type": "text"}} {
		w.mustPost("/v1/properties", property, nil)
	}
	var made hasID
	w.mustPost("/v1/flows", object{"name": "other", "channel_id": w.channel, "steps": json.RawMessage(
		`[{"id": "other", "kind": "send", "content": {"subject": "other", "text": "other"}}, {"id": "end", "kind": "end"}]`)}, &made)
	w.other = made.ID
	w.mustPost("/v1/flows", object{"name": "walk", "channel_id": w.channel, "audience": object{"all": true},
		"steps": json.RawMessage(fmt.Sprintf(walkSteps, w.program.URL, w.other))}, &made)
	w.flow = made.ID
	w.mustPost(fmt.Sprintf("/v1/flows/%d/start", w.other), nil, nil)
	w.stop(p)
	p = w.serve("serve", env...)
	w.steerFlow("start")
	return w, p
}

// steerFlow has a step of the flow's life taken; the process may die before it answers.
func (w *walk) steerFlow(verb string) {
	_ = w.post(fmt.Sprintf("/v1/flows/%d/%s", w.flow, verb), nil, nil)
}

// deliveryOf is the address and the text of a delivered message.
func deliveryOf(d sink.Delivery) (address, text string) {
	var message struct {
		To   string `json:"to"`
		Text string `json:"text"`
	}
	if err := json.Unmarshal(d.Body, &message); err != nil {
		return "", err.Error()
	}
	return message.To, message.Text
}

// answer posts a reply until a process has taken it, as a provider does.
func (w *walk) answer(message int64, address, question string) {
	var i int
	if _, err := fmt.Sscanf(address, "person%06d@", &i); err != nil {
		return
	}
	try := 0
	if question == "again" {
		try = 1
	}
	body, err := json.Marshal(object{"replies": []object{{"id": strconv.FormatInt(message, 10), "from": address, "text": said(i, try)}}})
	if err != nil {
		return
	}
	signer, err := hook.NewSigner(secret.New(fmt.Sprint(w.to.config["secret"])))
	if err != nil {
		return
	}
	for {
		if w.postReply(signer, strconv.FormatInt(message, 10), body) {
			return
		}
		select {
		case <-w.done:
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (w *walk) postReply(signer *hook.Signer, id string, body []byte) (taken bool) {
	now := time.Now().Unix()
	request, err := http.NewRequest(http.MethodPost, w.api()+fmt.Sprintf("/hooks/%d", w.channel), bytes.NewReader(body))
	if err != nil {
		return false
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("webhook-id", "reply-"+id)
	request.Header.Set("webhook-timestamp", strconv.FormatInt(now, 10))
	request.Header.Set("webhook-signature", signer.Sign("reply-"+id, now, body))
	response, err := w.http.Do(request)
	if err != nil {
		return false
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode/100 == 2
}

// flowReport is what of a flow's report the suite looks at.
type flowReport struct {
	Entered  int64    `json:"entered"`
	Inside   int64    `json:"inside"`
	Problems []string `json:"problems"`
	Outcomes []struct {
		Outcome string `json:"outcome"`
		Count   int64  `json:"count"`
	} `json:"outcomes"`
}

// proveWalk waits until everybody is through, and proves that each got every message of
// their way once, in its order, and that their answers are kept. doubt are those whose
// message was in flight when a process died: these may lack one, and nothing behind.
func (w *walk) proveWalk(doubt int) {
	w.t.Helper()
	var report flowReport
	w.await("everybody is through", func() error {
		if err := w.get(fmt.Sprintf("/v1/flows/%d/verify", w.flow), &report); err != nil {
			return err
		}
		// Who never got the question, because it is held in doubt, waits for a day.
		if report.Entered != walkers || report.Inside > min(w.unasked(), int64(doubt)) {
			return fmt.Errorf("%+v, of whom %d have no question", report, w.unasked())
		}
		var other flowReport
		if err := w.get(fmt.Sprintf("/v1/flows/%d/verify", w.other), &other); err != nil || other.Inside > 0 {
			return fmt.Errorf("the other: %+v, %w", other, err)
		}
		return nil
	})
	require.Empty(w.t, report.Problems)
	require.Len(w.t, report.Outcomes, 1)
	require.Equal(w.t, walkers-report.Inside, report.Outcomes[0].Count)
	require.Empty(w.t, w.to.Duplicates(), "nobody gets a message twice")
	w.mu.Lock()
	defer w.mu.Unlock()
	lacking := 0
	for i := range walkers {
		address := address(i)
		want := map[string]int{"hello": 1, "stars": 1}
		if said(i, 0) == "what?" || said(i, 0) == "many" {
			want["again"] = 1
		}
		if n, err := strconv.Atoi(said(i, 1)); err == nil && n > 3 {
			want["other"], want[fmt.Sprintf("thanks for %d, 42", n)] = 1, 1
		} else {
			want["sorry"] = 1
		}
		got := map[string]int{}
		for _, text := range w.got[address] {
			got[text]++
		}
		for text, n := range got {
			require.Equal(w.t, want[text], n, "%s got %q: %v", address, text, w.got[address])
		}
		if len(got) < len(want) {
			lacking++
		}
	}
	require.LessOrEqual(w.t, lacking, doubt, "nobody is forgotten but who is in doubt")
}

// unasked are those who should have got a question, or another try, and did not.
func (w *walk) unasked() (n int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range walkers {
		got := map[string]bool{}
		for _, text := range w.got[address(i)] {
			got[text] = true
		}
		_, useless := strconv.Atoi(said(i, 0))
		if !got["stars"] || useless != nil && !got["again"] {
			n++
		}
	}
	return n
}

// dieWalking dies at a point while people walk through a flow.
func dieWalking(t *testing.T, s stack, d death, doubt int) {
	t.Helper()
	w, p := beginWalk(t, s, fmt.Sprintf("CARILLON_FAILPOINT=%s:%d", d.point, d.passing))
	w.awaitDeath(p)
	w.serve("serve")
	w.steerFlow("start") // it may have died before it was started
	w.proveWalk(doubt)
}

func TestDieWhilePeopleWalk(t *testing.T) {
	t.Parallel()
	for _, s := range bothInLong() {
		deaths := []struct {
			point    string
			passings []int
			doubt    int
		}{
			{failpoint.DuringFlowMove, []int{2, 25}, 0},
			{failpoint.AfterFlowMove, []int{1, 5}, 0},
			{failpoint.AfterRecord, []int{700}, failpointConcurrency},
		}
		for _, d := range deaths {
			for _, n := range d.passings {
				if !long && d.doubt == 0 { // TestDieAtEveryFailpoint dies at these, too
					continue
				}
				t.Run(fmt.Sprintf("%s/%s %d", s.name, d.point, n), func(t *testing.T) {
					t.Parallel()
					dieWalking(t, s, death{point: d.point, passing: n}, d.doubt)
				})
			}
		}
		t.Run(s.name+"/at random", func(t *testing.T) {
			t.Parallel()
			kills := 2
			if long {
				kills = 12
			}
			w, p := beginWalk(t, s)
			for range kills {
				<-time.After(time.Duration(200+rand.IntN(700)) * time.Millisecond) // the moment is the point
				require.NoError(t, p.Signal(syscall.SIGKILL))
				w.awaitExit(p)
				p = w.serve("serve")
				w.steerFlow("start")
			}
			w.proveWalk(kills * failpointConcurrency)
		})
	}
}
