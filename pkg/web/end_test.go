package web_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap/taptest"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/web"
)

// At the end every reader gets what waits for it and a proper end. One that does not read cannot delay the others.
func TestEnd(t *testing.T) {
	s := serve(t, web.Config{Queue: 100_000})
	text, events, filtered := s.plain(""), s.events(""), s.plain("?grep=^last$")
	stalled := s.stalled(askText)
	var messages [][]string
	for i := range 1000 {
		messages = append(messages, []string{fmt.Sprint(i, strings.Repeat("x", 16_000))})
	}
	s.source.Give(s.stream.Publish, messages...)
	s.publish("last")
	s.stop()
	if got := text.rest(); !strings.HasSuffix(got, "\n") {
		t.Errorf("the text ends with %.100q", got[len(got)-100:])
	}
	if got := events.rest(); !strings.HasSuffix(got, "\n\n") {
		t.Errorf("the events end with %.100q", got[len(got)-100:])
	}
	filtered.rest()
	if _, err := net.Dial("tcp", s.at); err == nil {
		t.Error("connections are still accepted")
	}
	select {
	case <-s.ended:
		t.Error("Serve has returned before the stalled client has read what waits for it")
	default:
	}
	s.cut()
	s.wait()
	taptest.Eventually(t, "the readers' end", func() bool { return s.stream.Readers() == 0 && s.server.Clients() == 0 })
	if _, err := io.Copy(io.Discard, stalled); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Error(err)
	}
}

// The end in the middle of a stream that never pauses.
func TestEndOfABusyStream(t *testing.T) {
	s := serve(t, web.Config{})
	text, events, filtered := s.plain(""), s.events(""), s.plain(hardGrep)
	stop := s.busy()
	text.line()
	events.event()
	s.stop()
	text.rest()
	events.rest()
	filtered.rest()
	s.wait()
	stop()
}

// Clients that begin to read only after the end still get everything that waited, or learn that it is missing.
func TestEndOfSlowReaders(t *testing.T) {
	const n = 1000
	s := serve(t, web.Config{})
	var slow []net.Conn
	for range 8 {
		slow = append(slow, s.stalled(askText))
	}
	var messages [][]string
	for i := range n {
		messages = append(messages, []string{fmt.Sprint(i, " ", strings.Repeat("x", 16_000))})
	}
	s.source.Give(s.stream.Publish, messages...)
	s.stop()
	for _, conn := range slow {
		readText(t, body(t, conn), 0, 0, n)
	}
	s.wait()
}

// What waits at the end is delivered.
func TestEndDelivers(t *testing.T) {
	for range 20 {
		s := serve(t, web.Config{})
		a := s.plain("")
		s.publish("1", "2", "3")
		s.stop()
		if got := a.rest(); got != "1\n2\n3\n" {
			t.Fatalf("got %q", got)
		}
		s.wait()
	}
}

// A failing listener is an error, and nothing hangs.
func TestListenerFails(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	s := &served{t: t, stream: tap.New(0)}
	if s.server, err = web.New(web.Config{Stream: s.stream, Logger: discard(), Heartbeat: time.Hour}); err != nil {
		t.Fatal(err)
	}
	if err := s.server.Serve(t.Context(), t.Context(), l); err == nil {
		t.Error("no error")
	}
}
