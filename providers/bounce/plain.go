package bounce

import (
	"regexp"
	"strings"
)

// The beginning of what qmail says, by which its bounces are known
// (https://cr.yp.to/proto/qsbmf.txt).
const qmail = "Hi. This is the"

// copied are lines below which a bounce of old has a copy of the message: of qmail, and of
// Exim, Sendmail and others.
var copied = []string{
	"--- Below this line is a copy of the message", "------ This is a copy of", "----- Original message", "----- Unsent message follows",
	"--- The header of the original message", "Received: ", "Return-Path: ",
}

// replied is a server's reply in a text, with its code.
var replied = regexp.MustCompile(`(?:^|[\s(:#])([45][0-5][0-9])[\s-]`)

// plain reads a bounce of old: a text for people, and our message below it. Who is away answers
// in the same way, so that only what a mail server wrote counts, and of it only what says that
// it has given up.
func (r *reader) plain(m *Mail) {
	said, original := r.parted()
	m.Marks = append(m.Marks, Marks([]byte(original))...)
	m.Marks = append(m.Marks, Marks(headerOf(r.original))...)
	if !r.byServer(said) || r.delays(said) {
		return
	}
	d := Delivery{Action: Failed, Status: codeIn(said), Said: reasonIn(said)}
	if d.Status == "" && d.Said == "" && r.header.Get("X-Failed-Recipients") == "" {
		return // nothing says that it failed
	}
	if strings.HasPrefix(d.Status, "2") {
		return
	}
	m.Deliveries = []Delivery{d}
}

// parted parts the text into what the server says and the copy of the message.
func (r *reader) parted() (said, original string) {
	text := strings.ReplaceAll(string(r.text), "\r\n", "\n")
	end := len(text)
	for _, mark := range copied {
		if i := strings.Index("\n"+text, "\n"+mark); i >= 0 {
			end = min(end, i)
		}
	}
	return text[:end], text[end:]
}

// byServer reports whether a mail server wrote a mail: it says so, or its sender's name does.
func (r *reader) byServer(said string) bool {
	if strings.HasPrefix(strings.TrimSpace(said), qmail) || r.header.Get("X-Failed-Recipients") != "" {
		return true
	}
	from := strings.ToLower(r.header.Get("From"))
	if i := strings.LastIndex(from, "<"); i >= 0 {
		from = from[i+1:]
	}
	name, _, _ := strings.Cut(strings.TrimSpace(from), "@")
	return name == "mailer-daemon" || name == "postmaster"
}

// delays reports whether a mail says that the message is tried again.
func (r *reader) delays(said string) bool {
	words := strings.ToLower(r.header.Get("Subject") + " " + said)
	for _, w := range []string{"delayed", "warning: could not send message for", "will be retried", "will be tried again", "you do not need to resend",
		"not been delivered yet", "no action is required on your part"} {
		if strings.Contains(words, w) {
			return true
		}
	}
	return false
}

// reasonIn is the paragraph of a bounce that gives the reason: the one with a code.
func reasonIn(said string) string {
	for paragraph := range strings.SplitSeq(said, "\n\n") {
		if codeIn(paragraph) == "" && !replied.MatchString(paragraph) {
			continue
		}
		reason := strings.Join(strings.Fields(paragraph), " ")
		if at := replied.FindStringSubmatchIndex(reason); at != nil {
			return reason[at[2]:] // from the reply on
		}
		return reason
	}
	return ""
}
