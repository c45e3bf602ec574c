package chatapi

import (
	"context"
	"fmt"
	"strings"
	"time"

	"carillon/api/compat/params"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
)

// sent is the answer to a message that was taken: clients file it under its id, and match
// the reports of its delivery by that.
type sent struct {
	Sent        bool   `json:"sent"`
	Message     string `json:"message"`
	ID          string `json:"id"`
	QueueNumber int64  `json:"queueNumber"`
}

// status says whether the channel can send.
func (c *Server) status(ctx context.Context, a asked) (any, error) {
	channel, err := c.Channels.Get(ctx, a.caller.AccountID, a.channel)
	if err != nil {
		return nil, err
	}
	status := struct {
		AccountStatus string `json:"accountStatus"`
	}{"authenticated"}
	if channel.Status != providers.ChannelActive || !channel.Health.Well() {
		status.AccountStatus = "loading"
	}
	return status, nil
}

// sendMessage writes a message down; what it says is no template.
func (c *Server) sendMessage(ctx context.Context, a asked) (any, error) {
	body, err := a.given.Text("body")
	if err != nil {
		return nil, err
	}
	if body == "" {
		return nil, fault.InvalidField("body", nil, "say what to send")
	}
	return c.send(ctx, a, messages.Notification{Content: providers.Content{Text: "{{ row.body }}"}, Data: map[string]any{"body": body}})
}

// send writes a message down, to go out after the instance's delay.
func (c *Server) send(ctx context.Context, a asked, t messages.Notification) (any, error) {
	digits, err := destination(a.given)
	if err != nil {
		return nil, err
	}
	s, err := c.read(ctx, a)
	if err != nil {
		return nil, err
	}
	if s.SendDelay > 0 {
		t.DueAt = c.clock.Now().Add(time.Duration(s.SendDelay) * time.Second)
	}
	t.AccountID, t.SenderID, t.ChannelID, t.To = a.caller.AccountID, a.caller.SeesOwn(), a.channel, "+"+digits
	m, err := c.Messages.Send(ctx, t)
	if err != nil {
		return nil, err
	}
	c.wake()
	return sent{true, "Sent to " + chatOf(digits), idOf(digits, m.ID), m.ID}, nil
}

// A phone number has its country code, and as many digits.
const (
	leastDigits = 9
	mostDigits  = 14
)

// destination is the phone number that a message is for, in digits alone.
func destination(given params.Params) (digits string, err error) {
	var phone, chat string
	if err := given.Texts(map[string]*string{"phone": &phone, "chatId": &chat}); err != nil {
		return "", err
	}
	switch {
	case phone == "" && chat == "":
		return "", fault.InvalidField("phone", nil, "say to whom: phone or chatId")
	case phone != "" && chat != "":
		return "", fault.InvalidField("chatId", nil, "give either phone or chatId")
	case strings.HasSuffix(chat, "@g.us"):
		return "", fault.InvalidField("chatId", chat, "is a group: only people are written to")
	case chat != "":
		var ok bool
		if phone, ok = strings.CutSuffix(chat, "@c.us"); !ok {
			return "", fault.InvalidField("chatId", chat, "write it as 17472822486@c.us")
		}
	}
	digits = strings.TrimPrefix(phone, "+")
	if len(digits) < leastDigits || len(digits) > mostDigits || strings.Trim(digits, "0123456789") != "" {
		return "", fault.InvalidField("phone", phone, "has %d to %d digits with the country code, such as 17472822486", leastDigits, mostDigits)
	}
	return digits, nil
}

// chatOf is the chat with a number.
func chatOf(digits string) string { return digits + "@c.us" }

// idOf is the id of a message that goes out, from which its own can be read again.
func idOf(digits string, messageID int64) string {
	return fmt.Sprintf("true_%s_3EB0%016X", chatOf(digits), messageID)
}
