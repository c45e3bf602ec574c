package wording

import (
	"strings"

	"carillon/contacts/value"
	"carillon/providers"
)

// codes are what MessengerPeople calls the messengers.
var codes = []struct {
	code string
	kind providers.AddressKind
}{
	{"WB", providers.WhatsApp}, {"FB", providers.Facebook}, {"TG", providers.Telegram}, {"VI", providers.Viber},
	{"WN", providers.Push}, {"CC", providers.Custom}, {"IN", providers.Instagram},
}

// CodeOf is what a kind of address is called; empty for those that are no messenger's.
func CodeOf(kind providers.AddressKind) string {
	for _, c := range codes {
		if c.kind == kind {
			return c.code
		}
	}
	return ""
}

// Messengers are the kinds of address that users have.
func Messengers() (kinds []providers.AddressKind) {
	for _, c := range codes {
		kinds = append(kinds, c.kind)
	}
	return kinds
}

// KindOf is the kind of address that a code stands for; empty for none.
func KindOf(code string) providers.AddressKind {
	kind := value.KindByCode(strings.ToLower(code))
	if CodeOf(kind) == "" {
		return ""
	}
	return kind
}
