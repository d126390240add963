package zmq

import (
	"context"
	"io"
	"strings"
	"testing"
	"testing/synctest"
)

// Peers that all have something to send take turns.
func TestPeersAreTakenFairly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const senders, rounds = 5, 100
		s := open(t, Config{Type: Pull, HWM: 100})
		for range senders {
			near, far := pipes()
			s.work.Go(func() { s.serve(near, "pipe", nil, false, 0) })
			r := &raw{Conn: far, t: t}
			r.shake("PUSH")
			go func() {
				for flood := strings.Repeat("\x00\x01m", 1000); ; {
					if _, err := io.WriteString(r, flood); err != nil {
						return // the end of the test
					}
				}
			}()
			t.Cleanup(func() { far.Close() })
		}
		for round := range rounds {
			synctest.Wait() // all readers have a batch to hand over
			heard := make(map[*Peer]bool)
			for range senders {
				b, err := s.Recv(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				heard[b.Peer()] = true
				b.Release()
			}
			if len(heard) != senders {
				t.Fatalf("round %d: %d batches came from %d peers", round, senders, len(heard))
			}
		}
	})
}
