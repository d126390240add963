package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/recording"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/status"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/terminal"
)

// maxAge is how long messages wait for more of them, with which they are compressed: a killed recorder loses no more.
// What is not compressed does not wait.
const maxAge = time.Second

// recorder writes a stream into a file.
type recorder struct {
	options *recordOptions
	reader  *tap.Reader
	out     *recording.Writer
	began   time.Time
	log     *missingLog

	selected uint64
	since    time.Time // when the first of the collected lines came

	mu  sync.Mutex
	all recorded
}

// recorded is what a recorder has counted.
type recorded struct {
	messages, bytes uint64 // in the file
	slow, dropped   uint64 // these four as in terminal.Summary
	before, lost    uint64
	last            time.Time
}

func (r *recorder) totals() recorded {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all
}

var errStuck = errors.New("the file takes nothing: what was received last is not in it")

// destination is what the command status says of the file.
func (r *recorder) destination() *status.Destination {
	d := &status.Destination{To: r.options.File, Up: true}
	if last := r.totals().last; !last.IsZero() {
		d.Stored = &last
	}
	return d
}

// watch records until ctx ends, --for is over, --count or --max-size is reached, there is an error, or standard output,
// if that is where the recording goes, is closed. A file that takes nothing, as on a server that is away, is given up
// after --linger.
func (r *recorder) watch(ctx context.Context, outputClosed func() <-chan struct{}) error {
	if r.options.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.options.duration)
		defer cancel()
	}
	var closed <-chan struct{}
	if r.options.File == stdio {
		closed = outputClosed()
	}
	ended := make(chan error, 1)
	go func() { ended <- r.record(ctx) }()
	select {
	case err := <-ended:
		return err
	case <-closed:
		return terminal.ErrClosed
	case <-ctx.Done():
	}
	select {
	case err := <-ended:
		return err
	case <-time.After(r.options.Linger):
		return errStuck
	}
}

// record is watch without its limits of time.
func (r *recorder) record(ctx context.Context) error {
	var waiting []tap.Delivery
	age := time.NewTimer(0)
	defer age.Stop()
	for over := false; ; {
		select {
		case <-r.reader.Ready():
		case <-age.C:
		case <-ctx.Done():
			over = true
		}
		waiting = r.reader.Take(waiting[:0])
		for _, d := range waiting {
			done, err := r.add(d)
			switch {
			case err != nil:
				return err
			case done:
				return r.flush()
			}
		}
		clear(waiting)
		switch {
		case over || !r.out.Compresses() || (!r.since.IsZero() && time.Since(r.since) >= maxAge):
			if err := r.flush(); over || err != nil {
				return err
			}
		case r.since.IsZero() && !r.out.Empty():
			r.since = time.Now()
			age.Reset(maxAge)
		}
	}
}

// add records a piece of the stream. done reports whether --count is reached.
func (r *recorder) add(d tap.Delivery) (done bool, err error) {
	for i := range d.Messages {
		m := &d.Messages[i]
		as := m.Message()
		if !r.options.takes(&as) {
			continue
		}
		r.out.Message(&as)
		if r.selected++; r.options.enough(r.selected) {
			return true, nil
		}
		if r.out.Large() {
			if err := r.flush(); err != nil {
				return false, err
			}
		}
	}
	r.miss(d)
	return false, nil
}

// miss records that messages are missing.
func (r *recorder) miss(d tap.Delivery) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch g := d.Gap; {
	case d.Missed > 0:
		r.log.missed(d.Missed)
		r.all.slow = tap.Sum(r.all.slow, d.Missed)
		r.out.Gap(&recording.Gap{Count: d.Missed, Reason: "the recorder was too slow", Received: time.Now()})
	case g != nil:
		switch r.all.dropped = tap.Sum(r.all.dropped, g.Count); {
		case g.Count > 0:
			r.log.gap(g)
		case g.Before:
			r.log.gap(g)
			r.all.before++
		default:
			r.all.lost++ // the socket has logged why
		}
		r.out.Gap(&recording.Gap{Count: g.Count, Publisher: g.Publisher, Reason: g.Reason, Received: g.Time})
	}
}

// flush writes what is collected.
func (r *recorder) flush() error {
	err := r.out.Flush()
	r.since = time.Time{}
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.all.bytes
	if r.all.messages, r.all.bytes = r.out.Written(); r.all.bytes > before {
		r.all.last = time.Now()
	}
	return err
}

// summary says what was recorded, and what ended the recording.
func (r *recorder) summary(err error) string {
	var out strings.Builder
	t, into := r.totals(), r.options.File
	if into == stdio {
		into = "standard output"
	}
	fmt.Fprintf(&out, "%s recorded into %s, %d bytes in %v\n", counted(t.messages, "message"), into, t.bytes, time.Since(r.began).Round(time.Millisecond))
	if errors.Is(err, recording.ErrFull) {
		fmt.Fprintf(&out, "the recording ends here: it has reached --max-size %s\n", &r.options.maxSize)
	}
	missing(&out, t.slow, "message", " missed: this end was too slow")
	missing(&out, t.dropped, "message", " missed: publishers dropped them")
	missing(&out, t.before, "place", " where messages may be missing: they were lost before")
	missing(&out, t.lost, "connection", " lost: what was sent meanwhile is missed as well")
	return out.String()
}

// missing writes a line if n is not 0.
func missing(out *strings.Builder, n uint64, what, why string) {
	if n > 0 {
		fmt.Fprintln(out, counted(n, what)+why)
	}
}

// counted is a number of what has this name.
func counted(n uint64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
