package simulation

import (
	"flag"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
)

var (
	seeds = flag.Int("seeds", 1000, "how many schedules to run")
	seed  = flag.Uint64("seed", 0, "run this one schedule, logged step by step with -v")
)

// TestSchedules runs schedules of faults. It reports the seed of one that fails.
func TestSchedules(t *testing.T) {
	if *seed != 0 {
		if err := schedule(t, *seed, t.Logf); err != nil {
			t.Errorf("seed %d: %v", *seed, err)
		}
		return
	}
	for n := range uint64(*seeds) {
		if err := schedule(t, n+1, nil); err != nil {
			t.Errorf("seed %d: %v (again: go test ./simulation -seed %[1]d -v)", n+1, err)
		}
	}
}

// plan is what goes wrong in a schedule.
type plan struct {
	receivers, workers      int
	single                  bool // forceSingleInstance
	cuts, kills, freezes    bool // of connections, of receivers
	outages                 bool // of the network
	omzmqs, hasty, rsyslogs bool // killed; omzmqs at a reply
	stops                   bool // of rsyslogd
	slow                    bool // omzmqs that are given up
	release                 release
	full                    bool // disk
	refusals                bool
	crashes, endings        bool // of destinations
}

func newPlan(w *world) plan {
	p := plan{
		receivers: 1 + w.random.IntN(3), workers: 1 + w.random.IntN(3), single: w.chance(4),
		cuts: w.chance(2), kills: w.chance(3), freezes: w.chance(5),
		omzmqs: !w.chance(4), hasty: w.chance(8), rsyslogs: w.chance(5), full: w.chance(6),
		refusals: w.chance(3), crashes: w.chance(8), endings: w.chance(8),
	}
	p.outages = w.chance(3)
	p.stops, p.slow = w.chance(4), w.chance(6)
	p.release = release{splits: w.chance(3), returns: w.chance(6)}
	p.release.splits = p.release.splits || p.release.returns
	// docs/delivery.md, "What can be lost": a line refused while the disk is full is in memory alone. Where workers
	// share one omzmq, one worker's line can take the number of another's equal one that has failed, and rsyslogd's
	// stop can keep that one from coming again.
	p.refusals = p.refusals && !p.full
	p.stops = p.stops && !(p.single && p.workers > 1)
	return p
}

// schedule runs one world and checks what was stored in it.
func schedule(t *testing.T, seed uint64, tell func(string, ...any)) (err error) {
	synctest.Test(t, func(*testing.T) {
		w := newWorld(seed, tell)
		p := newPlan(w)
		w.log("%+v", p)
		h := &host{w: w, full: p.full, patient: p.full, hasty: p.hasty, slow: p.slow}
		for n := range p.receivers {
			r := &receiver{w: w, name: string(rune('A' + n)), alive: true, refused: map[string]bool{}}
			if p.refusals {
				r.refusals = w.random.IntN(5)
			}
			if p.crashes {
				r.crashes = w.random.IntN(3)
			}
			if p.endings {
				r.endings = w.random.IntN(3)
			}
			h.receivers = append(h.receivers, r)
		}
		h.rsyslog = &rsyslog{w: w, host: h, release: p.release, perhaps: map[string]int{}}
		h.rsyslog.queue, h.rsyslog.sent = texts(w, 20+w.random.IntN(200))
		h.rsyslog.start(p.workers, p.single)
		w.faults(p, h)
		if err = w.run(h.done); err == nil {
			err = check(p, h)
		}
	})
	return err
}

