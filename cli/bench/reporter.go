package bench

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"carillon/internal/sink"
)

// What the reporter is told apart by, and signs with.
const (
	reporterAccount = "AC00000000000000000000000000000001"
	reporterToken   = "what-the-reports-are-signed-with"
)

// receiptsEach is how many receipts come of each message, beside its sending: five times the
// sending rate. reporters are how many are posted at once, each in a request of its own.
const (
	receiptsEach = 5
	reporters    = 32
)

// reported is what came of posting receipts.
type reported struct {
	// Answered were taken, Failed were not.
	Answered, Failed int64
	// Seconds are from the first to the last.
	Seconds float64
	// Median, Most (99 in a hundred) and Worst are what an answer took, in ms.
	Median, Most, Worst float64
	// Micros is the processor time that a receipt takes of Carillon and of the store, in µs, until
	// it is counted; Settled how many seconds after the last answer all are.
	Micros, Settled float64
}

func (r reported) rate() float64 { return float64(r.Answered) / r.Seconds }

// reporter plays Twilio: it takes every message, and posts what became of it, twice and in any
// order, as soon as it is told where, and beside that what it knows of a message of somebody else.
type reporter struct {
	mu   sync.Mutex
	more *sync.Cond
	// hook is where receipts are posted to; empty while they are held back.
	hook    string
	taken   int64
	waiting []receipt
	posting int
	ended   bool
	first   time.Time
	last    time.Time
	took    []float64
	failed  int64
	random  *rand.Rand
	client  http.Transport
	group   sync.WaitGroup
}

// receipt is what is posted of a message. address is what its message named: it is signed for that.
type receipt struct{ sid, status, address string }

func newReporter() *reporter {
	r := &reporter{random: rand.New(rand.NewPCG(1, 2)), client: http.Transport{MaxIdleConnsPerHost: reporters, MaxConnsPerHost: reporters}}
	r.more = sync.NewCond(&r.mu)
	for range reporters {
		r.group.Go(r.post)
	}
	return r
}

// speak is its side of Twilio's API.
func (r *reporter) speak(_ *http.Request, body []byte) sink.Exchange {
	form, _ := url.ParseQuery(string(body)) // what can't be read names no address, and is not reported
	id := r.take(form.Get("StatusCallback"))
	return sink.Exchange{Messages: []int64{id}, Reply: func(w http.ResponseWriter, _ []sink.Answer) {
		w.WriteHeader(http.StatusCreated)
		_, _ = fmt.Fprintf(w, `{"sid":%q,"status":"queued","error_code":null,"num_segments":"1","account_sid":%q}`, sid(id), reporterAccount)
	}}
}

func sid(id int64) string { return fmt.Sprintf("SM%032d", id) }

// take takes a message, and has what becomes of it wait to be posted.
func (r *reporter) take(address string) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.taken++
	own, foreign := sid(r.taken), sid(r.taken+1e12)
	sent, delivered := receipt{own, "sent", address}, receipt{own, "delivered", address}
	for _, one := range [receiptsEach]receipt{sent, delivered, sent, delivered, {foreign, "delivered", address}} {
		r.waiting = append(r.waiting, one)
		last := len(r.waiting) - 1
		other := max(0, last-r.random.IntN(100)) // they overtake each other
		r.waiting[other], r.waiting[last] = r.waiting[last], r.waiting[other]
	}
	r.more.Broadcast()
	return r.taken
}

// report has receipts posted to an address from now on, those that wait too; empty holds them back.
// What was measured so far is forgotten.
func (r *reporter) report(hook string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hook, r.took, r.failed, r.first = hook, nil, 0, time.Time{}
	r.more.Broadcast()
}

// next is a receipt to post, and where to; it is false when the reporter ends.
func (r *reporter) next() (one receipt, hook string, more bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for !r.ended && (r.hook == "" || len(r.waiting) == 0) {
		r.more.Wait()
	}
	if r.ended {
		return one, "", false
	}
	if r.first.IsZero() {
		r.first = system.Now()
	}
	one, r.waiting = r.waiting[0], r.waiting[1:]
	r.posting++
	return one, r.hook, true
}

func (r *reporter) post() {
	for one, hook, more := r.next(); more; one, hook, more = r.next() {
		began := system.Now()
		err := r.postOnce(one, hook)
		r.mu.Lock()
		r.posting--
		r.last = system.Now()
		if err != nil {
			r.failed++
		} else {
			r.took = append(r.took, r.last.Sub(began).Seconds()*1000)
		}
		r.more.Broadcast()
		r.mu.Unlock()
	}
}

func (r *reporter) postOnce(one receipt, hook string) error {
	form := url.Values{"MessageSid": {one.sid}, "MessageStatus": {one.status}, "SmsSid": {one.sid}, "SmsStatus": {one.status}, "AccountSid": {reporterAccount}}
	mac := hmac.New(sha1.New, []byte(reporterToken))
	mac.Write([]byte(one.address))
	for _, name := range slices.Sorted(maps.Keys(form)) {
		mac.Write([]byte(name + form.Get(name)))
	}
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, hook, bytes.NewReader([]byte(form.Encode())))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("X-Twilio-Signature", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	answer, err := r.client.RoundTrip(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return err
	}
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("answered %s", answer.Status)
	}
	return nil
}

// posted waits until no receipt waits, and says what came of them.
func (r *reporter) posted(ctx context.Context) reported {
	defer context.AfterFunc(ctx, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.more.Broadcast()
	})()
	r.mu.Lock()
	defer r.mu.Unlock()
	for ctx.Err() == nil && (len(r.waiting) > 0 || r.posting > 0) {
		r.more.Wait()
	}
	result := reported{Answered: int64(len(r.took)), Failed: r.failed, Seconds: r.last.Sub(r.first).Seconds()}
	if took := slices.Sorted(slices.Values(r.took)); len(took) > 0 {
		result.Median, result.Most, result.Worst = took[len(took)/2], took[len(took)*99/100], took[len(took)-1]
	}
	return result
}

// Close ends it; what waits is not posted.
func (r *reporter) Close() {
	r.mu.Lock()
	r.ended = true
	r.more.Broadcast()
	r.mu.Unlock()
	r.group.Wait()
	r.client.CloseIdleConnections()
}
