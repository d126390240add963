package web_test

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	limited "github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/log"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/web"
)

// whole sends requests over one connection and returns all that is answered, without the time.
func (s *served) whole(requests string) string {
	s.t.Helper()
	text, err := io.ReadAll(s.raw(requests))
	if err != nil {
		s.t.Fatal(err)
	}
	return regexp.MustCompile(`\r\nDate: [^\r]*`).ReplaceAllString(string(text), "")
}

// A thousand requests for foreign topics: the answers do not depend on whether there are such topics, or messages with
// them. None of them comes as far as the stream.
func TestForeignTopics(t *testing.T) {
	s := serveTenants(t, web.Config{})
	for i := range 300 {
		s.publish(fmt.Sprintf("beta/%d|secret of beta %d", i, i), fmt.Sprintf("secret/%d|x", i))
	}
	s.stream.Report(tap.Gap{Publisher: "tcp://beta.example:1", Count: 5, Reason: "of beta"})
	before, began := s.stream.Counters(), time.Now()
	answers := map[string]int{}
	requests := 0
	for i := range 125 {
		for _, topic := range []string{fmt.Sprintf("beta/%d", i), fmt.Sprintf("nothing/%d", i), fmt.Sprintf("secret/%d&topic=acme/", i), fmt.Sprintf("acme/&topic=beta/%d", i)} {
			for _, more := range []string{"", "&last=1000"} {
				headers := "\r\n" + asAcme + "\r\nConnection: close\r\n"
				switch i % 4 {
				case 1:
					headers += "Accept: text/event-stream\r\nLast-Event-ID: 1-1\r\n"
				case 2:
					more += "&grep=secret"
				case 3:
					more += "&raw=1"
				}
				answer := s.whole("GET /stream?topic=" + topic + more + " HTTP/1.1\r\nHost: x" + headers + "\r\n")
				answers[answer]++
				requests++
			}
		}
	}
	const want = "HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n" +
		"Content-Length: 80\r\nConnection: close\r\n\r\nnot allowed: acme may read what begins with acme/, shared/, and no other topics\n"
	if requests != 1000 || answers[want] != requests {
		t.Errorf("%d requests are answered %v, want %q", requests, answers, want)
	}
	if after := s.stream.Counters(); after != before || s.stream.Readers() != 0 || s.server.Clients() != 0 {
		t.Errorf("%+v before, %+v after, %d readers", before, after, s.stream.Readers())
	}
	if n := strings.Count(s.log.String(), "asks for topics that it may not read\" tenant=acme client=127.0.0.1:"); n == 0 || n > limited.Burst+1+int(time.Since(began)/time.Second) {
		t.Errorf("%d lines of log for %d requests", n, requests)
	}
}

// What a tenant gets is the same, byte for byte, whether or not there are others' messages among its own: live, in the
// past, where it continues, where it was too slow, and what a gap says.
func TestOthersLeaveNoTrace(t *testing.T) {
	alone, among := world(t, false), world(t, true)
	if alone != among {
		t.Errorf("alone:\n%s\namong others:\n%s", alone, among)
	}
	for _, want := range []string{"event: access", "event: gap\ndata: {\"reason\":\"messages may be missing", "event: missed\ndata: {\"count\":9,\"total\":9}",
		"zmqtap: messages may be missing: a publisher", "acme 99"} {
		if !strings.Contains(alone, want) {
			t.Errorf("without %q:\n%s", want, alone)
		}
	}
	if strings.Contains(among, "beta") || strings.Contains(among, "example") {
		t.Errorf("of another:\n%s", among)
	}
}

// world returns what the tenant acme gets of a stream with messages of its own, and of others or not.
func world(t *testing.T, others bool) string {
	t.Helper()
	s := serveTenants(t, web.Config{Queue: 20})
	other := func(n int) {
		for i := range n {
			if others {
				s.publish("beta/|beta", fmt.Sprintf("beta%d", i), "|beta", "acm|beta", "a|beta|beta")
			}
		}
	}
	gap := func() {
		g := tap.Gap{Reason: "of acme", Time: time.Now()}
		if others {
			g = tap.Gap{Publisher: "tcp://beta.example:1", Count: 7, Reason: "of beta", Time: time.Now()}
		}
		s.stream.Report(g)
	}
	var first string
	var all []*answer
	ask := func(query string, headers ...string) *answer {
		a := s.events(query, append(headers, asAcme)...)
		all = append(all, a)
		return a
	}
	other(3)
	early := ask("")
	early.event() // who it is
	for i := range 30 {
		s.publish(fmt.Sprintf("acme/|acme %d", i))
		other(2)
		if e := early.event(); i == 0 {
			first = e.id
		}
	}
	gap()
	other(2)
	all = append(all, s.plain("?last=5", asAcme), s.plain("?last=100", asAcme), s.plain("?topic=a&last=3&grep=1", asAcme))
	ask("?last=3")
	ask("?last=25&topic=")
	ask("?topic=acme/", "Last-Event-ID: "+first)
	ask("", "Last-Event-ID: "+strings.Repeat("0", 8)+"-7")
	late := ask("", "Last-Event-ID: "+first)
	for e := late.event(); e.id == "" || !strings.Contains(e.data, "acme 29"); e = late.event() {
	}
	gap()
	s.publish("acme/|acme 99")
	other(2)
	s.stop()
	return transcript(all)
}

// transcript returns answers to their ends, without times, and of IDs the length.
func transcript(all []*answer) string {
	b := &strings.Builder{}
	for _, a := range all {
		h := a.Header.Clone()
		h.Del("Date")
		fmt.Fprintf(b, "--- %s %s %v\n%s", a.Proto, a.Status, h, a.rest())
	}
	text := regexp.MustCompile(`"(received|time)":"[^"]*"`).ReplaceAllString(b.String(), `"$1":""`)
	return regexp.MustCompile(`(?m)^id: \S+`).ReplaceAllStringFunc(text, func(id string) string {
		return fmt.Sprintf("id: %d characters", len(id))
	})
}
