package migration

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"carillon/internal/fault"
	"carillon/providers"
)

// chat44mp reads Chat44mp's API, which is XeroChat's. It lists nobody: who is asked for is
// said by ids, and is found in what was answered to flows.
type chat44mp struct {
	*client
	ids                []Range
	subscribers, pages []string
	// groups and labels are names by their ids, labelled the pages whose labels were read.
	groups, labels map[string]string
	labelled       map[string]bool
	// those are who answered a flow, which is read once.
	those  []string
	flowOf word
}

func newChat44mp(o Options) (source, error) {
	c, err := newClient(o, "/api", func(r *http.Request, key string) {
		query := r.URL.Query()
		query.Set("api_key", key)
		r.URL.RawQuery = query.Encode()
	})
	if err != nil {
		return nil, err
	}
	if len(o.IDs) == 0 && len(o.Subscribers) == 0 {
		return nil, fault.InvalidField("ids", nil, "is missing: the API lists nobody. Say which contacts to ask for, as --ids 1-5000, "+
			"or name a file of Facebook ids with --subscribers")
	}
	for _, r := range o.IDs {
		if r.First < 1 || r.Last < r.First {
			return nil, fault.InvalidField("ids", fmt.Sprintf("%d-%d", r.First, r.Last), "must be ranges such as 1-5000, or ids")
		}
	}
	return &chat44mp{
		client: c, ids: o.IDs, subscribers: o.Subscribers, pages: o.Pages, groups: map[string]string{}, labels: map[string]string{}, labelled: map[string]bool{},
	}, nil
}

func (c *chat44mp) scope() string {
	return fmt.Sprint(c.ids, len(c.subscribers), c.subscribers[:min(len(c.subscribers), 1)], c.pages)
}

// failure is what the API says of what went wrong, with status 200.
type failure struct {
	Status  word `json:"status"`
	Message word `json:"message"`
}

// ask makes a call. Errors are NotFound and Invalid where the source says that something is
// wrong, Unauthorized where that is the key.
func (c *chat44mp) ask(ctx context.Context, path string, query url.Values, into any) error {
	var raw json.RawMessage
	if err := c.get(ctx, path, query, &raw); err != nil {
		return err
	}
	var failed failure
	if json.Unmarshal(raw, &failed) == nil && failed.Status == "error" {
		said := c.said(string(failed.Message))
		switch {
		case strings.Contains(strings.ToLower(said), "api key"):
			return fault.New(fault.Unauthorized, "%s refuses the key: %s", c.place(path), said)
		case strings.Contains(said, "not exist") || strings.Contains(said, "No Matching"):
			return fault.New(fault.NotFound, "%s: %s", c.place(path), said)
		}
		return fault.New(fault.Invalid, "%s refuses the call: %s", c.place(path), said)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fault.New(fault.Invalid, "%s answers with JSON of another form (%s): does --url name the API of Chat44mp?", c.place(path), c.said(err.Error()))
	}
	return nil
}

// xeroFlow is a flow as it is listed.
type xeroFlow struct {
	ID   word `json:"id"`
	Name word `json:"flow_name"`
}

func (c *chat44mp) flows(ctx context.Context) (list []xeroFlow, err error) {
	return list, c.ask(ctx, "/get_flow_campaigns", nil, &list)
}

func (c *chat44mp) definitions(ctx context.Context) (d Definitions, err error) {
	flows, err := c.flows(ctx)
	if err != nil {
		return d, err
	}
	for _, f := range flows {
		d.Left = append(d.Left, Left{"flows", string(f.Name), "the API gives questions and answers, no steps: make the flow anew"})
	}
	for _, id := range c.pages {
		if err := c.readLabels(ctx, id); err != nil {
			return d, err
		}
	}
	for _, id := range sortedKeys(c.labels) {
		d.Lists = append(d.Lists, List{Kind: Labels, Number: id, Name: c.labels[id]})
	}
	return d, nil
}

func sortedKeys(of map[string]string) (keys []string) {
	for key := range of {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, byNumber)
	return keys
}

