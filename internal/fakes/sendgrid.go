package fakes

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"time"
)

// SendGrid starts a fake of SendGrid's API. It takes any key, which must be there, and signs its
// reports with one that is made from the secret.
func SendGrid(o Options) (*Server, error) {
	return start(o, func(s *Server) http.Handler {
		s.most = maxMail
		mux := http.NewServeMux()
		mux.HandleFunc("POST /v3/mail/send", s.sendGridMail)
		mux.HandleFunc("GET /v3/scopes", func(w http.ResponseWriter, _ *http.Request) {
			answer(w, http.StatusOK, map[string]any{"scopes": []string{"mail.send"}})
		})
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if key, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); key == "" {
				refuseSendGrid(w, http.StatusUnauthorized, "The provided authorization grant is invalid, expired, or revoked", "")
				return
			}
			mux.ServeHTTP(w, r)
		})
	})
}

// sendGridSigner is the key that is made from a secret.
func sendGridSigner(secret string) (*ecdsa.PrivateKey, error) {
	number := sha256.Sum256([]byte(secret))
	return ecdsa.ParseRawPrivateKey(elliptic.P256(), number[:])
}

// SendGridKey is the verification key of the fake of SendGrid that has a secret, as SendGrid shows
// its own; empty if there is none, which one secret in 2^32 has.
func SendGridKey(secret string) string {
	key, err := sendGridSigner(secret)
	if err != nil {
		return ""
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return ""
	}
	return base64.StdEncoding.EncodeToString(der)
}

// refuseSendGrid refuses as SendGrid does.
func refuseSendGrid(w http.ResponseWriter, status int, message, field string) {
	said := map[string]any{"message": message, "field": nil, "help": nil}
	if field != "" {
		said["field"] = field
	}
	answer(w, status, map[string]any{"errors": []any{said}})
}

// sendGridAsked is a mail as SendGrid takes it.
type sendGridAsked struct {
	Personalizations []struct {
		To   []struct{ Email string } `json:"to"`
		Args map[string]string        `json:"custom_args"`
	} `json:"personalizations"`
	From    struct{ Email string }         `json:"from"`
	Subject string                         `json:"subject"`
	Content []struct{ Type, Value string } `json:"content"`
}

// wrong says what is wrong with a mail, and where; empty if nothing is.
func (a *sendGridAsked) wrong() (message, field string) {
	switch {
	case len(a.Personalizations) == 0 || len(a.Personalizations[0].To) == 0 || addressOf(a.Personalizations[0].To[0].Email) == "":
		return "Does not contain a valid address.", "personalizations.0.to.0.email"
	case mailFate(a.Personalizations[0].To[0].Email) == Unknown:
		return "Does not contain a valid address.", "personalizations.0.to.0.email"
	case addressOf(a.From.Email) == "":
		return "The from object must be provided for every email send.", "from.email"
	case a.Subject == "":
		return "The subject is required.", "subject"
	case len(a.Content) == 0 || a.Content[0].Value == "":
		return "The content parameter is required.", "content"
	}
	return "", ""
}

// sendGridMail takes a mail for one recipient, or not.
func (s *Server) sendGridMail(w http.ResponseWriter, r *http.Request) {
	var asked sendGridAsked
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		refuseSendGrid(w, http.StatusBadRequest, "Bad Request", "")
		return
	}
	m := Message{Text: asked.Subject}
	if len(asked.Personalizations) > 0 && len(asked.Personalizations[0].To) > 0 {
		m.To = asked.Personalizations[0].To[0].Email
	}
	if len(asked.Content) > 0 {
		m.Text = strings.TrimSpace(m.Text + " " + asked.Content[0].Value)
	}
	refuse := func(status int, message, field string) {
		m.Refused = fmt.Sprint(status)
		s.tell(m)
		refuseSendGrid(w, status, message, field)
	}
	if message, field := asked.wrong(); message != "" {
		refuse(http.StatusBadRequest, message, field)
		return
	}
	if s.mailTooFast(m.To) {
		w.Header().Set("X-RateLimit-Reset", fmt.Sprint(s.o.Clock.Now().Add(time.Second).Unix()))
		refuse(http.StatusTooManyRequests, "too many requests", "")
		return
	}
	s.tell(m)
	id := fmt.Sprintf("FAKE%018d", s.ids.Add(1))
	w.Header().Set("X-Message-Id", id)
	w.WriteHeader(http.StatusAccepted)
	events := []map[string]any{{"event": "processed"}}
	for _, end := range mailEnds(mailFate(m.To)) {
		events = append(events, map[mailEnd]map[string]any{
			mailDelivered: {"event": "delivered", "response": "250 OK"},
			mailBounced: {
				"event": "bounce", "type": "bounce", "status": "5.1.1", "bounce_classification": "Invalid Address",
				"reason": "550 5.1.1 The email account that you tried to reach does not exist.",
			},
			mailComplained: {"event": "spamreport"},
		}[end])
	}
	if mailFate(m.To) == Silent {
		return
	}
	for _, e := range events {
		for name, value := range asked.Personalizations[0].Args {
			e[name] = value
		}
		maps.Copy(e, map[string]any{
			"email": m.To, "timestamp": s.o.Clock.Now().Unix(), "sg_message_id": id + ".filterdrecv-0", "sg_event_id": fmt.Sprintf("FAKE%018d", s.ids.Add(1)),
		})
	}
	s.sendGridPost(events)
}

// sendGridPost posts events, signed.
func (s *Server) sendGridPost(events []map[string]any) {
	body, err := json.Marshal(events)
	if err != nil {
		return
	}
	key, err := sendGridSigner(s.o.Secret)
	if err != nil {
		return
	}
	stamp := fmt.Sprint(s.o.Clock.Now().Unix())
	sum := sha256.Sum256(append([]byte(stamp), body...))
	signature, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	if err != nil {
		return
	}
	s.reportLater(report{http.Header{
		"Content-Type": {"application/json"}, "X-Twilio-Email-Event-Webhook-Timestamp": {stamp},
		"X-Twilio-Email-Event-Webhook-Signature": {base64.StdEncoding.EncodeToString(signature)},
	}, body})
}
