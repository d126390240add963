package zmq

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// What is queued for a member that leaves is written, and nothing more is given to it.
func TestPartingPush(t *testing.T) {
	for _, typ := range []Type{Push, Dealer} {
		t.Run(string(typ), func(t *testing.T) {
			const hwm = 100
			inGroup(t, Config{Type: typ, HWM: hwm}, func(t *testing.T, g *group) {
				e := g.member(map[Type]string{Push: "PULL", Dealer: "ROUTER"}[typ])
				r := g.joined(e)
				for i := range hwm - 1 { // not flushed, which they need not be
					g.Queue(fmt.Appendf(nil, "%03d", i))
				}
				g.leave(e)
				g.refuses()
				time.Sleep(defaultSilence * 3 / 2)
				if queued, _, _ := peer(g.Socket, 0).outbox.state(); queued == 0 || peer(g.Socket, 0).isSealed() {
					t.Errorf("the end was queued before the messages were written, of which %d wait", queued)
				}
				for i := range hwm - 1 {
					if _, body := r.frame(); body != fmt.Sprintf("%03d", i) {
						t.Fatalf("message %d is %.20q", i, body)
					}
				}
				if rest := strings.ReplaceAll(r.ended(), "\x00\x04more", ""); rest != "" {
					t.Errorf("after the messages: %.60q", rest)
				}
				r.Close()
				g.over(e)
			})
		})
	}
}

func (p *Peer) isSealed() bool {
	p.outbox.mu.Lock()
	defer p.outbox.mu.Unlock()
	return p.outbox.ended
}

// Answers under way to a DEALER are received for as long as they keep arriving.
func TestPartingAnswers(t *testing.T) {
	inGroup(t, Config{Type: Dealer}, func(t *testing.T, g *group) {
		e := g.member("ROUTER")
		r := g.joined(e)
		g.Queue([]byte("question"))
		g.Flush()
		r.frame()
		g.leave(e)
		g.refuses()
		for i := range 12 {
			time.Sleep(defaultSilence * 9 / 10)
			r.say("\x00\x01", string(rune('a'+i)))
			if got := receiveOne(t, g.Socket); got != string(rune('a'+i)) {
				t.Errorf("received %q", got)
			}
		}
		began := time.Now()
		r.ended()
		if took := time.Since(began); took < defaultSilence || took > defaultSilence*11/10 {
			t.Errorf("it was ended after %v", took)
		}
		r.say("\x00\x04late") // the member has not closed its side yet
		if got := receiveOne(t, g.Socket); got != "late" {
			t.Errorf("received %q", got)
		}
		r.Close()
		g.over(e)
	})
}

// A ROUTER answers for as long as questions keep arriving.
func TestPartingRouter(t *testing.T) {
	inGroup(t, Config{Type: Router}, func(t *testing.T, g *group) {
		e := g.member("DEALER")
		r := g.joined(e)
		g.leave(e)
		for range 12 {
			r.say("\x00\x01q")
			b, err := g.Recv(soon(t))
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(defaultSilence * 9 / 10)
			if !b.Peer().Send([]byte("a")) {
				t.Error("an answer was not accepted")
			}
			b.Release()
			if _, body := r.frame(); body != "a" {
				t.Errorf("answered %q", body)
			}
		}
		if rest := r.ended(); rest != "" {
			t.Errorf("after the answers: %q", rest)
		}
		r.Close()
		g.over(e)
	})
}

// A peer is not silent while what it has sent is not received.
func TestPartingWhileNobodyReceives(t *testing.T) {
	inGroup(t, Config{Type: Router}, func(t *testing.T, g *group) {
		e := g.member("DEALER")
		r := g.joined(e)
		r.say("\x00\x01q")
		synctest.Wait()
		g.leave(e)
		time.Sleep(defaultSilence * 3 / 2)
		b, err := g.Recv(soon(t))
		if err != nil {
			t.Fatal(err)
		}
		if !b.Peer().Send([]byte("a")) {
			t.Error("an answer was not accepted")
		}
		b.Release()
		if rest := strings.TrimPrefix(r.ended(), command("PONG", "")); rest != "\x00\x01a" {
			t.Errorf("heard %q", rest)
		}
		r.Close()
		g.over(e)
	})
}

// A PULL ends its side at once, even towards a peer that sends all the time, and reads to the end what was sent.
func TestPartingPull(t *testing.T) {
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
		case <-time.After(defaultSilence / 20):
		}
		r.say("\x00\x01m")
		if got := receiveOne(t, g.Socket); got != "m" {
			t.Errorf("received %q", got)
		}
	}
	r.say("\x00\x01a\x00\x01b")
	r.Close()
	if got := strings.Join(receive(t, g.Socket, 2), ""); got != "ab" {
		t.Errorf("received %q after %d others", got, sent)
	}
	g.over(e)
}

// A publisher's outbox is ended at once: what was published is written, and nothing is waited for.
func TestPartingPub(t *testing.T) {
	for _, typ := range []Type{Pub, XPub} {
		t.Run(string(typ), func(t *testing.T) {
			inGroup(t, Config{Type: typ}, func(t *testing.T, g *group) {
				e := g.member("SUB")
				r := g.joined(e)
				r.say(command("SUBSCRIBE", "") + command("PING", "\x00\x00"))
				r.frame() // the answer shows that the subscription has been read
				g.Publish([]byte("m"))
				began := time.Now()
				g.leave(e)
				if rest := r.ended(); rest != "\x00\x01m" {
					t.Errorf("heard %q", rest)
				}
				if took := time.Since(began); took >= defaultSilence {
					t.Errorf("it was ended after %v", took)
				}
				r.Close()
				g.over(e)
			})
		})
	}
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

// Over TCP, too, a member gets everything that was queued, and its late answer is received.
func TestPartingOverTCP(t *testing.T) {
	g := grouped(t, Config{Type: Dealer, silence: 20 * time.Millisecond})
	e := g.member("ROUTER")
	r := g.joined(e)
	const total, size = 20, 60_000
	for range total {
		if g.Queue(make([]byte, size)) == nil {
			t.Fatal("a message was not accepted")
		}
	}
	g.leave(e)
	if heard := len(r.ended()); heard != total*(9+size) {
		t.Errorf("the member has read %d bytes", heard)
	}
	r.say("\x00\x04late")
	if got := receiveOne(t, g.Socket); got != "late" {
		t.Errorf("received %q", got)
	}
	r.Close()
	g.over(e)
}
