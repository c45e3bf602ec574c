package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
)

func (c *cli) addJobs(root *cobra.Command) {
	root.AddCommand(group("jobs", "Look at bulk operations and how far they are", c.jobsLs(), c.jobsShow()))
}

func jobsPath() path { return v1("jobs") }

func (c *cli) jobsLs() *cobra.Command {
	return lists(c, &cobra.Command{Use: "ls", Short: "List bulk operations, newest first"}, jobsPath,
		rows[api.Job]{"ID DOES STATE DONE TOTAL CHANGED CREATED", func(j api.Job) []any {
			return []any{j.ID, jobWords(j), j.State, j.Done, j.Total, j.Changed, at(&j.CreatedAt)}
		}})
}

func (c *cli) jobsShow() *cobra.Command {
	var watch bool
	cmd := &cobra.Command{Use: "show ID", Short: "Show how far a bulk operation is"}
	cmd.Flags().BoolVar(&watch, "watch", false, "wait until it is over")
	return onID(cmd, idOf("job", "jobs ls"), func(ctx context.Context, id int64) error {
		if watch {
			return c.watchJob(ctx, id)
		}
		return show(ctx, c, get(jobsPath().id(id)), jobTable)
	})
}

// watchJob shows how far a job is until it is over.
func (c *cli) watchJob(ctx context.Context, id int64) error {
	bar := c.newProgress("Changing")
	for {
		job, raw, err := ask[api.Job](ctx, c, get(jobsPath().id(id)))
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
		if err := c.print(raw, func(w *tabwriter.Writer) { jobTable(w, job) }); err != nil {
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
