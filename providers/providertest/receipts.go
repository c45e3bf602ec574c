package providertest

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/secret"
	"carillon/internal/sink"
	"carillon/providers"
	"carillon/providers/hook"
)

// Proof is what shows that a request to /hooks/{channel_id} is the far end's, and so
// which forgeries an adapter can tell.
type Proof int

// The proofs.
const (
	// SignedWithTime is a signature over the body and a time, by which an old request is
	// refused, too: Standard Webhooks, Slack.
	SignedWithTime Proof = iota
	// Signed is a signature over the body alone: X-Hub-Signature-256 of WhatsApp.
	Signed
	// Password is a secret that stands in every request: Telegram's
	// X-Telegram-Bot-Api-Secret-Token.
	Password
	// Within is a signature that stands in the body, beside what it vouches for: Mailgun.
	Within
)

// receipts has the far end report of messages that it took, and each report find its
// message: the id comes back the very same as it went.
func (s Subject) receipts(t testing.TB) {
	p := s.open(t, s.serve(t, sink.Options{}).Config)
	parser, ok := p.(providers.CallbackParser)
	require.True(t, ok, "Capabilities.Receipts promises a CallbackParser")
	reports := s.Reports
	if reports == nil && s.Kind.Capabilities.OnlyFailures {
		reports = []providers.ReceiptStatus{providers.ReceiptFailed}
	}
	if reports == nil {
		reports = []providers.ReceiptStatus{providers.ReceiptDelivered, providers.ReceiptFailed}
	}
	for id := int64(7); id <= 9; id++ {
		accepted, err := p.Send(t.Context(), s.message(id))
		require.NoError(t, err)
		for _, status := range reports {
			header, body := s.Receipt(t, Now, Report{MessageID: id, Status: status})
			for range 2 { // what comes again says the same again
				receipts, err := parse(t, parser, header, body)
				require.NoError(t, err)
				require.Len(t, receipts, 1)
				require.Equal(t, status, receipts[0].Status)
				s.requireAbout(t, receipts[0], id, accepted)
				if status == providers.ReceiptFailed {
					require.NotEmpty(t, receipts[0].Code+receipts[0].Detail, "a failure says why")
				}
			}
			if replies, ok := p.(providers.ReplyParser); ok {
				found, err := replies.ParseReplies(header, body)
				require.NoError(t, err, "the same request is read for replies")
				require.Empty(t, found)
			}
		}
	}
	s.forgeries(t, func(at time.Time) (http.Header, []byte) {
		return s.Receipt(t, at, Report{MessageID: 7, Status: providers.ReceiptDelivered})
	}, func(header http.Header, body []byte) error {
		_, err := parse(t, parser, header, body)
		return err
	})
	s.requestIDs(t, p)
}

// parse reads a request as the hooks do.
func parse(t testing.TB, parser providers.CallbackParser, header http.Header, body []byte) ([]providers.Receipt, error) {
	t.Helper()
	if asks, ok := parser.(providers.CallbackPreparer); ok {
		if err := asks.PrepareCallback(t.Context(), header, body); err != nil {
			return nil, err
		}
	}
	return parser.ParseCallback(header, body)
}

// requireAbout checks that a receipt is known for the message's.
func (s Subject) requireAbout(t testing.TB, r providers.Receipt, id int64, accepted providers.Accepted) {
	t.Helper()
	if s.Kind.Capabilities.EchoesID {
		require.Equal(t, id, r.MessageID, "Capabilities.EchoesID promises our id")
	} else {
		require.Zero(t, r.MessageID, "an id of ours that Capabilities.EchoesID does not speak of")
		require.NotEmpty(t, r.ProviderID, "without our id it must be the provider's")
	}
	if r.ProviderID != "" {
		require.Equal(t, accepted.ProviderID, r.ProviderID, "the receipt names the id that Send returned")
	}
}

