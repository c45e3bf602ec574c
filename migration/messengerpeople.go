package migration

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"carillon/contacts/property"
	"carillon/contacts/value"
	"carillon/internal/fault"
	"carillon/providers"
	"carillon/templates"
	"carillon/wording"
)

// messengerPeople reads MessengerPeople's REST API, versions 1 to 17.
type messengerPeople struct {
	*client
	names []string
	// categories are the names of categories by their numbers, once they were read.
	categories texts
	// alone says that the server knows one user at a time.
	alone bool
}

func newMessengerPeople(o Options) (source, error) {
	c, err := newClient(o, "/api/v14", func(r *http.Request, key string) {
		query := r.URL.Query()
		query.Set("apikey", key)
		r.URL.RawQuery = query.Encode()
	})
	return &messengerPeople{client: c, names: o.Templates}, err
}

func (m *messengerPeople) scope() string { return "" }

// mpProperty is a property as GET /custom lists it.
type mpProperty struct {
	ID         word `json:"id"`
	Name       word `json:"name"`
	Type       word `json:"type"`
	Values     word `json:"values"`
	Expiration word `json:"expiration"`
	Editable   word `json:"editable"`
	Label      word `json:"label"`
	Position   word `json:"position"`
	Hidden     word `json:"hidden"`
	Default    word `json:"default"`
}

// mpTypes are the types of ours that MessengerPeople's are. Other ones come from a Carillon.
var mpTypes = map[string]property.Type{"enumeration": property.Enum}

func (m *messengerPeople) definitions(ctx context.Context) (d Definitions, err error) {
	var answer struct {
		Custom []mpProperty `json:"custom"`
	}
	if err := m.get(ctx, "/custom", url.Values{"hidden": {"1"}}, &answer); err != nil {
		return d, err
	}
	for _, p := range answer.Custom {
		made, lost := p.property()
		d.Properties = append(d.Properties, made)
		if lost != "" {
			d.Left = append(d.Left, Left{"properties", made.Name, lost})
		}
	}
	if err := m.readCategories(ctx); err != nil {
		return d, err
	}
	for _, number := range slices.SortedFunc(maps.Keys(m.categories), byNumber) {
		d.Lists = append(d.Lists, List{Kind: Categories, Number: number, Name: m.categories[number]})
	}
	if err := m.readLabels(ctx, &d); err != nil {
		return d, err
	}
	if err := m.readRules(ctx, &d); err != nil {
		return d, err
	}
	return d, m.readTemplates(ctx, &d)
}

// byNumber puts numbers in their order.
func byNumber(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

// property is the definition in our form; lost says what of it does not come over.
func (p mpProperty) property() (out Property, lost string) {
	name := strings.ToLower(string(p.Type))
	typ := property.Type(name)
	if of, known := mpTypes[name]; known {
		typ = of
	}
	if !slices.Contains(property.Types(), typ) {
		typ, lost = property.Text, "its type "+string(p.Type)+" is none that Carillon has: it becomes a text"
	}
	position, _ := strconv.Atoi(string(p.Position))
	expires, _ := strconv.ParseInt(string(p.Expiration), 10, 64)
	out = Property{
		Key: property.KeyOf(string(p.Name)), Name: string(p.Name), Number: string(p.ID), Label: string(p.Label), Type: string(typ), Rule: string(p.Values),
		Expires: max(expires, 0), Hidden: p.Hidden.yes(), Fixed: p.Editable == "0", Position: min(max(position, 0), 100_000),
	}
	if p.Default == "" {
		return out, lost
	}
	checked, err := property.Compile(property.Property{Key: out.Key, Type: typ, Rule: out.Rule})
	if err != nil {
		return out, lost // the rule is refused when it is taken in
	}
	text := string(p.Default)
	if typ == property.Collection {
		text = strings.ReplaceAll(text, ",", "|")
	}
	var reason string
	if out.Default, reason = checked.Parse(text); reason != "" {
		out.Default, lost = nil, "its default is "+reason
	}
	return out, lost
}

func (m *messengerPeople) readCategories(ctx context.Context) error {
	var answer struct {
		List texts `json:"list"`
	}
	err := m.get(ctx, "/newsletter/category", nil, &answer)
	if m.categories = answer.List; m.categories == nil {
		m.categories = texts{}
	}
	return err
}

func (m *messengerPeople) readLabels(ctx context.Context, d *Definitions) error {
	var answer struct {
		Labels []struct {
			ID        word `json:"id"`
			Name      word `json:"name"`
			Color     word `json:"color"`
			TextColor word `json:"text_color"`
		} `json:"labels"`
	}
	if err := m.get(ctx, "/channel/labels", nil, &answer); err != nil {
		return d.refused(err, "labels")
	}
	for _, l := range answer.Labels {
		d.Lists = append(d.Lists, List{Kind: Labels, Number: string(l.ID), Name: string(l.Name), Color: string(l.Color), TextColor: string(l.TextColor)})
	}
	if len(answer.Labels) > 0 {
		d.Left = append(d.Left, Left{"labels of users", "all", "the API does not say who has a label: the labels come over empty"})
	}
	return nil
}

// refused notes what the source does not give; other errors stay.
func (d *Definitions) refused(err error, kind string) error {
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Invalid) {
		d.Left = append(d.Left, Left{kind, "all", "the source does not give them: " + err.Error()})
		return nil
	}
	return err
}

