package tap_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap/taptest"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// Publishers and readers of all kinds at once. The reader that has room for everything has the whole stream.
// Each of the others has what it wants of that, except the messages that a delivery counted as missed, at
// that place.
func TestManyPublishersManyReaders(t *testing.T) {
	const publishers, rounds, perRound = 4, 40, 50
	s := tap.New(100_000)
	join := func(in tap.Interest) *tap.Reader {
		r := s.Join(in)
		t.Cleanup(r.Close)
		return r
	}
	all := join(tap.Interest{Queue: plenty, QueueBytes: plenty})
	interests := []tap.Interest{
		{Queue: 10, QueueBytes: plenty}, {Queue: plenty, QueueBytes: 500},
		{Topics: []string{"p1"}, Queue: plenty, QueueBytes: plenty}, {Topics: []string{"p1"}, Queue: 5, QueueBytes: plenty},
		{Topics: []string{"p1.3", "p2", "p"}, Queue: 100, QueueBytes: 2000}, {Topics: []string{"p2.1", "p3.2", "p2.10"}, Queue: 3, QueueBytes: plenty},
		{Topics: []string{"q"}, Queue: 1, QueueBytes: 1}, {Queue: 0},
	}
	ctx, cancel := context.WithCancel(context.Background())
	var publishing, reading sync.WaitGroup
	taken := make([][]tap.Delivery, 2*len(interests))
	for i := range taken {
		r := join(interests[i/2])
		reading.Go(func() {
			for ctx.Err() == nil {
				for range i % 2 * 1000 { // half of them are slow
					r.Ready()
				}
				taken[i] = r.Next(ctx, taken[i])
			}
			taken[i] = r.Take(taken[i])
		})
	}
	for p := range publishers {
		source := taptest.New(t)
		publishing.Go(func() { publishRounds(s, source, p, rounds, perRound) })
	}
	publishing.Wait()
	cancel()
	reading.Wait()
	log := flat(all.Take(nil))
	checkOrder(t, log, publishers, rounds*perRound)
	missed := uint64(0)
	for i, deliveries := range taken {
		missed += checkTaken(t, fmt.Sprintf("reader %d of %+v", i, interests[i/2]), deliveries, interests[i/2].Topics, log)
	}
	if c := s.Counters(); c.Missed != missed || c.Received != publishers*rounds*perRound {
		t.Errorf("counters %+v; %d were missed", c, missed)
	}
}

// publishRounds publishes rising numbers under topics of publisher p.
func publishRounds(s *tap.Stream, source *taptest.Source, p, rounds, perRound int) {
	random := rand.New(rand.NewPCG(uint64(p), 7))
	for round := range rounds {
		var messages [][]string
		for i := range perRound {
			messages = append(messages, []string{fmt.Sprintf("p%d.%d", p, random.IntN(12)), fmt.Sprint(round*perRound + i)})
		}
		source.Give(s.Publish, messages...)
	}
}

func flat(deliveries []tap.Delivery) (messages []*tap.Message) {
	for _, d := range deliveries {
		for i := range d.Messages {
			messages = append(messages, &d.Messages[i])
		}
	}
	return messages
}

// checkOrder checks that the log has everything, numbered without a hole, with each publisher's messages in order.
func checkOrder(t *testing.T, log []*tap.Message, publishers, each int) {
	t.Helper()
	next := make(map[byte]int)
	for i, m := range log {
		if m.ID != uint64(i)+1 || string(m.Payload) != fmt.Sprint(next[m.Topic[1]]) {
			t.Fatalf("message %d is %d of %s, number %s", i+1, m.ID, m.Topic, m.Payload)
		}
		next[m.Topic[1]]++
	}
	if len(log) != publishers*each {
		t.Fatalf("%d messages are in the stream, want %d", len(log), publishers*each)
	}
}

// checkTaken checks a reader's deliveries against the log, and returns how many messages it missed.
func checkTaken(t *testing.T, name string, deliveries []tap.Delivery, topics []string, log []*tap.Message) (missed uint64) {
	t.Helper()
	log = slices.DeleteFunc(slices.Clone(log), func(m *tap.Message) bool {
		return len(topics) > 0 && !slices.ContainsFunc(topics, func(topic string) bool { return strings.HasPrefix(string(m.Topic), topic) })
	})
	at := uint64(0)
	for _, d := range deliveries {
		for i := range d.Messages {
			if at >= uint64(len(log)) || d.Messages[i].ID != log[at].ID {
				t.Fatalf("%s: message %d is not the next after %d messages, %d of which it missed", name, d.Messages[i].ID, at, missed)
			}
			at++
		}
		at += d.Missed
		missed += d.Missed
	}
	if at != uint64(len(log)) {
		t.Errorf("%s: got or missed %d of %d", name, at, len(log))
	}
	return missed
}

