package integration

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// proxy is a TCP hop between a program and the port it connects to. It can cut connections and hold their
// bytes back.
type proxy struct {
	to       string // port
	relp     bool   // the program is omrelp: it waits while nothing listens there, and wants prompt ACKs
	listener net.Listener
	work     sync.WaitGroup
	held     atomic.Int32 // connections on which mute holds a reply back

	mu      sync.Mutex
	conns   map[*net.TCPConn]bool
	open    chan struct{} // closed while bytes may pass
	replies chan struct{} // closed while bytes may pass from the port back to the program
	ended   bool
}

func startProxy(t *testing.T, to string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{to: to, listener: l, conns: map[*net.TCPConn]bool{}, open: make(chan struct{}), replies: make(chan struct{})}
	p.resume()
	p.work.Go(p.accept)
	t.Cleanup(p.end)
	return p
}

func (p *proxy) address() string { return p.listener.Addr().String() }

func (p *proxy) endpoint() string { return "tcp://" + p.address() }

func (p *proxy) accept() {
	for {
		in, err := p.listener.Accept()
		if err != nil {
			return // closed by end
		}
		out, err := p.dial()
		if err != nil {
			in.Close() // nothing listens there: the program must see that
			continue
		}
		a, b := in.(*net.TCPConn), out.(*net.TCPConn)
		if !p.enter(a, b) {
			return
		}
		p.work.Go(func() { p.pass(a, b, false) })
		p.work.Go(func() { p.pass(b, a, true) })
	}
}

func (p *proxy) dial() (net.Conn, error) {
	for {
		out, err := net.Dial("tcp", "127.0.0.1:"+p.to)
		p.mu.Lock()
		tries := err != nil && p.relp && !p.ended
		p.mu.Unlock()
		if !tries {
			return out, err
		}
		<-time.After(5 * time.Millisecond)
	}
}

// enter records a pair of connections so that cut finds them. It closes them and returns false if the proxy
// has ended.
func (p *proxy) enter(a, b *net.TCPConn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		a.Close()
		b.Close()
		return false
	}
	p.conns[a], p.conns[b] = true, true
	return true
}

// pass copies bytes one way and closes both ends when either is gone. It copies small pieces, so that cuts
// fall in the middle of messages.
func (p *proxy) pass(from, to *net.TCPConn, back bool) {
	piece := make([]byte, 4096)
	raw, _ := from.SyscallConn() // a TCP connection has one
	for {
		if p.relp {
			raw.Control(func(fd uintptr) { //nolint:errcheck // Read tells
				unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1) //nolint:errcheck // without it, it is slow
			})
		}
		n, err := from.Read(piece)
		p.mu.Lock()
		open, replies := p.open, p.replies
		p.mu.Unlock()
		<-open
		if back {
			p.held.Add(1)
			<-replies
			p.held.Add(-1)
		}
		if n > 0 {
			if _, lost := to.Write(piece[:n]); lost != nil {
				break
			}
		}
		if err != nil {
			break
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	from.Close()
	to.Close()
	delete(p.conns, from)
	delete(p.conns, to)
}

// cut closes every connection and returns how many there were. With reset, the kernels also discard what is in
// flight.
func (p *proxy) cut(reset bool) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.conns) / 2
	for c := range p.conns {
		if reset {
			c.SetLinger(0) //nolint:errcheck // it may have ended
		}
		c.Close()
	}
	clear(p.conns)
	return n
}

// stall holds every byte back until resume. It returns false if the proxy was stalled already.
func (p *proxy) stall() bool { return p.shut(&p.open) }

// mute holds back, until resume, only what comes from the port: the program's requests arrive there, and the replies do
// not reach the program.
func (p *proxy) mute() bool { return p.shut(&p.replies) }

func (p *proxy) shut(gate *chan struct{}) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-*gate:
		*gate = make(chan struct{})
		return true
	default:
		return false
	}
}

func (p *proxy) resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, gate := range []chan struct{}{p.open, p.replies} {
		select {
		case <-gate:
		default:
			close(gate)
		}
	}
}

func (p *proxy) end() {
	p.mu.Lock()
	p.ended = true
	p.mu.Unlock()
	p.listener.Close()
	p.resume()
	p.cut(false)
	p.work.Wait()
}