// done reports whether rsyslog has been told OK for everything and nothing is owed. What a dead omzmq has left
// waits for the next one, which a new message starts.
func (h *host) done() bool {
	if !h.rsyslog.idle() {
		return false
	}
	for _, o := range h.alive {
		for _, s := range o.sides {
			if s.sender.Unconfirmed() == 0 {
				continue
			}
			// A line that was given back, and that a repeat has overtaken, is owed until rsyslog goes on.
			if s.sender.Outstanding() == 0 && h.w.time() > h.later {
				h.later = h.w.time() + time.Minute
				h.rsyslog.send(fmt.Sprintf("later %d", h.w.count))
			}
			return false
		}
	}
	for _, d := range h.journals {
		if !d.held && d.owes() {
			if len(h.alive) == 0 {
				h.rsyslog.send(fmt.Sprintf("late %d", h.w.count))
			}
			return false
		}
	}
	return true
}

// owes reports whether a journal owes anything, by recovering a copy of it.
func (d *disk) owes() bool {
	twin := &disk{host: d.host, header: slices.Clone(d.header)}
	for _, e := range d.extents {
		twin.extents = append(twin.extents, slices.Clone(e))
	}
	records, _ := journal.New(twin, nil).Recover(journal.Successor{})
	return len(records) > 0
}

// faults schedules faults for a minute. After that the world is well, so that everything can end.
func (w *world) faults(p plan, h *host) {
	var next func()
	next = func() {
		if w.time() > 60*time.Second {
			return
		}
		r := pick(w.random, h.receivers)
		if p.cuts && len(r.connections) > 0 && w.chance(2) {
			pick(w.random, r.connections).cut(false)
		}
		if p.outages && w.chance(5) {
			r.outage()
		}
		if p.kills && w.chance(4) {
			r.kill()
		}
		if p.freezes && w.chance(6) {
			r.freeze()
		}
		if p.refusals && w.chance(4) {
			r.refusals += w.random.IntN(4)
		}
		if p.omzmqs && len(h.alive) > 0 && w.chance(2) {
			pick(w.random, h.alive).kill()
		}
		if p.rsyslogs && len(h.rsyslog.workers) > 0 && !h.rsyslog.stopping && w.chance(15) {
			h.rsyslog.kill()
			w.after(w.between(0, 6*time.Second), func() { h.rsyslog.start(p.workers, p.single) })
		}
		if p.stops && len(h.rsyslog.workers) > 0 && !h.rsyslog.stopping && w.chance(10) {
			h.rsyslog.stop(func() {
				w.after(w.between(0, 6*time.Second), func() { h.rsyslog.start(p.workers, p.single) })
			})
		}
		pause := w.between(0, 3*time.Second)
		if w.chance(2) {
			pause = w.between(0, 3*time.Millisecond) // several at once
		}
		w.after(pause, next)
	}
	w.after(w.between(0, 2*time.Second), next)
}

// check compares what was stored with what was sent.
func check(p plan, h *host) error {
	stored := map[string]int{}
	repeats := p.single && p.workers > 1 || // nothing says whose transaction failed
		p.full || // lines that are not journaled lose their numbers
		h.rsyslog.last || // the repeat comes so late that it is taken for new
		p.hasty || // the successor takes an unanswered line for answered
		h.rsyslog.repeats || // what rsyslog sends again is new to its new children
		p.receivers > 1 && (h.overdue || p.outages) // a receiver that was given up may have stored it
	refused := map[string]bool{} // what rsyslog sends again after new lines is parked, and taken for new: see delivery.Sender
	for _, r := range h.receivers {
		for text := range r.refused {
			refused[text] = p.release.splits
		}
		repeats = repeats || r.kills > 0 || r.repeated || r.freezes > 0 && p.receivers > 1
		for _, text := range r.stored {
			stored[text]++
		}
	}
	for text, n := range h.rsyslog.sent {
		if stored[text] < n {
			return fmt.Errorf("%q was sent %d times and stored %d times: lost", text, n, stored[text])
		}
		if stored[text] > n+h.rsyslog.perhaps[text] && !repeats && !refused[text] {
			return fmt.Errorf("%q was sent %d times and stored %d times: repeated", text, n, stored[text])
		}
		delete(stored, text)
	}
	for text := range stored {
		return fmt.Errorf("%q was stored and never sent: invented", text)
	}
	return nil
}
