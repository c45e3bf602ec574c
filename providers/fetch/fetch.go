// Package fetch owns how documents are read from addresses that people name: through the
// guarded dialer, without following redirects, bounded in size and time. It must not know
// what the documents are for.
package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"carillon/internal/fault"
	"carillon/providers"
)

// maxTime bounds one document, from the look-up of the name to the last byte.
const maxTime = 10 * time.Second

// Fetcher reads documents. It is safe for concurrent use.
type Fetcher struct {
	transport *http.Transport
	within    time.Duration
}

// New makes a fetcher that reaches what the dialer does.
func New(dialer providers.Dialer) *Fetcher {
	return &Fetcher{within: maxTime, transport: &http.Transport{
		// No Proxy: the guard against private addresses is worth nothing if somebody
		// else does the dialing.
		DialContext: dialer.DialContext, TLSHandshakeTimeout: maxTime, DisableKeepAlives: true,
		MaxResponseHeaderBytes: 64 << 10,
	}}
}

// ForMany is a fetcher that asks the same addresses again and again, and keeps connections
// for that.
func ForMany(dialer providers.Dialer) *Fetcher {
	f := New(dialer)
	f.transport.DisableKeepAlives, f.transport.IdleConnTimeout, f.transport.MaxIdleConns = false, 30*time.Second, 100
	return f
}

// Close closes the connections that are kept.
func (f *Fetcher) Close() { f.transport.CloseIdleConnections() }

// Within is the fetcher with another bound on the time that one document takes.
func (f *Fetcher) Within(d time.Duration) *Fetcher {
	return &Fetcher{transport: f.transport, within: d}
}

// JSON reads a JSON document of at most the bytes given. Errors say in a sentence what the
// far end did; they are of code Invalid where no later try can do better, because the
// address may not be reached, and else Unavailable.
func (f *Fetcher) JSON(ctx context.Context, address string, most int) ([]byte, error) {
	return f.get(ctx, address, "application/json", most)
}

// Document is JSON for a document of any type.
func (f *Fetcher) Document(ctx context.Context, address string, most int) ([]byte, error) {
	return f.get(ctx, address, "*/*", most)
}

func (f *Fetcher) get(ctx context.Context, address, form string, most int) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, fault.New(fault.Invalid, "%s is no address", address)
	}
	request.Header.Set("Accept", form)
	return f.ask(ctx, request, most)
}

// Post is JSON for a program that is asked by a document. key is the same for every try of
// one question, by which the program knows it again.
func (f *Fetcher) Post(ctx context.Context, address, key string, question []byte, most int) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(question))
	if err != nil {
		return nil, fault.New(fault.Invalid, "%s is no address", address)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", key)
	request.Header.Set("Accept", "application/json")
	return f.ask(ctx, request, most)
}

// Bounds of looking at something.
const (
	// mostMoves is how many redirects are followed, each through the guarded dialer.
	mostMoves = 3
	// lookedAt is how much of the beginning is kept: as much as tells a type.
	lookedAt = 3 << 10
)

// Look looks at what lies at an address, and where that redirects to. Where the far end does not
// say the size it counts up to most bytes, as far as there is time. Its errors are JSON's.
func (f *Fetcher) Look(ctx context.Context, address string, most int64) (looked providers.Looked, err error) {
	ctx, cancel := context.WithTimeout(ctx, f.within)
	defer cancel()
	for moves := 0; ; moves++ {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
		if err != nil || request.URL.Host == "" || request.URL.Scheme != "http" && request.URL.Scheme != "https" {
			return looked, fault.New(fault.Invalid, "%s is no address", address)
		}
		request.Header.Set("User-Agent", "Carillon")
		answer, err := f.transport.RoundTrip(request) // which follows no redirect
		if err != nil {
			return looked, f.refused(ctx, request.URL.Host, err)
		}
		if to, err := answer.Location(); err == nil && answer.StatusCode/100 == 3 {
			_ = answer.Body.Close()
			if moves == mostMoves {
				return looked, fault.New(fault.Unavailable, "%s redirects more than %d times", request.URL.Host, mostMoves)
			}
			address, looked.Moved = to.String(), to.String()
			continue
		}
		looked, err = f.look(ctx, answer, providers.Looked{Moved: looked.Moved}, most)
		return looked, err
	}
}

