package chatapi

import (
	"context"
	"fmt"
	"strings"

	"carillon/access"
	"carillon/api/gate"
	"carillon/messages"
)

// queued is the outbound queue of an instance.
type queued struct {
	TotalMessages int64         `json:"totalMessages"`
	First100      []queuedEntry `json:"first100"`
}

type queuedEntry struct {
	ID     int64  `json:"id"`
	Body   string `json:"body"`
	Type   string `json:"type"`
	ChatID string `json:"chatId"`
	// LastTry is when it was tried last, in milliseconds; 0 before the first time.
	LastTry  int64  `json:"last_try"`
	Metadata string `json:"metadata"`
}

// cleared is what was taken out of a queue.
type cleared struct {
	Message             string   `json:"message"`
	MessageTextsExample []string `json:"messageTextsExample"`
}

// waiting are the first hundred messages of a channel that wait, and how many there are.
func (c *Server) waiting(ctx context.Context, a asked) (total int64, head []messages.Message, err error) {
	of := messages.QueueFilter{AccountID: a.caller.AccountID, ChannelID: a.channel}
	totals, err := c.Queue.Totals(ctx, of)
	if err != nil {
		return 0, nil, err
	}
	for _, t := range totals {
		total += t.Whole.Pending + t.Whole.Queued + t.Whole.Sending
	}
	head, err = c.Queue.Head(ctx, of)
	return total, head, err
}

func (c *Server) showQueue(ctx context.Context, a asked) (any, error) {
	total, head, err := c.waiting(ctx, a)
	if err != nil {
		return nil, err
	}
	contents, err := c.Campaigns.Contents(ctx, a.caller.AccountID, head)
	if err != nil {
		return nil, err
	}
	shown := queued{TotalMessages: total, First100: []queuedEntry{}}
	for i, m := range head {
		kind, text := typeOf(contents[i])
		if kind == "chat" {
			kind = "text" // here it is called so
		}
		entry := queuedEntry{ID: m.ID, Body: text, Type: kind, ChatID: chatOf(strings.TrimPrefix(m.Address, "+")), Metadata: "{}"}
		if m.ClaimedAt != nil {
			entry.LastTry = m.ClaimedAt.UnixMilli()
		}
		shown.First100 = append(shown.First100, entry)
	}
	return shown, nil
}

func (c *Server) clearQueue(ctx context.Context, a asked) (any, error) {
	_, head, err := c.waiting(ctx, a)
	if err != nil {
		return nil, err
	}
	contents, err := c.Campaigns.Contents(ctx, a.caller.AccountID, head)
	if err != nil {
		return nil, err
	}
	texts := make([]string, 0, len(head))
	for i, m := range head {
		if m.State == messages.Sending { // it is not cleared
			continue
		}
		_, text := typeOf(contents[i])
		texts = append(texts, text)
	}
	done, err := c.Queue.Clear(ctx, messages.Clear{
		QueueFilter: messages.QueueFilter{AccountID: a.caller.AccountID, ChannelID: a.channel}, Actor: a.caller.Actor(),
	})
	if err != nil {
		return nil, err
	}
	err = c.Trail.Add(context.WithoutCancel(ctx), access.AuditEntry{
		AccountID: a.caller.AccountID, Actor: a.caller.Actor(), Action: "clear-queue", Target: fmt.Sprintf("channel %d", a.channel),
		RequestID: gate.RequestID(ctx), Source: gate.Source(ctx), Detail: map[string]any{"cleared": done.Cleared, "through": "Chat-API"},
	})
	return cleared{fmt.Sprintf("Cleared %d messages", done.Cleared), texts[:min(int64(len(texts)), done.Cleared)]}, err
}
