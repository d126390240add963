// Package hub joins many publishers with many subscribers: an XSUB takes what comes in, an XPUB gives it to those who want it, as bytes that
// nobody looks into, and what nobody wants is not asked for (RFC 29, and libzmq's zmq_proxy).
//
//	publishers ─► XSUB ─► Hub ─► XPUB ─► subscribers
//	     ▲          │      │
//	     └─ wants ──┘      ├─► memory, for who subscribes late
//	                       └─► tap.Stream, for readers by HTTP
//
// A subscriber that is too slow misses messages, which is counted for it and said to it; it slows down nobody.
package hub

import (
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// Config is what a Hub needs to know.
type Config struct {
	In, Out     zmq.Config  // their types and callbacks are the hub's
	Replay      int         // how many messages of each topic a late subscriber gets; 0: none
	ReplayBytes int         // most bytes of memory for that
	Stream      *tap.Stream // gets everything, too; nil: there is none
}

// Hub is two sockets, In and Out, that its owner binds, connects and closes.
type Hub struct {
	In, Out *zmq.Socket

	stream   *tap.Stream
	received atomic.Uint64
	gone     atomic.Uint64 // messages that publishers have said to be missing

	greedy bool // everything is asked for, whoever wants it

	mu      sync.Mutex // the memory and what is published change together
	memory  *memory    // nil: there is none
	refused map[subscription]bool
}

// subscription is one that publishers were not asked for by itself, but for everything.
type subscription struct {
	peer   *zmq.Peer
	prefix string
}

// New makes a hub.
func New(cfg Config) (*Hub, error) {
	h := &Hub{stream: cfg.Stream, refused: make(map[subscription]bool)}
	h.greedy = cfg.Replay > 0 || cfg.Stream != nil
	if cfg.Replay > 0 {
		h.memory = newMemory(cfg.Replay, cfg.ReplayBytes)
	}
	if h.greedy {
		cfg.In.Subscribe = []string{""}
	}
	cfg.In.Type, cfg.In.OnReceive = zmq.XSub, h.forward
	cfg.Out.Type, cfg.Out.OnSubscription = zmq.XPub, h.change
	cfg.In.OnMissed = func(_ *zmq.Peer, n uint64) { h.gone.Add(n) }
	if h.stream != nil {
		tap.Watch(h.stream, &cfg.In)
	}
	var err error
	if h.Out, err = zmq.New(cfg.Out); err != nil {
		return nil, err
	}
	h.In, err = zmq.New(cfg.In)
	return h, err
}

// Counters returns the totals: what subscribers and readers have missed is added up.
func (h *Hub) Counters() tap.Counters {
	c := tap.Counters{Received: h.received.Load(), Gone: h.gone.Load(), Missed: h.Out.Dropped()}
	if h.stream != nil {
		of := h.stream.Counters()
		c.Gone, c.Missed = of.Gone, c.Missed+of.Missed
	}
	return c
}

// forward takes what a publisher has sent.
func (h *Hub) forward(b *zmq.Batch) {
	h.received.Add(uint64(b.Len()))
	if h.memory == nil {
		h.Out.Forward(b)
	} else {
		h.mu.Lock()
		h.memory.add(b)
		h.Out.Forward(b)
		h.mu.Unlock()
	}
	if h.stream != nil {
		h.stream.Publish(b)
	}
	b.Release()
	// The subscribers' turn: a flood would let this goroutine read on for whole time slices, and their queues run over meanwhile. Five times
	// as many messages arrive so (bench/run -rows hub-flood-own).
	runtime.Gosched()
}

// change makes a subscriber's subscription take effect, or its end.
func (h *Hub) change(p *zmq.Peer, prefix []byte, wanted bool, apply func()) {
	if wanted && h.memory != nil {
		h.mu.Lock()
		h.replay(p, prefix)
		apply()
		h.mu.Unlock()
		h.Out.Flush()
	} else {
		apply()
	}
	switch {
	case h.greedy:
	case wanted:
		if err := h.In.Subscribe(prefix); err != nil { // one subscriber can fill what there is room for: the others get theirs all the same
			h.remember(subscription{p, string(prefix)})
			h.In.Subscribe(nil) //nolint:errcheck // for that there is always room
		}
	case h.forget(subscription{p, string(prefix)}):
		h.In.Unsubscribe(nil)
	default:
		h.In.Unsubscribe(prefix)
	}
}

func (h *Hub) remember(s subscription) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refused[s] = true
}

// forget tells whether publishers were not asked for s by itself.
func (h *Hub) forget(s subscription) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	was := h.refused[s]
	delete(h.refused, s)
	return was
}

// replay gives a late subscriber what it now wants and did not before, in the order in which it came. When that is more than is held for it,
// the newest, and it is told how many are missing: there is no hole before what is published next.
func (h *Hub) replay(p *zmq.Peer, prefix []byte) {
	wanted := h.memory.find(func(topic []byte) bool { return !p.WantsAnyway(topic, prefix) }, prefix)
	if len(wanted) == 0 {
		return
	}
	given := newest(wanted, p.ReplayRoom())
	if n := len(wanted) - len(given); n > 0 {
		p.Miss(uint64(n))
	}
	for _, m := range given {
		p.Replay(m.frames()...) // it has the room, or is at its end
	}
}
