package app

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"
	"github.com/stretchr/testify/require"

	"carillon/api"
)

// A key that is made, published and found signs what goes out, as a mailbox provider sees it;
// before that mail goes as before.
func TestMailIsSignedOnceItsKeyIsPublished(t *testing.T) {
	m := startMailed(t)
	m.ask(configuredKey, http.MethodPost, "/v1/channels", fmt.Sprintf(
		`{"name":"news","provider":"smtp","config":{"host":"127.0.0.1","port":%d,"tls":"none","from":"news@example.org"}}`, m.smtp))
	verify := func() []*dkim.Verification {
		m.ask(configuredKey, http.MethodPost, "/v1/channels/1/test", `{"to":"ada@example.com"}`)
		letter := <-m.arrived
		found, err := dkim.VerifyWithOptions(bytes.NewReader(letter.Body), &dkim.VerifyOptions{LookupTXT: func(name string) ([]string, error) {
			return m.names.Resolver().LookupTXT(t.Context(), name)
		}})
		require.NoError(t, err)
		return found
	}
	var d api.SendingDomain
	m.read(m.ask(configuredKey, http.MethodPost, "/v1/channels/1/signing-keys", ""), &d)
	m.ask(configuredKey, http.MethodPost, "/v1/channels/1/domain/check", "")
	require.Empty(t, verify(), "nobody could check the signature")

	for _, r := range d.Records {
		if r.Purpose == "dkim" {
			m.names.Text(r.Name, r.Value)
		}
	}
	m.read(m.ask(configuredKey, http.MethodPost, "/v1/channels/1/domain/check", ""), &d)
	require.Equal(t, "signing", d.Keys[0].State)
	require.Eventually(t, func() bool { return len(verify()) == 1 }, 10*time.Second, 100*time.Millisecond)
	found := verify()
	require.NoError(t, found[0].Err)
	require.Equal(t, "example.org", found[0].Domain)

	// A program that starts anew goes on with it.
	require.NoError(t, m.server.Stop())
	m.start()
	found = verify()
	require.Len(t, found, 1)
	require.NoError(t, found[0].Err)
}
