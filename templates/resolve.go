package templates

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"carillon/internal/fault"
	"carillon/providers"
)

// Use is how a campaign or a message names a template.
type Use struct {
	Name string `json:"name" doc:"The template's name."`
	// Language is for everybody, whatever language they have; empty chooses for each.
	Language string `json:"language,omitempty" doc:"The language for everybody; left out, each gets the one that the template's rule chooses."`
	// Params stand in for the values of parameters.
	Params Params `json:"params,omitempty" doc:"Values instead of those of the template's parameters, in Liquid: a list in their order, or an object by their names."`
	// Header stands in for the file of the header.
	Header *Media `json:"header,omitempty" doc:"A file instead of that in the template's header."`
	// ButtonSuffix stands in for the suffix of the first url button.
	ButtonSuffix string `json:"button_suffix,omitempty" doc:"A suffix instead of that of the first url button."`
}

// Params are values of parameters by name; in JSON also a list, of 1, 2, 3.
type Params map[string]string

// UnmarshalJSON reads an object, or a list.
func (p *Params) UnmarshalJSON(raw []byte) error {
	var named map[string]string
	if err := json.Unmarshal(raw, &named); err == nil {
		*p = named
		return nil
	}
	var list []string
	if err := json.Unmarshal(raw, &list); err != nil {
		return fmt.Errorf("must be a list of texts, or an object of texts by name")
	}
	*p = Params{}
	for i, value := range list {
		(*p)[strconv.Itoa(i+1)] = value
	}
	return nil
}

// Resolved is a template as a run keeps it: fixed in one version, with a content for each
// of its languages, whatever becomes of the template.
type Resolved struct {
	TemplateID int64  `json:"template_id"`
	Name       string `json:"name"`
	Version    int    `json:"version"`
	// Kind is the kind of channel that the contents are for.
	Kind providers.AddressKind `json:"kind"`
	// Languages say who gets which content; Has has one alone where everybody gets it.
	Languages Languages `json:"languages"`
	// Contents are Liquid for each recipient, by language.
	Contents map[string]providers.Content `json:"contents"`
	// Kept is how the channel's provider is asked for what it has approved, by language.
	Kept map[string]*providers.KeptTemplate `json:"kept,omitempty"`
	// Outside is what goes instead to who has not written within the channel's window, in the
	// languages alone in which it is approved; nil for nothing.
	Outside *Resolved `json:"outside,omitempty"`
}

// For is the content for somebody who has a language, with the language that was chosen
// and how.
func (r *Resolved) For(language string) (content providers.Content, tag string, how Choice) {
	tag, how = r.Languages.Choose(language)
	content = r.in(tag)
	if r.Outside != nil {
		if outside, _, _ := r.Outside.For(language); outside.Kept != nil {
			content.Outside = &outside
		}
	}
	return content, tag, how
}

// in is the content in a language that there is.
func (r *Resolved) in(tag string) providers.Content {
	content := r.Contents[tag]
	content.Kept = r.Kept[tag]
	return content
}

// Wording is what texts come to on a channel, or the template that use names instead of them,
// with what goes outside of the channel's window. It errs as Resolve does.
func (s *Catalogue) Wording(ctx context.Context, content providers.Content, use *Use, channel providers.Channel) (r Resolved, err error) {
	r = Plain(content)
	if use != nil {
		if !content.Empty() {
			return r, fault.InvalidField("content.template", use.Name, "give either a template or texts")
		}
		if r, err = s.Resolve(ctx, *use, channel); err != nil {
			return r, err
		}
	}
	name := content.WindowTemplate
	if name == "" {
		return r, nil
	}
	t, err := s.store.FindTemplate(ctx, channel.AccountID, name)
	if fault.Is(err, fault.NotFound) {
		return r, fault.InvalidField("content.window_template", name, "there is no such template: GET /v1/templates lists them")
	}
	if err != nil {
		return r, err
	}
	r.Outside, err = t.Outside(channel)
	return r, err
}

