package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"carillon/api"
	"carillon/campaigns/flow"
	"carillon/providers"
)

func (c *cli) addFlows(root *cobra.Command) {
	root.AddCommand(group("flow", "Walk people through several steps: messages, questions, waits, branches",
		c.flowLs(), c.flowShow(), c.flowCreate(), c.flowSet(), c.flowSimulate(),
		c.flowMove("start", "Start a flow, or put its changed steps in force"), c.flowEnter(),
		c.flowReport("report", "Say where everybody is"), c.flowReport("verify", "Prove that everybody who entered is accounted for"),
		c.flowSessions(), c.flowSession(), c.flowAnswers(), c.flowVersions(), c.flowMoveVersion(),
		c.flowMove("pause", "Let nobody move and send nothing, until it is resumed"), c.flowMove("resume", "Go on where a flow was paused"),
		c.flowMove("close", "Let nobody enter any more; who is inside goes on"), c.flowMove("cancel", "End a flow for good, and everybody's way in it"),
		c.flowDuplicate(), c.flowRm()))
}

func flowsPath() path { return v1("flows") }

func (c *cli) flowID(ctx context.Context, arg string) (int64, error) { return c.id(ctx, aFlow, arg) }

func (c *cli) flowLs() *cobra.Command {
	var status, search string
	cmd := &cobra.Command{Use: "ls", Short: "List flows, newest first"}
	cmd.Flags().StringVar(&status, "status", "", "only draft, running, paused, finished or canceled ones")
	cmd.Flags().StringVar(&search, "search", "", "only those with this in their names")
	where := func() path { return flowsPath().with(query{"status": status, "search": search}) }
	return lists(c, cmd, where, rows[api.Flow]{"ID NAME STATUS VERSION INSIDE ENTERED CREATED", func(f api.Flow) []any {
		return []any{f.ID, f.Name, f.Status, f.Version, f.Inside, f.Entered, at(&f.CreatedAt)}
	}})
}

// flowTable says what a flow is.
func flowTable(w *tabwriter.Writer, f api.Flow) {
	version := strconv.FormatInt(f.Version, 10)
	switch {
	case f.Version == 0:
		version = "none in force: carillon flow start " + strconv.FormatInt(f.ID, 10)
	case f.Changed:
		version += "; the steps were changed since: carillon flow start " + strconv.FormatInt(f.ID, 10) + " puts them in force"
	}
	fields(w, "Flow", f.ID, "Name", f.Name, "Status", f.Status, "Channel", f.ChannelID, "Version", version, "Inside", f.Inside, "Entered", f.Entered,
		"Closed", at(f.ClosedAt), "Enters next", at(f.NextFireAt))
	if f.Pause != nil {
		fields(w, "Paused", strings.TrimSpace(f.Pause.By+" "+f.Pause.Reason))
	}
	_ = w.Flush()
	sayln(w)
	stepTable(w, f.Steps)
}

// stepTable says what the steps of a flow do, and where they lead.
func stepTable(w *tabwriter.Writer, steps []flow.Step) {
	sayln(w, "STEP\tKIND\tWHAT\tNEXT")
	for i, step := range steps {
		what := ""
		switch {
		case step.Content != nil && step.Content.Template != nil:
			what = "template " + step.Content.Template.Name
		case step.Content != nil:
			what = firstLine(step.Content.Subject, step.Content.Text)
		case step.Wait != nil && step.Wait.For != "":
			what = step.Wait.For
		case step.Wait != nil && step.Wait.Event != "":
			what = "event " + step.Wait.Event + ", at most " + step.Wait.AtMost
		case step.Wait != nil && step.Wait.Until != nil:
			what = strings.TrimSpace("until " + step.Wait.Until.Time + " " + strings.Join(step.Wait.Until.Weekdays, " "))
		case step.Call != nil:
			what = step.Call.URL
		case step.FlowID != 0:
			what = fmt.Sprintf("flow %d", step.FlowID)
		case step.Outcome != "":
			what = step.Outcome
		}
		next := step.Next
		if next == "" && i+1 < len(steps) && step.Kind != "end" {
			next = steps[i+1].ID
		}
		for _, way := range step.Branches {
			next += ", " + way.Next
		}
		for _, exit := range slices.Sorted(maps.Keys(step.Exits)) {
			next += ", " + exit + ": " + step.Exits[exit]
		}
		sayf(w, "%s\t%s\t%s\t%s\n", clean(step.ID), step.Kind, clean(what), clean(strings.TrimPrefix(next, ", ")))
	}
}

