package messengerpeople

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"carillon/api/compat/params"
	"carillon/contacts"
	"carillon/contacts/property"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/targeting"
	"carillon/templates"
	"carillon/wording"
)

// taken is the answer to a message to one user.
type taken struct {
	ChatID   int64  `json:"chat_id"`
	Reusable string `json:"reusable_attachment,omitempty"`
}

// batched is the answer to a message to many: who gets it and who does not.
type batched struct {
	Success  []string `json:"success"`
	Failure  []string `json:"failure"`
	Reusable string   `json:"reusable_attachment,omitempty"`
}

func (s *Server) sendChat(ctx context.Context, a asked) (any, error) {
	properties, err := s.Properties.List(ctx, a.caller.AccountID)
	if err != nil {
		return nil, err
	}
	p := plan{kind: "Chat", tag: tagBatch}
	var attached string
	if p.content, attached, err = a.content(contentNames{"message", "attachment"}, properties); err != nil {
		return nil, err
	}
	return s.send(ctx, a, p, attached)
}

func (s *Server) sendNotification(ctx context.Context, a asked) (any, error) {
	properties, err := s.Properties.List(ctx, a.caller.AccountID)
	if err != nil {
		return nil, err
	}
	p := plan{kind: "Notification", tag: tagBatch}
	if p.template, err = s.use(ctx, a, properties); err != nil {
		return nil, err
	}
	if p.template == nil {
		return nil, missing("notification_template")
	}
	attached, err := a.Text("notification_header_media")
	if err != nil {
		return nil, err
	}
	return s.send(ctx, a, p, attached)
}

// recipients reads to whom something goes: id, batch_ids or user_filter. many says that it
// goes to a batch.
func (s *Server) recipients(ctx context.Context, a asked) (users []targeting.Entry, unknown []string, many bool, err error) {
	ids, err := a.List("batch_ids")
	if err != nil {
		return nil, nil, false, err
	}
	if many = len(ids) > 0; !many {
		if ids, err = a.List("id"); err != nil {
			return nil, nil, false, err
		}
		many = len(ids) > 1
	}
	if len(ids) > 0 {
		if users, unknown, err = s.usersOf(ctx, a, ids); err != nil {
			return nil, nil, many, err
		}
	}
	if !a.Has("user_filter") {
		if len(ids) == 0 {
			err = fault.InvalidField("id", nil, "say to whom: id, batch_ids or user_filter")
		}
		return users, unknown, many, err
	}
	filtered, err := s.filtered(ctx, a)
	if err != nil || len(ids) == 0 {
		return filtered, nil, true, err
	}
	in := map[string]bool{}
	for _, u := range filtered {
		in[u.Address] = true
	}
	users = slices.DeleteFunc(users, func(u targeting.Entry) bool {
		if !in[u.Address] {
			unknown = append(unknown, userID(u.Address))
		}
		return !in[u.Address]
	})
	return users, unknown, many, nil
}

// filtered are the users of user_filter, which has the parameters of GET /user.
func (s *Server) filtered(ctx context.Context, a asked) ([]targeting.Entry, error) {
	var given map[string]any
	if err := a.JSON("user_filter", &given); err != nil {
		return nil, err
	}
	inner := a
	inner.Params = params.Of(given)
	l, err := s.listing(ctx, inner)
	if err != nil {
		return nil, err
	}
	if !inner.Has("limit") {
		l.filter.Limit = mostUsers + 1
	}
	users, err := s.Rules.Directory(ctx, l.filter)
	if err == nil && len(users) > mostUsers {
		err = fault.InvalidField("user_filter", nil, "finds more than %d users: send a newsletter to a targeting list", mostUsers)
	}
	return users, err
}

// send sends to one user, or to a batch as a campaign.
func (s *Server) send(ctx context.Context, a asked, p plan, attached string) (any, error) {
	users, unknown, many, err := s.recipients(ctx, a)
	if err != nil {
		return nil, err
	}
	if !many {
		if len(unknown) > 0 {
			return nil, fault.InvalidField("id", unknown[0], "there is no such user")
		}
		return s.sendOne(ctx, a, p, users, attached)
	}
	done := batched{Success: []string{}, Failure: append([]string{}, unknown...), Reusable: attached}
	var ids []int64
	seen := map[int64]bool{}
	for _, u := range users {
		id := userID(u.Address)
		if u.Kind != a.channel.Address || !reached(u) {
			done.Failure = append(done.Failure, id)
			continue
		}
		if !seen[u.ContactID] {
			seen[u.ContactID] = true
			ids, done.Success = append(ids, u.ContactID), append(done.Success, id)
		}
	}
	if len(ids) == 0 {
		return done, nil
	}
	p.audience = targeting.Audience{Contacts: ids}
	_, err = s.put(ctx, a, p)
	return done, err
}