// forgeries has whatever is not the far end's refused, as far as it can be told.
func (s Subject) forgeries(t testing.TB, request func(at time.Time) (http.Header, []byte), read func(http.Header, []byte) error) {
	t.Helper()
	header, body := request(Now)
	refused := func(what string, header http.Header, body []byte) {
		t.Helper()
		err := read(header, body)
		require.Error(t, err, what)
		require.Equal(t, providers.ErrorAuth, providers.AsError(err).Kind, "%s: %v", what, err)
	}
	if s.Proof == Within {
		for what, forged := range proofless(t, body, func(body []byte) bool { return read(header, body) == nil }) {
			refused(what, header, forged)
		}
		return
	}
	refused("nothing shows whose it is", http.Header{}, body)
	guessed := header.Clone()
	for name := range guessed {
		guessed.Set(name, guessed.Get(name)+"0")
	}
	refused("what shows whose it is was guessed", guessed, body)
	if s.Proof == Password {
		return
	}
	refused("the body was changed", header, append(bytes.Clone(body), ' '))
	if s.Proof == Signed {
		return
	}
	for _, away := range []time.Duration{-time.Hour, time.Hour} {
		header, body := request(Now.Add(away))
		refused("the signature is of another time", header, body)
	}
}

// proofless are forgeries of a body that has its proof in itself, by what is wrong with each:
// without a member that is of the proof, and with each text in that changed. Of the proof are the
// members without which the body is not taken: texts, or objects of texts.
func proofless(t testing.TB, body []byte, taken func(body []byte) bool) map[string][]byte {
	t.Helper()
	var members map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(body, &members))
	encode := func(v any) []byte {
		encoded, err := json.Marshal(v)
		require.NoError(t, err)
		return encoded
	}
	forged := map[string][]byte{"nothing shows whose it is": []byte("{}")}
	for name, member := range members {
		left := maps.Clone(members)
		delete(left, name)
		if taken(encode(left)) {
			continue
		}
		forged["without "+name] = encode(left)
		var text string
		if json.Unmarshal(member, &text) == nil {
			left[name] = encode(text + "0")
			forged["another "+name] = encode(left)
			continue
		}
		var proof map[string]string
		require.NoError(t, json.Unmarshal(member, &proof), "the proof is texts")
		for of, text := range proof {
			guessed := maps.Clone(proof)
			guessed[of] = text + "0"
			left[name] = encode(guessed)
			forged["another "+of] = encode(left)
		}
	}
	require.Greater(t, len(forged), 1, "nothing in the body is its proof")
	return forged
}

// requestIDs has a request that comes again known by its id, if the adapter tells it.
func (s Subject) requestIDs(t testing.TB, p providers.Provider) {
	t.Helper()
	identifier, ok := p.(providers.RequestIdentifier)
	if !ok {
		return
	}
	of := func(id int64) string {
		header, body := s.Receipt(t, Now, Report{MessageID: id, Status: providers.ReceiptDelivered})
		return identifier.RequestID(header, body)
	}
	first, again, other := of(7), of(7), of(8)
	require.NotEmpty(t, first)
	require.LessOrEqual(t, len(first), 100, "RequestIdentifier's bound")
	require.Equal(t, first, again, "a repeat is known")
	require.NotEqual(t, first, other, "another request is another one")
}

// SignedReceipt is a Subject's Receipt in Carillon's own form, the one that
// hook.Parser reads.
func SignedReceipt(key string) func(testing.TB, time.Time, Report) (http.Header, []byte) {
	return func(t testing.TB, at time.Time, r Report) (http.Header, []byte) {
		t.Helper()
		event := map[string]any{"message_id": r.MessageID, "status": r.Status, "at": at}
		if r.Status == providers.ReceiptFailed {
			event["code"] = "550"
		}
		return signed(t, key, at, map[string]any{"events": []any{event}})
	}
}

// signed is a request in Carillon's own form.
func signed(t testing.TB, key string, at time.Time, content any) (http.Header, []byte) {
	t.Helper()
	signer, err := hook.NewSigner(secret.New(key))
	require.NoError(t, err)
	body, err := json.Marshal(content)
	require.NoError(t, err)
	return signer.Header("evt_1", at, body), body
}
