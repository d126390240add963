package web_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/web"
)

// However a topic or a path is written, a tenant gets its own messages or a refusal.
func TestEncodings(t *testing.T) {
	s := serveTenants(t, web.Config{})
	for _, topic := range []string{"beta/", "Acme/", "ACME/", "acme", "", "\x00acme/", "acme\x00/", "acme%2f", "acme%2F", "%61cme/", "acme\\", "a\u0441me/", "./acme/", "/acme/", " acme/",
		"acme/../beta/", "acme/", "acme/\x00", "acme/%00"} {
		s.publish(topic + "|" + topic)
	}
	const own = "acme/../beta/\nacme/\nacme/#000\nacme/%00\n"
	for query, want := range map[string]string{
		"": own, "topic=": own, "topic=&topic=": own, "topic": own, "topic=acme": own, "topic=acme/": own, "topic=acme%2f": own, "topic=acme%2F": own, "topic=%61%63%6d%65/": own,
		"topic=a&topic=acme/../": own, "topic=acme/..": "acme/../beta/\n", "topic=acme/%00": "acme/#000\n", "topic=acme/%2500": "acme/%00\n", "topic=acme/../beta/": "acme/../beta/\n",
		"topic=acme/&topic=": own, "&topic=acme/&": own, "topic=acme/%00&topic=acme/%00": "acme/#000\n",
		"topic=acme/\x00": "400", "topic=beta/": "403", "topic=%62eta/": "403", "topic=acme/&topic=beta/": "403", "topic=beta/&topic=acme/": "403", "topic=&topic=beta/": "403", "topic=Acme/": "403",
		"topic=ACME/": "403", "topic=acme%252f": "403", "topic=%2561cme/": "403", "topic=%00": "403", "topic=%00acme/": "403", "topic=acme%00/": "403", "topic=%00beta/": "403", "topic=%20acme/": "403", "topic=+acme/": "403",
		"topic=/acme/": "403", "topic=./acme/": "403", "topic=acme%5c": "403", "topic=a%D1%81me/": "403", "topic=%ff": "403", "topic=*": "403", "topic=acme*": "403", "topic=a,beta/": "403", "topic=acme/|beta/": "200", "topic=beta/%0d%0aX:y": "403",
		"topic=beta/%": "400", "topic=acme/%zz": "400", "topic=acme/;topic=beta/": "400", "Topic=beta/": "400", "TOPIC=": "400", "topic%00=beta/": "400", "topic[]=beta/": "400", "topic%5B%5D=beta/": "400", "topics=beta/": "400",
		"prefix=": "400", "last=1&last=1000": "400", "raw=1&raw=0": "400", "tenant=beta": "400", "topic=" + strings.Repeat("b", 255): "403", "topic=" + strings.Repeat("b", 256): "400",
		"topic=acme/" + strings.Repeat("b", 250): "200", "topic=acme/" + strings.Repeat("b", 251): "400", strings.Repeat("topic=b&", 100): "403", strings.Repeat("topic=b&", 101): "400",
		"topic=" + strings.Repeat("%61", 255): "403", "topic=" + strings.Repeat("b", 30_000): "431",
	} {
		requests := "GET /stream?" + query
		if !strings.HasPrefix(want, "4") {
			requests += "&last=100"
		}
		conn := s.raw(strings.TrimSuffix(requests, "?") + " HTTP/1.0\r\nHost: x\r\n" + asAcme + "\r\n\r\n")
		r := &answer{t: t, Response: read(t, conn)}
		if status := map[bool]string{true: "200", false: want}[strings.HasSuffix(want, "\n")]; fmt.Sprint(r.StatusCode) != status {
			t.Errorf("%.60q: %s, want %.20q", query, r.Status, want)
		} else if strings.HasSuffix(want, "\n") {
			s.readers(1)
			text := make([]byte, 1000)
			n := 0
			for n < len(want) {
				more, err := r.Body.Read(text[n:])
				if n += more; err != nil {
					t.Fatal(err)
				}
			}
			if string(text[:n]) != want {
				t.Errorf("%.60q: got %q, want %q", query, text[:n], want)
			}
		}
		conn.Close()
		s.readers(0)
	}
}

