package templates

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"carillon/providers"
)

// placing gives the places of a template their parameters, the same in all languages.
type placing struct {
	named bool
	// samples are examples by the names of parameters, in the order in which these came.
	names   []string
	samples map[string]string
	// own are the parameters of what a provider counts by itself.
	own  map[string]string
	last int
}

func newPlacing(list []providers.Template) *placing {
	p := &placing{samples: map[string]string{}, own: map[string]string{}}
	for _, t := range list {
		for _, place := range t.BodySamples {
			p.named = p.named || !isNumber(place.Place)
			p.know(place.Place, place.Value)
		}
	}
	for _, t := range list {
		for _, place := range t.HeaderSamples {
			p.named = p.named || !isNumber(place.Place)
		}
	}
	return p
}

// know has a parameter, with an example unless there is one.
func (p *placing) know(name, sample string) {
	if _, known := p.samples[name]; !known {
		p.names = append(p.names, name)
	}
	p.samples[name] = cmp.Or(p.samples[name], sample)
	if n, err := strconv.Atoi(name); err == nil {
		p.last = max(p.last, n)
	}
}

// ofOwn is the parameter of something that a provider counts by itself.
func (p *placing) ofOwn(what, sample string) string {
	name, known := p.own[what]
	if !known {
		if name = what; !p.named {
			name = strconv.Itoa(p.last + 1)
		}
		p.own[what] = name
	}
	p.know(name, sample)
	return name
}

// header is the text of a header with its parameters.
func (p *placing) header(t providers.Template) string {
	text := t.Header
	for _, place := range t.HeaderSamples {
		name := place.Place
		if known, has := p.samples[name]; !p.named && (!has || known != place.Value) {
			name = p.ofOwn("header", place.Value)
		}
		p.know(name, place.Value)
		text = places.ReplaceAllStringFunc(text, func(found string) string {
			if places.FindStringSubmatch(found)[1] != place.Place {
				return found
			}
			return "{{" + name + "}}"
		})
	}
	return text
}

// button is a button as the catalogue has it; n counts them from 0.
func (p *placing) button(n int, b providers.NewButton) Button {
	made := Button{Type: string(b.Type), Text: b.Text}
	what := "button_" + strconv.Itoa(n+1)
	switch b.Type {
	case providers.NewURL:
		made.URL = b.Value
		if b.Sample != "" {
			made.Suffix = "{{" + p.ofOwn(what, b.Sample) + "}}"
		}
	case providers.NewPhone:
		made.Phone = b.Value
	case providers.NewCopyCode:
		made.Text, made.Code = cmp.Or(b.Text, "Copy"), "{{"+p.ofOwn(what, b.Sample)+"}}"
	case providers.NewQuickReply:
	}
	return made
}

// parameters are all of them, numbers in their order.
func (p *placing) parameters(filling func(name string) string) []Parameter {
	names := slices.Clone(p.names)
	if !p.named {
		slices.SortFunc(names, func(a, b string) int {
			x, _ := strconv.Atoi(a)
			y, _ := strconv.Atoi(b)
			return cmp.Compare(x, y)
		})
	}
	list := make([]Parameter, len(names))
	for i, name := range names {
		list[i] = Parameter{Name: name, Value: filling(name), Sample: sampleOf(name, p.samples[name])}
	}
	return list
}

// sampleOf is an example as the catalogue keeps it; the name where there is none.
func sampleOf(name, given string) string {
	given = strings.Join(strings.Fields(given), " ")
	if letters := []rune(given); len(letters) > maxSampleText {
		given = string(letters[:maxSampleText])
	}
	if given == "" || strings.Contains(given, "{{") || strings.Contains(given, "{%") {
		return name
	}
	return given
}
