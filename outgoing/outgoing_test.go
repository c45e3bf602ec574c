package outgoing_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/internal/testenv"
	"carillon/outgoing"
	"carillon/providers"
	"carillon/providers/fetch"
	"carillon/store/storetest"
	"carillon/webhooks"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// Whatever moves a message is told once, in order for each message, signed so that the
// scheme's own library believes it; and nobody is told who did not ask.
func TestWhatHappensToMessagesIsTold(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		g := newSetting(t, s, 30)
		p, other := newProgram(t), newProgram(t)
		run := g.Start()
		g.PlanAll(run.ID, 10)
		early := g.send(run.ID, 1, 5)
		w := g.webhook(p, func(w *webhooks.Webhook) {
			w.Events = []webhooks.Event{"message.queued", "message.sent", "message.delivered"}
		})
		elsewhere := g.Channel
		elsewhere.Name = "elsewhere"
		elsewhere, err := s.CreateChannel(g.ctx, elsewhere)
		require.NoError(t, err)
		g.webhook(other, func(w *webhooks.Webhook) { w.Channels = []int64{elsewhere.ID} })
		sent := g.send(run.ID, 2, 7)
		for _, id := range sent {
			require.NoError(t, g.Writer.Receive(g.ctx, g.Channel.ID, []providers.Receipt{{MessageID: id, Status: providers.ReceiptDelivered, At: g.time.Now()}}))
		}
		g.tellAll()
		require.Empty(t, other.requests())
		library, err := standardwebhooks.NewWebhook(w.Secrets[0].Reveal())
		require.NoError(t, err)
		of, keys := map[int64][]webhooks.Event{}, map[string]bool{}
		for _, r := range p.requests() {
			require.NoError(t, library.VerifyIgnoringTimestamp(r.body, r.header))
			require.Equal(t, "application/json", r.header.Get("Content-Type"))
			require.False(t, keys[r.header.Get("Webhook-Id")])
			keys[r.header.Get("Webhook-Id")] = true
			o, m := occurrence(t, r)
			of[m.ID] = append(of[m.ID], o.Type)
			require.Equal(t, g.Channel.ID, m.ChannelID)
			require.Equal(t, run.ID, m.RunID)
			require.Equal(t, g.Campaign, m.CampaignID)
			require.Positive(t, m.ContactID)
		}
		require.Len(t, of, len(sent), "what happened before is not told")
		for _, id := range sent {
			require.Equal(t, []webhooks.Event{"message.queued", "message.sent", "message.delivered"}, of[id])
		}
		require.NotContains(t, of, early[0])

		// Nobody wants to know any more: nothing is written down.
		list, err := g.service.List(g.ctx, g.AccountID, 0, 10)
		require.NoError(t, err)
		for _, w := range list {
			require.NoError(t, g.service.Delete(g.ctx, g.AccountID, w.ID))
		}
		g.send(run.ID, 3, 5)
		_, err = s.Housekeep(g.ctx)
		require.NoError(t, err)
		require.Empty(t, s.IDs("SELECT seq FROM outbox"))
	})
}

