package discovery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/endpoint"
)

// following runs Follow in a bubble of synctest. seen holds the joins and leaves.
type following struct {
	*script
	t    *testing.T
	seen []string
	log  bytes.Buffer
}

func follow(t *testing.T, text, server string, test func(f *following)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		e, err := endpoint.Connect(text)
		if err != nil {
			t.Fatal(err)
		}
		f := &following{script: &script{addrs: make(map[string]string)}, t: t}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			Follow(ctx, Config{Endpoint: e, Server: server, resolver: f.script,
				Logger: slog.New(slog.NewTextHandler(&f.log, &slog.HandlerOptions{Level: slog.LevelInfo})),
				Join:   func(m endpoint.Endpoint) { f.report("+", m) },
				Leave:  func(m endpoint.Endpoint) { f.report("-", m) },
			})
		}()
		test(f)
		cancel()
		<-done
	})
}

func (f *following) report(sign string, m endpoint.Endpoint) {
	if again, err := endpoint.Connect(m.String()); err != nil || again != m {
		f.t.Errorf("%s is %+v, %v", m, again, err)
	}
	f.seen = append(f.seen, sign+m.Address)
}

// expect waits for two intervals and checks what was reported meanwhile.
func (f *following) expect(what, want string) {
	f.t.Helper()
	synctest.Wait()
	time.Sleep(2 * DefaultInterval)
	synctest.Wait()
	if got := strings.Join(f.seen, " "); got != want {
		f.t.Errorf("%s: reported %q, want %q", what, got, want)
	}
	f.seen = nil
}

// lines checks how many times text is logged.
func (f *following) lines(text string, want int) {
	f.t.Helper()
	if n := strings.Count(f.log.String(), text); n != want {
		f.t.Errorf("%q is logged %d times, want %d:\n%s", text, n, want, f.log.String())
	}
}

func TestFollowAddresses(t *testing.T) {
	follow(t, "dns+tcp://logs.example:5555", "", func(f *following) {
		f.set(func() { f.addrs["logs.example"] = "10.0.0.2 ::1 10.0.0.1 10.0.0.2" })
		f.expect("the first answer", "+10.0.0.1:5555 +10.0.0.2:5555 +[::1]:5555")
		f.set(func() { f.addrs["logs.example"] = "10.0.0.2 10.0.0.3" })
		f.expect("another", "+10.0.0.3:5555 -10.0.0.1:5555 -[::1]:5555")
		f.set(func() { f.addrs["logs.example"] = "" })
		f.expect("no such name", "-10.0.0.2:5555 -10.0.0.3:5555")
		f.lines("nobody to connect to", 1)
		f.set(func() { f.addrs["logs.example"] = "10.0.0.3" })
		f.expect("back", "+10.0.0.3:5555")
	})
}

func TestFollowAnAddress(t *testing.T) {
	for _, text := range []string{"127.0.0.1:5555", "[::1]:5555", "[fe80::1%lo]:5555"} {
		e, err := endpoint.Connect("dns+tcp://" + text)
		if err != nil {
			t.Fatal(err)
		}
		q := newQuestion(Config{Endpoint: e})
		r, err := q.ask(t.Context())
		var m members
		if joins, _, _ := m.apply(r); err != nil || len(joins) != 1 || joins[0].String() != text {
			t.Errorf("%s: %v, %v", text, joins, err)
		}
	}
}

