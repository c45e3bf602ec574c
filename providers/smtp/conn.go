package smtp

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"strconv"

	mail "github.com/wneessen/go-mail/smtp"

	"carillon/internal/clock"
	"carillon/providers"
)

// conn is a connection that is ready for MAIL. One goroutine drives it; only
// cut may be called by others.
type conn struct {
	provider *Provider
	raw      net.Conn
	client   *mail.Client
	in       *bufio.Reader
	out      *bufio.Writer
	scratch  []byte
	// scrub takes what was signed in with out of what the server says.
	scrub func(string) string

	pipelining, size, utf8, eightBit bool
	// used says that a message has gone through, so that the server may have
	// tired of the connection in the meantime.
	used bool
	// stale says that a transaction is open that must be reset before the next.
	stale bool
}

// cut breaks the connection off.
func (c *conn) cut() { _ = c.raw.Close() }

// quit says goodbye and closes. A server that doesn't answer is not waited for.
func (c *conn) quit() {
	_ = c.raw.SetDeadline(clock.System{}.Now().Add(quitTimeout))
	if _, err := c.write([]byte("QUIT\r\n")); err == nil {
		_, _ = c.reply()
	}
	_ = c.client.Close()
}

// write sends p and reports how much of it went to the kernel.
func (c *conn) write(p []byte) (int, error) {
	n, err := c.out.Write(p)
	if err != nil {
		return n, err
	}
	err = c.out.Flush()
	return len(p) - c.out.Buffered(), err
}

// reply reads a reply. A server could repeat what it was told when signing in.
func (c *conn) reply() (reply, error) {
	r, err := readReply(c.in)
	r.text = c.scrub(r.text)
	return r, err
}

// command sends a command and reads its reply.
func (c *conn) command(line []byte) (reply, error) {
	if _, err := c.write(line); err != nil {
		return reply{}, err
	}
	return c.reply()
}

// foundPipelining lowers the number of connections: a connection hands over a
// message and the envelope of the next in one group, which takes two messages
// at once, so that more connections than half of the concurrency would only
// break the groups up.
func (p *Provider) foundPipelining() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limit = min(p.limit, max(1, p.deps.Concurrency/perConnection))
}

// serve drives one connection, and the next when it is lost, until there is
// nothing to do for a while.
func (p *Provider) serve() {
	var (
		c   *conn
		cur *delivery // its envelope is accepted: the server waits for its body
	)
	defer func() {
		if c != nil {
			c.quit()
		}
	}()
	for {
		if cur == nil {
			j := p.take()
			if j == nil {
				return
			}
			c, cur = p.begin(c, j)
			continue
		}
		c, cur = p.finish(c, cur)
	}
}

// take waits for a delivery. It returns nil when the connection has been idle for
// long, or the provider is closing.
func (p *Provider) take() *delivery {
	for {
		j := p.next()
		if j == nil {
			select {
			case j = <-p.queue:
			case <-p.deps.Clock.After(idleTimeout):
			case <-p.closing:
			}
		}
		if j != nil && j.state.gone() {
			p.recycle(j)
			continue
		}
		p.mu.Lock()
		// A delivery that came with the end of the wait has counted on this connection.
		leave := j == nil && (p.closed || len(p.queue) == 0)
		if j != nil || leave {
			p.idle--
		}
		if leave {
			p.open--
		}
		p.hire() // the queue may hold more than those who are left can take
		p.mu.Unlock()
		if j != nil || leave {
			return j
		}
	}
}

// next is a delivery that is waiting now, or nil.
func (p *Provider) next() *delivery {
	for {
		select {
		case j := <-p.queue:
			if !j.state.gone() {
				return j
			}
			p.recycle(j)
		default:
			return nil
		}
	}
}

