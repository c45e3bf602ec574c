package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"carillon/access"
	"carillon/campaigns"
	"carillon/campaigns/flows"
	"carillon/internal/fault"
	"carillon/internal/naming"
	"carillon/targeting"
	"carillon/tracking"
)

// Campaign is a campaign as the API shows it.
type Campaign struct {
	ID         int64                 `json:"id"`
	Number     int64                 `json:"number,omitempty" doc:"Its place among those of the account, from 1; none comes again."`
	Name       string                `json:"name"`
	ChannelID  int64                 `json:"channel_id"`
	Audience   targeting.Audience    `json:"audience"`
	Content    MessageContent        `json:"content"`
	Feed       *campaigns.DataFeed   `json:"feed,omitempty" doc:"A JSON document that is read when a run begins and kept with it: templates see it as feed."`
	Schedule   Schedule              `json:"schedule"`
	Throttle   campaigns.Throttle    `json:"throttle"`
	Weight     int                   `json:"weight" doc:"Its share of the channel against other campaigns."`
	CategoryID int64                 `json:"category_id,omitempty" doc:"The category that it is about: whoever opted out of it is skipped."`
	Experiment *campaigns.Experiment `json:"experiment,omitempty" doc:"What it tries out: variants of its content, and whom it sends nothing to compare."`
	Tracking   *tracking.Settings    `json:"tracking,omitempty" doc:"What of its messages is tracked; absent for nothing."`
	Conversion *campaigns.Conversion `json:"conversion,omitempty" doc:"The event that counts for it."`
	Version    int64                 `json:"version" doc:"Counts the changes of content and audience; a run keeps the one that it began with."`
	Kind       string                `json:"kind" enum:"newsletter,notification,content,recurring,flow" doc:"flow if it walks people through steps, content if it is, was or will be published for people to pull it, else recurring if its schedule recurs, else notification if it says what a template says, newsletter if it has texts of its own."`
	Tags       []string              `json:"tags"`
	Notes      string                `json:"notes,omitempty"`
	ArchivedAt *time.Time            `json:"archived_at,omitempty" doc:"Since when it is archived: once it has ended it is not listed unless asked for."`
	Status     string                `json:"status" enum:"draft,scheduled,running,paused,finished,canceled,failed"`
	NextFireAt *time.Time            `json:"next_fire_at,omitempty"`
	Pause      *Pause                `json:"pause,omitempty" doc:"Who paused the campaign, and why."`
	// SchedulePause is the pause of its instants alone.
	SchedulePause *Pause            `json:"schedule_pause,omitempty" doc:"Who paused its schedule alone, and why: its instants do not fire, its runs go on."`
	RunID         int64             `json:"run_id,omitempty" doc:"The latest run."`
	Publication   *Publication      `json:"publication,omitempty" doc:"How people pull it; only where one campaign is shown."`
	Approval      *CampaignApproval `json:"approval,omitempty" doc:"What was said of it before it was started; only where one campaign is shown."`
	Standstill    *Standstill       `json:"standstill,omitempty" doc:"Why nothing of it goes out; only where one campaign is shown."`
	CreatedAt     time.Time         `json:"created_at"`
	UpdatedAt     time.Time         `json:"updated_at"`
}

func (c Campaign) identity() int64 { return c.ID }

