package contacts_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"carillon/contacts"
	"carillon/contacts/value"
	"carillon/internal/fault"
	"carillon/providers"
)

func read(file string) (list []contacts.Suppression, refused []contacts.RefusedLine, err error) {
	err = contacts.ReadSuppressions(strings.NewReader(file), func(p contacts.Suppression, r *contacts.RefusedLine) error {
		if r != nil {
			refused = append(refused, *r)
		} else {
			list = append(list, p)
		}
		return nil
	})
	return list, refused, err
}

func TestReadSuppressions(t *testing.T) {
	hash := strings.Repeat("0f", 32)
	list, refused, err := read("\uFEFFKind,Address,reason,opted_out,hash\r\n" +
		"email, Ada@Example.org ,,,\r\n" +
		"phone,'+49 151 12345678,bounced,true,\r\n" +
		"email,nonsense,,,\r\n" +
		"pigeon,x,,,\r\n" +
		"email,,,,\r\n" +
		"email,\"two\nlines@example.org\",,,\r\n" +
		"email,,complained,," + strings.ToUpper(hash) + "\r\n" +
		"pigeon,,,," + hash + "\r\n" +
		"email,,,,0f\r\n" +
		"email,b@example.org," + strings.Repeat("x", 201) + ",,\r\n" +
		"email,a\"b,,,\r\n" +
		"email,last@example.org\r\n")
	require.NoError(t, err)
	require.Equal(t, []contacts.Suppression{
		{Kind: providers.Email, Address: "ada@example.org", Reason: "unsubscribed", OptedOut: true},
		{Kind: providers.Phone, Address: "+4915112345678", Reason: "bounced", OptedOut: true},
		{Kind: providers.Email, Hash: hash, Reason: "complained"},
		{Kind: providers.Email, Address: "last@example.org", Reason: "unsubscribed", OptedOut: true},
	}, list)
	lines := make([]int64, len(refused))
	for i, r := range refused {
		lines[i] = r.Line
		require.NotEmpty(t, r.Reason)
	}
	require.Equal(t, []int64{4, 5, 6, 7, 10, 11, 12, 13}, lines)

	list, refused, err = read("email,phone\na@example.org,\n,+4915112345678\nb@example.org,+4915112345679\n")
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.Equal(t, providers.Phone, list[1].Kind)
	require.Contains(t, refused[0].Reason, "more than one address")

	for file, want := range map[string]string{"": "is empty", "colour,size\nred,1\n": "kind and address", "kind\nemail\n": "kind and address", "\"": "no CSV"} {
		_, _, err := read(file)
		require.ErrorContains(t, err, want)
		require.True(t, fault.Is(err, fault.Invalid))
	}
	stop := errors.New("stop")
	require.ErrorIs(t, contacts.ReadSuppressions(strings.NewReader("email\nx\n"), func(contacts.Suppression, *contacts.RefusedLine) error { return stop }), stop)
}

func FuzzReadSuppressions(f *testing.F) {
	for _, seed := range []string{
		"kind,address,reason,hash\nemail,a@example.org,x,\n", "email\na@example.org\n", "phone\n+4915112345678\n", "\uFEFFemail\n\"",
		"kind,hash\nemail," + strings.Repeat("ab", 32),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, file string) {
		list, refused, err := read(file)
		if err != nil {
			require.True(t, fault.Is(err, fault.Invalid), err)
		}
		for _, p := range list {
			require.NotEqual(t, p.Hash == "", p.Address == "", "one of both")
			require.NotEmpty(t, p.Reason)
			if p.Hash != "" {
				require.Len(t, p.Hash, 64)
				continue
			}
			normal, err := value.Normal(p.Kind, p.Address, "")
			require.NoError(t, err)
			require.Equal(t, normal, p.Address)
		}
		for _, r := range refused {
			require.Positive(t, r.Line)
			require.NotEmpty(t, r.Reason)
			require.True(t, utf8.ValidString(r.Value))
		}
	})
}
