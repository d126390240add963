package simulation

import (
	"flag"
	"fmt"
	"testing"
	"time"
)

var (
	seeds = flag.Int("seeds", 1000, "how many schedules to run")
	seed  = flag.Uint64("seed", 0, "run this one schedule, told step by step with -v")
)

// TestSchedules runs schedules of faults; a failing one is told by its seed.
func TestSchedules(t *testing.T) {
	if *seed != 0 {
		if err := schedule(*seed, t.Logf); err != nil {
			t.Errorf("seed %d: %v", *seed, err)
		}
		return
	}
	for n := range uint64(*seeds) {
		if err := schedule(n+1, nil); err != nil {
			t.Errorf("seed %d: %v (again: go test ./simulation -seed %[1]d -v)", n+1, err)
		}
	}
}

// schedule runs one world and checks what was stored in it.
func schedule(seed uint64, tell func(string, ...any)) error {
	w := newWorld(seed, tell)
	o := newOmzmq(w, 1+w.random.IntN(3))
	r := &rsyslog{w: w, o: o}
	sent := map[string]int{}
	workers := 1 + w.random.IntN(3)*w.random.IntN(2)
	for range workers {
		k := &worker{rsyslog: r}
		for n := range 20 + w.random.IntN(100) {
			text := fmt.Sprintf("message %d", n)
			if w.chance(3) {
				text = fmt.Sprintf("often %d", w.random.IntN(3)) // equal texts of distinct messages
			}
			sent[text]++
			k.todo = append(k.todo, text)
		}
		w.after(w.between(0, time.Second), k.next)
	}
	faults(w, o)
	if err := w.run(func() bool { return r.ready == workers }); err != nil {
		return err
	}
	return check(sent, o.network.receivers, workers > 1)
}

// faults happen for a while; then the world is well, so that everything can end.
func faults(w *world, o *omzmq) {
	cuts, kills := w.chance(2), w.chance(2)
	for _, r := range o.network.receivers {
		if w.chance(3) {
			r.refusals = w.random.IntN(5)
		}
	}
	var next func()
	next = func() {
		if w.time() > 30*time.Second {
			return
		}
		r := o.network.receivers[w.random.IntN(len(o.network.receivers))]
		if cuts && len(r.connections) > 0 {
			r.connections[0].cut()
		}
		if kills && w.chance(3) {
			r.kill()
		}
		w.after(w.between(0, 4*time.Second), next)
	}
	next()
}

// check compares what was stored with what was sent.
func check(sent map[string]int, receivers []*receiver, shared bool) error {
	stored, killed := map[string]int{}, false
	for _, r := range receivers {
		killed = killed || r.kills > 0
		for _, text := range r.stored {
			stored[text]++
		}
	}
	for text, n := range sent {
		if stored[text] < n {
			return fmt.Errorf("%q was sent %d times and stored %d times: lost", text, n, stored[text])
		}
		// A cut connection lets a message go to another receiver, which cannot know that the first has stored it.
		if stored[text] > n && !killed && !shared && len(receivers) == 1 {
			return fmt.Errorf("%q was sent %d times and stored %d times: repeated, and no receiver was killed", text, n, stored[text])
		}
		delete(stored, text)
	}
	for text := range stored {
		return fmt.Errorf("%q was stored and never sent: invented", text)
	}
	return nil
}