// look reads an answer.
func (f *Fetcher) look(ctx context.Context, answer *http.Response, looked providers.Looked, most int64) (providers.Looked, error) {
	defer func() { _ = answer.Body.Close() }()
	host := answer.Request.URL.Host
	if answer.StatusCode != http.StatusOK {
		return looked, fault.New(fault.Unavailable, "%s answered %d %s", host, answer.StatusCode, http.StatusText(answer.StatusCode))
	}
	begins, err := io.ReadAll(io.LimitReader(answer.Body, lookedAt))
	if err != nil {
		return looked, f.refused(ctx, host, err)
	}
	looked.Begins, looked.ContentType, looked.Size = begins, answer.Header.Get("Content-Type"), answer.ContentLength
	if looked.Size < 0 {
		rest, err := io.Copy(io.Discard, io.LimitReader(answer.Body, max(most-int64(len(begins)), 0)+1))
		if err == nil {
			looked.Size = int64(len(begins)) + rest
		}
	}
	return looked, nil
}

// Told is what came of telling somebody something.
type Told struct {
	// Status is 0 if there was no answer. Text says why, and else is how the answer began.
	Status int
	Text   string
	// After is the answer's Retry-After.
	After string
}

// maxTold is how much of an answer is kept, in bytes, and maxRead is read, so that the
// connection can be used again.
const (
	maxTold = 500
	maxRead = 64 << 10
)

// Tell posts a body and says what came of it.
func (f *Fetcher) Tell(ctx context.Context, address string, header http.Header, body []byte) Told {
	ctx, cancel := context.WithTimeout(ctx, f.within)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return Told{Text: address + " is no address"}
	}
	request.Header = header
	request.Header.Set("User-Agent", "Carillon")
	answer, err := f.transport.RoundTrip(request) // which follows no redirect
	if err != nil {
		return Told{Text: f.refused(ctx, request.URL.Host, err).Error()}
	}
	defer func() { _ = answer.Body.Close() }()
	told := Told{Status: answer.StatusCode, After: answer.Header.Get("Retry-After")}
	// What it says besides its status matters to people alone: an answer that breaks off is
	// one all the same.
	text, _ := io.ReadAll(io.LimitReader(answer.Body, maxRead))
	told.Text = strings.ToValidUTF8(string(text[:min(len(text), maxTold)]), "")
	return told
}

func (f *Fetcher) ask(ctx context.Context, request *http.Request, most int) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, f.within)
	defer cancel()
	request = request.WithContext(ctx)
	request.Header.Set("User-Agent", "Carillon")
	answer, err := f.transport.RoundTrip(request) // which follows no redirect
	if err != nil {
		return nil, f.refused(ctx, request.URL.Host, err)
	}
	defer func() { _ = answer.Body.Close() }()
	if code := answer.StatusCode; code != http.StatusOK {
		if to := answer.Header.Get("Location"); code >= 300 && code < 400 && to != "" {
			return nil, fault.New(fault.Unavailable, "%s redirects to %s, which is not followed: name the address where the document is", request.URL.Host, to)
		}
		return nil, fault.New(fault.Unavailable, "%s answered %d %s", request.URL.Host, code, http.StatusText(code))
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, int64(most)+1))
	switch {
	case err != nil:
		return nil, f.refused(ctx, request.URL.Host, err)
	case len(body) > most:
		return nil, fault.New(fault.Unavailable, "%s sends more than %d KiB", request.URL.Host, most>>10)
	}
	return body, nil
}

// refused says why nothing was read.
func (f *Fetcher) refused(ctx context.Context, host string, err error) error {
	var timeout net.Error
	var unknown *net.DNSError
	switch {
	case providers.IsPrivate(err):
		return fault.New(fault.Invalid, "%s can't be read: %v", host, err)
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fault.New(fault.Unavailable, "%s does not answer within %s", host, f.within)
	case errors.As(err, &unknown):
		return fault.New(fault.Unavailable, "there is no host %s", unknown.Name)
	}
	return fault.New(fault.Unavailable, "%s can't be read: %s", host, fmt.Sprint(err))
}
