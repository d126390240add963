// Package toptest is a terminal emulator for tests of screens.
package toptest

import (
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"
	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/descriptor"
)

// patience is how long a screen may take to show something. It is no measure of speed.
const patience = 60 * time.Second

// Screen is what a person sees of a terminal: an emulator at its master end.
type Screen struct {
	t      testing.TB
	master *os.File

	mu       sync.Mutex
	moving   sync.Cond // stopped has changed
	stopped  bool
	emulator *vt.Emulator
	sent     []byte
	hidden   bool // the cursor
}

// Show begins to read from a terminal's master end, and to answer what the terminal is asked.
func Show(t testing.TB, master *os.File, width, height int) *Screen {
	t.Helper()
	s := &Screen{t: t, master: master, emulator: vt.NewEmulator(width, height)}
	s.moving.L = &s.mu
	s.emulator.SetCallbacks(vt.Callbacks{CursorVisibility: func(visible bool) { s.hidden = !visible }})
	s.size(width, height)
	go func() {
		answer := make([]byte, 256)
		for {
			n, err := s.emulator.Read(answer)
			if err != nil {
				return
			}
			master.Write(answer[:n]) //nolint:errcheck // nobody may be there any more
		}
	}()
	go s.read()
	return s
}

func (s *Screen) read() {
	b := make([]byte, 64<<10)
	for {
		s.mu.Lock()
		for s.stopped {
			s.moving.Wait()
		}
		s.mu.Unlock()
		n, err := s.master.Read(b)
		if err != nil {
			return
		}
		s.mu.Lock()
		s.sent = append(s.sent, b[:n]...)
		s.emulator.Write(b[:n]) //nolint:errcheck // it is closed with the test alone
		s.mu.Unlock()
	}
}

// Stop makes the terminal take no output until Go is called.
func (s *Screen) Stop() { s.stop(true) }

// Go ends what Stop has begun.
func (s *Screen) Go() { s.stop(false) }

func (s *Screen) stop(stopped bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = stopped
	s.moving.Broadcast()
}

// Resize changes the terminal's size.
func (s *Screen) Resize(width, height int) {
	s.mu.Lock()
	s.emulator.Resize(width, height)
	s.mu.Unlock()
	s.size(width, height)
}

func (s *Screen) size(width, height int) {
	s.t.Helper()
	err := descriptor.Control(s.master, func(fd int) error {
		return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Col: uint16(width), Row: uint16(height)})
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// Type presses keys.
func (s *Screen) Type(keys string) {
	s.t.Helper()
	if _, err := s.master.WriteString(keys); err != nil {
		s.t.Fatal(err)
	}
}

// Text is what the screen shows, without spaces at the ends of lines.
func (s *Screen) Text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	lines := strings.Split(s.emulator.String(), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return strings.Join(lines, "\n")
}

// Sent is all that the terminal was sent.
func (s *Screen) Sent() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.sent)
}

// Restored reports whether the terminal shows its normal screen with a cursor.
func (s *Screen) Restored() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.emulator.IsAltScreen() && !s.hidden
}

// Reversed reports whether the first character of a line is in reverse video.
func (s *Screen) Reversed(line int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	cell := s.emulator.CellAt(0, line)
	return cell != nil && cell.Style.Attrs&(1<<5) != 0
}

// Wait waits until the screen is as it should be.
func (s *Screen) Wait(what string, as func(text string) bool) {
	s.t.Helper()
	end := time.Now().Add(patience)
	for !as(s.Text()) {
		if time.Now().After(end) {
			sent := s.Sent()
			s.t.Fatalf("the screen does not show %s:\n%s\nThe last that was sent: %q", what, s.Text(), sent[max(0, len(sent)-300):])
		}
		time.Sleep(time.Millisecond)
	}
}

// Shows waits until the screen shows texts, in this order.
func (s *Screen) Shows(texts ...string) {
	s.t.Helper()
	s.Wait(strings.Join(texts, ", then "), func(shown string) bool {
		for _, text := range texts {
			_, after, found := strings.Cut(shown, text)
			if !found {
				return false
			}
			shown = after
		}
		return true
	})
}

// ShowsNot waits until the screen does not show a text any more.
func (s *Screen) ShowsNot(text string) {
	s.t.Helper()
	s.Wait("no "+text, func(shown string) bool { return !strings.Contains(shown, text) })
}
