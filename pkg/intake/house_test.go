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

func eventually(t *testing.T, what string, done func() bool) {
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
