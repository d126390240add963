package zmq_test

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

const often = 50 * time.Millisecond // longest time between lookups

// watched is a SUB that records which endpoints it is connected to.
type watched struct {
	*zmq.Socket
	t   *testing.T
	log *text

	mu    sync.Mutex
	ups   map[string]int // live connections by endpoint
	total int            // connections ever
}

func watch(t *testing.T, z *zone, interval time.Duration, endpoints ...string) *watched {
	t.Helper()
	w := &watched{t: t, log: &text{}, ups: make(map[string]int)}
	count := func(p *zmq.Peer, n int) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.ups[p.Endpoint()] += n
		w.total += max(n, 0)
	}
	w.Socket = ours(t, zmq.Config{Type: zmq.Sub, Subscribe: []string{""},
		DNSServer: z.server(), LookupInterval: interval, Reconnect: time.Millisecond,
		Logger: slog.New(slog.NewTextHandler(w.log, nil)),
		OnUp:   func(p *zmq.Peer) { count(p, 1) },
		OnDown: func(p *zmq.Peer, _ error) { count(p, -1) }})
	for _, e := range endpoints {
		if err := w.Connect(e); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// connectedTo waits until there is one connection to each of the endpoints, and no other.
func (w *watched) connectedTo(endpoints ...string) {
	w.t.Helper()
	slices.Sort(endpoints)
	eventually(w.t, "connections to "+strings.Join(endpoints, " "), func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		var live []string
		for e, n := range w.ups {
			live = append(live, slices.Repeat([]string{e}, n)...)
		}
		slices.Sort(live)
		return slices.Equal(live, endpoints)
	})
}

// ever checks how many connections have ever been made.
func (w *watched) ever(want int) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.total != want {
		w.t.Errorf("%d connections were made, want %d:\n%s", w.total, want, w.log)
	}
}

// hears checks that what a PUB sends now arrives once. It ignores messages from before.
func (w *watched) hears(from *their, what string) {
	w.t.Helper()
	for heard := false; !heard; {
		from.send([]byte("sync " + what))
		select {
		case b := <-w.Incoming():
			heard = string(b.Frames(0)[0]) == "sync "+what
			b.Release()
		case <-time.After(10 * time.Millisecond):
		}
	}
	from.send([]byte(what))
	from.send([]byte("end " + what))
	count := 0
	for end := false; !end; {
		b, err := w.Recv(soon(w.t))
		if err != nil {
			w.t.Fatal(err)
		}
		for i := range b.Len() {
			switch string(b.Frames(i)[0]) {
			case what:
				count++
			case "end " + what:
				end = true
			}
		}
		b.Release()
	}
	if count != 1 {
		w.t.Errorf("%q arrived %d times", what, count)
	}
}

// publisher binds a PUB; with the port "*", to a free one. libzmq would report the address in the form of IPv6.
func (p *python) publisher(host, port string) *their {
	p.t.Helper()
	pub := p.bind("PUB", "tcp://"+host+":"+port, nil)
	pub.bound = "tcp://" + host + ":" + portOf(pub.bound)
	return pub
}

func portOf(endpoint string) string { return endpoint[strings.LastIndexByte(endpoint, ':')+1:] }

// publishers binds a PUB to each address, with one port for all. It returns the port.
func publishers(t *testing.T, hosts ...string) (pubs []*their, port string) {
	t.Helper()
	p := libzmq(t)
	port = "*"
	for _, host := range hosts {
		pubs = append(pubs, p.publisher(host, port))
		port = portOf(pubs[0].bound)
	}
	return pubs, port
}

func TestMembersComeAndGo(t *testing.T) {
	t.Parallel()
	hosts := []string{"127.0.0.1", "127.0.0.2", "127.0.0.3", "[::1]"}
	pubs, port := publishers(t, hosts...)
	at := func(i int) string { return "tcp://" + hosts[i] + ":" + port }
	z := newZone(t, []string{"127.0.0.1 logs.zmq.test", "127.0.0.2 logs.zmq.test"})
	name := "dns+tcp://logs.zmq.test:" + port
	w := watch(t, z, often, name)
	w.connectedTo(at(0), at(1))
	w.hears(pubs[0], "a")
	w.hears(pubs[1], "b")
	z.change("127.0.0.2 logs.zmq.test")
	w.connectedTo(at(1))
	z.change("127.0.0.1 logs.zmq.test", "127.0.0.2 logs.zmq.test", "127.0.0.3 logs.zmq.test", "::1 logs.zmq.test")
	w.connectedTo(at(0), at(1), at(2), at(3))
	for i, pub := range pubs {
		w.hears(pub, fmt.Sprint("back ", i))
	}
	z.change("::1 logs.zmq.test")
	w.connectedTo(at(3))
	w.ever(5)
	for text, want := range map[string]int{
		"member joined": 5, "member left": 4, "endpoint=" + name + " member=" + at(0): 4,
		"level=WARN": 0, "level=ERROR": 0,
	} {
		if n := w.log.count(text); n != want {
			t.Errorf("%q is logged %d times, want %d:\n%s", text, n, want, w.log)
		}
	}
}

