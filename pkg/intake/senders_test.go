package intake

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/delivery"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/curve"
)

var twoSenders = (&message.ClaimError{Kind: message.TwoSenders}).Error()

// Two live processes with one id are both refused, and the log says it. When one has gone, the other goes on: without
// numbers that the one has used, or not at all.
func TestAClone(t *testing.T) {
	t.Parallel()
	for name, other := range map[string]string{"a clone": "twin", "an older omzmq's": ""} {
		t.Run(name, func(t *testing.T) {
			h, id := newHouse(t, zmq.Config{}), delivery.NewSenderID()
			first := h.come(t, h.at, id, message.Claim{Instance: "first", First: 1}, zmq.Security{})
			if why := first.says(t, 1, "a"); why != "" {
				t.Fatal(why)
			}
			second := h.come(t, h.at, id, message.Claim{Instance: other, First: 1}, zmq.Security{})
			if why := second.says(t, 1, "b"); why != twoSenders {
				t.Errorf("the second is told %q", why)
			}
			if why := first.says(t, 2, "c"); why != twoSenders {
				t.Errorf("the first is told %q", why)
			}
			eventually(t, "the log", func() bool { return h.log.has(twoSenders) })
			second.leave()
			eventually(t, "its end", func() bool { return h.socket.Peers() == 1 })
			eventually(t, "the first to be let in", func() bool { return first.says(t, 2, "c") == "" })
			h.stored(t, "a", "c")
		})
	}
}

func TestTheCloneThatStaysIsNotTakenForTheOneThatLeft(t *testing.T) {
	t.Parallel()
	h, id := newHouse(t, zmq.Config{}), delivery.NewSenderID()
	first := h.come(t, h.at, id, message.Claim{Instance: "first", First: 1}, zmq.Security{})
	first.says(t, 1, "a")
	second := h.come(t, h.at, id, message.Claim{Instance: "twin", First: 1}, zmq.Security{})
	second.says(t, 1, "b")
	first.leave()
	used := (&message.ClaimError{Kind: message.UsedUp}).Error()
	eventually(t, "the contest to be over", func() bool { return second.says(t, 1, "b") == used })
	eventually(t, "the log", func() bool { return h.log.has(used) })
	h.stored(t, "a")
}

// One process may have several connections, and its successor takes its place, unread messages or not.
func TestOneSenderIsNoClone(t *testing.T) {
	t.Parallel()
	h, id := newHouse(t, zmq.Config{}), delivery.NewSenderID()
	claim := message.Claim{Instance: "first", First: 1}
	first, again := h.come(t, h.at, id, claim, zmq.Security{}), h.come(t, h.at, id, claim, zmq.Security{})
	for seq := uint64(1); seq < 5; seq += 2 {
		if why := first.says(t, seq, "a") + again.says(t, seq+1, "b"); why != "" {
			t.Fatal(why)
		}
	}
	first.leave()
	again.leave()
	successor := h.come(t, h.at, id, message.Claim{Instance: "second", First: 5}, zmq.Security{})
	if why := successor.says(t, 4, "b") + successor.says(t, 5, "c"); why != "" {
		t.Error(why)
	}
	h.stored(t, "a", "b", "a", "b", "c")
}

// What a machine's clone finds in its journal are the machine's own messages. They are stored once, and neither is held
// up.
func TestAClonesLeftoversHoldUpNobody(t *testing.T) {
	t.Parallel()
	h, id := newHouse(t, zmq.Config{}), delivery.NewSenderID()
	first := h.come(t, h.at, id, message.Claim{Instance: "first", First: 3}, zmq.Security{})
	left := h.come(t, h.at, id, message.Claim{Instance: "clone"}, zmq.Security{})
	if why := first.says(t, 2, "b") + left.says(t, 2, "b") + left.says(t, 1, "a") + first.says(t, 3, "c") + left.says(t, 1, "a"); why != "" {
		t.Error(why)
	}
	eventually(t, "the log", func() bool { return h.log.has("one of them only sends what was left") })
	h.stored(t, "b", "a", "c")
}

