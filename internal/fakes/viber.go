package fakes

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"

	"carillon/internal/clock"
)

// Viber starts a fake of Viber's REST Bot API. The secret is the bot's token.
func Viber(o Options) (*Server, error) {
	return start(o, func(s *Server) http.Handler {
		mux := http.NewServeMux()
		mux.HandleFunc("POST /pa/send_message", s.viberMessage)
		mux.HandleFunc("POST /pa/get_account_info", func(w http.ResponseWriter, _ *http.Request) { answerViber(w, 0, "ok", nil) })
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X-Viber-Auth-Token") != o.Secret {
				answerViber(w, 2, "invalidAuthToken", nil)
				return
			}
			mux.ServeHTTP(w, r)
		})
	})
}

// answerViber answers as Viber does: with 200, whatever it says.
func answerViber(w http.ResponseWriter, status int, words string, more map[string]any) {
	said := map[string]any{"status": status, "status_message": words}
	for name, value := range more {
		said[name] = value
	}
	answer(w, http.StatusOK, said)
}

// viberMessage takes a message, or not.
func (s *Server) viberMessage(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Receiver string `json:"receiver"`
		Type     string `json:"type"`
		Text     string `json:"text"`
		Sender   struct {
			Name string `json:"name"`
		} `json:"sender"`
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || asked.Receiver == "" || asked.Type == "" || asked.Sender.Name == "" {
		answerViber(w, 3, "badData", nil)
		return
	}
	m := Message{To: asked.Receiver, Text: asked.Type + " " + asked.Text}
	fate := fateOf(asked.Receiver)
	if fate == Unknown {
		m.Refused = "6"
		s.tell(m)
		answerViber(w, 6, "receiverNotSubscribed", nil)
		return
	}
	s.tell(m)
	id := 4_912_661_840_000_000_000 + s.ids.Add(1)
	answerViber(w, 0, "ok", map[string]any{"message_token": id, "chat_hostname": "SN-CHAT-05_"})
	reports := []string{"delivered", "seen"}
	switch fate {
	case Silent:
		return
	case Returned:
		reports = []string{"failed"}
	}
	for _, event := range reports {
		s.viberReport(map[string]any{
			"event": event, "timestamp": clock.System{}.Now().UnixMilli(), "message_token": id, "user_id": asked.Receiver, "desc": fmt.Sprintf("played: %s", event),
		})
	}
}

// viberReport reports an event, signed with the token.
func (s *Server) viberReport(said map[string]any) {
	body, err := json.Marshal(said)
	if err != nil {
		return
	}
	mac := hmac.New(sha256.New, []byte(s.o.Secret))
	mac.Write(body)
	s.reportLater(report{http.Header{
		"Content-Type": {"application/json"}, "X-Viber-Content-Signature": {hex.EncodeToString(mac.Sum(nil))},
	}, body})
}
