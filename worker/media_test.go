package worker

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
)

// fakeFiles has one file, with the id 3.
type fakeFiles struct {
	public string
	reads  atomic.Int64
}

func (*fakeFiles) Get(_ context.Context, _, id int64) (messages.File, error) {
	if id != 3 {
		return messages.File{}, fault.New(fault.NotFound, "there is no file %d", id)
	}
	return messages.File{ID: 3, Name: "menu.pdf", ContentType: "application/pdf", Size: 4}, nil
}

func (f *fakeFiles) Public(messages.File) string { return f.public }

func (f *fakeFiles) Read(context.Context, messages.File) io.ReadSeekCloser {
	f.reads.Add(1)
	return nopSeeker{bytes.NewReader([]byte("%PDF"))}
}

type nopSeeker struct{ io.ReadSeeker }

func (nopSeeker) Close() error { return nil }

// keeper is a provider that keeps files.
type keeper struct {
	*fakeProvider
	uploads atomic.Int64
	keep    func(n int64) (providers.KeptMedia, error)
}

func (k *keeper) KeepMedia(_ context.Context, f providers.File) (providers.KeptMedia, error) {
	content, err := f.Open()
	if err != nil {
		return providers.KeptMedia{}, err
	}
	defer func() { _ = content.Close() }()
	if read, err := io.ReadAll(content); err != nil || int64(len(read)) != f.Size {
		return providers.KeptMedia{}, errors.New("the file did not come whole")
	}
	return k.keep(k.uploads.Add(1))
}

// carrying is a bench with a channel whose messages carry a file.
type mediaBench struct {
	*bench
	files  *fakeFiles
	keeper *keeper
	ch     *channel

	mu   sync.Mutex
	sent []providers.Message
}

func newMediaBench(t *testing.T, c clock.Clock, way providers.FileWay, id int64) *mediaBench {
	t.Helper()
	b := &mediaBench{bench: newBench(t, c), files: &fakeFiles{}}
	b.o.Files = b.files
	b.store.campaign.Content = providers.Content{Text: "hi {{ contact.name }}", Attachment: &providers.Attachment{MediaID: id}}
	b.keeper = &keeper{fakeProvider: &fakeProvider{bench: b.bench}, keep: func(n int64) (providers.KeptMedia, error) {
		return providers.KeptMedia{ID: strconv.FormatInt(n, 10), Lasts: 30 * 24 * time.Hour}, nil
	}}
	b.ch = newChannel(b.Worker, providers.Channel{ID: 1, Provider: "fake"}, b.keeper, ways{requests: 8, uploads: way})
	b.answer(func(providers.Message) (providers.Accepted, error) { return providers.Accepted{ProviderID: "p"}, nil })
	return b
}

// answer has the provider note what it is asked, and answer so.
func (b *mediaBench) answer(as func(m providers.Message) (providers.Accepted, error)) {
	b.send = func(_ context.Context, m providers.Message) (providers.Accepted, error) {
		b.mu.Lock()
		b.sent = append(b.sent, m)
		b.mu.Unlock()
		return as(m)
	}
}

// again sends n messages.
func (b *mediaBench) again(t *testing.T, n int) (sent []providers.Message) {
	t.Helper()
	*b.writer = fakeWriter{claimed: map[int64]bool{}, outcomes: map[int64]messages.Outcome{}}
	b.sent = nil
	require.NoError(t, b.ch.handle(t.Context(), envelope(n)))
	require.Len(t, b.writer.recorded(), n)
	return b.sent
}

// A thousand messages have one upload, also in the process that comes after; what a provider does
// not know any more is uploaded once more, and no message fails.
func TestAFileIsUploadedOnce(t *testing.T) {
	fake := clock.NewFake(noon)
	b := newMediaBench(t, fake, providers.FileKept, 3)
	for _, m := range b.again(t, 60) {
		a := m.Content.Attachment
		require.Equal(t, []any{"1", "menu.pdf", "application/pdf"}, []any{a.File.ID, a.Filename, a.File.ContentType})
		require.Nil(t, a.File.Open)
	}
	require.EqualValues(t, 1, b.keeper.uploads.Load())
	of := messages.MediaOf{ChannelID: 1, FileID: 3}
	require.Equal(t, messages.KeptMedia{ID: "1", Until: noon.Add(29 * 24 * time.Hour)}, b.store.media[of])

	b.ch.files = newCarried(b.ch, providers.FileKept) // as a process that begins
	b.again(t, 60)
	require.EqualValues(t, 1, b.keeper.uploads.Load())

	b.answer(func(m providers.Message) (providers.Accepted, error) {
		if m.Content.Attachment.File.ID == "1" {
			return providers.Accepted{}, &providers.Error{Kind: providers.ErrorTemporary, MediaGone: true, Err: errors.New("no such file")}
		}
		return providers.Accepted{ProviderID: "p"}, nil
	})
	b.again(t, 60)
	require.NotContains(t, b.writer.states(), messages.Failed)
	require.Zero(t, b.ch.remaining(), "the provider is not down")
	b.again(t, 60)
	require.Equal(t, map[messages.State]int{messages.Sent: 60}, b.writer.states())
	require.EqualValues(t, 2, b.keeper.uploads.Load())
	require.Equal(t, "2", b.store.media[of].ID)

	fake.Advance(29*24*time.Hour - time.Second)
	b.beat.Store(fake.Now().UnixMilli())
	b.again(t, 3)
	require.EqualValues(t, 2, b.keeper.uploads.Load())
	fake.Advance(time.Second)
	b.beat.Store(fake.Now().UnixMilli())
	b.again(t, 3)
	require.EqualValues(t, 3, b.keeper.uploads.Load(), "a day before the provider forgets it")
}

