package cli

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"carillon/api"
	"carillon/internal/naming"
	"carillon/targeting"
)

// audienceFlags are the flags that name an audience.
type audienceFlags struct {
	audience      api.AudienceInput
	exclude       api.ExcludeInput
	named         []namedFlag
	rule          string
	excludeRule   string
	of, excludeOf string
	received      string
}

// namedFlag is a flag that names things by their ids or names.
type namedFlag struct {
	given *[]string
	to    *[]naming.Ref
}

// add makes the flags. of and without begin what they say of themselves.
func (f *audienceFlags) add(cmd *cobra.Command, of, without string) {
	flags := cmd.Flags()
	flags.BoolVar(&f.audience.All, "all", false, of+"every contact")
	for _, flag := range []struct {
		name, says, prefix string
		to                 *[]naming.Ref
	}{
		{"upload", "the contacts of this upload, by id or file name", of, &f.audience.Uploads},
		{"group", "this group, by id or name", of, &f.audience.Groups},
		{"targeting", "whom this targeting list holds for, by id or name", of, &f.audience.Targeting},
		{"to-category", "the subscribers of this category, by id or name", of, &f.audience.Categories},
		{"label", "whom has this label, by id or name", of, &f.audience.Labels},
		{"exclude-upload", "the contacts of this upload", without, &f.exclude.Uploads},
		{"exclude-group", "this group, by id or name", without, &f.exclude.Groups},
		{"exclude-targeting", "whom this targeting list holds for", without, &f.exclude.Targeting},
		{"exclude-category", "the subscribers of this category", without, &f.exclude.Categories},
		{"exclude-label", "whom has this label", without, &f.exclude.Labels},
		{"exclude-campaign", "whom this campaign was sent, by id or name", without, &f.exclude.Campaigns},
	} {
		given := flags.StringSlice(flag.name, nil, flag.prefix+flag.says+"; may be repeated")
		f.named = append(f.named, namedFlag{given, flag.to})
	}
	flags.StringVar(&f.rule, "rule", "", of+"whom this rule holds for: JSON, @ and a file of it, or - for standard input")
	flags.Int64SliceVar(&f.audience.Contacts, "contact", nil, of+"this contact, by its id; may be repeated")
	flags.StringVar(&f.of, "messages", "", of+`whom has messages like this, as JSON: {"campaign_id": 12, "states": ["failed"], "not": "read"}`)
	flags.StringVar(&f.excludeRule, "exclude-rule", "", without+"whom this rule holds for, as --rule takes it")
	flags.Int64SliceVar(&f.exclude.Contacts, "exclude-contact", nil, without+"this contact, by its id")
	flags.StringVar(&f.excludeOf, "exclude-messages", "", without+"whom has messages like this, as JSON")
	flags.StringVar(&f.received, "exclude-received", "", without+"whom an earlier run of it was sent: ever, a number of last runs such as 3, "+
		"or a duration such as 168h")
}

// into writes what the flags name, and leaves the rest of a as it is.
func (f *audienceFlags) into(c *cli, a *api.AudienceInput) (err error) {
	for _, flag := range f.named {
		*flag.to = refs(*flag.given)
	}
	for _, rule := range []struct {
		text string
		to   *json.RawMessage
	}{{f.rule, &f.audience.Rule}, {f.excludeRule, &f.exclude.Rule}} {
		if rule.text != "" {
			if *rule.to, err = c.readRule(rule.text); err != nil {
				return err
			}
		}
	}
	for _, of := range []struct {
		flag, text string
		to         **targeting.ByMessages
	}{{"messages", f.of, &f.audience.Messages}, {"exclude-messages", f.excludeOf, &f.exclude.Messages}} {
		if of.text == "" {
			continue
		}
		decoder := json.NewDecoder(strings.NewReader(of.text))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(of.to); err != nil {
			return usagef(`--%s: must be JSON such as {"campaign_id": 12, "states": ["failed"]}: %v`, of.flag, err)
		}
	}
	if f.audience.All || f.audience.Some() {
		f.audience.Exclude = a.Exclude
		*a = f.audience
	}
	if f.received != "" {
		f.exclude.Received = receivedOf(f.received)
	}
	f.leaveOut(a)
	return nil
}

// leaveOut lays over a whom the flags leave out, each kind in place of those that it leaves
// out already.
func (f *audienceFlags) leaveOut(a *api.AudienceInput) {
	if !f.exclude.Some() {
		return
	}
	var without api.ExcludeInput
	if a.Exclude != nil {
		without = *a.Exclude
	}
	for _, part := range []struct{ to, of *[]naming.Ref }{
		{&without.Uploads, &f.exclude.Uploads}, {&without.Groups, &f.exclude.Groups}, {&without.Targeting, &f.exclude.Targeting},
		{&without.Categories, &f.exclude.Categories}, {&without.Labels, &f.exclude.Labels},
		{&without.Campaigns, &f.exclude.Campaigns},
	} {
		if len(*part.of) > 0 {
			*part.to = *part.of
		}
	}
	if len(f.exclude.Contacts) > 0 {
		without.Contacts = f.exclude.Contacts
	}
	if len(f.exclude.Rule) > 0 {
		without.Rule = f.exclude.Rule
	}
	without.Messages = cmp.Or(f.exclude.Messages, without.Messages)
	without.Received = cmp.Or(f.exclude.Received, without.Received)
	a.Exclude = &without
}

// receivedOf reads which earlier runs count.
func receivedOf(text string) *targeting.Received {
	if text == "ever" {
		return &targeting.Received{Ever: true}
	}
	if n, err := strconv.Atoi(text); err == nil {
		return &targeting.Received{Runs: n}
	}
	return &targeting.Received{Within: text}
}
