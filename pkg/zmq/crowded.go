package zmq

import (
	"fmt"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/prefix"
)

// pay takes a new prefix of the peer out of the budget. When the budget for all subscribers is used up, the one with
// the most prefixes is dropped, which may be this one.
func (p *Peer) pay(topic []byte) error {
	cost := p.cost(topic)
	share := &p.socket.cfg.Budget.Prefixes
	p.asked.Add(int64(cost))
	if share.Take(cost) {
		return nil
	}
	share.Overdraw(cost) // until the victim has given back what it has
	victim := p.socket.mostAsking(p)
	if victim == nil {
		return nil
	}
	err := fmt.Errorf("its prefixes take %d bytes, the most of all: there are %d bytes for all subscribers' "+
		"(raise --max-memory if they are legitimate)", victim.asked.Load(), share.Limit())
	if victim == p {
		return err
	}
	victim.Drop(err)
	return nil
}

// mostAsking returns the peer whose prefixes take the most memory; p if no other one's take more. It returns nil if
// enough are dropped already.
func (s *Socket) mostAsking(p *Peer) *Peer {
	s.mu.Lock()
	defer s.mu.Unlock()
	all, most := 0, p
	for _, other := range s.peers {
		if other.reason.Load() != nil {
			continue
		}
		asked := int(other.asked.Load())
		if all += asked; asked > int(most.asked.Load()) {
			most = other
		}
	}
	if all <= s.cfg.Budget.Prefixes.Limit() {
		return nil
	}
	return most
}

// repay gives back what a prefix took.
func (p *Peer) repay(topic []byte) { p.giveBack(p.cost(topic)) }

// cost returns roughly the memory that a prefix of the peer takes.
func (p *Peer) cost(topic []byte) int {
	if p.allowed == nil {
		return prefix.Cost(topic)
	}
	return prefix.Cost(topic) + partCost*p.countParts(topic)
}

// repayAll gives back what all prefixes took.
func (p *Peer) repayAll() { p.giveBack(int(p.asked.Load())) }

func (p *Peer) giveBack(n int) {
	p.asked.Add(-int64(n))
	p.socket.cfg.Budget.Prefixes.Give(n)
}
