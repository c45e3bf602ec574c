package trail

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/leodido/go-syslog/v4/rfc5424"

	"carillon/access"
	"carillon/internal/clock"
)

// The ways to a syslog receiver.
const (
	// Unix is a datagram socket of this machine, such as /dev/log.
	Unix = "unix"
	// UDP is RFC 5426.
	UDP = "udp"
	// TCP is RFC 6587, with octet counting.
	TCP = "tcp"
	// TLS is RFC 5425.
	TLS = "tls"
)

const (
	// mostSyslog is the longest message, in bytes: rsyslog cuts longer ones by default
	// (maxMessageSize). An entry that does not fit goes without its detail.
	mostSyslog = 8 << 10
	// syslogWithin bounds a batch, the connecting included, and closedWithin how long is waited
	// for the receiver to say that it has read all of it.
	syslogWithin, closedWithin = 30 * time.Second, 5 * time.Second
	// Facility 13 is the log audit, severity 5 a notice and 4 a warning (RFC 5424, 6.2.1).
	asNotice, asWarning = 13*8 + 5, 13*8 + 4
	// mostMessageID is how long a MSGID may be (RFC 5424, 6).
	mostMessageID = 32
)

// SyslogOptions say where a receiver is.
type SyslogOptions struct {
	// Way is one of the ways, Address a host:port, or the path of a socket.
	Way, Address string
	// Dial connects.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// TLS is for TLS alone.
	TLS *tls.Config
	// Host names this machine.
	Host  string
	Clock clock.Clock
}

// Syslog sends entries to a syslog receiver, as RFC 5424 has it: each a message whose text is
// the line of JSON.
type Syslog struct {
	o       SyslogOptions
	process string
}

// NewSyslog makes the target; nothing is opened until there is something to send.
func NewSyslog(o SyslogOptions) *Syslog { return &Syslog{o: o, process: strconv.Itoa(os.Getpid())} }

// Close does nothing: a connection lives for a batch.
func (s *Syslog) Close() error { return nil }

// Write sends the entries over a connection of their own. Where the way is a stream it returns
// when the receiver has closed its side, which it does once it has read all: syslog has no other
// word for that. A receiver that lets its side open for long is believed without it; a
// datagram is gone with nobody's word.
func (s *Syslog) Write(ctx context.Context, entries []access.AuditEntry) error {
	ctx, cancel := context.WithTimeout(ctx, syslogWithin)
	defer cancel()
	if err := s.write(ctx, entries); err != nil {
		return fmt.Errorf("audit_syslog: %w", err)
	}
	return nil
}

func (s *Syslog) write(ctx context.Context, entries []access.AuditEntry) error {
	connection, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = connection.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = connection.SetDeadline(time.Unix(1, 0)) }) // it is over
	defer stop()
	var stream bytes.Buffer
	for _, e := range entries {
		message, err := s.message(e)
		if err != nil {
			return err
		}
		if s.stream() {
			fmt.Fprintf(&stream, "%d %s", len(message), message)
		} else if _, err := connection.Write([]byte(message)); err != nil {
			return err
		}
	}
	if !s.stream() {
		return nil
	}
	if _, err := connection.Write(stream.Bytes()); err != nil {
		return err
	}
	return s.read(ctx, connection)
}

func (s *Syslog) stream() bool { return s.o.Way == TCP || s.o.Way == TLS }

func (s *Syslog) connect(ctx context.Context) (net.Conn, error) {
	network := map[string]string{Unix: "unixgram", UDP: "udp", TCP: "tcp", TLS: "tcp"}[s.o.Way]
	connection, err := s.o.Dial(ctx, network, s.o.Address)
	if err != nil || s.o.Way != TLS {
		return connection, err
	}
	secured := tls.Client(connection, s.o.TLS)
	if err := secured.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, connection.Close())
	}
	return secured, nil
}

// read ends our side and waits for the receiver to end its own. One that goes away with
// something unread resets the connection, which is an error.
func (s *Syslog) read(ctx context.Context, connection net.Conn) error {
	if half, ok := connection.(interface{ CloseWrite() error }); ok {
		if err := half.CloseWrite(); err != nil {
			return err
		}
	}
	if err := connection.SetReadDeadline(s.o.Clock.Now().Add(closedWithin)); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, connection)
	var timeout net.Error
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &timeout) && timeout.Timeout():
		return nil
	}
	return err
}

// message is an entry as RFC 5424 has it.
func (s *Syslog) message(e access.AuditEntry) (string, error) {
	line, err := encode(e)
	if err != nil {
		return "", err
	}
	message, err := s.format(e, line)
	if err != nil || len(message) <= mostSyslog {
		return message, err
	}
	e.Detail = map[string]any{"omitted_bytes": len(line)}
	if line, err = encode(e); err != nil {
		return "", err
	}
	return s.format(e, line)
}

func (s *Syslog) format(e access.AuditEntry, line []byte) (string, error) {
	priority := uint8(asNotice)
	if e.Refusal() {
		priority = asWarning
	}
	m := &rfc5424.SyslogMessage{}
	m.SetVersion(1)
	m.SetPriority(priority)
	m.SetTimestamp(e.At.UTC().Format("2006-01-02T15:04:05.000Z07:00"))
	m.SetHostname(s.o.Host)
	m.SetAppname("carillon")
	m.SetProcID(s.process)
	m.SetMsgID(messageID(e.Action))
	m.SetMessage(string(line))
	text, err := m.String()
	if err != nil {
		return "", fmt.Errorf("make a message of audit entry %d: %w", e.ID, err)
	}
	return text, nil
}

// messageID is an action in the characters that a MSGID may have.
func messageID(action string) string {
	visible := strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '_'
		}
		return r
	}, action)
	return visible[:min(len(visible), mostMessageID)]
}
