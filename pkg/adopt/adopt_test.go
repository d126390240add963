package adopt

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/delivery"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal/journaltest"
)

// receiver is the one connection of a sender. It takes everything; the test answers.
type receiver struct {
	sender       *delivery.Sender
	sent         int
	acknowledged bool // by its kernel
}

func (r *receiver) Endpoint() string         { return "tcp://receiver" }
func (r *receiver) Written() uint64          { return 0 }
func (r *receiver) Acknowledged(uint64) bool { return r.acknowledged }
func (r *receiver) Drop(error)               {}
func (r *receiver) Flush()                   {}
func (r *receiver) Queue(...[]byte) bool     { r.sent++; return true }
func (r *receiver) store(seq uint64)         { r.sender.Answer(r, delivery.Answer{Seq: seq}) }
func (r *receiver) refuse(seq uint64) {
	r.sender.Answer(r, delivery.Answer{Seq: seq, Refused: true, Reason: "no"})
}
func (r *receiver) transport() transport { return transport{r} }

// transport is a receiver as a delivery.Transport.
type transport struct{ *receiver }

func (t transport) Queue(frames ...[]byte) delivery.Link {
	t.receiver.Queue(frames...)
	return t.receiver
}

// deliver is a connected sender of a journal in which these lines are orphans.
func deliver(t *testing.T, lines ...string) (*receiver, *journal.Log, *journaltest.Memory) {
	t.Helper()
	return deliverAs(t, delivery.Stored, lines...)
}

func deliverAs(t *testing.T, confirm delivery.Confirm, lines ...string) (*receiver, *journal.Log, *journaltest.Memory) {
	t.Helper()
	m := journaltest.New(delivery.NewSenderID())
	dead := journal.New(m, nil)
	for i, line := range lines {
		if _, _, err := dead.Append(uint64(i+1), []byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	log := journal.New(m, nil)
	records, err := log.Recover(journal.Successor{})
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{}
	r.sender = delivery.NewSender(delivery.SenderConfig{Confirm: confirm, Journal: log, Logger: slog.New(slog.DiscardHandler)}, r.transport())
	r.sender.Restore(records)
	r.sender.Up(r)
	return r, log, m
}

// folder is the orphan journals that there are, one line in each, and what became of them.
type folder struct {
	t         *testing.T
	mu        sync.Mutex // for a test with a goroutine of its own
	orphans   int
	receivers []*receiver // of those taken over, in order
	closed    []string    // "0 confirmed", "1 left"
	slow      bool        // Close does not end by itself
	ends      []func()
}

func (f *folder) takeOver(most int) (found []Delivery) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for range min(most, f.orphans) {
		f.orphans--
		n := len(f.receivers)
		r, _, _ := deliver(f.t, fmt.Sprintf("line of %d", n))
		f.receivers = append(f.receivers, r)
		found = append(found, Delivery{r.sender, func(confirmed bool, closed func()) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.closed = append(f.closed, fmt.Sprint(n, map[bool]string{true: " confirmed", false: " left"}[confirmed]))
			if f.slow {
				f.ends = append(f.ends, closed)
			} else {
				closed()
			}
		}})
	}
	return found
}

func (f *folder) expectClosed(t *testing.T, want ...string) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if !slices.Equal(f.closed, want) {
		t.Errorf("closed: %q, want %q", f.closed, want)
	}
}

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// What waits in the journals that were taken over can be seen.
func TestOrphansAreShown(t *testing.T) {
	own, _, _ := deliver(t)
	f := &folder{t: t, orphans: 3}
	a := New(Config{own.sender, f.takeOver}, start)
	expect := func(when string, want delivery.State) {
		t.Helper()
		if got := a.Account().Orphans(); got != want {
			t.Errorf("%s: %+v, want %+v", when, got, want)
		}
	}
	expect("at the start", delivery.State{Unconfirmed: 3})
	f.receivers[0].refuse(1)
	f.receivers[1].store(1)
	expect("one is refused, one confirmed", delivery.State{Unconfirmed: 2, Refused: 1, Reason: "no"})
	a.Step(start.Add(time.Millisecond))
	f.receivers[2].store(1)
	f.receivers[0].store(1) // nothing is sent again yet: this changes nothing
	expect("two are confirmed", delivery.State{Unconfirmed: 1, Refused: 1, Reason: "no"})
	a.Stop()
	expect("at the end", delivery.State{})
}

// What was there at the start comes before the first transaction. What is found later does not.
func TestOrphansComeBeforeTheFirstTransaction(t *testing.T) {
	own, _, _ := deliver(t)
	f := &folder{t: t, orphans: 2}
	a := New(Config{own.sender, f.takeOver}, start)
	notReady := func(when string) {
		t.Helper()
		if err := a.Account().Ready(); err == nil || !strings.Contains(err.Error(), "1 message that an earlier omzmq has left") {
			t.Errorf("%s: %v", when, err)
		}
	}
	notReady("at the start")
	f.receivers[0].store(1)
	notReady("the first is confirmed")
	f.receivers[1].refuse(1) // which is an answer, too
	if err := a.Account().Ready(); err != nil {
		t.Errorf("both are answered: %v", err)
	}
	f.orphans = 1
	a.Step(start.Add(lookInterval))
	if len(f.receivers) != 3 {
		t.Fatalf("%d were taken over", len(f.receivers))
	}
	if err := a.Account().Ready(); err != nil {
		t.Errorf("a later one blocks: %v", err)
	}
}

