package providertest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/sink"
	"carillon/providers"
)

// batch has checks for all that a batch may come to.
func (s Subject) batch() []check {
	checks := []check{
		{"Batch/All", s.batchAll},
		{"Batch/None", s.batchNone},
		{"Batch/Withdrawn", s.batchWithdrawn},
		{"Batch/CancelledBefore", s.batchCancelled},
		{"Batch/NoAnswer", s.batchNoAnswer},
	}
	for _, r := range s.Refusals {
		if r.Kind == "" || r.Answer.Code == 0 {
			continue
		}
		checks = append(checks, check{"Batch/Whole/" + r.Name, func(t testing.TB) { s.batchRefused(t, r) }})
		if r.Kind == providers.ErrorRecipient || r.Kind == providers.ErrorContent {
			checks = append(checks, check{"Batch/One/" + r.Name, func(t testing.TB) { s.batchOneRefused(t, r) }})
		}
	}
	return checks
}

// sender is the adapter as one that takes batches.
func (s Subject) sender(t testing.TB, far Far) providers.BatchSender {
	t.Helper()
	sender, ok := s.open(t, far.Config).(providers.BatchSender)
	require.True(t, ok, "Capabilities.MaxBatch promises a BatchSender")
	return sender
}

// messages are as many as one batch may have, each with a text of its own.
func (s Subject) messages() []providers.Message {
	messages := make([]providers.Message, s.Kind.Capabilities.MaxBatch)
	for i := range messages {
		messages[i] = s.message(int64(i + 1))
		messages[i].Content.Text = fmt.Sprintf("Hello number %d", i+1)
	}
	return messages
}

// batchAll sends as many as go at once: in one request, each to its own recipient with
// its own text, and each answered with what Send would have been answered.
func (s Subject) batchAll(t testing.TB) {
	var arrived seen
	far := s.Serve(t, sink.Options{Seen: arrived.add, Record: true})
	sender, messages := s.sender(t, far), s.messages()
	results := sender.SendBatch(t.Context(), messages)
	require.Len(t, results, len(messages), "a result for each message")
	require.Equal(t, int64(len(messages)), far.Tally.Asked(), "every message goes, once")
	require.Len(t, arrived.all, 1, "all messages go in one request")
	require.Empty(t, far.Tally.Duplicates())
	known := map[string]bool{}
	for i, r := range results {
		require.NoError(t, r.Err)
		s.requireArrived(t, messages[i], arrived.get(t, 0))
		s.requireID(t, r.Accepted)
		require.NotEmpty(t, r.Accepted.Response)
		if id := r.Accepted.ProviderID; id != "" {
			require.NotContains(t, known, id)
			known[id] = true
		}
	}
	parser, ok := sender.(providers.CallbackParser)
	if !ok {
		return
	}
	for i, r := range results {
		header, body := s.Receipt(t, Now, Report{MessageID: messages[i].ID, Status: providers.ReceiptDelivered})
		receipts, err := parse(t, parser, header, body)
		require.NoError(t, err)
		require.Len(t, receipts, 1)
		s.requireAbout(t, receipts[0], messages[i].ID, r.Accepted)
	}
}

func (s Subject) batchNone(t testing.TB) {
	far := s.Serve(t, sink.Options{})
	require.Empty(t, s.sender(t, far).SendBatch(t.Context(), nil))
	require.Zero(t, far.Tally.Asked())
}

// batchOneRefused has one message refused: it alone, and by its own name.
func (s Subject) batchOneRefused(t testing.TB, r Refusal) {
	messages := s.messages()
	bad := len(messages) / 2
	far := s.Serve(t, sink.Options{Record: true, Answer: func(_, id int64) sink.Answer {
		if id == messages[bad].ID {
			return r.Answer
		}
		return sink.Answer{}
	}})
	results := s.sender(t, far).SendBatch(t.Context(), messages)
	require.Len(t, results, len(messages), "a result for each message")
	for i, result := range results {
		if i == bad {
			r.require(t, result.Err)
			require.Empty(t, result.Accepted)
			continue
		}
		require.NoError(t, result.Err, "message %d went, number %d did not", i, bad)
		s.requireID(t, result.Accepted)
	}
	require.Equal(t, int64(len(messages)-1), far.Tally.Count())
}

