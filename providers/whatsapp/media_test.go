package whatsapp_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/fakes"
	"carillon/internal/sink"
	"carillon/providers"
	"carillon/providers/whatsapp"
)

// uploaded is a file of so many bytes.
func uploaded(kind string, size int) providers.File {
	content := bytes.Repeat([]byte("%PDF"), size/4)
	return providers.File{Name: `Menü "1".pdf`, ContentType: kind, Size: int64(len(content)),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }}
}

// A file is uploaded once, and messages name it; one that Meta does not know any more is told from
// a message that is wrong otherwise.
func TestMediaIsKept(t *testing.T) {
	var mu sync.Mutex
	var told []fakes.Message
	far, err := fakes.WhatsApp(fakes.Options{Templates: map[string]string{"menu": "Our menu"}, Tell: func(m fakes.Message) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, m)
	}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, far.Close()) })
	p := open(t, config(far.URL()))
	f := uploaded("application/pdf", 3<<20)
	kept, err := p.(providers.MediaKeeper).KeepMedia(t.Context(), f)
	require.NoError(t, err)
	require.Equal(t, 30*24*time.Hour, kept.Lasts)
	require.Contains(t, told[0].Text, "application/pdf Men")
	require.Contains(t, told[0].Text, "of 3145728 bytes is "+kept.ID)
	f.ID = kept.ID
	attachment := providers.Attachment{MediaID: 3, File: &f}
	far.Write(number, "4917000000007", "hi") // who may be sent anything for a day
	for _, c := range []providers.Content{
		{Text: "Our menu", Attachment: &attachment}, {Attachment: &attachment, Kept: &providers.KeptTemplate{Name: "menu", Language: "en"}},
	} {
		_, err = p.Send(t.Context(), providers.Message{ID: 7, To: "+4917000000007", Content: c})
		require.NoError(t, err)
		gone := f
		gone.ID = "7700999999999999"
		unknown := attachment
		unknown.File, c.Attachment = &gone, &unknown
		_, err = p.Send(t.Context(), providers.Message{ID: 7, To: "+4917000000007", Content: c})
		e := providers.AsError(err)
		require.True(t, e.MediaGone, "%v", err)
		require.Equal(t, providers.ErrorTemporary, e.Kind)
	}
	_, err = p.Send(t.Context(), providers.Message{ID: 7, To: "+4917000000000", Content: providers.Content{Attachment: &attachment}})
	require.Equal(t, providers.ErrorRecipient, providers.AsError(err).Kind)
	require.False(t, providers.AsError(err).MediaGone)
	_, err = p.(providers.MediaKeeper).KeepMedia(t.Context(), uploaded("", 4))
	require.Equal(t, providers.ErrorContent, providers.AsError(err).Kind)
}

// What refuses an upload means what it means elsewhere, and what is cut off is asked for again.
func TestUploadsThatFail(t *testing.T) {
	for text, want := range map[string]providers.ErrorKind{
		`{"error":{"code":190,"message":"expired"}}`: providers.ErrorAuth, `{"id":"é"}`: providers.ErrorTemporary, "<html>": providers.ErrorTemporary,
		`{"error":{"code":100}}`: providers.ErrorContent, `{"error":{"code":130429}}`: providers.ErrorThrottled,
	} {
		far := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }))
		t.Cleanup(far.Close)
		p := open(t, config(far.URL))
		_, err := p.(providers.MediaKeeper).KeepMedia(t.Context(), uploaded("image/png", 8))
		require.Equal(t, want, providers.AsError(err).Kind, text)
		require.NotContains(t, err.Error(), token)
	}
	broken := uploaded("image/png", 8)
	broken.Open = func() (io.ReadCloser, error) { return nil, io.ErrUnexpectedEOF }
	_, err := open(t, serve(t, sink.Options{}).Config).(providers.MediaKeeper).KeepMedia(t.Context(), broken)
	require.Equal(t, providers.ErrorTemporary, providers.AsError(err).Kind)
}

// Files go by the id that Meta has given them, in every place that has one.
func TestFilesByTheirID(t *testing.T) {
	for _, sort := range []providers.AttachmentType{providers.Image, providers.Video, providers.Audio, providers.Voice, providers.Document} {
		var body string
		p := open(t, serve(t, sink.Options{Seen: func(d sink.Delivery) { body = string(d.Body) }}).Config)
		a := providers.Attachment{MediaID: 3, URL: "https://n.example.org/files/t/a", Type: sort, File: &providers.File{ID: "77001", ContentType: "image/png"}}
		_, err := p.Send(t.Context(), providers.Message{ID: 7, To: "+4917000000007", Content: providers.Content{Attachment: &a}})
		require.NoError(t, err)
		require.Contains(t, body, `"id":"77001"`, sort)
		require.False(t, strings.Contains(body, "link"), body)
	}
}

// The limits are Meta's.
func TestFilesThatWhatsAppTakes(t *testing.T) {
	can := whatsapp.Kind().Capabilities
	for _, c := range []struct {
		found providers.FileFacts
		wrong string
	}{
		{providers.FileFacts{Sort: providers.Image, ContentType: "image/png", Size: 5_000_000}, ""},
		{providers.FileFacts{Sort: providers.Image, ContentType: "image/png", Size: 5_000_001}, "has 5.1 MB; as image the channel sends at most 5 MB"},
		{providers.FileFacts{Sort: providers.Image, ContentType: "image/gif"}, "is image/gif; as image the channel sends image/jpeg, image/png"},
		{providers.FileFacts{Sort: providers.Video, ContentType: "video/mp4", Size: 17_000_000}, "at most 16 MB"},
		{providers.FileFacts{Sort: providers.Document, ContentType: "application/pdf", Size: 100_000_000}, ""},
		{providers.FileFacts{Sort: providers.Document, ContentType: "application/zip"}, "is application/zip"},
		{providers.FileFacts{Sort: providers.Document, ContentType: "application/pdf", Size: -1}, ""},
	} {
		wrong := can.WrongFile(providers.WhatsApp, c.found)
		if c.wrong == "" {
			require.Empty(t, wrong)
		}
		require.Contains(t, wrong, c.wrong)
	}
}
