package top

import (
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/descriptor"
)

// stall is how long a frame waits for a terminal that takes nothing. Keys wait as long.
const stall = time.Second

// leave undoes all that bubbletea may have switched on: synchronized updates (mode 2026), grapheme clusters (2027),
// bracketed paste (2004), modifyOtherKeys, the entry that it has pushed onto kitty's stack, colours,
// the alternate screen and the hidden cursor.
const leave = "\x1b[?2026l\x1b[?2027l\x1b[?2004l\x1b[>4m\x1b[<u\x1b[m\x1b[?1049l\x1b[?25h"

// output writes frames to a terminal. A terminal may take none for a while, because a network or a person stops it:
// then frames are dropped, so that keys still work, and the screen has to be drawn anew.
type output struct {
	file *os.File
	own  *os.File // the terminal once more, non-blocking; nil: it cannot be opened, and writes may block
	fd   int

	mu      sync.Mutex
	entered bool // something was written
	stuck   bool
	ended   bool
}

func newOutput(file *os.File) *output {
	o := &output{file: file, fd: of(file)}
	// O_NONBLOCK on the descriptor that we have would hold for the shell, too.
	own, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", o.fd), unix.O_WRONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err == nil {
		o.own, o.fd = os.NewFile(uintptr(own), file.Name()), own
	}
	return o
}

// Write writes a frame, or drops it. It fails only if the terminal has gone.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.stuck || o.ended {
		return len(b), nil
	}
	o.entered = true
	_, err := descriptor.Write(o.fd, b, stall)
	if err == unix.EAGAIN {
		o.stuck = true
		return len(b), nil
	}
	return len(b), err
}

// resumed reports, once, that the terminal takes output again after frames were dropped.
func (o *output) resumed() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.stuck || !o.ready() {
		return false
	}
	o.stuck = false
	return true
}

func (o *output) ready() bool {
	fds := [...]unix.PollFd{{Fd: int32(o.fd), Events: unix.POLLOUT}}
	ready, err := descriptor.Poll(fds[:], 0)
	return err == nil && ready > 0 && fds[0].Revents&unix.POLLOUT != 0
}

func (o *output) hungUp() bool { return descriptor.HungUp(o.fd) }

// leave ends the output. undone reports that bubbletea has undone all; it could not while the output was stuck.
func (o *output) leave(undone bool) {
	if !o.mu.TryLock() { // a write is under way, perhaps for ever
		if o.own == nil {
			return
		}
		o.mu.Lock()
	}
	defer o.mu.Unlock()
	if o.ended {
		return
	}
	o.ended = true
	if o.stuck {
		unix.IoctlSetInt(o.fd, unix.TCFLSH, unix.TCOFLUSH) //nolint:errcheck // what is not read yet is no longer of use
	}
	if o.entered && (o.stuck || !undone) { // kitty's stack must not lose an entry twice
		descriptor.Write(o.fd, []byte(leave), 0) //nolint:errcheck // the terminal may be gone
	}
	if o.own != nil {
		o.own.Close() //nolint:errcheck // nothing is buffered
	}
}

// Read, Close and Fd make bubbletea take the output for a terminal.
func (o *output) Read([]byte) (int, error) { return 0, os.ErrInvalid }
func (o *output) Close() error             { return nil }
func (o *output) Fd() uintptr              { return uintptr(of(o.file)) }

// keyboard is the terminal that keys come from, as it was before.
type keyboard struct {
	fd    int
	state *unix.Termios // nil: there is none
}

func newKeyboard(file *os.File) *keyboard {
	k := &keyboard{fd: of(file)}
	if state, err := unix.IoctlGetTermios(k.fd, unix.TCGETS); err == nil {
		k.state = state
	}
	return k
}

func (k *keyboard) restore() {
	if k.state != nil {
		unix.IoctlSetTermios(k.fd, unix.TCSETS, k.state) //nolint:errcheck // the terminal may be gone
	}
}
