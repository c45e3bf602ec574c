package store

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/contacts"
	"carillon/contacts/property"
	"carillon/internal/fault"
	"carillon/providers"
)

func given(pairs ...string) map[string]json.RawMessage {
	values := map[string]json.RawMessage{}
	for i := 0; i+1 < len(pairs); i += 2 {
		values[pairs[i]] = json.RawMessage(pairs[i+1])
	}
	return values
}

func testProperties(t testing.TB, s *Store, list ...property.Property) {
	t.Helper()
	for _, p := range list {
		_, err := contacts.NewProperties(s).Create(t.Context(), p)
		require.NoError(t, err)
	}
}

func TestAttributes(t *testing.T) {
	eachStore(t, func(t *testing.T, s *Store) {
		ctx, now := t.Context(), fakeTime(s)
		account := testAccount(t, s, "one")
		testProperties(t, s,
			property.Property{AccountID: account, Key: "plan", Type: property.Enum, Rule: "Free,Plus", Default: json.RawMessage(`"free"`)},
			property.Property{AccountID: account, Key: "age", Type: property.Number, Rule: ">=0 <=130"},
			property.Property{AccountID: account, Key: "code", Type: property.Text, Expires: time.Hour},
			property.Property{AccountID: account, Key: "tags", Type: property.Collection},
		)
		book := contacts.NewContacts(s)
		base := contacts.Contact{AccountID: account, FirstName: "ADA", Addresses: addressesOf("ada@example.com")}
		wrong := base
		wrong.Given = given("age", "200", "plan", `"gold"`, "nothing", "1", "tags", `["Ä\u0000"]`)
		_, err := book.Create(ctx, wrong, "")
		var refused *fault.Error
		require.ErrorAs(t, err, &refused)
		require.Len(t, refused.Fields, 4)
		require.Equal(t, "attributes.age", refused.Fields[0].Location)
		require.Contains(t, refused.Fields[0].Message, ">=0 <=130")
		require.EqualValues(t, 200, refused.Fields[0].Value)
		found, err := book.Search(ctx, contacts.ContactFilter{AccountID: account, Limit: 5})
		require.NoError(t, err)
		require.Empty(t, found, "what is refused changes nothing")

		good := base
		good.Given = given("age", "36.50", "code", `"Ä-1"`, "tags", `["B","ä"]`)
		c, err := book.Create(ctx, good, "")
		require.NoError(t, err)
		want := contacts.Attributes(given("plan", `"Free"`, "age", "36.5", "code", `"Ä-1"`, "tags", `["B","ä"]`))
		require.Equal(t, want, c.Attributes)
		require.Equal(t, map[string]time.Time{"code": now.Now().Add(time.Hour)}, c.Expiry)
		require.JSONEq(t, `{"first_name":"ada","attributes.plan":"free","attributes.code":"ä-1","attributes.tags":["b","ä"]}`, columnsOf(t, s, "folded")[0])

		c, err = book.Update(ctx, account, c.ID, contacts.ContactChange{Attributes: given("age", "null", "plan", `"PLUS"`)})
		require.NoError(t, err)
		delete(want, "age")
		want["plan"] = json.RawMessage(`"Plus"`)
		require.Equal(t, want, c.Attributes)
		last := "Lovelace"
		c, err = book.Update(ctx, account, c.ID, contacts.ContactChange{LastName: &last, LastActivityAt: new(now.Now())})
		require.NoError(t, err)
		require.Equal(t, want, c.Attributes, "what is not mentioned stays")
		require.Equal(t, now.Now(), *c.LastActivityAt)
		require.JSONEq(t, `{"first_name":"ada","last_name":"lovelace","attributes.plan":"plus","attributes.code":"ä-1","attributes.tags":["b","ä"]}`,
			columnsOf(t, s, "folded")[0])

		// A value whose time is over is gone at once, and swept later.
		now.Advance(time.Hour)
		delete(want, "code")
		c, err = book.Get(ctx, account, c.ID)
		require.NoError(t, err)
		require.Equal(t, want, c.Attributes)
		require.Contains(t, columnsOf(t, s, "attributes")[0], "code")
		people, err := s.reader().recipients(ctx, []int64{c.ID}, providers.Email, nil)
		require.NoError(t, err)
		require.JSONEq(t, want.JSON(), people[c.ID].Attributes)
		sweeper := contacts.NewSweeper(s)
		worked, err := sweeper.Run(ctx)
		require.NoError(t, err)
		require.False(t, worked)
		require.JSONEq(t, want.JSON(), columnsOf(t, s, "attributes")[0])
		require.JSONEq(t, "{}", columnsOf(t, s, "attribute_expiry")[0])
		require.NotContains(t, columnsOf(t, s, "folded")[0], "code")
	})
}

func TestMigrationFillsFolded(t *testing.T) {
	eachStore(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		account := testAccount(t, s, "one")
		withValues(t, s, valued{account, "code", ValuesAtOnce + 2, func(i int) string {
			if i%2 == 0 {
				return `"É"`
			}
			return ""
		}})
		provider, err := s.goose()
		require.NoError(t, err)
		_, err = provider.DownTo(ctx, foldedVersion-1)
		require.NoError(t, err)
		require.JSONEq(t, "{}", columnsOf(t, s, "folded")[0])
		_, err = s.Migrate(ctx)
		require.NoError(t, err)
		folded := columnsOf(t, s, "folded")
		require.JSONEq(t, `{"name":"name 0","attributes.code":"é","attributes.other":"ä"}`, folded[0])
		require.JSONEq(t, `{"name":"name 5001"}`, folded[ValuesAtOnce+1])
	})
}
