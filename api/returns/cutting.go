package returns

import (
	"net"
	"sync"
)

// cutting is a listener whose connections can all be cut.
type cutting struct {
	net.Listener
	mu   sync.Mutex
	over bool
	open map[*cuttable]struct{}
}

// cuttable is one of its connections.
type cuttable struct {
	net.Conn
	of *cutting
}

// Accept waits for a connection.
func (c *cutting) Accept() (net.Conn, error) {
	raw, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	conn := &cuttable{raw, c}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return conn, raw.Close() // whoever reads it learns that it is over
	}
	c.open[conn] = struct{}{}
	return conn, nil
}

// Close closes a connection.
func (c *cuttable) Close() error {
	c.of.mu.Lock()
	delete(c.of.open, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}

// cut closes every connection, and each that comes from now on.
func (c *cutting) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	for conn := range c.open {
		_ = conn.Conn.Close() // its conversation closes it again, and forgets it
	}
}