func (m *messengerPeople) readRules(ctx context.Context, d *Definitions) error {
	var answer struct {
		Targeting []struct {
			ID    word            `json:"id"`
			Name  word            `json:"name"`
			Query json.RawMessage `json:"query"`
		} `json:"targeting"`
	}
	if err := m.get(ctx, "/targeting", nil, &answer); err != nil {
		return d.refused(err, "targeting lists")
	}
	for _, l := range answer.Targeting {
		query := l.Query
		if text := plain(query); json.Valid([]byte(text)) { // also as a text with JSON in it
			query = json.RawMessage(text)
		}
		d.Rules = append(d.Rules, Rule{Number: string(l.ID), Name: string(l.Name), Query: query})
	}
	// Rules may mean others: those made first are there first.
	slices.SortStableFunc(d.Rules, func(a, b Rule) int { return byNumber(a.Number, b.Number) })
	return nil
}

// mpTemplate is a template as it is shown.
type mpTemplate struct {
	Name         string                `json:"name"`
	Category     string                `json:"category"`
	Translations []wording.Translation `json:"translations"`
}

func (m *messengerPeople) readTemplates(ctx context.Context, d *Definitions) error {
	for _, name := range m.names {
		var answer struct {
			Template mpTemplate `json:"template"`
		}
		if err := m.get(ctx, "/templates/"+name, nil, &answer); err != nil {
			if !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Invalid) {
				return err
			}
			d.Left = append(d.Left, Left{"templates", name, err.Error()})
			continue
		}
		d.addTemplate(answer.Template, providers.WhatsApp)
	}
	if len(m.names) > 0 {
		return nil
	}
	const most, atOnce = templates.MaxTemplates, 100
	for offset := 0; offset < most; offset += atOnce {
		var answer struct {
			Templates []mpTemplate `json:"templates"`
		}
		query := url.Values{"limit": {strconv.Itoa(atOnce)}, "offset": {strconv.Itoa(offset)}}
		if err := m.get(ctx, "/templates", query, &answer); err != nil {
			return d.refused(err, "templates")
		}
		for _, t := range answer.Templates {
			d.addTemplate(t, providers.WhatsApp)
		}
		if len(answer.Templates) != atOnce {
			return nil
		}
	}
	return nil
}

// addTemplate takes a template, or says why it can't be one.
func (d *Definitions) addTemplate(t mpTemplate, kind providers.AddressKind) {
	if slices.ContainsFunc(d.Templates, func(other Template) bool { return other.Name == t.Name }) {
		return
	}
	translations, parameters, err := wording.Template(t.Translations)
	category := templates.Category(strings.ToLower(t.Category))
	switch {
	case err != nil:
		d.Left = append(d.Left, Left{"templates", t.Name, err.Error()})
		return
	case len(translations) == 0:
		d.Left = append(d.Left, Left{"templates", t.Name, "it has no text in any language"})
		return
	case !slices.Contains(templates.Categories(), category):
		category = ""
	}
	d.Templates = append(d.Templates, Template{t.Name, templates.Definition{
		Category: category, Kinds: []providers.AddressKind{kind}, Default: translations[0].Language, Parameters: parameters, Translations: translations,
	}})
}

// mpUser is a user as GET /user lists it.
type mpUser struct {
	ID           word  `json:"id"`
	Messenger    word  `json:"messenger"`
	Name         word  `json:"name"`
	Status       word  `json:"status"`
	Blocked      word  `json:"blocked"`
	Stopped      word  `json:"stopped"`
	CustomFields texts `json:"customfields"`
}

// mpPlace is a place in the list of users. Each page begins with the last user of the page
// before: where another stands there, somebody before was deleted meanwhile, and the list has
// moved past people who were not read.
type mpPlace struct {
	Blocked bool   `json:"blocked,omitempty"`
	Offset  int    `json:"offset"`
	Last    string `json:"last,omitempty"`
	Back    int    `json:"back,omitempty"`
}

const (
	// usersAtOnce is a page of users; nobody refuses so many.
	usersAtOnce = 500
	// mostBack is how often in a row a reader goes back in a list that moves.
	mostBack = 10
)

