package terminal

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/descriptor"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/descriptor/pty"
)

func pipe(t *testing.T) (reader, writer *os.File) {
	t.Helper()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		reader.Close() //nolint:errcheck // the test is over
		writer.Close() //nolint:errcheck // the same
	})
	return reader, writer
}

func TestColorWanted(t *testing.T) {
	_, terminal := pty.Open(t)
	_, pipe := pipe(t)
	for _, c := range []struct {
		name    string
		stdout  *os.File
		noColor bool
		env     map[string]string
		want    bool
	}{
		{"terminal", terminal, false, nil, true},
		{"xterm", terminal, false, map[string]string{"TERM": "xterm", "NO_COLOR": ""}, true},
		{"flag", terminal, true, nil, false},
		{"NO_COLOR", terminal, false, map[string]string{"NO_COLOR": "0"}, false},
		{"dumb", terminal, false, map[string]string{"TERM": "dumb"}, false},
		{"pipe", pipe, false, map[string]string{"TERM": "xterm"}, false},
	} {
		if got := ColorWanted(c.stdout, c.noColor, func(name string) string { return c.env[name] }); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestSize(t *testing.T) {
	_, terminal := pty.Open(t)
	_, pipe := pipe(t)
	check := func(f *os.File, width, height int) {
		t.Helper()
		if w, h := Size(f); w != width || h != height {
			t.Errorf("%s: %d x %d, want %d x %d", f.Name(), w, h, width, height)
		}
	}
	check(pipe, DefaultWidth, DefaultHeight)
	check(terminal, DefaultWidth, DefaultHeight) // a new one is 0 x 0
	for _, size := range []unix.Winsize{{Col: 132, Row: 43}, {Col: 132}, {Row: 43}} {
		err := descriptor.Control(terminal, func(fd int) error {
			return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &size)
		})
		if err != nil {
			t.Fatal(err)
		}
		width, height := int(size.Col), int(size.Row)
		if width == 0 {
			width = DefaultWidth
		}
		if height == 0 {
			height = DefaultHeight
		}
		check(terminal, width, height)
	}
	terminal.Close() //nolint:errcheck // that it is closed is the test
	check(terminal, DefaultWidth, DefaultHeight)
	if IsTerminal(terminal) {
		t.Error("a closed file is a terminal")
	}
}
