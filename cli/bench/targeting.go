package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"carillon/app"
	"carillon/configs"
	"carillon/contacts"
	"carillon/contacts/property"
	"carillon/internal/secret"
)

// targetingScenario is a store to measure rules in.
type targetingScenario struct {
	// Contacts is how many the store is filled with, at least 1000.
	Contacts int
	// StoreDSN is a postgres:// URL; empty is a SQLite file in Dir.
	StoreDSN string
	Dir      string
}

// targetingResult is what counting a rule's contacts took.
type targetingResult struct {
	Store    string `json:"store"`
	Contacts int    `json:"contacts"`
	Rule     string `json:"rule"`
	// Matches is how many contacts the rule holds for.
	Matches int64 `json:"matches"`
	// Seconds is the median of the counts.
	Seconds float64 `json:"seconds"`
	// Worst is the slowest of them, with nothing in memory yet.
	Worst float64 `json:"worst_seconds"`
}

// countsOfEach is how often each rule is counted.
const countsOfEach = 5

// targetingBench is a scenario under way.
type targetingBench struct {
	s       targetingScenario
	engine  *app.Engine
	account int64
	results []targetingResult
	say     func(format string, args ...any)
}

// runTargeting fills a store with contacts by an import, and measures how long it
// takes to count those that rules hold for.
func runTargeting(ctx context.Context, s targetingScenario, progress io.Writer) (results []targetingResult, err error) {
	b := &targetingBench{s: s, say: func(format string, args ...any) { _, _ = fmt.Fprintf(progress, "  "+format+"\n", args...) }}
	config := configs.Config{
		DataDir: s.Dir, StoreDSN: secret.New(s.StoreDSN), MasterKey: secret.New("a master key for the benchmark"), MaxUploadMB: 4096, ShutdownSeconds: 10,
	}
	if s.StoreDSN != "" {
		if _, err := app.Migrate(ctx, config); err != nil {
			return nil, err
		}
	}
	if b.engine, err = app.StartEngine(ctx, app.Options{Config: config, Roles: app.Roles{Scheduler: true}}); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.engine.Stop()) }()
	account, _, err := b.engine.Store.EnsureAccount(ctx, "bench")
	if err != nil {
		return nil, err
	}
	b.account = account.ID
	for _, step := range []func(context.Context) error{b.fill, b.measure} {
		if err := step(ctx); err != nil {
			return b.results, err
		}
	}
	return b.results, nil
}

// fill imports the contacts: their score is 0 to 99, one in a hundred has a note
// with a needle in it, and every tenth is in the group.
func (b *targetingBench) fill(ctx context.Context) error {
	for _, p := range []property.Property{{Key: "score", Type: property.Number}, {Key: "note", Type: property.Text}, {Key: "plan", Type: property.Word}} {
		p.AccountID, p.Editable = b.account, true
		if _, err := b.engine.Properties.Create(ctx, p); err != nil {
			return err
		}
	}
	start := system.Now()
	err := b.take(ctx, "", "email,first_name,score,note,plan\n", func(w io.Writer, i int) {
		what := "hay in a stack"
		if i%100 == 7 {
			what = "a Needle in the hay"
		}
		_, _ = fmt.Fprintf(w, "p%d@example.org,Person %d,%d,%s of the %dth,plan%d\n", i, i%1000, i%100, what, i, i%7)
	})
	if err != nil {
		return err
	}
	b.say("%s: %d contacts in %.1f s", b.store(), b.s.Contacts, since(start))
	return b.take(ctx, "tenth", "email\n", func(w io.Writer, i int) {
		if i%10 == 0 {
			_, _ = fmt.Fprintf(w, "p%d@example.org\n", i)
		}
	})
}

func (b *targetingBench) store() string {
	if b.s.StoreDSN == "" {
		return "SQLite"
	}
	return "PostgreSQL"
}

// take imports a file of a line for each contact.
func (b *targetingBench) take(ctx context.Context, group, header string, line func(w io.Writer, i int)) (err error) {
	file, err := os.CreateTemp(b.s.Dir, "contacts-*.csv")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close(), os.Remove(file.Name())) }()
	w := bufio.NewWriterSize(file, 1<<20)
	_, _ = w.WriteString(header)
	for i := range b.s.Contacts {
		line(w, i)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	options := contacts.ImportOptions{Key: contacts.ByEmail, Group: group}
	upload, err := b.engine.Importer.Take(ctx, b.account, "contacts.csv", file, options)
	for err == nil && upload.State != contacts.UploadFinished {
		if upload.State == contacts.UploadFailed {
			return errors.New("import: " + upload.Error)
		}
		if err = system.Sleep(ctx, 20*time.Millisecond); err == nil {
			upload, err = b.engine.Store.GetUpload(ctx, b.account, upload.ID)
		}
	}
	if err == nil && upload.Refused > 0 {
		err = fmt.Errorf("import: %d lines were refused", upload.Refused)
	}
	return err
}

