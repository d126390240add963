package zmq

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// A peer that was silent, was dropped or could not be dialled is unreachable; one whose connection has just ended
// is not.
func TestUnreachable(t *testing.T) {
	tests := []struct {
		established bool
		err         error
		want        bool
	}{
		{false, syscall.ECONNREFUSED, true},
		{true, io.EOF, false},
		{true, syscall.ECONNRESET, false},
		{true, fmt.Errorf("%w for 30s", errSilent), true},
		{true, &dropError{errLeft}, true},
	}
	for _, test := range tests {
		if got := unreachable(test.established, test.err); got != test.want {
			t.Errorf("established: %v, %v: unreachable: %v", test.established, test.err, got)
		}
	}
}

// A reason does not contain our port, which would make each reason another one.
func TestCause(t *testing.T) {
	own := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4711}
	for _, err := range []error{
		&net.OpError{Op: "read", Net: "tcp", Source: own, Addr: own, Err: syscall.ECONNRESET},
		fmt.Errorf("wrapped: %w", &net.OpError{Op: "read", Source: own, Err: syscall.ECONNRESET}),
	} {
		if got := cause(err); strings.Contains(got.Error(), "4711") || !errors.Is(got, syscall.ECONNRESET) {
			t.Errorf("%v has become %v", err, got)
		}
	}
	if err := cause(io.EOF); err != io.EOF {
		t.Errorf("EOF has become %v", err)
	}
}

// However many reasons an outage has, few are logged, and each only once.
func TestReasonsAreLimited(t *testing.T) {
	for different, want := range map[int]int{1: 1, 3: 3, 1000: maxReasons} {
		synctest.Test(t, func(t *testing.T) {
			var log logged
			attempts, enough := 0, make(chan struct{})
			dial := func(context.Context, string, string) (net.Conn, error) {
				if attempts++; attempts == 50 {
					close(enough)
				}
				return nil, fmt.Errorf("reason %d", attempts%different)
			}
			connected(t, Config{Type: Push, Logger: log.logger(), dial: dial}, "tcp://192.0.2.1:1")
			<-enough
			if n := log.count("level=WARN"); n != want {
				t.Errorf("%d warnings for %d reasons, want %d", n, different, want)
			}
		})
	}
}

// failing is a listener that has no descriptors left.
type failing struct {
	net.Listener
	times []time.Time // of the calls of Accept
}

func (l *failing) Accept() (net.Conn, error) {
	if l.times = append(l.times, time.Now()); len(l.times) == 10 {
		return nil, net.ErrClosed
	}
	return nil, syscall.EMFILE
}

// A listener that fails is tried again after growing waits, and for no longer than the socket lives.
func TestAcceptWaitsAfterAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, Config{Type: Pull})
		l := &failing{}
		s.accept(l, "tcp://127.0.0.1:1")
		first, last := l.times[1].Sub(l.times[0]), l.times[9].Sub(l.times[8])
		if first < 5*time.Millisecond || last < 500*time.Millisecond || last > time.Second {
			t.Errorf("the first wait was %v, the last one %v", first, last)
		}
		s.stop()
		l = &failing{}
		if s.accept(l, "tcp://127.0.0.1:1"); len(l.times) != 1 {
			t.Errorf("%d attempts after the end", len(l.times))
		}
	})
}
