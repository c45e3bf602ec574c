package value

import (
	"errors"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"sync"

	"github.com/nyaruka/phonenumbers"
)

// maxPhoneInput bounds what is tried as a phone number, in bytes.
const maxPhoneInput = 64

// phonePlan is what the library knows of the numbers of one region, as far as
// it is needed to see that the library would take a number as it stands.
type phonePlan struct {
	code string // the country calling code
	// lengths has bit n set if a national number may have n digits.
	lengths uint32
	// prefix matches what may be removed from the front of a national number
	// (trunk prefix, carrier code); literal is that where it is plain digits.
	prefix  *regexp.Regexp
	literal string
	// transforms says that a match of prefix may rewrite the number.
	transforms bool
	// abroad matches the prefix of calls abroad.
	abroad *regexp.Regexp
	// first says with which digits a full national number may begin.
	first [10]bool
}

// phonePlans are the numbering plans by region and, of the main region of each,
// by calling code.
type phonePlans struct {
	byRegion map[string]*phonePlan
	byCode   [1000]*phonePlan
}

// loadPhonePlans is constant data, worked out when first needed.
var loadPhonePlans = sync.OnceValue(func() *phonePlans {
	plans := &phonePlans{byRegion: make(map[string]*phonePlan)}
	all, err := phonenumbers.MetadataCollection()
	if err != nil {
		return plans // every number then goes the library's slow way
	}
	for _, m := range all.GetMetadata() {
		p := newPhonePlan(m)
		code := int(m.GetCountryCode())
		if p == nil || code >= len(plans.byCode) {
			continue
		}
		// The library too judges a number with a code by the code's main region.
		if m.GetId() == phonenumbers.GetRegionCodeForCountryCode(code) {
			plans.byCode[code] = p
		}
		if m.GetId() != "001" {
			plans.byRegion[m.GetId()] = p
		}
	}
	return plans
})

func newPhonePlan(m *phonenumbers.PhoneMetadata) *phonePlan {
	p := &phonePlan{
		code:       strconv.Itoa(int(m.GetCountryCode())),
		transforms: m.GetNationalPrefixTransformRule() != "",
	}
	for _, n := range m.GetGeneralDesc().GetPossibleLength() {
		if n > 0 && n < 32 {
			p.lengths |= 1 << n
		}
	}
	var err error
	prefix := m.GetNationalPrefixForParsing()
	if strings.Trim(prefix, "0123456789") == "" {
		p.literal = prefix
	} else if p.prefix, err = regexp.Compile("^(?:" + prefix + ")"); err != nil {
		return nil
	}
	if p.abroad, err = regexp.Compile("^(?:" + m.GetInternationalPrefix() + ")"); err != nil {
		return nil
	}
	if p.first, err = firstDigits(m.GetGeneralDesc().GetNationalNumberPattern()); err != nil {
		return nil
	}
	return p
}

// firstDigits says with which digits a match of the pattern can begin.
func firstDigits(pattern string) (first [10]bool, err error) {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return first, err
	}
	prog, err := syntax.Compile(re.Simplify())
	if err != nil {
		return first, err
	}
	seen := make([]bool, len(prog.Inst))
	var walk func(pc uint32)
	walk = func(pc uint32) {
		if seen[pc] {
			return
		}
		seen[pc] = true
		switch in := &prog.Inst[pc]; in.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			walk(in.Out)
			walk(in.Arg)
		case syntax.InstCapture, syntax.InstNop, syntax.InstEmptyWidth:
			walk(in.Out)
		case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
			for d := range first {
				first[d] = first[d] || in.MatchRune(rune('0'+d))
			}
		}
	}
	walk(uint32(prog.Start))
	return first, nil
}

