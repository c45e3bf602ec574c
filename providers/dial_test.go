package providers_test

import (
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/providers"
)

func TestIsPublic(t *testing.T) {
	for address, public := range map[string]bool{
		"93.184.215.14": true, "8.8.8.8": true, "2606:4700::1111": true, "172.32.0.1": true, "100.128.0.1": true,
		"127.0.0.1": false, "127.255.0.1": false, "10.0.0.1": false, "172.16.0.1": false, "192.168.1.1": false,
		"169.254.169.254": false, "100.64.0.1": false, "100.100.100.200": false, "168.63.129.16": false,
		"0.0.0.0": false, "0.1.2.3": false, "255.255.255.255": false, "224.0.0.1": false, "240.0.0.1": false,
		"192.0.2.1": false, "198.18.0.1": false, "198.51.100.1": false, "203.0.113.1": false, "192.88.99.1": false,
		"::": false, "::1": false, "fe80::1": false, "fe80::1%eth0": false, "fc00::1": false, "fd00:ec2::254": false,
		"ff02::1": false, "fec0::1": false, "2001:db8::1": false, "2001::1": false, "100::1": false,
		"::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "::ffff:8.8.8.8": true, "::127.0.0.1": false,
		"64:ff9b::7f00:1": false, "64:ff9b::808:808": true, "64:ff9b:1::1": false,
		"2002:7f00:1::": false, "2002:808:808::": true, "2002:a00:1::1": false,
	} {
		require.Equal(t, public, providers.IsPublic(netip.MustParseAddr(address)), address)
	}
}

// Inside, only those are reached that the configuration names, and with all of
// it opened, still only those are quoted.
func TestDialer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, listener.Close()) })
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	named := "localhost:" + port
	_, err = providers.Dialer{}.DialContext(t.Context(), "tcp", "LocalHost:"+port)
	require.ErrorContains(t, err, "127.0.0.1 is not a public address")
	require.ErrorContains(t, err, "CARILLON_ALLOW_RELAYS="+named+", or")
	require.ErrorContains(t, err, "CARILLON_ALLOW_PRIVATE_ADDRESSES=true")
	require.Equal(t, providers.ErrorAuth, providers.ClassifyDial(err).Kind, "no retry can help")
	for _, other := range []string{"127.0.0.1:" + port, "localhost:1"} {
		_, err = providers.Dialer{Relays: []string{named}}.DialContext(t.Context(), "tcp", other)
		require.ErrorContains(t, err, "not a public address", "%s is not named", other)
	}
	for _, d := range []providers.Dialer{{Relays: []string{named}}, {AllowPrivate: true}} {
		conn, err := d.DialContext(t.Context(), "tcp", "LocalHost:"+port)
		require.NoError(t, err)
		require.Equal(t, !d.AllowPrivate, d.Quotable("LOCALHOST:"+port, conn))
		require.NoError(t, conn.Close())
	}
}

func TestClassifyDial(t *testing.T) {
	require.Equal(t, providers.ErrorTemporary, providers.ClassifyDial(errors.New("refused")).Kind)
	require.Equal(t, providers.ErrorAuth, providers.ClassifyDial(x509.UnknownAuthorityError{}).Kind)
}