// firstLine is the first text that there is, cut to fit into a table.
func firstLine(texts ...string) string {
	for _, text := range texts {
		if text, _, _ = strings.Cut(strings.TrimSpace(text), "\n"); text != "" {
			if letters := []rune(text); len(letters) > 50 {
				return string(letters[:49]) + "…"
			}
			return text
		}
	}
	return ""
}

func (c *cli) flowShow() *cobra.Command {
	var version int
	cmd := &cobra.Command{Use: "show ID", Short: "Show a flow and its steps; --output json gives what create takes"}
	cmd.Flags().IntVar(&version, "version", 0, "the steps of a version that was in force; those that it has now if left out")
	return onID(cmd, c.flowID, func(ctx context.Context, id int64) error {
		if version == 0 {
			return show(ctx, c, get(flowsPath().id(id)), flowTable)
		}
		return show(ctx, c, get(flowsPath().id(id).below("versions").id(int64(version))), func(w *tabwriter.Writer, v api.FlowVersionShown) {
			fields(w, "Version", v.Version, "In force", at(&v.CreatedAt), "By", v.By, "Inside", v.FlowVersion.Inside, "Retired", at(v.RetiredAt))
			_ = w.Flush()
			sayln(w)
			stepTable(w, v.Steps)
		})
	})
}

func (c *cli) flowCreate() *cobra.Command {
	var name string
	var channel string
	cmd := &cobra.Command{Use: "create FILE", Short: "Create a flow from a file of JSON", Args: cobra.ExactArgs(1),
		Long: `Creates a flow from a file of JSON, - for standard input; docs/flows.md describes the steps. It is checked whole: what is wrong
is named with its step and field. The flow is a draft: play it with "carillon flow simulate", then start it.`,
		Example: "  carillon flow create survey.json --channel news\n  carillon flow simulate 1\n  carillon flow start 1",
		RunE: func(cmd *cobra.Command, args []string) error {
			in := map[string]any{}
			if err := c.readJSON(args[0], &in); err != nil {
				return err
			}
			if name != "" {
				in["name"] = name
			}
			if channel != "" {
				delete(in, "channel_id")
				in["channel"] = ref(channel)
			}
			return show(cmd.Context(), c, post(flowsPath(), in), flowTable)
		}}
	cmd.Flags().StringVar(&name, "name", "", "name, instead of that in the file")
	cmd.Flags().StringVar(&channel, "channel", "", "channel, by id or name, instead of that in the file")
	return cmd
}

func (c *cli) flowSet() *cobra.Command {
	cmd := &cobra.Command{Use: "set ID FILE", Short: "Change a flow by a file of JSON", Args: cobra.ExactArgs(2),
		Long: `Changes what the file names of a flow: name, steps, goals, reentry, triggers and so on; - reads standard input. Changed steps are in
force once the flow is started again. People who are inside stay on theirs, or are moved with "carillon flow move-version".`,
		Example: "  carillon flow set 1 survey.json\n  carillon flow start 1",
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := c.flowID(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			in := map[string]any{}
			if err := c.readJSON(args[1], &in); err != nil {
				return err
			}
			return show(cmd.Context(), c, patch(flowsPath().id(id), in), flowTable)
		}}
	return cmd
}

func (c *cli) flowMove(verb, short string) *cobra.Command {
	return onID(&cobra.Command{Use: verb + " ID", Short: short}, c.flowID, func(ctx context.Context, id int64) error {
		return show(ctx, c, post(flowsPath().id(id).below(verb), nil), flowTable)
	})
}

