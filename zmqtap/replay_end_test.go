package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A file without messages that are wanted, or a pipe without any, holds up no end.
func TestReplayThatFindsNothingEnds(t *testing.T) {
	t.Parallel()
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	launch(t, "replay", fifo, "--for", "10ms").exits(0)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	cmd := exec.Command(program, "replay", "-", "--for", "10ms")
	cmd.Stdin = r
	launchCommand(t, cmd).exits(0)
	r.Close()

	o, err := parseReplay([]string{"--speed", "max", recordingOf(t, "1", "2")}, os.Stdout)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	p, err := openRecording(ctx, o, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	p.next = nil // it has been played
	cancel()
	if e, _, err := p.peek(); err != io.EOF {
		t.Errorf("%v and %v after the end", e, err)
	}
}

// Subscribers of a replay learn in its place that messages are missing, also where nobody knows how many. Those that
// get a part of the stream do not learn the number, which counts the rest, too.
func TestReplayPassesGapsOn(t *testing.T) {
	t.Parallel()
	const (
		one     = `{"topic":"t","message":"1"}`
		two     = `{"topic":"t","message":"2"}`
		three   = `{"topic":"t","message":"3"}`
		unknown = `{"gap":{"reason":"r"}}`
		twelve  = `{"gap":{"count":12,"reason":"r"}}`
	)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte(strings.Join([]string{one, unknown, two, twelve, three}, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ replay, record, want string }{
		{"", "", "1 ? 2 12 3"}, {"", "t", "1 ? 2 ? 3"}, {"t", "", "1 ? 2 ? 3"},
	} {
		p := launch(t, "replay", "--speed", "max", "--topic", c.replay, file, "--bind", "tcp://127.0.0.1:0")
		copied := filepath.Join(t.TempDir(), "copy")
		r := launch(t, "record", "--topic", c.record, copied, p.logged(`msg=listening endpoint=(\S+)`))
		p.exits(0)
		p.logged("(?m)^12 messages missing in the recording\n1 place where messages may be missing in the recording")
		r.logged("level=WARN")
		r.signal(syscall.SIGTERM)
		r.exits(0)
		text, err := os.ReadFile(copied)
		if err != nil {
			t.Fatal(err)
		}
		if got := places(string(text)); got != c.want {
			t.Errorf("--topic %q of --topic %q: %q is recorded", c.record, c.replay, got)
		}
	}
}

// places returns the messages of a recording, and the numbers of those that are missing; ? where that is not known.
// That the publisher has gone is left out.
func places(text string) string {
	var all []string
	for line := range strings.Lines(text) {
		switch found := regexp.MustCompile(`"(?:message":"|count":)(\d+)`).FindStringSubmatch(line); {
		case found != nil:
			all = append(all, found[1])
		case !strings.Contains(line, "is gone"):
			all = append(all, "?")
		}
	}
	return strings.Join(all, " ")
}
