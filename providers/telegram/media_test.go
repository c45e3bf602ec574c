package telegram_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/providers"
)

// The first message carries the file and brings Telegram's id for it home; the others name that.
func TestTheFirstMessageCarriesTheFile(t *testing.T) {
	for _, c := range []struct {
		sort             providers.AttachmentType
		kind, call, says string
	}{
		{"", "image/png", "sendPhoto", `"photo":[{"file_id":"small"},{"file_id":"AgAD-1"}]`},
		{"", "image/gif", "sendAnimation", `"animation":{"file_id":"AgAD-1"},"document":{"file_id":"other"}`},
		{"", "video/mp4", "sendVideo", `"video":{"file_id":"AgAD-1"}`},
		{"", "audio/mpeg", "sendAudio", `"audio":{"file_id":"AgAD-1"}`},
		{providers.Voice, "audio/ogg", "sendVoice", `"voice":{"file_id":"AgAD-1"}`},
		{providers.Document, "image/png", "sendDocument", `"document":{"file_id":"AgAD-1"}`},
	} {
		var called, got, chat, caption, keyboard string
		far := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			called = strings.TrimPrefix(r.URL.Path, "/bot"+token+"/")
			file, header, err := r.FormFile(strings.ToLower(strings.TrimPrefix(called, "send")))
			if err == nil {
				content, _ := io.ReadAll(file)
				got = header.Filename + " " + string(content)
			}
			chat, caption, keyboard = r.FormValue("chat_id"), r.FormValue("caption"), r.FormValue("reply_markup")
			_, _ = fmt.Fprintf(w, `{"ok":true,"result":{"message_id":1,%s}}`, c.says)
		}))
		t.Cleanup(far.Close)
		p := open(t, config(far.URL))
		a := providers.Attachment{MediaID: 3, Type: c.sort, File: &providers.File{Name: "a", ContentType: c.kind, Size: 5,
			Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("bytes")), nil }}}
		m := providers.Message{ID: 7, To: "123456789", Content: providers.Content{
			Text: "Hello ü", Attachment: &a, Buttons: []providers.MessageButton{{Type: providers.ButtonLink, Caption: "See", Info: "https://x.org"}},
		}}
		accepted, err := p.Send(t.Context(), m)
		require.NoError(t, err)
		require.Equal(t, "AgAD-1", accepted.MediaID)
		require.Equal(t, []string{c.call, "a bytes", "123456789", "Hello ü", `{"inline_keyboard":[[{"text":"See","url":"https://x.org"}]]}`},
			[]string{called, got, chat, caption, keyboard})
	}
}

// One that Telegram does not know any more is told from a message that is wrong otherwise.
func TestTheIDOfAFileIsOver(t *testing.T) {
	for says, gone := range map[string]bool{
		"Bad Request: wrong file identifier/HTTP URL specified": true, "Bad Request: message caption is too long": false,
	} {
		far := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprintf(w, `{"ok":false,"error_code":400,"description":%q}`, says)
		}))
		t.Cleanup(far.Close)
		p := open(t, config(far.URL))
		for _, f := range []*providers.File{{ID: "AgAD-1", ContentType: "image/png"}, nil} {
			_, err := p.Send(t.Context(), providers.Message{ID: 7, To: "123456789", Content: providers.Content{
				Attachment: &providers.Attachment{URL: "https://x.org/a.png", File: f},
			}})
			require.Equal(t, gone && f != nil, providers.AsError(err).MediaGone, says)
		}
	}
}