// Outside is what a template comes to for who has not written within a channel's window: in the
// languages in which it is approved there. What can't be used is Invalid and names
// "content.window_template".
func (t *Saved) Outside(channel providers.Channel) (*Resolved, error) {
	approved := *t
	approved.Statuses = slices.DeleteFunc(slices.Clone(t.Statuses), func(a Approval) bool { return a.State != Approved })
	r, err := approved.Resolve(Use{Name: t.Name}, channel)
	wrong, rest := fault.Gather(nil, err)
	if rest != nil {
		return nil, rest
	}
	for i := range wrong {
		wrong[i].Location = "content.window_template"
	}
	unusable := func(tag string) bool { return r.Kept[tag] == nil }
	r.Languages.Has = slices.DeleteFunc(r.Languages.Has, unusable)
	maps.DeleteFunc(r.Contents, func(tag string, _ providers.Content) bool { return unusable(tag) })
	return &r, fault.InvalidFields(wrong)
}

// Resolve makes of a template, in its latest version, what is rendered for each recipient
// on a channel. What can't be used is Invalid and names the field below
// "content.template".
func (s *Catalogue) Resolve(ctx context.Context, use Use, channel providers.Channel) (Resolved, error) {
	t, err := s.store.FindTemplate(ctx, channel.AccountID, use.Name)
	if fault.Is(err, fault.NotFound) {
		return Resolved{}, fault.InvalidField("content.template.name", use.Name, "there is no such template: GET /v1/templates lists them")
	}
	if err != nil {
		return Resolved{}, err
	}
	return t.Resolve(use, channel)
}

// Resolve is Catalogue.Resolve for a template that is at hand.
func (t *Saved) Resolve(use Use, channel providers.Channel) (Resolved, error) {
	kind := channel.Address
	var wrong []fault.Field
	add := func(location string, value any, format string, args ...any) {
		wrong = append(wrong, fault.Field{Location: "content.template." + location, Value: value, Message: fmt.Sprintf(format, args...)})
	}
	if !slices.Contains(t.Kinds, kind) {
		add("name", use.Name, "is for %s, and the channel is of kind %s: add it to the template's kinds, or choose another channel", listed(t.Kinds), kind)
	}
	languages := t.Languages()
	switch normal, _ := NormalLanguage(use.Language); {
	case len(t.Translations) == 0:
		add("name", use.Name, "has no translation yet")
	case use.Language == "":
	case t.Translation(normal) == nil:
		add("language", use.Language, "the template has no such translation: there are %s; leave it out, and each gets the one that fits",
			strings.Join(languages.Has, ", "))
	default:
		languages = Languages{Has: []string{normal}, Default: normal}
	}
	values := map[string]string{}
	for _, p := range t.Parameters {
		values[p.Name] = p.Value
	}
	for _, name := range slices.Sorted(maps.Keys(use.Params)) {
		value, unknown := Translate(use.Params[name])
		switch _, declared := values[name]; {
		case !declared:
			add("params."+name, use.Params[name], "the template has no parameter %s: it has %s", name, strings.Join(t.names(), ", "))
		case unknown != "":
			add("params."+name, use.Params[name], "%s", unknownReference(unknown))
		case strings.ContainsAny(value, "\r\n"):
			add("params."+name, use.Params[name], "must be one line")
		default:
			values[name] = value
		}
	}
	r := Resolved{TemplateID: t.ID, Name: t.Name, Version: t.Version, Kind: kind, Languages: languages, Contents: map[string]providers.Content{}}
	headers, suffixes := 0, 0
	for _, tag := range languages.Has {
		tr := t.Translation(tag)
		if tr == nil {
			continue
		}
		changed, header, suffix := tr.with(use)
		for _, a := range t.Statuses {
			switch {
			case a.ChannelID != channel.ID || a.Language != tag:
			case a.State == Rejected || a.State == Paused || a.State == Disabled:
				add("name", use.Name, "is %s in %s on this channel (%s): change it, or choose another", a.State, tag, a.Reason)
			case a.State == Approved:
				r.keep(tag, keptFor(t.Name, changed, values))
			}
		}
		headers += header
		suffixes += suffix
		r.Contents[tag] = contentFor(changed, kind, values, t.Built[tag])
	}
	if use.Header != nil && headers == 0 {
		add("header", nil, "the template has no file in its header: leave it out")
	}
	if use.ButtonSuffix != "" && suffixes == 0 {
		add("button_suffix", use.ButtonSuffix, "the template has no url button: leave it out")
	}
	return r, fault.InvalidFields(wrong)
}

