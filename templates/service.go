package templates

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"carillon/internal/fault"
	"carillon/providers"
	"carillon/templates/email"
)

// Saved is a template as it is kept, with what its e-mails were built into.
type Saved struct {
	Template
	// Built are the e-mails by language.
	Built map[string]email.Built
}

// TemplateInfo is a template without its texts.
type TemplateInfo struct {
	ID       int64                   `json:"id"`
	Name     string                  `json:"name"`
	Version  int                     `json:"version" doc:"The latest version."`
	Category Category                `json:"category,omitempty"`
	Kinds    []providers.AddressKind `json:"kinds"`
	// Languages begin with the default.
	Languages []string `json:"languages" doc:"Its languages, the default first."`
	// States are those of all channels and languages, each once.
	States    []State   `json:"states,omitempty" doc:"What providers of channels say of it in any language, each state once."`
	CreatedAt time.Time `json:"created_at"`
	ChangedAt time.Time `json:"changed_at"`
}

// TemplateVersion is a version of a template without its texts.
type TemplateVersion struct {
	Version   int       `json:"version"`
	Languages []string  `json:"languages" doc:"Its languages, the default first."`
	CreatedAt time.Time `json:"created_at"`
}

// TemplateFilter says which templates are listed.
type TemplateFilter struct {
	AccountID int64
	// Kind and Category are those of the templates; empty for any.
	Kind     providers.AddressKind
	Category Category
	// Language is one that they speak, and State what a provider says of them; empty for any.
	Language string
	State    State
	// Search is a part of the name, in any case; empty for any.
	Search string
	// After is the name behind which the list begins.
	After string
	Limit int
}

// TemplateStore keeps templates.
type TemplateStore interface {
	// ListTemplates lists templates by name, without their texts.
	ListTemplates(ctx context.Context, f TemplateFilter) ([]TemplateInfo, error)
	// GetTemplate is a version of a template, 0 for the latest; NotFound if the account
	// has no such template, or it has no such version.
	GetTemplate(ctx context.Context, accountID, id int64, version int) (Saved, error)
	// FindTemplate is GetTemplate of the latest version, by name.
	FindTemplate(ctx context.Context, accountID int64, name string) (Saved, error)
	// CreateTemplate keeps a new template as version 1. A name that is taken, or was
	// until less than ReservedFor ago, and more templates than an account may have, are a
	// Conflict; a snippet that is not there is Invalid.
	CreateTemplate(ctx context.Context, t Saved) (Saved, error)
	// CheckTemplateName is the Conflict that CreateTemplate would be for a template of a name.
	CheckTemplateName(ctx context.Context, accountID int64, name string) error
	// ChangeTemplate keeps a new version behind t.Version; a Conflict if that is not the
	// latest any more, NotFound and Invalid as above.
	ChangeTemplate(ctx context.Context, t Saved) (Saved, error)
	// TemplateUses are the campaigns that are not over and say what a template says, as many
	// as most at the most; NotFound as above.
	TemplateUses(ctx context.Context, accountID, id int64, most int) ([]TemplateUse, error)
	// DeleteTemplate is NotFound if the account has no such template.
	DeleteTemplate(ctx context.Context, accountID, id int64) error
	// ListVersions lists versions before the one given, 0 for all, the newest first;
	// NotFound if the account has no such template.
	ListVersions(ctx context.Context, accountID, id int64, before, limit int) ([]TemplateVersion, error)
	// SetTemplateStatus keeps what a channel's provider says of a template; NotFound if
	// the account has no such template, Invalid if it has no such channel.
	SetTemplateStatus(ctx context.Context, accountID, id int64, a Approval) error
	// TemplateStates are what a channel's provider says of the account's templates.
	TemplateStates(ctx context.Context, accountID, channelID int64) ([]ChannelState, error)
	// CountLanguages counts the account's active contacts by their languages, of a kind of
	// address those alone who have one; empty counts all.
	CountLanguages(ctx context.Context, accountID int64, kind providers.AddressKind) (map[string]int64, error)
	// TemplateNames are the columns of uploads and the keys of properties that templates
	// may name.
	TemplateNames(ctx context.Context, accountID int64, uploads []int64) (columns, attributes []string, err error)
}

// Store is what the catalogue needs kept.
type Store interface {
	Snippets
	TemplateStore
}

