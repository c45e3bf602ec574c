package secret

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const plain = "hunter2-hunter2-hunter2"

func TestNoWayOfPrintingShowsASecret(t *testing.T) {
	type outer struct {
		Public String
		hidden String
	}
	s := New(plain)
	o := outer{Public: s, hidden: s}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "secret", s, "outer", o)
	encoded, err := json.Marshal(o)
	require.NoError(t, err)
	for _, printed := range []string{
		fmt.Sprint(s), fmt.Sprintf("%+v %#v %s %q %x %d", s, s, s, s, s, s), fmt.Sprintf("%v %+v %#v", o, o, o),
		fmt.Sprintf("%+v", &o), fmt.Errorf("failed: %v", s).Error(), log.String(), string(encoded),
	} {
		require.NotContains(t, printed, "hunter2")
		require.NotContains(t, printed, fmt.Sprintf("%x", "hunter2"))
	}
	require.Equal(t, plain, s.Reveal())
	require.Equal(t, Redacted, s.String())
	require.Empty(t, String{}.String())
	require.True(t, New("").Empty())
}

func TestUnmarshalTakesASecretIn(t *testing.T) {
	var v struct{ Key String }
	require.NoError(t, json.Unmarshal([]byte(`{"Key":"`+plain+`"}`), &v))
	require.Equal(t, plain, v.Key.Reveal())
}

func TestBox(t *testing.T) {
	box, err := NewBox(New("0123456789abcdef"))
	require.NoError(t, err)
	sealed, err := box.Seal([]byte(plain))
	require.NoError(t, err)
	require.NotContains(t, sealed, plain)
	again, err := box.Seal([]byte(plain))
	require.NoError(t, err)
	require.NotEqual(t, sealed, again, "each sealing has its own nonce")
	opened, err := box.Open(sealed)
	require.NoError(t, err)
	require.Equal(t, plain, string(opened))

	other, err := NewBox(New("another key of 16 bytes"))
	require.NoError(t, err)
	_, err = other.Open(sealed)
	require.ErrorContains(t, err, "CARILLON_MASTER_KEY")
	for _, damaged := range []string{"", "enc:v1:", "enc:v1:!!", sealed[:len(sealed)-8], plain} {
		_, err = box.Open(damaged)
		require.Error(t, err)
	}
	_, err = NewBox(New("short"))
	require.ErrorContains(t, err, "openssl rand")
}

func TestFingerprint(t *testing.T) {
	box, err := NewBox(New("0123456789abcdef"))
	require.NoError(t, err)
	other, err := NewBox(New("another key of 16 bytes"))
	require.NoError(t, err)
	mark := box.Fingerprint("1", "email", "ada@example.org")
	require.Len(t, mark, 64)
	require.Equal(t, mark, box.Fingerprint("1", "email", "ada@example.org"))
	for _, different := range []string{
		other.Fingerprint("1", "email", "ada@example.org"), box.Fingerprint("2", "email", "ada@example.org"),
		box.Fingerprint("1email", "", "ada@example.org"), box.Fingerprint("1", "email"),
	} {
		require.NotEqual(t, mark, different)
	}
}
