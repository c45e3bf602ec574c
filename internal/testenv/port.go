package testenv

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports are taken from below the range in which Linux chooses the ports of
// outgoing connections (ip_local_port_range, 32768 to 60999), so that nothing
// takes a stopped server's port by chance while an outage test runs.
const (
	firstPort    = 20000
	lastPort     = 31999
	portAttempts = 200
)

// port is a TCP port on 127.0.0.1 that is kept for one server while that is
// stopped, too. What keeps it is a UDP socket on the same number: the two
// protocols don't disturb each other, every process that uses this package sees
// the reservation, and the kernel drops it with the process.
type port struct {
	number      int
	reservation net.PacketConn
}

func reservePort(ctx context.Context) (*port, error) {
	var errs []error
	for range portAttempts {
		p, err := tryPort(ctx, firstPort+rand.IntN(lastPort-firstPort+1))
		if err == nil {
			return p, nil
		}
		errs = append(errs, err)
	}
	return nil, fmt.Errorf("find a free port between %d and %d on 127.0.0.1: %w",
		firstPort, lastPort, errors.Join(errs[len(errs)-3:]...))
}

func tryPort(ctx context.Context, number int) (*port, error) {
	p := &port{number: number}
	var config net.ListenConfig
	reservation, err := config.ListenPacket(ctx, "udp4", p.addr())
	if err != nil {
		return nil, fmt.Errorf("reserve port: %w", err)
	}
	listener, err := config.Listen(ctx, "tcp4", p.addr())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("try port: %w", err), reservation.Close())
	}
	if err := listener.Close(); err != nil {
		return nil, errors.Join(fmt.Errorf("free port: %w", err), reservation.Close())
	}
	p.reservation = reservation
	return p, nil
}

func (p *port) addr() string { return net.JoinHostPort("127.0.0.1", p.String()) }

// String is the number in decimal.
func (p *port) String() string { return strconv.Itoa(p.number) }

// release gives the port back. It may be called again, and on nil.
func (p *port) release() error {
	if p == nil {
		return nil
	}
	if err := p.reservation.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("release port %d: %w", p.number, err)
	}
	return nil
}
