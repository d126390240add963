package zmq

import (
	"errors"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmtp"
)

// maxUntold bounds the subscriptions that wait to be written to a publisher: one that does not read them is dropped.
const maxUntold = 8 << 20

var errDeaf = errors.New("the publisher does not read what it is asked for")

// appendSubscription appends what a SUB says to a publisher, in the form of version 3.1 or of 3.0.
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

// ask tells a new peer everything that a SUB or XSUB wants. The caller holds s.mu.
func (s *Socket) ask(p *Peer) {
	s.wanted.Walk(func(prefix []byte) { p.askFor(prefix, true) })
}

// Subscribe asks every publisher, those that come later included, for messages whose first frame begins with prefix. XSUB only. As often
// as it was called, Unsubscribe is to be called for the same prefix to end it.
func (s *Socket) Subscribe(prefix []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	first, err := s.wanted.Add(prefix)
	if first {
		s.askAll(prefix, true)
	}
	return err
}

// Unsubscribe takes one Subscribe of the same prefix back. XSUB only.
func (s *Socket) Unsubscribe(prefix []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wanted.Remove(prefix) {
		s.askAll(prefix, false)
	}
}

// askAll is called with s.mu held, so that each publisher hears of the changes in their order.
func (s *Socket) askAll(prefix []byte, wanted bool) {
	for _, p := range s.peers {
		p.askFor(prefix, wanted)
	}
}

func (p *Peer) askFor(prefix []byte, wanted bool) {
	p.mu.Lock()
	if !p.sealed && !p.closed {
		p.control = appendSubscription(p.control, prefix, wanted, p.session.commands)
		p.wakeWriter()
	}
	untold := len(p.control)
	p.mu.Unlock()
	if untold > maxUntold {
		p.Drop(errDeaf)
	}
}
