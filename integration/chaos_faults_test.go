package integration

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// fault is one kind of fault: how often it happens, and how.
type fault struct {
	every  time.Duration                     // on average
	strike func(c *chaos, r *rand.Rand) bool // reports whether it found a victim
}

// faults by name, as -chaos-only has them.
var faults = map[string]fault{
	"omzmq":    {400 * time.Millisecond, (*chaos).killOmzmq},
	"imzmq":    {1500 * time.Millisecond, (*chaos).killImzmq},
	"sender":   {8 * time.Second, (*chaos).killSender},
	"receiver": {7 * time.Second, (*chaos).killReceiver},
	"cut":      {300 * time.Millisecond, (*chaos).cut},
	"stall":    {1200 * time.Millisecond, (*chaos).stall},
	"freeze":   {4 * time.Second, (*chaos).freeze},
	"refuse":   {2500 * time.Millisecond, (*chaos).refuse},

	// SIGSTOP for longer than confirmTimeout, and SIGCONT.
	"halt-omzmq":    {3 * time.Second, (*chaos).haltOmzmq},
	"halt-imzmq":    {7 * time.Second, (*chaos).haltImzmq},
	"halt-sender":   {7 * time.Second, func(c *chaos, r *rand.Rand) bool { return c.haltRsyslogd(r, c.from, "halt-sender") }},
	"halt-receiver": {7 * time.Second, func(c *chaos, r *rand.Rand) bool { return c.haltRsyslogd(r, c.to, "halt-receiver") }},

	// SIGTERM, and a start after the end.
	"stop-imzmq":    {4 * time.Second, (*chaos).stopImzmq},
	"stop-sender":   {4 * time.Second, func(c *chaos, r *rand.Rand) bool { return c.stopRsyslogd(r, c.from, "stop-sender") }},
	"stop-receiver": {6 * time.Second, func(c *chaos, r *rand.Rand) bool { return c.stopRsyslogd(r, c.to, "stop-receiver") }},
}

// appointment is something to do at a given time.
type appointment struct {
	at time.Time
	do func()
}

func (c *chaos) later(d time.Duration, do func()) {
	c.agenda = append(c.agenda, appointment{time.Now().Add(d), do})
}

// rage lets faults happen for the given time and returns when everything that was broken runs again.
func (c *chaos) rage(lasting time.Duration) {
	end := time.Now().Add(lasting)
	for _, kind := range c.only {
		name := fnv.New64a()
		name.Write([]byte(kind))
		c.plan(faults[kind], name.Sum64(), 0, end)
	}
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for len(c.agenda) > 0 {
		slices.SortStableFunc(c.agenda, func(a, b appointment) int { return a.at.Compare(b.at) })
		next := c.agenda[0]
		c.agenda = c.agenda[1:]
		for due := time.After(time.Until(next.at)); due != nil; {
			select {
			case <-due:
				due = nil
			case <-look.C:
				c.arrived.poll(c.t)
			}
		}
		next.do()
	}
}

// plan makes the appointment for the next fault of a kind, from half to one and a half of its usual distance. What
// happens then depends on the seed, the kind and the number of the strike, so that a seed is a schedule: a strike that
// finds no victim is tried again with the same random numbers.
func (c *chaos) plan(f fault, kind uint64, strike int, end time.Time) {
	random := func(use uint64) *rand.Rand { return rand.New(rand.NewPCG(c.seed+use<<32, kind+uint64(strike))) }
	distance := between(random(0), f.every/2, f.every*3/2)
	if time.Now().Add(distance).After(end) {
		return
	}
	var try func()
	try = func() {
		if !f.strike(c, random(1)) {
			c.later(20*time.Millisecond, try)
			return
		}
		c.plan(f, kind, strike+1, end)
	}
	c.later(distance, try)
}

func between(r *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(r.Int64N(int64(most-least)))
}

