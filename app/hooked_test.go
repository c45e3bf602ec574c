package app

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/secret"
	"carillon/messages"
)

// A provider is told where to report to with each message, and what it signs for that address is
// believed.
func TestAProviderReportsToWhereItWasTold(t *testing.T) {
	const token, hook = "a-token-that-only-shows-the-form", "https://news.example.org/hooks/1"
	asked := make(chan url.Values, 1)
	far := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm() // what can't be read asks for no reports
		asked <- r.PostForm
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"sid":"SM7","status":"queued"}`)
	}))
	t.Cleanup(far.Close)
	c := startConfig(t)
	c.AllowPrivateAddresses, c.PublicURL, c.AdminKey = true, "https://news.example.org/", secret.New("admin-key-0123456789")
	s, err := Start(t.Context(), c, AllRoles, Notices{Say: func(string) {}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop()) })
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	made := func(path, body string) (id int64) {
		t.Helper()
		answer, content := ask(t, client, "POST "+s.URL+path, body)
		require.Less(t, answer.StatusCode, 300, content)
		var of struct {
			ID int64 `json:"id"`
		}
		require.NoError(t, json.Unmarshal([]byte(content), &of))
		return of.ID
	}
	require.EqualValues(t, 1, made("/v1/channels", fmt.Sprintf(`{"name":"sms","provider":"twilio","config":{
		"api":%q,"account_sid":"AC00000000000000000000000000000001","auth_token":%q,"from":"+15005550006"}}`, far.URL, token)))
	id := made("/v1/messages", `{"channel_id":1,"to":"+4915112345678","content":{"text":"Hello"}}`)
	require.Equal(t, hook, (<-asked).Get("StatusCallback"))
	state := func(want messages.State) {
		t.Helper()
		require.Eventually(t, func() bool {
			answer, content := ask(t, client, fmt.Sprintf("GET %s/v1/messages/%d", s.URL, id), "")
			require.Equal(t, 200, answer.StatusCode)
			return strings.Contains(content, fmt.Sprintf(`"state":%q`, want))
		}, 20*time.Second, 5*time.Millisecond)
	}
	state(messages.Sent)
	mac := hmac.New(sha1.New, []byte(token))
	mac.Write([]byte(hook + "MessageSidSM7MessageStatusdelivered"))
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/hooks/1", strings.NewReader("MessageStatus=delivered&MessageSid=SM7"))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("X-Twilio-Signature", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	response, err := client.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, 200, response.StatusCode)
	state(messages.Delivered)
}
