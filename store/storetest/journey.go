package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/messages"
	"carillon/providers"
	"carillon/store"
	"carillon/store/sqldb"
)

// Journey is a store with a channel, contacts and a campaign for all of them.
type Journey struct {
	*Store
	t         testing.TB
	AccountID int64
	Channel   providers.Channel
	Campaign  int64
	Worker    int64
	Writer    *store.Writer
}

// NewJourney makes n contacts with e-mail addresses; every tenth has none.
func NewJourney(t testing.TB, s *Store, n int) *Journey {
	t.Helper()
	ctx := t.Context()
	j := &Journey{Store: s, t: t, AccountID: s.Account("journey")}
	require.NoError(t, s.InTx(ctx, func(tx sqldb.Conn) error {
		var err error
		if j.Channel.ID, err = tx.Insert(ctx, `INSERT INTO channels (account_id, name, provider, config, address_kind, limits, timezone, in_doubt, status,
			created_at, updated_at)
			VALUES (?, 'c', 'sandbox', '', 'email', '{}', 'UTC', '', 'active', 0, 0)`, j.AccountID); err != nil {
			return err
		}
		numbers := "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
		if _, err := tx.Exec(ctx, numbers+`INSERT INTO contacts (account_id, first_name, created_at, updated_at) SELECT CAST(? AS BIGINT), 'N', 0, 0 FROM n`,
			n, j.AccountID); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO addresses (contact_id, kind, account_id, address)
			SELECT id, 'email', account_id, 'p' || id || '@example.com' FROM contacts WHERE id % 10 <> 0`)
		return err
	}))
	j.Channel.AccountID, j.Channel.Address = j.AccountID, providers.Email
	j.Campaign = j.NewCampaign(`{"all":true}`)
	var err error
	j.Worker, err = s.RegisterWorker(ctx, "w")
	require.NoError(t, err)
	j.Writer = s.StartWriter(j.Worker)
	t.Cleanup(j.Writer.Stop)
	return j
}

// NewCampaign is a draft of the journey's channel, for an audience as JSON.
func (j *Journey) NewCampaign(audience string) (id int64) {
	j.t.Helper()
	require.NoError(j.t, j.InTx(j.t.Context(), func(tx sqldb.Conn) (err error) {
		id, err = tx.Insert(j.t.Context(), `INSERT INTO campaigns (account_id, name, channel_id, audience, content, schedule, throttle, status, created_at,
			updated_at)
			VALUES (?, 'k', ?, ?, '{"text":"hi"}', '{}', '{}', 'draft', 0, 0)`, j.AccountID, j.Channel.ID, audience)
		return err
	}))
	return id
}

// Start begins a run of the journey's campaign now.
func (j *Journey) Start() campaigns.Run {
	j.t.Helper()
	run, err := j.StartRun(j.t.Context(), j.AccountID, j.Campaign, j.Clock.Now())
	require.NoError(j.t, err)
	return run
}

// PlanAll plans a run to its end, in batches.
func (j *Journey) PlanAll(run int64, batch int) {
	j.t.Helper()
	for {
		step, err := j.PlanBatch(j.t.Context(), run, batch)
		require.NoError(j.t, err)
		if step.Done || step.Stopped {
			return
		}
	}
}

// Feed fills envelopes 1… of per messages each.
func (j *Journey) Feed(run int64, envelopes []int64, per int) []messages.FeedMessage {
	j.t.Helper()
	messages, err := j.Store.Feed(j.t.Context(), messages.FeedRequest{ChannelID: j.Channel.ID, RunID: run, Envelopes: envelopes, PerEnvelope: per})
	require.NoError(j.t, err)
	return messages
}

// Load is what a worker gets of messages that were fed into an envelope.
func (j *Journey) Load(run, envelope int64, fed []messages.FeedMessage, uploads ...int64) []messages.QueuedMessage {
	j.t.Helper()
	request := messages.EnvelopeRequest{ChannelID: j.Channel.ID, RunID: run, EnvelopeID: envelope, Uploads: uploads}
	for _, m := range fed {
		request.MessageIDs = append(request.MessageIDs, m.ID)
	}
	loaded, err := j.LoadEnvelope(j.t.Context(), request)
	require.NoError(j.t, err)
	return loaded
}

// Claim claims those messages that were fed into an envelope, and says which it got.
func (j *Journey) Claim(run, envelope int64, fed []messages.FeedMessage) []int64 {
	j.t.Helper()
	var ids []int64
	for _, m := range fed {
		if m.EnvelopeID == envelope {
			ids = append(ids, m.ID)
		}
	}
	claimed, err := j.Writer.Claim(j.t.Context(), messages.Claim{WorkerID: j.Worker, ChannelID: j.Channel.ID, RunID: run, EnvelopeID: envelope, MessageIDs: ids})
	require.NoError(j.t, err)
	return claimed
}

// Outcomes are a first attempt's: sent, but for what change makes of each.
func (j *Journey) Outcomes(run int64, ids []int64, change func(*messages.Outcome)) []messages.Outcome {
	list := make([]messages.Outcome, len(ids))
	for i, id := range ids {
		list[i] = messages.Outcome{
			MessageID: id, ChannelID: j.Channel.ID, RunID: run, WorkerID: j.Worker, Attempt: 1, State: messages.Sent, At: j.Clock.Now(),
		}
		if change != nil {
			change(&list[i])
		}
	}
	return list
}

// Record writes down the outcomes of messages.
func (j *Journey) Record(run int64, ids []int64, change func(*messages.Outcome)) {
	j.t.Helper()
	require.NoError(j.t, j.Writer.Record(j.t.Context(), j.Outcomes(run, ids, change)))
}

// Revision is the channel's.
func (j *Journey) Revision() time.Time {
	j.t.Helper()
	revision, err := j.ChannelRevision(j.t.Context(), j.Channel.ID)
	require.NoError(j.t, err)
	return revision
}

// Counts are a run's.
func (j *Journey) Counts(run int64) messages.Counts {
	j.t.Helper()
	r, err := j.GetRun(j.t.Context(), j.AccountID, run)
	require.NoError(j.t, err)
	return r.Counts
}

// Balanced checks that counters, rows and plan agree, whatever has happened.
func (j *Journey) Balanced(run int64) {
	j.t.Helper()
	v, err := j.VerifyRun(j.t.Context(), run)
	require.NoError(j.t, err)
	require.Empty(j.t, v.Problems)
}
