package store_test

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/channels"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/retention"
	"carillon/store/storetest"
)

// keepFile takes a file in.
func keepFile(t *testing.T, files *messages.Files, f messages.File, content string) messages.File {
	t.Helper()
	kept, err := files.Keep(t.Context(), f, iotest.HalfReader(strings.NewReader(content)))
	require.NoError(t, err)
	return kept
}

func TestFilesAreKeptWithinTheirBounds(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account := s.Account("a")
		files := messages.NewFiles(s, messages.NewHosts("https://news.example.org"))
		f := keepFile(t, files, messages.File{AccountID: account, Name: `C:\photos\a b.png`}, "\x89PNG\x0d\x0a\x1a\x0a")
		require.Equal(t, []any{"a b.png", "image/png", int64(8)}, []any{f.Name, f.ContentType, f.Size})
		require.Equal(t, "https://news.example.org/files/"+f.Token+"/a%20b.png", files.Address(f, "127.0.0.1:8080"))
		require.Equal(t, "http://127.0.0.1:8080/files/"+f.Token+"/a%20b.png", messages.NewFiles(s, messages.NewHosts("")).Address(f, "127.0.0.1:8080"))
		opened, err := files.Open(ctx, f.Token)
		require.NoError(t, err)
		content, err := io.ReadAll(files.Read(ctx, opened))
		require.NoError(t, err)
		require.Equal(t, "\x89PNG\x0d\x0a\x1a\x0a", string(content))
		_, err = files.Open(ctx, "nothing")
		require.True(t, fault.Is(err, fault.NotFound))
		_, err = files.Get(ctx, account, f.ID)
		require.True(t, fault.Is(err, fault.NotFound), "what came with a message is none of the library")
		for what, wrong := range map[string]struct{ name, content string }{
			"is empty": {"a", ""}, "a name": {" ", "x"}, "at most 200": {"a\nb", "x"}, "filename": {"\u202eexe.png", "x"},
		} {
			_, err := files.Keep(ctx, messages.File{AccountID: account, Name: wrong.name}, strings.NewReader(wrong.content))
			require.True(t, fault.Is(err, fault.Invalid), what)
			require.ErrorContains(t, err, what)
		}
		_, err = files.Keep(ctx, messages.File{AccountID: account, Name: "a"}, io.MultiReader(strings.NewReader("x"), iotest.ErrReader(io.ErrNoProgress)))
		require.ErrorIs(t, err, io.ErrNoProgress)
		require.Equal(t, 1, s.Int("SELECT COUNT(*) FROM files"), "what did not come whole is forgotten")
		begun, err := s.BeginFile(ctx, messages.File{AccountID: account, Token: "t", Name: "a", ContentType: "text/plain"})
		require.NoError(t, err)
		require.NoError(t, s.AddFilePiece(ctx, begun.ID, 0, []byte("1234567")))
		require.True(t, fault.Is(s.AddFilePiece(ctx, begun.ID, 3, []byte("x")), fault.Conflict))
		_, err = files.Open(ctx, "t")
		require.True(t, fault.Is(err, fault.NotFound), "it is not whole")
		begun.Size, begun.Hash = 7, "h"
		_, err = s.FinishFile(ctx, begun, 14)
		require.True(t, fault.Is(err, fault.Conflict))
		_, err = s.FinishFile(ctx, begun, 15)
		require.NoError(t, err)
	})
}

