package smtp

import (
	"bufio"
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"
	"github.com/stretchr/testify/require"

	"carillon/internal/secret"
	"carillon/providers"
)

func rsaKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	return key
}

func edKey(t testing.TB) crypto.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	return key
}

// keyOf is a key that is in use for example.org.
func keyOf(t testing.TB, private crypto.Signer) providers.SigningKey {
	t.Helper()
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	return providers.SigningKey{
		Domain: "example.org", Selector: "bell", SignsSince: time.Unix(1, 0),
		Private: secret.New(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}))),
	}
}

// verified reads what a server would read and returns what a verifier says of it.
func verified(t testing.TB, composed []byte, key providers.SigningKey) (raw []byte, found []*dkim.Verification) {
	t.Helper()
	raw, err := io.ReadAll(textproto.NewReader(bufio.NewReader(bytes.NewReader(composed))).DotReader())
	require.NoError(t, err)
	raw = bytes.ReplaceAll(raw, []byte("\n"), []byte("\r\n")) // DotReader makes one byte of each
	return raw, verifiedRaw(t, raw, key)
}

func verifiedRaw(t testing.TB, raw []byte, key providers.SigningKey) []*dkim.Verification {
	t.Helper()
	found, err := dkim.VerifyWithOptions(bytes.NewReader(raw), &dkim.VerifyOptions{LookupTXT: func(name string) ([]string, error) {
		if name != key.Selector+"._domainkey."+key.Domain {
			return nil, fmt.Errorf("asked for %s", name)
		}
		record, err := key.Record()
		return []string{record}, err
	}})
	require.NoError(t, err)
	return found
}

// A signature holds over what arrives, covers what people and mailbox providers go by, and
// breaks with it.
func TestSigned(t *testing.T) {
	for name, private := range map[string]crypto.Signer{"RSA": rsaKey(t), "Ed25519": edKey(t)} {
		t.Run(name, func(t *testing.T) {
			key := keyOf(t, private)
			m := issue()
			m.Content.Text = ".\n..\n. dot\n\n\n"
			composed, err := testComposer(key).compose(nil, m, time.Unix(0, 0).UTC())
			require.NoError(t, err)
			raw, found := verified(t, composed, key)
			require.Len(t, found, 1)
			require.NoError(t, found[0].Err)
			require.Equal(t, "example.org", found[0].Domain)
			for _, field := range []string{"From", "To", "Subject", "Date", "Message-ID", "Reply-To", "List-Unsubscribe", "List-Unsubscribe-Post"} {
				require.Contains(t, found[0].HeaderKeys, field)
			}
			for what, changed := range map[string][]byte{
				"content":      bytes.Replace(raw, []byte("The sixth bell"), []byte("The ninth bell"), 1),
				"subject":      bytes.Replace(raw, []byte("Subject: The big"), []byte("Subject: The bad"), 1),
				"second from":  append([]byte("From: <boss@example.org>\r\n"), raw...),
				"unsubscribed": bytes.Replace(raw, []byte("<https://example.com/u/"), []byte("<https://example.net/u/"), 1),
			} {
				require.NotEqual(t, raw, changed, what)
				require.Error(t, verifiedRaw(t, changed, key)[0].Err, what)
			}
		})
	}
}

// Only a key that is in use, and of the sender's own domain, signs; the newest of several.
func TestWhichKeySigns(t *testing.T) {
	now := time.Unix(1_000, 0)
	old, next, other, made := keyOf(t, edKey(t)), keyOf(t, edKey(t)), keyOf(t, edKey(t)), keyOf(t, edKey(t))
	next.Selector, next.SignsSince = "next", now
	other.Domain, other.SignsSince = "example.net", now.Add(time.Hour)
	made.Selector, made.SignsSince = "made", time.Time{}
	m := &providers.Message{ID: 1, To: "a@example.com", Content: providers.Content{Text: "x"}}
	composed, err := testComposer(old, next, other, made).compose(nil, m, now)
	require.NoError(t, err)
	_, found := verified(t, composed, next)
	require.Len(t, found, 1)
	require.NoError(t, found[0].Err)
	composed, err = testComposer(other, made).compose(nil, m, now)
	require.NoError(t, err)
	require.NotContains(t, string(composed), "DKIM")
}

// FuzzSigned: whatever is in a message, its signature holds, and it is the message that it
// would be without one.
func FuzzSigned(f *testing.F) {
	key := keyOf(f, edKey(f))
	signing, plain := testComposer(key), testComposer()
	f.Add("Zoë", "Grüße", "Hello\n.\n", "<p>Hello</p>\n.\n", true)
	f.Add("a", "", "\n\n\n", "", false)
	f.Add("", "  two  blanks ", ". ", " .\r.\n\t\n", true)
	f.Add("x", "x "+strings.Repeat("x", 3000), "x\n\n \n", `<img src="data:image/png;base64,AAAA">`, true)
	f.Fuzz(func(t *testing.T, name, subject, text, html string, bulk bool) {
		m := &providers.Message{ID: 7, To: "zoe@example.com", ToName: name, Content: providers.Content{Subject: subject, Text: text, HTML: html}}
		if bulk {
			m.UnsubscribeURL = "https://example.com/u/1"
		}
		unsigned, err := plain.compose(nil, m, time.Unix(0, 0).UTC())
		composed, failed := signing.compose(nil, m, time.Unix(0, 0).UTC())
		if err != nil {
			require.Equal(t, err.Error(), failed.Error())
			return
		}
		require.NoError(t, failed)
		require.True(t, bytes.HasSuffix(composed, unsigned), "only a field is put in front")
		_, found := verified(t, composed, key)
		require.Len(t, found, 1)
		require.NoError(t, found[0].Err)
	})
}
