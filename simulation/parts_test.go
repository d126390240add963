package simulation

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/delivery"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/omprog"
)

// omzmq is the conversation and the account of what is owed, on one pipe.
type omzmq struct {
	w       *world
	id      delivery.SenderID
	sender  *delivery.Sender
	machine *omprog.Machine
	network *network
}

func newOmzmq(w *world, receivers int) *omzmq {
	o := &omzmq{w: w, id: delivery.SenderID{1, 42}, network: &network{w: w}}
	cfg := delivery.SenderConfig{Confirm: delivery.Stored, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}
	o.sender = delivery.NewSender(cfg, o.network)
	o.machine = omprog.NewMachine(omprog.Config{
		BeginMark: omprog.DefaultBeginMark, CommitMark: omprog.DefaultCommitMark,
		SendTimeout: 5 * time.Second, MaxLine: 1000, Truncated: func(int) {},
	}, o.sender)
	for n := range receivers {
		r := &receiver{w: w, name: string(rune('A' + n)), alive: true}
		o.network.receivers = append(o.network.receivers, r)
		w.after(w.between(0, 3*time.Second), func() { o.connect(r) })
	}
	return o
}

// say takes a line from rsyslog and calls answered with the reply once it is known, its dots left out.
func (o *omzmq) say(line string, answered func(reply string)) {
	reply := o.machine.Line([]byte(line))
	if !o.machine.Waiting() {
		o.machine.Replied()
		o.w.after(time.Microsecond, func() { answered(reply) })
		return
	}
	o.poll(answered)
}

func (o *omzmq) poll(answered func(string)) {
	say, _ := o.machine.Poll(o.w.now)
	if !o.machine.Waiting() {
		o.machine.Replied()
		answered(say)
		return
	}
	o.w.after(o.w.between(100*time.Microsecond, 20*time.Millisecond), func() { o.poll(answered) })
}

// connect dials a receiver, and again while it is down.
func (o *omzmq) connect(r *receiver) {
	if !r.alive {
		o.w.after(o.w.between(50*time.Millisecond, time.Second), func() { o.connect(r) })
		return
	}
	c := &connection{w: o.w, o: o, r: r, room: 1 + o.w.random.IntN(20)}
	o.w.log("%s is connected", r.name)
	o.network.connections = append(o.network.connections, c)
	r.connections = append(r.connections, c)
	o.sender.Up(c)
}

// network chooses among the connections in turn, as a DEALER does.
type network struct {
	w           *world
	receivers   []*receiver
	connections []*connection
	next        int
}

func (n *network) Flush() {}

func (n *network) Queue(frames ...[]byte) delivery.Link {
	for range n.connections {
		n.next++
		if c := n.connections[n.next%len(n.connections)]; c.take(frames) {
			return c
		}
	}
	return nil
}

// connection carries frames both ways, in order and late, until it is cut.
type connection struct {
	w       *world
	o       *omzmq
	r       *receiver
	room    int
	dead    bool
	toThere time.Time // when the last message on its way arrives
	toHere  time.Time // when the last answer on its way arrives
}

func (c *connection) Written() uint64          { return 0 }
func (c *connection) Acknowledged(uint64) bool { return false }
func (c *connection) Drop(reason error) {
	c.w.log("%s: %v", c.r.name, reason)
	c.w.after(0, c.cut)
}

func (c *connection) take(frames [][]byte) bool {
	if c.dead || c.room == 0 {
		return false
	}
	c.room--
	message := [][]byte{bytes.Clone(frames[0]), bytes.Clone(frames[1]), bytes.Clone(frames[2])}
	c.toThere = c.late(c.toThere)
	c.w.after(c.toThere.Sub(c.w.now), func() {
		if !c.dead {
			c.room++
			c.r.arrive(c, message)
			c.w.after(0, func() { c.o.sender.Progress(c) })
		}
	})
	return true
}

// Send carries an answer back: connection is a delivery.Conn to the receiver.
func (c *connection) Send(frames ...[]byte) bool {
	answer, err := delivery.ParseAnswer(frames)
	if err != nil {
		panic(err)
	}
	c.toHere = c.late(c.toHere)
	c.w.after(c.toHere.Sub(c.w.now), func() {
		if !c.dead {
			c.o.sender.Answer(c, answer)
		}
	})
	return true
}

// late is when what is sent now arrives: never before what was sent earlier.
func (c *connection) late(earlier time.Time) time.Time {
	at := c.w.now.Add(c.w.between(10*time.Microsecond, 5*time.Millisecond))
	if c.w.chance(200) {
		at = at.Add(c.w.between(0, 8*time.Second))
	}
	if at.Before(earlier) {
		return earlier
	}
	return at
}

// cut loses everything under way in both directions; omzmq dials again.
func (c *connection) cut() {
	if c.dead {
		return
	}
	c.w.log("the connection to %s is cut", c.r.name)
	c.dead = true
	c.o.network.connections = slices.DeleteFunc(c.o.network.connections, func(o *connection) bool { return o == c })
	c.r.connections = slices.DeleteFunc(c.r.connections, func(o *connection) bool { return o == c })
	c.o.sender.Down(c)
	c.w.after(c.w.between(time.Millisecond, 500*time.Millisecond), func() { c.o.connect(c.r) })
}

// receiver is imzmq and its destination.
type receiver struct {
	w           *world
	name        string
	alive       bool
	life        int // how often it was killed: what a dead one had begun, a new one does not finish
	memory      delivery.Receiver
	waiting     []arrival
	storing     bool
	connections []*connection
	stored      []string // texts, for ever
	kills       int
	refusals    int // how many more messages it refuses
}

type arrival struct {
	from   *connection
	frames [][]byte
}

