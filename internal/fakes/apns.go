package fakes

import (
	"encoding/json"
	"net/http"
	"strings"
)

// APNs starts a fake of Apple's push service, over HTTP/2 without TLS. It takes any key and topic,
// and reports nothing, as Apple does.
func APNs(o Options) (*Server, error) {
	return start(o, func(s *Server) http.Handler {
		mux := http.NewServeMux()
		mux.HandleFunc("POST /3/device/{device}", s.apnsNotification)
		return mux
	})
}

// apnsNotification takes a notification, or not.
func (s *Server) apnsNotification(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		APS struct {
			Alert struct{ Title, Body string }
		}
	}
	device := r.PathValue("device")
	fate := fateOf(device)
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "bearer ")
	err := json.NewDecoder(r.Body).Decode(&asked)
	m := Message{To: device, Text: strings.TrimSpace(asked.APS.Alert.Title + " " + asked.APS.Alert.Body)}
	refuse := func(status int, reason string) {
		m.Refused = reason
		s.tell(m)
		answer(w, status, map[string]any{"reason": reason})
	}
	switch {
	case r.ProtoMajor != 2:
		http.Error(w, "Apple speaks HTTP/2 alone", http.StatusHTTPVersionNotSupported)
	case strings.Count(token, ".") != 2:
		refuse(http.StatusForbidden, "MissingProviderToken")
	case r.Header.Get("Apns-Topic") == "":
		refuse(http.StatusBadRequest, "MissingTopic")
	case strings.Trim(device, "0") == "":
		refuse(http.StatusBadRequest, "BadDeviceToken")
	case err != nil:
		refuse(http.StatusBadRequest, "PayloadEmpty")
	case fate == Unknown:
		refuse(http.StatusGone, "Unregistered")
	case fate == Throttled && s.hurried(device):
		refuse(http.StatusTooManyRequests, "TooManyRequests")
	default:
		s.tell(m)
		w.Header().Set("Apns-Id", r.Header.Get("Apns-Id"))
	}
}
