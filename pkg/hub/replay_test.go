package hub_test

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/hub"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap/taptest"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmqtest"
)

// filled returns a hub that remembers messages, and the publisher that has sent them.
func filled(t *testing.T, p *zmqtest.Process, cfg hub.Config, messages ...string) (*joined, *zmqtest.Socket) {
	t.Helper()
	h := start(t, cfg)
	pub := p.Bind("XPUB", zmqtest.Loopback, nil)
	h.dial(pub.Endpoint)
	pub.Expect("\x01")
	pub.Send(messages...)
	taptest.Eventually(t, "the messages", func() bool { return h.Counters().Received == uint64(len(messages)) })
	return h, pub
}

// A late subscriber gets the last messages of each topic, in order, and then the live ones.
func TestReplay(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		topics []string // its subscriptions, in order
		want   string
	}{
		{"everything", []string{""}, "b|2 a|3 b|x|4 c|5 a|6"},
		{"one topic", []string{"a"}, "a|3 a|6"},
		{"two", []string{"a", "c"}, "a|3 a|6 c|5"},
		{"none", []string{"d"}, ""},
		{"twice the same", []string{"b", "b"}, "b|2 b|x|4"},
		{"one and all", []string{"a", ""}, "a|3 a|6 b|2 b|x|4 c|5"},
		{"all and one", []string{"", "a"}, "b|2 a|3 b|x|4 c|5 a|6"},
	}
	p := zmqtest.Start(t)
	h, pub := filled(t, p, hub.Config{Replay: 2, ReplayBytes: 1 << 20}, "b|0", "a|1", "b|2", "a|3", "b|x|4", "c|5", "a|6")
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			sub := p.Connect("SUB", h.out, nil)
			defer sub.Close()
			for _, topic := range test.topics {
				sub.Subscribe(topic)
			}
			if test.want != "" {
				sub.Expect(strings.Fields(test.want)...)
			}
			if !sub.Idle(30) {
				t.Errorf("and %q", sub.Recv(1))
			}
		})
	}
	back := p.Connect("SUB", h.out, nil).Subscribe("a")
	back.Expect("a|3", "a|6")
	back.Unsubscribe("a")
	back.Subscribe("end")
	warm(pub, back, "end") // its cancellation has come before that
	pub.Send("a|7", "a|8", "end|passed")
	back.Expect("end|passed")
	back.Subscribe("a")
	back.Expect("a|7", "a|8")
}

// A replay that exceeds the subscriber's room consists of the newest messages, and the rest count as missed.
func TestReplayOfTooMuch(t *testing.T) {
	t.Parallel()
	p := zmqtest.Start(t)
	var messages []string
	for i := range 100 {
		messages = append(messages, fmt.Sprintf("t%d|%d%s", i%10, i, strings.Repeat(" ", 100_000)))
	}
	h, pub := filled(t, p, hub.Config{Replay: 10, ReplayBytes: 64 << 20}, messages...)
	sub := p.Connect("SUB", h.out, nil).Subscribe("")
	got := sub.Recv(1)
	first, err := strconv.Atoi(strings.Fields(strings.SplitN(got[0], "|", 2)[1])[0])
	if err != nil || first < 50 || first > 62 {
		t.Errorf("the first is %d, %v", first, err)
	}
	sub.Expect(messages[first+1:]...)
	if missed := h.Counters().Missed; missed != uint64(first) {
		t.Errorf("%d are counted as missed before message %d", missed, first)
	}
	pub.Send("t1|next")
	sub.Expect("t1|next")
}

// Subscribers that come during a flood get the last messages of each topic and then the live ones, without
// repeats and without a hole.
func TestReplayWhileItComes(t *testing.T) {
	const replay, topics, rounds, each = 5, 7, 8, 700
	p := zmqtest.Start(t)
	flooding := zmqtest.Start(t)
	h := start(t, hub.Config{Replay: replay, ReplayBytes: 1 << 20, In: zmq.Config{HWM: 100_000}, Out: zmq.Config{HWM: 100_000}})
	pub := flooding.Bind("PUB", zmqtest.Loopback, zmqtest.Options{"SNDHWM": 0})
	h.dial(pub.Endpoint)
	taptest.Eventually(t, "a path", func() bool {
		pub.Send("x|probe")
		return h.Counters().Received > 0
	})
	stop := pub.Flood(topics)
	full := func() bool { return h.Counters().Received > 2*replay*topics }
	taptest.Eventually(t, "a full memory", full)
	for round := range rounds {
		sub := p.Connect("SUB", h.out, zmqtest.Options{"RCVHWM": 0})
		wanted := topics
		switch round % 4 {
		case 0:
			sub.Subscribe("t")
		case 1:
			sub.Subscribe("t1.", "t3.", "t")
		case 2:
			sub.Subscribe("t3.", "t3", "t3.")
			wanted = 1
		case 3:
			sub.Subscribe("t", "t2.", "t4.")
		}
		checkSequence(t, fmt.Sprint("round ", round), sub.Recv(each), wanted, topics)
		sub.Close()
	}
	count := stop()
	taptest.Eventually(t, "the rest", func() bool { return h.Counters().Received >= uint64(count) })
	for i := range topics { // late subscribers get the last that were sent
		var want []string
		for n := count - 1; len(want) < replay; n-- {
			if n%topics == i {
				want = append([]string{fmt.Sprintf("t%d.|%d", i, n)}, want...)
			}
		}
		p.Connect("SUB", h.out, nil).Subscribe(fmt.Sprintf("t%d.", i)).Expect(want...)
	}
	if c := h.Counters(); c.Missed > 0 {
		t.Errorf("%d were missed", c.Missed)
	}
}