// A connection whose other end has vanished without a sign is no second sender: a successor takes its place.
func TestAVanishedSenderIsNoClone(t *testing.T) {
	t.Parallel()
	h, id := newHouse(t, zmq.Config{}), delivery.NewSenderID()
	h.senders.patience = 100 * time.Millisecond
	at, cut := relay(t, h.at)
	if why := h.come(t, at, id, message.Claim{Instance: "first", First: 1}, zmq.Security{}).says(t, 1, "a"); why != "" {
		t.Fatal(why)
	}
	cut.Store(true)
	successor := h.come(t, h.at, id, message.Claim{Instance: "second", First: 2}, zmq.Security{})
	if why := successor.says(t, 1, "a") + successor.says(t, 2, "b"); why != "" {
		t.Errorf("the successor is told %q", why)
	}
	h.stored(t, "a", "b")
	eventually(t, "the log", func() bool { return h.log.has(errSuperseded.Error()) })
}

// A newcomer that waits does not hold up the end.
func TestWaitingNewcomersEnd(t *testing.T) {
	t.Parallel()
	h, id := newHouse(t, zmq.Config{}), delivery.NewSenderID()
	h.senders.patience = time.Hour
	at, cut := relay(t, h.at)
	h.come(t, at, id, message.Claim{Instance: "first", First: 1}, zmq.Security{}).says(t, 1, "a")
	cut.Store(true)
	h.come(t, h.at, id, message.Claim{Instance: "second", First: 2}, zmq.Security{})
	eventually(t, "the newcomer", func() bool { return h.socket.Peers() == 2 })
	h.stop()
	if err := <-h.ended; err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	h.socket.Close(ctx) // waits for OnUp
}

// What is still there of a sender whose successor has come is not taken: the successor sends it.
func TestNothingOfASupersededSenderIsTaken(t *testing.T) {
	t.Parallel()
	h, id := newHouse(t, zmq.Config{}), delivery.NewSenderID()
	h.come(t, h.at, id, message.Claim{Instance: "first", First: 1}, zmq.Security{}).says(t, 1, "a")
	h.senders.mu.Lock()
	c := h.senders.byID[id][0]
	h.senders.mu.Unlock()
	if claim, _ := h.senders.look(c.peer); claim == nil {
		t.Error("a sender is not known")
	}
	h.senders.supersede(c, c.peer)
	if claim, _ := h.senders.look(c.peer); claim != nil {
		t.Error("a superseded sender is still heard")
	}
	eventually(t, "its end", func() bool { return h.log.has(errSuperseded.Error()) })
	if claim, _ := h.senders.look(c.peer); claim != nil {
		t.Error("a superseded sender that has gone is still heard")
	}
}

// names are the clients that are let in.
type names map[curve.Key]string

func (n names) Admit(key curve.Key) (string, bool) {
	name, ok := n[key]
	return name, ok
}

func pair(t *testing.T) curve.KeyPair {
	t.Helper()
	p, err := curve.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Under CURVE an id belongs to the name that used it first. Its key may be changed.
func TestASenderIDBelongsToItsKey(t *testing.T) {
	t.Parallel()
	server, web, renewed, thief, nobody := pair(t), pair(t), pair(t), pair(t), pair(t)
	clients := names{web.Public: "web", renewed.Public: "web", thief.Public: "thief", nobody.Public: ""}
	h := newHouse(t, zmq.Config{Security: zmq.Security{Curve: &zmq.Curve{Own: server, Clients: clients}}})
	as := func(own curve.KeyPair) zmq.Security {
		return zmq.Security{Curve: &zmq.Curve{Own: own, Servers: []curve.Named{{Key: server.Public}}}}
	}
	id := delivery.NewSenderID()
	if why := h.come(t, h.at, id, message.Claim{Instance: "a", First: 1}, as(web)).says(t, 1, "a"); why != "" {
		t.Fatal(why)
	}
	other := (&message.ClaimError{Kind: message.OtherOwner}).Error()
	for _, stranger := range []curve.KeyPair{thief, nobody} {
		g := h.come(t, h.at, id, message.Claim{Instance: "b", First: 1}, as(stranger))
		for _, seq := range []uint64{1, 2} {
			if why := g.says(t, seq, "stolen"); why != other {
				t.Errorf("a stranger is told %q", why)
			}
		}
	}
	eventually(t, "the log", func() bool { return h.log.has("user=thief", nobody.Public.String(), "owner=web") })
	if why := h.come(t, h.at, id, message.Claim{Instance: "a", First: 1}, as(renewed)).says(t, 2, "b"); why != "" {
		t.Errorf("under its new key, it is told %q", why)
	}
	h.stored(t, "a", "b")
	if !slices.Equal(h.dest.users, []string{"web", "web"}) {
		t.Errorf("stored for the users %q", h.dest.users)
	}
}