func (c *cli) flowDuplicate() *cobra.Command {
	var name string
	cmd := &cobra.Command{Use: "duplicate ID", Short: "Make a draft with the same steps"}
	cmd.Flags().StringVar(&name, "name", "", "its name (default Copy of …)")
	return onID(cmd, c.flowID, func(ctx context.Context, id int64) error {
		return show(ctx, c, post(flowsPath().id(id).below("duplicate"), map[string]string{"name": name}), flowTable)
	})
}

func (c *cli) flowRm() *cobra.Command {
	return onID(&cobra.Command{Use: "rm ID", Short: "Delete a draft"}, c.flowID, func(ctx context.Context, id int64) error {
		return c.do(ctx, remove(flowsPath().id(id)))
	})
}

// peopleFlags name contacts.
type peopleFlags struct {
	ids       []int64
	externals []string
	addresses []string
	kind      string
}

func (f *peopleFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.Int64SliceVar(&f.ids, "contact", nil, "id of a contact; may be repeated")
	flags.StringArrayVar(&f.externals, "external-id", nil, "external id of a contact; may be repeated")
	flags.StringArrayVar(&f.addresses, "address", nil, "address of a contact; may be repeated")
	flags.StringVar(&f.kind, "kind", string(providers.Email), "kind of the addresses")
}

func (f *peopleFlags) contacts() (list []api.FlowContact) {
	for _, id := range f.ids {
		list = append(list, api.FlowContact{ID: id})
	}
	for _, id := range f.externals {
		list = append(list, api.FlowContact{ExternalID: id})
	}
	for _, address := range f.addresses {
		list = append(list, api.FlowContact{Address: address, Kind: providers.AddressKind(f.kind)})
	}
	return list
}

func (c *cli) flowEnter() *cobra.Command {
	var people peopleFlags
	var answers []string
	cmd := &cobra.Command{Use: "enter ID", Short: "Let contacts enter a flow",
		Example: "  carillon flow enter 1 --contact 7 --contact 8\n  carillon flow enter 1 --address ada@example.org --answer order=4711"}
	people.add(cmd)
	cmd.Flags().StringArrayVar(&answers, "answer", nil, "what is known before anything is asked: key=value; may be repeated")
	cmd.MarkFlagsOneRequired("contact", "external-id", "address")
	return onID(cmd, c.flowID, func(ctx context.Context, id int64) error {
		in := api.FlowEntry{Contacts: people.contacts()}
		for _, answer := range answers {
			key, text, given := strings.Cut(answer, "=")
			if !given {
				return usagef("--answer %s: write key=value", answer)
			}
			if in.Answers == nil {
				in.Answers = map[string]json.RawMessage{}
			}
			value, err := json.Marshal(text)
			if err != nil {
				return err
			}
			in.Answers[key] = value
		}
		return show(ctx, c, post(flowsPath().id(id).below("enter"), in), func(w *tabwriter.Writer, done api.FlowEntered) {
			sayf(w, "%d entered, %d did not.\n", len(done.Entered), len(done.Left))
			for _, place := range done.Entered {
				sayf(w, "contact %d\tsession %d\n", place.ContactID, place.SessionID)
			}
			for _, left := range done.Left {
				sayf(w, "contact %d\t%s\n", left.ContactID, leftWords[left.Reason])
			}
		})
	})
}

var leftWords = map[string]string{
	"inside": "is in the flow already", "before": "was in the flow, which takes everybody once", "gap": "was in the flow too short a time ago",
	"unknown": "is no active contact",
}

// exitsWords are how many left a step by each exit.
func exitsWords(exits map[string]int64) string {
	var list []string
	for _, exit := range slices.Sorted(maps.Keys(exits)) {
		list = append(list, fmt.Sprintf("%s %d", exit, exits[exit]))
	}
	return strings.Join(list, ", ")
}

func stepsTable(w *tabwriter.Writer, steps []api.FlowStep, outcomes []api.FlowOutcome) {
	sayln(w, "STEP\tKIND\tHERE\tLEFT BY\tMESSAGES")
	for _, step := range steps {
		sayf(w, "%s\t%s\t%d\t%s\t%s\n", clean(step.Step), step.Kind, step.Here, clean(exitsWords(step.Exits)), exitsWords(step.Messages))
	}
	_ = w.Flush()
	if len(outcomes) == 0 {
		return
	}
	sayln(w, "\nOUTCOME\tREASON\tPEOPLE")
	for _, o := range outcomes {
		sayf(w, "%s\t%s\t%d\n", clean(o.Outcome), clean(o.Reason), o.Count)
	}
	_ = w.Flush()
}

