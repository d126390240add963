package main

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/log"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap/taptest"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// printing starts a zmqtap that prints what our publisher sends, and waits until it has subscribed. Without a
// stderr, standard error goes to the process's log.
func printing(t *testing.T, hwm int, stdout, stderr *os.File, args ...string) (p *process, pub *zmq.Socket, peer *zmq.Peer) {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Stdout = stdout
	if stderr != nil {
		cmd.Stderr = stderr
	}
	return subscribing(t, hwm, cmd)
}

// subscribing is printing for a command that lacks nothing but the endpoint.
func subscribing(t *testing.T, hwm int, cmd *exec.Cmd) (p *process, pub *zmq.Socket, peer *zmq.Peer) {
	t.Helper()
	subscribed := make(chan *zmq.Peer, 1)
	pub = taptest.Open(t, zmq.Config{Type: zmq.XPub, HWM: hwm, OnSubscription: func(p *zmq.Peer, _ []byte, wanted bool, apply func()) {
		if apply(); wanted {
			subscribed <- p
		}
	}})
	at, err := pub.Bind("tcp://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cmd.Args = append(cmd.Args, at)
	p = launchCommand(t, cmd)
	select {
	case peer = <-subscribed:
	case <-time.After(30 * time.Second):
		t.Fatal("zmqtap does not subscribe")
	}
	return p, pub, peer
}

// stuck returns the writing end of a pipe that is never read.
func stuck(t *testing.T) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.Close()
		w.Close()
	})
	return w
}

// flood publishes until stop is called.
func flood(t *testing.T, pub *zmq.Socket) (stop func()) {
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for n := 0; ; n++ {
			select {
			case <-over:
				return
			default:
				pub.Publish([]byte("t"), fmt.Appendf(nil, "%100d", n))
			}
		}
	}()
	stop = func() {
		close(over)
		<-ended
	}
	return stop
}

// A signal ends it even if neither standard output nor standard error takes any more.
func TestStuckOutputs(t *testing.T) {
	out := stuck(t)
	p, pub, peer := printing(t, 0, out, out, "--linger", "100ms")
	stop := flood(t, pub)
	defer stop()
	taptest.Eventually(t, "messages that do not fit", func() bool { return peer.Written() > 100_000 })
	p.signal(syscall.SIGTERM)
	p.exits(0)
}

// Messages that were received but not written count as missed, not as printed.
func TestAccountOfAStuckOutput(t *testing.T) {
	const total, size = 10_000, 200
	p, pub, peer := printing(t, 2*total, stuck(t), nil, "--raw", "--linger", "100ms")
	for range total {
		pub.Publish([]byte("t"), []byte(strings.Repeat("x", size)))
	}
	pub.Flush()
	taptest.Eventually(t, "all messages at zmqtap", func() bool { return peer.Written() == total && peer.Acknowledged(total) })
	// The kernel has them. zmqtap may not have read the last ones yet; it cannot count those.
	p.signal(syscall.SIGTERM)
	p.exits(0)
	seen, printed := number(t, p.log(), `(\d+) messages seen`), number(t, p.log(), `(\d+) printed`)
	missed := number(t, p.log(), `(\d+) messages missed: this end was too slow`)
	if written := 64<<10/(size+1) + 1; printed > written {
		t.Errorf("%d are counted as printed; the pipe has room for %d", printed, written)
	}
	if seen > total || printed+missed > total || printed+missed < seen {
		t.Errorf("%d seen, %d printed, %d missed", seen, printed, missed)
	}
}

// Messages after the last that --count asks for do not count as missed.
func TestCountIsNoLoss(t *testing.T) {
	p, pub, _ := printing(t, 10_000, nil, nil, "--count", "10")
	for range 10_000 {
		pub.Publish([]byte("t"), []byte("x"))
	}
	pub.Flush()
	p.exits(0)
	if text := p.log(); strings.Contains(text, "missed") {
		t.Errorf("it logs %s", text)
	}
}

func number(t *testing.T, text, pattern string) int {
	t.Helper()
	found := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if found == nil {
		t.Fatalf("no %s in %q", pattern, text)
	}
	n, _ := strconv.Atoi(found[1])
	return n
}

// Even in a flood, --for, --count and a signal end it, after a whole line.
func TestEndsInAFlood(t *testing.T) {
	for name, args := range map[string][]string{"--for": {"--raw", "--for", "200ms"}, "SIGTERM": {"--raw"}, "--count": {"--raw", "--count", "77777"}} {
		t.Run(name, func(t *testing.T) {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			p, pub, peer := printing(t, 0, w, nil, args...)
			w.Close()
			stop := flood(t, pub)
			defer stop()
			read := make(chan string)
			go func() {
				all, _ := io.ReadAll(r)
				read <- string(all)
			}()
			if len(args) == 1 {
				taptest.Eventually(t, "a flood", func() bool { return peer.Written() > 10_000 })
				p.signal(syscall.SIGTERM)
			}
			p.exits(0)
			lines := strings.SplitAfter(<-read, "\n")
			if len(lines) < 2 || lines[len(lines)-1] != "" {
				t.Errorf("it ends with %q", lines[len(lines)-1])
			}
			if name == "--count" && len(lines)-1 != 77777 {
				t.Errorf("%d lines", len(lines)-1)
			}
		})
	}
}

// It ends when its terminal goes away, wherever its output goes, but not under nohup.
func TestHangup(t *testing.T) {
	p, _, _ := printing(t, 0, nil, nil)
	p.signal(syscall.SIGHUP)
	p.exits(0)
	p = launchCommand(t, exec.Command("nohup", program, "--bind", "tcp://127.0.0.1:0"))
	p.logged("msg=listening")
	p.signal(syscall.SIGHUP)
	p.signal(syscall.SIGTERM)
	p.exits(0)
	p.logged("0 messages seen")
}

// A publisher that reports drops again and again does not fill the log; what is not logged at once is added
// to a later line.
func TestGapsAreSaidInFewLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		l := newMissingLog(slog.New(slog.NewTextHandler(&text, nil)))
		for range 1000 {
			l.gap(&tap.Gap{Publisher: "tcp://p", Count: 3, Reason: "why"})
			l.missed(2)
		}
		if n := strings.Count(text.String(), "\n"); n != 2*log.Burst {
			t.Errorf("%d lines", n)
		}
		time.Sleep(time.Second)
		text.Reset()
		l.gap(&tap.Gap{Publisher: "tcp://p", Count: 3, Reason: "why"})
		l.missed(2)
		for _, want := range []string{fmt.Sprintf("publisher=tcp://p messages=%d reason=why", 3*(1001-log.Burst)), fmt.Sprintf("too slow\" messages=%d", 2*(1001-log.Burst))} {
			if !strings.Contains(text.String(), want) {
				t.Errorf("%q is not in %s", want, text.String())
			}
		}
	})
}
