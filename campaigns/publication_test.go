package campaigns_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/contacts"
	"carillon/contacts/reply"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/targeting"
)

// write has somebody write on the channel, and gives who asks what they asked for. It
// returns the texts of all messages that came of it.
func (f fixture) write(t *testing.T, id, from, text string) (texts []string) {
	t.Helper()
	_, err := f.Store.TakeReplies(t.Context(), []contacts.Reply{{
		AccountID: f.Account, ChannelID: f.Text.ID, Kind: f.Text.Address, Address: from, ProviderID: id, Text: text,
		Meaning: reply.Interpret(text), Word: reply.Word(text), At: f.Clock.Now(),
	}})
	require.NoError(t, err)
	known := len(f.messages(t))
	_, err = f.AnswerPulls(t.Context())
	require.NoError(t, err)
	for _, m := range f.messages(t)[known:] {
		require.Equal(t, from, m.Address)
		raw, err := f.Store.MessageContent(t.Context(), m.ID)
		require.NoError(t, err)
		var c providers.Content
		require.NoError(t, json.Unmarshal(raw, &c))
		texts = append(texts, c.Text)
	}
	return texts
}

// messages are all, in order.
func (f fixture) messages(t *testing.T) []messages.Message {
	t.Helper()
	list, err := f.Store.ListMessages(t.Context(), messages.MessageFilter{AccountID: f.Account, Limit: 1000})
	require.NoError(t, err)
	return list
}

// menu is a content for a channel on which people write.
func (f fixture) menu() campaigns.Campaign {
	return campaigns.Campaign{
		AccountID: f.Account, Name: "Menu", ChannelID: f.Text.ID, Audience: targeting.Audience{All: true}, Content: providers.Content{Text: "The menu"},
	}
}

func TestPeoplePullAContent(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	c := f.menu()
	c.Content.Text = "Menu for {{ contact.first_name | default: 'you' }}"
	c, err := f.Create(ctx, c)
	require.NoError(t, err)
	require.Empty(t, f.write(t, "1", "+491700000001", "menu"), "nothing is published yet")

	p, err := f.Publish(ctx, f.Account, campaigns.Publication{CampaignID: c.ID, Keywords: []string{" MENU! ", "Tages  Karte", "menu"}, By: "me",
		From: noon.Add(time.Hour), Until: noon.Add(48 * time.Hour)})
	require.NoError(t, err)
	require.Equal(t, []string{"menu", "tages karte"}, p.Keywords)
	require.Equal(t, campaigns.PublicationScheduled, p.State(noon))
	c, err = f.Get(ctx, f.Account, c.ID)
	require.NoError(t, err)
	require.Equal(t, campaigns.ContentKind, c.Kind())
	require.Empty(t, f.write(t, "2", "+491700000001", "menu"), "it is still to come")

	f.Clock.Advance(time.Hour)
	require.Equal(t, []string{"Menu for you"}, f.write(t, "3", "+491700000002", " «Menu» ?"), "whoever asks need not be known")
	require.Empty(t, f.write(t, "3", "+491700000002", "menu"), "providers repeat themselves")
	require.Empty(t, f.write(t, "4", "+491700000002", "menu"), "once a minute")
	require.Equal(t, []string{"Menu for you"}, f.write(t, "5", "+491700000003", "tages karte"))
	require.Empty(t, f.write(t, "6", "+491700000004", "menu please"))

	// What is published stays as it is until it is published again.
	c.Content.Text = "New menu"
	c, err = f.Update(ctx, c)
	require.NoError(t, err)
	require.Equal(t, campaigns.ContentKind, c.Kind())
	f.Clock.Advance(campaigns.PullsApart)
	require.Equal(t, []string{"Menu for you"}, f.write(t, "7", "+491700000002", "menu"))
	_, err = f.Publish(ctx, f.Account, campaigns.Publication{CampaignID: c.ID, Keywords: []string{"menu"}, Until: noon.Add(48 * time.Hour)})
	require.NoError(t, err)
	f.Clock.Advance(campaigns.PullsApart)
	require.Equal(t, []string{"New menu"}, f.write(t, "8", "+491700000002", "menu"))
	require.Empty(t, f.write(t, "9", "+491700000005", "tages karte"), "a word that it has no more")

	// Two programs that answer each other come to rest.
	got := 0
	for i := range 60 {
		f.Clock.Advance(campaigns.PullsApart)
		got += len(f.write(t, fmt.Sprint("loop", i), "+491700000006", "menu"))
	}
	require.Equal(t, campaigns.PullsPerDay, got)

	f.Clock.Advance(47 * time.Hour)
	require.Empty(t, f.write(t, "10", "+491700000007", "menu"), "its life is over")
	p, err = f.Publication(ctx, f.Account, c.ID)
	require.NoError(t, err)
	require.Equal(t, campaigns.PublicationOver, p.State(f.Clock.Now()))
	require.Equal(t, int64(4+campaigns.PullsPerDay), p.Answered)

	// It may be sent as well, and withdrawn.
	_, err = f.Publish(ctx, f.Account, campaigns.Publication{CampaignID: c.ID, Keywords: []string{"menu"}})
	require.NoError(t, err)
	_, err = f.Start(ctx, f.Account, c.ID, true)
	require.NoError(t, err)
	require.Equal(t, []string{"New menu"}, f.write(t, "11", "+491700000008", "menu"))
	_, err = f.Withdraw(ctx, f.Account, c.ID)
	require.NoError(t, err)
	require.Empty(t, f.write(t, "12", "+491700000009", "menu"))
	_, err = f.Withdraw(ctx, f.Account, c.ID)
	require.True(t, fault.Is(err, fault.NotFound))
	copied, err := f.Duplicate(ctx, f.Account, c.ID, campaigns.Duplicating{})
	require.NoError(t, err)
	require.Equal(t, campaigns.Newsletter, copied.Kind())
}