// ListTemplates lists templates behind the name After, by name.
func (s *Catalogue) ListTemplates(ctx context.Context, f TemplateFilter) ([]TemplateInfo, error) {
	var wrong []fault.Field
	if f.Kind != "" && !slices.Contains(providers.AddressKinds(), f.Kind) {
		wrong = append(wrong, fault.Field{Location: "query.kind", Value: f.Kind, Message: "must be one of " + listed(providers.AddressKinds())})
	}
	if f.Category != "" && !slices.Contains(Categories(), f.Category) {
		wrong = append(wrong, fault.Field{Location: "query.category", Value: f.Category, Message: "must be one of " + listed(Categories())})
	}
	if f.State != "" && !slices.Contains(States(), f.State) {
		wrong = append(wrong, fault.Field{Location: "query.state", Value: f.State, Message: "must be one of " + listed(States())})
	}
	if f.Language != "" {
		normal, ok := NormalLanguage(f.Language)
		if !ok {
			wrong = append(wrong, fault.Field{Location: "query.language", Value: f.Language, Message: "must be a language's tag, such as pl or pt-BR"})
		}
		f.Language = normal
	}
	if err := fault.InvalidFields(wrong); err != nil {
		return nil, err
	}
	return s.store.ListTemplates(ctx, f)
}

// FindTemplate is the latest version of a template by its name.
func (s *Catalogue) FindTemplate(ctx context.Context, accountID int64, name string) (Saved, error) {
	return s.store.FindTemplate(ctx, accountID, name)
}

// CheckName is a Conflict for a name that no new template may have: it is taken, or was
// until lately.
func (s *Catalogue) CheckName(ctx context.Context, accountID int64, name string) error {
	return s.store.CheckTemplateName(ctx, accountID, name)
}

// GetTemplate is a version of a template, 0 for the latest.
func (s *Catalogue) GetTemplate(ctx context.Context, accountID, id int64, version int) (Saved, error) {
	return s.store.GetTemplate(ctx, accountID, id, version)
}

// ListVersions lists versions before the one given, 0 for all, the newest first.
func (s *Catalogue) ListVersions(ctx context.Context, accountID, id int64, before, limit int) ([]TemplateVersion, error) {
	return s.store.ListVersions(ctx, accountID, id, before, limit)
}

// CreateTemplate keeps a new template. What can't be meant is Invalid, with every field
// that is wrong.
func (s *Catalogue) CreateTemplate(ctx context.Context, t Template) (Saved, error) {
	return s.create(ctx, t, Saved{})
}

func (s *Catalogue) create(ctx context.Context, t Template, from Saved) (Saved, error) {
	saved, err := s.prepare(ctx, t, from)
	if err != nil {
		return Saved{}, err
	}
	return s.store.CreateTemplate(ctx, saved)
}

// SetTemplate keeps a new version of a template, unless it is the one that there is.
// t.Version is the version that was changed, 0 for whichever is the latest; one that is
// not the latest any more is a Conflict.
func (s *Catalogue) SetTemplate(ctx context.Context, t Template) (Saved, error) {
	before, err := s.store.GetTemplate(ctx, t.AccountID, t.ID, 0)
	if err != nil {
		return Saved{}, err
	}
	return s.change(ctx, before, t)
}

func (s *Catalogue) change(ctx context.Context, before Saved, t Template) (Saved, error) {
	if t.Version != 0 && t.Version != before.Version {
		return Saved{}, Changed(before.Version)
	}
	t.Name, t.Version = before.Name, before.Version
	saved, err := s.prepare(ctx, t, before)
	if err != nil {
		return Saved{}, err
	}
	same, err := equal(before.Definition, saved.Definition)
	if err != nil || same {
		return before, err
	}
	return s.store.ChangeTemplate(ctx, saved)
}

// Changed is the Conflict for who changed a version that is not the latest any more.
func Changed(latest int) error {
	return fault.New(fault.Conflict, "somebody else changed the template: version %d is the latest; look at it, and repeat your change", latest)
}

func equal(a, b Definition) (bool, error) {
	x, err := json.Marshal(a)
	if err != nil {
		return false, err
	}
	y, err := json.Marshal(b)
	return string(x) == string(y), err
}

