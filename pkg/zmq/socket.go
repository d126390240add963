package zmq

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

var errClosed = errors.New("the socket is closed")

// ErrClosed is returned by what needs an open Socket.
var ErrClosed = errClosed

// farewell is how long an ending connection waits for the peer to have read what was written to it.
const farewell = time.Second

// Socket is a ZeroMQ socket. Its methods may be called from any goroutine.
type Socket struct {
	cfg    Config
	ctx    context.Context // ends dialling and listening
	stop   context.CancelFunc
	done   chan struct{} // closed: connections end at once
	work   sync.WaitGroup
	in     chan *Batch
	reject limitedLog

	mu        sync.Mutex
	peers     []*Peer
	next      int           // whose turn it is
	waiting   chan struct{} // closed at the next progress, when somebody waits
	listeners []net.Listener
	closed    bool
}

// New makes a socket without endpoints.
func New(cfg Config) (*Socket, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	s := &Socket{cfg: cfg, in: make(chan *Batch), done: make(chan struct{}), reject: limitedLog{logger: cfg.Logger}}
	s.ctx, s.stop = context.WithCancel(context.Background())
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
	case Pub:
		s.upstream(b)
		return
	}
	if s.cfg.OnReceive != nil {
		s.cfg.OnReceive(b)
		return
	}
	select {
	case s.in <- b:
	case <-s.done:
		b.Release()
	}
}

// Close ends the socket: no more dialling and listening, then what is queued is written until ctx ends, then
// the connections are closed. It returns how many messages were still queued for peers that did not take them.
func (s *Socket) Close(ctx context.Context) (unwritten int) {
	s.stop()
	s.mu.Lock()
	s.closed = true
	for _, l := range s.listeners {
		l.Close()
	}
	s.mu.Unlock()
	for s.Flush(); ; {
		progress := s.Progress()
		if s.drained() {
			break
		}
		select {
		case <-progress:
			continue
		case <-ctx.Done():
		}
		break
	}
	unwritten = s.bidFarewell(ctx)
	close(s.done)
	s.mu.Lock()
	for _, p := range s.peers {
		p.conn.Close()
	}
	s.mu.Unlock()
	s.work.Wait()
	return unwritten
}

// bidFarewell lets the peers read to the end what has been written to them: closing a TCP connection
// with unread bytes in it would make the kernel take back what the peer has not read yet.
func (s *Socket) bidFarewell(ctx context.Context) (unwritten int) {
	s.mu.Lock()
	for _, p := range s.peers {
		p.mu.Lock()
		unwritten += p.queued
		p.mu.Unlock()
		if half, ok := p.conn.(interface{ CloseWrite() error }); ok && p.Written() > 0 {
			half.CloseWrite() // an error means that the connection is gone, which readLoop has seen, too
		}
	}
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, farewell)
	defer cancel()
	for {
		progress := s.Progress()
		if !s.anyWritten() {
			return unwritten
		}
		select {
		case <-progress:
		case <-ctx.Done():
			return unwritten
		}
	}
}

func (s *Socket) anyWritten() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.peers {
		if p.Written() > 0 {
			return true
		}
	}
	return false
}

func (s *Socket) drained() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.peers {
		if !p.drained() {
			return false
		}
	}
	return true
}

// Progress returns a channel that is closed when next a peer comes or goes or has taken messages. To wait
// for a condition, get the channel before looking at the condition.
func (s *Socket) Progress() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting == nil {
		s.waiting = make(chan struct{})
	}
	return s.waiting
}

func (s *Socket) progress() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting != nil {
		close(s.waiting)
		s.waiting = nil
	}
}

// serve runs one connection from the handshake to its end. established tells whether it got past the handshake.
func (s *Socket) serve(conn net.Conn, endpoint string) (established bool, err error) {
	defer conn.Close()
	undo := context.AfterFunc(s.ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	settled, err := handshake(conn, s.cfg.Type, s.cfg.Identity, s.cfg.HandshakeTimeout)
	if !undo() && err == nil {
		err = errClosed
	}
	if err != nil {
		return false, err
	}
	p := newPeer(s, conn, endpoint, settled)
	if !s.add(p) {
		return false, errClosed
	}
	if s.cfg.OnUp != nil {
		s.cfg.OnUp(p)
	}
	s.progress()
	writer := make(chan error, 1)
	go func() {
		err := p.writeLoop()
		writer <- err
		conn.Close() // ends readLoop
	}()
	err = p.readLoop()
	s.remove(p)
	dropped := p.leave()
	conn.Close()
	if writeErr := <-writer; errors.Is(err, net.ErrClosed) {
		err = writeErr // the writer was first, or somebody dropped the peer
	}
	if dropped != nil {
		err = dropped
	}
	if s.cfg.OnDown != nil {
		s.cfg.OnDown(p, err)
	}
	s.progress()
	return true, err
}

func (s *Socket) add(p *Peer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.peers = append(s.peers, p)
	return true
}

func (s *Socket) remove(p *Peer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, other := range s.peers {
		if other == p {
			s.peers = append(s.peers[:i], s.peers[i+1:]...)
			break
		}
	}
}

// bindError says what to do about an address that is taken.
func bindError(endpoint string, err error) error {
	if isAddrInUse(err) {
		return fmt.Errorf("cannot bind %s: another process holds it (under omprog, several workers need forceSingleInstance=\"on\"): %w", endpoint, err)
	}
	return fmt.Errorf("cannot bind %s: %w", endpoint, err)
}
