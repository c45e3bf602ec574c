package fakes

import (
	"net/mail"
	"strings"
)

// mailFate is what becomes of a mail: by what stands before the @ of its recipient's address.
func mailFate(address string) Fate {
	local, _, _ := strings.Cut(address, "@")
	return fateOf(local)
}

// addressOf is the one in a text such as "Zoë" <zoe@example.com>; empty if there is none.
func addressOf(text string) string {
	a, err := mail.ParseAddress(text)
	if err != nil {
		return ""
	}
	return a.Address
}

// mailEnd is what is reported of a mail that was taken.
type mailEnd int

const (
	mailDelivered mailEnd = iota
	mailBounced
	mailComplained
)

// mailEnds are what is reported of mails of a fate, one after the other.
func mailEnds(fate Fate) []mailEnd {
	switch fate {
	case Silent:
		return nil
	case Returned:
		return []mailEnd{mailBounced}
	case Complained:
		return []mailEnd{mailDelivered, mailComplained}
	}
	return []mailEnd{mailDelivered}
}

// mailTooFast reports whether a mail is to be refused as too fast.
func (s *Server) mailTooFast(address string) bool {
	return mailFate(address) == Throttled && s.hurried(address)
}

// keepMail remembers what is told of a mail to who asks for a key. A fake remembers 100,000 keys.
func (s *Server) keepMail(key string, told any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.mails) >= maxKnown {
		clear(s.mails)
	}
	s.mails[key] = append(s.mails[key], told)
}

// mailsOf are what was kept for a key.
func (s *Server) mailsOf(key string) []any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]any{}, s.mails[key]...)
}