// Without an answer from DNS all members stay; lost connections are dialled again as usual.
func TestMembersStayWithoutDNS(t *testing.T) {
	pubs, port := publishers(t, "127.0.0.1", "127.0.0.2")
	z := newZone(t, []string{"127.0.0.1 logs.zmq.test", "127.0.0.2 logs.zmq.test"})
	w := watch(t, z, often, "dns+tcp://logs.zmq.test:"+port)
	w.connectedTo(pubs[0].bound, pubs[1].bound)
	z.kill()
	eventually(t, "a warning", func() bool { return w.log.count("no answer from DNS") == 1 })
	pubs[0].close()
	w.connectedTo(pubs[1].bound)
	again := pubs[0].publisher("127.0.0.1", port)
	w.connectedTo(pubs[0].bound, pubs[1].bound)
	w.hears(again, "again")
	w.hears(pubs[1], "still there")
	z.write([]string{"127.0.0.2 logs.zmq.test"})
	z.restart()
	w.connectedTo(pubs[1].bound)
	eventually(t, "the end of the outage", func() bool { return w.log.count("DNS answers again") == 1 })
	if w.log.count("no answer from DNS") != 1 || w.log.count("member left") != 1 {
		t.Errorf("the log is:\n%s", w.log)
	}
}

// A refusal is no answer.
func TestMembersStayWhenRefused(t *testing.T) {
	t.Parallel()
	pubs, port := publishers(t, "127.0.0.1")
	z := newZone(t, []string{"127.0.0.1 logs.example"}) // not in the server's zone: it refuses once the name is gone
	w := watch(t, z, often, "dns+tcp://logs.example:"+port)
	w.connectedTo(pubs[0].bound)
	z.change()
	eventually(t, "a warning", func() bool { return w.log.count("REFUSED") == 1 })
	asked := z.asked("logs.example")
	eventually(t, "further questions", func() bool { return z.asked("logs.example") > asked+4 })
	w.hears(pubs[0], "still there")
	w.ever(1)
}

// One empty answer is not believed.
func TestOneEmptyAnswer(t *testing.T) {
	t.Parallel()
	pubs, port := publishers(t, "127.0.0.1")
	z := newZone(t, []string{"127.0.0.1 logs.zmq.test"})
	w := watch(t, z, 2*time.Second, "dns+tcp://logs.zmq.test:"+port) // there is a second to end the emptiness
	w.connectedTo(pubs[0].bound)
	asked := z.asked("logs.zmq.test")
	z.change()
	eventually(t, "an empty answer", func() bool { return z.log.count("logs.zmq.test is NXDOMAIN") > 0 })
	z.change("127.0.0.1 logs.zmq.test")
	eventually(t, "an answer after it", func() bool { return z.asked("logs.zmq.test") > asked+1 })
	w.hears(pubs[0], "still there")
	w.ever(1)
}

// The second empty answer in a row is believed.
func TestTwoEmptyAnswers(t *testing.T) {
	t.Parallel()
	pubs, port := publishers(t, "127.0.0.1")
	z := newZone(t, []string{"127.0.0.1 logs.zmq.test"})
	w := watch(t, z, often, "dns+tcp://logs.zmq.test:"+port)
	w.connectedTo(pubs[0].bound)
	z.change()
	w.connectedTo()
	eventually(t, "a warning", func() bool { return w.log.count("nobody to connect to: DNS knows no member") == 1 })
	if n := w.log.count("member left"); n != 1 {
		t.Errorf("a leave is logged %d times:\n%s", n, w.log)
	}
}

// Two names that lead to one address share a connection, which ends with the last of them. An endpoint that is
// connected to by its address has another one.
func TestTwoNamesForOneAddress(t *testing.T) {
	t.Parallel()
	pubs, port := publishers(t, "127.0.0.1")
	at := pubs[0].bound
	z := newZone(t, []string{"127.0.0.1 a.zmq.test", "127.0.0.1 b.zmq.test"})
	w := watch(t, z, often, "dns+tcp://a.zmq.test:"+port, "dns+tcp://b.zmq.test:"+port)
	eventually(t, "both names", func() bool { return w.log.count("member joined") == 2 })
	w.connectedTo(at)
	w.hears(pubs[0], "one")
	if err := w.Connect(at); err != nil {
		t.Fatal(err)
	}
	w.connectedTo(at, at)
	z.change("127.0.0.1 b.zmq.test")
	eventually(t, "a leave", func() bool { return w.log.count("member left") == 1 })
	w.connectedTo(at, at)
	z.change()
	w.connectedTo(at)
	w.hears(pubs[0], "the plain one")
	w.ever(2)
}

func TestServiceRecords(t *testing.T) {
	t.Parallel()
	p := libzmq(t)
	a, b, c := p.publisher("127.0.0.1", "*"), p.publisher("127.0.0.1", "*"), p.publisher("127.0.0.2", "*")
	record := func(host string, s *their, priority int) string {
		return fmt.Sprintf("_zmq._tcp.zmq.test,%s.zmq.test,%s,%d,5", host, portOf(s.bound), priority)
	}
	hosts := []string{"127.0.0.1 one.zmq.test", "127.0.0.2 two.zmq.test"}
	z := newZone(t, hosts, record("one", a, 1), record("one", b, 2), record("none", b, 1))
	w := watch(t, z, often, "srv+tcp://_zmq._tcp.zmq.test")
	w.connectedTo(a.bound, b.bound)
	w.hears(a, "a")
	w.hears(b, "b")
	z.restart(record("one", b, 1), record("two", c, 1))
	w.connectedTo(b.bound, c.bound)
	w.hears(c, "c")
	z.change(hosts[0])
	w.connectedTo(b.bound)
	w.ever(3)
	z.restart("_zmq._tcp.zmq.test")
	w.connectedTo()
	eventually(t, "a warning", func() bool { return w.log.count("the service is not available") == 1 })
}