// What the planner skips is told, too, and what is not a message's.
func TestWhatElseHappensIsTold(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		g := newSetting(t, s, 20)
		p := newProgram(t)
		g.webhook(p, func(w *webhooks.Webhook) { w.Events, w.Batch.Most = webhooks.Events(), 100 })
		run := g.Start()
		g.PlanAll(run.ID, 10)
		_, err := contacts.NewReplies(s).Take(g.ctx, g.Channel, []providers.Reply{{From: "p1@example.com", Text: "STOP", At: g.time.Now(), ID: "r1"}})
		require.NoError(t, err)
		_, err = s.EraseContact(g.ctx, g.AccountID, 2, false)
		require.NoError(t, err)
		require.NoError(t, s.PauseCampaign(g.ctx, g.AccountID, g.Campaign, "ada"))
		require.NoError(t, s.ResumeCampaign(g.ctx, g.AccountID, g.Campaign, "ada"))
		g.send(run.ID, 1, 100)
		_, _, err = s.FinishRuns(g.ctx)
		require.NoError(t, err)
		g.tellAll()
		counts := map[webhooks.Event]int{}
		for _, r := range p.requests() {
			var batch struct {
				Type string
				Data []webhooks.Occurrence
			}
			require.NoError(t, json.Unmarshal(r.body, &batch))
			require.Equal(t, "batch", batch.Type)
			for _, o := range batch.Data {
				counts[o.Type]++
			}
		}
		require.Equal(t, map[webhooks.Event]int{
			"message.skipped": 2 + 2, "message.queued": 16, "message.sent": 16, "message.received": 1, "contact.opted_out": 1, "contact.erased": 1,
			"campaign.started": 1, "campaign.paused": 1, "campaign.finished": 1, "run.finished": 1,
			// Somebody wants to know of conversations, so that what was written opens one.
			"conversation.created": 1, "conversation.entry": 1,
		}, counts)
	})
}

// A program that fails is told again, the same request under the same id, and what comes
// behind waits: nothing is lost, nothing overtakes.
func TestAProgramThatFailsIsToldAgain(t *testing.T) {
	for name, fails := range map[string]func(w http.ResponseWriter, r *http.Request){
		"refuses":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"redirects": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
		"closes":    func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"hangs":     func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	} {
		t.Run(name, func(t *testing.T) {
			g := newSetting(t, storetest.Open(t, storetest.SQLite(t)), 12)
			p, healthy := newProgram(t), newProgram(t)
			p.answers(func(n int, w http.ResponseWriter, r *http.Request) {
				if n <= 2 {
					fails(w, r)
				}
			})
			w := g.webhook(p, nil)
			g.webhook(healthy, nil)
			run := g.Start()
			g.PlanAll(run.ID, 100)
			sent := g.send(run.ID, 1, 3)
			g.tellAll()
			require.Len(t, p.requests(), 1)
			require.Len(t, healthy.requests(), 3, "others are not held up")
			list, err := g.service.Deliveries(g.ctx, webhooks.DeliveryFilter{AccountID: g.AccountID, WebhookID: w.ID, State: webhooks.Pending, Limit: 10})
			require.NoError(t, err)
			require.Len(t, list, 3)
			require.NotEmpty(t, list[2].Answer+fmt.Sprint(list[2].Status))
			for range 3 {
				g.time.Advance(time.Minute)
				g.tellAll()
			}
			got := p.requests()
			require.Len(t, got, 5)
			require.Equal(t, got[0].header.Get("Webhook-Id"), got[1].header.Get("Webhook-Id"))
			require.Equal(t, got[0].body, got[2].body)
			for i, id := range sent {
				_, m := occurrence(t, got[2+i])
				require.Equal(t, id, m.ID)
			}
			w, err = g.service.Get(g.ctx, g.AccountID, w.ID)
			require.NoError(t, err)
			require.Nil(t, w.FailingSince)
			require.NoError(t, g.service.Delete(g.ctx, g.AccountID, w.ID))
		})
	}
}

// Who is gone, and who fails for a day, is switched off with the reason; switched on again
// it is told of what happens from then on.
func TestWhoFailsForADayIsSwitchedOff(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		g := newSetting(t, s, 12)
		p := newProgram(t)
		p.answers(func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
		w := g.webhook(p, nil)
		run := g.Start()
		g.PlanAll(run.ID, 100)
		g.send(run.ID, 1, 2)
		for range 40 {
			g.tellAll()
			g.time.Advance(time.Hour)
		}
		require.Less(t, len(p.requests()), 30, "the pauses grow")
		w, err := g.service.Get(g.ctx, g.AccountID, w.ID)
		require.NoError(t, err)
		require.Equal(t, webhooks.Off, w.State)
		require.Contains(t, w.Reason, "it answered 502 Bad Gateway")
		_, err = g.service.Test(g.ctx, g.AccountID, w.ID)
		require.True(t, fault.Is(err, fault.Conflict), "%v", err)
		g.send(run.ID, 2, 2)

		before := len(p.requests())
		p.answers(func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) })
		w, err = g.service.Update(g.ctx, webhooks.Change{AccountID: g.AccountID, ID: w.ID, By: "test"}, func(w *webhooks.Webhook) error {
			w.State = webhooks.On
			return nil
		})
		require.NoError(t, err)
		require.Empty(t, w.Reason)
		g.tellAll()
		require.Len(t, p.requests(), before, "what happened while it was off is not told")
		last := g.send(run.ID, 3, 1)
		g.tellAll()
		require.Len(t, p.requests(), before+1)
		_, m := occurrence(t, p.requests()[before])
		require.Equal(t, last[0], m.ID)
		w, err = g.service.Get(g.ctx, g.AccountID, w.ID)
		require.NoError(t, err)
		require.Equal(t, webhooks.Off, w.State)
		require.Contains(t, w.Reason, "410")
	})
}

