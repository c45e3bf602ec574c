package flows

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"carillon/campaigns"
	"carillon/campaigns/flow"
	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/internal/naming"
	"carillon/messages"
	"carillon/providers"
	"carillon/targeting/rule"
)

// Store is what the service needs kept. A flow that there is not is NotFound.
type Store interface {
	// FlowVocabulary is what the account's flows may name.
	FlowVocabulary(ctx context.Context, accountID int64) (flow.Vocabulary, error)
	// CheckFlowRules names what the rules of a flow refer to and is not there.
	CheckFlowRules(ctx context.Context, accountID int64, refs []rule.Reference) ([]fault.Field, error)
	// UnknownLists are those of ids that are no lists of a kind: group, label, category.
	UnknownLists(ctx context.Context, accountID int64, kind string, ids []int64) (map[int64]bool, error)
	CreateFlow(ctx context.Context, f Flow) (Flow, error)
	// UpdateFlow is a Conflict if the flow's status allows no such change.
	UpdateFlow(ctx context.Context, f Flow) (Flow, error)
	GetFlow(ctx context.Context, accountID, id int64) (Flow, error)
	ListFlows(ctx context.Context, f campaigns.Filter) ([]Flow, error)
	// StartFlow puts the definition in force; it is a Conflict if the flow has ended, or
	// nothing of it was changed.
	StartFlow(ctx context.Context, accountID, id int64, by string) error
	// CloseFlow lets nobody enter any more; a Conflict unless the flow was started.
	CloseFlow(ctx context.Context, accountID, id int64) error
	// EnterFlow is a Conflict if the flow takes nobody in.
	EnterFlow(ctx context.Context, accountID int64, e Entry) (Entered, error)
	// FindContacts are the ids of contacts by what names them; 0 where nobody is meant.
	FindContacts(ctx context.Context, accountID int64, who []Who) ([]int64, error)
	FlowSessions(ctx context.Context, f SessionFilter) ([]Session, error)
	FlowSession(ctx context.Context, accountID, id int64) (Session, error)
	FlowAnswers(ctx context.Context, f AnswerFilter) ([]Answer, error)
	FlowReport(ctx context.Context, accountID, id int64) (Report, error)
	FlowVersions(ctx context.Context, accountID, id int64) ([]Version, error)
	// FlowVersion is one with its definition; NotFound if the flow has no such version.
	FlowVersion(ctx context.Context, accountID, id, version int64) (Version, error)
	// VerifyFlow says what of what is kept of a flow does not fit together.
	VerifyFlow(ctx context.Context, accountID, id int64) (problems []string, err error)
	// PlanMove says how many sessions stand where on a version, MoveVersion takes them to
	// the one in force.
	PlanMove(ctx context.Context, accountID, id, version int64) (map[string]int64, error)
	MoveVersion(ctx context.Context, accountID, id, version int64, to map[string]string) (moved int64, err error)
	// GetChannel is NotFound if the account has no such channel.
	GetChannel(ctx context.Context, accountID, id int64) (providers.Channel, error)
	CallStore
	Subjects
}

// Campaigns is what of campaigns flows share.
type Campaigns interface {
	// ValidateFlow refuses what can't be meant beside the steps, and fills in defaults.
	ValidateFlow(ctx context.Context, c *campaigns.Campaign) error
	// CheckSaying says what of a text or template a channel can't send, and which answers
	// it asks for.
	CheckSaying(ctx context.Context, c campaigns.Campaign, channel providers.Channel) (answers []string, wrong []fault.Field, err error)
	// Speak is what one says to a recipient, as it would read now.
	Speak(ctx context.Context, c campaigns.Campaign, channel providers.Channel) (campaigns.Voice, error)
	// FlowTiming is when the messages of a flow may go, by the hours that hold now.
	FlowTiming(ctx context.Context, c campaigns.Campaign, channel providers.Channel) (campaigns.Timing, error)
}

// Channels knows what channels can.
type Channels interface {
	// Hears says what comes back over a channel.
	Hears(channel providers.Channel) (receipts, replies bool, err error)
}