// The same bytes are kept once, whatever they are called; a large file is in pieces, and read from
// anywhere.
func TestTheSameBytesAreKeptOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account, other := s.Account("a"), s.Account("b")
		files := messages.NewFiles(s, messages.NewHosts("https://news.example.org"))
		large := strings.Repeat("0123456789abcdef", 150_000) // 2.4 MB
		came := keepFile(t, files, messages.File{AccountID: account, Name: "came.txt"}, large)
		again := keepFile(t, files, messages.File{AccountID: account, Name: "again.txt"}, large)
		require.Equal(t, []any{came.ID, came.Token, "again.txt"}, []any{again.ID, again.Token, again.Name})
		uploaded := keepFile(t, files, messages.File{AccountID: account, Name: "menu.txt", Library: true}, large)
		require.Equal(t, []any{came.ID, "menu.txt", true}, []any{uploaded.ID, uploaded.Name, uploaded.Library})
		twice := keepFile(t, files, messages.File{AccountID: account, Name: "other.txt", Library: true}, large)
		require.Equal(t, "menu.txt", twice.Name, "it has a name that things may know")
		require.NotEqual(t, came.ID, keepFile(t, files, messages.File{AccountID: other, Name: "a"}, large).ID)
		require.Equal(t, 2, s.Int("SELECT COUNT(*) FROM files"))
		require.Equal(t, 2*3, s.Int("SELECT COUNT(*) FROM file_pieces"))
		r := files.Read(ctx, uploaded)
		for _, at := range []int64{0, 1<<20 - 1, 1 << 20, 2_399_995, 5} {
			_, err := r.Seek(at, io.SeekStart)
			require.NoError(t, err)
			got := make([]byte, 5)
			_, err = io.ReadFull(r, got)
			require.NoError(t, err)
			require.Equal(t, large[at:at+5], string(got))
		}
		end, err := r.Seek(0, io.SeekEnd)
		require.NoError(t, err)
		require.EqualValues(t, len(large), end)
		_, err = r.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
		_, err = r.Seek(-1, io.SeekStart)
		require.Error(t, err)
		require.NoError(t, r.Close())
		require.True(t, fault.Is(files.Delete(ctx, other, uploaded.ID), fault.NotFound))
		require.NoError(t, files.Delete(ctx, account, uploaded.ID))
		require.Equal(t, 3, s.Int("SELECT COUNT(*) FROM file_pieces"))
		_, err = files.Keep(ctx, messages.File{AccountID: account, Name: "a"}, io.LimitReader(zeros{}, messages.MaxFile+1))
		require.ErrorContains(t, err, "has more than 100 MiB")
	})
}

// zeros has no end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// A file that something says can't be deleted, and what is not there can't be said.
func TestUsedFilesStay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := newJourney(t, s, 1)
		files := messages.NewFiles(s, messages.NewHosts(""))
		used := keepFile(t, files, messages.File{AccountID: j.AccountID, Name: "a.txt", Library: true}, "used")
		unused := keepFile(t, files, messages.File{AccountID: j.AccountID, Name: "b.txt", Library: true}, "unused")
		campaign, err := s.GetCampaign(ctx, j.AccountID, j.NewCampaign(`{"all":true}`))
		require.NoError(t, err)
		campaign.Content.Attachment = &providers.Attachment{MediaID: used.ID + 1000}
		_, err = s.UpdateCampaign(ctx, campaign)
		require.True(t, fault.Is(err, fault.Invalid), "%v", err)
		require.ErrorContains(t, err, "no uploaded file")
		campaign.Content.Attachment = &providers.Attachment{MediaID: used.ID}
		_, err = s.UpdateCampaign(ctx, campaign)
		require.NoError(t, err)
		err = files.Delete(ctx, j.AccountID, used.ID)
		require.True(t, fault.Is(err, fault.Conflict))
		require.ErrorContains(t, err, "campaign ")
		list, uses, err := files.List(ctx, messages.FileFilter{AccountID: j.AccountID, Limit: 10})
		require.NoError(t, err)
		require.Len(t, list, 2)
		require.Equal(t, map[int64][]messages.FileUse{used.ID: {{Kind: "campaign", ID: campaign.ID}}}, uses)
		list, _, err = files.List(ctx, messages.FileFilter{AccountID: j.AccountID, Limit: 10, Unused: true})
		require.NoError(t, err)
		require.Len(t, list, 1)
		require.Equal(t, unused.ID, list[0].ID)
		list, _, err = files.List(ctx, messages.FileFilter{AccountID: j.AccountID, Limit: 10, Before: unused.ID})
		require.NoError(t, err)
		require.Len(t, list, 1)
		campaign.Content.Attachment, campaign.Content.HTML = nil, `<img src="https://n.example.org/files/`+unused.Token+`/b.txt">`
		_, err = s.UpdateCampaign(ctx, campaign)
		require.NoError(t, err)
		require.True(t, fault.Is(files.Delete(ctx, j.AccountID, unused.ID), fault.Conflict), "its address is in a text")
		require.NoError(t, files.Delete(ctx, j.AccountID, used.ID))
		require.NoError(t, s.DeleteCampaign(ctx, j.AccountID, campaign.ID))
		require.NoError(t, files.Delete(ctx, j.AccountID, unused.ID))
	})
}

