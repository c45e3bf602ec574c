package store_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/contacts"
	"carillon/contacts/property"
	"carillon/contacts/value"
	"carillon/internal/fault"
	"carillon/providers"
	"carillon/store"
	"carillon/store/sqldb"
	"carillon/store/storetest"
	"carillon/targeting"
)

func given(pairs ...string) map[string]json.RawMessage {
	values := map[string]json.RawMessage{}
	for i := 0; i+1 < len(pairs); i += 2 {
		values[pairs[i]] = json.RawMessage(pairs[i+1])
	}
	return values
}

func testProperties(t testing.TB, s *storetest.Store, list ...property.Property) {
	t.Helper()
	for _, p := range list {
		_, err := contacts.NewProperties(s).Create(t.Context(), p)
		require.NoError(t, err)
	}
}

func TestAttributes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx, now := t.Context(), s.FakeTime()
		account := s.Account("one")
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
		require.JSONEq(t, `{"first_name":"ada","attributes.plan":"free","attributes.code":"ä-1","attributes.tags":["b","ä"]}`,
			store.ColumnsOf(t, s.Store, "folded")[0])

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
			store.ColumnsOf(t, s.Store, "folded")[0])

		// A value whose time is over is gone at once, and swept later.
		now.Advance(time.Hour)
		delete(want, "code")
		c, err = book.Get(ctx, account, c.ID)
		require.NoError(t, err)
		require.Equal(t, want, c.Attributes)
		require.Contains(t, store.ColumnsOf(t, s.Store, "attributes")[0], "code")
		channel := providers.Channel{AccountID: account, Address: providers.Email}
		people, err := s.SampleAudience(ctx, channel, targeting.Audience{Contacts: []int64{c.ID}}, 0, 1)
		require.NoError(t, err)
		require.Len(t, people, 1)
		require.JSONEq(t, want.JSON(), people[0].Attributes)
		sweeper := contacts.NewSweeper(s)
		worked, err := sweeper.Run(ctx)
		require.NoError(t, err)
		require.False(t, worked)
		require.JSONEq(t, want.JSON(), store.ColumnsOf(t, s.Store, "attributes")[0])
		require.JSONEq(t, "{}", store.ColumnsOf(t, s.Store, "attribute_expiry")[0])
		require.NotContains(t, store.ColumnsOf(t, s.Store, "folded")[0], "code")
	})
}

// When a value was changed last is kept, whoever changes it, as long as there is the value.
func TestWhenValuesWereChanged(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx, now := t.Context(), s.FakeTime()
		account := s.Account("one")
		testProperties(t, s,
			property.Property{AccountID: account, Key: "plan", Type: property.Text}, property.Property{AccountID: account, Key: "age", Type: property.Number},
			property.Property{AccountID: account, Key: "code", Type: property.Text, Expires: 5 * time.Hour},
		)
		book := contacts.NewContacts(s)
		ada, err := book.Create(ctx, contacts.Contact{
			AccountID: account, Addresses: addressesOf("ada@example.com"), Given: given("plan", `"Plus"`, "age", "36", "code", `"x"`),
		}, "")
		require.NoError(t, err)
		at := map[string]time.Time{"plan": now.Now(), "age": now.Now(), "code": now.Now()}
		require.Equal(t, at, ada.ChangedAt)

		now.Advance(time.Hour)
		ada, err = book.Update(ctx, account, ada.ID, contacts.ContactChange{Attributes: given("plan", `"Plus"`, "age", "37")})
		require.NoError(t, err)
		at["age"] = now.Now()
		require.Equal(t, at, ada.ChangedAt, "what is said again is not changed")

		now.Advance(time.Hour)
		importCSV(t, s, account, csvFile{text: "email,plan,age\nada@example.com,Gold,37\nben@example.com,Free,\n"})
		at["plan"] = now.Now()
		ada, err = book.Get(ctx, account, ada.ID)
		require.NoError(t, err)
		require.Equal(t, at, ada.ChangedAt)
		ben, err := s.FindContact(ctx, account, providers.Email, "ben@example.com")
		require.NoError(t, err)
		require.Equal(t, map[string]time.Time{"plan": now.Now()}, ben.ChangedAt)

		now.Advance(time.Hour)
		_, err = targeting.NewJobs(s).Start(ctx, account, targeting.Bulk{
			Action: targeting.BulkSet, Property: "age", Value: json.RawMessage("37"), Audience: targeting.Audience{All: true},
		}, "me")
		require.NoError(t, err)
		finish(t, s)
		ada, err = book.Get(ctx, account, ada.ID)
		require.NoError(t, err)
		require.Equal(t, at, ada.ChangedAt)
		ben, err = book.Get(ctx, account, ben.ID)
		require.NoError(t, err)
		require.Equal(t, map[string]time.Time{"plan": now.Now().Add(-time.Hour), "age": now.Now()}, ben.ChangedAt)

		merged, err := book.Merge(ctx, contacts.Merging{AccountID: account, Keep: ben.ID, From: ada.ID, Actor: "me"})
		require.NoError(t, err)
		require.Equal(t, at["code"], merged.Contact.ChangedAt["code"], "as it was with the other")
		require.Equal(t, ben.ChangedAt["plan"], merged.Contact.ChangedAt["plan"])

		now.Advance(3 * time.Hour)
		_, err = contacts.NewSweeper(s).Run(ctx)
		require.NoError(t, err)
		require.NotContains(t, store.ColumnsOf(t, s.Store, "attribute_changed")[1], "code", "the value is over")
		ben, err = book.Update(ctx, account, ben.ID, contacts.ContactChange{Attributes: given("age", "null")})
		require.NoError(t, err)
		require.NotContains(t, ben.ChangedAt, "age")
	})
}

