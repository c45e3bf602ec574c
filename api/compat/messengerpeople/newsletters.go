package messengerpeople

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"carillon/campaigns"
	"carillon/contacts"
	"carillon/contacts/property"
	"carillon/internal/fault"
	"carillon/internal/zone"
	"carillon/messages"
	"carillon/providers"
	"carillon/targeting"
	"carillon/templates"
	"carillon/wording"
)

// Tags tell campaigns apart that are shown in different places: newsletters are those without
// one of these.
const (
	tagContent = "messengerpeople-content"
	tagBatch   = "messengerpeople-batch"
)

// minute is how times are written: YYYY-mm-dd HH:ii.
const minute = "2006-01-02 15:04"

// plan is a campaign that is to be.
type plan struct {
	kind     string // what it is called by
	tag      string
	content  providers.Content
	template *templates.Use
	audience targeting.Audience
	category int64
	// at is when, on the clock of the channel; zero is now.
	at    time.Time
	draft bool
	// lifetime is how long after its time it is sent; zero is without an end.
	lifetime time.Duration
}

// put makes a campaign of a plan and starts it, unless it is a draft.
func (s *Server) put(ctx context.Context, a asked, p plan) (campaigns.Campaign, error) {
	c := campaigns.Campaign{
		AccountID: a.caller.AccountID, ChannelID: a.channel.ID, Audience: p.audience, CategoryID: p.category, Content: p.content, Template: p.template,
	}
	now := s.deps.Clock.Now()
	c.Name = p.kind + " of " + now.In(s.location(a)).Format(minute)
	if p.tag != "" {
		c.About.Tags = []string{p.tag}
	}
	if p.at.After(now) {
		c.Schedule.At, c.Schedule.Timezone = p.at.Format("2006-01-02T15:04"), a.zone()
		if p.at.Second() != 0 {
			c.Schedule.At = p.at.Format("2006-01-02T15:04:05")
		}
	}
	c.Schedule.ExpiresAfter = p.expiresAfter()
	made, err := s.Campaigns.Create(ctx, c)
	if err != nil || p.draft {
		return made, err
	}
	started, err := s.Campaigns.Start(ctx, a.caller.AccountID, made.ID, false)
	if err != nil {
		// Nothing stays of what could not be sent.
		if err := s.Campaigns.Delete(context.WithoutCancel(ctx), a.caller.AccountID, made.ID); err != nil {
			return made, err
		}
		return made, err
	}
	s.deps.Wake()
	return started, nil
}

// mostLifetime is how long campaigns wait for anybody.
const mostLifetime = 30 * 24 * time.Hour

// expiresAfter is the lifetime as schedules have it.
func (p *plan) expiresAfter() string {
	if p.lifetime == 0 {
		return ""
	}
	return p.lifetime.String()
}

// readLifetime reads for how many seconds a content lives.
func (a asked) readLifetime() (time.Duration, error) {
	seconds, err := a.Int("lifetime", 0)
	if err == nil && seconds < 0 {
		err = fault.InvalidField("lifetime", seconds, "is in seconds, from 1; 0 is for ever")
	}
	// Nobody waits longer.
	return time.Duration(min(seconds, int64(mostLifetime/time.Second))) * time.Second, err
}

// zone is the time zone of the channel.
func (a asked) zone() string { return cmp.Or(a.channel.Timezone, "UTC") }

func (s *Server) location(a asked) *time.Location {
	location, err := zone.Load(a.zone())
	if err != nil {
		return time.UTC
	}
	return location
}

// aim reads whom something is for: a category, else a targeting list, else everybody.
func (s *Server) aim(ctx context.Context, a asked, p *plan, category, list string) error {
	switch {
	case a.Has(category):
		l, err := s.category(ctx, a, category)
		if err != nil {
			return err
		}
		p.audience, p.category = targeting.Audience{Categories: []int64{l.ID}}, l.ID
	case list != "" && a.Has(list):
		id, err := s.targetingID(ctx, a, list)
		if err != nil {
			return err
		}
		p.audience = targeting.Audience{Targeting: []int64{id}}
	default:
		p.audience = targeting.Audience{All: true}
	}
	return nil
}

// broadcast is the answer to a newsletter.
type broadcast struct {
	ID       int64  `json:"broadcast_id"`
	Reusable string `json:"reusable_attachment,omitempty"`
}

