// Pushpull is one end of a PUSH and PULL pair for the measurements: our own sockets, or those of go-zeromq/zmq4.
//
//	pushpull ours|curve|zmq4 pull N                  binds a free port, prints the endpoint, takes N messages and prints
//	                                                 "messages first_ns last_ns cpu_us" (CLOCK_MONOTONIC)
//	pushpull ours|curve|zmq4 push ENDPOINT N SIZE    connects and sends N messages of SIZE bytes
//
// curve is our own under CURVE.
package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/go-zeromq/zmq4"
	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "pushpull:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 3 {
		return fmt.Errorf("too few arguments: see go doc")
	}
	role := args[0] + " " + args[1]
	numbers := make([]int, 0, 2)
	for _, text := range args[2:] {
		if n, err := strconv.Atoi(text); err == nil {
			numbers = append(numbers, n)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	switch {
	case role == "ours pull" && len(numbers) == 1:
		return ourPull(ctx, numbers[0], zmq.Security{})
	case role == "curve pull" && len(numbers) == 1:
		return ourPull(ctx, numbers[0], zmq.Security{Curve: &zmq.Curve{Own: server(), Clients: anybody{}}})
	case role == "zmq4 pull" && len(numbers) == 1:
		return theirPull(ctx, numbers[0])
	case role == "ours push" && len(numbers) == 2:
		return ourPush(ctx, args[2], numbers[0], numbers[1], zmq.Security{})
	case role == "curve push" && len(numbers) == 2:
		return ourPush(ctx, args[2], numbers[0], numbers[1], zmq.Security{Curve: client()})
	case role == "zmq4 push" && len(numbers) == 2:
		return theirPush(ctx, args[2], numbers[0], bytes.Repeat([]byte{'x'}, numbers[1]))
	}
	return fmt.Errorf("cannot make sense of %q: see go doc", args)
}

func monotonic() int64 {
	var t unix.Timespec
	unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) // cannot fail for this clock
	return t.Nano()
}

func report(n int, first int64) error {
	last := monotonic()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return err
	}
	fmt.Println(n, first, last, (u.Utime.Nano()+u.Stime.Nano())/1000)
	return nil
}

func ourPull(ctx context.Context, n int, security zmq.Security) error {
	s, err := zmq.New(zmq.Config{Type: zmq.Pull, Security: security})
	if err != nil {
		return err
	}
	endpoint, err := s.Bind("tcp://127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(endpoint)
	var first int64
	for got := 0; got < n; {
		b, err := s.Recv(ctx)
		if err != nil {
			return err
		}
		if got == 0 {
			first = monotonic()
		}
		got += b.Len()
		b.Release()
	}
	return report(n, first)
}

func ourPush(ctx context.Context, endpoint string, n, size int, security zmq.Security) error {
	body := bytes.Repeat([]byte{'x'}, size)
	s, err := zmq.New(zmq.Config{Type: zmq.Push, Security: security})
	if err != nil {
		return err
	}
	if err := s.Connect(endpoint); err != nil {
		return err
	}
	for range n {
		if err := s.Send(ctx, body); err != nil {
			return err
		}
	}
	if unwritten := s.Close(ctx); unwritten > 0 {
		return fmt.Errorf("%d messages were not written", unwritten)
	}
	return nil
}

func theirPull(ctx context.Context, n int) error {
	s := zmq4.NewPull(ctx)
	if err := s.Listen("tcp://127.0.0.1:0"); err != nil {
		return err
	}
	fmt.Println("tcp://" + s.Addr().String())
	var first int64
	for got := range n {
		if _, err := s.Recv(); err != nil {
			return err
		}
		if got == 0 {
			first = monotonic()
		}
	}
	return report(n, first)
}

func theirPush(ctx context.Context, endpoint string, n int, body []byte) error {
	s := zmq4.NewPush(ctx)
	if err := s.Dial(endpoint); err != nil {
		return err
	}
	for range n {
		if err := s.Send(zmq4.NewMsg(body)); err != nil {
			return err
		}
	}
	return s.Close()
}
