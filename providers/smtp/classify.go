package smtp

import (
	"fmt"
	"slices"
	"strings"

	"carillon/providers"
	"carillon/providers/mail"
	"carillon/providers/mailbox"
)

// classify turns a refusal into an error. Words that are known come first, then
// the enhanced code (RFC 3463, RFC 5248), then where it was said: what is refused
// before RCPT, or of MAIL, is refused whoever is written to.
func classify(at stage, r reply) *providers.Error {
	e := &providers.Error{Code: fmt.Sprint(r.code), Err: refusedAt(at, r)}
	if code := r.enhanced(); code != "" {
		e.Code += " " + code
	}
	switch {
	case r.code/100 != 4 && r.code/100 != 5:
		// Neither yes nor no: the conversation is out of step.
		e.Kind = providers.ErrorTemporary
		if at == body {
			e.Kind = providers.ErrorInDoubt
		}
	default:
		if kind, known := knownWords(at, r); known {
			e.Kind = kind
		} else if r.code/100 == 4 {
			e.Kind = temporaryKind(r)
		} else {
			e.Kind = permanentKind(at, r)
		}
	}
	if e.Kind == providers.ErrorRecipient {
		e.Bounce = mail.BounceOf(r.enhanced())
	}
	e.Mailbox = paces(e, at, r)
	return e
}

// paces reports whether a refusal is of who is too fast for what goes to a recipient, as far as code
// and place say: a server that has not seen before who writes to whom (greylisting) is not.
func paces(e *providers.Error, at stage, r reply) bool {
	return (at == recipient || at == content || at == body) && (e.Kind == providers.ErrorThrottled ||
		e.Kind == providers.ErrorTemporary && strings.HasPrefix(r.enhanced(), "4.7.") && !strings.Contains(strings.ToLower(r.text), "listed"))
}

// toMailbox is a failure of a message to an address at a domain: it is of the recipient's mailbox
// provider if that speaks, whose words the server hands on.
func (p *Provider) toMailbox(e *providers.Error, domain string) *providers.Error {
	if !e.Mailbox {
		return e
	}
	own := *e // others may have the same one
	own.Mailbox = mailbox.Speaks(e.Err.Error(), domain, p.config.Host)
	return &own
}

func refusedAt(at stage, r reply) error { return fmt.Errorf("%s was answered %q", at, r.String()) }

// knownWords looks a refusal up in the table of what servers say.
func knownWords(at stage, r reply) (providers.ErrorKind, bool) {
	text := strings.ToLower(r.text)
	for _, w := range wordings {
		if w.class != 0 && w.class != r.code/100 || w.at != nil && !slices.Contains(w.at, at) {
			continue
		}
		if strings.Contains(text, w.words) {
			return w.kind, true
		}
	}
	return "", false
}

func temporaryKind(r reply) providers.ErrorKind {
	code := r.enhanced()
	switch {
	case strings.HasPrefix(code, "4.2."), code == "4.1.1":
		// The recipient's mailbox, whatever it says of speed: others are not meant.
		return providers.ErrorRecipientBusy
	case code == "4.7.28": // Gmail's "unusual rate"
		return providers.ErrorThrottled
	case code == "4.7.0" && r.code == 421:
		// Of all its reasons only 421 (the server closes the door) is about speed.
		return providers.ErrorThrottled
	}
	text := strings.ToLower(r.text)
	for _, words := range tooFast {
		if strings.Contains(text, words) {
			return providers.ErrorThrottled
		}
	}
	return providers.ErrorTemporary
}

// codeKinds are the enhanced codes of permanent refusals that mean one thing
// wherever they are said. RFC 3463: 5.1.7 and 5.1.8 are a sender's address, 5.3.4
// a size; RFC 7372: 5.7.20 to 5.7.26 are its domain's signatures and entries,
// 5.7.25 our address's name. 5.4.5 is what Gmail says of quotas, 5.7.57 and
// 5.7.60 what Exchange says of who is signed in, 5.7.5nn to 5.7.7nn of whom it
// has blocked.
var codeKinds = map[string]providers.ErrorKind{
	"5.1.7": providers.ErrorSender, "5.1.8": providers.ErrorSender,
	"5.3.4": providers.ErrorContent,
	"5.4.5": providers.ErrorQuota,
	"5.7.8": providers.ErrorAuth, "5.7.57": providers.ErrorAuth, "5.7.139": providers.ErrorAuth,
	"5.7.20": providers.ErrorSender, "5.7.21": providers.ErrorSender, "5.7.22": providers.ErrorSender, "5.7.23": providers.ErrorSender,
	"5.7.24": providers.ErrorSender, "5.7.25": providers.ErrorAccount, "5.7.26": providers.ErrorSender, "5.7.27": providers.ErrorSender,
	"5.7.30": providers.ErrorSender,
	"5.7.60": providers.ErrorSender, "5.7.750": providers.ErrorSender,
	"5.7.501": providers.ErrorAccount, "5.7.502": providers.ErrorAccount, "5.7.503": providers.ErrorAccount, "5.7.511": providers.ErrorAccount,
	"5.7.705": providers.ErrorAccount, "5.7.708": providers.ErrorAccount,
}

func permanentKind(at stage, r reply) providers.ErrorKind {
	switch r.code {
	case 530, 534, 535, 538:
		return providers.ErrorAuth
	}
	code := r.enhanced()
	if kind, known := codeKinds[code]; known {
		return kind
	}
	switch at {
	case greeting, hello, encrypt, reset:
		// Nothing about a message was said yet: the server won't have us.
		return providers.ErrorAccount
	case signIn:
		return providers.ErrorAuth
	case sender:
		return senderKind(r.code, code)
	case recipient:
		return recipientKind(r.code, code)
	}
	if strings.HasPrefix(code, "5.1.1") || code == "5.1.6" || strings.HasPrefix(code, "5.2.") {
		// Some servers look at the recipient only after the message.
		return providers.ErrorRecipient
	}
	return providers.ErrorContent
}

// senderKind is what a refusal of MAIL means. The sender is the same for every
// message, but its size and its need of SMTPUTF8 are not.
func senderKind(code int, enhanced string) providers.ErrorKind {
	switch {
	case enhanced == "5.7.0", enhanced == "5.7.9":
		return providers.ErrorAuth
	case code == 552, code == 555, code == 500, code == 501 && !strings.HasPrefix(enhanced, "5.1."), code == 503, code == 504,
		enhanced == "5.6.7": // SMTPUTF8 is needed and was not asked for (RFC 6531)
		return providers.ErrorContent
	}
	return providers.ErrorSender
}

func recipientKind(code int, enhanced string) providers.ErrorKind {
	switch {
	case enhanced == "5.7.0", enhanced == "5.7.9":
		return providers.ErrorAuth
	case code == 552 && enhanced != "5.2.2", enhanced == "5.6.0",
		code == 503, code == 500, code == 501 && !strings.HasPrefix(enhanced, "5.1."), code == 502, code == 555:
		return providers.ErrorContent
	}
	return providers.ErrorRecipient
}
