package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"carillon/targeting"
)

// audienceFlags are the flags that name an audience.
type audienceFlags struct {
	audience              targeting.Audience
	exclude               targeting.Exclude
	groups, excludeGroups []string
	rule, excludeRule     string
	of, excludeOf         string
	received              string
}

// add makes the flags. of and without begin what they say of themselves.
func (f *audienceFlags) add(cmd *cobra.Command, of, without string) {
	flags := cmd.Flags()
	flags.BoolVar(&f.audience.All, "all", false, of+"every contact")
	flags.Int64SliceVar(&f.audience.Uploads, "upload", nil, of+"the contacts of this upload; may be repeated")
	flags.StringSliceVar(&f.groups, "group", nil, of+"this group, by id or name; may be repeated")
	flags.Int64SliceVar(&f.audience.Targeting, "targeting", nil, of+"whom this targeting list holds for; may be repeated")
	flags.StringVar(&f.rule, "rule", "", of+"whom the rule in this JSON file holds for, - for standard input")
	flags.Int64SliceVar(&f.audience.Categories, "to-category", nil, of+"the subscribers of this category; may be repeated")
	flags.Int64SliceVar(&f.audience.Labels, "label", nil, of+"whom has this label; may be repeated")
	flags.Int64SliceVar(&f.audience.Contacts, "contact", nil, of+"this contact; may be repeated")
	flags.StringVar(&f.of, "messages", "", of+`whom has messages like this, as JSON: {"campaign_id": 12, "states": ["failed"], "not": "read"}`)
	flags.Int64SliceVar(&f.exclude.Uploads, "exclude-upload", nil, without+"the contacts of this upload")
	flags.StringSliceVar(&f.excludeGroups, "exclude-group", nil, without+"this group, by id or name")
	flags.Int64SliceVar(&f.exclude.Targeting, "exclude-targeting", nil, without+"whom this targeting list holds for")
	flags.StringVar(&f.excludeRule, "exclude-rule", "", without+"whom the rule in this JSON file holds for")
	flags.Int64SliceVar(&f.exclude.Categories, "exclude-category", nil, without+"the subscribers of this category")
	flags.Int64SliceVar(&f.exclude.Labels, "exclude-label", nil, without+"whom has this label")
	flags.Int64SliceVar(&f.exclude.Contacts, "exclude-contact", nil, without+"this contact")
	flags.Int64SliceVar(&f.exclude.Campaigns, "exclude-campaign", nil, without+"whom this campaign was sent")
	flags.StringVar(&f.excludeOf, "exclude-messages", "", without+"whom has messages like this, as JSON")
	flags.StringVar(&f.received, "exclude-received", "", without+"whom an earlier run of it was sent: ever, a number of last runs such as 3, "+
		"or a duration such as 168h")
}

// into writes what the flags name, and leaves the rest of a as it is.
func (f *audienceFlags) into(ctx context.Context, c *cli, a *targeting.Audience) error {
	var err error
	if f.audience.Groups, err = c.findGroups(ctx, f.groups); err != nil {
		return err
	}
	if f.exclude.Groups, err = c.findGroups(ctx, f.excludeGroups); err != nil {
		return err
	}
	for _, rule := range []struct {
		file string
		to   *json.RawMessage
	}{{f.rule, &f.audience.Rule}, {f.excludeRule, &f.exclude.Rule}} {
		if rule.file != "" {
			if err := c.readJSON(rule.file, rule.to); err != nil {
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
func (f *audienceFlags) leaveOut(a *targeting.Audience) {
	if !f.exclude.Some() {
		return
	}
	var without targeting.Exclude
	if a.Exclude != nil {
		without = *a.Exclude
	}
	for _, part := range []struct{ to, of *[]int64 }{
		{&without.Uploads, &f.exclude.Uploads}, {&without.Groups, &f.exclude.Groups}, {&without.Targeting, &f.exclude.Targeting},
		{&without.Categories, &f.exclude.Categories}, {&without.Labels, &f.exclude.Labels}, {&without.Contacts, &f.exclude.Contacts},
		{&without.Campaigns, &f.exclude.Campaigns},
	} {
		if len(*part.of) > 0 {
			*part.to = *part.of
		}
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
