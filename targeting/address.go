package targeting

import (
	"strings"

	"carillon/internal/fault"
	"carillon/providers"
	"carillon/targeting/csvfile"
)

// AddressKinds lists every kind of address that a contact may have.
func AddressKinds() []providers.AddressKind { return kinds[:] }

// kinds fixes the order in which a batch keeps addresses.
var kinds = [...]providers.AddressKind{providers.Email, providers.Phone}

// NormalAddress checks an address and gives it the one form in which it is
// stored, compared and suppressed: E.164 for phones; for e-mail the whole
// address in lower case, because no mail system in use tells Ann@ from ann@, and
// who opts out as one must not be written to as the other. country is the ISO
// 3166 code for phone numbers without +, and may be empty. The error's field is
// the kind.
func NormalAddress(kind providers.AddressKind, value, country string) (string, error) {
	field := csvfile.Field(kind)
	if field != csvfile.FieldEmail && field != csvfile.FieldPhone {
		return "", fault.InvalidField("kind", string(kind), "is no kind of address: use email or phone")
	}
	normal, reason := csvfile.Check(field, value, country)
	if reason == "" && normal == "" {
		reason = "is empty"
	}
	if reason != "" {
		return "", fault.InvalidField(string(kind), value, "%s", reason)
	}
	return foldEmail(kind, normal), nil
}

// foldEmail makes an e-mail address lower case; strings.ToLower copies nothing
// where there is nothing to do.
func foldEmail(kind providers.AddressKind, address string) string {
	if kind == providers.Email {
		return strings.ToLower(address)
	}
	return address
}
