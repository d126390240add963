package intake

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
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
		d.stored = append(d.stored, string(m.Payload))
		settled(i, nil)
	}
	return nil
}

func (d *fakeDestination) Done() <-chan struct{}       { return d.over }
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
	cfg.Logger = quiet
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
	go func() { r.ended <- r.intake.Run(ctx, draining) }()
	return r
}

func acknowledged(t *testing.T, batch int, dest *fakeDestination) *rig {
	id := delivery.NewSenderID()
	router, dealer := zmq.Config{Type: zmq.Router, OnUp: CheckSender}, zmq.Config{Type: zmq.Dealer, Identity: id[:]}
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

func TestAcknowledgedOnceStored(t *testing.T) {
	t.Parallel()
	r := acknowledged(t, 1000, &fakeDestination{})
	r.send(t, 1, "a", "b", "c")
	r.answered(t, 3)
	if got := r.dest.has(); !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("stored %q", got)
	}
	r.send(t, 2, "b", "c", "d")
	r.answered(t, 4)
	if got := r.dest.has(); !slices.Equal(got, []string{"a", "b", "c", "d"}) {
		t.Errorf("stored %q", got)
	}
	r.stop()
	r.expectEnd(t)
	if got := r.intake.Counters(); got != (Counters{Received: 6, Stored: 4, Duplicates: 2}) {
		t.Errorf("counters %+v", got)
	}
}

func TestNothingIsAcknowledgedBeforeItIsStored(t *testing.T) {
	t.Parallel()
	r := acknowledged(t, 1000, &fakeDestination{release: make(chan struct{})})
	r.send(t, 1, "a")
	<-r.dest.entered
	select {
	case a := <-r.answers:
		t.Fatalf("answered %+v before the destination had stored it", a)
	default:
	}
	close(r.dest.release)
	r.answered(t, 1)
}

func TestRefusal(t *testing.T) {
	t.Parallel()
	r := acknowledged(t, 1000, &fakeDestination{})
	r.send(t, 1, "a", "bad", "c")
	got := r.answered(t, 3)
	if !slices.Contains(got, delivery.Answer{Seq: 2, Refused: true, Reason: "not wanted"}) {
		t.Errorf("answers %+v", got)
	}
}

func TestWhatTheDestinationKnowsIsAcknowledged(t *testing.T) {
	t.Parallel()
	r := acknowledged(t, 1000, &fakeDestination{})
	r.send(t, 1, "a", "known", "c")
	if got := r.answered(t, 3); slices.ContainsFunc(got, func(a delivery.Answer) bool { return a.Refused }) {
		t.Errorf("answers %+v", got)
	}
	r.stop()
	r.expectEnd(t)
	if got := r.intake.Counters(); got != (Counters{Received: 3, Stored: 2, Duplicates: 1}) {
		t.Errorf("counters %+v", got)
	}
}

// Waiting for more ends when nothing more arrives, not only after Delay.
func TestQuietSendersAreNotKeptWaiting(t *testing.T) {
	t.Parallel()
	id := delivery.NewSenderID()
	cfg := Config{Acknowledge: true, Batch: 1000, Delay: time.Hour, Quiet: time.Millisecond}
	r := start(t, cfg, zmq.Config{Type: zmq.Router, OnUp: CheckSender}, zmq.Config{Type: zmq.Dealer, Identity: id[:]}, &fakeDestination{})
	for seq := range uint64(5) {
		r.send(t, seq*10+1, "a", "b", "c")
		r.answered(t, seq*10+3)
	}
	if got := r.dest.has(); len(got) != 15 {
		t.Errorf("stored %q", got)
	}
}

func TestBatchIsNeverLongerThanAskedFor(t *testing.T) {
	t.Parallel()
	r := acknowledged(t, 7, &fakeDestination{})
	var payloads, want []string
	for i := range 100 {
		payloads = append(payloads, fmt.Sprint(i))
	}
	want = payloads
	r.send(t, 1, payloads...)
	r.answered(t, 100)
	if got := r.dest.has(); !slices.Equal(got, want) {
		t.Errorf("stored %q", got)
	}
	if most := slices.Max(r.dest.batches); most > 7 {
		t.Errorf("a batch of %d", most)
	}
}

