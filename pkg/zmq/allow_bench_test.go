package zmq

import (
	"fmt"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/prefix"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmtp"
)

// received gives a receiver the same bytes again and again, and calls take with what it makes of them.
func received(tb testing.TB, allow func(*Peer) *prefix.Set, wire []byte, take func(*Batch)) (again func()) {
	s := open(tb, Config{Type: XSub, Allow: allow, OnReceive: take})
	p := piped(tb, s)
	p.refused.next = p.began.AddDate(1, 0, 0) // nothing is logged
	r := p.newReceiver()
	r.size = maxBlock
	tb.Cleanup(r.close)
	return func() {
		r.filled(copy(r.space(), wire))
		for {
			b, err := r.parse()
			if err != nil {
				tb.Fatal(err)
			}
			if b == nil {
				return
			}
			if err := p.handOver(b); err != nil {
				tb.Fatal(err)
			}
		}
	}
}

// encoded returns n encoded messages of 200 bytes or so.
func encoded(n int, topic func(i int) string) (wire []byte) {
	for i := range n {
		wire = zmtp.AppendMessage(wire, []byte(topic(i)), make([]byte, 180))
	}
	return wire
}

func TestNoAllocationPerAllowedMessage(t *testing.T) {
	n := 0
	again := received(t, allowing(only("app.", "db.")).of, encoded(600, func(i int) string { return []string{"app.log", "other"}[i%2] }),
		func(b *Batch) { n += b.Len(); b.Release() })
	for range 10 {
		again() // grows the buffers
	}
	n = 0
	if allocs := testing.AllocsPerRun(100, again); allocs > 2 || n != 101*300 {
		t.Errorf("%v allocations for 600 messages, of which %d are handed over", allocs, n/101)
	}
}

// programs returns a set of so many prefixes.
func programs(n int) *prefix.Set {
	s := new(prefix.Set)
	for i := range n {
		s.Insert(fmt.Appendf(nil, "program%d.", i))
	}
	return s
}

// The way of a message through a hub, from the received bytes to those that wait to be sent to a subscriber to
// everything. Allow is absent, or allows both ends everything, 10 or 1,000 prefixes, all of which occur; or the
// publisher may publish nothing.
func BenchmarkAllow(b *testing.B) {
	for _, of := range []struct {
		name      string
		pub, sub  func(*Peer) *prefix.Set
		different int // topics
	}{
		{"no Allow", nil, nil, 1000},
		{"everything", allowing(only("")).of, allowing(only("")).of, 1000},
		{"10 rules", allowing(programs(10)).of, allowing(programs(10)).of, 10},
		{"1000 rules", allowing(programs(1000)).of, allowing(programs(1000)).of, 1000},
		{"nothing", allowing(only()).of, allowing(only("")).of, 1000},
	} {
		b.Run(of.name, func(b *testing.B) {
			out := open(b, Config{Type: XPub, HWM: roomy, Allow: of.sub})
			sub := piped(b, out)
			if err := sub.subscribe(nil); err != nil {
				b.Fatal(err)
			}
			const messages = 200
			wire := encoded(messages, func(i int) string { return fmt.Sprintf("program%d.x", 7*i%of.different) })
			again := received(b, of.pub, wire, func(batch *Batch) { out.Forward(batch); batch.Release() })
			b.ReportAllocs()
			for range b.N/messages + 1 {
				again()
				sub.outbox.wrote(sub.outbox.take())
			}
		})
	}
}
