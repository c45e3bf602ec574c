package fakes

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
)

// Twilio starts a fake of Twilio's Messages API. It takes any account and password, which must be
// there.
func Twilio(o Options) (*Server, error) {
	return start(o, func(s *Server) http.Handler {
		mux := http.NewServeMux()
		mux.HandleFunc("POST /2010-04-01/Accounts/{sid}/Messages.json", s.twilioMessage)
		mux.HandleFunc("GET /2010-04-01/Accounts/{file}", func(w http.ResponseWriter, r *http.Request) {
			answer(w, http.StatusOK, map[string]any{"sid": r.PathValue("file"), "status": "active"})
		})
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, password, ok := r.BasicAuth(); !ok || password == "" {
				refuseTwilio(w, http.StatusUnauthorized, 20003, "Authenticate")
				return
			}
			mux.ServeHTTP(w, r)
		})
	})
}

// refuseTwilio refuses as Twilio does.
func refuseTwilio(w http.ResponseWriter, status, code int, message string) {
	answer(w, status, map[string]any{
		"code": code, "message": message, "status": status, "more_info": fmt.Sprintf("https://www.twilio.com/docs/errors/%d", code),
	})
}

// twilioMessage takes a message, or not.
func (s *Server) twilioMessage(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil || r.PostForm.Get("To") == "" {
		refuseTwilio(w, http.StatusBadRequest, 21604, "A 'To' phone number is required")
		return
	}
	to := r.PostForm.Get("To")
	m := Message{To: to, Text: r.PostForm.Get("Body")}
	refuse := func(status, code int, message string) {
		m.Refused = fmt.Sprint(code)
		s.tell(m)
		refuseTwilio(w, status, code, message)
	}
	fate := fateOf(to)
	switch {
	case fate == Unknown:
		refuse(http.StatusBadRequest, 21614, "'To' number is not a valid mobile number")
		return
	case fate == Throttled && s.hurried(to):
		refuse(http.StatusTooManyRequests, 20429, "Too Many Requests")
		return
	}
	s.tell(m)
	id := fmt.Sprintf("SM%032x", s.ids.Add(1))
	answer(w, http.StatusCreated, map[string]any{"sid": id, "status": "queued", "to": to})
	address := r.PostForm.Get("StatusCallback")
	if address == "" || fate == Silent {
		return
	}
	last := url.Values{"MessageStatus": {"delivered"}}
	if fate == Returned {
		last = url.Values{"MessageStatus": {"undelivered"}, "ErrorCode": {"30003"}}
	}
	for _, form := range []url.Values{{"MessageStatus": {"sent"}}, last} {
		form.Set("MessageSid", id)
		form.Set("AccountSid", r.PathValue("sid"))
		form.Set("To", to)
		s.twilioStatus(address, form)
	}
}

// twilioStatus reports a status, signed for the address that was named.
func (s *Server) twilioStatus(address string, form url.Values) {
	mac := hmac.New(sha1.New, []byte(s.o.Secret))
	mac.Write([]byte(address))
	for _, name := range slices.Sorted(maps.Keys(form)) {
		mac.Write([]byte(name + form.Get(name)))
	}
	s.reportLater(report{http.Header{
		"Content-Type": {"application/x-www-form-urlencoded"}, "X-Twilio-Signature": {base64.StdEncoding.EncodeToString(mac.Sum(nil))},
	}, []byte(form.Encode())})
}