func TestStopFinishesTheBatchInHand(t *testing.T) {
	t.Parallel()
	r := acknowledged(t, 1000, &fakeDestination{release: make(chan struct{})})
	r.send(t, 1, "a")
	<-r.dest.entered
	r.stop()
	close(r.dest.release)
	r.answered(t, 1)
	r.expectEnd(t)
}

func TestStopGivesUpOnAStalledDestination(t *testing.T) {
	t.Parallel()
	r := acknowledged(t, 1000, &fakeDestination{release: make(chan struct{})})
	r.send(t, 1, "a")
	<-r.dest.entered
	r.stop()
	r.giveUp()
	r.expectEnd(t)
	if len(r.answers) != 0 {
		t.Error("acknowledged what was not stored")
	}
}

// Without acknowledgements, no sender sends again: what was read is lost, which is no normal end.
func TestPlainMessagesThatAreLostAreAFailure(t *testing.T) {
	t.Parallel()
	r := start(t, Config{Batch: 1000}, zmq.Config{Type: zmq.Pull}, zmq.Config{Type: zmq.Push}, &fakeDestination{release: make(chan struct{})})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := r.sender.Send(ctx, []byte("a")); err != nil {
		t.Fatal(err)
	}
	<-r.dest.entered
	r.stop()
	r.giveUp()
	select {
	case err := <-r.ended:
		if err == nil || !strings.Contains(err.Error(), "1 messages that were read are lost") {
			t.Errorf("ended with %v", err)
		}
	case <-ctx.Done():
		t.Fatal("did not end")
	}
}

func TestDestinationEnds(t *testing.T) {
	t.Parallel()
	idle := acknowledged(t, 1000, &fakeDestination{})
	close(idle.dest.over)
	idle.expectEnd(t)
	busy := acknowledged(t, 1000, &fakeDestination{release: make(chan struct{})})
	busy.send(t, 1, "a")
	<-busy.dest.entered
	close(busy.dest.over)
	busy.expectEnd(t)
}

func TestStrangersAreDropped(t *testing.T) {
	t.Parallel()
	down := make(chan error, 100)
	sender := zmq.Config{Type: zmq.Dealer, Identity: []byte("plain"), OnDown: func(_ *zmq.Peer, err error) { down <- err }}
	start(t, Config{Acknowledge: true, Batch: 10}, zmq.Config{Type: zmq.Router, OnUp: CheckSender}, sender, &fakeDestination{})
	select {
	case <-down:
	case <-time.After(patience):
		t.Fatal("a sender without an id was not dropped")
	}
}

func TestMalformedNumberEndsTheConnection(t *testing.T) {
	t.Parallel()
	id := delivery.NewSenderID()
	down := make(chan error, 100)
	sender := zmq.Config{Type: zmq.Dealer, Identity: id[:], OnDown: func(_ *zmq.Peer, err error) { down <- err }}
	r := start(t, Config{Acknowledge: true, Batch: 10}, zmq.Config{Type: zmq.Router, OnUp: CheckSender}, sender, &fakeDestination{})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := r.sender.Send(ctx, []byte("seven"), nil, []byte("x")); err != nil {
		t.Fatal(err)
	}
	select {
	case <-down:
	case <-ctx.Done():
		t.Fatal("the connection was not dropped")
	}
	r.send(t, 1, "good") // on the next connection
	r.answered(t, 1)
}

