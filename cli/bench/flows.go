package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"carillon/access"
	"carillon/campaigns"
	"carillon/campaigns/flow"
	"carillon/campaigns/flows"
	"carillon/internal/secret"
	"carillon/messages"
	"carillon/providers"
	"carillon/targeting"
)

// The most people who are asked something, and the most events that are told.
const (
	mostAsked  = 100_000
	mostEvents = 200_000
)

// eventsEach is how many events a request tells, the most that one may; tellers is how
// many requests there are at a time.
const (
	eventsEach = 1000
	tellers    = 4
)

// flowsResult is what flows take. Rates are per second.
type flowsResult struct {
	Store      string `json:"store"`
	Recipients int    `json:"recipients"`
	// Enter is who enters and stands at a wait, behind a branch.
	Enter float64 `json:"enter_per_second"`
	// Wake is whose message is made, of all whose wait is over at one moment; WakeSent are
	// the messages sent, from then to the last one. What the pause took is left out.
	Wake     float64 `json:"wake_per_second"`
	WakeSent float64 `json:"wake_send_per_second"`
	// Transactional is the median from creating a transactional message to its arrival
	// meanwhile, on the same channel, and Worst the longest.
	Transactional float64 `json:"transactional_seconds"`
	Worst         float64 `json:"transactional_worst_seconds"`
	// PauseSeconds is pausing the flow in the middle of it, and MovedAfter how many were
	// moved in the two seconds after the answer.
	PauseSeconds float64 `json:"pause_seconds"`
	MovedAfter   int64   `json:"moved_after_pause"`
	// PeakBefore and Peak are the most resident memory that the process ever had, before
	// anybody woke and when all were through; 0 where the system does not tell.
	PeakBefore int64 `json:"peak_process_bytes_before_waking"`
	Peak       int64 `json:"peak_process_bytes"`
	// VerifySeconds is verifying the flow then.
	VerifySeconds float64 `json:"verify_seconds"`
	// Asked people were asked a question, which each answered at once; Replies is how many
	// were through with it, with a branch and another message, a second.
	Asked   int     `json:"asked"`
	Replies float64 `json:"replies_per_second"`
	// Events are told over HTTP, 1000 with a request, four requests at a time.
	Events float64 `json:"events_per_second"`
	// Verified says that both flows account for everybody, that the sink was asked for
	// each message once, and that each event was new.
	Verified bool `json:"verified"`
}

func (r flowsResult) balances() bool { return r.Verified }

// RunFlows measures flows on each of the stores, sqlite and postgres if none is named, in
// a process for each.
func (s Suite) RunFlows(ctx context.Context, stores []string, recipients int) error {
	return onEach(ctx, s, sized{stores, recipients}, writeFlowsTable, func(scenario Scenario) (result flowsResult, err error) {
		err = callChild(ctx, "flows", scenario, s.Progress, &result)
		return result, err
	})
}

// runFlows measures flows on one store.
func runFlows(ctx context.Context, s Scenario, progress io.Writer) (result flowsResult, err error) {
	result = flowsResult{Store: s.Store, Recipients: s.Recipients, Asked: min(s.Recipients, mostAsked)}
	b, err := newBench(s, progress)
	if err != nil {
		return result, err
	}
	err = b.withServer(ctx, progress, func(url string) error {
		if err := b.prepare(ctx); err != nil {
			return err
		}
		asked, _, err := b.take(ctx, result.Asked)
		if err != nil {
			return err
		}
		everybody, seconds, err := b.take(ctx, s.Recipients)
		if err != nil {
			return err
		}
		b.say("import: %.0f rows/s", float64(s.Recipients)/seconds)
		for _, step := range []func() error{
			func() error { return b.wake(ctx, everybody.ID, &result) },
			func() error { return b.ask(ctx, asked.ID, &result) },
			func() error { return b.tell(ctx, url, &result) },
		} {
			if err := step(); err != nil {
				return err
			}
		}
		return nil
	})
	result.Verified = b.result.Verified
	return result, err
}