// batchRefused has the request refused as a whole.
func (s Subject) batchRefused(t testing.TB, r Refusal) {
	far := s.Serve(t, sink.Options{Answer: func(int64, int64) sink.Answer { return r.Answer }})
	messages := s.messages()
	results := s.sender(t, far).SendBatch(t.Context(), messages)
	require.Len(t, results, len(messages), "a result for each message")
	for _, result := range results {
		r.require(t, result.Err)
	}
	most := len(messages)
	if s.Tokens && r.Answer.Code == http.StatusUnauthorized {
		most *= 2 // once more, with a fresh token
	}
	require.LessOrEqual(t, far.Tally.Asked(), int64(most), "an adapter never retries")
}

// batchWithdrawn has some messages ask in vain whether they may begin: they stay out,
// and are told what Begin said; each of the others says that it could be delivered
// before it can be.
func (s Subject) batchWithdrawn(t testing.TB) {
	var mu sync.Mutex
	var arrived seen
	committed := map[int64]bool{}
	late := 0
	messages := s.messages()
	far := s.Serve(t, sink.Options{Record: true, Seen: func(d sink.Delivery) {
		arrived.add(d)
		mu.Lock()
		defer mu.Unlock()
		if len(committed) < (len(messages)+1)/2 {
			late++
		}
	}})
	withdrawn := errors.New("withdrawn")
	for i := range messages {
		if i%2 == 1 {
			messages[i].Begin = func() error { return withdrawn }
		}
		messages[i].Commit = func() {
			mu.Lock()
			defer mu.Unlock()
			committed[messages[i].ID] = true
		}
	}
	sender := s.sender(t, far)
	results := sender.SendBatch(t.Context(), messages)
	require.Len(t, results, len(messages), "a result for each message")
	for i, r := range results {
		if i%2 == 1 {
			require.ErrorIs(t, r.Err, withdrawn)
			require.NotContains(t, committed, messages[i].ID, "nothing of it goes")
			continue
		}
		require.NoError(t, r.Err)
		require.Contains(t, committed, messages[i].ID)
		s.requireArrived(t, messages[i], arrived.get(t, 0))
	}
	require.Zero(t, late, "Commit comes before the message does")
	require.Equal(t, int64((len(messages)+1)/2), far.Tally.Count())
	for i := range messages {
		messages[i].Begin = func() error { return withdrawn }
	}
	for _, r := range sender.SendBatch(t.Context(), messages) {
		require.ErrorIs(t, r.Err, withdrawn)
	}
	require.Len(t, arrived.all, 1, "a batch of which nothing is left is not sent")
}

func (s Subject) batchCancelled(t testing.TB) {
	far := s.Serve(t, sink.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	messages := s.messages()
	results := s.sender(t, far).SendBatch(ctx, messages)
	require.Len(t, results, len(messages), "a result for each message")
	for _, r := range results {
		require.ErrorIs(t, r.Err, context.Canceled)
		require.Equal(t, providers.ErrorTemporary, providers.AsError(r.Err).Kind, "nobody was asked")
	}
	require.Zero(t, far.Tally.Asked())
}

func (s Subject) batchNoAnswer(t testing.TB) {
	far := s.Serve(t, sink.Options{Answer: func(int64, int64) sink.Answer { return sink.Answer{Drop: sink.AfterAccepting} }})
	messages := s.messages()
	results := s.sender(t, far).SendBatch(t.Context(), messages)
	require.Len(t, results, len(messages), "a result for each message")
	for _, r := range results {
		require.Error(t, r.Err)
		require.Equal(t, providers.ErrorInDoubt, providers.AsError(r.Err).Kind, r.Err.Error())
	}
	require.Equal(t, int64(len(messages)), far.Tally.Asked(), "an adapter never retries")
}
