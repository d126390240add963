package zmq

import (
	"io"
	"strings"
	"syscall"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/prefix"
)

// When its rights change, a subscriber's connection ends, and what waits for it is thrown away. Others stay.
func TestReallowEndsSubscribers(t *testing.T) {
	t.Parallel()
	mine, theirs := allowing(only("a")), only("")
	reasons := make(chan error, 1)
	s, at := bound(t, Config{Type: Pub, HWM: 100_000, OnDown: func(_ *Peer, err error) { reasons <- err },
		Allow: func(p *Peer) *prefix.Set {
			if len(p.Identity()) > 0 {
				return mine.Load()
			}
			return theirs
		}})
	other := peerRaw(t, at, "SUB", 1)
	other.say(command("SUBSCRIBE", "b"))
	subscriptions(t, s, "b", 1)
	r := dialRaw(t, at)
	r.say(greeting(3, 1, "NULL"), command("READY", property("Socket-Type", "SUB")+property("Identity", "me")), command("SUBSCRIBE", "a"))
	r.greeted()
	subscriptions(t, s, "a", 1)
	p := peer(s, 1)
	if s.Reallow() > 0 {
		t.Fatal("a connection was ended although nothing has changed")
	}
	for p.Dropped() == 0 {
		s.Publish([]byte("a"), make([]byte, 100_000))
		s.Flush()
	}
	mine.Store(only("b"))
	if n := s.Reallow(); n != 1 {
		t.Errorf("%d connections were ended", n)
	}
	written := p.Written()
	if err := <-reasons; err == nil || !strings.Contains(err.Error(), "has changed what") {
		t.Errorf("it was ended because of: %v", err)
	}
	if _, err := io.Copy(io.Discard, r); err == nil || !strings.Contains(err.Error(), syscall.ECONNRESET.Error()) {
		t.Errorf("what the kernel held was sent: %v", err)
	}
	s.Publish([]byte("b"))
	s.Flush()
	if _, body := other.frame(); body != "b" || p.Written() != written {
		t.Errorf("the other received %q", body)
	}
}

// When Reallow returns, what was being handed over has been, and what a publisher had sent, too, is not.
func TestReallowWaitsForPublishers(t *testing.T) {
	t.Parallel()
	set := allowing(only("a"))
	began, goOn := make(chan string, 10), make(chan struct{})
	s, at := bound(t, Config{Type: XSub, Batch: 1, Subscribe: []string{""}, Allow: set.of, OnReceive: func(b *Batch) {
		began <- string(b.Frames(0)[0])
		<-goOn
		b.Release()
	}})
	pub := peerRaw(t, at, "PUB", 1)
	pub.say("\x00\x02a1\x00\x02a2\x00\x02a3")
	if got := <-began; got != "a1" {
		t.Fatalf("received %q", got)
	}
	set.Store(only("b"))
	ended := make(chan int)
	go func() { ended <- s.Reallow() }()
	for waiting := true; waiting; { // Reallow waits for its lock when no reader gets it any more
		if waiting = s.allowing.TryRLock(); waiting {
			s.allowing.RUnlock()
		}
	}
	select {
	case <-ended:
		t.Error("Reallow has not waited")
	default:
	}
	goOn <- struct{}{}
	if n := <-ended; n != 1 {
		t.Errorf("%d connections were ended", n)
	}
	pub.ended()
	eventually(t, "its end", func() bool { return s.Peers() == 0 })
	if len(began) > 0 {
		t.Errorf("%q was handed over after that", <-began)
	}
}

// A batch that was parsed before the rights have changed is not handed over, although its peer has left the socket.
func TestOldBatchIsNotHandedOver(t *testing.T) {
	set := allowing(only("a"))
	s := open(t, Config{Type: XSub, Allow: set.of, OnReceive: func(b *Batch) { t.Error("handed over"); b.Release() }})
	p := piped(t, s)
	r := p.newReceiver()
	defer r.close()
	r.filled(copy(r.space(), "\x00\x01a"))
	b, err := r.parse()
	if b == nil || err != nil {
		t.Fatal("no batch")
	}
	s.remove(p)
	set.Store(only("b"))
	if n := s.Reallow(); n != 0 {
		t.Errorf("%d connections were ended", n)
	}
	if err := p.handOver(b); err == nil {
		t.Error("its connection goes on")
	}
}
