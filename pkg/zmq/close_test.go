package zmq

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// listenRaw listens until the test ends and calls serve for each connection, in a goroutine of its own.
func listenRaw(t testing.TB, serve func(r *raw)) (at string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { conn.Close() })
			go serve(&raw{Conn: conn, t: t, mayEnd: true})
		}
	}()
	return "tcp://" + l.Addr().String()
}

// Everything queued is written, and read by the peer, before Close returns.
func TestCloseLingers(t *testing.T) {
	const messages, size = 500, 5000
	s, at := bound(t, Config{Type: Push, HWM: messages})
	r := peerRaw(t, at, "PULL", 1)
	peers(t, s, 1)
	for range messages {
		if err := s.Send(soon(t), make([]byte, size)); err != nil { // they fit into the queue and the kernels
			t.Fatal(err)
		}
	}
	var read atomic.Int64
	go func() {
		defer r.Close()
		n, _ := io.Copy(io.Discard, r)
		read.Store(n)
	}()
	if unwritten := s.Close(soon(t)); unwritten != 0 {
		t.Errorf("%d messages were not written", unwritten)
	}
	if want := int64(messages * (9 + size)); read.Load() != want {
		t.Errorf("the peer has read %d of %d bytes", read.Load(), want)
	}
}

// A peer that does not read delays Close until ctx ends, and the messages that were not written to it are counted.
func TestCloseWithAStalledPeer(t *testing.T) {
	s, at := bound(t, Config{Type: Push})
	peerRaw(t, at, "PULL", 1)
	peers(t, s, 1)
	sent := 0
	for body := make([]byte, 100_000); s.Queue(body) != nil; s.Flush() {
		sent++
		if sent > 10_000 {
			t.Fatal("the queue has no end")
		}
	}
	p := peer(s, 0)
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	unwritten := s.Close(ctx)
	if ctx.Err() == nil || unwritten == 0 || unwritten+int(p.Written()) < sent {
		t.Errorf("%d unwritten, %d written, %d sent, %v", unwritten, p.Written(), sent, ctx.Err())
	}
	if left := leftOver(); left != "" {
		t.Errorf("left over:\n%s", left)
	}
}

// Close waits for as long as a peer's kernel does not have everything, and until the peer ends the connection.
func TestCloseWaitsForAPeerThatIsBehind(t *testing.T) {
	inGroup(t, Config{Type: Push}, func(t *testing.T, g *group) {
		r := g.joined(g.member("PULL"))
		if err := g.Send(soon(t), []byte("m")); err != nil {
			t.Fatal(err)
		}
		r.frame()
		const slow = 10 * defaultFarewell
		go func() {
			time.Sleep(slow)
			r.Close()
		}()
		began := time.Now()
		if unwritten := g.Close(context.Background()); unwritten != 0 || time.Since(began) != slow {
			t.Errorf("%d unwritten after %v", unwritten, time.Since(began))
		}
	})
}

// Close leaves the connection open while the peer has not ended it, even if the peer's kernel has everything.
func TestCloseGivesThePeerTimeToRead(t *testing.T) {
	s, at := bound(t, Config{Type: Dealer, farewell: time.Hour})
	r := peerRaw(t, at, "DEALER", 1)
	peers(t, s, 1)
	if err := s.Send(soon(t), []byte("m")); err != nil {
		t.Fatal(err)
	}
	r.frame()
	eventually(t, "the acknowledgement", func() bool { return peer(s, 0).Acknowledged(1) })
	closed := make(chan int)
	go func() { closed <- s.Close(context.Background()) }()
	if heard := r.ended(); heard != "" {
		t.Errorf("heard %q", heard)
	}
	for range 50 { // writing to a closed connection soon fails
		r.say("\x00\x01x")
		<-time.After(2 * time.Millisecond)
	}
	r.Close()
	if unwritten := <-closed; unwritten != 0 {
		t.Errorf("%d unwritten", unwritten)
	}
}

// A peer that still sends gets everything, too, although a connection that is closed with unread bytes in it is
// reset.
func TestCloseWhileThePeerTalks(t *testing.T) {
	s, at := bound(t, Config{Type: Dealer})
	r := peerRaw(t, at, "DEALER", 1)
	peers(t, s, 1)
	go func() {
		for flood := longFrame(0, 60_000) + string(make([]byte, 60_000)); ; {
			if _, err := io.WriteString(r, flood); err != nil {
				return
			}
		}
	}()
	read := make(chan int64, 1)
	go func() {
		n, _ := io.Copy(io.Discard, r)
		r.Close()
		read <- n
	}()
	for range 200 { // nothing receives at this end
		if err := s.Send(soon(t), make([]byte, 50_000)); err != nil {
			t.Fatal(err)
		}
	}
	if unwritten := s.Close(soon(t)); unwritten != 0 {
		t.Errorf("%d messages were not written", unwritten)
	}
	if n := <-read; n != 200*50_009 {
		t.Errorf("the peer has read %d bytes", n)
	}
}