func condition(field, operator string, value any) string {
	encoded, err := json.Marshal(map[string]any{"field": field, "operator": operator, "value": value})
	if err != nil {
		panic("a map of plain values always marshals: " + err.Error())
	}
	return string(encoded)
}

func all(conditions ...string) json.RawMessage {
	text := `{"condition": "AND", "rules": [`
	for i, c := range conditions {
		if i > 0 {
			text += ", "
		}
		text += c
	}
	return json.RawMessage(text + "]}")
}

func (b *targetingBench) measure(ctx context.Context) error {
	groups, err := b.engine.Lists.List(ctx, b.account, contacts.Group, 0, 1)
	if err != nil || len(groups) == 0 {
		return errors.Join(err, errors.New("the import made no group"))
	}
	member, one := condition("group", "equal", groups[0].ID), condition("attributes.score", "equal", 42)
	inner, err := b.engine.Rules.Create(ctx, b.account, "one in a hundred", all(one))
	if err != nil {
		return err
	}
	middle, err := b.engine.Rules.Create(ctx, b.account, "in the group, not in the other", all(member, condition("targeting", "not_equal", inner.ID)))
	if err != nil {
		return err
	}
	for _, r := range []struct {
		name string
		rule json.RawMessage
	}{
		{"1 %, no index", all(one)},
		{"50 %", all(condition("attributes.score", "less", 50))},
		{"text contains, 1 %", all(condition("attributes.note", "contains", "needle"))},
		{"member of a group, 10 %", all(member)},
		{"lists in lists", all(condition("targeting", "in", []int64{inner.ID, middle.ID}))},
	} {
		if err := b.count(ctx, r.name, r.rule); err != nil {
			return err
		}
	}
	start, yes := system.Now(), true
	if _, _, err := b.engine.Properties.Update(ctx, b.account, "score", contacts.PropertyChange{Filterable: &yes}, false); err != nil {
		return err
	}
	b.say("%s: made filterable in %.1f s", b.store(), since(start))
	for _, r := range []struct {
		name string
		rule json.RawMessage
	}{
		{"1 %, index", all(one)},
		{"1 % by index, and a group", all(one, condition("group", "not_equal", groups[0].ID))},
		{"50 %, index", all(condition("attributes.score", "less", 50))},
		{"lists in lists, index", all(condition("targeting", "in", []int64{inner.ID, middle.ID}))},
	} {
		if err := b.count(ctx, r.name, r.rule); err != nil {
			return err
		}
	}
	return nil
}

// count counts a rule's contacts a few times.
func (b *targetingBench) count(ctx context.Context, name string, rule json.RawMessage) error {
	result := targetingResult{Store: b.store(), Contacts: b.s.Contacts, Rule: name}
	var took []float64
	for range countsOfEach {
		audience, err := b.engine.Rules.Audience(ctx, b.account, rule)
		if err != nil {
			return err
		}
		start := system.Now()
		n, err := b.engine.Rules.Count(ctx, b.account, audience, "")
		if err != nil {
			return err
		}
		took, result.Matches = append(took, since(start)), n.Total
	}
	slices.Sort(took)
	result.Seconds, result.Worst = took[len(took)/2], took[len(took)-1]
	b.results = append(b.results, result)
	b.say("%s: %s: %d contacts in %.0f ms", b.store(), name, result.Matches, result.Seconds*1000)
	return nil
}

// writeTargetingTable writes results as a table.
func writeTargetingTable(w io.Writer, results []targetingResult) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "STORE\tCONTACTS\tRULE\tHOLDS FOR\tMEDIAN MS\tWORST MS")
	for _, r := range results {
		_, _ = fmt.Fprintf(t, "%s\t%d\t%s\t%d\t%.1f\t%.1f\n", r.Store, r.Contacts, r.Rule, r.Matches, r.Seconds*1000, r.Worst*1000)
	}
	return t.Flush()
}
