package zmq

import (
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmqtest"
)

// A peer of libzmq answers a question; one that has ended its side is known to be dead, whatever of it is still unread.
func TestQuestion(t *testing.T) {
	s, at := bound(t, Config{Type: Router, Answered: true})
	process := zmqtest.Start(t)
	process.Connect("DEALER", at, nil).Send("held back")
	peers(t, s, 1)
	p := peer(s, 0)
	eventually(t, "its message to be held back", func() bool { return p.handed.Load()%2 == 1 })
	for _, held := range []bool{true, false} {
		if !held {
			receiveOne(t, s)
		}
		q := p.Ask()
		eventually(t, "the answer of one that lives", func() bool { return q.Answer() == Alive })
	}
	process.Kill()
	q := p.Ask()
	eventually(t, "the end to be seen", func() bool { return q.Answer() == Dead })
}

// A peer that has ended its side is dead even while what it has sent is held back, and its end not read.
func TestTheDeadAreKnownUnread(t *testing.T) {
	s, at := bound(t, Config{Type: Router})
	r := peerRaw(t, at, "DEALER", 1)
	r.say("\x00\x04held")
	peers(t, s, 1)
	p := peer(s, 0)
	eventually(t, "its message to be held back", func() bool { return p.handed.Load()%2 == 1 })
	r.Close()
	q := p.Ask()
	eventually(t, "the end to be seen", func() bool { return q.Answer() == Dead })
	if p.gone() {
		t.Error("its end was read")
	}
	receiveOne(t, s)
}

// Nothing that a peer has sent before it is asked answers the question, nor does the answer to an earlier one.
func TestOnlyAnAnswerShowsLife(t *testing.T) {
	s, at := bound(t, Config{Type: Router})
	r := peerRaw(t, at, "DEALER", 1)
	peers(t, s, 1)
	p := peer(s, 0)
	first := p.Ask()
	_, ping := r.frame()
	context, _ := strings.CutPrefix(ping, "\x04PING\x00\x00")
	r.say(command("PONG", context))
	eventually(t, "the first answer", func() bool { return first.Answer() == Alive })
	second := p.Ask()
	r.frame()
	r.say(command("PONG", context), command("PONG", ""), "\x00\x04late")
	receiveOne(t, s)
	eventually(t, "the peer to be read again", func() bool { return p.handed.Load()%2 == 0 })
	if second.Answer() != NotAnswered {
		t.Error("an old answer was taken for a new one")
	}
	r.Close()
	eventually(t, "the end to be seen", func() bool { return second.Answer() == Dead })
}

// An old peer takes a PING for a message, and gets none.
func TestOldPeerIsNotAsked(t *testing.T) {
	s, at := bound(t, Config{Type: Router})
	r := peerRaw(t, at, "DEALER", 0)
	peers(t, s, 1)
	q := peer(s, 0).Ask()
	if !peer(s, 0).Send([]byte("message")) {
		t.Fatal("not sent")
	}
	if _, got := r.frame(); got != "message" || q.Answer() != NotAnswered {
		t.Errorf("heard %q", got)
	}
}

// Applications tell each other what they like in the handshake.
func TestProperties(t *testing.T) {
	s, at := bound(t, Config{Type: Router})
	d := open(t, Config{Type: Dealer, Properties: []Property{{"X-First", "17"}, {"X-Instance", ""}}})
	if err := d.Connect(at); err != nil {
		t.Fatal(err)
	}
	peers(t, s, 1)
	if p := peer(s, 0); p.Property("x-FIRST") != "17" || p.Property("X-Instance") != "" || p.Property("Socket-Type") != "" {
		t.Errorf("properties %q", p.session.properties)
	}
	at = zmqtest.Start(t).Bind("ROUTER", zmqtest.Loopback, nil).Endpoint // libzmq bears them
	if err := d.Connect(at); err != nil {
		t.Fatal(err)
	}
	peers(t, d, 2)
}
