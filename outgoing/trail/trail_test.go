package trail_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/internal/clock"
	"carillon/internal/testenv"
	"carillon/outgoing/trail"
	"carillon/store/storetest"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// entries are n of an account, with the places from on.
func entries(from, n int64) (list []access.AuditEntry) {
	for seq := from; seq < from+n; seq++ {
		list = append(list, access.AuditEntry{
			ID: 100 + seq, AccountID: 1, Actor: "key 1 (a)", Action: "create-group", Target: fmt.Sprintf("group %d", seq), TargetName: "Réaders <1>\n",
			Detail: map[string]any{"after": map[string]any{"name": "x"}}, RequestID: "r", Source: "127.0.0.1", At: time.UnixMilli(1_700_000_000_000 + seq).UTC(),
			Seq: seq, Hash: "k.00",
		})
	}
	return list
}

// places are those of the lines of a file; broken counts the lines that are none.
func places(t *testing.T, path string) (seqs []int64, broken int) {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	for line := range strings.Lines(string(content)) {
		var e access.AuditLine
		if json.Unmarshal([]byte(line), &e) != nil {
			broken++
			continue
		}
		seqs = append(seqs, e.Seq)
	}
	return seqs, broken
}

// Entries are lines in a file that only its owner reads, also when it is moved away, or was left in
// the middle of a line.
func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	file := trail.NewFile(path)
	write := func(from, n int64) { require.NoError(t, file.Write(t.Context(), entries(from, n))) }
	write(1, 2)
	write(3, 1)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	var first access.AuditLine
	require.NoError(t, json.Unmarshal([]byte(strings.Split(string(content), "\n")[0]), &first))
	require.Equal(t, entries(1, 1)[0].Line(), first)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	require.NoError(t, os.Rename(path, path+".1"))
	write(4, 2)
	require.NoError(t, os.Remove(path))
	write(6, 1)
	before, _ := places(t, path+".1")
	require.Equal(t, []int64{1, 2, 3}, before)
	now, _ := places(t, path)
	require.Equal(t, []int64{6}, now)
	require.NoError(t, file.Close())

	torn, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = torn.WriteString(`{"id":107,"acc`)
	require.NoError(t, err)
	require.NoError(t, torn.Close())
	file = trail.NewFile(path)
	write(7, 2)
	require.NoError(t, file.Close())
	now, broken := places(t, path)
	require.Equal(t, []int64{6, 7, 8}, now)
	require.Equal(t, 1, broken)
}

// A folder that is not there, and a disk that is full, are errors that name the setting; nothing is
// made of them but that.
func TestFileThatCannotBeWritten(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "later")
	file := trail.NewFile(filepath.Join(folder, "audit.jsonl"))
	require.ErrorContains(t, file.Write(t.Context(), entries(1, 1)), "audit_file: ")
	require.NoError(t, os.Mkdir(folder, 0o700))
	require.NoError(t, file.Write(t.Context(), entries(1, 1)))
	require.NoError(t, file.Close())
	full := trail.NewFile("/dev/full")
	require.ErrorContains(t, full.Write(t.Context(), entries(1, 1)), "no space left")
}

// target keeps what it is given, and fails on demand.
type target struct {
	got  []access.AuditEntry
	fail error
}

func (g *target) Write(_ context.Context, entries []access.AuditEntry) error {
	if g.fail == nil {
		g.got = append(g.got, entries...)
	}
	return g.fail
}

func (g *target) Close() error { return nil }

func (g *target) take() (actions []string) {
	for _, e := range g.got {
		actions = append(actions, fmt.Sprintf("%d %s", e.AccountID, e.Action))
	}
	g.got = nil
	return actions
}

func add(t *testing.T, s *storetest.Store, account int64, actions ...string) {
	t.Helper()
	for _, action := range actions {
		require.NoError(t, s.AddAudit(t.Context(), access.AuditEntry{AccountID: account, Actor: "a", Action: action, Target: "c"}))
	}
	for more := true; more; {
		var err error
		more, err = s.SealAudit(t.Context())
		require.NoError(t, err)
	}
}

