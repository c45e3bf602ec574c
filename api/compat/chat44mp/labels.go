package chat44mp

import (
	"context"
	"strconv"
	"strings"
	"time"

	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
)

// subscriberInfo is a subscriber; every value is a text.
type subscriberInfo struct {
	SubscriberID     string `json:"subscriber_id"`
	Labels           string `json:"labels"`
	FirstName        string `json:"first_name"`
	LastName         string `json:"last_name"`
	FullName         string `json:"full_name"`
	Gender           string `json:"gender"`
	Locale           string `json:"locale"`
	Timezone         string `json:"timezone"`
	PageName         string `json:"page_name"`
	PageID           string `json:"page_id"`
	Unavailable      string `json:"unavailable"`
	LastErrorMessage string `json:"last_error_message"`
	ReffererSource   string `json:"refferer_source"`
	SubscribedAt     string `json:"subscribed_at"`
	Email            string `json:"email"`
	PhoneNumber      string `json:"phone_number"`
	Birthdate        string `json:"birthdate"`
	LastInteraction  string `json:"last_subscriber_interaction_time"`
}

// Times and dates that nobody knows.
const (
	noTime = "0000-00-00 00:00:00"
	noDate = "0000-00-00"
)

// timeOf is a time as Chat44mp writes it, in UTC.
func timeOf(t *time.Time) string {
	if t == nil || t.IsZero() {
		return noTime
	}
	return t.UTC().Format(time.DateTime)
}

// subscriberOf is the contact with a Facebook address; NotFound if there is none.
func (c *Server) subscriberOf(ctx context.Context, a asked, psid string) (contacts.Contact, error) {
	list, err := c.Contacts.Search(ctx, contacts.ContactFilter{AccountID: a.caller.AccountID, Kind: providers.Facebook, Address: psid, Limit: 1})
	if err == nil && len(list) == 0 {
		err = fault.New(fault.NotFound, "there is no such subscriber")
	}
	if err != nil {
		return contacts.Contact{}, err
	}
	return list[0], nil
}

func (c *Server) subscriber(ctx context.Context, a asked) (any, error) {
	psid, err := need(a.given, "subscriber_id", "Provide subscriber_id field")
	if err != nil {
		return nil, err
	}
	of, err := c.subscriberOf(ctx, a, psid)
	if err != nil {
		return nil, orElse(err, "No Matching Subscriber Found")
	}
	labels, err := c.labelsOf(ctx, a, of.ID)
	if err != nil {
		return nil, err
	}
	out, err := c.optedOut(ctx, of)
	if err != nil {
		return nil, err
	}
	phone, err := c.phoneOf(ctx, of)
	if err != nil {
		return nil, err
	}
	info := subscriberInfo{
		SubscriberID: psid, Labels: strings.Join(labels, ","), FirstName: of.FirstName, LastName: of.LastName, FullName: fullName(of),
		Locale: strings.ReplaceAll(of.Language, "-", "_"), Timezone: of.Timezone, Unavailable: truth(out || of.Status != contacts.Active),
		SubscribedAt: timeOf(&of.CreatedAt), Email: of.Addresses[providers.Email], PhoneNumber: phone, Birthdate: noDate,
		LastInteraction: timeOf(of.LastActivityAt),
	}
	page, has, err := c.pageOf(ctx, a, psid)
	if err != nil {
		return nil, err
	}
	if has {
		info.PageName, info.PageID = page.Name, strconv.FormatInt(page.ID, 10)
	}
	return struct {
		Status string         `json:"status"`
		Info   subscriberInfo `json:"subscriber_info"`
	}{"success", info}, nil
}

func fullName(of contacts.Contact) string {
	if of.Name != "" {
		return of.Name
	}
	return strings.TrimSpace(of.FirstName + " " + of.LastName)
}

func truth(is bool) string {
	if is {
		return "1"
	}
	return "0"
}

// pageOf is the page that a subscriber is of: the one to which they wrote last, else the
// first that writes to Facebook.
func (c *Server) pageOf(ctx context.Context, a asked, psid string) (page providers.Channel, has bool, err error) {
	pages, err := c.pages(ctx, a)
	if err != nil || len(pages) == 0 {
		return page, false, err
	}
	last, err := c.Messages.List(ctx, messages.MessageFilter{AccountID: a.caller.AccountID, Address: psid, Limit: 1})
	if err != nil {
		return page, false, err
	}
	for _, p := range pages {
		if len(last) > 0 && last[0].ChannelID == p.ID {
			return p, true, nil
		}
	}
	return pages[0], true, nil
}

// mostPages bounds how many pages an account has.
const mostPages = 1000

