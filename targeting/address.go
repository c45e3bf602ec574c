package targeting

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"carillon/internal/fault"
	"carillon/providers"
	"carillon/targeting/csvfile"
)

// AddressKinds lists every kind of address that a contact may have.
func AddressKinds() []providers.AddressKind { return kinds[:] }

// kinds fixes the order in which a batch keeps addresses: that of
// providers.AddressKinds, as an array.
var kinds = [...]providers.AddressKind{
	providers.Email, providers.Phone, providers.SMS, providers.WhatsApp, providers.Telegram, providers.Viber,
	providers.Facebook, providers.Instagram, providers.Push, providers.Web, providers.Custom,
}

// MaxAddress is the longest address of any kind, in bytes: an entry of an index
// must hold it.
const MaxAddress = 1024

// NormalAddress checks an address and gives it the one form in which it is
// stored, compared and suppressed: E.164 for phones, SMS and WhatsApp; for e-mail
// the whole address in lower case, because no mail system in use tells Ann@ from
// ann@, and who opts out as one must not be written to as the other; the ids of
// messengers without white space around them. country is the ISO 3166 code for
// phone numbers without +, and may be empty. The error's field is the kind.
func NormalAddress(kind providers.AddressKind, value, country string) (string, error) {
	normal, reason := normalAddress(kind, value, country)
	if reason == "" && normal == "" {
		reason = "is empty"
	}
	switch {
	case reason == noKind:
		return "", fault.InvalidField("kind", string(kind), "%s%s", noKind, kindNames())
	case reason != "":
		return "", fault.InvalidField(string(kind), value, "%s", reason)
	}
	return normal, nil
}

const noKind = "is no kind of address: use one of "

func kindNames() string {
	names := make([]string, 0, len(AddressKinds()))
	for _, kind := range AddressKinds() {
		names = append(names, string(kind))
	}
	return strings.Join(names, ", ")
}

func normalAddress(kind providers.AddressKind, value, country string) (normal, reason string) {
	switch kind {
	case providers.Email:
		normal, reason = csvfile.Check(csvfile.FieldEmail, value, "")
		return foldEmail(kind, normal), reason
	case providers.Phone, providers.SMS, providers.WhatsApp:
		return csvfile.Check(csvfile.FieldPhone, value, country)
	case providers.Telegram:
		id := strings.TrimPrefix(strings.TrimSpace(value), "-")
		if id != "" && (!digits(id) || len(id) > 19 || id[0] == '0') {
			return "", "is no chat id of Telegram: a number such as 123456789, which a bot learns when somebody writes to it"
		}
		return strings.TrimSpace(value), ""
	case providers.Facebook, providers.Instagram:
		id := strings.TrimSpace(value)
		if !digits(id) || len(id) > 32 {
			return "", "is no id of a user as the platform gives it to a page: digits alone"
		}
		return id, ""
	case providers.Viber, providers.Push, providers.Web, providers.Custom:
		id := strings.TrimSpace(value)
		switch {
		case !utf8.ValidString(id) || strings.ContainsFunc(id, unicode.IsControl):
			return "", "has control characters or broken UTF-8 in it"
		case len(id) > MaxAddress:
			return "", fmt.Sprintf("is longer than %d bytes", MaxAddress)
		case kind != providers.Custom && strings.ContainsFunc(id, unicode.IsSpace):
			return "", "has white space in it"
		}
		return id, ""
	default:
		return "", noKind
	}
}

func digits(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}

// recognizable reports whether a text that is an address of the kind is most
// likely meant as one; ids of other kinds look like anything.
func recognizable(kind providers.AddressKind) bool {
	return slices.Contains([]providers.AddressKind{providers.Email, providers.Phone, providers.SMS, providers.WhatsApp}, kind)
}

// foldEmail makes an e-mail address lower case; strings.ToLower copies nothing
// where there is nothing to do.
func foldEmail(kind providers.AddressKind, address string) string {
	if kind == providers.Email {
		return strings.ToLower(address)
	}
	return address
}
