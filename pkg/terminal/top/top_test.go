package top

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
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

func TestEnds(t *testing.T) {
	for name, end := range map[string]func(s *shown){
		"q":       func(s *shown) { s.Type("q") },
		"Ctrl-C":  func(s *shown) { s.Type("\x03") },
		"F10":     func(s *shown) { s.Type("\x1b[21~") },
		"context": func(s *shown) { s.cancel() },
		"Ctrl-C while a filter is typed": func(s *shown) {
			s.Type("/x")
			s.Shows("/x")
			s.Type("\x03")
		},
		"Ctrl-C in the help": func(s *shown) {
			s.Type("?")
			s.Shows("any key goes back")
			s.Type("\x03")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := show(t, newCounted(three), 80, 24)
			s.Shows("mail.err", "auth.info", "cron", "q quit")
			end(s)
			if err := s.ends(); err != nil {
				t.Error(err)
			}
		})
	}
}

// It ends, and restores the terminal, even if the terminal takes no output any more; and keys work then.
func TestStuckTerminal(t *testing.T) {
	for name, end := range map[string]func(s *shown){
		"q":       func(s *shown) { s.Type("q") },
		"context": func(s *shown) { s.cancel() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := 0
			s := show(t, newCounted(func(r *terminal.Rates) { // each frame differs in nearly each character
				n++
				for i := range 500 {
					r.Add(fmt.Appendf(nil, "%s-%d", strings.Repeat(string(rune('a'+n%26)), 200), i), 1)
				}
			}), 300, 300)
			s.Shows("q quit")
			s.Stop()
			stuck := func(string) bool {
				s.screen.out.mu.Lock()
				defer s.screen.out.mu.Unlock()
				return s.screen.out.stuck
			}
			s.Wait("no more", stuck)
			end(s)
			if err := s.ends(); err != nil {
				t.Error(err)
			}
		})
	}
}

// After frames were dropped, the screen is drawn anew.
func TestTerminalGoesOn(t *testing.T) {
	t.Parallel()
	n := 0
	s := show(t, newCounted(func(r *terminal.Rates) {
		n++
		for i := range 500 {
			r.Add(fmt.Appendf(nil, "%s-%d", strings.Repeat(string(rune('a'+n%26)), 200), i), 1)
		}
	}), 300, 300)
	s.Shows("q quit")
	s.Stop()
	s.Wait("no more", func(string) bool {
		s.screen.out.mu.Lock()
		defer s.screen.out.mu.Unlock()
		return s.screen.out.stuck
	})
	s.Type("/zz-1")
	s.Go()
	s.Shows("msg/s", "MSG/S", "/zz-1")
	s.Type("\rq")
	if err := s.ends(); err != nil {
		t.Error(err)
	}
}

// A panic of the screen is an error, and one beside it can be rescued from. Both leave the terminal usable.
func TestPanic(t *testing.T) {
	source := newCounted(three)
	s := show(t, source, 80, 24)
	s.Shows("mail.err")
	source.change(func() { source.fail = true })
	if err := s.ends(); err == nil || !strings.Contains(err.Error(), "the screen has failed") {
		t.Error(err)
	}

	s = show(t, newCounted(three), 80, 24)
	s.Shows("mail.err")
	rescued := make(chan any)
	go func() {
		defer func() { rescued <- recover() }()
		defer s.screen.Rescue()
		panic("beside it")
	}()
	if got := <-rescued; got != "beside it" {
		t.Error(got)
	}
	s.Wait("the normal screen", func(string) bool { return s.Restored() })
	if s.modes() != s.before {
		t.Error("the terminal is not as it was")
	}
	s.cancel()
	<-s.ended
}

// The terminal goes away.
func TestHangup(t *testing.T) {
	master, tty := pty.Open(t)
	toptest.Show(t, master, 80, 24).Stop()
	s := New(Config{Source: newCounted(three), In: tty, Out: tty, Environ: []string{"TERM=xterm"}})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	master.Close() //nolint:errcheck // that it is closed is the test
	select {
	case err := <-ended:
		if !errors.Is(err, terminal.ErrClosed) {
			t.Error(err)
		}
	case <-time.After(60 * time.Second):
		t.Fatal("it does not end")
	}
	cancel()
}

func TestResize(t *testing.T) {
	s := show(t, newCounted(three), 160, 24)
	resize := func(width, height int) {
		s.Resize(width, height)
		if err := syscall.Kill(os.Getpid(), syscall.SIGWINCH); err != nil { // the terminal is not ours: the kernel does not
			t.Fatal(err)
		}
	}
	fits := func(width, height int) {
		t.Helper()
		for i, line := range strings.Split(s.Text(), "\n") {
			if n := len([]rune(line)); n > width || i >= height {
				t.Errorf("%d x %d: line %d has %d characters: %q", width, height, i, n, line)
			}
		}
	}
	s.Shows("msg/s", "MSG/S↓", "BYTES/S", "TOTAL", "LAST MINUTE", "TOPIC", "mail.err", "q quit", "n name")
	for _, c := range []struct {
		width, height int
		has           []string
		lacks         string
	}{
		{80, 24, []string{"MSG/S↓", "BYTES/S", "TOTAL", "LAST MINUTE", "mail.err", "q quit"}, ""},
		{60, 10, []string{"MSG/S↓", "BYTES/S", "TOTAL  TOPIC", "mail.err", "q quit"}, "LAST"},
		{45, 6, []string{"MSG/S↓", "BYTES/S  TOPIC", "mail.err", "q quit"}, "TOTAL"},
		{30, 5, []string{"MSG/S↓  TOPIC", "50.0  mail.err", "q quit"}, "BYTES"},
		{30, 3, []string{"msg/s", "MSG/S↓", "mail.err"}, "quit"},
		{12, 2, []string{"msg/s", "MSG/S"}, "mail"},
		{1, 1, nil, "quit"},
		{200, 50, []string{"LAST MINUTE", "TOPIC", "mail.err", "q quit", "n name"}, ""},
	} {
		resize(c.width, c.height)
		s.Shows(c.has...)
		if c.lacks != "" {
			s.ShowsNot(c.lacks)
		}
		s.Wait("lines that fit", func(text string) bool { return strings.Count(text, "\n")+1 == c.height })
		fits(c.width, c.height)
	}
	s.Type("q")
	if err := s.ends(); err != nil {
		t.Error(err)
	}
}
