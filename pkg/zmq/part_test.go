package zmq

import (
	"bytes"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/endpoint"
)

// group is a socket with members, as names lead to them, and what it was told of them.
type group struct {
	*Socket
	t       *testing.T
	conns   chan *raw // that members have accepted, behind the handshake
	downs   chan error
	missing chan string
	log     logged
}

// grouped makes a socket whose members are of the type peer.
func grouped(t *testing.T, cfg Config) *group {
	g := &group{t: t, conns: make(chan *raw, 10), downs: make(chan error, 10), missing: make(chan string, 10)}
	cfg.Reconnect, cfg.Logger = time.Millisecond, g.log.logger()
	cfg.OnDown = func(_ *Peer, err error) { g.downs <- err }
	cfg.OnUnreachable = func(endpoint string) { g.missing <- endpoint }
	g.Socket = open(t, cfg)
	return g
}

// member listens as a peer, and returns how it is joined and left.
func (g *group) member(typ string) endpoint.Endpoint {
	g.t.Helper()
	at, err := endpoint.Connect(listenRaw(g.t, func(r *raw) {
		r.Conn.(*net.TCPConn).SetReadBuffer(16 << 10) // so that what is not read waits at the other end
		r.say(greeting(3, 1, "NULL"), ready(typ))
		r.greeted()
		g.conns <- r
	}))
	if err != nil {
		g.t.Fatal(err)
	}
	return at
}

// joined has a member join, and returns its end of the connection.
func (g *group) joined(e endpoint.Endpoint) *raw {
	g.t.Helper()
	before := g.Peers()
	g.join(e)
	r := <-g.conns
	peers(g.t, g.Socket, before+1)
	return r
}

// over waits until nothing is left of a member, which was said once.
func (g *group) over(e endpoint.Endpoint) {
	g.t.Helper()
	if at := <-g.missing; at != e.String() {
		g.t.Errorf("%s is unreachable, want %s", at, e)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.members) > 0 || len(g.missing) > 0 {
		g.t.Errorf("%d members are left, and %d more unreachable", len(g.members), len(g.missing))
	}
}

// refuses checks that nothing is given to anybody.
func (g *group) refuses() {
	g.t.Helper()
	eventually(g.t, "the end of giving", func() bool { return g.Queue([]byte("more")) == nil })
}

// What is queued for a member that leaves is written, and nothing more is given to it.
func TestPartingPush(t *testing.T) {
	t.Parallel()
	for _, typ := range []Type{Push, Dealer} {
		t.Run(string(typ), func(t *testing.T) {
			g := grouped(t, Config{Type: typ, HWM: 1000})
			e := g.member(map[Type]string{Push: "PULL", Dealer: "ROUTER"}[typ])
			r := g.joined(e)
			long, total := bytes.Repeat([]byte("x"), 60_000), 0
			for refused := 0; refused < 100; { // until neither the kernel nor the queue takes any more
				if g.Queue(long) != nil {
					total, refused = total+1, 0
					continue
				}
				refused++
				<-time.After(time.Millisecond)
			}
			g.leave(e)
			g.refuses()
			<-time.After(quiet * 3 / 2)
			if queued, _, _ := peer(g.Socket, 0).state(); queued == 0 || peer(g.Socket, 0).isSealed() {
				t.Errorf("the end was queued before the messages were written, of which %d wait", queued)
			}
			for i := range total {
				if _, body := r.frame(); body != string(long) {
					t.Fatalf("message %d is %.20q", i, body)
				}
			}
			if rest := strings.ReplaceAll(r.ended(), "\x00\x04more", ""); rest != "" {
				t.Errorf("behind the messages: %.60q", rest)
			}
			r.Close()
			g.over(e)
		})
	}
}

func (p *Peer) isSealed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sealed
}