// What a program understands and refuses holds up the others for a few tries alone, and is
// there to be made again.
func TestWhatIsRefusedCanBeReplayed(t *testing.T) {
	s := storetest.Open(t, storetest.SQLite(t))
	g := newSetting(t, s, 12)
	p := newProgram(t)
	const refusals = 5
	p.answers(func(n int, w http.ResponseWriter, _ *http.Request) {
		if n <= refusals {
			w.Header().Set("Retry-After", "3")
			w.WriteHeader(http.StatusUnprocessableEntity)
			_, _ = w.Write([]byte("no such field"))
		}
	})
	w := g.webhook(p, nil)
	run := g.Start()
	g.PlanAll(run.ID, 100)
	g.send(run.ID, 1, 2)
	for range 5 {
		g.tellAll()
		g.time.Advance(3*time.Second + time.Millisecond)
	}
	g.tellAll()
	require.Len(t, p.requests(), 6)
	list, err := g.service.Deliveries(g.ctx, webhooks.DeliveryFilter{AccountID: g.AccountID, WebhookID: w.ID, State: webhooks.Failed, Limit: 10})
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, "no such field", list[0].Answer)
	_, err = g.service.Replay(g.ctx, g.AccountID, w.ID, list[0].ID)
	require.NoError(t, err)
	g.tellAll()
	got := p.requests()
	require.Len(t, got, 7)
	require.Equal(t, got[0].body, got[6].body)
	require.Equal(t, got[0].header.Get("Webhook-Id"), got[6].header.Get("Webhook-Id"))

	// Of a time, a state or an event they are made again together, each once: what was
	// repeated already is not there twice, and counts as delivered.
	replay := func(f webhooks.ReplayFilter, dry bool) int {
		f.AccountID, f.WebhookID = g.AccountID, w.ID
		n, err := g.service.ReplayAll(g.ctx, f, dry)
		require.NoError(t, err)
		return n
	}
	require.Zero(t, replay(webhooks.ReplayFilter{State: webhooks.Failed}, false))
	require.Zero(t, replay(webhooks.ReplayFilter{Event: webhooks.RunFinished}, false))
	require.Zero(t, replay(webhooks.ReplayFilter{From: g.time.Now()}, false))
	require.Zero(t, replay(webhooks.ReplayFilter{To: g.time.Now().Add(-time.Hour)}, false))
	all := webhooks.ReplayFilter{State: webhooks.Delivered, Event: "message.sent", From: g.time.Now().Add(-time.Hour), To: g.time.Now()}
	require.Equal(t, 2, replay(all, true))
	require.Equal(t, 2, replay(all, false))
	require.Zero(t, replay(all, false), "they are under way")
	g.tellAll()
	got = p.requests()
	require.Len(t, got, 9)
	require.Equal(t, []string{string(got[0].body), string(got[5].body)}, []string{string(got[7].body), string(got[8].body)})

	// While a secret is replaced both sign.
	was := w.Secrets[0]
	w, fresh, err := g.service.Rotate(g.ctx, webhooks.Rotation{Change: webhooks.Change{AccountID: g.AccountID, ID: w.ID, By: "test"}})
	require.NoError(t, err)
	require.Len(t, w.Secrets, 2)
	_, err = g.service.Test(g.ctx, g.AccountID, w.ID)
	require.NoError(t, err)
	g.tellAll()
	last := p.requests()[9]
	for _, key := range []string{was.Reveal(), fresh.Reveal()} {
		library, err := standardwebhooks.NewWebhook(key)
		require.NoError(t, err)
		require.NoError(t, library.VerifyIgnoringTimestamp(last.body, last.header))
	}
}

