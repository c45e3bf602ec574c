package sandbox

import (
	"strconv"
	"strings"
	"time"

	"carillon/providers"
)

// reply is what somebody writes back to a message, if anything.
func (p *Provider) reply(m providers.Message) []planned[providers.Reply] {
	if p.replies == nil {
		return nil
	}
	said, fits := m.Content.Subject+"\n"+m.Content.Text, ""
	texts := p.config.Replies[fits]
	for part, of := range p.config.Replies {
		// Of two of one length the first by the alphabet counts.
		if strings.Contains(said, part) && (len(part) > len(fits) || len(part) == len(fits) && part < fits) {
			fits, texts = part, of
		}
	}
	if len(texts) == 0 {
		return nil
	}
	text := texts[int(p.draw(m, "reply", "")*float64(len(texts)))]
	if text == "" {
		return nil
	}
	return []planned[providers.Reply]{{time.Duration(p.config.ReplyDelayMS) * time.Millisecond, func(at time.Time) providers.Reply {
		// The same message is answered once, however often it is sent.
		return providers.Reply{ID: "sandbox-" + strconv.FormatInt(m.ID, 10), From: m.To, Text: text, At: at}
	}}}
}
