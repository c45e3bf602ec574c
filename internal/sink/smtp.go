package sink

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

// SMTP is a receiver that speaks as much of RFC 5321 as a sender needs, and
// RFC 2920 (PIPELINING). It is built for speed, without TLS and AUTH: those are
// tested against a complete server.
type SMTP struct {
	Tally
	options  Options
	listener net.Listener
	done     chan struct{}
	group    sync.WaitGroup

	connMu sync.Mutex
	conns  map[net.Conn]struct{}
}

// NewSMTP listens on a free port of 127.0.0.1.
func NewSMTP(o Options) (*SMTP, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	s := &SMTP{options: o, listener: listener, done: make(chan struct{}), conns: map[net.Conn]struct{}{}}
	s.record = o.Record
	s.group.Go(s.accept)
	return s, nil
}

// Addr is host:port.
func (s *SMTP) Addr() string { return s.listener.Addr().String() }

// Port is the port of Addr.
func (s *SMTP) Port() int { return s.listener.Addr().(*net.TCPAddr).Port }

// URL is smtp://host:port.
func (s *SMTP) URL() string { return "smtp://" + s.Addr() }

// Close stops listening, closes every connection and returns when all
// goroutines are gone.
func (s *SMTP) Close() error {
	s.connMu.Lock()
	select {
	case <-s.done:
	default:
		close(s.done)
	}
	for conn := range s.conns {
		_ = conn.Close()
	}
	s.connMu.Unlock()
	err := s.listener.Close()
	s.group.Wait()
	return err
}

// Disconnect closes the open connections without a word, as a server does that
// restarts, and goes on listening.
func (s *SMTP) Disconnect() {
	s.connMu.Lock()
	defer s.connMu.Unlock()
	for conn := range s.conns {
		_ = conn.Close()
	}
}

func (s *SMTP) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.connMu.Lock()
		select {
		case <-s.done:
			_ = conn.Close()
		default:
			s.conns[conn] = struct{}{}
			s.connections.Add(1)
			s.open.Add(1)
			s.group.Go(func() { s.serve(conn) })
		}
		s.connMu.Unlock()
	}
}

func (s *SMTP) serve(conn net.Conn) {
	defer func() {
		s.connMu.Lock()
		delete(s.conns, conn)
		s.connMu.Unlock()
		_ = conn.Close()
		s.open.Add(-1)
	}()
	c := &smtpSession{
		sink: s, in: bufio.NewReaderSize(conn, 32<<10), out: bufio.NewWriterSize(conn, 4<<10),
	}
	c.reply("220 sink ESMTP")
	for c.command() {
	}
	_ = c.out.Flush()
}

type smtpSession struct {
	sink     *SMTP
	in       *bufio.Reader
	out      *bufio.Writer
	from, to string
	began    time.Time // the transaction
}

func (c *smtpSession) reply(line string) {
	_, _ = c.out.WriteString(line)
	_, _ = c.out.WriteString("\r\n")
}

