package value

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/providers"
)

// The keys are those of RFC 8291's example.
const (
	p256dh = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
	auth   = "BTBZMqHH6r4Tts7J_aSIgg"
	wanted = `{"endpoint":"https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV?a=1&b=<2>","keys":{"p256dh":"` + p256dh + `","auth":"` + auth + `"}}`
)

// A subscription is kept in one form, however the browser or a program wrote it.
func TestSubscriptions(t *testing.T) {
	padded := strings.NewReplacer("-", "+", "_", "/").Replace(p256dh) + "="
	endpoint := wanted[len(`{"endpoint":`):strings.Index(wanted, `,"keys"`)]
	for name, v := range map[string]string{
		"as it is kept": wanted,
		"of a browser":  strings.Replace(wanted, `,"keys"`, `,"expirationTime":null,"keys"`, 1),
		"over lines":    fmt.Sprintf(" {\n\t\"keys\": {\"auth\": \"%s==\", \"p256dh\": %q},\r\n\"endpoint\": %s}\n", auth, padded, endpoint),
	} {
		normal, reason := Address(providers.Web, v, "")
		require.Empty(t, reason, name)
		require.Empty(t, strings.Compare(wanted, normal), "%s: letter by letter: %s", name, normal)
	}
}

// carillon sink plays a push service on this machine, without TLS.
func TestASubscriptionAtThisMachine(t *testing.T) {
	played := strings.Replace(wanted, "https://push.example.net", "http://127.0.0.1:9090", 1)
	normal, reason := Address(providers.Web, played, "")
	require.Empty(t, reason)
	require.Equal(t, played, normal)
}

func TestNoSubscriptions(t *testing.T) {
	for v, want := range map[string]string{
		"{": "is no subscription", `{"endpoint":7}`: "is no subscription", "{}": "no https address", wanted + "x": "is no subscription",
		strings.Replace(wanted, "https", "http", 1):                        "no https address",
		strings.Replace(wanted, "push.", "me:secret@push.", 1):             "no https address",
		strings.Replace(wanted, "/push/", "/push\\n/", 1):                  "no https address",
		strings.Replace(wanted, "/push/", "/pu sh/", 1):                    "white space",
		strings.Replace(wanted, p256dh, p256dh[1:], 1):                     "keys.p256dh",
		strings.Replace(wanted, p256dh, p256dh[:40]+"AAAA"+p256dh[44:], 1): "keys.p256dh",
		strings.Replace(wanted, auth, auth[2:], 1):                         "keys.auth",
		strings.Replace(wanted, "/push/", "/"+strings.Repeat("x", 900), 1): "longer than",
	} {
		normal, reason := Address(providers.Web, v, "")
		require.Empty(t, normal, v)
		require.Contains(t, reason, want, v)
	}
	for _, visitor := range []string{"3f2c9b1e", "https://push.example.com/send/7?key=a%2Fb&v=2"} {
		normal, reason := Address(providers.Web, visitor, "")
		require.Empty(t, reason)
		require.Equal(t, visitor, normal, "ids of visitors stay as they are")
	}
}
