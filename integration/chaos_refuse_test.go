package integration

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/relp"
)

// refuser is a RELP hop between imzmq and imrelp. While it refuses, it answers each message itself, with 500.
type refuser struct {
	to       string // port
	listener net.Listener
	refuses  atomic.Bool
	refused  atomic.Int64 // messages
	work     sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]bool
	ended bool
}

func startRefuser(t *testing.T, to string) *refuser {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &refuser{to: to, listener: l, conns: map[net.Conn]bool{}}
	r.work.Go(r.accept)
	t.Cleanup(r.end)
	return r
}

func (r *refuser) address() string { return r.listener.Addr().String() }

func (r *refuser) accept() {
	for {
		in, err := r.listener.Accept()
		if err != nil {
			return // closed by end
		}
		out, err := net.Dial("tcp", "127.0.0.1:"+r.to)
		if err != nil {
			in.Close() // nothing listens there: imzmq must see that
			continue
		}
		if !r.enter(in, out) {
			return
		}
		var answers sync.Mutex
		r.work.Go(func() {
			r.pass(in, out, func(f relp.Frame, frame []byte) error { return r.forward(f, frame, in, out, &answers) })
		})
		r.work.Go(func() {
			r.pass(out, in, func(_ relp.Frame, frame []byte) error { return write(in, frame, &answers) })
		})
	}
}

// enter records a pair of connections. It closes them and returns false if the refuser has ended.
func (r *refuser) enter(a, b net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		a.Close()
		b.Close()
		return false
	}
	r.conns[a], r.conns[b] = true, true
	return true
}

// forward passes a request on, or refuses it.
func (r *refuser) forward(f relp.Frame, frame []byte, in, out net.Conn, answers *sync.Mutex) error {
	if !r.refuses.Load() || string(f.Command) != "syslog" {
		_, err := out.Write(frame)
		return err
	}
	r.refused.Add(1)
	return write(in, relp.AppendFrame(nil, f.Txnr, "rsp", []byte("500 chaos")), answers)
}

// write sends one answer; two goroutines do.
func write(to net.Conn, frame []byte, lock *sync.Mutex) error {
	lock.Lock()
	defer lock.Unlock()
	_, err := to.Write(frame)
	return err
}

// pass reads frames until it cannot, or do fails, and closes both ends.
func (r *refuser) pass(from, to net.Conn, do func(f relp.Frame, frame []byte) error) {
	eachFrame(from, do) //nolint:errcheck // the end of a connection
	r.mu.Lock()
	defer r.mu.Unlock()
	from.Close()
	to.Close()
	delete(r.conns, from)
	delete(r.conns, to)
}

func eachFrame(from io.Reader, do func(f relp.Frame, frame []byte) error) error {
	var got []byte
	piece := make([]byte, 16<<10)
	for {
		n, ended := from.Read(piece)
		got = append(got, piece[:n]...)
		for {
			f, size, err := relp.Parse(got, 1<<20)
			if errors.Is(err, relp.ErrShort) {
				break
			}
			if err != nil {
				return err
			}
			if err := do(f, got[:size]); err != nil {
				return err
			}
			got = got[size:]
		}
		if ended != nil {
			return ended
		}
	}
}

func (r *refuser) end() {
	r.mu.Lock()
	r.ended = true
	for c := range r.conns {
		c.Close()
	}
	r.mu.Unlock()
	r.listener.Close()
	r.work.Wait()
}
