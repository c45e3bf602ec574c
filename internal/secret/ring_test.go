package secret

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	keyOfBefore = "the key of before, of 32 letters"
	keyOfNow    = "the key that holds now, of 32 ls"
)

func TestARingSealsWithOneKeyAndOpensWithAll(t *testing.T) {
	before, err := NewBox(New(keyOfBefore))
	require.NoError(t, err)
	both, err := NewBox(New(keyOfNow), New(keyOfBefore), New(keyOfBefore))
	require.NoError(t, err)
	require.Len(t, both.Ring().IDs(), 2, "a key is in a ring once")
	sealed, err := before.Seal([]byte(plain))
	require.NoError(t, err)
	opened, id, err := both.OpenBy(sealed)
	require.NoError(t, err)
	require.Equal(t, plain, string(opened))
	require.Equal(t, before.Ring().Using(), id)
	require.True(t, strings.HasPrefix(sealed, Prefix(id)))

	sealed, err = both.Seal([]byte(plain))
	require.NoError(t, err)
	_, err = before.Open(sealed)
	require.ErrorContains(t, err, both.Ring().Using())
	require.ErrorContains(t, err, "CARILLON_OTHER_MASTER_KEYS")

	require.True(t, both.Ring().Use(id))
	sealed, err = both.Seal([]byte(plain))
	require.NoError(t, err)
	opened, err = before.Open(sealed)
	require.NoError(t, err)
	require.Equal(t, plain, string(opened))
	require.False(t, both.Ring().Use("00000000"))
	require.Equal(t, id, both.Ring().Using())
}

// What was sealed before keys had ids was sealed by AES-256-GCM under the same derived key.
func TestWhatWasSealedBeforeKeysHadIDsOpens(t *testing.T) {
	derived := sha256.Sum256([]byte("carillon secret box\x00" + keyOfBefore))
	aead := gcm(derived[:])
	nonce := make([]byte, aead.NonceSize())
	old := "enc:v1:" + base64.StdEncoding.EncodeToString(aead.Seal(nonce, nonce, []byte(plain), nil))
	box, err := NewBox(New(keyOfNow), New(keyOfBefore))
	require.NoError(t, err)
	opened, id, err := box.OpenBy(old)
	require.NoError(t, err)
	require.Equal(t, plain, string(opened))
	require.Equal(t, box.Ring().IDs()[1], id)
	other, err := NewBox(New(keyOfNow))
	require.NoError(t, err)
	_, err = other.Open(old)
	require.ErrorContains(t, err, "CARILLON_MASTER_KEY")
}

func TestFingerprintsAreKnownUnderEveryKey(t *testing.T) {
	before, err := NewBox(New(keyOfBefore))
	require.NoError(t, err)
	both, err := NewBox(New(keyOfNow), New(keyOfBefore))
	require.NoError(t, err)
	require.Equal(t, []string{both.Fingerprint("a"), before.Fingerprint("a")}, both.Fingerprints("a"))
}

func TestSignaturesHoldUnderEveryKeyAndForOnePurpose(t *testing.T) {
	before, both := NewRing(New(keyOfBefore)), NewRing(New(keyOfNow), New(keyOfBefore))
	payload := []byte("payload")
	sumOf := func(s *Signer) []byte { return s.Append(payload[:len(payload):len(payload)])[len(payload):] }
	old, fresh := sumOf(before.Signer("links")), sumOf(both.Signer("links"))
	require.Len(t, old, SumBytes)
	for _, sum := range [][]byte{old, fresh} {
		require.True(t, both.Signer("links").Valid(payload, sum))
		require.False(t, both.Signer("envelopes").Valid(payload, sum))
		require.False(t, both.Signer("links").Valid([]byte("Payload"), sum))
		require.False(t, both.Signer("links").Valid(payload, sum[1:]))
	}
	require.False(t, before.Signer("links").Valid(payload, fresh))
	require.False(t, before.Signer("links").Valid(payload, nil))
	before.Add(New(keyOfNow))
	require.True(t, before.Signer("links").Valid(payload, fresh))
}