func TestPlainMessages(t *testing.T) {
	t.Parallel()
	r := start(t, Config{Batch: 1000, Delay: time.Millisecond}, zmq.Config{Type: zmq.Pull}, zmq.Config{Type: zmq.Push}, &fakeDestination{})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, payload := range []string{"a", "bad", "c"} {
		if err := r.sender.Send(ctx, []byte("topic"), []byte(payload)); err != nil {
			t.Fatal(err)
		}
	}
	for !slices.Equal(r.dest.has(), []string{"a", "c"}) {
		select {
		case <-r.dest.entered:
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("stored %q", r.dest.has())
		}
	}
	r.stop()
	r.expectEnd(t)
	if got := r.intake.Counters(); got != (Counters{Received: 3, Stored: 2, Refused: 1}) {
		t.Errorf("counters %+v", got)
	}
	if r.dest.nameless > 0 {
		t.Errorf("%d messages without their peer or their time", r.dest.nameless)
	}
	for i, m := range r.intake.plain[:cap(r.intake.plain)] {
		if m.Payload != nil {
			t.Errorf("message %d is still referenced", i)
		}
	}
	for i, b := range r.intake.borrowed[:cap(r.intake.borrowed)] {
		if b != nil {
			t.Errorf("batch %d is still referenced", i)
		}
	}
}

// Without acknowledgements, a batch waits for Delay to be filled, and no longer than until it is full.
func TestPlainBatchIsFilled(t *testing.T) {
	t.Parallel()
	pull, push := zmq.Config{Type: zmq.Pull}, zmq.Config{Type: zmq.Push}
	r := start(t, Config{Batch: 3, Delay: time.Hour}, pull, push, &fakeDestination{})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for i, payload := range []string{"a", "b", "c"} {
		if err := r.sender.Send(ctx, []byte(payload)); err != nil {
			t.Fatal(err)
		}
		if i == 2 {
			break
		}
		select {
		case <-r.dest.entered:
			t.Fatal("stored before the batch was full")
		case <-time.After(20 * time.Millisecond): // more only makes a fault more likely to be seen
		}
	}
	select {
	case <-r.dest.entered:
	case <-ctx.Done():
		t.Fatal("a full batch was not stored")
	}
	r.stop()
	r.expectEnd(t)
	if got := r.dest.has(); !slices.Equal(got, []string{"a", "b", "c"}) || !slices.Equal(r.dest.batches, []int{3}) {
		t.Errorf("stored %q in batches of %d", got, r.dest.batches)
	}
}

// The end does not wait for Delay: the batch is stored as it is.
func TestStopStoresAPlainBatchThatIsNotFull(t *testing.T) {
	t.Parallel()
	pull, push := zmq.Config{Type: zmq.Pull}, zmq.Config{Type: zmq.Push}
	r := start(t, Config{Batch: 1000, Delay: time.Hour}, pull, push, &fakeDestination{})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := r.sender.Send(ctx, []byte("a")); err != nil {
		t.Fatal(err)
	}
	if unwritten := r.sender.Close(ctx); unwritten > 0 {
		t.Fatalf("%d messages were not sent", unwritten)
	}
	r.stop()
	r.expectEnd(t)
	if got := r.dest.has(); !slices.Equal(got, []string{"a"}) {
		t.Errorf("stored %q", got)
	}
}

// Everything that was sent before the end is stored, not only the batch in hand: no sender would send it again.
func TestStopTakesPlainMessagesToTheEnd(t *testing.T) {
	t.Parallel()
	const messages = 500
	r := start(t, Config{Batch: 10}, zmq.Config{Type: zmq.Pull, HWM: 20}, zmq.Config{Type: zmq.Push, HWM: 2 * messages}, &fakeDestination{release: make(chan struct{})})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for range messages {
		if err := r.sender.Send(ctx, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	<-r.dest.entered
	if unwritten := r.sender.Close(ctx); unwritten > 0 {
		t.Fatalf("%d messages were not sent", unwritten)
	}
	r.stop()
	close(r.dest.release)
	r.expectEnd(t)
	if got := len(r.dest.has()); got != messages {
		t.Errorf("stored %d of %d", got, messages)
	}
}
