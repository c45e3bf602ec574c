package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
)

func (c *cli) addJobs(root *cobra.Command) {
	root.AddCommand(group("jobs", "Look at bulk operations and how far they are", c.jobsLs(), c.jobsShow()))
}

func (c *cli) contactsBulk() *cobra.Command {
	var in api.BulkInput
	var set, rule string
	var yes bool
	cmd := &cobra.Command{Use: "bulk ACTION", Short: "Change many contacts: start, stop, block, unblock, add, remove, set, delete", Args: cobra.ExactArgs(1),
		Long: `Changes many contacts in the background. It says how many there are and asks first; --yes answers for
scripts. A server that is killed meanwhile goes on where it stopped.

  start, stop       make inactive contacts active, and active ones inactive
  block, unblock    go by the status blocked
  add, remove       into and out of the group, category or label --list
  set               the value of a property: --set KEY=VALUE, an empty value takes it away
  delete            make the status deleted`,
		Example: "  carillon contacts bulk add --list 3 --contacts 7,8,9\n  carillon contacts bulk set --set plan=free --all --yes\n  carillon contacts bulk stop --rule sleepers.json",
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			in.Action = args[0]
			if set != "" {
				values, err := attributeValues(cmd.Context(), cl, []string{set})
				if err != nil {
					return err
				}
				for key, value := range values {
					in.Property, in.Value = key, value
				}
			}
			if rule != "" {
				text, err := c.readFile(rule)
				if err != nil {
					return err
				}
				if !json.Valid(text) {
					return usagef("--rule %s: is no JSON", rule)
				}
				in.Rule = text
			}
			return c.bulk(cmd.Context(), cl, in, yes)
		}}
	flags := cmd.Flags()
	flags.Int64SliceVar(&in.Contacts, "contacts", nil, "ids of contacts, separated by commas")
	flags.BoolVar(&in.All, "all", false, "every contact")
	flags.StringVar(&rule, "rule", "", "JSON file with a rule, - for standard input: whoever it holds for")
	flags.Int64Var(&in.Targeting, "targeting", 0, "whoever this targeting list holds for")
	flags.Int64Var(&in.List, "list", 0, "id of a group, category or label, for add and remove")
	flags.StringVar(&set, "set", "", "KEY=VALUE: the value of a property, for set")
	flags.BoolVar(&yes, "yes", false, "do not ask")
	cmd.MarkFlagsOneRequired("contacts", "rule", "targeting", "all")
	return cmd
}

// bulk shows what a bulk operation is about to do, asks, and watches it.
func (c *cli) bulk(ctx context.Context, cl *client, in api.BulkInput, yes bool) error {
	var answer api.BulkAnswer
	if !yes {
		in.DryRun = true
		if _, err := cl.call(ctx, http.MethodPost, "/v1/contacts/bulk", in, &answer); err != nil {
			return err
		}
		sayf(c.err, "%s: it is the turn of %d contacts.\n", in.Action, answer.Matched)
		if err := c.confirm("Go on? [y/N] "); err != nil {
			return err
		}
		in.DryRun = false
	}
	if _, err := cl.call(ctx, http.MethodPost, "/v1/contacts/bulk", in, &answer); err != nil {
		return err
	}
	return c.watchJob(ctx, cl, answer.Job.ID)
}

// watchJob shows how far a job is until it is over.
func (c *cli) watchJob(ctx context.Context, cl *client, id int64) error {
	bar := c.newProgress("Changing")
	for {
		var job api.Job
		raw, err := cl.call(ctx, http.MethodGet, fmt.Sprintf("/v1/jobs/%d", id), nil, &job)
		if err != nil {
			return err
		}
		bar.set(job.Done, max(job.Total, job.Done), fmt.Sprintf("%d changed", job.Changed))
		if job.FinishedAt == nil {
			if err := c.clock.Sleep(ctx, pollEvery); err != nil {
				return fmt.Errorf("job %d goes on in the server: %w", id, err)
			}
			continue
		}
		bar.end()
		if err := c.show(raw, func(w *tabwriter.Writer) { jobTable(w, job) }); err != nil {
			return err
		}
		if job.State == "failed" {
			return &exitError{exitRefused, fmt.Errorf("job %d failed: %s", id, clean(job.Error))}
		}
		return nil
	}
}

func jobTable(w *tabwriter.Writer, j api.Job) {
	fields(w, "Job", j.ID, "Does", jobWords(j), "State", j.State, "Total", j.Total, "Done", j.Done, "Changed", j.Changed,
		"Error", j.Error, "By", j.Actor, "Created", at(&j.CreatedAt), "Finished", at(j.FinishedAt))
}

// jobWords says what a job does.
func jobWords(j api.Job) string {
	words := []string{j.Action}
	if j.Kind == "messages" {
		return settlingWords(j)
	}
	if j.Kind != "bulk" {
		return j.Kind + " " + j.Property
	}
	if j.List != 0 {
		words = append(words, fmt.Sprintf("list %d", j.List))
	}
	if j.Property != "" {
		value, err := json.Marshal(j.Value)
		if err != nil {
			value = []byte("?")
		}
		words = append(words, j.Property+" = "+string(value))
	}
	return strings.Join(words, " ")
}

func (c *cli) jobsLs() *cobra.Command {
	var limit int
	cmd := &cobra.Command{Use: "ls", Short: "List bulk operations, newest first", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		cl, err := c.client()
		if err != nil {
			return err
		}
		items, more, err := list[api.Job](cmd.Context(), cl, "/v1/jobs", nil, limit)
		if err != nil {
			return err
		}
		return showList(c, items, more, "ID DOES STATE DONE TOTAL CHANGED CREATED", func(j api.Job) []any {
			return []any{j.ID, jobWords(j), j.State, j.Done, j.Total, j.Changed, at(&j.CreatedAt)}
		})
	}}
	limitFlag(cmd, &limit)
	return cmd
}

func (c *cli) jobsShow() *cobra.Command {
	var watch bool
	cmd := &cobra.Command{Use: "show ID", Short: "Show how far a bulk operation is", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		id, err := idArg("job", "jobs ls", args[0])
		if err != nil {
			return err
		}
		cl, err := c.client()
		if err != nil {
			return err
		}
		if watch {
			return c.watchJob(cmd.Context(), cl, id)
		}
		var job api.Job
		raw, err := cl.call(cmd.Context(), http.MethodGet, fmt.Sprintf("/v1/jobs/%d", id), nil, &job)
		if err != nil {
			return err
		}
		return c.show(raw, func(w *tabwriter.Writer) { jobTable(w, job) })
	}}
	cmd.Flags().BoolVar(&watch, "watch", false, "wait until it is over")
	return cmd
}
