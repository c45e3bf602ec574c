package flight

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"slices"

	"carillon/messages"
)

// Owner says whose file it is.
type Owner struct {
	// Installation names the store that message ids are of.
	Installation string
	// WorkerID is the store's id of the worker.
	WorkerID  int64
	ChannelID int64
}

// header is what a file begins with.
type header struct {
	Owner
	// Boot is the boot of the machine: its page cache vouches for the file.
	Boot string
	// Slots is the number of records.
	Slots int
}

var magic = []byte("carillon flights 1\n")

// encode is the header as it stands in the file: the magic line, the length and
// sum of what follows, JSON.
func (h header) encode() ([]byte, error) {
	encoded, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("encode header: %w", err)
	}
	b := append([]byte{}, magic...)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(encoded)))
	b = binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(encoded))
	b = append(b, encoded...)
	if len(b) > headerSize {
		return nil, errors.New("the header is too long")
	}
	return append(b, make([]byte, headerSize-len(b))...), nil
}

// ErrForeign says that a file is not to be believed: of another boot, another
// installation, torn, or none of ours.
var ErrForeign = errors.New("the flight recorder's file is not to be believed")

func decodeHeader(b []byte) (h header, err error) {
	rest, ok := bytes.CutPrefix(b, magic)
	if !ok || len(rest) < 6 {
		return h, fmt.Errorf("%w: it is none of ours", ErrForeign)
	}
	n, sum := int(binary.LittleEndian.Uint16(rest)), binary.LittleEndian.Uint32(rest[2:])
	if rest = rest[6:]; n > len(rest) || crc32.ChecksumIEEE(rest[:n]) != sum {
		return h, fmt.Errorf("%w: its header is torn", ErrForeign)
	}
	if err := json.Unmarshal(rest[:n], &h); err != nil {
		return h, fmt.Errorf("%w: %w", ErrForeign, err)
	}
	return h, nil
}

// Left is what a dead worker has left of one message.
type Left struct {
	Claim
	// Outcome is what is known, complete for the store: the provider's answer, or
	// that it was not asked. It is nil where the provider was asked and its answer
	// is not known.
	Outcome *messages.Outcome
}

// decode reads a whole file. What is wrong with the header is ErrForeign; a record
// that is torn is left out, and with it what may be in doubt.
func decode(content []byte, installation, boot string) (Owner, []Left, error) {
	if len(content) < headerSize {
		return Owner{}, nil, fmt.Errorf("%w: it has %d bytes", ErrForeign, len(content))
	}
	h, err := decodeHeader(content[:headerSize])
	switch {
	case err != nil:
		return Owner{}, nil, err
	case h.Boot != boot || boot == "":
		return h.Owner, nil, fmt.Errorf("%w: the machine has been started again since", ErrForeign)
	case h.Installation != installation:
		return h.Owner, nil, fmt.Errorf("%w: it is of another installation", ErrForeign)
	case h.Slots < 0 || len(content) != headerSize+h.Slots*recordSize:
		return h.Owner, nil, fmt.Errorf("%w: it has %d bytes", ErrForeign, len(content))
	}
	var left []Left
	for slot := range h.Slots {
		if l, ok := decodeRecord(content[headerSize+slot*recordSize:][:recordSize], h.Owner); ok {
			left = append(left, l)
		}
	}
	return h.Owner, left, nil
}

func decodeRecord(r []byte, owner Owner) (Left, bool) {
	s := binary.NativeEndian.Uint32(r[atState:])
	c, whole := readClaim(r)
	if !whole || s == free || s > answered {
		return Left{}, false
	}
	l := Left{Claim: c}
	switch s {
	case claimed:
		l.Outcome = &messages.Outcome{State: messages.Pending, Unspent: true, NotAsked: true}
	case answered:
		if o, err := readAnswer(r); err == nil {
			l.Outcome = &o
		}
	}
	if o := l.Outcome; o != nil {
		o.MessageID, o.EnvelopeID, o.RunID, o.Attempt = c.MessageID, c.EnvelopeID, c.RunID, c.Attempt
		o.WorkerID, o.ChannelID = owner.WorkerID, owner.ChannelID
	}
	return l, true
}

// Wreck is the file of a worker that died, locked for this process.
type Wreck struct {
	Owner
	// Path is where it lies.
	Path string
	Left []Left

	handle *os.File // holds the lock
}

// Release lets the file go, for others or a later time to find it again.
func (w Wreck) Release() error { return w.handle.Close() }

// Remove ends the file: everything in it is settled.
func (w Wreck) Remove() error { return errors.Join(os.Remove(w.Path), w.handle.Close()) }

// Outcomes are what is known of what was left, and InDoubt how many messages
// nothing is known of.
func (w Wreck) Outcomes() (known []messages.Outcome, inDoubt int) {
	for _, l := range w.Left {
		if l.Outcome == nil {
			inDoubt++
			continue
		}
		known = append(known, *l.Outcome)
	}
	return slices.Clip(known), inDoubt
}
