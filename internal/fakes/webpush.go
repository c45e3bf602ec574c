package fakes

import (
	"crypto/ecdh"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// WebPush starts a fake of a push service, and of browsers that have subscribed at it:
// /subscriptions/{number} is the subscription of one, whose keys are made from the secret. It takes
// the key of any site, and reports nothing, as push services do.
func WebPush(o Options) (*Server, error) {
	return start(o, func(s *Server) http.Handler {
		mux := http.NewServeMux()
		mux.HandleFunc("GET /subscriptions/{number}", s.webPushSubscription)
		mux.HandleFunc("POST /push/{number}", s.webPushMessage)
		return mux
	})
}

// webPushRecord is what a push service takes, in bytes (RFC 8030, 7.2).
const webPushRecord = 4096

// webPushKeys are a browser's, by the number of its subscription.
func (s *Server) webPushKeys(number string) (key *ecdh.PrivateKey, auth []byte, err error) {
	private, secret := sha256.Sum256([]byte(s.o.Secret+" key "+number)), sha256.Sum256([]byte(s.o.Secret+" auth "+number))
	key, err = ecdh.P256().NewPrivateKey(private[:])
	return key, secret[:16], err
}

// webPushSubscription says the subscription of a browser, as JSON of which it is the same text each
// time.
func (s *Server) webPushSubscription(w http.ResponseWriter, r *http.Request) {
	number := r.PathValue("number")
	key, auth, err := s.webPushKeys(number)
	if err != nil || !allDigits(number) {
		http.Error(w, "a subscription has a number, such as /subscriptions/10", http.StatusNotFound)
		return
	}
	encode := base64.RawURLEncoding.EncodeToString
	answer(w, http.StatusOK, map[string]any{
		"endpoint": "http://" + r.Host + "/push/" + number, "keys": map[string]any{"p256dh": encode(key.PublicKey().Bytes()), "auth": encode(auth)},
	})
}

// webPushMessage takes a message, or not, and reads it as the browser does.
func (s *Server) webPushMessage(w http.ResponseWriter, r *http.Request) {
	number := r.PathValue("number")
	m := Message{To: number}
	refuse := func(status int, words string) {
		m.Refused = strconv.Itoa(status)
		s.tell(m)
		http.Error(w, words, status)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // who asked has left
	}
	ttl, err := strconv.Atoi(r.Header.Get("Ttl"))
	_, problem := SignedBy(r.Header.Get("Authorization"), "http://"+r.Host, s.o.Clock.Now())
	switch fate := fateOf(number); {
	case err != nil || ttl < 0:
		refuse(http.StatusBadRequest, "missing TTL")
		return
	case len(body) > webPushRecord:
		refuse(http.StatusRequestEntityTooLarge, "payload too large")
		return
	case problem != "":
		refuse(http.StatusForbidden, "invalid JWT provided: "+problem)
		return
	case fate == Unknown:
		refuse(http.StatusGone, "push subscription has unsubscribed or expired.")
		return
	case fate == Throttled && s.hurried(number):
		w.Header().Set("Retry-After", "1")
		refuse(http.StatusTooManyRequests, "too many requests")
		return
	}
	shown, err := s.webPushShown(number, body)
	if err != nil || r.Header.Get("Content-Encoding") != "aes128gcm" {
		refuse(http.StatusBadRequest, "the browser can't read the message: it is encrypted for other keys")
		return
	}
	m.Text = shown
	s.tell(m)
	w.Header().Set("Location", fmt.Sprintf("http://%s/message/%d", r.Host, s.ids.Add(1)))
	w.WriteHeader(http.StatusCreated)
}

// webPushShown is what a browser reads of a message.
func (s *Server) webPushShown(number string, body []byte) (string, error) {
	key, auth, err := s.webPushKeys(number)
	if err != nil {
		return "", err
	}
	encode := base64.RawURLEncoding.EncodeToString
	text, err := Unseal(encode(key.Bytes()), encode(auth), body)
	return string(text), err
}
