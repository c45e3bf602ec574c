package flight

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"carillon/messages"
	"carillon/providers"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("FLIGHT_TEST_DIR"); dir != "" {
		fly(dir)
	}
	goleak.VerifyTestMain(m)
}

var owner = Owner{Installation: "ours", WorkerID: 7, ChannelID: 3}

// answers are what the messages of fly get, in their order.
func answers() []messages.Outcome {
	at := time.UnixMilli(1_800_000_000_123).UTC()
	return []messages.Outcome{
		{State: messages.Sent, At: at, ProviderID: "abc"},
		{State: messages.Sent, At: at},
		{State: messages.Rejected, At: at, Reason: messages.ReasonRecipient, Kind: "recipient", Code: "550", Detail: "no such user", Bounce: providers.BounceHard},
		{State: messages.Pending, At: at, DueAt: at.Add(time.Minute), Reason: messages.ReasonTemporary, Kind: "temporary", Code: "451", Unheard: at.Add(-time.Hour),
			MovedTo: "-1001201784679"},
	}
}

// fly is a worker in a process of its own: it claims six messages, asks for five,
// gets four answers, has the store record the second, and waits to be killed.
func fly(dir string) {
	log, err := Create(dir, owner, 8)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	var flights []*Flight
	for id := int64(1); id <= 6; id++ {
		flights = append(flights, log.Begin(Claim{MessageID: id, EnvelopeID: 100 + id, RunID: 9, Attempt: 2, Transactional: id%2 == 0}))
	}
	for _, f := range flights[:5] {
		f.Asked()
	}
	for i, o := range answers() {
		flights[i].Answered(o)
	}
	flights[1].Done()
	fmt.Println("ready")
	select {}
}

func find(t *testing.T, dir, installation string) ([]Wreck, []string) {
	t.Helper()
	var told []string
	wrecks, err := Find(dir, installation, func(_ string, err error) { told = append(told, err.Error()) })
	require.NoError(t, err)
	return wrecks, told
}

// What a killed process noted is found whole, by whoever comes after it and not
// while it lives.
func TestAKilledWorkerLeavesWhatItKnew(t *testing.T) {
	dir := t.TempDir()
	child := exec.Command(os.Args[0], "-test.run=^$") // this test binary
	child.Env = append(os.Environ(), "FLIGHT_TEST_DIR="+dir)
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "ready\n", line)
	wrecks, told := find(t, dir, "ours")
	require.Empty(t, wrecks, "its worker is alive")
	require.Empty(t, told)
	require.NoError(t, child.Process.Signal(syscall.SIGKILL))
	require.Error(t, child.Wait())

	wrecks, told = find(t, dir, "theirs")
	require.Empty(t, wrecks)
	require.Len(t, told, 1)
	require.Contains(t, told[0], "another installation")
	wrecks, _ = find(t, dir, "ours")
	require.Len(t, wrecks, 1)
	w := wrecks[0]
	require.Equal(t, owner, w.Owner)
	second, _ := find(t, dir, "ours")
	require.Empty(t, second, "somebody is at it")

	want := map[int64]*messages.Outcome{}
	for i, o := range answers() {
		want[int64(i+1)] = &o
	}
	delete(want, 2)
	want[5] = nil
	want[6] = &messages.Outcome{State: messages.Pending, Unspent: true, NotAsked: true}
	require.Len(t, w.Left, len(want))
	for _, l := range w.Left {
		require.Equal(t, Claim{MessageID: l.MessageID, EnvelopeID: 100 + l.MessageID, RunID: 9, Attempt: 2, Transactional: l.MessageID%2 == 0}, l.Claim)
		expected := want[l.MessageID]
		if expected != nil {
			expected.MessageID, expected.EnvelopeID, expected.RunID, expected.Attempt, expected.WorkerID, expected.ChannelID = l.MessageID, l.EnvelopeID, 9, 2, 7, 3
		}
		require.Equal(t, expected, l.Outcome, l.MessageID)
	}
	known, inDoubt := w.Outcomes()
	require.Len(t, known, 4)
	require.Equal(t, 1, inDoubt)
	require.NoError(t, w.Release())
	wrecks, _ = find(t, dir, "ours")
	require.Len(t, wrecks, 1)
	require.NoError(t, wrecks[0].Remove())
	wrecks, _ = find(t, dir, "ours")
	require.Empty(t, wrecks)
}

