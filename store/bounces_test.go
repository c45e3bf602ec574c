package store_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/contacts"
	"carillon/messages"
	"carillon/providers"
	"carillon/store"
	"carillon/store/sqldb"
	"carillon/store/storetest"
)

// sent makes a transactional message to an address and sends it.
func (j *journey) sent(envelope int64, address string) int64 {
	j.t.Helper()
	m, err := j.CreateMessage(j.t.Context(), messages.Outgoing{AccountID: j.AccountID, ChannelID: j.Channel.ID, Address: address, Content: []byte(`{"text":"x"}`)})
	require.NoError(j.t, err)
	require.Len(j.t, j.Claim(0, envelope, j.Feed(0, []int64{envelope}, 1)), 1, "nothing keeps messages from %s", address)
	j.Record(0, []int64{m.ID}, nil)
	return m.ID
}

func (j *journey) receive(events ...providers.Receipt) {
	j.t.Helper()
	require.NoError(j.t, j.Writer.Receive(j.t.Context(), j.Channel.ID, events))
}

func (j *journey) reasonOf(address string) string {
	j.t.Helper()
	found, err := sqldb.Column[string](j.t.Context(), j.Reader(), "SELECT reason FROM suppressions WHERE account_id = ? AND kind = ? AND address = ?",
		j.AccountID, string(j.Channel.Address), address)
	require.NoError(j.t, err)
	return strings.Join(found, " ")
}

func TestHardBouncesAndComplaintsSuppressAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 4)
		bounced := j.sent(1, "hard@example.com")
		j.receive(providers.Receipt{MessageID: bounced, Status: providers.ReceiptRejected, Bounce: providers.BounceHard, Code: "5.1.1"})
		require.Equal(t, contacts.Bounced, j.reasonOf("hard@example.com"))

		// A complaint comes after the message was read and changes nothing of it.
		spam := j.sent(2, "spam@example.com")
		j.receive(providers.Receipt{MessageID: spam, Status: providers.ReceiptRead}, providers.Receipt{MessageID: spam, Status: providers.ReceiptComplained})
		require.Equal(t, contacts.Complained, j.reasonOf("spam@example.com"))
		m, err := s.GetMessage(t.Context(), j.AccountID, spam)
		require.NoError(t, err)
		require.Equal(t, messages.Read, m.State)

		// Who leaves by the provider's own link has opted out, which can be taken back, unless
		// they had complained; what is reported again is recorded once.
		gone := j.sent(4, "gone@example.com")
		for range 2 {
			j.receive(providers.Receipt{MessageID: gone, Status: providers.ReceiptUnsubscribed},
				providers.Receipt{MessageID: spam, Status: providers.ReceiptUnsubscribed})
		}
		require.Equal(t, contacts.Unsubscribed, j.reasonOf("gone@example.com"))
		require.Equal(t, contacts.Complained, j.reasonOf("spam@example.com"))
		m, err = s.GetMessage(t.Context(), j.AccountID, gone)
		require.NoError(t, err)
		require.Equal(t, messages.Sent, m.State)

		// What is rejected without a bounce is not the address's fault.
		other := j.sent(3, "window@example.com")
		j.receive(providers.Receipt{MessageID: other, Status: providers.ReceiptRejected})
		require.Empty(t, j.reasonOf("window@example.com"))

		sources, err := sqldb.Column[string](t.Context(), s.Reader(), "SELECT source FROM consents ORDER BY id")
		require.NoError(t, err)
		require.Equal(t, []string{"bounce", "complaint", "provider"}, sources)
		left := s.Int("SELECT COUNT(*) FROM bounces")
		require.Zero(t, left)
	})
}

