package campaigns

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/providers"
)

// A number is an address where the campaign's channel says so, and a contact's id
// elsewhere.
func TestTheChannelSaysWhatANumberIs(t *testing.T) {
	for _, c := range []struct {
		kind      providers.AddressKind
		recipient string
		address   string
		contactID int64
	}{
		{providers.Email, "42", "", 42},
		{providers.Telegram, "42", "42", 42},
		{providers.Phone, "42", "", 42},
		{providers.Phone, "+49 151 12345678", "+4915112345678", 0},
		{providers.Email, "+49 151 12345678", "+4915112345678", 0},
		{providers.Email, "Ada@Example.org", "ada@example.org", 0},
		{providers.Email, "-3", "-3", 0},         // a group of Telegram
		{providers.Email, "nobody", "nobody", 0}, // a custom address
	} {
		require.Equal(t, c.address, addressOf(c.kind, c.recipient), "%s %s", c.kind, c.recipient)
		require.Equal(t, c.contactID, contactIDOf(c.recipient))
	}
}
