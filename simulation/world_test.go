// Package simulation runs the whole path of a message as state machines in one process and in a time of its own: rsyslog's
// side of omprog, omzmq's conversation and account, connections, receivers and what they store. A seed decides what goes wrong and
// when: delays, cut connections, receivers that are killed, slow or refuse. After all that, nothing may be lost or
// invented, and nothing stored twice but where a receiver was killed between storing and answering.
//
//	go test ./simulation -seeds 100000         more schedules
//	go test ./simulation -seed 4711 -v         one schedule again, told step by step
package simulation

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"time"
)

// world is time and chance: everything happens in events, one after another, in an order that the seed decides.
type world struct {
	random *rand.Rand
	now    time.Time
	events eventHeap
	count  int // events ever, to keep the order of those of one time
	tell   func(format string, args ...any)
}

type event struct {
	at    time.Time
	order int
	do    func()
}

func newWorld(seed uint64, tell func(string, ...any)) *world {
	return &world{random: rand.New(rand.NewPCG(seed, 1)), now: time.Unix(0, 0), tell: tell}
}

// after lets something happen later.
func (w *world) after(d time.Duration, do func()) {
	w.count++
	heap.Push(&w.events, event{w.now.Add(d), w.count, do})
}

// between is a random duration.
func (w *world) between(least, most time.Duration) time.Duration {
	return least + time.Duration(w.random.Int64N(int64(most-least)+1))
}

// chance is true once in n times.
func (w *world) chance(n int) bool { return w.random.IntN(n) == 0 }

// run lets things happen until done, or until there is nothing left to happen, or for a day.
func (w *world) run(done func() bool) error {
	end := w.now.Add(24 * time.Hour)
	for !done() {
		if len(w.events) == 0 {
			return fmt.Errorf("at %v nothing is left to happen", w.time())
		}
		e := heap.Pop(&w.events).(event)
		if w.now = e.at; w.now.After(end) {
			return fmt.Errorf("not done after a day")
		}
		e.do()
	}
	return nil
}

func (w *world) time() time.Duration { return w.now.Sub(time.Unix(0, 0)) }

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
