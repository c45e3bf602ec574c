package queue

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"carillon/providers"
)

// codecVersion is the first byte of an encoded envelope. A worker gives an
// envelope of another version back to the store.
const codecVersion = '1'

// encode writes an envelope as valid UTF-8, because it travels in a task header
// and protocol buffers refuse other strings there: numbers are little-endian
// groups of six bits, one a byte, with bit 6 saying that more follow; texts are
// their length and their bytes. With clean, bytes that are no UTF-8 become
// U+FFFD; without, they stay and Redis will not see the envelope: looking for
// them takes as long as all the rest, and protocol buffers do it anyway.
func encode(e *Envelope, clean bool) string {
	w := writer{clean: clean}
	w.Grow(e.size())
	w.WriteByte(codecVersion)
	w.signed(e.ID)
	w.signed(e.ChannelID)
	w.signed(e.RunID)
	w.signed(e.CampaignID)
	w.number(math.Float64bits(e.CampaignPerSecond))
	w.flag(e.Transactional)
	w.number(uint64(len(e.Jobs)))
	for i := range e.Jobs {
		w.job(&e.Jobs[i])
	}
	return w.String()
}

// size is about how long the encoding becomes, at least for texts.
func (e *Envelope) size() int {
	n := 64
	for i := range e.Jobs {
		j := &e.Jobs[i]
		n += 64 + len(j.To) + len(j.ToName) + len(j.Content.Subject) + len(j.Content.Text) + len(j.Content.HTML) +
			len(j.Content.Preheader) + len(j.UnsubscribeURL) + len(j.RecipientKey)
	}
	return n
}

type writer struct {
	strings.Builder
	clean bool
}

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

func (w *writer) text(s string) {
	if w.clean {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	w.number(uint64(len(s)))
	w.WriteString(s)
}

func (w *writer) job(j *Job) {
	w.signed(j.MessageID)
	w.signed(int64(j.Attempt))
	w.text(j.To)
	w.text(j.ToName)
	w.text(j.Content.Subject)
	w.text(j.Content.Text)
	w.text(j.Content.HTML)
	w.text(j.Content.Preheader)
	w.flag(j.Content.Attachment != nil)
	if a := j.Content.Attachment; a != nil {
		w.text(a.URL)
		w.text(a.Filename)
		w.text(a.Caption)
	}
	w.text(j.UnsubscribeURL)
	w.text(j.RecipientKey)
	w.number(uint64(len(j.Metadata)))
	for name, value := range j.Metadata {
		w.text(name)
		w.text(value)
	}
}

var errDamaged = errors.New("it is cut short or damaged")

// decode reads what encode wrote. The texts share the memory of s.
func decode(s string) (Envelope, error) {
	r := reader{rest: s}
	if v := r.take(1); v != string(codecVersion) {
		return Envelope{}, fmt.Errorf("decode envelope: version %q is not known", v)
	}
	e := Envelope{ID: r.signed(), ChannelID: r.signed(), RunID: r.signed(), CampaignID: r.signed()}
	e.CampaignPerSecond = math.Float64frombits(r.number())
	e.Transactional = r.flag()
	jobs := r.number()
	if r.bad || jobs > MaxJobs {
		return Envelope{}, fmt.Errorf("decode envelope: %w", errDamaged)
	}
	e.Jobs = make([]Job, jobs)
	for i := range e.Jobs {
		r.job(&e.Jobs[i])
	}
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

func (r *reader) take(n uint64) string {
	if r.bad || n > uint64(len(r.rest)) {
		r.bad = true
		return ""
	}
	s := r.rest[:n]
	r.rest = r.rest[n:]
	return s
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

func (r *reader) text() string { return r.take(r.number()) }

func (r *reader) job(j *Job) {
	j.MessageID = r.signed()
	j.Attempt = int(r.signed())
	j.To = r.text()
	j.ToName = r.text()
	j.Content.Subject = r.text()
	j.Content.Text = r.text()
	j.Content.HTML = r.text()
	j.Content.Preheader = r.text()
	if r.flag() {
		j.Content.Attachment = &providers.Attachment{URL: r.text(), Filename: r.text(), Caption: r.text()}
	}
	j.UnsubscribeURL = r.text()
	j.RecipientKey = r.text()
	n := r.number()
	if r.bad || n > uint64(len(r.rest))/2 { // an entry has two bytes at least
		r.bad = true
		return
	}
	if n > 0 {
		j.Metadata = make(map[string]string, n)
	}
	for range n {
		name := r.text()
		j.Metadata[name] = r.text()
	}
}
