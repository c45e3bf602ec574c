package providertest

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"
	"github.com/stretchr/testify/require"

	"carillon/internal/secret"
	"carillon/internal/sink"
	"carillon/providers"
)

// signed has mail signed by the key that is in use, and by none that waits, or is another
// domain's.
func (s Subject) signed(t testing.TB) {
	var got seen
	far := s.serve(t, sink.Options{Seen: got.add})
	require.NotNil(t, s.Kind.SenderDomain, "messages come from a domain")
	domain := s.Kind.SenderDomain(far.Config)
	used, other := signingKey(t, domain, "used", Now), signingKey(t, "other.example.net", "other", Now.Add(time.Hour))
	p := s.openFor(t, "theinstallation1", far.Config, used, other, signingKey(t, domain, "waits", time.Time{}))
	_, err := p.Send(t.Context(), s.message(1))
	require.NoError(t, err)
	arrived := got.get(t, 0).Body
	require.Contains(t, string(arrived), "DKIM-Signature:", "it is signed")
	found, err := dkim.VerifyWithOptions(bytes.NewReader(arrived), &dkim.VerifyOptions{LookupTXT: func(name string) ([]string, error) {
		if name != "used._domainkey."+domain {
			return nil, fmt.Errorf("it is signed as %s", name)
		}
		record, err := used.Record()
		return []string{record}, err
	}})
	require.NoError(t, err)
	require.Len(t, found, 1, "it is signed once")
	require.NoError(t, found[0].Err)
	require.Contains(t, found[0].HeaderKeys, "List-Unsubscribe", "RFC 8058 wants it signed")
}

func signingKey(t testing.TB, domain, selector string, since time.Time) providers.SigningKey {
	t.Helper()
	_, private, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	return providers.SigningKey{
		Domain: domain, Selector: selector, SignsSince: since,
		Private: secret.New(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}))),
	}
}