// Service is what people can ask of flows. It is safe for concurrent use.
type Service struct {
	store     Store
	campaigns Campaigns
	channels  Channels
	clock     clock.Clock
}

// NewService makes the service.
func NewService(store Store, of Campaigns, channels Channels, c clock.Clock) *Service {
	return &Service{store: store, campaigns: of, channels: channels, clock: c}
}

// Who names a contact: by its id, its external id, or an address of a kind.
type Who struct {
	ID         int64
	ExternalID string
	Kind       providers.AddressKind
	Address    string
}

// check refuses a flow that could not be walked through, all wrong fields at once. Its rules
// call by their ids afterwards what somebody may have called by its name.
func (s *Service) check(ctx context.Context, f *Flow) (*flow.Flow, error) {
	wrong, err := fault.Gather(nil, s.campaigns.ValidateFlow(ctx, &f.Campaign))
	if err != nil {
		return nil, err
	}
	v, err := s.store.FlowVocabulary(ctx, f.AccountID)
	if err != nil {
		return nil, err
	}
	compiled, err := flow.Compile(f.Definition, v)
	if err != nil {
		wrong, err = fault.Gather(wrong, err)
		if err != nil {
			return nil, err
		}
		return nil, fault.InvalidFields(wrong)
	}
	f.Definition = compiled.Definition
	missing, err := s.store.CheckFlowRules(ctx, f.AccountID, compiled.References())
	if err != nil {
		return nil, err
	}
	more, err := s.checkSteps(ctx, *f, compiled)
	if err != nil {
		return nil, err
	}
	return compiled, fault.InvalidFields(slices.Concat(wrong, missing, more))
}

// checkSteps checks what the steps say, and what they name.
func (s *Service) checkSteps(ctx context.Context, f Flow, compiled *flow.Flow) (wrong []fault.Field, err error) {
	channels := map[int64]*providers.Channel{}
	for _, reason := range compiled.Reasons() {
		if !slices.Contains(messages.Reasons(), reason) {
			wrong = append(wrong, fault.Field{Location: "steps", Value: reason,
				Message: "is no reason of a message: one of " + strings.Join(messages.Reasons(), ", ")})
		}
	}
	for i, step := range f.Definition.Steps {
		at := compiled.At(i, "")
		var more []fault.Field
		switch step.Kind {
		case flow.Send, flow.Ask:
			more, err = s.checkSaying(ctx, f, step, compiled, channels)
		case flow.Set:
			more, err = s.checkLists(ctx, f.AccountID, "set.add.", step.Set.Add)
			if err == nil {
				var removed []fault.Field
				removed, err = s.checkLists(ctx, f.AccountID, "set.remove.", step.Set.Remove)
				more = append(more, removed...)
			}
		case flow.Start:
			if _, err = s.store.GetFlow(ctx, f.AccountID, step.FlowID); fault.Is(err, fault.NotFound) {
				more, err = []fault.Field{{Location: "flow_id", Value: step.FlowID, Message: "there is no such flow: GET /v1/flows lists them"}}, nil
			}
		default:
		}
		if err != nil {
			return nil, err
		}
		for _, field := range more {
			field.Location = at + field.Location
			wrong = append(wrong, field)
		}
	}
	for i, t := range f.Definition.Triggers {
		more, err := s.checkLists(ctx, f.AccountID, fmt.Sprintf("triggers[%d].joins.", i), t.Joins)
		if err != nil {
			return nil, err
		}
		wrong = append(wrong, more...)
		if t.Keyword != "" {
			if wrong, err = s.hears(ctx, f.AccountID, f.ChannelID, fmt.Sprintf("triggers[%d].keyword", i), wrong); err != nil {
				return nil, err
			}
		}
	}
	return wrong, nil
}