// startFlow starts a flow that everybody of an upload enters.
func (b *bench) startFlow(ctx context.Context, channel, upload int64, steps []flow.Step) (flows.Flow, error) {
	f, err := b.engine.Flows.Create(ctx, flows.Flow{
		Campaign: campaigns.Campaign{
			AccountID: b.account, Name: "bench " + strconv.FormatInt(system.Now().UnixNano(), 36), ChannelID: channel,
			Audience: targeting.Audience{Uploads: []int64{upload}},
		},
		Definition: flow.Definition{Steps: steps},
	})
	if err == nil {
		f, err = b.engine.Flows.Start(ctx, b.account, f.ID, "bench")
	}
	b.engine.Wake()
	return f, err
}

// until looks at a flow until something holds.
func (b *bench) until(ctx context.Context, f flows.Flow, holds func(flows.Report) bool) error {
	for {
		report, err := b.engine.Flows.Report(ctx, b.account, f.ID)
		if err != nil || holds(report) {
			return err
		}
		// Who stands where is counted at each look: few of them, so that they are no load.
		if err := system.Sleep(ctx, max(500*time.Millisecond, time.Duration(b.s.Recipients)*2*time.Microsecond)); err != nil {
			return err
		}
	}
}

// saying is the run of a flow's only step that says something.
func (b *bench) saying(ctx context.Context, f flows.Flow) (step campaigns.Run, made int64, err error) {
	runs, err := b.engine.Campaigns.Runs(ctx, b.account, f.ID, 0, 10)
	for _, run := range runs {
		if run.Kind == campaigns.RunStep {
			for _, n := range run.Counts {
				made += n
			}
			return run, made, err
		}
	}
	return step, 0, err
}

// wake lets everybody of a flow wake at one moment: it is paused until everybody's wait is
// over, and resumed.
func (b *bench) wake(ctx context.Context, upload int64, result *flowsResult) error {
	people := int64(b.s.Recipients)
	wait := 5*time.Second + time.Duration(people)*250*time.Microsecond
	start := system.Now()
	f, err := b.startFlow(ctx, b.channel.ID, upload, []flow.Step{
		{ID: "enter", Kind: flow.Branch, Branches: []flow.BranchWay{{Share: 50, Next: "doze"}}},
		{ID: "doze", Kind: flow.Wait, Wait: &flow.WaitFor{For: strconv.Itoa(int(wait.Seconds())) + "s"}},
		{ID: "say", Kind: flow.Send, Content: &flow.Saying{Content: b.content.Templates}},
		{ID: "end", Kind: flow.End},
	})
	if err != nil {
		return err
	}
	err = b.until(ctx, f, func(r flows.Report) bool {
		for _, step := range r.Steps {
			if step.Step == "doze" {
				return step.Here >= people
			}
		}
		return false
	})
	if err != nil {
		return err
	}
	result.Enter = float64(people) / since(start)
	if _, err := b.engine.Campaigns.Pause(ctx, b.account, f.ID, "bench"); err != nil {
		return err
	}
	_, made, err := b.saying(ctx, f)
	if err == nil && made > 0 {
		err = fmt.Errorf("%d waits were over before everybody had entered", made)
	}
	if err != nil {
		return err
	}
	b.say("entered: %.0f people/s", result.Enter)
	if err := system.Sleep(ctx, wait+time.Second); err != nil {
		return err
	}
	result.PeakBefore = peakResidentBytes()
	before, err := b.sink.tally(ctx)
	if err != nil {
		return err
	}
	beside, _ := b.besides(ctx)
	err = b.awaken(ctx, f, result)
	if err := errors.Join(err, beside.stop(&b.result)); err != nil {
		return err
	}
	result.Transactional, result.Worst, result.Peak = b.result.AtFullSpeed, b.result.AtFullSpeedWorst, peakResidentBytes()
	if err := b.until(ctx, f, func(r flows.Report) bool { return r.Inside == 0 }); err != nil {
		return err
	}
	b.say("woke: %.0f people/s, sent %.0f messages/s; transactional after %.0f ms, at most %.0f ms", result.Wake, result.WakeSent,
		result.Transactional*1000, result.Worst*1000)
	b.say("paused in %.0f ms, %d moved after it; %d MiB before, %d after", result.PauseSeconds*1000, result.MovedAfter, result.PeakBefore>>20, result.Peak>>20)
	after, err := b.sink.tally(ctx)
	if err != nil {
		return err
	}
	if asked := after.Asked - before.Asked; asked != people+b.result.singles {
		b.result.Verified = false
		b.say("the sink was asked for %d messages, not %d", asked, people+b.result.singles)
	}
	start = system.Now()
	err = b.verifyFlow(ctx, f)
	result.VerifySeconds = since(start)
	return err
}

