package messengerpeople

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"carillon/api/gate"
	"carillon/contacts"
	"carillon/contacts/property"
	"carillon/contacts/value"
	"carillon/internal/fault"
	"carillon/targeting"
	"carillon/wording"
)

// userID is the id of a user: the messenger's own, without the + of a phone number.
func userID(address string) string { return strings.TrimPrefix(address, "+") }

// addressesOf are those that an id may stand for.
func addressesOf(ids []string) []string {
	addresses := make([]string, 0, 2*len(ids))
	for _, id := range ids {
		bare := strings.TrimPrefix(strings.TrimSpace(id), "+")
		addresses = append(addresses, bare)
		if value.Digits(bare) {
			addresses = append(addresses, "+"+bare)
		}
	}
	return addresses
}

// mostUsers is how many users one call may name, and mostAtOnce how many it may list.
const (
	mostUsers   = 10_000
	mostAtOnce  = 5_000
	usersAPage  = 500
	mostChanged = 1_000
)

// usersOf finds users by their ids; those that nobody has are unknown.
func (s *Server) usersOf(ctx context.Context, a asked, ids []string) (found []targeting.Entry, unknown []string, err error) {
	if len(ids) > mostUsers {
		return nil, nil, fault.InvalidField("id", len(ids), "at most %d at a time: make a targeting list for more", mostUsers)
	}
	if len(ids) == 0 {
		return nil, nil, nil
	}
	list, err := s.Rules.Directory(ctx, targeting.DirectoryFilter{
		AccountID: a.caller.AccountID, Kinds: wording.Messengers(), Addresses: addressesOf(ids), Order: targeting.ByContactID, Limit: 2 * mostUsers,
	})
	if err != nil {
		return nil, nil, err
	}
	by := map[string][]targeting.Entry{}
	for _, e := range list {
		by[userID(e.Address)] = append(by[userID(e.Address)], e)
	}
	for _, id := range ids {
		held, known := by[strings.TrimPrefix(strings.TrimSpace(id), "+")]
		if !known {
			unknown = append(unknown, id)
			continue
		}
		found = append(found, held...)
	}
	return found, unknown, nil
}

// named are the users of a path or parameter, of whom all must be there.
func (s *Server) named(ctx context.Context, a asked, ids []string) ([]targeting.Entry, error) {
	found, unknown, err := s.usersOf(ctx, a, ids)
	switch {
	case err != nil:
		return nil, err
	case len(unknown) > 0:
		return nil, fault.InvalidField("id", unknown[0], "there is no such user")
	case len(found) == 0:
		return nil, missing("id")
	}
	return found, nil
}

// inPath are the users of the path.
func (s *Server) inPath(ctx context.Context, a asked) ([]targeting.Entry, error) {
	found, err := s.named(ctx, a, splitList(a.in["id"]))
	if err == nil && len(found) > mostChanged {
		err = fault.InvalidField("id", len(found), "at most %d at a time", mostChanged)
	}
	return found, err
}

func splitList(text string) (list []string) {
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	return list
}

// contactsOf are the contacts of users, each once.
func contactsOf(users []targeting.Entry) (ids []int64) {
	seen := map[int64]bool{}
	for _, u := range users {
		if !seen[u.ContactID] {
			seen[u.ContactID] = true
			ids = append(ids, u.ContactID)
		}
	}
	return ids
}

// user is a user as clients read it: eight texts, because a strict one refuses more, and
// what flags ask for.
type user struct {
	ID           string             `json:"id"`
	Messenger    string             `json:"messenger"`
	Name         string             `json:"name"`
	Image        string             `json:"image"`
	Created      string             `json:"created"`
	Status       string             `json:"status"`
	Blocked      string             `json:"blocked"`
	Stopped      string             `json:"stopped"`
	LastChat     *string            `json:"last_chat,omitempty"`
	CustomFields *map[string]string `json:"customfields,omitempty"`
}

func flag(is bool) string {
	if is {
		return "1"
	}
	return "0"
}

// unix is an instant as clients read it; 0 for never.
func unix(at *time.Time) string {
	if at == nil || at.IsZero() {
		return "0"
	}
	return strconv.FormatInt(at.Unix(), 10)
}

// reached reports whether newsletters reach a user.
func reached(e targeting.Entry) bool { return e.Status == contacts.Active && e.Suppressed == "" }

// listing is how users are listed.
type listing struct {
	filter                 targeting.DirectoryFilter
	lastChat, customFields bool
}