// CampaignInput is what a new campaign is made of.
type CampaignInput struct {
	Name       string                `json:"name" minLength:"1" maxLength:"200"`
	ChannelID  int64                 `json:"channel_id,omitempty" minimum:"1" doc:"Through which channel; channel may say it instead."`
	Channel    naming.Ref            `json:"channel,omitzero" kind:"channel" needed:"true" doc:"Instead of channel_id: the channel, by its id or its name."`
	Audience   AudienceInput         `json:"audience"`
	Content    MessageContent        `json:"content,omitempty" doc:"Liquid in every text: {{ contact.first_name | default: \"there\" }}, {{ row.coupon }} for a CSV column, {{ unsubscribe_url }}. Or a template. Left out where every variant has its own."`
	Feed       *campaigns.DataFeed   `json:"feed,omitempty" doc:"A JSON document that is read when a run begins and kept with it: {% for item in feed.items %}."`
	Schedule   Schedule              `json:"schedule,omitempty"`
	Throttle   campaigns.Throttle    `json:"throttle,omitempty"`
	Weight     int                   `json:"weight,omitempty" minimum:"1" maximum:"100" doc:"Its share of the channel against other campaigns; default 1."`
	Category   naming.Ref            `json:"category,omitzero" kind:"category" doc:"Instead of category_id: the category, by its id or its name."`
	CategoryID int64                 `json:"category_id,omitempty" minimum:"1" doc:"The category that it is about: whoever opted out of it is skipped, and its frequency caps count."`
	Experiment *campaigns.Experiment `json:"experiment,omitempty" doc:"What it tries out: variants of its content by share, a test share whose winner the others get, a holdout that gets nothing. An empty object is none."`
	Tracking   *tracking.Settings    `json:"tracking,omitempty" doc:"What of its messages is tracked: clicks on links, opens of mails; nothing if absent. It needs public_url."`
	Conversion *campaigns.Conversion `json:"conversion,omitempty" doc:"The event that counts for it, such as an order: {\"event\": \"order.paid\", \"within_days\": 7}."`
	Tags       []string              `json:"tags,omitempty" maxItems:"20" doc:"What it is found by: at most 20, of 1 to 40 letters each; kept in lower case."`
	Notes      string                `json:"notes,omitempty" maxLength:"10000" doc:"For people; nobody is sent them."`
}

// CampaignAbout is what people say of a campaign for themselves; what is absent stays.
type CampaignAbout struct {
	Tags  *[]string `json:"tags,omitempty" maxItems:"20" doc:"At most 20, of 1 to 40 letters each; kept in lower case."`
	Notes *string   `json:"notes,omitempty" maxLength:"10000"`
}

// apply changes what is said of a campaign for people.
func (b CampaignAbout) apply(c *campaigns.Campaign) {
	if b.Tags != nil {
		c.About.Tags = *b.Tags
	}
	if b.Notes != nil {
		c.About.Notes = *b.Notes
	}
}

// CampaignChange is what to change of a campaign; what is absent stays.
type CampaignChange struct {
	Name       *string               `json:"name,omitempty" minLength:"1" maxLength:"200"`
	ChannelID  *int64                `json:"channel_id,omitempty" minimum:"1"`
	Channel    naming.Ref            `json:"channel,omitzero" kind:"channel" doc:"Instead of channel_id: the channel, by its id or its name."`
	Audience   *AudienceInput        `json:"audience,omitempty"`
	Content    *MessageContent       `json:"content,omitempty"`
	Feed       *campaigns.DataFeed   `json:"feed,omitempty" doc:"An empty url takes the data feed away."`
	Schedule   *Schedule             `json:"schedule,omitempty"`
	Throttle   *campaigns.Throttle   `json:"throttle,omitempty"`
	Weight     *int                  `json:"weight,omitempty" minimum:"1" maximum:"100"`
	Category   naming.Ref            `json:"category,omitzero" kind:"category" doc:"Instead of category_id: the category, by its id or its name; an empty one takes the category away."`
	CategoryID *int64                `json:"category_id,omitempty" minimum:"0" doc:"0 takes the category away."`
	Experiment *campaigns.Experiment `json:"experiment,omitempty" doc:"As a whole; an empty object takes it away."`
	Conversion *campaigns.Conversion `json:"conversion,omitempty" doc:"As a whole; an empty event takes it away."`
	Tracking   *tracking.Settings    `json:"tracking,omitempty" doc:"As a whole; an empty object takes it away."`
}

