package mail

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"carillon/providers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestParts(t *testing.T) {
	c := providers.Content{Text: "a\nb", HTML: "<BODY class=x><p>a</p></BODY>"}
	require.Equal(t, c.Text, Text(&c))
	require.Equal(t, c.HTML, HTML(&c))
	c.Preheader = "1 < 2"
	c.Attachment = &providers.Attachment{URL: "https://example.com/a.pdf?x=1&y=2", Filename: "a.pdf"}
	require.Equal(t, "a\nb\n\na.pdf: https://example.com/a.pdf?x=1&y=2", Text(&c))
	require.Equal(t, `<BODY class=x><div style="display:none;max-height:0;overflow:hidden;mso-hide:all">1 &lt; 2</div>`+"\n"+
		`<p>a</p><p><a href="https://example.com/a.pdf?x=1&amp;y=2">a.pdf</a></p>`+"\n</BODY>", HTML(&c))
	require.Empty(t, Text(&providers.Content{HTML: "x", Attachment: c.Attachment}))
}

func TestLeavingAList(t *testing.T) {
	m := providers.Message{To: "a@b.example", Content: providers.Content{Text: "x"}, UnsubscribeURL: "https://example.com/u"}
	require.NoError(t, Check(&m))
	require.Equal(t, []Header{{"List-Unsubscribe", "<https://example.com/u>"}, {"List-Unsubscribe-Post", "List-Unsubscribe=One-Click"}}, Headers(&m))
	m.Transactional = true
	require.Empty(t, Headers(&m))
}

func TestWhatCannotGo(t *testing.T) {
	good := providers.Message{To: "a@b.example", ToName: "A", Content: providers.Content{Text: "x", Subject: "s"}, UnsubscribeURL: "https://example.com/u"}
	for want, spoil := range map[string]func(*providers.Message){
		"to holds a line break":      func(m *providers.Message) { m.To += "\nx" },
		"to_name holds a line break": func(m *providers.Message) { m.ToName += "\r" },
		"subject holds a line break": func(m *providers.Message) { m.Content.Subject += "\nBcc: x" },
		"neither text nor html":      func(m *providers.Message) { m.Content.Text = "" },
		"unsubscribe_url is not an":  func(m *providers.Message) { m.UnsubscribeURL = "mailto:x@example.com" },
		"unsubscribe_url is not an h": func(m *providers.Message) {
			m.UnsubscribeURL = "https://example.com/" + strings.Repeat("x", MaxHeaderLine)
		},
		"unsubscribe_url is not an ht":  func(m *providers.Message) { m.UnsubscribeURL = "https://example.com/>" },
		"unsubscribe_url is not an htt": func(m *providers.Message) { m.UnsubscribeURL = "https://" },
	} {
		m := good
		spoil(&m)
		require.ErrorContains(t, Check(&m), want)
	}
}

func TestSenders(t *testing.T) {
	require.Empty(t, WrongSender("a@b.example", "A, B", ""))
	for _, c := range []struct{ from, name, reply, field string }{
		{"a", "", "", "config.from"}, {"ä@b.example", "", "", "config.from"}, {"a@b.example", "a\nb", "", "config.from_name"},
		{"a@b.example", "", "x", "config.reply_to"}, {"a@b.example", "", "ä@b.example", "config.reply_to"},
	} {
		wrong := WrongSender(c.from, c.name, c.reply)
		require.Len(t, wrong, 1)
		require.Equal(t, c.field, wrong[0].Location)
	}
	require.Equal(t, `"Doe, \"Zoë\" \\" <a@b.example>`, Named(`Doe, "Zoë" \`, "a@b.example"))
	require.Equal(t, "a@b.example", Named("", "a@b.example"))
	require.Equal(t, "b.example", Domain("a@B.example"))
	require.Empty(t, Domain("a"))
}

// A file goes under the name that its message gives it, and a mail as what its bytes are to those
// who save them.
func TestFilesInMails(t *testing.T) {
	file := &providers.File{Name: "a.eml", ContentType: "message/rfc822", Size: 3, Content: []byte("abc")}
	c := providers.Content{Text: "x", Attachment: &providers.Attachment{File: file}}
	require.Equal(t, &File{Name: "a.eml", ContentType: "application/octet-stream", Content: []byte("abc")}, FileOf(&c))
	c.Attachment.Filename, c.Attachment.File.ContentType = "b.pdf", "application/pdf"
	require.Equal(t, &File{Name: "b.pdf", ContentType: "application/pdf", Content: []byte("abc")}, FileOf(&c))
	require.NoError(t, CheckFile(&c, 3))
	require.ErrorContains(t, CheckFile(&c, 2), "a.eml has 0.1 MB, and a mail carries at most")
	c.Attachment.File.Content = nil
	require.Nil(t, FileOf(&c), "an address alone")
}
