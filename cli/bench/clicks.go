package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"carillon/campaigns"
	"carillon/internal/secret"
	"carillon/messages"
	"carillon/tracking"
)

// clickRate is how many clicks a second are to be taken while a campaign is sent.
const clickRate = 5000

// clicking is what somebody clicks: links of the messages of a run, each in turn.
type clicking struct {
	// URL is where the server answers.
	URL                        string
	AccountID, RunID           int64
	FirstMessage, MessageCount int64
	// Number is the link's in its run.
	Number int
	// Rate is how many a second, 0 for as many as are answered; Seconds for how long.
	Rate    float64
	Seconds float64
}

// clicked is what came of it.
type clicked struct {
	// Answered led somewhere, Failed did not.
	Answered, Failed int64
	Seconds          float64
	// Median, Most (99 in a hundred) and Worst are what an answer took, in ms.
	Median, Most, Worst float64
	// Micros is the processor time that a click takes of Carillon and of the store, in µs,
	// until it is counted; of Alone and Own.
	Micros float64
}

func (c clicked) rate() float64 { return float64(c.Answered) / c.Seconds }

// clickers is how many click at a time.
const clickers = 32

// clickUntil clicks for as long as it is to, and until its input ends.
func clickUntil(ctx context.Context, c clicking, in io.Reader) (clicked, error) {
	clicking, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, in)
		stop()
	}()
	return click(clicking, c), ctx.Err()
}

// click clicks until the context ends, or its time is over.
func click(ctx context.Context, c clicking) (result clicked) {
	tokens := messages.NewTokens(secret.NewRing(secret.New(benchKey)), messages.NewHosts(c.URL))
	client := &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: clickers, MaxConnsPerHost: clickers},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	defer client.CloseIdleConnections()
	start := system.Now()
	var next, failed atomic.Int64
	var mu sync.Mutex
	var took []float64
	var all sync.WaitGroup
	for range clickers {
		all.Go(func() {
			var mine []float64
			for ctx.Err() == nil && since(start) < c.Seconds {
				i := next.Add(1) - 1
				if c.Rate > 0 {
					due := start.Add(time.Duration(float64(i) / c.Rate * float64(time.Second)))
					if wait := due.Sub(system.Now()); wait > 0 && system.Sleep(ctx, wait) != nil {
						break
					}
				}
				message := c.FirstMessage + i*7919%c.MessageCount
				links := tokens.Links(messages.Unsubscriber{AccountID: c.AccountID, MessageID: message}).Tracked(c.RunID)
				began := system.Now()
				// A request that was sent is answered and counted, whoever stops meanwhile.
				if follow(context.WithoutCancel(ctx), client, links.ClickURL(tracking.Link{Number: c.Number, Place: 1, Of: 1})) != nil {
					failed.Add(1)
					continue
				}
				mine = append(mine, since(began)*1000)
			}
			mu.Lock()
			defer mu.Unlock()
			took = append(took, mine...)
		})
	}
	all.Wait()
	result = clicked{Answered: int64(len(took)), Failed: failed.Load(), Seconds: since(start)}
	if slices.Sort(took); len(took) > 0 {
		result.Median, result.Most, result.Worst = took[len(took)/2], took[len(took)*99/100], took[len(took)-1]
	}
	return result
}

// follow asks for a link as a browser does; where it leads, nobody goes.
func follow(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	request.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, answer.Body)
	if answer.StatusCode != http.StatusFound {
		err = errors.Join(err, fmt.Errorf("answered %s", answer.Status))
	}
	return errors.Join(err, answer.Body.Close())
}

