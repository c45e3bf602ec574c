package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"sync"
	"sync/atomic"
)

// Ring is the master keys that a process knows: the one that seals and signs, and others,
// under which is opened and recognized what is older, or what others make already. It is
// safe for concurrent use, and never empty.
type Ring struct {
	mu   sync.Mutex
	held atomic.Pointer[held]
}

// held is a ring at a time.
type held struct {
	keys  []*key
	using *key
}

// key is a master key with what is derived of it.
type key struct {
	id       string
	master   String
	aead     cipher.AEAD
	printKey []byte
}

// newKey derives what a master key is used by. Its id is a hash, so that the same key has
// the same id in every process without being named.
func newKey(master String) *key {
	id := sha256.Sum256([]byte("carillon key id\x00" + master.Reveal()))
	boxKey := sha256.Sum256([]byte("carillon secret box\x00" + master.Reveal()))
	printKey := sha256.Sum256([]byte("carillon fingerprint\x00" + master.Reveal()))
	return &key{id: hex.EncodeToString(id[:])[:keyIDLength], master: master, aead: gcm(boxKey[:]), printKey: printKey[:]}
}

// gcm is AES-GCM under a key of 32 bytes, for which neither can fail.
func gcm(boxKey []byte) cipher.AEAD {
	block, err := aes.NewCipher(boxKey)
	if err != nil {
		panic(fmt.Sprintf("make cipher: %v", err))
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(fmt.Sprintf("make cipher: %v", err))
	}
	return aead
}

// keyIDLength is in hexadecimal digits: enough to tell the keys of an installation apart,
// and too little to try out keys by.
const keyIDLength = 8

// NewRing makes a ring that seals and signs by its first key until it is told otherwise.
func NewRing(present String, others ...String) *Ring {
	r := &Ring{}
	h := &held{keys: []*key{newKey(present)}}
	h.using = h.keys[0]
	r.held.Store(h)
	for _, other := range others {
		r.Add(other)
	}
	return r
}

// Add has the ring know one more key, and returns its id.
func (r *Ring) Add(master String) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	k, h := newKey(master), r.held.Load()
	if h.find(k.id) == nil {
		r.held.Store(&held{keys: append(slices.Clone(h.keys), k), using: h.using})
	}
	return k.id
}

// Use has the ring seal and sign by the key with an id, and reports whether it knows it.
func (r *Ring) Use(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.held.Load()
	k := h.find(id)
	if k == nil {
		return false
	}
	if k != h.using {
		r.held.Store(&held{keys: h.keys, using: k})
	}
	return true
}

// Using is the id of the key that seals and signs.
func (r *Ring) Using() string { return r.held.Load().using.id }

// IDs are the ids of all keys, that of the first one first.
func (r *Ring) IDs() []string {
	h := r.held.Load()
	ids := make([]string, len(h.keys))
	for i, k := range h.keys {
		ids[i] = k.id
	}
	return ids
}

func (h *held) find(id string) *key {
	for _, k := range h.keys {
		if k.id == id {
			return k
		}
	}
	return nil
}

// SumBytes is how long a signature is: 128 bits.
const SumBytes = 16

// Signer signs for one purpose: what it signs for one is worth nothing for another. It is
// safe for concurrent use.
type Signer struct {
	ring    *Ring
	purpose string
	macs    sync.Map // *sync.Pool of hash.Hash that have the key, by *key
}

// Signer makes a signer for a purpose.
func (r *Ring) Signer(purpose string) *Signer { return &Signer{ring: r, purpose: purpose} }

// Append appends the signature of payload to it, by the key in use.
func (s *Signer) Append(payload []byte) []byte {
	return s.sum(s.ring.held.Load().using, payload, payload)
}

// Valid reports whether sum is the signature of payload by any key of the ring.
func (s *Signer) Valid(payload, sum []byte) bool {
	h := s.ring.held.Load()
	var room [SumBytes]byte
	if hmac.Equal(s.sum(h.using, payload, room[:0]), sum) {
		return true
	}
	for _, k := range h.keys {
		if k != h.using && hmac.Equal(s.sum(k, payload, room[:0]), sum) {
			return true
		}
	}
	return false
}

func (s *Signer) sum(k *key, payload, to []byte) []byte {
	pool, ok := s.macs.Load(k)
	if !ok {
		derived := sha256.Sum256([]byte(s.purpose + "\x00" + k.master.Reveal()))
		pool, _ = s.macs.LoadOrStore(k, &sync.Pool{New: func() any { return hmac.New(sha256.New, derived[:]) }})
	}
	macs := pool.(*sync.Pool)
	mac := macs.Get().(hash.Hash)
	defer macs.Put(mac)
	mac.Reset()
	mac.Write(payload)
	var room [sha256.Size]byte
	return append(to, mac.Sum(room[:0])[:SumBytes]...)
}
