package zmq

import (
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// counted is a connection that counts system calls and whose writes can be delayed.
type counted struct {
	net.Conn
	reads, writes atomic.Int64
	held          sync.Mutex
}

func (c *counted) Read(b []byte) (int, error) {
	c.reads.Add(1)
	return c.Conn.Read(b)
}

func (c *counted) Write(b []byte) (int, error) {
	c.held.Lock()
	defer c.held.Unlock()
	c.writes.Add(1)
	return c.Conn.Write(b)
}

// serveCounted has a socket serve a connection. It returns both ends of it.
func serveCounted(t *testing.T, s *Socket, typ string) (*counted, *raw) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	far := dialRaw(t, "tcp://"+l.Addr().String())
	near, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	conn := &counted{Conn: near}
	s.work.Go(func() { s.serve(conn, "counted", nil, false, 0) })
	far.say(greeting(3, 1, "NULL"), ready(typ))
	far.greeted()
	peers(t, s, 1)
	return conn, far
}

func TestWritesAreGathered(t *testing.T) {
	s := open(t, Config{Type: Push})
	conn, far := serveCounted(t, s, "PULL")
	before := conn.writes.Load()
	conn.held.Lock()
	for range 500 {
		s.Send(soon(t), []byte("one"), nil, []byte("three"))
	}
	conn.held.Unlock()
	if got := far.hear(500 * 14); got != strings.Repeat("\x01\x03one\x01\x00\x00\x05three", 500) {
		t.Errorf("heard %.40q...", got)
	}
	if writes := conn.writes.Load() - before; writes > 2 {
		t.Errorf("%d writes for 500 messages of 3 frames, of which 499 waited", writes)
	}
}

func TestReadsAreBuffered(t *testing.T) {
	s := open(t, Config{Type: Pull})
	conn, far := serveCounted(t, s, "PUSH")
	before := conn.reads.Load()
	far.say(strings.Repeat("\x01\x03one\x01\x00\x00\x05three", 250))
	for n := 0; n < 250; {
		b, err := s.Recv(soon(t))
		if err != nil {
			t.Fatal(err)
		}
		n += b.Len()
		b.Release()
	}
	if reads := conn.reads.Load() - before; reads > 25 {
		t.Errorf("%d reads for 250 messages of 3 frames", reads)
	}
}
