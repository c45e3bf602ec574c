package sandbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/providers"
	"carillon/providers/providertest"
	"carillon/providers/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr"

func TestContract(t *testing.T) {
	with := func(settings string) json.RawMessage {
		return json.RawMessage(fmt.Sprintf(`{"secret": %q, "receipts": "normal", %s}`, key, settings))
	}
	providertest.Run(t, providertest.Subject{
		Kind:    sandbox.Kind(),
		Config:  with(`"latency_ms": 0`),
		Slow:    with(`"latency_ms": 1000`),
		Secrets: []string{key},
		Refusals: []providertest.Refusal{
			{Name: "fail", Config: with(`"fail_rate": 1`), Kind: providers.ErrorContent, Code: "failed"},
			{Name: "reject", Config: with(`"reject_rate": 1`), Kind: providers.ErrorRecipient, Code: "no_such_recipient"},
			{Name: "temporary", Config: with(`"temporary_rate": 1`), Kind: providers.ErrorTemporary, Code: "try_later"},
			{Name: "throttle", Config: with(`"throttle_rate": 1`), Kind: providers.ErrorThrottled, Code: "slow_down", RetryAfter: 250 * time.Millisecond},
			{Name: "in doubt", Config: with(`"in_doubt_rate": 1`), Kind: providers.ErrorInDoubt},
		},
		Receipt: providertest.SignedReceipt(key),
		Reply:   providertest.SignedReply(key),
		Parts:   providertest.AllParts(),
	})
}

// mailbox collects receipts and tells when there are as many as wanted.
type mailbox struct {
	mu       sync.Mutex
	receipts []providers.Receipt
	sizes    []int
	came     chan struct{}
	refuse   error
}

func newMailbox() *mailbox { return &mailbox{came: make(chan struct{}, 1)} }

func (b *mailbox) receive(_ context.Context, receipts []providers.Receipt) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case b.came <- struct{}{}:
	default:
	}
	if b.refuse != nil {
		return b.refuse
	}
	b.receipts = append(b.receipts, receipts...)
	b.sizes = append(b.sizes, len(receipts))
	return nil
}

func (b *mailbox) wait(t *testing.T, n int) []providers.Receipt {
	t.Helper()
	for {
		b.mu.Lock()
		receipts := slices.Clone(b.receipts)
		b.mu.Unlock()
		if len(receipts) >= n {
			return receipts
		}
		select {
		case <-b.came:
		case <-t.Context().Done():
			require.Failf(t, "too few receipts", "%d of %d", len(receipts), n)
		}
	}
}

func open(t *testing.T, config string, c clock.Clock, b *mailbox) providers.Provider {
	t.Helper()
	p, err := sandbox.Kind().New(json.RawMessage(config), providers.Deps{Clock: c, Receive: b.receive})
	require.NoError(t, err)
	return p
}

func message(id int64, attempt int) providers.Message {
	m := providertest.Message(providers.Email, id)
	m.Attempt = attempt
	return m
}

// outcome is what became of a message, as a word.
func outcome(t *testing.T, p providers.Provider, id int64, attempt int) string {
	t.Helper()
	_, err := p.Send(t.Context(), message(id, attempt))
	if err == nil {
		return "sent"
	}
	return string(providers.AsError(err).Kind)
}

func TestFateIsRepeatableAndInProportion(t *testing.T) {
	const n = 20000
	config := `{"seed": 5, "fail_rate": 0.1, "reject_rate": 0.1, "temporary_rate": 0.2, "throttle_rate": 0.05, "in_doubt_rate": 0.05, "receipts": "none"}`
	run := func(config string) []string {
		p := open(t, config, nil, newMailbox())
		defer func() { require.NoError(t, p.Close()) }()
		fates := make([]string, n)
		for i := range fates {
			fates[i] = outcome(t, p, int64(i+1), 1)
		}
		return fates
	}
	first := run(config)
	require.Equal(t, first, run(config), "the same seed repeats a run")
	require.NotEqual(t, first, run(`{"seed": 6`+config[len(`{"seed": 5`):]))
	counts := map[string]int{}
	for _, fate := range first {
		counts[fate]++
	}
	for fate, share := range map[string]float64{
		"content": 0.1, "recipient": 0.1, "temporary": 0.2, "throttled": 0.05, "in_doubt": 0.05, "sent": 0.5,
	} {
		require.InDelta(t, share, float64(counts[fate])/n, 0.015, fate)
	}
}

