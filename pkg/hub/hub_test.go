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
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmqtest"
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

// warm sends probes of a topic until the subscriber receives one, and takes those still on the way: from then
// on every message arrives.
func warm(pub, sub *zmqtest.Socket, topic string) {
	sub.T.Helper()
	taptest.Eventually(sub.T, "a path from "+pub.Endpoint, func() bool {
		pub.Send(topic + "|probe")
		return !sub.Idle(5)
	})
	settle(pub, topic, sub)
}

// settle sends a message and has subscribers that have a path to pub receive it, after everything earlier.
func settle(pub *zmqtest.Socket, topic string, subs ...*zmqtest.Socket) {
	settled := topic + "|ready"
	pub.Send(settled)
	for _, sub := range subs {
		sub.T.Helper()
		for sub.Recv(1)[0] != settled {
		}
	}
}

// Messages from publishers of all kinds reach subscribers of all kinds unchanged.
func TestHubJoins(t *testing.T) {
	t.Parallel()
	p := zmqtest.Start(t)
	h := start(t, hub.Config{})
	connecting, binding, xpub := p.Connect("PUB", h.in, nil), p.Bind("PUB", zmqtest.Loopback, nil), p.Bind("XPUB", zmqtest.Loopback, nil)
	h.dial(binding.Endpoint)
	h.dial(xpub.Endpoint)
	all, some, xsub := p.Connect("SUB", h.out, nil).Subscribe(""), p.Connect("SUB", h.out, nil).Subscribe("b", "ab", "b"), p.Connect("XSUB", h.out, nil)
	xsub.Send("\x01b")
	for i, pub := range []*zmqtest.Socket{connecting, binding, xpub} {
		warm(pub, all, "b")
		warm(pub, some, "b")
		warm(pub, xsub, "b")
		settle(pub, fmt.Sprint("b|all", i), all, some, xsub)
		messages := []string{"a|1", "b|2", "ab|\x00|", "abc|x|\xff\xfe|" + strings.Repeat("y", 70_000), "b", "", "|", "b|" + fmt.Sprint(i), strings.Repeat("b|", 900) + "b"}
		pub.Send(messages...)
		all.Expect(messages...)
		wanted := slices.DeleteFunc(slices.Clone(messages), func(m string) bool { return !strings.HasPrefix(m, "b") && !strings.HasPrefix(m, "ab") })
		some.Expect(wanted...)
		xsub.Expect(slices.DeleteFunc(wanted, func(m string) bool { return m[0] != 'b' })...)
	}
	if !all.Idle(50) || !some.Idle(0) || !xsub.Idle(0) {
		t.Error("a message arrives twice")
	}
	if c := h.Counters(); c.Missed != 0 || c.Gone != 0 || c.Received < 27 {
		t.Errorf("counters: %+v", c)
	}
}

// The stream gets the same messages as the subscribers, and the counters cover both.
func TestHubStream(t *testing.T) {
	t.Parallel()
	p, stream := zmqtest.Start(t), tap.New(0)
	h := start(t, hub.Config{Stream: stream})
	reader := stream.Join(tap.Interest{Queue: 2, QueueBytes: 1000})
	defer reader.Close()
	pub := p.Bind("PUB", zmqtest.Loopback, nil)
	h.dial(pub.Endpoint)
	sub := p.Connect("SUB", h.out, nil).Subscribe("")
	warm(pub, sub, "")
	taptest.Eventually(t, "the last one in the stream", func() bool { return stream.Counters().Received == h.Counters().Received })
	reader.Take(nil)
	missed := h.Counters().Missed
	pub.Send("a|1", "b|2", "c|3")
	sub.Expect("a|1", "b|2", "c|3")
	taptest.Eventually(t, "the reader to miss one", func() bool { return h.Counters().Missed == missed+1 })
	got := reader.Take(nil)
	if last := got[len(got)-1]; last.Missed != 1 || string(got[0].Messages[0].Topic) != "a" {
		t.Errorf("the reader took %+v", got)
	}
	pub.Close()
	gap := reader.Next(t.Context(), nil)
	if len(gap) != 1 || gap[0].Gap == nil || gap[0].Gap.Publisher != pub.Endpoint {
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
	t.Parallel()
	p := zmqtest.Start(t)
	top, middle, bottom := start(t, hub.Config{}), start(t, hub.Config{Replay: 2, ReplayBytes: 1 << 20}), start(t, hub.Config{})
	lower := start(t, hub.Config{})
	middle.dial(top.out)
	bottom.dial(middle.out)
	lower.dial(top.out)
	xpub := p.Bind("XPUB", zmqtest.Loopback, nil)
	top.dial(xpub.Endpoint)
	xpub.Expect("\x01") // for the memory in the middle
	a, b, c := p.Connect("SUB", bottom.out, nil).Subscribe("a"), p.Connect("SUB", lower.out, nil).Subscribe("b"), p.Connect("SUB", middle.out, nil).Subscribe("")
	warm(xpub, a, "a")
	warm(xpub, b, "b")
	warm(xpub, c, "d")
	xpub.Send("a|1", "b|2", "c|3")
	a.Expect("a|1")
	b.Expect("b|2")
	c.Expect("a|1", "b|2", "c|3")
	late := p.Connect("SUB", bottom.out, nil).Subscribe("c")
	late.Expect("c|3") // from the memory of the middle hub, through one without
	if !a.Idle(20) || !b.Idle(0) || !c.Idle(0) || !late.Idle(0) {
		t.Error("a message arrives twice")
	}
}

// A subscriber that does not read misses messages. They are counted, and no other subscriber is delayed.
func TestHubSlowSubscriber(t *testing.T) {
	p := zmqtest.Start(t)
	h := start(t, hub.Config{Out: zmq.Config{HWM: 100}})
	pub := p.Bind("PUB", zmqtest.Loopback, zmqtest.Options{"SNDHWM": 0})
	h.dial(pub.Endpoint)
	slow := p.Connect("SUB", h.out, zmqtest.Options{"RCVHWM": 10}).Subscribe("n")
	fast := p.Connect("SUB", h.out, nil).Subscribe("n")
	warm(pub, fast, "n")
	warm(pub, slow, "n")
	settle(pub, "n|both", fast, slow)
	padding, sent := strings.Repeat("x", 5000), 0
	for ; h.Counters().Missed == 0 || sent < 4000; sent += 50 {
		var messages []string
		for i := range 50 {
			messages = append(messages, fmt.Sprintf("n|%d %s", sent+i, padding))
		}
		pub.Send(messages...)
		fast.Expect(messages...)
		if sent > 100_000 {
			t.Fatal("the slow subscriber misses nothing")
		}
	}
	missed := int(h.Counters().Missed)
	last := -1
	for _, m := range slow.Recv(sent - missed) {
		number, _, _ := strings.Cut(strings.TrimPrefix(m, "n|"), " ")
		n, err := strconv.Atoi(number)
		if err != nil || n <= last {
			t.Fatalf("%.20q after %d", m, last)
		}
		last = n
	}
	if !slow.Idle(50) {
		t.Errorf("%d of %d are counted as missed, but fewer are missing", missed, sent)
	}
}

func TestNewTellsWhatIsWrong(t *testing.T) {
	if _, err := hub.New(hub.Config{In: zmq.Config{HWM: -1}}); err == nil {
		t.Error("no error")
	}
	if _, err := hub.New(hub.Config{Out: zmq.Config{HWM: -1}}); err == nil {
		t.Error("no error")
	}
}
