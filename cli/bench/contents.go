package bench

import (
	"embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"carillon/providers"
	"carillon/templates/liquid"
)

// files are the texts of the contents: what is measured is what people send.
//
//go:embed contents
var files embed.FS

// Content is one of the messages that are measured.
type Content struct {
	// Name selects it (--content).
	Name string
	// About says in a few words what it is.
	About string
	// Transport is what it is sent by unless something else is asked for.
	Transport string
	// Templates are the texts, with Liquid in them.
	Templates providers.Content
	// Columns are those of the upload beside address and name.
	Columns []string
}

// Contents are all that can be measured, from the smallest to the largest.
func Contents() []Content {
	line := Content{
		Name: "line", About: "a few lines of text", Transport: "smtp", Columns: []string{"coupon"},
		Templates: providers.Content{Subject: "News for {{ contact.first_name | default: 'you' }}", Text: file("line.txt")},
	}
	short := Content{
		Name: "json", About: "a text as long as an SMS, as JSON to a webhook", Transport: "http", Columns: []string{"coupon", "city", "token"},
		Templates: providers.Content{Subject: "Order {{ row.coupon }}", Text: strings.TrimSpace(file("json.txt"))},
	}
	account := Content{
		Name: "rows", About: "an account, most of it from the upload's row", Transport: "smtp",
		Columns: []string{
			"member", "city", "opening", "fees", "paid", "points", "closing", "last_visit", "lesson", "kept_until", "coupon", "token",
		},
		Templates: providers.Content{
			Subject: "The account of member {{ row.member }}", Preheader: "Balance: {{ row.closing }}", Text: file("rows.txt"), HTML: file("rows.html"),
		},
	}
	letter := Content{
		Name: "5k", About: "a newsletter of 5 KB with a text part", Transport: "smtp", Columns: []string{"coupon", "city"},
		Templates: providers.Content{
			Subject: "{{ contact.first_name | default: 'Friend' }}, the bells ring again", Preheader: "All eight, on the first Sunday of the month.",
			Text: file("5k.txt"), HTML: file("5k.html"),
		},
	}
	issue := Content{
		Name: "30k", About: "a newsletter of 30 KB with conditionals, a loop and a link of one's own 60 times", Transport: "smtp",
		Columns: []string{"coupon", "city", "plan", "points", "picks", "token"},
		Templates: providers.Content{
			Subject: "The big autumn issue, {{ contact.first_name | default: 'friend' }}", Preheader: "The sixth bell is back.",
			Text: file("30k.txt"), HTML: file("30k.html"),
		},
	}
	return []Content{line, short, account, letter, issue}
}

func file(name string) string {
	text, err := files.ReadFile("contents/" + name)
	if err != nil {
		panic("read an embedded file: " + err.Error())
	}
	return string(text)
}

// contentNamed finds a content.
func contentNamed(name string) (Content, error) {
	all := Contents()
	if i := slices.IndexFunc(all, func(c Content) bool { return c.Name == name }); i >= 0 {
		return all[i], nil
	}
	return Content{}, fmt.Errorf("unknown content %q: one of %s", name, strings.Join(ContentNames(), ", "))
}

// ContentNames are the names of all contents.
func ContentNames() (names []string) {
	for _, c := range Contents() {
		names = append(names, c.Name)
	}
	return names
}

var cities = []string{"Ghent", "Exeter", "Saint-Amand", "Zürich", "York", "Kraków", "Mechelen", "Delft"}

var products = []string{
	"Rope with a woollen grip", "Calendar with the drawings", "The old peal, two discs", "Model of the frame in beech",
	"Tea towel, changes on twelve", "Handbell in A", "Grease, half a pound",
}

// value is what stands in a column of the i-th recipient; beside plan, city and
// lesson nearly everybody has another.
func value(column string, i int) string {
	switch column {
	case "coupon":
		return fmt.Sprintf("C%d", i)
	case "city":
		return cities[i%len(cities)]
	case "token":
		// As long as the links of those who count clicks, and as little alike.
		return fmt.Sprintf("%016x%012x", uint64(i+1)*0x9e3779b97f4a7c15, uint64(i+1)*0xc2b2ae3d27d4eb4f>>16)
	case "plan":
		return []string{"gold", "silver", ""}[i%3]
	case "picks":
		return products[i%7] + "|" + products[(i/7+1)%7] + "|" + products[(i/49+2)%7] + "|" + products[(i/343+3)%7]
	case "member":
		return fmt.Sprintf("%07d", i)
	case "points":
		return fmt.Sprint(i * 7 % 9973)
	case "lesson":
		return []string{"Tuesday, 19.30", "Thursday, 19.45", "Saturday, 10.00"}[i%3]
	case "last_visit", "kept_until":
		return fmt.Sprintf("2026-%02d-%02d", 1+i%12, 1+i/12%28)
	}
	return fmt.Sprintf("€ %d.%02d", i%9000+len(column), i%100)
}

// occasion is what every message of the benchmark is part of.
var occasion = &liquid.Occasion{CampaignName: "bench"}

// person is what a template may say of the i-th recipient.
func (c Content) person(i int) (liquid.Vars, error) {
	row := map[string]string{"email": address(i), "first_name": fmt.Sprintf("N%d", i), "last_name": fmt.Sprintf("L%d", i)}
	for _, column := range c.Columns {
		row[column] = value(column, i)
	}
	encoded, err := json.Marshal(row)
	return liquid.Vars{
		Contact: liquid.Contact{FirstName: row["first_name"], LastName: row["last_name"], Address: row["email"]},
		Row:     string(encoded),
		Of:      occasion, UnsubscribeURL: publicURL + "/u/" + value("token", i),
	}, err
}

func address(i int) string { return fmt.Sprintf("person%d@example.com", i) }
