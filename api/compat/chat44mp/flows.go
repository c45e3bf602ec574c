package chat44mp

import (
	"context"
	"encoding/json"
	"strconv"

	"carillon/campaigns"
	"carillon/campaigns/flow"
	"carillon/campaigns/flows"
	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/providers"
)

// Bounds of what is listed: there are no pages.
const (
	mostFlows   = 1000
	mostAnswers = 100_000
)

// shownFlow is a flow as it is listed.
type shownFlow struct {
	ID   string `json:"id"`
	Name string `json:"flow_name"`
}

func (c *Server) listFlows(ctx context.Context, a asked) (any, error) {
	list, err := c.Flows.List(ctx, campaigns.Filter{AccountID: a.caller.AccountID, Limit: mostFlows})
	shown := []shownFlow{}
	for i := len(list) - 1; i >= 0; i-- { // oldest first, as the original
		if a.caller.ChannelID == 0 || list[i].ChannelID == a.caller.ChannelID {
			shown = append(shown, shownFlow{strconv.FormatInt(list[i].ID, 10), list[i].Name})
		}
	}
	return shown, err
}

// flowOf is the flow that is meant.
func (c *Server) flowOf(ctx context.Context, a asked) (flows.Flow, error) {
	text, err := need(a.given, "flow_campaign_id", "The flow_campaign_id field is required")
	if err != nil {
		return flows.Flow{}, err
	}
	f, err := c.Flows.Get(ctx, a.caller.AccountID, id(text))
	return f, orElse(err, "The flow campaign ID does not exist")
}

func (c *Server) showFlow(ctx context.Context, a asked) (any, error) {
	f, err := c.flowOf(ctx, a)
	if err != nil {
		return nil, err
	}
	questions := []string{}
	for _, step := range f.Definition.Steps {
		if step.Kind != flow.Ask || step.Content == nil {
			continue
		}
		text := step.Content.Text
		if text == "" && step.Content.Template != nil {
			text = step.Content.Template.Name
		}
		questions = append(questions, text)
	}
	return struct {
		shownFlow
		Questions []string `json:"questions"`
	}{shownFlow{strconv.FormatInt(f.ID, 10), f.Name}, questions}, nil
}

// answer is one to a question.
type answer struct {
	QuestionID string `json:"question_id"`
	Question   string `json:"question"`
	Answer     string `json:"answer"`
}

// numbered is an answer in the call that names questions otherwise: both names are given.
type numbered struct {
	ID string `json:"id"`
	answer
}

// collected are the last answers to each question, in the order in which the questions were
// answered first.
type collected struct {
	list []answer
	at   map[int64]int
}

func (c *collected) take(of flows.Answer) {
	if of.QuestionID == 0 { // a program answered, nobody asked
		return
	}
	one := answer{strconv.FormatInt(of.QuestionID, 10), of.Question, answered(of)}
	if i, has := c.at[of.QuestionID]; has {
		c.list[i] = one
		return
	}
	if c.at == nil {
		c.at = map[int64]int{}
	}
	c.at[of.QuestionID] = len(c.list)
	c.list = append(c.list, one)
}

// answered is an answer as a text: what was understood where that is a text, else what was
// written.
func answered(of flows.Answer) string {
	var text string
	if json.Unmarshal(of.Value, &text) == nil && text != "" {
		return text
	}
	return of.Text
}

func (c *Server) answersOfOne(ctx context.Context, a asked) (any, error) {
	psid, err := need(a.given, "subscriber_id", "The subscriber_id field is required")
	if err != nil {
		return nil, err
	}
	f, err := c.flowOf(ctx, a)
	if err != nil {
		return nil, err
	}
	out := struct {
		shownFlow
		Data []answer `json:"data"`
	}{shownFlow{strconv.FormatInt(f.ID, 10), f.Name}, []answer{}}
	of, err := c.subscriberOf(ctx, a, psid)
	if fault.Is(err, fault.NotFound) {
		return out, nil // who is not there has answered nothing
	}
	if err != nil {
		return nil, err
	}
	var all collected
	for one, err := range c.Flows.EachAnswer(ctx, flows.AnswerFilter{AccountID: a.caller.AccountID, CampaignID: f.ID, ContactID: of.ID}) {
		if err != nil {
			return nil, err
		}
		all.take(one)
	}
	out.Data = append(out.Data, all.list...)
	return out, nil
}

func (c *Server) answersOfAll(ctx context.Context, a asked) (any, error) {
	f, err := c.flowOf(ctx, a)
	if err != nil {
		return nil, err
	}
	by, n := map[int64]*collected{}, 0
	for one, err := range c.Flows.EachAnswer(ctx, flows.AnswerFilter{AccountID: a.caller.AccountID, CampaignID: f.ID}) {
		if err != nil {
			return nil, err
		}
		if n++; n > mostAnswers {
			return nil, fault.New(fault.Conflict, "There are more than %d answers: read them with GET /v1/flows/%d/answers.csv", mostAnswers, f.ID)
		}
		if by[one.ContactID] == nil {
			by[one.ContactID] = &collected{}
		}
		by[one.ContactID].take(one)
	}
	data := map[string][]numbered{}
	for contactID, all := range by {
		psid, err := c.psidOf(ctx, a, contactID)
		if err != nil {
			return nil, err
		}
		if psid == "" || len(all.list) == 0 { // who has no Facebook address is no subscriber
			continue
		}
		for _, one := range all.list {
			data[psid] = append(data[psid], numbered{one.QuestionID, one})
		}
	}
	return struct {
		shownFlow
		Data map[string][]numbered `json:"data"`
	}{shownFlow{strconv.FormatInt(f.ID, 10), f.Name}, data}, nil
}

// psidOf is a contact's Facebook address; empty where it has none, or is gone.
func (c *Server) psidOf(ctx context.Context, a asked, contactID int64) (string, error) {
	of, err := c.Contacts.Get(ctx, a.caller.AccountID, contactID)
	if fault.Is(err, fault.NotFound) || of.Status == contacts.Deleted {
		return "", nil
	}
	return of.Addresses[providers.Facebook], err
}
