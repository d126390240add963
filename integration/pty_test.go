package integration

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// screen is a terminal with a process attached, and the person in front of it.
type screen struct {
	*process
	keys *os.File // what is typed, and where the output is read
	out  *log
	all  chan struct{} // closed at the end of the output
}

// startAtTerminal starts a program on a terminal of its own: all three standard streams, and signals from its
// keyboard.
func startAtTerminal(t *testing.T, cmd *exec.Cmd) *screen {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80})
	}
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer slave.Close()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	s := &screen{process: start(t, "zmqtap", cmd), keys: master, out: &log{}, all: make(chan struct{})}
	go func() {
		defer close(s.all)
		b := make([]byte, 1<<16)
		for {
			n, err := master.Read(b)
			if err != nil {
				return
			}
			s.out.Write(b[:n]) //nolint:errcheck // it writes to memory
		}
	}()
	return s
}

// shows waits until the terminal has been sent text.
func (s *screen) shows(t *testing.T, text string) {
	t.Helper()
	eventually(t, patience, fmt.Sprintf("the terminal shows %q", text), func() bool {
		select {
		case <-s.all:
			return true
		default:
			return strings.Contains(s.out.String(), text)
		}
	})
	if !strings.Contains(s.out.String(), text) {
		t.Fatalf("it ended without %q: %q", text, tail(s.out.String(), 2000))
	}
}

func (s *screen) types(t *testing.T, keys string) {
	t.Helper()
	if _, err := s.keys.WriteString(keys); err != nil {
		t.Fatal(err)
	}
}
