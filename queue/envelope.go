package queue

import (
	"strconv"

	"carillon/internal/fault"
)

const (
	// MaxItems is the most items that an envelope carries.
	MaxItems = 500
	// BulkPerWorker is how many bulk envelopes of a channel a worker works on at once,
	// and a window has for it.
	BulkPerWorker = 16
)

// Item names one message for one recipient. What it says and to whom the worker
// finds out: nothing of a person is in Redis.
type Item struct {
	// MessageID is the row in the store, Attempt the attempt (from 1) that this
	// item is for: a claim for another attempt fails.
	MessageID int64
	Attempt   int
}

// Envelope is what one task carries.
type Envelope struct {
	// ID names the envelope and is never used for another one: enqueueing it again
	// changes nothing while its task is alive.
	ID int64
	// ChannelID and Transactional choose the queue.
	ChannelID     int64
	Transactional bool
	// RunID and CampaignID are 0 for transactional messages.
	RunID, CampaignID int64
	// CampaignPerSecond is the campaign's own limit, messages a second; 0 is none.
	CampaignPerSecond float64
	// Items are 1 to MaxItems messages.
	Items []Item
}

func (e *Envelope) check() error {
	switch {
	case e.ID <= 0:
		return fault.InvalidField("envelope.id", e.ID, "must be positive")
	case e.ChannelID <= 0:
		return fault.InvalidField("envelope.channel_id", e.ChannelID, "must be positive")
	case len(e.Items) == 0 || len(e.Items) > MaxItems:
		return fault.InvalidField("envelope.items", len(e.Items), "must be 1 to %d", MaxItems)
	}
	return nil
}

// QueueName is asynq's name for one of a channel's two queues.
func QueueName(channelID int64, transactional bool) string {
	if transactional {
		return "ch" + strconv.FormatInt(channelID, 10) + ":transactional"
	}
	return "ch" + strconv.FormatInt(channelID, 10) + ":bulk"
}

// taskPrefix begins the ids of tasks.
const taskPrefix = "e"

// taskID is asynq's name for an envelope's task.
func taskID(envelopeID int64) string { return taskPrefix + strconv.FormatInt(envelopeID, 10) }

// keys of one asynq queue. asynq keeps them internal; a test compares what is
// read through them with asynq's own Inspector.
type queueKeys struct{ prefix string }

func keysOf(channelID int64, transactional bool) queueKeys {
	return queueKeys{prefix: "asynq:{" + QueueName(channelID, transactional) + "}:"}
}

func (k queueKeys) task(id string) string { return k.prefix + "t:" + id }
func (k queueKeys) taskPrefix() string    { return k.prefix + "t:" }
func (k queueKeys) pending() string       { return k.prefix + "pending" }
func (k queueKeys) active() string        { return k.prefix + "active" }
func (k queueKeys) lease() string         { return k.prefix + "lease" }
func (k queueKeys) scheduled() string     { return k.prefix + "scheduled" }
func (k queueKeys) retry() string         { return k.prefix + "retry" }
func (k queueKeys) archived() string      { return k.prefix + "archived" }
func (k queueKeys) completed() string     { return k.prefix + "completed" }
