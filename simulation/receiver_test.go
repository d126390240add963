package simulation

import (
	"errors"
	"slices"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/delivery"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// receiver is imzmq and its destination.
type receiver struct {
	w           *world
	name        string
	alive       bool
	frozen      bool
	away        time.Duration // until then it cannot be connected to
	life        int           // how often it was killed: a new process does not finish what a dead one had begun
	memory      delivery.Receiver
	waiting     []arrival
	storing     bool
	connections []*connection
	stored      []string // texts, by all its processes
	kills       int
	freezes     int
	refusals    int // how many more messages it refuses
	refused     map[string]bool
	crashes     int // how many more times its destination dies between storing and answering
	endings     int // how many more times its destination ends in the middle of a batch, and then the receiver itself
	repeated    bool
}

type arrival struct {
	from   *connection
	frames [][]byte
}

func (r *receiver) arrive(c *connection, frames [][]byte) {
	if c.dead && r.refused[string(frames[len(frames)-1])] {
		r.repeated = true // refused, and stored elsewhere: a late copy over a dead connection is new here
	}
	r.waiting = append(r.waiting, arrival{c, frames})
	if !r.storing && !r.frozen {
		r.storing = true
		life := r.life
		r.w.after(r.w.between(0, 2*time.Millisecond), func() { r.begin(life) })
	}
}

// begin takes what waits into a batch and stores it after a while.
func (r *receiver) begin(life int) {
	if r.stopped(life, func() { r.begin(life) }) {
		return
	}
	for len(r.waiting) > 0 && len(r.memory.Batch()) < 10 {
		a := r.waiting[0]
		r.waiting = r.waiting[1:]
		if err := r.memory.Add(a.from, r.memory.Source(a.from.n.side.id, nil, false), a.frames, message.Message{}); err != nil {
			panic(err)
		}
	}
	slow := r.w.between(0, 3*time.Millisecond)
	if r.w.chance(100) {
		slow = r.w.between(0, 2*sendTimeout)
	}
	r.w.after(slow, func() { r.store(life) })
}

// stopped reports whether a step is not to be taken now: the process was killed, or is frozen and takes the step later.
func (r *receiver) stopped(life int, step func()) bool {
	if life != r.life {
		return true
	}
	if r.frozen {
		r.w.after(100*time.Millisecond, step)
	}
	return r.frozen
}

func (r *receiver) store(life int) {
	if r.stopped(life, func() { r.store(life) }) {
		return
	}
	if r.crashes > 0 && r.w.chance(5) && len(r.memory.Batch()) > 0 {
		r.w.log("the destination of %s stores and dies before it answers", r.name)
		r.crashes--
		r.repeated = true
		for _, m := range r.memory.Batch() {
			r.stored = append(r.stored, string(m.Payload))
		}
		r.w.after(time.Second, func() { r.store(life) })
		return
	}
	ends := r.endings > 0 && r.w.chance(20)
	for i, m := range r.memory.Batch() {
		if ends && r.w.chance(3) {
			break
		}
		if r.refusals > 0 && r.w.chance(3) {
			r.refusals--
			r.refused[string(m.Payload)] = true
			r.memory.Settle(i, errors.New("not now"))
			continue
		}
		r.stored = append(r.stored, string(m.Payload))
		r.memory.Settle(i, nil)
	}
	r.w.after(r.w.between(0, time.Millisecond), func() { r.end(life, ends) })
}

// end answers what is settled. over: the destination has ended, and imzmq ends.
func (r *receiver) end(life int, over bool) {
	if r.stopped(life, func() { r.end(life, over) }) {
		return
	}
	r.memory.Answer()
	if over {
		r.w.log("the destination of %s has ended", r.name)
		r.endings--
		r.w.after(r.w.between(0, time.Millisecond), func() {
			if life == r.life {
				r.kill()
			}
		})
		return
	}
	if r.storing = len(r.waiting) > 0; r.storing {
		r.begin(life)
	}
}

// kill ends the process between any two of its steps. The next one comes without its memory.
func (r *receiver) kill() {
	if !r.alive {
		return
	}
	r.w.log("%s is killed", r.name)
	r.alive, r.frozen, r.storing = false, false, false
	r.life++
	r.kills++
	r.waiting, r.memory = nil, delivery.Receiver{}
	for _, c := range slices.Clone(r.connections) {
		c.cut(false)
	}
	r.w.after(r.w.between(0, 9*time.Second), func() { r.alive = true })
}

// outage cuts its connections, for a while that may be longer than a transaction waits to begin.
func (r *receiver) outage() {
	r.w.log("%s cannot be reached", r.name)
	r.away = r.w.time() + r.w.between(0, 2*sendTimeout)
	for _, c := range slices.Clone(r.connections) {
		c.cut(true)
	}
}

// freeze stops the process for a while, which may be longer than it may be silent. It goes on with what has reached
// it by then.
func (r *receiver) freeze() {
	if !r.alive || r.frozen {
		return
	}
	r.w.log("%s is frozen", r.name)
	r.frozen = true
	r.freezes++
	life := r.life
	r.w.after(silence, func() {
		for _, c := range slices.Clone(r.connections) {
			if r.frozen && life == r.life {
				c.cut(true)
			}
		}
	})
	r.w.after(r.w.between(0, 3*silence), func() {
		if life == r.life {
			r.w.log("%s goes on", r.name)
			r.frozen = false
			if len(r.waiting) > 0 && !r.storing {
				r.storing = true
				r.begin(life)
			}
		}
	})
}