func (c *cli) flowReport(verb, short string) *cobra.Command {
	return onID(&cobra.Command{Use: verb + " ID", Short: short}, c.flowID, func(ctx context.Context, id int64) error {
		var problems []string
		err := show(ctx, c, get(flowsPath().id(id).below(verb)), func(w *tabwriter.Writer, r api.FlowReport) {
			sayf(w, "%d entered: %d are inside, %d have ended.\n\n", r.Entered, r.Inside, r.Entered-r.Inside)
			stepsTable(w, r.Steps, r.Outcomes)
			if problems = r.Problems; verb == "verify" && len(problems) == 0 {
				sayln(w, "\nEverybody is accounted for.")
			}
			for _, problem := range problems {
				sayf(w, "\n%s\n", clean(problem))
			}
		})
		if err == nil && len(problems) > 0 {
			err = &exitError{exitRefused, fmt.Errorf("not everybody is accounted for")}
		}
		return err
	})
}

func (c *cli) flowSessions() *cobra.Command {
	var contact int64
	var step, ended string
	var limit int
	cmd := &cobra.Command{Use: "sessions ID", Short: "List who is in a flow and was, newest first",
		Example: "  carillon flow sessions 1 --step remind --ended false"}
	cmd.Flags().Int64Var(&contact, "contact", 0, "only those of this contact")
	cmd.Flags().StringVar(&step, "step", "", "only those at this step")
	cmd.Flags().StringVar(&ended, "ended", "", "true: only those that have ended; false: only those that have not")
	limitFlag(cmd, &limit)
	return onID(cmd, c.flowID, func(ctx context.Context, id int64) error {
		q := query{"step": step, "ended": ended}
		if contact != 0 {
			q["contact_id"] = strconv.FormatInt(contact, 10)
		}
		return showList(ctx, c, flowsPath().id(id).below("sessions").with(q), limit, rows[api.FlowSession]{"ID CONTACT VERSION STEP PHASE OUTCOME REASON MOVED",
			func(n api.FlowSession) []any {
				return []any{n.ID, n.ContactID, n.Version, n.Step, n.Phase, n.Outcome, n.Reason, at(&n.MovedAt)}
			}})
	})
}

func (c *cli) flowSession() *cobra.Command {
	return &cobra.Command{Use: "session ID SESSION", Short: "Show one person's way through a flow, step by step", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := c.flowID(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			session, err := idOf("session", "flow sessions "+args[0])(cmd.Context(), args[1])
			if err != nil {
				return err
			}
			return show(cmd.Context(), c, get(flowsPath().id(id).below("sessions").id(session)), func(w *tabwriter.Writer, n api.FlowSession) {
				fields(w, "Session", n.ID, "Contact", n.ContactID, "Version", n.Version, "Entered", at(&n.EnteredAt), "By", n.Source, "Step", n.Step, "Phase", n.Phase,
					"Goes on", at(n.WakeAt), "Outcome", n.Outcome, "Reason", n.Reason, "Ended", at(n.EndedAt))
				for _, key := range slices.Sorted(maps.Keys(n.Answers)) {
					fields(w, "Answer "+key, string(n.Answers[key]))
				}
				_ = w.Flush()
				wayTable(w, n.Way)
			})
		}}
}

func wayTable(w *tabwriter.Writer, way []api.FlowMove) {
	if len(way) == 0 {
		return
	}
	sayln(w, "\nAT\tSTEP\tLEFT BY\tWHY")
	for _, m := range way {
		exit := m.Exit
		if exit == "" {
			exit = "next"
		}
		sayf(w, "%s\t%s\t%s\t%s\n", at(&m.At), clean(m.Step), clean(exit), whyLeft(m))
	}
}