// Explanation says what became of a recipient, and why.
type Explanation struct {
	Says     []string         `json:"says" doc:"In sentences: whether they got it, and why not."`
	Messages []MessageHistory `json:"messages"`
	Flows    []FlowSession    `json:"flows,omitempty" doc:"Their ways through flows, the newest first."`
}

type createCampaign struct{ Body CampaignInput }

type changeCampaign struct {
	ByID
	Body CampaignChange
}

type describeCampaign struct {
	ByID
	Body CampaignAbout
}

type listCampaigns struct {
	Paged
	Status   string `query:"status" enum:"draft,scheduled,running,paused,finished,canceled,failed"`
	Kind     string `query:"kind" enum:"newsletter,notification,content,recurring,flow"`
	Tag      string `query:"tag" maxLength:"200" doc:"Those that have this tag."`
	Search   string `query:"q" maxLength:"200" doc:"A part of the name, in any case."`
	Archived string `query:"archived" enum:"true,all" doc:"true lists archived campaigns alone, all lists these too."`
}

type testCampaign struct {
	ByID
	Body struct {
		Recipient
		Variant string `json:"variant,omitempty" maxLength:"30" doc:"In this variant; the first if absent."`
	}
}

type startCampaign struct {
	ByID
	Body *struct {
		Now          bool `json:"now,omitempty" doc:"At once, whatever the schedule says."`
		WithoutLinks bool `json:"without_links,omitempty" doc:"Start a mail that names unsubscribe_url and the like although no public_url is set, so that they render as nothing."`
		UndoSeconds  int  `json:"undo_seconds,omitempty" minimum:"0" maximum:"300" doc:"What would be sent at once is scheduled for so many seconds later: until then to pause or cancel it undoes the start."`
	}
}

type scheduleCampaign struct {
	ByID
	Body Schedule
}

type duplicateCampaign struct {
	ByID
	Body *struct {
		CampaignChange
		CampaignAbout
		Rest bool `json:"rest,omitempty" doc:"For everybody whom the original did not reach: who was sent it, or may have been, is left out. The original has to be over."`
	}
}

// CampaignCorrection is what a paused campaign is to say instead; what is absent stays.
type CampaignCorrection struct {
	Content  *MessageContent    `json:"content,omitempty"`
	Tracking *tracking.Settings `json:"tracking,omitempty" doc:"As a whole; an empty object takes it away."`
	DryRun   bool               `json:"dry_run,omitempty" doc:"Change nothing, and say what would be done."`
}

type correctCampaign struct {
	ByID
	Body CampaignCorrection
}

func (in *correctCampaign) changesNothing() bool { return in.Body.DryRun }

// CampaignCorrected is what a correction does.
type CampaignCorrected struct {
	Recipients int64    `json:"recipients" doc:"How many have not got it: once the campaign is resumed they get what it says then."`
	HaveIt     int64    `json:"have_it" doc:"How many have got it as it was, or may have; they are not sent it again."`
	Says       []string `json:"says" doc:"What will happen, in words."`
	Runs       []Run    `json:"runs,omitempty" doc:"The runs in which they are now; absent on a dry run."`
}

type explainCampaign struct {
	ByID
	Recipient string `query:"recipient" required:"true" maxLength:"320" doc:"An address, or a contact's id."`
}

func campaignView(c campaigns.Campaign) Campaign {
	return Campaign{
		ID: c.ID, Number: c.Number, Name: c.Name, ChannelID: c.ChannelID, Audience: c.Audience, Content: MessageContent{c.Content, c.Template},
		Feed: c.DataFeed, Schedule: scheduleWire(c.Schedule), Throttle: c.Throttle,
		Weight: c.Weight, CategoryID: c.CategoryID, Experiment: c.Experiment, Version: c.Version, Status: string(c.Status),
		Kind: string(c.Kind()), Tags: orEmpty(c.About.Tags), Notes: c.About.Notes, ArchivedAt: timestamp(c.ArchivedAt), NextFireAt: timestamp(c.NextFireAt),
		Pause: pauseView(c.Pause), SchedulePause: pauseView(c.SchedulePause), RunID: c.RunID, CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt,
		Tracking: trackingView(c.Tracking), Conversion: c.Conversion,
	}
}