func TestSoftBouncesSuppressAfterSeveralInARow(t *testing.T) {
	storetest.EachWith(t, store.Options{SoftBounces: 3}, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 1)
		envelope := int64(0)
		const address = "full@example.com"
		outcome := func(e providers.Receipt) {
			envelope++
			e.MessageID = j.sent(envelope, address)
			j.receive(e)
			j.receive(e) // providers repeat themselves
		}
		soft := providers.Receipt{Status: providers.ReceiptFailed, Bounce: providers.BounceSoft}
		outcome(soft)
		outcome(soft)
		outcome(providers.Receipt{Status: providers.ReceiptDelivered})
		outcome(soft)
		outcome(soft)
		require.Empty(t, j.reasonOf(address), "a delivery begins to count anew")
		outcome(soft)
		require.Equal(t, contacts.Bounced, j.reasonOf(address))

		// Lifted by force, it counts from the beginning.
		require.NoError(t, s.Unsuppress(t.Context(), contacts.Suppression{AccountID: j.AccountID, Kind: providers.Email, Address: address}, true, "me"))
		outcome(soft)
		require.Empty(t, j.reasonOf(address))
	})
}

// A bounce that comes before the worker has recorded its answer waits, and is
// not forgotten.
func TestParkedBounceSuppresses(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := newJourney(t, s, 1)
		m, err := s.CreateMessage(ctx, messages.Outgoing{AccountID: j.AccountID, ChannelID: j.Channel.ID, Address: "early@example.com",
			Content: []byte(`{"text":"x"}`)})
		require.NoError(t, err)
		require.Len(t, j.Claim(0, 1, j.Feed(0, []int64{1}, 1)), 1)
		j.receive(providers.Receipt{MessageID: m.ID, Status: providers.ReceiptFailed, Bounce: providers.BounceHard})
		require.Empty(t, j.reasonOf("early@example.com"))
		j.Record(0, []int64{m.ID}, nil)
		require.Equal(t, contacts.Bounced, j.reasonOf("early@example.com"))
	})
}

// A provider may say at once that an address is wrong for good.
func TestARefusalThatIsABounceSuppresses(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 5)
		run := j.Start()
		j.PlanAll(run.ID, 100)
		claimed := j.Claim(run.ID, 1, j.Feed(run.ID, []int64{1}, 100))
		require.GreaterOrEqual(t, len(claimed), 3)
		refuse := func(ids []int64, kind providers.BounceKind) []string {
			j.Record(run.ID, ids, func(o *messages.Outcome) {
				o.State, o.Kind, o.Reason, o.Code, o.Bounce = messages.Rejected, "recipient", messages.ReasonRecipient, "550", kind
			})
			var addresses []string
			for _, id := range ids {
				m, err := s.GetMessage(t.Context(), j.AccountID, id)
				require.NoError(t, err)
				addresses = append(addresses, m.Address)
			}
			return addresses
		}
		require.Equal(t, contacts.Bounced, j.reasonOf(refuse(claimed[:1], providers.BounceHard)[0]))
		require.Empty(t, j.reasonOf(refuse(claimed[1:2], providers.BounceSoft)[0]), "one of several")
		require.Empty(t, j.reasonOf(refuse(claimed[2:3], "")[0]), "the server may not want us")
		j.Balanced(run.ID)
	})
}

// With the very refusal, what waits for the same address is skipped, whether it is in a window
// or not.
func TestARefusalSkipsWhatWaitsForItsAddress(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 1)
		const address = "gone@example.com"
		create := func() int64 {
			m, err := s.CreateMessage(t.Context(), messages.Outgoing{AccountID: j.AccountID, ChannelID: j.Channel.ID, Address: address, Content: []byte(`{"text":"x"}`)})
			require.NoError(t, err)
			return m.ID
		}
		refused, queued := create(), create()
		require.Len(t, j.Claim(0, 1, j.Feed(0, []int64{1}, 1)), 1)
		second := j.Feed(0, []int64{2}, 1)
		require.Len(t, second, 1)
		j.Record(0, []int64{refused}, func(o *messages.Outcome) {
			o.State, o.Kind, o.Reason, o.Bounce = messages.Rejected, "recipient", messages.ReasonRecipient, providers.BounceHard
		})
		require.Equal(t, contacts.Bounced, j.reasonOf(address))
		m, err := s.GetMessage(t.Context(), j.AccountID, queued)
		require.NoError(t, err)
		require.Equal(t, messages.Skipped, m.State)
		require.Equal(t, messages.ReasonSuppressed, m.Reason)
		require.Empty(t, j.Claim(0, 2, second), "its task finds nothing")
		require.Equal(t, 1, s.Int("SELECT bounced FROM channel_troubles WHERE bounced > 0"))
	})
}
