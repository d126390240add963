package zmq_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-zeromq/zmq4"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// The peers here are go-zeromq/zmq4's own sockets, an independent implementation of version 3.0.

const patience = 30 * time.Second

// theirs makes a zmq4 socket that is closed at the end of the test.
func theirs(t *testing.T, typ zmq.Type) zmq4.Socket {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	options := []zmq4.Option{zmq4.WithLogger(log.New(io.Discard, "", 0)), zmq4.WithDialerRetry(5 * time.Millisecond)}
	makers := map[zmq.Type]func(context.Context, ...zmq4.Option) zmq4.Socket{
		zmq.Push: zmq4.NewPush, zmq.Pull: zmq4.NewPull, zmq.Pub: zmq4.NewPub, zmq.Sub: zmq4.NewSub,
		zmq.Dealer: zmq4.NewDealer, zmq.Router: zmq4.NewRouter,
	}
	if typ == zmq.Dealer {
		options = append(options, zmq4.WithID(zmq4.SocketIdentity("theirs")))
	}
	socket := makers[typ](ctx, options...)
	t.Cleanup(func() { cancel(); socket.Close() })
	return socket
}

// ours makes one of our sockets, closed at the end of the test.
func ours(t *testing.T, cfg zmq.Config) *zmq.Socket {
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

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !condition(); <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// join connects ours and theirs. Ours binds if bind is set, otherwise theirs.
func join(t *testing.T, own *zmq.Socket, their zmq4.Socket, bind bool) {
	t.Helper()
	var err error
	if bind {
		var at string
		if at, err = own.Bind("tcp://127.0.0.1:0"); err == nil {
			err = their.Dial(at)
		}
	} else if err = their.Listen("tcp://127.0.0.1:0"); err == nil {
		err = own.Connect("tcp://" + their.Addr().String())
	}
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the connection", func() bool { return own.Peers() == 1 })
}

// bodies are messages of all shapes.
var bodies = [][][]byte{
	{[]byte("one")},
	{[]byte("topic"), nil, []byte("three")},
	{bytes.Repeat([]byte("x"), 300)},
	{[]byte("t"), bytes.Repeat([]byte("y"), 1<<20-1)},
}

// both runs a test with either end binding.
func both(t *testing.T, test func(t *testing.T, bind bool)) {
	for _, bind := range []bool{true, false} {
		t.Run(fmt.Sprintf("we bind: %v", bind), func(t *testing.T) { test(t, bind) })
	}
}

func TestZmq4SendsToUs(t *testing.T) {
	for from, to := range map[zmq.Type]zmq.Type{zmq.Push: zmq.Pull, zmq.Dealer: zmq.Router} {
		both(t, func(t *testing.T, bind bool) {
			own, their := ours(t, zmq.Config{Type: to}), theirs(t, from)
			join(t, own, their, bind)
			var sending sync.WaitGroup
			defer sending.Wait()
			sending.Go(func() {
				for _, frames := range bodies {
					if err := their.Send(zmq4.NewMsgFrom(frames...)); err != nil {
						t.Error(err)
					}
				}
			})
			if peer := expect(t, own, bodies); from == zmq.Dealer && string(peer.Identity()) != "theirs" {
				t.Errorf("identity %q", peer.Identity())
			}
		})
	}
}

func TestWeSendToZmq4(t *testing.T) {
	for from, to := range map[zmq.Type]zmq.Type{zmq.Push: zmq.Pull, zmq.Dealer: zmq.Router} {
		both(t, func(t *testing.T, bind bool) {
			own, their := ours(t, zmq.Config{Type: from, Identity: []byte("ours")}), theirs(t, to)
			join(t, own, their, bind)
			for _, frames := range bodies {
				if err := own.Send(soon(t), frames...); err != nil {
					t.Fatal(err)
				}
				got, err := their.Recv()
				if err == nil && to == zmq.Router && len(got.Frames) > 0 {
					if string(got.Frames[0]) != "ours" {
						t.Errorf("from %q", got.Frames[0])
					}
					got.Frames = got.Frames[1:]
				}
				if err != nil || !equal(got.Frames, frames) {
					t.Fatalf("they received %.60q, %v", got.Frames, err)
				}
			}
		})
	}
}

func TestZmq4Subscribes(t *testing.T) {
	both(t, func(t *testing.T, bind bool) {
		own, their := ours(t, zmq.Config{Type: zmq.Pub}), theirs(t, zmq.Sub)
		if err := their.SetOption(zmq4.OptionSubscribe, "app."); err != nil {
			t.Fatal(err)
		}
		join(t, own, their, bind)
		stop := make(chan struct{})
		defer close(stop)
		go func() { // until the subscription has arrived
			for {
				own.Publish([]byte("sys"), []byte("no"))
				own.Publish([]byte("app.a"), []byte("yes"))
				own.Flush()
				select {
				case <-stop:
					return
				case <-time.After(5 * time.Millisecond):
				}
			}
		}()
		got, err := their.Recv()
		if err != nil || !equal(got.Frames, [][]byte{[]byte("app.a"), []byte("yes")}) {
			t.Errorf("they received %q, %v", got.Frames, err)
		}
	})
}

func TestWeSubscribeToZmq4(t *testing.T) {
	both(t, func(t *testing.T, bind bool) {
		own, their := ours(t, zmq.Config{Type: zmq.Sub, Subscribe: []string{"app."}}), theirs(t, zmq.Pub)
		join(t, own, their, bind)
		stop := make(chan struct{})
		defer close(stop)
		go func() {
			for {
				their.Send(zmq4.NewMsgFrom([]byte("sys"), []byte("no")))
				their.Send(zmq4.NewMsgFrom([]byte("app.a"), []byte("yes")))
				select {
				case <-stop:
					return
				case <-time.After(5 * time.Millisecond):
				}
			}
		}()
		expect(t, own, [][][]byte{{[]byte("app.a"), []byte("yes")}})
	})
}

// expect receives messages and returns the peer that sent them. More may follow.
func expect(t *testing.T, s *zmq.Socket, want [][][]byte) (peer *zmq.Peer) {
	t.Helper()
	for n := 0; n < len(want); {
		b, err := s.Recv(soon(t))
		if err != nil {
			t.Fatalf("%d of %d messages arrived: %v", n, len(want), err)
		}
		peer = b.Peer()
		for i := 0; i < b.Len() && n < len(want); i++ {
			if !equal(b.Frames(i), want[n]) {
				t.Errorf("message %d is %.60q", n, b.Frames(i))
			}
			n++
		}
		b.Release()
	}
	return peer
}

func equal(a, b [][]byte) bool { return slices.EqualFunc(a, b, bytes.Equal) }
