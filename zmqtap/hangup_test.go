package main

import (
	"os"
	"syscall"
	"testing"
	"time"
)

// Each of those that ask for SIGHUP gets it.
func TestHangups(t *testing.T) {
	first, second := hangups(), hangups()
	for range 2 {
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		for _, c := range []<-chan os.Signal{first, second} {
			select {
			case <-c:
			case <-time.After(30 * time.Second):
				t.Fatal("no signal arrives")
			}
		}
	}
}
