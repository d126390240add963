package delivery

import (
	"hash/fnv"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
)

// connection is the account of one Link: the messages that it was given and that are not answered, in the order in
// which it was given them.
type connection struct {
	link    Link
	number  uint32   // of its endpoint, for the journal
	queue   []*entry // from head on; nil where a refusal has taken one out
	head    int
	given   uint64 // messages ever given; the last of queue has the place given-1
	overdue bool   // it has owed answers since before rsyslog was told of a failure: see Sender.expect
}

func (c *connection) push(e *entry) {
	if c.head > len(c.queue)/2 && c.head >= slabSize {
		n := copy(c.queue, c.queue[c.head:])
		clear(c.queue[n:])
		c.queue, c.head = c.queue[:n], 0
	}
	e.conn, e.pos, e.state, e.sent = c, c.given, inFlight, true
	e.ref.Route(c.number)
	c.queue = append(c.queue, e)
	c.given++
}

// owes reports whether an answer is missing.
func (c *connection) owes() bool { return c.head < len(c.queue) }

// at is the index in queue of a place.
func (c *connection) at(pos uint64) int {
	return len(c.queue) - int(c.given-pos)
}

// connectionOf returns the account of a link. It begins with the first that is heard of the link.
func (s *Sender) connectionOf(to Link) *connection {
	if s.recent != nil && s.recent.link == to {
		return s.recent
	}
	c := s.connections[to]
	if c == nil {
		c = &connection{link: to, number: numberOf(to.Endpoint())}
		s.connections[to] = c
	}
	s.recent = c
	return c
}

// Up is called for a new connection.
func (s *Sender) Up(to Link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.connectionOf(to)
	s.route()
	s.notify()
}

// Down is called when a connection has ended. Its receiver may have stored what it did not answer, and only that
// receiver knows. Therefore these messages are held for the next connection to the same endpoint, until
// Unreachable. Without an endpoint, or where receivers know no numbers, they go to another receiver, before
// messages that no receiver has had yet.
func (s *Sender) Down(to Link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.connections[to]
	if c == nil {
		return
	}
	delete(s.connections, to)
	s.recent = nil
	var unanswered []*entry
	for _, e := range c.queue[c.head:] {
		if e != nil {
			e.conn, e.state = nil, pending
			unanswered = append(unanswered, e)
		}
	}
	if to.Endpoint() != "" && s.cfg.Confirm == Stored {
		s.hold(to.Endpoint(), unanswered)
	} else {
		s.pending = append(unanswered, s.pending...)
	}
	s.route()
	s.notify()
}

// hold reserves messages for a receiver, before those that are held for it already. The caller holds mu.
func (s *Sender) hold(endpoint string, unanswered []*entry) {
	if len(unanswered) == 0 {
		return
	}
	if s.held == nil {
		s.held = make(map[string][]*entry)
	}
	s.held[endpoint] = append(unanswered, s.held[endpoint]...)
}

// Unreachable is called when a receiver is not likely to be back soon: what is held for it goes to another.
func (s *Sender) Unreachable(endpoint string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.release(endpoint) {
		s.route()
	}
}

// release gives up waiting for a receiver, and reports whether anything was held for it. The caller holds mu.
func (s *Sender) release(endpoint string) bool {
	waiting := s.held[endpoint]
	if len(waiting) == 0 {
		return false
	}
	delete(s.held, endpoint)
	s.pending = append(waiting, s.pending...)
	return true
}

// returned gives receivers that are back what was held for them. The caller holds mu.
func (s *Sender) returned() (given bool) {
	if len(s.held) == 0 {
		return false
	}
	for to, c := range s.connections {
		waiting, n := s.held[to.Endpoint()], 0
		for n < len(waiting) && to.Queue(s.encode(waiting[n])...) {
			s.gave(waiting[n], c)
			n++
		}
		if given = given || n > 0; n == len(waiting) {
			delete(s.held, to.Endpoint())
		} else {
			s.held[to.Endpoint()] = behead(waiting, n)
		}
	}
	return given
}

// numberOf is the number of an endpoint in the journal, 0 for none.
func numberOf(endpoint string) uint32 {
	if endpoint == "" {
		return 0
	}
	h := fnv.New32a()
	h.Write([]byte(endpoint))
	return max(h.Sum32(), 1)
}

// Progress is called when our kernel has taken messages for a connection: there may be room for more.
func (s *Sender) Progress(to Link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.connections[to]; c != nil && s.cfg.Confirm == Sent {
		s.confirmTo(c, to.Written())
	}
	if len(s.pending)+len(s.held) > 0 {
		s.route()
	} else if s.cfg.Confirm == Received && s.unconfirmed > 0 {
		s.notify() // the conversation polls
	}
}

// askKernel confirms what the peers' kernels have acknowledged. The caller holds mu.
func (s *Sender) askKernel() {
	for to, c := range s.connections {
		if c.owes() && to.Acknowledged(c.given) {
			s.confirmTo(c, c.given)
		}
	}
}

// Answer takes a receiver's answer. A late one, about something that this connection does not owe, is ignored.
func (s *Sender) Answer(from Link, a Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, e := s.connections[from], s.owed.find(a.Seq)
	if c == nil || e == nil || e.state != inFlight || e.conn != c {
		return
	}
	if !a.Refused {
		s.confirmTo(c, e.pos+1)
		return
	}
	c.queue[c.at(e.pos)] = nil
	c.trim()
	e.conn, e.state = nil, refused
	s.refusal = a.Reason
	s.unconfirmed--
	switch {
	case e.orphan:
		s.park(e, a.Reason)
	case s.cfg.Streams:
		s.turn(e, a.Reason)
	case s.unread:
		s.lose(e, a.Reason)
	default:
		s.refused++
		s.reason = a.Reason
	}
	s.notify()
}

// confirmTo confirms the first n messages that a connection was ever given. The caller holds mu.
func (s *Sender) confirmTo(c *connection, n uint64) {
	ages := ages{histogram: s.cfg.Ages, now: s.clock()}
	defer ages.observe()
	for c.owes() && c.given-uint64(len(c.queue)-c.head) < n {
		e := c.queue[c.head]
		c.queue[c.head] = nil
		c.head++
		if e == nil {
			continue
		}
		e.conn, e.state = nil, confirmed
		ages.add(e.at)
		e.ref.Confirm()
		s.used(e.ref, min(len(e.line), journal.Around))
		s.unconfirmed--
		s.counters.Confirmed++
	}
	c.trim()
	if s.unconfirmed == 0 || s.cfg.Streams {
		s.notify()
	}
}

// trim forgets the answered entries at the head. No entry may be referred to once its memory is used again.
func (c *connection) trim() {
	for c.owes() && c.queue[c.head] == nil {
		c.head++
	}
	if c.head == len(c.queue) {
		c.queue, c.head = c.queue[:0], 0
	}
}
