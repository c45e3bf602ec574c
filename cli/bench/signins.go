package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"carillon/access"
	"carillon/internal/secret"
)

// signingIn is how many people sign in at a time: each again as soon as they are in.
const signingIn = 4

// signedIn is what sign-ins took.
type signedIn struct {
	Count   int     `json:"count"`
	Seconds float64 `json:"seconds"`
	// Median, Most (99 in a hundred) and Worst are what an answer took, in ms.
	Median float64 `json:"median_ms"`
	Most   float64 `json:"p99_ms"`
	Worst  float64 `json:"worst_ms"`
}

func (s signedIn) rate() float64 { return float64(s.Count) / s.Seconds }

// signInsResult is what sign-ins take, and what they take from sending. Rates are per second.
type signInsResult struct {
	Store      string `json:"store"`
	Recipients int    `json:"recipients"`
	// Alone are sign-ins when nothing is sent; Meanwhile while a campaign is sent.
	Alone     signedIn `json:"alone"`
	Meanwhile signedIn `json:"while_sending"`
	// Sent is sending by itself, Beside while people sign in.
	Sent     float64 `json:"send_per_second"`
	Beside   float64 `json:"send_per_second_beside"`
	Verified bool    `json:"verified"`
}

func (r signInsResult) balances() bool { return r.Verified }

// RunSignIns measures how long people wait who sign in, on each of the stores: sqlite and
// postgres if none is named.
func (s Suite) RunSignIns(ctx context.Context, stores []string, recipients int) error {
	return onEach(ctx, s, sized{stores, recipients}, writeSignInsTable, func(scenario Scenario) (signInsResult, error) {
		return runSignIns(ctx, scenario, s.Progress)
	})
}

// runSignIns measures sign-ins on one store.
func runSignIns(ctx context.Context, s Scenario, progress io.Writer) (result signInsResult, err error) {
	result = signInsResult{Store: s.Store, Recipients: s.Recipients}
	b, err := newBench(s, progress)
	if err != nil {
		return result, err
	}
	const alone = 8 * time.Second
	err = b.withServer(ctx, progress, func(url string) error {
		for _, step := range []func(context.Context) error{b.prepare, b.importCSV, b.planAndSend, b.invite} {
			if err := step(ctx); err != nil {
				return err
			}
		}
		result.Sent, result.Verified = b.result.SendRate, b.result.Verified
		quiet, stop := context.WithTimeout(ctx, alone)
		defer stop()
		if result.Alone, err = signIn(quiet, url); err != nil {
			return err
		}
		b.say("sign-ins alone: %.1f/s, median %.0f ms, 99 in 100 within %.0f ms", result.Alone.rate(), result.Alone.Median, result.Alone.Most)
		sending, sent := context.WithCancel(ctx)
		done := make(chan error, 1)
		go func() {
			var err error
			result.Meanwhile, err = signIn(sending, url)
			done <- err
		}()
		err := b.planAndSend(ctx)
		sent()
		if err := errors.Join(err, <-done); err != nil {
			return err
		}
		result.Beside, result.Verified = b.result.SendRate, result.Verified && b.result.Verified
		b.say("sign-ins while sending: %.1f/s, median %.0f ms, 99 in 100 within %.0f ms", result.Meanwhile.rate(), result.Meanwhile.Median, result.Meanwhile.Most)
		return nil
	})
	return result, err
}

const benchPassword = "a sentence for measuring alone"

func benchPerson(n int) string { return fmt.Sprintf("person%d@example.org", n) }

// invite makes the people who sign in.
func (b *bench) invite(ctx context.Context) error {
	for n := range signingIn {
		_, token, _, err := b.engine.People.Invite(ctx, access.Invitation{AccountID: b.account, Email: benchPerson(n), Role: access.Viewer})
		if err == nil {
			_, err = b.engine.People.Accept(ctx, access.Accepting{Token: token, Name: "Somebody", Password: secret.New(benchPassword)})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// signIn has people sign in at a server until the context ends.
func signIn(ctx context.Context, url string) (result signedIn, err error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: signingIn}}
	defer client.CloseIdleConnections()
	start := system.Now()
	var mu sync.Mutex
	var took []float64
	var all sync.WaitGroup
	for n := range signingIn {
		all.Go(func() {
			for ctx.Err() == nil {
				began := system.Now()
				failed := enter(context.WithoutCancel(ctx), client, url, benchPerson(n))
				mu.Lock()
				took, err = append(took, since(began)*1000), errors.Join(err, failed)
				mu.Unlock()
				if failed != nil {
					return
				}
			}
		})
	}
	all.Wait()
	slices.Sort(took)
	result = signedIn{Count: len(took), Seconds: since(start)}
	if len(took) > 0 {
		result.Median, result.Most, result.Worst = took[len(took)/2], took[len(took)*99/100], took[len(took)-1]
	}
	return result, err
}

// enter signs somebody in.
func enter(ctx context.Context, client *http.Client, url, email string) error {
	body, err := json.Marshal(map[string]string{"email": email, "password": benchPassword})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/session", bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	said, err := io.ReadAll(answer.Body)
	if answer.StatusCode != http.StatusOK {
		err = errors.Join(err, fmt.Errorf("a sign-in was answered %s: %s", answer.Status, said))
	}
	return errors.Join(err, answer.Body.Close())
}

func writeSignInsTable(out io.Writer, results []signInsResult) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, strings.Join([]string{
		"STORE", "SIGN-INS/S ALONE", "MEDIAN MS", "99 % MS", "WHILE SENDING", "MEDIAN MS", "99 % MS", "WORST MS", "SEND/S", "BESIDE SIGN-INS", "VERIFIED",
	}, "\t"))
	for _, r := range results {
		_, _ = fmt.Fprintf(w, "%s\t%.1f\t%.0f\t%.0f\t%.1f\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t%t\n", r.Store, r.Alone.rate(), r.Alone.Median, r.Alone.Most,
			r.Meanwhile.rate(), r.Meanwhile.Median, r.Meanwhile.Most, r.Meanwhile.Worst, r.Sent, r.Beside, r.Verified)
	}
	return w.Flush()
}