func TestAnEmptyLogRemovesItsFileAndAFullOneStays(t *testing.T) {
	dir := t.TempDir()
	log, err := Create(dir, owner, 2)
	require.NoError(t, err)
	one, two := log.Begin(Claim{MessageID: 1}), log.Begin(Claim{MessageID: 2})
	require.NotNil(t, two)
	require.Nil(t, log.Begin(Claim{MessageID: 3}), "there is no room")
	one.Done()
	require.NotNil(t, log.Begin(Claim{MessageID: 4}))
	require.NoError(t, log.Close())
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	require.Len(t, files, 1)

	dir = t.TempDir()
	log, err = Create(dir, owner, 2)
	require.NoError(t, err)
	log.Begin(Claim{MessageID: 1}).Done()
	require.NoError(t, log.Close())
	files, err = filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	require.Empty(t, files)

	var none *Log // records nothing
	f := none.Begin(Claim{})
	f.Asked()
	f.Answered(messages.Outcome{})
	f.Done()
	require.NoError(t, none.Close())
}

// ours is a whole file of this boot with one message of each kind.
func ours(t require.TestingT) []byte {
	encoded, err := header{Owner: owner, Boot: "this boot", Slots: 4}.encode()
	require.NoError(t, err)
	log := newLog(file{memory: append(encoded, make([]byte, 4*recordSize)...)}, 4)
	log.Begin(Claim{MessageID: 1, Attempt: 1})
	log.Begin(Claim{MessageID: 2, Attempt: 1}).Asked()
	f := log.Begin(Claim{MessageID: 3, Attempt: 1})
	f.Asked()
	f.Answered(answers()[2])
	return log.file.memory
}

func TestAnotherBootIsNotBelieved(t *testing.T) {
	_, left, err := decode(ours(t), "ours", "this boot")
	require.NoError(t, err)
	require.Len(t, left, 3)
	for _, boot := range []string{"", "another"} {
		_, _, err = decode(ours(t), "ours", boot)
		require.ErrorIs(t, err, ErrForeign)
	}
	_, _, err = decode(ours(t)[:len(ours(t))-1], "ours", "this boot")
	require.ErrorIs(t, err, ErrForeign)
}

// However a file is damaged, nothing is believed that was not noted: a record is
// what it was, in doubt, or left out.
func TestADamagedRecordIsNotBelieved(t *testing.T) {
	_, whole, err := decode(ours(t), "ours", "this boot")
	require.NoError(t, err)
	noted := map[int64]Left{}
	for _, l := range whole {
		noted[l.MessageID] = l
	}
	rapid.Check(t, func(t *rapid.T) {
		content := ours(t)
		at := rapid.IntRange(headerSize, len(content)-1).Draw(t, "at")
		if (at-headerSize)%recordSize < 4 {
			t.Skip("the state is written in one piece")
		}
		content[at] ^= byte(rapid.IntRange(1, 255).Draw(t, "bits"))
		_, left, err := decode(content, "ours", "this boot")
		require.NoError(t, err)
		for _, l := range left {
			want := noted[l.MessageID]
			if l.Outcome == nil {
				want.Outcome = nil
			}
			require.Equal(t, want, l)
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add(ours(f))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, content []byte) {
		_, left, err := decode(content, "ours", "this boot")
		if err != nil && !errors.Is(err, ErrForeign) {
			t.Errorf("%v", err)
		}
		if len(left)*recordSize > len(content) {
			t.Errorf("%d messages in %d bytes", len(left), len(content))
		}
	})
}

func TestALongAnswerKeepsWhatDecides(t *testing.T) {
	r := make([]byte, recordSize)
	o := answers()[2]
	o.Detail = strings.Repeat("ü\"", 600)
	require.True(t, putAnswer(r, o))
	got, err := readAnswer(r)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(o.Detail, got.Detail))
	require.NotEmpty(t, got.Detail)
	o.Detail, got.Detail = "", ""
	require.Equal(t, o, got)
	longest := messages.Outcome{State: messages.Sent, ProviderID: strings.Repeat("x", providers.MaxProviderID)}
	require.True(t, putAnswer(r, longest), "an adapter's longest id is kept")
	require.False(t, putAnswer(r, messages.Outcome{State: messages.Sent, ProviderID: strings.Repeat("x", recordSize)}), "in doubt is better than a wrong id")
}

func BenchmarkFlight(b *testing.B) {
	log, err := Create(b.TempDir(), owner, 64)
	require.NoError(b, err)
	o := messages.Outcome{State: messages.Sent, At: time.UnixMilli(1_800_000_000_123), ProviderID: "0123456789abcdef"}
	b.ReportAllocs()
	for b.Loop() {
		f := log.Begin(Claim{MessageID: 1, EnvelopeID: 2, RunID: 3, Attempt: 1})
		f.Asked()
		f.Answered(o)
		f.Done()
	}
	require.NoError(b, log.Close())
}
