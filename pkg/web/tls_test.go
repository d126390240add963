package web_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap/taptest"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/web"
)

// pair is a certificate and its key, in PEM.
type pair struct {
	cert, key string
	trusted   *x509.CertPool
}

func certificate(t *testing.T, number int64) (m pair) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{SerialNumber: big.NewInt(number), Subject: pkix.Name{CommonName: "test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	own, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	m.cert = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	m.key = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: own}))
	m.trusted = x509.NewCertPool()
	m.trusted.AppendCertsFromPEM([]byte(m.cert))
	return m
}

// serveTLS serves with a certificate in files, whose paths it returns.
func serveTLS(t *testing.T, m pair) (s *served, cert, key string) {
	t.Helper()
	dir := t.TempDir()
	cert, key = write(t, filepath.Join(dir, "cert"), m.cert), write(t, filepath.Join(dir, "key"), m.key)
	return serve(t, web.Config{CertFile: cert, KeyFile: key, Heartbeat: 5 * time.Millisecond}), cert, key
}

// serial returns the serial number of the certificate that a new connection gets.
func (s *served) serial() int64 {
	s.t.Helper()
	conn, err := tls.Dial("tcp", s.at, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

// Events arrive at once over HTTP/1.1 and HTTP/2, and the streams end properly.
func TestTLS(t *testing.T) {
	m := certificate(t, 1)
	for version, http2 := range map[int]bool{1: false, 2: true} {
		s, _, _ := serveTLS(t, m)
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: m.trusted}, ForceAttemptHTTP2: http2}}
		t.Cleanup(client.CloseIdleConnections)
		a := s.ask(client, "https://"+s.at, "GET", "/stream", "Accept: text/event-stream")
		if a.ProtoMajor != version || a.StatusCode != 200 {
			t.Fatalf("%s %s", a.Proto, a.Status)
		}
		a.expect("retry: 2000\n\n:\n\n")
		s.publish("t|first")
		if e := a.event(); !strings.HasPrefix(e.data, `{"topic":"t","message":"first"`) {
			t.Errorf("HTTP/%d: %s", version, e)
		}
		b := s.ask(client, "https://"+s.at, "GET", "/stream")
		s.readers(2)
		s.publish("second")
		b.expect("second\n")
		b.Body.Close() // ends the stream, not the connection
		s.readers(1)
		s.stop()
		if !strings.Contains(a.rest(), `"message":"second"`) {
			t.Error("what waited at the end has not arrived")
		}
		s.wait()
		if s.stream.Readers() != 0 || s.server.Clients() != 0 {
			t.Errorf("%d readers are left", s.stream.Readers())
		}
	}
}

func TestTLSOnly(t *testing.T) {
	s, _, _ := serveTLS(t, certificate(t, 1))
	s.do("GET", "/").status(400, "HTTPS")
	if conn, err := tls.Dial("tcp", s.at, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11}); err == nil {
		conn.Close()
		t.Error("TLS 1.1 is spoken")
	}
	taptest.Eventually(t, "the failed handshake in the log", func() bool { return strings.Contains(s.log.String(), "TLS handshake error") })
	if text := s.log.String(); strings.Contains(text, "level=ERROR") || strings.Contains(text, "level=WARN") || strings.Contains(text, "level=INFO") {
		t.Errorf("a stranger fills the log: %s", text)
	}
}

// A renewed certificate serves new connections; until both of its files are there, the old one does.
func TestTLSRenewal(t *testing.T) {
	one, two, three := certificate(t, 1), certificate(t, 2), certificate(t, 3)
	s, cert, key := serveTLS(t, one)
	expect := func(want int64) {
		t.Helper()
		if got := s.serial(); got != want {
			t.Errorf("certificate %d, want %d", got, want)
		}
	}
	replace := func(path, text string) { // by renaming, as renewals do, with an older time
		t.Helper()
		write(t, path+".new", text)
		old := time.Now().Add(-time.Hour)
		if err := os.Chtimes(path+".new", old, old); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	expect(1)
	replace(cert, two.cert)
	expect(1)
	expect(1)
	if text := s.log.String(); strings.Count(text, "the old one stays in use") != 1 || !strings.Contains(text, "private key does not match") {
		t.Errorf("logged: %s", text)
	}
	replace(key, two.key)
	expect(2)
	if err := os.Remove(cert); err != nil {
		t.Fatal(err)
	}
	expect(2)
	write(t, cert, three.cert[:100])
	expect(2)
	write(t, key, three.key)
	expect(2)
	write(t, cert, three.cert)
	expect(3)
	if text := s.log.String(); strings.Count(text, "the old one stays in use") > 4 || strings.Contains(text, "PRIVATE") {
		t.Errorf("logged: %s", text)
	}
}
