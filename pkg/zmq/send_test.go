package zmq

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// peers waits until a socket has n peers.
func peers(t testing.TB, s *Socket, n int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d peers", n), func() bool { return s.Peers() == n })
}

// peer returns one of a socket's peers.
func peer(s *Socket, i int) *Peer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.peers[i]
}

func TestPeersTakeTurns(t *testing.T) {
	s, at := bound(t, Config{Type: Push})
	pulls := make([]*raw, 3)
	for i := range pulls {
		pulls[i] = peerRaw(t, at, "PULL", 1)
	}
	peers(t, s, 3)
	for i := range 300 {
		if s.Queue(fmt.Append(nil, i)) == nil {
			t.Fatal("a message was not accepted")
		}
	}
	s.Flush()
	seen := make(map[string]bool)
	for _, pull := range pulls {
		for range 100 {
			_, body := pull.frame()
			seen[body] = true
		}
	}
	if len(seen) != 300 {
		t.Errorf("%d of 300 messages arrived, each at one peer", len(seen))
	}
}

// No message waits for a full peer while another one has room.
func TestFullPeerIsPassedOver(t *testing.T) {
	s, at := bound(t, Config{Type: Push, HWM: 5})
	peerRaw(t, at, "PULL", 1) // it never reads
	peers(t, s, 1)
	stuck := peer(s, 0)
	reader := peerRaw(t, at, "PULL", 1)
	peers(t, s, 2)
	var got atomic.Int64
	go func() {
		for header := make([]byte, 9+200_000); ; got.Add(1) {
			if _, err := io.ReadFull(reader, header); err != nil {
				return // the end of the test
			}
		}
	}()
	for range 500 {
		if err := s.Send(soon(t), make([]byte, 200_000)); err != nil {
			t.Fatal(err)
		}
	}
	queued, written, _ := stuck.outbox.state()
	eventually(t, "the other messages", func() bool { return got.Load() == int64(500-queued)-int64(written) })
}

func TestSendWaitsForAPeer(t *testing.T) {
	s, at := bound(t, Config{Type: Push})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := s.Send(ctx, []byte("to nobody")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without a peer: %v", err)
	}
	sent := make(chan error)
	go func() { sent <- s.Send(soon(t), []byte("to the first"), nil) }()
	r := peerRaw(t, at, "PULL", 1)
	if err := <-sent; err != nil {
		t.Error(err)
	}
	if got := r.hear(16); got != "\x01\x0cto the first\x00\x00" {
		t.Errorf("heard %q", got)
	}
}

// A peer that does not read makes the sender wait, within the high-water mark; nothing is lost when it reads again.
func TestBackPressure(t *testing.T) {
	const hwm = 10
	s, at := bound(t, Config{Type: Push, HWM: hwm})
	r := peerRaw(t, at, "PULL", 1)
	peers(t, s, 1)
	text := strings.Repeat("x", 20_000)
	sent := 0
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		err := s.Send(ctx, fmt.Appendf(nil, "%d %s", sent, text))
		cancel()
		if err != nil {
			break
		}
		sent++
	}
	p := peer(s, 0)
	if queued, written, _ := p.outbox.state(); queued > hwm || uint64(sent) != written+uint64(queued) {
		t.Errorf("%d queued, %d written, %d sent", queued, written, sent)
	}
	go func() {
		for i := range 1000 {
			s.Send(context.Background(), fmt.Appendf(nil, "%d %s", sent+i, text))
		}
	}()
	for i := range sent + 1000 {
		if _, body := r.frame(); body != fmt.Sprintf("%d %s", i, text) {
			t.Fatalf("message %d is %.20q", i, body)
		}
	}
}