// hears adds what is wrong where replies are waited for on a channel that has none.
func (s *Service) hears(ctx context.Context, accountID, channelID int64, at string, wrong []fault.Field) ([]fault.Field, error) {
	channel, err := s.store.GetChannel(ctx, accountID, channelID)
	if fault.Is(err, fault.NotFound) {
		return wrong, nil // which is said already
	}
	if err != nil {
		return nil, err
	}
	if _, replies, err := s.channels.Hears(channel); err != nil || replies {
		return wrong, err
	}
	return append(wrong, fault.Field{Location: at, Value: channelID,
		Message: "channel " + channel.Name + " (" + channel.Provider + ") hears of no replies: choose another channel"}), nil
}

func (s *Service) checkSaying(
	ctx context.Context, f Flow, step flow.Step, compiled *flow.Flow, channels map[int64]*providers.Channel,
) (wrong []fault.Field, err error) {
	id := f.ChannelID
	if step.ChannelID != 0 {
		id = step.ChannelID
	}
	channel := channels[id]
	if channel == nil {
		found, err := s.store.GetChannel(ctx, f.AccountID, id)
		if fault.Is(err, fault.NotFound) {
			if step.ChannelID == 0 {
				return nil, nil // it is said of the flow
			}
			return []fault.Field{{Location: "channel_id", Value: id, Message: "there is no such channel: GET /v1/channels lists them"}}, nil
		}
		if err != nil {
			return nil, err
		}
		channel = &found
		channels[id] = channel
	}
	check := func(at string, said flow.Saying) error {
		c := campaigns.Campaign{AccountID: f.AccountID, ChannelID: id, Content: said.Content, Template: said.Template}
		answers, fields, err := s.campaigns.CheckSaying(ctx, c, *channel)
		if err != nil {
			return err
		}
		for _, field := range fields {
			if at != "" {
				field.Location = at + field.Location[len("content"):]
			}
			wrong = append(wrong, field)
		}
		for _, why := range compiled.Unasked(step.ID, answers) {
			where := at
			if at == "" {
				where = "content"
			}
			wrong = append(wrong, fault.Field{Location: where, Message: why})
		}
		return nil
	}
	if err := check("", *step.Content); err != nil || step.Kind != flow.Ask {
		return wrong, err
	}
	if step.Question.Retry != nil {
		if err := check("question.retry", *step.Question.Retry); err != nil {
			return nil, err
		}
	}
	return s.hears(ctx, f.AccountID, id, "channel_id", wrong)
}

func (s *Service) checkLists(ctx context.Context, accountID int64, at string, lists *flow.NamedLists) (wrong []fault.Field, err error) {
	if lists == nil {
		return nil, nil
	}
	for _, part := range []struct {
		kind, field string
		ids         []int64
	}{
		{"group", "groups", naming.IDs(lists.Groups)}, {"label", "labels", naming.IDs(lists.Labels)},
		{"category", "categories", naming.IDs(lists.Categories)},
	} {
		if len(part.ids) == 0 {
			continue
		}
		unknown, err := s.store.UnknownLists(ctx, accountID, part.kind, part.ids)
		if err != nil {
			return nil, err
		}
		for i, id := range part.ids {
			if unknown[id] {
				wrong = append(wrong, fault.Field{Location: fmt.Sprintf("%s%s[%d]", at, part.field, i), Value: id,
					Message: fmt.Sprintf("there is no such %s: GET /v1/%s lists them", part.kind, part.field)})
			}
		}
	}
	return wrong, nil
}

// Create keeps a new flow as a draft.
func (s *Service) Create(ctx context.Context, f Flow) (Flow, error) {
	if _, err := s.check(ctx, &f); err != nil {
		return f, err
	}
	return s.store.CreateFlow(ctx, f)
}

// Update replaces what a person may change. New steps are in force once the flow is
// started, or published; who is inside stays on theirs.
func (s *Service) Update(ctx context.Context, f Flow) (Flow, error) {
	if _, err := s.check(ctx, &f); err != nil {
		return f, err
	}
	return s.store.UpdateFlow(ctx, f)
}

// Get is one flow.
func (s *Service) Get(ctx context.Context, accountID, id int64) (Flow, error) {
	return s.store.GetFlow(ctx, accountID, id)
}

// List lists flows, newest first.
func (s *Service) List(ctx context.Context, f campaigns.Filter) ([]Flow, error) {
	return s.store.ListFlows(ctx, f)
}