// awaken resumes a flow in which everybody is due, pauses it when a fifth was moved, and
// waits until everything is sent.
func (b *bench) awaken(ctx context.Context, f flows.Flow, result *flowsResult) error {
	const watched = 2 * time.Second
	people := int64(b.s.Recipients)
	moved := func(share int64) (int64, error) {
		for {
			_, made, err := b.saying(ctx, f)
			if err != nil || made >= people/share {
				return made, err
			}
			if err := system.Sleep(ctx, 10*time.Millisecond); err != nil {
				return made, err
			}
		}
	}
	start := system.Now()
	if _, err := b.engine.Campaigns.Resume(ctx, b.account, f.ID, "bench"); err != nil {
		return err
	}
	b.engine.Wake()
	if _, err := moved(5); err != nil {
		return err
	}
	pausing := system.Now()
	if _, err := b.engine.Campaigns.Pause(ctx, b.account, f.ID, "bench"); err != nil {
		return err
	}
	result.PauseSeconds = since(pausing)
	_, made, err := b.saying(ctx, f)
	if err != nil {
		return err
	}
	if err := system.Sleep(ctx, watched); err != nil {
		return err
	}
	_, later, err := b.saying(ctx, f)
	if err != nil {
		return err
	}
	result.MovedAfter = later - made
	if _, err := b.engine.Campaigns.Resume(ctx, b.account, f.ID, "bench"); err != nil {
		return err
	}
	paused := since(pausing)
	b.engine.Wake()
	if _, err := moved(1); err != nil {
		return err
	}
	result.Wake = float64(people) / (since(start) - paused)
	for {
		run, _, err := b.saying(ctx, f)
		if err != nil {
			return err
		}
		if run.Counts[messages.Sent]+run.Counts[messages.Failed]+run.Counts[messages.Skipped] >= people {
			break
		}
		if err := system.Sleep(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
	result.WakeSent = float64(people) / (since(start) - paused)
	return nil
}

// ask asks people something, whom a sandbox channel lets answer at once.
func (b *bench) ask(ctx context.Context, upload int64, result *flowsResult) error {
	channel, err := b.engine.Store.CreateChannel(ctx, providers.Channel{
		AccountID: b.account, Name: "bench replies", Provider: "sandbox", Address: providers.Email, Timezone: "UTC", Status: providers.ChannelActive,
		Config: json.RawMessage(`{"receipts": "none", "replies": {"How many": ["1", "2", "3", "4", "5"]}}`),
	})
	if err != nil {
		return err
	}
	say := func(text string) *flow.Saying {
		return &flow.Saying{Content: providers.Content{Subject: "A question", Text: text}}
	}
	start := system.Now()
	f, err := b.startFlow(ctx, channel.ID, upload, []flow.Step{
		{ID: "stars", Kind: flow.Ask, Content: say("How many stars, from 1 to 5?"), Question: &flow.Question{Type: flow.Number, Rule: ">=1 <=5", Timeout: "1d"}},
		{ID: "judge", Kind: flow.Branch, Branches: []flow.BranchWay{{Rule: all(condition("answers.stars", "greater", 3)), Next: "thanks"}}, Next: "sorry"},
		{ID: "thanks", Kind: flow.Send, Content: say("Thank you for {{ answers.stars }} stars!"), Next: "end"},
		{ID: "sorry", Kind: flow.Send, Content: say("Sorry to hear that."), Next: "end"},
		{ID: "end", Kind: flow.End, Outcome: "answered"},
	})
	if err != nil {
		return err
	}
	var answered int64
	err = b.until(ctx, f, func(r flows.Report) bool {
		for _, o := range r.Outcomes {
			if o.Outcome == "answered" {
				answered = o.Count
			}
		}
		return r.Entered >= int64(result.Asked) && r.Inside == 0
	})
	if err != nil {
		return err
	}
	result.Replies = float64(result.Asked) / since(start)
	b.say("asked %d: %.0f people/s through question, branch and answer", result.Asked, result.Replies)
	if answered != int64(result.Asked) {
		b.result.Verified = false
		b.say("%d people answered, not %d", answered, result.Asked)
	}
	return b.verifyFlow(ctx, f)
}

// verifyFlow checks that a flow accounts for everybody.
func (b *bench) verifyFlow(ctx context.Context, f flows.Flow) error {
	problems, err := b.engine.Flows.Verify(ctx, b.account, f.ID)
	for _, problem := range problems {
		b.result.Verified = false
		b.say("flow %d does not balance: %s", f.ID, problem)
	}
	return err
}

// tell tells events of people over HTTP, as a program does.
func (b *bench) tell(ctx context.Context, url string, result *flowsResult) error {
	_, key, err := b.engine.Keys.Create(ctx, access.Key{AccountID: b.account, Name: "bench", Role: access.Admin})
	if err != nil {
		return err
	}
	count := min(2*b.s.Recipients, mostEvents) / eventsEach
	requests := make(chan []byte, count)
	for i := range count {
		var body bytes.Buffer
		body.WriteString(`{"events":[`)
		for j := range eventsEach {
			n := i*eventsEach + j
			if j > 0 {
				body.WriteByte(',')
			}
			_, _ = fmt.Fprintf(&body, `{"address":%q,"kind":"email","id":"order-%d","payload":{"total":%d.5,"article":"a bell"}}`,
				address(n%b.s.Recipients), n, n%100)
		}
		body.WriteString(`]}`)
		requests <- body.Bytes()
	}
	close(requests)
	t := teller{&http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: tellers}}, url + "/v1/events/order.paid", key}
	defer t.client.CloseIdleConnections()
	start := system.Now()
	var taken atomic.Int64
	var wg sync.WaitGroup
	failures := make(chan error, tellers)
	for range tellers {
		wg.Go(func() {
			for body := range requests {
				n, err := t.post(ctx, body)
				if err != nil {
					failures <- err
					return
				}
				taken.Add(n)
			}
		})
	}
	wg.Wait()
	close(failures)
	if err := <-failures; err != nil {
		return err
	}
	result.Events = float64(count*eventsEach) / since(start)
	b.say("events: %.0f/s", result.Events)
	if taken.Load() != int64(count*eventsEach) {
		b.result.Verified = false
		b.say("%d events were taken, not %d", taken.Load(), count*eventsEach)
	}
	return nil
}

