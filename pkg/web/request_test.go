package web_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap/taptest"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/web"
)

func TestTopicsAndGrep(t *testing.T) {
	s := serve(t, web.Config{})
	all, auth, two := s.plain(""), s.plain("?topic=auth"), s.plain("?topic=mail.&topic=auth.err&topic=auth.err.sshd")
	failed, both, space := s.plain("?grep=^fail.d%2B"), s.plain("?topic=auth&grep=fail"), s.plain("?topic=a+b")
	s.publish("auth.err.sshd|failedd+", "auth.info|ok", "mail.err|failed", "mailer|other", "a b|failedd", "auth", "end")
	all.expect("failedd+\nok\nfailed\nother\nfailedd\nauth\nend\n")
	auth.expect("failedd+\nok\nauth\n")
	two.expect("failedd+\nfailed\n")
	failed.expect("failedd+\nfailed\nfailedd\n")
	both.expect("failedd+\n")
	space.expect("failedd\n")
}

func TestLast(t *testing.T) {
	s := serve(t, web.Config{Queue: 5})
	s.publish("a|1", "b|2", "a|3", "b|4", "a|5", "b|6", "a|7")
	for query, want := range map[string]string{
		"": "", "?last=0": "", "?last=": "", "?last=2": "6\n7\n", "?last=2147483647": "3\n4\n5\n6\n7\n", "?last=2&topic=b": "4\n6\n",
		"?last=3&grep=[67]": "6\n7\n",
	} {
		a := s.plain(query, "Last-Event-ID: x-1") // ignored in plain text
		s.publish("b|6 last")
		a.expect(want + "6 last\n")
		a.Body.Close()
		s.readers(0)
		s.stop()
		s = serve(t, web.Config{Queue: 5})
		s.publish("a|1", "b|2", "a|3", "b|4", "a|5", "b|6", "a|7")
	}
}

func TestWrongRequests(t *testing.T) {
	s := serve(t, web.Config{})
	escaped := url.QueryEscape
	for query, reason := range map[string]string{
		"grep=(":                                    "grep is not a regular expression: error parsing regexp: missing closing ): `(`",
		"grep=" + escaped("a{1001}"):                "invalid repeat count",
		"grep=" + strings.Repeat("x", 1001):         "grep of more than 1000 bytes",
		"grep=" + escaped(`(\pL{100}){10}`):         "too much work",
		"grep=" + escaped(`(abcdefghi){1000}`):      "too much work",
		"grep=" + strings.Repeat(escaped(`\pL`), 9): "too much work",
		"grep=" + escaped(`(?:ab){1000}c`):          "2001 steps, at most 2000",
		"grep=100%":                                 `invalid URL escape "%"; write %25 for %`,
		"topic=%zz&grep=x":                          "write %25 for %",
		"grep=a;b":                                  "%3B for ;",
		"last=x":                                    `last="x": write a number of messages`,
		"last=-1":                                   "write a number",
		"last=2147483648":                           "write a number",
		"last=" + strings.Repeat("9", 1000):         `last="99999999999999999999": write`,
		"topic=" + strings.Repeat("x", 256):         "a topic of more than 255 bytes",
		strings.Repeat("topic=x&", 101):             "topic is given more than 100 times",
		"topics=sshd/":                              `unknown parameter "topics": topic, grep, last and raw are known`,
		"grep=a&grep=b":                             "grep is given more than once",
		"last=1&last=2":                             "last is given more than once",
		"raw=yes":                                   `raw="yes": write 1`,
		"raw=1&raw=1":                               "raw is given more than once",
	} {
		s.get("/stream?"+query).status(http.StatusBadRequest, reason)
		s.get("/stream?"+query, "Accept: text/event-stream").status(http.StatusBadRequest, reason)
		s.do(http.MethodHead, "/stream?"+query).status(http.StatusBadRequest, "")
	}
	for _, query := range []string{"grep=" + escaped(`(\d{1,3}\.){3}\d{1,3} .{1000}`), "grep=" + strings.Repeat("x", 1000), "topic=" + strings.Repeat("x", 255),
		strings.Repeat("topic=x&", 100), "&&", "grep=" + escaped(`(?:ab){1000}`)} {
		s.do(http.MethodHead, "/stream?"+query).status(http.StatusOK, "")
	}
	s.get("/stream?raw=1", "Accept: text/event-stream").status(http.StatusBadRequest, "raw=1 is for plain text")
	if s.stream.Readers() != 0 {
		t.Errorf("%d readers are left", s.stream.Readers())
	}
}

func TestMethods(t *testing.T) {
	s := serve(t, web.Config{})
	for _, path := range []string{"/stream", "/"} {
		for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "STRANGE"} {
			a := s.do(method, path)
			a.status(http.StatusMethodNotAllowed, "only GET")
			if got := a.Header.Get("Allow"); got != "GET, HEAD" {
				t.Errorf("%s %s: Allow: %s", method, path, got)
			}
		}
	}
	a := s.do(http.MethodHead, "/stream", "Accept: text/event-stream")
	a.status(http.StatusOK, "")
	if text := a.rest(); text != "" || a.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" {
		t.Errorf("HEAD: %q, %v", text, a.Header)
	}
	s.get("/nothing").status(http.StatusNotFound, "")
	s.get("/stream/x").status(http.StatusNotFound, "")
}

