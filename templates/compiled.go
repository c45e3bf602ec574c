package templates

import (
	"errors"
	"maps"
	"slices"

	"carillon/internal/fault"
	"carillon/providers"
	"carillon/templates/liquid"
)

// Compiled is a content in all of its languages, ready to be rendered for recipients. It
// is safe for concurrent use.
type Compiled struct {
	languages Languages
	contents  map[string]*liquid.Content
	// outside is what goes to who has not written within the channel's window; nil for nothing.
	outside *Compiled
}

// Plain is a content without a template as a Resolved: it is everybody's.
func Plain(content providers.Content) Resolved {
	return Resolved{Languages: Languages{Has: []string{""}}, Contents: map[string]providers.Content{"": content}}
}

// Texts are the contents in every language, and those for who is outside of the channel's window.
func (r *Resolved) Texts() (list []providers.Content) {
	for _, tag := range r.Languages.Has {
		list = append(list, r.Contents[tag])
	}
	if r.Outside != nil {
		list = append(list, r.Outside.Texts()...)
	}
	return list
}

// RenderedBy are the names of the snippets that the contents render themselves: a run
// keeps their texts as they are when it is fired, as it keeps the Resolved.
func (r *Resolved) RenderedBy() []string {
	var names []string
	for _, tag := range r.Languages.Has {
		for _, name := range liquid.RenderedBy(r.in(tag)) {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	if r.Outside != nil {
		for _, name := range r.Outside.RenderedBy() {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// Compile compiles the content of every language with the snippets that are given by
// their names. Errors are of code Invalid and say in which language they are.
func (r *Resolved) Compile(snippets map[string]string) (*Compiled, error) {
	c := &Compiled{languages: r.Languages, contents: make(map[string]*liquid.Content, len(r.Contents))}
	var wrong []fault.Field
	for _, tag := range r.Languages.Has {
		content, err := liquid.Compile(r.in(tag), snippets)
		if err != nil {
			fields, rest := fault.Gather(nil, err)
			if rest != nil {
				return nil, rest
			}
			for _, f := range fields {
				if tag != "" {
					f.Message = "in " + tag + ": " + f.Message
				}
				wrong = append(wrong, f)
			}
			continue
		}
		c.contents[tag] = content
	}
	if r.Outside != nil {
		var err error
		if c.outside, err = r.Outside.Compile(snippets); err != nil {
			fields, rest := fault.Gather(nil, err)
			if rest != nil {
				return nil, rest
			}
			for _, f := range fields {
				f.Location = "content.window_template"
				wrong = append(wrong, f)
			}
		}
	}
	return c, fault.InvalidFields(wrong)
}

// all are the contents in every language, with those for who is outside of the window.
func (c *Compiled) all() []*liquid.Content {
	list := slices.Collect(maps.Values(c.contents))
	if c.outside != nil {
		list = append(list, c.outside.all()...)
	}
	return list
}

// Outside is the content for somebody who has a language and is outside of the channel's window,
// with the language that was chosen; nil where there is none.
func (c *Compiled) Outside(language string) (content *liquid.Content, tag string) {
	if c.outside == nil {
		return nil, ""
	}
	tag, _ = c.outside.languages.Choose(language)
	return c.outside.contents[tag], tag
}

// FallsBack reports whether there is a template for who is outside of the channel's window.
func (c *Compiled) FallsBack() bool { return c.outside != nil }

// ErrNoLanguage says that a template has no content for anybody.
var ErrNoLanguage = errors.New("the template has no translation")

// For is the content for somebody who has a language, with the language that was chosen
// and how.
func (c *Compiled) For(language string) (content *liquid.Content, tag string, how Choice, err error) {
	tag, how = c.languages.Choose(language)
	if content = c.contents[tag]; content == nil {
		err = ErrNoLanguage
	}
	return content, tag, how, err
}

// Unknown says which values the contents ask for that nobody has, each once.
func (c *Compiled) Unknown(columns, attributes []string, feed *liquid.Feed) []string {
	var notices []string
	for _, tag := range c.languages.Has {
		for _, notice := range c.contents[tag].Unknown(columns, attributes, feed) {
			if !slices.Contains(notices, notice) {
				notices = append(notices, notice)
			}
		}
	}
	if c.outside != nil {
		for _, notice := range c.outside.Unknown(columns, attributes, feed) {
			if !slices.Contains(notices, notice) {
				notices = append(notices, notice)
			}
		}
	}
	return notices
}

// Answers are the answers of a flow for which a content asks.
func (c *Compiled) Answers() (keys []string) {
	for _, content := range c.all() {
		keys = append(keys, content.Answers()...)
	}
	return keys
}

// NeedsRow reports whether a content mentions the upload's row.
func (c *Compiled) NeedsRow() bool { return slices.ContainsFunc(c.all(), (*liquid.Content).NeedsRow) }
