package bounce

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"regexp"
	"strconv"
	"strings"

	"carillon/internal/secret"
)

// macBytes is the length of a mark's code: 80 bits, which can't be tried out by mail, and 16
// letters in base 32.
const macBytes = 10

// MaxLocal is how long the part of an address before the + may be, in bytes: 64 are allowed
// before the @ (RFC 5321, 4.5.3.1.1), and the mark takes two numbers of 63 bits in base 36, the
// code and what stands between them.
const MaxLocal = 64 - 1 - (13 + 1 + 13 + 1 + macBytes*8/5)

// letters are those of the codes: in lower case, because servers on the way may lower an address.
var letters = base32.StdEncoding.WithPadding(base32.NoPadding)

// Mark names a message in what comes back of it, and shows that it was sent.
type Mark struct {
	// Channel is 0 where it was not said: a Message-ID has none.
	Channel, Message int64
	// Installation is empty where it was not said: an address has none.
	Installation string
	code         string
}

// Marker makes the marks of one channel's messages and knows them again.
//
// A mark has a code that only who has the channel's secret can make, because whoever makes the
// installation believe a bounce has an address suppressed. The name of the installation, of 80
// random bits, would not do: it stands in every Message-ID, and ids of messages are consecutive,
// so that it keeps out strangers, but none of those who ever were written to. With the code a
// recipient can report the mails that were sent to themselves, and no others.
type Marker struct {
	key          []byte
	installation string
	channel      int64
}

// NewMarker makes the marker of a channel of an installation by the channel's secret.
func NewMarker(of secret.String, installation string, channel int64) Marker {
	key := hmac.New(sha256.New, []byte(of.Reveal()))
	key.Write([]byte("carillon: what mail that comes back is known by, 1"))
	return Marker{key: key.Sum(nil), installation: installation, channel: channel}
}

// Code is the code of a message: 16 lower-case letters and digits.
func (m Marker) Code(message int64) string {
	mac := hmac.New(sha256.New, m.key)
	mac.Write([]byte(m.installation + " " + strconv.FormatInt(m.channel, 10) + " " + strconv.FormatInt(message, 10)))
	return strings.ToLower(letters.EncodeToString(mac.Sum(nil)[:macBytes]))
}

// AppendLocal appends what stands behind the + of the address that a message comes back to.
func (m Marker) AppendLocal(b []byte, message int64) []byte {
	b = append(strconv.AppendInt(b, m.channel, 36), '-')
	b = append(strconv.AppendInt(b, message, 36), '-')
	return append(b, m.Code(message)...)
}

// Knows reports whether a mark is of this channel and installation, and was made here.
func (m Marker) Knows(mark Mark) bool {
	return mark.Message > 0 && (mark.Channel == m.channel || mark.Channel == 0) &&
		(mark.Installation == m.installation || mark.Installation == "") && hmac.Equal([]byte(m.Code(mark.Message)), []byte(mark.code))
}

var (
	// marked is an address that a message comes back to.
	marked = regexp.MustCompile(`(?i)\+([0-9a-z]{1,13})-([0-9a-z]{1,13})-([a-z2-7]{16})@`)
	// identified is a Message-ID of ours.
	identified = regexp.MustCompile(`(?i)<([0-9]{1,19})-([0-9a-z]{16})-([a-z2-7]{16})@`)
)

// mostMarks bounds what is looked at of one text.
const mostMarks = 20

// Marks are the marks in a text: of addresses first, then of Message-IDs.
func Marks(text []byte) (list []Mark) {
	for _, found := range marked.FindAllSubmatch(text, mostMarks) {
		if mark, ok := markOf(found, 36); ok {
			list = append(list, mark)
		}
	}
	for _, found := range identified.FindAllSubmatch(text, mostMarks) {
		message, err := strconv.ParseInt(string(found[1]), 10, 64)
		if err == nil {
			list = append(list, Mark{Message: message, Installation: lower(found[2]), code: lower(found[3])})
		}
	}
	return list
}

// MarkOf is the mark in an address; false if there is none.
func MarkOf(address string) (Mark, bool) {
	found := marked.FindSubmatch([]byte(address))
	if found == nil {
		return Mark{}, false
	}
	return markOf(found, 36)
}

func markOf(found [][]byte, base int) (Mark, bool) {
	channel, wrong := strconv.ParseInt(string(found[1]), base, 64)
	message, also := strconv.ParseInt(string(found[2]), base, 64)
	return Mark{Channel: channel, Message: message, code: lower(found[3])}, wrong == nil && also == nil && channel > 0
}

func lower(b []byte) string { return string(bytes.ToLower(b)) }
