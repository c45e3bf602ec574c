package twoway

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/testenv"
)

// people is how many are written to; the last of them the far end refuses.
const people = 20

// refused is whom the far end refuses: they complained there.
var refused = phone(people - 1)

func phone(i int) string { return fmt.Sprintf("+49151123456%02d", i) }

// text is what the campaign says to somebody.
const text = "Hello {{ contact.name }}, the bells ring at noon 🔔"

// system is one that Carillon sends through, and speaks.
type system struct {
	name string
	// join readies the far end, whose channel is there, to be sent through, and returns the
	// near channel's settings. What happens is to be told at the hook.
	join func(far *carillon, hook string) (config object)
	// refused is whom the far end refuses; who complained there if it is empty.
	refused string
	// becomes is what becomes at the near end of who is refused.
	becomes string
	// silent says that the far end tells nobody what becomes of messages.
	silent bool
}

var systems = []system{
	{name: "chatapi", join: joinChatAPI, refused: "+49151999", becomes: "failed"}, // of too few digits
	{name: "xms", join: joinXMS, becomes: "failed"},
	{name: "chatwoot", join: joinChatwoot, becomes: "failed"},
	{name: "messengerpeople", join: joinMessengerPeople, becomes: "failed", silent: true},
}

const hookToken = "a-token-of-the-hook-for-tests"

func joinChatAPI(far *carillon, hook string) object {
	instance := "/instance1/"
	steering := far.key(object{"name": "steering", "role": "editor", "api": "chatapi", "channel_id": 1})
	far.ask(asking{method: http.MethodPost, path: instance + "webhook?token=" + steering, body: object{"webhookUrl": hook + "?token=" + hookToken}}, nil)
	far.ask(asking{method: http.MethodPost, path: instance + "settings/ackNotificationsOn?token=" + steering, body: object{"ackNotificationsOn": true}}, nil)
	token := far.key(object{"name": "near", "role": "sender", "api": "chatapi", "channel_id": 1})
	return object{"url": far.url + "/instance1", "token": token, "hook_token": hookToken}
}

func joinXMS(far *carillon, hook string) object {
	// A webhook is the app's, which is its key: the one that sends sets it.
	key := far.key(object{"name": "near", "role": "editor", "api": "xms"})
	var set struct {
		Data struct {
			Props struct {
				VerifyToken string `json:"verifyToken"`
			} `json:"props"`
		} `json:"data"`
	}
	far.ask(asking{http.MethodPost, "/xms/api/v1/config/webhook", object{"url": hook}, map[string]string{"x-api-key": key}}, &set)
	return object{"url": far.url + "/xms", "api_key": key, "channel_id": "wa360:1", "verify_token": set.Data.Props.VerifyToken}
}

func joinChatwoot(far *carillon, hook string) object {
	steering := far.key(object{"name": "steering", "role": "editor", "api": "chatwoot"})
	var set struct {
		Payload struct{ Webhook struct{ Secret string } }
	}
	far.ask(asking{http.MethodPost, "/api/v1/accounts/1/webhooks", object{"url": hook, "subscriptions": []string{"message_created", "message_updated"}},
		map[string]string{"api_access_token": steering}}, &set)
	token := far.key(object{"name": "near", "role": "sender", "api": "chatwoot"})
	return object{"url": far.url, "token": token, "account": 1, "inbox": 1, "secret": set.Payload.Webhook.Secret}
}

func joinMessengerPeople(far *carillon, hook string) object {
	const api = "/api/v14"
	steering := far.key(object{"name": "steering", "role": "admin", "api": "messengerpeople", "channel_id": 1})
	for i := range people { // it knows whom it writes to
		far.made("/contacts", object{"addresses": object{"whatsapp": phone(i)}})
	}
	far.ask(asking{method: http.MethodPut, path: api + "/channel/webhook", body: url.Values{"apikey": {steering}, "url": {hook + "?token=" + hookToken}}}, nil)
	key := far.key(object{"name": "near", "role": "sender", "api": "messengerpeople", "channel_id": 1})
	return object{"url": far.url + api, "api_key": key, "hook_token": hookToken}
}