func campaignOut(c campaigns.Campaign, err error) (*one[Campaign], error) {
	if err != nil {
		return nil, err
	}
	return &one[Campaign]{campaignView(c)}, nil
}

func (s *Server) campaignRoutes() {
	const path, tag = "/v1/campaigns", "campaigns"
	register(s, operation{id: "list-campaigns", method: http.MethodGet, path: path, tag: tag, doc: "List campaigns, newest first", roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *listCampaigns) (*pageOut[Campaign], error) {
			before, err := in.position()
			if err != nil {
				return nil, err
			}
			list, err := s.Campaigns.List(ctx, campaigns.Filter{
				AccountID: caller.AccountID, Status: campaigns.Status(in.Status), Kind: campaigns.Kind(in.Kind), Tag: in.Tag, Search: in.Search,
				Archived: campaigns.Archival(in.Archived), Before: before, Limit: in.Limit + 1,
			})
			if err != nil {
				return nil, err
			}
			return page(list, in.Limit, campaignView, func(c campaigns.Campaign) string { return idKey(c.ID) }), nil
		})
	register(s, operation{id: "create-campaign", method: http.MethodPost, path: path, tag: tag, doc: "Create a campaign as a draft",
		status: http.StatusCreated, roles: mayEdit},
		func(ctx context.Context, caller access.Caller, in *createCampaign) (*one[Campaign], error) {
			b := in.Body
			return campaignOut(s.Campaigns.Create(ctx, campaigns.Campaign{
				AccountID: caller.AccountID, Name: b.Name, ChannelID: b.ChannelID, Audience: b.Audience.audience(),
				Content: b.Content.Content, Template: b.Content.Template,
				DataFeed: b.Feed, Schedule: b.Schedule.schedule(), Throttle: b.Throttle, Weight: b.Weight, CategoryID: b.CategoryID,
				Experiment: experimentOf(b.Experiment), Tracking: trackingOf(b.Tracking), Conversion: b.Conversion,
				About: campaigns.About{Tags: b.Tags, Notes: b.Notes},
			}))
		})
	register(s, operation{id: "get-campaign", method: http.MethodGet, path: path + "/{id}", tag: tag, doc: "Show a campaign", roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[Campaign], error) {
			out, err := s.approvalOut(ctx)(s.Campaigns.Get(ctx, caller.AccountID, in.ID))
			if err == nil {
				var p *campaigns.Publication
				p, err = s.Campaigns.Publication(ctx, caller.AccountID, in.ID)
				out.Body.Publication = s.publicationView(p)
			}
			if err != nil || out.Body.RunID == 0 {
				return out, err
			}
			r, err := s.Campaigns.Run(ctx, caller.AccountID, out.Body.RunID)
			if err != nil {
				return nil, err
			}
			pace, err := s.Campaigns.Pace(ctx, r)
			out.Body.Standstill = standstillView(pace.Still)
			return out, err
		})
	register(s, operation{id: "update-campaign", method: http.MethodPatch, path: path + "/{id}", tag: tag, doc: "Change a draft or scheduled campaign",
		more: "One that recurs can be changed at any time: what a run is made of stays as it was when it began, the next one is made of what is set now. Of one " +
			"that fires once and is under way name, throttle and weight can be changed; what it says by POST …/correct, while it is paused.",
		roles: mayEdit}, s.updateCampaign)
	register(s, operation{id: "delete-campaign", method: http.MethodDelete, path: path + "/{id}", tag: tag, doc: "Delete a draft",
		status: http.StatusNoContent, roles: mayEdit},
		func(ctx context.Context, caller access.Caller, in *ByID) (*struct{}, error) {
			return nil, s.Campaigns.Delete(ctx, caller.AccountID, in.ID)
		})
	s.previewRoutes()
	register(s, operation{id: "test-campaign", method: http.MethodPost, path: path + "/{id}/test", tag: tag, doc: "Send a campaign to one address",
		status: http.StatusAccepted, roles: mayEdit,
		more: "Rendered for the first recipient of the audience, or for the contact. It is a transactional message of its own: the campaign stays as it is. " +
			"Refused to whom fields of contacts are masked."},
		func(ctx context.Context, caller access.Caller, in *testCampaign) (*one[Message], error) {
			hidden, err := s.hidden(ctx, caller)
			if err != nil {
				return nil, err
			}
			if hidden.Texts() { // what is masked would come by mail
				return nil, fault.New(fault.Forbidden, "your role does not see all of contacts, and a test shows one to any address: "+
					"look at the preview, or have somebody send it who sees them")
			}
			return messageOut(s.Campaigns.Test(ctx, caller.AccountID, in.ID, campaigns.TestTo{
				Address: in.Body.To, ContactID: in.Body.ContactID, Variant: in.Body.Variant,
			}))
		})
	register(s, operation{id: "start-campaign", method: http.MethodPost, path: path + "/{id}/start", tag: tag, doc: "Start a campaign", roles: mayEdit,
		more: "At once, or at the schedule's time if that is still to come; a time that is over is refused. One that recurs fires from now on at its instants. " +
			"What the checks of a campaign call blockers is refused."},
		func(ctx context.Context, caller access.Caller, in *startCampaign) (*one[Campaign], error) {
			var how campaigns.Starting
			if in.Body != nil {
				how = campaigns.Starting{Now: in.Body.Now, Undo: time.Duration(in.Body.UndoSeconds) * time.Second, WithoutLinks: in.Body.WithoutLinks}
			}
			return campaignOut(s.Campaigns.StartWith(ctx, caller.AccountID, in.ID, how))
		})
	register(s, operation{id: "schedule-campaign", method: http.MethodPost, path: path + "/{id}/schedule", tag: tag,
		doc: "Set when a campaign fires, once or again and again, and let it fire then", roles: mayEdit},
		func(ctx context.Context, caller access.Caller, in *scheduleCampaign) (*one[Campaign], error) {
			c, err := s.Campaigns.Schedule(ctx, caller.AccountID, in.ID, in.Body.schedule())
			return campaignOut(c, relocate(err, "schedule.", ""))
		})
	register(s, operation{id: "describe-campaign", method: http.MethodPatch, path: path + "/{id}/about", tag: tag,
		doc: "Change the tags and notes of a campaign, whatever its status", roles: mayEdit},
		func(ctx context.Context, caller access.Caller, in *describeCampaign) (*one[Campaign], error) {
			c, err := s.Campaigns.Get(ctx, caller.AccountID, in.ID)
			if err != nil {
				return nil, err
			}
			in.Body.apply(&c)
			return campaignOut(s.Campaigns.Describe(ctx, caller.AccountID, in.ID, c.About))
		})
	for _, archive := range []struct {
		verb, doc string
		do        func(ctx context.Context, accountID, id int64) (campaigns.Campaign, error)
	}{
		{"archive", "Take a campaign that has ended out of the list", s.Campaigns.Archive},
		{"unarchive", "Put an archived campaign back into the list", s.Campaigns.Unarchive},
	} {
		register(s, operation{id: archive.verb + "-campaign", method: http.MethodPost, path: path + "/{id}/" + archive.verb, tag: tag, doc: archive.doc,
			roles: mayEdit},
			func(ctx context.Context, caller access.Caller, in *ByID) (*one[Campaign], error) {
				return campaignOut(archive.do(ctx, caller.AccountID, in.ID))
			})
	}
	for _, move := range []struct {
		verb, doc, more string
		do              func(ctx context.Context, accountID, id int64, actor string) (campaigns.Campaign, error)
	}{
		{"pause", "Pause a campaign", "Binds at once: none of its messages is handed to the provider after the answer.", s.Campaigns.Pause},
		{"resume", "Go on where a campaign was paused", "", s.Campaigns.Resume},
		{"cancel", "Cancel a campaign for good", "Binds at once; what has not been claimed becomes canceled.", s.Campaigns.Cancel},
	} {
		register(s, operation{id: move.verb + "-campaign", method: http.MethodPost, path: path + "/{id}/" + move.verb, tag: tag, doc: move.doc, more: move.more,
			roles: mayEdit},
			func(ctx context.Context, caller access.Caller, in *ByID) (*one[Campaign], error) {
				return campaignOut(move.do(ctx, caller.AccountID, in.ID, caller.Actor()))
			})
	}
	register(s, operation{id: "duplicate-campaign", method: http.MethodPost, path: path + "/{id}/duplicate", tag: tag,
		doc: "Make a draft with the same audience and content", status: http.StatusCreated, roles: mayEdit,
		more: "The fields of the body are changed in the copy. With rest it is for everybody whom the original did not reach."},
		func(ctx context.Context, caller access.Caller, in *duplicateCampaign) (*one[Campaign], error) {
			var how campaigns.Duplicating
			if in.Body != nil {
				how.Rest, how.Change = in.Body.Rest, func(c *campaigns.Campaign) {
					in.Body.CampaignChange.apply(c)
					in.Body.CampaignAbout.apply(c)
				}
			}
			return campaignOut(s.Campaigns.Duplicate(ctx, caller.AccountID, in.ID, how))
		})
	register(s, operation{id: "correct-campaign", method: http.MethodPost, path: path + "/{id}/correct", tag: tag,
		doc: "Change what a paused campaign says, for those who have not got it", roles: mayEdit,
		more: "The waiting messages of its runs are canceled, and runs of kind resend take their place, of what it says now: they go out when it is resumed. " +
			"Who has got it, or may have, is not sent it again. dry_run says beforehand how many are which. It is refused while messages of it are at the " +
			"provider, which takes seconds."}, s.correctCampaign)
	register(s, operation{id: "explain-campaign", method: http.MethodGet, path: path + "/{id}/explain", tag: tag,
		doc: "Why somebody was or was not written to", roles: mayLook}, s.explain)
	register(s, operation{id: "explain", method: http.MethodGet, path: "/v1/explain", tag: tag, doc: "What somebody was sent over all campaigns, and why not",
		roles: mayLook,
		more: "By their newest messages and the newest twenty campaigns, with the lines of uploads that were refused. The histories are of the newest twenty " +
			"messages."}, s.explainSomebody)
}

