package delivery

// link is what one connection was given and has not answered, in the order in which it was given.
type link struct {
	to      Link
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
		l = &link{to: to}
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

// Down tells that a connection is gone. What it owed goes to another one, before what nobody has had yet.
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
	s.pending = append(owed, s.pending...)
	s.route()
	s.notify()
}

// Progress tells that our kernel has taken messages for a connection: there may be room for more.
func (s *Sender) Progress(to Link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.links[to]; l != nil && s.cfg.Confirm == Sent {
		s.confirmTo(l, to.Written())
	}
	if len(s.pending) > 0 {
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
	s.refused++
	s.reason = a.Reason
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
