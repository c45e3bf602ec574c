package templates

import (
	"context"
	"regexp"
	"strings"

	"carillon/internal/fault"
	"carillon/providers"
)

// ChannelState is what a channel's provider says of one language of a template.
type ChannelState struct {
	TemplateID int64
	Language   string
	State      State
	Reason     string
}

// Synced is one language of a template that a channel's provider keeps, and what it is here.
type Synced struct {
	providers.Template
	// TemplateID is that of the catalogue; 0 where it has none of the name, or not in the
	// language.
	TemplateID int64
	// Differs says that the catalogue's says something else, so that it stays a draft.
	Differs bool
	// Changed says that its state is another than was known.
	Changed bool
}

// Why a template that is approved, or was, goes as a text.
const (
	notKept     = "the provider does not keep it any more"
	anotherText = "the provider keeps another text under this name: make the two alike, or choose another name"
)

// spaces are those that tell no two texts apart: runs of them, and those around the name of a place.
var (
	spaces = regexp.MustCompile(`\s+`)
	places = regexp.MustCompile(`\{\{\s*(\w+)\s*\}\}`)
)

// alike reports whether two texts of a template say the same, places included.
func alike(a, b string) bool {
	plain := func(text string) string {
		return places.ReplaceAllString(strings.TrimSpace(spaces.ReplaceAllString(text, " ")), "{{$1}}")
	}
	return plain(a) == plain(b)
}

// Sync takes over what a channel's provider says of the templates that it keeps, which are all
// of them. One of the catalogue is the provider's of the same name, in each language that both
// have, as long as both say the same there; one that says something else, or that the provider
// keeps no more, is a draft.
func (s *Catalogue) Sync(ctx context.Context, accountID, channelID int64, kept []providers.Template) ([]Synced, error) {
	known, err := s.store.TemplateStates(ctx, accountID, channelID)
	if err != nil {
		return nil, err
	}
	type place struct {
		id       int64
		language string
	}
	before := make(map[place]ChannelState, len(known))
	for _, k := range known {
		before[place{k.TemplateID, k.Language}] = k
	}
	set := func(id int64, a Approval) error {
		a.ChannelID = channelID
		return s.store.SetTemplateStatus(ctx, accountID, id, a)
	}
	list, named := make([]Synced, 0, len(kept)), map[string]*Saved{}
	for _, t := range kept {
		synced := Synced{Template: t}
		of, err := s.named(ctx, accountID, t.Name, named)
		if err != nil {
			return nil, err
		}
		// Providers write pt_BR for pt-BR.
		language, _ := NormalLanguage(strings.ReplaceAll(t.Language, "_", "-"))
		if of != nil && of.Translation(language) != nil {
			now, reason := State(t.Status), clipped(t.Reason)
			if !alike(t.Body, of.Translation(language).Body) {
				now, reason, synced.Differs = Draft, anotherText, true
			}
			at := place{of.ID, language}
			was := before[at]
			delete(before, at)
			synced.TemplateID = of.ID
			if was.State != now || was.Reason != reason {
				synced.Changed = true
				if err := set(of.ID, Approval{Language: language, State: now, Reason: reason}); err != nil {
					return nil, err
				}
			}
		}
		list = append(list, synced)
	}
	for at, was := range before {
		if was.State == Draft {
			continue
		}
		if err := set(at.id, Approval{Language: at.language, State: Draft, Reason: notKept}); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// named is the template of a name, nil if there is none; each is looked up once.
func (s *Catalogue) named(ctx context.Context, accountID int64, name string, known map[string]*Saved) (*Saved, error) {
	if t, looked := known[name]; looked {
		return t, nil
	}
	t, err := s.store.FindTemplate(ctx, accountID, name)
	switch {
	case fault.Is(err, fault.NotFound):
		known[name] = nil
	case err != nil:
		return nil, err
	default:
		known[name] = &t
	}
	return known[name], nil
}

// clipped is a reason as far as one is kept.
func clipped(reason string) string {
	if len(reason) > maxReason {
		return strings.ToValidUTF8(reason[:maxReason], "")
	}
	return reason
}
