package web_test

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	limited "github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/log"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap/taptest"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/web"
)

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const secret = "0123456789abcdef"

const needed = "this stream needs a token"

// admitted checks the status with which a request with these headers is answered, and a part of the body.
func (s *served) admitted(want int, part string, headers ...string) {
	s.t.Helper()
	a := s.do(http.MethodHead, "/stream", headers...)
	a.status(want, "")
	if a = s.get("/stream?last=x", headers...); want == http.StatusOK {
		a.status(http.StatusBadRequest, "last=")
	} else {
		a.status(want, part)
	}
	if got := a.Header.Get("WWW-Authenticate"); (got == `Bearer realm="zmqtap"`) != (want == http.StatusUnauthorized) {
		s.t.Errorf("WWW-Authenticate: %s", got)
	}
}

func TestToken(t *testing.T) {
	file := write(t, filepath.Join(t.TempDir(), "token"), " "+secret+"\n")
	s := serve(t, web.Config{TokenFile: file, Origins: []string{"https://a.example"}})
	ask := func(want int, part string, headers ...string) { t.Helper(); s.admitted(want, part, headers...) }
	ask(401, needed)
	for _, wrong := range []string{"", "Bearer", "Bearer ", "Bearer " + secret[1:], "Bearer " + secret + "0", "Bearer x" + secret, secret, "Basic " + secret, "Bearer " + strings.ToUpper(secret),
		"Bearer " + secret + " " + secret, "Bearer " + strings.Repeat("x", 10_000)} {
		ask(401, needed, "Authorization: "+wrong)
	}
	ask(401, needed, "Authorization: Bearer wrong", "Authorization: Bearer "+secret)
	for _, right := range []string{"Bearer ", "bearer ", "BEARER  "} {
		ask(200, "", "Authorization: "+right+secret)
	}
	s.do(http.MethodPost, "/stream").status(401, needed)
	s.do(http.MethodPost, "/stream", "Authorization: Bearer "+secret).status(405, "")
	s.do(http.MethodOptions, "/stream").status(401, needed)
	s.get("/").status(200, page) // the page needs no token: it asks for it
	s.get("/stream?token="+secret).status(401, needed)

	a := s.plain("", "Authorization: Bearer "+secret)
	write(t, file, "another-token-of-some-length")
	ask(401, needed, "Authorization: Bearer "+secret)
	ask(200, "", "Authorization: Bearer another-token-of-some-length")
	s.publish("still")
	a.expect("still\n") // a connected reader stays

	for _, broken := range []string{"", "\n", secret[1:], secret + " " + secret, secret + "\n" + secret, strings.Repeat("x", 4097)} {
		write(t, file, broken)
		ask(500, "the server cannot read its token", "Authorization: Bearer "+strings.Join(strings.Fields(broken), " "))
	}
	write(t, file, strings.Repeat("x", 4096))
	ask(200, "", "Authorization: Bearer "+strings.Repeat("x", 4096))
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	ask(500, "the server cannot read its token", "Authorization: Bearer "+secret)
	if text := s.log.String(); strings.Contains(text, secret) || !strings.Contains(text, "nobody can read the stream: the token file is unusable") {
		t.Errorf("logged: %s", text)
	}
}

func TestNewLooksAtItsFiles(t *testing.T) {
	dir := t.TempDir()
	for _, file := range []string{filepath.Join(dir, "nothing"), dir, write(t, filepath.Join(dir, "short"), "short"), write(t, filepath.Join(dir, "long"), strings.Repeat("x", 5000))} {
		if _, err := web.New(web.Config{TokenFile: file}); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("token %s: %v", file, err)
		}
		if _, err := web.New(web.Config{CertFile: file, KeyFile: file}); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("certificate %s: %v", file, err)
		}
	}
}

// allows checks which origin an answer allows, and whether Vary tells caches that it depends on the origin.
func (a *answer) allows(origin string, varies bool) {
	a.t.Helper()
	want := map[string]string{"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": "", "Access-Control-Allow-Headers": "",
		"Access-Control-Allow-Methods": "", "Access-Control-Max-Age": ""}
	if origin != "" {
		want["Access-Control-Allow-Headers"] = "Authorization, Last-Event-ID, Cache-Control"
		want["Access-Control-Allow-Methods"], want["Access-Control-Max-Age"] = "GET, HEAD", "600"
	}
	h := a.Header
	for name, value := range want {
		if got := h.Get(name); got != value {
			a.t.Errorf("%s for %q: %s: %q, want %q", a.Status, origin, name, got, value)
		}
	}
	if (h.Get("Vary") == "Origin") != varies {
		a.t.Errorf("%s varies by %q", a.Status, h.Get("Vary"))
	}
}