// command reads one command and answers it. It reports false when the
// conversation is over.
func (c *smtpSession) command() bool {
	// A group is answered at once: only when nothing more has arrived must the
	// client get what was answered so far.
	if c.in.Buffered() == 0 && c.out.Flush() != nil {
		return false
	}
	raw, err := c.in.ReadSlice('\n')
	if err != nil {
		return false
	}
	line := bytes.TrimRight(raw, "\r\n")
	verb := line
	if space := bytes.IndexByte(line, ' '); space >= 0 {
		verb = line[:space]
	}
	var buffer [8]byte
	name := string(bytes.ToUpper(append(buffer[:0], verb[:min(len(verb), 8)]...)))
	if c.in.Buffered() > 0 && (c.sink.options.Plain || name == "DATA" || name == "EHLO") {
		c.sink.violations.Add(1)
	}
	if override := c.sink.options.Command; override != nil {
		if reply := override(string(line)); reply == "drop" {
			return false
		} else if reply != "" {
			c.reply(reply)
			return !strings.HasPrefix(reply, "421")
		}
	}
	switch name {
	case "EHLO":
		c.ehlo()
	case "HELO":
		c.reply("250 sink")
	case "MAIL":
		c.from, c.to = mailbox(line), ""
		c.began = c.sink.began()
		c.reply("250 2.1.0 ok")
	case "RCPT":
		if c.from == "" {
			c.reply("503 5.5.1 MAIL first")
			return true
		}
		c.to = mailbox(line)
		c.reply("250 2.1.5 ok")
	case "DATA":
		if c.to == "" {
			c.reply("503 5.5.1 RCPT first")
			return true
		}
		return c.data()
	case "RSET":
		c.from, c.to = "", ""
		c.reply("250 2.0.0 ok")
	case "NOOP":
		c.reply("250 2.0.0 ok")
	case "QUIT":
		c.reply("221 2.0.0 bye")
		return false
	default:
		c.reply("500 5.5.1 unknown command")
	}
	return true
}

func (c *smtpSession) ehlo() {
	c.reply("250-sink")
	if !c.sink.options.Plain {
		c.reply("250-PIPELINING")
	}
	if !c.sink.options.ASCII {
		c.reply("250-8BITMIME")
		c.reply("250-SMTPUTF8")
	}
	c.reply("250 SIZE 52428800")
}

// data takes a message in and answers it.
func (c *smtpSession) data() bool {
	c.reply("354 go on")
	if c.out.Flush() != nil {
		return false
	}
	o := &c.sink.options
	var (
		id     int64
		body   []byte
		header = true
	)
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			if id == 0 {
				c.sink.askedFor(0, c.began)
			}
			return false
		}
		if len(line) == 3 && line[0] == '.' && line[1] == '\r' {
			break
		}
		if header {
			if len(line) <= 2 {
				header = false
			} else if id == 0 {
				if id = messageID(line); id != 0 {
					c.sink.askedFor(id, c.began)
				}
			}
		}
		if o.Seen != nil {
			if line[0] == '.' {
				line = line[1:]
			}
			body = append(body, line...)
		}
	}
	n := c.sink.asked.Add(1)
	if o.Seen != nil {
		o.Seen(Delivery{ID: id, From: c.from, To: c.to, Body: body})
	}
	c.from, c.to = "", ""
	var a Answer
	if o.Answer != nil {
		a = o.Answer(n, id)
	}
	if !o.wait(a, c.sink.done) {
		return false
	}
	if a.Drop == BeforeAccepting {
		return false
	}
	if a.Code == 0 || a.Code/100 == 2 {
		c.sink.arrived(id)
	}
	if a.Drop == AfterAccepting {
		return false
	}
	if a.Code == 0 {
		c.reply("250 2.0.0 ok")
		return true
	}
	c.reply(strconv.Itoa(a.Code) + " " + a.Text)
	return a.Code != 421
}

// mailbox is what stands between the angle brackets of a command.
func mailbox(line []byte) string {
	_, rest, _ := bytes.Cut(line, []byte("<"))
	end := bytes.LastIndexByte(rest, '>')
	if end < 0 {
		return ""
	}
	return string(rest[:end])
}

var messageIDHeader = []byte("message-id: <")

// messageID is Carillon's id from a Message-ID line: the digits that its local
// part begins with; 0 for every other line.
func messageID(line []byte) int64 {
	if len(line) < len(messageIDHeader) || !bytes.EqualFold(line[:len(messageIDHeader)], messageIDHeader) {
		return 0
	}
	return digits(string(line[len(messageIDHeader):min(len(line), len(messageIDHeader)+20)]))
}

// digits is the number that s begins with.
func digits(s string) int64 {
	end := 0
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	n, _ := strconv.ParseInt(s[:end], 10, 64)
	return n
}
