package campaigns

import (
	"context"

	"carillon/internal/fault"
	"carillon/providers"
	"carillon/templates"
)

// wording is what a campaign says, in all of its languages: its own content, or what
// its template comes to now. What can't be used is Invalid.
func (s *Service) wording(ctx context.Context, c Campaign, channel providers.Channel) (templates.Resolved, error) {
	if c.Template == nil {
		return templates.Plain(c.Content), nil
	}
	if !c.Content.Empty() {
		return templates.Resolved{}, fault.InvalidField("content.template", c.Template.Name, "give either a template or texts")
	}
	return s.catalogue.Resolve(ctx, *c.Template, channel)
}

// checkWording says what of a campaign's wording its channel can't send.
func (s *Service) checkWording(ctx context.Context, c Campaign, channel providers.Channel) (wrong []fault.Field, err error) {
	r, err := s.wording(ctx, c, channel)
	if err != nil {
		return fault.Gather(nil, err)
	}
	for _, tag := range r.Languages.Has {
		fields, err := s.messages.CheckContent(ctx, r.Contents[tag], channel)
		if err != nil {
			return nil, err
		}
		for _, f := range fields {
			if tag != "" {
				f.Message = "template " + r.Name + " in " + tag + ": " + f.Message
			}
			wrong = append(wrong, f)
		}
	}
	return wrong, nil
}
