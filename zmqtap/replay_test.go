package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap/taptest"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmqtest"
)

// numbered returns a recording of that many messages, and what a subscriber gets of it.
func numbered(t *testing.T, n int) (file string, want []string) {
	t.Helper()
	var payloads []string
	for i := range n {
		payloads = append(payloads, fmt.Sprintf("%200d", i))
		want = append(want, "t|"+payloads[i])
	}
	return recordingOf(t, payloads...), want
}

// slowly replays to a libzmq subscriber that has room for few messages and reads none of them yet.
func slowly(t *testing.T, libzmq *zmqtest.Process, file string, args ...string) (p *process, sub *zmqtest.Socket, at string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "rz-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	at = "ipc://" + filepath.Join(dir, "s") // the kernel holds less of a Unix socket than of TCP
	p = launch(t, append([]string{"replay", "--speed", "max", file, "--bind", at}, args...)...)
	p.logged("msg=listening")
	sub = libzmq.Connect("SUB", at, zmqtest.Options{"RCVHWM": 1}).Subscribe("")
	return p, sub, at
}

// A replay drops nothing for a slow subscriber: it waits, also at its end.
func TestReplayWaitsForSlowSubscribers(t *testing.T) {
	t.Parallel()
	file, want := numbered(t, 20_000)
	p, sub, _ := slowly(t, zmqtest.Start(t), file)
	sub.Expect(want[0])
	sub.Expect(want[1:]...)
	p.exits(0)
	p.logged("(?m)^20000 messages published in ")
}

// When the last subscriber has left, the replay waits for another.
func TestReplayPauses(t *testing.T) {
	t.Parallel()
	file, want := numbered(t, 20_000)
	libzmq := zmqtest.Start(t)
	p, first, at := slowly(t, libzmq, file)
	first.Expect(want[0])
	first.Close()
	p.logged("peer disconnected")
	second := libzmq.Connect("SUB", at, nil).Subscribe("")
	last := second.Recv(1)[0]
	for next := ""; last != want[len(want)-1]; last = next {
		next = second.Recv(1)[0]
		n, _ := strconv.Atoi(strings.TrimSpace(last[2:]))
		if next != want[n+1] {
			t.Fatalf("%q after %q", next, last)
		}
	}
	p.exits(0)
}

// It waits for as many subscribers as it is told.
func TestReplayToSeveralSubscribers(t *testing.T) {
	t.Parallel()
	file, want := numbered(t, 10)
	libzmq := zmqtest.Start(t)
	p := launch(t, "replay", "--speed", "max", file, "--bind", "tcp://127.0.0.1:0", "--subscribers", "2")
	at := p.logged(`msg=listening endpoint=(\S+)`)
	subs := []*zmqtest.Socket{libzmq.Connect("SUB", at, nil).Subscribe("none", "t"), libzmq.Connect("SUB", at, nil).Subscribe("")}
	for _, sub := range subs {
		sub.Expect(want...)
	}
	p.exits(0)
}

// A replay may connect, to a hub for example.
func TestReplayConnects(t *testing.T) {
	t.Parallel()
	file, want := numbered(t, 10)
	sub := zmqtest.Start(t).Bind("SUB", "tcp://127.0.0.1:*", nil).Subscribe("t")
	p := launch(t, "replay", "--speed", "max", file, "--connect", sub.Endpoint, "--loop", "3", "--count", "25")
	for range 2 {
		sub.Expect(want...)
	}
	sub.Expect(want[:5]...)
	p.exits(0)
}

// Under CURVE it knows its subscribers, and record its publisher.
func TestRecordOfAReplayUnderCURVE(t *testing.T) {
	t.Parallel()
	file, _ := numbered(t, 10)
	dir := t.TempDir()
	keys := map[string]string{}
	for _, name := range []string{"server", "client"} {
		keys[name] = filepath.Join(dir, name)
		launch(t, "--curve-keygen", keys[name]).exits(0)
	}
	p := launch(t, "replay", "--speed", "max", file, "--bind", "tcp://127.0.0.1:0", "--curve-key", keys["server"]+"_secret", "--curve-clients", "any")
	copied := filepath.Join(dir, "copy.zst")
	r := launch(t, "record", copied, p.logged(`msg=listening endpoint=(\S+)`), "--count", "10",
		"--curve-key", keys["client"]+"_secret", "--curve-server-key", keys["server"])
	p.exits(0)
	r.exits(0)
	if got, want := replayed(t, copied), replayed(t, file); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("%q was replayed, and %q recorded", want, got)
	}
}