func (s *Server) updateCampaign(ctx context.Context, caller access.Caller, in *changeCampaign) (*one[Campaign], error) {
	c, err := s.Campaigns.Get(ctx, caller.AccountID, in.ID)
	if err != nil {
		return nil, err
	}
	in.Body.apply(&c)
	return campaignOut(s.Campaigns.Update(ctx, c))
}

// apply changes what a campaign is made of.
func (b CampaignChange) apply(c *campaigns.Campaign) {
	if b.Name != nil {
		c.Name = *b.Name
	}
	if b.ChannelID != nil {
		c.ChannelID = *b.ChannelID
	}
	if b.Audience != nil {
		c.Audience = b.Audience.audience()
	}
	if b.Content != nil {
		c.Content, c.Template = b.Content.Content, b.Content.Template
	}
	if b.Feed != nil {
		c.DataFeed = b.Feed
		if b.Feed.URL == "" {
			c.DataFeed = nil
		}
	}
	if b.Schedule != nil {
		c.Schedule = b.Schedule.schedule()
	}
	if b.Throttle != nil {
		c.Throttle = *b.Throttle
	}
	if b.Weight != nil {
		c.Weight = *b.Weight
	}
	if b.CategoryID != nil {
		c.CategoryID = *b.CategoryID
	}
	if b.Experiment != nil {
		c.Experiment = experimentOf(b.Experiment)
	}
	if b.Conversion != nil {
		if c.Conversion = b.Conversion; b.Conversion.Event == "" {
			c.Conversion = nil
		}
	}
	if b.Tracking != nil {
		c.Tracking = *b.Tracking
	}
}

