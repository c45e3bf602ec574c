package secret

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"
)

// MAC is a keyed hash of parts for one purpose, with the id of the key before it:
// whoever lacks the master key can make none. What was made for one purpose is good for
// no other.
func (b *Box) MAC(purpose string, parts ...string) string {
	key := hmac.New(sha256.New, b.printKey)
	key.Write([]byte("carillon mac\x00" + purpose))
	mac := hmac.New(sha256.New, key.Sum(nil))
	for _, part := range parts {
		mac.Write(binary.AppendUvarint(nil, uint64(len(part))))
		mac.Write([]byte(part))
	}
	return b.macKeyID() + "." + hex.EncodeToString(mac.Sum(nil))
}

// CheckMAC reports whether MAC made mac of the same purpose and parts, and whether the
// key that it names is one of this box.
func (b *Box) CheckMAC(mac, purpose string, parts ...string) (right, known bool) {
	id, _, _ := strings.Cut(mac, ".")
	if id != b.macKeyID() {
		return false, false
	}
	return hmac.Equal([]byte(mac), []byte(b.MAC(purpose, parts...))), true
}

// macKeyID names the key by which MACs are made, and gives nothing of it away.
func (b *Box) macKeyID() string {
	const length = 8
	id := hmac.New(sha256.New, b.printKey)
	id.Write([]byte("carillon mac key id"))
	return hex.EncodeToString(id.Sum(nil))[:length]
}
