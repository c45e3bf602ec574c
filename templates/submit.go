package templates

import (
	"context"
	"strings"

	"carillon/internal/fault"
	"carillon/providers"
)

// Submission is one language of a template that a channel's provider is to look at.
type Submission struct {
	providers.NewTemplate
	TemplateID int64
	// Kept says that the provider keeps the language already, so that it is not handed in.
	Kept bool
	// Wrong says why it can't be handed in; empty if it can.
	Wrong string
	// Status is what the provider says of it, empty where it was not asked, and Refused why it does
	// not take it.
	Status  providers.TemplateStatus
	Refused string
}

// Open reports whether it is to be handed in.
func (s Submission) Open() bool { return !s.Kept && s.Wrong == "" }

// Submissions are the languages of a template of the catalogue as a provider is asked to look at
// them; kept are the templates that it keeps. It is NotFound if there is no such template, and
// Invalid if that is not for the channel.
func (s *Catalogue) Submissions(ctx context.Context, channel providers.Channel, name string, kept []providers.Template) ([]Submission, error) {
	t, err := s.store.FindTemplate(ctx, channel.AccountID, name)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.InvalidField("template", name, "there is no such template: GET /v1/templates lists them")
	}
	if err != nil {
		return nil, err
	}
	// What can't be used on the channel is told as where it is used; that it was refused before is no reason.
	asked := t
	asked.Statuses = nil
	if _, err := asked.Resolve(Use{Name: name}, channel); err != nil {
		wrong, rest := fault.Gather(nil, err)
		if rest != nil {
			return nil, rest
		}
		for i := range wrong {
			wrong[i].Location = "template"
		}
		return nil, fault.InvalidFields(wrong)
	}
	known := map[string]bool{}
	for _, k := range kept {
		if language, _ := NormalLanguage(strings.ReplaceAll(k.Language, "_", "-")); k.Name == t.Name {
			known[language] = true
		}
	}
	list := make([]Submission, len(t.Translations))
	for i, tr := range t.Translations {
		list[i] = t.submission(tr)
		list[i].Kept = known[tr.Language]
	}
	return list, nil
}

// submission is a language as a provider is asked to look at it, with the samples of parameters.
// That its texts have no Liquid but parameters is checked where the template is saved.
func (t *Saved) submission(tr Translation) Submission {
	s := Submission{TemplateID: t.ID, NewTemplate: providers.NewTemplate{
		Name: t.Name, Language: tr.Language, Category: string(t.Category), Body: tr.Body, Footer: tr.Footer,
	}}
	values := map[string]string{}
	for _, p := range t.Parameters {
		values[p.Name] = p.Sample
	}
	s.BodySamples = placed(tr.Body, values)
	if h := tr.Header; h != nil {
		if h.Media != nil {
			s.Wrong = "the header is a file, of which the provider wants an upload of its own: make the template there"
		}
		s.Header, s.HeaderSamples = h.Text, placed(h.Text, values)
	}
	for _, b := range tr.Buttons {
		made := providers.NewButton{Type: providers.NewButtonType(b.Type), Text: b.Text}
		switch b.Type {
		case URLButton:
			made.Value, made.Sample = b.URL, fill(b.Suffix, values)
		case PhoneButton:
			made.Value = b.Phone
		case CopyCode:
			made.Sample = fill(b.Code, values)
		}
		s.Buttons = append(s.Buttons, made)
	}
	return s
}

// Submitted takes down what a channel's provider says of what was handed in to it.
func (s *Catalogue) Submitted(ctx context.Context, accountID, channelID int64, list []Submission) error {
	for _, of := range list {
		if of.Status == "" {
			continue
		}
		if err := s.store.SetTemplateStatus(ctx, accountID, of.TemplateID, Approval{
			ChannelID: channelID, Language: of.Language, State: State(of.Status),
		}); err != nil {
			return err
		}
	}
	return nil
}
