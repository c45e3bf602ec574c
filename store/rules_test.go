package store_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/contacts"
	"carillon/contacts/property"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/store"
	"carillon/store/sqldb"
	"carillon/store/storetest"
	"carillon/targeting"
)

// peopleByName makes active contacts with a first name and an address.
func peopleByName(t testing.TB, s *storetest.Store, account int64, names ...string) map[string]int64 {
	t.Helper()
	people, ids := contacts.NewContacts(s), map[string]int64{}
	for _, name := range names {
		made, err := people.Create(t.Context(), contacts.Contact{AccountID: account, FirstName: name,
			Addresses: map[providers.AddressKind]string{providers.Email: name + "@example.org"}}, "")
		require.NoError(t, err)
		ids[name] = made.ID
	}
	return ids
}

func TestTargetingLists(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		s.FakeTime()
		account, other := s.Account("one"), s.Account("other")
		rules := targeting.NewRules(s)
		people := peopleByName(t, s, account, "Ann", "Bob", "Cy")
		peopleByName(t, s, other, "Ann")

		named, err := rules.Create(ctx, account, "  A's  people ", store.OneRule("first_name", "begins_with", `"a"`))
		require.NoError(t, err)
		require.Equal(t, "A's people", named.Name)
		_, err = rules.Create(ctx, account, "A's people", store.OneRule("first_name", "equal", `"x"`))
		require.True(t, fault.Is(err, fault.Conflict))
		require.ErrorContains(t, err, fmt.Sprintf("targeting list %d has this name", named.ID))
		_, err = rules.Create(ctx, other, "A's people", store.OneRule("first_name", "equal", `"x"`))
		require.NoError(t, err, "in another account")
		_, err = rules.Get(ctx, other, named.ID)
		require.True(t, fault.Is(err, fault.NotFound))

		nested, err := rules.Create(ctx, account, "not A", store.OneRule("targeting", "not_equal", fmt.Sprint(named.ID)))
		require.NoError(t, err)
		deep, err := rules.Create(ctx, account, "not not A", store.OneRule("targeting", "not_in", fmt.Sprint([]int64{nested.ID}[:1])))
		require.NoError(t, err)
		for _, c := range []struct {
			id   int64
			want []int64
		}{{named.ID, []int64{people["Ann"]}}, {nested.ID, []int64{people["Bob"], people["Cy"]}}, {deep.ID, []int64{people["Ann"]}}} {
			audience := targeting.Audience{Targeting: []int64{c.id}}
			list, err := rules.Contacts(ctx, account, audience, 0, 10)
			require.NoError(t, err)
			var ids []int64
			for _, contact := range list {
				ids = append(ids, contact.ID)
			}
			require.Equal(t, c.want, ids)
			count, err := rules.Count(ctx, account, audience, "")
			require.NoError(t, err)
			require.EqualValues(t, len(c.want), count.Total)
		}
		page, err := rules.Contacts(ctx, account, targeting.Audience{Targeting: []int64{nested.ID}}, people["Bob"], 10)
		require.NoError(t, err)
		require.Len(t, page, 1)

		// A circle is refused at any depth, with its place.
		_, err = rules.Update(ctx, account, named.ID, nil, json.RawMessage(fmt.Sprintf(
			`{"condition": "AND", "rules": [{"field": "name", "operator": "is_null"}, {"condition": "OR", "rules": [{"field": "targeting", "operator": "equal",
				"value": %d}]}]}`, deep.ID)))
		require.True(t, fault.Is(err, fault.Invalid))
		require.ErrorContains(t, err, "rule.rules[1].rules[0].value: makes a circle")
		_, err = rules.Update(ctx, account, named.ID, nil, store.OneRule("targeting", "equal", fmt.Sprint(named.ID)))
		require.ErrorContains(t, err, "makes a circle")
		_, err = rules.Create(ctx, account, "x", store.OneRule("targeting", "in", "[1, 999]"))
		require.ErrorContains(t, err, "rule.rules[0].value[1]: there is no targeting list 999")
		_, err = rules.Create(ctx, account, "x", store.OneRule("group", "equal", "999"))
		require.ErrorContains(t, err, "rule.rules[0].value: there is no group 999")

		// What is used is not deleted.
		label, err := contacts.NewLists(s).Create(ctx, contacts.List{AccountID: account, Kind: contacts.Label, Name: "vip"})
		require.NoError(t, err)
		vips, err := rules.Create(ctx, account, "vips", store.OneRule("label", "equal", fmt.Sprint(label.ID)))
		require.NoError(t, err)
		err = contacts.NewLists(s).Delete(ctx, account, contacts.Label, label.ID)
		require.True(t, fault.Is(err, fault.Conflict))
		require.ErrorContains(t, err, fmt.Sprintf("targeting list %d (vips)", vips.ID))
		err = rules.Delete(ctx, account, named.ID)
		require.True(t, fault.Is(err, fault.Conflict))
		require.ErrorContains(t, err, fmt.Sprintf("used by targeting list %d (not A)", nested.ID))
		channel := testChannel(t, s, account, "mail")
		campaign, err := s.CreateCampaign(ctx, campaigns.Campaign{AccountID: account, Name: "Spring", ChannelID: channel.ID,
			Audience: targeting.Audience{All: true, Exclude: &targeting.Exclude{Targeting: []int64{deep.ID}}}})
		require.NoError(t, err)
		err = rules.Delete(ctx, account, deep.ID)
		require.ErrorContains(t, err, fmt.Sprintf("used by campaign %d (Spring)", campaign.ID))
		require.NoError(t, s.DeleteCampaign(ctx, account, campaign.ID))
		for _, id := range []int64{deep.ID, nested.ID, named.ID} {
			require.NoError(t, rules.Delete(ctx, account, id))
		}
		require.True(t, fault.Is(rules.Delete(ctx, account, named.ID), fault.NotFound))
	})
}

