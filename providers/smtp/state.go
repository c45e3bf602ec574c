package smtp

import "sync"

// stateCell holds how far a delivery has come: its sender, who may leave, and its
// connection, which may begin the body, agree through it on who was first.
type stateCell struct {
	mu    sync.Mutex
	state int32
	conn  *conn
}

func (s *stateCell) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.conn = waiting, nil
}

// commit is for the connection, before the first byte of the body. It reports
// false if the sender has left.
func (s *stateCell) commit(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != waiting {
		return false
	}
	s.state, s.conn = committed, c
	return true
}

// abandon is for the sender. It reports false if the body was begun.
func (s *stateCell) abandon() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != waiting {
		return false
	}
	s.state = abandoned
	return true
}

// gone reports whether the sender has left.
func (s *stateCell) gone() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state == abandoned
}

// cut closes the connection that has the body.
func (s *stateCell) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		s.conn.cut()
	}
}

// finish takes the delivery off its connection and reports whether a sender waits:
// from here on the sender can neither leave nor cut the connection, which may
// by then carry another message.
func (s *stateCell) finish() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == abandoned {
		return false
	}
	s.state, s.conn = committed, nil
	return true
}