// What one Carillon sends through an adapter into the dialect of another arrives once at
// everybody, and what becomes of it, and what is answered, comes back.
func TestOneCarillonSendsThroughAnother(t *testing.T) {
	program := build(t)
	for _, s := range systems {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			near := start(t, "near", program, "CARILLON_STORE_DSN="+testenv.SharedPostgres(t).NewDatabase(t),
				"CARILLON_REDIS_URL="+testenv.SharedRedis(t).NewDatabase(t), "CARILLON_MASTER_KEY=a master key for tests alone")
			far := start(t, "far", program)
			s.run(t, near, far)
			near.stop()
			far.stop()
		})
	}
}

func (s system) run(t *testing.T, near, far *carillon) {
	to := map[string]bool{} // whether the far end takes it
	for i := range people {
		to[phone(i)] = true
	}
	if s.refused == "" {
		s.refused = refused
		far.v1(http.MethodPost, "/suppressions", object{"kind": "whatsapp", "address": refused, "reason": "complaint"}, nil)
	} else {
		delete(to, refused)
	}
	to[s.refused] = false
	require.Len(t, to, people)
	require.EqualValues(t, 1, far.made("/channels", object{"name": "far", "provider": "sandbox", "config": object{
		"address": "whatsapp", "read_rate": 0.5, "seed": 3, "replies": object{question: []string{"Gladly ✋"}},
	}}))
	config := s.join(far, near.url+"/hooks/1")
	require.EqualValues(t, 1, near.made("/channels", object{"name": "near", "provider": s.name, "config": config}), "as the hook's address has it")
	for address := range to {
		near.made("/contacts", object{"name": "Ann " + address, "addresses": object{"whatsapp": address}})
	}
	campaign := near.made("/campaigns", object{"name": "noon", "channel_id": 1, "audience": object{"all": true}, "content": object{"text": text}})
	near.v1(http.MethodPost, fmt.Sprintf("/campaigns/%d/start", campaign), object{}, nil)

	// Everybody is accounted for here as there.
	var here, there map[string]message
	require.Eventually(t, func() bool {
		here, there = near.messages(""), far.messages("")
		for address, taken := range to {
			want := s.becomes
			switch {
			case taken && s.silent:
				want = "sent"
			case taken:
				want = there[address].State
			}
			if m := there[address]; taken && m.State != "delivered" && m.State != "read" || here[address].State != want {
				return false
			}
		}
		return true
	}, patience, pollInterval, "here and there differ: %v", lazily{func() any { return fmt.Sprintf("%+v\n%+v", here, there) }})
	require.Len(t, here, people)
	states := map[string]int{}
	for address, taken := range to {
		states[there[address].State]++
		require.Equal(t, 1, here[address].Attempt, "%s is asked for once", address)
		if taken && !s.silent {
			require.NotEmpty(t, here[address].ProviderID)
		}
		require.NotEqual(t, taken, here[address].Reason != "", "who was refused, and nobody else, has a reason: %+v", here[address])
		delete(there, address)
	}
	require.Empty(t, there, "nobody else got anything")
	require.Positive(t, states["delivered"], "%v", states)
	require.Positive(t, states["read"], "%v", states)
	require.Equal(t, people-1, states["delivered"]+states["read"], "%v", states)

	s.answered(t, near)
	near.verify()
	far.verify()
}

// question is answered if it arrives as it was: what looks like a template is none there.
const question = "Are you coming, {{ you }} & <they>? `{{ code }}` 🍏"

// answered sends one more message, to which somebody answers.
func (s system) answered(t *testing.T, near *carillon) {
	t.Helper()
	near.made("/messages", object{"channel_id": 1, "to": phone(0), "content": object{"text": "{% raw %}" + question + "{% endraw %}"}})
	var replies struct {
		Items []struct {
			Address, Text string
			ContactID     int64 `json:"contact_id"`
		}
	}
	require.Eventually(t, func() bool {
		near.v1(http.MethodGet, "/replies", nil, &replies)
		return len(replies.Items) > 0
	}, patience, pollInterval, "nobody answers")
	require.Len(t, replies.Items, 1)
	require.Equal(t, []any{phone(0), "Gladly ✋"}, []any{replies.Items[0].Address, replies.Items[0].Text})
	require.NotZero(t, replies.Items[0].ContactID)
}

// lazily is what a failure shows, as it is then.
type lazily struct{ of func() any }

func (l lazily) String() string { return fmt.Sprint(l.of()) }
