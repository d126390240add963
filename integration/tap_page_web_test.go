package integration

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// docs/tap.md: what browsers reach, and programs that publish.

// Serving a team: with TLS and a token, which curl sends from a file as the page describes.
func TestTapPageTeam(t *testing.T) {
	pub, dir := startPeer(t, "PUB", "--bind", "tcp://127.0.0.1:*"), t.TempDir()
	writeCertificate(t, dir)
	if token := typed(t, dir, pageBlock(t, "### 4. ", "sh", 0)); token.exit(t) != 0 {
		t.Fatal("no token")
	}
	serve := typed(t, dir, "exec "+pageBlock(t, "### 4. ", "sh", 1, "0.0.0.0:8443", "127.0.0.1:0", "tcp://web1.example.com:5558", pub.endpoint))
	site := strings.TrimSuffix(serve.served(t), "/")
	if !strings.HasPrefix(site, "https://127.0.0.1:") {
		t.Fatalf("zmqtap serves %s", site)
	}
	trust := "CURL_CA_BUNDLE=" + filepath.Join(dir, "cert.pem")
	allowed := typed(t, dir, pageBlock(t, "### 3. ", "sh", 4, "https://logs.example.com:8443", site), trust)
	wantOnly(t, func() { pub.send(t, "sshd/web1/", "hello") }, []*receiver{allowed}, "^hello$")
	status := func(path string) string {
		return typed(t, dir, "curl --silent --output /dev/null --write-out '%{http_code}\n' "+site+path, trust).next(t)
	}
	if code := status("/stream"); code != "401" {
		t.Errorf("without a token: %s", code)
	}
	if code := status("/"); code != "200" {
		t.Errorf("the page: %s", code)
	}
	serve.stop(t)
}

// writeCertificate writes cert.pem and key.pem for 127.0.0.1.
func writeCertificate(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: certificate}, "key.pem": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

const nginx = "/usr/sbin/nginx"

// startNginx starts an nginx with the page's location and returns its URL.
func startNginx(t *testing.T, location string) (site string) {
	t.Helper()
	dir := folder(t)
	address := "127.0.0.1:" + freePort(t)
	conf := fmt.Sprintf(`
daemon off;
master_process off;
error_log stderr;
pid %[1]s/pid;
events {}
http {
	access_log off;
	client_body_temp_path %[1]s/body;
	proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
	server {
		listen %[2]s;
		%[3]s
	}
}
`, dir, address, location)
	if err := os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, "nginx", exec.Command(nginx, "-p", dir, "-e", "stderr", "-c", filepath.Join(dir, "nginx.conf")))
	eventually(t, patience, "nginx listens", func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	return "http://" + address
}

// Through nginx as the page sets it up: each line arrives at once, under the host name that zmqtap knows and
// no other.
func TestTapPageNginx(t *testing.T) {
	pub := startPeer(t, "PUB", "--bind", "tcp://127.0.0.1:*")
	serve := startTap(t, strings.Fields(pageBlock(t, "### 4. ", "sh", 2,
		"127.0.0.1:8080", "127.0.0.1:0", "tcp://web1.example.com:5558", pub.endpoint))[1:]...)
	upstream := strings.TrimSuffix(serve.served(t), "/")
	site := startNginx(t, pageBlock(t, "### 4. ", "nginx", 0, "http://127.0.0.1:8080", upstream))
	ask := "curl --silent --no-buffer --header 'Host: logs.example.com' "
	text := typed(t, t.TempDir(), ask+site+"/stream?topic=sshd/")
	events := typed(t, t.TempDir(), ask+"--header 'Accept: text/event-stream' "+site+"/stream?topic=sshd/")
	warmed(t, func() { pub.send(t, "sshd/web1/", "warm-up") }, text.some,
		func() bool { return len(events.lines) > 5 }) // the retry time and the status
	for i := range 3 { // one by one: none waits for the next
		line := fmt.Sprintf("line %d", i)
		pub.send(t, "sudo/web1/", "not asked for")
		pub.send(t, "sshd/web1/", line)
		meets(t, text.next, "^"+line+"$")
		for data := events.next(t); !strings.Contains(data, line); data = events.next(t) {
			if strings.Contains(data, "not asked for") {
				t.Fatalf("received %q", data)
			}
		}
	}
	status := func(host, path string) string {
		return typed(t, t.TempDir(), "curl --silent --output /dev/null --write-out '%{http_code}\n' --header 'Host: "+host+"' "+site+path).next(t)
	}
	if code := status("logs.example.com", "/"); code != "200" {
		t.Errorf("the page: %s", code)
	}
	if code := status("elsewhere.example.net", "/stream"); code != "403" {
		t.Errorf("under another host name: %s", code)
	}
	serve.stop(t)
}

