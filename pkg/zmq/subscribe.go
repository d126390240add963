package zmq

import "github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmtp"

// Subscribe asks every publisher, including later ones, for messages whose first frame begins with prefix. XSUB
// only. Each call needs an Unsubscribe of the same prefix to end it.
func (s *Socket) Subscribe(prefix []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	first, err := s.wanted.Add(prefix)
	if first {
		s.askAll(prefix, true)
	}
	return err
}

// Unsubscribe takes back one Subscribe of the same prefix. XSUB only.
func (s *Socket) Unsubscribe(prefix []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wanted.Remove(prefix) {
		s.askAll(prefix, false)
	}
}

// Require is Subscribe without a limit, for prefixes whose number something else bounds. XSUB only.
func (s *Socket) Require(prefix []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wanted.Insert(prefix) {
		s.askAll(prefix, true)
	}
}

// askAll is called with s.mu held, so that each publisher gets the changes in their order.
func (s *Socket) askAll(prefix []byte, wanted bool) {
	shared := string(prefix)
	for _, p := range s.peers {
		if p.allowed == nil {
			p.requests.change(shared, wanted)
		} else {
			s.askPart(p, prefix, wanted)
		}
	}
}

// askPart is askAll for a publisher that may publish only a part of all topics. What it may publish and the wanted
// prefixes may cover each other either way: what it is asked for is the shortest of what it may publish that something
// wanted covers, and the wanted prefixes that are longer than that.
func (s *Socket) askPart(p *Peer, prefix []byte, wanted bool) {
	p.allowed.Part(prefix, func(part []byte) {
		if p.allowed.MatchOther(part, len(part)) || !s.wanted.MatchOther(part, len(prefix)) {
			p.requests.change(string(part), wanted)
		}
	})
}

// askForEverything asks a new peer for all that a SUB or XSUB wants. It precedes everything else that is written. The
// caller holds s.mu.
func (s *Socket) askForEverything(p *Peer) {
	var all []byte
	ask := func(prefix []byte) { all = appendSubscription(all, prefix, true, p.session.commands) }
	if p.allowed == nil {
		s.wanted.Walk(ask)
	} else { // see askPart
		p.allowed.Part(nil, func(part []byte) {
			if s.wanted.Match(part) {
				ask(part)
			}
		})
		s.wanted.Walk(func(prefix []byte) {
			if p.allowed.MatchOther(prefix, len(prefix)) {
				ask(prefix)
			}
		})
	}
	p.outbox.request(all)
}

// appendSubscription appends what a SUB sends to a publisher, in the form of version 3.1 or of 3.0.
func appendSubscription(dst, prefix []byte, wanted, commands bool) []byte {
	name, first := zmtp.Subscribe, byte(subscribeByte)
	if !wanted {
		name, first = zmtp.Cancel, cancelByte
	}
	if commands {
		return zmtp.AppendCommand(dst, name, prefix)
	}
	return zmtp.AppendFrame(dst, 0, append([]byte{first}, prefix...))
}
