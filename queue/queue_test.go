package queue

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/providers"
)

func envelope(id int64, jobs int) Envelope {
	e := Envelope{ID: id, ChannelID: 7, RunID: 3, CampaignID: 2}
	for i := range jobs {
		e.Jobs = append(e.Jobs, Job{MessageID: id*1000 + int64(i), Attempt: 1, To: "someone@example.com",
			Content: providers.Content{Subject: "Hello", Text: "Grüße"}, RecipientKey: "k"})
	}
	return e
}

func TestEnvelopeArrivesAndIsGone(t *testing.T) {
	q := open(t, Options{})
	got := make(chan Envelope, 1)
	s, err := q.Serve(7, 4, func(_ context.Context, e Envelope) error {
		got <- e
		return nil
	})
	require.NoError(t, err)
	sent := envelope(1, 3)
	require.NoError(t, q.Enqueue(t.Context(), sent))
	require.Equal(t, sent, <-got)
	s.Stop()
	w, err := q.Window(t.Context(), 7)
	require.NoError(t, err)
	require.Zero(t, w)
}