// Paths other than /stream lead to no stream, and its requests one after the other on one connection are each looked
// at for themselves.
func TestPathsAndPipelines(t *testing.T) {
	s := serveTenants(t, web.Config{})
	s.publish("beta/|secret of beta", "acme/|acme")
	for target, want := range map[string]int{
		"/stream/": 404, "//stream": 30, "/./stream": 30, "/x/../stream": 30, "/STREAM": 404, "/stream%00": 404, "/%73tream?topic=beta/": 403, "/stream%2f": 404, "/stream%3ftopic=beta/": 404,
		"/stream;topic=beta/": 404, "/stream#?topic=acme/": 404, "http://x/stream?topic=beta/": 403, "/topics": 404, "/rate": 404, "/metrics": 404, "/status": 404, "/debug/pprof/": 404, "/stream?topic=beta/#acme/": 403,
	} {
		for _, method := range []string{"GET", "HEAD"} {
			text := s.whole(method + " " + target + " HTTP/1.1\r\nHost: x\r\n" + asAcme + "\r\nConnection: close\r\n\r\n")
			if !strings.HasPrefix(text, fmt.Sprintf("HTTP/1.1 %d", want)) || strings.Contains(text, "secret") {
				t.Errorf("%s %s: %.200q, want %d", method, target, text, want)
			}
		}
	}
	one := func(token, query, more string) string {
		return "GET /stream?" + query + " HTTP/1.1\r\nHost: x\r\n" + token + "\r\n" + more + "\r\n"
	}
	text := s.whole(one(asBeta, "topic=acme/", "") + one(asAcme, "topic=beta/", "") + one("X: y", "", "") + one(asOps, "last=x", "") + one(asAcme, "topic=beta/", "Connection: close\r\n"))
	for i, want := range []string{"403 Forbidden", "403 Forbidden", "401 Unauthorized", "400 Bad Request", "403 Forbidden"} {
		before, after, _ := strings.Cut(text, "HTTP/1.1 ")
		if i == 0 && before != "" || !strings.HasPrefix(after, want) {
			t.Errorf("answer %d is %.100q, want %s", i, after, want)
		}
		text = after
	}
	// A request that hides in another's body is not answered; nor is one that two readers would cut differently.
	for _, hidden := range []string{"Content-Length: 40\r\n\r\n" + one(asOps, "", ""), "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + one(asOps, "last=9", ""),
		"Content-Length: 0\r\nContent-Length: 5\r\n\r\n" + one(asOps, "last=9", ""), "Transfer-Encoding: x\r\nContent-Length: 3\r\n\r\n" + one(asOps, "last=9", "")} {
		text := s.whole("GET /stream HTTP/1.1\r\nHost: x\r\n" + asAcme + "\r\n" + hidden)
		if strings.Count(text, "HTTP/1.1 ") != 1 || strings.Contains(text, "secret") {
			t.Errorf("%.60q: %q", hidden, text)
		}
	}
	s.readers(0)
}

// IDs that a tenant has not got, or has changed, lead to no other messages, and say nothing of how many there are.
func TestEventIDs(t *testing.T) {
	s := serveTenants(t, web.Config{})
	s.publish("acme/|1", "beta/|2", "acme/|3", "beta/|4", "acme/|5")
	ids := func(header string) (all []string) {
		a := s.events("?last=9", header)
		defer s.readers(0)
		defer a.Body.Close()
		a.event()
		for len(all) < 2 {
			all = append(all, a.event().id)
		}
		return all
	}
	acme, again, beta, ops := ids(asAcme), ids(asAcme), ids(asBeta), ids(asOps)
	instance, number, _ := strings.Cut(ops[0], "-")
	if number != "1" || !strings.HasPrefix(acme[0], instance+"-") || len(acme[0]) != len(instance)+33 || len(beta[1]) != len(acme[0]) || acme[0] != again[0] || acme[0] == acme[1] {
		t.Errorf("the IDs are %q, %q, %q, %q", acme, again, beta, ops)
	}
	_, sealed, _ := strings.Cut(acme[0], "-")
	flipped := instance + "-" + map[bool]string{true: "1", false: "0"}[sealed[0] == '0'] + sealed[1:]
	for id, want := range map[string]string{acme[0]: "3 5", acme[1]: "5", beta[0]: "3 5", instance + "-" + strings.ToUpper(sealed): "3 5"} {
		s.resumes(id, want)
	}
	for _, id := range []string{ops[0], instance + "-5", instance + "-0", instance + "-", instance, "x", "00000000-" + sealed, flipped, acme[0] + "0", acme[0][:len(acme[0])-1],
		instance + "-" + strings.Repeat("0", 32), instance + "-" + strings.Repeat("g", 32), instance + "--" + sealed, instance + "-18446744073709551616"} {
		s.resumes(id, "restarted 1 3 5")
	}
	if a := s.events("", asOps, "Last-Event-ID: "+acme[0]); !strings.Contains(a.event().data, "ops") || !strings.Contains(a.event().data, "restarted") {
		t.Error("a sealed ID is good for somebody who may read everything")
	}
}

// resumes checks what acme gets that continues after an ID.
func (s *shared) resumes(id, want string) {
	s.t.Helper()
	a := s.events("", asAcme, "Last-Event-ID: "+id)
	defer s.readers(0)
	defer a.Body.Close()
	a.event()
	for text := range strings.FieldsSeq(want) {
		if e := a.event(); !strings.Contains(e.data, text) {
			s.t.Errorf("after %s: %+v, want %s", id, e, text)
		}
	}
	s.publish("acme/|end")
	if e := a.event(); !strings.Contains(e.data, `"end"`) {
		s.t.Errorf("after %s: %+v, want the end", id, e)
	}
}

// read reads an answer's status and headers.
func read(t *testing.T, conn io.Reader) *http.Response {
	t.Helper()
	r, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