// SetTranslation keeps a template with a translation, new or instead of the one into its
// language; version is that of SetTemplate. Wrong fields are named as those of the
// translation where they are its own.
func (s *Catalogue) SetTranslation(ctx context.Context, of TemplateRef, tr Translation) (Saved, error) {
	before, definition, err := s.latest(ctx, of)
	if err != nil {
		return Saved{}, err
	}
	if normal, ok := NormalLanguage(tr.Language); ok {
		tr.Language = normal
	}
	if present := definition.Translation(tr.Language); present != nil {
		*present = tr
	} else {
		definition.Translations = append(definition.Translations, tr)
	}
	position := slices.IndexFunc(definition.Translations, func(t Translation) bool { return t.Language == tr.Language })
	saved, err := s.change(ctx, before, Template{ID: of.ID, AccountID: of.AccountID, Version: of.Version, Definition: definition})
	return saved, within(err, at("translations", position)+".")
}

// within takes a prefix off the fields of an error.
func within(err error, prefix string) error {
	var e *fault.Error
	if !errors.As(err, &e) {
		return err
	}
	fields := slices.Clone(e.Fields)
	for i := range fields {
		fields[i].Location = strings.TrimPrefix(fields[i].Location, prefix)
	}
	return &fault.Error{Code: e.Code, Message: e.Message, Op: e.Op, Fields: fields, Err: e.Err}
}

// DeleteTranslation keeps a template without a translation.
func (s *Catalogue) DeleteTranslation(ctx context.Context, of TemplateRef, tag string) (Saved, error) {
	before, definition, err := s.latest(ctx, of)
	if err != nil {
		return Saved{}, err
	}
	normal, _ := NormalLanguage(tag)
	if definition.Translation(normal) == nil {
		return Saved{}, noTranslation(before, tag)
	}
	definition.Translations = slices.DeleteFunc(definition.Translations, func(t Translation) bool { return t.Language == normal })
	return s.change(ctx, before, Template{ID: of.ID, AccountID: of.AccountID, Version: of.Version, Definition: definition})
}

func noTranslation(t Saved, tag string) error {
	return fault.New(fault.NotFound, "template %q has no translation into %q: there are %s", t.Name, tag, strings.Join(t.Languages().Has, ", "))
}

// TemplateRef names a version of a template, 0 for the latest.
type TemplateRef struct {
	AccountID, ID int64
	Version       int
}

func (s *Catalogue) latest(ctx context.Context, of TemplateRef) (Saved, Definition, error) {
	before, err := s.store.GetTemplate(ctx, of.AccountID, of.ID, 0)
	definition := before.Definition
	definition.Translations = slices.Clone(definition.Translations)
	return before, definition, err
}

// DuplicateTemplate keeps a template's latest version under another name.
func (s *Catalogue) DuplicateTemplate(ctx context.Context, accountID, id int64, name string) (Saved, error) {
	t, err := s.store.GetTemplate(ctx, accountID, id, 0)
	if err != nil {
		return Saved{}, err
	}
	return s.create(ctx, Template{AccountID: accountID, Name: name, Definition: t.Definition}, t)
}

// MaxUses bounds how many campaigns are named that use a template.
const MaxUses = 100

// TemplateUse is a campaign that uses a template.
type TemplateUse struct {
	CampaignID int64  `json:"campaign_id"`
	Name       string `json:"name"`
	Status     string `json:"status"`
}

// Uses are the campaigns that are not over and use a template, MaxUses at the most.
func (s *Catalogue) Uses(ctx context.Context, accountID, id int64) ([]TemplateUse, error) {
	return s.store.TemplateUses(ctx, accountID, id, MaxUses)
}

// DeleteTemplate deletes a template; its name stays taken for ReservedFor.
func (s *Catalogue) DeleteTemplate(ctx context.Context, accountID, id int64) error {
	return s.store.DeleteTemplate(ctx, accountID, id)
}

