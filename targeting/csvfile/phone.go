package csvfile

import (
	"errors"
	"regexp"
	"strings"
	"sync"

	"github.com/nyaruka/phonenumbers"
)

// maxPhoneInput bounds what is tried as a phone number, in bytes.
const maxPhoneInput = 64

// phonePlan is what the numbers behind one country calling code look like.
type phonePlan struct {
	// lengths has bit n set if a national number may have n digits.
	lengths uint32
	// prefix matches what the library would take for a trunk prefix or carrier
	// code and may remove; literal is that prefix where it is plain digits. Both
	// empty: there is none.
	prefix  *regexp.Regexp
	literal string
}

// phonePlans is the part of the numbering plans that E.164 numbers are checked
// against, by calling code. It is constant data, worked out when first needed.
var phonePlans = sync.OnceValue(func() map[int]phonePlan {
	plans := make(map[int]phonePlan)
	all, err := phonenumbers.MetadataCollection()
	if err != nil {
		return plans // every number then goes the library's slow way
	}
	for _, m := range all.GetMetadata() {
		code := int(m.GetCountryCode())
		if m.GetId() != phonenumbers.GetRegionCodeForCountryCode(code) {
			continue // the library too judges by the main region of a code
		}
		var p phonePlan
		for _, n := range m.GetGeneralDesc().GetPossibleLength() {
			if n > 0 && n < 32 {
				p.lengths |= 1 << n
			}
		}
		switch prefix := m.GetNationalPrefixForParsing(); {
		case prefix == "":
		case strings.Trim(prefix, "0123456789") == "":
			p.literal = prefix
		default:
			if p.prefix, err = regexp.Compile("^(?:" + prefix + ")"); err != nil {
				continue
			}
		}
		plans[code] = p
	}
	return plans
})

// quickPhone recognises a number that is E.164 already and that the library
// would return unchanged as a possible number. False means only that the
// library must be asked.
func quickPhone(v string) bool {
	if len(v) < 8 || len(v) > 16 || v[0] != '+' || v[1] == '0' {
		return false
	}
	for i := 1; i < len(v); i++ {
		if v[i] < '0' || v[i] > '9' {
			return false
		}
	}
	plans := phonePlans()
	code := 0
	for n := 1; n <= 3; n++ {
		code = code*10 + int(v[n]-'0')
		p, ok := plans[code]
		if !ok {
			continue
		}
		national := v[n+1:]
		switch {
		case p.lengths>>len(national)&1 == 0, national[0] == '0':
			return false
		case p.literal != "":
			return !strings.HasPrefix(national, p.literal)
		case p.prefix != nil:
			return !p.prefix.MatchString(national)
		}
		return true
	}
	return false
}

// phone makes a number E.164. country is the row's, as an ISO code, and may be
// empty. A reason means that it is no number that could exist.
func (vs *values) phone(v, country string) (e164, reason string) {
	if quickPhone(v) {
		return v, ""
	}
	if len(v) > maxPhoneInput {
		return "", "no phone number: too long"
	}
	v, reason = tidyPhone(v)
	if reason != "" {
		return "", reason
	}
	if country == "" {
		country = vs.defaultCountry
	}
	if country == "" && strings.HasPrefix(v, "00") {
		v = "+" + v[2:]
	}
	if country == "" && v[0] != '+' {
		return "", "no country code: write the number with + and its country code, fill a country column or give a default country"
	}
	if quickPhone(v) {
		return strings.Clone(v), ""
	}
	n, err := phonenumbers.Parse(v, country)
	if err != nil {
		switch {
		case errors.Is(err, phonenumbers.ErrInvalidCountryCode):
			return "", "no phone number: the country code does not exist"
		case errors.Is(err, phonenumbers.ErrTooShortNSN), errors.Is(err, phonenumbers.ErrTooShortAfterIDD):
			return "", "no phone number: too short"
		case errors.Is(err, phonenumbers.ErrNumTooLong):
			return "", "no phone number: too long"
		}
		return "", "no phone number"
	}
	switch phonenumbers.IsPossibleNumberWithReason(n) {
	case phonenumbers.IS_POSSIBLE:
		return phonenumbers.Format(n, phonenumbers.E164), ""
	case phonenumbers.IS_POSSIBLE_LOCAL_ONLY:
		return "", "the area code is missing"
	case phonenumbers.TOO_SHORT:
		return "", "no phone number: too short for its country"
	case phonenumbers.TOO_LONG:
		return "", "no phone number: too long for its country"
	}
	return "", "no phone number: of a length that its country does not have"
}

// tidyPhone leaves only what a number is made of: a leading + and digits (the 0
// of "+49 (0) 30" too, which the library removes where it has to go). It
// refuses what the library would guess at: letters, extensions, two numbers.
func tidyPhone(v string) (tidy, reason string) {
	v = strings.TrimPrefix(v, "'") // how spreadsheets mark text
	if len(v) > 4 && strings.EqualFold(v[:4], "tel:") {
		v = v[4:]
	}
	var b [maxPhoneInput]byte
	out := b[:0]
	for _, r := range v {
		switch {
		case r >= '0' && r <= '9':
			out = append(out, byte(r))
		case r >= '٠' && r <= '٩':
			out = append(out, byte('0'+r-'٠'))
		case r >= '۰' && r <= '۹':
			out = append(out, byte('0'+r-'۰'))
		case r >= '０' && r <= '９':
			out = append(out, byte('0'+r-'０'))
		case r == '+' || r == '＋':
			if len(out) > 0 {
				if scientific(v) {
					return "", "a spreadsheet has turned the number into a rounded one; format the column as text and export again"
				}
				return "", "no phone number: a + inside it; give one number"
			}
			out = append(out, '+')
		case strings.ContainsRune(" -.()/[]\u00A0\u2007\u2009\u202F\u2010\u2011\u2012\u2013\u2014\u2212", r):
		case r == '\u200B' || r == '\u200E' || r == '\u200F' || r == '\u202A' || r == '\u202C' || r == '\u2060' || r == '\uFEFF':
			// Invisible marks come along when a number is copied.
		case scientific(v):
			return "", "a spreadsheet has turned the number into a rounded one; format the column as text and export again"
		default:
			return "", "no phone number: " + quoteRune(r) + " is not allowed in it"
		}
	}
	if len(out) == 0 || len(out) == 1 && out[0] == '+' {
		return "", "no phone number: no digits in it"
	}
	return string(out), ""
}

// scientific recognises 4.91512E+11.
func scientific(v string) bool {
	i := strings.IndexAny(v, "eE")
	return i > 0 && strings.Trim(v[:i], "0123456789.,") == "" && i+1 < len(v) && strings.Trim(v[i+1:], "+0123456789") == ""
}