func (s *Server) correctCampaign(ctx context.Context, caller access.Caller, in *correctCampaign) (*one[CampaignCorrected], error) {
	c, err := s.Campaigns.Get(ctx, caller.AccountID, in.ID)
	if err != nil {
		return nil, err
	}
	CampaignChange{Content: in.Body.Content, Tracking: in.Body.Tracking}.apply(&c)
	done, err := s.Campaigns.Correct(ctx, c, in.Body.DryRun, caller.Actor())
	if err != nil {
		return nil, err
	}
	view := CampaignCorrected{Recipients: done.Recipients, HaveIt: done.HaveIt, Says: done.Words()}
	for _, r := range done.Runs {
		run, err := s.runView(ctx, r)
		if err != nil {
			return nil, err
		}
		view.Runs = append(view.Runs, run)
	}
	return &one[CampaignCorrected]{view}, nil
}

func (s *Server) explain(ctx context.Context, caller access.Caller, in *explainCampaign) (*one[Explanation], error) {
	found, err := s.Campaigns.Explain(ctx, caller.AccountID, in.ID, strings.TrimSpace(in.Recipient))
	if err != nil {
		return nil, err
	}
	out := &one[Explanation]{Explanation{Says: orEmpty(found.Says), Messages: []MessageHistory{}}}
	if len(found.Messages) > 0 {
		f := flows.SessionFilter{AccountID: caller.AccountID, CampaignID: in.ID, ContactID: found.Messages[0].Message.ContactID}
		if out.Body.Flows, err = s.waysOf(ctx, f); err != nil {
			return nil, err
		}
	}
	for _, e := range found.Messages {
		view := historyView(e.Message, e.History)
		if view.Engagement, err = s.messageEngagement(ctx, e.Message.ID); err != nil {
			return nil, err
		}
		if view.Standstill, err = s.messageStandstill(ctx, caller.AccountID, e.Message); err != nil {
			return nil, err
		}
		out.Body.Messages = append(out.Body.Messages, view)
	}
	return out, nil
}

