package zmq

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// How long a PUB or XPUB waits for the subscribers that it connects to.
//
// A publisher sends a subscriber what that one has asked for. A subscriber asks right after the handshake, which is a
// moment too late for a publisher that begins at once: what it publishes before that is lost, and nobody is told, since
// nobody had asked. rsyslog starts a new omzmq for each of its workers, which then begins at once.
//
// The waits are short, because a subscriber must not hold up its publisher: one that is away costs Config.Reaching at
// the start and nothing later, one that wants nothing costs asking. libzmq answers a PING before its application has
// subscribed, so that a PONG shows nothing here.
const (
	DefaultReaching = 3 * time.Second       // from the start on, for the handshake with each endpoint
	asking          = 2 * time.Second       // from the handshake on, for the first subscription
	further         = 50 * time.Millisecond // from a subscription on, for another one
)

// newcomers are the subscribers that a PUB or XPUB connects to and that may not have asked yet for all that they want.
// One that connects to us is never among them: it may come at any time, and what is published before that is not meant
// for it.
type newcomers struct {
	settled func()       // called when nothing is waited for any more; or nil
	run     func(func()) // runs settled in another goroutine
	waiting atomic.Bool

	mu       sync.Mutex
	missing  error // what is waited for; nil: nothing is
	timer    *time.Timer
	closed   bool            // the socket is
	deadline time.Time       // for reaching
	away     map[string]bool // endpoints that have not been reached since the start
	lookups  bool            // endpoints that are looked up have led to nobody since the start
	members  time.Time       // when one of them first led to somebody: others may follow
	peers    map[*Peer]*newcomer
}

// newcomer is when a peer came, and when it last asked for something.
type newcomer struct{ up, asked time.Time }

// Settled returns nil if all that the socket connects to have had the time to subscribe, otherwise what is waited for,
// which never takes longer than some seconds. Config.OnSettled is called when it has become nil. PUB and XPUB only.
func (s *Socket) Settled() error {
	if !s.newcomers.waiting.Load() {
		return nil
	}
	s.newcomers.mu.Lock()
	defer s.newcomers.mu.Unlock()
	return s.newcomers.missing
}

// awaited reports whether the peer is one that Settled waits for.
func (p *Peer) awaited() bool { return p.dialled != "" && p.socket.publishes() }

// publishes reports whether the socket is a PUB or XPUB.
func (s *Socket) publishes() bool { return s.cfg.Type == Pub || s.cfg.Type == XPub }

// change makes a change and finds out what is waited for then.
func (n *newcomers) change(do func(now time.Time)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return
	}
	now := time.Now()
	do(now)
	before := n.missing
	var wait time.Duration
	wait, n.missing = n.look(now)
	n.waiting.Store(n.missing != nil)
	switch {
	case n.missing == nil:
		n.peers = nil
		if before != nil && n.settled != nil {
			n.run(n.settled)
		}
	case n.timer == nil:
		n.timer = time.AfterFunc(wait, func() { n.change(func(time.Time) {}) })
	default:
		n.timer.Reset(wait)
	}
}

// close ends the waiting.
func (n *newcomers) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed, n.missing = true, nil
	n.waiting.Store(false)
	if n.timer != nil {
		n.timer.Stop()
	}
}

// look returns what is waited for, and for how long at most. The caller holds mu.
func (n *newcomers) look(now time.Time) (wait time.Duration, missing error) {
	if wait = n.deadline.Sub(now); wait > 0 {
		for endpoint := range n.away {
			return wait, fmt.Errorf("%s has not been reached yet", endpoint)
		}
		if n.lookups {
			return wait, errors.New("the name to connect to has led to nobody yet")
		}
	}
	if wait = n.members.Add(asking).Sub(now); wait > 0 {
		return wait, errors.New("the name to connect to may lead to more peers")
	}
	for p, of := range n.peers {
		if wait = of.complete().Sub(now); wait > 0 {
			return wait, fmt.Errorf("%s may not have subscribed to all that it wants yet", p.dialled)
		}
	}
	return 0, nil
}

// complete returns when the peer is taken to have asked for all that it wants.
func (n *newcomer) complete() time.Time {
	last := n.up.Add(asking)
	if quiet := n.asked.Add(further); !n.asked.IsZero() && quiet.Before(last) {
		return quiet
	}
	return last
}

// expect begins to wait for an endpoint. One that is looked up has no name of its own: "".
func (n *newcomers) expect(endpoint string, reaching time.Duration) {
	n.change(func(now time.Time) {
		if n.away == nil {
			n.away, n.deadline = make(map[string]bool), now.Add(reaching)
		}
		if endpoint == "" {
			n.lookups = true
		} else {
			n.away[endpoint] = true
		}
	})
}

// up is called when a peer's handshake has ended.
func (n *newcomers) up(p *Peer) {
	n.change(func(now time.Time) {
		if n.lookups && !n.away[p.dialled] {
			n.lookups, n.members = false, now
		}
		delete(n.away, p.dialled)
		if n.peers == nil {
			n.peers = make(map[*Peer]*newcomer)
		}
		n.peers[p] = &newcomer{up: now}
	})
}

// asked is called when a subscription of a peer has taken effect.
func (n *newcomers) asked(p *Peer) {
	if !n.waiting.Load() {
		return
	}
	n.change(func(now time.Time) {
		if of := n.peers[p]; of != nil {
			of.asked = now
		}
	})
}

// down is called when a peer is gone.
func (n *newcomers) down(p *Peer) { n.change(func(time.Time) { delete(n.peers, p) }) }