// begin gets a delivery's envelope accepted, on c or, if there is none, on a new
// connection. It returns the connection, if it still stands, and the delivery, if
// its body may follow.
func (p *Provider) begin(c *conn, j *delivery) (*conn, *delivery) {
	if c == nil {
		fresh, err := p.dial(p.life)
		if err != nil {
			why := providers.AsError(err)
			if why.Kind.StopsChannel() || why.Kind == providers.ErrorQuota {
				// Whoever waits would be refused likewise, and servers lock out those who
				// try a wrong password again and again.
				for other := p.next(); other != nil; other = p.next() {
					p.settle(other, result{err: why})
				}
			}
			p.last(j, result{err: why})
			return nil, nil
		}
		c = fresh
	}
	return p.envelope(c, j, false)
}

// envelope gets a delivery's envelope accepted on c. sent says that the commands
// went out behind the message before.
func (p *Provider) envelope(c *conn, j *delivery, sent bool) (*conn, *delivery) {
	if !sent && j.utf8 && !c.utf8 {
		p.last(j, result{err: noUTF8()})
		return c, nil
	}
	if !sent {
		if err := j.begin(); err != nil {
			p.last(j, result{err: notAsked(err)})
			return c, nil
		}
	}
	r := c.readEnvelope(j, sent)
	switch {
	case r.lost != nil:
		c.cut()
		if c.used && !j.renewed {
			// The server had closed a connection that was used before, and was never
			// asked for this message: it gets one fresh connection.
			j.renewed = true
			return p.begin(nil, j)
		}
		p.last(j, result{err: r.lost})
		return nil, nil
	case r.refused != nil:
		if r.broken {
			c.cut()
			c = nil
		}
		p.last(j, result{err: r.refused})
		return c, nil
	}
	return c, j
}

// outcome of an envelope: accepted if nothing is set.
type outcome struct {
	// lost: the connection went before MAIL was accepted.
	lost *providers.Error
	// refused: the server said no, or the connection went later.
	refused *providers.Error
	// broken: the connection can't be used any more.
	broken bool
}

// readEnvelope sends MAIL, RCPT and DATA and reads the replies: in one group
// where the server takes that, one by one otherwise.
func (c *conn) readEnvelope(j *delivery, sent bool) outcome {
	c.deadline()
	if c.stale && !sent {
		c.stale = false
		r, err := c.command([]byte("RSET\r\n"))
		if err == nil && !r.ok() {
			err = fmt.Errorf("the server answered %q", r)
		}
		if err != nil {
			return outcome{lost: lostConnection(reset, err)}
		}
	}
	if c.pipelining && !sent {
		c.scratch = c.appendEnvelope(c.scratch[:0], j)
		if _, err := c.write(c.scratch); err != nil {
			return outcome{lost: lostConnection(sender, err)}
		}
	}
	var replies [3]reply
	stages := [3]stage{sender, recipient, content}
	for i, at := range stages {
		var err error
		if c.pipelining {
			replies[i], err = c.reply()
		} else {
			c.scratch = c.appendCommand(c.scratch[:0], at, j)
			replies[i], err = c.command(c.scratch)
		}
		switch {
		case err != nil && i == 0:
			return outcome{lost: lostConnection(at, err)}
		case err != nil:
			return outcome{refused: lostConnection(at, err), broken: true}
		case replies[i].code == 421 && i == 0:
			return outcome{lost: classify(at, replies[i])}
		case replies[i].code == 421:
			return outcome{refused: classify(at, replies[i]), broken: true}
		}
		if !c.pipelining && !accepted(at, replies[i]) {
			c.stale = i > 0
			return outcome{refused: classify(at, replies[i])}
		}
	}
	for i, at := range stages {
		if !accepted(at, replies[i]) {
			return c.abort(classify(at, replies[i]), replies[1], replies[2])
		}
	}
	return outcome{}
}

func accepted(at stage, r reply) bool {
	if at == content {
		return r.code == 354
	}
	return r.ok()
}

// abort leaves a transaction whose group was refused in part. RFC 2920, 3.1: a
// server may take DATA although it took no recipient; then an empty message,
// which goes to nobody, ends it.
func (c *conn) abort(why *providers.Error, rcpt, data reply) outcome {
	switch {
	case data.code != 354:
		c.stale = true
		return outcome{refused: why}
	case rcpt.ok():
		// MAIL was refused and RCPT was not: an empty message could arrive.
		return outcome{refused: why, broken: true}
	}
	_, err := c.command([]byte(".\r\n"))
	return outcome{refused: why, broken: err != nil}
}