type explainSomebody struct {
	Address   string `query:"address" maxLength:"320" doc:"Whom: an address of any kind."`
	ContactID int64  `query:"contact_id" minimum:"1" doc:"Instead: a contact."`
}

// maxExplained is how many messages are shown with their histories.
const maxExplained = 20

// explainSomebody answers over all campaigns.
func (s *Server) explainSomebody(ctx context.Context, caller access.Caller, in *explainSomebody) (*one[Explanation], error) {
	query, err := campaigns.NewTraceQuery(caller.AccountID, in.ContactID, strings.TrimSpace(in.Address))
	if err != nil {
		return nil, relocate(err, "address", "query.address")
	}
	trace, err := s.Campaigns.Trace(ctx, query)
	if err != nil {
		return nil, err
	}
	out := &one[Explanation]{Explanation{Says: orEmpty(trace.Says(0)), Messages: []MessageHistory{}}}
	if out.Body.Flows, err = s.waysOf(ctx, flows.SessionFilter{AccountID: caller.AccountID, ContactID: trace.ContactID()}); err != nil {
		return nil, err
	}
	for _, m := range trace.Messages[:min(len(trace.Messages), maxExplained)] {
		view, err := s.history(ctx, m)
		if err != nil {
			return nil, err
		}
		if view.Standstill, err = s.messageStandstill(ctx, caller.AccountID, m); err != nil {
			return nil, err
		}
		out.Body.Messages = append(out.Body.Messages, view)
	}
	return out, nil
}