// Answers under way to a DEALER, and a ROUTER's, are heard as long as they come.
func TestPartingAnswers(t *testing.T) {
	t.Parallel()
	g := grouped(t, Config{Type: Dealer})
	e := g.member("ROUTER")
	r := g.joined(e)
	g.Queue([]byte("question"))
	g.Flush()
	r.frame()
	g.leave(e)
	g.refuses()
	began := time.Now()
	for i := range 12 { // longer than quiet, but never quiet
		<-time.After(quiet / 10)
		r.say("\x00\x01", string(rune('a'+i)))
		if got := receiveOne(t, g.Socket); got != string(rune('a'+i)) {
			t.Errorf("heard %q", got)
		}
	}
	r.ended()
	if took := time.Since(began); took < quiet {
		t.Errorf("it was ended after %v", took)
	}
	r.say("\x00\x04late") // the member has not closed its side yet
	if got := receiveOne(t, g.Socket); got != "late" {
		t.Errorf("heard %q", got)
	}
	r.Close()
	g.over(e)
}

func TestPartingRouter(t *testing.T) {
	t.Parallel()
	g := grouped(t, Config{Type: Router})
	e := g.member("DEALER")
	r := g.joined(e)
	g.leave(e)
	for range 12 {
		r.say("\x00\x01q")
		b, err := g.Recv(soon(t))
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(quiet / 10)
		if !b.Peer().Send([]byte("a")) {
			t.Error("an answer was not taken")
		}
		b.Release()
		if _, body := r.frame(); body != "a" {
			t.Errorf("answered %q", body)
		}
	}
	if rest := r.ended(); rest != "" {
		t.Errorf("behind the answers: %q", rest)
	}
	r.Close()
	g.over(e)
}

// A peer is not quiet while nobody receives what it has sent.
func TestPartingWhileNobodyReceives(t *testing.T) {
	t.Parallel()
	g := grouped(t, Config{Type: Router})
	e := g.member("DEALER")
	r := g.joined(e)
	r.say("\x00\x01q")
	eventually(t, "a batch", func() bool { return peer(g.Socket, 0).parting.handed.Load() == 1 })
	g.leave(e)
	<-time.After(quiet * 3 / 2)
	b, err := g.Recv(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	if !b.Peer().Send([]byte("a")) {
		t.Error("an answer was not taken")
	}
	b.Release()
	if rest := r.ended(); rest != "\x00\x01a" {
		t.Errorf("heard %q", rest)
	}
	r.Close()
	g.over(e)
}

// A PULL says at once that it leaves, also to a peer that sends all the time, and reads to the end what was sent.
func TestPartingPull(t *testing.T) {
	t.Parallel()
	g := grouped(t, Config{Type: Pull})
	e := g.member("PUSH")
	r := g.joined(e)
	g.leave(e)
	ended, sent := make(chan string), 0
	go func() { ended <- r.ended() }()
	for end := false; !end; sent++ {
		select {
		case rest := <-ended:
			if end = true; rest != "" {
				t.Errorf("heard %q", rest)
			}
		case <-time.After(quiet / 5):
		}
		r.say("\x00\x01m")
		if got := receiveOne(t, g.Socket); got != "m" {
			t.Errorf("received %q", got)
		}
	}
	r.say("\x00\x01a\x00\x01b")
	r.Close()
	if got := strings.Join(receive(t, g.Socket, 2), ""); got != "ab" {
		t.Errorf("received %q behind %d others", got, sent)
	}
	g.over(e)
}

func TestPartingPub(t *testing.T) {
	g := grouped(t, Config{Type: Pub})
	e := g.member("SUB")
	r := g.joined(e)
	r.say(command("SUBSCRIBE", "") + command("PING", "\x00\x00"))
	r.frame() // the answer: the subscription has been heard
	g.Publish([]byte("m"))
	g.leave(e)
	if rest := r.ended(); rest != "\x00\x01m" {
		t.Errorf("heard %q", rest)
	}
	r.Close()
	g.over(e)
}

func TestPartingSub(t *testing.T) {
	g := grouped(t, Config{Type: Sub, Subscribe: []string{""}})
	e := g.member("PUB")
	r := g.joined(e)
	g.leave(e)
	if err := <-g.downs; err == nil || !strings.Contains(err.Error(), errLeft.Error()) {
		t.Errorf("it went down because: %v", err)
	}
	r.ended()
	g.over(e)
	if n := g.log.count("level=WARN"); n > 0 {
		t.Errorf("%d warnings", n)
	}
}