// clicksResult is what clicks take, and what they take from sending. Rates are per second.
type clicksResult struct {
	Store      string `json:"store"`
	Recipients int    `json:"recipients"`
	// Untracked is sending without tracking, Tracked with it, and Clicked with it while
	// clickRate clicks a second come.
	Untracked float64 `json:"send_per_second_untracked"`
	Tracked   float64 `json:"send_per_second_tracked"`
	Clicked   float64 `json:"send_per_second_while_clicked"`
	// Meanwhile are the clicks that came meanwhile, Alone as many as are answered when
	// nothing is sent, and Own the same of a link that is each recipient's own, for which the
	// message is made again.
	Meanwhile clicked `json:"clicks_while_sending"`
	Alone     clicked `json:"clicks_alone"`
	Own       clicked `json:"clicks_alone_on_own_links"`
	// Verified says that as many are counted as were answered.
	Verified bool `json:"verified"`
}

// RunClicks measures clicks on each of the stores: sqlite and postgres if none is named.
func (s Suite) RunClicks(ctx context.Context, stores []string, recipients int) error {
	return onEach(ctx, s, sized{stores, recipients}, writeClicksTable, func(scenario Scenario) (clicksResult, error) {
		return runClicks(ctx, scenario, s.Progress)
	})
}

func (r clicksResult) balances() bool { return r.Verified }

// runClicks measures clicks on one store.
func runClicks(ctx context.Context, s Scenario, progress io.Writer) (result clicksResult, err error) {
	result = clicksResult{Store: s.Store, Recipients: s.Recipients}
	b, err := newBench(s, progress)
	if err != nil {
		return result, err
	}
	// Its only link is each recipient's own: one more is the same for everybody.
	const bells = "https://www.example.org/bells"
	b.content.Templates.HTML += `<p><a href="` + bells + `">The bells</a></p>`
	b.content.Templates.Text += "\nThe bells: " + bells + "\n"
	err = b.withServer(ctx, progress, func(url string) error {
		for _, step := range []func(context.Context) error{b.prepare, b.importCSV, b.planAndSend} {
			if err := step(ctx); err != nil {
				return err
			}
		}
		result.Untracked = b.result.SendRate
		b.tracks = tracking.Settings{Links: true, Opens: true, Parameters: map[string]string{"utm_source": tracking.Source}}
		if err := b.planAndSend(ctx); err != nil {
			return err
		}
		result.Tracked = b.result.SendRate
		clicks, err := b.clicking(ctx, url)
		if err != nil {
			return err
		}
		return b.clickThrough(ctx, clicks, &result, progress)
	})
	return result, err
}

// clicking is what is clicked of the campaign that was sent last.
func (b *bench) clicking(ctx context.Context, url string) (c clicking, err error) {
	campaign, err := b.engine.Campaigns.Get(ctx, b.account, b.sent.ID)
	if err != nil {
		return c, err
	}
	list, err := b.engine.Store.ListMessages(ctx, messages.MessageFilter{AccountID: b.account, RunID: campaign.RunID, Limit: 1})
	if err != nil || len(list) == 0 {
		return c, errors.Join(err, errors.New("nothing was sent"))
	}
	return clicking{URL: url, AccountID: b.account, RunID: campaign.RunID, FirstMessage: list[0].ID, MessageCount: int64(b.people())}, nil
}

// numbers are those of a link of a run that is the same for everybody, and of one that is
// each recipient's own.
func (b *bench) numbers(ctx context.Context, runID int64) (fixed, own int, err error) {
	addresses, err := b.engine.Store.RunLinks(ctx, runID)
	table := tracking.NewTable(addresses)
	for number := table.Len(); number > 0; number-- {
		if _, same := table.Fixed(number); same {
			fixed = number
		} else {
			own = number
		}
	}
	if err == nil && (fixed == 0 || own == 0) {
		err = errors.New("the content has no links of both kinds")
	}
	return fixed, own, err
}

