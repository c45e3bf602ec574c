package hook

import (
	"net/http"
	"strconv"
	"time"
)

// Header is the three Standard Webhooks headers of a body that is sent under an
// id at a time.
func (s *Signer) Header(id string, at time.Time, body []byte) http.Header {
	return http.Header{
		"Webhook-Id":        {id},
		"Webhook-Timestamp": {strconv.FormatInt(at.Unix(), 10)},
		"Webhook-Signature": {s.Sign(id, at.Unix(), body)},
	}
}
