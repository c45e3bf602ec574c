package app

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"carillon/internal/sink"
)

const bounceToken = "what-the-mail-server-presents-01"

// returning has mail of the only channel come back to addresses of its own.
func (m *mailed) returning() {
	m.ask(configuredKey, "POST", "/v1/channels", fmt.Sprintf(`{"name":"news","provider":"smtp","config":{"host":"127.0.0.1","port":%d,"tls":"none",
		"from":"news@example.org","bounce_address":"bounces@example.org","bounce_token":%q}}`, m.smtp, bounceToken))
}

// sends sends a message, and returns its id and how it arrived.
func (m *mailed) sends(to string) (id int64, d sink.Delivery) {
	var made struct {
		ID int64 `json:"id"`
	}
	m.read(m.ask(configuredKey, "POST", "/v1/messages", fmt.Sprintf(`{"channel_id":1,"to":%q,"content":{"subject":"Hello","text":"Hello"}}`, to)), &made)
	return made.ID, m.mail()
}

// report is a sample of what comes back, of a message that arrived somewhere.
func (m *mailed) report(name string, of sink.Delivery) string {
	raw, err := os.ReadFile(filepath.Join("..", "providers", "smtp", "testdata", "returned", name+".eml"))
	require.NoError(m.t, err)
	_, rest, _ := bytes.Cut(of.Body, []byte("Message-ID: <"))
	id, _, _ := bytes.Cut(rest, []byte(">"))
	return strings.NewReplacer("{RETURN}", of.From, "{ID}", string(id), "\n", "\r\n").Replace(string(raw))
}

// becomes waits for the state of a message.
func (m *mailed) becomes(id int64, state string) {
	require.Eventually(m.t, func() bool {
		content := m.ask(configuredKey, "GET", fmt.Sprintf("/v1/messages/%d", id), "")
		return strings.Contains(string(content), fmt.Sprintf(`"state":%q`, state))
	}, 20*time.Second, 5*time.Millisecond, state)
}

func (m *mailed) suppressed() string {
	var list struct {
		Items []struct{ Address, Reason string } `json:"items"`
	}
	m.read(m.ask(configuredKey, "GET", "/v1/suppressions", ""), &list)
	text := ""
	for _, s := range list.Items {
		text += s.Address + " " + s.Reason + "\n"
	}
	return text
}

// handOver hands a mail to the listener, as a mail server does.
func (m *mailed) handOver(to, mail string) error {
	c, err := smtp.Dial(m.server.BounceAddr)
	require.NoError(m.t, err)
	defer func() { _ = c.Close() }()
	return c.SendMail("", []string{to}, strings.NewReader(mail))
}

// What is posted of a message that came back settles it and suppresses its address, once; what
// somebody made up changes nothing.
func TestWhatIsPostedOfMailThatCameBack(t *testing.T) {
	m := startMailed(t)
	m.returning()
	id, arrived := m.sends("nobody@example.com")
	other, ofOther := m.sends("ada@example.com")
	m.becomes(id, "sent")
	m.becomes(other, "sent")
	post := func(mail, query string) (int, string) {
		t.Helper()
		code, content := m.answer("", "POST", "/hooks/1"+query, mail)
		return code, strings.TrimSpace(string(content))
	}
	const right = "?token=" + bounceToken
	code, _ := post(m.report("postfix", arrived), "?token=guessed-by-somebody")
	require.Equal(t, 401, code)
	forged := arrived
	forged.From = strings.Replace(ofOther.From, fmt.Sprintf("+1-%d-", other), fmt.Sprintf("+1-%d-", id), 1)
	require.NotEqual(t, ofOther.From, forged.From)
	forged.Body = bytes.Replace(ofOther.Body, []byte(fmt.Sprintf("Message-ID: <%d-", other)), []byte(fmt.Sprintf("Message-ID: <%d-", id)), 1)
	for _, sample := range []string{"postfix", "fastmail-abuse", "qmail"} {
		code, content := post(m.report(sample, forged), right)
		require.Equal(t, 200, code)
		require.JSONEq(t, `{"accepted":0}`, content)
	}
	require.Empty(t, m.suppressed())
	m.becomes(id, "sent")

	for _, want := range []string{`{"accepted":1}`, `{"accepted":1,"repeated":true}`} {
		code, content := post(m.report("postfix", arrived), right)
		require.Equal(t, 200, code, content)
		require.JSONEq(t, want, content)
		m.becomes(id, "rejected")
		require.Equal(t, "nobody@example.com bounced\n", m.suppressed())
	}
	content := string(m.ask(configuredKey, "GET", fmt.Sprintf("/v1/messages/%d", id), ""))
	require.Contains(t, content, "User unknown in virtual mailbox table")

	code, _ = post(m.report("yahoo-abuse", ofOther), right)
	require.Equal(t, 200, code)
	require.Contains(t, m.suppressed(), "ada@example.com complained\n")
	m.becomes(other, "sent")
}

// A mail server that hands over what came back needs no token: the address that it came to shows
// whose it is. Everything else is refused, and nothing is passed on.
func TestWhatComesBackIsTakenBySMTP(t *testing.T) {
	m := startMailed(t)
	m.returning()
	id, arrived := m.sends("nobody@example.com")
	m.becomes(id, "sent")
	refused := func(to string) {
		t.Helper()
		var answer *smtp.SMTPError
		require.ErrorAs(t, m.handOver(to, m.report("exchange", arrived)), &answer)
		require.Equal(t, 550, answer.Code)
		require.Equal(t, smtp.EnhancedCode{5, 1, 1}, answer.EnhancedCode)
	}
	local, _, _ := strings.Cut(arrived.From, "@")
	last := "a"
	if strings.HasSuffix(local, last) {
		last = "b"
	}
	for _, to := range []string{"ada@example.com", "bounces@example.org", "news@example.org", local[:len(local)-1] + last + "@example.org",
		strings.Replace(arrived.From, "+1-", "+2-", 1)} {
		refused(to)
	}
	require.NoError(t, m.handOver(arrived.From, m.report("vacation", arrived)))
	m.becomes(id, "sent")
	for range 2 {
		require.NoError(t, m.handOver(strings.ToUpper(arrived.From), m.report("exchange", arrived)))
		m.becomes(id, "rejected")
		require.Equal(t, "nobody@example.com bounced\n", m.suppressed())
	}
	require.Empty(t, m.arrived, "nothing is passed on")

	// A program that starts anew knows what went before.
	require.NoError(t, m.server.Stop())
	m.start()
	require.NoError(t, m.handOver(arrived.From, m.report("exchange", arrived)))
}