// A program and rsyslog publish into the hub. A late subscriber gets the last messages first.
func TestTapPagePublish(t *testing.T) {
	in, out := nowhere(t), nowhere(t)
	tap := startTap(t, strings.Fields(pageBlock(t, "### 5. ", "sh", 0,
		"tcp://127.0.0.1:5557", in, "tcp://127.0.0.1:5558", out, "127.0.0.1:8080", "127.0.0.1:0"))[1:]...)
	tap.served(t)
	h := &hub{process: tap, in: in, out: out}
	script := filepath.Join(t.TempDir(), "publish.py")
	if err := os.WriteFile(script, []byte(pageBlock(t, "### 5. ", "python", 0)), 0o600); err != nil {
		t.Fatal(err)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	var printed []string
	for i := range 105 {
		printed = append(printed, fmt.Sprintf("order %d ä", i))
	}
	publish := exec.Command(python, script, "billing", in)
	publish.Stdin = strings.NewReader(strings.Join(printed, "\n") + "\n")
	if code := start(t, "publish.py", publish).exit(t); code != 0 {
		t.Fatalf("publish.py ended with %d", code)
	}
	from := intoHub(t, h)
	everything := startPeer(t, "SUB", "--connect", out, "--subscribe", "")
	eventually(t, patience, "rsyslog's lines have reached the hub", func() bool {
		from.logLines(t, loggedBy("sshd", "web1", "hello"))
		for len(everything.messages) > 0 {
			if strings.HasPrefix(everything.joined(t), "sshd/web1/\t") {
				return true
			}
		}
		return false
	})
	late := startPeer(t, "SUB", "--connect", out, "--subscribe", "billing/")
	for _, line := range printed[5:] {
		late.expect(t, "billing/"+host+"/", line)
	}
	found := output(t, "zmqtap", "--raw", "--topic", "sshd/", "--count", "1", out)
	if !strings.HasSuffix(found, " web1 sshd 42 - - hello\n") {
		t.Errorf("the hub remembers %q", found)
	}
	from.stop(t)
	h.stop(t)
}

// The page's table must list exactly the flags that exist.
func TestTapPageTellsEveryFlag(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(repository(), tapPage))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Flags\n")
	section, _, _ = strings.Cut(section, "\n## ")
	name := regexp.MustCompile(`--[a-z][a-z-]+`)
	var listed []string
	for row := range strings.Lines(section) {
		if cells := strings.Split(row, "|"); len(cells) > 2 {
			listed = append(listed, name.FindAllString(cells[1], -1)...)
		}
	}
	var present []string
	for _, command := range [][]string{{"--help"}, {"serve", "--help"}, {"hub", "--help"}} {
		for line := range strings.Lines(output(t, "zmqtap", command...)) {
			if flag := regexp.MustCompile(`^ +(?:-\w, )?(--[a-z-]+)`).FindStringSubmatch(line); flag != nil {
				present = append(present, flag[1])
			}
		}
	}
	slices.Sort(listed)
	slices.Sort(present)
	listed, present = slices.Compact(listed), slices.Compact(present)
	if !slices.Equal(listed, present) {
		t.Errorf("the page lists %q,\nthe programs have %q", listed, present)
	}
}
