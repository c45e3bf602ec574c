package value

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/nyaruka/phonenumbers"
	"github.com/stretchr/testify/require"
)

// slowly is what the library alone makes of a number.
func slowly(v, country string) string {
	n, err := phonenumbers.Parse(v, country)
	if err != nil || phonenumbers.IsPossibleNumberWithReason(n) != phonenumbers.IS_POSSIBLE {
		return ""
	}
	return phonenumbers.Format(n, phonenumbers.E164)
}

// TestQuickPhonesAgreeWithTheLibrary holds both short cuts to the library over
// numbers of every region, with and without prefixes, valid and not.
func TestQuickPhonesAgreeWithTheLibrary(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	digits := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte('0' + rnd.IntN(10))
		}
		return string(b)
	}
	asked, quick := 0, 0
	for region := range phonenumbers.GetSupportedRegions() {
		code := phonenumbers.GetCountryCodeForRegion(region)
		example := phonenumbers.GetNationalSignificantNumber(phonenumbers.GetExampleNumber(region))
		mobile := ""
		if n := phonenumbers.GetExampleNumberForType(region, phonenumbers.MOBILE); n != nil {
			mobile = phonenumbers.GetNationalSignificantNumber(n)
		}
		var nationals []string
		for _, n := range []string{example, mobile, digits(4) + example, digits(7), digits(8), digits(9), digits(10), digits(11)} {
			if n == "" {
				continue
			}
			nationals = append(nationals, n, "0"+n, "1"+n, "8"+n, n[:len(n)-1]+digits(1), n[:len(n)/2]+digits(len(n)-len(n)/2), n[1:], "00"+n, "15"+n)
		}
		for _, n := range nationals {
			asked += 2
			e164 := fmt.Sprintf("+%d%s", code, n)
			if quickPhone(e164) {
				quick++
				require.Equal(t, slowly(e164, ""), e164)
			}
			for _, v := range []string{n, fmt.Sprintf("%d%s", code, n)} {
				if got, ok := quickNational(v, region); ok {
					quick++
					require.Equal(t, slowly(v, region), got, "%s in %s", v, region)
				}
			}
		}
	}
	t.Logf("%d of %d numbers recognised without the library", quick, asked)
	require.Greater(t, quick, asked/5)
}

func TestPhones(t *testing.T) {
	for _, c := range []struct{ in, country, fallback, want string }{
		{"+491713920001", "", "", "+491713920001"},
		{"+49 171 392-0001", "", "", "+491713920001"},
		{"+49 (0)171/3920001", "", "", "+491713920001"},
		{"0049 171 3920001", "", "", "+491713920001"},
		{"0171 3920001", "DE", "", "+491713920001"},
		{"0171 3920001", "", "Germany", "+491713920001"},
		{"0171 3920001", "DE", "US", "+491713920001"},
		{"491713920001", "DE", "", "could be +491713920001 or +49491713920001"},
		{"33639980001", "FR", "", "+33639980001"},
		{"9123456789", "IN", "", "+919123456789"},
		{"'+491713920001", "", "", "+491713920001"},
		{"tel:+49-171-3920001", "", "", "+491713920001"},
		{"\u202A+49\u00A0171\u00A03920001\u202C", "", "", "+491713920001"},
		{"06 12345678", "IT", "", "+390612345678"},
		{"(202) 555-0143", "US", "", "+12025550143"},
		{"1 202 555 0143", "US", "", "+12025550143"},
		{"8 912 345-67-89", "RU", "", "+79123456789"},
		{"0412 345 678", "AU", "", "+61412345678"},
		{"(011) 91234-5678", "BR", "", "+5511912345678"},
		{"011 15-2345-6789", "AR", "", "+5491123456789"},
		{"٠١٠١٢٣٤٥٦٧٨", "EG", "", "+201012345678"},
		{"0171 3920001", "", "", "no country code"},
		{"5550143", "US", "", "the area code is missing"},
		{"+49", "", "", "no phone number: too short"},
		{"+1202555014", "", "", "too short for its country"},
		{"+12025550143999", "", "", "too long for its country"},
		{"+999123456789", "", "", "the country code does not exist"},
		{"4.91512E+11", "DE", "", "a spreadsheet has turned"},
		{"4,91512E11", "DE", "", "a spreadsheet has turned"},
		{"+49 30 1234 ext 5", "", "", `"e" is not allowed`},
		{"+49 30 1234567, +49 30 1234568", "", "", `"," is not allowed`},
		{"+49 30 1234567 +49 30 1234568", "", "", "a + inside it"},
		{"none", "DE", "", `"n" is not allowed`},
		{"+", "", "", "no digits"},
		{"----", "DE", "", "no digits"},
		{"+1234567890123456789012345678901234567890123456789012345678901234567890", "", "", "too long"},
	} {
		vs, err := NewParser(c.fallback)
		require.NoError(t, err)
		got, reason := vs.Phone(c.in, c.country)
		if c.want[0] == '+' {
			require.Equal(t, c.want, got, "%q in %q: %s", c.in, c.country, reason)
			require.Empty(t, reason)
		} else {
			require.Contains(t, reason, c.want, "%q in %q gave %q", c.in, c.country, got)
		}
	}
}