// A throttled attempt comes again under the same number; it must not be
// throttled for ever. A temporary failure comes again under the next.
func TestEveryMessageEnds(t *testing.T) {
	p := open(t, `{"throttle_rate": 0.5, "temporary_rate": 0.5, "receipts": "none"}`, nil, newMailbox())
	defer func() { require.NoError(t, p.Close()) }()
	for id := range int64(500) {
		attempt, asked := 1, 0
		for fate := ""; fate != "sent"; asked++ {
			require.Less(t, asked, 200)
			if fate = outcome(t, p, id+1, attempt); fate == "temporary" {
				attempt++
			}
		}
	}
}

func TestReceipts(t *testing.T) {
	c, b := clock.NewFake(providertest.Now), newMailbox()
	p := open(t, `{"read_rate": 0.5, "receipt_delay_ms": 1000, "receipts": "normal"}`, c, b)
	const n = 200
	for id := range int64(n) {
		require.Equal(t, "sent", outcome(t, p, id+1, 1))
	}
	require.Empty(t, b.wait(t, 0), "nothing is due")
	c.Advance(time.Second)
	receipts := b.wait(t, n)
	for _, e := range receipts {
		require.Equal(t, providers.ReceiptDelivered, e.Status)
		require.Equal(t, providertest.Now.Add(time.Second), e.At)
	}
	require.NoError(t, p.Close())
	receipts = b.wait(t, n)
	reads := len(receipts) - n
	require.InDelta(t, n/2, reads, 30, "closing reports what is left")
	for _, e := range receipts[n:] {
		require.Equal(t, providers.ReceiptRead, e.Status)
	}
}

func TestChaoticReceipts(t *testing.T) {
	b := newMailbox()
	p := open(t, `{"read_rate": 1, "receipts": "chaotic", "seed": 3}`, nil, b)
	for id := range int64(300) {
		require.Equal(t, "sent", outcome(t, p, id+1, 1))
	}
	require.NoError(t, p.Close())
	seen := map[providers.ReceiptStatus]map[int64]int{providers.ReceiptDelivered: {}, providers.ReceiptRead: {}}
	doubled, backwards := 0, 0
	for _, e := range b.wait(t, 600) {
		seen[e.Status][e.MessageID]++
		if seen[e.Status][e.MessageID] == 2 {
			doubled++
		}
		if e.Status == providers.ReceiptDelivered && seen[providers.ReceiptRead][e.MessageID] > 0 {
			backwards++
		}
	}
	require.Len(t, seen[providers.ReceiptDelivered], 300)
	require.Len(t, seen[providers.ReceiptRead], 300)
	require.Positive(t, doubled)
	require.Positive(t, backwards)
}

// A receiver that is down for a while gets everything later.
func TestReceiverRefuses(t *testing.T) {
	c, b := clock.NewFake(providertest.Now), newMailbox()
	b.refuse = errors.New("the store is down")
	p := open(t, `{}`, c, b)
	require.Equal(t, "sent", outcome(t, p, 1, 1))
	<-b.came
	b.mu.Lock()
	b.refuse = nil
	b.mu.Unlock()
	require.NoError(t, p.Close())
	require.Len(t, b.wait(t, 1), 1)

	b = newMailbox()
	b.refuse = errors.New("the store is down")
	p = open(t, `{}`, c, b)
	require.Equal(t, "sent", outcome(t, p, 1, 1))
	require.ErrorContains(t, p.Close(), "1 were not taken: the store is down")
}

func TestAddress(t *testing.T) {
	require.Equal(t, providers.Phone, sandbox.Kind().AddressFor(json.RawMessage(`{"address": "phone"}`)))
	require.Equal(t, providers.Email, sandbox.Kind().AddressFor(nil))
}

func TestRatesAddUp(t *testing.T) {
	err := sandbox.Kind().Validate(json.RawMessage(`{"fail_rate": 0.6, "reject_rate": 0.6}`))
	require.True(t, fault.Is(err, fault.Invalid), "got %v", err)
	require.ErrorContains(t, err, "config.fail_rate")
}
