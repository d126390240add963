package simulation

import (
	"bytes"
	"slices"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/delivery"
)

// silence is how long a receiver may be silent: three heartbeats.
const silence = 3 * time.Second

// network chooses among a sender's connections in turn, as a DEALER does.
type network struct {
	w           *world
	side        *side
	connections []*connection
	next        int
}

func (n *network) Flush() {}

func (n *network) Queue(frames ...[]byte) delivery.Link {
	for range n.connections {
		n.next++
		if c := n.connections[n.next%len(n.connections)]; c.Queue(frames...) {
			return c
		}
	}
	return nil
}

// connect dials a receiver, again and again while it is down.
func (n *network) connect(r *receiver) {
	if !n.side.o.alive || !slices.Contains(n.side.o.sides, n.side) {
		return
	}
	if !r.alive || r.frozen || n.w.time() < r.away {
		n.side.sender.Unreachable(r.name)
		n.w.after(n.w.between(50*time.Millisecond, time.Second), func() { n.connect(r) })
		return
	}
	c := &connection{w: n.w, n: n, r: r, room: 1 + n.w.random.IntN(20)}
	n.w.log("%s is connected", r.name)
	n.connections = append(n.connections, c)
	r.connections = append(r.connections, c)
	n.side.sender.Up(c)
}

// cutAll ends all connections, as the end of a process does.
func (n *network) cutAll() {
	for _, c := range slices.Clone(n.connections) {
		c.sever()
	}
}

// connection carries frames both ways, in order and late, until it is cut.
type connection struct {
	w       *world
	n       *network
	r       *receiver
	room    int
	dead    bool
	late    bool      // what was under way to the receiver when the connection was cut arrives all the same
	toThere time.Time // when the last message on its way arrives
	toHere  time.Time // when the last answer on its way arrives
}

func (c *connection) Endpoint() string         { return c.r.name }
func (c *connection) Written() uint64          { return 0 }
func (c *connection) Acknowledged(uint64) bool { return false }

// Drop is called when the sender has given up waiting for the receiver.
func (c *connection) Drop(reason error) {
	c.w.log("%s: %v", c.r.name, reason)
	c.n.side.o.host.overdue = true
	c.w.after(0, func() { c.cut(true) })
}

func (c *connection) Queue(frames ...[]byte) bool {
	if c.dead || c.room == 0 {
		return false
	}
	c.room--
	message := [][]byte{bytes.Clone(frames[0]), bytes.Clone(frames[1]), bytes.Clone(frames[2])}
	c.toThere = c.delayed(c.toThere)
	life := c.r.life
	c.w.after(time.Until(c.toThere), func() {
		if c.dead && !c.late || life != c.r.life {
			return
		}
		c.room++
		c.r.arrive(c, message)
		c.w.after(0, func() {
			if !c.dead {
				c.n.side.sender.Progress(c)
			}
		})
	})
	return true
}

// Send carries an answer back: to the receiver, a connection is a delivery.Conn.
func (c *connection) Send(frames ...[]byte) bool {
	answer, err := delivery.ParseAnswer(frames)
	if err != nil {
		panic(err)
	}
	c.toHere = c.delayed(c.toHere)
	c.w.after(time.Until(c.toHere), func() {
		if !c.dead {
			c.n.side.sender.Answer(c, answer)
		}
	})
	return true
}

// delayed returns when a message sent now arrives: never before an earlier one.
func (c *connection) delayed(earlier time.Time) time.Time {
	at := time.Now().Add(c.w.between(10*time.Microsecond, 5*time.Millisecond))
	if c.w.chance(200) {
		at = at.Add(c.w.between(0, 2*sendTimeout))
	}
	if at.Before(earlier) {
		return earlier
	}
	return at
}

// sever ends the connection. What was under way is lost, or arrives at the receiver all the same.
func (c *connection) sever() {
	c.dead, c.late = true, c.w.chance(2)
	c.n.connections = slices.DeleteFunc(c.n.connections, func(o *connection) bool { return o == c })
	c.r.connections = slices.DeleteFunc(c.r.connections, func(o *connection) bool { return o == c })
}

// cut ends the connection while omzmq lives, which dials again. away: the receiver is not likely to be back at once.
func (c *connection) cut(away bool) {
	if c.dead {
		return
	}
	c.w.log("the connection to %s is cut", c.r.name)
	c.sever()
	c.n.side.sender.Down(c)
	if away {
		c.n.side.sender.Unreachable(c.r.name)
	}
	c.w.after(c.w.between(time.Millisecond, 500*time.Millisecond), func() { c.n.connect(c.r) })
}
