package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/descriptor"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/descriptor/pty"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap/taptest"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// screen is a terminal that zmqtap writes to.
type screen struct {
	process // its log is what the terminal shows
	slave   *os.File
}

func openScreen(t *testing.T, width uint16) *screen {
	t.Helper()
	master, slave := pty.Open(t)
	s := &screen{slave: slave}
	s.resize(t, width)
	go func() {
		b := make([]byte, 1<<16)
		for {
			n, err := master.Read(b)
			if err != nil {
				return
			}
			s.Write(b[:n]) //nolint:errcheck // to memory
		}
	}()
	return s
}

func (s *screen) resize(t *testing.T, width uint16) {
	t.Helper()
	err := descriptor.Control(s.slave, func(fd int) error {
		return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: width})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// shows waits for a line.
func (s *screen) shows(t *testing.T, line string) {
	t.Helper()
	taptest.Eventually(t, "the line "+line, func() bool {
		return strings.Contains("\n"+colorSequence.ReplaceAllString(s.log(), ""), "\n"+line+"\r\n")
	})
}

var colorSequence = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// attended starts a zmqtap on the terminal, with variables of its environment.
func (s *screen) attended(t *testing.T, environment, flags []string) (*process, *zmq.Socket) {
	t.Helper()
	cmd := exec.Command(program, flags...)
	cmd.Env = append(append(cmd.Environ(), "NO_COLOR=", "TERM=xterm"), environment...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = s.slave, s.slave, s.slave
	p, pub, _ := subscribing(t, 0, cmd)
	return p, pub
}

// On a terminal, columns follow its width as it changes, and lines are indented.
func TestTerminalWidth(t *testing.T) {
	t.Parallel()
	const host, rest = "<27>1 2026-11-30T16:03:18Z a-name.of-a-host.example.com ", "a-program-with-a-long-name 6883 - - text\n  more"
	s := openScreen(t, 120)
	p, pub := s.attended(t, []string{"NO_COLOR=1"}, []string{"--utc"})
	for _, c := range []struct {
		width uint16
		want  string
	}{
		{120, "16:03:18 a-name.of-a-ho… a-program-with-a-…[6883] error  [120] text\r\n           more"},
		{80, "16:03:18 a-name.of… a-program…[6883] error  [80] text"},
		{200, "16:03:18 a-name.of-a-host.exampl… a-program-with-a-long-name[6883] error  [200] text"},
		{50, "16:03:18 a-program… error  [50] text\r\n    more"},
		{30, "a-pro… error  [30] text"},
	} {
		s.resize(t, c.width)
		pub.Publish(fmt.Append(nil, c.width), []byte(host+rest))
		pub.Flush()
		s.shows(t, c.want)
	}
	p.signal(os.Interrupt)
	p.exits(0)
}

// Whether there are colours, and words in place of a log.
func TestTerminalColors(t *testing.T) {
	for _, c := range []struct {
		name               string
		environment, flags []string
		colored            bool
	}{
		{"terminal", nil, nil, true},
		{"NO_COLOR", []string{"NO_COLOR=1"}, nil, false},
		{"TERM=dumb", []string{"TERM=dumb"}, nil, false},
		{"--no-color", nil, []string{"--no-color"}, false},
		{"--color never", nil, []string{"--color", "never"}, false},
		{"--color always", []string{"NO_COLOR=1"}, []string{"--color", "always"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := openScreen(t, 120)
			p, pub := s.attended(t, c.environment, append(c.flags, "--utc", "--count", "1", "--topic", "t"))
			pub.Publish([]byte("t"), []byte("<27>1 2026-11-30T16:03:18Z web3 nginx 6883 - - upstream timed out\n"))
			pub.Flush()
			p.exits(0)
			s.shows(t, "zmqtap: 1 topic: t 1")
			shown := s.log()
			if colorSequence.MatchString(shown) != c.colored {
				t.Errorf("colours: %v: %q", !c.colored, shown)
			}
			pattern := `^zmqtap: connected to tcp://127\.0\.0\.1:\d+\r\n16:03:18 web3 nginx\[6883\] error  \[t\] upstream timed out\r\n` +
				`zmqtap: 1 message seen, 1 printed; .*\r\nzmqtap: 1 topic: t 1\r\n$`
			if plain := colorSequence.ReplaceAllString(shown, ""); !regexp.MustCompile(pattern).MatchString(plain) {
				t.Errorf("it shows %q", plain)
			}
		})
	}
}

// With --log-format there is a log at a terminal, too.
func TestTerminalLog(t *testing.T) {
	t.Parallel()
	s := openScreen(t, 120)
	p, _ := s.attended(t, []string{"NO_COLOR=1"}, []string{"--log-format", "json"})
	taptest.Eventually(t, "the log", func() bool { return strings.Contains(s.log(), `zmqtap: {"time":`) })
	p.signal(os.Interrupt)
	p.exits(0)
}

// A publisher that comes back is announced, with how long it was away.
func TestTerminalReconnects(t *testing.T) {
	t.Parallel()
	s := openScreen(t, 120)
	at := "ipc://" + filepath.Join(t.TempDir(), "pub")
	cmd := exec.Command(program, at)
	cmd.Env = append(cmd.Environ(), "NO_COLOR=1", "TERM=xterm")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = s.slave, s.slave, s.slave
	p := launchCommand(t, cmd)
	for _, said := range []string{"connected to " + at, "connected again to " + at + ` after \d+\.\d s`} {
		pub := taptest.Open(t, zmq.Config{Type: zmq.Pub})
		if _, err := pub.Bind(at); err != nil {
			t.Fatal(err)
		}
		want := regexp.MustCompile(`(?m)^zmqtap: ` + said + `\r$`)
		taptest.Eventually(t, said, func() bool { return want.MatchString(s.log()) })
		over, cancel := context.WithCancel(t.Context())
		cancel()
		pub.Close(over)
	}
	p.signal(os.Interrupt)
	p.exits(0)
}

// A recorder speaks in words at a terminal, too.
func TestTerminalRecord(t *testing.T) {
	t.Parallel()
	s := openScreen(t, 120)
	p, pub := s.attended(t, []string{"NO_COLOR=1"}, []string{"record", "--count", "1", filepath.Join(t.TempDir(), "file")})
	pub.Publish([]byte("t"), []byte("x"))
	pub.Flush()
	p.exits(0)
	want := regexp.MustCompile(`^zmqtap: connected to tcp://127\.0\.0\.1:\d+\r\nzmqtap: 1 message recorded into .*\r\n$`)
	taptest.Eventually(t, "words", func() bool { return want.MatchString(s.log()) })
}
