package redis_test

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
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis/redistest"
)

// authority is a certificate authority of one test.
type authority struct {
	t      *testing.T
	folder string
	cert   *x509.Certificate
	key    *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t, folder: t.TempDir()}
	a.cert, a.key = a.issue("ca")
	return a
}

func (a *authority) file(name string) string { return filepath.Join(a.folder, name) }

// issue writes NAME.crt and NAME.key, signed by the authority, the first by itself.
func (a *authority) issue(name string) (*x509.Certificate, *ecdsa.PrivateKey) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IsCA: a.cert == nil, BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	a.write(name+".crt", "CERTIFICATE", der)
	a.write(name+".key", "EC PRIVATE KEY", secret)
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert, key
}

func (a *authority) write(name, kind string, der []byte) {
	if err := os.WriteFile(a.file(name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	ours, other := newAuthority(t), newAuthority(t)
	ours.issue("server")
	ours.issue("client")
	other.issue("client")
	server := redistest.Start(t)
	tlsPort := redistest.FreePort(t)
	for name, value := range map[string]any{
		"tls-cert-file": ours.file("server.crt"), "tls-key-file": ours.file("server.key"), "tls-ca-cert-file": ours.file("ca.crt"),
	} {
		server.Do("config", "set", name, value)
	}
	server.Do("config", "set", "tls-port", tlsPort)
	secure := "rediss://127.0.0.1:" + tlsPort + "?list=logs"
	client := func(of *authority, ca string) func(*redis.Config) {
		return func(c *redis.Config) {
			c.CAFile, c.CertFile, c.KeyFile = ca, of.file("client.crt"), of.file("client.key")
		}
	}
	for _, c := range []struct {
		name, to string
		change   func(*redis.Config)
		want     string
	}{
		{"client certificate", secure, client(ours, ours.file("ca.crt")), "ok"},
		{"no client certificate", secure, func(c *redis.Config) { c.CAFile = ours.file("ca.crt") }, "does not accept this TLS client"},
		{"another's client certificate", secure, client(other, ours.file("ca.crt")), "does not accept this TLS client"},
		{"another authority", secure, client(ours, other.file("ca.crt")), "its certificate is not trusted"},
		{"the system's authorities", secure, client(ours, ""), "its certificate is not trusted"},
	} {
		w, log := writer(t, c.to, c.change)
		fates := store(t, w, numbered(alice, 1))
		if !strings.Contains(fates[0], c.want) {
			t.Errorf("%s: %v, want %s\n%s", c.name, fates, c.want, log)
		}
	}
	w, log := writer(t, "rediss://"+server.Addr()+"?list=logs", func(c *redis.Config) { c.Timeout = 100 * time.Millisecond })
	if err := tryUntilLogged(t, w, log); err == nil || !strings.Contains(err.Error(), "does not speak TLS on this port") {
		t.Error(err)
	}
	target, err := redis.ParseTarget(secure)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []redis.Config{
		{CAFile: "/nonexistent"}, {CAFile: ours.file("ca.key")}, {CertFile: ours.file("client.crt")}, {CertFile: ours.file("client.crt"), KeyFile: other.file("client.key")},
		{PasswordFile: "/nonexistent"}, {PasswordFile: "/dev/null"}, {PasswordFile: "/dev/zero"}, {PasswordFile: t.TempDir()},
	} {
		c.Target, c.Logger = target, discard
		if _, err := redis.NewWriter(c); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
}
