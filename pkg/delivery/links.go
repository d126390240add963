package delivery

import "hash/fnv"

// link is what one connection was given and has not answered, in the order in which it was given.
type link struct {
	to      Link
	number  uint32   // of its endpoint, for the journal
	overdue bool     // it owes answers since before rsyslog was told of a failure
	queue   []*entry // from head on; nil where a refusal has taken one out
	head    int
	given   uint64 // messages ever given; the last of queue has the place given-1
}

func (l *link) push(e *entry) {
	if l.head > len(l.queue)/2 && l.head >= slabSize {
		n := copy(l.queue, l.queue[l.head:])
		clear(l.queue[n:])
		l.queue, l.head = l.queue[:n], 0
	}
	e.link, e.pos, e.state, e.sent = l, l.given, inFlight, true
	e.ref.Route(l.number)
	l.queue = append(l.queue, e)
	l.given++
}

// at is the index in queue of a place.
func (l *link) at(pos uint64) int {
	return len(l.queue) - int(l.given-pos)
}

// linkOf returns the account of a connection, which begins with the first that is heard of it.
func (s *Sender) linkOf(to Link) *link {
	l := s.links[to]
	if l == nil {
		l = &link{to: to, number: numberOf(to.Endpoint())}
		s.links[to] = l
	}
	return l
}

// Up tells of a new connection.
func (s *Sender) Up(to Link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.linkOf(to)
	s.route()
	s.notify()
}

// Down tells that a connection is gone. What it owed was perhaps stored, and only the receiver that stored it knows: it is held
// for the next connection to the same endpoint, until Unreachable. Without an endpoint, or where receivers know no
// numbers, it goes to another receiver, before what nobody has had yet.
func (s *Sender) Down(to Link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.links[to]
	if l == nil {
		return
	}
	delete(s.links, to)
	var owed []*entry
	for _, e := range l.queue[l.head:] {
		if e != nil {
			e.link, e.state = nil, pending
			owed = append(owed, e)
		}
	}
	if to.Endpoint() != "" && s.cfg.Confirm == Stored {
		s.hold(to.Endpoint(), owed)
	} else {
		s.pending = append(owed, s.pending...)
	}
	s.route()
	s.notify()
}

// hold keeps messages for a receiver, before what is held for it already. The caller holds mu.
func (s *Sender) hold(endpoint string, owed []*entry) {
	if len(owed) == 0 {
		return
	}
	if s.held == nil {
		s.held = make(map[string][]*entry)
	}
	s.held[endpoint] = append(owed, s.held[endpoint]...)
}

// Unreachable tells that a receiver is not likely to be back at once: what is held for it goes to another.
func (s *Sender) Unreachable(endpoint string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.release(endpoint) {
		s.route()
	}
}

// release gives up waiting for a receiver. The caller holds mu.
func (s *Sender) release(endpoint string) bool {
	owed := s.held[endpoint]
	if len(owed) == 0 {
		return false
	}
	delete(s.held, endpoint)
	s.pending = append(owed, s.pending...)
	return true
}

// returned gives receivers that are back what was held for them. The caller holds mu.
func (s *Sender) returned() (given bool) {
	if len(s.held) == 0 {
		return false
	}
	for to, l := range s.links {
		owed, n := s.held[to.Endpoint()], 0
		for n < len(owed) && to.Queue(s.encode(owed[n])...) {
			s.gave(owed[n], l)
			n++
		}
		if given = given || n > 0; n == len(owed) {
			delete(s.held, to.Endpoint())
		} else {
			s.held[to.Endpoint()] = behead(owed, n)
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

// Progress tells that our kernel has taken messages for a connection: there may be room for more.
func (s *Sender) Progress(to Link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.links[to]; l != nil && s.cfg.Confirm == Sent {
		s.confirmTo(l, to.Written())
	}
	if len(s.pending)+len(s.held) > 0 {
		s.route()
	} else if s.cfg.Confirm == Received && s.unconfirmed > 0 {
		s.notify() // the conversation asks the kernel
	}
}

// askKernel confirms what the other sides' kernels have acknowledged. The caller holds mu.
func (s *Sender) askKernel() {
	for to, l := range s.links {
		if l.head < len(l.queue) && to.Acknowledged(l.given) {
			s.confirmTo(l, l.given)
		}
	}
}

// Answer takes a receiver's answer. One that speaks of nothing that this connection owes is ignored: it comes late.
func (s *Sender) Answer(from Link, a Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, e := s.links[from], s.window.find(a.Seq)
	if l == nil || e == nil || e.state != inFlight || e.link != l {
		return
	}
	if !a.Refused {
		s.confirmTo(l, e.pos+1)
		return
	}
	l.queue[l.at(e.pos)] = nil
	l.trim()
	e.link, e.state = nil, refused
	s.unconfirmed--
	if e.orphan {
		s.setAside(e, a.Reason)
	} else {
		s.refused++
		s.reason = a.Reason
	}
	s.notify()
}

// confirmTo confirms the first n messages that a connection was ever given. The caller holds mu.
func (s *Sender) confirmTo(l *link, n uint64) {
	for l.head < len(l.queue) && l.given-uint64(len(l.queue)-l.head) < n {
		e := l.queue[l.head]
		l.queue[l.head] = nil
		l.head++
		if e == nil {
			continue
		}
		e.link, e.state = nil, confirmed
		e.ref.Confirm()
		s.unconfirmed--
		s.counters.Confirmed++
	}
	l.trim()
	if s.unconfirmed == 0 {
		s.notify()
	}
}

// trim forgets what has been answered at the head, so that no entry is referred to once its memory is used again.
func (l *link) trim() {
	for l.head < len(l.queue) && l.queue[l.head] == nil {
		l.head++
	}
	if l.head == len(l.queue) {
		l.queue, l.head = l.queue[:0], 0
	}
}
