package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/channels"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/store/storetest"
)

func TestFilesAreKeptWithinTheirBounds(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account := s.Account("a")
		files := messages.NewFiles(s, messages.NewHosts("https://news.example.org"))
		f, err := files.Keep(ctx, messages.File{AccountID: account, Name: `C:\photos\a b.png`, Content: []byte{0, 1, 0xff}})
		require.NoError(t, err)
		require.Equal(t, []any{"a b.png", "image/png", int64(3)}, []any{f.Name, f.ContentType, f.Size})
		require.Equal(t, "https://news.example.org/files/"+f.Token+"/a%20b.png", files.Address(f, "127.0.0.1:8080"))
		require.Equal(t, "http://127.0.0.1:8080/files/"+f.Token+"/a%20b.png", messages.NewFiles(s, messages.NewHosts("")).Address(f, "127.0.0.1:8080"))
		kept, err := files.Open(ctx, f.Token)
		require.NoError(t, err)
		require.Equal(t, []byte{0, 1, 0xff}, kept.Content)
		_, err = files.Open(ctx, "nothing")
		require.True(t, fault.Is(err, fault.NotFound))
		for what, wrong := range map[string]messages.File{
			"is empty": {Name: "a"}, "a name": {Name: " ", Content: []byte("x")},
			"at most 200": {Name: "a\nb", Content: []byte("x")},
		} {
			_, err := files.Keep(ctx, wrong)
			require.True(t, fault.Is(err, fault.Invalid), what)
			require.ErrorContains(t, err, what)
		}
		_, err = s.AddFile(ctx, messages.File{AccountID: account, Token: "t", Name: "a", ContentType: "text/plain", Size: 8, Content: []byte("12345678")}, 10)
		require.True(t, fault.Is(err, fault.Conflict))
		_, err = s.AddFile(ctx, messages.File{AccountID: account, Token: "t", Name: "a", ContentType: "text/plain", Size: 7, Content: []byte("1234567")}, 10)
		require.NoError(t, err)
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
