package messengerpeople

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"carillon/campaigns"
	"carillon/contacts/property"
	"carillon/internal/fault"
)

// contentItem is a content as clients read it.
type contentItem struct {
	ID        string `json:"id"`
	Text      string `json:"text"`
	Media     string `json:"media"`
	Targeting string `json:"targeting"`
	Status    string `json:"status"`
	Created   string `json:"created"`
	Date      string `json:"date"`
	Clicks    *int64 `json:"clicks,omitempty"`
}

func isContent(c campaigns.Campaign) bool { return slices.Contains(c.About.Tags, tagContent) }

// contentPlan reads what a content is made of.
func (s *Server) contentPlan(ctx context.Context, a asked, properties []property.Property) (p plan, err error) {
	p = plan{kind: "Content", tag: tagContent}
	if a.Has("promotion") {
		return p, fault.InvalidField("promotion", nil, "is not supported: send it as a content of its own")
	}
	if p.lifetime, err = a.readLifetime(); err != nil {
		return p, err
	}
	names := contentNames{"text", "media"}
	if p.template, err = s.use(ctx, a, properties); err != nil {
		return p, err
	}
	if p.template == nil {
		if p.content, _, err = a.content(names, properties); err != nil {
			return p, err
		}
		link, err := a.Text("weblink")
		if err != nil {
			return p, err
		}
		if link != "" {
			p.content.Text = strings.TrimSpace(p.content.Text + "\n" + plainLiquid(link))
		}
	}
	if p.draft, err = a.Bool("draft", false); err != nil {
		return p, err
	}
	at, err := a.Int("date", 0)
	if err != nil {
		return p, err
	}
	if at > 0 {
		p.at = time.Unix(at, 0).In(s.location(a))
	}
	return p, s.aimContent(ctx, a, &p)
}

// aimContent reads the one number that stands for a category or for a targeting list.
func (s *Server) aimContent(ctx context.Context, a asked, p *plan) error {
	name := "targeting"
	if !a.Has(name) {
		name = "category"
	}
	n, err := a.Int(name, 0)
	if err != nil {
		return err
	}
	if n > firstTargeting {
		return s.aim(ctx, a, p, "", name)
	}
	return s.aim(ctx, a, p, name, "")
}

func (s *Server) createContent(ctx context.Context, a asked) (any, error) {
	properties, err := s.Properties.List(ctx, a.caller.AccountID)
	if err != nil {
		return nil, err
	}
	p, err := s.contentPlan(ctx, a, properties)
	if err != nil {
		return nil, err
	}
	made, err := s.put(ctx, a, p)
	if err != nil {
		return nil, err
	}
	return identity{made.ID}, nil
}

// changeContent puts another content in the place of one that is not sent yet.
func (s *Server) changeContent(ctx context.Context, a asked) (any, error) {
	c, err := s.found(ctx, a, isContent)
	if err != nil {
		return nil, err
	}
	properties, err := s.Properties.List(ctx, a.caller.AccountID)
	if err != nil {
		return nil, err
	}
	if c.Status != campaigns.Draft && c.Status != campaigns.Scheduled {
		return nil, fault.InvalidField("id", c.ID, "is %s: what is sent can't be changed", statuses[c.Status])
	}
	item, err := s.contentOf(ctx, a, c, properties)
	if err != nil {
		return nil, err
	}
	a.fillUp(item)
	p, err := s.contentPlan(ctx, a, properties)
	if err != nil {
		return nil, err
	}
	c.Content, c.Template, c.Audience, c.CategoryID = p.content, p.template, p.audience, p.category
	if p.at.After(s.deps.Clock.Now()) {
		c.Schedule.At, c.Schedule.Timezone = p.at.Format("2006-01-02T15:04:05"), a.zone()
	}
	if a.Has("lifetime") {
		c.Schedule.ExpiresAfter = p.expiresAfter()
	}
	if _, err := s.Campaigns.Update(ctx, c); err != nil {
		return nil, err
	}
	if c.Status == campaigns.Draft && !p.draft {
		if _, err := s.Campaigns.Start(ctx, a.caller.AccountID, c.ID, false); err != nil {
			return nil, err
		}
		s.deps.Wake()
	}
	return nil, nil
}

// fillUp gives what a change leaves out from what there is.
func (a asked) fillUp(item contentItem) {
	for name, value := range map[string]string{"text": item.Text, "media": item.Media} {
		if a.Value(name) == nil && value != "" {
			a.Set(name, value)
		}
	}
	if !a.Has("targeting") && !a.Has("category") {
		a.Set("targeting", item.Targeting)
	}
	if a.Value("draft") == nil {
		a.Set("draft", flag(item.Status == string(campaigns.Draft)))
	}
}

