package messages

import "time"

// QueueFilter selects what waits to be sent; zero selects everything.
type QueueFilter struct {
	AccountID  int64
	ChannelID  int64
	CampaignID int64
}

// QueueTotals is a channel's share of the outbound queue.
type QueueTotals struct {
	ChannelID              int64
	Pending                int64
	Queued                 int64
	Sending                int64
	OldestPendingCreatedAt *time.Time
}

// Clearing is one clearing of the queue, finished or under way.
type Clearing struct {
	ID         int64
	AccountID  int64
	ChannelID  int64
	CampaignID int64
	Actor      string
	Cleared    int64
	// Examples are up to ten of the cleared messages.
	Examples   []ClearedMessage
	CreatedAt  time.Time
	FinishedAt *time.Time
}

// ClearedMessage is an example of what was cleared.
type ClearedMessage struct {
	MessageID  int64  `json:"message_id"`
	CampaignID int64  `json:"campaign_id,omitempty"`
	Address    string `json:"address"`
}
