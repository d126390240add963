package zmq

import (
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/listen"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/curve"
)

// footprint is what this process has.
type footprint struct {
	goroutines, descriptors int
	heap                    uint64
}

func measure(t testing.TB) (f footprint) {
	t.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.GC() // what has finalizers is gone after the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return footprint{runtime.NumGoroutine(), len(open), m.HeapAlloc}
}

// leavesNothing waits until the process has no more than it had before.
func leavesNothing(t *testing.T, before footprint) {
	t.Helper()
	const slack = 2 << 20 // bytes, for the runtime: 200 for each of 10,000 connections
	var now footprint
	defer func() { t.Logf("before: %+v, afterwards: %+v", before, now) }()
	eventually(t, "everything to be as it was", func() bool {
		now = measure(t)
		return now.goroutines <= before.goroutines && now.descriptors <= before.descriptors && now.heap <= before.heap+slack
	})
}

// storm calls do 10,000 times, and as often more as more wants, by some goroutines.
func storm(t *testing.T, more func() bool, do func(n int)) {
	const times, workers = 10_000, 8
	var next atomic.Int64
	var work sync.WaitGroup
	for range workers {
		work.Go(func() {
			for n := next.Add(1); (n <= times || more()) && !t.Failed(); n = next.Add(1) {
				do(int(n))
			}
		})
	}
	work.Wait()
}

// genuineHello returns a HELLO that the server accepts. Whoever has heard one can send it again for ever.
func (b both) genuineHello(t testing.TB) string {
	t.Helper()
	client, err := curve.NewClient(&b.client, b.server.Public, nil)
	if err != nil {
		t.Fatal(err)
	}
	return handshakeCommand(client.Hello())
}

// ring holds the last connections open.
type ring struct {
	mu    sync.Mutex
	conns [300]net.Conn
}

func (r *ring) put(n int, conn net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	place := &r.conns[n%len(r.conns)]
	if *place != nil {
		(*place).Close()
	}
	*place = conn
}

// 10,000 clients that say HELLO, and then nothing, or go away, keep nobody out: an honest one, of another host, is
// served while they come. They leave nothing behind. What they hold together is bounded by the gate.
func TestHelloFlood(t *testing.T) {
	const room = 100
	b := newBoth(t)
	var got atomic.Int64
	cfg := b.asServer(Config{Type: Pull, HandshakeTimeout: time.Hour, Gate: listen.NewGate(room, "", slog.New(slog.DiscardHandler)),
		OnReceive: func(batch *Batch) {
			got.Add(int64(batch.Len()))
			batch.Release()
		}})
	_, at := bound(t, cfg)
	hello := greeting(3, 1, "CURVE") + b.genuineHello(t)
	before := measure(t)
	elsewhere := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	honest := open(t, b.asClient(Config{Type: Push, dial: elsewhere.DialContext}))
	var held ring
	var since atomic.Pointer[time.Time] // the honest one came
	waits := func() bool { return got.Load() == 0 && (since.Load() == nil || time.Since(*since.Load()) < patience) }
	storm(t, waits, func(n int) {
		conn, err := net.Dial("tcp", strings.TrimPrefix(at, "tcp://"))
		if err != nil {
			t.Error(err)
			return
		}
		conn.Write([]byte(hello)) //nolint:errcheck // the gate may have ended it
		if n == 5000 {
			now := time.Now()
			since.Store(&now)
			honest.Connect(at)                                      //nolint:errcheck // it never fails for this endpoint
			go honest.Send(t.Context(), []byte("in spite of them")) //nolint:errcheck // it arrives, or the test fails
		}
		if n%4 == 0 {
			conn.Close()
			return
		}
		held.put(n, conn)
	})
	if got.Load() == 0 {
		t.Error("the honest client was kept out")
	}
	eventually(t, "their goroutines to be bounded", func() bool {
		return runtime.NumGoroutine() <= before.goroutines+room+20
	})
	if err := honest.Send(soon(t), []byte("still")); err != nil {
		t.Error(err)
	}
	eventually(t, "the honest client's second message", func() bool { return got.Load() == 2 })
	for n := range held.conns {
		held.put(n, nil)
	}
	closeNow(honest)
	leavesNothing(t, before)
}

