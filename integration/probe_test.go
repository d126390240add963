package integration

import (
	"os/exec"
	"strings"
	"testing"
)

// The empty message that libzmq's sockets begin with under ZMQ_PROBE_ROUTER drops no peer, is not stored, and is no
// answer.
func TestProbeRouter(t *testing.T) {
	router := startReceiver(t, "router.py", exec.Command(python, "peers/router.py", "tcp://127.0.0.1:*", "--probe"))
	sender := drive(t, "--connect", router.next(t))
	sender.commits(t, "<13>a", "<13>b")
	wantExit(t, sender, 0)
	wantStored(t, router, "<13>a", "<13>b")

	r := startPrinter(t, "--bind", "tcp://127.0.0.1:0")
	endpoint := "tcp://127.0.0.1:" + r.boundPort(t)
	dealer := startPeer(t, "DEALER", "--connect", endpoint, "--identity", "01"+strings.Repeat("5a", 16), "--probe")
	dealer.send(t, numberFrame(1), "", "<13>c")
	dealer.expect(t, numberFrame(1))
	r.stop(t)
	if rest := r.rest(t); len(rest) != 1 || rest[0] != "<13>c" {
		t.Errorf("stored %q", rest)
	}

	plain := startPrinter(t, "--bind", "tcp://127.0.0.1:0", "--ack=false")
	endpoint = "tcp://127.0.0.1:" + plain.boundPort(t)
	dealer = startPeer(t, "DEALER", "--connect", endpoint, "--probe")
	dealer.send(t, "<13>d")
	plain.expect(t, "<13>d")
	plain.stop(t)

	for _, p := range []*process{sender.process, r.process, plain.process} {
		if log := p.stderr.String(); strings.Contains(log, "level=WARN") {
			t.Errorf("%s warns: %s", p.name, log)
		}
	}
}