func TestSweepGoesOnInBatches(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx, now := t.Context(), s.FakeTime()
		account := s.Account("one")
		const n = store.SweptAtOnce + 3
		store.WithValues(t, s.Store, store.Valued{Account: account, Key: "code", N: n, Value: func(int) string { return `"x"` }})
		require.NoError(t, s.InTx(ctx, func(tx sqldb.Conn) error {
			for i := range 2 {
				expiry := fmt.Sprintf(`{"code":%d}`, now.Now().Add(time.Duration(i)*time.Hour).UnixMilli())
				_, err := tx.Exec(ctx, "UPDATE contacts SET attribute_expiry = ? WHERE (id - (SELECT MIN(id) FROM contacts)) % 2 = ?", expiry, i)
				if err != nil {
					return err
				}
			}
			return nil
		}))
		sweeper := contacts.NewSweeper(s)
		passes := 0
		for worked := true; worked; passes++ {
			var err error
			worked, err = sweeper.Run(ctx)
			require.NoError(t, err)
		}
		require.Equal(t, 1, passes)
		now.Advance(time.Hour)
		list := store.ColumnsOf(t, s.Store, "attributes")
		require.JSONEq(t, `{"other":"Ä"}`, list[0])
		require.JSONEq(t, `{"code":"x","other":"Ä"}`, list[1])
		s.Exec("UPDATE contacts SET attribute_expiry = '{\"code\":1}', attributes = '{\"code\":\"x\"}'")
		for worked := true; worked; passes++ {
			var err error
			worked, err = sweeper.Run(ctx)
			require.NoError(t, err)
		}
		require.Equal(t, 3, passes, "two batches")
		for _, attributes := range store.ColumnsOf(t, s.Store, "attributes") {
			require.JSONEq(t, "{}", attributes)
		}
	})
}

func TestImportsWriteFoldedTextsAndDefaults(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account := s.Account("one")
		testProperties(t, s,
			property.Property{AccountID: account, Key: "plan", Type: property.Text, Default: json.RawMessage(`"FREE"`), Expires: time.Hour},
			property.Property{AccountID: account, Key: "age", Type: property.Number},
		)
		old, err := contacts.NewContacts(s).Create(ctx, contacts.Contact{
			AccountID: account, FirstName: "Old", LastName: "Ä", Addresses: addressesOf("old@example.com"), Given: given("age", "5", "plan", `"Plus"`),
		}, "")
		require.NoError(t, err)
		importCSV(t, s, account, csvFile{text: "email,first_name\nold@example.com,NEU\nnew@example.com,Ünal\n"})
		folded, attributes := store.ColumnsOf(t, s.Store, "folded"), store.ColumnsOf(t, s.Store, "attributes")
		require.JSONEq(t, `{"first_name":"neu","last_name":"ä","attributes.plan":"plus"}`, folded[0])
		require.JSONEq(t, `{"age":5,"plan":"Plus"}`, attributes[0])
		require.JSONEq(t, `{"first_name":"ünal","attributes.plan":"free"}`, folded[1])
		require.JSONEq(t, `{"plan":"FREE"}`, attributes[1])
		fresh, err := s.FindContact(ctx, account, providers.Email, "new@example.com")
		require.NoError(t, err)
		require.Contains(t, fresh.Expiry, "plan")
		require.NotEqual(t, old.ID, fresh.ID)
	})
}

func TestAddressesOfEveryKind(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account := s.Account("one")
		book := contacts.NewContacts(s)
		for _, kind := range value.Kinds() {
			address := map[providers.AddressKind]string{
				providers.Email: "ann@example.com", providers.Phone: "+43 123 456789", providers.SMS: "+43 123 456789", providers.WhatsApp: "+43 123 456789",
				providers.Telegram: "-100123", providers.Viber: "01234567890A=", providers.Facebook: "1234567890123456", providers.Instagram: "17841400000000000",
				providers.Push: "fcm:token", providers.Web: "https://push.example.org/x", providers.Custom: "Any thing",
			}[kind]
			first, err := book.Create(ctx, contacts.Contact{AccountID: account, Addresses: map[providers.AddressKind]string{kind: address}}, "")
			require.NoError(t, err, kind)
			_, err = book.Create(ctx, contacts.Contact{AccountID: account, Addresses: map[providers.AddressKind]string{kind: " " + address}}, "")
			require.True(t, fault.Is(err, fault.Conflict), kind)
			require.ErrorContains(t, err, "contact "+jsonInt(first.ID)+" holds it")
		}
	})
}

func jsonInt(n int64) string {
	b, _ := json.Marshal(n)
	return string(b)
}