// readLabels reads the labels of a page once.
func (c *chat44mp) readLabels(ctx context.Context, pageID string) error {
	if pageID == "" || c.labelled[pageID] {
		return nil
	}
	var answer struct {
		Labels []struct {
			ID   word `json:"label_id"`
			Name word `json:"label_name"`
		} `json:"label_info"`
	}
	err := c.ask(ctx, "/get_all_labels", url.Values{"page_id": {pageID}}, &answer)
	if err != nil && !fault.Is(err, fault.NotFound) { // a page without labels
		return err
	}
	for _, l := range answer.Labels {
		c.labels[string(l.ID)] = string(l.Name)
	}
	c.labelled[pageID] = true
	return nil
}

// xeroPlace is where the reader is: in a range of contacts, the list of subscribers or what was
// answered to a flow.
type xeroPlace struct {
	Range      int    `json:"range"`
	ID         int64  `json:"id,omitempty"`
	Subscriber int    `json:"subscriber"`
	Flow       int    `json:"flow"`
	After      string `json:"after,omitempty"`
}

// xeroAtOnce is how many are asked for, one by one, before the place is noted.
const xeroAtOnce = 50

func (c *chat44mp) people(ctx context.Context, place string) (out page, err error) {
	var at xeroPlace
	if place != "" {
		if err := json.Unmarshal([]byte(place), &at); err != nil || at.Range < 0 || at.Subscriber < 0 || at.Flow < 0 {
			return out, fault.New(fault.Invalid, "the folder's place is damaged: read anew with --fresh")
		}
	}
	for _, r := range c.ids {
		out.total += r.Last - r.First + 1
	}
	out.total += int64(len(c.subscribers))
	more := true
	switch {
	case at.Range < len(c.ids):
		out.people, err = c.contactsIn(ctx, &at)
	case at.Subscriber < len(c.subscribers):
		for range xeroAtOnce {
			if at.Subscriber == len(c.subscribers) || err != nil {
				break
			}
			err = c.subscriber(ctx, c.subscribers[at.Subscriber], &out)
			at.Subscriber++
		}
	default:
		more, err = c.answered(ctx, &at, &out)
	}
	if err != nil || !more {
		return out, err
	}
	text, err := json.Marshal(at)
	out.next = string(text)
	return out, err
}

func (c *chat44mp) contactsIn(ctx context.Context, at *xeroPlace) (people []Person, err error) {
	r := c.ids[at.Range]
	at.ID = max(at.ID, r.First)
	for range xeroAtOnce {
		if at.ID > r.Last {
			break
		}
		p, there, err := c.contact(ctx, at.ID)
		if err != nil {
			return nil, err
		}
		if there {
			people = append(people, p)
		}
		at.ID++
	}
	if at.ID > r.Last {
		at.Range, at.ID = at.Range+1, 0
	}
	return people, nil
}

func (c *chat44mp) contact(ctx context.Context, id int64) (p Person, there bool, err error) {
	var of struct {
		Groups       word `json:"contact_type_id"`
		FirstName    word `json:"first_name"`
		LastName     word `json:"last_name"`
		Phone        word `json:"phone_number"`
		Email        word `json:"email"`
		Notes        word `json:"notes"`
		Unsubscribed word `json:"unsubscribed"`
		Deleted      word `json:"deleted"`
	}
	number := strconv.FormatInt(id, 10)
	err = c.ask(ctx, "/get_contact", url.Values{"contact_id": {number}}, &of)
	if fault.Is(err, fault.NotFound) {
		return p, false, nil
	}
	if err != nil {
		return p, false, err
	}
	p = Person{
		ID: "contact " + number, FirstName: string(of.FirstName), LastName: string(of.LastName), OptedOut: of.Unsubscribed.yes(), Deleted: of.Deleted.yes(),
	}
	p.setAddress(providers.Email, string(of.Email))
	p.setNumber(string(of.Phone))
	if of.Notes != "" {
		p.Left = append(p.Left, "notes have no place")
	}
	for group := range strings.SplitSeq(string(of.Groups), ",") {
		name, err := c.group(ctx, strings.TrimSpace(group))
		if err != nil {
			return p, false, err
		}
		if name != "" && !slices.Contains(p.Groups, name) {
			p.Groups = append(p.Groups, name)
		}
	}
	return p, true, nil
}