func (r *receiver) arrive(c *connection, frames [][]byte) {
	r.waiting = append(r.waiting, arrival{c, frames})
	if !r.storing {
		r.storing = true
		life := r.life
		r.w.after(r.w.between(0, 2*time.Millisecond), func() { r.begin(life) })
	}
}

// begin takes what waits into a round and stores it after a while.
func (r *receiver) begin(life int) {
	if life != r.life {
		return
	}
	for len(r.waiting) > 0 && len(r.memory.Batch()) < 10 {
		a := r.waiting[0]
		r.waiting = r.waiting[1:]
		if err := r.memory.Add(a.from, a.from.o.id, a.frames, message.Message{}); err != nil {
			panic(err)
		}
	}
	slow := r.w.between(0, 3*time.Millisecond)
	if r.w.chance(100) {
		slow = r.w.between(0, 12*time.Second)
	}
	r.w.after(slow, func() {
		if life == r.life {
			r.store()
			r.w.after(r.w.between(0, time.Millisecond), func() { r.end(life) })
		}
	})
}

func (r *receiver) store() {
	for i, m := range r.memory.Batch() {
		if r.refusals > 0 && r.w.chance(3) {
			r.refusals--
			r.memory.Settle(i, errors.New("not now"))
			continue
		}
		r.stored = append(r.stored, string(m.Payload))
		r.memory.Settle(i, nil)
	}
}

func (r *receiver) end(life int) {
	if life != r.life {
		return
	}
	r.memory.Answer()
	if r.storing = len(r.waiting) > 0; r.storing {
		r.begin(life)
	}
}

// kill ends it between any two of its steps; it comes back without its memory.
func (r *receiver) kill() {
	if !r.alive {
		return
	}
	r.w.log("%s is killed", r.name)
	r.alive, r.storing = false, false
	r.life++
	r.kills++
	r.waiting, r.memory = nil, delivery.Receiver{}
	for _, c := range slices.Clone(r.connections) {
		c.cut()
	}
	r.w.after(r.w.between(0, 9*time.Second), func() { r.alive = true })
}

// worker is a queue worker of rsyslog 8.2302: it sends batches as transactions, and after a failed commit each message of the
// batch in a transaction of its own, in another order, until it is confirmed.
type worker struct {
	rsyslog *rsyslog
	todo    []string // not dequeued yet
	done    bool
}

// rsyslog shares one pipe among its workers: a line and its reply belong together, transactions interleave.
type rsyslog struct {
	w     *world
	o     *omzmq
	busy  bool
	queue []func() // workers that wait for the pipe
	ready int      // workers that are done
}

// exchange says a line when the pipe is free.
func (r *rsyslog) exchange(line string, answered func(reply string)) {
	if r.busy {
		r.queue = append(r.queue, func() { r.exchange(line, answered) })
		r.shuffle()
		return
	}
	r.busy = true
	r.o.say(line, func(reply string) {
		r.busy = false
		if r.w.tell != nil {
			r.w.log("   %s => %s", line, strings.TrimSpace(reply))
		}
		if !strings.HasPrefix(reply, "OK\n") && !strings.HasPrefix(reply, "DEFER_COMMIT\n") {
			r.w.log("%s -> %s", line, strings.TrimSpace(reply))
		}
		r.w.after(r.w.between(0, 2), func() { answered(reply) }) // or is another worker first?
		r.w.after(r.w.between(0, 2), r.next)
	})
}

// next lets a worker that waits for the pipe have it.
func (r *rsyslog) next() {
	if len(r.queue) > 0 && !r.busy {
		next := r.queue[0]
		r.queue = r.queue[1:]
		next()
	}
}

func (r *rsyslog) shuffle() {
	r.w.random.Shuffle(len(r.queue), func(i, j int) { r.queue[i], r.queue[j] = r.queue[j], r.queue[i] })
}

func (k *worker) next() {
	if len(k.todo) == 0 {
		k.done = true
		k.rsyslog.ready++
		return
	}
	n := min(1+k.rsyslog.w.random.IntN(12), len(k.todo))
	batch := k.todo[:n]
	k.todo = k.todo[n:]
	k.transaction(batch, k.next)
}

// transaction sends a batch until it is confirmed, whole or each message by itself.
func (k *worker) transaction(batch []string, confirmed func()) {
	again := func() {
		k.rsyslog.w.after(time.Second, func() { k.transaction(batch, confirmed) })
	}
	if len(batch) > 1 {
		again = func() { k.oneByOne(shuffled(k.rsyslog.w.random, batch), confirmed) }
	}
	k.rsyslog.exchange("BEGIN TRANSACTION", func(reply string) {
		if reply != "OK\n" {
			k.rsyslog.w.after(time.Second, func() { k.transaction(batch, confirmed) })
			return
		}
		k.messages(batch, func() {
			k.rsyslog.exchange("COMMIT TRANSACTION", func(reply string) {
				if reply != "OK\n" {
					again()
					return
				}
				confirmed()
			})
		})
	})
}

func (k *worker) messages(batch []string, deferred func()) {
	if len(batch) == 0 {
		deferred()
		return
	}
	k.rsyslog.exchange(batch[0], func(reply string) {
		if reply != "DEFER_COMMIT\n" {
			panic("a message inside a transaction was answered " + reply)
		}
		k.messages(batch[1:], deferred)
	})
}

func (k *worker) oneByOne(batch []string, confirmed func()) {
	if len(batch) == 0 {
		confirmed()
		return
	}
	k.transaction(batch[:1], func() { k.oneByOne(batch[1:], confirmed) })
}

func shuffled(random *rand.Rand, batch []string) []string {
	batch = slices.Clone(batch)
	random.Shuffle(len(batch), func(i, j int) { batch[i], batch[j] = batch[j], batch[i] })
	return batch
}
