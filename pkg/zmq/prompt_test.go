package zmq

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"
	"time"
)

// Close returns promptly, whatever a connection is doing, and leaves no goroutine.
func TestCloseIsPrompt(t *testing.T) {
	silent := listenRaw(t, func(*raw) {})
	states := map[string]func(s *Socket) error{
		"without endpoints": func(*Socket) error { return nil },
		"listening":         func(s *Socket) error { _, err := s.Bind("tcp://127.0.0.1:0"); return err },
		"handshaking":       func(s *Socket) error { return s.Connect(silent) },
		"dialling":          func(s *Socket) error { return s.Connect(fullBacklog(t)) },
		"between dials":     func(s *Socket) error { return s.Connect("tcp://127.0.0.1:1") },
		"accepting": func(s *Socket) error {
			at, err := s.Bind("tcp://127.0.0.1:0")
			if err == nil {
				for range 10 {
					dialRaw(t, at)
				}
			}
			return err
		},
	}
	for name, reach := range states {
		t.Run(name, func(t *testing.T) {
			for i := range 50 {
				s, err := New(Config{Type: Push,
					HandshakeTimeout: time.Hour, Reconnect: time.Hour, ReconnectMax: time.Hour})
				if err != nil {
					t.Fatal(err)
				}
				if err := reach(s); err != nil {
					t.Fatal(err)
				}
				if i%10 == 0 { // usually before that has begun, sometimes in the middle of it
					<-time.After(time.Millisecond)
				}
				closed := make(chan struct{})
				go func() {
					s.Close(context.Background())
					close(closed)
				}()
				select {
				case <-closed:
				case <-time.After(patience):
					t.Fatal("Close does not return")
				}
			}
			if left := leftOver(); left != "" {
				t.Errorf("left over:\n%s", left)
			}
		})
	}
}

// A closing socket does not wait for a connection in its handshake, whatever the moment.
func TestClosingSocketShakesNoHands(t *testing.T) {
	for range 100 {
		s := open(t, Config{Type: Push, HandshakeTimeout: time.Hour})
		near, far := net.Pipe()
		go io.Copy(io.Discard, far) // it reads our greeting and sends nothing
		served := make(chan error, 1)
		s.stop()
		go func() {
			_, err := s.serve(near, "pipe", nil, false, 0)
			served <- err
		}()
		select {
		case err := <-served:
			if err == nil {
				t.Error("served without an error")
			}
		case <-time.After(patience):
			t.Fatal("the handshake goes on")
		}
		far.Close()
	}
}

// fullBacklog returns an endpoint that accepts no further connections: dialling it hangs.
func fullBacklog(t testing.TB) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	err = syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	if err := errors.Join(err, syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	at := fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
	for range 10 {
		conn, err := net.DialTimeout("tcp", at, 20*time.Millisecond)
		if err != nil {
			return "tcp://" + at
		}
		t.Cleanup(func() { conn.Close() })
	}
	t.Fatal("the backlog cannot be filled")
	return ""
}
