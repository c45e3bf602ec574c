package fakes

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Vonage starts a fake of Vonage's Messages API, for SMS. It takes any application's token and any
// key and secret, one of which must be there.
func Vonage(o Options) (*Server, error) {
	return start(o, func(s *Server) http.Handler {
		mux := http.NewServeMux()
		mux.HandleFunc("POST /v1/messages", s.vonageMessage)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, password, _ := r.BasicAuth()
			if token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); password == "" && strings.Count(token, ".") != 2 {
				refuseVonage(w, http.StatusUnauthorized, "unauthorized", "You did not provide correct credentials.")
				return
			}
			mux.ServeHTTP(w, r)
		})
	})
}

// vonageProblem is a problem in Vonage's words.
func vonageProblem(code, detail string) map[string]any {
	page := "https://developer.vonage.com/api-errors"
	if allDigits(code) {
		page += "/messages"
	}
	return map[string]any{"type": page + "#" + code, "title": code, "detail": detail, "instance": "bf0ca0bf927b3b52e3cb03217e1a1ddf"}
}

// refuseVonage refuses as Vonage does.
func refuseVonage(w http.ResponseWriter, status int, code, detail string) {
	answer(w, status, vonageProblem(code, detail))
}

// vonageMessage takes a message, or not.
func (s *Server) vonageMessage(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Type    string `json:"message_type"`
		Channel string `json:"channel"`
		To      string `json:"to"`
		From    string `json:"from"`
		Text    string `json:"text"`
		Ref     string `json:"client_ref"`
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || asked.Channel != "sms" || asked.Type != "text" ||
		!allDigits(asked.To) || asked.From == "" || asked.Text == "" {
		refuseVonage(w, http.StatusUnprocessableEntity, "1010", "Your request is incomplete and missing some mandatory parameters.")
		return
	}
	m := Message{To: asked.To, Text: asked.Text}
	refuse := func(status int, code, detail string) {
		m.Refused = code
		s.tell(m)
		refuseVonage(w, status, code, detail)
	}
	fate := fateOf(asked.To)
	switch {
	case fate == Unknown:
		refuse(http.StatusUnprocessableEntity, "1170", "The phone number you supplied in the to parameter of your request was either missing or invalid.")
		return
	case fate == Throttled && s.hurried(asked.To):
		refuse(http.StatusTooManyRequests, "1000", "You have exceeded the submission capacity allowed on this account. Please wait and retry.")
		return
	}
	s.tell(m)
	id := fmt.Sprintf("fa4e0000-0000-4000-8000-%012d", s.ids.Add(1))
	answer(w, http.StatusAccepted, map[string]any{"message_uuid": id})
	if fate == Silent {
		return
	}
	last := map[string]any{"status": "delivered"}
	if fate == Returned {
		last = map[string]any{"status": "undeliverable", "error": vonageProblem("1180", "This message was not delivered because to was temporarily unavailable.")}
	}
	for _, said := range []map[string]any{{"status": "submitted"}, last} {
		said["message_uuid"], said["client_ref"], said["channel"], said["to"], said["from"] = id, asked.Ref, "sms", asked.To, asked.From
		s.vonagePost(said)
	}
}

// vonagePost posts what is new, with a token that vouches for it.
func (s *Server) vonagePost(said map[string]any) {
	now := s.o.Clock.Now().UTC()
	said["timestamp"] = now.Format(time.RFC3339)
	body, err := json.Marshal(said)
	if err != nil {
		return
	}
	hash := sha256.Sum256(body)
	encode := base64.RawURLEncoding.EncodeToString
	token := encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." +
		encode(fmt.Appendf(nil, `{"iss":"Vonage","iat":%d,"jti":"%d","payload_hash":%q}`, now.Unix(), s.ids.Add(1), hex.EncodeToString(hash[:])))
	mac := hmac.New(sha256.New, []byte(s.o.Secret))
	mac.Write([]byte(token))
	s.reportLater(report{http.Header{
		"Content-Type": {"application/json"}, "Authorization": {"Bearer " + token + "." + encode(mac.Sum(nil))},
	}, body})
}
