// Crowd is many readers of one zmqtap hub in one process, which keep account of what they get. Half of them read; the others ask for
// everything and then read nothing until they are woken.
//
//	crowd -http ADDR -subscribers ENDPOINT -readers N    N readers by HTTP, half of them plain text and half events, and N subscribers
//
// It converses in lines:
//
//	stdout "ready"      everybody is connected, and what they ask for has taken effect
//	stdin  "await N"    answered when all who read have N messages
//	stdout "reached"
//	stdin  "wake"       those that did not read begin to
//	stdout "quiet"      nothing has arrived for a moment
//	stdin  "end"        last messages are on their way, which read "]: the end 1", "]: the end 2" and so on: one may be missed
//	stdout a line each  kind, messages received, missed, gone, left out in their numbering, out of order, number of the last; then it exits
//
// "missed" is what the hub says to have dropped for that reader; "gone" what it says that publishers have dropped. A message is numbered
// by the digits behind its first "]: ".
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// atOnce is how many readers connect at a time: a listener's backlog is bounded.
const atOnce = 64

// silence is how long nothing arrives before it is quiet.
const silence = time.Second

// crowd is all readers together.
type crowd struct {
	http, subscribers string
	members           []*reader
	wake              chan struct{} // closed: everybody reads
}

// reader is one of them.
type reader struct {
	tally
	kind     string // text, events or subscriber
	sleep    bool   // it reads nothing until it is woken
	crowd    *crowd
	progress atomic.Uint64 // messages received so far, for others to see
}

// connection is a reader's way to the hub once it stands.
type connection interface {
	// follow reads until the last message.
	follow(r *reader) error
}

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "crowd:", err)
		os.Exit(1)
	}
}

func run(args []string, stdin io.Reader, stdout io.Writer) error {
	fs := flag.NewFlagSet("crowd", flag.ContinueOnError)
	c := &crowd{wake: make(chan struct{})}
	fs.StringVar(&c.http, "http", "", "`address` of the hub's HTTP server")
	fs.StringVar(&c.subscribers, "subscribers", "", "`host:port` of the hub's --out")
	readers := fs.Int("readers", 1000, "`number` of readers of either sort")
	awake := fs.Bool("awake", false, "all of them read")
	listeners := fs.Int("listeners", -1, "`number` of subscribers, if it is another")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if *listeners < 0 {
		*listeners = *readers
	}
	if err := raiseLimit(uint64(*readers+*listeners) + 100); err != nil {
		return err
	}
	for i := range *readers {
		c.add([]string{"text", "events"}[i%2], i%4 >= 2 && !*awake)
	}
	for i := range *listeners {
		c.add("subscriber", i%2 == 1 && !*awake)
	}
	return c.converse(bufio.NewScanner(stdin), stdout)
}

func (c *crowd) add(kind string, sleep bool) {
	c.members = append(c.members, &reader{kind: kind, sleep: sleep, crowd: c})
}

// raiseLimit lets this process have so many files.
func raiseLimit(files uint64) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	if limit.Cur >= files {
		return nil
	}
	limit.Cur, limit.Max = files, max(limit.Max, files)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("%d open files are needed, raise `ulimit -n`: %w", files, err)
	}
	return nil
}

// converse is the process's life.
func (c *crowd) converse(commands *bufio.Scanner, stdout io.Writer) error {
	connections, err := c.connect()
	if err != nil {
		return err
	}
	result := make(chan error, 1)
	go func() { result <- c.follow(connections) }()
	fmt.Fprintln(stdout, "ready")
	for commands.Scan() {
		word, number, _ := strings.Cut(commands.Text(), " ")
		switch word {
		case "await":
			n := leadingNumber([]byte(number))
			c.poll(func() bool { return c.least() >= n })
			fmt.Fprintln(stdout, "reached")
		case "wake":
			close(c.wake)
			c.awaitQuiet()
			fmt.Fprintln(stdout, "quiet")
		case "end":
			if err := <-result; err != nil {
				return err
			}
			for _, r := range c.members {
				fmt.Fprintln(stdout, r)
			}
			return nil
		}
	}
	return fmt.Errorf("stdin ended before the command \"end\": %w", commands.Err())
}

// connect returns the connections in the order of members.
func (c *crowd) connect() ([]connection, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	connections, errs := make([]connection, len(c.members)), make([]error, len(c.members))
	places := make(chan struct{}, atOnce)
	var work sync.WaitGroup
	for i, r := range c.members {
		places <- struct{}{}
		work.Go(func() {
			connections[i], errs[i] = r.connect(ctx)
			<-places
		})
	}
	work.Wait()
	return connections, firstError(errs)
}

func (r *reader) connect(ctx context.Context) (connection, error) {
	if r.kind == "subscriber" {
		return subscribe(ctx, r.crowd.subscribers)
	}
	return get(r.crowd.http, r.kind == "events")
}

// follow lets everybody read until the last message.
func (c *crowd) follow(connections []connection) error {
	errs := make([]error, len(c.members))
	var work sync.WaitGroup
	for i, r := range c.members {
		work.Go(func() {
			if r.sleep {
				<-c.wake
			}
			if err := connections[i].follow(r); err != nil {
				errs[i] = fmt.Errorf("%v: %w", r, err)
			}
		})
	}
	work.Wait()
	return firstError(errs)
}

func firstError(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// awaitQuiet returns when nothing has arrived for a while.
func (c *crowd) awaitQuiet() {
	var since time.Time
	var before uint64
	c.poll(func() bool {
		var all uint64
		for _, r := range c.members {
			all += r.progress.Load()
		}
		if all != before || since.IsZero() {
			before, since = all, time.Now()
		}
		return time.Since(since) > silence
	})
}

// least is how many messages those who read have at least.
func (c *crowd) least() (n uint64) {
	n = math.MaxUint64
	for _, r := range c.members {
		if !r.sleep {
			n = min(n, r.progress.Load())
		}
	}
	return n
}

func (c *crowd) poll(done func() bool) {
	for !done() {
		time.Sleep(5 * time.Millisecond)
	}
}

func (r *reader) String() string {
	name := []string{r.kind}
	if r.sleep {
		name = append(name, "asleep")
	}
	return fmt.Sprintf("%s %d %d %d %d %d %d", strings.Join(name, "-"), r.received, r.missed, r.gone, r.leftOut, r.disorder, r.last)
}