func TestPropertiesInUseStay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account := s.Account("one")
		properties, rules := contacts.NewProperties(s), targeting.NewRules(s)
		_, err := properties.Create(ctx, property.Property{AccountID: account, Key: "score", Type: property.Number})
		require.NoError(t, err)
		_, err = rules.Create(ctx, account, "high", store.OneRule("attributes.score", "greater", "7"))
		require.NoError(t, err)
		_, err = properties.Delete(ctx, account, "score", false)
		require.True(t, fault.Is(err, fault.Conflict))
		require.ErrorContains(t, err, "targeting list 1 (high)")
		text := property.Text
		_, _, err = properties.Update(ctx, account, "score", contacts.PropertyChange{Type: &text}, false)
		require.True(t, fault.Is(err, fault.Conflict))
		percent := property.Percent
		_, _, err = properties.Update(ctx, account, "score", contacts.PropertyChange{Type: &percent}, false)
		require.NoError(t, err, "it is compared as before")
	})
}

// TestAudienceParts plans an audience of every part, and finds what its preview
// said.
func TestAudienceParts(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		clock := s.FakeTime()
		account := s.Account("one")
		people := peopleByName(t, s, account, "Ann", "Bob", "Cy", "Dee", "Eve", "Fay", "Gus")
		lists := map[string]int64{}
		for kind, member := range map[string]string{"category": "Bob", "label": "Cy", "group": "Dee"} {
			list, err := s.CreateList(ctx, contacts.List{AccountID: account, Kind: contacts.ListKind(kind), Name: kind})
			require.NoError(t, err)
			lists[kind] = list.ID
			s.Exec("INSERT INTO members (list_id, contact_id) VALUES (?, ?)", list.ID, people[member])
		}
		rules := targeting.NewRules(s)
		list, err := rules.Create(ctx, account, "G", store.OneRule("first_name", "begins_with", `"G"`))
		require.NoError(t, err)
		audience := targeting.Audience{
			Rule: store.OneRule("first_name", "in", `["ANN", "Eve", "Cy"]`), Targeting: []int64{list.ID}, Categories: []int64{lists["category"]},
			Labels: []int64{lists["label"]}, Groups: []int64{lists["group"]},
			Exclude: &targeting.Exclude{Labels: []int64{lists["label"]}, Rule: store.OneRule("first_name", "equal", `"dee"`)},
		}
		require.NoError(t, audience.Validate())
		wrong, err := s.CheckAudience(ctx, account, &audience)
		require.NoError(t, err)
		require.Empty(t, wrong)
		channel := testChannel(t, s, account, "mail")
		preview, err := s.PreviewAudience(ctx, channel, audience, 0)
		require.NoError(t, err)
		require.Equal(t, campaigns.Preview{Total: 6, Reachable: 4, Skipped: map[string]int64{messages.ReasonExcluded: 2}}, preview)
		sample, err := s.SampleAudience(ctx, channel, audience, 0, 10)
		require.NoError(t, err)
		require.Len(t, sample, 4)

		run := startRun(t, s, channel, audience)
		for done := false; !done; {
			step, err := s.PlanBatch(ctx, run, 2)
			require.NoError(t, err)
			done = step.Done
		}
		require.Equal(t, map[string]string{"Ann": "", "Bob": "", "Cy": messages.ReasonExcluded, "Dee": messages.ReasonExcluded, "Eve": "", "Gus": ""},
			plannedOf(t, s, run, people))

		// Days are those of the run's instant, however long planning takes.
		audience = targeting.Audience{Rule: store.OneRule("created_at", "equal", `{"days_before": 0}`)}
		run = startRun(t, s, channel, audience)
		for done := false; !done; clock.Advance(20 * time.Hour) {
			step, err := s.PlanBatch(ctx, run, 3)
			require.NoError(t, err)
			done = step.Done
		}
		require.Len(t, plannedOf(t, s, run, people), len(people))

		_, err = s.PreviewAudience(ctx, channel, targeting.Audience{Targeting: []int64{999}}, 0)
		require.NoError(t, err, "a list that is gone holds for nobody")
		wrong, err = s.CheckAudience(ctx, account, &targeting.Audience{Targeting: []int64{999},
			Exclude: &targeting.Exclude{Categories: []int64{998}, Rule: store.OneRule("nope", "equal", "1")}})
		require.NoError(t, err)
		require.Equal(t, []string{"audience.targeting[0]", "audience.exclude.categories[0]", "audience.exclude.rule.rules[0].field"},
			[]string{wrong[0].Location, wrong[1].Location, wrong[2].Location})
		flat := targeting.Audience{Rule: json.RawMessage(`[{"attribute_key": "name", "filter_operator": "is_present"}]`)}
		_, err = s.CheckAudience(ctx, account, &flat)
		require.NoError(t, err)
		require.Contains(t, string(flat.Rule), `"condition":"AND"`)
	})
}