func (m *messengerPeople) people(ctx context.Context, place string) (out page, err error) {
	var at mpPlace
	if place != "" {
		if err := json.Unmarshal([]byte(place), &at); err != nil || at.Offset < 0 {
			return out, fault.New(fault.Invalid, "the folder's place in the list of users is damaged: read anew with --fresh")
		}
	}
	if m.categories == nil {
		if err := m.readCategories(ctx); err != nil {
			return out, err
		}
	}
	query := url.Values{
		"limit": {strconv.Itoa(usersAtOnce)}, "offset": {strconv.Itoa(at.Offset)}, "order": {"created"}, "asc": {"1"}, "customfields": {"1"},
	}
	if at.Blocked {
		query.Set("blocked", "1")
	}
	var answer struct {
		User []mpUser `json:"user"`
	}
	if err := m.get(ctx, "/user", query, &answer); err != nil {
		return out, err
	}
	users := answer.User
	if at.Last != "" {
		if len(users) == 0 || users[0].key() != at.Last {
			return m.back(at)
		}
		users, at.Back = users[1:], 0
	}
	if out.people, err = m.persons(ctx, users); err != nil {
		return out, err
	}
	switch {
	case len(answer.User) == usersAtOnce && len(users) > 0:
		at.Offset, at.Last = at.Offset+len(answer.User)-1, answer.User[len(answer.User)-1].key()
	case !at.Blocked: // a server may list those who are blocked by themselves
		at = mpPlace{Blocked: true}
	default:
		return out, nil
	}
	next, err := json.Marshal(at)
	out.next = string(next)
	return out, err
}

func (u mpUser) key() string { return string(u.Messenger) + ":" + string(u.ID) }

// back goes back in a list that has moved: whoever is read twice is one person all the same.
func (m *messengerPeople) back(at mpPlace) (page, error) {
	if at.Back++; at.Back > mostBack {
		return page{}, fault.New(fault.Conflict, "the list of users at %s moves too fast to be read: users are deleted there meanwhile, "+
			"or it does not know limit and offset", m.place("/user"))
	}
	at.Offset, at.Last = max(0, at.Offset-2*usersAtOnce), ""
	next, err := json.Marshal(at)
	return page{next: string(next)}, err
}

// persons are users as people, with their categories.
func (m *messengerPeople) persons(ctx context.Context, users []mpUser) (people []Person, err error) {
	in := map[string][]string{}
	if len(m.categories) > 0 {
		const atOnce = 50 // ids in one address
		for some := range slices.Chunk(users, atOnce) {
			if err := m.categoriesOf(ctx, some, in); err != nil {
				return nil, err
			}
		}
	}
	for _, u := range users {
		p := Person{ID: u.key(), Name: string(u.Name), Categories: in[string(u.ID)], Attributes: u.CustomFields}
		p.Blocked, p.OptedOut = u.Blocked.yes(), !u.Status.yes() && u.Stopped != "" && u.Stopped != "0"
		p.Inactive = !u.Status.yes() && !p.Blocked
		switch kind := wording.KindOf(string(u.Messenger)); {
		case kind == "":
			p.Left = append(p.Left, "the messenger "+string(u.Messenger)+" is none that Carillon knows")
		case kind == providers.WhatsApp && value.Digits(string(u.ID)):
			p.setAddress(kind, "+"+string(u.ID))
		default:
			p.setAddress(kind, string(u.ID))
		}
		people = append(people, p)
	}
	return people, nil
}

// mpCategories are the categories of users, by their numbers.
type mpCategories struct {
	User []struct {
		ID         word  `json:"id"`
		Categories texts `json:"categories"`
	} `json:"user"`
	// Categories are those of one user where the server does not list users.
	Categories texts `json:"categories"`
}

// categoriesOf reads the categories of users into in: of all in one call where the server takes
// that, and where none of them is gone meanwhile.
func (m *messengerPeople) categoriesOf(ctx context.Context, users []mpUser, in map[string][]string) error {
	if !m.alone {
		there, err := m.categoriesAt(ctx, users, in)
		if err != nil || there {
			return err
		}
	}
	gone := 0
	for i := range users {
		there, err := m.categoriesAt(ctx, users[i:i+1], in)
		if err != nil {
			return err
		}
		if !there {
			gone++ // who is gone is in no category
		}
	}
	m.alone = m.alone || gone == 0 // then it was the list that was refused
	return nil
}

// categoriesAt asks for the categories of some users; there is false where that was refused, or
// one is missing in the answer.
func (m *messengerPeople) categoriesAt(ctx context.Context, users []mpUser, in map[string][]string) (there bool, err error) {
	ids := make([]string, len(users))
	for i, u := range users {
		ids[i] = string(u.ID)
	}
	var answer mpCategories
	err = m.get(ctx, "/user/"+strings.Join(ids, ",")+"/categories", nil, &answer)
	if fault.Is(err, fault.Invalid) || fault.Is(err, fault.NotFound) {
		return false, nil
	}
	if len(users) == 1 && len(answer.User) == 0 {
		in[ids[0]] = m.named(answer.Categories)
		return true, err
	}
	for _, u := range answer.User {
		in[string(u.ID)] = m.named(u.Categories)
	}
	for _, id := range ids {
		if _, has := in[id]; !has {
			return false, err
		}
	}
	return true, err
}

// named are the names of the categories that are switched on.
func (m *messengerPeople) named(of texts) (names []string) {
	for _, number := range slices.SortedFunc(maps.Keys(of), byNumber) {
		if name := m.categories[number]; name != "" && word(of[number]).yes() {
			names = append(names, name)
		}
	}
	return names
}