// The secret of before signs along until its time is over, to the millisecond, until it is
// ended, or not at all where it has leaked; what it was before that never does.
func TestForHowLongASecretOfBeforeSigns(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		g, p := newSetting(t, s, 1), newProgram(t)
		w := g.webhook(p, nil)
		keys := []string{w.Secrets[0].Reveal()}
		change := webhooks.Change{AccountID: g.AccountID, ID: w.ID, By: "test"}
		rotate := func(r webhooks.Rotation) {
			t.Helper()
			r.Change = change
			_, fresh, err := g.service.Rotate(g.ctx, r)
			require.NoError(t, err)
			keys = append(keys, fresh.Reveal())
		}
		// signs are the numbers of the keys that have signed a request of now.
		signs := func() (numbers []int) {
			t.Helper()
			_, err := g.service.Test(g.ctx, g.AccountID, w.ID)
			require.NoError(t, err)
			g.tellAll()
			all := p.requests()
			last := all[len(all)-1]
			for i, key := range keys {
				library, err := standardwebhooks.NewWebhook(key)
				require.NoError(t, err)
				if library.VerifyIgnoringTimestamp(last.body, last.header) == nil {
					numbers = append(numbers, i)
				}
			}
			return numbers
		}
		require.Equal(t, []int{0}, signs())
		rotate(webhooks.Rotation{Overlap: time.Hour})
		require.Equal(t, []int{0, 1}, signs())
		g.time.Advance(time.Hour - time.Millisecond)
		require.Equal(t, []int{0, 1}, signs())
		g.time.Advance(time.Millisecond)
		require.Equal(t, []int{1}, signs(), "its time is over")
		_, err := g.Housekeep(g.ctx)
		require.NoError(t, err)
		require.Equal(t, []int{1}, signs())
		rotate(webhooks.Rotation{Overlap: time.Hour})
		rotate(webhooks.Rotation{})
		g.time.Advance(2 * time.Hour)
		require.Equal(t, []int{2, 3}, signs(), "until another is made")
		_, err = g.service.EndOverlap(g.ctx, g.AccountID, w.ID)
		require.NoError(t, err)
		require.Equal(t, []int{3}, signs())
		rotate(webhooks.Rotation{})
		rotate(webhooks.Rotation{Leaked: true})
		require.Equal(t, []int{5}, signs())
	})
}

