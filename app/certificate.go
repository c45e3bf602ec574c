package app

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"carillon/configs"
	"carillon/internal/clock"
	"carillon/internal/fault"
)

// Times of a certificate.
const (
	// certificateEvery is how often its files are looked at: whoever renews one waits no
	// longer for it to be used.
	certificateEvery = 10 * time.Second
	// certificateSoon is how long before its end the log and the doctor warn: programs that
	// renew certificates do it 30 days before, so something is wrong with them by then.
	certificateSoon = 14 * 24 * time.Hour
	// certificateSaid is how often the log repeats that.
	certificateSaid = 24 * time.Hour
)

const renewCertificate = "Renew it, and look at what should have done that: its files are read anew by themselves."

// certificate is the one by which a process speaks TLS. Its files may be replaced at any time:
// connections that are open go on, and new ones get the new one. Files are compared by what is in
// them, because their times change with backups and not with links.
type certificate struct {
	certFile, keyFile string
	log               *slog.Logger
	clock             clock.Clock

	mu   sync.Mutex
	pair *tls.Certificate
	// cert and key are what is in force, as it was read.
	cert, key []byte
	// refused is why the files that are there now are not in force; empty if they are.
	refused string
	warned  time.Time
}

// openCertificate reads the configured files; its error is Invalid and names them.
func openCertificate(c configs.Config, log *slog.Logger, cl clock.Clock) (*certificate, error) {
	own := &certificate{certFile: c.TLSCertFile, keyFile: c.TLSKeyFile, log: log, clock: cl}
	if _, err := own.renew(); err != nil {
		return nil, fault.InvalidFields([]fault.Field{{Location: "tls_cert_file, tls_key_file", Value: c.TLSCertFile + ", " + c.TLSKeyFile,
			Message: err.Error() + ": name a certificate and its private key, both PEM, that this user may read"}})
	}
	own.log.Info("this process speaks TLS", "certificate_ends", own.ends())
	own.remind()
	return own, nil
}

// renew takes the pair that is in the files, if it is another one and is whole.
func (c *certificate) renew() (changed bool, err error) {
	cert, certErr := os.ReadFile(c.certFile)
	key, keyErr := os.ReadFile(c.keyFile)
	if err := errors.Join(certErr, keyErr); err != nil {
		return false, err
	}
	c.mu.Lock()
	same := bytes.Equal(cert, c.cert) && bytes.Equal(key, c.key)
	c.mu.Unlock()
	if same {
		return false, nil
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return false, fmt.Errorf("%s and %s are no pair: %w", c.certFile, c.keyFile, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pair, c.cert, c.key = &pair, cert, key
	return true, nil
}

// look is renew that says in the log what came of it, each thing once.
func (c *certificate) look() {
	changed, err := c.renew()
	switch {
	case err != nil && err.Error() != c.refused:
		c.refused = err.Error()
		c.log.Warn("the certificate's files have changed and can't be used: the one before stays in force", "error", err, "certificate_ends", c.ends())
	case err == nil:
		c.refused = ""
	}
	if changed {
		c.warned = time.Time{}
		c.log.Info("a new certificate is in force", "certificate_ends", c.ends())
	}
	c.remind()
}

// remind says when the end is near, once a day.
func (c *certificate) remind() {
	now := c.clock.Now()
	if ends := c.ends(); ends.Sub(now) < certificateSoon && now.Sub(c.warned) >= certificateSaid {
		c.warned = now
		c.log.Warn("the certificate ends soon, or has ended: renew it", "certificate_ends", ends, "file", c.certFile)
	}
}

// watch looks at the files until ctx ends.
func (c *certificate) watch(ctx context.Context) {
	for c.clock.Sleep(ctx, certificateEvery) == nil {
		c.look()
	}
}

// ends is until when the certificate in force holds.
func (c *certificate) ends() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pair.Leaf.NotAfter.UTC()
}

// whenEnds is ends; nil for no certificate.
func (c *certificate) whenEnds() func() time.Time {
	if c == nil {
		return nil
	}
	return c.ends
}

// config is TLS as it is spoken: every version that is still held to be safe, and HTTP/2.
func (c *certificate) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.pair, nil
	}}
}

// watchCertificate has the files looked at until the server stops.
func (s *Server) watchCertificate() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.certificate.watch(ctx)
	}()
	s.stack.push("certificate", func() error {
		cancel()
		<-done
		return nil
	})
}
