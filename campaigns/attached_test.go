package campaigns_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
)

const png = "\x89PNG\x0d\x0a\x1a\x0a"

// file is the address of a file that is there for this test.
func (f fixture) file(t *testing.T) string {
	t.Helper()
	mux := http.NewServeMux()
	serve := func(path, content string) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(content)) })
	}
	serve("/menu.pdf", "%PDF-1.7")
	serve("/small.png", png)
	serve("/large.png", png+strings.Repeat("x", 43))
	serve("/pdf.png", "%PDF-1.7")
	mux.HandleFunc("/moved.png", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/small.png", http.StatusFound) })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL + "/menu.pdf"
}

// ofAttachments is what checks say of files.
func ofAttachments(t *testing.T, list []campaigns.Check) (said string) {
	t.Helper()
	for _, c := range list {
		if c.Code == campaigns.CheckAttachment {
			require.Equal(t, "content.attachment.url", c.Field)
			said += c.Message + "\n"
		}
	}
	return said
}

// pictures is a channel that sends pictures alone, of at most 100 bytes, and 50 by an address.
func (f fixture) pictures(t *testing.T) providers.Channel {
	t.Helper()
	made := providers.Channel{AccountID: f.Account, Name: "pictures", Provider: "pictures", Config: json.RawMessage(`{}`)}
	channel, err := f.Channels.Create(t.Context(), made, "test")
	require.NoError(t, err)
	return channel
}

// A file that lies elsewhere is looked at when the campaign is checked: what the channel does not
// send stands in the way, and what may be better at its time is a warning.
func TestFilesThatLieElsewhereAreLookedAt(t *testing.T) {
	f := newFixture(t)
	at := strings.TrimSuffix(f.file(t), "menu.pdf")
	made := f.campaign()
	made.ChannelID = f.pictures(t).ID
	made.Content = providers.Content{Text: "Our menu", Attachment: &providers.Attachment{URL: at}}
	made, err := f.Create(t.Context(), made)
	require.NoError(t, err)
	for name, c := range map[string]struct{ blocks, warns string }{
		"small.png":                    {"", ""},
		"{{ contact.first_name }}.png": {"", ""}, // nobody has an address here whom it could be rendered for
		"large.png":                    {`large.png" has 0.1 MB; as image the channel sends at most 0.1 MB by an address, and 0.1 MB uploaded`, ""},
		"pdf.png":                      {"is application/pdf; as image the channel sends image/png", ""},
		"menu.pdf":                     {"is sent as document, which the channel does not send: it sends image", ""},
		"none.png":                     {"", "can't be fetched: "},
		"moved.png":                    {"", `redirects to "` + at + `small.png"`},
	} {
		made.Content.Attachment.URL = at + name
		made, err = f.Update(t.Context(), made)
		require.NoError(t, err)
		checks, err := f.Check(t.Context(), f.Account, made.ID)
		require.NoError(t, err)
		for want, list := range map[string][]campaigns.Check{"b" + c.blocks: checks.Blockers, "w" + c.warns: checks.Warnings} {
			said := ofAttachments(t, list)
			if want = want[1:]; want == "" {
				require.Empty(t, said, name)
			}
			require.Contains(t, said, want, name)
		}
	}
}

// An uploaded file is checked when it is saved, and named with what is wrong of it.
func TestUploadedFilesAreCheckedWhenTheyAreSaved(t *testing.T) {
	f := newFixture(t)
	upload := func(name, content string) int64 {
		kept, err := f.Files.Keep(t.Context(), messages.File{AccountID: f.Account, Name: name, Library: true}, strings.NewReader(content))
		require.NoError(t, err)
		return kept.ID
	}
	small, large, paper := upload("small.png", png+strings.Repeat("x", 92)), upload("large.png", png+strings.Repeat("x", 93)), upload("menu.pdf", "%PDF-1.7")
	channel := f.pictures(t)
	for id, says := range map[int64]string{
		small: "", large: "large.png has 0.1 MB; as image the channel sends at most 0.1 MB",
		paper: "menu.pdf is sent as document, which the channel does not send: it sends image", 99: "there is no uploaded file 99",
	} {
		made := f.campaign()
		made.ChannelID, made.Content = channel.ID, providers.Content{Text: "Our menu", Attachment: &providers.Attachment{MediaID: id}}
		_, err := f.Create(t.Context(), made)
		if says == "" {
			require.NoError(t, err)
			continue
		}
		var refused *fault.Error
		require.ErrorAs(t, err, &refused)
		require.Len(t, refused.Fields, 1)
		require.Equal(t, "content.attachment.media_id", refused.Fields[0].Location)
		require.Equal(t, id, refused.Fields[0].Value)
		require.Contains(t, refused.Fields[0].Message, says)
	}
}