// teller is a program that tells events.
type teller struct {
	client *http.Client
	url    string
	key    secret.String
}

// post tells events, and says how many were new.
func (t teller) post(ctx context.Context, body []byte) (int64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Authorization", "Bearer "+t.key.Reveal())
	request.Header.Set("Content-Type", "application/json")
	answer, err := t.client.Do(request)
	if err != nil {
		return 0, err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(answer.Body)
		return 0, fmt.Errorf("events: %s: %s", answer.Status, text)
	}
	var told struct{ Taken int64 }
	err = json.NewDecoder(answer.Body).Decode(&told)
	return told.Taken, err
}

// writeFlowsTable writes results as a table.
func writeFlowsTable(out io.Writer, results []flowsResult) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, strings.Join([]string{
		"STORE", "PEOPLE", "ENTER/S", "WAKE/S", "SEND/S", "TRANSACTIONAL MS", "WORST MS", "PAUSE MS", "MOVED AFTER", "MIB BEFORE", "MIB", "VERIFY S", "ASKED",
		"REPLIES/S", "EVENTS/S", "VERIFIED",
	}, "\t"))
	for _, r := range results {
		_, _ = fmt.Fprintf(w, "%s\t%d\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t%d\t%d\t%d\t%.1f\t%d\t%.0f\t%.0f\t%t\n",
			r.Store, r.Recipients, r.Enter, r.Wake, r.WakeSent, r.Transactional*1000, r.Worst*1000, r.PauseSeconds*1000, r.MovedAfter,
			r.PeakBefore>>20, r.Peak>>20, r.VerifySeconds, r.Asked, r.Replies, r.Events, r.Verified)
	}
	return w.Flush()
}
