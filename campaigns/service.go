package campaigns

import (
	"context"
	"slices"
	"time"

	"carillon/contacts"
	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/targeting"
	"carillon/templates"
)

// Service is what people do with campaigns. Everything that a person can get
// wrong is refused here, with the field and what to do.
type Service struct {
	store     Store
	messages  *messages.Service
	queue     *messages.Queue
	catalogue *templates.Catalogue
	tokens    messages.Tokens
	fetcher   Fetcher
	clock     clock.Clock
	links     linkedRuns
}

// Deps is what the service is made of; all fields are needed.
type Deps struct {
	Store     Store
	Messages  *messages.Service
	Queue     *messages.Queue
	Catalogue *templates.Catalogue
	Tokens    messages.Tokens
	Fetcher   Fetcher
	Clock     clock.Clock
}

// NewService makes the service.
func NewService(d Deps) *Service {
	return &Service{
		store: d.Store, messages: d.Messages, queue: d.Queue, catalogue: d.Catalogue, tokens: d.Tokens, fetcher: d.Fetcher, clock: d.Clock,
		links: linkedRuns{rendering: make(chan struct{}, linksMadeAtOnce)},
	}
}

// Create keeps a new draft.
func (s *Service) Create(ctx context.Context, c Campaign) (Campaign, error) {
	c.Status, c.IsPublished = Draft, false
	if err := s.validate(ctx, &c); err != nil {
		return Campaign{}, err
	}
	return s.store.CreateCampaign(ctx, c)
}

// Update replaces name, channel, audience, content, schedule, throttle and weight of a
// draft or scheduled campaign, and of one that recurs for the runs to come. A scheduled
// campaign stays scheduled, or paused: its time moves with its schedule. Of one that is
// under way name, throttle and weight alone can be replaced.
func (s *Service) Update(ctx context.Context, c Campaign) (Campaign, error) {
	current, err := s.ofOneStep(ctx, c.AccountID, c.ID)
	if err != nil {
		return Campaign{}, err
	}
	c.Status, c.NextFireAt = current.Status, nil
	if err := s.validate(ctx, &c); err != nil {
		return Campaign{}, err
	}
	if current.NextFireAt != nil && !c.Schedule.Recurs() {
		channel, err := s.store.GetChannel(ctx, c.AccountID, c.ChannelID)
		if err != nil {
			return Campaign{}, err
		}
		at, err := s.due(c, channel)
		if err != nil {
			return Campaign{}, err
		}
		if at.IsZero() {
			return Campaign{}, fault.InvalidField("schedule.at", nil, "the campaign is scheduled and needs a time: set one, or start the campaign now, or cancel it")
		}
		c.NextFireAt = &at
	}
	return s.store.UpdateCampaign(ctx, c)
}

// Get is one campaign.
func (s *Service) Get(ctx context.Context, accountID, id int64) (Campaign, error) {
	return s.store.GetCampaign(ctx, accountID, id)
}

// ofOneStep is a campaign that sends one thing to everybody; a flow is a Conflict.
func (s *Service) ofOneStep(ctx context.Context, accountID, id int64) (Campaign, error) {
	c, err := s.store.GetCampaign(ctx, accountID, id)
	if err == nil && c.IsFlow {
		err = fault.New(fault.Conflict, "campaign %d (%s) is a flow: use /v1/flows/%d, or carillon flow", id, c.Name, id)
	}
	return c, err
}

// List lists campaigns, newest first.
func (s *Service) List(ctx context.Context, f Filter) ([]Campaign, error) {
	return s.store.ListCampaigns(ctx, f)
}

// Delete deletes a draft.
func (s *Service) Delete(ctx context.Context, accountID, id int64) error {
	return s.store.DeleteCampaign(ctx, accountID, id)
}

// Duplicating is how a campaign is duplicated.
type Duplicating struct {
	// Rest is for everybody whom the original did not reach: the copy leaves out who was
	// sent it, or may have been.
	Rest bool
	// Change changes the copy before it is made; nil for nothing.
	Change func(*Campaign)
}