// What people wrote is told who asks for it, in no order or request that is kept; once it is
// erased nobody is told it any more.
func TestContentIsToldWhoAsks(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		g := newSetting(t, s, 3)
		asks, batched, other := newProgram(t), newProgram(t), newProgram(t)
		received := func(content bool, most int) func(*webhooks.Webhook) {
			return func(w *webhooks.Webhook) {
				w.Events, w.Content, w.Batch.Most = []webhooks.Event{webhooks.MessageReceived}, content, most
			}
		}
		w := g.webhook(asks, received(true, 1))
		g.webhook(batched, received(true, 10))
		g.webhook(other, received(false, 1))
		for i, text := range []string{"Grüße \u2028 \"so\"", "zwei"} {
			_, err := contacts.NewReplies(s).Take(g.ctx, g.Channel, []providers.Reply{{
				From: fmt.Sprintf("p%d@example.com", i+1), Text: text, At: g.time.Now(), ID: fmt.Sprint("r", i),
				Parts: providers.ReplyParts{Button: &providers.ReplyOption{ID: text, Title: "Title"}},
			}})
			require.NoError(t, err)
		}
		g.tellAll()
		written := func(o webhooks.Occurrence) *webhooks.Written {
			var data webhooks.Reply
			require.NoError(t, json.Unmarshal(o.Data, &data))
			require.Positive(t, data.ID)
			require.Equal(t, "button", data.Type)
			return data.Content
		}
		require.Len(t, asks.requests(), 2)
		o, _ := occurrence(t, asks.requests()[0])
		require.Equal(t, &webhooks.Written{From: "p1@example.com", Text: "Grüße \u2028 \"so\"", ReplyParts: providers.ReplyParts{
			Button: &providers.ReplyOption{ID: "Grüße \u2028 \"so\"", Title: "Title"},
		}}, written(o))
		library, err := standardwebhooks.NewWebhook(w.Secrets[0].Reveal())
		require.NoError(t, err)
		require.NoError(t, library.VerifyIgnoringTimestamp(asks.requests()[0].body, asks.requests()[0].header))
		var batch struct{ Data []webhooks.Occurrence }
		require.NoError(t, json.Unmarshal(batched.requests()[0].body, &batch))
		require.Equal(t, "zwei", written(batch.Data[1]).Text)
		o, _ = occurrence(t, other.requests()[0])
		require.Nil(t, written(o))
		list, err := g.service.Deliveries(g.ctx, webhooks.DeliveryFilter{AccountID: g.AccountID, WebhookID: w.ID, Limit: 10})
		require.NoError(t, err)
		for _, d := range list {
			require.NotContains(t, d.Body, "Title")
			require.NotContains(t, d.Body, "@example.com", "it is kept where it was written alone")
		}
		_, err = s.EraseContact(g.ctx, g.AccountID, 1, false)
		require.NoError(t, err)
		_, err = g.service.ReplayAll(g.ctx, webhooks.ReplayFilter{AccountID: g.AccountID, WebhookID: w.ID}, false)
		require.NoError(t, err)
		g.tellAll()
		require.Len(t, asks.requests(), 4)
		o, _ = occurrence(t, asks.requests()[2])
		require.Nil(t, written(o), "it was erased")
		o, _ = occurrence(t, asks.requests()[3])
		require.Equal(t, "zwei", written(o).Text)
	})
}

// plain is a format for the tests: it tells messages that were sent as a line, and nothing
// else.
type plain struct{ most int }

func (plain) Request(_ context.Context, w webhooks.Webhook, d webhooks.Delivery, o webhooks.Occurrence) (r outgoing.Request, ok bool, err error) {
	if o.Type != "message.sent" {
		return r, false, nil
	}
	return outgoing.Request{
		Header: http.Header{"Content-Type": {"text/plain"}, "X-Token": {string(w.Options)}}, Body: []byte(fmt.Sprintf("%s try %d", o.Type, d.Tries)),
	}, true, nil
}

func (plain) Took(answer fetch.Told) bool { return answer.Text == "thanks" }

func (p plain) Tries(webhooks.Webhook) (int, bool) { return p.most, p.most == 3 }

