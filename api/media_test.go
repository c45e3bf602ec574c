package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const png = "\x89PNG\x0d\x0a\x1a\x0a"

// uploadMedia sends a picture as a part of a form.
func uploadMedia(t *testing.T, s *server, part, name string) *httptest.ResponseRecorder {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	file, err := form.CreateFormFile(part, name)
	require.NoError(t, err)
	_, err = file.Write([]byte(png))
	require.NoError(t, err)
	require.NoError(t, form.Close())
	return s.do("POST", "/v1/media", body.String(), "Content-Type", form.FormDataContentType())
}

// decodedMedia is an answer as JSON.
func decodedMedia(t *testing.T, w *httptest.ResponseRecorder) (answer map[string]any) {
	t.Helper()
	require.Equal(t, 201, w.Code, w.Body)
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer))
	return answer
}

func TestFilesAreUploadedAndUsed(t *testing.T) {
	s := newServer(t)
	w := uploadMedia(t, s, "file", `C:\pictures\logo.png`)
	require.Equal(t, 201, w.Code, w.Body)
	first := decodedMedia(t, w)
	require.Equal(t, []any{"logo.png", "image/png", "image", 8.0, []any{}},
		[]any{first["name"], first["content_type"], first["type"], first["size"], first["used_by"]})
	again := decodedMedia(t, s.do("POST", "/v1/media?name=same.png", png, "Content-Type", "application/octet-stream"))
	require.Equal(t, first["id"], again["id"], "the same bytes are one file")
	page := decodedMedia(t, s.do("POST", "/v1/media?name=page.jpg", "<!doctype html><script>alert(1)</script>", "Content-Type", "image/jpeg"))
	require.Equal(t, "text/html", page["content_type"])

	for what, w := range map[string]*httptest.ResponseRecorder{
		"query.name":  s.do("POST", "/v1/media", png, "Content-Type", "application/octet-stream"),
		"is empty":    s.do("POST", "/v1/media?name=a", "", "Content-Type", "image/png"),
		"other":       uploadMedia(t, s, "other", "a"),
		"boundary":    s.do("POST", "/v1/media", png, "Content-Type", "multipart/form-data"),
		"is missing":  s.do("POST", "/v1/media", png, "Content-Type", "multipart/form-data; boundary=x"),
		"well-formed": s.do("POST", "/v1/media", "--x\r\nno field\r\n\r\n", "Content-Type", "multipart/form-data; boundary=x"),
		"breaks off": s.do("POST", "/v1/media", "--x\r\nContent-Disposition: form-data; name=file; filename=a\r\n\r\nhalf of it",
			"Content-Type", "multipart/form-data; boundary=x"),
		"filename": uploadMedia(t, s, "file", "\u202egnp.exe"),
	} {
		require.Equal(t, 422, w.Code, "%s: %s", what, w.Body)
		require.Contains(t, w.Body.String(), what)
	}

	id := int64(first["id"].(float64))
	content := func(media int64) string {
		return fmt.Sprintf(`{"content":{"subject":"s","text":"hi","attachment":{"media_id":%d}}}`, media)
	}
	campaign := fmt.Sprintf("/v1/campaigns/%d", s.campaign(s.channel(), ""))
	refused := s.do("PATCH", campaign, content(id+100))
	require.Equal(t, 422, refused.Code)
	require.Contains(t, refused.Body.String(), "content.attachment.media_id")
	both := s.do("PATCH", campaign, `{"content":{"subject":"s","text":"hi","attachment":{"media_id":1,"url":"https://example.org/a"}}}`)
	require.Contains(t, both.Body.String(), "give either an address, or media_id")
	require.Contains(t, s.do("PATCH", campaign, `{"content":{"subject":"s","text":"hi","attachment":{}}}`).Body.String(), "content.attachment.url")
	s.ok("PATCH", campaign, content(id))
	shown := s.ok("GET", fmt.Sprintf("/v1/media/%d", id), "")
	require.Equal(t, "campaign", shown["used_by"].([]any)[0].(map[string]any)["kind"])
	require.Equal(t, 409, s.do("DELETE", fmt.Sprintf("/v1/media/%d", id), "").Code)
	unused := s.ok("GET", "/v1/media?unused=true", "")["items"].([]any)
	require.Len(t, unused, 1)
	require.Equal(t, page["id"], unused[0].(map[string]any)["id"])
	newest := s.ok("GET", "/v1/media?limit=1", "")
	require.Equal(t, page["id"], newest["items"].([]any)[0].(map[string]any)["id"])
	rest := s.ok("GET", "/v1/media?limit=1&cursor="+newest["next_cursor"].(string), "")
	require.Equal(t, first["id"], rest["items"].([]any)[0].(map[string]any)["id"])
	require.Equal(t, 204, s.do("DELETE", fmt.Sprintf("/v1/media/%.0f", page["id"]), "").Code)
	require.Equal(t, 404, s.do("GET", fmt.Sprintf("/v1/media/%.0f", page["id"]), "").Code)
}

// What was uploaded runs nothing in a browser, and is read from anywhere in it.
func TestUploadedFilesAreServed(t *testing.T) {
	s := newServer(t)
	for content, c := range map[string]struct{ kind, disposition string }{
		png: {"image/png", ""}, "%PDF-1.7 text": {"application/pdf", ""},
		"<!doctype html><script>alert(1)</script>":   {"text/html", "attachment; filename=a.x"},
		`<svg xmlns="http://www.w3.org/2000/svg"/>`:  {"image/svg+xml", "attachment; filename=a.x"},
		"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00": {"application/vnd.microsoft.portable-executable", "attachment; filename=a.x"},
	} {
		f := decodedMedia(t, s.do("POST", "/v1/media?name=a.x", content, "Content-Type", "application/octet-stream"))
		address, err := url.Parse(f["url"].(string))
		require.NoError(t, err)
		w := s.do("GET", address.Path, "", "Authorization", "")
		require.Equal(t, 200, w.Code, w.Body)
		require.Equal(t, content, w.Body.String())
		header := w.Header()
		require.Equal(t, []string{c.kind, c.disposition, "nosniff", "default-src 'none'; sandbox"}, []string{
			header.Get("Content-Type"), header.Get("Content-Disposition"), header.Get("X-Content-Type-Options"), header.Get("Content-Security-Policy"),
		})
		part := s.do("GET", address.Path, "", "Authorization", "", "Range", "bytes=2-4")
		require.Equal(t, []any{206, content[2:5]}, []any{part.Code, part.Body.String()})
		require.Equal(t, 304, s.do("GET", address.Path, "", "Authorization", "", "If-None-Match", header.Get("ETag")).Code)
		require.Equal(t, 404, s.do("GET", strings.Replace(address.Path, "/files/", "/files/x", 1), "", "Authorization", "").Code)
	}
}
