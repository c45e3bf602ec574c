package messages

// Feedable is a run, or the transactional messages of a channel (RunID 0), with
// messages that are due and wait for room in the channel's window, or in it.
type Feedable struct {
	ChannelID  int64
	RunID      int64
	CampaignID int64
	Weight     int
	// CampaignPerSecond is the campaign's own limit, messages a second; 0 is none.
	CampaignPerSecond float64
	// Batched says that the run goes out in batches, whose size and times the store keeps.
	Batched bool
	// Pending is how many wait, due or not; 0 if none of them is due.
	Pending int64
	// Queued is how many of its messages are in the channel's window.
	Queued int64
}

// FeedRequest asks for messages to be marked queued.
type FeedRequest struct {
	ChannelID int64
	RunID     int64
	// Envelopes are the ids of the envelopes to fill, PerEnvelope messages each.
	Envelopes   []int64
	PerEnvelope int
	// Batched is that of the Feedable.
	Batched bool
}

// FeedMessage is a message that was marked queued.
type FeedMessage struct {
	ID         int64
	EnvelopeID int64
	// Attempt is the number that the next try will have.
	Attempt int
}
