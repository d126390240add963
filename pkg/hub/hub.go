// Package hub joins many publishers with many subscribers: an XSUB receives messages, and an XPUB passes them
// on to the subscribers that want them, byte for byte. Publishers are asked only for what some subscriber
// wants (RFC 29, and libzmq's zmq_proxy).
//
//	publishers ─► XSUB ─► Hub ─► XPUB ─► subscribers
//	     ▲          │      │
//	     └─ wants ──┘      ├─► memory, for late subscribers
//	                       └─► tap.Stream, for readers over HTTP
//
// A subscriber that is too slow misses messages. They are counted, and the subscriber learns how many; no
// other subscriber is delayed. Subscribers also learn of what was lost before it came to the hub.
package hub

import (
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/hub/rights"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/listen"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// Config configures a Hub.
type Config struct {
	In, Out     zmq.Config  // New sets their types and callbacks
	Replay      int         // how many messages of each topic a late subscriber gets; 0: none
	ReplayBytes int         // most bytes of memory for them
	Stream      *tap.Stream // also gets every message; nil: there is none

	// Rights say what the peers may publish and subscribe to, by their names (zmq.Peer.User), whoever has connected to
	// whom; nil: everything. A peer that has proved nothing has no name, and may do nothing.
	Rights *rights.Rights
}

// Hub is two sockets, In and Out, which the caller binds, connects and closes.
type Hub struct {
	In, Out *zmq.Socket

	stream    *tap.Stream
	lanes     *listen.Lanes // those of Out and of whoever serves the stream
	idleLanes sync.Pool
	received  atomic.Uint64
	gone      atomic.Uint64 // messages that publishers have reported as dropped
	rights    atomic.Pointer[rights.Rights]

	greedy bool // publishers are asked for everything, whatever the subscribers want

	replays sync.Mutex // held during a replay, and locked before mu

	// Also held while messages are remembered and passed on, so that each step of a replay falls between two batches.
	mu      sync.Mutex
	memory  *memory               // nil: nothing is remembered
	refused map[subscription]bool // those that did not fit into In; each asks publishers for more instead: see ask
}

// New returns a hub whose sockets are not bound or connected yet.
func New(cfg Config) (*Hub, error) {
	h := &Hub{stream: cfg.Stream, lanes: cfg.Out.Lanes, refused: make(map[subscription]bool)}
	h.greedy = cfg.Replay > 0 || cfg.Stream != nil
	if cfg.Replay > 0 {
		h.memory = newMemory(cfg.Replay, cfg.ReplayBytes)
	}
	if h.greedy {
		cfg.In.Subscribe = []string{""}
	}
	cfg.In.Type, cfg.In.OnReceive = zmq.XSub, h.forward
	cfg.Out.Type, cfg.Out.OnSubscription = zmq.XPub, h.change
	tap.Watch(&cfg.In, h.report)
	if cfg.Rights != nil {
		h.rights.Store(cfg.Rights)
		cfg.In.Allow, cfg.Out.Allow = h.mayPublish, h.maySubscribe
	}
	var err error
	if h.Out, err = zmq.New(cfg.Out); err != nil {
		return nil, err
	}
	h.In, err = zmq.New(cfg.In)
	return h, err
}

// Counters returns the totals. Missed is the sum over all subscribers and readers.
func (h *Hub) Counters() tap.Counters {
	c := tap.Counters{Received: h.received.Load(), Gone: h.gone.Load(), Missed: h.Out.Dropped()}
	if h.stream != nil {
		of := h.stream.Counters()
		c.Gone, c.Missed = of.Gone, c.Missed+of.Missed
	}
	return c
}

// forward passes on what a publisher has sent.
func (h *Hub) forward(b *zmq.Batch) {
	h.received.Add(uint64(b.Len()))
	lane := h.lane()
	waited := lane.Ahead()
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
	lane.Leave()
	h.idleLanes.Put(lane)
	if !waited {
		// Let the subscribers' goroutines run: in a flood this goroutine would read on for whole time slices
		// while their queues overflow. With this line, five times as many messages arrive (bench/run -rows
		// hub-flood-own).
		runtime.Gosched()
	}
}

// report passes on that messages were lost, in their place: what p has sent before was passed on before.
func (h *Hub) report(p *zmq.Peer, g tap.Gap) {
	if h.stream != nil {
		h.stream.Report(g)
	} else {
		h.gone.Add(g.Count)
	}
	h.Out.Lost(g.Count, p.Allowed())
}

// lane returns a place from which to go ahead of those that write.
func (h *Hub) lane() *listen.Lane {
	if lane, ok := h.idleLanes.Get().(*listen.Lane); ok {
		return lane
	}
	return h.lanes.Lane()
}

// change applies a subscriber's subscription or its cancellation.
func (h *Hub) change(p *zmq.Peer, prefix []byte, wanted bool, apply func()) {
	if wanted && h.memory != nil {
		h.replay(p, prefix, apply)
		p.Flush()
	} else {
		apply()
	}
	switch {
	case h.greedy:
	case wanted:
		h.ask(p, prefix)
	default:
		h.unask(p, prefix)
	}
}
