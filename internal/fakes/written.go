package fakes

import (
	"net/http"
	"strings"
	"time"
)

// For how long after somebody has written Meta lets its channels write to them: anything, and what
// a person writes.
const (
	replyWindow = 24 * time.Hour
	humanWindow = 7 * 24 * time.Hour
)

// conversation is somebody and the number, page or account that they write to, digits both.
type conversation struct{ to, from string }

// written has somebody write, as a fake of Meta's or Telegram's.
func (s *Server) written(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	from, to := strings.TrimPrefix(query.Get("from"), "+"), query.Get("to")
	if !allDigits(from) || !allDigits(to) {
		http.Error(w, "from must be a telephone number or an id, and to the id of the number, page, account or bot that they write to: digits", http.StatusBadRequest)
		return
	}
	s.Write(to, from, query.Get("text"))
	w.WriteHeader(http.StatusNoContent)
}

func allDigits(text string) bool {
	return text != "" && len(text) <= 32 && strings.Trim(text, "0123456789") == ""
}

// Write has somebody write to a number of WhatsApp, a page, an account of Instagram's or a bot of
// Telegram's, by its id; from then on Meta lets them be sent anything for a day. A fake remembers 100,000 of them at most.
func (s *Server) Write(to, from, text string) {
	at := s.o.Clock.Now()
	s.mu.Lock()
	if len(s.wrote) >= maxKnown {
		clear(s.wrote)
	}
	if who := (conversation{to, from}); at.After(s.wrote[who]) {
		s.wrote[who] = at
	}
	s.mu.Unlock()
	s.writes(to, from, text, at)
}

// wroteSince reports whether somebody has written to a number, page or account within a time.
func (s *Server) wroteSince(to, from string, within time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, wrote := s.wrote[conversation{to, strings.TrimPrefix(from, "+")}]
	return wrote && s.o.Clock.Now().Sub(at) < within
}
