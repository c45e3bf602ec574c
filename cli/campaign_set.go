package cli

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/spf13/cobra"

	"carillon/api"
)

func (c *cli) campaignSet() *cobra.Command {
	var f campaignFlags
	var yes, dryRun bool
	cmd := &cobra.Command{Use: "set ID", Short: "Change a campaign: what it says, to whom, when; its tags and notes in every status",
		Long: `Changes what the flags say, and leaves the rest as it is; '' takes a text or the tags away. A draft, a scheduled
campaign, and the coming runs of one that recurs can be changed in everything.

Of one that is under way name, rate, batch and weight can be changed. What it says can be corrected while it is
paused: who has not got it gets the new text when it is resumed, and who has is not sent it again. How many are which
is said first, and asked; --yes answers for scripts.`,
		Example: `  carillon campaign set 1 --subject 'Hello again' --text-file corrected.txt
  carillon campaign set 1 --at 2026-12-02T09:00 --timezone Europe/Berlin
  carillon campaign set 1 --rate 20
  carillon campaign set 1 --tag spring --tag sale --notes 'for Bea'`}
	f.add(cmd)
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "of a paused campaign: say who would get the new text, and change nothing")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return onID(cmd, c.campaignID, func(ctx context.Context, id int64) error {
		where := campaignsPath().id(id)
		k, raw, err := ask[api.Campaign](ctx, c, get(where))
		if err != nil {
			return err
		}
		change, err := f.changes(ctx, c, raw)
		if err != nil {
			return err
		}
		if len(change) == 0 {
			return usagef("nothing is changed by this: name what is to be another, such as --text-file corrected.txt")
		}
		if k.Status == "paused" && k.RunID != 0 && k.NextFireAt == nil {
			goOn, err := c.correct(ctx, where, change, rehearsal{dry: &dryRun, yes: yes})
			if err != nil || !goOn {
				return err
			}
		} else if dryRun {
			return usagef("--dry-run is for campaigns that are paused: campaign %d is %s, and 'carillon campaign preview %d' says what it would do", id, k.Status, id)
		}
		about := part(change, "tags", "notes")
		for _, step := range []struct {
			body map[string]json.RawMessage
			at   path
		}{{change, where}, {about, where.below("about")}} {
			if len(step.body) > 0 {
				if _, _, err := ask[api.Campaign](ctx, c, patch(step.at, step.body)); err != nil {
					return err
				}
			}
		}
		return c.showCampaign(ctx, get(where))
	})
}

// changes are the fields of a campaign that the flags make others.
func (f *campaignFlags) changes(ctx context.Context, c *cli, shown json.RawMessage) (map[string]json.RawMessage, error) {
	var in api.CampaignInput
	if err := json.Unmarshal(shown, &in); err != nil {
		return nil, err
	}
	was, err := fieldsOf(in)
	if err != nil {
		return nil, err
	}
	if err := f.into(ctx, c, &in); err != nil {
		return nil, err
	}
	is, err := fieldsOf(in)
	if err != nil {
		return nil, err
	}
	none := map[string]string{"tags": "[]", "notes": `""`, "category_id": "0", "weight": "1"}
	changed := map[string]json.RawMessage{}
	for name, value := range is {
		if !bytes.Equal(value, was[name]) {
			changed[name] = value
		}
	}
	for name := range was {
		if _, there := is[name]; !there {
			changed[name] = json.RawMessage(none[name])
		}
	}
	if _, named := changed["category"]; named {
		delete(changed, "category_id") // the one that was
	}
	return changed, nil
}

// fieldsOf are the fields of what is written as a JSON object.
func fieldsOf(v any) (fields map[string]json.RawMessage, err error) {
	text, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(text, &fields)
	}
	return fields, err
}

// part takes fields out of those of a change.
func part(of map[string]json.RawMessage, names ...string) map[string]json.RawMessage {
	taken := map[string]json.RawMessage{}
	for _, name := range names {
		if value, there := of[name]; there {
			taken[name] = value
			delete(of, name)
		}
	}
	return taken
}

// correct changes what a paused campaign says, if that is among the changes, and takes it
// out of them.
func (c *cli) correct(ctx context.Context, where path, change map[string]json.RawMessage, how rehearsal) (goOn bool, err error) {
	said := part(change, "content", "tracking")
	if len(said) == 0 {
		return true, nil
	}
	body := struct {
		Content  json.RawMessage `json:"content,omitempty"`
		Tracking json.RawMessage `json:"tracking,omitempty"`
		DryRun   *bool           `json:"dry_run"`
	}{said["content"], said["tracking"], how.dry}
	how.request = post(where.below("correct"), body)
	goOn, err = rehearse(ctx, c, how, func(answer api.CampaignCorrected) int64 {
		for _, line := range answer.Says {
			sayln(c.err, clean(line)+".")
		}
		return answer.Recipients
	})
	if err != nil || !goOn {
		return false, err
	}
	done, _, err := ask[api.CampaignCorrected](ctx, c, how.request)
	if err == nil && c.output != "json" {
		for _, line := range done.Says {
			sayln(c.err, clean(line)+".")
		}
	}
	return err == nil, err
}

func (c *cli) campaignDuplicate() *cobra.Command {
	var f campaignFlags
	var rest bool
	cmd := &cobra.Command{Use: "duplicate ID", Short: "Make a draft with the same audience and content, or for whom the first did not reach",
		Long: `Makes a draft of the same channel, audience, exclusions and content; the flags say what is another in it. With --rest
it is for everybody whom the original did not reach: who was sent it, or may have been, is left out. The original has to
be over: finished, canceled or failed.`,
		Example: `  carillon campaign duplicate 1 --name 'Spring, again'
  carillon campaign duplicate 1 --rest --subject 'Spring, with the right link' --text-file corrected.txt
  carillon campaign duplicate 1 --rest --exclude-group complaints`}
	f.add(cmd)
	cmd.Flags().BoolVar(&rest, "rest", false, "for everybody whom the original did not reach")
	return onID(cmd, c.campaignID, func(ctx context.Context, id int64) error {
		_, raw, err := ask[api.Campaign](ctx, c, get(campaignsPath().id(id)))
		if err != nil {
			return err
		}
		change, err := f.changes(ctx, c, raw)
		if err != nil {
			return err
		}
		body := make(map[string]any, len(change)+1)
		for name, value := range change {
			body[name] = value
		}
		if rest {
			body["rest"] = true
		}
		return c.showCampaign(ctx, post(campaignsPath().id(id).below("duplicate"), body))
	})
}