func TestFollowRecords(t *testing.T) {
	follow(t, "srv+tcp://_zmq._tcp.example", "", func(f *following) {
		f.set(func() {
			f.records = "a.example.:1 B.example.:2 b.example.:2 malformed:7 c.example.:0"
			f.addrs["a.example."], f.addrs["b.example."] = "10.0.0.1 10.0.0.2", "10.0.0.1"
			f.addrs["B.example."], f.addrs["c.example."] = "10.0.0.8", "10.0.0.9"
		})
		f.expect("the first answer", "+10.0.0.1:1 +10.0.0.1:2 +10.0.0.2:1")
		f.set(func() { f.addrs["a.example."], f.addrs["b.example."] = "SERVFAIL", "10.0.0.3" })
		f.expect("no answer for a target", "+10.0.0.3:2 -10.0.0.1:2")
		f.lines("no answer from DNS", 1)
		f.lines("SERVFAIL", 1)
		f.set(func() { f.records = "b.example.:9" })
		f.expect("another port", "+10.0.0.3:9 -10.0.0.1:1 -10.0.0.2:1 -10.0.0.3:2")
		f.lines("DNS answers again", 1)
		f.set(func() { f.records = ".:0" })
		f.expect("not available", "-10.0.0.3:9")
		f.lines("the service is not available", 1)
		f.set(func() { f.records = "d.example.:9" })
		f.expect("a target without an address", "")
		f.set(func() { f.addrs["d.example."] = "10.0.0.4" })
		f.expect("that target has one now", "+10.0.0.4:9")
		f.set(func() { f.records = "" })
		f.expect("no such name", "-10.0.0.4:9")
		f.lines("_service._tcp.example.net", 1)
	})
}

func TestTooManyAreSaidOnce(t *testing.T) {
	follow(t, "srv+tcp://_zmq._tcp.example", "", func(f *following) {
		f.set(func() {
			for i := range maxMembers + 3 {
				f.records += fmt.Sprintf(" h%d:1", i)
				f.addrs[fmt.Sprint("h", i)] = fmt.Sprintf("10.0.%d.%d", i>>8, i&255)
			}
		})
		time.Sleep(3 * DefaultInterval)
		synctest.Wait()
		if len(f.seen) != maxMembers {
			t.Errorf("%d members have joined", len(f.seen))
		}
		f.lines("more members", 1)
		f.lines("beyond=3", 1)
	})
}

// Without an answer all members stay, and that is logged once.
func TestFollowThroughAnOutage(t *testing.T) {
	tests := map[string]struct {
		failure error
		delay   time.Duration
		want    string
	}{
		"SERVFAIL": {&net.DNSError{Err: "server misbehaving", IsTemporary: true, Server: "192.0.2.53:53"}, 0,
			"SERVFAIL"},
		"REFUSED": {&net.DNSError{Err: "server misbehaving", Server: "192.0.2.53:53"}, 0, "refuses"},
		"refused": {&net.DNSError{Err: "dial udp: connection refused", IsTemporary: true}, 0,
			"is a DNS server running there?"},
		"timeout":   {nil, time.Hour, "no answer in time"},
		"no DNS":    {errors.New("out of descriptors"), 0, "out of descriptors"},
		"malformed": {&net.DNSError{Err: "cannot unmarshal DNS message"}, 0, "cannot unmarshal"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			follow(t, "dns+tcp://logs.example:5555", "192.0.2.9:8600", func(f *following) {
				f.set(func() { f.addrs["logs.example"] = "10.0.0.1" })
				f.expect("before", "+10.0.0.1:5555")
				for outage := range 2 {
					f.set(func() { f.failure, f.delay, f.asked = test.failure, test.delay, 0 })
					time.Sleep(10 * DefaultInterval)
					f.expect("in the outage", "")
					f.lines("no answer from DNS", outage+1)
					f.lines(test.want, outage+1)
					f.lines("server=192.0.2.9:8600", outage+1)
					f.set(func() { f.failure, f.delay = nil, 0 })
					f.expect("after it", "")
					f.lines("DNS answers again", outage+1)
				}
				f.lines("\n", 4)
			})
		})
	}
}

// A server that restarts answers for a moment that there is nothing.
func TestFollowThroughARestart(t *testing.T) {
	follow(t, "dns+tcp://logs.example:5555", "", func(f *following) {
		f.set(func() { f.addrs["logs.example"] = "10.0.0.1" })
		f.expect("before", "+10.0.0.1:5555")
		f.set(func() { f.addrs["logs.example"], f.asked = "", 0 })
		for asked := 0; asked == 0; f.set(func() { asked = f.asked }) {
			time.Sleep(time.Millisecond)
		}
		f.set(func() { f.addrs["logs.example"] = "10.0.0.1" })
		f.expect("after it", "")
		f.lines("\n", 0)
	})
}