// group is the name of a group; empty for one that there is not.
func (c *chat44mp) group(ctx context.Context, id string) (string, error) {
	if id == "" || id == "0" {
		return "", nil
	}
	if name, known := c.groups[id]; known {
		return name, nil
	}
	var of struct {
		Type word `json:"type"`
	}
	err := c.ask(ctx, "/get_contact_group", url.Values{"contact_type_id": {id}}, &of)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return "", err
	}
	c.groups[id] = string(of.Type)
	return c.groups[id], nil
}

// subscriber adds a subscriber by their Facebook id, if there is one.
func (c *chat44mp) subscriber(ctx context.Context, psid string, out *page) error {
	var answer struct {
		Info struct {
			Labels      word `json:"labels"`
			FirstName   word `json:"first_name"`
			LastName    word `json:"last_name"`
			FullName    word `json:"full_name"`
			Gender      word `json:"gender"`
			Locale      word `json:"locale"`
			PageID      word `json:"page_id"`
			Unavailable word `json:"unavailable"`
			Email       word `json:"email"`
			Phone       word `json:"phone_number"`
			Birthdate   word `json:"birthdate"`
		} `json:"subscriber_info"`
	}
	err := c.ask(ctx, "/subscriber_information", url.Values{"subscriber_id": {psid}}, &answer)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	of := answer.Info
	p := Person{
		ID: "subscriber " + psid, FirstName: string(of.FirstName), LastName: string(of.LastName), Language: strings.ReplaceAll(string(of.Locale), "_", "-"),
		Inactive: of.Unavailable.yes(),
	}
	if p.FirstName == "" && p.LastName == "" {
		p.Name = string(of.FullName)
	}
	p.setAddress(providers.Facebook, psid)
	p.setAddress(providers.Email, string(of.Email))
	p.setNumber(string(of.Phone))
	p.setAttribute("gender", string(of.Gender))
	if born := string(of.Birthdate); born != "0000-00-00" {
		p.setAttribute("birthdate", born)
	}
	if of.Labels != "" {
		if err := c.readLabels(ctx, string(of.PageID)); err != nil {
			return err
		}
	}
	for id := range strings.SplitSeq(string(of.Labels), ",") {
		switch name := c.labels[strings.TrimSpace(id)]; {
		case name != "":
			p.Labels = append(p.Labels, name)
		case strings.TrimSpace(id) != "":
			p.Left = append(p.Left, "labels of a page that --page does not name have no name")
		}
	}
	out.people = append(out.people, p)
	return nil
}

// answered adds those who answered a flow. There are no pages: another process reads the ids
// anew, and takes them up behind the last.
func (c *chat44mp) answered(ctx context.Context, at *xeroPlace, out *page) (more bool, err error) {
	flows, err := c.flows(ctx)
	if err != nil || at.Flow >= len(flows) {
		return false, err
	}
	if flow := flows[at.Flow].ID; c.flowOf != flow {
		var answer struct {
			Data texts `json:"data"`
		}
		err = c.ask(ctx, "/get_all_subscriber_flow_info", url.Values{"flow_campaign_id": {string(flow)}}, &answer)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return false, err
		}
		c.flowOf, c.those = flow, sortedKeys(answer.Data)
	}
	n := 0
	for _, psid := range c.those {
		if at.After != "" && byNumber(psid, at.After) <= 0 {
			continue
		}
		if n++; n > xeroAtOnce {
			return true, nil
		}
		at.After = psid
		if err := c.subscriber(ctx, psid, out); err != nil {
			return false, err
		}
	}
	at.Flow, at.After = at.Flow+1, ""
	return true, nil
}