// Start begins with a draft, or puts changed steps of one that was started in force. What
// the steps name is looked at once more.
func (s *Service) Start(ctx context.Context, accountID, id int64, by string) (Flow, error) {
	f, err := s.store.GetFlow(ctx, accountID, id)
	if err != nil {
		return f, err
	}
	if _, err := s.check(ctx, &f); err != nil {
		return f, err
	}
	if err := s.store.StartFlow(ctx, accountID, id, by); err != nil {
		return f, err
	}
	return s.store.GetFlow(ctx, accountID, id)
}

// Close lets nobody enter any more.
func (s *Service) Close(ctx context.Context, accountID, id int64) (Flow, error) {
	if _, err := s.store.GetFlow(ctx, accountID, id); err != nil {
		return Flow{}, err
	}
	if err := s.store.CloseFlow(ctx, accountID, id); err != nil {
		return Flow{}, err
	}
	return s.store.GetFlow(ctx, accountID, id)
}

// MostEntering is how many contacts enter by one request.
const MostEntering = 1000

// Enter lets contacts enter. Of those who can't it says why; whom nobody knows is Invalid,
// and then nobody enters.
func (s *Service) Enter(ctx context.Context, accountID int64, e Entry, who []Who) (Entered, error) {
	if len(who) == 0 || len(who) > MostEntering {
		return Entered{}, fault.InvalidField("contacts", len(who), "name 1 to %d contacts", MostEntering)
	}
	ids, err := s.store.FindContacts(ctx, accountID, who)
	if err != nil {
		return Entered{}, err
	}
	var wrong []fault.Field
	for i, id := range ids {
		if id == 0 {
			wrong = append(wrong, fault.Field{Location: fmt.Sprintf("contacts[%d]", i), Value: who[i].said(),
				Message: "nobody is known by this: POST /v1/contacts takes them in"})
		}
	}
	if err := fault.InvalidFields(wrong); err != nil {
		return Entered{}, err
	}
	slices.Sort(ids)
	e.Contacts = slices.Compact(ids)
	return s.store.EnterFlow(ctx, accountID, e)
}

func (w Who) said() any {
	switch {
	case w.ID != 0:
		return w.ID
	case w.ExternalID != "":
		return w.ExternalID
	}
	return w.Address
}

// Sessions lists sessions, newest first.
func (s *Service) Sessions(ctx context.Context, f SessionFilter) ([]Session, error) {
	if f.CampaignID != 0 {
		if _, err := s.store.GetFlow(ctx, f.AccountID, f.CampaignID); err != nil {
			return nil, err
		}
	}
	return s.store.FlowSessions(ctx, f)
}

// Ways are sessions with their ways, newest first. There are none of a campaign that is no
// flow.
func (s *Service) Ways(ctx context.Context, f SessionFilter) ([]Session, error) {
	list, err := s.store.FlowSessions(ctx, f)
	for i := range list {
		if err == nil {
			list[i], err = s.store.FlowSession(ctx, f.AccountID, list[i].ID)
		}
	}
	return list, err
}

// Session is one session with its way.
func (s *Service) Session(ctx context.Context, accountID, id int64) (Session, error) {
	return s.store.FlowSession(ctx, accountID, id)
}

// Answers lists what was answered, oldest first.
func (s *Service) Answers(ctx context.Context, f AnswerFilter) ([]Answer, error) {
	if f.CampaignID != 0 {
		if _, err := s.store.GetFlow(ctx, f.AccountID, f.CampaignID); err != nil {
			return nil, err
		}
	}
	return s.store.FlowAnswers(ctx, f)
}

// EachAnswer goes through answers, oldest first; an error ends it.
func (s *Service) EachAnswer(ctx context.Context, f AnswerFilter) iter.Seq2[Answer, error] {
	f.Limit = 1000
	return func(yield func(Answer, error) bool) {
		for {
			list, err := s.Answers(ctx, f)
			if err != nil {
				yield(Answer{}, err)
				return
			}
			for _, a := range list {
				if !yield(a, nil) {
					return
				}
				f.After = a.ID
			}
			if len(list) < f.Limit {
				return
			}
		}
	}
}