// However large the high-water mark, a queue with maxQueueBytes accepts no message.
func TestQueueIsBoundedInBytes(t *testing.T) {
	s, at := bound(t, Config{Type: Push, HWM: 1 << 20})
	peerRaw(t, at, "PULL", 1)
	peers(t, s, 1)
	body, most := make([]byte, 1<<20), 0
	eventually(t, "a full queue and a full kernel", func() bool {
		for s.Queue(body) != nil {
		}
		o := &peer(s, 0).outbox
		o.mu.Lock()
		defer o.mu.Unlock()
		most = max(most, o.bytes)
		return o.full && o.bytes > maxQueueBytes/2 // the writer may have taken some meanwhile
	})
	if most > maxQueueBytes+len(body) {
		t.Errorf("%d bytes were queued", most)
	}
}

// Waiting for room must not depend on a Flush that is never called.
func TestFullQueueIsWrittenWithoutFlush(t *testing.T) {
	s, at := bound(t, Config{Type: Push, HWM: 10})
	r := peerRaw(t, at, "PULL", 1)
	peers(t, s, 1)
	taken := 0
	for range 1000 {
		if s.Queue([]byte("m")) != nil {
			taken++
		}
	}
	// Messages after the last full queue may wait.
	if got := r.hear(3 * (taken - 9)); strings.Trim(got, "\x00\x01m") != "" {
		t.Errorf("heard %q", got)
	}
}

// Queue, called under the lock that OnDown takes, returns no peer whose OnDown has run.
func TestQueueAndOnDownAreInOrder(t *testing.T) {
	var mu sync.Mutex
	gone := make(map[*Peer]bool)
	given := make(map[*Peer]int)
	s, at := bound(t, Config{Type: Push, OnDown: func(p *Peer, _ error) {
		mu.Lock()
		defer mu.Unlock()
		gone[p] = true
		delete(given, p)
	}})
	stop := make(chan struct{})
	var senders sync.WaitGroup
	for range 2 {
		senders.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				mu.Lock()
				if p := s.Queue([]byte("m")); p != nil {
					given[p]++
					if gone[p] {
						t.Error("a message was given to a peer that is gone")
					}
				}
				mu.Unlock()
				s.Flush()
				runtime.Gosched()
			}
		})
	}
	for range 100 {
		peerRaw(t, at, "PULL", 1).Close()
	}
	peers(t, s, 0)
	close(stop)
	senders.Wait()
	eventually(t, "the records of all peers to be deleted", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(given) == 0
	})
}

// A dead connection is given nothing any more, even while its reader waits for a receiver.
func TestDeadPeerWithABlockedReader(t *testing.T) {
	reading, goOn := make(chan bool), make(chan bool)
	s, at := bound(t, Config{Type: Dealer, OnReceive: func(b *Batch) {
		reading <- true
		<-goOn
		b.Release()
	}})
	r := peerRaw(t, at, "DEALER", 1)
	peers(t, s, 1)
	r.say("\x00\x08unwanted")
	<-reading
	r.Conn.(*net.TCPConn).SetLinger(0)
	r.Close()
	eventually(t, "the end", func() bool {
		s.Queue([]byte("m"))
		s.Flush()
		return s.Peers() == 0
	})
	if s.Queue([]byte("m")) != nil {
		t.Error("a message was given to a dead peer")
	}
	goOn <- true
}

// A lost wake-up would leave a question unanswered.
func TestNoWakeUpIsLost(t *testing.T) {
	router, at := bound(t, Config{Type: Router, OnReceive: func(b *Batch) {
		for i := range b.Len() {
			b.Peer().Send(b.Frames(i)...)
		}
		b.Release()
	}})
	var clients sync.WaitGroup
	for range 4 {
		dealer := connected(t, Config{Type: Dealer}, at)
		clients.Go(func() {
			ctx := soon(t)
			for i := range 3000 {
				question := fmt.Append(nil, i)
				if i%2 == 0 {
					dealer.Send(ctx, question)
				} else if dealer.Queue(question) != nil {
					dealer.Flush()
				}
				b, err := dealer.Recv(ctx)
				if err != nil || b.Len() != 1 || string(b.Frames(0)[0]) != string(question) {
					t.Errorf("question %d: %v", i, err)
					return
				}
				b.Release()
			}
		})
	}
	clients.Wait()
	peers(t, router, 4)
}