// forgetful crashes between the copying and the note of it.
type forgetful struct{ trail.Store }

func (forgetful) CopiedAudit(context.Context, access.TrailCopy, int64, int64) error {
	return errors.New("killed")
}

// Each entry of each account is copied once, in order, to each place for itself, also by a process
// that begins anew; one that is killed before it has noted it leaves a batch that is there twice.
func TestEveryEntryIsCopied(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		fake, to := clock.NewFake(time.UnixMilli(1_700_000_000_000)), &target{}
		exporter := func(store trail.Store) *trail.Exporter {
			return trail.NewExporter(access.CopyFile, to, trail.Deps{Store: store, Clock: fake, Logger: slog.New(slog.DiscardHandler)})
		}
		pass := func(e *trail.Exporter) {
			_, err := e.Pass(t.Context())
			require.NoError(t, err)
		}
		one, two := s.Account("one"), s.Account("two")
		named := func(account int64, action string) string { return fmt.Sprintf("%d %s", account, action) }
		add(t, s, one, "a", "b")
		add(t, s, two, "c")
		waits, err := s.AuditBacklog(t.Context(), access.CopyFile)
		require.NoError(t, err)
		require.EqualValues(t, 3, waits.Entries)
		require.False(t, waits.Oldest.IsZero())
		pass(exporter(s.Store))
		require.Equal(t, []string{named(one, "a"), named(one, "b"), named(two, "c")}, to.take())
		pass(exporter(s.Store))
		require.Empty(t, to.take())

		add(t, s, one, "d")
		_, err = exporter(forgetful{s.Store}).Pass(t.Context())
		require.ErrorContains(t, err, "killed")
		again := exporter(s.Store)
		pass(again)
		require.Equal(t, []string{named(one, "d"), named(one, "d")}, to.take())

		syslog := &target{}
		_, err = trail.NewExporter(access.CopySyslog, syslog, trail.Deps{Store: s.Store, Clock: fake, Logger: slog.New(slog.DiscardHandler)}).Pass(t.Context())
		require.NoError(t, err)
		require.Len(t, syslog.take(), 4)
		waits, err = s.AuditBacklog(t.Context(), access.CopyFile)
		require.NoError(t, err)
		require.Zero(t, waits)
	})
}

// While a target is down nothing is lost, and it is asked ever less often, up to once a minute.
func TestATargetThatIsDown(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		fake, to := clock.NewFake(time.UnixMilli(1_700_000_000_000)), &target{fail: errors.New("down")}
		exporter := trail.NewExporter(access.CopySyslog, to, trail.Deps{Store: s.Store, Clock: fake, Logger: slog.New(slog.DiscardHandler)})
		add(t, s, s.Account("one"), "a", "b")
		tried := []int{}
		for second := range 200 {
			if _, err := exporter.Pass(t.Context()); err != nil {
				tried = append(tried, second)
			}
			fake.Advance(time.Second)
		}
		require.Equal(t, []int{0, 1, 3, 7, 15, 31, 63, 123, 183}, tried)
		to.fail = nil
		fake.Advance(time.Minute)
		_, err := exporter.Pass(t.Context())
		require.NoError(t, err)
		require.Len(t, to.take(), 2)
	})
}

// A backlog is copied in batches; what was gone before is left out, and said.
func TestABacklogIsCopied(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		const n = 1203
		var log strings.Builder
		to, account := &target{}, s.Account("one")
		add(t, s, account, make([]string, n)...)
		s.Exec("UPDATE audit_chains SET floor_seq = 100, closed = 0")
		s.Exec("DELETE FROM audit WHERE seq <= 100")
		exporter := trail.NewExporter(access.CopyFile, to, trail.Deps{Store: s.Store, Clock: clock.System{}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		passes := 0
		for more := true; more; passes++ {
			var err error
			more, err = exporter.Pass(t.Context())
			require.NoError(t, err)
		}
		require.Equal(t, 3, passes)
		require.Len(t, to.got, n-100)
		for i, e := range to.got {
			require.EqualValues(t, 101+i, e.Seq)
		}
		require.Contains(t, log.String(), "entries=100")
	})
}
