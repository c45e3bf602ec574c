// Package flight is the worker's flight recorder: a small memory-mapped file
// beside the worker, one for each channel that it serves, in which it notes what it
// is about to claim, that it asks the provider, and what the provider answered. The
// notes cost no system call. The page cache outlives a kill -9, so that who comes
// after the worker settles exactly what it left: not asked, answered, or truly in
// doubt. A reboot ends the page cache, and with it the belief in the file.
//
// It owns the file and what may be believed of it. It must not know the store: what
// a note means for a message is decided by its reader.
package flight

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/crc32"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"
	"unsafe"

	"carillon/messages"
)

// The layout of a file: a header, then records of recordSize bytes each. Numbers
// are little-endian but for each record's state, which is written as the machine
// does: a file is only believed on the machine, and in the boot, that wrote it.
const (
	headerSize = 512
	recordSize = 512

	// Of a record: the state, the sum over the claim, the claim, the sum over the
	// answer, the answer's length, the answer.
	atState, atClaimSum, atClaim = 0, 4, 8
	claimSize                    = 40
	atAnswerSum                  = atClaim + claimSize
	atAnswerLen                  = atAnswerSum + 4
	atAnswer                     = atAnswerLen + 2
	maxAnswer                    = recordSize - atAnswer
)

// state is how far a message has come. It is written last, in one piece, so that
// what it vouches for is whole wherever the process died.
type state = uint32

const (
	free     state = iota
	claimed        // or about to be: the provider was not asked
	asked          // the provider may have the message
	answered       // what the provider said stands in the record
)

// Claim names one try of one message.
type Claim struct {
	MessageID, EnvelopeID, RunID int64
	Attempt                      int
	Transactional                bool
}

// Log is the file of one worker and channel. A nil Log records nothing. It is safe
// for concurrent use.
type Log struct {
	file file

	mu    sync.Mutex
	slots []int // that are free
}

// Flight is one message's record. A nil Flight records nothing.
type Flight struct {
	log    *Log
	slot   int
	record []byte
}

// newLog lays records over a file's memory behind its header.
func newLog(f file, slots int) *Log {
	l := &Log{file: f, slots: make([]int, slots)}
	for i := range slots {
		l.slots[i] = slots - 1 - i
	}
	return l
}

func (l *Log) record(slot int) []byte {
	return l.file.memory[headerSize+slot*recordSize:][:recordSize:recordSize]
}

// Begin notes a message that is about to be claimed. It returns nil where there is
// no room, and the message then is treated as it would be without a recorder.
func (l *Log) Begin(c Claim) *Flight {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	if len(l.slots) == 0 {
		l.mu.Unlock()
		return nil
	}
	slot := l.slots[len(l.slots)-1]
	l.slots = l.slots[:len(l.slots)-1]
	l.mu.Unlock()
	f := &Flight{log: l, slot: slot, record: l.record(slot)}
	putClaim(f.record, c)
	f.set(claimed)
	return f
}

// Asked notes that the provider is asked from now on.
func (f *Flight) Asked() {
	if f != nil {
		f.set(asked)
	}
}

// Answered notes the outcome of asking. One that does not fit is not noted, and
// leaves the message in doubt if the worker dies before the store has it.
func (f *Flight) Answered(o messages.Outcome) {
	if f != nil && putAnswer(f.record, o) {
		f.set(answered)
	}
}

// Done forgets the message: the store knows what became of it. The Flight must not
// be used again.
func (f *Flight) Done() {
	if f == nil {
		return
	}
	f.set(free)
	f.log.mu.Lock()
	defer f.log.mu.Unlock()
	f.log.slots = append(f.log.slots, f.slot)
}

// set publishes a state, after all that was written before it.
func (f *Flight) set(s state) {
	atomic.StoreUint32((*uint32)(unsafe.Pointer(&f.record[atState])), s) // records begin at multiples of 512 of a page
}

func putClaim(r []byte, c Claim) {
	b := r[atClaim:][:claimSize]
	le := binary.LittleEndian
	le.PutUint64(b, uint64(c.MessageID))
	le.PutUint64(b[8:], uint64(c.EnvelopeID))
	le.PutUint64(b[16:], uint64(c.RunID))
	le.PutUint64(b[24:], uint64(c.Attempt))
	le.PutUint64(b[32:], 0)
	if c.Transactional {
		b[32] = 1
	}
	le.PutUint32(r[atClaimSum:], crc32.ChecksumIEEE(b))
}

func readClaim(r []byte) (Claim, bool) {
	b := r[atClaim:][:claimSize]
	le := binary.LittleEndian
	if crc32.ChecksumIEEE(b) != le.Uint32(r[atClaimSum:]) {
		return Claim{}, false
	}
	attempt := le.Uint64(b[24:])
	if attempt > math.MaxInt32 {
		return Claim{}, false
	}
	return Claim{
		MessageID: int64(le.Uint64(b)), EnvelopeID: int64(le.Uint64(b[8:])), RunID: int64(le.Uint64(b[16:])),
		Attempt: int(attempt), Transactional: b[32] == 1,
	}, true
}

// The forms of an answer: what simply was sent, by far the most, is a time and the
// provider's id; the others are JSON.
const (
	formSent = 'S'
	formJSON = 'J'
)

func putAnswer(r []byte, o messages.Outcome) bool {
	b := r[atAnswer:atAnswer]
	if o.State == messages.Sent && o.Kind == "" {
		b = binary.LittleEndian.AppendUint64(append(b, formSent), uint64(o.At.UnixMilli()))
		b = append(b, o.ProviderID...)
	} else {
		// The rest of a JSON object with no text in it takes less than half.
		o.Detail = shorten(o.Detail, maxAnswer/6)
		encoded, err := json.Marshal(o)
		if err != nil {
			return false
		}
		b = append(append(b, formJSON), encoded...)
	}
	if len(b) > maxAnswer {
		return false
	}
	copy(r[atAnswer:], b)
	binary.LittleEndian.PutUint16(r[atAnswerLen:], uint16(len(b)))
	binary.LittleEndian.PutUint32(r[atAnswerSum:], crc32.ChecksumIEEE(b))
	return true
}

// shorten cuts a text to at most so many bytes, between letters.
func shorten(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return strings.Clone(text[:most])
}

var errTorn = errors.New("the record is torn")

// readAnswer is the outcome of a claim whose record says that it was answered.
func readAnswer(r []byte) (o messages.Outcome, err error) {
	n := int(binary.LittleEndian.Uint16(r[atAnswerLen:]))
	if n < 1 || n > maxAnswer {
		return o, errTorn
	}
	b := r[atAnswer:][:n]
	if crc32.ChecksumIEEE(b) != binary.LittleEndian.Uint32(r[atAnswerSum:]) {
		return o, errTorn
	}
	switch form, b := b[0], b[1:]; form {
	case formSent:
		if len(b) < 8 {
			return o, errTorn
		}
		o.State, o.At, o.ProviderID = messages.Sent, time.UnixMilli(int64(binary.LittleEndian.Uint64(b))).UTC(), string(b[8:])
		return o, nil
	case formJSON:
		return o, json.Unmarshal(b, &o)
	}
	return o, errTorn
}
