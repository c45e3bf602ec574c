package fakes

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// FCM starts a fake of Firebase Cloud Messaging, and of where Google sells access tokens (/token).
// It takes any service account and project, and reports nothing, as Google does.
func FCM(o Options) (*Server, error) {
	return start(o, func(s *Server) http.Handler {
		mux := http.NewServeMux()
		mux.HandleFunc("POST /token", s.fcmToken)
		mux.HandleFunc("POST /v1/projects/{project}/messages:send", s.fcmMessage)
		return mux
	})
}

// fcmAccess begins the access tokens that are sold.
const fcmAccess = "ya29.FAKE"

// fcmToken sells an access token for what an account's key has signed.
func (s *Server) fcmToken(w http.ResponseWriter, r *http.Request) {
	if r.PostFormValue("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" || strings.Count(r.PostFormValue("assertion"), ".") != 2 {
		answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant", "error_description": "Invalid JWT Signature."})
		return
	}
	answer(w, http.StatusOK, map[string]any{"access_token": fmt.Sprintf("%s%012d", fcmAccess, s.ids.Add(1)), "expires_in": 3599, "token_type": "Bearer"})
}

// fcmRefusal is how Google refuses; code is Firebase's own.
type fcmRefusal struct {
	status              int
	word, code, message string
}

// answer answers with it.
func (f fcmRefusal) answer(w http.ResponseWriter) {
	answer(w, f.status, map[string]any{"error": map[string]any{"code": f.status, "message": f.message, "status": f.word, "details": []any{
		map[string]any{"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": f.code},
	}}})
}

// fcmMessage takes a notification, or not.
func (s *Server) fcmMessage(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		ValidateOnly bool `json:"validate_only"`
		Message      struct {
			Token        string `json:"token"`
			Topic        string `json:"topic"`
			Notification struct {
				Title string `json:"title"`
				Body  string `json:"body"`
			} `json:"notification"`
		} `json:"message"`
	}
	err := json.NewDecoder(r.Body).Decode(&asked)
	to := asked.Message.Token
	m := Message{To: to, Text: strings.TrimSpace(asked.Message.Notification.Title + " " + asked.Message.Notification.Body)}
	refuse := func(status int, word, code, message string) {
		m.Refused = code
		s.tell(m)
		fcmRefusal{status, word, code, message}.answer(w)
	}
	name := func(id string) {
		answer(w, http.StatusOK, map[string]any{"name": "projects/" + r.PathValue("project") + "/messages/" + id})
	}
	switch fate := fateOf(to); {
	case !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer "+fcmAccess):
		refuse(http.StatusUnauthorized, "UNAUTHENTICATED", "UNAUTHENTICATED", "Request had invalid authentication credentials.")
	case err != nil, to == "" && asked.Message.Topic == "":
		refuse(http.StatusBadRequest, "INVALID_ARGUMENT", "INVALID_ARGUMENT", "Recipient of the message is not set.")
	case asked.ValidateOnly:
		name("fake_message_id")
	case fate == Unknown:
		refuse(http.StatusNotFound, "NOT_FOUND", "UNREGISTERED", "Requested entity was not found.")
	case fate == Closed:
		refuse(http.StatusForbidden, "PERMISSION_DENIED", "SENDER_ID_MISMATCH", "SenderId mismatch")
	case fate == Throttled && s.hurried(to):
		w.Header().Set("Retry-After", "1")
		refuse(http.StatusTooManyRequests, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", "Quota exceeded.")
	default:
		s.tell(m)
		name(fmt.Sprintf("0:FAKE%016d", s.ids.Add(1)))
	}
}
