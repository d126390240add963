package top

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/descriptor/pty"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/terminal"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/terminal/top/toptest"
)

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

// different counts topics such that each frame differs from the one before in nearly each character. What a terminal
// holds unread, 64 KiB, is less.
func different() func(r *terminal.Rates) {
	n := 0
	return func(r *terminal.Rates) {
		n++
		*r = *terminal.NewRates(time.Unix(0, 0))
		for i := range 400 {
			r.Add(fmt.Appendf(nil, "%s-%d", strings.Repeat(string(rune('a'+n%26)), 240), i), 1)
		}
	}
}

// sticks waits until the output is stuck.
func (s *shown) sticks() {
	s.t.Helper()
	s.Wait("no more", func(string) bool {
		s.screen.out.mu.Lock()
		defer s.screen.out.mu.Unlock()
		return s.screen.out.stuck
	})
}

// It ends, and restores the terminal, even if the terminal takes no output any more; and keys work then.
func TestStuckTerminal(t *testing.T) {
	for name, end := range map[string]func(s *shown){
		"q":       func(s *shown) { s.Type("q") },
		"context": func(s *shown) { s.cancel() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := show(t, newCounted(different()), 300, 300)
			s.Shows("q quit")
			s.Stop()
			s.sticks()
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
	s := show(t, newCounted(different()), 300, 300)
	s.Shows("q quit")
	s.Stop()
	s.sticks()
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