// whyLeft says why a step was left, and whether what it gave up arrived after all.
func whyLeft(m api.FlowMove) string {
	if m.ArrivedAt == nil {
		return clean(m.Why)
	}
	return clean(strings.TrimSpace(m.Why + " it arrived after all, " + at(m.ArrivedAt) + ": too late to stop what came next"))
}

func (c *cli) flowAnswers() *cobra.Command {
	var csv, step string
	var limit int
	cmd := &cobra.Command{Use: "answers ID", Short: "List what people answered, oldest first",
		Example: "  carillon flow answers 1 --step stars\n  carillon flow answers 1 --csv answers.csv"}
	cmd.Flags().StringVar(&csv, "csv", "", "write all of them into this file, - for standard output")
	cmd.Flags().StringVar(&step, "step", "", "only the answers of this step")
	limitFlag(cmd, &limit)
	return onID(cmd, c.flowID, func(ctx context.Context, id int64) error {
		if csv != "" {
			body, err := c.open(ctx, get(flowsPath().id(id).below("answers.csv")))
			if err != nil {
				return err
			}
			defer func() { _ = body.Close() }()
			if csv == "-" {
				_, err = io.Copy(c.out, body)
				return err
			}
			return saveTo(csv, body)
		}
		return showList(ctx, c, flowsPath().id(id).below("answers").with(query{"step": step}), limit, rows[api.FlowAnswer]{"ID CONTACT STEP TEXT VALUE AT",
			func(a api.FlowAnswer) []any {
				return []any{a.ID, a.ContactID, a.Step, a.Text, string(a.Value), at(&a.At)}
			}})
	})
}

func (c *cli) flowVersions() *cobra.Command {
	return onID(&cobra.Command{Use: "versions ID", Short: "List the versions that were in force, and who is on each"}, c.flowID,
		func(ctx context.Context, id int64) error {
			return show(ctx, c, get(flowsPath().id(id).below("versions")), func(w *tabwriter.Writer, list page[api.FlowVersion]) {
				if len(list.Items) == 0 {
					sayf(w, "It was never started: carillon flow start %d\n", id)
					return
				}
				sayln(w, "VERSION\tINSIDE\tSINCE\tBY\tRETIRED")
				for _, v := range list.Items {
					sayf(w, "%d\t%d\t%s\t%s\t%s\n", v.Version, v.Inside, at(&v.CreatedAt), clean(v.By), at(v.RetiredAt))
				}
			})
		})
}

func (c *cli) flowMoveVersion() *cobra.Command {
	var in api.FlowMoveInput
	var steps []string
	var yes bool
	cmd := &cobra.Command{Use: "move-version ID VERSION", Short: "Take those who are on an older version to the one in force", Args: cobra.ExactArgs(2),
		Long: `Takes those who are on an older version of a flow to the one in force: to the steps that --step names for theirs, or to those of
the same name. Who stands elsewhere stays. It says who stands where and asks first.`,
		Example: "  carillon flow move-version 1 1 --step ask=question --dry-run"}
	cmd.Flags().StringArrayVar(&steps, "step", nil, "old=new: where those go who stand at a step; may be repeated")
	cmd.Flags().BoolVar(&in.DryRun, "dry-run", false, "move nobody, and say who would be")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := c.flowID(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		version, err := idOf("version", "flow versions "+args[0])(cmd.Context(), args[1])
		if err != nil {
			return err
		}
		in.Steps = map[string]string{}
		for _, step := range steps {
			from, to, given := strings.Cut(step, "=")
			if !given {
				return usagef("--step %s: write old=new", step)
			}
			in.Steps[from] = to
		}
		r := post(flowsPath().id(id).below("versions").id(version).below("move"), &in)
		goOn, err := rehearse(cmd.Context(), c, rehearsal{request: r, dry: &in.DryRun, yes: yes}, func(m api.FlowMoved) (matched int64) {
			for _, step := range slices.Sorted(maps.Keys(m.Here)) {
				to := m.To[step]
				if to == "" {
					to = "stay where they are"
				} else {
					matched, to = matched+m.Here[step], "go to "+to
				}
				sayf(c.out, "%d at %s %s\n", m.Here[step], clean(step), clean(to))
			}
			if matched == 0 {
				sayln(c.out, "Nobody is moved.")
			}
			return matched
		})
		if err != nil || !goOn {
			return err
		}
		return show(cmd.Context(), c, r, func(w *tabwriter.Writer, m api.FlowMoved) { sayf(w, "%d were moved.\n", m.Moved) })
	}
	return cmd
}

