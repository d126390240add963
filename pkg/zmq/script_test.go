package zmq

import (
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// script is a connection on which the other side sends something in pieces, and then ends.
type script struct {
	net.Conn
	rest  []byte
	sizes []byte
	reads int

	deadline time.Time
}

func (s *script) Read(b []byte) (int, error) {
	if len(s.rest) == 0 {
		return 0, io.EOF
	}
	n := min(len(b), len(s.rest))
	if len(s.sizes) > 0 {
		n = min(n, 1+int(s.sizes[s.reads%len(s.sizes)]))
	}
	s.reads++
	n = copy(b, s.rest[:n])
	s.rest = s.rest[n:]
	return n, nil
}

func (*script) Write(b []byte) (int, error) { return len(b), nil }
func (s *script) SetDeadline(t time.Time) error {
	s.deadline = t
	return nil
}

// The deadline is that of the handshake alone.
func TestDeadlineEndsWithTheHandshake(t *testing.T) {
	conn := &script{rest: []byte(greeting(3, 1, "NULL") + ready("PUSH")), deadline: time.Now()}
	if _, err := handshake(conn, null(Pull, nil), Pull, time.Hour); err != nil || !conn.deadline.IsZero() {
		t.Errorf("the deadline is %v afterwards, %v", conn.deadline, err)
	}
}

// The outcome is the same whatever pieces the peer's bytes arrive in, and nothing after the handshake is read.
func FuzzHandshake(f *testing.F) {
	needSeeds(f)
	for _, hello := range append(hostile(f, "refused"), hostile(f, "accepted")...) {
		f.Add(hello.Bytes, []byte{9})
	}
	f.Fuzz(func(t *testing.T, wire, sizes []byte) {
		var outcomes []string
		for _, sizes := range [][]byte{nil, sizes} {
			conn := &script{rest: wire, sizes: sizes}
			s, err := handshake(conn, null(Router, []byte("me")), Router, time.Hour)
			if len(s.identity) > 255 {
				t.Errorf("an identity of %d bytes", len(s.identity))
			}
			if err != nil {
				outcomes = append(outcomes, err.Error())
				continue
			}
			outcomes = append(outcomes, fmt.Sprintf("%+v, %d bytes left", s, len(conn.rest)))
		}
		if outcomes[0] != outcomes[1] {
			t.Errorf("at once: %s\nin pieces of %d: %s", outcomes[0], sizes, outcomes[1])
		}
	})
}

// needSeeds fails if a fuzz target has no seeds.
func needSeeds(f *testing.F) {
	seeds, err := os.ReadDir("testdata/fuzz/" + f.Name())
	if err != nil || len(seeds) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
}