// finish writes the body of cur and, where the server offers PIPELINING and
// another message waits, the envelope of that in the same group, which RFC 2920
// (3.1) allows because the body is the group's first element. It returns the
// connection, if it still stands, and the delivery whose body may follow.
func (p *Provider) finish(c *conn, cur *delivery) (*conn, *delivery) {
	if !cur.state.commit(c) {
		// Its sender has left, and after 354 only closing takes a message back.
		c.cut()
		p.last(cur, result{})
		return nil, nil
	}
	size := len(cur.body)
	following := p.follower(c)
	settle := p.last
	if following != nil {
		cur.body = c.appendEnvelope(cur.body, following)
		settle = p.settle
	}
	c.deadline()
	cur.commits()
	written, err := c.write(cur.body)
	var r reply
	if err == nil {
		r, err = c.reply()
	}
	switch {
	case err != nil:
		lost := c.unanswered(err, written >= size)
		c.cut()
		settle(cur, result{err: lost})
		if following == nil {
			return nil, nil
		}
		following.renewed = true // its body was not begun
		return p.begin(nil, following)
	case r.ok():
		settle(cur, result{response: r.String()})
	default:
		settle(cur, result{err: classify(body, r)})
	}
	c.used = true
	switch {
	case following != nil:
		return p.envelope(c, following, true)
	case r.code == 421:
		c.cut()
		return nil, nil
	}
	return c, nil
}

// follower is a delivery whose envelope can go out behind a body on c, or nil.
func (p *Provider) follower(c *conn) *delivery {
	if !c.pipelining {
		return nil
	}
	j := p.next()
	if j == nil {
		return nil
	}
	if err := j.begin(); err != nil {
		p.settle(j, result{err: notAsked(err)})
		return nil
	}
	if j.utf8 && !c.utf8 {
		p.settle(j, result{err: noUTF8()})
		return nil
	}
	return j
}

func noUTF8() *providers.Error {
	return &providers.Error{Kind: providers.ErrorRecipient, Err: errors.New(
		"the address is not ASCII, and the server doesn't offer SMTPUTF8 (RFC 6531)")}
}

// unanswered is the error of a body that got no answer. Without its last byte
// the server can't have taken the message; with it nobody knows.
func (c *conn) unanswered(err error, whole bool) *providers.Error {
	if whole {
		return &providers.Error{Kind: providers.ErrorInDoubt, Err: fmt.Errorf("no answer to the message: %w", err)}
	}
	// A server that cuts a message off may have said why.
	_ = c.raw.SetReadDeadline(clock.System{}.Now().Add(lastWords))
	if r, replyErr := c.reply(); replyErr == nil && !r.ok() {
		return classify(body, r)
	}
	return lostConnection(body, err)
}

// lostConnection is temporary: it counts as a 451 (RFC 5321, 3.8).
func lostConnection(at stage, err error) *providers.Error {
	return &providers.Error{Kind: providers.ErrorTemporary, Err: fmt.Errorf("connection lost at %s: %w", at, err)}
}

func (c *conn) appendEnvelope(b []byte, j *delivery) []byte {
	for _, at := range [...]stage{sender, recipient, content} {
		b = c.appendCommand(b, at, j)
	}
	return b
}

func (c *conn) appendCommand(b []byte, at stage, j *delivery) []byte {
	switch at {
	case sender:
		b = append(b, "MAIL FROM:<"...)
		b = append(b, j.from...)
		b = append(b, '>')
		if c.size {
			b = strconv.AppendInt(append(b, " SIZE="...), int64(len(j.body)), 10)
		}
		if j.utf8 {
			b = append(b, " SMTPUTF8"...)
			if c.eightBit {
				b = append(b, " BODY=8BITMIME"...)
			}
		}
	case recipient:
		b = append(b, "RCPT TO:<"...)
		b = append(b, j.to...)
		b = append(b, '>')
	default:
		b = append(b, "DATA"...)
	}
	return append(b, "\r\n"...)
}