func TestPage(t *testing.T) {
	s := serve(t, web.Config{})
	for _, path := range []string{"/", "/nothing"} {
		a := s.get(path)
		if text := a.rest(); path == "/" && (text != page || a.Header.Get("Cache-Control") != "no-cache") {
			t.Errorf("the page is %q, Cache-Control: %s", text, a.Header.Get("Cache-Control"))
		}
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
				"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
			"Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin", "Access-Control-Allow-Origin": "",
		} {
			if got := a.Header.Get(name); got != want {
				t.Errorf("%s: %s: %q, want %q", path, name, got, want)
			}
		}
	}
}

// Oversized requests are refused before they use much memory, and the server still answers.
func TestHugeRequests(t *testing.T) {
	s := serve(t, web.Config{})
	flood := make([]string, 1000)
	for i := range flood {
		flood[i] = fmt.Sprintf("X-%d: %s", i, strings.Repeat("x", 100))
	}
	s.get("/stream", flood...).status(http.StatusRequestHeaderFieldsTooLarge, "")
	s.get("/stream?grep="+strings.Repeat("x", 100_000)).status(http.StatusRequestHeaderFieldsTooLarge, "")
	s.get("/"+strings.Repeat("x/", 5000)).status(http.StatusNotFound, "")
	conn := s.raw("GET /stream HTTP/1.1\r\nHost: localhost\r\n")
	var err error
	for range 10_000 {
		if _, err = fmt.Fprintf(conn, "X: %01000d\r\n", 0); err != nil {
			break
		}
	}
	if err == nil {
		t.Error("endless headers are read")
	}
	for _, header := range []string{"Content-Length: 1", "Transfer-Encoding: chunked"} {
		for method, want := range map[string]string{"GET": "400", "POST": "405"} {
			got, err := io.ReadAll(s.raw(method + " /stream HTTP/1.1\r\nHost: localhost\r\n" + header + "\r\n\r\n"))
			if err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 "+want) {
				t.Errorf("%s with a body that does not arrive: %q, %v", method, got, err)
			}
		}
	}
	a := s.plain("")
	s.publish("fine")
	a.expect("fine\n")
}

// A reader that comes back continues where it was.
func TestLastEventID(t *testing.T) {
	s := serve(t, web.Config{Queue: 4})
	first := s.events("")
	s.publish("1", "2", "3")
	first.event()
	e := first.event()
	instance, _, _ := strings.Cut(e.id, "-")
	if e.id != instance+"-2" {
		t.Fatal(e)
	}
	s.publish("4", "5")
	const restarted = `gap {"reason":"zmqtap was restarted: what was published meanwhile is missing","time":"`
	tests := []struct {
		name, query, id string
		want            []string // how each event begins
	}{
		{"where it was", "", e.id, []string{`{"message":"3"`, `{"message":"4"`, `{"message":"5"`}},
		{"instead of the last", "?last=1", e.id, []string{`{"message":"3"`, `{"message":"4"`, `{"message":"5"`}},
		{"with a filter", "?grep=[46]", e.id, []string{`{"message":"4"`}},
		{"nothing new", "", instance + "-5", nil},
		{"of the future", "", instance + "-18446744073709551615", nil},
		{"too much", "", instance + "-0", []string{`missed {"count":1,"total":1}`, `{"message":"2"`}},
		{"from another process", "", "0badcafe-2", []string{restarted, `missed {"count":1,"total":1}`, `{"message":"2"`}},
		{"without an instance", "", "2", []string{restarted, `missed {"count":1,"total":1}`}},
		{"half", "", instance + "-", []string{restarted}},
		{"signed", "", instance + "-+2", []string{restarted}},
		{"too large", "", instance + "-18446744073709551616", []string{restarted}},
		{"bytes", "", "\xff\"<\t", []string{restarted}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := s.events(test.query, "Last-Event-ID: "+test.id)
			defer func() { a.Body.Close(); s.readers(1) }()
			for i, want := range test.want {
				e := a.event()
				if got := strings.TrimSpace(e.name + " " + e.data); !strings.HasPrefix(got, want) {
					t.Errorf("event %d is %s, want %s", i, got, want)
				}
			}
			if len(test.want) == 0 {
				s.stream.Report(tap.Gap{Reason: "end"})
				if e := a.event(); e.name != "gap" {
					t.Errorf("event %s", e)
				}
			}
		})
	}
}

func TestLastEventIDBehindTheMemory(t *testing.T) {
	s := serve(t, web.Config{Stream: tap.New(1)}) // remembers one group of messages only
	a := s.events("")
	s.publish("1")
	e := a.event()
	s.publish("2")
	s.publish("3")
	s.publish("4")
	b := s.events("", "Last-Event-ID: "+e.id)
	if e := b.event(); e.name != "missed" || e.data != `{"count":2,"total":2}` {
		t.Errorf("event %s", e)
	}
	if e := b.event(); !strings.HasPrefix(e.data, `{"message":"4"`) {
		t.Errorf("event %s", e)
	}
}

// Two servers do not mistake each other's IDs for their own.
func TestInstances(t *testing.T) {
	one, two := serve(t, web.Config{}), serve(t, web.Config{})
	a := one.events("")
	one.publish("1")
	id := a.event().id
	two.publish("1", "2")
	b := two.events("", "Last-Event-ID: "+id)
	if e := b.event(); e.name != "gap" {
		t.Errorf("event %s", e)
	}
	taptest.Eventually(t, "both", func() bool { return one.server.Clients() == 1 && two.server.Clients() == 1 })
}
