// Package simulation runs the whole path of a message as state machines, in one process and in fake time
// (testing/synctest): rsyslog's side of omprog as rsyslog 8.2302 behaves, or a later release, omzmq's conversation,
// account, journals and adoption of dead processes' journals, connections, receivers and what they store. A seed
// decides what goes wrong and when: delays, cut connections, outages, omzmq, receivers and rsyslog killed and
// started again, rsyslog stopped in the middle of a batch, omzmqs that it gives up, receivers that are frozen or
// slow or refuse messages, full disks. After all that nothing may be lost or invented, and nothing stored twice
// except where docs/delivery.md says so.
//
//	go test ./simulation -seeds 100000         more schedules
//	go test ./simulation -seed 4711 -v         one schedule again, logged step by step
package simulation

import (
	"container/heap"
	"fmt"
	"iter"
	"math/rand/v2"
	"time"
)

// world is time and chance: everything happens in events, one after another, in an order that the seed determines.
type world struct {
	random *rand.Rand
	began  time.Time
	events eventHeap
	count  int // of all events, which orders those of the same time
	procs  []*proc
	tell   func(format string, args ...any)
}

type event struct {
	at    time.Time
	order int
	do    func()
}

func newWorld(seed uint64, tell func(string, ...any)) *world {
	return &world{random: rand.New(rand.NewPCG(seed, 1)), began: time.Now(), tell: tell}
}

// after schedules an event.
func (w *world) after(d time.Duration, do func()) {
	w.count++
	heap.Push(&w.events, event{time.Now().Add(d), w.count, do})
}

// soon schedules an event a moment later.
func (w *world) soon(do func()) { w.after(w.between(0, 50*time.Microsecond), do) }

// between is a random duration.
func (w *world) between(least, most time.Duration) time.Duration {
	return least + time.Duration(w.random.Int64N(int64(most-least)+1))
}

// chance is true once in n times.
func (w *world) chance(n int) bool { return w.random.IntN(n) == 0 }

// run executes events until done, until there is none left, or for two hours.
func (w *world) run(done func() bool) error {
	defer func() {
		for _, p := range w.procs {
			p.stop()
		}
	}()
	for !done() {
		if len(w.events) == 0 {
			return fmt.Errorf("at %v no event is left", w.time())
		}
		e := heap.Pop(&w.events).(event)
		time.Sleep(time.Until(e.at))
		if w.time() > 2*time.Hour {
			return fmt.Errorf("not done after two hours")
		}
		e.do()
	}
	return nil
}

// time is the age of the world.
func (w *world) time() time.Duration { return time.Since(w.began) }

func (w *world) log(format string, args ...any) {
	if w.tell != nil {
		w.tell("%12v %s", w.time(), fmt.Sprintf(format, args...))
	}
}

type eventHeap []event

func (h eventHeap) Len() int { return len(h) }
func (h eventHeap) Less(i, j int) bool {
	return h[i].at.Before(h[j].at) || h[i].at.Equal(h[j].at) && h[i].order < h[j].order
}
func (h eventHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *eventHeap) Push(x any)   { *h = append(*h, x.(event)) }
func (h *eventHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}

// proc does one thing after another and waits in between. It is a coroutine, so that the seed alone determines the
// order.
type proc struct {
	w     *world
	next  func() (struct{}, bool)
	stop  func() // ends it where it waits
	yield func(struct{}) bool
}

type stopped struct{}

func (w *world) spawn(do func(p *proc)) *proc {
	p := &proc{w: w}
	p.next, p.stop = iter.Pull(func(yield func(struct{}) bool) {
		defer func() {
			if r := recover(); r != nil && r != (stopped{}) {
				panic(r)
			}
		}()
		p.yield = yield
		do(p)
	})
	w.procs = append(w.procs, p)
	w.after(0, func() { p.next() })
	return p
}

// wait returns when the function that begin is given is called.
func (p *proc) wait(begin func(resume func())) {
	begin(func() { p.next() })
	if !p.yield(struct{}{}) {
		panic(stopped{})
	}
}

func (p *proc) sleep(d time.Duration) {
	p.wait(func(resume func()) { p.w.after(d, resume) })
}