func (s *Server) sendOne(ctx context.Context, a asked, p plan, users []targeting.Entry, attached string) (any, error) {
	at := slices.IndexFunc(users, func(u targeting.Entry) bool { return u.Kind == a.channel.Address })
	if at < 0 {
		return nil, fault.InvalidField("id", nil, "the user is not on the messenger of this channel (%s)", wording.CodeOf(a.channel.Address))
	}
	if u := users[at]; !reached(u) {
		return nil, fault.InvalidField("id", userID(u.Address), "has opted out, or is stopped or blocked (%s): nothing is sent", cmp.Or(u.Suppressed,
			string(u.Status)))
	}
	metadata, err := a.metadata()
	if err != nil {
		return nil, err
	}
	m, err := s.Messages.Send(ctx, messages.Notification{
		AccountID: a.caller.AccountID, SenderID: a.caller.SeesOwn(), ChannelID: a.channel.ID, ContactID: users[at].ContactID, Content: p.content,
		Template: p.template, Metadata: metadata,
	})
	if err != nil {
		return nil, err
	}
	s.deps.Wake()
	return taken{m.ID, attached}, nil
}

// use reads which template is spoken, and with which values; nil if none is named. The
// older names of the parameters go, too.
func (s *Server) use(ctx context.Context, a asked, properties []property.Property) (*templates.Use, error) {
	var name string
	for _, parameter := range []string{"notification_template", "wb_notification", "notification"} {
		text, err := a.Text(parameter)
		if err != nil {
			return nil, err
		}
		if parameter == "notification" && strings.ContainsAny(text, " \n") {
			text = "" // of a content it is what people are told of it
		}
		name = cmp.Or(name, text)
	}
	if name == "" {
		return nil, nil
	}
	t, err := s.templateNamed(ctx, a, name)
	if fault.Is(err, fault.NotFound) {
		if !a.Has("notification_template") && !a.Has("wb_notification") && a.Has("text") {
			return nil, nil // a word that tells people of a content
		}
		return nil, fault.InvalidField("notification_template", name, "there is no such template")
	}
	if err != nil {
		return nil, err
	}
	use := &templates.Use{Name: t.Name, Params: templates.Params{}}
	if use.Language, err = s.languageOf(ctx, a); err != nil {
		return nil, err
	}
	use.Language = cmp.Or(use.Language, t.Default)
	values, _, err := a.variables("notification_body_variables", "params")
	if err != nil {
		return nil, err
	}
	body, header := variablesOf(t.Template)
	if len(values) != body {
		return nil, fault.InvalidField("notification_body_variables", len(values), "the template %q has %d of them", t.Name, body)
	}
	for i, v := range values {
		use.Params[strconv.Itoa(i+1)] = liquid(v, properties)
	}
	above, err := a.Text("notification_header_variable")
	if err != nil {
		return nil, err
	}
	switch {
	case header && above == "":
		return nil, fault.InvalidField("notification_header_variable", nil, "the header of the template %q has a variable", t.Name)
	case !header && above != "":
		return nil, fault.InvalidField("notification_header_variable", above, "the header of the template %q has no variable", t.Name)
	case header:
		use.Params[strconv.Itoa(body+1)] = liquid(above, properties)
	}
	suffix, err := a.Text("notification_button_variable")
	if err != nil {
		return nil, err
	}
	use.ButtonSuffix = liquid(suffix, properties)
	media, err := a.Text("notification_header_media")
	if err != nil || media == "" {
		return use, err
	}
	kind, err := kindOfFile("notification_header_media", media)
	if err != nil {
		return nil, err
	}
	use.Header = &templates.Media{Type: kind, URL: plainLiquid(media)}
	return use, nil
}

// languageOf is the language that is asked for, or the channel's; empty if there is neither.
func (s *Server) languageOf(ctx context.Context, a asked) (string, error) {
	for _, name := range []string{"notification_language", "language"} {
		text, err := a.Text(name)
		if err != nil || text != "" {
			return strings.ReplaceAll(text, "_", "-"), err
		}
	}
	return "", nil
}

// chat is a message of either direction as clients read it.
type chat struct {
	ID             string `json:"id"`
	UserID         string `json:"user_id"`
	Messenger      string `json:"messenger"`
	Date           string `json:"date"`
	Outgoing       bool   `json:"outgoing"`
	Text           string `json:"text"`
	Attachment     string `json:"attachment"`
	AttachmentType string `json:"attachment_type"`
	SendStatus     string `json:"send_status,omitempty"`

	at time.Time
}

const (
	chatsAPage = 20
	mostChats  = 500
)

// chatLimit reads how many chats are wanted.
func (a asked) chatLimit() (int, error) {
	limit, err := a.Int("limit", chatsAPage)
	if err == nil && (limit < 0 || limit > mostChats) {
		err = fault.InvalidField("limit", limit, "is from 1 to %d", mostChats)
	}
	if limit == 0 {
		limit = chatsAPage
	}
	return int(limit), err
}

func (s *Server) showChat(ctx context.Context, a asked) (any, error) {
	ids, err := a.List("id")
	if err != nil {
		return nil, err
	}
	users, err := s.named(ctx, a, ids)
	if err != nil {
		return nil, err
	}
	limit, err := a.chatLimit()
	if err != nil {
		return nil, err
	}
	if len(users) > mostChats {
		return nil, fault.InvalidField("id", len(users), "at most %d at a time", mostChats)
	}
	var list []chat
	for _, id := range contactsOf(users) {
		more, err := s.chats(ctx, a, chatFilter{contact: id, limit: limit, incoming: true, outgoing: true})
		if err != nil {
			return nil, err
		}
		list = newest(append(list, more...), limit)
	}
	return shownChats(list), nil
}