// keep notes how a provider is asked for a language.
func (r *Resolved) keep(tag string, kept *providers.KeptTemplate) {
	if r.Kept == nil {
		r.Kept = map[string]*providers.KeptTemplate{}
	}
	r.Kept[tag] = kept
}

// with is a translation with what a campaign says of its header and button, and how many
// of each there were.
func (t *Translation) with(use Use) (changed Translation, headers, suffixes int) {
	changed = *t
	if use.Header != nil && t.Header != nil && t.Header.Media != nil {
		headers = 1
		changed.Header = &Header{Media: use.Header}
	}
	if at := slices.IndexFunc(t.Buttons, func(b Button) bool { return b.Type == URLButton }); at >= 0 && use.ButtonSuffix != "" {
		suffixes = 1
		changed.Buttons = slices.Clone(t.Buttons)
		changed.Buttons[at].Suffix = use.ButtonSuffix
	}
	return changed, headers, suffixes
}

// names are the names of a definition's parameters.
func (d *Definition) names() []string {
	names := make([]string, len(d.Parameters))
	for i, p := range d.Parameters {
		names[i] = p.Name
	}
	if len(names) == 0 {
		return []string{"none"}
	}
	return names
}

// samples fills the parameters with their samples.
func (d *Definition) samples() Params {
	samples := Params{}
	for _, p := range d.Parameters {
		samples[p.Name] = p.Sample
	}
	return samples
}

// Rehearse is Resolve of a template of an id in any version, with the samples in its
// parameters where samples says so.
func (s *Catalogue) Rehearse(ctx context.Context, of TemplateRef, use Use, kind providers.AddressKind, samples bool) (Resolved, error) {
	t, err := s.store.GetTemplate(ctx, of.AccountID, of.ID, of.Version)
	if err != nil {
		return Resolved{}, err
	}
	return t.rehearse(use, kind, samples)
}

// draftName is that of a template which has none yet; every kind of channel takes it.
const draftName = "draft"

// RehearseDraft is Rehearse of a template that is not kept, nor will be by this. What could
// not be saved is Invalid, with every field that is wrong.
func (s *Catalogue) RehearseDraft(ctx context.Context, t Template, use Use, kind providers.AddressKind, samples bool) (Resolved, error) {
	if t.Name == "" {
		t.Name = draftName
	}
	saved, err := s.prepare(ctx, t, Saved{})
	if err != nil {
		return Resolved{}, err
	}
	return saved.rehearse(use, kind, samples)
}

func (t *Saved) rehearse(use Use, kind providers.AddressKind, samples bool) (Resolved, error) {
	if kind == "" && len(t.Kinds) > 0 {
		kind = t.Kinds[0]
	}
	if samples {
		given := use.Params
		use.Params = t.samples()
		maps.Copy(use.Params, given)
	}
	use.Name = t.Name
	r, err := t.Resolve(use, providers.Channel{AccountID: t.AccountID, Address: kind})
	wrong, rest := fault.Gather(nil, err)
	if rest != nil {
		return r, rest
	}
	for i := range wrong {
		if wrong[i].Location = strings.TrimPrefix(wrong[i].Location, "content.template."); wrong[i].Location == "name" {
			wrong[i].Location = "kind"
		}
	}
	return r, fault.InvalidFields(wrong)
}
