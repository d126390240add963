// Package taptest gives tests what a socket gives: batches, which only sockets make.
package taptest

import (
	"context"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// patience bounds every wait; reaching it is always a failure.
const patience = 30 * time.Second

// Most messages and bytes that a Source sends at a time.
const (
	mostMessages = 4096
	mostBytes    = 16 << 20
)

// Source makes batches. It is for one goroutine.
type Source struct {
	t          testing.TB
	push, pull *zmq.Socket
}

// New makes a source that ends with the test.
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

// Open makes a socket that is closed when the test ends.
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

// Give gives to messages, each a list of frames, as they come: in one batch or more.
func (s *Source) Give(to func(*zmq.Batch), messages ...[]string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	sent := make(chan error, 1)
	go func() { sent <- s.send(ctx, messages) }()
	for n := 0; n < len(messages); {
		b, err := s.pull.Recv(ctx)
		if err != nil {
			s.t.Fatalf("%d of %d messages have come: %v", n, len(messages), err)
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
		if s.push.Queue(frames...) == nil { // the queue is full, or the connection does not stand yet
			if err := s.push.Send(ctx, frames...); err != nil {
				return err
			}
		}
	}
	s.push.Flush()
	return nil
}

// Batch returns messages in one batch, which the caller releases or leaves.
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
				s.t.Fatalf("no batch of %d messages comes: %v", len(messages), err)
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
