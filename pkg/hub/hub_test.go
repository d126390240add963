package hub_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/hub"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap/taptest"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// joined is a running hub.
type joined struct {
	*hub.Hub
	t       *testing.T
	in, out string // the endpoints for publishers and subscribers
}

func start(t *testing.T, cfg hub.Config) *joined {
	t.Helper()
	cfg.In.Reconnect, cfg.Out.Reconnect = 5*time.Millisecond, 5*time.Millisecond
	h, err := hub.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	j := &joined{Hub: h, t: t}
	t.Cleanup(func() {
		over, cancel := context.WithCancel(context.Background())
		cancel()
		h.In.Close(over)
		h.Out.Close(over)
	})
	if j.out, err = h.Out.Bind("tcp://127.0.0.1:0"); err == nil {
		j.in, err = h.In.Bind("tcp://127.0.0.1:0")
	}
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func (j *joined) dial(at string) {
	j.t.Helper()
	if err := j.In.Connect(at); err != nil {
		j.t.Fatal(err)
	}
}

// warm sends probes of a topic until the subscriber receives one, and takes those still on the way: from then on every message arrives.
func warm(pub, sub *socket, topic string) {
	sub.t.Helper()
	taptest.Eventually(sub.t, "a path from "+pub.at, func() bool {
		pub.send(topic + "|probe")
		return !sub.idle(5)
	})
	pub.send(topic + "|ready")
	for got := ""; got != topic+"|ready"; {
		got = sub.recv(1)[0]
	}
}

// drain discards what has arrived so far.
func (s *socket) drain() {
	s.t.Helper()
	for !s.idle(20) {
		s.recv(1)
	}
}

// Messages from publishers of all kinds reach subscribers of all kinds unchanged.
func TestHubJoins(t *testing.T) {
	p := peers(t)
	h := start(t, hub.Config{})
	connecting, binding, xpub := p.connect("PUB", h.in, nil), p.bind("PUB", nil), p.bind("XPUB", nil)
	h.dial(binding.at)
	h.dial(xpub.at)
	all, some, xsub := p.connect("SUB", h.out, nil).subscribe(""), p.connect("SUB", h.out, nil).subscribe("b", "ab", "b"), p.connect("XSUB", h.out, nil)
	xsub.send("\x01b")
	for i, pub := range []*socket{connecting, binding, xpub} {
		warm(pub, all, "b")
		warm(pub, some, "b")
		warm(pub, xsub, "b")
		for _, sub := range []*socket{all, some, xsub} {
			sub.drain()
		}
		messages := []string{"a|1", "b|2", "ab|\x00|", "abc|x|\xff\xfe|" + strings.Repeat("y", 70_000), "b", "", "|", "b|" + fmt.Sprint(i), strings.Repeat("b|", 900) + "b"}
		pub.send(messages...)
		all.expect(messages...)
		wanted := slices.DeleteFunc(slices.Clone(messages), func(m string) bool { return !strings.HasPrefix(m, "b") && !strings.HasPrefix(m, "ab") })
		some.expect(wanted...)
		xsub.expect(slices.DeleteFunc(wanted, func(m string) bool { return m[0] != 'b' })...)
	}
	if !all.idle(50) || !some.idle(0) || !xsub.idle(0) {
		t.Error("a message arrives twice")
	}
	if c := h.Counters(); c.Missed != 0 || c.Gone != 0 || c.Received < 27 {
		t.Errorf("counters: %+v", c)
	}
}

// Publishers are asked for what some subscriber wants, and the request is withdrawn when none wants it any more.
func TestHubAsksForWhatIsWanted(t *testing.T) {
	p := peers(t)
	h := start(t, hub.Config{})
	xpub := p.bind("XPUB", nil)
	h.dial(xpub.at)
	first := p.connect("SUB", h.out, nil).subscribe("a")
	xpub.expect("\x01a")
	second := p.connect("SUB", h.out, nil).subscribe("a", "b")
	xpub.expect("\x01b")
	first.unsubscribe("a")
	second.unsubscribe("b")
	xpub.expect("\x00b")
	xpub.send("b|nobody", "a|somebody")
	second.expect("a|somebody")
	if !first.idle(20) || !xpub.idle(0) {
		t.Error("there are more messages than that")
	}
	late := p.bind("XPUB", nil)
	h.dial(late.at)
	late.expect("\x01a")
	second.close()
	xpub.expect("\x00a")
	late.expect("\x00a")
	before := h.Counters().Received
	xpub.send("a|nobody")
	first.subscribe("c")
	xpub.expect("\x01c")
	if after := h.Counters().Received; after != before {
		t.Errorf("%d messages arrived that no subscriber wants", after-before)
	}
}

// With a memory or readers over HTTP, publishers are asked for everything, once and for good.
func TestHubAsksForEverything(t *testing.T) {
	for name, cfg := range map[string]hub.Config{"replay": {Replay: 1, ReplayBytes: 1000}, "stream": {Stream: tap.New(0)}} {
		p := peers(t)
		h := start(t, cfg)
		xpub := p.bind("XPUB", nil)
		h.dial(xpub.at)
		xpub.expect("\x01")
		sub := p.connect("SUB", h.out, nil).subscribe("a")
		warm(xpub, sub, "a")
		sub.unsubscribe("a")
		xpub.send("b|x")
		taptest.Eventually(t, "an unwanted message", func() bool { return h.Counters().Received >= 3 })
		if !xpub.idle(20) {
			t.Errorf("%s: the publisher was asked for %q", name, xpub.recv(1))
		}
	}
}

// The stream gets the same messages as the subscribers, and the counters cover both.
func TestHubStream(t *testing.T) {
	p, stream := peers(t), tap.New(0)
	h := start(t, hub.Config{Stream: stream})
	reader := stream.Join(tap.Interest{Queue: 2, QueueBytes: 1000})
	defer reader.Close()
	pub := p.bind("PUB", nil)
	h.dial(pub.at)
	sub := p.connect("SUB", h.out, nil).subscribe("")
	warm(pub, sub, "")
	reader.Take(nil)
	missed := h.Counters().Missed
	pub.send("a|1", "b|2", "c|3")
	sub.expect("a|1", "b|2", "c|3")
	taptest.Eventually(t, "the reader to miss one", func() bool { return h.Counters().Missed == missed+1 })
	got := reader.Take(nil)
	if last := got[len(got)-1]; last.Missed != 1 || string(got[0].Messages[0].Topic) != "a" {
		t.Errorf("the reader took %+v", got)
	}
	pub.close()
	gap := reader.Next(t.Context(), nil)
	if len(gap) != 1 || gap[0].Gap == nil || gap[0].Gap.Publisher != pub.at {
		t.Errorf("the publisher's end is reported as %+v", gap)
	}
}

// Messages that a publisher has dropped are counted, with and without a stream.
func TestHubCountsWhatPublishersDrop(t *testing.T) {
	for name, cfg := range map[string]hub.Config{"no stream": {}, "stream": {Stream: tap.New(0)}} {
		h := start(t, cfg)
		sub := taptest.Open(t, zmq.Config{Type: zmq.Sub, Subscribe: []string{""}})
		if err := sub.Connect(h.out); err != nil {
			t.Fatal(err)
		}
		pub := taptest.Open(t, zmq.Config{Type: zmq.Pub, HWM: 1})
		if err := pub.Connect(h.in); err != nil {
			t.Fatal(err)
		}
		taptest.Eventually(t, name+": dropped messages", func() bool {
			for range 100 {
				pub.Publish([]byte("t"), []byte("x"))
			}
			pub.Flush()
			return h.Counters().Gone > 0
		})
	}
}

// Hubs connected to hubs: subscriptions travel up and messages down.
func TestHubChain(t *testing.T) {
	p := peers(t)
	top, middle, bottom := start(t, hub.Config{}), start(t, hub.Config{Replay: 2, ReplayBytes: 1 << 20}), start(t, hub.Config{})
	lower := start(t, hub.Config{})
	middle.dial(top.out)
	bottom.dial(middle.out)
	lower.dial(top.out)
	xpub := p.bind("XPUB", nil)
	top.dial(xpub.at)
	xpub.expect("\x01") // for the memory in the middle
	a, b, c := p.connect("SUB", bottom.out, nil).subscribe("a"), p.connect("SUB", lower.out, nil).subscribe("b"), p.connect("SUB", middle.out, nil).subscribe("")
	warm(xpub, a, "a")
	warm(xpub, b, "b")
	c.drain()
	xpub.send("a|1", "b|2", "c|3")
	a.expect("a|1")
	b.expect("b|2")
	c.expect("a|1", "b|2", "c|3")
	late := p.connect("SUB", bottom.out, nil).subscribe("c")
	late.expect("c|3") // from the memory of the middle hub, through one without
	if !a.idle(20) || !b.idle(0) || !c.idle(0) || !late.idle(0) {
		t.Error("a message arrives twice")
	}
}

// A subscriber that does not read misses messages. They are counted, and no other subscriber is delayed.
func TestHubSlowSubscriber(t *testing.T) {
	p := peers(t)
	h := start(t, hub.Config{Out: zmq.Config{HWM: 100}})
	pub := p.bind("PUB", options{"SNDHWM": 0})
	h.dial(pub.at)
	slow := p.connect("SUB", h.out, options{"RCVHWM": 10}).subscribe("n")
	fast := p.connect("SUB", h.out, nil).subscribe("n")
	warm(pub, fast, "n")
	warm(pub, slow, "n")
	fast.drain()
	slow.drain()
	padding, sent := strings.Repeat("x", 5000), 0
	for ; h.Counters().Missed == 0 || sent < 4000; sent += 50 {
		var messages []string
		for i := range 50 {
			messages = append(messages, fmt.Sprintf("n|%d %s", sent+i, padding))
		}
		pub.send(messages...)
		fast.expect(messages...)
		if sent > 100_000 {
			t.Fatal("the slow subscriber misses nothing")
		}
	}
	missed := int(h.Counters().Missed)
	last := -1
	for _, m := range slow.recv(sent - missed) {
		number, _, _ := strings.Cut(strings.TrimPrefix(m, "n|"), " ")
		n, err := strconv.Atoi(number)
		if err != nil || n <= last {
			t.Fatalf("%.20q after %d", m, last)
		}
		last = n
	}
	if !slow.idle(50) {
		t.Errorf("%d of %d are counted as missed, but fewer are missing", missed, sent)
	}
}

// While subscribers want more prefixes than publishers can be asked for, publishers are asked for everything.
func TestHubAsksForEverythingWhenItIsTooMuch(t *testing.T) {
	h := start(t, hub.Config{})
	open := func(prefix string) *zmq.Socket {
		var topics []string
		for i := range 5000 {
			topics = append(topics, fmt.Sprint(prefix, i))
		}
		s := taptest.Open(t, zmq.Config{Type: zmq.Sub, Subscribe: topics})
		if err := s.Connect(h.out); err != nil {
			t.Fatal(err)
		}
		return s
	}
	p := peers(t)
	xpub := p.bind("XPUB", nil)
	h.dial(xpub.at)
	open("a")
	xpub.recv(5000)
	second := open("b")
	asked := make(map[string]int)
	hear := func() string {
		m := xpub.recv(1)[0]
		asked[m[1:]] += int(m[0])*2 - 1
		return m
	}
	for hear() != "\x01" {
	}
	if len(asked) < 1000 || len(asked) > 4000 {
		t.Errorf("asked for %d prefixes before everything", len(asked))
	}
	taptest.Eventually(t, "the last subscription", func() bool {
		xpub.send("c|unwanted")
		xpub.send("b4999|wanted")
		b := second.TryRecv()
		if b == nil {
			return false
		}
		defer b.Release()
		if got := string(b.Frames(0)[1]); got != "wanted" {
			t.Errorf("received %q", got)
		}
		return true
	})
	over, cancel := context.WithCancel(context.Background())
	cancel()
	second.Close(over)
	for len(asked) > 0 { // exactly what was asked for is cancelled
		m := hear()
		if n := asked[m[1:]]; n != 0 || m[0] != 0 || (len(m) > 1 && m[1] != 'b') {
			t.Fatalf("%q: it is then asked for %d times", m, n)
		}
		delete(asked, m[1:])
	}
	good := p.connect("SUB", h.out, nil).subscribe("a1")
	warm(xpub, good, "a1")
}

func TestNewTellsWhatIsWrong(t *testing.T) {
	if _, err := hub.New(hub.Config{In: zmq.Config{HWM: -1}}); err == nil {
		t.Error("no error")
	}
	if _, err := hub.New(hub.Config{Out: zmq.Config{HWM: -1}}); err == nil {
		t.Error("no error")
	}
}
