package api_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/api"
	"carillon/channels/domains"
)

// domainOf is the domain that a request answers with.
func (s *server) domainOf(method, path string, status int) (d api.SendingDomain) {
	s.t.Helper()
	w := s.do(method, path, "")
	require.Equal(s.t, status, w.Code, w.Body)
	require.NotContains(s.t, w.Body.String(), "PRIVATE")
	require.NoError(s.t, json.Unmarshal(w.Body.Bytes(), &d))
	return d
}

// A key is made, published, found, replaced by another and forgotten; its private half is never
// shown, and what is wrong is refused with what to do.
func TestAChannelsDomain(t *testing.T) {
	s := newServer(t)
	s.ok("POST", "/v1/channels", `{"name":"news","provider":"smtp","config":{"host":"mail.example.net","from":"news@example.org"}}`)
	s.ok("POST", "/v1/channels", `{"name":"hooks","provider":"sandbox"}`)

	d := s.domainOf("GET", "/v1/channels/1/domain", http.StatusOK)
	require.Equal(t, "example.org", d.Domain)
	require.Equal(t, "mail.example.net", d.Server)
	require.Empty(t, d.Keys)
	require.Len(t, d.Records, 6)

	d = s.domainOf("POST", "/v1/channels/1/signing-keys", http.StatusCreated)
	require.Equal(t, "waiting", d.Keys[0].State)
	for _, r := range d.Records {
		if r.Type == "TXT" && r.Value != "" {
			s.names.Text(r.Name, r.Value)
		}
	}
	s.names.Address("mail.example.net", "8.8.8.8")
	d = s.domainOf("POST", "/v1/channels/1/domain/check", http.StatusOK)
	require.Equal(t, "signing", d.Keys[0].State)
	for _, r := range d.Records {
		require.Equal(t, r.Required, r.State == "ok", "%+v", r)
	}

	w := s.do("POST", "/v1/channels/1/signing-keys", `{"selector":"next","private_key":"not a key at all"}`)
	require.Equal(t, http.StatusUnprocessableEntity, w.Code)
	require.Contains(t, w.Body.String(), "-----BEGIN PRIVATE KEY-----")
	require.NotContains(t, w.Body.String(), "not a key at all")
	first := d.Keys[0].Selector
	w = s.do("DELETE", "/v1/channels/1/signing-keys/"+first, "")
	require.Equal(t, http.StatusConflict, w.Code, w.Body)
	require.Equal(t, http.StatusNoContent, s.do("DELETE", "/v1/channels/1/signing-keys/"+first+"?force=true", "").Code)
	require.Equal(t, http.StatusNotFound, s.do("DELETE", "/v1/channels/1/signing-keys/"+first, "").Code)

	for _, at := range []string{"GET /v1/channels/2/domain", "POST /v1/channels/2/domain/check", "POST /v1/channels/2/signing-keys"} {
		method, path, _ := strings.Cut(at, " ")
		require.Equal(t, http.StatusUnprocessableEntity, s.do(method, path, "").Code, at)
	}
	require.NotContains(t, s.log.String(), "PRIVATE")
}

// The API lists all that a check can find.
func TestRecordsListWhatIsFound(t *testing.T) {
	record := reflect.TypeFor[api.DNSRecord]()
	listed := func(field string) []string {
		f, ok := record.FieldByName(field)
		require.True(t, ok)
		return strings.Split(f.Tag.Get("enum"), ",")
	}
	require.Equal(t, listed("Purpose"), textsOf(domains.Purposes()))
	require.Equal(t, listed("State"), textsOf(domains.States()))
	require.Equal(t, listed("Problem"), textsOf(domains.Problems()))
}

func textsOf[S ~string](list []S) (texts []string) {
	for _, s := range list {
		texts = append(texts, string(s))
	}
	return texts
}
