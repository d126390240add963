package integration

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmqtest"
)

// A check beside running programs takes nothing from them: messages flow on, each once, the journal stays, and the
// addresses that they hold are no fault.
func TestCheckDisturbsNothing(t *testing.T) {
	const messages = 20_000
	l := lines{seed: 77}
	to := startRsyslogd(t, preamble+relpToFile)
	port := freePort(t)
	sink := []string{"--bind", "tcp://127.0.0.1:" + port, "--to", "relp://127.0.0.1:" + to.relp}
	imzmq := startImzmq(t, sink...)
	journal := folder(t)
	flags := []string{"--connect", "tcp://127.0.0.1:" + port, "--journal", journal}
	from := startRsyslogd(t, preamble+wayIn+toOmzmq(strings.Join(flags, " "), memoryQueue))
	fed := from.feedMeanwhile(t, l, 0, messages)
	arrived := l.account(to.file("out"), messages)
	eventually(t, patience, "some messages arrive", func() bool { return arrived.has(t, 1) })
	journals := func() string {
		names, err := filepath.Glob(journal + "/*")
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(names, " ")
	}
	before := journals()
	for range 20 {
		wantWell(t, "omzmq", append(flags, "--check")...)
		if report := wantWell(t, "imzmq", append(sink, "--check")...); !strings.Contains(report, "a running imzmq holds it") {
			t.Error(report)
		}
	}
	if after := journals(); before != after || before == "" {
		t.Errorf("the journals were %s, and are %s", before, after)
	}
	eventually(t, patience, "every message arrives", func() bool { return arrived.has(t, messages) })
	fed()
	from.stop(t)
	imzmq.stop(t)
	to.stop(t)
	arrived.settle(t, false)
	if words := imzmq.stderr.String(); strings.Contains(words, "level=WARN") {
		t.Errorf("imzmq warns:\n%s", words)
	}
}

// A socket to which peers send unasked gets no message while it is checked.
func TestCheckTakesNoMessage(t *testing.T) {
	peers := zmqtest.Start(t)
	push := peers.Bind("PUSH", zmqtest.Loopback, nil)
	for range 3 {
		wantWell(t, "imzmq", "--check", "--socket", "pull", "--to", "-", "--connect", push.Endpoint)
	}
	pull := peers.Connect("PULL", push.Endpoint, nil)
	for i := range 10 {
		push.Send(fmt.Sprint(i))
	}
	for i, message := range pull.Recv(10) {
		if message != fmt.Sprint(i) {
			t.Fatalf("message %d is %q", i, message)
		}
	}
}