// DNS is asked at least once in an interval and at most twice. After a failure it is asked sooner, but not forever.
func TestPace(t *testing.T) {
	follow(t, "dns+tcp://logs.example:5555", "", func(f *following) {
		f.set(func() { f.addrs["logs.example"] = "10.0.0.1" })
		f.expect("before", "+10.0.0.1:5555")
		asked := func(intervals int) (n int) {
			f.set(func() { f.asked = 0 })
			time.Sleep(time.Duration(intervals) * DefaultInterval)
			f.set(func() { n = f.asked })
			return n
		}
		if n := asked(100); n < 100 || n > 200 {
			t.Errorf("asked %d times in 100 intervals", n)
		}
		f.set(func() { f.failure = notFound })
		if n := asked(100); n < 100 || n > 200 {
			t.Errorf("asked %d times in 100 intervals for a missing name", n)
		}
		f.set(func() { f.failure = errors.New("away") })
		if n := asked(2); n < 4 || n > 12 {
			t.Errorf("asked %d times in the first two intervals of an outage", n)
		}
		if n := asked(100); n < 100 || n > 200 {
			t.Errorf("asked %d times in 100 intervals of an outage", n)
		}
		f.set(func() { f.failure = nil })
		asked(2)
		f.set(func() { f.failure = errors.New("away again") })
		if n := asked(2); n < 4 || n > 12 {
			t.Errorf("asked %d times in the first two intervals of another outage", n)
		}
	})
}

// Of several errors, that of an unanswered question is reported.
func TestUnansweredQuestionIsReported(t *testing.T) {
	s := &script{addrs: map[string]string{"missing": "", "failing": "SERVFAIL", "there": "10.0.0.1"}}
	q := &question{resolver: s, timeout: time.Hour}
	for _, hosts := range []string{"missing failing there", "failing missing there", "there failing missing"} {
		var targets []target
		for _, host := range strings.Fields(hosts) {
			targets = append(targets, target{host, 1})
		}
		found, err := q.askAddresses(t.Context(), targets)
		if fateOf(err) != unanswered || len(found) != 3 || found[target{"there", 1}].fate != answered {
			t.Errorf("%s: %v, %v", hosts, found, err)
		}
	}
}

// No more addresses are remembered of a target than can be members, even while others are looked up.
func TestAddressesOfATargetAreLimited(t *testing.T) {
	var all strings.Builder
	for i := range 2 * maxAddresses {
		fmt.Fprintf(&all, "10.%d.%d.%d ", i>>16, i>>8&255, i&255)
	}
	q := &question{resolver: &script{addrs: map[string]string{"a": all.String(), "b": all.String()}}, timeout: time.Hour}
	for _, test := range []struct {
		targets []target
		want    int
	}{{[]target{{"a", 1}}, maxAddresses}, {[]target{{"a", 1}, {"b", 1}}, maxMembers}} {
		found, err := q.askAddresses(t.Context(), test.targets)
		for target, a := range found {
			if len(a.addrs) != test.want || err != nil {
				t.Errorf("%d addresses of %v, want %d, %v", len(a.addrs), target, test.want, err)
			}
		}
	}
}

// A name that is not found at the start is logged at once, and once.
func TestWrongName(t *testing.T) {
	tests := map[string]string{"dns+tcp://wrong:1": "it has no address", "srv+tcp://_w._tcp.net": "no SRV record"}
	for text, want := range tests {
		follow(t, text, "", func(f *following) {
			synctest.Wait()
			f.lines(want, 1)
			f.lines("endpoint="+text, 1)
			f.lines("server=\"the system's\"", 1)
			f.expect("later", "")
			f.lines("\n", 1)
		})
	}
}
