package store_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/contacts"
	"carillon/conversations"
	"carillon/internal/secret"
	"carillon/messages"
	"carillon/providers"
	"carillon/store/sqldb"
	"carillon/store/storetest"
	"carillon/tracking"
	"carillon/webhooks"
)

// watchEverything has a program that wants to know everything.
func watchEverything(t *testing.T, s *storetest.Store, account int64) {
	t.Helper()
	_, err := s.CreateWebhook(t.Context(), webhooks.Webhook{
		AccountID: account, URL: "https://example.com/", Events: webhooks.Events(), State: webhooks.On, Secrets: []secret.String{secret.New("whsec_x")},
	}, 100)
	require.NoError(t, err)
}

// happened are what was written down since, by event, whose data is read strictly: every
// field of it is one that programs are told of. The messages' states are left out.
func happened(t *testing.T, s *storetest.Store) map[webhooks.Event][]any {
	t.Helper()
	_, err := s.SequenceOutbox(t.Context())
	require.NoError(t, err)
	found := map[webhooks.Event][]any{}
	require.NoError(t, sqldb.Each(t.Context(), s.Reader(), func(scan sqldb.Scan) error {
		var event webhooks.Event
		var body []byte
		var account int64
		if err := scan(&event, &body, &account); err != nil {
			return err
		}
		require.NotZero(t, account)
		data := reflect.New(reflect.TypeOf(event.Data()))
		decoder := json.NewDecoder(bytes.NewReader(body))
		decoder.DisallowUnknownFields()
		require.NoError(t, decoder.Decode(data.Interface()), "%s: %s", event, body)
		found[event] = append(found[event], data.Elem().Interface())
		return nil
	}, "SELECT event, body, account_id FROM outbox WHERE state IS NULL ORDER BY seq"))
	return found
}