// SetStatus keeps what the provider of a channel says of a template in a language.
func (s *Catalogue) SetStatus(ctx context.Context, accountID, id int64, status Approval) error {
	var wrong []fault.Field
	if !slices.Contains(States(), status.State) {
		wrong = append(wrong, fault.Field{Location: "state", Value: status.State, Message: "must be one of " + listed(States())})
	}
	if len(status.Reason) > maxReason {
		wrong = append(wrong, fault.Field{Location: "reason", Value: len(status.Reason), Message: fmt.Sprintf("at most %d bytes", maxReason)})
	}
	if err := fault.InvalidFields(wrong); err != nil {
		return err
	}
	t, err := s.store.GetTemplate(ctx, accountID, id, 0)
	if err != nil {
		return err
	}
	normal, _ := NormalLanguage(status.Language)
	if t.Translation(normal) == nil {
		return noTranslation(t, status.Language)
	}
	status.Language = normal
	return s.store.SetTemplateStatus(ctx, accountID, id, status)
}

const maxReason = 1000

// Coverage counts the account's contacts, of a kind of address or all, by the languages
// in which they would get a template.
func (s *Catalogue) Coverage(ctx context.Context, accountID, id int64, kind providers.AddressKind) (Coverage, error) {
	if kind != "" && !slices.Contains(providers.AddressKinds(), kind) {
		return Coverage{}, fault.InvalidField("query.kind", kind, "must be one of %s", listed(providers.AddressKinds()))
	}
	t, err := s.store.GetTemplate(ctx, accountID, id, 0)
	if err != nil {
		return Coverage{}, err
	}
	people, err := s.store.CountLanguages(ctx, accountID, kind)
	if err != nil {
		return Coverage{}, err
	}
	return t.Languages().Cover(people), nil
}

// maxBuildTime bounds the building of all e-mails of a template.
const maxBuildTime = time.Minute

// prepare checks a template, brings it into the form in which it is kept, and builds those
// of its e-mails that before had not.
func (s *Catalogue) prepare(ctx context.Context, t Template, before Saved) (Saved, error) {
	if size := t.size(); size > MaxDefinitionBytes {
		return Saved{}, fault.InvalidField("translations", size, "all texts have at most %d KiB", MaxDefinitionBytes>>10)
	}
	t.Definition = t.clone()
	c := checker{d: &t.Definition}
	var err error
	if _, c.attributes, err = s.store.TemplateNames(ctx, t.AccountID, nil); err != nil {
		return Saved{}, err
	}
	if names := t.Renders(); len(names) > 0 {
		if c.snippets, err = s.store.SnippetTexts(ctx, t.AccountID, names); err != nil {
			return Saved{}, err
		}
	}
	c.check(t.Name)
	building, cancel := context.WithTimeout(ctx, maxBuildTime)
	defer cancel()
	built := map[string]email.Built{}
	for i := range t.Translations {
		tr := &t.Translations[i]
		if tr.Email == nil {
			continue
		}
		one, err := s.build(building, tr, before)
		if err != nil {
			fields, rest := fault.Gather(nil, err)
			if rest != nil && ctx.Err() == nil && building.Err() != nil {
				fields, rest = []fault.Field{{Location: "mjml", Message: fmt.Sprintf("all e-mails together take longer than %s to build: "+
					"save the translations one by one", maxBuildTime)}}, nil
			}
			if rest != nil {
				return Saved{}, rest
			}
			for _, f := range fields {
				c.add(at("translations", i)+".email."+f.Location, f.Value, "%s", f.Message)
			}
			continue
		}
		built[tr.Language] = one
		if len(c.wrong) == 0 {
			c.compile(at("translations", i)+".email.html", one.HTML, true)
			c.compile(at("translations", i)+".email.text", one.Text, false)
		}
	}
	if err := fault.InvalidFields(c.wrong); err != nil {
		return Saved{}, err
	}
	slices.SortFunc(t.Translations, func(a, b Translation) int { return strings.Compare(a.Language, b.Language) })
	return Saved{Template: t, Built: built}, nil
}

// build builds the e-mail of a translation, unless the version before has it.
func (s *Catalogue) build(ctx context.Context, tr *Translation, before Saved) (email.Built, error) {
	if was := before.Translation(tr.Language); was != nil && was.Email != nil && was.source() == tr.source() {
		if built, ok := before.Built[tr.Language]; ok {
			return built, nil
		}
	}
	return s.emails.Build(ctx, tr.source())
}

// clone is a definition of which the lists that a check changes are its own.
func (d Definition) clone() Definition {
	d.Kinds, d.Fallback = slices.Clone(d.Kinds), slices.Clone(d.Fallback)
	d.Parameters, d.Translations = slices.Clone(d.Parameters), slices.Clone(d.Translations)
	return d
}
