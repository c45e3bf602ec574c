package testenv

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/clock"
)

// Certificate makes a self-signed certificate for 127.0.0.1 that is good for a
// month, and its PEM form for those who are to trust it.
func Certificate(t testing.TB) (own tls.Certificate, pemText string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	now := clock.System{}.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(30 * 24 * time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: private},
		string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}))
}

// writeCertificate writes a server's certificate and key into its directory, for its user alone.
func writeCertificate(own tls.Certificate, d directory, owner *account) (certFile, keyFile string, err error) {
	key, err := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
	if err != nil {
		return "", "", err
	}
	certFile, keyFile = d.join("server.pem"), d.join("server.key")
	for path, block := range map[string]*pem.Block{
		certFile: {Type: "CERTIFICATE", Bytes: own.Certificate[0]}, keyFile: {Type: "PRIVATE KEY", Bytes: key},
	} {
		err = errors.Join(err, os.WriteFile(path, pem.EncodeToMemory(block), 0o600))
		if owner != nil {
			err = errors.Join(err, os.Chown(path, int(owner.uid), int(owner.gid)))
		}
	}
	return certFile, keyFile, err
}
