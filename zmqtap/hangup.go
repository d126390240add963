package main

import (
	"os"
	"os/signal"
	"syscall"
)

// hangups returns a channel that delivers SIGHUP, which no longer ends the program then, unless a terminal that the
// program had at that time has gone.
func hangups() <-chan os.Signal {
	had := !signal.Ignored(syscall.SIGHUP) && hasTerminal()
	signal.Ignore(syscall.SIGHUP) // also for the context of main
	all, others := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(all, syscall.SIGHUP)
	go func() {
		for s := range all {
			if had && !hasTerminal() {
				syscall.Kill(os.Getpid(), syscall.SIGTERM) //nolint:errcheck // one may send signals to oneself
				continue
			}
			select {
			case others <- s:
			default: // one is waiting already
			}
		}
	}()
	return others
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
