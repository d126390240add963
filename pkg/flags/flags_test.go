package flags

import (
	"bytes"
	"context"
	"errors"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestSize(t *testing.T) {
	tests := map[string]int{"1": 1, "65536": 65536, "64KiB": 64 << 10, "1MiB": 1 << 20, "1024MiB": 1 << 30, "": 0, "0": 0, "-1": 0, "+1": 0, "1KB": 0, "1.5MiB": 0, "KiB": 0, "1025MiB": 0, "99999999999999999999": 0}
	for text, want := range tests {
		var s Size
		if err := s.Set(text); (err == nil) != (want > 0) || int(s) != want {
			t.Errorf("%q: %d, %v; want %d", text, s, err, want)
		}
		var again Size
		if want > 0 && (again.Set(s.String()) != nil || again != s) {
			t.Errorf("%q is written %q", text, s.String())
		}
	}
}

func TestExit(t *testing.T) {
	tests := []struct {
		err  error
		code int
		text string
	}{
		{nil, ExitOK, ""},
		{ErrHelp, ExitOK, ""},
		{errors.New("broken"), ExitFailure, "p: broken\n"},
		{Usage("--x: %w", errors.New("wrong")), ExitUsage, "p: --x: wrong\nTry 'p --help'.\n"},
	}
	for _, test := range tests {
		var stderr bytes.Buffer
		if code := Exit("p", test.err, &stderr); code != test.code || stderr.String() != test.text {
			t.Errorf("%v: %d, %q", test.err, code, stderr.String())
		}
	}
}

func TestStopSignals(t *testing.T) {
	ignored := func(os.Signal) bool { return true }
	if got := StopSignals(ignored, os.Interrupt, syscall.SIGTERM); len(got) != 1 || got[0] != syscall.SIGTERM {
		t.Errorf("an ignored interrupt must stay ignored: %v", got)
	}
	if got := StopSignals(func(os.Signal) bool { return false }, os.Interrupt, syscall.SIGTERM); len(got) != 2 {
		t.Errorf("%v", got)
	}
}

func TestLinger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := Common{Linger: 4 * time.Second}
		ctx, stop := context.WithCancel(t.Context())
		longer, done := c.Lingering(ctx)
		defer done()
		time.Sleep(time.Hour)
		if longer.Err() != nil {
			t.Error("ended before it began")
		}
		stop()
		time.Sleep(3 * time.Second)
		if longer.Err() != nil {
			t.Error("ended early")
		}
		time.Sleep(2 * time.Second)
		if longer.Err() == nil {
			t.Error("lasts longer than --linger")
		}
	})
}
