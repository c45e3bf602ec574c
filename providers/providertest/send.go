package providertest

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/sink"
	"carillon/providers"
)

func (s Subject) success(t testing.TB) {
	var arrived seen
	far := s.serve(t, sink.Options{Seen: arrived.add, Record: true})
	p := s.open(t, far.Config)
	m := s.message(42)
	accepted, err := p.Send(t.Context(), m)
	require.NoError(t, err)
	require.NotEmpty(t, accepted.Response)
	if s.Serve == nil {
		return
	}
	require.Equal(t, int64(1), far.Tally.Count())
	require.Equal(t, int64(42), far.Tally.Arrivals()[0].ID, "the message id travels with the message")
	s.requireArrived(t, m, arrived.get(t, 0))
}

// requireArrived checks that a request has a message for its recipient, once, and as
// it was handed over.
func (s Subject) requireArrived(t testing.TB, want providers.Message, d sink.Delivery) {
	t.Helper()
	equalContent(t, want.Content, s.arrived(t, want.To, d).Content)
}

// arrived is the one message of a request that is for a recipient.
func (s Subject) arrived(t testing.TB, to string, d sink.Delivery) providers.Message {
	t.Helper()
	var found []providers.Message
	var recipients []string
	for _, m := range s.Arrived(t, d) {
		if recipients = append(recipients, m.To); m.To == to {
			found = append(found, m)
		}
	}
	require.Len(t, found, 1, "one message for %s, of those to %q", to, recipients)
	return found[0]
}

func equalContent(t testing.TB, want, got providers.Content) {
	t.Helper()
	require.Equal(t, want.Subject, got.Subject)
	// A megabyte of difference helps nobody.
	require.Equal(t, sha256.Sum256([]byte(want.Text)), sha256.Sum256([]byte(got.Text)), "text arrived changed")
	require.Equal(t, sha256.Sum256([]byte(want.HTML)), sha256.Sum256([]byte(got.HTML)), "html arrived changed")
}

// large sends what tends to break encodings: a megabyte, every plane of
// Unicode, lines without end, dots and spaces at the ends of lines.
func (s Subject) large(t testing.TB) {
	var arrived seen
	far := s.serve(t, sink.Options{Seen: arrived.add})
	p := s.open(t, far.Config)
	tricky := "Ünïcödé 漢字 العربية 👩‍👩‍👧‍👦 \U0001F9FF e\u0301\n.\n..\n. \nFrom me \t\n=20 =\n--=_c1\n" +
		strings.Repeat("long ", 300) + "\n" + strings.Repeat("x", 2000) + "\n"
	ascii := "plain\n.\n..hidden\nFrom x\n" + strings.Repeat("short line\n", 10) + "end"
	for i, text := range []string{tricky + "end", ascii, strings.Repeat(tricky, 1<<20/len(tricky)) + "end"} {
		m := s.whole(s.Kind.Capabilities.Address, int64(i+1))
		m.Content.Text, m.Content.HTML = text, "<p>"+text+"</p>"
		m.Content.Subject = strings.Repeat("Betreff 漢字 ", 20) + "end"
		m = s.able(m)
		_, err := p.Send(t.Context(), m)
		require.NoError(t, err)
		if s.Serve != nil {
			s.requireArrived(t, m, arrived.get(t, i))
		}
	}
}

// textBound sends a text of as many bytes as the adapter says that it takes, and one
// of one more: who gets a message gets the whole of it.
func (s Subject) textBound(t testing.TB) {
	bound := s.Kind.Capabilities.MaxTextBytes
	var arrived seen
	p := s.open(t, s.serve(t, sink.Options{Seen: arrived.add}).Config)
	m := s.message(1)
	m.Content.Text = strings.Repeat("x", bound)
	_, err := p.Send(t.Context(), m)
	require.NoError(t, err)
	if s.Serve != nil {
		s.requireArrived(t, m, arrived.get(t, 0))
	}
	m.Content.Text += "x"
	_, err = p.Send(t.Context(), m)
	if err != nil {
		require.Equal(t, providers.ErrorContent, providers.AsError(err).Kind, err.Error())
		return
	}
	if s.Serve != nil {
		s.requireArrived(t, m, arrived.get(t, 1))
	}
}

// unitBound is textBound where letters are counted as UTF-16 has them.
func (s Subject) unitBound(t testing.TB) {
	s.filled(t, s.Kind.Capabilities.MaxTextUnits, nil)
}

