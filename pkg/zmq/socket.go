package zmq

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/prefix"
)

var errClosed = errors.New("the socket is closed")

// ErrClosed is returned by what needs an open Socket.
var ErrClosed = errClosed

// Socket is a ZeroMQ socket. Its methods may be called from any goroutine.
type Socket struct {
	cfg      Config
	audience audience        // a PUB's or XPUB's
	dropped  atomic.Uint64   // messages that its subscribers were too slow to get
	ctx      context.Context // ends dialling, listening and handshakes
	stop     context.CancelFunc
	deaf     chan struct{} // closed: what comes in is thrown away
	done     chan struct{} // closed: connections end at once
	work     sync.WaitGroup
	in       chan *Batch
	log      limitedLog // for what strangers can cause
	slow     limitedLog // for what slow subscribers miss

	waitMu  sync.Mutex
	waiting chan struct{} // closed at the next progress, when somebody waits

	count atomic.Int32 // of peers

	mu        sync.Mutex
	peers     []*Peer
	next      int        // whose turn it is
	wanted    prefix.Set // a SUB's, which is never changed, or an XSUB's
	listeners []net.Listener
	closed    bool // nothing more is sent, dialled or listened for
	closing   bool // Close was called

	members map[string]*member // by endpoint: what names that are looked up lead to; mu guards it
}

// New makes a socket without endpoints.
func New(cfg Config) (*Socket, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	s := &Socket{cfg: cfg, in: make(chan *Batch), deaf: make(chan struct{}), done: make(chan struct{})}
	s.log.logger, s.slow.logger = cfg.Logger, cfg.Logger
	s.ctx, s.stop = context.WithCancel(context.Background())
	if cfg.Type != Sub && cfg.Type != XSub {
		return s, nil
	}
	for _, prefix := range cfg.Subscribe {
		if _, err := s.wanted.Add([]byte(prefix)); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Peers is the number of live connections.
func (s *Socket) Peers() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.peers)
}

// Recv returns the next batch that a peer has sent; peers take turns. It blocks until there is one, ctx ends
// or the socket is closed (ErrClosed). The caller releases the batch. It is not used when Config.OnReceive is set.
func (s *Socket) Recv(ctx context.Context) (*Batch, error) {
	select {
	case b := <-s.in:
		return b, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.done:
		return nil, errClosed
	}
}

// TryRecv is Recv without waiting: nil when there is nothing at the moment.
func (s *Socket) TryRecv() *Batch {
	select {
	case b := <-s.in:
		return b
	default:
		return nil
	}
}

// Incoming is Recv's channel, for a select.
func (s *Socket) Incoming() <-chan *Batch { return s.in }

// receive hands a batch to whom it may concern. It blocks while nobody receives, and so holds back the peer.
func (s *Socket) receive(b *Batch) {
	switch s.cfg.Type {
	case Push:
		b.Release() // a PULL has nothing to say
		return
	case Pub, XPub:
		s.upstream(b)
		return
	}
	if s.cfg.OnReceive != nil {
		s.cfg.OnReceive(b)
		return
	}
	select {
	case s.in <- b:
		// The others' turn: the scheduler would let this peer and who receives wake each other for a whole time slice.
		runtime.Gosched()
	case <-s.deaf:
		b.Release()
	}
}

// Progress returns a channel that is closed when next a peer comes or goes or has taken messages. To wait
// for a condition, get the channel before looking at the condition.
func (s *Socket) Progress() <-chan struct{} {
	s.waitMu.Lock()
	defer s.waitMu.Unlock()
	if s.waiting == nil {
		s.waiting = make(chan struct{})
	}
	return s.waiting
}

// await waits until condition holds or ctx ends. The condition is looked at after each progress.
func (s *Socket) await(ctx context.Context, condition func() bool) {
	for {
		progress := s.Progress()
		if condition() {
			return
		}
		select {
		case <-progress:
		case <-ctx.Done():
			return
		}
	}
}

func (s *Socket) progress() {
	s.waitMu.Lock()
	defer s.waitMu.Unlock()
	if s.waiting != nil {
		close(s.waiting)
		s.waiting = nil
	}
}

// serve runs one connection from the handshake to its end. established tells whether it got past the handshake.
func (s *Socket) serve(conn net.Conn, endpoint string, dialled bool) (established bool, err error) {
	defer conn.Close()
	undo := context.AfterFunc(s.ctx, func() { conn.Close() })
	settled, err := handshake(conn, s.cfg.Type, s.cfg.Identity, s.cfg.HandshakeTimeout)
	if !undo() && err == nil {
		err = errClosed
	}
	if err != nil {
		return false, err
	}
	p := newPeer(s, conn, endpoint, settled)
	if dialled {
		p.dialled = endpoint
	}
	if !s.add(p) {
		return false, errClosed
	}
	s.log.log(slog.LevelInfo, "peer connected", "endpoint", endpoint, "peer", p.remote)
	if s.cfg.OnUp != nil {
		s.cfg.OnUp(p)
	}
	s.progress()
	err = p.run()
	s.forget(p)
	if s.cfg.OnDown != nil {
		s.cfg.OnDown(p, err)
	}
	s.progress()
	return true, err
}

// run reads and writes until the connection ends, and returns why.
func (p *Peer) run() error {
	written := make(chan error, 1)
	go func() {
		err := p.writeLoop()
		p.end() // now: the reader may be waiting for somebody to receive
		written <- err
		p.conn.Close() // ends readLoop
	}()
	err := p.readLoop()
	dropped := p.end()
	p.conn.Close() // ends writeLoop
	if writeErr := <-written; errors.Is(err, net.ErrClosed) {
		err = writeErr // the writer was first, or somebody dropped the peer
	}
	if dropped != nil {
		err = &dropError{dropped}
	}
	return err
}

// end takes the peer out of the socket and lets nothing more in. It returns why the peer was dropped, if it was.
func (p *Peer) end() error {
	p.socket.remove(p)
	reason := p.leave()
	p.socket.progress()
	return reason
}

func (s *Socket) add(p *Peer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.peers = append(s.peers, p)
	s.count.Store(int32(len(s.peers)))
	s.ask(p)
	return true
}

func (s *Socket) remove(p *Peer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, other := range s.peers {
		if other == p {
			s.peers = slices.Delete(s.peers, i, i+1)
			s.count.Store(int32(len(s.peers)))
			return
		}
	}
}

// QueueBytes is how many bytes a peer's queue takes at the moment: less the more peers there are.
func (s *Socket) QueueBytes() int {
	return min(maxQueueBytes, max(minQueueBytes, maxQueuesBytes/max(1, int(s.count.Load()))))
}

// bindError says what to do about an address that is taken.
func bindError(endpoint string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("cannot bind %s: another process holds it: %w", endpoint, err)
	}
	return fmt.Errorf("cannot bind %s: %w", endpoint, err)
}
