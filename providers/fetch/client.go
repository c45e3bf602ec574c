package fetch

import (
	"io"
	"net"
	"net/http"

	"carillon/internal/fault"
)

// Client is the fetcher for libraries that ask by themselves: it follows no redirect, and no
// answer is longer than the bytes given. Errors of it that are ours are Unavailable, or Invalid
// where the address may not be reached.
func (f *Fetcher) Client(most int64) *http.Client {
	return &http.Client{
		Timeout: f.within, Transport: bounded{f, most},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// bounded has answers end.
type bounded struct {
	f    *Fetcher
	most int64
}

// RoundTrip asks, over TLS alone but on this machine.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	at := net.ParseIP(r.URL.Hostname())
	if near := r.URL.Hostname() == "localhost" || at != nil && at.IsLoopback(); r.URL.Scheme != "https" && !near {
		return nil, fault.New(fault.Invalid, "%s is not asked without TLS", r.URL.Host)
	}
	r = r.Clone(r.Context())
	r.Header.Set("User-Agent", "Carillon")
	answer, err := b.f.transport.RoundTrip(r)
	if err != nil {
		return nil, b.f.refused(r.Context(), r.URL.Host, err)
	}
	answer.Body = &boundedBody{ReadCloser: answer.Body, left: b.most, host: r.URL.Host}
	return answer, nil
}

// boundedBody is an answer that fails where it is too long: what is cut off could mean something
// else.
type boundedBody struct {
	io.ReadCloser
	left int64
	host string
}

// Read is Unavailable behind the last byte that may be.
func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fault.New(fault.Unavailable, "%s sends more than is read", b.host)
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
