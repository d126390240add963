package top

import (
	"context"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/descriptor"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/descriptor/pty"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/terminal"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/terminal/top/toptest"
)

// counted is a Source. Each call of Update is a second later, in which the same was counted as in the first.
type counted struct {
	mu     sync.Mutex
	now    time.Time
	rates  *terminal.Rates
	each   func(r *terminal.Rates) // counts a second's messages
	missed uint64
	fail   bool
}

func newCounted(each func(r *terminal.Rates)) *counted {
	c := &counted{now: time.Unix(1_700_000_000, 0), each: each}
	c.Divide(terminal.Topic)
	return c
}

func (c *counted) Update(time.Time) Sample {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fail {
		panic("as a test wants")
	}
	c.each(c.rates)
	c.now = c.now.Add(time.Second)
	s := Sample{Missed: c.missed}
	s.All, s.Rows = c.rates.Update(c.now)
	s.AllSeconds, s.Seconds = c.rates.Seconds(), c.rates.Seconds()
	return s
}

func (c *counted) Divide(by terminal.By) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rates = terminal.NewRatesBy(by, c.now)
	c.rates.Remember()
}

// change changes what is counted from now on.
func (c *counted) change(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

// three counts three topics: the order by rate is mail, auth, cron; by bytes cron, mail, auth.
func three(r *terminal.Rates) {
	for topic, n := range map[string]int{"auth.info": 20, "mail.err": 50, "cron": 3} {
		size := 10
		if topic == "cron" {
			size = 5000
		}
		line := "<11>1 - web1 " + topic + " - - - "
		line += strings.Repeat("x", size)
		for range n {
			r.Count([]byte(topic), []byte(line))
		}
	}
}

// shown is a Screen that is shown by an emulator.
type shown struct {
	*toptest.Screen
	t      *testing.T
	screen *Screen
	before unix.Termios
	tty    *os.File
	cancel context.CancelFunc
	ended  chan error
}

func show(t *testing.T, source Source, width, height int, change ...func(*Config)) *shown {
	t.Helper()
	master, tty := pty.Open(t)
	s := &shown{Screen: toptest.Show(t, master, width, height), t: t, tty: tty, ended: make(chan error, 1)}
	s.before = s.modes()
	cfg := Config{Source: source, In: tty, Out: tty, Color: true, Environ: []string{"TERM=xterm-256color"}}
	for _, f := range change {
		f(&cfg)
	}
	s.screen = New(cfg)
	ctx, cancel := context.WithCancel(t.Context())
	s.cancel = cancel
	go func() { s.ended <- s.screen.Run(ctx) }()
	t.Cleanup(cancel)
	return s
}

func (s *shown) modes() unix.Termios {
	s.t.Helper()
	var state *unix.Termios
	err := descriptor.Control(s.tty, func(fd int) (err error) {
		state, err = unix.IoctlGetTermios(fd, unix.TCGETS)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return *state
}

// ends waits for the end, and checks that the terminal is as it was.
func (s *shown) ends() error {
	s.t.Helper()
	var err error
	select {
	case err = <-s.ended:
	case <-time.After(60 * time.Second):
		s.t.Fatal("it does not end")
	}
	s.Go()
	s.Wait("the normal screen", func(string) bool { return s.Restored() })
	if s.modes() != s.before {
		s.t.Errorf("the terminal's modes are %+v, and were %+v", s.modes(), s.before)
	}
	sent := s.Sent()
	for on, off := range map[string]string{"\x1b[?2004h": "\x1b[?2004l", "\x1b[?1049h": "\x1b[?1049l", "\x1b[?25l": "\x1b[?25h",
		"\x1b[>4;2m": "\x1b[>4m", "\x1b[>1u": "\x1b[<"} {
		if strings.LastIndex(sent, on) > strings.LastIndex(sent, off) {
			s.t.Errorf("%q is not followed by %q", on, off)
		}
	}
	return err
}
