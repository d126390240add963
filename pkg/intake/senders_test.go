package intake

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/delivery"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/curve"
)

// logged is a log that can be read while it is written.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) has(texts ...string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(l.text.String(), text) })
}

// house is an intake that any number of senders come to.
type house struct {
	dest    *fakeDestination
	senders *Senders
	at      string
	log     logged
	socket  *zmq.Socket
	stop    context.CancelFunc
	ended   chan error
}

func newHouse(t *testing.T, cfg zmq.Config) *house {
	t.Helper()
	h := &house{dest: &fakeDestination{entered: make(chan struct{}, 1)}, ended: make(chan error, 1)}
	logger := slog.New(slog.NewTextHandler(&h.log, nil))
	h.senders = NewSenders(logger)
	cfg.Type, cfg.Logger, cfg.Answered = zmq.Router, logger, true
	cfg.OnUp, cfg.OnDown = h.senders.Up, h.senders.Down
	h.socket = newSocket(t, cfg)
	var err error
	if h.at, err = h.socket.Bind("tcp://127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	var ctx context.Context
	ctx, h.stop = context.WithCancel(t.Context())
	in := New(Config{Acknowledge: true, Senders: h.senders, Batch: 100, Logger: logger}, h.socket, h.dest)
	go func() { h.ended <- in.Run(ctx, ctx) }()
	return h
}

// guest is a sender that comes to a house.
type guest struct {
	socket  *zmq.Socket
	answers chan delivery.Answer
}

// come connects a sender. claim's Instance and First become its properties.
func (h *house) come(t *testing.T, at string, id delivery.SenderID, claim message.Claim, security zmq.Security) *guest {
	t.Helper()
	g := &guest{answers: make(chan delivery.Answer, 100)}
	cfg := zmq.Config{Type: zmq.Dealer, Identity: id[:], Security: security, OnReceive: func(b *zmq.Batch) {
		defer b.Release()
		for i := range b.Len() {
			if a, err := delivery.ParseAnswer(b.Frames(i)); err == nil {
				g.answers <- a
			}
		}
	}}
	if claim.Instance != "" {
		cfg.Properties = []zmq.Property{{Name: delivery.InstanceProperty, Value: claim.Instance}}
	}
	if claim.First > 0 {
		cfg.Properties = append(cfg.Properties, zmq.Property{Name: delivery.FirstProperty, Value: fmt.Sprint(claim.First)})
	}
	g.socket = newSocket(t, cfg)
	if err := g.socket.Connect(at); err != nil {
		t.Fatal(err)
	}
	return g
}

// says sends one message and returns why it is refused; "": it is stored.
func (g *guest) says(t *testing.T, seq uint64, text string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := g.socket.Send(ctx, binary.BigEndian.AppendUint64(nil, seq), nil, []byte(text)); err != nil {
		t.Fatal(err)
	}
	select {
	case a := <-g.answers:
		if a.Seq != seq || a.Refused != (a.Reason != "") {
			t.Fatalf("answer %+v to %d", a, seq)
		}
		return a.Reason
	case <-ctx.Done():
		t.Fatalf("no answer to %d", seq)
	}
	return ""
}

func (g *guest) leave() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	g.socket.Close(ctx)
}

func (h *house) eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done(); <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func (h *house) stored(t *testing.T, want ...string) {
	t.Helper()
	if got := h.dest.has(); !slices.Equal(got, want) {
		t.Errorf("stored %q, want %q", got, want)
	}
}

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
			h.eventually(t, "the log", func() bool { return h.log.has(twoSenders) })
			second.leave()
			h.eventually(t, "its end", func() bool { return h.socket.Peers() == 1 })
			h.eventually(t, "the first to be let in", func() bool { return first.says(t, 2, "c") == "" })
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
	h.eventually(t, "the contest to be over", func() bool { return second.says(t, 1, "b") == used })
	h.eventually(t, "the log", func() bool { return h.log.has(used) })
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

// What a machine's clone finds in its journal are the machine's own messages, which are stored once. Neither is held up.
func TestAClonesLeftoversHoldUpNobody(t *testing.T) {
	t.Parallel()
	h, id := newHouse(t, zmq.Config{}), delivery.NewSenderID()
	first := h.come(t, h.at, id, message.Claim{Instance: "first", First: 3}, zmq.Security{})
	left := h.come(t, h.at, id, message.Claim{Instance: "clone"}, zmq.Security{})
	if why := first.says(t, 2, "b") + left.says(t, 2, "b") + left.says(t, 1, "a") + first.says(t, 3, "c") + left.says(t, 1, "a"); why != "" {
		t.Error(why)
	}
	h.eventually(t, "the log", func() bool { return h.log.has("one of them only sends what was left") })
	h.stored(t, "b", "a", "c")
}

// relay is a network that can fail without a sign: it takes no more bytes, and ends nothing.
func relay(t *testing.T, to string) (at string, cut *atomic.Bool) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cut = new(atomic.Bool)
	pass := func(from, to net.Conn) {
		for buf := make([]byte, 4096); ; {
			n, err := from.Read(buf)
			if cut.Load() {
				return
			}
			if _, werr := to.Write(buf[:n]); err != nil || werr != nil {
				to.Close()
				return
			}
		}
	}
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", strings.TrimPrefix(to, "tcp://"))
			if err != nil {
				near.Close()
				continue
			}
			t.Cleanup(func() { near.Close(); far.Close() })
			go pass(near, far)
			go pass(far, near)
		}
	}()
	t.Cleanup(func() { l.Close() })
	return "tcp://" + l.Addr().String(), cut
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
	h.eventually(t, "the log", func() bool { return h.log.has(errSuperseded.Error()) })
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
	h.eventually(t, "the newcomer", func() bool { return h.socket.Peers() == 2 })
	h.stop()
	if err := <-h.ended; err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	h.socket.Close(ctx) // waits for OnUp
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
	h.eventually(t, "the log", func() bool { return h.log.has("user=thief", nobody.Public.String(), "owner=web") })
	if why := h.come(t, h.at, id, message.Claim{Instance: "a", First: 1}, as(renewed)).says(t, 2, "b"); why != "" {
		t.Errorf("under its new key, it is told %q", why)
	}
	h.stored(t, "a", "b")
}