// Duplicate makes a draft with the same audience and content, which recurs if the
// original does. A single time is not copied: it has come and gone, or belongs to the
// original. For the rest alone the original has to be over: else both would go to those who
// still wait for it.
func (s *Service) Duplicate(ctx context.Context, accountID, id int64, how Duplicating) (Campaign, error) {
	c, err := s.ofOneStep(ctx, accountID, id)
	if err != nil {
		return Campaign{}, err
	}
	if how.Rest && !slices.Contains([]Status{Finished, Canceled, Failed}, c.Status) {
		return Campaign{}, fault.New(fault.Conflict, "campaign %d is %s, and whoever waits for it would get both: cancel it first, or let it finish", id, c.Status)
	}
	name := c.Name
	c.Name = shorten("Copy of "+name, maxName)
	if how.Rest {
		c.Name = shorten("Rest of "+name, maxName)
	}
	c.Schedule.At, c.About.Notes, c.About.Data = "", "", nil // which are the original's
	if how.Change != nil {
		how.Change(&c)
	}
	if how.Rest {
		var without targeting.Exclude
		if c.Audience.Exclude != nil {
			without = *c.Audience.Exclude
		}
		if !slices.Contains(without.Campaigns, id) {
			without.Campaigns = append(slices.Clone(without.Campaigns), id)
		}
		c.Audience.Exclude = &without
	}
	return s.Create(ctx, c)
}

// Start fires a campaign: at its schedule's time if that lies in the future and
// now is false, at once otherwise. A time in the past is refused, because a
// campaign that was meant for then may be wrong now. One that recurs fires from now on
// at its instants.
func (s *Service) Start(ctx context.Context, accountID, id int64, now bool) (Campaign, error) {
	return s.StartWith(ctx, accountID, id, Starting{Now: now})
}

// mostUndo is the longest time in which a start can be undone.
const mostUndo = 5 * time.Minute

// Starting is how a campaign is started.
type Starting struct {
	// Now has it fire at once, whatever its schedule says.
	Now bool
	// Undo has what would fire at once fire so much later: until then to pause or cancel it
	// undoes the start, and nobody has got anything. At most five minutes.
	Undo time.Duration
	// WithoutLinks starts a mail all the same whose links to the pages of its recipients
	// lead nowhere, because no public address is set.
	WithoutLinks bool
}

// StartWith is Start, with time to undo it. What can't be meant is a Conflict that says
// what mends it; Check lists it beforehand, and what may be a mistake.
func (s *Service) StartWith(ctx context.Context, accountID, id int64, how Starting) (Campaign, error) {
	if how.Undo < 0 || how.Undo > mostUndo {
		return Campaign{}, fault.InvalidField("undo_seconds", how.Undo.Seconds(), "must be from 0 to %d", int(mostUndo.Seconds()))
	}
	now := how.Now
	c, channel, err := s.ready(ctx, accountID, id)
	if err != nil {
		return Campaign{}, err
	}
	if c.Schedule.Recurs() {
		if how.Undo > 0 {
			return Campaign{}, fault.InvalidField("undo_seconds", how.Undo.Seconds(),
				"a campaign that recurs fires at its instants: pause or cancel it before the first")
		}
		if now {
			return Campaign{}, fault.New(fault.Conflict, "campaign %d recurs: start it without now, and POST …/trigger for a run beside its schedule", id)
		}
		if err := s.unblocked(ctx, c, channel, time.Time{}, how.WithoutLinks); err != nil {
			return Campaign{}, err
		}
		return s.startRecurring(ctx, c, channel)
	}
	if now && c.Schedule.At != "" {
		c.Schedule.At = "" // which is not what was approved
		if err := s.store.CheckApproval(ctx, c); err != nil {
			return Campaign{}, err
		}
	}
	var at time.Time
	if !now {
		if at, err = s.due(c, channel); err != nil {
			return Campaign{}, err
		}
	}
	if err := s.unblocked(ctx, c, channel, at, how.WithoutLinks); err != nil {
		return Campaign{}, err
	}
	if sooner := s.clock.Now().Add(how.Undo); how.Undo > 0 && at.Before(sooner) {
		at = sooner.Truncate(time.Millisecond)
	}
	if at.IsZero() {
		// Millisecond precision is what is kept.
		_, err = s.store.StartRun(ctx, accountID, id, s.clock.Now().Truncate(time.Millisecond))
	} else {
		err = s.store.ScheduleCampaign(ctx, accountID, id, at)
	}
	if err != nil {
		return Campaign{}, err
	}
	return s.store.GetCampaign(ctx, accountID, id)
}

