package teams

import (
	"regexp"
	"slices"
	"strings"

	"carillon/providers"
	"carillon/providers/room"
)

// posted is what a workflow's webhook takes.
type posted struct {
	Type        string       `json:"type"`
	Attachments []attachment `json:"attachments"`
}

type attachment struct {
	ContentType string `json:"contentType"`
	Content     card   `json:"content"`
}

// card is an Adaptive Card.
type card struct {
	Schema  string    `json:"$schema"`
	Type    string    `json:"type"`
	Version string    `json:"version"`
	Body    []element `json:"body"`
	Teams   struct {
		Width string `json:"width"`
	} `json:"msteams"`
}

// element is a line of text, or a row of buttons.
type element struct {
	Type    string   `json:"type"`
	Spacing string   `json:"spacing,omitempty"`
	Inlines []run    `json:"inlines,omitempty"`
	Actions []action `json:"actions,omitempty"`
}

// run is a piece of a line in which nothing is formatting, unlike in a TextBlock, where a value
// that came from data could dress up a link.
type run struct {
	Type   string  `json:"type"`
	Text   string  `json:"text"`
	Select *action `json:"selectAction,omitempty"`
}

// action opens an address.
type action struct {
	Type  string `json:"type"`
	Title string `json:"title,omitempty"`
	URL   string `json:"url"`
}

// mostActions is how many buttons Teams shows in a row.
const mostActions = 6

// drawn is a content as a card.
func drawn(c *providers.Content) posted {
	made := card{Schema: "http://adaptivecards.io/schemas/adaptive-card.json", Type: "AdaptiveCard", Version: "1.4"}
	made.Teams.Width = "Full"
	if text := room.Text(c); text != "" {
		for text := range strings.SplitSeq(text, "\n") {
			made.Body = append(made.Body, element{Type: "RichTextBlock", Spacing: "None", Inlines: runs(text)})
		}
	}
	for row := range slices.Chunk(c.Buttons, mostActions) {
		e := element{Type: "ActionSet"}
		for _, b := range row {
			e.Actions = append(e.Actions, action{Type: "Action.OpenUrl", Title: b.Caption, URL: b.Info})
		}
		made.Body = append(made.Body, e)
	}
	return posted{Type: "message", Attachments: []attachment{{ContentType: "application/vnd.microsoft.card.adaptive", Content: made}}}
}

// addresses are those in a text; the stop of a sentence is none of them.
var addresses = regexp.MustCompile(`https?://[^\s<>"]*[^\s<>".,;:!?)]`)

// blank is a line without anything: Teams shows none for an empty text.
const blank = "\u00a0"

// runs are the pieces of a line: its addresses can be pressed.
func runs(text string) (all []run) {
	add := func(text string, pressed *action) {
		if text != "" {
			all = append(all, run{Type: "TextRun", Text: text, Select: pressed})
		}
	}
	from := 0
	for _, at := range addresses.FindAllStringIndex(text, -1) {
		add(text[from:at[0]], nil)
		address := text[at[0]:at[1]]
		add(address, &action{Type: "Action.OpenUrl", URL: address})
		from = at[1]
	}
	add(text[from:], nil)
	if all == nil {
		add(blank, nil)
	}
	return all
}