// What came with messages goes with their contents; what was uploaded stays, however old, with
// what providers call it.
func TestUploadedFilesOutliveContents(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		fake, j := finishedRun(t, s, 1)
		files := messages.NewFiles(s, messages.NewHosts(""))
		uploaded := keepFile(t, files, messages.File{AccountID: j.AccountID, Name: "a.txt", Library: true}, "uploaded")
		keepFile(t, files, messages.File{AccountID: j.AccountID, Name: "b.txt"}, "came with a message")
		of := messages.MediaOf{ChannelID: j.Channel.ID, FileID: uploaded.ID, Epoch: j.Channel.Epoch}
		require.NoError(t, s.KeepMedia(ctx, of, messages.KeptMedia{ID: "1"}))
		sealAll(t, s)
		fake.Advance(40 * 24 * time.Hour)
		_, err := retention.NewService(s.Store, s.Clock).Change(ctx, j.AccountID, retention.Choice{retention.Contents: 35})
		require.NoError(t, err)
		retain(t, s, fake)
		require.Equal(t, 1, s.Int("SELECT COUNT(*) FROM files"))
		require.Equal(t, 1, s.Int("SELECT COUNT(*) FROM file_pieces"))
		content, err := io.ReadAll(files.Read(ctx, uploaded))
		require.NoError(t, err)
		require.Equal(t, "uploaded", string(content))
		kept, err := s.KeptMedia(ctx, of)
		require.NoError(t, err)
		require.Equal(t, "1", kept.ID)
	})
}

// What providers call a file is kept for the configuration that it was given to.
func TestIDsOfProvidersAreKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := newJourney(t, s, 1)
		files := messages.NewFiles(s, messages.NewHosts(""))
		f := keepFile(t, files, messages.File{AccountID: j.AccountID, Name: "a.txt", Library: true}, "x")
		of := messages.MediaOf{ChannelID: j.Channel.ID, FileID: f.ID, Epoch: j.Channel.Epoch}
		kept, err := s.KeptMedia(ctx, of)
		require.NoError(t, err)
		require.Zero(t, kept)
		for _, k := range []messages.KeptMedia{{ID: "1"}, {ID: "2", Until: time.UnixMilli(1_800_000_000_000)}} {
			require.NoError(t, s.KeepMedia(ctx, of, k))
			kept, err = s.KeptMedia(ctx, of)
			require.NoError(t, err)
			require.Equal(t, k.ID, kept.ID)
			require.True(t, k.Until.Equal(kept.Until))
		}
		require.NoError(t, s.ForgetMedia(ctx, of, "1"))
		kept, err = s.KeptMedia(ctx, of)
		require.NoError(t, err)
		require.Equal(t, "2", kept.ID, "another one is there")
		require.NoError(t, s.ForgetMedia(ctx, of, "2"))
		stale := of
		stale.Epoch--
		require.NoError(t, s.KeepMedia(ctx, stale, messages.KeptMedia{ID: "3"}))
		require.Zero(t, s.Int("SELECT COUNT(*) FROM media_ids"), "the channel is another by now")
	})
}
func TestSettingsOfAnAPIAreChangedInOneStep(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account := s.Account("a")
		service := channels.NewService(s, nil, channels.Outside{}, nil)
		of := channels.APISettings{AccountID: account, API: "chatapi"}
		type settings struct{ A, B int }
		var v settings
		require.NoError(t, service.APISettings(ctx, of, &v))
		require.Zero(t, v)
		require.NoError(t, service.ChangeAPISettings(ctx, of, &v, func() error { v.A = 1; return nil }))
		other := settings{}
		require.NoError(t, service.ChangeAPISettings(ctx, of, &other, func() error { other.B = 2; return nil }))
		require.Error(t, service.ChangeAPISettings(ctx, of, &other, func() error { other.B = 3; return fault.New(fault.Invalid, "no") }))
		var is settings
		require.NoError(t, service.APISettings(ctx, of, &is))
		require.Equal(t, settings{1, 2}, is)
		of.ChannelID = 999
		require.True(t, fault.Is(service.ChangeAPISettings(ctx, of, &v, func() error { return nil }), fault.NotFound))
	})
}