func (s *Server) sendNewsletter(ctx context.Context, a asked) (any, error) {
	properties, err := s.Properties.List(ctx, a.caller.AccountID)
	if err != nil {
		return nil, err
	}
	p := plan{kind: "Newsletter"}
	var attached string
	if p.content, attached, err = a.content(contentNames{"message", "attachment"}, properties); err != nil {
		return nil, err
	}
	if err := s.aim(ctx, a, &p, "category", "targeting_id"); err != nil {
		return nil, err
	}
	sendtime, err := a.Text("sendtime")
	if err != nil {
		return nil, err
	}
	if sendtime = strings.TrimSpace(sendtime); sendtime != "" {
		if p.at, err = time.ParseInLocation(minute, sendtime, s.location(a)); err != nil {
			return nil, fault.InvalidField("sendtime", sendtime, "must be written as YYYY-mm-dd HH:ii, such as 2026-12-01 09:30")
		}
	}
	made, err := s.put(ctx, a, p)
	if err != nil {
		return nil, err
	}
	return broadcast{made.ID, attached}, nil
}

// newsletter is one as clients read it: eleven members, because a strict one refuses more.
type newsletter struct {
	TargetingListID string           `json:"targeting_list_id"`
	TargetingList   string           `json:"targeting_list"`
	CategoryName    string           `json:"category_name"`
	Created         string           `json:"created"`
	Recipients      map[string]int64 `json:"recipients"`
	Text            string           `json:"text"`
	To              string           `json:"to"`
	Sendtime        string           `json:"sendtime"`
	CreatedBy       string           `json:"created_by"`
	Status          string           `json:"status"`
	Media           string           `json:"media"`
}

// statuses are the words for where a newsletter stands.
var statuses = map[campaigns.Status]string{
	campaigns.Draft: "draft", campaigns.Scheduled: "scheduled", campaigns.Running: "sending", campaigns.Paused: "paused", campaigns.Finished: "sent",
	campaigns.Canceled: "failed", campaigns.Failed: "failed",
}

// pages bounds how many campaigns are looked through for those that are shown.
const (
	campaignsAPage = 200
	mostPages      = 25
)

// ofChannel are the newest campaigns of the channel that are wanted, n at most.
func (s *Server) ofChannel(ctx context.Context, a asked, tag string, n int, wanted func(campaigns.Campaign) bool) (list []campaigns.Campaign, err error) {
	filter := campaigns.Filter{AccountID: a.caller.AccountID, Tag: tag, Limit: campaignsAPage}
	for range mostPages {
		page, err := s.Campaigns.List(ctx, filter)
		if err != nil {
			return nil, err
		}
		for _, c := range page {
			if filter.Before = c.ID; c.ChannelID == a.channel.ID && !c.IsFlow && wanted(c) {
				list = append(list, c)
			}
			if len(list) == n {
				return list, nil
			}
		}
		if len(page) < campaignsAPage {
			break
		}
	}
	return list, nil
}

// isNewsletter reports whether a campaign stands in the history of newsletters.
func isNewsletter(c campaigns.Campaign) bool {
	return c.Status != campaigns.Draft && !slices.Contains(c.About.Tags, tagContent) && !slices.Contains(c.About.Tags, tagBatch)
}

func (s *Server) listNewsletters(ctx context.Context, a asked) (any, error) {
	limit, _, err := a.page(newslettersAPage)
	if err != nil {
		return nil, err
	}
	list, err := s.ofChannel(ctx, a, "", limit, isNewsletter)
	if err != nil {
		return nil, err
	}
	properties, err := s.Properties.List(ctx, a.caller.AccountID)
	if err != nil {
		return nil, err
	}
	shown := make(newestFirst, len(list))
	for i, c := range list {
		n, err := s.newsletterOf(ctx, a, c, properties)
		if err != nil {
			return nil, err
		}
		shown[i] = member{strconv.FormatInt(c.ID, 10), n}
	}
	return bare{shown}, nil
}

const newslettersAPage = 50

// newestFirst is an object with its members in their order.
type newestFirst []member

type member struct {
	name  string
	value any
}

// MarshalJSON writes the members as they stand.
func (o newestFirst) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, m := range o {
		if i > 0 {
			b = append(b, ',')
		}
		value, err := wording.Encoded(m.value)
		if err != nil {
			return nil, err
		}
		b = append(append(append(b, strconv.Quote(m.name)...), ':'), value...)
	}
	return append(b, '}'), nil
}