// clickThrough has the links of a campaign clicked alone, and while another is sent.
func (b *bench) clickThrough(ctx context.Context, c clicking, result *clicksResult, progress io.Writer) error {
	const alone, most = 8, 600 // seconds
	fixed, own, err := b.numbers(ctx, c.RunID)
	if err != nil {
		return err
	}
	total := int64(0)
	c.Seconds = alone
	for _, one := range []struct {
		number int
		into   *clicked
	}{{fixed, &result.Alone}, {own, &result.Own}} {
		c.Number = one.number
		busy, err := b.meter(ctx, func() error {
			clickers, err := startClickers(ctx, b.s, c, progress)
			if err != nil {
				return err
			}
			if err := clickers.result(one.into); err != nil {
				return err
			}
			total += one.into.Answered
			return b.counted(ctx, c.RunID, total)
		})
		if err != nil {
			return err
		}
		one.into.Micros = (busy.process + busy.store) * 1e6 / float64(one.into.Answered)
		b.say("clicks alone on link %d: %.0f/s, %.0f µs each, %s", one.number, one.into.rate(), one.into.Micros, busy.cores())
	}
	c.Number = fixed

	// They come from before the campaign is sent until it is.
	c.Rate, c.Seconds = clickRate, most
	clickers, err := startClickers(ctx, b.s, c, progress)
	if err != nil {
		return err
	}
	err = b.planAndSend(ctx)
	if err := errors.Join(err, clickers.input.Close(), clickers.result(&result.Meanwhile)); err != nil {
		return err
	}
	result.Clicked = b.result.SendRate
	if err := b.counted(ctx, c.RunID, total+result.Meanwhile.Answered); err != nil {
		return err
	}
	result.Verified = b.result.Verified && result.Alone.Failed+result.Own.Failed+result.Meanwhile.Failed == 0
	b.say("clicks while sending: %.0f/s, median %.1f ms", result.Meanwhile.rate(), result.Meanwhile.Median)
	return nil
}

// countedWithin is how long the last click may take to be counted.
const countedWithin = 30 * time.Second

// clickersProcess is a process that plays recipients.
type clickersProcess struct {
	child  *exec.Cmd
	input  io.WriteCloser
	output io.Reader
}

func startClickers(ctx context.Context, s Scenario, c clicking, progress io.Writer) (*clickersProcess, error) {
	s.Clicking = c
	child, err := childOf(ctx, "clicks", s, progress)
	if err != nil {
		return nil, err
	}
	p := &clickersProcess{child: child}
	if p.input, err = child.StdinPipe(); err != nil {
		return nil, err
	}
	if p.output, err = child.StdoutPipe(); err != nil {
		return nil, err
	}
	return p, child.Start()
}

// result waits for the end.
func (p *clickersProcess) result(into *clicked) error {
	err := json.NewDecoder(p.output).Decode(into)
	return errors.Join(err, p.child.Wait())
}

// counted waits until as many clicks of a run are counted as were answered.
func (b *bench) counted(ctx context.Context, runID, want int64) error {
	var run campaigns.Run
	for start := system.Now(); since(start) < countedWithin.Seconds(); {
		var err error
		if run, err = b.engine.Store.GetRun(ctx, b.account, runID); err != nil {
			return err
		}
		if run.Engagement.Clicks+run.Engagement.MachineClicks >= want {
			break
		}
		if err := system.Sleep(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
	if got := run.Engagement.Clicks + run.Engagement.MachineClicks; got != want {
		return fmt.Errorf("%d clicks were answered and %d are counted", want, got)
	}
	return nil
}

func writeClicksTable(out io.Writer, results []clicksResult) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, strings.Join([]string{
		"STORE", "SEND/S UNTRACKED", "TRACKED", "WHILE CLICKED", "CLICKS/S THEN", "MEDIAN MS", "99 % MS", "CLICKS/S ALONE",
		"µS EACH", "ON OWN LINKS", "µS EACH", "VERIFIED",
	}, "\t"))
	for _, r := range results {
		_, _ = fmt.Fprintf(w, "%s\t%.0f\t%.0f\t%.0f\t%.0f\t%.1f\t%.1f\t%.0f\t%.0f\t%.0f\t%.0f\t%t\n", r.Store, r.Untracked, r.Tracked, r.Clicked, r.Meanwhile.rate(),
			r.Meanwhile.Median, r.Meanwhile.Most, r.Alone.rate(), r.Alone.Micros, r.Own.rate(), r.Own.Micros, r.Verified)
	}
	return w.Flush()
}