// national says what the library makes of a number inside the region: it takes
// the trunk prefix off. False means that the library must be asked.
func (p *phonePlan) national(v string) (string, bool) {
	cut := 0
	switch {
	case p.literal != "":
		if strings.HasPrefix(v, p.literal) {
			cut = len(p.literal)
		}
	case p.prefix != nil:
		if m := p.prefix.FindStringSubmatchIndex(v); m != nil {
			if p.transforms && m[len(m)-2] >= 0 {
				return "", false
			}
			cut = m[1]
		}
	}
	// With a digit in front that no full number has, the prefix goes whatever
	// follows; otherwise it depends on the patterns of the region.
	if cut > 0 && p.first[v[0]-'0'] {
		return "", false
	}
	v = v[cut:]
	return v, len(v) > 0 && v[0] != '0' && p.lengths>>len(v)&1 != 0
}

// quickPhone recognises a number that is E.164 already and that the library
// would return unchanged as a possible number. False means only that the
// library must be asked.
func quickPhone(v string) bool {
	if len(v) < 8 || len(v) > 16 || v[0] != '+' || !Digits(v[1:]) {
		return false
	}
	plans := loadPhonePlans()
	code := 0
	for n := 1; n <= 3; n++ {
		code = code*10 + int(v[n]-'0')
		if p := plans.byCode[code]; p != nil {
			rest, ok := p.national(v[n+1:])
			return ok && len(rest) == len(v)-n-1
		}
	}
	return false
}

// quickNational is quickPhone for a number of digits alone, as it is dialled
// inside a region. It exists because the library takes 20 µs for one.
func quickNational(v, region string) (e164 string, ok bool) {
	if len(v) < 5 || len(v) > 16 || !Digits(v) {
		return "", false
	}
	plans := loadPhonePlans()
	p := plans.byRegion[region]
	if p == nil || strings.HasPrefix(v, p.code) || p.abroad.MatchString(v) {
		return "", false
	}
	v, ok = p.national(v)
	if !ok {
		return "", false
	}
	code, _ := strconv.Atoi(p.code)
	if main := plans.byCode[code]; main == nil || main.lengths>>len(v)&1 == 0 {
		return "", false
	}
	return "+" + p.code + v, true
}

// Digits reports whether a text is made of the digits 0 to 9 alone.
func Digits(v string) bool {
	for i := range len(v) {
		if v[i] < '0' || v[i] > '9' {
			return false
		}
	}
	return true
}

// Phone makes a number E.164. country is the ISO code of where it is dialled, and
// may be empty. A reason means that it is no number that could exist.
func Phone(v, country string) (e164, reason string) {
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
	if len(v) < 5 {
		return "", "no phone number: too short"
	}
	if country == "" && strings.HasPrefix(v, "00") {
		v = "+" + v[2:]
	}
	if country == "" && v[0] != '+' {
		return "", "no country code: write the number with + and its country code, fill a country column or give a default country"
	}
	if quickPhone(v) {
		return v, ""
	}
	if e164, ok := quickNational(v, country); ok {
		return e164, ""
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
	if n, reason = ownCode(v, country, n); reason != "" {
		return "", reason
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

// ownCode settles what a number means that begins with its country's own code
// but has no +, as WhatsApp and many exports write them. Where numbers have many
// lengths the library takes it for a national number that merely looks so, which
// would reach somebody else.
func ownCode(v, country string, n *phonenumbers.PhoneNumber) (*phonenumbers.PhoneNumber, string) {
	if v[0] == '+' || !strings.HasPrefix(v, strconv.Itoa(phonenumbers.GetCountryCodeForRegion(country))) {
		return n, ""
	}
	whole, err := phonenumbers.Parse("+"+v, "")
	if err != nil || !phonenumbers.IsValidNumber(whole) {
		return n, ""
	}
	with, without := phonenumbers.Format(whole, phonenumbers.E164), phonenumbers.Format(n, phonenumbers.E164)
	if with == without || !phonenumbers.IsValidNumber(n) {
		return whole, ""
	}
	return nil, "could be " + with + " or " + without + ": write it with + and its country code"
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
