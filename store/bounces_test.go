package store

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/contacts"
	"carillon/messages"
	"carillon/providers"
	"carillon/store/sqldb"
)

// sent makes a transactional message to an address and sends it.
func (j *journey) sent(envelope int64, address string) int64 {
	j.t.Helper()
	m, err := j.CreateMessage(j.t.Context(), messages.Outgoing{AccountID: j.accountID, ChannelID: j.channel.ID, Address: address, Content: []byte(`{"text":"x"}`)})
	require.NoError(j.t, err)
	require.Len(j.t, j.claim(0, envelope, j.feed(0, []int64{envelope}, 1)), 1, "nothing keeps messages from %s", address)
	j.record(0, []int64{m.ID}, nil)
	return m.ID
}

func (j *journey) receive(events ...providers.Receipt) {
	j.t.Helper()
	require.NoError(j.t, j.writer.Receive(j.t.Context(), j.channel.ID, events))
}

func (j *journey) reasonOf(address string) string {
	j.t.Helper()
	found, err := j.reader().suppressionsOf(j.t.Context(), j.accountID, []contacts.Suppression{{Kind: j.channel.Address, Address: address}})
	require.NoError(j.t, err)
	if len(found) == 0 {
		return ""
	}
	return found[0].Reason
}

func TestHardBouncesAndComplaintsSuppressAtOnce(t *testing.T) {
	eachStore(t, func(t *testing.T, s *Store) {
		j := newJourney(t, s, 3)
		bounced := j.sent(1, "hard@example.com")
		j.receive(providers.Receipt{MessageID: bounced, Status: providers.ReceiptRejected, Bounce: providers.BounceHard, Code: "5.1.1"})
		require.Equal(t, contacts.Bounced, j.reasonOf("hard@example.com"))

		// A complaint comes after the message was read and changes nothing of it.
		spam := j.sent(2, "spam@example.com")
		j.receive(providers.Receipt{MessageID: spam, Status: providers.ReceiptRead}, providers.Receipt{MessageID: spam, Status: providers.ReceiptComplained})
		require.Equal(t, contacts.Complained, j.reasonOf("spam@example.com"))
		m, err := s.GetMessage(t.Context(), j.accountID, spam)
		require.NoError(t, err)
		require.Equal(t, messages.Read, m.State)

		// What is rejected without a bounce is not the address's fault.
		other := j.sent(3, "window@example.com")
		j.receive(providers.Receipt{MessageID: other, Status: providers.ReceiptRejected})
		require.Empty(t, j.reasonOf("window@example.com"))

		sources, err := sqldb.Column[string](t.Context(), s.reader(), "SELECT source FROM consents ORDER BY id")
		require.NoError(t, err)
		require.Equal(t, []string{"bounce", "complaint"}, sources)
		var left int
		require.NoError(t, s.reader().Row(t.Context(), "SELECT COUNT(*) FROM bounces").Scan(&left))
		require.Zero(t, left)
	})
}

func TestSoftBouncesSuppressAfterSeveralInARow(t *testing.T) {
	eachStore(t, func(t *testing.T, s *Store) {
		s.softBounces = 3
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
		require.NoError(t, s.Unsuppress(t.Context(), contacts.Suppression{AccountID: j.accountID, Kind: providers.Email, Address: address}, true, "me"))
		outcome(soft)
		require.Empty(t, j.reasonOf(address))
	})
}

// A bounce that comes before the worker has recorded its answer waits, and is
// not forgotten.
func TestParkedBounceSuppresses(t *testing.T) {
	eachStore(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		j := newJourney(t, s, 1)
		m, err := s.CreateMessage(ctx, messages.Outgoing{AccountID: j.accountID, ChannelID: j.channel.ID, Address: "early@example.com",
			Content: []byte(`{"text":"x"}`)})
		require.NoError(t, err)
		require.Len(t, j.claim(0, 1, j.feed(0, []int64{1}, 1)), 1)
		j.receive(providers.Receipt{MessageID: m.ID, Status: providers.ReceiptFailed, Bounce: providers.BounceHard})
		require.Empty(t, j.reasonOf("early@example.com"))
		j.record(0, []int64{m.ID}, nil)
		more, err := s.SuppressBounced(ctx)
		require.NoError(t, err)
		require.False(t, more)
		require.Equal(t, contacts.Bounced, j.reasonOf("early@example.com"))
	})
}

// A provider may say at once that an address is wrong for good.
func TestARefusalThatIsABounceSuppresses(t *testing.T) {
	eachStore(t, func(t *testing.T, s *Store) {
		j := newJourney(t, s, 5)
		run := j.start()
		j.planAll(run.ID, 100)
		claimed := j.claim(run.ID, 1, j.feed(run.ID, []int64{1}, 100))
		require.GreaterOrEqual(t, len(claimed), 3)
		refuse := func(ids []int64, kind providers.BounceKind) []string {
			j.record(run.ID, ids, func(o *messages.Outcome) {
				o.State, o.Kind, o.Reason, o.Code, o.Bounce = messages.Rejected, "recipient", messages.ReasonRecipient, "550", kind
			})
			var addresses []string
			for _, id := range ids {
				m, err := s.GetMessage(t.Context(), j.accountID, id)
				require.NoError(t, err)
				addresses = append(addresses, m.Address)
			}
			_, err := s.SuppressBounced(t.Context())
			require.NoError(t, err)
			return addresses
		}
		require.Equal(t, contacts.Bounced, j.reasonOf(refuse(claimed[:1], providers.BounceHard)[0]))
		require.Empty(t, j.reasonOf(refuse(claimed[1:2], providers.BounceSoft)[0]), "one of several")
		require.Empty(t, j.reasonOf(refuse(claimed[2:3], "")[0]), "the server may not want us")
		j.balanced(run.ID)
	})
}