// Readers come and go while messages are published: each gets one piece of the stream, remembered and live,
// without a hole.
func TestReadersComeAndGo(t *testing.T) {
	s, source := tap.New(10_000), taptest.New(t)
	all := s.Join(tap.Interest{Queue: plenty, QueueBytes: plenty})
	defer all.Close()
	done := make(chan struct{})
	var coming sync.WaitGroup
	pieces := make([][]tap.Delivery, 4)
	for i := range pieces {
		coming.Go(func() {
			for after := uint64(0); ; {
				r := s.Join(tap.Interest{Queue: 20 + 1000*(i%2), QueueBytes: plenty, Resume: true, After: after})
				for range 3 {
					pieces[i] = r.Take(pieces[i])
				}
				r.Close() // what still waits is asked for again
				if log := flat(pieces[i]); len(log) > 0 {
					after = log[len(log)-1].ID
				}
				if n := len(pieces[i]); n > 0 && pieces[i][n-1].Missed > 0 { // the next reader counts these anew
					pieces[i] = pieces[i][:n-1]
				}
				select {
				case <-done:
					r = s.Join(tap.Interest{Queue: plenty, QueueBytes: plenty, Resume: true, After: after})
					pieces[i] = r.Take(pieces[i])
					r.Close()
					return
				default:
				}
			}
		})
	}
	for i := range 200 {
		source.Give(s.Publish, numbered("", i*20, i*20+20, 1)...)
	}
	close(done)
	coming.Wait()
	log := flat(all.Take(nil))
	for i, deliveries := range pieces {
		checkTaken(t, fmt.Sprint("reader ", i), deliveries, nil, log)
	}
	if s.Readers() != 1 {
		t.Errorf("%d readers are left", s.Readers())
	}
}

// watched returns a SUB's configuration that reports to the stream, and its connections and losses to the test.
func watched(s *tap.Stream, down chan<- error) (zmq.Config, <-chan *zmq.Peer) {
	up := make(chan *zmq.Peer, 10)
	cfg := zmq.Config{Type: zmq.Sub, Subscribe: []string{""}, OnUp: func(p *zmq.Peer) { up <- p }}
	tap.Watch(&cfg, func(_ *zmq.Peer, g tap.Gap) { s.Report(g) })
	report := cfg.OnDown
	cfg.OnDown = func(p *zmq.Peer, err error) { report(p, err); down <- err }
	return cfg, up
}

func bind(t *testing.T, s *zmq.Socket) string {
	t.Helper()
	at, err := s.Bind("tcp://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func connect(t *testing.T, s *zmq.Socket, to string) {
	t.Helper()
	if err := s.Connect(to); err != nil {
		t.Fatal(err)
	}
}

// Dropped messages that a publisher reports become a gap. So does the loss of a publisher that the socket
// dialed, but neither the socket's own end nor that of a publisher that dialed it.
func TestWatch(t *testing.T) {
	s := tap.New(0)
	r := s.Join(tap.Interest{Queue: 10, QueueBytes: plenty})
	defer r.Close()
	down := make(chan error, 10)
	gone, cancel := context.WithCancel(context.Background())
	cancel()

	cfg, up := watched(s, down)
	sub, pub := taptest.Open(t, cfg), taptest.Open(t, zmq.Config{Type: zmq.Pub})
	at := bind(t, pub)
	connect(t, sub, at)
	peer := <-up
	cfg.OnMissed(peer, 7)
	pub.Close(gone)
	<-down
	got := r.Take(nil)
	if len(got) != 2 || got[0].Gap == nil || got[1].Gap == nil {
		t.Fatalf("took %+v", got)
	}
	if g := got[0].Gap; g.Count != 7 || g.Publisher != at || g.Time.IsZero() || !strings.HasPrefix(g.String(), at+": 7 messages are missing here: ") {
		t.Errorf("dropped: %v", g)
	}
	if g := got[1].Gap; g.Count != 0 || g.Publisher != at || g.Time.IsZero() || !strings.Contains(g.String(), "the publisher is gone") {
		t.Errorf("gone: %v", g)
	}

	visitor := taptest.Open(t, zmq.Config{Type: zmq.Pub})
	connect(t, visitor, bind(t, sub))
	<-up
	visitor.Close(gone)
	<-down

	cfg, up = watched(s, down)
	ending := taptest.Open(t, cfg)
	connect(t, ending, bind(t, taptest.Open(t, zmq.Config{Type: zmq.Pub})))
	cfg.OnDown(<-up, net.ErrClosed)
	<-down
	ending.Close(gone)
	<-down
	if got := r.Take(nil); len(got) > 0 {
		t.Errorf("took %+v", got)
	}
}

func TestGapString(t *testing.T) {
	for want, g := range map[string]tap.Gap{
		"why":                              {Reason: "why"},
		"3 messages are missing here: why": {Reason: "why", Count: 3},
		"tcp://p: 3 messages are missing here: w": {Reason: "w", Count: 3, Publisher: "tcp://p"},
		"tcp://p: why": {Reason: "why", Publisher: "tcp://p"},
	} {
		if got := g.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
