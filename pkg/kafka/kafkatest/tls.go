package kafkatest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// Authority signs certificates, of brokers for 127.0.0.1 and localhost, and of clients.
type Authority struct {
	CA string // the file with its own certificate

	t      testing.TB
	folder string
	cert   *x509.Certificate
	key    *ecdsa.PrivateKey
}

// NewAuthority makes an authority. That of a cluster is Cluster.Authority; clients do not trust another one's brokers,
// and brokers not its clients.
func NewAuthority(t testing.TB) *Authority {
	t.Helper()
	a := &Authority{t: t, folder: t.TempDir()}
	var der []byte
	a.key, der = a.sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: "authority of a test"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign,
	})
	var err error
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.CA = a.write("ca.pem", block("CERTIFICATE", der))
	return a
}

// Issue makes a certificate with that common name. It returns the files of the certificate and of its key. Another
// call with the same name replaces them.
func (a *Authority) Issue(name string) (certFile, keyFile string) {
	a.t.Helper()
	return a.IssueUntil(name, time.Now().Add(24*time.Hour))
}

// IssueUntil makes a certificate that ends at that time.
func (a *Authority) IssueUntil(name string, end time.Time) (certFile, keyFile string) {
	a.t.Helper()
	cert, key := a.issue(name, end)
	return a.write(name+".crt", cert), a.write(name+".key", key)
}

// store makes a certificate in a file as a broker wants it: with its key.
func (a *Authority) store(name string) string {
	a.t.Helper()
	cert, key := a.issue(name, time.Now().Add(24*time.Hour))
	return a.write(name+".pem", slices.Concat(key, cert))
}

func (a *Authority) issue(name string, end time.Time) (cert, key []byte) {
	a.t.Helper()
	secret, der := a.sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: name}, NotAfter: end, KeyUsage: x509.KeyUsageDigitalSignature,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	})
	text, err := x509.MarshalPKCS8PrivateKey(secret)
	if err != nil {
		a.t.Fatal(err)
	}
	return block("CERTIFICATE", der), block("PRIVATE KEY", text)
}

// sign makes a key, and a certificate from a template: of the authority itself if it has none yet.
func (a *Authority) sign(template *x509.Certificate) (*ecdsa.PrivateKey, []byte) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore = time.Now().Add(-24 * time.Hour)
	if template.NotAfter.IsZero() {
		template.NotAfter = time.Now().Add(24 * time.Hour)
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	return key, der
}

func (a *Authority) write(name string, text []byte) string {
	a.t.Helper()
	file := filepath.Join(a.folder, name)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		a.t.Fatal(err)
	}
	return file
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
