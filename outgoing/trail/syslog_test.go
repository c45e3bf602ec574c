package trail_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/leodido/go-syslog/v4/rfc5424"
	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/internal/clock"
	"carillon/internal/testenv"
	"carillon/outgoing/trail"
)

// receiver is what takes messages: over each connection all until its end.
type receiver struct {
	t        *testing.T
	listener net.Listener
	got      chan string // closed with the listener
	// refuse has the next connection reset with something unread.
	refuse chan struct{}
}

func receive(t *testing.T, listener net.Listener) *receiver {
	r := &receiver{t: t, listener: listener, got: make(chan string, 100), refuse: make(chan struct{}, 1)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			select {
			case <-r.refuse:
				var one [1]byte
				_, _ = io.ReadFull(connection, one[:])
			default:
				r.read(connection)
			}
			_ = connection.Close()
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
	})
	return r
}

// read takes messages with their lengths before them (RFC 6587, 3.4.1).
func (r *receiver) read(connection net.Conn) {
	in := bufio.NewReader(connection)
	for {
		counted, err := in.ReadString(' ')
		if errors.Is(err, io.EOF) && counted == "" {
			return
		}
		var length int
		if err == nil {
			err = json.Unmarshal([]byte(strings.TrimSpace(counted)), &length)
		}
		message := make([]byte, length)
		if err == nil {
			_, err = io.ReadFull(in, message)
		}
		if err != nil {
			r.got <- "broken: " + err.Error()
			return
		}
		r.got <- string(message)
	}
}

func options(way, address string) trail.SyslogOptions {
	return trail.SyslogOptions{Way: way, Address: address, Dial: (&net.Dialer{}).DialContext, Host: "news-1", Clock: clock.System{}}
}

// understood is a message that a strict parser takes, and the entry in it.
func understood(t *testing.T, message string) (*rfc5424.SyslogMessage, access.AuditLine) {
	t.Helper()
	parsed, err := rfc5424.NewParser().Parse([]byte(message))
	require.NoError(t, err, message)
	m := parsed.(*rfc5424.SyslogMessage)
	var line access.AuditLine
	require.NoError(t, json.Unmarshal([]byte(*m.Message), &line))
	return m, line
}

func listen(t *testing.T) net.Listener {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return listener
}

// Each entry is a message of its own, as a parser of RFC 5424 wants it, over every way.
func TestSyslog(t *testing.T) {
	certificate, pem := testenv.Certificate(t)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM([]byte(pem)))
	for _, way := range []string{trail.TCP, trail.TLS, trail.UDP, trail.Unix} {
		t.Run(way, func(t *testing.T) {
			var o trail.SyslogOptions
			var next func() string
			switch way {
			case trail.UDP, trail.Unix:
				o, next = datagrams(t, way)
			default:
				listener := listen(t)
				o = options(way, listener.Addr().String())
				if way == trail.TLS {
					listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{certificate}})
					o.TLS = &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"}
				}
				r := receive(t, listener)
				next = func() string { return <-r.got }
			}
			syslog := trail.NewSyslog(o)
			sent := entries(1, 3)
			sent[1].Action = access.RefusedKey
			require.NoError(t, syslog.Write(t.Context(), sent))
			for i, e := range sent {
				m, line := understood(t, next())
				require.Equal(t, e.Line(), line)
				require.Equal(t, e.At, m.Timestamp.UTC())
				require.Equal(t, []string{"news-1", "carillon", e.Action}, []string{*m.Hostname, *m.Appname, *m.MsgID})
				require.Equal(t, map[bool]uint8{true: 4, false: 5}[i == 1], *m.Severity)
				require.EqualValues(t, 13, *m.Facility)
			}
		})
	}
}

// datagrams is a receiver of datagrams, and what it is sent.
func datagrams(t *testing.T, way string) (trail.SyslogOptions, func() string) {
	network, address := "udp", "127.0.0.1:0"
	if way == trail.Unix {
		network, address = "unixgram", filepath.Join(t.TempDir(), "log")
	}
	connection, err := net.ListenPacket(network, address)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, connection.Close()) })
	return options(way, connection.LocalAddr().String()), func() string {
		buffer := make([]byte, 1<<16)
		n, _, err := connection.ReadFrom(buffer)
		require.NoError(t, err)
		return string(buffer[:n])
	}
}

// A receiver that is not there, that goes away with something unread, or that nobody trusts, is an
// error: the batch is sent again, whole.
func TestSyslogReceiversThatFail(t *testing.T) {
	listener := listen(t)
	r := receive(t, listener)
	syslog := trail.NewSyslog(options(trail.TCP, listener.Addr().String()))
	r.refuse <- struct{}{}
	require.ErrorContains(t, syslog.Write(t.Context(), entries(1, 400)), "audit_syslog: ")
	require.NoError(t, syslog.Write(t.Context(), entries(1, 2)))
	for seq := range int64(2) {
		_, line := understood(t, <-r.got)
		require.Equal(t, seq+1, line.Seq)
	}
	require.NoError(t, listener.Close())
	require.ErrorContains(t, syslog.Write(t.Context(), entries(1, 1)), "audit_syslog: ")

	certificate, _ := testenv.Certificate(t)
	secured := tls.NewListener(listen(t), &tls.Config{Certificates: []tls.Certificate{certificate}})
	strange := receive(t, secured)
	o := options(trail.TLS, secured.Addr().String())
	o.TLS = &tls.Config{ServerName: "127.0.0.1"}
	require.ErrorContains(t, trail.NewSyslog(o).Write(t.Context(), entries(1, 1)), "certificate")
	require.NotEmpty(t, strange.listener.Addr())

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, syslog.Write(ctx, entries(1, 1)), context.Canceled)
	require.ErrorContains(t, trail.NewSyslog(options(trail.Unix, filepath.Join(t.TempDir(), "none"))).Write(t.Context(), entries(1, 1)), "no such file")
}

// An entry that is longer than receivers take goes without its detail; an action that can't be a
// MSGID is written as one that can.
func TestSyslogMessagesAreBounded(t *testing.T) {
	o, next := datagrams(t, trail.UDP)
	long := entries(1, 1)
	long[0].Detail = map[string]any{"after": strings.Repeat("x", 20_000)}
	long[0].Action = "grüße an alle die es in der langen Liste gibt"
	require.NoError(t, trail.NewSyslog(o).Write(t.Context(), long))
	message := next()
	require.LessOrEqual(t, len(message), 8<<10)
	m, line := understood(t, message)
	require.Greater(t, line.Detail["omitted_bytes"], 20_000.0)
	require.Equal(t, long[0].Action, line.Action)
	require.Equal(t, "gr__e_an_alle_die_es_in_der_lang", *m.MsgID)
}