// checkSequence checks that the numbers of each topic follow each other, and that there are wanted topics.
func checkSequence(t *testing.T, name string, messages []string, wanted, topics int) {
	t.Helper()
	next := make(map[string]int)
	for i, m := range messages {
		topic, number, _ := strings.Cut(m, "|")
		n, err := strconv.Atoi(number)
		if want, known := next[topic]; err != nil || (known && n != want) {
			t.Fatalf("%s: message %d is %s where number %d is due", name, i, m, want)
		}
		next[topic] = n + topics
	}
	if len(next) != wanted {
		t.Errorf("%s: %d topics, want %d", name, len(next), wanted)
	}
}

// The memory is bounded however many topics there are: the oldest messages of all topics are forgotten.
func TestReplayIsBounded(t *testing.T) {
	t.Parallel()
	p := zmqtest.Start(t)
	var messages []string
	for i := range 1000 {
		messages = append(messages, fmt.Sprintf("topic%d|%d", i, i))
	}
	h, _ := filled(t, p, hub.Config{Replay: 10, ReplayBytes: 50_000}, messages...)
	sub := p.Connect("SUB", h.out, nil).Subscribe("")
	first := sub.Recv(1)[0]
	_, number, _ := strings.Cut(first, "|")
	n, err := strconv.Atoi(number)
	if err != nil || n < 1000-50_000/512 || n > 950 {
		t.Fatalf("the first is %s", first)
	}
	sub.Expect(messages[n+1:]...)
}

// Many subscriptions, one by one, while messages arrive: no message falls between a replay and the live messages.
func TestReplayMeetsWhatComes(t *testing.T) {
	const topics, rounds = 100, 30
	// With HWM 1 it receives one message at a time.
	h := start(t, hub.Config{Replay: 3, ReplayBytes: 1 << 20, In: zmq.Config{HWM: 1}, Out: zmq.Config{HWM: 100_000}})
	pub := taptest.Open(t, zmq.Config{Type: zmq.Pub, HWM: 100_000})
	if err := pub.Connect(h.in); err != nil {
		t.Fatal(err)
	}
	taptest.Eventually(t, "a path", func() bool {
		pub.Publish([]byte("probe"))
		pub.Flush()
		return h.Counters().Received > 0
	})
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for i := 0; ; i++ {
			select {
			case <-quit:
				return
			default:
			}
			if uint64(i) > h.Counters().Received+1000 { // so that nothing is dropped on the way to the hub
				runtime.Gosched()
				i--
				continue
			}
			pub.Publish(fmt.Appendf(nil, "t%d.", i%topics), fmt.Append(nil, i))
			pub.Flush()
		}
	}()
	defer func() { close(quit); <-ended }()
	var prefixes []string
	for i := range topics {
		prefixes = append(prefixes, fmt.Sprintf("t%d.", i))
	}
	for round := range rounds {
		checkMeeting(t, fmt.Sprint("round ", round), h, prefixes)
	}
}

// checkMeeting subscribes to all prefixes, and reads until some messages of each have arrived.
func checkMeeting(t *testing.T, name string, h *joined, prefixes []string) {
	t.Helper()
	sub := taptest.Open(t, zmq.Config{Type: zmq.Sub, HWM: 100_000, Subscribe: prefixes})
	if err := sub.Connect(h.out); err != nil {
		t.Fatal(err)
	}
	var got []string
	for counts := make(map[string]int); len(counts) < len(prefixes) || len(got) < 10*len(prefixes); {
		b, err := sub.Recv(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Len() {
			frames := b.Frames(i)
			counts[string(frames[0])]++
			got = append(got, string(frames[0])+"|"+string(frames[1]))
		}
		b.Release()
	}
	checkSequence(t, name, got, len(prefixes), len(prefixes))
	over, cancel := context.WithCancel(context.Background())
	cancel()
	sub.Close(over)
}
