package gate

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"carillon/access"
	"carillon/internal/fault"
)

// contentHash is a body that hashes what is read of it. The boundary of a
// multipart body is left out, because clients choose another one for each try.
type contentHash struct {
	io.ReadCloser
	hash     hash.Hash
	boundary []byte
	// held may be the beginning of a boundary; it is shorter than one.
	held  []byte
	bytes int64
	ended bool
}

// newContentHash takes the place of a request's body.
func newContentHash(r *http.Request) *contentHash {
	c := &contentHash{ReadCloser: r.Body, hash: sha256.New()}
	if _, params, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil {
		c.boundary = []byte(params["boundary"])
	}
	_, _ = fmt.Fprintf(c.hash, "%s %s\n", r.Method, r.URL.RequestURI())
	return c
}

// Read reads and hashes a piece.
func (c *contentHash) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.add(p[:n])
	c.bytes += int64(n)
	c.ended = c.ended || err != nil
	return n, err
}

func (c *contentHash) add(piece []byte) {
	if len(c.boundary) == 0 {
		_, _ = c.hash.Write(piece)
		return
	}
	text := slices.Concat(c.held, piece)
	for {
		at := bytes.Index(text, c.boundary)
		if at < 0 {
			break
		}
		_, _ = c.hash.Write(text[:at])
		_, _ = c.hash.Write([]byte{0})
		text = text[at+len(c.boundary):]
	}
	done := max(0, len(text)-len(c.boundary)+1)
	_, _ = c.hash.Write(text[:done])
	c.held = append([]byte(nil), text[done:]...)
}

// maxEpilogue bounds what is read behind the last part of a body, in bytes.
const maxEpilogue = 64 << 10

// whole is the length of the body and its hash, once the handler has read what
// it needed.
func (c *contentHash) whole() string {
	if !c.ended {
		_, _ = io.CopyN(io.Discard, c, maxEpilogue)
	}
	_, _ = c.hash.Write(c.held)
	c.held = nil
	return strconv.FormatInt(c.bytes, 10) + ":" + hex.EncodeToString(c.hash.Sum(nil))
}

// slack is by how much a repeated body may be longer than the first one, in
// bytes: boundaries may have 70 characters (RFC 2046), and an upload has few.
const slack = 4 << 10

// compare reads the body and says whether it is the one whose hash is kept. More
// than that one had is not read.
func (c *contentHash) compare(kept string) (access.AnswerState, error) {
	length, keptHash, _ := strings.Cut(kept, ":")
	most, _ := strconv.ParseInt(length, 10, 64) // 0 for what nobody wrote so: nothing equals it
	_, err := io.CopyN(io.Discard, c, most+slack)
	switch {
	case err == nil:
		return access.AnswerMismatch, nil // it goes on
	case fault.Is(err, fault.TooSlow):
		return access.AnswerMismatch, err
	case !errors.Is(err, io.EOF):
		return access.AnswerMismatch, fault.New(fault.Invalid, "the body of the request did not come whole")
	}
	if _, own, _ := strings.Cut(c.whole(), ":"); own != keptHash {
		return access.AnswerMismatch, nil
	}
	return access.AnswerKept, nil
}
