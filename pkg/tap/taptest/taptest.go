// Package taptest makes batches for tests. Only a socket can make one, so a Source sends messages from one
// socket to another.
package taptest

import (
	"context"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// patience bounds every wait; reaching it is always a failure.
const patience = 30 * time.Second

// The most messages and bytes that a Source sends at a time.
const (
	mostMessages = 4096
	mostBytes    = 16 << 20
)

// Source makes batches. One goroutine may use it.
type Source struct {
	t          testing.TB
	push, pull *zmq.Socket
}

// New returns a source that ends with the test.
func New(t testing.TB) *Source {
	t.Helper()
	s := &Source{t: t, push: Open(t, zmq.Config{Type: zmq.Push, HWM: mostMessages}),
		pull: Open(t, zmq.Config{Type: zmq.Pull, HWM: mostMessages, MaxMessage: mostBytes})}
	at, err := s.pull.Bind("tcp://127.0.0.1:0")
	if err == nil {
		err = s.push.Connect(at)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Open returns a socket that is closed when the test ends.
func Open(t testing.TB, cfg zmq.Config) *zmq.Socket {
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

// Give calls to with messages, each a list of frames, in one batch or more.
func (s *Source) Give(to func(*zmq.Batch), messages ...[]string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	sent := make(chan error, 1)
	go func() { sent <- s.send(ctx, messages) }()
	for n := 0; n < len(messages); {
		b, err := s.pull.Recv(ctx)
		if err != nil {
			s.t.Fatalf("%d of %d messages have arrived: %v", n, len(messages), err)
		}
		n += b.Len()
		to(b)
		b.Release()
	}
	if err := <-sent; err != nil {
		s.t.Fatal(err)
	}
}

func (s *Source) send(ctx context.Context, messages [][]string) error {
	var frames [][]byte
	for _, m := range messages {
		frames = frames[:0]
		for _, f := range m {
			frames = append(frames, []byte(f))
		}
		if s.push.Queue(frames...) == nil { // the queue is full, or there is no connection yet
			if err := s.push.Send(ctx, frames...); err != nil {
				return err
			}
		}
	}
	s.push.Flush()
	return nil
}

// Batch returns messages in one batch. The caller may release it.
func (s *Source) Batch(messages ...[]string) *zmq.Batch {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		if err := s.send(ctx, messages); err != nil {
			s.t.Fatal(err)
		}
		for n := 0; n < len(messages); {
			b, err := s.pull.Recv(ctx)
			if err != nil {
				s.t.Fatalf("no batch of %d messages arrives: %v", len(messages), err)
			}
			if b.Len() == len(messages) {
				return b
			}
			n += b.Len()
			b.Release()
		}
	}
}

// Eventually polls until condition holds.
func Eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !condition(); <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for: %s", what)
		}
	}
}
