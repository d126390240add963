package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/bench/result"
)

// path is a way for lines from the input of a first rsyslogd to a destination.
type path struct {
	name  string
	ours  bool
	flood int // lines that show the highest rate in a few seconds
	start func(ctx context.Context) (*running, error)
}

// running is a started path.
type running struct {
	first     *rsyslogd
	out       *tail
	processes []process
	ends      []func() // in order
}

// stop ends all processes, whatever is on its way.
func (p *running) stop() {
	for _, end := range p.ends {
		end()
	}
	p.ends = nil
}

// arrivals are the lines that have reached the destination.
type arrivals struct {
	count         atomic.Int64
	first, last   int64 // CLOCK_MONOTONIC nanoseconds, of the first and the last line
	stamps, delay []int64
	err           error
	done          chan struct{}
}

func monotonic() int64 {
	var t unix.Timespec
	unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) //nolint:errcheck // cannot fail for this clock
	return t.Nano()
}

// collect reads lines until the context ends, or the destination.
func (p *running) collect(ctx context.Context) *arrivals {
	a := &arrivals{done: make(chan struct{})}
	go func() {
		defer close(a.done)
		defer p.out.close()
		runtime.LockOSThread()
		a.err = a.read(ctx, p.out)
	}()
	return a
}

func (a *arrivals) read(ctx context.Context, out *tail) error {
	var pending []byte
	buf := make([]byte, 256<<10)
	for {
		k, err := out.read(ctx, buf)
		if err != nil {
			return err
		}
		now := monotonic()
		pending = append(pending, buf[:k]...)
		at := 0
		for {
			end := bytes.IndexByte(pending[at:], '\n')
			if end < 0 {
				break
			}
			if sent, ok := sentAt(pending[at : at+end]); ok {
				a.stamps, a.delay = append(a.stamps, sent), append(a.delay, now-sent)
				if a.first == 0 {
					a.first = now
				}
				a.last = now
				a.count.Add(1)
			}
			at += end + 1
		}
		pending = append(pending[:0], pending[at:]...)
	}
}

// await returns when n lines have arrived.
func (a *arrivals) await(ctx context.Context, n int64) error {
	for a.count.Load() < n {
		select {
		case <-a.done:
			return fmt.Errorf("the destination ended after %d of %d lines: %w", a.count.Load(), n, a.err)
		case <-ctx.Done():
			return fmt.Errorf("%d of %d lines arrived: %w", a.count.Load(), n, ctx.Err())
		case <-time.After(time.Millisecond):
		}
	}
	return nil
}

// feed writes lines, with the time in each, to the input.
type feed struct {
	conn    *net.UnixConn
	filling string
	buf     []byte
	sent    int64
}

func (p *running) feed(ctx context.Context) (*feed, error) {
	conn, err := p.first.dial(ctx)
	return &feed{conn: conn, filling: strings.Repeat("x", p.first.size)}, err
}

// write writes n lines at once.
func (f *feed) write(n int) error {
	f.buf = f.buf[:0]
	for range n {
		from := len(f.buf)
		f.buf = fmt.Appendf(f.buf, "<14>Nov 22 05:54:52 h a: sent=%d ", monotonic())
		f.buf = append(f.buf, f.filling[min(len(f.filling), len(f.buf)-from):]...)
		f.buf = append(f.buf, '\n')
	}
	f.sent += int64(n)
	_, err := f.conn.Write(f.buf)
	return err
}

// paced writes at a rate, in lines a second, for a time, and returns the rate that came of it. Lines that are due
// together are written at once.
func (f *feed) paced(ctx context.Context, rate float64, d time.Duration) (float64, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0) //nolint:errcheck // then the pace is coarser
	began, all := monotonic(), int(math.Ceil(rate*d.Seconds()))
	for sent := 0; sent < all; {
		due := began + int64(float64(sent)/rate*1e9)
		t := unix.NsecToTimespec(due)
		unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, &t, nil) //nolint:errcheck // early is no harm
		n := min(all, int(float64(monotonic()-began)*rate/1e9)+1) - sent
		if n <= 0 {
			continue
		}
		if err := errors.Join(ctx.Err(), f.write(n)); err != nil {
			return 0, err
		}
		sent += n
	}
	return min(rate, float64(all)/float64(monotonic()-began)*1e9), nil
}

// begin starts a path and passes lines through it until one arrives. The caller stops the result, even after an error.
func (p path) begin(ctx context.Context) (*running, *arrivals, *feed, error) {
	r, err := p.start(ctx)
	if err != nil {
		return r, nil, nil, err
	}
	f, err := r.feed(ctx)
	if err != nil {
		return r, nil, nil, r.first.complaint(err)
	}
	a := r.collect(ctx)
	for a.count.Load() == 0 {
		if err := errors.Join(ctx.Err(), f.write(1)); err != nil {
			return r, nil, nil, r.first.complaint(fmt.Errorf("no line arrives: %w", err))
		}
		time.Sleep(20 * time.Millisecond)
	}
	return r, a, f, a.await(ctx, f.sent)
}

// highest measures how many lines a second arrive when the input gets all at once.
func (p path) highest(ctx context.Context) (rate float64, err error) {
	const longest = 3 * time.Second
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r, a, f, err := p.begin(ctx)
	defer r.stop()
	if err != nil {
		return 0, err
	}
	before, began := a.count.Load(), monotonic()
	go func() {
		for range p.flood / 100 {
			if f.write(100) != nil {
				return // the path has ended
			}
		}
	}()
	limited, done := context.WithTimeout(ctx, longest)
	defer done()
	if err := a.await(limited, before+int64(p.flood/100*100)); err != nil && limited.Err() == nil {
		return 0, err
	}
	return float64(a.count.Load()-before) / float64(monotonic()-began) * 1e9, nil
}

// delays measures how long lines take at a rate.
func (p path) delays(ctx context.Context, rate float64, d time.Duration) (sample, error) {
	const warming = 500 * time.Millisecond
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r, a, f, err := p.begin(ctx)
	defer r.stop()
	if err != nil {
		return sample{}, err
	}
	if _, err := f.paced(ctx, rate, warming); err != nil {
		return sample{}, err
	}
	l, err := watch(r.processes)
	if err != nil {
		return sample{}, err
	}
	since, before := monotonic(), f.sent
	published, err := f.paced(ctx, rate, d)
	if published < rate/2 {
		err = errors.Join(err, fmt.Errorf("the input takes %.0f lines a second and not %.0f", published, rate))
	}
	if err := errors.Join(err, a.await(ctx, f.sent)); err != nil {
		return sample{}, r.first.complaint(err)
	}
	usage, err := l.usage(int(f.sent - before))
	r.stop()
	cancel()
	<-a.done // what it has collected is ours now
	var delays []float64
	for i, stamp := range a.stamps {
		if stamp >= since {
			delays = append(delays, float64(a.delay[i])/1e6)
		}
	}
	slices.Sort(delays)
	at := func(thousandths int) float64 { return delays[len(delays)*thousandths/1000] }
	return sample{Published: published, Delivered: 1, Usage: usage, Latency: &result.Latency{P50: at(500), P99: at(990), P999: at(999)}}, err
}