func (c *chaos) killOmzmq(r *rand.Rand) bool {
	switch {
	case c.intake != nil:
		return c.endIntake(r)
	case c.down[c.from]:
		return false // it is away, or stops: see farewell
	}
	pids := children(c.t, c.from.pid(), "omzmq")
	c.most = max(c.most, len(pids))
	if len(pids) == 0 {
		return false // rsyslogd has not started it again yet
	}
	pid := pids[r.IntN(len(pids))]
	if c.exactly() && !journaling(pid) {
		return false // it may be the second in a row, and then a repeat is not recognized: docs/delivery.md
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		c.t.Fatalf("killing omzmq: %v", err)
	}
	c.happen["omzmq"]++
	return true
}

// journaling reports whether an omzmq has its journal: until then, its predecessor's is nobody's.
func journaling(pid int) bool {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	return slices.ContainsFunc(files, func(file string) bool {
		name, _ := os.Readlink(file) // it may be closed by now
		return strings.HasSuffix(name, ".journal")
	})
}

func (c *chaos) killImzmq(r *rand.Rand) bool {
	p, down := c.post(r), between(r, 20*time.Millisecond, 500*time.Millisecond)
	if !p.running() || p.leaving {
		return false
	}
	p.kill()
	c.happen["imzmq"]++
	c.later(down, func() { c.occupy(p) })
	return true
}

// freeze stops an imzmq for longer than its peers wait for a sign of life.
func (c *chaos) freeze(r *rand.Rand) bool {
	p, down := c.post(r), between(r, 3*chaosHeartbeat+200*time.Millisecond, 6*chaosHeartbeat)
	if p.frozen || !p.running() {
		return false
	}
	victim := p.process // the post may have another process by then
	victim.signal(c.t, syscall.SIGSTOP)
	p.frozen = true
	c.happen["freeze"]++
	c.later(down, func() {
		victim.signal(c.t, syscall.SIGCONT)
		if p.process == victim {
			p.frozen = false
		}
	})
	return true
}

// occupy starts an imzmq at a post.
func (c *chaos) occupy(p *post) {
	cmd := exec.Command(program("imzmq"), p.flags...)
	cmd.Stderr = p.words
	p.process, p.frozen, p.leaving = start(c.t, "imzmq", cmd), false, false
}

func (c *chaos) cut(r *rand.Rand) bool {
	n := c.proxy(r).cut(r.IntN(2) == 0)
	if n == 0 {
		return false
	}
	c.happen["cut"]++
	c.happen["connections"] += n
	return true
}

func (c *chaos) stall(r *rand.Rand) bool {
	p, down := c.proxy(r), between(r, 50*time.Millisecond, 4*chaosHeartbeat)
	if !p.stall() {
		return false
	}
	c.happen["stall"]++
	c.later(down, p.resume)
	return true
}

func (c *chaos) killSender(r *rand.Rand) bool { return c.killRsyslogd(r, c.from, "sender") }

func (c *chaos) killReceiver(r *rand.Rand) bool { return c.killRsyslogd(r, c.to, "receiver") }

func (c *chaos) killRsyslogd(r *rand.Rand, d *rsyslogd, kind string) bool {
	down := between(r, 20*time.Millisecond, 1500*time.Millisecond)
	if c.down[d] {
		return false
	}
	c.fell(d, kind)
	d.kill()
	c.later(down, func() { c.raise(d) })
	return true
}

// fell notes that d goes down.
func (c *chaos) fell(d *rsyslogd, kind string) {
	if d == c.from {
		c.lived = append(c.lived, children(c.t, d.pid(), "omzmq")...)
	}
	c.down[d] = true
	c.happen[kind]++
}

// raise starts d again, as soon as it has ended.
func (c *chaos) raise(d *rsyslogd) {
	if d.running() {
		c.later(20*time.Millisecond, func() { c.raise(d) })
		return
	}
	if d == c.to {
		c.arrived.mend(c.t)
	}
	d.again(c.t)
	c.down[d] = false
}

func (c *chaos) post(r *rand.Rand) *post { return c.posts[r.IntN(len(c.posts))] }

// proxy returns one of the proxies.
func (c *chaos) proxy(r *rand.Rand) *proxy {
	p := c.post(r).proxy
	if c.hop != nil && r.IntN(2) == 0 {
		return c.hop
	}
	return p
}

func isOmzmq(pid int) bool {
	exe, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)) // it may have ended
	return filepath.Base(exe) == "omzmq"
}
