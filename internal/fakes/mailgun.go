package fakes

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Mailgun starts a fake of Mailgun's API. It takes any domain and key, which must be there, and
// signs its reports with the secret.
func Mailgun(o Options) (*Server, error) {
	return start(o, func(s *Server) http.Handler {
		s.most = maxMail
		mux := http.NewServeMux()
		mux.HandleFunc("POST /v3/{domain}/messages", s.mailgunMail)
		mux.HandleFunc("GET /v3/{domain}/events", func(w http.ResponseWriter, r *http.Request) {
			answer(w, http.StatusOK, map[string]any{"items": s.mailsOf(r.FormValue("event") + " " + r.FormValue("recipient")), "paging": map[string]any{}})
		})
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if user, key, _ := r.BasicAuth(); user != "api" || key == "" {
				http.Error(w, "Forbidden", http.StatusUnauthorized)
				return
			}
			mux.ServeHTTP(w, r)
		})
	})
}

// mailgunGiven reads the fields of a form of either kind.
func mailgunGiven(r *http.Request) (url.Values, error) {
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		values, _, err := formOf(r)
		return values, err
	}
	err := r.ParseForm()
	return r.PostForm, err
}

// mailgunWrong says what is wrong with a mail; empty if nothing is.
func mailgunWrong(given url.Values) string {
	to := addressOf(given.Get("to"))
	switch {
	case given.Get("from") == "":
		return "from parameter is missing"
	case addressOf(given.Get("from")) == "":
		return "'from' parameter is not a valid address. please check documentation"
	case to == "" || mailFate(to) == Unknown:
		return "'to' parameter is not a valid address. please check documentation"
	case given.Get("text")+given.Get("html") == "":
		return "Need at least one of 'text' or 'html' parameters specified"
	}
	return ""
}

// mailgunMail takes a mail for one recipient, or not.
func (s *Server) mailgunMail(w http.ResponseWriter, r *http.Request) {
	given, err := mailgunGiven(r)
	if err != nil {
		answer(w, http.StatusBadRequest, map[string]any{"message": "the form can't be read"})
		return
	}
	to := addressOf(given.Get("to"))
	m := Message{To: to, Text: strings.TrimSpace(given.Get("subject") + " " + given.Get("text"))}
	refuse := func(status int, message string) {
		m.Refused = fmt.Sprint(status)
		s.tell(m)
		answer(w, status, map[string]any{"message": message})
	}
	if wrong := mailgunWrong(given); wrong != "" {
		refuse(http.StatusBadRequest, wrong)
		return
	}
	if s.mailTooFast(to) {
		w.Header().Set("Retry-After", "1")
		refuse(http.StatusTooManyRequests, "Too many requests")
		return
	}
	s.tell(m)
	id := fmt.Sprintf("20261121090000.1.FAKE%012d@%s", s.ids.Add(1), r.PathValue("domain"))
	variables := map[string]string{}
	for name := range given {
		if variable, is := strings.CutPrefix(name, "v:"); is {
			variables[variable] = given.Get(name)
		}
	}
	event := func(name string, more map[string]any) map[string]any {
		said := map[string]any{
			"event": name, "timestamp": float64(s.o.Clock.Now().UnixMilli()) / 1000, "recipient": to, "user-variables": variables,
			"message": map[string]any{"headers": map[string]any{"message-id": id, "to": given.Get("to"), "from": given.Get("from")}},
		}
		for name, value := range more {
			said[name] = value
		}
		return said
	}
	s.keepMail("accepted "+to, event("accepted", nil))
	answer(w, http.StatusOK, map[string]any{"id": "<" + id + ">", "message": "Queued. Thank you."})
	for _, end := range mailEnds(mailFate(to)) {
		s.mailgunPost(map[mailEnd]map[string]any{
			mailDelivered: event("delivered", map[string]any{"delivery-status": map[string]any{"code": 250, "message": "OK"}}),
			mailBounced: event("failed", map[string]any{"severity": "permanent", "reason": "bounce", "delivery-status": map[string]any{
				"code": 550, "enhanced-code": "5.1.1", "message": "5.1.1 The email account that you tried to reach does not exist.",
			}}),
			mailComplained: event("complained", nil),
		}[end])
	}
}

// mailgunPost posts an event, with a signature that stands beside it.
func (s *Server) mailgunPost(event map[string]any) {
	stamp, token := fmt.Sprint(s.o.Clock.Now().Unix()), strings.ToLower(rand.Text())
	mac := hmac.New(sha256.New, []byte(s.o.Secret))
	mac.Write([]byte(stamp + token))
	body, err := json.Marshal(map[string]any{
		"signature":  map[string]any{"timestamp": stamp, "token": token, "signature": hex.EncodeToString(mac.Sum(nil))},
		"event-data": event,
	})
	if err != nil {
		return
	}
	s.reportLater(report{http.Header{"Content-Type": {"application/json"}}, body})
}
