package bounce_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"carillon/internal/secret"
	"carillon/providers/bounce"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	installation = "theinstallation1"
	key          = "0123456789abcdef"
)

// address is one that a message comes back to.
func address(m bounce.Marker, id int64) string {
	return "bounces+" + string(m.AppendLocal(nil, id)) + "@example.org"
}

// A mark is known to who made it, in whatever letters it comes, and to nobody else.
func TestMarks(t *testing.T) {
	own := bounce.NewMarker(secret.New(key), installation, 3)
	others := []bounce.Marker{
		bounce.NewMarker(secret.New(key+"x"), installation, 3), bounce.NewMarker(secret.New(key), "theinstallation2", 3),
		bounce.NewMarker(secret.New(key), installation, 4),
	}
	for _, id := range []int64{1, 35, 36, math.MaxInt64} {
		for _, text := range []string{address(own, id), strings.ToUpper(address(own, id)), "rfc822; " + address(own, id) + " (x)"} {
			mark, ok := bounce.MarkOf(text)
			require.True(t, ok)
			require.Equal(t, id, mark.Message)
			require.True(t, own.Knows(mark))
			for _, other := range others {
				require.False(t, other.Knows(mark))
			}
			require.Equal(t, []bounce.Mark{mark}, bounce.Marks([]byte("\n"+text+"\n")))
		}
		require.NotEqual(t, own.Code(id), own.Code(id-1))
	}
	for _, text := range []string{
		"", "bounces@example.org", "bounces+1-1@example.org", "bounces+1-1-short@example.org", "bounces+0-1-aaaaaaaaaaaaaaaa@example.org",
		"bounces+zzzzzzzzzzzzz-1-aaaaaaaaaaaaaaaa@example.org", "bounces+1-1-aaaaaaaaaaaaaaa1@example.org",
	} {
		_, ok := bounce.MarkOf(text)
		require.False(t, ok, text)
	}
	found := bounce.Marks([]byte("<7-" + installation + "-" + own.Code(7) + "@example.org> <8-" + installation + "-" + own.Code(7) + "@x> " + address(own, 9)))
	require.Len(t, found, 3)
	require.EqualValues(t, 9, found[0].Message, "addresses come first")
	require.True(t, own.Knows(found[0]) && own.Knows(found[1]))
	require.False(t, own.Knows(found[2]), "the code of another message")
	require.False(t, own.Knows(bounce.Mark{}))
}

// Whatever is sent, what is read of it is bounded.
func TestWhatIsReadIsBounded(t *testing.T) {
	const status = "To: x\nContent-Type: message/delivery-status\n\n"
	read := func(raw string) bounce.Mail {
		t.Helper()
		m, err := bounce.Read([]byte(raw))
		require.NoError(t, err)
		return m
	}
	require.LessOrEqual(t, len(read(status + "Action: failed\nDiagnostic-Code: x; y\n" + strings.Repeat(" abcdefg\n", 100_000)).Deliveries[0].Said), 8<<10)
	require.LessOrEqual(t, len(read(status+strings.Repeat("Action: failed\n\n", 60_000)).Deliveries), 100)
	part := "--a\nContent-Type: message/delivery-status\n\nAction: failed\n\n"
	parts := func(fill string) string {
		return "To: x\nContent-Type: multipart/mixed; boundary=a\n\n" + fill + part + "--a--\n"
	}
	require.Len(t, read(parts("")).Deliveries, 1)
	require.Empty(t, read(parts(strings.Repeat("--a\n\nx\n", 60))).Deliveries, "too far behind")
	nested := "Action: failed\n"
	kind := "message/delivery-status"
	for i := range 8 {
		mark := strings.Repeat("b", i+1) + "c"
		nested = "--" + mark + "\nContent-Type: " + kind + "\n\n" + nested + "\n--" + mark + "--\n"
		kind = "multipart/mixed; boundary=" + mark
		require.Equal(t, i < 5, len(read("To: x\nContent-Type: "+kind+"\n\n"+nested).Deliveries) == 1, "%d deep", i+1)
	}
	require.LessOrEqual(t, len(bounce.Marks([]byte(strings.Repeat("+1-1-aaaaaaaaaaaaaaaa@", 1000)))), 40)
	_, err := bounce.Read([]byte("To: " + strings.Repeat("x\n ", 100_000) + "\n\n"))
	require.Error(t, err, "a header without end")
}

// What people and programs write is no bounce, whatever numbers stand in it.
func TestWhatIsNoBounce(t *testing.T) {
	for name, raw := range map[string]string{
		"a person":              "From: Ada <ada@example.com>\n\nI got 550 5.1.1 back.\n",
		"a warning":             "From: MAILER-DAEMON@example.com\nSubject: Warning: message delayed 24 hours\n\n450 4.4.1 timed out\n",
		"a server that says no": "From: postmaster@example.com\nSubject: Hello\n\nWelcome.\n",
		"success":               "From: MAILER-DAEMON@example.com\n\nDelivered: 2.1.5\n",
		"a report passed on":    "From: Ada <ada@example.com>\nContent-Type: message/rfc822\n\nContent-Type: message/delivery-status\n\nAction: failed\n",
		"no report":             "From: x@example.com\nContent-Type: message/delivery-status\n\nsomething else\n",
	} {
		m, err := bounce.Read([]byte(raw))
		require.NoError(t, err, name)
		require.Empty(t, m.Deliveries, name)
		require.Empty(t, m.Feedback, name)
	}
	m, err := bounce.Read([]byte("From someone Thu Mar  4 10:00:00 2027\nFrom: MAILER-DAEMON@example.com\n\nuser unknown: 550 no such user\n"))
	require.NoError(t, err)
	require.Equal(t, []bounce.Delivery{{Action: bounce.Failed, Said: "550 no such user"}}, m.Deliveries, "as it lies in a mailbox")
}
