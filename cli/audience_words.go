package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"carillon/internal/words"
	"carillon/targeting"
)

// called are the names of the things of a kind, by their ids; nothing where no table is
// shown.
func (c *cli) called(ctx context.Context, n noun) (names map[int64]string, err error) {
	if c.output == "json" {
		return nil, nil
	}
	all, _, err := list[named](ctx, c, n.path, manyNamed)
	names = make(map[int64]string, len(all))
	for _, thing := range all {
		names[thing.ID] = thing.Name + thing.Filename
	}
	return names, err
}

// nameOr is a name, or the id of what has none any more.
func nameOr(names map[int64]string, id int64) string {
	if name := names[id]; name != "" {
		return name
	}
	return idOrNone(id)
}

// audienceWords say whom an audience names.
func (c *cli) audienceWords(ctx context.Context, a targeting.Audience) (string, error) {
	said, err := c.partWords(ctx, a.Parts(), a.Contacts)
	if err != nil {
		return "", err
	}
	if a.All {
		said = append(said, "everybody")
	}
	said = append(said, conditionWords(a.Rule != nil, a.Messages)...)
	text := strings.Join(said, ", ")
	if e := a.Exclude; e != nil {
		without, err := c.partWords(ctx, e.Parts(), e.Contacts)
		if err != nil {
			return "", err
		}
		without = append(without, conditionWords(e.Rule != nil, e.Messages)...)
		if e.Received != nil {
			without = append(without, "whom earlier runs were sent")
		}
		text += "; not " + strings.Join(without, ", ")
	}
	return text, nil
}

// conditionWords say of a rule and of messages that they are part of an audience.
func conditionWords(rule bool, by *targeting.ByMessages) (said []string) {
	if rule {
		said = append(said, "whom a rule holds for (--output json shows it)")
	}
	if by != nil {
		of := fmt.Sprintf("campaign %d", by.CampaignID)
		if by.RunID != 0 {
			of = fmt.Sprintf("run %d", by.RunID)
		}
		said = append(said, "whom messages of "+of+" are about")
	}
	return said
}

// nounOfPart are the kinds of things that the parts of an audience are made of.
var nounOfPart = map[string]noun{
	"targeting": aTargeting, "uploads": anUpload, "categories": aCategory, "groups": aGroup, "labels": aLabel, "campaigns": aCampaign,
}

// partWords name the parts of an audience.
func (c *cli) partWords(ctx context.Context, parts []targeting.Part, contacts []int64) (said []string, err error) {
	for _, part := range parts {
		n, known := nounOfPart[part.Name]
		if !known || len(part.IDs) == 0 {
			continue
		}
		names, err := c.called(ctx, n)
		if err != nil {
			return nil, err
		}
		for _, id := range part.IDs {
			text := n.one + " " + strconv.FormatInt(id, 10)
			if name := names[id]; name != "" {
				text = n.one + " " + name
			}
			said = append(said, text)
		}
	}
	if len(contacts) > 0 {
		said = append(said, words.Count(int64(len(contacts)), "contact"))
	}
	return said, nil
}