func TestCORS(t *testing.T) {
	const a, b = "https://a.example", "http://b.example:8080"
	token := write(t, filepath.Join(t.TempDir(), "token"), secret)
	for _, test := range []struct {
		name           string
		origins        []string
		origin, answer string
	}{
		{"off", nil, a, ""},
		{"no origin", []string{a}, "", ""},
		{"the one", []string{a}, a, a},
		{"one of them", []string{a, b}, b, b},
		{"another", []string{a}, b, ""},
		{"another scheme", []string{a}, "http://a.example", ""},
		{"another port", []string{a}, a + ":444", ""},
		{"longer", []string{a}, a + ".evil.example", ""},
		{"null", []string{a}, "null", ""},
		{"a star sent", []string{a}, "*", ""},
		{"all", []string{"*"}, a, "*"},
		{"all, null", []string{b, "*"}, "null", "*"},
		{"all, no origin", []string{"*"}, "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, web.Config{Origins: test.origins, TokenFile: token})
			var origin []string
			if test.origin != "" {
				origin = []string{"Origin: " + test.origin}
			}
			right := append(origin, "Authorization: Bearer "+secret)
			answers := []*answer{s.do("HEAD", "/stream", right...), s.get("/stream?last=x", right...), s.get("/stream", origin...), s.do("OPTIONS", "/stream", origin...)}
			want := []int{200, 400, 401, 401} // a page may read why it was refused
			if test.answer != "" {
				want[3] = 204
			}
			for i, got := range answers {
				got.status(want[i], "")
				got.allows(test.answer, len(test.origins) > 0)
			}
			if got := s.get("/", origin...).Header.Get("Access-Control-Allow-Origin"); got != "" {
				t.Errorf("the page allows %q", got)
			}
		})
	}
}

// A Host header with a name that is not this host's comes from a web site that sends its visitors here.
func TestHost(t *testing.T) {
	own, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, web.Config{Hosts: []string{"logs.example"}})
	guarded := serve(t, web.Config{TokenFile: write(t, filepath.Join(t.TempDir(), "token"), secret)})
	l, err := net.Listen("unix", filepath.Join(short(t), "s"))
	if err != nil {
		t.Fatal(err)
	}
	local := serve(t, web.Config{}, l)
	for host, known := range map[string]bool{
		"127.0.0.1": true, "127.0.0.1:80": true, "[::1]:8080": true, "[::1]": true, "192.0.2.1": true, "localhost": true, "LocalHost:80": true, "localhost.": true,
		own: true, strings.ToUpper(own) + ":1": true, "logs.example": true, "LOGS.example:8080": true, "logs.example.:80": true,
		"evil.example": false, "evil.example:80": false, "localhost.evil.example": false, "logs.example.evil.example": false, "127.0.0.1.evil.example": false,
		"127.0.0.1.": true, "evil": false, "0x7f.1": false, "127.1": false, "xlocalhost": false,
	} {
		for _, path := range []string{"/stream?last=x", "/"} {
			want := map[bool]int{true: 200, false: 403}[known]
			if known && path != "/" {
				want = 400
			}
			a := s.get(path, "Host: "+host)
			if a.StatusCode != want {
				t.Errorf("Host: %s: %s: %s", host, path, a.Status)
			}
			if !known {
				a.status(403, "start zmqtap with --http-host")
			}
			guarded.get(path, "Host: "+host, "Authorization: Bearer "+secret).status(map[string]int{"/": 200, "/stream?last=x": 400}[path], "")
		}
		b := make([]byte, 12)
		if _, err := local.raw("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n").Read(b); err != nil || string(b) != "HTTP/1.1 200" {
			t.Errorf("Host: %s by a Unix socket: %q, %v", host, b, err)
		}
	}
}

// short returns a folder whose path is short enough for a Unix socket.
func short(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "rz-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// Requests do not fill the log, whatever is wrong with them or with the server's files.
func TestRequestsDoNotFillTheLog(t *testing.T) {
	const requests = 300
	file := write(t, filepath.Join(t.TempDir(), "token"), secret)
	unusable := serve(t, web.Config{TokenFile: file})
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	encrypted, _, _ := serveTLS(t, certificate(t, 1))
	began := time.Now()
	for range requests {
		unusable.get("/stream").status(500, "")
		encrypted.do("GET", "/").status(400, "")
	}
	for _, s := range []*served{unusable, encrypted} {
		taptest.Eventually(t, "a line", func() bool { return s.log.String() != "" })
		most := limited.Burst + 1 + int(time.Since(began)/time.Second)
		if n := strings.Count(s.log.String(), "\n"); n > most {
			t.Errorf("%d lines of log for %d requests", n, requests)
		}
	}
}