// startRun starts a campaign with an audience and returns its run.
func startRun(t testing.TB, s *storetest.Store, channel providers.Channel, audience targeting.Audience) int64 {
	t.Helper()
	campaign, err := s.CreateCampaign(t.Context(), campaigns.Campaign{AccountID: channel.AccountID, Name: "Spring", ChannelID: channel.ID, Audience: audience})
	require.NoError(t, err)
	run, err := s.StartRun(t.Context(), channel.AccountID, campaign.ID, s.Clock.Now())
	require.NoError(t, err)
	return run.ID
}

// plannedOf is the reason of each message of a run, by whom it goes to.
func plannedOf(t testing.TB, s *storetest.Store, run int64, people map[string]int64) map[string]string {
	t.Helper()
	reasons := map[string]string{}
	for name, id := range people {
		var reason string
		err := sqldb.Each(t.Context(), s.Reader(), func(scan sqldb.Scan) error {
			err := scan(&reason)
			reasons[name] = reason
			return err
		}, "SELECT COALESCE(reason, '') FROM messages WHERE run_id = ? AND contact_id = ?", run, id)
		require.NoError(t, err)
	}
	return reasons
}

func testChannel(t testing.TB, s *storetest.Store, account int64, name string) providers.Channel {
	t.Helper()
	channel, err := s.CreateChannel(t.Context(), providers.Channel{AccountID: account, Name: name, Provider: "sandbox", Address: providers.Email,
		Config: []byte(`{}`)})
	require.NoError(t, err)
	return channel
}
