package intake

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/delivery"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/destination"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

const patience = 20 * time.Second

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// fakeDestination records what it is given. It refuses the payload "bad"; "known" counts as stored earlier. With
// release, it stores nothing until release is closed, and gives up when ctx ends.
type fakeDestination struct {
	mu       sync.Mutex
	stored   []string
	batches  []int
	users    []string      // of the stored messages
	nameless int           // messages without a peer or a time
	entered  chan struct{} // receives when a batch is being stored
	release  chan struct{} // nil: batches are stored at once
	over     chan struct{} // closed: the destination has ended by itself
}

func (d *fakeDestination) Store(ctx context.Context, batch []message.Message, settled func(int, error)) error {
	select {
	case d.entered <- struct{}{}:
	default:
	}
	if d.release != nil {
		select {
		case <-d.release:
		case <-ctx.Done():
			return ctx.Err()
		case <-d.over:
			return destination.ErrOver
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.batches = append(d.batches, len(batch))
	for i, m := range batch {
		if m.Peer == "" || m.Received.IsZero() {
			d.nameless++
		}
		if string(m.Payload) == "bad" {
			settled(i, errors.New("not wanted"))
			continue
		}
		if string(m.Payload) == "known" {
			settled(i, destination.ErrRepeat)
			continue
		}
		d.stored, d.users = append(d.stored, string(m.Payload)), append(d.users, m.User)
		settled(i, nil)
	}
	return nil
}

func (d *fakeDestination) Done() <-chan struct{}       { return d.over }
func (d *fakeDestination) Truncated() uint64           { return 0 }
func (d *fakeDestination) Close(context.Context) error { return nil }

func (d *fakeDestination) has() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.stored)
}

// rig is a running intake and a socket that sends to it.
type rig struct {
	dest    *fakeDestination
	intake  *Intake
	sender  *zmq.Socket
	answers chan delivery.Answer
	stop    context.CancelFunc // what SIGTERM does
	giveUp  context.CancelFunc // what the end of --linger does
	ended   chan error         // Run's error
}

func newSocket(t *testing.T, cfg zmq.Config) *zmq.Socket {
	t.Helper()
	s, err := zmq.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		s.Close(ctx)
	})
	return s
}

func start(t *testing.T, cfg Config, receiver, sender zmq.Config, dest *fakeDestination) *rig {
	t.Helper()
	r := &rig{dest: dest, answers: make(chan delivery.Answer, 1000), ended: make(chan error, 1)}
	dest.entered, dest.over = make(chan struct{}, 1), make(chan struct{})
	cfg.Logger = cmp.Or(cfg.Logger, quiet)
	if cfg.Acknowledge {
		cfg.Senders = NewSenders(cfg.Logger)
		receiver.OnUp, receiver.OnDown = cfg.Senders.Up, cfg.Senders.Down
	}
	socket := newSocket(t, receiver)
	bound, err := socket.Bind("tcp://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	sender.OnReceive = func(b *zmq.Batch) {
		defer b.Release()
		for i := range b.Len() {
			if a, err := delivery.ParseAnswer(b.Frames(i)); err == nil {
				r.answers <- a
			}
		}
	}
	r.sender = newSocket(t, sender)
	if err := r.sender.Connect(bound); err != nil {
		t.Fatal(err)
	}
	var ctx, draining context.Context
	ctx, r.stop = context.WithCancel(t.Context())
	draining, r.giveUp = context.WithCancel(t.Context())
	r.intake = New(cfg, socket, dest)
	r.intake.overlapFrom = 1 // what Run does with fewer messages is the simpler part of that
	go func() { r.ended <- r.intake.Run(ctx, draining) }()
	return r
}

func acknowledged(t *testing.T, batch int, dest *fakeDestination) *rig {
	id := delivery.NewSenderID()
	router, dealer := zmq.Config{Type: zmq.Router}, zmq.Config{Type: zmq.Dealer, Identity: id[:]}
	return start(t, Config{Acknowledge: true, Batch: batch}, router, dealer, dest)
}

// send sends payloads with the numbers from seq on.
func (r *rig) send(t *testing.T, seq uint64, payloads ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for i, payload := range payloads {
		if err := r.sender.Send(ctx, binary.BigEndian.AppendUint64(nil, seq+uint64(i)), nil, []byte(payload)); err != nil {
			t.Fatal(err)
		}
	}
}

// answered waits for the answer to seq and returns all answers up to it.
func (r *rig) answered(t *testing.T, seq uint64) (got []delivery.Answer) {
	t.Helper()
	for {
		select {
		case a := <-r.answers:
			if got = append(got, a); a.Seq == seq {
				return got
			}
		case <-time.After(patience):
			t.Fatalf("no answer to %d, but %+v", seq, got)
		}
	}
}

func (r *rig) expectEnd(t *testing.T) {
	t.Helper()
	select {
	case err := <-r.ended:
		if err != nil {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(patience):
		t.Fatal("did not end")
	}
}
