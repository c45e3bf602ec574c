package value

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/fault"
	"carillon/providers"
)

// TestKinds holds the one table to the list of kinds that adapters know.
func TestKinds(t *testing.T) {
	require.Equal(t, providers.AddressKinds(), Kinds())
	for i, kind := range Kinds() {
		require.Equal(t, i, KindIndex(kind))
		require.Empty(t, CheckKind(kind))
		require.Contains(t, KindNames(), string(kind))
	}
	require.Equal(t, -1, KindIndex("name"))
	require.Equal(t, "is no kind of address: use one of "+KindNames(), CheckKind("name"))
	codes := map[string]providers.AddressKind{
		"wa": providers.WhatsApp, "wb": providers.WhatsApp, "fb": providers.Facebook, "in": providers.Instagram, "tg": providers.Telegram,
		"vi": providers.Viber, "wn": providers.Push, "cc": providers.Custom, "im": "", "w": "", "wa wb": "", "": "", "email": "",
	}
	for code, want := range codes {
		require.Equal(t, want, KindByCode(code), code)
	}
}

// TestAddressIsStable says that what is stored is stored again as it is, for
// values of every kind, and that no kind takes what has a control character.
func TestAddressIsStable(t *testing.T) {
	for _, kind := range Kinds() {
		taken := 0
		for _, v := range []string{"Ann@Example.COM", "+43 664 1234567", "123456789", "-100123", "f3Kq:APA91", "two words", strings.Repeat("9", 40),
			strings.Repeat("x", MaxAddress+1)} {
			normal, reason := Address(kind, "  "+v+" ", "")
			if reason != "" {
				require.Empty(t, normal)
				continue
			}
			taken++
			again, reason := Address(kind, normal, "")
			require.Empty(t, reason, "%s %q", kind, normal)
			require.Equal(t, normal, again, kind)
		}
		require.Positive(t, taken, kind)
		_, reason := Address(kind, "a\x00b", "")
		require.NotEmpty(t, reason, kind)
		empty, reason := Address(kind, "  ", "")
		require.Empty(t, empty+reason, kind)
	}
}

func TestNormal(t *testing.T) {
	for _, test := range []struct {
		kind                 providers.AddressKind
		value, country, want string
	}{
		{providers.Email, "Ann@Example.COM", "", "ann@example.com"},
		{providers.Phone, "0664/1234567", "AT", "+436641234567"},
		{providers.Phone, "0664/1234567", "Austria", "+436641234567"},
		{providers.Phone, "0664/1234567", "", ""},
		{providers.Email, "ann", "", ""},
		{providers.Email, " ", "", ""},
		{"name", "Ann", "", ""},
	} {
		got, err := Normal(test.kind, test.value, test.country)
		require.Equal(t, test.want, got, test.value)
		require.Equal(t, test.want == "", fault.Is(err, fault.Invalid), test.value)
	}
}

func ExampleAddress() {
	for _, a := range []struct {
		kind providers.AddressKind
		v    string
	}{{providers.Email, "Ann@Bücher.example"}, {providers.SMS, "0664/1234567"}, {providers.Telegram, "ann"}} {
		normal, reason := Address(a.kind, a.v, "Austria")
		fmt.Println(normal + reason)
	}
	// Output:
	// ann@xn--bcher-kva.example
	// +436641234567
	// is no chat id of Telegram: a number such as 123456789, which a bot learns when somebody writes to it
}

func ExampleLanguage() {
	tag, _ := Language("German (Austria)")
	fmt.Println(tag)
	// Output: de-AT
}