func shownChats(list []chat) any {
	if list == nil {
		list = []chat{}
	}
	return struct {
		Chats []chat `json:"chats"`
	}{list}
}

func newest(list []chat, limit int) []chat {
	slices.SortStableFunc(list, func(x, y chat) int { return y.at.Compare(x.at) })
	return list[:min(limit, len(list))]
}

func (s *Server) showChats(ctx context.Context, a asked) (any, error) {
	f := chatFilter{channel: a.channel.ID}
	var err error
	if f.limit, err = a.chatLimit(); err != nil {
		return nil, err
	}
	if f.from, err = a.Int("first_id", 0); err != nil {
		return nil, err
	}
	if f.incoming, err = a.Bool("incoming", true); err != nil {
		return nil, err
	}
	if f.outgoing, err = a.Bool("outgoing", true); err != nil {
		return nil, err
	}
	list, err := s.chats(ctx, a, f)
	return shownChats(newest(list, f.limit)), err
}

type chatFilter struct {
	contact, channel   int64
	from               int64 // the id of the first; 0 for the newest
	limit              int
	incoming, outgoing bool
}

// chats are messages of either direction, the newest of each.
func (s *Server) chats(ctx context.Context, a asked, f chatFilter) (list []chat, err error) {
	var before int64
	if f.from > 0 {
		before = f.from + 1
	}
	if f.outgoing {
		sent, err := s.Messages.List(ctx, messages.MessageFilter{
			AccountID: a.caller.AccountID, ContactID: f.contact, ChannelID: f.channel, Newest: true, After: before, Limit: f.limit,
		})
		if err != nil {
			return nil, err
		}
		contents, err := s.Campaigns.Contents(ctx, a.caller.AccountID, sent)
		if err != nil {
			return nil, err
		}
		for i, m := range sent {
			c, err := s.chatOf(ctx, a, m, contents[i])
			if err != nil {
				return nil, err
			}
			list = append(list, c)
		}
	}
	if !f.incoming {
		return list, nil
	}
	written, err := s.Replies.List(ctx, contacts.ReplyFilter{
		AccountID: a.caller.AccountID, ContactID: f.contact, ChannelID: f.channel, Before: before, Limit: f.limit,
	})
	for _, r := range written {
		list = append(list, chat{
			ID: strconv.FormatInt(r.ID, 10), UserID: userID(r.Address), Messenger: wording.CodeOf(r.Kind), Date: unix(&r.At), Text: r.Text, at: r.At,
		})
	}
	return list, err
}

// chatOf is a message that goes out as clients read it.
func (s *Server) chatOf(ctx context.Context, a asked, m messages.Message, content providers.Content) (chat, error) {
	c := chat{ID: strconv.FormatInt(m.ID, 10), UserID: userID(m.Address), Messenger: wording.CodeOf(a.channel.Address), Outgoing: true, at: m.CreatedAt}
	if m.ChannelID != a.channel.ID {
		other, err := s.Channels.Any(ctx, m.ChannelID)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return c, err
		}
		c.Messenger = wording.CodeOf(other.Address)
	}
	if m.SentAt != nil {
		c.at = *m.SentAt
	}
	c.Date = unix(&c.at)
	spoken := false
	if m.CampaignID != 0 {
		of, err := s.Campaigns.Get(ctx, a.caller.AccountID, m.CampaignID)
		if err != nil {
			return c, err
		}
		spoken = of.Template != nil
	}
	c.SendStatus = sendStatus(m, c.Messenger, spoken || m.TemplateID != 0)
	c.Text = content.Text
	if content.Attachment != nil {
		c.Attachment = content.Attachment.URL
		c.AttachmentType, _ = kindOfFile("attachment", c.Attachment) // what has no known ending has no type
	}
	return c, nil
}

// sendStatus is where a message stands in MessengerPeople's numbers; those of templates have
// numbers of their own.
func sendStatus(m messages.Message, messenger string, template bool) string {
	number := map[messages.State]int{
		messages.Sent: 1, messages.Delivered: 1, messages.Read: 2, messages.Failed: -1, messages.Canceled: -1, messages.Rejected: -2, messages.Skipped: -2,
	}[m.State]
	if m.State == messages.Sent && (messenger == "WB" || messenger == "VI") {
		number = 0 // 1 says that it arrived
	}
	if template {
		number = map[messages.State]int{
			messages.Sent: 4, messages.Delivered: 5, messages.Read: 6, messages.Failed: -5, messages.Canceled: -5, messages.Rejected: -6, messages.Skipped: -6,
		}[m.State]
	}
	return strconv.Itoa(number)
}

func (s *Server) blankChat(context.Context, asked) (any, error) {
	return nil, fault.New(fault.Invalid, "single incoming messages are not blanked: DELETE /user erases a user with all that was written")
}
