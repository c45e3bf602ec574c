package value

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"carillon/internal/fault"
	"carillon/providers"
)

// MaxAddress is the longest address of any kind, in bytes: an entry of an index
// must hold it.
const MaxAddress = 1024

// kind is what is known of one kind of address.
type kind struct {
	name providers.AddressKind
	// check brings an address without white space around it, which is not empty,
	// into its one form. country is an ISO code and may be empty.
	check func(v, country string) (normal, reason string)
	// telling says that a text which is an address of the kind is most likely meant
	// as one; ids of other kinds look like anything.
	telling bool
	// codes are what MessengerPeople calls the kind in its files; FACTS.md has them.
	codes string
}

// kinds is the one table of the kinds of address, in the order of
// providers.AddressKinds, in which a batch keeps addresses. FACTS.md and the
// providers' own documents say what their ids look like.
var kinds = [NumKinds]kind{
	{name: providers.Email, check: mailbox, telling: true},
	{name: providers.Phone, check: dialled, telling: true},
	{name: providers.SMS, check: dialled, telling: true},
	{name: providers.WhatsApp, check: dialled, telling: true, codes: "wa wb"},
	{name: providers.Telegram, check: chatID, codes: "tg"},
	{name: providers.Viber, check: opaque, codes: "vi"},
	{name: providers.Facebook, check: pageScopedID, codes: "fb"},
	{name: providers.Instagram, check: pageScopedID, codes: "in"},
	{name: providers.Push, check: opaque, codes: "wn"},
	{name: providers.Web, check: web},
	{name: providers.Custom, check: text, codes: "cc"},
}

// NumKinds is how many kinds of address there are.
const NumKinds = 11

// kindNames are the names of kinds.
var kindNames = func() (names [NumKinds]providers.AddressKind) {
	for i, k := range kinds {
		names[i] = k.name
	}
	return names
}()

// Kinds lists every kind of address that a contact may have, in the order of
// their indexes. The list is not to be changed.
func Kinds() []providers.AddressKind { return kindNames[:] }

// KindIndex is the place of a kind in Kinds, -1 if it is none.
func KindIndex(name providers.AddressKind) int { return slices.Index(kindNames[:], name) }

// KindNames are the names of all kinds, as an error lists them.
func KindNames() string {
	names := make([]string, len(kinds))
	for i, name := range kindNames {
		names[i] = string(name)
	}
	return strings.Join(names, ", ")
}

// KindByCode is the kind that MessengerPeople's files call by a code of two small
// letters; empty if none is.
func KindByCode(code string) providers.AddressKind {
	for _, k := range kinds {
		if slices.Contains(strings.Fields(k.codes), code) {
			return k.name
		}
	}
	return ""
}

// Telling reports whether a text that is an address of the kind is most likely
// meant as one; ids of other kinds look like anything.
func Telling(name providers.AddressKind) bool {
	i := KindIndex(name)
	return i >= 0 && kinds[i].telling
}

// CheckKind says what is wrong with the name of a kind, if anything is.
func CheckKind(name providers.AddressKind) (reason string) {
	if KindIndex(name) >= 0 {
		return ""
	}
	return "is no kind of address: use one of " + KindNames()
}

// Address brings an address into the one form in which it is stored, compared
// and suppressed: E.164 for phones, SMS and WhatsApp; for e-mail the whole address
// in lower case, because no mail system in use tells Ann@ from ann@, and who opts
// out as one must not be written to as the other; the ids of messengers without
// white space around them. country is the ISO code or the name of the country of
// phone numbers without +, and may be empty. What is empty stays so; a reason
// means that the value is no address of the kind.
func Address(name providers.AddressKind, v, country string) (normal, reason string) {
	if reason := CheckKind(name); reason != "" {
		return "", reason
	}
	if v = strings.TrimSpace(v); v == "" {
		return "", ""
	}
	normal, reason = kinds[KindIndex(name)].check(v, country)
	if reason != "" {
		return "", reason
	}
	return normal, ""
}

// Normal is Address for one that must not be empty, with an error of code
// Invalid whose field is the kind.
func Normal(name providers.AddressKind, v, country string) (string, error) {
	if reason := CheckKind(name); reason != "" {
		return "", fault.InvalidField("kind", string(name), "%s", reason)
	}
	normal, reason := Address(name, v, country)
	if reason == "" && normal == "" {
		reason = "is empty"
	}
	if reason != "" {
		return "", fault.InvalidField(string(name), v, "%s", reason)
	}
	return normal, nil
}

// mailbox is Email in lower case; strings.ToLower copies nothing where there is
// nothing to do.
func mailbox(v, _ string) (normal, reason string) {
	normal, reason = Email(v)
	return strings.ToLower(normal), reason
}

// dialled is Phone, where the country may be a name.
func dialled(v, country string) (normal, reason string) {
	if country != "" {
		if country, reason = Country(country); reason != "" {
			return "", reason
		}
	}
	return Phone(v, country)
}

func chatID(v, _ string) (normal, reason string) {
	id := strings.TrimPrefix(v, "-")
	if id != "" && (!Digits(id) || len(id) > 19 || id[0] == '0') {
		return "", "is no chat id of Telegram: a number such as 123456789, which a bot learns when somebody writes to it"
	}
	return v, ""
}

func pageScopedID(v, _ string) (normal, reason string) {
	if !Digits(v) || len(v) > 32 {
		return "", "is no id of a user as the platform gives it to a page: digits alone"
	}
	return v, ""
}

// opaque is an id of a messenger that looks like anything, but is one word.
func opaque(v, country string) (normal, reason string) {
	if normal, reason = text(v, country); reason == "" && strings.ContainsFunc(v, unicode.IsSpace) {
		return "", "has white space in it"
	}
	return normal, reason
}

func text(v, _ string) (normal, reason string) {
	switch {
	case !utf8.ValidString(v) || strings.ContainsFunc(v, unicode.IsControl):
		return "", "has control characters or broken UTF-8 in it"
	case len(v) > MaxAddress:
		return "", fmt.Sprintf("is longer than %d bytes", MaxAddress)
	}
	return v, ""
}