func TestAFormatTellsInItsOwnWords(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		g := newSetting(t, s, 5)
		poster := fetch.ForMany(providers.Dialer{AllowPrivate: true}).Within(2 * time.Second)
		t.Cleanup(poster.Close)
		way := outgoing.Way{Poster: poster, Formats: outgoing.Formats{"plain": plain{2}, "strict": plain{3}}}
		g.teller = outgoing.New(s, way, s.Clock, slog.New(slog.DiscardHandler))
		p := newProgram(t)
		p.answers(func(n int, w http.ResponseWriter, _ *http.Request) {
			if n > 1 { // the first is not understood
				_, _ = w.Write([]byte("thanks"))
			}
		})
		w := g.webhook(p, func(w *webhooks.Webhook) {
			w.Format, w.Options, w.KeyID, w.Events = "plain", []byte(`{"a":1}`), 7, []webhooks.Event{"message.sent", "message.queued"}
		})
		require.EqualValues(t, 7, w.KeyID)
		_, err := g.service.Test(g.ctx, g.AccountID, w.ID)
		require.True(t, fault.Is(err, fault.Conflict), "there is no test in others' words")
		change := webhooks.Change{AccountID: g.AccountID, ID: w.ID, By: "test"}
		_, err = g.service.Update(g.ctx, change, func(w *webhooks.Webhook) error { w.Batch.Most = 2; return nil })
		require.True(t, fault.Is(err, fault.Invalid), "and no batch")
		run := g.Start().ID
		g.PlanAll(run, 100)
		g.send(run, 1, 1)
		g.tellAll()
		require.Len(t, p.requests(), 1)
		g.time.Advance(time.Hour)
		g.tellAll()
		got := p.requests()
		require.Len(t, got, 2)
		for i, r := range got {
			require.Equal(t, fmt.Sprintf("message.sent try %d", i), string(r.body))
			require.Equal(t, "text/plain", r.header.Get("Content-Type"))
			require.Equal(t, `{"a":1}`, r.header.Get("X-Token"))
			require.NotEmpty(t, r.header.Get("Webhook-Signature"))
		}
		list, err := g.service.Deliveries(g.ctx, webhooks.DeliveryFilter{AccountID: g.AccountID, WebhookID: w.ID, Limit: 10})
		require.NoError(t, err)
		require.NotEmpty(t, list)
		for _, d := range list {
			require.Equal(t, webhooks.Delivered, d.State, "also what the format tells nobody")
		}

		// So many tries and no more; where the format says so, the webhook is off then.
		p.answers(func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
		strict := g.webhook(p, func(w *webhooks.Webhook) { w.Format = "strict" })
		g.send(run, 2, 1)
		for range 4 {
			g.tellAll()
			g.time.Advance(20 * time.Minute)
		}
		for id, want := range map[int64]struct {
			state webhooks.State
			tries int
		}{w.ID: {webhooks.On, 2}, strict.ID: {webhooks.Off, 3}} {
			is, err := g.service.Get(g.ctx, g.AccountID, id)
			require.NoError(t, err)
			require.Equal(t, want.state, is.State)
			failed, err := g.service.Deliveries(g.ctx, webhooks.DeliveryFilter{AccountID: g.AccountID, WebhookID: id, State: webhooks.Failed, Limit: 10})
			require.NoError(t, err)
			require.Len(t, failed, 1)
			require.Equal(t, want.tries, failed[0].Tries)
		}
	})
}

// A message that was delivered and read by one report is told as both, in that order.
func TestDeliveredIsToldBeforeReadByTheSameReport(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		g := newSetting(t, s, 5)
		all, readOnly := newProgram(t), newProgram(t)
		g.webhook(all, func(w *webhooks.Webhook) { w.Events = []webhooks.Event{"message.delivered", "message.read"} })
		g.webhook(readOnly, func(w *webhooks.Webhook) { w.Events = []webhooks.Event{"message.read"} })
		run := g.Start()
		g.PlanAll(run.ID, 10)
		var both []providers.Receipt
		for _, id := range g.send(run.ID, 1, 5) {
			both = append(both,
				providers.Receipt{MessageID: id, Status: providers.ReceiptDelivered, At: g.time.Now()},
				providers.Receipt{MessageID: id, Status: providers.ReceiptRead, At: g.time.Now()})
		}
		require.NoError(t, g.Writer.Receive(g.ctx, g.Channel.ID, both))
		require.NoError(t, g.Writer.Receive(g.ctx, g.Channel.ID, both))
		g.tellAll()
		of := map[int64][]webhooks.Event{}
		for _, r := range all.requests() {
			o, m := occurrence(t, r)
			of[m.ID] = append(of[m.ID], o.Type)
		}
		require.Len(t, of, 5)
		for id, events := range of {
			require.Equal(t, []webhooks.Event{"message.delivered", "message.read"}, events, "message %d", id)
		}
		require.Len(t, readOnly.requests(), 5)
	})
}
