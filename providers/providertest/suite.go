// Package providertest owns the contract that every adapter keeps, as a suite
// that each adapter's tests run. It must not know any adapter: what differs
// between them is in the Subject, and the kind's Capabilities choose what is
// asserted.
package providertest

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"carillon/internal/sink"
	"carillon/providers"
)

// Now is the time of the suite's clock.
var Now = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

// concurrency is how many Sends the suite makes at once.
const concurrency = 8

// check is one clause of the contract. It takes any testing.TB, so that the suite's
// own tests can watch it fail.
type check struct {
	name string
	run  func(t testing.TB)
}

// Run holds an adapter to the contract.
func Run(t *testing.T, s Subject) {
	for _, c := range s.checks() {
		t.Run(c.name, func(t *testing.T) { c.hold(t) })
	}
}

// hold runs the check and sees to it that no goroutine outlives it.
func (c check) hold(t testing.TB) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	// First come, last served: the adapter and its far end are closed before.
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	c.run(t)
}

// checks are the clauses that hold for the subject.
func (s Subject) checks() []check {
	can := s.Kind.Capabilities
	var all []check
	add := func(holds bool, checks ...check) {
		if holds {
			all = append(all, checks...)
		}
	}
	add(true, check{"Abilities", s.abilities}, check{"Success", s.success})
	add(true, s.refusals()...)
	add(true,
		check{"EveryAddress", s.addresses},
		check{"ProviderIDs", s.providerIDs},
		check{"LargeAndUnicode", s.large},
		check{"CancelledBefore", s.cancelledBefore},
		check{"CancelledWhileAsked", s.cancelledWhileAsked},
		check{"BeginAndCommit", s.beginAndCommit},
		check{"Concurrent", s.concurrent},
		check{"UnknownSettings", s.unknownSettings},
		check{"Check", s.tried},
		check{"Challenge", s.challenged},
		check{"SecretsNowhere", s.secretsNowhere},
	)
	add(s.Serve != nil,
		check{"NoAnswer/Accepted", func(t testing.TB) { s.noAnswer(t, sink.AfterAccepting) }},
		check{"NoAnswer/NotAccepted", func(t testing.TB) { s.noAnswer(t, sink.BeforeAccepting) }},
		check{"NobodyThere", s.nobodyThere},
		check{"NothingSaid", s.nothingSaid},
		check{"ConnectionReused", s.reused},
	)
	add(can.Idempotent || s.Key != nil, check{"IdempotencyKey", s.idempotencyKey})
	add(can.MaxTextBytes > 0, check{"TextBound", s.textBound})
	add(can.MaxTextUnits > 0, check{"UnitBound", s.unitBound})
	add(can.MaxCaptionUnits > 0, check{"CaptionBound", s.captionBound})
	add(can.Media, check{"Media", s.media})
	add(!can.Media && s.Serve != nil, check{"Link", s.link})
	add(can.Uploads == providers.FileWithin && s.Serve != nil, check{"Within", s.within})
	add(len(can.Buttons) > 0, check{"Buttons", s.buttons})
	add(can.Location, check{"Location", s.location})
	add(can.Cards, check{"Cards", s.cards})
	add(can.GivesID && s.Serve != nil, check{"IDUnreadable", s.idUnreadable})
	add(can.Receipts, check{"Receipts", s.receipts})
	add(can.Replies, check{"Replies", s.replies})
	add(can.ReplyWindow > 0, check{"ReplyWindow", s.replyWindow})
	add(can.MaxBatch > 0, s.batch()...)
	add(can.Signs, check{"Signed", s.signed})
	add(can.Templates, check{"Templates", s.templates}, check{"Kept", s.kept})
	add(can.Finds, check{"Find", s.finds})
	add(s.Tokens, s.tokens()...)
	return all
}

// seen collects what arrives.
type seen struct {
	mu  sync.Mutex
	all []sink.Delivery
}

func (s *seen) add(d sink.Delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, d)
}

func (s *seen) get(t testing.TB, i int) sink.Delivery {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	require.Greater(t, len(s.all), i)
	return s.all[i]
}
