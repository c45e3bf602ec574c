package providertest

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/providers"
)

// Who has the proof in the body must look at all of it.
func TestAProofInTheBodyThatIsNotLookedAtIsCaught(t *testing.T) {
	const body = `{"proof":{"by":"me","at":"1"},"says":"delivered"}`
	type read struct {
		Proof struct{ By, At string }
		Says  string
	}
	right := func(r read) bool { return r.Proof.By == "me" && r.Proof.At == "1" }
	for says, looks := range map[string]func(read) bool{
		"":                                 right,
		"nothing in the body is its proof": func(read) bool { return true },
		"another at":                       func(r read) bool { return r.Proof.By == "me" },
	} {
		s := Subject{Proof: Within}
		got := words(record(t, check{"Forgeries", func(t testing.TB) {
			s.forgeries(t, func(time.Time) (http.Header, []byte) { return http.Header{}, []byte(body) }, func(_ http.Header, body []byte) error {
				var r read
				if json.Unmarshal(body, &r) != nil || !looks(r) {
					return &providers.Error{Kind: providers.ErrorAuth, Err: errors.New("somebody else's")}
				}
				return nil
			})
		}}))
		require.Contains(t, got, says)
		require.Equal(t, says == "", got == "", got)
	}
}