// Schedule sets when a campaign fires, which must lie in the future, and lets it
// fire then.
func (s *Service) Schedule(ctx context.Context, accountID, id int64, schedule Schedule) (Campaign, error) {
	current, err := s.ofOneStep(ctx, accountID, id)
	if err != nil {
		return Campaign{}, err
	}
	if current.Schedule.Recurs() && (current.Status == Scheduled || current.Status == Running || current.Status == Paused) {
		// It fires already: only its instants to come change.
		if schedule.Delivery == (Delivery{}) {
			schedule.Delivery = current.Schedule.Delivery
		}
		current.Schedule = schedule
		return s.Update(ctx, current)
	}
	c, channel, err := s.ready(ctx, accountID, id)
	if err != nil {
		return Campaign{}, err
	}
	if schedule.At == "" && !schedule.Recurs() {
		return Campaign{}, fault.InvalidField("at", nil, "say when, such as 2026-12-01T09:00, or how it recurs; to start now, POST …/start")
	}
	if schedule.Delivery == (Delivery{}) {
		schedule.Delivery = c.Schedule.Delivery
	}
	c.Schedule = schedule
	o, err := s.compiledWith(ctx, accountID, schedule, channel.Timezone)
	if err != nil {
		return Campaign{}, err
	}
	if err := schedule.Validate(o); err != nil {
		return Campaign{}, err
	}
	if err := s.unblocked(ctx, c, channel, s.clock.Now(), false); err != nil {
		return Campaign{}, err
	}
	if err := s.store.CheckApproval(ctx, c); err != nil {
		return Campaign{}, err
	}
	if schedule.Recurs() {
		if _, err := s.store.UpdateCampaign(ctx, c); err != nil {
			return Campaign{}, err
		}
		return s.startRecurring(ctx, c, channel)
	}
	at, err := s.due(c, channel)
	if err != nil {
		return Campaign{}, err
	}
	if c.Status == Scheduled {
		c.NextFireAt = &at
	}
	if _, err := s.store.UpdateCampaign(ctx, c); err != nil {
		return Campaign{}, err
	}
	if err := s.store.ScheduleCampaign(ctx, accountID, id, at); err != nil {
		return Campaign{}, err
	}
	return s.store.GetCampaign(ctx, accountID, id)
}

// ready looks a campaign up and refuses to start what can't be sent.
func (s *Service) ready(ctx context.Context, accountID, id int64) (Campaign, providers.Channel, error) {
	c, err := s.ofOneStep(ctx, accountID, id)
	if err != nil {
		return Campaign{}, providers.Channel{}, err
	}
	if c.Status != Draft && (c.Status != Scheduled || c.Schedule.Recurs()) {
		return Campaign{}, providers.Channel{}, fault.New(fault.Conflict, "campaign %d is %s and can't be started: %s", id, c.Status, c.nextStep())
	}
	if err := s.validate(ctx, &c); err != nil {
		return Campaign{}, providers.Channel{}, err
	}
	if err := s.uploadsReady(ctx, c); err != nil {
		return Campaign{}, providers.Channel{}, err
	}
	channel, err := s.store.GetChannel(ctx, accountID, c.ChannelID)
	if err != nil {
		return c, channel, err
	}
	return c, channel, s.checkHours(ctx, c, channel)
}

// uploadsReady refuses an audience with an upload that is not taken in as a whole.
func (s *Service) uploadsReady(ctx context.Context, c Campaign) error {
	uploads := c.Audience.Uploads
	if c.Audience.Exclude != nil {
		uploads = append(append([]int64(nil), uploads...), c.Audience.Exclude.Uploads...)
	}
	unfinished, err := s.store.UnfinishedUploads(ctx, c.AccountID, uploads)
	if err != nil {
		return err
	}
	for _, upload := range uploads {
		switch state, ok := unfinished[upload]; {
		case ok && state == contacts.UploadFailed:
			return fault.InvalidField("audience.uploads", upload, "the upload failed: upload the file again, or leave it out")
		case ok:
			return fault.New(fault.Conflict, "upload %d is %s: wait until it is finished, so that nobody is missed", upload, state)
		}
	}
	return nil
}

func (c Campaign) nextStep() string {
	switch c.Status {
	case Scheduled:
		return "it fires at its instants; POST …/trigger for a run beside them, PATCH to change them"
	case Running:
		return "it is being sent"
	case Paused:
		return "resume it"
	}
	return "duplicate it to send it again"
}

