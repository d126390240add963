package zmq

import (
	"io"
	"net"
	"path/filepath"
	"testing"
)

// acknowledging makes a PUSH whose only peer the test reads for.
func acknowledging(t *testing.T, endpoint string) (*Peer, *raw) {
	t.Helper()
	s := open(t, Config{Type: Push})
	at, err := s.Bind(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	r := peerRaw(t, at, "PULL", 1)
	peers(t, s, 1)
	return peer(s, 0), r
}

// fill sends until the peer's queue is full, and returns how many messages the peer was given.
func fill(p *Peer) (given uint64) {
	for body := make([]byte, 10_000); p.Send(body); {
		given++
	}
	return given
}

func TestAcknowledgedByTCP(t *testing.T) {
	p, r := acknowledging(t, "tcp://127.0.0.1:0")
	p.Send([]byte("one"))
	eventually(t, "the kernel's acknowledgement", func() bool { return p.Acknowledged(1) })
	if p.Acknowledged(2) {
		t.Error("a message that was never given is acknowledged")
	}
	given := 1 + fill(p)
	if p.Acknowledged(given) {
		t.Error("more is acknowledged than the peer's kernel holds")
	}
	go io.Copy(io.Discard, r) // until the end of the test
	eventually(t, "the rest", func() bool { return p.Acknowledged(given) })
}

// Bytes are under way for as long as the peer's kernel has not acknowledged them; those that it has are counted.
func TestSendProgress(t *testing.T) {
	p, r := acknowledging(t, "tcp://127.0.0.1:0")
	idle := func() bool {
		_, underway := sendProgress(p.conn)
		return !underway
	}
	eventually(t, "an idle connection", idle)
	before, _ := sendProgress(p.conn)
	p.Send(make([]byte, 1000))
	eventually(t, "an idle connection", func() bool { return p.Acknowledged(1) && idle() })
	if after, _ := sendProgress(p.conn); after != before+1009 {
		t.Errorf("%d bytes of 1009 were acknowledged", after-before)
	}
	fill(p)
	eventually(t, "bytes under way", func() bool { return !idle() }) // and they stay so: the peer does not read
	go io.Copy(io.Discard, r)                                        // until the end of the test
	eventually(t, "an idle connection", idle)
}

// Over a Unix socket, what the peer's process has not read is lost with it.
func TestAcknowledgedByAUnixSocket(t *testing.T) {
	p, r := acknowledging(t, "ipc://"+filepath.Join(t.TempDir(), "s"))
	p.Send([]byte("one"))
	eventually(t, "the write", func() bool { return p.Written() == 1 })
	if p.Acknowledged(1) {
		t.Error("acknowledged before it was read")
	}
	r.frame()
	eventually(t, "the read", func() bool { return p.Acknowledged(1) })
}

// A dead connection has nothing under way, which must not be taken for an acknowledgement.
func TestDeathIsNoAcknowledgement(t *testing.T) {
	for _, kind := range []string{"tcp://127.0.0.1:0", "ipc://" + filepath.Join(t.TempDir(), "s")} {
		p, r := acknowledging(t, kind)
		p.Send([]byte("one"))
		eventually(t, "the write", func() bool { return p.Written() == 1 })
		if tcp, ok := r.Conn.(*net.TCPConn); ok {
			fill(p)
			tcp.SetLinger(0)
		}
		given := p.Written()
		r.Close()
		for {
			if p.Acknowledged(given) {
				t.Errorf("%s: a dead peer has acknowledged", kind)
			}
			if _, _, closed := p.outbox.state(); closed {
				break
			}
		}
	}
}
