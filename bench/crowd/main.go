// Crowd is many readers of one zmqtap hub in one process, with an account for each of them. Half of them read;
// the others ask for everything and then read nothing until they are woken.
//
//	crowd -http ADDR -subscribers ENDPOINT -readers N
//
// starts N readers over HTTP, half of them plain text and half events, and N subscribers. It reads commands and writes
// replies, a line each:
//
//	stdout "ready"      all are connected, and the hub has accepted them
//	stdin  "await N"    answered when all that read have N messages
//	stdout "reached"
//	stdin  "wake"       those that did not read begin to
//	stdout "quiet"      nothing has arrived for a moment
//	stdin  "end"        last messages are on their way: see below
//	stdout a line each  kind, messages received, missed, gone, numbers left out, out of order, number of the last
//
// Then it exits. "missed" is what the hub reports as dropped for that reader; "gone" is what it reports as dropped by
// publishers. A message's number is the digits after its first "]: ". The last messages contain "]: the end 1",
// "]: the end 2" and so on, because a reader may miss one.
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

// atOnce is how many readers connect at a time, because a listener's backlog is bounded.
const atOnce = 64

// silence is how long nothing must arrive before it counts as quiet.
const silence = time.Second

// crowd is all readers together.
type crowd struct {
	http, subscribers string
	members           []*reader
	wake              chan struct{} // closed when all are to read
}

// reader is one of them.
type reader struct {
	tally
	kind     string // text, events or subscriber
	sleep    bool   // it reads nothing until it is woken
	crowd    *crowd
	progress atomic.Uint64 // messages received so far, for other goroutines
}

// connection is a reader's established connection to the hub.
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

// raiseLimit lets this process open that many files.
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

// converse runs the process: it connects the readers and obeys commands.
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

// connect connects all members and returns their connections in the same order.
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

// follow lets all readers read until their last message.
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

// awaitQuiet returns after a while in which nothing arrived.
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

// least returns the smallest number of messages that a reader has, among those that read.
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
