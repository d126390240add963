package integration

import (
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// How the programs start and end.

func TestEndsWithSIGTERM(t *testing.T) {
	t.Run("idle", func(t *testing.T) {
		drive(t, "--connect", nowhere(t)).stop(t)
	})
	t.Run("waiting for a peer", func(t *testing.T) {
		d := drive(t, "--connect", nowhere(t))
		d.write(t, begin)
		d.stop(t)
	})
	t.Run("after work", func(t *testing.T) {
		_, endpoint := startRouter(t, "tcp://127.0.0.1:*")
		d := drive(t, "--connect", endpoint)
		d.commits(t, "<13>a")
		d.stop(t)
	})
	t.Run("imzmq", func(t *testing.T) {
		r := startPrinter(t, "--bind", "tcp://127.0.0.1:0")
		r.boundPort(t)
		r.stop(t)
	})
}

func TestUnconfirmedAtTheEnd(t *testing.T) {
	t.Parallel()
	silent := startPeer(t, "ROUTER", "--bind", "tcp://127.0.0.1:*")
	for _, end := range []string{"EOF", "SIGTERM"} {
		d := drive(t, "--linger", "500ms", "--connect", silent.endpoint)
		d.begin(t)
		d.accept(t, "<13>a", "<13>b", "<13>c")
		if end == "SIGTERM" {
			d.signal(t, syscall.SIGTERM)
		} else {
			d.stdin.Close()
		}
		if code := d.exit(t); code != 1 {
			t.Errorf("%s: exit code %d, want 1", end, code)
		}
		if !regexp.MustCompile(`\b3\b`).MatchString(d.stderr.String()) {
			t.Errorf("%s: stderr does not mention 3 messages: %s", end, d.stderr)
		}
	}
}

// What is accepted but not committed is still drained at the end, because the receiver is there.
func TestDrainsAtTheEnd(t *testing.T) {
	router, endpoint := startRouter(t, "tcp://127.0.0.1:*")
	d := drive(t, "--connect", endpoint)
	d.begin(t)
	d.accept(t, "<13>a", "<13>b")
	wantExit(t, d, 0)
	wantStored(t, router, "<13>a", "<13>b")
}

// rsyslog ignores SIGINT in its children on purpose: Ctrl-C in its terminal is not meant for them.
func TestIgnoredSIGINTStaysIgnored(t *testing.T) {
	router, endpoint := startRouter(t, "tcp://127.0.0.1:*")
	d := driveCommand(t, exec.Command("/bin/sh", "-c", `trap "" INT; exec "$@"`, "sh", program("omzmq"), "--connect", endpoint))
	d.expect(t, ok)
	d.signal(t, syscall.SIGINT)
	d.commits(t, "<13>alive")
	wantExit(t, d, 0)
	wantStored(t, router, "<13>alive")

	d = drive(t, "--connect", endpoint)
	d.signal(t, syscall.SIGINT)
	d.exit(t)
}

func TestUsageErrors(t *testing.T) {
	for program, lines := range map[string][]string{
		"omzmq": {
			"", "--no-such-flag", "--connect", "--connect localhost", "--connect tcp://localhost", "--connect udp://x:1",
			"--connect tcp://127.0.0.1:99999", "--socket pull --connect tcp://127.0.0.1:1",
			"--confirm perhaps --connect tcp://127.0.0.1:1", "--socket pub --confirm stored --bind tcp://127.0.0.1:0",
			"--socket push --confirm stored --connect tcp://127.0.0.1:1", "--hwm x --connect tcp://127.0.0.1:1",
			"--max-message-size 1furlong --connect tcp://127.0.0.1:1", "--send-timeout soon --connect tcp://127.0.0.1:1",
			"--topic-delimiter ab --connect tcp://127.0.0.1:1", "--topic a --topic-delimiter b --connect tcp://127.0.0.1:1",
			"--connect tcp://127.0.0.1:1 and more",
		},
		"imzmq": {
			"", "--no-such-flag", "--socket push --bind tcp://127.0.0.1:0", "--bind tcp://127.0.0.1:0 --to nowhere://x",
			"--bind tcp://127.0.0.1:0 --to relp://localhost", "--bind tcp://127.0.0.1:0 --to - --format xml",
			"--bind tcp://127.0.0.1:0 --to - --batch none", "--bind tcp://127.0.0.1:0 --to - and more",
			"--socket pull --subscribe x --bind tcp://127.0.0.1:0 --to -",
		},
	} {
		for _, line := range lines {
			t.Run(program+" "+line, func(t *testing.T) { wantUsageError(t, program, strings.Fields(line)) })
		}
	}
}

func wantUsageError(t *testing.T, name string, flags []string) {
	t.Helper()
	d := driveCommand(t, exec.Command(program(name), flags...))
	if code := d.exit(t); code != 2 {
		t.Errorf("exit code %d, want 2", code)
	}
	if d.stderr.String() == "" {
		t.Error("nothing on stderr")
	}
	for r := range d.replies {
		t.Errorf("stdout, which is for rsyslog, got %q", r.text)
	}
}

// runUnconfirmed has omzmq deliver messages with stdout, and with same also stderr, going to the given file. It returns
// what omzmq wrote to a stderr of its own.
func runUnconfirmed(t *testing.T, stdout *os.File, same bool) string {
	t.Helper()
	texts := numbered("unread", 3000)
	router, endpoint := startRouter(t, "tcp://127.0.0.1:*")
	cmd := exec.Command(program("omzmq"), "--connect", endpoint)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout = stdout
	if same {
		cmd.Stderr = stdout
	}
	p := start(t, "omzmq", cmd)
	stdout.Close()
	if _, err := stdin.Write([]byte(strings.Join(texts, "\n") + "\n")); err != nil {
		t.Fatalf("omzmq does not read: %v", err)
	}
	wantStored(t, router, texts...)
	stdin.Close()
	if code := p.exit(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	wantNothingMore(t, router)
	return p.stderr.String()
}

// With confirmMessages="off" nothing reads the replies: stdout is /dev/null, or the same pipe as stderr
// (output=).
func TestWithoutConfirmation(t *testing.T) {
	once := regexp.MustCompile(`(?m)^.*confirmMessages.*$`)
	t.Run("dev null", func(t *testing.T) {
		null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if said := runUnconfirmed(t, null, false); len(once.FindAllString(said, -1)) != 1 {
			t.Errorf("it does not warn once about confirmMessages: %s", said)
		}
	})
	t.Run("the pipe of stderr", func(t *testing.T) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		captured := make(chan string, 1)
		go func() {
			var l log
			r.WriteTo(&l) //nolint:errcheck // ends with the pipe
			captured <- l.String()
		}()
		runUnconfirmed(t, w, true)
		if said := <-captured; len(once.FindAllString(said, -1)) != 1 {
			t.Errorf("it does not warn once about confirmMessages: %s", said)
		}
	})
}

// A port that another process holds is waited for, as long as --bind-retry says: rsyslog's start does not wait.
func TestBindRetry(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	at := "tcp://" + l.Addr().String()
	busy := driveCommand(t, exec.Command(program("omzmq"), "--bind", at))
	if code := busy.exit(t); code != 1 || !strings.Contains(busy.stderr.String(), "forceSingleInstance") {
		t.Errorf("without --bind-retry: exit code %d, %s", code, busy.stderr)
	}
	short := driveCommand(t, exec.Command(program("omzmq"), "--bind", at, "--bind-retry", "20ms", "--reconnect", "5ms"))
	if code := short.exit(t); code != 1 || !strings.Contains(short.stderr.String(), "forceSingleInstance") {
		t.Errorf("--bind-retry 20ms: exit code %d, %s", code, short.stderr)
	}
	drive(t, "--bind", at, "--bind-retry", "1h").stop(t)

	sender := drive(t, "--bind", at, "--bind-retry", "1h", "--reconnect", "5ms")
	sender.write(t, begin)
	l.Close()
	receiver := startPrinter(t, "--connect", at)
	sender.expect(t, ok)
	sender.accept(t, "<13>late")
	sender.write(t, commit)
	sender.expect(t, ok)
	wantExit(t, sender, 0)
	receiver.stop(t)
}
