package main

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// hangup has the channels that SIGHUP is delivered to. Signals are the process's, and so is this.
var hangup struct {
	sync.Mutex
	channels []chan os.Signal
}

// hangups returns a channel of its own that delivers SIGHUP, which no longer ends the program then, unless a terminal
// that the program had at the first call has gone.
func hangups() <-chan os.Signal {
	hangup.Lock()
	defer hangup.Unlock()
	c := make(chan os.Signal, 1)
	if hangup.channels = append(hangup.channels, c); len(hangup.channels) == 1 {
		catchHangups()
	}
	return c
}

func catchHangups() {
	had := !signal.Ignored(syscall.SIGHUP) && hasTerminal()
	signal.Ignore(syscall.SIGHUP) // also for the context of main
	all := make(chan os.Signal, 1)
	signal.Notify(all, syscall.SIGHUP)
	go func() {
		for s := range all {
			if had && !hasTerminal() {
				syscall.Kill(os.Getpid(), syscall.SIGTERM) //nolint:errcheck // one may send signals to oneself
				continue
			}
			hangup.Lock()
			for _, c := range hangup.channels {
				select {
				case c <- s:
				default: // one is waiting already
				}
			}
			hangup.Unlock()
		}
	}()
}

// hasTerminal reports whether the process has a controlling terminal (tty(4)).
func hasTerminal() bool {
	terminal, err := os.OpenFile("/dev/tty", os.O_RDONLY|syscall.O_NOCTTY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	terminal.Close()
	return true
}
