package chatapi

import (
	"context"
	"fmt"
	"strings"
	"time"

	"carillon/api/gate"
	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
)

// said is a message of either direction.
type said struct {
	ID            string  `json:"id"`
	Body          string  `json:"body"`
	Type          string  `json:"type"`
	SenderName    string  `json:"senderName"`
	FromMe        bool    `json:"fromMe"`
	Author        string  `json:"author"`
	Time          int64   `json:"time"`
	ChatID        string  `json:"chatId"`
	MessageNumber int64   `json:"messageNumber"`
	Self          int     `json:"self"`
	IsForwarded   int     `json:"isForwarded"`
	Caption       *string `json:"caption"`
	ChatName      *string `json:"chatName"`
	QuotedMsgID   *string `json:"quotedMsgId"`
	QuotedMsgBody *string `json:"quotedMsgBody"`
	QuotedMsgType *string `json:"quotedMsgType"`
}

// listed is a page of them.
type listed struct {
	Messages          []said `json:"messages"`
	LastMessageNumber int64  `json:"lastMessageNumber"`
}

// How many messages are listed where nothing else is said, and at most.
const (
	usualMessages = 100
	mostMessages  = 1000
)

// logFilter is which messages are asked for.
func logFilter(a asked) (f messages.LogFilter, err error) {
	f = messages.LogFilter{AccountID: a.caller.AccountID, ChannelID: a.channel}
	var limit, from, to int64
	var last bool
	var chat string
	for name, into := range map[string]struct {
		to    *int64
		other int64
	}{"lastMessageNumber": {&f.After, 0}, "limit": {&limit, usualMessages}, "min_time": {&from, 0}, "max_time": {&to, 0}} {
		if *into.to, err = a.given.Int(name, into.other); err == nil && *into.to < 0 {
			err = fault.InvalidField(name, *into.to, "must not be less than 0")
		}
		if err != nil {
			return f, err
		}
	}
	if last, err = a.given.Bool("last", false); err != nil {
		return f, err
	}
	if chat, err = a.given.Text("chatId"); err != nil {
		return f, err
	}
	if chat != "" {
		f.Address = "+" + strings.TrimSuffix(strings.TrimPrefix(chat, "+"), "@c.us")
	}
	if from != 0 {
		f.From = time.Unix(from, 0)
	}
	if to != 0 {
		f.To = time.Unix(to+1, 0) // max_time is within
	}
	if f.Limit = int(min(limit, mostMessages)); limit == 0 {
		f.Limit = mostMessages
	}
	if last {
		f.Last, f.After = usualMessages, 0
	}
	return f, nil
}

// listMessages lists what was sent and what was written, in the order of its numbers.
func (c *Server) listMessages(ctx context.Context, a asked) (any, error) {
	f, err := logFilter(a)
	if err != nil {
		return nil, err
	}
	channel, err := c.Channels.Get(ctx, a.caller.AccountID, a.channel)
	if err != nil {
		return nil, err
	}
	list, err := c.Log.List(ctx, f)
	if err == nil {
		err = gate.NoteReading(ctx, c.Trail, gate.Reading{
			Caller: a.caller, Action: "list-log", Target: fmt.Sprintf("channel %d", a.channel), Through: "Chat-API", Items: len(list),
		})
	}
	if err != nil {
		return nil, err
	}
	contents, err := c.Campaigns.LogContents(ctx, a.caller.AccountID, list)
	if err != nil {
		return nil, err
	}
	names := naming{contacts: c.Contacts, account: a.caller.AccountID, known: map[int64]string{}}
	out := listed{Messages: []said{}, LastMessageNumber: f.After}
	for i, e := range list {
		out.LastMessageNumber = e.Number
		switch {
		case e.Message != nil:
			out.Messages = append(out.Messages, sentOut(e, channel.Name, contents[i]))
		case e.Reply != nil:
			one, err := names.cameIn(ctx, e.Number, *e.Reply)
			if err != nil {
				return nil, err
			}
			out.Messages = append(out.Messages, one)
		}
	}
	return out, nil
}

// sentOut is a message that went out.
func sentOut(e messages.LogEntry, sender string, content providers.Content) said {
	digits := strings.TrimPrefix(e.Message.Address, "+")
	kind, body := typeOf(content)
	one := said{
		ID: idOf(digits, e.MessageID), Body: body, Type: kind, SenderName: sender, FromMe: true, Time: e.At.Unix(), ChatID: chatOf(digits),
		MessageNumber: e.Number,
	}
	if content.Attachment != nil && content.Attachment.Caption != "" {
		one.Caption = &content.Attachment.Caption
	}
	return one
}

// naming knows the names of those who wrote.
type naming struct {
	contacts *contacts.Contacts
	account  int64
	known    map[int64]string
}

// cameIn is a message that was written to us.
func (n naming) cameIn(ctx context.Context, number int64, r contacts.Reply) (said, error) {
	digits := strings.TrimPrefix(r.Address, "+")
	name, known := n.known[r.ContactID]
	if !known && r.ContactID != 0 {
		of, err := n.contacts.Get(ctx, n.account, r.ContactID)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return said{}, err
		}
		name = of.Name
		n.known[r.ContactID] = name
	}
	if name == "" {
		name = digits
	}
	return said{
		ID: fmt.Sprintf("false_%s_3EB0%016X", chatOf(digits), r.ID), Body: r.Text, Type: "chat", SenderName: name, Author: chatOf(digits),
		Time: r.At.Unix(), ChatID: chatOf(digits), MessageNumber: number,
	}, nil
}