// playFlags are how a flow is played.
type playFlags struct {
	people      peopleFlags
	from, until string
	answers     string
	in          api.FlowSimulationInput
	texts       bool
}

func (c *cli) flowSimulate() *cobra.Command {
	var f playFlags
	cmd := &cobra.Command{Use: "simulate ID", Short: "Play a flow on a simulated clock: who comes where, what is said, how it ends",
		Long: `Plays a flow as it is written by the code that walks people through it for real, on a simulated clock, for chosen contacts or some of
its audience. Answers are made up, or read from --answers: a JSON object with a list of texts for each step that asks, which
those who are asked give in turn; an empty text is silence. Nothing goes out and nothing changes.`,
		Example: "  carillon flow simulate 1\n  carillon flow simulate 1 --contact 7 --from 2026-12-01T09:00:00Z --answers answers.json --messages"}
	flags := cmd.Flags()
	f.people.add(cmd)
	flags.StringVar(&f.from, "from", "", "when everybody enters, such as 2026-12-01T09:00:00Z (default now)")
	flags.StringVar(&f.until, "until", "", "until when it is played (default 30 days later)")
	flags.IntVar(&f.in.Sample, "sample", 0, "for how many of its audience (default 20)")
	flags.StringVar(&f.answers, "answers", "", "file of JSON with what is answered, by step")
	flags.IntVar(&f.in.Silent, "silent", 0, "of made-up people, one in so many answers nothing (default nobody)")
	flags.StringVar(&f.in.After, "after", "", "how long people take to answer, such as 10m (default 1m)")
	flags.StringVar(&f.in.Wrote, "wrote", "", "how long before they enter people wrote to the channels last, such as 2h, or never (default as it is known)")
	flags.BoolVar(&f.texts, "messages", false, "show every message, and each person's way")
	return onID(cmd, c.flowID, func(ctx context.Context, id int64) error { return c.playFlow(ctx, id, f) })
}

func (c *cli) playFlow(ctx context.Context, id int64, f playFlags) error {
	in := f.in
	in.Contacts = f.people.contacts()
	for _, t := range []struct {
		flag, text string
		to         **time.Time
	}{{"from", f.from, &in.From}, {"until", f.until, &in.Until}} {
		if t.text == "" {
			continue
		}
		parsed, err := time.Parse(time.RFC3339, t.text)
		if err != nil {
			parsed, err = time.Parse(time.DateOnly, t.text)
		}
		if err != nil {
			return usagef("--%s %s: write a day such as 2026-12-01 (UTC), or a time with its offset, such as 2026-12-01T09:00:00+01:00", t.flag, t.text)
		}
		*t.to = &parsed
	}
	if f.answers != "" {
		if err := c.readJSON(f.answers, &in.Answers); err != nil {
			return err
		}
	}
	return show(ctx, c, post(flowsPath().id(id).below("simulate"), in), func(w *tabwriter.Writer, sim api.FlowSimulation) {
		sayf(w, "%d people enter at %s; played until %s.\n\n", sim.People, at(&sim.From), at(&sim.Until))
		stepsTable(w, sim.Steps, sim.Outcomes)
		if f.texts {
			sayln(w, "\nAT\tCONTACT\tSTEP\tMESSAGE")
			for _, m := range sim.Messages {
				what := m.Skipped
				if what != "" {
					what = "not sent: " + what
				} else if m.Content != nil {
					what = firstLine(m.Content.Subject, m.Content.Text)
				}
				sayf(w, "%s\t%d\t%s\t%s\n", at(&m.At), m.ContactID, clean(m.Step), clean(what))
			}
			_ = w.Flush()
			for _, way := range sim.Ways {
				sayf(w, "\nContact %d", way.ContactID)
				wayTable(w, way.Way)
			}
		}
		_ = w.Flush()
		noticeLines(w, "", sim.Notices)
	})
}
