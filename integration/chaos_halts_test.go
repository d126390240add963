package integration

import (
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"syscall"
	"time"
)

// Faults that kill nobody: processes that stand still or are told to stop, and refusals.

// halt stops a process for longer than rsyslogd waits for an answer.
func (c *chaos) halt(r *rand.Rand, pid int, kind string) bool {
	down := between(r, chaosConfirmTimeout+200*time.Millisecond, 2*chaosConfirmTimeout)
	victim, err := os.FindProcess(pid) // holds on to this process, even if its pid is given away again
	if err != nil || c.halted[pid] != "" {
		return false
	}
	if err := victim.Signal(syscall.SIGSTOP); errors.Is(err, os.ErrProcessDone) {
		return false
	}
	if !polled(patience, func() bool { return stopped(pid) }) {
		c.t.Fatalf("%s: %d does not stop", kind, pid)
	}
	c.halted[pid] = kind
	c.happen[kind]++
	c.later(down, func() {
		victim.Signal(syscall.SIGCONT) //nolint:errcheck // it may have been killed
		victim.Release()               //nolint:errcheck // always nil
		delete(c.halted, pid)
	})
	return true
}

func (c *chaos) haltOmzmq(r *rand.Rand) bool {
	switch {
	case c.intake != nil:
		return c.intake.running() && c.halt(r, c.intake.pid(), "halt-omzmq")
	case c.down[c.from]:
		return false // see farewell
	}
	pids := children(c.t, c.from.pid(), "omzmq")
	return len(pids) > 0 && c.halt(r, pids[r.IntN(len(pids))], "halt-omzmq")
}

func (c *chaos) haltImzmq(r *rand.Rand) bool {
	p := c.post(r)
	return p.running() && c.halt(r, p.pid(), "halt-imzmq")
}

func (c *chaos) haltRsyslogd(r *rand.Rand, d *rsyslogd, kind string) bool {
	return !c.down[d] && c.halt(r, d.pid(), kind)
}

// stopRsyslogd tells an rsyslogd to stop, while the others go on.
func (c *chaos) stopRsyslogd(r *rand.Rand, d *rsyslogd, kind string) bool {
	down := between(r, 20*time.Millisecond, time.Second)
	if c.down[d] || d == c.from && slices.Contains(slices.Collect(maps.Values(c.halted)), "halt-omzmq") {
		return false // see farewell
	}
	c.fell(d, kind)
	d.signal(c.t, syscall.SIGTERM)
	c.later(down, func() { c.raise(d) })
	return true
}

func (c *chaos) stopImzmq(r *rand.Rand) bool {
	p := c.post(r)
	if !p.running() || p.leaving {
		return false
	}
	p.signal(c.t, syscall.SIGTERM)
	p.leaving = true
	c.happen["stop-imzmq"]++
	c.follow(p)
	return true
}

// follow starts an imzmq at a post as soon as the one that was told to stop has ended.
func (c *chaos) follow(p *post) {
	if p.running() {
		c.later(20*time.Millisecond, func() { c.follow(p) })
		return
	}
	c.occupy(p)
}

// refuse lets the destination refuse every message for a while.
func (c *chaos) refuse(r *rand.Rand) bool {
	lasting := between(r, 50*time.Millisecond, 1500*time.Millisecond)
	if c.refuser.refuses.Swap(true) {
		return false
	}
	c.happen["refuse"]++
	c.later(lasting, func() { c.refuser.refuses.Store(false) })
	return true
}
