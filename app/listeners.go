package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"

	"carillon/api/returns"
	"carillon/configs"
	"carillon/internal/clock"
	"carillon/internal/fault"
)

// listeners are the ports on which a process answers; nil where it answers on none.
type listeners struct {
	// main answers everything that the process answers, public what recipients and providers
	// need alone.
	main, public net.Listener
	// bounces takes what comes back as mail.
	bounces net.Listener
}

// close closes them; it is for those on which nothing is served.
func (l listeners) close() (err error) {
	for _, listener := range []net.Listener{l.main, l.public, l.bounces} {
		if listener != nil {
			err = errors.Join(err, listener.Close())
		}
	}
	return err
}

// listen opens the ports on which a process answers, and reads the certificate by which those
// of the API speak TLS.
func (s *Server) listen(c configs.Config, roles Roles, log *slog.Logger) (open listeners, err error) {
	if !roles.API {
		open.main, err = listenOn(c.HealthListen, "--health-listen")
		return open, err
	}
	if c.TLS() {
		if s.certificate, err = openCertificate(c, log, clock.System{}); err != nil {
			return open, err
		}
	}
	if open.main, err = listenOn(c.Listen, "--listen"); err != nil {
		return open, err
	}
	if open.public, err = listenOn(c.PublicListen, "--public-listen"); err != nil {
		return open, err
	}
	open.bounces, err = listenOn(c.BounceListen, "--bounce-listen")
	return open, err
}

// listenOn opens a port; nil for no address. flag says how another is named.
func listenOn(address, flag string) (net.Listener, error) {
	if address == "" {
		return nil, nil
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fault.Wrap(fault.Conflict, "listen on "+address+" (another address: "+flag+")", err)
	}
	return listener, nil
}

// mostStreams is how many requests one connection of HTTP/2 may have under way.
const mostStreams = 100

// serve answers on a listener until the server is stopped, and says where that is.
func (s *Server) serve(listener net.Listener, handler http.Handler, log *slog.Logger, onShutdown ...func()) (url string) {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug), ConnState: s.connections.track,
		HTTP2: &http.HTTP2Config{MaxConcurrentStreams: mostStreams, SendPingTimeout: idleTimeout, PingTimeout: headerTimeout, WriteByteTimeout: idleTimeout},
	}
	for _, do := range onShutdown {
		server.RegisterOnShutdown(do)
	}
	done := make(chan error, 1)
	heard := &outspoken{Listener: listener, log: log, clock: clock.System{}}
	scheme := "http://"
	if s.certificate != nil {
		server.TLSConfig, scheme = s.certificate.config(), "https://"
		go func() { done <- server.ServeTLS(heard, "", "") }()
	} else {
		go func() { done <- server.Serve(heard) }()
	}
	s.stack.push("listener", func() error {
		ctx, cancel := context.WithTimeout(context.Background(), s.patience/listenerShare)
		defer cancel()
		err := server.Shutdown(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			// Somebody reads an answer slowly, or uploads without end.
			err = server.Close()
		}
		if serveErr := <-done; !errors.Is(serveErr, http.ErrServerClosed) {
			err = errors.Join(err, serveErr)
		}
		return err
	})
	return scheme + listener.Addr().String()
}

// takeReturns takes what comes back as mail until the server is stopped.
func (s *Server) takeReturns(on net.Listener, office returns.Office, log *slog.Logger) {
	listener := returns.Serve(on, office, log)
	s.BounceAddr = on.Addr().String()
	s.stack.push("bounce listener", func() error {
		ctx, cancel := context.WithTimeout(context.Background(), s.patience/listenerShare)
		defer cancel()
		return listener.Stop(ctx)
	})
}
