package worker

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/contacts"
	"carillon/contacts/property"
	"carillon/messages"
	"carillon/providers"
	"carillon/queue"
	"carillon/targeting"
	"carillon/templates/liquid"
)

// mixed are people of every kind: with and without names, attributes and a row.
type mixed struct {
	Email, First, Last, City string
	age                      int // 0: none
}

func mixedPeople(r *rand.Rand, n int) []mixed {
	pick := func(values ...string) string { return values[r.IntN(len(values))] }
	people := make([]mixed, n)
	for i := range people {
		people[i] = mixed{
			Email: fmt.Sprintf("p%d@example.com", i), First: pick("", "Ada", "Zoë", "<b>O'Neil</b>"), Last: pick("", "Lovelace", "Müller"),
			City: pick("", "Köln", `a "quoted" town`, "São Paulo & more"), age: r.IntN(3) * 20,
		}
	}
	return people
}

// What a worker sends is what templates make of each recipient as the contact is
// when it is sent, to the address that the run was planned with; and nobody gets
// anything who has left meanwhile.
func TestWhatIsSentIsWhatTemplatesMakeOfTheContact(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { sendToMixedPeople(t, rand.New(rand.NewPCG(seed, 7))) })
	}
}

func sendToMixedPeople(t *testing.T, r *rand.Rand) {
	ctx := t.Context()
	s, c := openStore(t)
	book := contacts.NewContacts(s)
	_, err := contacts.NewProperties(s).Create(ctx, property.Property{AccountID: c.AccountID, Key: "age", Type: property.Number})
	require.NoError(t, err)
	people := mixedPeople(r, 60)
	importer := contacts.NewImporter(s, s, contacts.ImportConfig{MaxBytes: 1 << 20})
	var csv strings.Builder
	csv.WriteString("email,first_name,last_name,city\n")
	for _, p := range people[:50] { // the others are in no file
		fmt.Fprintf(&csv, "%s,%s,%s,%q\n", p.Email, p.First, p.Last, strings.ReplaceAll(p.City, `"`, "'"))
	}
	upload, err := importer.Take(ctx, c.AccountID, "people.csv", strings.NewReader(csv.String()), contacts.ImportOptions{})
	require.NoError(t, err)
	require.NoError(t, importer.Run(ctx, upload.ID))
	for _, p := range people[50:] {
		_, err := book.Create(ctx, contacts.Contact{
			AccountID: c.AccountID, FirstName: p.First, LastName: p.Last, Addresses: map[providers.AddressKind]string{providers.Email: p.Email},
		}, "")
		require.NoError(t, err)
	}
	everybody, err := book.Search(ctx, contacts.ContactFilter{AccountID: c.AccountID, Limit: 100})
	require.NoError(t, err)
	require.Len(t, everybody, 60)
	rows, ages := map[string]string{}, map[string]int{}
	for i, p := range people {
		ages[p.Email] = p.age
		if i < 50 {
			row, err := json.Marshal(map[string]string{"city": strings.ReplaceAll(p.City, `"`, "'")})
			require.NoError(t, err)
			rows[p.Email] = string(row)
		}
	}
	change := func(id int64, do func(*contacts.Contact)) {
		t.Helper()
		_, err := s.UpdateContact(ctx, c.AccountID, id, func(contact *contacts.Contact) error {
			do(contact)
			return nil
		})
		require.NoError(t, err)
	}
	for _, contact := range everybody {
		if age := ages[contact.Addresses[providers.Email]]; age > 0 {
			change(contact.ID, func(contact *contacts.Contact) {
				contact.Given = map[string]json.RawMessage{"age": json.RawMessage(fmt.Sprint(age))}
			})
		}
	}
	content := providers.Content{
		Subject: "{{ campaign.name }}: {{ contact.first_name | default: 'friend' }}",
		Text: "{% if contact.attributes.age %}{{ contact.attributes.age | plus: 1 }}{% else %}ageless{% endif %} in {{ row.city | default: 'nowhere' }} {{ " +
			"unsubscribe_url }}",
		HTML: "<p>{{ contact.first_name }} {{ contact.last_name }} {{ row.city }} {{ contact.address }}</p>",
	}
	compiled, err := liquid.Compile(content, nil)
	require.NoError(t, err)
	campaign, err := s.CreateCampaign(ctx, campaigns.Campaign{
		AccountID: c.AccountID, Name: "Spring & more", ChannelID: c.ID, Content: content,
		Audience: targeting.Audience{Uploads: []int64{upload.ID}, Contacts: ids(everybody[50:])},
	})
	require.NoError(t, err)
	run, err := s.StartRun(ctx, c.AccountID, campaign.ID, noon)
	require.NoError(t, err)
	_, err = s.PlanBatch(ctx, run.ID, 1000)
	require.NoError(t, err)
	fed, err := s.Feed(ctx, messages.FeedRequest{ChannelID: c.ID, RunID: run.ID, Envelopes: []int64{1}, PerEnvelope: queue.MaxItems})
	require.NoError(t, err)
	require.Len(t, fed, 60)
	e := queue.Envelope{ID: 1, ChannelID: c.ID, RunID: run.ID, CampaignID: campaign.ID}
	for _, m := range fed {
		e.Items = append(e.Items, queue.Item{MessageID: m.ID, Attempt: m.Attempt})
	}

	// While they are in Redis, things happen to some.
	left := map[int64]bool{}
	for _, contact := range everybody {
		switch r.IntN(8) {
		case 0:
			_, err := s.EraseContact(ctx, c.AccountID, contact.ID, false)
			require.NoError(t, err)
			left[contact.ID] = true
		case 1:
			_, err := s.SuppressAll(ctx, c.AccountID, []contacts.Suppression{{Kind: providers.Email, Address: contact.Addresses[providers.Email],
				Reason: contacts.Unsubscribed}}, "test", "me")
			require.NoError(t, err)
			left[contact.ID] = true
		case 2:
			change(contact.ID, func(contact *contacts.Contact) {
				contact.FirstName, contact.LastName = "Renamed", ""
				contact.Given = map[string]json.RawMessage{"age": json.RawMessage("99")}
			})
		case 3:
			change(contact.ID, func(contact *contacts.Contact) {
				contact.Addresses[providers.Email] = "new-" + contact.Addresses[providers.Email]
			})
		}
	}

	b := newBench(t, nil)
	got := b.collect()
	b.unsubscribes(func(int64) {})
	id, err := s.RegisterWorker(ctx, "w")
	require.NoError(t, err)
	writer := s.StartWriter(id)
	t.Cleanup(writer.Stop)
	b.o.ID, b.o.Store, b.o.Writer = id, s, writer
	require.NoError(t, b.channel(c).handle(ctx, e))

	sent := 0
	for _, m := range fed {
		row, err := s.GetMessage(ctx, c.AccountID, m.ID)
		require.NoError(t, err)
		if left[row.ContactID] || row.ContactID == 0 {
			require.Equal(t, messages.Skipped, row.State)
			require.NotContains(t, got(), m.ID)
			continue
		}
		sent++
		require.Equal(t, messages.Sent, row.State)
		contact, err := book.Get(ctx, c.AccountID, row.ContactID)
		require.NoError(t, err)
		vars := liquid.Vars{
			Contact: liquid.Contact{Name: contact.Name, FirstName: contact.FirstName, LastName: contact.LastName, Address: row.Address,
				Attributes: contact.Attributes.JSON()},
			Of: &liquid.Occasion{CampaignName: "Spring & more"}, UnsubscribeURL: fmt.Sprintf("https://n.example.org/u/%d", m.ID), Row: rows[row.Address],
		}
		want, err := compiled.Render(ctx, vars)
		require.NoError(t, err)
		message := got()[m.ID]
		require.Equal(t, want, message.Content)
		require.Equal(t, row.Address, message.To)
		require.Equal(t, vars.UnsubscribeURL, message.UnsubscribeURL)
		require.Equal(t, strings.TrimSpace(contact.FirstName+" "+contact.LastName), message.ToName)
	}
	require.Len(t, got(), sent)
	verified, err := s.VerifyRun(ctx, run.ID)
	require.NoError(t, err)
	require.Empty(t, verified.Problems)
}

func ids(contacts []contacts.Contact) (list []int64) {
	for _, c := range contacts {
		list = append(list, c.ID)
	}
	return list
}