// pages are the account's channels that write to Facebook.
func (c *Server) pages(ctx context.Context, a asked) (pages []providers.Channel, err error) {
	list, err := c.Channels.List(ctx, a.caller.AccountID, 0, mostPages)
	for _, channel := range list {
		if channel.Address == providers.Facebook {
			pages = append(pages, channel)
		}
	}
	return pages, err
}

// page reads which page is meant; a key that is bound to one knows no other.
func (c *Server) page(ctx context.Context, a asked) error {
	text, err := need(a.given, "page_id", "Provide page_id field")
	if err != nil {
		return err
	}
	channel, err := c.Channels.Get(ctx, a.caller.AccountID, id(text))
	if err == nil && a.caller.ChannelID != 0 && a.caller.ChannelID != channel.ID {
		err = fault.New(fault.NotFound, "the key is of another page")
	}
	return orElse(err, "No Enabled Bot Found")
}

// mostLabels bounds how many labels, and groups, an account has.
const mostLabels = 10_000

// label is one as it is listed.
type label struct {
	ID   string `json:"label_id"`
	Name string `json:"label_name"`
}

func (c *Server) listLabels(ctx context.Context, a asked) (any, error) {
	if err := c.page(ctx, a); err != nil {
		return nil, orElse(err, "No Matching Label Found")
	}
	list, err := c.Lists.List(ctx, a.caller.AccountID, contacts.Label, 0, mostLabels)
	if err == nil && len(list) == 0 {
		err = said("No Matching Label Found")
	}
	if err != nil {
		return nil, err
	}
	labels := make([]label, len(list))
	for i, l := range list {
		labels[i] = label{strconv.FormatInt(l.ID, 10), l.Name}
	}
	return struct {
		Status string  `json:"status"`
		Info   []label `json:"label_info"`
	}{"success", labels}, nil
}

func (c *Server) createLabel(ctx context.Context, a asked) (any, error) {
	name, err := need(a.given, "label_name", "Provide label_name field")
	if _, missing := need(a.given, "page_id", "Provide page_id field"); missing != nil {
		return nil, missing
	}
	if err != nil {
		return nil, err
	}
	if err := c.page(ctx, a); err != nil {
		return nil, err
	}
	l, err := c.Lists.Create(ctx, contacts.List{AccountID: a.caller.AccountID, Kind: contacts.Label, Name: name})
	if err != nil {
		return nil, err
	}
	return struct {
		Status  string `json:"status"`
		LabelID string `json:"label_id"`
	}{"success", strconv.FormatInt(l.ID, 10)}, nil
}

// mostAssigned bounds how many labels one call gives.
const mostAssigned = 100

func (c *Server) assignLabels(ctx context.Context, a asked) (any, error) {
	for _, of := range []struct{ name, words string }{
		{"label_ids", "Provide label_ids field"}, {"page_id", "Provide page_id field"}, {"subscriber_id", "Provide subscriber_id field"},
	} {
		if _, err := need(a.given, of.name, of.words); err != nil {
			return nil, err
		}
	}
	if err := c.page(ctx, a); err != nil {
		return nil, err
	}
	ids, err := a.given.List("label_ids")
	if err != nil {
		return nil, err
	}
	if len(ids) > mostAssigned {
		return nil, fault.InvalidField("label_ids", len(ids), "name at most %d", mostAssigned)
	}
	var labels []int64
	for _, text := range ids {
		// Those that there are not are passed over, beside one that there is.
		switch l, err := c.Lists.Get(ctx, a.caller.AccountID, contacts.Label, id(text)); {
		case err == nil:
			labels = append(labels, l.ID)
		case !fault.Is(err, fault.NotFound):
			return nil, err
		}
	}
	if len(labels) == 0 {
		return nil, said("No Label Found")
	}
	psid, err := a.given.Text("subscriber_id")
	if err != nil {
		return nil, err
	}
	of, err := c.subscriberOf(ctx, a, psid)
	if err != nil {
		return nil, orElse(err, "(#100) The user ID is not valid.")
	}
	for _, l := range labels {
		if _, err := c.Lists.Add(ctx, c.member(a, contacts.Label, l, of.ID)); err != nil {
			return nil, err
		}
	}
	return struct {
		Success bool   `json:"success"`
		Status  string `json:"status"`
	}{true, "success"}, nil
}

func (c *Server) member(a asked, kind contacts.ListKind, list, contact int64) contacts.MemberChange {
	return contacts.MemberChange{
		AccountID: a.caller.AccountID, Kind: kind, ListID: list, Contacts: []int64{contact}, Source: contacts.SourceAPI, Actor: a.caller.Actor(),
	}
}
