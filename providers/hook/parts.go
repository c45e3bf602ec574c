package hook

import (
	"encoding/json"
	"slices"

	"carillon/providers"
)

// maxPart bounds the texts of a reply's parts, in runes.
const maxPart = 1000

// parts are what a reply has beside words; one at most.
func (it *item) parts() (p providers.ReplyParts) {
	given := ""
	for _, name := range []string{"button", "choice", "location", "media"} {
		raw, ok := it.given(name)
		if !ok {
			continue
		}
		if given != "" {
			it.refuse(name, raw, "stands beside %s: a reply has one of button, choice, location and media", given)
			return p
		}
		given = name
		part := readItem(it.place+"."+name, raw)
		switch name {
		case "button":
			p.Button = part.option()
		case "choice":
			p.Choice = part.option()
		case "location":
			p.Location = part.location()
		default:
			p.Media = part.file()
		}
		if it.refused == nil {
			it.refused = part.refused
		}
	}
	return p
}

func (it *item) part(name string) string { return cleanUpTo(it.text(name), maxPart, false) }

func (it *item) option() *providers.ReplyOption {
	o := providers.ReplyOption{ID: it.part("id"), Title: it.part("title")}
	if o == (providers.ReplyOption{}) {
		it.refuse("id", nil, "is missing, and so is title: give what was chosen")
	}
	return &o
}

func (it *item) location() *providers.Location {
	return &providers.Location{
		Latitude: it.degrees("latitude", 90), Longitude: it.degrees("longitude", 180),
		Name: it.part("name"), Address: it.part("address"), URL: it.part("url"),
	}
}

// degrees is a number that is at most so far from 0.
func (it *item) degrees(name string, most float64) (value float64) {
	raw, ok := it.given(name)
	switch {
	case !ok:
		it.refuse(name, nil, "is missing: it must be a number from %g to %g", -most, most)
	case json.Unmarshal(raw, &value) != nil || value < -most || value > most:
		it.refuse(name, raw, "must be a number from %g to %g, not %s", -most, most, quote(string(raw)))
	}
	return value
}

func (it *item) file() *providers.ReplyFile {
	f := providers.ReplyFile{
		Type: providers.AttachmentType(it.text("type")), Caption: cleanUpTo(it.text("caption"), maxReply, true), Filename: it.part("filename"),
	}
	if !slices.Contains(providers.ReplyFileTypes(), f.Type) {
		it.refuse("type", shorten(string(f.Type)), "must be image, video, audio or document, not %s", quote(string(f.Type)))
	}
	return &f
}
