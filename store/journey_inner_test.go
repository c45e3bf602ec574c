package store

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/messages"
	"carillon/providers"
)

// journey is a store with a channel, contacts and a campaign for all of them.
type journey struct {
	*Store
	t         testing.TB
	accountID int64
	channel   providers.Channel
	campaign  int64
	worker    int64
	writer    *Writer
}

// newJourney makes n contacts with e-mail addresses; every tenth has none.
func newJourney(t testing.TB, s *Store, n int) *journey {
	t.Helper()
	ctx := t.Context()
	j := &journey{Store: s, t: t, accountID: testAccount(t, s, "journey")}
	require.NoError(t, s.inTx(ctx, func(tx conn) error {
		var err error
		if j.channel.ID, err = tx.Insert(ctx, `INSERT INTO channels (account_id, name, provider, config, address_kind, limits, timezone, in_doubt, status,
			created_at, updated_at)
			VALUES (?, 'c', 'sandbox', '', 'email', '{}', 'UTC', '', 'active', 0, 0)`, j.accountID); err != nil {
			return err
		}
		numbers := "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
		if _, err := tx.Exec(ctx, numbers+`INSERT INTO contacts (account_id, first_name, created_at, updated_at) SELECT CAST(? AS BIGINT), 'N', 0, 0 FROM n`,
			n, j.accountID); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO addresses (contact_id, kind, account_id, address)
			SELECT id, 'email', account_id, 'p' || id || '@example.com' FROM contacts WHERE id % 10 <> 0`)
		return err
	}))
	j.channel.AccountID, j.channel.Address = j.accountID, providers.Email
	j.campaign = j.newCampaign(`{"all":true}`)
	var err error
	j.worker, err = s.RegisterWorker(ctx, "w")
	require.NoError(t, err)
	j.writer = s.StartWriter(j.worker)
	t.Cleanup(j.writer.Stop)
	return j
}

func (j *journey) newCampaign(audience string) (id int64) {
	j.t.Helper()
	require.NoError(j.t, j.inTx(j.t.Context(), func(tx conn) (err error) {
		id, err = tx.Insert(j.t.Context(), `INSERT INTO campaigns (account_id, name, channel_id, audience, content, schedule, throttle, status, created_at,
			updated_at)
			VALUES (?, 'k', ?, ?, '{"text":"hi"}', '{}', '{}', 'draft', 0, 0)`, j.accountID, j.channel.ID, audience)
		return err
	}))
	return id
}

func (j *journey) start() campaigns.Run {
	j.t.Helper()
	run, err := j.StartRun(j.t.Context(), j.accountID, j.campaign, j.clock.Now())
	require.NoError(j.t, err)
	return run
}

func (j *journey) planAll(run int64, batch int) {
	j.t.Helper()
	for {
		step, err := j.PlanBatch(j.t.Context(), run, batch)
		require.NoError(j.t, err)
		if step.Done || step.Stopped {
			return
		}
	}
}

// feed fills envelopes 1… of per messages each.
func (j *journey) feed(run int64, envelopes []int64, per int) []messages.FeedMessage {
	j.t.Helper()
	messages, err := j.Feed(j.t.Context(), messages.FeedRequest{ChannelID: j.channel.ID, RunID: run, Envelopes: envelopes, PerEnvelope: per})
	require.NoError(j.t, err)
	return messages
}

// load is what a worker gets of messages that were fed into an envelope.
func (j *journey) load(run, envelope int64, fed []messages.FeedMessage, uploads ...int64) []messages.QueuedMessage {
	j.t.Helper()
	request := messages.EnvelopeRequest{ChannelID: j.channel.ID, RunID: run, EnvelopeID: envelope, Uploads: uploads}
	for _, m := range fed {
		request.MessageIDs = append(request.MessageIDs, m.ID)
	}
	loaded, err := j.LoadEnvelope(j.t.Context(), request)
	require.NoError(j.t, err)
	return loaded
}

func (j *journey) claim(run, envelope int64, fed []messages.FeedMessage) []int64 {
	j.t.Helper()
	var ids []int64
	for _, m := range fed {
		if m.EnvelopeID == envelope {
			ids = append(ids, m.ID)
		}
	}
	claimed, err := j.writer.Claim(j.t.Context(), messages.Claim{WorkerID: j.worker, ChannelID: j.channel.ID, RunID: run, EnvelopeID: envelope, MessageIDs: ids})
	require.NoError(j.t, err)
	return claimed
}

func (j *journey) outcomes(run int64, ids []int64, change func(*messages.Outcome)) []messages.Outcome {
	list := make([]messages.Outcome, len(ids))
	for i, id := range ids {
		list[i] = messages.Outcome{
			MessageID: id, ChannelID: j.channel.ID, RunID: run, WorkerID: j.worker, Attempt: 1, State: messages.Sent, At: j.clock.Now(),
		}
		if change != nil {
			change(&list[i])
		}
	}
	return list
}

func (j *journey) record(run int64, ids []int64, change func(*messages.Outcome)) {
	j.t.Helper()
	require.NoError(j.t, j.writer.Record(j.t.Context(), j.outcomes(run, ids, change)))
}

func (j *journey) counts(run int64) messages.Counts {
	j.t.Helper()
	r, err := j.GetRun(j.t.Context(), j.accountID, run)
	require.NoError(j.t, err)
	return r.Counts
}

// balanced checks that counters, rows and plan agree, whatever has happened.
func (j *journey) balanced(run int64) {
	j.t.Helper()
	v, err := j.VerifyRun(j.t.Context(), run)
	require.NoError(j.t, err)
	require.Empty(j.t, v.Problems)
}
