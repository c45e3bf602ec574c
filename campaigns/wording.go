package campaigns

import (
	"context"
	"errors"
	"strings"

	"carillon/internal/fault"
	"carillon/providers"
	"carillon/templates"
)

// saying is what a campaign says to everybody, or to those of one variant.
type saying struct {
	// variant is its number, 0 for everybody, and name its name.
	variant int
	name    string
	// at is the field that it is written in.
	at string
	templates.Resolved
}

// sayings are what a campaign says, in all of its languages: its own content or that of
// each variant, texts or what a template comes to now. What can't be used is Invalid.
func (s *Service) sayings(ctx context.Context, c Campaign, channel providers.Channel) ([]saying, error) {
	var list []saying
	var wrong []fault.Field
	for i, w := range c.Wordings() {
		said := saying{at: "content"}
		if c.Experiment != nil && len(c.Experiment.Variants) > 0 {
			v := c.Experiment.Variants[i]
			if said.variant, said.name = i+1, v.Name; v.Content != nil {
				said.at = variantAt(i)
			}
		}
		fields, err := s.messages.CheckWindow(w.Content, channel)
		if err != nil {
			return nil, err
		}
		for _, f := range fields {
			f.Location = inField(said.at, f.Location)
			wrong = append(wrong, f)
		}
		if said.Resolved, err = s.catalogue.Wording(ctx, w.Content, w.Template, channel); err != nil {
			if wrong, err = fault.Gather(wrong, within(said.at, err)); err != nil {
				return nil, err
			}
		}
		list = append(list, said)
	}
	return list, fault.InvalidFields(wrong)
}

// within has an Invalid error about a content name the field that this is in.
func within(at string, err error) error {
	var f *fault.Error
	if at == "content" || !errors.As(err, &f) {
		return err
	}
	for i := range f.Fields {
		f.Fields[i].Location = inField(at, f.Fields[i].Location)
	}
	return err
}

// inField is a field of a content as one of the content that is at.
func inField(at, field string) string {
	if rest, ok := strings.CutPrefix(field, "content"); ok {
		return at + rest
	}
	return field
}

// checkWording says what of a campaign's wording its channel can't send.
func (s *Service) checkWording(ctx context.Context, c Campaign, channel providers.Channel) (wrong []fault.Field, err error) {
	list, err := s.sayings(ctx, c, channel)
	if err != nil {
		return fault.Gather(nil, err)
	}
	for _, said := range list {
		for _, tag := range said.Languages.Has {
			fields, err := s.messages.CheckContent(ctx, said.Contents[tag], channel)
			if err != nil {
				return nil, err
			}
			if said.Contents[tag].Masked {
				fields = append(fields, fault.Field{Location: "content.masked", Message: "is for single messages: what a campaign says is kept with it"})
			}
			for _, f := range fields {
				f.Location = inField(said.at, f.Location)
				if tag != "" {
					f.Message = "template " + said.Resolved.Name + " in " + tag + ": " + f.Message
				}
				wrong = append(wrong, f)
			}
		}
	}
	return wrong, nil
}
