package fakes_test

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/fakes"
	"carillon/providers"
)

func TestTelegram(t *testing.T) {
	f := newFar(t, "telegram", fakes.Telegram, func(address string) map[string]any {
		return map[string]any{"api": address, "token": "110201543:a-token-of-a-fake-0123", "secret_token": secret}
	})
	require.NoError(t, f.adapter.(providers.Checker).Check(t.Context()))
	text := providers.Content{Text: "Hi"}
	require.Empty(t, f.send(1, "123456799", text))
	require.Equal(t, "403", f.send(2, "123456700", text), "they have blocked the bot")
	require.Equal(t, "403", f.send(3, "123456701", text), "they have never started the bot")
	require.Equal(t, "429", f.send(4, "123456704", text))
	require.Empty(t, f.send(4, "123456704", text))
	require.Empty(t, f.send(5, "123456799", providers.Content{Location: &providers.Location{Latitude: 1, Longitude: 2, Name: "Main"}}))
	f.write("110201543", "123456799")
}

// A group that has become a supergroup says its new number, which takes the message.
func TestTelegramsGroupsMove(t *testing.T) {
	f := newFar(t, "telegram", fakes.Telegram, func(address string) map[string]any {
		return map[string]any{"api": address, "token": "110201543:a-token-of-a-fake-0123"}
	})
	_, err := f.adapter.Send(t.Context(), providers.Message{ID: 1, To: "-8005", Content: providers.Content{Text: "Hi"}})
	moved := providers.AsError(err).MovedTo
	require.Equal(t, "-1008005", moved)
	require.Empty(t, f.send(1, moved, providers.Content{Text: "Hi"}))
}

// A file that was carried once is known by its id, and no other is.
func TestTelegramKeepsFiles(t *testing.T) {
	f := newFar(t, "telegram", fakes.Telegram, func(address string) map[string]any {
		return map[string]any{"api": address, "token": "110201543:a-token-of-a-fake-0123"}
	})
	file := func(of providers.File) providers.Message {
		of.ContentType = "image/png"
		return providers.Message{ID: 1, To: "123456799", Content: providers.Content{Text: "Look", Attachment: &providers.Attachment{MediaID: 3, File: &of}}}
	}
	accepted, err := f.adapter.Send(t.Context(), file(providers.File{Name: "a.png", Size: 5, Open: func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader("bytes")), nil
	}}))
	require.NoError(t, err)
	require.NotEmpty(t, accepted.MediaID)
	_, err = f.adapter.Send(t.Context(), file(providers.File{ID: accepted.MediaID}))
	require.NoError(t, err)
	_, err = f.adapter.Send(t.Context(), file(providers.File{ID: "AgACanother"}))
	require.True(t, providers.AsError(err).MediaGone)
	require.Empty(t, f.send(2, "123456799", providers.Content{Attachment: &providers.Attachment{URL: "https://example.org/a.pdf"}}))
}