// filled sends texts of as many units as the adapter says that it takes, of letters of one, two
// and four bytes, and texts of one more.
func (s Subject) filled(t testing.TB, bound int, file *providers.Attachment) {
	t.Helper()
	var arrived seen
	p := s.open(t, s.serve(t, sink.Options{Seen: arrived.add}).Config)
	n := 0
	requireWhole := func(m providers.Message) {
		t.Helper()
		if s.Serve != nil {
			got := s.arrived(t, m.To, arrived.get(t, n)).Content
			require.Equal(t, m.Content.Beside(), got.Beside(), "text arrived changed")
		}
		n++
	}
	for _, letter := range []string{"x", "я", "😀"} {
		m := s.message(int64(n + 1))
		m.Content = providers.Content{Text: strings.Repeat(letter, bound/providers.Units(letter)), Attachment: file}
		_, err := p.Send(t.Context(), m)
		require.NoError(t, err, "%d letters %s", bound, letter)
		requireWhole(m)
		m.Content.Text += "x"
		if _, err = p.Send(t.Context(), m); err != nil {
			require.Equal(t, providers.ErrorContent, providers.AsError(err).Kind, err.Error())
			continue
		}
		requireWhole(m)
	}
}

// beginAndCommit has a message ask whether it may begin, and say when it could be
// delivered: both before it can have arrived, and nothing goes of one that may not.
func (s Subject) beginAndCommit(t testing.TB) {
	var mu sync.Mutex
	var order []string
	note := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		order = append(order, what)
	}
	far := s.serve(t, sink.Options{Seen: func(sink.Delivery) { note("arrived") }, Command: func(line string) string {
		if strings.HasPrefix(strings.ToUpper(line), "MAIL") {
			note("command")
		}
		return ""
	}})
	p := s.open(t, far.Config)
	m := s.message(1)
	m.Begin = func() error { note("begin"); return nil }
	m.Commit = func() { note("commit") }
	_, err := p.Send(t.Context(), m)
	require.NoError(t, err)
	order = slices.Compact(order)
	require.Equal(t, []string{"begin", "commit"}, slices.DeleteFunc(slices.Clone(order), func(what string) bool { return what == "command" || what == "arrived" }))
	if s.Serve != nil {
		require.Less(t, slices.Index(order, "begin"), slices.Index(order, "arrived"))
		require.Less(t, slices.Index(order, "commit"), slices.Index(order, "arrived"))
		if command := slices.Index(order, "command"); command >= 0 {
			require.Less(t, slices.Index(order, "begin"), command)
		}
	}
	order = nil
	withdrawn := errors.New("withdrawn")
	m.Begin = func() error { return withdrawn }
	for range 3 {
		_, err = p.Send(t.Context(), m)
		require.ErrorIs(t, err, withdrawn)
	}
	require.Empty(t, order, "nothing of it goes")
	m.Begin = nil
	_, err = p.Send(t.Context(), m)
	require.NoError(t, err, "the next one does")
}

func (s Subject) concurrent(t testing.TB) {
	const each = 50
	far := s.serve(t, sink.Options{Record: true})
	p := s.open(t, far.Config)
	var group sync.WaitGroup
	failures := make(chan error, concurrency*each)
	for w := range concurrency {
		group.Go(func() {
			for i := range each {
				if _, err := p.Send(context.WithoutCancel(t.Context()), s.message(int64(w*each+i+1))); err != nil {
					failures <- err
				}
			}
		})
	}
	group.Wait()
	close(failures)
	require.NoError(t, <-failures)
	if s.Serve == nil {
		return
	}
	require.Equal(t, int64(concurrency*each), far.Tally.Count())
	require.Empty(t, far.Tally.Duplicates())
	require.Zero(t, far.Tally.Violations())
	// net/http gives up a connection whose goroutines are scheduled late, so that
	// on a busy machine there may be some more.
	require.LessOrEqual(t, far.Tally.Connections(), int64(2*concurrency))
}

func (s Subject) idempotencyKey(t testing.TB) {
	var arrived seen
	far := s.serve(t, sink.Options{Seen: arrived.add})
	p := s.open(t, far.Config)
	for i, m := range []struct {
		id      int64
		attempt int
	}{{5, 1}, {5, 2}, {6, 1}} {
		message := s.message(m.id)
		message.Attempt = m.attempt
		_, err := p.Send(t.Context(), message)
		require.NoError(t, err)
		require.NotEmpty(t, s.Key(arrived.get(t, i)))
	}
	first := s.Key(arrived.get(t, 0))
	require.Equal(t, first, s.Key(arrived.get(t, 1)), "another attempt at the same message has the same key")
	require.NotEqual(t, first, s.Key(arrived.get(t, 2)), "another message has another key")
	_, err := s.openFor(t, "theinstallation2", far.Config).Send(t.Context(), s.message(5))
	require.NoError(t, err)
	require.NotEqual(t, first, s.Key(arrived.get(t, 3)), "so has the same message of another installation")
}