// What can't be handed over is said by every message that would carry it, and not tried for each.
func TestAFileThatCannotGo(t *testing.T) {
	for name, c := range map[string]struct {
		way   providers.FileWay
		id    int64
		fails *providers.Error
		want  messages.State
	}{
		"refused":    {providers.FileKept, 3, &providers.Error{Kind: providers.ErrorContent, Err: errors.New("no")}, messages.Failed},
		"in doubt":   {providers.FileKept, 3, &providers.Error{Kind: providers.ErrorInDoubt, Err: errors.New("cut")}, messages.Pending},
		"deleted":    {providers.FileKept, 4, nil, messages.Failed},
		"no address": {providers.FileByAddress, 3, nil, messages.Failed},
	} {
		b := newMediaBench(t, clock.NewFake(noon), c.way, c.id)
		b.keeper.keep = func(int64) (providers.KeptMedia, error) { return providers.KeptMedia{}, c.fails }
		require.Empty(t, b.again(t, 4), name)
		require.Equal(t, map[messages.State]int{c.want: 4}, b.writer.states(), name)
		require.LessOrEqual(t, b.keeper.uploads.Load(), int64(1), name)
	}
}

// The first message that arrives carries the file, one at a time until one has.
func TestTheFirstMessageCarriesTheFile(t *testing.T) {
	b := newMediaBench(t, clock.NewFake(noon), providers.FileSentOnce, 3)
	var carrying, carried atomic.Int64
	b.answer(func(m providers.Message) (providers.Accepted, error) {
		f := m.Content.Attachment.File
		if f.ID != "" {
			return providers.Accepted{ProviderID: "p"}, nil
		}
		if n := carrying.Add(1); n > 1 {
			return providers.Accepted{}, &providers.Error{Kind: providers.ErrorContent, Err: errors.New("two at once")}
		}
		defer carrying.Add(-1)
		if carried.Add(1) < 3 {
			return providers.Accepted{}, &providers.Error{Kind: providers.ErrorRecipient, Err: errors.New("blocked")}
		}
		return providers.Accepted{ProviderID: "p", MediaID: "file-id"}, nil
	})
	for _, m := range b.again(t, 60) {
		require.Equal(t, m.Content.Attachment.File.ID == "", m.Content.Attachment.File.Open != nil)
	}
	require.Equal(t, map[messages.State]int{messages.Sent: 58, messages.Rejected: 2}, b.writer.states())
	require.EqualValues(t, 3, carried.Load())
	require.Equal(t, "file-id", b.store.media[messages.MediaOf{ChannelID: 1, FileID: 3}].ID)
}

// Where each message has the file in itself, it is read once.
func TestFilesWithinMessagesAreReadOnce(t *testing.T) {
	b := newMediaBench(t, clock.NewFake(noon), providers.FileWithin, 3)
	for _, m := range b.again(t, 60) {
		require.Equal(t, "%PDF", string(m.Content.Attachment.File.Content))
	}
	require.EqualValues(t, 1, b.files.reads.Load())
	require.True(t, b.ch.files.within.TryAcquire(mostWithin), "all memory is given back")
}

// Those that take several messages in one request get one with a file in it alone.
func TestAMessageWithAFileGoesAlone(t *testing.T) {
	b := newMediaBench(t, nil, providers.FileWithin, 3)
	p := &batches{answer: func(list []providers.Message) []providers.Result { return make([]providers.Result, len(list)) }}
	b.ch = b.batchChannel(p, providers.Limits{}, ways{requests: 4, each: 20, uploads: providers.FileWithin})
	b.again(t, 60)
	require.Len(t, p.requests, 60)
}

// Other providers have its address.
func TestUploadedFilesGoByAddress(t *testing.T) {
	b := newMediaBench(t, clock.NewFake(noon), providers.FileByAddress, 3)
	b.files.public = "https://n.example.org/files/t/menu.pdf"
	for _, m := range b.again(t, 3) {
		require.Equal(t, b.files.public, m.Content.Attachment.URL)
		require.Equal(t, "menu.pdf", m.Content.Attachment.Filename)
	}
}
