package zmq_test

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// listening binds a socket to a free port.
func listening(t *testing.T, s *zmq.Socket) string {
	t.Helper()
	at, err := s.Bind("tcp://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// Connections last if only libzmq sends PING, if only we do, and if both do.
func TestLibzmqHeartbeats(t *testing.T) {
	t.Parallel()
	pinging := options{"HEARTBEAT_IVL": 50, "HEARTBEAT_TIMEOUT": 1500, "HEARTBEAT_TTL": 1500}
	tests := []struct {
		name string
		own  time.Duration
		o    options
	}{
		{"theirs", 0, pinging},
		{"ours", 600 * time.Millisecond, nil},
		{"both", 600 * time.Millisecond, pinging},
	}
	p := libzmq(t)
	downs := make(map[string]chan error)
	types := map[zmq.Type]zmq.Type{zmq.Pull: "PUSH", zmq.Push: "PULL", zmq.Pub: "SUB", zmq.Router: "DEALER"}
	for _, test := range tests {
		for own, theirType := range types {
			down := make(chan error, 10)
			onDown := func(_ *zmq.Peer, err error) { down <- err }
			s := ours(t, zmq.Config{Type: own, Heartbeat: test.own, OnDown: onDown})
			p.connect(theirType, listening(t, s), test.o)
			eventually(t, "the connection", func() bool { return s.Peers() == 1 })
			downs[fmt.Sprintf("PING is %s: our %s has lost its %s", test.name, own, theirType)] = down
		}
	}
	<-time.After(3 * time.Second) // longer than any of the timeouts
	for what, down := range downs {
		if len(down) > 0 {
			t.Errorf("%s: %v", what, <-down)
		}
	}
}

// A peer that has died is found again at the same endpoint, whichever end dials.
func TestLibzmqPeerRestarts(t *testing.T) {
	first := libzmq(t)
	pull := first.bind("PULL", "tcp://127.0.0.1:*", nil)
	down := make(chan error, 100)
	onDown := func(_ *zmq.Peer, err error) { down <- err }
	s := ours(t, zmq.Config{Type: zmq.Push, Reconnect: 5 * time.Millisecond, OnDown: onDown})
	if err := s.Connect(pull.bound); err != nil {
		t.Fatal(err)
	}
	for round, p := range []*python{first, libzmq(t), libzmq(t)} {
		if round > 0 {
			pull = p.bind("PULL", pull.bound, nil)
		}
		if err := s.Send(soon(t), fmt.Append(nil, "round ", round)); err != nil {
			t.Fatal(err)
		}
		if got := pull.recv(""); string(got[0]) != fmt.Sprint("round ", round) {
			t.Errorf("round %d: they received %q", round, got)
		}
		p.kill()
		<-down
	}
}

func TestWeRestart(t *testing.T) {
	p := libzmq(t)
	s := ours(t, zmq.Config{Type: zmq.Pull})
	at := listening(t, s)
	push := p.connect("PUSH", at, options{"RECONNECT_IVL": 5})
	for round := range 3 {
		push.send(fmt.Append(nil, round))
		expect(t, s, [][][]byte{{fmt.Append(nil, round)}})
		s.Close(context.Background())
		s = ours(t, zmq.Config{Type: zmq.Pull})
		if _, err := s.Bind(at); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the PUSH is back", func() bool { return s.Peers() == 1 }) // what it sends before is lost with the old connection
	}
}

// Two PULLs share what one PUSH sends: each message arrives once.
func TestLibzmqPullsShare(t *testing.T) {
	const total = 5000
	s := ours(t, zmq.Config{Type: zmq.Push, HWM: total})
	at := listening(t, s)
	a, b := libzmq(t).connect("PULL", at, nil), libzmq(t).connect("PULL", at, nil)
	eventually(t, "both", func() bool { return s.Peers() == 2 })
	for i := range total {
		if err := s.Send(soon(t), number("n", i, 20)); err != nil {
			t.Fatal(err)
		}
	}
	got := append(a.recvNumbers("n", total/2), b.recvNumbers("n", total/2)...)
	slices.Sort(got)
	for i, n := range got {
		if i != n {
			t.Fatalf("message %d arrived in the place of %d", n, i)
		}
	}
}

// Many PUSHes have much to send; none has to wait until another one is done.
func TestLibzmqPushesAreTakenFairly(t *testing.T) {
	const senders, each = 5, 20_000
	s := ours(t, zmq.Config{Type: zmq.Pull, HWM: 100})
	at := listening(t, s)
	p := libzmq(t)
	for i := range senders {
		p.connect("PUSH", at, options{"SNDHWM": 0}).sendNumbers(string(rune('a'+i)), 0, each, 100)
	}
	eventually(t, "all senders", func() bool { return s.Peers() == senders })
	shares := make([]int, senders)
	ctx := soon(t)
	for slices.Max(shares) < each {
		b, err := s.Recv(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Len() {
			shares[b.Frames(i)[0][0]-'a']++
		}
		b.Release()
	}
	if slices.Min(shares) == 0 {
		t.Errorf("when one sender was done, the numbers of messages received were %v", shares)
	}
}

// An answer goes back to the peer that asked.
func TestLibzmqDealersAreAnswered(t *testing.T) {
	s := ours(t, zmq.Config{Type: zmq.Router, OnReceive: func(b *zmq.Batch) {
		for i := range b.Len() {
			b.Peer().Send(b.Peer().Identity(), b.Frames(i)[0])
		}
		b.Release()
	}})
	at := listening(t, s)
	p := libzmq(t)
	dealers := make([]*their, 10)
	for i := range dealers {
		name := fmt.Sprint("dealer ", i%9) // two of them have the same name
		dealers[i] = p.connect("DEALER", at, options{"ROUTING_ID": name})
	}
	for round := range 3 {
		for i, d := range dealers {
			d.send(fmt.Append(nil, "question ", i, round))
		}
		for i, d := range dealers {
			want := [][]byte{fmt.Append(nil, "dealer ", i%9), fmt.Append(nil, "question ", i, round)}
			if got := d.recv(""); !equal(got, want) {
				t.Errorf("dealer %d received %q", i, got)
			}
		}
	}
}

// A PULL that does not read makes Send wait, in bounded memory; nothing is lost when it reads again.
func TestLibzmqBackPressure(t *testing.T) {
	const size = 10_000
	s := ours(t, zmq.Config{Type: zmq.Push})
	pull := libzmq(t).connect("PULL", listening(t, s), options{"RCVHWM": 10})
	eventually(t, "the connection", func() bool { return s.Peers() == 1 })
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	sent := 0
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
		err := s.Send(ctx, number("n", sent, size))
		cancel()
		if err != nil {
			break
		}
		sent++
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 32<<20 {
		t.Errorf("%d waiting messages take %d bytes", sent, grown)
	}
	const more = 2000
	go func() {
		for i := sent; i < sent+more; i++ {
			s.Send(context.Background(), number("n", i, size))
		}
	}()
	for i, n := range pull.recvNumbers("n", sent+more) {
		if i != n {
			t.Fatalf("message %d arrived in the place of %d", n, i)
		}
	}
}

// When Close returns, libzmq's process has everything that was queued.
func TestCloseGivesLibzmqEverything(t *testing.T) {
	const total = 20_000
	for _, bind := range []string{"tcp://127.0.0.1:*", "ipc://" + t.TempDir() + "/s"} {
		pull := libzmq(t).bind("PULL", bind, options{"RCVHWM": 0})
		s := ours(t, zmq.Config{Type: zmq.Push, HWM: total})
		if err := s.Connect(pull.bound); err != nil {
			t.Fatal(err)
		}
		for i := range total {
			if err := s.Send(soon(t), number("n", i, 100)); err != nil {
				t.Fatal(err)
			}
		}
		if unwritten := s.Close(soon(t)); unwritten != 0 {
			t.Errorf("%d unwritten", unwritten)
		}
		if got := pull.recvNumbers("n", total); len(got) != total || got[total-1] != total-1 {
			t.Errorf("%d messages arrived", len(got))
		}
	}
}

// Connections of strangers do not harm those of libzmq's peers.
func TestStrangersDoNotDisturb(t *testing.T) {
	s := ours(t, zmq.Config{Type: zmq.Pull})
	at := listening(t, s)
	push := libzmq(t).connect("PUSH", at, nil)
	var failures atomic.Int64
	for range 100 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(at, "tcp://"))
		if err != nil {
			failures.Add(1)
			continue
		}
		defer conn.Close()
		conn.Write([]byte("\xff\x00\x00\x00\x00\x00\x00\x00\x00\x7f\x03\x01NULL"))
	}
	push.sendNumbers("n", 0, 1000, 100)
	want := make([][][]byte, 1000)
	for i := range want {
		want[i] = [][]byte{number("n", i, 100)}
	}
	expect(t, s, want)
	if failures.Load() > 0 {
		t.Errorf("%d strangers could not even connect", failures.Load())
	}
}