func TestPace(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	at := func(seconds float64) time.Time { return start.Add(time.Duration(seconds * float64(time.Second))) }
	for name, test := range map[string]struct {
		pace     pace
		received []float64 // seconds; negative: unknown
		takes    float64   // seconds that each message takes to be replayed
		want     []float64
	}{
		"as it was":         {pace{speed: 1}, []float64{0, 1, 1, 5}, 0, []float64{0, 1, 1, 5}},
		"ten times as fast": {pace{speed: 10}, []float64{0, 1, 1, 5}, 0, []float64{0, .1, .1, .5}},
		"half as fast":      {pace{speed: .5}, []float64{0, 1}, 0, []float64{0, 2}},
		"at once":           {pace{}, []float64{0, 1, 100}, 0, []float64{0, 0, 0}},
		"short pauses":      {pace{speed: 2, idle: 10 * time.Second}, []float64{0, 3600, 3601}, 0, []float64{0, 5, 5.5}},
		"a clock set back":  {pace{speed: 1}, []float64{5, 1, 2}, 0, []float64{0, 0, 1}},
		"without times":     {pace{speed: 1}, []float64{-1, -1, 3, -1, 4}, 0, []float64{0, 0, 0, 0, 1}},
		"a delay made up":   {pace{speed: 1}, []float64{0, 1, 2}, .5, []float64{0, 1, 2}},
		"a long delay":      {pace{speed: 1}, []float64{0, 1, 2}, 10, []float64{0, 11, 22}},
		"slower than ever":  {pace{speed: leastSpeed}, []float64{0, 1e9}, 0, nil},
	} {
		now := start
		for i, seconds := range test.received {
			received := at(seconds)
			if seconds < 0 {
				received = time.Time{}
			}
			due := test.pace.due(received, now)
			if test.want != nil && !due.Equal(at(test.want[i])) {
				t.Errorf("%s: message %d after %v, want %v s", name, i, due.Sub(start), test.want[i])
			}
			if due.After(now) {
				now = due
			}
			now = now.Add(time.Duration(test.takes * float64(time.Second)))
		}
	}
}

// A subscriber of several topics has the time to ask for all of them.
func TestSubscribersAreAwaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, a, b := newSubscribers(), &zmq.Peer{}, &zmq.Peer{}
		began := time.Now()
		change := func(after time.Duration, p *zmq.Peer, wanted bool) {
			go func() {
				time.Sleep(after)
				s.change(p, nil, wanted, func() {})
			}()
		}
		change(time.Second, a, true)
		change(time.Second+settling/2, a, true)
		if !s.await(t.Context(), 1) || time.Since(began) != time.Second+settling/2+settling {
			t.Errorf("one subscriber: after %v", time.Since(began))
		}
		began = time.Now()
		change(time.Second, a, false)
		change(2*time.Second, a, false)
		change(3*time.Second, b, true)
		change(4*time.Second, a, true)
		if s.await(t.Context(), 2); time.Since(began) != 4*time.Second+settling {
			t.Errorf("two subscribers: after %v", time.Since(began))
		}
		over, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if s.await(over, 3) || s.number() != 2 {
			t.Error("a third subscriber")
		}
	})
}

// A pipe from which nothing comes any more holds up no end.
func TestReplayOfAPipeEnds(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--raw"}, {"--bind", "tcp://127.0.0.1:0", "--subscribers", "0"}} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		cmd := exec.Command(program, append([]string{"replay", "--speed", "max", "-"}, args...)...)
		cmd.Stdin = r
		p := launchCommand(t, cmd)
		r.Close()
		if _, err := w.WriteString("{\"message\":\"first\"}\n{\"mess"); err != nil {
			t.Fatal(err)
		}
		if args[0] != "--raw" {
			p.logged("msg=listening")
		} else {
			taptest.Eventually(t, "a process that has read", func() bool { return pipeEmpty(t, w) })
		}
		p.signal(syscall.SIGTERM)
		p.exits(0)
		if strings.Contains(p.log(), "cut off") {
			t.Error(p.log())
		}
	}
}

// pipeEmpty reports whether a pipe's reader has taken everything.
func pipeEmpty(t *testing.T, w *os.File) bool {
	n, err := unix.IoctlGetInt(int(w.Fd()), unix.TIOCINQ)
	if err != nil {
		t.Fatal(err)
	}
	return n == 0
}
