// Senders is many senders of acknowledged delivery in one process, with an account for each of them.
//
//	senders -connect HOST:PORT[,HOST:PORT...] -senders N [-window N] [-size BYTES] [-rate N]
//
// connects N senders, each under a sender id of its own; with several addresses they are spread over them. It reads
// commands and writes replies, a line each:
//
//	stdout "ready"       all are connected
//	stdin  "hello"       each sends one message
//	stdout "greeted"     all of these are acknowledged
//	stdin  "go SECONDS"  all send for that long: as many as the window holds, or at the given rate
//	stdout a line        see report; it comes when everything is acknowledged
//
// It ends when stdin does. The account leaves out the first quarter of the time, in which connections and buffers grow.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// atOnce is how many senders connect at a time, because a listener's backlog is bounded.
const atOnce = 64

// load is all senders together.
type load struct {
	window, size int
	rate         float64 // messages per second of all senders together; 0: as fast as the window lets them
	senders      []*sender
	counting     atomic.Bool // messages that are acknowledged now count
}

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "senders:", err)
		os.Exit(1)
	}
}

func run(args []string, stdin io.Reader, stdout io.Writer) error {
	fs := flag.NewFlagSet("senders", flag.ContinueOnError)
	l := &load{}
	to := fs.String("connect", "", "`addresses` of the receivers, separated by commas")
	n := fs.Int("senders", 1, "`number` of senders")
	fs.IntVar(&l.window, "window", 1000, "most unacknowledged `messages` of a sender")
	fs.IntVar(&l.size, "size", 200, "`bytes` of a message")
	fs.Float64Var(&l.rate, "rate", 0, "`messages` per second of all senders together; 0: as many as the window lets")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if *to == "" || *n < 1 || l.window < 1 || l.size < minSize {
		return fmt.Errorf("-connect is needed, at least one sender and a window of one, and -size of at least %d", minSize)
	}
	if err := l.connect(strings.Split(*to, ","), *n); err != nil {
		return err
	}
	fmt.Fprintln(stdout, "ready")
	for commands := bufio.NewScanner(stdin); commands.Scan(); {
		word, number, _ := strings.Cut(commands.Text(), " ")
		var err error
		switch word {
		case "hello":
			if err = l.each((*sender).hello); err == nil {
				fmt.Fprintln(stdout, "greeted")
			}
		case "go":
			var seconds float64
			if _, err = fmt.Sscan(number, &seconds); err == nil {
				err = l.send(time.Duration(seconds*float64(time.Second)), stdout)
			}
		default:
			err = fmt.Errorf("unknown command %q", word)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// connect connects all senders.
func (l *load) connect(addresses []string, n int) error {
	places := make(chan struct{}, atOnce)
	errs := make([]error, n)
	l.senders = make([]*sender, n)
	var work sync.WaitGroup
	for i := range n {
		places <- struct{}{}
		work.Go(func() {
			l.senders[i], errs[i] = dial(addresses[i%len(addresses)], l)
			<-places
		})
	}
	work.Wait()
	return errors.Join(errs...)
}

// each lets all senders do something at the same time.
func (l *load) each(do func(*sender) error) error {
	errs := make([]error, len(l.senders))
	var work sync.WaitGroup
	for i, s := range l.senders {
		work.Go(func() { errs[i] = do(s) })
	}
	work.Wait()
	return errors.Join(errs...)
}

// send lets all senders send for a while and writes the account.
func (l *load) send(long time.Duration, stdout io.Writer) error {
	until := time.Now().Add(long)
	result := make(chan error, 1)
	go func() { result <- l.each(func(s *sender) error { return s.send(until) }) }()
	time.Sleep(long / 4)
	began := time.Now()
	l.counting.Store(true)
	time.Sleep(time.Until(until))
	l.counting.Store(false)
	seconds := time.Since(began).Seconds()
	if err := <-result; err != nil {
		return err
	}
	l.report(seconds, stdout)
	return nil
}

// report writes
//
//	SENT RATE SLOWEST FASTEST P50 P99
//
// all messages that were sent so far, and of those that count: acknowledged messages per second, the slowest and the
// fastest sender's share of the mean, and milliseconds from sending to the acknowledgement.
func (l *load) report(seconds float64, stdout io.Writer) {
	var sent uint64
	var all float64
	least, most := l.senders[0].counted, l.senders[0].counted
	var times []float32
	for _, s := range l.senders {
		sent += s.last
		all += float64(s.counted)
		least, most = min(least, s.counted), max(most, s.counted)
		times = append(times, s.times...)
		s.counted, s.times = 0, s.times[:0]
	}
	mean := max(all/float64(len(l.senders)), 1)
	slices.Sort(times)
	at := func(share float64) float32 {
		if len(times) == 0 {
			return 0
		}
		return times[int(share*float64(len(times)-1))]
	}
	fmt.Fprintf(stdout, "%d %.1f %.4f %.4f %.3f %.3f\n",
		sent, all/seconds, float64(least)/mean, float64(most)/mean, at(0.5), at(0.99))
}