func (s *Server) newsletterOf(ctx context.Context, a asked, c campaigns.Campaign, properties []property.Property) (newsletter, error) {
	location := s.location(a)
	n := newsletter{
		Created: c.CreatedAt.In(location).Format(minute), Recipients: map[string]int64{}, Text: said(c.Content.Text, properties), Status: statuses[c.Status],
	}
	if c.Content.Attachment != nil {
		n.Media = said(c.Content.Attachment.URL, nil)
	}
	n.Sendtime = n.Created
	if c.NextFireAt != nil {
		n.Sendtime = c.NextFireAt.In(location).Format(minute)
	}
	switch {
	case len(c.Audience.Targeting) > 0:
		id := c.Audience.Targeting[0]
		n.TargetingListID = strconv.FormatInt(targetingNumber(id), 10)
		if l, err := s.Rules.Get(ctx, a.caller.AccountID, id); err == nil {
			n.TargetingList, n.To = l.Name, l.Name
		} else if !fault.Is(err, fault.NotFound) {
			return n, err
		}
	case len(c.Audience.Categories) > 0:
		if l, err := s.Lists.Get(ctx, a.caller.AccountID, contacts.Category, c.Audience.Categories[0]); err == nil {
			n.CategoryName, n.To = l.Name, l.Name
		} else if !fault.Is(err, fault.NotFound) {
			return n, err
		}
	}
	if c.RunID == 0 {
		return n, nil
	}
	run, err := s.Campaigns.Run(ctx, a.caller.AccountID, c.RunID)
	if err != nil {
		return n, err
	}
	if began := run.Began(); !began.IsZero() && c.NextFireAt == nil {
		n.Sendtime = began.In(location).Format(minute)
	}
	n.Recipients[wording.CodeOf(a.channel.Address)] = run.Counts[messages.Sent] + run.Counts[messages.Delivered] + run.Counts[messages.Read]
	return n, nil
}

// found is a campaign of the channel that a parameter names.
func (s *Server) found(ctx context.Context, a asked, wanted func(campaigns.Campaign) bool) (campaigns.Campaign, error) {
	id, err := a.idOf("id")
	if err != nil {
		return campaigns.Campaign{}, err
	}
	c, err := s.Campaigns.Get(ctx, a.caller.AccountID, id)
	if err == nil && (c.ChannelID != a.channel.ID || c.IsFlow || c.ArchivedAt != nil || !wanted(c)) {
		err = fault.New(fault.NotFound, "there is no such one")
	}
	if fault.Is(err, fault.NotFound) {
		err = fault.InvalidField("id", id, "there is no such one")
	}
	return c, err
}

func (s *Server) deleteNewsletter(ctx context.Context, a asked) (any, error) {
	c, err := s.found(ctx, a, isNewsletter)
	if err != nil {
		return nil, err
	}
	if c.Status != campaigns.Scheduled || c.RunID != 0 {
		return nil, fault.InvalidField("id", c.ID, "is %s: only what is scheduled can be deleted before it is sent", statuses[c.Status])
	}
	return nil, s.withdraw(ctx, a, c)
}

// withdraw takes a campaign out of the history; nothing of it is sent any more.
func (s *Server) withdraw(ctx context.Context, a asked, c campaigns.Campaign) error {
	switch c.Status {
	case campaigns.Draft:
		return s.Campaigns.Delete(ctx, a.caller.AccountID, c.ID)
	case campaigns.Scheduled, campaigns.Running, campaigns.Paused:
		if _, err := s.Campaigns.Cancel(ctx, a.caller.AccountID, c.ID, a.caller.Actor()); err != nil {
			return err
		}
	}
	_, err := s.Campaigns.Archive(ctx, a.caller.AccountID, c.ID)
	return err
}

// variables reads the values of a template's parameters.
func (a asked) variables(names ...string) (list []string, given bool, err error) {
	for _, name := range names {
		if !a.Has(name) {
			continue
		}
		var raw []json.RawMessage
		if err := a.JSON(name, &raw); err != nil {
			return nil, false, err
		}
		for _, item := range raw {
			text, err := plainText(item)
			if err != nil {
				return nil, false, fault.InvalidField(name, nil, "must be a list of texts")
			}
			list = append(list, text)
		}
		return list, true, nil
	}
	return nil, false, nil
}
