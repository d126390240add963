package integration

import (
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// unread returns a pipe that takes no byte and that nobody reads.
func unread(t *testing.T) *os.File {
	t.Helper()
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	r, w := os.NewFile(uintptr(ends[0]), "reading end"), os.NewFile(uintptr(ends[1]), "writing end")
	t.Cleanup(func() { r.Close(); w.Close() })
	const size = 4096 // a page: the least that a pipe can have
	if _, err := unix.FcntlInt(w.Fd(), unix.F_SETPIPE_SZ, size); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(strings.Repeat("\n", size))); err != nil {
		t.Fatal(err)
	}
	return w
}

// A log that nobody reads delays nothing: peers are served, and a signal ends the programs.
func TestUnreadLog(t *testing.T) {
	with := func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(program(name), args...)
		cmd.Stderr = unread(t)
		return cmd
	}
	path := folder(t) + "/s"
	at := "ipc://" + path
	receiver := startReceiver(t, "imzmq", with("imzmq", "--bind", at, "--to", "-"))
	sender := driveCommand(t, with("omzmq", "--connect", at))
	sender.expect(t, ok)
	sender.commits(t, "<13>a")
	sender.stop(t)
	again := driveCommand(t, with("omzmq", "--connect", at))
	again.expect(t, ok)
	again.commits(t, "<13>b")
	wantExit(t, again, 0)
	for _, want := range []string{"<13>a", "<13>b"} {
		if got := receiver.next(t); got != want {
			t.Errorf("received %q, want %q", got, want)
		}
	}
	receiver.stop(t)
	hub := start(t, "zmqtap", with("zmqtap", "hub", "--in", at+"in", "--out", at+"out"))
	eventually(t, patience, "the hub listens", func() bool {
		conn, err := net.Dial("unix", path+"in")
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	hub.stop(t)
}

// An omzmq that cannot start says when, and which process it was: the file has the errors of many.
func TestErrorUnderRsyslog(t *testing.T) {
	t.Parallel()
	from := startRsyslogd(t, preamble+wayIn+toOmzmq("--journal /nowhere/journal --connect "+nowhere(t), memoryQueue))
	from.say(t, 0, 1)
	want := regexp.MustCompile(`(?m)^omzmq: --journal /nowhere/journal: .* time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z pid=\d+$`)
	eventually(t, patience, "omzmq's error is in the file", func() bool {
		words, _ := os.ReadFile(from.file("omzmq.log")) // may not exist yet
		return want.Match(words)
	})
	from.kill()
}
