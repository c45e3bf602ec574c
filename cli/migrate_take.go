package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"carillon/api"
	"carillon/contacts/property"
	"carillon/migration"
	"carillon/templates"
)

// refusedFile has the lines that an import refused.
const refusedFile = "refused.csv"

// mover takes what was read from another system in.
type mover struct {
	c      *cli
	folder *migration.Folder
	server string
	taken  migration.Taken
	moved  moved

	// keys are properties' keys here by their keys in the folder, lists the ids of lists,
	// targeting those of targeting lists by their numbers there.
	keys      map[string]string
	lists     map[migration.List]int64
	targeting map[string]int64
}

// mostHere is how many things of a kind are looked through.
const mostHere = 100_000

// take makes what is missing, and has everybody taken in. What keeps people from being written
// to is there before they are.
func (m *mover) take(ctx context.Context) error {
	for _, kind := range []string{"properties", migration.Categories, migration.Labels, "targeting lists", "templates"} {
		m.count(kind)
	}
	for _, left := range m.folder.Definitions.Left {
		m.moved.Notes = append(m.moved.Notes, left)
		m.count(left.Kind).Left++
	}
	for _, step := range []func(context.Context) error{
		m.properties, m.listsOf(migration.Categories), m.listsOf(migration.Labels), m.rules, m.templates,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	if m.moved.DryRun {
		return nil
	}
	if err := m.suppress(ctx); err != nil {
		return err
	}
	return m.contacts(ctx)
}

// count is where the things of a kind are counted.
func (m *mover) count(kind string) *movedKind {
	for i := range m.moved.Kinds {
		if m.moved.Kinds[i].Kind == kind {
			return &m.moved.Kinds[i]
		}
	}
	m.moved.Kinds = append(m.moved.Kinds, movedKind{Kind: kind})
	return &m.moved.Kinds[len(m.moved.Kinds)-1]
}

func (m *mover) note(kind, name, format string, args ...any) {
	m.moved.Notes = append(m.moved.Notes, migration.Left{Kind: kind, Name: name, Reason: fmt.Sprintf(format, args...)})
}

// refused reports whether the server refused one thing, which is noted: the others go on.
func (m *mover) refused(err error, kind, name string) bool {
	var p *problemError
	if !errors.As(err, &p) || exitCode(err) != exitRefused {
		return false
	}
	m.count(kind).Left++
	m.note(kind, name, "left out: %s", strings.ReplaceAll(p.Error(), "\n", " "))
	return true
}

func (m *mover) properties(ctx context.Context) error {
	const kind = "properties"
	m.keys = map[string]string{}
	here, _, err := ask[page[api.Property]](ctx, m.c, get(propertiesPath()))
	if err != nil {
		return err
	}
	taken := map[string]api.Property{}
	for _, p := range here.Items {
		taken[p.Key] = p
		if p.Name != "" {
			taken[p.Name] = p
		}
	}
	for _, p := range m.folder.Definitions.Properties {
		known, is := taken[p.Name]
		if !is {
			known, is = taken[p.Key]
		}
		m.keys[p.Key] = p.Key
		switch {
		case is:
			m.keys[p.Key] = known.Key
			m.count(kind).Kept++
			if known.Type != p.Type {
				m.note(kind, p.Name, "is of the type %s here and %s there: it is kept, and values that do not fit are left out and named", known.Type, p.Type)
			}
			continue
		case !m.moved.DryRun:
			if err := m.c.do(ctx, post(propertiesPath(), propertyOf(p))); err != nil {
				if m.refused(err, kind, p.Name) {
					continue
				}
				return err
			}
		}
		m.count(kind).Made++
	}
	return nil
}

// propertyOf is a property to be made.
func propertyOf(p migration.Property) api.PropertyInput {
	editable := !p.Fixed
	in := api.PropertyInput{Key: p.Key, PropertyFields: api.PropertyFields{Type: &p.Type, Editable: &editable, Hidden: &p.Hidden, Position: &p.Position}}
	// A name that no property may have is what people read.
	if _, err := property.Compile(property.Property{Key: p.Key, Name: p.Name, Type: property.Text}); err == nil {
		if p.Name != p.Key {
			in.Name = api.Given(p.Name)
		}
	} else if p.Label == "" {
		p.Label = p.Name
	}
	if p.Label != "" {
		in.Label = api.Given(p.Label)
	}
	if p.Rule != "" {
		in.Rule = api.Given(p.Rule)
	}
	if len(p.Default) > 0 {
		in.Default = api.Given[any](p.Default)
	}
	if p.Expires > 0 {
		in.ExpiresSeconds = api.Given(p.Expires)
	}
	return in
}

// listsOf makes the lists of a kind.
func (m *mover) listsOf(kind string) func(context.Context) error {
	return func(ctx context.Context) error {
		if m.lists == nil {
			m.lists = map[migration.List]int64{}
		}
		here, _, err := list[api.List](ctx, m.c, v1(kind), mostHere)
		if err != nil {
			return err
		}
		taken := map[string]int64{}
		for _, l := range here {
			taken[l.Name] = l.ID
		}
		for _, l := range m.folder.Definitions.Lists {
			if l.Kind != kind {
				continue
			}
			if id, is := taken[l.Name]; is {
				m.lists[l] = id
				m.count(kind).Kept++
				continue
			}
			made := api.List{ID: -1} // none, of a dry run
			if !m.moved.DryRun {
				in := api.ListInput{Name: l.Name, Description: l.Description, Color: l.Color, TextColor: l.TextColor}
				if made, _, err = ask[api.List](ctx, m.c, post(v1(kind), in)); err != nil {
					if m.refused(err, kind, l.Name) {
						continue
					}
					return err
				}
				if kind == migration.Categories && fmt.Sprint(made.Slot) != l.Number {
					m.note(kind, l.Name, "has the number %d here and %s there: programs that name it by its number need the new one", made.Slot, l.Number)
				}
			}
			m.lists[l] = made.ID
			m.count(kind).Made++
		}
		return nil
	}
}

func (m *mover) rules(ctx context.Context) error {
	const kind = "targeting lists"
	m.targeting = map[string]int64{}
	here, _, err := list[api.TargetingList](ctx, m.c, targetingPath(), mostHere)
	if err != nil {
		return err
	}
	taken := map[string]int64{}
	for _, l := range here {
		taken[l.Name] = l.ID
	}
	known := migration.Known{
		Key:       func(p migration.Property) string { return m.keys[p.Key] },
		List:      func(l migration.List) int64 { return m.lists[l] },
		Targeting: func(number string) int64 { return m.targeting[number] },
	}
	for _, r := range m.folder.Definitions.Rules {
		if id, is := taken[r.Name]; is {
			m.targeting[r.Number] = id
			m.count(kind).Kept++
			continue
		}
		rule, err := m.folder.Rule(r, known)
		if err != nil {
			m.count(kind).Left++
			m.note(kind, r.Name, "left out: %s", err)
			continue
		}
		made := api.TargetingList{ID: -1} // none, of a dry run
		if !m.moved.DryRun {
			if made, _, err = ask[api.TargetingList](ctx, m.c, post(targetingPath(), api.TargetingInput{Name: r.Name, Rule: rule})); err != nil {
				if m.refused(err, kind, r.Name) {
					continue
				}
				return err
			}
		}
		m.targeting[r.Number] = made.ID
		m.count(kind).Made++
	}
	return nil
}

func (m *mover) templates(ctx context.Context) error {
	const kind = "templates"
	here, _, err := list[templates.TemplateInfo](ctx, m.c, templatesPath(), mostHere)
	if err != nil {
		return err
	}
	taken := map[string]bool{}
	for _, t := range here {
		taken[t.Name] = true
	}
	for _, t := range m.folder.Definitions.Templates {
		if taken[t.Name] {
			m.count(kind).Kept++
			continue
		}
		if !m.moved.DryRun {
			if err := m.c.do(ctx, post(templatesPath(), api.TemplateInput{Name: t.Name, Definition: t.Definition})); err != nil {
				if m.refused(err, kind, t.Name) {
					continue
				}
				return err
			}
		}
		m.count(kind).Made++
	}
	return nil
}

// suppressionsAtOnce is how many lines of suppressions one request has: the server bounds it.
const suppressionsAtOnce = 100_000

// suppress sends the addresses of those who opted out, in pieces.
func (m *mover) suppress(ctx context.Context) error {
	if m.folder.Report.Suppressions == 0 {
		return nil
	}
	file, err := os.Open(m.folder.Path(migration.SuppressionsFile))
	if err != nil {
		return fmt.Errorf("read suppressions: %w", err)
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewReader(file)
	head, err := lines.ReadString('\n')
	if err != nil {
		return fmt.Errorf("read suppressions: %w", err)
	}
	sum := &api.SuppressionImport{Errors: []api.RefusedLine{}}
	m.moved.Suppressions = sum
	for {
		piece := bytes.NewBufferString(head)
		n := 0
		for ; n < suppressionsAtOnce; n++ {
			line, err := lines.ReadString('\n')
			piece.WriteString(line)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return fmt.Errorf("read suppressions: %w", err)
			}
		}
		if n == 0 {
			return nil
		}
		done, _, err := ask[api.SuppressionImport](ctx, m.c, postContent(suppressionsPath().below("import"), "text/csv", piece))
		if err != nil {
			return err
		}
		sum.Rows, sum.Added, sum.Known, sum.Refused = sum.Rows+done.Rows, sum.Added+done.Added, sum.Known+done.Known, sum.Refused+done.Refused
		for _, line := range done.Errors {
			m.note("suppressions", line.Value, "refused: %s", line.Reason)
		}
		if done.Refused > 0 {
			return &exitError{exitRefused, fmt.Errorf("%d addresses of people who opted out were refused, such as %s: "+
				"nobody was taken in, so that nobody is written to by mistake", done.Refused, someLine(done.Errors))}
		}
	}
}

func someLine(lines []api.RefusedLine) string {
	if len(lines) == 0 {
		return "none that the server names"
	}
	return clean(lines[0].Value + ", " + lines[0].Reason)
}

// contacts has contacts.csv taken in, and waits for it.
func (m *mover) contacts(ctx context.Context) error {
	if m.taken.Upload == 0 {
		upload, err := m.sendContacts(ctx)
		if err != nil {
			return err
		}
		m.taken.Upload = upload.ID
		if err := m.folder.SetTaken(m.server, m.taken); err != nil {
			return err
		}
	}
	upload, _, err := m.c.watchUpload(ctx, m.taken.Upload, false)
	var p *problemError
	if errors.As(err, &p) && exitCode(err) == exitNotFound {
		// The server is another one meanwhile: it takes everybody in anew.
		m.taken.Upload = 0
		return m.contacts(ctx)
	}
	if err != nil {
		return err
	}
	m.moved.Upload = &upload
	if wrongLines(upload) != "" {
		if err := m.c.saveErrors(ctx, upload.ID, m.folder.Path(refusedFile)); err != nil {
			return err
		}
	}
	if upload.State == "failed" {
		m.taken.Upload = 0 // the next try sends the file again
	} else {
		m.taken.Done, m.taken.At = true, m.c.clock.Now()
	}
	return m.folder.SetTaken(m.server, m.taken)
}

// sendContacts sends the file, its columns as the properties here are called.
func (m *mover) sendContacts(ctx context.Context) (api.Upload, error) {
	file, err := os.Open(m.folder.Path(migration.ContactsFile))
	if err != nil {
		return api.Upload{}, fmt.Errorf("read contacts: %w", err)
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return api.Upload{}, fmt.Errorf("read contacts: %w", err)
	}
	rest := bufio.NewReader(file)
	if _, err := rest.ReadString('\n'); err != nil {
		return api.Upload{}, fmt.Errorf("read contacts: %w", err)
	}
	var head bytes.Buffer
	columns := csv.NewWriter(&head)
	if err := columns.Write(m.folder.Columns(func(p migration.Property) string { return m.keys[p.Key] })); err != nil {
		return api.Upload{}, fmt.Errorf("write columns: %w", err)
	}
	columns.Flush()
	return m.c.sendFile(ctx, csvUpload{
		name: "from-" + m.moved.System + ".csv", content: io.MultiReader(&head, rest), size: info.Size(), mapping: map[string]string{},
		options: api.ImportOptions{Encoding: "utf-8", Separator: ","},
	})
}