// userOrders are the orders of users. The default is the time at which they were created.
var userOrders = map[string]targeting.Order{
	"": targeting.ByCreated, "created": targeting.ByCreated, "stopped": targeting.ByStopped, "id": targeting.ByAddress, "name": targeting.ByName,
	"messenger": targeting.ByKind, "blocked": targeting.ByStatus, "last_chat": targeting.ByReplied,
}

// listing reads what GET /user is given.
func (s *Server) listing(ctx context.Context, a asked) (l listing, err error) {
	l.filter = targeting.DirectoryFilter{AccountID: a.caller.AccountID, Kinds: wording.Messengers()}
	var flags [4]bool
	for i, name := range []string{"asc", "last_chat", "customfields", "blocked"} {
		if flags[i], err = a.Bool(name, false); err != nil {
			return l, err
		}
	}
	l.filter.Descending, l.lastChat, l.customFields, l.filter.Attributes = !flags[0], flags[1], flags[2], flags[2]
	if l.filter.Limit, l.filter.Offset, err = a.page(usersAPage); err != nil {
		return l, err
	}
	order, err := a.Text("order")
	if err != nil {
		return l, err
	}
	by, known := userOrders[order]
	if l.filter.Order = by; !known {
		return l, fault.InvalidField("order", order, "must be created, stopped, id, name, messenger, blocked or last_chat")
	}
	if a.Has("active") {
		active, err := a.Bool("active", true)
		if err != nil {
			return l, err
		}
		l.filter.Reached = &active
	}
	rules, err := s.userRules(ctx, a)
	if err != nil {
		return l, err
	}
	if flags[3] {
		rules = append(rules, wording.Condition("status", "equal", "blocked"))
	}
	if a.Has("targeting") {
		id, err := s.targetingID(ctx, a, "targeting")
		if err != nil {
			return l, err
		}
		active := true
		rules, l.filter.Reached = append(rules, wording.Condition("targeting", "equal", id)), &active
	}
	if len(rules) == 0 {
		return l, nil
	}
	text, err := wording.Encoded(wording.Group("AND", rules))
	if err != nil {
		return l, err
	}
	l.filter.Among, err = s.Rules.Audience(ctx, a.caller.AccountID, text)
	return l, err
}

// page is what limit and offset say.
func (a asked) page(usual int) (limit, offset int, err error) {
	wanted, err := a.Int("limit", 0)
	if err != nil {
		return 0, 0, err
	}
	skipped, err := a.Int("offset", 0)
	if err != nil {
		return 0, 0, err
	}
	switch {
	case wanted < 0 || wanted > mostAtOnce:
		return 0, 0, fault.InvalidField("limit", wanted, "is from 1 to %d", mostAtOnce)
	case skipped < 0 || skipped > mostSkipped:
		return 0, 0, fault.InvalidField("offset", skipped, "is from 0 to %d", mostSkipped)
	case wanted == 0:
		wanted = int64(usual)
	}
	return int(wanted), int(skipped), nil
}

// mostSkipped bounds offsets.
const mostSkipped = 1_000_000

// userFilter is one of the filters of GET /user.
type userFilter struct {
	Type          string `json:"type"`
	Name          string `json:"name"`
	After, Before json.Number
	Value         *json.RawMessage `json:"value"`
}

// userRules are the rules that search and filter stand for.
func (s *Server) userRules(ctx context.Context, a asked) (rules []any, err error) {
	search, err := a.Text("search")
	if err != nil {
		return nil, err
	}
	if search = strings.TrimSpace(search); search != "" {
		var either []any
		if bare := strings.TrimPrefix(search, "+"); value.Digits(bare) {
			for _, kind := range wording.Messengers() {
				either = append(either, wording.Condition("address."+string(kind), "contains", bare))
			}
		} else {
			for _, field := range []string{"name", "first_name", "last_name"} {
				either = append(either, wording.Condition(field, "contains", search))
			}
		}
		rules = append(rules, wording.Group("OR", either))
	}
	var filters []userFilter
	if err := a.JSON("filter", &filters); err != nil {
		return nil, err
	}
	for _, f := range filters {
		more, err := s.filterRules(ctx, a, f)
		if err != nil {
			return nil, err
		}
		rules = append(rules, more...)
	}
	return rules, nil
}

