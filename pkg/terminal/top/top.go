// Package top is a screen of rates that is redrawn every second, as top and htop are: rows can be sorted, filtered,
// selected and frozen while messages are counted.
//
// Keys come from a terminal, and the screen goes to one, which is left as it was found: after a key, at the end of the
// context, after a panic, and when it takes no output. What is shown of a message is escaped (message.AppendSafe).
package top

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/descriptor"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/terminal"
)

const (
	// refresh is the time between two samples.
	refresh = time.Second
	// frames is how many times a second a changed screen is written.
	frames = 30
	// patience is how long a terminal that takes nothing delays the end.
	patience = 2 * time.Second
)

// Source is what the screen shows.
type Source interface {
	// Update computes the rates since its last call. It is called once a second.
	Update(now time.Time) Sample
	// Divide makes Update's rows those of another field.
	Divide(by terminal.By)
}

// Sample is what is known at some time. Its rows do not change, and the slice is the screen's, until the next Update.
type Sample struct {
	All        *terminal.Row
	AllSeconds uint64 // of All's history: terminal.Rates.Seconds
	Rows       []*terminal.Row
	Seconds    uint64 // of the rows' histories
	Missed     uint64
	Publishers string // which are connected, and which are not, and why; it need not be safe to look at
}

// Config is what a Screen needs.
type Config struct {
	Source  Source
	By      terminal.By // what Source's rows are of
	In      *os.File    // a terminal; nil: there are no keys
	Out     *os.File    // a terminal
	Color   bool
	Environ []string
}

// Screen is a terminal that shows rates.
type Screen struct {
	program *tea.Program
	model   *model
	in      *keyboard
	out     *output
}

// New returns a Screen. The terminals are not touched before Run.
func New(cfg Config) *Screen {
	s := &Screen{in: newKeyboard(cfg.In), out: newOutput(cfg.Out)}
	s.model = newModel(cfg, s.out)
	profile := colorprofile.ASCII
	if cfg.Color {
		profile = colorprofile.ANSI256
	}
	input := tea.WithInput(nil)
	if cfg.In != nil {
		input = tea.WithInput(cfg.In)
	}
	// The profile is given because finding it out may start tmux. Signals end the context.
	s.program = tea.NewProgram(s.model, input, tea.WithOutput(s.out), tea.WithFPS(frames), tea.WithColorProfile(profile),
		tea.WithEnvironment(slices.Clone(cfg.Environ)), tea.WithoutSignalHandler())
	return s
}

// Run shows the rates until the user quits or ctx ends, and restores the terminal. The error is terminal.ErrClosed
// if the terminal has gone.
func (s *Screen) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, s.program.Quit)
	defer stop()
	ended := make(chan error, 1)
	go func() {
		_, err := s.program.Run()
		ended <- err
	}()
	var err error
	undone := true
	select {
	case err = <-ended:
	case <-ctx.Done():
		select {
		case err = <-ended:
		case <-time.After(patience): // the output is stuck in write(2)
			undone = false
		}
	}
	gone := s.out.hungUp()
	s.in.restore()
	s.out.leave(undone)
	switch {
	case gone:
		return terminal.ErrClosed
	case err == nil:
		return nil
	case errors.Is(err, tea.ErrProgramPanic):
		return errors.New("the screen has failed: its stack is above; please report it")
	}
	return fmt.Errorf("terminal: %w", err)
}

// Rescue is to be deferred by a goroutine that runs beside Run: a panic then leaves the terminal usable.
func (s *Screen) Rescue() {
	if r := recover(); r != nil {
		s.in.restore()
		s.out.leave(false)
		panic(r)
	}
}

// Keyboard returns the terminal to read keys from: stdin, or else the controlling terminal, as less(1) does. It is
// nil if there is none. close releases it.
func Keyboard(stdin *os.File) (keys *os.File, close func()) {
	if terminal.IsTerminal(stdin) {
		return stdin, func() {}
	}
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return nil, func() {}
	}
	return tty, func() { tty.Close() } //nolint:errcheck // nothing was written to it
}

// of returns a file's descriptor, or -1.
func of(file *os.File) int {
	if file != nil {
		if fd, err := descriptor.Of(file); err == nil {
			return fd
		}
	}
	return -1
}