func TestClosedSocket(t *testing.T) {
	s, at := bound(t, Config{Type: Dealer})
	r := peerRaw(t, at, "DEALER", 1)
	r.say("\x00\x08unwanted") // its reader waits for a receiver
	peers(t, s, 1)
	p := peer(s, 0)
	var closing sync.WaitGroup
	for range 3 {
		closing.Go(func() { s.Close(context.Background()) })
	}
	closing.Wait()
	ctx := soon(t)
	if s.Queue([]byte("m")) != nil || p.Send([]byte("m")) || s.TryRecv() != nil || s.Peers() != 0 {
		t.Error("the socket still works")
	}
	s.Publish([]byte("m"))
	s.Flush()
	_, recvErr := s.Recv(ctx)
	_, bindErr := s.Bind("tcp://127.0.0.1:0")
	for _, err := range []error{s.Send(ctx, []byte("m")), recvErr, bindErr, s.Connect(at)} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("not ErrClosed: %v", err)
		}
	}
}

func TestCloseEndsThoseWhoWait(t *testing.T) {
	s, at := bound(t, Config{Type: Dealer})
	ended := make(chan error, 2)
	go func() { ended <- s.Send(context.Background(), []byte("m")) }()
	go func() {
		_, err := s.Recv(context.Background())
		ended <- err
	}()
	dialRaw(t, at)
	s.Close(context.Background())
	for range 2 {
		if err := <-ended; !errors.Is(err, ErrClosed) {
			t.Errorf("not ErrClosed: %v", err)
		}
	}
}

// While Close waits for one peer, messages of others are still received, and no message to be sent is accepted.
func TestLingeringSocketStillReceives(t *testing.T) {
	s, at := bound(t, Config{Type: Dealer, farewell: 20 * time.Millisecond})
	stalled := peerRaw(t, at, "DEALER", 1)
	peers(t, s, 1)
	for body := make([]byte, 100_000); s.Queue(body) != nil; s.Flush() {
	}
	talker := peerRaw(t, at, "DEALER", 1)
	peers(t, s, 2)
	closed := make(chan int)
	go func() { closed <- s.Close(soon(t)) }()
	eventually(t, "the socket to accept nothing", func() bool {
		return errors.Is(s.Send(soon(t), []byte("m")), ErrClosed)
	})
	talker.say("\x00\x04late")
	if got := receiveOne(t, s); got != "late" {
		t.Errorf("received %q", got)
	}
	go func() {
		io.Copy(io.Discard, stalled)
		stalled.Close()
	}()
	if unwritten := <-closed; unwritten != 0 {
		t.Errorf("%d unwritten", unwritten)
	}
}

// A retired socket sends nothing new, but receives everything that its peers have sent until they learn of it.
func TestRetire(t *testing.T) {
	s, at := bound(t, Config{Type: Dealer})
	peerRaw(t, at, "DEALER", 1).say("\x00\x05early")
	peers(t, s, 1)
	r := peerRaw(t, at, "DEALER", 1)
	peers(t, s, 2)
	peer(s, 1).Send([]byte("last"))
	gone := s.Retire()
	if err := s.Send(soon(t), []byte("m")); !errors.Is(err, ErrClosed) {
		t.Errorf("sent: %v", err)
	}
	if got := receiveOne(t, s); got != "early" {
		t.Errorf("received %q", got)
	}
	if got := r.ended(); got != "\x00\x04last" {
		t.Errorf("the peer heard %q", got)
	}
	r.say(command("PING", "\x00\x00"), "\x00\x04late")
	if got := receiveOne(t, s); got != "late" {
		t.Errorf("received %q", got)
	}
	select {
	case <-gone:
		t.Error("gone, while both peers are there")
	default:
	}
	s.mu.Lock()
	conns := slices.Clone(s.peers)
	s.mu.Unlock()
	for _, p := range conns {
		p.Drop(nil)
	}
	<-gone
	if unwritten := s.Close(soon(t)); unwritten != 0 {
		t.Errorf("%d unwritten", unwritten)
	}
}
