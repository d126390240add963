package intake

import (
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/delivery"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/destination"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/log"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// Senders are the connections of acknowledged delivery, by their sender ids. It finds out when two processes use one id
// at the same time: then one machine was cloned from the other.
//
// A process that takes the place of a dead one, with its journal, uses its id, too, and the dead one's connection may
// seem to stand for long: its host has lost power, or its network. A newcomer therefore waits until the other
// connection has answered a PING, which makes two senders of them, or has not, and is ended. Its messages are read only
// then.
//
// Up and Down are for the socket's OnUp and OnDown.
type Senders struct {
	logger   log.Limited
	patience time.Duration // how long an answer to the PING is waited for

	mu   sync.Mutex
	byID map[delivery.SenderID][]*sender
	of   map[*zmq.Peer]*sender
}

// sender is one connection.
type sender struct {
	peer     *zmq.Peer
	id       delivery.SenderID
	claim    message.Claim
	admitted bool // what it sends is taken

	judged, contested bool // what Senders.contested says, if it has been asked since a connection came or went
}

const (
	answerTime = 3 * time.Second
	answerPoll = 20 * time.Millisecond
)

// NewSenders makes the account of a socket's senders.
func NewSenders(logger *slog.Logger) *Senders {
	return &Senders{logger: log.Limited{Logger: logger}, patience: answerTime,
		byID: make(map[delivery.SenderID][]*sender), of: make(map[*zmq.Peer]*sender)}
}

// Up drops a peer that does not speak acknowledged delivery. It returns when messages of the peer may be taken.
func (s *Senders) Up(p *zmq.Peer) {
	id, err := delivery.ParseSenderID(p.Identity())
	if err != nil {
		p.Drop(err)
		return
	}
	c := &sender{peer: p, id: id, claim: claimOf(p)}
	s.mu.Lock()
	s.of[p] = c
	s.byID[id] = append(s.byID[id], c)
	rivals := s.rivals(c)
	s.mu.Unlock()
	questions := make([]zmq.Question, len(rivals))
	for i, rival := range rivals {
		questions[i] = rival.peer.Ask()
	}
	until := time.Now().Add(s.patience)
	for i, rival := range rivals {
		if !lives(questions[i], until) {
			s.supersede(rival, p)
		}
	}
	s.admit(c)
}

// claimOf returns what is known of a peer.
func claimOf(p *zmq.Peer) message.Claim {
	c := delivery.ParseInstance(p.Property(delivery.InstanceProperty), p.Property(delivery.FirstProperty))
	if key := p.Key(); key != nil {
		c.Key = key.String()
		if user := p.User(); user != c.Key {
			c.Name = user
		}
	}
	return c
}

// rivals returns the admitted connections of other processes with the same id and owner. The caller holds mu.
func (s *Senders) rivals(c *sender) (others []*sender) {
	for _, other := range s.byID[c.id] {
		if other.admitted && other.claim.Instance != c.claim.Instance && other.claim.SameOwner(c.claim) {
			others = append(others, other)
		}
	}
	return others
}

// contested reports whether another process may give out the same numbers. One that only sends what a dead one has left
// may be there beside the living: a clone has the same messages, under the same numbers. The caller holds mu.
func (s *Senders) contested(c *sender) bool {
	return c.claim.Gives() && slices.ContainsFunc(s.rivals(c), func(other *sender) bool { return other.claim.Gives() })
}

// changed notes that a connection with an id has been admitted, or is no more. The caller holds mu.
func (s *Senders) changed(id delivery.SenderID) {
	for _, c := range s.byID[id] {
		c.judged = false
	}
}

// lives reports whether the peer that was asked answers in time. When the socket is closed, the peer is gone at once.
func lives(question zmq.Question, until time.Time) bool {
	deadline := time.NewTimer(time.Until(until))
	defer deadline.Stop()
	poll := time.NewTicker(answerPoll)
	defer poll.Stop()
	for {
		if life := question.Answer(); life != zmq.NotAnswered {
			return life == zmq.Alive
		}
		select {
		case <-poll.C:
		case <-deadline.C:
			return false
		}
	}
}

// supersede ends the connection of a dead sender whose successor is there. What it has sent and is not stored yet is
// not answered any more; the successor sends it.
func (s *Senders) supersede(dead *sender, successor *zmq.Peer) {
	s.mu.Lock()
	dead.admitted = false
	s.changed(dead.id)
	s.mu.Unlock()
	dead.peer.Drop(fmt.Errorf("%w from %s", errSuperseded, successor.Remote()))
}

var errSuperseded = errors.New("it did not answer, and the same sender has come again")

func (c *sender) name() string { return hex.EncodeToString(c.id[:]) }

// admit lets a connection's messages in. If another process with its id is there, both are refused from now on.
func (s *Senders) admit(c *sender) {
	s.mu.Lock()
	rivals, contested := s.rivals(c), s.contested(c)
	c.admitted = true
	s.changed(c.id)
	s.mu.Unlock()
	if len(rivals) == 0 {
		return
	}
	level, text := slog.LevelError, (&message.ClaimError{Kind: message.TwoSenders}).Error()
	if !contested {
		level, text = slog.LevelWarn, "two machines have this sender id, and one of them only sends what was left in its journal; "+
			"was one cloned from the other? Nothing is lost or stored twice"
	}
	s.logger.Write(level, text, "sender", c.name(), "peer", c.peer.Remote(), "user", c.claim.Owner(), "other", rivals[0].peer.Remote())
}

// Connected reports whether a sender, given by its id in hexadecimal digits, is connected.
func (s *Senders) Connected(sender string) bool {
	var id delivery.SenderID
	if n, err := hex.Decode(id[:], []byte(sender)); err != nil || n != len(id) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.byID[id]) > 0
}

// Down forgets a connection.
func (s *Senders) Down(p *zmq.Peer, _ error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.of[p]
	if c == nil {
		return
	}
	delete(s.of, p)
	contested := c.admitted && s.contested(c)
	s.changed(c.id)
	left := s.byID[c.id][:0]
	for _, other := range s.byID[c.id] {
		if other != c {
			left = append(left, other)
		}
	}
	if s.byID[c.id] = left; len(left) == 0 {
		delete(s.byID, c.id)
	} else if contested && !slices.ContainsFunc(left, s.contested) {
		s.logger.Write(slog.LevelInfo, "one of two senders with one id has gone", "sender", c.name(), "peer", p.Remote())
	}
}

// look returns a peer's claim, and whether its id is contested; nil if nothing of the peer is taken any more.
func (s *Senders) look(p *zmq.Peer) (claim *message.Claim, contested bool) {
	if reason := p.DropReason(); errors.Is(reason, errSuperseded) || errors.Is(reason, destination.ErrElsewhere) {
		return nil, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.of[p]
	if c == nil { // it has gone, and this is the last that it has sent
		claim := claimOf(p)
		return &claim, false
	}
	if !c.judged { // once, and not for each batch: many connections may have one id
		c.judged, c.contested = true, s.contested(c)
	}
	return &c.claim, c.contested
}