// Report says where everybody is.
func (s *Service) Report(ctx context.Context, accountID, id int64) (Report, error) {
	return s.store.FlowReport(ctx, accountID, id)
}

// Versions are those of a flow, newest first.
func (s *Service) Versions(ctx context.Context, accountID, id int64) ([]Version, error) {
	if _, err := s.store.GetFlow(ctx, accountID, id); err != nil {
		return nil, err
	}
	return s.store.FlowVersions(ctx, accountID, id)
}

// Version is one of a flow with its definition.
func (s *Service) Version(ctx context.Context, accountID, id, version int64) (Version, error) {
	if _, err := s.store.GetFlow(ctx, accountID, id); err != nil {
		return Version{}, err
	}
	return s.store.FlowVersion(ctx, accountID, id, version)
}

// Moving is what becomes of those who are on an older version.
type Moving struct {
	// Here are the sessions by the step at which they stand, To where each step leads.
	Here map[string]int64
	To   map[string]string
	// Stay are the steps from which nobody is moved, because the version in force has none
	// of that name and none was named for it.
	Stay []string
	// Moved are the sessions that were moved; 0 in a preview.
	Moved int64
}

// Mapping says where those go who are on an older version.
type Mapping struct {
	FlowID, Version int64
	// Steps are where each step of the old version leads.
	Steps map[string]string
	// Dry moves nobody.
	Dry bool
}

// MoveVersion takes those who are on an older version to the one in force: to the steps
// that are named for theirs, or to those of the same name. Who stands elsewhere stays. Dry, it says alone what would be so.
func (s *Service) MoveVersion(ctx context.Context, accountID int64, of Mapping) (m Moving, err error) {
	id, version, mapping := of.FlowID, of.Version, of.Steps
	f, err := s.store.GetFlow(ctx, accountID, id)
	if err != nil {
		return m, err
	}
	if version <= 0 || version >= f.InForce {
		return m, fault.InvalidField("version", version, "must be one before that in force, which is %d", f.InForce)
	}
	if f.Changed {
		return m, fault.New(fault.Conflict, "the steps of flow %d were changed and are not in force: start them first", id)
	}
	has := map[string]flow.Kind{}
	for _, step := range f.Definition.Steps {
		has[step.ID] = step.Kind
	}
	var wrong []fault.Field
	for from, to := range mapping {
		if _, known := has[to]; !known {
			wrong = append(wrong, fault.Field{Location: "steps." + from, Value: to, Message: "the version in force has no such step"})
		}
	}
	if err := fault.InvalidFields(wrong); err != nil {
		return m, err
	}
	if m.Here, err = s.store.PlanMove(ctx, accountID, id, version); err != nil {
		return m, err
	}
	m.To = map[string]string{}
	for step := range m.Here {
		to, named := mapping[step]
		if _, same := has[step]; !named && same {
			to = step
		}
		if to == "" {
			m.Stay = append(m.Stay, step)
			continue
		}
		m.To[step] = to
	}
	slices.Sort(m.Stay)
	if !of.Dry {
		m.Moved, err = s.store.MoveVersion(ctx, accountID, id, version, m.To)
	}
	return m, err
}

// Verify says what of what is kept of a flow does not fit together: everybody who entered
// is inside or has ended, and each message of its steps is one that a session sent.
func (s *Service) Verify(ctx context.Context, accountID, id int64) (problems []string, err error) {
	if _, err := s.store.GetFlow(ctx, accountID, id); err != nil {
		return nil, err
	}
	return s.store.VerifyFlow(ctx, accountID, id)
}

// Duplicate makes a draft with the same steps; the name may be left to it.
func (s *Service) Duplicate(ctx context.Context, accountID, id int64, name string) (Flow, error) {
	f, err := s.store.GetFlow(ctx, accountID, id)
	if err != nil {
		return f, err
	}
	if name == "" {
		name = "Copy of " + f.Name
	}
	f.ID, f.Name = 0, name
	return s.Create(ctx, f)
}
