package fakes

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"carillon/internal/clock"
)

// instagramAccount is the account that the fake of Instagram plays.
const instagramAccount = "17841400000000000"

// Messenger starts a fake of Facebook Messenger. It takes any access token and page.
func Messenger(o Options) (*Server, error) {
	return start(o, func(s *Server) http.Handler { return s.sendAPI("page") })
}

// Instagram starts a fake of Instagram's messages, with the account 17841400000000000. It takes any
// access token.
func Instagram(o Options) (*Server, error) {
	return start(o, func(s *Server) http.Handler { return s.sendAPI("instagram") })
}

// sendAPI plays Meta's Send API for an object: a page, or instagram.
func (s *Server) sendAPI(object string) http.Handler {
	mux := http.NewServeMux()
	s.writes = func(sender, from, text string, at time.Time) {
		s.sendAPIReport(object, sender, from, map[string]any{
			"timestamp": at.UnixMilli(), "message": map[string]any{"mid": fmt.Sprintf("m_FROM%012d", s.ids.Add(1)), "text": text},
		})
	}
	mux.HandleFunc("POST /written", s.written)
	mux.HandleFunc("POST /{version}/{sender}/messages", func(w http.ResponseWriter, r *http.Request) { s.sendAPIMessage(object, w, r) })
	mux.HandleFunc("GET /{version}/{sender}", func(w http.ResponseWriter, r *http.Request) {
		answer(w, http.StatusOK, map[string]any{"id": senderOf(r), "name": "News"})
	})
	return bearer(mux)
}

// windows are for how long after somebody has written a page or an account may write to them, by
// the tag.
var windows = map[string]time.Duration{"": replyWindow, "HUMAN_AGENT": humanWindow}

// outsideWindow is with which subcode Meta refuses what is outside of the window.
var outsideWindow = map[string]int{"page": 2018278, "instagram": 2534022}

// senderOf is the page or account that a request is about.
func senderOf(r *http.Request) string {
	if sender := r.PathValue("sender"); sender != "me" {
		return sender
	}
	return instagramAccount
}

// sendAPIMessage takes a message, or not.
func (s *Server) sendAPIMessage(object string, w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Recipient struct {
			ID string `json:"id"`
		} `json:"recipient"`
		Tag     string `json:"tag"`
		Message struct {
			Text       string          `json:"text"`
			Attachment json.RawMessage `json:"attachment"`
		} `json:"message"`
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || asked.Recipient.ID == "" || asked.Message.Text == "" && asked.Message.Attachment == nil {
		refuseSendAPI(w, 100, 0, "Invalid parameter")
		return
	}
	to := asked.Recipient.ID
	m := Message{To: to, Text: asked.Message.Text + string(asked.Message.Attachment)}
	refuse := func(code, subcode int, message string) {
		m.Refused = fmt.Sprint(code)
		s.tell(m)
		refuseSendAPI(w, code, subcode, message)
	}
	fate := fateOf(to)
	switch {
	case fate == Unknown:
		refuse(100, 2018001, "No matching user found")
		return
	case asked.Tag != "" && asked.Tag != "HUMAN_AGENT": // Meta has had others
		refuse(100, 0, "Invalid parameter")
		return
	case asked.Tag == "" && fate == Closed || !s.wroteSince(senderOf(r), to, windows[asked.Tag]):
		refuse(10, outsideWindow[object], "This message is sent outside of allowed window.")
		return
	case fate == Throttled && s.hurried(to):
		refuse(613, 0, "Calls to this api have exceeded the rate limit.")
		return
	}
	s.tell(m)
	id := fmt.Sprintf("m_FAKE%012d", s.ids.Add(1))
	answer(w, http.StatusOK, map[string]any{"recipient_id": to, "message_id": id})
	now := clock.System{}.Now().UnixMilli()
	switch {
	case fate == Silent:
	case object == "page":
		s.sendAPIReport(object, senderOf(r), to, map[string]any{"delivery": map[string]any{"mids": []string{id}, "watermark": now}})
	default:
		s.sendAPIReport(object, senderOf(r), to, map[string]any{"timestamp": now, "read": map[string]any{"mid": id}})
	}
}

// refuseSendAPI refuses as Meta does.
func refuseSendAPI(w http.ResponseWriter, code, subcode int, message string) {
	problem := map[string]any{"message": fmt.Sprintf("(#%d) %s", code, message), "type": "OAuthException", "code": code}
	if subcode != 0 {
		problem["error_subcode"] = subcode
	}
	answer(w, http.StatusBadRequest, map[string]any{"error": problem})
}

// sendAPIReport reports what happened between a sender and somebody.
func (s *Server) sendAPIReport(object, sender, who string, said map[string]any) {
	said["sender"], said["recipient"] = map[string]any{"id": who}, map[string]any{"id": sender}
	body, err := json.Marshal(map[string]any{"object": object, "entry": []any{map[string]any{"id": sender, "messaging": []any{said}}}})
	if err != nil {
		return
	}
	mac := hmac.New(sha256.New, []byte(s.o.Secret))
	mac.Write(body)
	s.reportLater(report{http.Header{
		"Content-Type": {"application/json"}, "X-Hub-Signature-256": {"sha256=" + hex.EncodeToString(mac.Sum(nil))},
	}, body})
}
