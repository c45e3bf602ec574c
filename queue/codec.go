package queue

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strings"

	"carillon/internal/secret"
)

// codecVersion is the first byte of an encoded envelope. A worker gives an
// envelope of another version back to the store.
const codecVersion = '3'

// Signer signs what goes into Redis, so that who can write there sends no mail, and
// recognizes it; *secret.Signer does.
type Signer interface {
	// Append appends the signature of payload to it, of secret.SumBytes bytes.
	Append(payload []byte) []byte
	// Valid reports whether sum is the signature of payload.
	Valid(payload, sum []byte) bool
}

var sumText = base64.RawURLEncoding

// sumLength is how long a signature is as text.
var sumLength = sumText.EncodedLen(secret.SumBytes)

// errUnsigned says that an envelope was put into Redis by somebody who has not the master
// key, or was changed there.
var errUnsigned = errors.New("its signature is not one of this installation's master key")

// seal writes an envelope and signs all of it.
func seal(e *Envelope, by Signer) string {
	text := encode(e)
	payload := make([]byte, len(text), len(text)+secret.SumBytes)
	copy(payload, text)
	return text + sumText.EncodeToString(by.Append(payload)[len(text):])
}

// unseal reads what seal wrote. Nothing of it is looked at before the signature is found
// to be right, but the version, which says whether there is one.
func unseal(s string, by Signer) (Envelope, error) {
	if s == "" || s[0] != codecVersion {
		return Envelope{}, fmt.Errorf("decode envelope: version %q is not known", s[:min(1, len(s))])
	}
	if len(s) <= sumLength {
		return Envelope{}, fmt.Errorf("decode envelope: %w", errUnsigned)
	}
	text := s[:len(s)-sumLength]
	sum, err := sumText.DecodeString(s[len(text):])
	if err != nil || !by.Valid([]byte(text), sum) {
		return Envelope{}, fmt.Errorf("decode envelope: %w", errUnsigned)
	}
	return decode(text)
}

// encode writes an envelope as ASCII, because it travels in a task header and
// protocol buffers refuse what is no UTF-8 there: numbers are little-endian groups
// of six bits, one a byte, with bit 6 saying that more follow. A message is the
// difference between its id and the one before it, which is a byte where they
// follow each other; attempts are the most frequent one and who differs from it.
func encode(e *Envelope) string {
	var w writer
	w.Grow(64 + 2*len(e.Items))
	w.WriteByte(codecVersion)
	w.signed(e.ID)
	w.signed(e.ChannelID)
	w.signed(e.RunID)
	w.signed(e.CampaignID)
	w.number(math.Float64bits(e.CampaignPerSecond))
	w.flag(e.Transactional)
	w.number(uint64(len(e.Items)))
	before := int64(0)
	for _, j := range e.Items {
		w.signed(j.MessageID - before) // which may wrap, and does so back
		before = j.MessageID
	}
	w.attempts(e.Items)
	return w.String()
}

type writer struct{ strings.Builder }

func (w *writer) number(v uint64) {
	for v >= 64 {
		w.WriteByte(byte(v&63) | 64)
		v >>= 6
	}
	w.WriteByte(byte(v))
}

func (w *writer) signed(v int64) { w.number(uint64(v)<<1 ^ uint64(v>>63)) }

func (w *writer) flag(v bool) {
	if v {
		w.number(1)
		return
	}
	w.number(0)
}

// attempts writes the usual attempt, how many differ from it, and of each how many
// items lie between it and the one before, and its attempt.
func (w *writer) attempts(items []Item) {
	usual := usualAttempt(items)
	w.signed(int64(usual))
	others := 0
	for _, j := range items {
		if j.Attempt != usual {
			others++
		}
	}
	w.number(uint64(others))
	next := 0
	for i, j := range items {
		if j.Attempt != usual {
			w.number(uint64(i - next))
			w.signed(int64(j.Attempt))
			next = i + 1
		}
	}
}

// usualAttempt is the attempt of most items, if there is one.
func usualAttempt(items []Item) (usual int) {
	votes := 0
	for _, j := range items {
		switch {
		case votes == 0:
			usual, votes = j.Attempt, 1
		case j.Attempt == usual:
			votes++
		default:
			votes--
		}
	}
	return usual
}

var errDamaged = errors.New("it is cut short or damaged")

// decode reads what encode wrote.
func decode(s string) (Envelope, error) {
	r := reader{rest: s}
	if v := r.take(); v != codecVersion {
		return Envelope{}, fmt.Errorf("decode envelope: version %q is not known", v)
	}
	e := Envelope{ID: r.signed(), ChannelID: r.signed(), RunID: r.signed(), CampaignID: r.signed()}
	e.CampaignPerSecond = math.Float64frombits(r.number())
	e.Transactional = r.flag()
	items := r.number()
	if r.bad || items > MaxItems {
		return Envelope{}, fmt.Errorf("decode envelope: %w", errDamaged)
	}
	e.Items = make([]Item, items)
	id := int64(0)
	for i := range e.Items {
		id += r.signed()
		e.Items[i].MessageID = id
	}
	r.attempts(e.Items)
	if r.bad || r.rest != "" {
		return Envelope{}, fmt.Errorf("decode envelope %d: %w", e.ID, errDamaged)
	}
	return e, nil
}

// reader takes values off the front; once it is bad it only gives zero values.
type reader struct {
	rest string
	bad  bool
}

func (r *reader) take() byte {
	if r.rest == "" {
		r.bad = true
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *reader) number() uint64 {
	var v uint64
	for i := 0; i < len(r.rest) && i < 11; i++ { // 11 groups of 6 bits hold 64
		b := r.rest[i]
		if b > 127 {
			break
		}
		v |= uint64(b&63) << (6 * i)
		if b < 64 {
			r.rest = r.rest[i+1:]
			return v
		}
	}
	r.bad = true
	return 0
}

func (r *reader) signed() int64 {
	v := r.number()
	return int64(v>>1) ^ -int64(v&1)
}

func (r *reader) flag() bool { return r.number() == 1 }

func (r *reader) attempts(items []Item) {
	usual := int(r.signed())
	for i := range items {
		items[i].Attempt = usual
	}
	others := r.number()
	for next := uint64(0); others > 0 && !r.bad; others-- {
		between, attempt := r.number(), int(r.signed())
		if between >= uint64(len(items))-next {
			r.bad = true
			return
		}
		next += between + 1
		items[next-1].Attempt = attempt
	}
}