func TestWhatCanNotBePublished(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	c, err := f.Create(ctx, f.menu())
	require.NoError(t, err)
	other, err := f.Create(ctx, f.menu())
	require.NoError(t, err)
	mute := f.create(t)
	_, err = f.Publish(ctx, f.Account, campaigns.Publication{CampaignID: mute.ID, Keywords: []string{"menu"}})
	require.ErrorContains(t, err, "a mail channel hears of no replies")
	for field, p := range map[string]campaigns.Publication{
		"keywords: give 1 to 20":                         {},
		"keywords[1]: must have 1 to 40":                 {Keywords: []string{"menu", " ?! "}},
		"keywords[0]: is a word by which people opt out": {Keywords: []string{"Stop"}},
		"until: must be after":                           {Keywords: []string{"menu"}, Until: noon.Add(-time.Hour)},
	} {
		p.CampaignID = c.ID
		_, err := f.Publish(ctx, f.Account, p)
		require.True(t, fault.Is(err, fault.Invalid), field)
		require.ErrorContains(t, err, field)
	}
	rows := f.menu()
	rows.Content.Text = "{{ row.coupon }}"
	rows, err = f.Create(ctx, rows)
	require.NoError(t, err)
	_, err = f.Publish(ctx, f.Account, campaigns.Publication{CampaignID: rows.ID, Keywords: []string{"menu"}})
	require.ErrorContains(t, err, "campaign.content: uses the row of an upload")

	// One publication of a channel has a word at a time.
	_, err = f.Publish(ctx, f.Account, campaigns.Publication{CampaignID: c.ID, Keywords: []string{"menu", "a"}, Until: noon.Add(time.Hour)})
	require.NoError(t, err)
	_, err = f.Publish(ctx, f.Account, campaigns.Publication{CampaignID: other.ID, Keywords: []string{"b", "MENU"}})
	require.True(t, fault.Is(err, fault.Conflict))
	require.ErrorContains(t, err, fmt.Sprintf("campaign %d (Menu) is published under it", c.ID))
	_, err = f.Publish(ctx, f.Account, campaigns.Publication{CampaignID: other.ID, Keywords: []string{"menu"}, From: noon.Add(time.Hour)})
	require.NoError(t, err, "when that one is over")
	_, err = f.Publish(ctx, f.Account+1, campaigns.Publication{CampaignID: other.ID, Keywords: []string{"x"}})
	require.True(t, fault.Is(err, fault.NotFound))

	// An approval is asked for as for a start.
	_, err = campaigns.NewSettings(f.Store, messages.NewHosts("")).Set(ctx, campaigns.Settings{AccountID: f.Account, ApprovalRequired: true})
	require.NoError(t, err)
	plain, err := f.Create(ctx, f.menu())
	require.NoError(t, err)
	_, err = f.Publish(ctx, f.Account, campaigns.Publication{CampaignID: plain.ID, Keywords: []string{"z"}})
	require.ErrorContains(t, err, "needs approval")
	require.NoError(t, f.Delete(ctx, f.Account, other.ID), "a draft goes with what is published of it")
	require.Equal(t, []string{"The menu"}, f.write(t, "1", "+491700000001", "menu!!"), "the first still lives")
	f.Clock.Advance(2 * time.Hour)
	require.Empty(t, f.write(t, "2", "+491700000002", "menu"), "and the second is gone with its campaign")
}

// Who is erased before the answer gets none, and nobody behind them waits for that.
func TestWhoCanNotBeAnsweredHoldsUpNobody(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	c, err := f.Create(ctx, f.menu())
	require.NoError(t, err)
	_, err = f.Publish(ctx, f.Account, campaigns.Publication{CampaignID: c.ID, Keywords: []string{"menu"}})
	require.NoError(t, err)
	_, err = f.Store.TakeReplies(ctx, []contacts.Reply{{
		AccountID: f.Account, ChannelID: f.Text.ID, Kind: f.Text.Address, Address: "+4915112345678", ProviderID: "ada", Text: "menu", Word: "menu", At: f.Clock.Now(),
	}})
	require.NoError(t, err)
	_, err = f.Contacts.Erase(ctx, f.Account, f.People["Ada"].ID, false)
	require.NoError(t, err)
	require.Equal(t, []string{"The menu"}, f.write(t, "cy", "+4915112345679", "menu"))
	p, err := f.Publication(ctx, f.Account, c.ID)
	require.NoError(t, err)
	require.Equal(t, [2]int64{1, 1}, [2]int64{p.Answered, p.Failed})
}
