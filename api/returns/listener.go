// Package returns owns the conversation with mail servers that hand over what came back. It takes
// mail to addresses that messages come back to and to no other, keeps none of it, and must not
// know what a mail says.
package returns

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"time"

	"github.com/emersion/go-smtp"
	"golang.org/x/net/netutil"

	"carillon/internal/fault"
	"carillon/providers/bounce"
)

// Bounds of the listener: a report is about one message, and a mail server has few at once.
const (
	mostConnections = 20
	mostRecipients  = 50
	// patience is for how long a mail server may be silent.
	patience = time.Minute
)

// Office knows the addresses and takes the mails; *api.Server does.
type Office interface {
	// Expects returns nil for an address that something may come back to. It is NotFound for
	// any other, and has another code while that can't be told.
	Expects(ctx context.Context, address string) error
	// Returned takes a mail that came to such an address; it is Invalid where the mail can't be
	// read.
	Returned(ctx context.Context, address string, mail []byte) error
}

// Listener speaks SMTP.
type Listener struct {
	server *smtp.Server
	on     *cutting
	done   chan error
	// life is that of what is asked of the office.
	life context.Context
	end  context.CancelFunc
}

// Serve answers on an open port until Stop is called.
func Serve(on net.Listener, office Office, log *slog.Logger) *Listener {
	l := &Listener{on: &cutting{Listener: on, open: map[*cuttable]struct{}{}}, done: make(chan error, 1)}
	l.life, l.end = context.WithCancel(context.Background())
	l.server = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		return &session{life: l.life, office: office, log: log}, nil
	}))
	l.server.Domain = "carillon"
	l.server.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelDebug)
	l.server.MaxMessageBytes, l.server.MaxRecipients = bounce.MaxMail, mostRecipients
	l.server.ReadTimeout, l.server.WriteTimeout = patience, patience
	l.server.EnableSMTPUTF8 = true // a report may be about an address that needs it
	go func() { l.done <- l.server.Serve(netutil.LimitListener(l.on, mostConnections)) }()
	return l
}

// Stop cuts the conversations off: a mail server that had no answer tries again. What is being
// taken is finished, for as long as the context lasts.
func (l *Listener) Stop(ctx context.Context) error {
	gone := make(chan error, 1)
	go func() { gone <- l.server.Shutdown(context.WithoutCancel(ctx)) }()
	l.on.cut()
	defer l.end()
	select {
	case err := <-gone:
		return errors.Join(err, <-l.done)
	case <-ctx.Done():
		l.end()
		return errors.Join(ctx.Err(), <-gone, <-l.done)
	}
}

// session is one conversation.
type session struct {
	life   context.Context
	office Office
	log    *slog.Logger
	to     []string
}

// Mail takes every sender: reports have none, and who else writes is nobody's.
func (s *session) Mail(string, *smtp.MailOptions) error { return nil }

// Rcpt takes what something may come back to.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if err := s.office.Expects(s.life, to); err != nil {
		return s.answer(err)
	}
	s.to = append(s.to, to)
	return nil
}

// Data takes a mail, for all of its recipients or, as far as the mail server learns, for none:
// what comes again changes nothing.
func (s *session) Data(r io.Reader) error {
	var mail bytes.Buffer
	if _, err := mail.ReadFrom(r); err != nil {
		return err // too large, which has its own reply, or the connection is lost
	}
	for _, to := range s.to {
		if err := s.office.Returned(s.life, to, mail.Bytes()); err != nil {
			return s.answer(err)
		}
	}
	return nil
}

// Reset forgets the recipients.
func (s *session) Reset() { s.to = nil }

// Logout ends the conversation.
func (s *session) Logout() error { return nil }

// answer is the reply to what could not be taken: a mail server tries again where that may help.
func (s *session) answer(err error) error {
	switch {
	case fault.Is(err, fault.NotFound):
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "nothing comes back to this address"}
	case fault.Is(err, fault.Invalid):
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: "this is no mail that can be read"}
	}
	s.log.Error("a mail that came back could not be taken", "error", err)
	return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "try again later"}
}