// due is the time at which a campaign is to fire; zero means now.
func (s *Service) due(c Campaign, channel providers.Channel) (time.Time, error) {
	at, ok, err := c.Schedule.Instant(channel.Timezone)
	if err != nil || !ok {
		return time.Time{}, err
	}
	if !at.After(s.clock.Now()) {
		return time.Time{}, fault.InvalidField("schedule.at", c.Schedule.At, "is over (it was %s): set a time to come, or none to start now", at.Format(time.RFC3339))
	}
	return c.Schedule.Fires(at, channel.Timezone), nil
}

// Pause stops a campaign from sending; Resume goes on where it stopped.
func (s *Service) Pause(ctx context.Context, accountID, id int64, actor string) (Campaign, error) {
	return s.move(ctx, accountID, id, actor, s.store.PauseCampaign)
}

// Resume goes on from exactly where Pause stopped.
func (s *Service) Resume(ctx context.Context, accountID, id int64, actor string) (Campaign, error) {
	return s.move(ctx, accountID, id, actor, s.store.ResumeCampaign)
}

// Cancel ends a campaign for good.
func (s *Service) Cancel(ctx context.Context, accountID, id int64, actor string) (Campaign, error) {
	return s.move(ctx, accountID, id, actor, s.store.CancelCampaign)
}

func (s *Service) move(ctx context.Context, accountID, id int64, actor string, move func(context.Context, int64, int64, string) error) (Campaign, error) {
	if err := move(ctx, accountID, id, actor); err != nil {
		return Campaign{}, err
	}
	return s.store.GetCampaign(ctx, accountID, id)
}

// Run is one run of any campaign.
func (s *Service) Run(ctx context.Context, accountID, runID int64) (Run, error) {
	return s.store.GetRun(ctx, accountID, runID)
}

// SpokenCount is how many messages of a run its template spoke in a language.
type SpokenCount struct {
	Language string
	// Messages were rendered, Reached are those of them that the provider has, by its own
	// word.
	Messages, Reached int64
}

// ReasonCount is how many messages of a run are in a state for a reason.
type ReasonCount struct {
	State    messages.State
	Reason   string
	Messages int64
}

// countFor bounds the counting of a run's messages.
const countFor = 10 * time.Second

// RunLanguages counts the messages of a run by the languages in which its template spoke;
// none without a template. It goes through all of them: Unavailable says that this takes
// too long.
func (s *Service) RunLanguages(ctx context.Context, accountID, runID int64) ([]SpokenCount, error) {
	return countRun(ctx, s, accountID, runID, s.store.RunLanguages)
}

// RunReasons counts the messages of a run by state and reason, the largest number first;
// those that went the plain way have no reason, and are left out. It goes through all of
// them: Unavailable says that this takes too long.
func (s *Service) RunReasons(ctx context.Context, accountID, runID int64) ([]ReasonCount, error) {
	return countRun(ctx, s, accountID, runID, s.store.RunReasons)
}

// countRun goes through a run's messages for as long as countFor lets it.
func countRun[T any](ctx context.Context, s *Service, accountID, runID int64, count func(context.Context, int64) ([]T, error)) ([]T, error) {
	if _, err := s.store.GetRun(ctx, accountID, runID); err != nil {
		return nil, err
	}
	counting, cancel := context.WithTimeout(ctx, countFor)
	defer cancel()
	list, err := count(counting, runID)
	if err != nil && ctx.Err() == nil && counting.Err() != nil {
		return nil, fault.New(fault.Unavailable, "to count the messages of run %d takes longer than %s now: try again later", runID, countFor)
	}
	return list, err
}

// Runs lists a campaign's runs, newest first.
func (s *Service) Runs(ctx context.Context, accountID, campaignID, before int64, limit int) ([]Run, error) {
	if _, err := s.store.GetCampaign(ctx, accountID, campaignID); err != nil {
		return nil, err
	}
	return s.store.ListRuns(ctx, accountID, campaignID, before, limit)
}

// Verify proves for every run of a campaign that each member of its audience
// is accounted for.
func (s *Service) Verify(ctx context.Context, accountID, campaignID int64) ([]Verification, error) {
	const pageOfRuns = 100
	proofs := []Verification{}
	for before := int64(0); ; {
		runs, err := s.Runs(ctx, accountID, campaignID, before, pageOfRuns)
		if err != nil {
			return nil, err
		}
		for _, run := range runs {
			proof, err := s.store.VerifyRun(ctx, run.ID)
			if err != nil {
				return nil, err
			}
			proofs = append(proofs, proof)
			before = run.ID
		}
		if len(runs) < pageOfRuns {
			return proofs, nil
		}
	}
}
