package secret

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"
)

// MAC is a keyed hash of parts for one purpose, by the key in use, with the id of the key
// before it: whoever lacks the master key can make none. What was made for one purpose is good
// for no other.
func (b *Box) MAC(purpose string, parts ...string) string {
	return b.ring.held.Load().using.mac(purpose, parts)
}

// CheckMAC reports whether MAC made mac of the same purpose and parts, by any key of the ring,
// and whether the key that it names is one of these.
func (b *Box) CheckMAC(mac, purpose string, parts ...string) (right, known bool) {
	id, _, _ := strings.Cut(mac, ".")
	k := b.ring.held.Load().find(id)
	if k == nil {
		return false, false
	}
	return hmac.Equal([]byte(mac), []byte(k.mac(purpose, parts))), true
}

func (k *key) mac(purpose string, parts []string) string {
	derived := hmac.New(sha256.New, k.printKey)
	derived.Write([]byte("carillon mac\x00" + purpose))
	mac := hmac.New(sha256.New, derived.Sum(nil))
	for _, part := range parts {
		mac.Write(binary.AppendUvarint(nil, uint64(len(part))))
		mac.Write([]byte(part))
	}
	return k.id + "." + hex.EncodeToString(mac.Sum(nil))
}
