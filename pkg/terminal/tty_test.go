package terminal

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// pty opens a terminal of its own and returns its two ends.
func pty(t *testing.T) (master, terminal *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() }) //nolint:errcheck // the test is over
	var number int
	err = control(master, func(fd int) error {
		if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
			return err
		}
		number, err = unix.IoctlGetInt(fd, unix.TIOCGPTN)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { terminal.Close() }) //nolint:errcheck // the test is over
	return master, terminal
}

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
	_, terminal := pty(t)
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
	_, terminal := pty(t)
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
		if err := control(terminal, func(fd int) error { return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &size) }); err != nil {
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
