package cli

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"carillon/internal/secret"
)

// defaultServer is where a server listens that nothing was said to.
const defaultServer = "http://127.0.0.1:8080"

// client talks to the API.
type client struct {
	base string
	key  secret.String
	http *http.Client
}

// client is the way to the server, found out when it is first needed.
func (c *cli) client() (*client, error) {
	c.connecting.Lock()
	defer c.connecting.Unlock()
	if c.connected == nil {
		cl, err := c.connect()
		if err != nil {
			return nil, err
		}
		c.connected = cl
	}
	return c.connected, nil
}

// connect finds out where the server is and which key opens it.
func (c *cli) connect() (*client, error) {
	base := c.server
	if base == "" {
		base = c.env("CARILLON_SERVER")
	}
	if base == "" {
		base = defaultServer
	}
	if u, err := url.Parse(base); err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, usagef("--server %s: must be an address such as %s", base, defaultServer)
	}
	key := c.key
	if key == "" {
		key = c.env("CARILLON_KEY")
	}
	if key == "" && !c.keyless {
		config, err := c.load(nil)
		if err != nil {
			return nil, err
		}
		content, err := os.ReadFile(config.AdminKeyPath())
		if err != nil {
			return nil, &exitError{exitForbidden, fmt.Errorf("no API key: there is none in %s (a server makes it at its first start); "+
				"set CARILLON_KEY, or name the server's data folder with --data-dir", config.AdminKeyPath())}
		}
		key = strings.TrimSpace(string(content))
	}
	transport, err := c.trusting()
	if err != nil {
		return nil, err
	}
	return newClient(base, key, transport), nil
}

// trusting is how requests are carried: with --ca-file, or CARILLON_CA_FILE, to servers, too,
// whose certificates the authorities in that file have signed.
func (c *cli) trusting() (http.RoundTripper, error) {
	file := cmp.Or(c.caFile, c.env("CARILLON_CA_FILE"))
	if file == "" {
		return c.transport, nil
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, usagef("--ca-file %s: can't be read: %v; name a PEM file of certificates", file, rootCause(err))
	}
	known, err := x509.SystemCertPool()
	if err != nil {
		known = x509.NewCertPool() // this system has none
	}
	if !known.AppendCertsFromPEM(content) {
		return nil, usagef("--ca-file %s: there is no certificate in it; it must be a PEM file, of lines between BEGIN CERTIFICATE and END CERTIFICATE", file)
	}
	usual, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		usual = &http.Transport{}
	}
	carrier := usual.Clone()
	carrier.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: known}
	return carrier, nil
}

// unreachable says why no server answers at base, and what to do.
func unreachable(base string, err error) error {
	var (
		unknown x509.UnknownAuthorityError
		other   x509.HostnameError
		invalid x509.CertificateInvalidError
		plain   tls.RecordHeaderError
	)
	var said string
	switch {
	case errors.As(err, &unknown):
		said = "its certificate is signed by an authority that this machine does not know: name the file of that one's certificate by --ca-file or CARILLON_CA_FILE"
	case errors.As(err, &other):
		said = "its certificate is for other names: use one of these"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		said = "its certificate has ended, or does not hold yet: renew it, or look at the clock of this machine"
	case errors.As(err, &plain) || strings.Contains(err.Error(), "HTTP response to HTTPS client"):
		said = "it speaks no TLS: write http:// instead of https://"
	default:
		return &exitError{exitUnreachable, fmt.Errorf("no Carillon server answers at %s: start one with `carillon serve`, "+
			"or say where it is with --server or CARILLON_SERVER (%w)", base, rootCause(err))}
	}
	return &exitError{exitUnreachable, fmt.Errorf("%s is not to be trusted or spoken to: %s (%w)", base, said, rootCause(err))}
}

// newClient makes a client for the server at base. It is an HTTP client of its
// own: no redirect may carry the key elsewhere.
func newClient(base, key string, transport http.RoundTripper) *client {
	return &client{base: strings.TrimRight(base, "/"), key: secret.New(key), http: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// send makes a request and returns the answer's body, which the caller closes.
func (cl *client) send(ctx context.Context, r request) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, r.method, cl.base+r.path.String(), r.content)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	if !cl.key.Empty() {
		request.Header.Set("Authorization", "Bearer "+cl.key.Reveal())
	}
	if r.contentType != "" {
		request.Header.Set("Content-Type", r.contentType)
	}
	response, err := cl.http.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, unreachable(cl.base, err)
	}
	if response.StatusCode < 300 {
		return response.Body, nil
	}
	defer func() { _ = response.Body.Close() }()
	p := &problemError{}
	const maxProblem = 1 << 20
	text, err := io.ReadAll(io.LimitReader(response.Body, maxProblem))
	if bytes.Contains(text, []byte("HTTP request to an HTTPS server")) {
		return nil, &exitError{exitUnreachable, fmt.Errorf("%s speaks TLS: write https:// instead of http://", cl.base)}
	}
	if err != nil || json.Unmarshal(text, p) != nil || p.Status == 0 {
		return nil, fmt.Errorf("%s answers %s: is that a Carillon server?", cl.base, response.Status)
	}
	return nil, p
}

// rootCause is the innermost error, which says what happened without repeating
// the address.
func rootCause(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
