package queue

import (
	"context"
	"strings"
	"testing"

	"github.com/hibiken/asynq"
	"github.com/stretchr/testify/require"

	"carillon/internal/secret"
	"carillon/internal/testenv"
)

const (
	keyOfBefore = "the master key of before"
	keyOfNow    = "the master key of now"
)

func signer(master string, others ...string) Signer {
	ring := secret.NewRing(secret.New(master))
	for _, other := range others {
		ring.Add(secret.New(other))
	}
	return ring.Signer(SignedFor)
}

func TestEveryChangeOfAnEnvelopeIsRefused(t *testing.T) {
	by := signer(keyOfNow)
	e := envelope(3, 5)
	text := seal(&e, by)
	got, err := unseal(text, by)
	require.NoError(t, err)
	require.Equal(t, e, got)
	for i := 1; i < len(text); i++ {
		changed := []byte(text)
		changed[i] ^= 1
		_, err := unseal(string(changed), by)
		require.Error(t, err, "letter %d", i)
	}
	for _, foreign := range []string{"", "3", text[:len(text)-1], text + "A", encode(&e), "2" + encode(&e)[1:], seal(&e, signer(keyOfBefore)),
		seal(&e, secret.NewRing(secret.New(keyOfNow)).Signer("another purpose"))} {
		_, err := unseal(foreign, by)
		require.Error(t, err, "%q", foreign)
	}
	_, err = unseal(seal(&e, signer(keyOfBefore)), signer(keyOfNow, keyOfBefore))
	require.NoError(t, err, "the key of before is known")
}

// Who writes Redis has no message sent: the task is given up, so that the store has its
// messages fed again, and what follows is worked on.
func TestWhoWritesRedisHasNothingSent(t *testing.T) {
	url := testenv.SharedRedis(t).NewDatabase(t)
	q := open(t, Options{URL: url, Signer: signer(keyOfNow)})
	put := func(id, queue, text string) {
		_, err := q.asynq.EnqueueContext(t.Context(), asynq.NewTaskWithHeaders(taskType, nil, map[string]string{payloadHeader: text}),
			asynq.TaskID(id), asynq.Queue(queue))
		require.NoError(t, err)
	}
	forged, foreign, copied, moved, urgent := envelope(11, 1), envelope(12, 1), envelope(13, 1), envelope(14, 1), envelope(15, 1)
	channel := forged.ChannelID
	require.Equal(t, int64(7), channel, "serve serves it")
	moved.ChannelID = channel + 1
	bulk := QueueName(channel, false)
	put(taskID(forged.ID), bulk, encode(&forged))
	put(taskID(foreign.ID), bulk, seal(&foreign, signer(keyOfBefore)))
	put(taskID(113), bulk, seal(&copied, q.signer))
	put(taskID(moved.ID), bulk, seal(&moved, q.signer))
	put(taskID(urgent.ID), QueueName(channel, true), seal(&urgent, q.signer))
	put(taskID(16), bulk, strings.Repeat("3", 40))
	good := envelope(20, 2)
	good.ChannelID = channel
	require.NoError(t, q.Enqueue(t.Context(), good))
	taken := make(chan Envelope, 10)
	serve(t, q, 2, func(_ context.Context, e Envelope) error {
		taken <- e
		return nil
	})
	require.Equal(t, good, <-taken)
	eventually(t, "all that is foreign is refused", func() bool { return q.Refused() == 6 })
	require.Empty(t, taken)
	lost, err := q.Lost(t.Context(), channel, false, []int64{forged.ID, foreign.ID, moved.ID})
	require.NoError(t, err)
	require.Equal(t, []int64{forged.ID, foreign.ID, moved.ID}, lost, "the reaper has their messages fed again")
}

func BenchmarkSignature(b *testing.B) {
	by := signer(keyOfNow)
	for name, n := range map[string]int{"one message": 1, "an envelope's most": MaxItems} {
		e := envelope(1, n)
		text, plain := seal(&e, by), encode(&e)
		b.Run("write, "+name, func(b *testing.B) {
			for b.Loop() {
				_ = encode(&e)
			}
		})
		b.Run("write and sign, "+name, func(b *testing.B) {
			for b.Loop() {
				_ = seal(&e, by)
			}
		})
		b.Run("read, "+name, func(b *testing.B) {
			for b.Loop() {
				if _, err := decode(plain); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("check and read, "+name, func(b *testing.B) {
			for b.Loop() {
				if _, err := unseal(text, by); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
