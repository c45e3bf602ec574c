package store_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/contacts"
	"carillon/contacts/property"
	"carillon/providers"
	"carillon/store/sqldb"
	"carillon/store/storetest"
)

// Control columns and memberships change what they say, and nothing else.
func TestImportSetsStatusAndMemberships(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		account := s.Account("controls")
		importCSV(t, s, account, csvFile{config: contacts.ImportConfig{BatchRecords: 2}, options: contacts.ImportOptions{Group: "All"},
			text: "email,first_name,blocked,status,groups,labels,categories\n" +
				"a@example.com,Ann,,,VIP|Early,red,News\nb@example.com,Bob,1,,VIP,,\nc@example.com,Cid,,inactive,,,News|Offers\n"})
		state := func() map[string]string {
			got, err := sqldb.Map[string, string](t.Context(), s.Reader(), "SELECT first_name, status FROM contacts WHERE account_id = ?", account)
			require.NoError(t, err)
			return got
		}
		lists := func() map[string]int {
			got, err := sqldb.Map[string, int](t.Context(), s.Reader(),
				"SELECT l.kind || ' ' || l.name, COUNT(*) FROM lists l JOIN members m ON m.list_id = l.id WHERE l.account_id = ? "+
					"AND l.kind <> 'upload' GROUP BY l.id", account)
			require.NoError(t, err)
			return got
		}
		require.Equal(t, map[string]string{"Ann": "active", "Bob": "blocked", "Cid": "inactive"}, state())
		members := map[string]int{"group All": 3, "group VIP": 2, "group Early": 1, "label red": 1, "category News": 2, "category Offers": 1}
		require.Equal(t, members, lists())

		// A file without the columns leaves them alone.
		again := importCSV(t, s, account, csvFile{text: "email,last_name\na@example.com,A\nb@example.com,B\nc@example.com,C\n"})
		require.EqualValues(t, 3, again.Updated)
		require.Equal(t, map[string]string{"Ann": "active", "Bob": "blocked", "Cid": "inactive"}, state())
		require.Equal(t, members, lists())

		importCSV(t, s, account, csvFile{text: "email,activated,blocked,deleted,groups\na@example.com,,,1,\nb@example.com,0,0,,VIP\nc@example.com,1,,,VIP\n"})
		require.Equal(t, map[string]string{"Ann": "deleted", "Bob": "inactive", "Cid": "active"}, state())
		members["group VIP"] = 3
		require.Equal(t, members, lists())

		// Whoever left a category is not put into it again by a file.
		var news, bob int64
		require.NoError(t, s.Reader().Row(t.Context(), "SELECT id FROM lists WHERE name = 'News' AND account_id = ?", account).Scan(&news))
		require.NoError(t, s.Reader().Row(t.Context(), "SELECT id FROM contacts WHERE first_name = 'Cid' AND account_id = ?", account).Scan(&bob))
		_, err := s.OptOut(t.Context(), contacts.ConsentChange{AccountID: account, ContactID: bob, CategoryID: news, Source: "api", Actor: "test"})
		require.NoError(t, err)
		importCSV(t, s, account, csvFile{text: "email,categories\nb@example.com,News\nc@example.com,News\n"})
		require.Equal(t, members, lists(), "one left, one came")
		consents, err := s.ListConsents(t.Context(), account, bob, 0, 10)
		require.NoError(t, err)
		require.Len(t, consents, 3, "News and Offers joined by the first file, News left")
		require.Equal(t, contacts.OptIn, consents[0].Action)
		require.Equal(t, contacts.SourceImport, consents[0].Source)
		require.Contains(t, consents[0].Actor, "upload ")
	})
}

// Files of MessengerPeople name a contact by messenger and id.
func TestImportTakesAddressesOfEveryKind(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		account := s.Account("messengers")
		first := importCSV(t, s, account, csvFile{config: contacts.ImportConfig{BatchRecords: 2}, options: contacts.ImportOptions{DefaultCountry: "DE"},
			text: "id,messenger,name,activated\n491711234567,WB,Ann,1\n998694828505,FB,Bob,0\nx,TG,Cid,1\n12345,TG,Dan,1\n"})
		require.Len(t, refusedLines(t, s, first), 1)
		require.Contains(t, refusedLines(t, s, first)[0], `4 telegram "x": is no chat id`)
		again := importCSV(t, s, account, csvFile{options: contacts.ImportOptions{DefaultCountry: "DE", Key: "whatsapp"},
			text: "whatsapp,sms,email\n0171 1234567,0171 1234567,ann@example.com\n"})
		require.EqualValues(t, 1, again.Updated)
		ann, err := s.FindContact(t.Context(), account, providers.WhatsApp, "+491711234567")
		require.NoError(t, err)
		require.Equal(t, "Ann", ann.Name)
		require.Equal(t, map[providers.AddressKind]string{
			providers.WhatsApp: "+491711234567", providers.SMS: "+491711234567", providers.Email: "ann@example.com",
		}, ann.Addresses)
		bob, err := s.FindContact(t.Context(), account, providers.Facebook, "998694828505")
		require.NoError(t, err)
		require.Equal(t, contacts.Inactive, bob.Status)
	})
}