// A journal is removed when everything in it is confirmed. An orphan that was refused is tried again, and keeps its
// journal there.
func TestRefusedOrphanStaysAndIsTriedAgain(t *testing.T) {
	own, _, _ := deliver(t)
	f := &folder{t: t, orphans: 2}
	a := New(Config{own.sender, f.takeOver}, start)
	f.receivers[0].refuse(1)
	f.receivers[1].store(1)
	a.Step(start.Add(pollInterval))
	f.expectClosed(t, "1 confirmed")
	a.Step(start.Add(retryInterval - 1))
	if n := f.receivers[0].sent; n != 1 {
		t.Errorf("sent %d times before the time", n)
	}
	a.Step(start.Add(retryInterval))
	a.Step(start.Add(retryInterval + pollInterval))
	if n := f.receivers[0].sent; n != 2 {
		t.Errorf("sent %d times", n)
	}
	f.receivers[0].store(1)
	a.Step(start.Add(retryInterval + 2*pollInterval))
	f.expectClosed(t, "1 confirmed", "0 confirmed")
}

// The orphans of this process's own journal are tried again, too.
func TestOwnOrphansAreTriedAgain(t *testing.T) {
	own, log, _ := deliver(t, "refused")
	a := New(Config{Own: own.sender}, start)
	own.refuse(1)
	if next := a.Step(start.Add(time.Second)); !next.Equal(start.Add(retryInterval)) {
		t.Errorf("the next step is due after %v", next.Sub(start))
	}
	a.Step(start.Add(retryInterval))
	if own.sent != 2 {
		t.Errorf("sent %d times", own.sent)
	}
	if Spent(own.sender, log, true) {
		t.Error("removed with an orphan in it")
	}
}

// At the end, what is confirmed is removed, and what is not is left. Run returns when all journals are closed.
func TestRunEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		own, _, _ := deliver(t)
		f := &folder{t: t, orphans: 1}
		a := New(Config{own.sender, f.takeOver}, time.Now())
		f.slow = true
		ctx, cancel := context.WithCancel(t.Context())
		var ended atomic.Bool
		go func() { a.Run(ctx); ended.Store(true) }()
		time.Sleep(lookInterval)
		f.mu.Lock()
		f.orphans = 2
		f.mu.Unlock()
		time.Sleep(lookInterval)
		synctest.Wait()
		f.mu.Lock()
		n := len(f.receivers)
		f.receivers[1].store(1)
		f.mu.Unlock()
		if n != 3 {
			t.Errorf("%d were taken over", n)
		}
		cancel()
		synctest.Wait()
		f.expectClosed(t, "0 left", "1 confirmed", "2 left")
		if ended.Load() {
			t.Error("Run ended before the journals were closed")
		}
		f.mu.Lock()
		for _, end := range f.ends {
			end()
		}
		f.mu.Unlock()
		synctest.Wait()
		if !ended.Load() {
			t.Error("Run did not end")
		}
	})
}

// With --confirm received, nothing is notified: the adopter polls, and so does the conversation for what comes first.
func TestWhatOnlyTheKernelKnowsIsPolled(t *testing.T) {
	own, _, _ := deliver(t)
	orphan, _, _ := deliverAs(t, delivery.Received, "a")
	closed := 0
	takeOver := func(int) []Delivery {
		if closed > 0 || orphan.sent > 1 {
			return nil
		}
		orphan.sent++
		return []Delivery{{orphan.sender, func(confirmed bool, done func()) {
			if closed++; !confirmed {
				t.Error("closed before it was confirmed")
			}
			done()
		}}}
	}
	a := New(Config{own.sender, takeOver}, start)
	if a.Account().Ready() == nil {
		t.Error("ready before it was confirmed")
	}
	orphan.acknowledged = true
	if a.Account().Ready() == nil {
		t.Error("Ready polls")
	}
	a.Account().Poll()
	if err := a.Account().Ready(); err != nil {
		t.Errorf("after a poll: %v", err)
	}
	a.Step(start.Add(pollInterval))
	if closed != 1 {
		t.Errorf("closed %d times", closed)
	}
}

// The adopter polls by itself, when no conversation does.
func TestAdopterPolls(t *testing.T) {
	own, _, _ := deliver(t)
	orphan, _, _ := deliverAs(t, delivery.Received, "a")
	closed := false
	takeOver := func(int) []Delivery {
		return []Delivery{{orphan.sender, func(_ bool, done func()) { closed = true; done() }}}
	}
	a := New(Config{own.sender, takeOver}, start)
	orphan.acknowledged = true
	a.Step(start.Add(pollInterval))
	if !closed {
		t.Error("not closed")
	}
}

// What becomes of the own journal at the end.
func TestSpent(t *testing.T) {
	for _, c := range []struct {
		name string
		over bool
		do   func(r *receiver)
		want bool
	}{
		{"nothing in it", false, func(*receiver) {}, true},
		{"unconfirmed", true, func(r *receiver) { r.sender.Accept([]byte("a")); r.sender.Submit() }, false},
		{"confirmed, and rsyslog has no answer", false, func(r *receiver) { r.sender.Accept([]byte("a")); r.sender.Submit(); r.store(1) }, false},
		{"confirmed, and rsyslog has ended the conversation", true, func(r *receiver) { r.sender.Accept([]byte("a")); r.sender.Submit(); r.store(1) }, true},
		{"confirmed, and rsyslog was told of a failure", true, func(r *receiver) {
			r.sender.Accept([]byte("a"))
			r.sender.Submit()
			r.sender.Failed(true)
			r.store(1)
		}, true},
		{"refused and given back", true, func(r *receiver) {
			r.sender.Accept([]byte("a"))
			r.sender.Submit()
			r.refuse(1)
			r.sender.Failed(true)
		}, false},
	} {
		own, log, _ := deliver(t)
		c.do(own)
		if got := Spent(own.sender, log, c.over); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