func itemOf(c campaigns.Campaign, properties []property.Property) contentItem {
	created := c.CreatedAt
	item := contentItem{
		ID: strconv.FormatInt(c.ID, 10), Text: said(c.Content.Text, properties), Status: contentStatus(c.Status), Created: unix(&created), Date: unix(&created),
	}
	if c.Content.Attachment != nil {
		item.Media = said(c.Content.Attachment.URL, nil)
	}
	if c.NextFireAt != nil {
		item.Date = unix(c.NextFireAt)
	}
	if len(c.Audience.Targeting) > 0 {
		item.Targeting = strconv.FormatInt(targetingNumber(c.Audience.Targeting[0]), 10)
	}
	return item
}

func contentStatus(s campaigns.Status) string {
	switch s {
	case campaigns.Draft, campaigns.Scheduled:
		return string(s)
	}
	return "published"
}

func (s *Server) listContent(ctx context.Context, a asked) (any, error) {
	filter, err := a.Text("filter")
	if err != nil {
		return nil, err
	}
	if !slices.Contains([]string{"", "draft", "scheduled", "published"}, filter) {
		return nil, fault.InvalidField("filter", filter, "must be draft, scheduled or published")
	}
	limit, offset, err := a.page(newslettersAPage)
	if err != nil {
		return nil, err
	}
	flags := map[string]bool{}
	for _, name := range []string{"asc", "clicks"} {
		if flags[name], err = a.Bool(name, false); err != nil {
			return nil, err
		}
	}
	order, err := a.Text("order")
	if err != nil {
		return nil, err
	}
	if order != "" && order != "created" && order != "date" {
		return nil, fault.InvalidField("order", order, "must be created, or left out for the date")
	}
	id, err := a.Int("id", 0)
	if err != nil {
		return nil, err
	}
	list, err := s.ofChannel(ctx, a, tagContent, campaignsAPage*mostPages, func(c campaigns.Campaign) bool {
		return (filter == "" || contentStatus(c.Status) == filter) && (id == 0 || c.ID == id)
	})
	if err != nil {
		return nil, err
	}
	properties, err := s.Properties.List(ctx, a.caller.AccountID)
	if err != nil {
		return nil, err
	}
	items := make([]contentItem, len(list))
	for i, c := range list {
		if items[i], err = s.contentOf(ctx, a, c, properties); err != nil {
			return nil, err
		}
		if flags["clicks"] && c.RunID != 0 {
			run, err := s.Campaigns.Run(ctx, a.caller.AccountID, c.RunID)
			if err != nil {
				return nil, err
			}
			items[i].Clicks = &run.Engagement.Clicked
		}
	}
	slices.SortStableFunc(items, func(x, y contentItem) int {
		a, b := x.Date, y.Date
		if order == "created" {
			a, b = x.Created, y.Created
		}
		return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(b, a))
	})
	if flags["asc"] {
		slices.Reverse(items)
	}
	items = items[min(offset, len(items)):]
	return struct {
		Content []contentItem `json:"content"`
	}{items[:min(limit, len(items))]}, nil
}

// contentOf is a content with the number of its category, which only the list of them knows.
func (s *Server) contentOf(ctx context.Context, a asked, c campaigns.Campaign, properties []property.Property) (contentItem, error) {
	item := itemOf(c, properties)
	if c.CategoryID == 0 {
		return item, nil
	}
	list, err := s.categories(ctx, a)
	for _, l := range list {
		if l.ID == c.CategoryID {
			item.Targeting = strconv.Itoa(l.Slot)
		}
	}
	return item, err
}

// stopInteraction ends what can still be pulled of a content.
func (s *Server) stopInteraction(ctx context.Context, a asked) (any, error) {
	c, err := s.found(ctx, a, isContent)
	if err != nil {
		return nil, err
	}
	if c.Status == campaigns.Running || c.Status == campaigns.Paused {
		_, err = s.Campaigns.Cancel(ctx, a.caller.AccountID, c.ID, a.caller.Actor())
	}
	return nil, err
}

func (s *Server) deleteContent(ctx context.Context, a asked) (any, error) {
	c, err := s.found(ctx, a, isContent)
	if err != nil {
		return nil, err
	}
	return nil, s.withdraw(ctx, a, c)
}