// Every event that there is comes about, with what happened in it.
func TestEveryEventIsWrittenDown(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		w := newFlowPeople(t, s, 6)
		mails := w.Campaign
		watchEverything(t, s, w.AccountID)
		answers, err := s.CreateWebhook(ctx, webhooks.Webhook{
			AccountID: w.AccountID, URL: "https://example.com/", Events: []webhooks.Event{webhooks.FlowAnswered}, State: webhooks.On, Content: true,
			Secrets: []secret.String{secret.New("whsec_x")}, Batch: webhooks.Batch{Most: 1},
		}, 100)
		require.NoError(t, err)
		w.start(askThenBranch, true)
		w.plan()
		w.move()
		ids := w.IDs("SELECT contact_id FROM flow_sessions ORDER BY id")
		w.deliver()
		w.move()
		w.deliver()
		w.reply(ids[0], "5")
		w.move()
		w.deliver()
		w.move()
		got := happened(t, s)
		require.Len(t, got[webhooks.FlowEntered], len(ids))
		require.Equal(t, webhooks.Session{CampaignID: w.flow, ID: w.session(ids[0]).ID, ContactID: ids[0], Step: "stars"}, got[webhooks.FlowAnswered][0])
		require.Equal(t, []any{webhooks.Session{CampaignID: w.flow, ID: w.session(ids[0]).ID, ContactID: ids[0], Outcome: "answered"}}, got[webhooks.FlowEnded])
		require.Equal(t, []any{webhooks.Campaign{ID: w.flow, Status: "running"}}, got[webhooks.CampaignStarted])
		_, _, err = s.PrepareDeliveries(ctx, answers.ID)
		require.NoError(t, err)
		_, next, err := s.NextDeliveries(ctx, answers.ID, 10)
		require.NoError(t, err)
		require.Len(t, next, 1)
		require.Contains(t, next[0].Body, `"content":{"text":"5","value":5}`, "for those who ask for content")

		// A campaign with links, from its start to its end.
		w.Campaign = mails
		w.Exec(`UPDATE campaigns SET content = '{"text":"hi","tracking":{"links":true,"opens":true}}' WHERE id = ?`, mails)
		run := w.Start().ID
		w.PlanAll(run, 100)
		sent := w.Claim(run, 1, w.Feed(run, []int64{1}, 100))
		w.Record(run, sent, nil)
		w.time.Advance(time.Hour)
		link := tracking.Link{Number: 1}
		for range 2 { // only the first of each is told
			engage(t, s, tracking.Event{MessageID: sent[0], Open: true, At: w.time.Now(), Why: tracking.Person},
				tracking.Event{MessageID: sent[0], Link: link, At: w.time.Now(), Why: tracking.Person})
			w.time.Advance(time.Minute)
		}
		require.NoError(t, s.PauseCampaign(ctx, w.AccountID, mails, "ada"))
		require.NoError(t, s.ResumeCampaign(ctx, w.AccountID, mails, "ada"))
		_, _, err = s.FinishRuns(ctx)
		require.NoError(t, err)
		for _, status := range []campaigns.Status{campaigns.Canceled, campaigns.Failed} {
			s.Exec("UPDATE campaigns SET status = ? WHERE id = ?", string(status), mails)
		}
		s.Exec(`INSERT INTO runs (account_id, campaign_id, channel_id, instant, status, created_at) VALUES (?, ?, ?, 1, 'skipped', 1)`,
			w.AccountID, mails, w.Channel.ID)

		// People.
		made, err := s.CreateContact(ctx, contacts.Contact{AccountID: w.AccountID, Status: contacts.Active})
		require.NoError(t, err)
		_, err = s.UpdateContact(ctx, w.AccountID, made.ID, func(c *contacts.Contact) error { c.Name = "Ada"; return nil })
		require.NoError(t, err)
		upload := importCSV(t, s, w.AccountID, csvFile{text: "email\nnew1@example.com\nnew2@example.com\np1@example.com\n"})
		_, err = contacts.NewReplies(s).Take(ctx, w.Channel, []providers.Reply{{From: "p1@example.com", Text: "STOP", At: w.time.Now(), ID: "r1"},
			{From: "p1@example.com", Text: "START", At: w.time.Now(), ID: "r2"}})
		require.NoError(t, err)
		_, err = s.EraseContact(ctx, w.AccountID, ids[1], false)
		require.NoError(t, err)

		// What is said to and fro: a reply has opened a conversation.
		talks, _, err := s.ListConversations(ctx, conversations.Filter{AccountID: w.AccountID, Limit: 10})
		require.NoError(t, err)
		require.NotEmpty(t, talks)
		_, err = s.UpdateConversation(ctx, w.AccountID, talks[0].Number, func(c *conversations.Conversation) error {
			c.Status, c.Labels = conversations.Resolved, []string{"vip"}
			return nil
		})
		require.NoError(t, err)
		said, err := s.ListSaid(ctx, conversations.Entries{AccountID: w.AccountID, ConversationID: talks[0].ID, Limit: 10})
		require.NoError(t, err)
		require.NotEmpty(t, said)
		_, err = s.HideEntry(ctx, w.AccountID, said[0].ID)
		require.NoError(t, err)

		// What providers do to channels and say of templates.
		epoch := int64(s.Int("SELECT epoch FROM channels WHERE id = ?", w.Channel.ID))
		for _, health := range []providers.HealthState{providers.HealthDegraded, providers.HealthHeld, providers.HealthOK} {
			require.NoError(t, s.NoteHealth(ctx, w.Channel.ID, epoch, providers.Health{State: health, Reason: "slow", Since: w.time.Now()}))
		}
		_, err = s.StopChannel(ctx, w.Channel.ID, epoch, "locked")
		require.NoError(t, err)
		require.NoError(t, s.ResumeChannel(ctx, w.AccountID, w.Channel.ID, ""))
		s.Exec("INSERT INTO templates (account_id, name, version, kinds, created_at) VALUES (?, 'hello', 1, ' email ', 1)", w.AccountID)
		s.Exec("INSERT INTO template_statuses (template_id, channel_id, language, state, updated_at) SELECT id, ?, 'de', 'approved', 1 FROM templates", w.Channel.ID)
		s.Exec("UPDATE template_statuses SET state = 'rejected', reason = 'rude'")

		got = happened(t, s)
		for _, event := range webhooks.Events() {
			if !slices.ContainsFunc(messages.States(), func(state messages.State) bool { return webhooks.MessageEvent(state) == event }) {
				require.NotEmpty(t, got[event], event)
			}
		}
		person := int64(s.Int("SELECT contact_id FROM messages WHERE id = ?", sent[0]))
		engaged := webhooks.Engagement{MessageID: sent[0], ContactID: person, ChannelID: w.Channel.ID, CampaignID: mails, RunID: run}
		require.Equal(t, []any{engaged}, got[webhooks.MessageOpened])
		engaged.Link = 1
		require.Equal(t, []any{engaged}, got[webhooks.MessageClicked])
		require.Equal(t, []any{webhooks.Campaign{ID: mails, Status: "paused"}}, got[webhooks.CampaignPaused])
		require.Contains(t, got[webhooks.RunFinished], any(webhooks.Run{CampaignID: mails, ID: run, Status: "finished"}))
		require.Equal(t, "skipped", got[webhooks.RunSkipped][0].(webhooks.Run).Status)
		require.Equal(t, webhooks.Contact{ID: made.ID}, got[webhooks.ContactCreated][0])
		require.Len(t, got[webhooks.ContactCreated], 3)
		require.Equal(t, []any{webhooks.Import{ID: upload.ID, Status: "finished", Rows: 3, Created: 2, Updated: 1}}, got[webhooks.ImportFinished])
		health := func(status, health, reason string) any {
			return webhooks.Channel{ID: w.Channel.ID, Status: status, Health: health, Reason: reason}
		}
		require.Equal(t, []any{health("active", "degraded", "slow"), health("active", "held", "slow")}, got[webhooks.ChannelDegraded])
		require.Equal(t, []any{health("stopped", "stopped", "locked")}, got[webhooks.ChannelPaused])
		require.Equal(t, []any{health("active", "ok", "slow"), health("active", "ok", "")}, got[webhooks.ChannelRecovered])
		require.Equal(t, "rude", got[webhooks.TemplateRejected][0].(webhooks.Template).Reason)
		require.NotContains(t, mustJSON(got), "@", "no address is told")

		// Nobody wants to know any more.
		s.Exec("UPDATE webhooks SET state = 'off'")
		s.Exec("DELETE FROM outbox")
		require.NoError(t, s.PauseChannel(ctx, w.AccountID, w.Channel.ID, ""))
		require.Empty(t, happened(t, s))
	})
}
