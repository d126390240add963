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
	"syscall"
	"time"
)

// fault is a kind of mischief.
type fault struct {
	every  time.Duration // on average
	strike func(c *chaos, r *rand.Rand)
}

// faults by name, as -chaos-only has them. A strike draws the same numbers whether it finds a victim or not, so that a seed
// is a schedule.
var faults = map[string]fault{
	"omzmq":    {400 * time.Millisecond, (*chaos).killOmzmq},
	"imzmq":    {1500 * time.Millisecond, (*chaos).killImzmq},
	"sender":   {8 * time.Second, (*chaos).killSender},
	"receiver": {7 * time.Second, (*chaos).killReceiver},
	"cut":      {300 * time.Millisecond, (*chaos).cut},
	"stall":    {1200 * time.Millisecond, (*chaos).stall},
	"freeze":   {4 * time.Second, (*chaos).freeze},
}

// appointment is something to be done at a time.
type appointment struct {
	at time.Time
	do func()
}

func (c *chaos) later(d time.Duration, do func()) {
	c.agenda = append(c.agenda, appointment{time.Now().Add(d), do})
}

// rage lets faults happen for so long, and returns when everything that was broken runs again.
func (c *chaos) rage(lasting time.Duration) {
	end := time.Now().Add(lasting)
	for _, kind := range c.only {
		name := fnv.New64a()
		name.Write([]byte(kind))
		c.plan(faults[kind], rand.New(rand.NewPCG(c.seed, name.Sum64())), end)
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

// plan makes the appointment for the next fault of a kind, from half to one and a half of its usual distance.
func (c *chaos) plan(f fault, r *rand.Rand, end time.Time) {
	distance := between(r, f.every/2, f.every*3/2)
	if time.Now().Add(distance).After(end) {
		return
	}
	c.later(distance, func() {
		f.strike(c, r)
		c.plan(f, r, end)
	})
}

func between(r *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(r.Int64N(int64(most-least)))
}

func (c *chaos) killOmzmq(r *rand.Rand) {
	which := r.Float64()
	if !c.from.running() {
		return
	}
	pids := children(c.t, c.from.pid(), "omzmq")
	c.most = max(c.most, len(pids))
	if len(pids) == 0 {
		return // rsyslogd has not started it again yet
	}
	pid := pids[int(which*float64(len(pids)))]
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		c.t.Fatalf("killing omzmq: %v", err)
	}
	c.happen["omzmq"]++
}

func (c *chaos) killImzmq(r *rand.Rand) {
	p, down := c.post(r), between(r, 20*time.Millisecond, 500*time.Millisecond)
	if !p.running() {
		return
	}
	p.kill()
	c.happen["imzmq"]++
	c.later(down, func() { c.occupy(p) })
}

// freeze stops an imzmq for longer than its peers wait for a sign of life.
func (c *chaos) freeze(r *rand.Rand) {
	p, down := c.post(r), between(r, 3*chaosHeartbeat+200*time.Millisecond, 6*chaosHeartbeat)
	if p.frozen || !p.running() {
		return
	}
	victim := p.process // another may be at the post by then
	victim.signal(c.t, syscall.SIGSTOP)
	p.frozen = true
	c.happen["freeze"]++
	c.later(down, func() {
		victim.signal(c.t, syscall.SIGCONT)
		if p.process == victim {
			p.frozen = false
		}
	})
}

// occupy starts an imzmq at the post.
func (c *chaos) occupy(p *post) {
	cmd := exec.Command(program("imzmq"), p.flags...)
	cmd.Stderr = p.words
	p.process, p.frozen = start(c.t, "imzmq", cmd), false
}

func (c *chaos) cut(r *rand.Rand) {
	if n := c.post(r).proxy.cut(r.IntN(2) == 0); n > 0 {
		c.happen["cut"]++
		c.happen["connections"] += n
	}
}

func (c *chaos) stall(r *rand.Rand) {
	p, down := c.post(r), between(r, 50*time.Millisecond, 4*chaosHeartbeat)
	if p.proxy.stall() {
		c.happen["stall"]++
		c.later(down, p.proxy.resume)
	}
}

func (c *chaos) killSender(r *rand.Rand) {
	down := between(r, 20*time.Millisecond, 1500*time.Millisecond)
	if !c.from.running() {
		return
	}
	c.lived = append(c.lived, children(c.t, c.from.pid(), "omzmq")...)
	c.from.kill()
	c.happen["sender"]++
	c.later(down, func() { c.from.again(c.t) })
}

func (c *chaos) killReceiver(r *rand.Rand) {
	down := between(r, 20*time.Millisecond, 1500*time.Millisecond)
	if !c.to.running() {
		return
	}
	c.to.kill()
	c.happen["receiver"]++
	c.arrived.mend(c.t)
	c.later(down, func() { c.to.again(c.t) })
}

func (c *chaos) post(r *rand.Rand) *post { return c.posts[r.IntN(len(c.posts))] }

func isOmzmq(pid int) bool {
	exe, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)) // it may have ended
	return filepath.Base(exe) == "omzmq"
}
