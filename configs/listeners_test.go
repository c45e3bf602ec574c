package configs

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTrustedProxies(t *testing.T) {
	t.Chdir(t.TempDir())
	proxies := func(text string) string {
		c, err := Load(Options{Environ: []string{"CARILLON_TRUSTED_PROXIES=" + text}})
		if err != nil {
			return err.Error()
		}
		list := ""
		for _, network := range c.Proxies() {
			list += network.String() + " "
		}
		return list
	}
	for text, want := range map[string]string{
		"":                           "",
		"127.0.0.1":                  "127.0.0.1/32 ",
		"10.1.0.0/16 , 2001:db8::1,": "10.1.0.0/16 2001:db8::1/128 ",
		"::ffff:192.0.2.1":           "192.0.2.1/32 ",
		"Loopback":                   "127.0.0.0/8 ::1/128 ",
		"private":                    "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7 ",
	} {
		require.Equal(t, want, proxies(text), text)
	}
	for text, want := range map[string]string{
		"0.0.0.0/0":         "would believe everybody",
		"127.0.0.1, ::/0":   "would believe everybody",
		"10.1.2.3/16":       "write 10.1.2.3 for the one, 10.1.0.0/16 for the other",
		"proxy.example.org": "must be an address such as 127.0.0.1",
		"*":                 "must be an address such as 127.0.0.1",
		"10.1.2.3:80":       "must be an address such as 127.0.0.1",
		"fe80::1%eth0":      "must be an address such as 127.0.0.1",
	} {
		require.Contains(t, proxies(text), want, text)
	}
}

func TestListenersAreRefused(t *testing.T) {
	t.Chdir(t.TempDir())
	for setting, want := range map[string]string{
		"CARILLON_PUBLIC_LISTEN=8081":      "must be an address and a port such as 127.0.0.1:8081",
		"CARILLON_BOUNCE_LISTEN=2525":      "must be an address and a port such as 127.0.0.1:2525",
		"CARILLON_TLS_CERT_FILE=cert.pem":  "the file of the certificate's private key",
		"CARILLON_TLS_KEY_FILE=key.pem":    "the file of the key's certificate",
		"CARILLON_PROXY_HEADER=X-Real-IP":  "must be one of X-Forwarded-For, Forwarded",
		"CARILLON_TRUSTED_PROXIES=nothing": "trusted_proxies",
		"CARILLON_CONSOLE_URL=carillon":    "console_url",
	} {
		_, err := Load(Options{Environ: []string{setting}})
		require.ErrorContains(t, err, want, setting)
	}
}