// Columns that are properties are checked by their type, and other values stay.
func TestImportSetsProperties(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		account := s.Account("properties")
		for _, p := range []property.Property{
			{Key: "age", Label: "Alter", Type: property.Number, Rule: ">=0 <=130"},
			{Key: "plan", Type: property.Enum, Rule: "free,gold", Default: json.RawMessage(`"free"`)},
			{Key: "seen", Type: property.Date, Expires: time.Hour},
			{Key: "tags", Type: property.Collection},
		} {
			p.AccountID = account
			_, err := s.CreateProperty(t.Context(), p)
			require.NoError(t, err)
		}
		got := func() map[string]string {
			values := map[string]string{}
			require.NoError(t, sqldb.Each(t.Context(), s.Reader(), func(scan sqldb.Scan) error {
				var name string
				var object, expiry []byte
				if err := scan(&name, &object, &expiry); err != nil {
					return err
				}
				attributes, err := contacts.ParseAttributes(object)
				values[name] = attributes.JSON()
				if _, ok := attributes["seen"]; ok {
					require.Contains(t, string(expiry), `"seen"`)
				}
				return err
			}, "SELECT first_name, attributes, attribute_expiry FROM contacts WHERE account_id = ?", account))
			return values
		}
		first := importCSV(t, s, account, csvFile{config: contacts.ImportConfig{BatchRecords: 2}, text: "email,first_name,Alter,plan,attributes.seen,other\n" +
			"a@example.com,Ann,42,GOLD,2026-11-01,x\nb@example.com,Bob,,,,y\nc@example.com,Cid,old,,,\nd@example.com,Dan,7,silver,,\ne@example.com,Eve,131,,,\n"})
		require.Equal(t, []string{"age", "plan", "seen", "other"}, first.Columns)
		require.Equal(t, map[string]string{
			"Ann": `{"age":42,"plan":"gold","seen":"2026-11-01"}`, "Bob": `{"plan":"free"}`,
			"Cid": `{"plan":"free"}`, "Dan": `{"age":7,"plan":"free"}`, "Eve": `{"plan":"free"}`,
		}, got(), "a wrong value costs no more than itself")
		require.Equal(t, []int64{5, 0, 3}, []int64{first.Created, first.Refused, first.Incomplete})
		refused := refusedLines(t, s, first)
		require.Len(t, refused, 3)
		for i, want := range []string{`4 attributes.age "old": `, `5 attributes.plan "silver": `, `6 attributes.age "131": `} {
			require.Contains(t, refused[i], want)
			require.Contains(t, refused[i], "the line was taken without it")
		}
		byHand := importCSV(t, s, account, csvFile{options: contacts.ImportOptions{Mapping: map[string]string{"Alter": "attributes.age"}},
			text: "email,Alter\nf@example.com,old\n"})
		require.Equal(t, []int64{0, 1, 0}, []int64{byHand.Created, byHand.Refused, byHand.Incomplete})
		// What no column says stays, and so does what a cell leaves empty.
		importCSV(t, s, account, csvFile{text: "email,age,tags\na@example.com,,x|y\nb@example.com,8,\nb@example.com,9,\n"})
		require.Equal(t, map[string]string{"Ann": `{"age":42,"plan":"gold","seen":"2026-11-01","tags":["x","y"]}`, "Bob": `{"age":9,"plan":"free"}`,
			"Cid": `{"plan":"free"}`, "Dan": `{"age":7,"plan":"free"}`, "Eve": `{"plan":"free"}`}, got())
		folded, err := sqldb.Map[string, string](t.Context(), s.Reader(), "SELECT first_name, folded FROM contacts WHERE account_id = ?", account)
		require.NoError(t, err)
		require.JSONEq(t, `{"first_name":"ann","attributes.plan":"gold","attributes.seen":"2026-11-01","attributes.tags":["x","y"]}`, folded["Ann"])
	})
}