func (s *Server) filterRules(ctx context.Context, a asked, f userFilter) (rules []any, err error) {
	switch f.Type {
	case "created":
		return between("created_at", f.After, f.Before)
	case "customfield":
	default:
		return nil, fault.InvalidField("filter", f.Type, "has a type that is neither created nor customfield")
	}
	if f.Name == "" {
		return nil, fault.InvalidField("filter", nil, "names no property: say which in name")
	}
	p, err := s.Properties.Find(ctx, a.caller.AccountID, f.Name)
	if err != nil {
		return nil, err
	}
	if rules, err = between("attributes."+p.Key+".changed_at", f.After, f.Before); err != nil {
		return nil, err
	}
	if f.Value == nil {
		return append(rules, wording.Condition("attributes."+p.Key, "is_not_null", nil)), nil
	}
	text, err := plainText(*f.Value)
	if err != nil {
		return nil, fault.InvalidField("filter", f.Name, "has a value that is no text")
	}
	operator := "equal"
	if p.Type == property.Collection {
		operator = "contains"
	}
	return append(rules, wording.Condition("attributes."+p.Key, operator, text)), nil
}

func between(field string, after, before json.Number) (rules []any, err error) {
	for _, bound := range []struct {
		at       json.Number
		operator string
	}{{after, "greater_or_equal"}, {before, "less_or_equal"}} {
		if bound.at == "" {
			continue
		}
		at, err := bound.at.Int64()
		if err != nil {
			return nil, fault.InvalidField("filter", bound.at.String(), "has an after or before that is no Unix time in seconds")
		}
		rules = append(rules, wording.Condition(field, bound.operator, time.Unix(at, 0).UTC().Format(time.RFC3339)))
	}
	return rules, nil
}

// plainText is a JSON value as a text.
func plainText(raw json.RawMessage) (string, error) {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text, nil
	}
	var scalar any
	if err := json.Unmarshal(raw, &scalar); err != nil {
		return "", err
	}
	switch scalar := scalar.(type) {
	case bool:
		return flag(scalar), nil
	case float64:
		return string(raw), nil
	case []any:
		items := make([]string, len(scalar))
		for i, item := range scalar {
			text, is := item.(string)
			if !is {
				return "", fault.New(fault.Invalid, "is no list of texts")
			}
			items[i] = text
		}
		return strings.Join(items, "|"), nil
	default:
		return "", fault.New(fault.Invalid, "is no text")
	}
}

func (s *Server) listUsers(ctx context.Context, a asked) (any, error) {
	l, err := s.listing(ctx, a)
	if err != nil {
		return nil, err
	}
	if ids := splitList(a.in["id"]); len(ids) > 0 {
		if _, err := s.named(ctx, a, ids); err != nil {
			return nil, err
		}
		l.filter.Addresses = addressesOf(ids)
	}
	list, err := s.Rules.Directory(ctx, l.filter)
	if err != nil {
		return nil, err
	}
	if err := gate.NoteReading(ctx, s.Trail, gate.Reading{
		Caller: a.caller, Action: "list-contacts", Target: "contact", Through: "MessengerPeople", Items: len(list), Further: l.filter.Offset > 0,
	}); err != nil {
		return nil, err
	}
	properties, err := s.Properties.List(ctx, a.caller.AccountID)
	if err != nil {
		return nil, err
	}
	users := make([]user, len(list))
	for i, e := range list {
		created := e.CreatedAt
		users[i] = user{
			ID: userID(e.Address), Messenger: wording.CodeOf(e.Kind), Name: e.Name, Created: unix(&created), Status: flag(reached(e)),
			Blocked: flag(e.Status == contacts.Blocked), Stopped: unix(e.StoppedAt),
		}
		if l.lastChat {
			at := unix(e.LastRepliedAt)
			users[i].LastChat = &at
		}
		if l.customFields {
			fields := valuesOf(e.Attributes, properties)
			users[i].CustomFields = &fields
		}
	}
	return struct {
		User []user `json:"user"`
	}{users}, nil
}

// valuesOf are a contact's values as texts, by the names of their properties.
func valuesOf(attributes contacts.Attributes, properties []property.Property) map[string]string {
	fields := map[string]string{}
	for _, p := range properties {
		if stored, has := attributes[p.Key]; has {
			fields[p.Called()], _ = property.Plain(stored)
		}
	}
	return fields
}

// source is where consents come from that this API changes.
const source = "messengerpeople"

// A deletion waits for a message that is being sent at the moment.
const (
	eraseTries = 20
	eraseWait  = 250 * time.Millisecond
)