// Strangers that only say HELLO take no place of a client that has proved who it is, even if it has sent nothing yet.
func TestProvedClientsAreNoStrangers(t *testing.T) {
	const room = 10
	b := newBoth(t)
	s, at := bound(t, b.asServer(Config{Type: Pull, HandshakeTimeout: time.Hour,
		Gate: listen.NewGate(room, "", slog.New(slog.DiscardHandler))}))
	silent := b.enter(t, at, "PUSH")
	peers(t, s, 1)
	hello := b.genuineHello(t)
	var strangers []*raw
	for range 3 * room {
		r := dialRaw(t, at)
		r.say(greeting(3, 1, "CURVE"), hello)
		strangers = append(strangers, r)
	}
	strangers[0].ended()
	silent.say(silent.sealed("\x00\x04here"))
	if got := receiveOne(t, s); got != "here" {
		t.Errorf("received %q", got)
	}
}

// A client that has said HELLO costs the server a goroutine and a connection, and next to nothing else.
func TestHelloCostsLittle(t *testing.T) {
	const clients, most = 500, 40 << 10 // bytes each, with both ends' of the connection here, and the goroutine's stack
	b := newBoth(t)
	_, at := bound(t, b.asServer(Config{Type: Pull, HandshakeTimeout: time.Hour}))
	hello := b.genuineHello(t)
	used := func() uint64 {
		measure(t)
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapInuse + m.StackInuse
	}
	before := used()
	for range clients {
		r := dialRaw(t, at)
		r.say(greeting(3, 1, "CURVE"), hello)
		r.hear(64)
		r.frame()
	}
	each := (used() - before) / clients
	t.Logf("%d bytes for each of %d clients", each, clients)
	if each > most {
		t.Errorf("%d bytes for each of %d clients", each, clients)
	}
}

// 10,000 handshakes that are garbage from some byte on, or recorded, leave nothing behind.
func TestGarbageHandshakes(t *testing.T) {
	b := newBoth(t)
	s, at := bound(t, b.asServer(Config{Type: Pull, HandshakeTimeout: time.Hour}))
	honest := b.enter(t, at, "PUSH")
	hello, recorded := b.genuineHello(t), handshakeCommand(honest.initiate)
	forged := hello[:len(hello)-1] + string([]byte{hello[len(hello)-1] ^ 1})
	hi := greeting(3, 1, "CURVE")
	kinds := []func(r *raw){
		func(r *raw) { r.say("\x00", noise(63)) },
		func(r *raw) { r.say("\xff", noise(9), "\x02", noise(53)) },
		func(r *raw) { r.say(hi, noise(1<<10)) },
		func(r *raw) { r.say(hi, handshakeCommand([]byte("\x05HELLO\x01\x00"+noise(192)))) },
		func(r *raw) { r.say(hi, forged) },
		func(r *raw) { r.initiates(hello, handshakeCommand([]byte("\x08INITIATE"+noise(300)))) },
		func(r *raw) { r.initiates(hello, recorded) },
	}
	const ofCurve = 3 // the first of them that is refused for its cryptography
	var wantRefused atomic.Uint64
	before := measure(t)
	storm(t, func() bool { return false }, func(n int) {
		conn, err := net.Dial("tcp", strings.TrimPrefix(at, "tcp://"))
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(patience))
		kind := n % len(kinds)
		if kind >= ofCurve {
			wantRefused.Add(1)
		}
		r := &raw{Conn: conn, t: t}
		kinds[kind](r)
		r.ended()
	})
	honest.SetDeadline(time.Now().Add(patience))
	honest.say(honest.sealed("\x00\x05still"))
	if got := receiveOne(t, s); got != "still" {
		t.Errorf("received %q", got)
	}
	leavesNothing(t, before)
	if got, want := s.Refused(), wantRefused.Load(); got != want {
		t.Errorf("%d refusals were counted, want %d", got, want)
	}
}

func noise(n int) string {
	random := make([]byte, n)
	for i := range random {
		random[i] = byte(rand.Uint32())
	}
	return string(random)
}

// initiates says HELLO, waits for WELCOME, and says something else.
func (r *raw) initiates(hello, initiate string) {
	r.say(greeting(3, 1, "CURVE"), hello)
	r.hear(64)
	r.frame()
	r.say(initiate)
}
